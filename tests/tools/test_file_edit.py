"""file-edit: exact edits, all or none; what a model is told when they fail."""

import json
import os
import random
import stat
import subprocess
import unittest

from files_support import ToolTest


class FileEditTest(ToolTest):
    def edit(self, path, old, new, *flags, **more):
        return self.call("file-edit", {"path": path, "old_string": old,
                                       "new_string": new, **more}, *flags)

    def edits(self, path, *pairs):
        return self.call("file-edit", {"path": path, "edits": [
            {"old_string": old, "new_string": new} for old, new in pairs]})

    def refuse_edit(self, path, old, new, *expected, flags=(), **more):
        return self.refuse("file-edit", {"path": path, "old_string": old,
                                         "new_string": new, **more},
                           *expected, flags=flags)

    def test_replaces_once(self):
        self.write("a.py", "def f():\n    return 1\n")
        text, metadata = self.edit("a.py", "return 1", "return 2")
        self.assertEqual(self.read("a.py"), b"def f():\n    return 2\n")
        self.assertEqual(text, "Edited '/a.py': 1 replacement (line 2)")
        self.assertEqual(metadata["diff"],
                         "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n"
                         " def f():\n-    return 1\n+    return 2\n")
        self.assertEqual(self.names(), ["a.py"])

    def test_replaces_all(self):
        self.write("a", "x y\nx\n" * 3)
        text, metadata = self.edit("a", "x", "xx", replace_all=True)
        self.assertEqual(self.read("a"), b"xx y\nxx\n" * 3)
        self.assertEqual(metadata["replacements"], 6)
        self.assertIn("line 1, 2, 3, 4, 5, 6", text)

    def test_removes_and_spans_lines(self):
        self.write("a", "one\ntwo\nthree\n")
        self.edit("a", "one\ntwo\n", "")
        self.assertEqual(self.read("a"), b"three\n")

    def test_several_edits_see_what_came_before(self):
        self.write("a", "one\ntwo\n")
        _, metadata = self.edits("a", ("one", "1"), ("1\ntwo", "1\n2\n3"))
        self.assertEqual(self.read("a"), b"1\n2\n3\n")
        self.assertEqual(metadata["replacements"], 2)
        self.assertEqual((metadata["lines_added"], metadata["lines_removed"]),
                         (3, 2))

    def test_several_edits_are_all_or_none(self):
        self.write("a", "one\ntwo\n")
        self.refuse("file-edit", {"path": "a", "edits": [
            {"old_string": "one", "new_string": "1"},
            {"old_string": "three", "new_string": "3"}]},
            "edit 2: old_string is not in '/a'", "nothing was changed")
        self.assertEqual(self.read("a"), b"one\ntwo\n")
        self.assertEqual(self.names(), ["a"])

    def test_refuses_ambiguous(self):
        self.write("a", "x = 1\ny = 2\nx = 1\n")
        self.refuse_edit("a", "x = 1", "x = 3", "2 times (lines 1, 3)",
                         "replace_all")
        self.write("b", "aaa")  # overlapping
        self.refuse_edit("b", "aa", "b", "2 times")
        self.assertEqual(self.read("b"), b"aaa")

    def test_refuses_no_change(self):
        self.write("a", "one\n")
        self.refuse_edit("a", "one", "one", "the same")
        self.refuse_edit("a", "", "x", "empty", "file-write")
        self.refuse("file-edit", {"path": "a", "edits": [
            {"old_string": "one", "new_string": "two"},
            {"old_string": "two", "new_string": "one"}]}, "as it is")

    def test_explains_spaces(self):
        self.write("a", "if x:\n\tcall(1)\n\tcall(2)\n")
        self.refuse_edit("a", "    call(1)\n    call(2)", "x",
                         "Lines 2 to 3 are the same but for spaces",
                         "     2\t\tcall(1)")

    def test_explains_line_numbers(self):
        self.write("a", "one\ntwo\n")
        self.refuse_edit("a", "     1\tone\n     2\ttwo", "x",
                         "line numbers that file-read prints")

    def test_explains_escapes(self):
        self.write("a", 'say("one")\ntwo\n')
        self.refuse_edit("a", 'say(\\"one\\")\\ntwo', "x", "escaped once")

    def test_names_similar_lines(self):
        self.write("a", "int main(void)\n{\n    return compute(1, 2);\n}\n")
        self.refuse_edit("a", "    return compute(1, 3);", "x",
                         "Most like it:", "     3\t    return compute(1, 2);")
        self.refuse_edit("a", "qqqqqqqqq zzzzzzzz", "x", "Nothing in the file")

    def test_keeps_line_endings(self):
        self.write("crlf", b"one\r\ntwo\r\nthree\r\n")
        _, metadata = self.edit("crlf", "one\ntwo\n", "1\n2\n2b\n")
        self.assertEqual(self.read("crlf"), b"1\r\n2\r\n2b\r\nthree\r\n")
        self.assertEqual(metadata["line_endings"], "crlf")
        self.edit("crlf", "2\r\n2b", "2\r\n")
        self.assertEqual(self.read("crlf"), b"1\r\n2\r\n\r\nthree\r\n")
        self.write("lf", b"one\ntwo")
        self.edit("lf", "one\r\ntwo", "1\r\n2")
        self.assertEqual(self.read("lf"), b"1\n2")
        self.write("mixed", b"a\r\nb\nc\r\nd\n\re\r")
        self.edit("mixed", "b\nc", "B\nB2\nC")
        self.assertEqual(self.read("mixed"), b"a\r\nB\nB2\nC\r\nd\n\re\r")
        self.edit("mixed", "a\n", "A\nA2\n")
        self.assertEqual(self.read("mixed"),
                         b"A\r\nA2\r\nB\nB2\nC\r\nd\n\re\r")

    def test_keeps_a_missing_final_newline(self):
        self.write("a", "one\ntwo")
        _, metadata = self.edit("a", "two", "2")
        self.assertEqual(self.read("a"), b"one\n2")
        self.assertIn("\\ No newline at end of file", metadata["diff"])

    def test_keeps_encodings(self):
        for encoding, before in (("utf-16-le", b"\xff\xfe"),
                                 ("utf-16-be", b"\xfe\xff"),
                                 ("utf-8", b"\xef\xbb\xbf"),
                                 ("utf-8", b""), ("cp1252", b"")):
            self.write("a", before + "caf\u00e9 \u20ac\r\nx\r\n".encode(encoding))
            self.edit("a", "caf\u00e9 \u20ac\nx", "th\u00e9 \u201cq\u201d\ny")
            self.assertEqual(
                self.read("a"),
                before + "th\u00e9 \u201cq\u201d\r\ny\r\n".encode(encoding))
        # Every byte of windows-1252 comes back as it was.
        every = bytes(b for b in range(1, 256)) + b" word"
        self.write("a", every)
        self.edit("a", "word", "WORD")
        self.assertEqual(self.read("a"), every.replace(b"word", b"WORD"))
        self.write("a", b"caf\xe9 x")
        self.refuse_edit("a", "x", "\u4e16", "windows-1252", "no '\u4e16'")
        self.assertEqual(self.read("a"), b"caf\xe9 x")
        # Mostly UTF-8: broken bytes stay.
        self.write("a", "é".encode() * 5 + b"\xff x")
        self.edit("a", "é x".replace("é ", ""), "ü")
        self.assertEqual(self.read("a"), "é".encode() * 5 + b"\xff \xc3\xbc")

    def test_refuses_binary(self):
        for data in (b"a\0b", b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\xff\xfe\0\0"):
            self.write("a", data)
            self.refuse_edit("a", "a", "b", "cannot be edited")
            self.assertEqual(self.read("a"), data)

    def test_size_limit(self):
        self.write("most", b"x" + b"\n" * ((16 << 20) - 1))
        self.edit("most", "x", "y")
        self.assertEqual(self.read("most")[:1], b"y")
        self.write("more", b"x" + b"\n" * (16 << 20))
        self.refuse_edit("more", "x", "y", "16777217 bytes")
        self.refuse_edit("most", "\n", "\n" * 9, "too large",
                         replace_all=True)

    def test_follows_links_and_keeps_the_mode(self):
        path = self.write("dir/run.sh", "echo 1\n")
        os.chmod(path, 0o755)
        os.symlink("dir/run.sh", self.path("link"))
        _, metadata = self.edit("link", "1", "2")
        self.assertEqual(self.read("dir/run.sh"), b"echo 2\n")
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o755)
        self.assertEqual(metadata["written_path"], "/dir/run.sh")

    def test_refuses_places(self):
        self.write("dir/a", "x")
        os.symlink("/etc/passwd", self.path("abs"))
        os.symlink("../out", self.path("rel"))
        os.symlink("loop", self.path("loop"))
        os.mkfifo(self.path("fifo"))
        self.refuse_edit("dir", "x", "y", "is a folder")
        self.refuse_edit("dir/b", "x", "y", "does not exist", "'/dir/a'")
        self.refuse_edit("abs", "root", "y", "absolute path")
        self.refuse_edit("rel", "x", "y", "leads out")
        self.refuse_edit("loop", "x", "y", "circles")
        self.refuse_edit("fifo", "x", "y", "regular")
        self.refuse_edit("dir/a", "x", "y", "read-only",
                         flags=("--grant", "fs.read:/"))
        self.assertEqual(self.read("dir/a"), b"x")
        self.assertEqual(self.names("dir"), ["a"])

    def test_needs_the_grant_of_that_file_alone(self):
        self.write("dir/a", "x")
        data = json.dumps({"path": "dir/a", "old_string": "x",
                           "new_string": "y"}).encode()
        answer = json.loads(self.run_tool(
            "file-edit", data, "--grant", "fs.read:/dir/a", "--grant",
            "fs.write:/dir/a").stdout)
        self.assertFalse(answer["is_error"], answer)
        self.assertEqual(self.read("dir/a"), b"y")
        self.assertEqual(self.names("dir"), ["a"])

    def test_limits_leave_the_old_file(self):
        self.write("a", "x" * 5000)
        self.refuse_edit("a", "x" * 5000, "y" * 5000, "limit",
                         flags=("--max-write", "4999B"))
        self.assertEqual(self.read("a"), b"x" * 5000)
        self.assertEqual(self.names(), ["a"])

    def test_refuses_malformed_input(self):
        self.refuse_bad_input("file-edit")
        self.write("a", "x")
        for more, expected in (
            ({}, "'old_string' is missing"),
            ({"old_string": "x"}, "'new_string' is missing"),
            ({"old_string": 1, "new_string": "y"}, "expected a string"),
            ({"old_string": "x", "new_string": "y", "replace_all": "yes"},
             "true or false"),
            ({"edits": {}}, "expected an array"),
            ({"edits": []}, "0 elements"),
            ({"edits": [1]}, "edit 1 is a number"),
            ({"edits": [{"old_string": "x"}]},
             "edit 1: 'new_string' is missing"),
            ({"edits": [{"old_string": "x", "new_string": "y"}],
              "old_string": "x"}, "not both"),
            ({"edits": [{"old_string": "x", "new_string": "y"}] * 1001},
             "1001 elements"),
        ):
            self.refuse("file-edit", {"path": "a", **more}, expected)
        self.assertEqual(self.read("a"), b"x")

    def test_the_diff_applies(self):
        rng = random.Random(3)
        for number in range(6):
            lines = [f"line {i} {rng.random()}" for i in range(300)]
            old = "\n".join(lines) + rng.choice(["", "\n"])
            self.write("a", old)
            self.write("b", old)
            picked = rng.sample(range(300), 12)
            _, metadata = self.edits("a", *(
                (lines[i], rng.choice(["", "new", "new\nlines\n"]) + str(i))
                for i in picked))
            applied = subprocess.run(
                ["git", "apply", "--unidiff-zero", "-p1", "-"],
                input=metadata["diff"].replace("/a\n", "/b\n").encode(),
                cwd=self.dir, capture_output=True, check=False)
            self.assertEqual(applied.returncode, 0, applied.stderr)
            self.assertEqual(self.read("b"), self.read("a"))

    def test_many_edits_match_python(self):
        rng = random.Random(11)
        for _ in range(12):
            text = "".join(rng.choice(["ab", "é", "\r\n", "\n", "q"])
                           for _ in range(60))
            old = rng.choice(["ab", "é", "q", "abq", "éab"])
            new = rng.choice(["", "Z", "abab", "ü"])
            self.write("a", text)
            count = text.count(old)
            arguments = {"path": "a", "old_string": old, "new_string": new,
                         "replace_all": True}
            if count == 0:
                self.refuse("file-edit", arguments, "is not in")
                continue
            _, metadata = self.call("file-edit", arguments)
            self.assertEqual(self.read("a"), text.replace(old, new).encode())
            self.assertEqual(metadata["replacements"], count)

    def test_ended_midway_the_file_is_old_or_new(self):
        old, new = b"old" * 3000, b"new" + b"old" * 2999
        data = json.dumps({"path": "a", "edits": [
            {"old_string": old.decode(), "new_string": new.decode()}]}).encode()

        def run_with(fuel):
            for name in self.names():
                os.unlink(self.path(name))
            self.write("a", old)
            result = self.run_tool("file-edit", data, "--wasm-fuel",
                                   str(fuel), status=None)
            self.assertIn(self.read("a"), (old, new))
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
        done = least(lambda: self.read("a") == new)
        ended = 0
        for fuel in [1, *range(done - 2000, done + 100, 61)]:
            ended += run_with(fuel) == 152
        self.assertGreater(ended, 0)

    def test_killed_midway_the_file_is_old_or_new(self):
        old, new = b"a" * (8 << 20), b"b" + b"a" * ((8 << 20) - 1)
        data = json.dumps({"path": "a", "old_string": "x" + "a" * 99,
                           "new_string": "x" + "b" * 99}).encode()
        old, new = b"x" + old, b"x" + b"b" * 99 + old[99:]
        rng = random.Random(5)
        self.write("a", old)
        for _ in range(12):
            process = subprocess.Popen(
                self.command("file-edit"), stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=self.environment)
            process.stdin.write(data)
            process.stdin.close()
            try:
                process.wait(rng.uniform(0.005, 0.08))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.assertIn(self.read("a"), (old, new))
            self.write("a", old)


if __name__ == "__main__":
    unittest.main()
