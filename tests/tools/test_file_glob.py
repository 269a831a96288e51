"""file-glob: patterns as Python has them, ignore files, order, limits."""

import glob
import os
import random
import unittest

from files_support import ToolTest


class FileGlobTest(ToolTest):
    def glob(self, pattern, *flags, **more):
        """Paths found, without their first '/'."""
        text, metadata = self.call("file-glob", {"pattern": pattern, **more},
                                   *flags)
        lines = text.split("\n")
        return [line[1:] for line in lines if line.startswith("/")], metadata

    def found(self, pattern, **more):
        return sorted(self.glob(pattern, **more)[0])

    def tree(self, *names):
        for name in names:
            self.write(name, "")

    def test_patterns(self):
        self.tree("a.py", "b.txt", "src/c.py", "src/deep/d.py", "src/e.h",
                  "src/f.c", "src/[x].c")
        self.assertEqual(self.found("*.py"), ["a.py"])
        self.assertEqual(self.found("**/*.py"),
                         ["a.py", "src/c.py", "src/deep/d.py"])
        self.assertEqual(self.found("src/*.{c,h}"),
                         ["src/[x].c", "src/e.h", "src/f.c"])
        self.assertEqual(self.found("src/**/?.py"),
                         ["src/c.py", "src/deep/d.py"])
        self.assertEqual(self.found("{a.py,src/deep/d.py}"),
                         ["a.py", "src/deep/d.py"])
        self.assertEqual(self.found("src/[a-e].*"), ["src/c.py", "src/e.h"])
        self.assertEqual(self.found("src/[[]x].c"), ["src/[x].c"])
        self.assertEqual(self.found("src/c.py"), ["src/c.py"])
        self.assertEqual(self.found("./src/c.py"), ["src/c.py"])
        self.assertEqual(self.found("/src/*.c"), ["src/[x].c", "src/f.c"])
        self.assertEqual(self.found("*.py", path="src"), ["src/c.py"])
        self.assertEqual(self.found("/src/*.py", path="/src/"), ["src/c.py"])
        self.assertEqual(self.found("*/"), ["src/"])
        self.assertEqual(self.found("**/"), ["src/", "src/deep/"])
        self.assertEqual(self.found("none/*.c"), [])

    def test_matches_python_on_random_trees(self):
        rng = random.Random(2)
        for number in range(3):
            names = set()
            for _ in range(120):
                depth = rng.randrange(4)
                folders = [rng.choice(["a", "b", "ab", "c1"])
                           for _ in range(depth)]
                names.add("/".join([f"t{number}", *folders, rng.choice(
                    ["x", "y", "xy", "z1"]) + rng.choice([".c", ".py", ".d"])]))
            self.tree(*names)
            for pattern in ("*", "*.c", "**/*.py", "a/*", "a/**/*.c", "*/x*.c",
                            "**/a/**/y.*", "**/[xz]*.c", "?b/**/?.py",
                            "a/*/*.d", "**/c1/*", "**/*"):
                # Python finds a path as often as a pattern fits it.
                expected = sorted({
                    os.path.relpath(path, self.dir)
                    for path in glob.glob(self.path(f"t{number}/{pattern}"),
                                          recursive=True)
                    if os.path.isfile(path)})
                self.assertEqual(
                    self.found(pattern, path=f"t{number}", head_limit=1000),
                    expected, pattern)

    def test_last_changed_first(self):
        self.tree("a", "b", "c", "d")
        for name, time in (("a", 5), ("b", 9), ("c", 1), ("d", 5)):
            os.utime(self.path(name), (time, time))
        self.assertEqual(self.glob("*")[0], ["b", "a", "d", "c"])

    def test_ignore_files(self):
        self.tree("a.c", "build/x.c", "sub/b.log", "sub/keep.log", "sub/t.c",
                  "sub/secret.c", ".hidden/h.c", ".git/g.c")
        self.write(".gitignore", "build/\n*.log\n")
        self.write("sub/.gitignore", "!keep.log\n")
        self.write("sub/.ignore", "secret.c\n")
        self.write(".git/info/exclude", "t.c\n")
        self.assertEqual(self.found("**/*"), ["a.c", "sub/keep.log"])
        self.assertEqual(self.found("**/*.c", include_ignored=True),
                         ["a.c", "build/x.c", "sub/secret.c", "sub/t.c"])
        self.assertEqual(self.found("**/*.c", include_hidden=True),
                         [".hidden/h.c", "a.c"])
        self.assertEqual(self.found(".hidden/*"), [".hidden/h.c"])
        # The parents' rules count when the search begins below them.
        self.assertEqual(self.found("*.log", path="sub"), ["sub/keep.log"])

    def test_links(self):
        self.tree("dir/a.c")
        os.symlink("..", self.path("dir/up"))
        os.symlink("dir", self.path("alias"))
        os.symlink("dir/a.c", self.path("link.c"))
        os.symlink("/etc", self.path("out"))
        self.assertEqual(self.found("**/*.c"), ["dir/a.c", "link.c"])
        self.assertEqual(self.found("*.c", path="alias"), ["alias/a.c"])
        self.refuse("file-glob", {"pattern": "*", "path": "out"}, "leads out")

    def test_limit(self):
        self.tree(*(f"f{i:03}" for i in range(250)))
        text, metadata = self.call("file-glob", {"pattern": "*"})
        self.assertIn("[200 of 250 matches", text)
        self.assertEqual(metadata, {"path": "/", "total": 250, "shown": 200})
        self.assertEqual(len(self.found("*", head_limit=250)), 250)
        text, _ = self.call("file-glob", {"pattern": "*", "head_limit": 250})
        self.assertNotIn("[", text)

    def test_unreadable_folders_are_told(self):
        self.tree("pub/a", "priv/b")
        text, _ = self.call("file-glob", {"pattern": "**/*", "path": "pub"},
                            "--grant", "fs.read:/pub")
        self.assertIn("/pub/a", text)
        self.refuse("file-glob", {"pattern": "*", "path": "priv"}, "policy",
                    flags=("--grant", "fs.read:/pub"))

    def test_nothing_found_says_what_was_left_out(self):
        text, _ = self.call("file-glob", {"pattern": "*.zzz"})
        self.assertIn("Nothing in '/' matches", text)
        self.assertIn("include_hidden", text)

    def test_refuses(self):
        self.refuse_bad_input("file-glob")
        self.tree("a")
        for arguments, expected in (
            ({}, "'pattern' is missing"),
            ({"pattern": ""}, "empty"),
            ({"pattern": "a{b"}, "malformed"),
            ({"pattern": "[a"}, "malformed"),
            ({"pattern": "../*"}, "'..'"),
            ({"pattern": "/x/*", "path": "/src"}, "not beneath '/src'"),
            ({"pattern": "*", "path": "a"}, "is a file"),
            ({"pattern": "*", "path": "b"}, "'/a'"),
            ({"pattern": "*", "path": "../"}, "leads out"),
            ({"pattern": "*", "head_limit": 0}, "1 to"),
            ({"pattern": "*", "include_hidden": 1}, "true or false"),
        ):
            self.refuse("file-glob", arguments, expected)


if __name__ == "__main__":
    unittest.main()
