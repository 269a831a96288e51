"""file-grep: against the system's grep, and what only it has."""

import os
import random
import re
import subprocess
import unittest

from files_support import ToolTest


class FileGrepTest(ToolTest):
    def grep(self, pattern, *flags, **more):
        return self.call("file-grep", {"pattern": pattern, **more}, *flags)

    def content(self, pattern, **more):
        text, _ = self.grep(pattern, output_mode="content", head_limit=100000,
                            **more)
        return text.split("\n\n[")[0]

    def files(self, pattern, **more):
        text, _ = self.grep(pattern, **more)
        return [line for line in text.split("\n") if line.startswith("/")]

    def native(self, *arguments):
        """grep's output with paths as the tool gives them, by path."""
        result = subprocess.run(["grep", *arguments], cwd=self.dir,
                                capture_output=True, check=False,
                                env={"LC_ALL": "C.UTF-8",
                                     "PATH": os.environ["PATH"]})
        text = result.stdout.decode()
        return "".join("/" + line + "\n" for line in text.splitlines())

    def random_tree(self, seed):
        rng = random.Random(seed)
        words = ["alpha", "Beta", "x1", "foo(bar)", "", "\t", "é", "err", "a.b"]
        for i in range(60):
            lines = [" ".join(rng.choice(words)
                              for _ in range(rng.randrange(7)))
                     for _ in range(rng.randrange(40))]
            end = rng.choice(["", "\n"])
            self.write(f"d{i % 5}/s{i % 3}/f{i}.txt", "\n".join(lines) + end)

    def test_modes(self):
        self.write("a.c", "one\ntwo\none two\n")
        self.write("sub/b.c", "two\n")
        os.utime(self.path("a.c"), (1, 1))
        self.assertEqual(self.files("two"), ["/sub/b.c", "/a.c"])
        self.assertEqual(self.content("two"),
                         "/a.c:2:two\n/a.c:3:one two\n/sub/b.c:1:two\n")
        self.assertEqual(self.content("two", line_numbers=False),
                         "/a.c:two\n/a.c:one two\n/sub/b.c:two\n")
        text, metadata = self.grep("two", output_mode="count")
        self.assertEqual(text, "/a.c:2\n/sub/b.c:1\n")
        self.assertEqual(metadata["lines_matched"], 3)
        self.assertEqual(metadata["files_searched"], 2)

    def test_matches_native_grep_on_random_trees(self):
        for seed in range(2):
            self.random_tree(seed)
            for pattern in ("alpha", "^Beta", "err$", r"foo\(bar\)", "a.b",
                            "(x1|é) +", "^$", "[[:space:]]$", r"\bx1\b", ".",
                            "nothing like it"):
                lines = self.native("-rnE", pattern, ".").replace("/./", "/")
                expected = sorted(lines.splitlines())
                got = self.content(pattern).splitlines()
                if not expected:
                    self.assertIn("Nothing matches", got[0])
                else:
                    self.assertEqual(sorted(got), expected, pattern)
                expected = self.native("-rlE", pattern, ".").replace("/./", "/")
                self.assertEqual(sorted(self.files(pattern)),
                                 sorted(expected.splitlines()))
            self.assertEqual(
                sorted(self.content("BETA", ignore_case=True).splitlines()),
                sorted(self.native("-rniE", "BETA", ".").replace("/./", "/")
                       .splitlines()))
            self.assertEqual(
                sorted(self.content("foo(bar)", literal=True).splitlines()),
                sorted(self.native("-rnF", "foo(bar)", ".")
                       .replace("/./", "/").splitlines()))

    def test_context_matches_native_grep(self):
        self.random_tree(7)
        for before, after in ((0, 2), (1, 0), (2, 3)):
            expected = self.native("-nE", f"-B{before}", f"-A{after}", "x1.*err",
                                   "-r", "d1/s1/")
            # Per file, since the order of files differs.
            for name in self.names("d1/s1"):
                path = f"/d1/s1/{name}"
                want = self.native("-HnE", f"-B{before}", f"-A{after}",
                                   "x1.*err", path[1:]).replace("/--", "--")
                got, _ = self.grep("x1.*err", path=path, before=before,
                                   after=after, output_mode="content")
                if want:
                    self.assertEqual(got, want)
            self.assertTrue(expected)
        got = self.content("x1.*err", context=1, path="d1/s1")
        files = {re.match(r"/[^:-]*\.txt", line)[0]
                 for line in got.splitlines() if line != "--"}
        self.assertGreater(len(files), 1)
        self.assertNotIn("--\n--", got)
        self.assertFalse(got.startswith("--"))

    def test_groups_are_set_apart(self):
        self.write("a", "x\n1\n2\n3\nx\n")
        self.write("b", "x\n1\n")
        for after, expected in (
            (0, "/a:1:x\n/a:5:x\n/b:1:x\n"),
            (1, "/a:1:x\n/a-2-1\n--\n/a:5:x\n--\n/b:1:x\n/b-2-1\n"),
            (3, "/a:1:x\n/a-2-1\n/a-3-2\n/a-4-3\n/a:5:x\n--\n"
                "/b:1:x\n/b-2-1\n"),
        ):
            self.assertEqual(self.content("x", after=after), expected)
        self.assertEqual(self.content("3", before=1, after=0),
                         "/a-3-2\n/a:4:3\n")

    def test_multiline(self):
        self.write("a.c", "int\nmain(void)\n{\n}\nint x;\n")
        self.assertEqual(self.content(r"int\nmain", multiline=True),
                         "/a.c:1:int\n/a.c:2:main(void)\n")
        self.assertEqual(self.content(r"main.*\}", multiline=True),
                         "/a.c:2:main(void)\n/a.c:3:{\n/a.c:4:}\n")
        self.refuse("file-grep", {"pattern": r"int\nmain"}, "multiline")
        self.refuse("file-grep", {"pattern": "int\nmain"}, "multiline")

    def test_dollar_before_crlf(self):
        self.write("a", b"one\r\ntwo one\r\n")
        self.assertEqual(self.content("one$"), "/a:1:one\n/a:2:two one\n")

    def test_glob_and_type(self):
        for name in ("a.c", "a.h", "b.py", "sub/c.c", "sub/deep/d.c"):
            self.write(name, "x\n")
        self.assertEqual(sorted(self.files("x", glob="*.c")),
                         ["/a.c", "/sub/c.c", "/sub/deep/d.c"])
        self.assertEqual(sorted(self.files("x", glob="sub/*.c")), ["/sub/c.c"])
        self.assertEqual(sorted(self.files("x", glob="**/deep/*")),
                         ["/sub/deep/d.c"])
        self.assertEqual(sorted(self.files("x", glob="*.{h,py}")),
                         ["/a.h", "/b.py"])
        self.assertEqual(self.files("x", type="py"), ["/b.py"])
        self.refuse("file-grep", {"pattern": "x", "type": "pyt"},
                    "'pyt' is unknown", "python")
        self.refuse("file-grep", {"pattern": "x", "glob": "a{"}, "malformed")

    def test_ignored_hidden_and_binary(self):
        self.write("a", "x\n")
        self.write("out/b", "x\n")
        self.write(".h", "x\n")
        self.write(".git/config", "x\n")
        self.write("bin", b"x\n\0x\n")
        self.write(".gitignore", "out\n")
        self.assertEqual(self.files("x"), ["/a"])
        self.assertEqual(sorted(self.files("x", include_ignored=True)),
                         ["/a", "/out/b"])
        self.assertEqual(sorted(self.files("x", include_hidden=True)),
                         ["/.h", "/a"])
        text, metadata = self.grep("x", path="bin")
        self.assertIn("1 file searched, 1 binary", text)
        # One that is named is searched, ignored or not.
        self.assertEqual(self.files("x", path="out/b"), ["/out/b"])

    def test_encodings(self):
        self.write("u16", "größe\n".encode("utf-16"))
        self.write("latin", b"gr\xf6\xdfe\nplain\n")
        self.write("bom", b"\xef\xbb\xbfstart\n")
        self.assertEqual(self.content("größe"), "/u16:1:größe\n")
        self.assertEqual(self.content("plain"), "/latin:2:plain\n")
        self.assertEqual(self.content("^start"), "/bom:1:start\n")
        self.assertEqual(self.content("^gr"), "/latin:1:gr\ufffd\ufffde\n"
                                              "/u16:1:größe\n")

    def test_large_files_and_long_lines(self):
        # Larger than what is read at once, matches on both sides.
        self.write("big", "first\n" + "x" * 70 + "\n" * 400000 + "last\n")
        self.assertEqual(self.content("first|last"),
                         "/big:1:first\n/big:400002:last\n")
        self.write("long", "a" * 600000 + "needle\n")
        text = self.content("needle", path="long")
        self.assertEqual(text, "/long:1:" + "a" * 500 + "... [line cut]\n")

    def test_limits(self):
        self.write("a", "x\n" * 300)
        text, metadata = self.grep("x", output_mode="content")
        self.assertEqual(text.count("/a:"), 250)
        self.assertIn("[cut at 250 lines; there are more", text)
        self.assertTrue(metadata["is_cut"])
        text, metadata = self.grep("x", output_mode="content", head_limit=300)
        self.assertEqual(text.count("/a:"), 300)
        self.assertFalse(metadata["is_cut"])
        for i in range(5):
            self.write(f"f{i}", "x\n")
        text, _ = self.grep("x", head_limit=2)
        self.assertIn("[the first of 6 files", text)
        self.assertEqual(len(text.split("\n\n")[0].splitlines()), 2)

    def test_an_answer_takes_256_kib(self):
        for i in range(10):
            self.write(f"f{i}", ("x" * 490 + "\n") * 100)
        text, metadata = self.grep("x", output_mode="content",
                                   head_limit=100000)
        self.assertLess(len(text), 400 << 10)
        self.assertTrue(metadata["is_cut"])

    def test_links_are_not_followed(self):
        self.write("dir/a", "x\n")
        os.symlink("..", self.path("dir/up"))
        os.symlink("a", self.path("dir/link"))
        os.symlink("/etc/passwd", self.path("out"))
        self.assertEqual(self.files("x"), ["/dir/a"])
        self.assertEqual(self.files("x", path="dir/link"), ["/dir/link"])
        self.refuse("file-grep", {"pattern": "root", "path": "out"},
                    "leads out")

    def test_unreadable_files_are_told(self):
        self.write("pub/a", "x\n")
        self.write("pub/sub/b", "x\n")
        text, _ = self.grep("x", "--grant", "fs.read:/pub/a",
                            "--grant", "fs.read:/pub/sub", path="/pub/sub")
        self.assertEqual(text, "/pub/sub/b\n")
        os.mkdir(self.path("shut"))
        os.symlink("loop", self.path("loop"))
        text, _ = self.grep("zzz")
        self.assertIn("Nothing matches in '/' (2 files searched)", text)

    def test_refuses(self):
        self.refuse_bad_input("file-grep")
        self.write("a", "x")
        for arguments, *expected in (
            ({}, "'pattern' is missing"),
            ({"pattern": ""}, "empty"),
            ({"pattern": "a(b"}, "a(b", "^", "unclosed group", "literal"),
            ({"pattern": "(?=x)"}, "look-around"),
            ({"pattern": "x{999999}{999999}"}, "no regular expression"),
            ({"pattern": "x", "output_mode": "all"}, "files, content or count"),
            ({"pattern": "x", "context": -1}, "context"),
            ({"pattern": "x", "before": 1001}, "0 to 1000"),
            ({"pattern": "x", "path": "b"}, "'/a'"),
            ({"pattern": "x", "multiline": "yes"}, "true or false"),
        ):
            self.refuse("file-grep", arguments, *expected)


if __name__ == "__main__":
    unittest.main()
