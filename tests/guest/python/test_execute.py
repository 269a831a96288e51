#!/usr/bin/env python3
"""The tool python-execute: what a call gives back."""

import json
import unittest

from support import PythonTest


class Values(PythonTest):
    def test_prints_then_value(self):
        found = self.execute("print('a')\nx = 3\nx + 1")
        self.assertEqual(found, {"content": "a\n4", "is_error": False,
                                 "metadata": {"value": "4"}})

    def test_no_value(self):
        for code in ("", "x = 1", "None", "1;", "def f(): return 1",
                     "# nothing\n"):
            with self.subTest(code=code):
                self.assertEqual(self.execute(code)["content"], "")
                self.assertNotIn("value", self.execute(code)["metadata"])

    def test_awaits_at_top_level(self):
        self.assertEqual(self.value(
            "import asyncio\n"
            "async def f(n):\n    await asyncio.sleep(0.01)\n    return n\n"
            "one = await f(1)\n"
            "[one, *await asyncio.gather(f(2), f(3))]"), "[1, 2, 3]")
        self.assertEqual(self.value(
            "import asyncio\nasync def f(): return 4\nasyncio.run(f())"), "4")

    def test_future_holds_for_all(self):
        self.assertEqual(self.value(
            "from __future__ import annotations\ndef f(x: Foo): pass\n"
            "f.__annotations__"), "{'x': 'Foo'}")

    def test_order_of_streams(self):
        found = self.execute("import os, sys\nprint('out')\n"
                             "print('err', file=sys.stderr)\n"
                             "os.write(1, b'raw\\n')\nprint('last', end='')\n7")
        self.assertEqual(found["content"], "out\nraw\nlast\nerr\n7")

    def test_stdin_and_arguments(self):
        self.assertEqual(
            self.value("import sys\nsys.argv[1:], input(), sys.stdin.read()",
                       args=["a", "ä"], stdin="one\ntwo\n"),
            "(['a', 'ä'], 'one', 'two\\n')")
        self.assertIn("EOFError", self.error("input()"))

    def test_main_is_a_module(self):
        self.assertEqual(self.value(
            "import dataclasses, pickle, sys\n"
            "@dataclasses.dataclass\nclass P:\n    a: int\n"
            "__name__, pickle.loads(pickle.dumps(P(3))),"
            " sys.modules['__main__'].P is P"), "('__main__', P(a=3), True)")

    def test_text_that_json_cannot_carry(self):
        self.assertEqual(self.execute("print('\\ud800\\0')")["content"],
                         "\\ud800\ufffd\n")
        self.assertEqual(self.execute("print('\\\\u0000')")["content"],
                         "\\u0000\n")
        self.assertEqual(
            self.execute("import os; os.write(1, b'\\xff')")["content"],
            "\ufffd\n1")

    def test_flood_is_cut(self):
        content = self.execute("for i in range(12):\n"
                               "    print('x' * (1 << 20))")["content"]
        self.assertLess(len(content), 9 << 20)
        self.assertIn("more bytes were printed and dropped", content)
        content = self.execute("'a' * (3 << 20)")["content"]
        self.assertLess(len(content), 2 << 20)
        self.assertIn("more characters", content)


class Errors(PythonTest):
    def test_traceback_shows_the_code_alone(self):
        found = self.execute("def f(x):\n    return 1 / x\n\nf(0)")
        self.assertTrue(found["is_error"])
        self.assertEqual(found["content"], """\
Traceback (most recent call last):
  File "<code>", line 4, in <module>
    f(0)
    ~^^^
  File "<code>", line 2, in f
    return 1 / x
           ~~^~~
ZeroDivisionError: division by zero
""")
        self.assertEqual(found["metadata"]["exception"],
                         {"type": "ZeroDivisionError", "line": 2,
                          "message": "division by zero"})

    def test_library_lines_are_shown(self):
        content = self.error("import json\njson.loads('{')")
        self.assertIn('"/python/json/decoder.py"', content)
        self.assertIn("obj, end = self.scan_once(s, idx)", content)
        self.assertNotIn("boxagnts", content)

    def test_causes(self):
        content = self.error("try:\n    {}['k']\nexcept KeyError as e:\n"
                             "    raise ValueError('v') from e")
        self.assertIn("KeyError: 'k'\n\nThe above exception was the direct",
                      content)
        self.assertTrue(content.endswith("ValueError: v\n"))
        self.assertIn("| ValueError: 1", self.error(
            "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])"))

    def test_syntax_error_has_a_caret(self):
        found = self.execute("x = 1\ny = (2,\n")
        self.assertEqual(found["content"], """\
  File "<code>", line 2
    y = (2,
        ^
SyntaxError: '(' was never closed
""")
        self.assertEqual(found["metadata"]["exception"]["line"], 2)
        self.assertIn("IndentationError", self.error("if 1:\nx"))
        self.assertIn("null bytes", self.error("x = '\0'"))

    def test_output_before_an_error_stays(self):
        self.assertTrue(self.error("print('before')\n1 / 0").startswith(
            "before\nTraceback"))

    def test_exit(self):
        self.assertFalse(self.execute("import sys; sys.exit()")["is_error"])
        found = self.execute("print(1)\nimport sys; sys.exit(3)")
        self.assertEqual(found["metadata"], {"exit_code": 3})
        self.assertEqual(found["content"], "1\nexit status 3\n")
        self.assertIn("reason", self.error("raise SystemExit('reason')"))

    def test_what_is_absent_says_what_to_do(self):
        self.assertIn("(https works through urllib.request",
                      self.error("import ssl"))
        self.assertIn("(numpy needs native code", self.error("import numpy"))
        self.assertIn("the sandbox has none; run the work in a loop",
                      self.error("import threading\n"
                                 "threading.Thread(target=print).start()"))

    def test_exceptions_that_fight_back(self):
        self.assertIn("E: <exception str() failed>", self.error(
            "class E(Exception):\n    def __str__(self): 1/0\nraise E()"))
        self.assertIn("ZeroDivisionError", self.error(
            "class R:\n    def __repr__(self): 1/0\nR()"))
        self.assertIn("BaseException: b",
                      self.error("raise BaseException('b')"))
        self.assertIn("ValueError", self.error(
            "e = ValueError(); e.__cause__ = e; raise e"))
        self.assertIn("could not be formatted", self.error(
            "import traceback; traceback.TracebackException = None; 1/0"))


class Input(PythonTest):
    def test_refuses_what_is_no_call(self):
        for text, expected in (
                ("", "expected a JSON object"),
                ("[1]", "expected a JSON object"),
                ('{"code": "1"', "expected a JSON object"),
                ("[" * 1000, "expected a JSON object"),
                (b"\xff{}", "expected a JSON object"),
                ("{}", "'code' is missing"),
                ('{"code": 1}', "code: expected a string"),
                ('{"code": "1", "args": "a"}', "args: expected a list"),
                ('{"code": "1", "args": [1]}', "args: expected strings"),
                ('{"code": "1", "stdin": null}', "stdin: expected a string"),
                ('{"code": "1", "timeout": 3}', "unknown key 'timeout'"),
                ('{"code": "1", "session": "a"}', "keeps no sessions")):
            with self.subTest(text=text[:40]):
                result = self.call(text, status=2)
                self.assertIn(expected, result.err)
                self.assertEqual(result.out, "")

    def test_replaced_json_module_harms_nothing(self):
        found = json.loads(self.call(json.dumps(
            {"code": "import json; json.dumps = json.loads = None"})).out)
        self.assertFalse(found["is_error"])


if __name__ == "__main__":
    unittest.main()
