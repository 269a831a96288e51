"""file-write: whole files in one step, whatever ends the call midway."""

import json
import os
import stat
import unittest

from files_support import ToolTest


class FileWriteTest(ToolTest):
    def write_file(self, path, content, *flags):
        return self.call("file-write", {"path": path, "content": content},
                         *flags)

    def refuse_write(self, path, *expected, flags=()):
        return self.refuse("file-write", {"path": path, "content": "new"},
                           *expected, flags=flags)

    def test_makes_a_file_and_its_folders(self):
        text, metadata = self.write_file("a/b/c.txt", "one\ntwo")
        self.assertEqual(self.read("a/b/c.txt"), b"one\ntwo")
        self.assertIn("Made '/a/b/c.txt': 2 lines, 7 bytes", text)
        self.assertEqual(metadata, {"path": "/a/b/c.txt", "created": True,
                                    "bytes": 7, "lines": 2})
        self.assertEqual(self.names("a/b"), ["c.txt"])

    def test_replaces_a_file(self):
        self.write("a.txt", "old content")
        text, metadata = self.write_file("a.txt", "")
        self.assertEqual(self.read("a.txt"), b"")
        self.assertFalse(metadata["created"])
        self.assertIn("before: 11 bytes", text)
        self.assertEqual(self.names(), ["a.txt"])

    def test_writes_every_character(self):
        content = "".join(map(chr, range(0x20))) + "\x7f\"\\/é\u2028😀" * 10000
        self.write_file("a.txt", content)
        self.assertEqual(self.read("a.txt"), content.encode())

    def test_writes_much(self):
        content = "0123456789abcde\n" * (2 << 20)  # 32 MiB
        self.write_file("a.txt", content)
        self.assertEqual(self.read("a.txt"), content.encode())

    def test_keeps_the_mode(self):
        path = self.write("run.sh", "old")
        os.chmod(path, 0o755)
        self.write_file("run.sh", "new")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o755)

    def test_writes_what_a_link_leads_to(self):
        self.write("dir/target", "old")
        os.symlink("dir/target", self.path("one"))
        os.symlink("../one", self.path("dir/two"))
        _, metadata = self.write_file("dir/two", "new")
        self.assertEqual(self.read("dir/target"), b"new")
        self.assertTrue(os.path.islink(self.path("one")))
        self.assertTrue(os.path.islink(self.path("dir/two")))
        self.assertEqual(metadata["written_path"], "/dir/../dir/target")
        os.symlink("made", self.path("dangling"))
        self.write_file("dangling", "new")
        self.assertEqual(self.read("made"), b"new")

    def test_refuses_links_that_lead_out(self):
        outside = self.dir + "-outside"
        with open(outside, "wb") as file:
            file.write(b"host")
        self.addCleanup(os.unlink, outside)
        os.symlink(outside, self.path("abs"))
        os.symlink("../" + os.path.basename(outside), self.path("rel"))
        os.symlink("loop", self.path("loop"))
        self.refuse_write("abs", "absolute path")
        self.refuse_write("rel", "leads out of the workspace")
        self.refuse_write("../" + os.path.basename(outside), "leads out")
        self.refuse_write("loop", "circles")
        with open(outside, "rb") as file:
            self.assertEqual(file.read(), b"host")

    def test_refuses_folders_and_parts_that_are_files(self):
        self.write("dir/a", "x")
        self.refuse_write("dir", "is a folder", "a")
        self.refuse_write("dir/", "ends in '/'")
        self.refuse_write("/", "ends in '/'")
        self.refuse_write("dir/a/b", "is a file, not a folder")
        self.refuse_write("dir/" + "n" * 256, "cannot be written")
        self.assertEqual(self.names("dir"), ["a"])

    def test_refuses_fifo(self):
        os.mkfifo(self.path("fifo"))
        self.refuse_write("fifo", "FIFO")
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("fifo")).st_mode))

    def test_refuses_what_is_not_granted(self):
        self.write("a", "old")
        self.refuse_write("a", "read-only", flags=("--grant", "fs.read:/"))
        self.refuse_write("new/b", "read-only", flags=("--grant", "fs.read:/"))
        self.assertEqual(self.read("a"), b"old")
        self.assertEqual(self.names(), ["a"])

    def test_needs_the_grant_of_that_file_alone(self):
        data = json.dumps({"path": "a", "content": "new"}).encode()
        for old in ("", "old"):
            self.write("a", old)
            answer = json.loads(self.run_tool(
                "file-write", data, "--grant", "fs.write:/a").stdout)
            self.assertFalse(answer["is_error"], answer)
            self.assertEqual(self.read("a"), b"new")
        self.refuse_write("b", "does not allow it",
                          flags=("--grant", "fs.write:/a"))
        self.assertEqual(self.names(), ["a"])

    def test_limits_leave_the_old_file(self):
        self.write("a", "old")
        for path, flags in (("a", ("--max-write", "4999B")),
                            ("b", ("--max-write", "4999B")),
                            ("b", ("--max-create", "0"))):
            data = json.dumps({"path": path, "content": "x" * 5000}).encode()
            answer = json.loads(self.run_tool("file-write", data,
                                              *flags).stdout)
            self.assertTrue(answer["is_error"])
            self.assertIn("limit", answer["content"])
            self.assertEqual(self.read("a"), b"old")
            self.assertEqual(self.names(), ["a"])

    def test_refuses_malformed_input(self):
        self.refuse_bad_input("file-write")
        for arguments, expected in (
            ({"path": "a"}, "'content' is missing"),
            ({"path": "a", "content": 1}, "expected a string"),
            ({"path": "a", "content": None}, "missing"),
            ({"content": "x"}, "'path' is missing"),
        ):
            self.refuse("file-write", arguments, expected)
        self.assertEqual(self.names(), [])

    def test_ended_midway_the_file_is_old_or_new(self):
        old, new = b"old" * 3000, "new" * 4000
        data = json.dumps({"path": "a", "content": new}).encode()

        def run_with(fuel):
            for name in self.names():
                os.unlink(self.path(name))
            self.write("a", old)
            result = self.run_tool("file-write", data, "--wasm-fuel",
                                   str(fuel), status=None)
            self.assertIn(self.read("a"), (old, new.encode()))
            self.assertEqual(self.names(), ["a"])
            return result.returncode

        def least(is_so):  # fuel, which the call's steps follow in order
            low, high = 0, 1 << 30
            while low + 1 < high:
                middle = (low + high) // 2
                run_with(middle)
                low, high = (low, middle) if is_so() else (middle, high)
            return high

        self.assertEqual(run_with(1 << 30), 0)
        done = least(lambda: self.read("a") == new.encode())
        ended = 0
        for fuel in [1, *range(done - 1000, done + 100, 31)]:
            ended += run_with(fuel) == 152
        self.assertGreater(ended, 0)


if __name__ == "__main__":
    unittest.main()
