#!/usr/bin/env python3
"""Code that wants to do harm, or just goes wrong: every end is a clear one."""

import json
import unittest

from support import PythonTest


class Limits(PythonTest):
    def test_loop(self):
        result = self.python("-c", "while True: pass", status=124,
                             flags=["--wasm-timeout", "1s"])
        self.assertIn("wasm-timeout", result.err)
        self.python("-c", "import time; time.sleep(1000)", status=124,
                    flags=["--wasm-timeout", "1s"])
        self.python("-c", "import asyncio\nasync def f():\n"
                    "    await asyncio.Future()\nasyncio.run(f())",
                    status=124, flags=["--wasm-timeout", "1s"])
        self.call(json.dumps({"code": "try:\n    while True: pass\n"
                                      "except BaseException: pass"}),
                  status=124, flags=["--wasm-timeout", "1s"])

    def test_memory(self):
        for code in ("x = []\nwhile True: x.append(bytearray(10 << 20))",
                     "x = 'a'\nwhile True: x += x"):
            self.assertIn("MemoryError", self.error(code))
        self.assertEqual(self.value(
            "try:\n    x = bytearray(2000 << 20)\nexcept MemoryError:\n"
            "    y = 'caught'\ny"), "'caught'")

    def test_recursion(self):
        for code in ("def f(n): return f(n + 1)\nf(0)",
                     "class A:\n    def __repr__(self): return repr(self)\nA()",
                     "class A:\n    def __getattr__(self, n):"
                     " return getattr(self, n + 'x')\nA().x",
                     "import re\nre.compile('(' * 10000 + ')' * 10000)"):
            self.assertIn("RecursionError", self.error(code))
        for code in ("eval('-' * 100000 + '1')",
                     "compile('(' * 5000 + ')' * 5000, 'x', 'eval')"):
            self.assertIn("MemoryError", self.error(code))

    def test_recursion_in_compiled_code_ends_the_run(self):
        self.python("-c", "import json; json.loads('[' * 1000000)", status=139)

    def test_files_stay_in_the_box(self):
        for name in ("/../../etc/passwd", "../../../etc/passwd", "/etc/passwd",
                     "/proc/self/mem", "/python/os.py"):
            self.assertRegex(self.error(f"open({name!r}).read()"),
                             "PermissionError|FileNotFoundError")
        self.assertRegex(self.error("import os\nos.symlink('/etc', 'l')\n"
                                    "open('l/passwd')"),
                         "PermissionError|FileNotFoundError")


class Interpreter(PythonTest):
    def test_streams(self):
        for code, expected in (
                ("import sys; sys.stdout.close(); print(1)", "closed file"),
                ("import sys; sys.stdout = 5; print(1)", "AttributeError"),
                ("import sys; sys.stdin.close(); input()", "closed file")):
            self.assertIn(expected, self.error(code))
        for code in ("import sys; sys.stdout = sys.stderr = None; print(1)",
                     "import os; os.close(0); os.close(2)",
                     "import sys; sys.modules.clear()"):
            self.assertFalse(self.execute(code)["is_error"])
        self.python("-c", "import sys; sys.stdout.close(); print(1)", status=1)

    def test_result_stays_one_object(self):
        for code in ("import os; os.write(1, b'{}')",
                     "import sys; sys.__stdout__.write('{}')",
                     "import sys; sys.stdout.buffer.write(b'{}')"):
            self.assertIn("{}", self.execute(code)["content"])

    def test_ends_that_skip_the_result(self):
        for code, status in (("import os; os._exit(5)", 5),
                             ("import os; os._exit(0)", 0),
                             ("import os; os.abort()", 134),
                             ("import faulthandler; faulthandler._sigsegv()",
                              134)):
            with self.subTest(code=code):
                self.assertEqual(self.call(json.dumps({"code": code}),
                                           status=status).out, "")

    def test_exit_functions(self):
        found = self.execute("import atexit\n"
                             "atexit.register(lambda: 1 / 0)\n"
                             "atexit.register(print, 'end')")
        self.assertIn("end\n", found["content"])
        self.assertIn("ZeroDivisionError", found["content"])


if __name__ == "__main__":
    unittest.main()
