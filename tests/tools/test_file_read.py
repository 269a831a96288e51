"""file-read: pages of numbered lines, typed blocks, what it refuses."""

import base64
import os
import random
import unittest

from files_support import ToolTest


def numbered(lines, first=1):
    return "".join(f"{i:6}\t{line}\n" for i, line in enumerate(lines, first))


class FileReadTest(ToolTest):
    def read_file(self, path, *flags, **arguments):
        return self.call("file-read", {"path": path, **arguments}, *flags)

    def refuse_read(self, path, *expected, flags=(), **arguments):
        return self.refuse("file-read", {"path": path, **arguments}, *expected,
                           flags=flags)

    def test_numbers_lines(self):
        self.write("a.txt", "one\ntwo\nthree\n")
        for path in ("a.txt", "/a.txt", "./a.txt", "//a.txt"):
            text, metadata = self.read_file(path)
            self.assertEqual(text, numbered(["one", "two", "three"]))
        self.assertEqual(metadata["total_lines"], 3)
        self.assertTrue(metadata["is_complete"])
        self.assertEqual(metadata["encoding"], "utf-8")
        self.assertEqual(metadata["line_endings"], "lf")

    def test_relative_path_counts_from_pwd(self):
        self.write("sub/a.txt", "x\n")
        text, metadata = self.read_file("a.txt", "--env", "PWD=/sub")
        self.assertEqual(metadata["path"], "/sub/a.txt")

    def test_shows_a_page(self):
        self.write("a.txt", "".join(f"line {i}\n" for i in range(1, 101)))
        text, metadata = self.read_file("a.txt", offset=10, limit=5)
        self.assertTrue(text.startswith(
            numbered([f"line {i}" for i in range(10, 15)], 10)))
        self.assertIn("[lines 10 to 14 of 100; go on with offset 15]", text)
        self.assertFalse(metadata["is_complete"])
        text, _ = self.read_file("a.txt", offset=99, limit=5)
        self.assertIn("[lines 99 to 100 of 100: the end]", text)
        text, _ = self.read_file("a.txt", offset="99", limit=2.0)
        self.assertIn("[lines 99 to 100", text)

    def test_pages_join_to_the_file(self):
        rng = random.Random(7)
        lines = ["".join(rng.choice("aé😀\t ") for _ in range(rng.randrange(400)))
                 for _ in range(1500)]
        self.write("a.txt", "\n".join(lines))
        got, offset = "", 1
        while True:
            text, metadata = self.read_file("a.txt", offset=offset, limit=293)
            page = text.split("\n\n[lines")[0].rstrip("\n") + "\n"
            got += page
            offset += metadata["lines"]
            if offset > metadata["total_lines"]:
                break
        self.assertEqual(got, numbered(lines).rstrip("\n") + "\n")

    def test_default_limit_is_2000_lines(self):
        self.write("a.txt", "x\n" * 2001)
        text, metadata = self.read_file("a.txt")
        self.assertEqual(metadata["lines"], 2000)
        self.assertIn("of 2001; go on with offset 2001]", text)
        self.write("b.txt", "x\n" * 2000)
        text, metadata = self.read_file("b.txt")
        self.assertTrue(metadata["is_complete"])
        self.assertNotIn("[", text)

    def test_an_answer_takes_256_kib(self):
        self.write("a.txt", ("y" * 999 + "\n") * 1000)
        text, metadata = self.read_file("a.txt")
        self.assertLess(len(text), 260 << 10)
        self.assertIn("as much as one answer takes", text)
        self.assertIn(f"go on with offset {metadata['lines'] + 1}]", text)

    def test_cuts_long_lines(self):
        self.write("a.txt", "x" * 2500 + "\n" + "é" * 2001 + "\n" + "z" * 2000
                   + "\n" + "w" * 200000)
        text, metadata = self.read_file("a.txt")
        lines = text.split("\n")
        self.assertEqual(lines[0], "     1\t" + "x" * 2000 +
                         "... [line cut: 500 more characters]")
        self.assertEqual(lines[1], "     2\t" + "é" * 2000 +
                         "... [line cut: 1 more characters]")
        self.assertEqual(lines[2], "     3\t" + "z" * 2000)
        self.assertIn("[line cut: 198000 more characters]", lines[3])
        self.assertEqual(metadata["lines_cut"], 3)

    def test_character_across_parts(self):
        # Parts are 64 KiB: a character and a "\r\n" lie across their border.
        for before in (65533, 65534, 65535):
            self.write("a.txt", "\n" * (before - 1) + "x😀é\r\nend")
            text, _ = self.read_file("a.txt", offset=before - 1)
            self.assertIn("\tx😀é\n", text)
            self.assertIn("\tend\n", text)

    def test_line_endings(self):
        self.write("crlf", b"a\r\nb\r\n")
        text, metadata = self.read_file("crlf")
        self.assertEqual(text, numbered(["a", "b"]))
        self.assertEqual(metadata["line_endings"], "crlf")
        self.write("mixed", b"a\r\nb\nc\rd\r")
        text, metadata = self.read_file("mixed")
        self.assertEqual(text, numbered(["a", "b", "c\rd\r"]))
        self.assertEqual(metadata["line_endings"], "mixed")

    def test_encodings(self):
        for data, text, name in (
            ("hé😀\nz".encode("utf-16"), "hé😀\nz", "utf-16le"),
            (b"\xfe\xff" + "hé😀".encode("utf-16-be"), "hé😀", "utf-16be"),
            ("\ufeffhé".encode(), "hé", "utf-8 with a byte order mark"),
            (b"caf\xe9 \x80\x93", "café €“", "windows-1252"),
            (b"\xff\xfeh\0\x00\xd8", "h\ufffd", "utf-16le"),
        ):
            self.write("a.txt", data)
            shown, metadata = self.read_file("a.txt")
            self.assertEqual(shown, numbered(text.split("\n")))
            self.assertEqual(metadata["encoding"], name)
        # One broken byte among many good characters.
        self.write("a.txt", "é".encode() * 9 + b"\xff\n")
        shown, metadata = self.read_file("a.txt")
        self.assertEqual(shown, numbered(["é" * 9 + "\ufffd"]))

    def test_empty_file(self):
        self.write("a.txt", "")
        text, metadata = self.read_file("a.txt")
        self.assertEqual(text, "['/a.txt' is empty]\n")
        self.assertEqual(metadata["total_lines"], 0)

    def test_offset_past_the_end(self):
        self.write("a.txt", "1\n2\n")
        self.refuse_read("a.txt", "has 2 lines", "offset 3", offset=3)

    def test_images_and_documents(self):
        for name, head, mime in (
            ("a.png", b"\x89PNG\r\n\x1a\n", "image/png"),
            ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
            ("a.gif", b"GIF89a", "image/gif"),
            ("a.webp", b"RIFF\0\0\0\0WEBP", "image/webp"),
        ):
            data = head + os.urandom(100001)
            self.write(name, data)
            blocks, metadata = self.read_file(name)
            self.assertEqual(len(blocks), 1)
            self.assertEqual(blocks[0]["type"], "image")
            self.assertEqual(blocks[0]["mimeType"], mime)
            self.assertEqual(base64.b64decode(blocks[0]["data"]), data)
        for extra in range(3):
            data = b"%PDF-1.7\n" + os.urandom(200 + extra)
            self.write("a.pdf", data)
            blocks, _ = self.read_file("a.pdf")
            resource = blocks[0]["resource"]
            self.assertEqual(blocks[0]["type"], "resource")
            self.assertEqual(resource["mimeType"], "application/pdf")
            self.assertEqual(resource["uri"], "file:///a.pdf")
            self.assertEqual(base64.b64decode(resource["blob"]), data)

    def test_image_limit(self):
        head = b"\x89PNG\r\n\x1a\n"
        self.write("most.png", head + b"x" * ((5 << 20) - len(head)))
        self.read_file("most.png")
        self.write("more.png", head + b"x" * ((5 << 20) - len(head) + 1))
        self.refuse_read("more.png", "/more.png", "5242880", "smaller")

    def test_binary_is_named(self):
        self.write("a.bin", b"\x7fELF\x02\x01\x01\0\0\0")
        self.refuse_read("a.bin", "/a.bin", "ELF program", "10 bytes")
        self.write("b.bin", os.urandom(5000))
        self.refuse_read("b.bin", "binary", "5000 bytes")

    def test_folder(self):
        for i in range(25):
            self.write(f"src/f{i:02}.c", "")
        os.mkdir(self.path("src/a"))
        message = self.refuse_read("src", "is a folder", "more")
        self.assertEqual(message.count("\n  "), 21)

    def test_missing_names_near_ones(self):
        self.write("src/main.c", "")
        self.refuse_read("src/Main.C", "does not exist", "'/src/main.c'")
        self.refuse_read("scr/main.c", "does not exist", "'/src'")
        self.refuse_read("src/zzzzzz", "'/src' holds no 'zzzzzz'", "file-glob")
        self.refuse_read("src/main.c/x", "is a file, not a folder")

    def test_refuses_outside(self):
        os.symlink("/etc/passwd", self.path("abs"))
        os.symlink("../../etc/passwd", self.path("rel"))
        os.symlink("loop", self.path("loop"))
        self.refuse_read("../x", "leads out of the workspace")
        self.refuse_read("abs", "leads out")
        self.refuse_read("rel", "leads out")
        self.refuse_read("loop", "circles")

    def test_refuses_what_is_not_granted(self):
        self.write("secret", "x")
        self.refuse_read("secret", "policy", flags=("--grant", "fs.read:/pub"))

    def test_refuses_fifo(self):
        os.mkfifo(self.path("fifo"))
        self.refuse_read("fifo", "FIFO")

    def test_refuses_malformed_input(self):
        self.refuse_bad_input("file-read")
        self.write("a", "x")
        for arguments, expected in (
            ({}, "'path' is missing"),
            ({"path": ""}, "empty"),
            ({"path": 1}, "expected a string"),
            ({"path": "a\0b"}, "NUL"),
            ({"path": "x" * 5000}, "4095"),
            ({"path": "a", "offset": -1}, "offset"),
            ({"path": "a", "offset": 1.5}, "whole number"),
            ({"path": "a", "limit": 0}, "expected 1 to"),
            ({"path": "a", "limit": "many"}, "limit"),
            ({"path": "a", "limit": 1e300}, "limit"),
        ):
            self.refuse("file-read", arguments, expected)

    def test_reads_little_of_a_large_file(self):
        path = self.path("big")
        with open(path, "wb") as file:
            file.write(b"line\n" * 20000)
            file.truncate(3 << 30)
        text, metadata = self.read_file("big", limit=10)
        self.assertIn("of a file of 3221225472 bytes; go on with offset 11]",
                      text)
        self.assertNotIn("total_lines", metadata)


if __name__ == "__main__":
    unittest.main()
