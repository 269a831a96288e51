"""boxagnts audit: show, tail, verify and head, over logs made as the docs say."""

import hashlib
import hmac
import json
import os
import re
import subprocess
import time
import unittest

from support import PROGRAM, CliTest

FIRST = "0" * 64
SOURCE = os.environ.get("BX_SOURCE_DIR", ".")


def chain(events, prev=FIRST, first=1):
    """Lines as the log writes them, and the hash of the last."""
    lines = []
    for number, event in enumerate(events, first):
        members = {"seq": number, "time": "2026-01-02T03:04:05.678901Z", **event,
                   "prev": prev}
        text = json.dumps(members, separators=(",", ":"))
        prev = hashlib.sha256(text.encode()).hexdigest()
        lines.append(f'{text[:-1]},"hash":"{prev}"}}\n')
    return lines, prev


class Audit(CliTest):
    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.environment["HOME"], ".local/state/boxagnts")
        os.makedirs(self.state, mode=0o700)
        self.log = os.path.join(self.state, "audit.jsonl")
        self.key = bytes(range(32))
        key = os.path.join(self.state, "audit.key")
        with open(key, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(self.key)

    def put(self, lines, seq, last, mode="w"):
        with open(self.log, mode, encoding="utf-8") as file:
            file.writelines(lines)
        size = os.path.getsize(self.log)
        text = (
            f"boxagnts audit head 1\nseq {seq:020}\nhash {last}\nsize {size:020}\n"
            f"file {0:020}\nnext-bytes {0:020}\nnext-hash {FIRST}\n"
        )
        mac = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        with open(self.log + ".head", "w", encoding="utf-8") as file:
            file.write(f"{text}mac {mac}\n")

    def make(self, *events):
        lines, last = chain(events)
        self.put(lines, len(lines), last)
        return lines, last

    def test_a_good_log(self):
        _, last = self.make({"tool": "a"}, {"tool": "b"})
        result = self.boxagnts("audit", "verify")
        self.assertIn("good: 2 lines in 1 file;", result.out)
        self.assertIn(last, result.out)
        self.assertEqual(self.boxagnts("audit", "head").out, f"2 {last}\n")
        self.boxagnts("audit", "verify", "--expect", last)
        found = json.loads(self.boxagnts("audit", "verify", "--json").out)
        self.assertEqual((found["good"], found["lines"]), (True, 2))

    def test_a_bad_log_exits_1_and_names_the_line(self):
        lines, last = self.make({"tool": "a"}, {"tool": "b"}, {"tool": "c"})
        self.put([lines[0], lines[1].replace("b", "x", 1), lines[2]], 3, last)
        result = self.boxagnts("audit", "verify", "--json", status=1)
        found = json.loads(result.out)
        self.assertEqual((found["good"], found["problem"]["line"]), (False, 2))
        self.assertIn("line 2: changed", result.err)
        self.put(lines[:2], 3, last)
        result = self.boxagnts("audit", "verify", status=1)
        self.assertIn("truncated: numbers 3 to 3", result.err)
        self.assertIn("bad: 2 lines before it are good", result.out)
        self.boxagnts("audit", "head", status=1)
        self.boxagnts("audit", "verify", "--no-head")
        result = self.boxagnts("audit", "verify", "--no-head", "--expect", last,
                               status=1)
        self.assertIn("no line has the hash", result.err)

    def test_what_cannot_be_read_exits_2(self):
        for arguments, word in [
            (["verify"], "audit.jsonl"),
            (["verify", "--file", "/"], "is not a file"),
            (["show", "--file", "/dev/null"], "is not a file"),
            (["verify", "--expect", "x"], "64 hexadecimal"),
            (["show", "--last", "x"], "--last"),
            (["show", "--last", "-1"], "--last"),
            (["show", "--since", "yesterday"], "--since"),
            (["show", "--since", "5y"], "--since"),
            (["show", "extra"], "expected show"),
            (["--frob"], "--frob"),
            ([], "expected show"),
        ]:
            with self.subTest(arguments):
                self.assertIn(word, self.boxagnts("audit", *arguments, status=2).err)

    def test_filters(self):
        self.make(
            {"tool": "grep", "decision": "allowed", "wall_us": 12},
            {"tool": "bash", "decision": "denied", "target": "/etc"},
            {"tool": "bash", "decision": "allowed"},
            {"program": "grep", "decision": "allowed"},
            {"tool": "js", "program": "grep", "decision": "allowed"},
        )

        def numbers(*arguments):
            out = self.boxagnts("audit", "show", "--json", *arguments).out
            return [json.loads(line)["seq"] for line in out.splitlines()]

        self.assertEqual(numbers(), [1, 2, 3, 4, 5])
        self.assertEqual(numbers("--tool", "bash"), [2, 3])
        self.assertEqual(numbers("--tool", "grep"), [1, 4])
        self.assertEqual(numbers("--decision", "denied"), [2])
        self.assertEqual(numbers("--tool", "bash", "--last", "1"), [3])
        self.assertEqual(numbers("--last", "2"), [4, 5])
        self.assertEqual(numbers("--last", "9"), [1, 2, 3, 4, 5])
        self.assertEqual(numbers("--last", "0"), [])
        self.assertEqual(numbers("--since", "2026-01-02"), [1, 2, 3, 4, 5])
        self.assertEqual(numbers("--since", "2026-01-02T03:04:06Z"), [])
        self.assertEqual(numbers("--since", "1s"), [])
        self.assertEqual(numbers("--tool", "none"), [])
        table = self.boxagnts("audit", "show", "--tool", "bash").out.splitlines()
        self.assertRegex(table[0], "TIME.*DECISION.*TOOL.*DETAILS")
        self.assertRegex(table[1], r"03:04:05\.678 +denied +- +bash +target=/etc$")
        self.assertNotIn("\033", "".join(table))

    def test_hostile_text_reaches_no_terminal(self):
        lines, last = chain([{"tool": "\033[2J\x9b\u202e\n", "x\033]0;": "\x07\x7f"}])
        junk = '\033[31m not JSON \x9b\n["no object"]\n'
        self.put(lines + [junk], 1, last)
        for arguments in (["show"], ["show", "--json"], ["tail"], ["verify"]):
            result = self.boxagnts("audit", *arguments, status=None)
            for text in (result.out, result.err):
                self.assertIsNone(
                    re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]", text), arguments
                )
        out = self.boxagnts("audit", "show", "--json").out.splitlines()
        self.assertEqual(len(out), 3)
        self.assertEqual(json.loads(out[0])["tool"], "\033[2J\x9b\u202e\n")
        self.assertEqual(json.loads(out[1])["line"], 2)

    def test_follows_through_a_rotation(self):
        lines, last = self.make({"n": 1})
        more, end = chain([{"n": 2}, {"n": 3}, {"n": 4}], last, 2)
        with subprocess.Popen(
            [PROGRAM, "audit", "tail", "-f", "--json"], env=self.environment,
            stdout=subprocess.PIPE, text=True,
        ) as process:
            try:
                def read():
                    return json.loads(process.stdout.readline())["n"]

                self.assertEqual(read(), 1)
                with open(self.log, "a", encoding="utf-8") as file:
                    file.write(more[0][:30])
                    file.flush()
                    time.sleep(0.5)  # half a line is waited for
                    file.write(more[0][30:])
                self.assertEqual(read(), 2)
                with open(self.log, "a", encoding="utf-8") as file:
                    file.write(more[1])
                os.rename(self.log, self.log + ".1")
                self.put(more[2:], 4, end)
                self.assertEqual([read(), read()], [3, 4])
            finally:
                process.kill()
        self.boxagnts("audit", "verify")

    def test_the_documents_python_verifies(self):
        with open(os.path.join(SOURCE, "docs", "audit.md"), encoding="utf-8") as file:
            code = re.search("```python\n(.*?)```", file.read(), re.S)[1]
        self.assertLessEqual(len(code.splitlines()), 16)
        self.write("verify.py", code)
        lines, last = self.make({"tool": "é", "wall_us": 1.5}, {"tool": "b"}, {})

        def verify():
            return subprocess.run(
                ["python3", self.path("verify.py"), self.log],
                capture_output=True, text=True, check=False,
            )

        self.assertEqual(verify().stdout, f"good: 3 {last}\n")
        self.put([lines[0], lines[2]], 3, last)
        self.assertNotEqual(verify().returncode, 0)
        self.put([lines[0].replace("1.5", "1.4"), *lines[1:]], 3, last)
        self.assertNotEqual(verify().returncode, 0)


if __name__ == "__main__":
    unittest.main()
