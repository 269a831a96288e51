"""boxagnts session: what agents did, found again, read and taken along."""

import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import unittest

from support import PROGRAM, CliTest, give_compiled

SOURCE = os.environ.get("BX_SOURCE_DIR",
                        os.path.join(os.path.dirname(__file__), "../.."))
TIME = 1795000000000


def text_message(entry, role, text, meta=None):
    value = {"entry": entry, "time_ms": TIME + entry, "kind": "message",
             "message": {"role": role,
                         "content": [{"type": "text", "text": text}]}}
    if meta:
        value["meta"] = meta
    return value


def call_message(entry, call, name="bash", **given):
    return {"entry": entry, "time_ms": TIME + entry, "kind": "message",
            "message": {"role": "assistant", "content": [
                {"type": "tool_call", "id": call, "name": name,
                 "input": given}]}}


def begun(entry, call):
    return {"entry": entry, "time_ms": TIME + entry, "kind": "call",
            "id": call, "state": "begun"}


def done(entry, call, text, is_error=False, name="bash"):
    return {"entry": entry, "time_ms": TIME + entry, "kind": "call",
            "id": call, "state": "done", "meta": {"wall_ms": 12},
            "block": {"type": "tool_result", "id": call, "name": name,
                      "is_error": is_error,
                      "content": [{"type": "text", "text": text}]}}


class SessionTest(CliTest):
    def session(self, *arguments, **options):
        return self.boxagnts("session", *arguments, **options)

    def make(self, title, *entries, **more):
        """A session, made as an import makes it; answers its id."""
        entries = entries or (text_message(1, "user", "hello there"),)
        session = {"title": title, "model": "demo", "kind": "chat",
                   **more.pop("session", {})}
        value = {"format": "boxagnts-session", "version": 1,
                 "session": session, "entries": list(entries), **more}
        result = self.session("import", "-", stdin=json.dumps(value).encode())
        self.assertRegex(result.out, r"\A[0-9A-HJKMNP-TV-Z]{26}\n\Z")
        return result.out.strip()

    def hold(self, number):
        """Lock a session's row as the process that has it open does."""
        path = self.path("home/.local/state/boxagnts/sessions.db-lock")
        file = open(path, "r+b", buffering=0)
        self.addCleanup(file.close)
        fcntl.fcntl(file, fcntl.F_OFD_SETLK,
                    struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET,
                                number * 16, 16, 0))
        file.seek(number * 16)
        file.write(b"%15d\n" % 4321)
        return file

    def rows(self, *arguments):
        return json.loads(self.session("list", "--json", *arguments).out)

    # ---- list ----

    def test_there_are_none_yet(self):
        result = self.session("list")
        self.assertEqual(result.out, "")
        self.assertIn("no sessions of this workspace", result.err)
        self.assertEqual(self.session("list", "--json").out, "[]\n")

    def test_lists_those_of_this_folder(self):
        first = self.make("one")
        second = self.make("two")
        os.mkdir(self.path("other"))
        value = self.session("export", first, "--format", "json").out
        self.session("import", "-", "--workspace", "other",
                     stdin=value.encode())
        self.assertEqual([row["id"] for row in self.rows()], [second, first])
        self.assertEqual(len(self.rows("--all")), 3)
        self.assertEqual(
            [row["workspace"] for row in self.rows("--workspace", "other")],
            [self.path("other")])
        self.assertEqual(len(self.rows("--all", "--limit", "2")), 2)
        self.assertIn("--limit", self.session("list", "--limit", "1").err)

    def test_a_table_fits_80_columns(self):
        self.make("x" * 300)
        self.make("a\x1b[31m b\nwith lines")
        out = self.session("list").out
        for line in out.splitlines():
            self.assertLessEqual(len(line), 80, line)
        self.assertNotIn("\x1b", out)
        self.assertEqual(len(out.splitlines()), 3)
        self.assertIn("b with lines", out)

    def test_finds_by_words(self):
        self.make("fruit", text_message(1, "user", "a ripe pineapple"))
        self.make("other")
        self.assertEqual(len(self.rows("pineapp")), 1)
        self.assertEqual(len(self.rows("ripe", "pineapple")), 1)
        self.assertEqual(self.rows("ripe", "plum"), [])
        self.assertIn("fruit", self.session("search", "pineapple").out)
        self.assertIn("no session has", self.session("search", "plum").err)

    # ---- show ----

    def test_shows_each_entry(self):
        name = self.make(
            "talk",
            text_message(1, "user", "Fix\nit \x1b[2J please"),
            call_message(2, "c1", command="ls"),
            begun(3, "c1"),
            done(4, "c1", "a\nb", is_error=True))
        out = self.session("show", name[:14]).out
        self.assertNotIn("\x1b", out)
        for pattern in (r"session +" + name, r"title +talk", r"model +demo",
                        rf"workspace +{self.dir}",
                        r" 1  \S+  user +Fix it .* please",
                        r' 2  \S+  call +bash \{"command":"ls"\}',
                        r" 3  \S+  begun +c1", r" 4  \S+  error +bash: a b"):
            self.assertRegex(out, pattern)
        for line in out.splitlines()[12:]:
            self.assertLessEqual(len(line), 80)
        value = json.loads(self.session("show", "talk", "--json").out)
        self.assertEqual(value["session"]["id"], name)
        self.assertEqual(len(value["entries"]), 4)

    def test_says_what_was_meant(self):
        name = self.make("my title")
        for wrong in (name[:9] + "ZZ", "my titel"):
            result = self.session("show", wrong, status=1)
            self.assertIn("no session '", result.err)
            self.assertIn(f"Did you mean {name} 'my title'?", result.err)
        self.assertNotIn("Did you", self.session("show", "zzzzz",
                                                 status=1).err)
        self.make("my title")
        self.assertIn("give more", self.session("show", "my title",
                                                status=1).err)

    # ---- export ----

    def test_a_transcript_is_markdown(self):
        hostile = "````\n## User (entry 9)\n\x1b[31mred"
        name = self.make(
            "tick ` title",
            text_message(1, "user", "Look:\n```\nnever closed <!-- x"),
            text_message(2, "assistant", "a <!-- b\n\n```\n<div>\n```\n<p>",
                         meta={"cost": 0.0123}),
            call_message(3, "c1", command="cat x"),
            begun(4, "c1"),
            done(5, "c1", hostile))
        out = self.session("export", name).out
        self.assertIn("# Session `tick ' title`\n", out)
        self.assertIn("## User (entry 1, 2026-11-18 11:06:40 UTC)\n", out)
        self.assertIn("> never closed <!-- x\n", out)  # in its own fence
        self.assertIn("entry 2, 2026-11-18 11:06:40 UTC, $0.0123)", out)
        self.assertIn("> a &lt;!-- b\n> \n> ```\n> <div>\n> ```\n> &lt;p>\n",
                      out)
        self.assertIn("**Call** `bash` `c1`\n\n```json\n{\n", out)
        self.assertIn("**Result** `bash` `c1` (2026-11-18 11:06:40 UTC, 12 ms)"
                      "\n\n`````text\n````\n## User (entry 9)\n\\x1b[31mred\n"
                      "`````\n", out)
        self.assertNotIn("\x1b", out)
        self.session("export", name, "--format", "md", "-o", "talk.md")
        self.assertEqual(self.read("talk.md").decode(), out)

    def test_a_fence_in_a_list_hides_no_html(self):
        name = self.make("list", text_message(
            1, "user", "- x\n\n  ```\n<!-- y\n\n~~~\n<a>\n   ~~~~ \n<b>"))
        out = self.session("export", name).out
        self.assertIn("> &lt;!-- y", out)
        self.assertIn("> <a>", out)
        self.assertIn("> &lt;b>", out)

    def test_json_comes_back(self):
        name = self.make("back", text_message(1, "user", "hé\u202e"),
                         call_message(2, "c1", command="ls"), begun(3, "c1"))
        self.session("export", name, "--format", "json", "-o", "s.json")
        data = self.read("s.json")
        self.assertTrue(data.isascii())
        again = self.session("import", "s.json").out.strip()
        first = json.loads(data)
        second = json.loads(
            self.session("export", again, "--format", "json").out)
        self.assertNotEqual(name, again)
        self.assertEqual(first["entries"], second["entries"])
        self.assertEqual(second["session"]["title"], "back")

    def test_an_import_makes_no_call(self):
        name = self.make("planned", text_message(1, "user", "x"),
                         call_message(2, "c1", command="rm -r /"))
        entries = json.loads(self.session("show", name, "--json").out)
        last = entries["entries"][-1]
        self.assertEqual((last["id"], last["state"]), ("c1", "done"))
        self.assertTrue(last["block"]["is_error"])

    def test_refuses_what_is_no_export(self):
        good = {"format": "boxagnts-session", "version": 1, "session": {},
                "entries": []}
        cases = [
            (b"no json", "line 1"),
            (b'{"a": 1, "a": 2}', "duplicate"),
            (b"[]", "no exported session"),
            (json.dumps({**good, "version": 9}).encode(), "newer boxagnts"),
            (json.dumps({**good, "entries": [
                text_message(1, "system", "x")]}).encode(), "entry 1"),
            (json.dumps({**good, "entries": [
                text_message(1, "user", 7)]}).encode(), "entry 1: block 0"),
            (json.dumps({**good, "entries": [
                text_message(2, "user", "x")]}).encode(), "counted from 1"),
            (json.dumps({**good, "entries": [
                text_message(1, "user", "x"),
                done(2, "c9", "y")]}).encode(), "entry 2: call 'c9'"),
            (json.dumps({**good, "entries": [
                call_message(1, "c1"),
                {**done(2, "c1", "y"), "block": {"type": "tool_result"}},
            ]}).encode(), "entry 2"),
        ]
        for data, word in cases:
            result = self.session("import", "-", stdin=data, status=1)
            self.assertIn(word, result.err)
        self.assertIn("No such file",
                      self.session("import", "nothing", status=1).err)
        self.assertEqual(self.rows("--all"), [])

    # ---- change ----

    def test_renames(self):
        name = self.make("old")
        self.session("rename", "old", "a new one")
        self.assertEqual(self.rows()[0]["title"], "a new one")
        self.assertIn("too many", self.session(
            "rename", name, "two", "words", status=2).err)
        self.assertIn("at most", self.session(
            "rename", name, "x" * 1001, status=1).err)

    def test_forks(self):
        name = self.make("origin", text_message(1, "user", "a"),
                         text_message(2, "assistant", "b"),
                         text_message(3, "user", "c"))
        fork = self.session("fork", name, "--at", "2").out.strip()
        info = json.loads(self.session("show", fork, "--json").out)
        self.assertEqual(len(info["entries"]), 2)
        self.assertEqual(info["session"]["parent"], name)
        self.assertRegex(self.session("show", fork).out,
                         rf"forked from +{name} at entry 2")
        self.assertRegex(self.session("show", name).out, rf"fork +{fork}")
        self.assertIn("has 3 entries",
                      self.session("fork", name, "--at", "4", status=1).err)
        self.session("fork", name, "--at", "0", status=2)

    def test_removes_what_was_agreed(self):
        name = self.make("gone")
        self.assertIn("--yes", self.session("rm", name, status=2).err)
        self.assertEqual(len(self.rows()), 1)
        self.session("rm", name, "--yes")
        self.assertEqual(self.rows(), [])
        self.session("rm", name, "--yes", status=1)

    def test_asks_on_a_terminal(self):
        name = self.make("asked")
        for answer, left in ((b"n\n", 1), (b"y\n", 0)):
            main, side = pty.openpty()
            with subprocess.Popen(
                    [PROGRAM, "session", "rm", name], stdin=side, stderr=side,
                    stdout=subprocess.DEVNULL, cwd=self.dir,
                    env=self.environment) as asking:
                os.close(side)
                shown = ""
                while not shown.rstrip().endswith("]"):
                    shown += os.read(main, 4096).decode()
                os.write(main, answer)
                status = asking.wait(60)
            os.close(main)
            self.assertIn("'asked', 1 entries", shown)
            self.assertEqual(status, left)
            self.assertEqual(len(self.rows()), left)

    def test_an_open_session_is_left_alone(self):
        name = self.make("busy")
        self.make("free")
        file = self.hold(1)
        self.assertRegex(self.session("list").out, rf"{name[:14]} .* open ")
        self.assertIn("open (process 4321)", self.session("show", name).out)
        row = [row for row in self.rows() if row["id"] == name][0]
        self.assertEqual((row["is_open"], row["pid"]), (True, 4321))
        result = self.session("rm", name, "--yes", status=1)
        self.assertIn("is open in process 4321", result.err)
        file.close()
        self.assertFalse(self.rows()[1]["is_open"])
        self.session("rm", name, "--yes")

    # ---- usage ----

    def test_the_page_is_true(self):
        name = self.make("Fix the parser")
        with open(os.path.join(SOURCE, "docs/sessions.md"),
                  encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines()
                     if line.startswith("    boxagnts session")]
        self.assertGreater(len(lines), 4)
        for line in lines:
            words = shlex.split(re.sub(r"  +\S.*$", "", line.strip()))
            self.session(*[name if word == "ID" else word
                           for word in words[2:]])
        self.assertEqual(len(self.rows()), 2)

    def test_resumes_in_a_chat(self):
        give_compiled(self.environment["HOME"])
        name = self.make("go on", text_message(1, "user", "hello"),
                         text_message(2, "assistant", "hi"))
        self.session("resume", "go on", stdin=b"and now?\n", timeout=120)
        out = self.session("show", name).out
        self.assertRegex(out, r"user +and now\?")
        self.assertEqual(len(self.rows()), 1)

    def test_resume_names_the_session(self):
        self.assertIn("no session 'x'",
                      self.session("resume", "x", status=1).err)

    def test_usage(self):
        for arguments, word in (
                ((), "expected list"), (("sohw", "x"), "'sohw'?"),
                (("show",), "which session?"),
                (("show", "a", "b"), "'b' is one too many"),
                (("list", "--at", "1"), "does not take"),
                (("list", "--limit", "0"), "--limit"),
                (("list", "--bad"), "not an option"),
                (("export", "x", "--format", "pdf"), "md or json"),
                (("search",), "which words?")):
            result = self.session(*arguments, status=2)
            self.assertIn(word, result.err)
        self.assertIn("Usage:", self.session("--help").out)
        self.assertIn("session", self.boxagnts("--help").out)


if __name__ == "__main__":
    unittest.main()
