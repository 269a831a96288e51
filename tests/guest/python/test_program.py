#!/usr/bin/env python3
"""The program python3: its command line, scripts, modules and exit status."""

import unittest
import zipfile

from support import PythonTest


class CommandLine(PythonTest):
    def test_isolation(self):
        self.write("json.py", "print('mine')")
        self.write("lib/csv.py", "print('theirs')")
        code = "import json, csv, sys; print(json.dumps(1), sys.path)"
        flags = ("--env", "PYTHONPATH=/lib")
        for options, out in [
                (("-P",), "theirs\n1 ['/lib']\n"),
                (("-I",), "1 []\n"),
                (("-IE", "-u"), "1 []\n")]:
            self.assertEqual(
                self.python(*options, "-c", code, flags=flags).out, out)
        self.assertEqual(self.python("-E", "-c", "import json",
                                     flags=flags).out, "mine\n")
        self.write("run.py", "import json, sys; print(sys.path)")
        self.assertEqual(self.python("-P", "run.py").out, "[]\n")
        self.assertEqual(self.python("run.py").out, "mine\n['/']\n")

    def test_command(self):
        self.assertEqual(self.python(
            "-c", "import sys; print(sys.argv, __name__, sys.path[0] == '')",
            "a", "-b").out, "['-c', 'a', '-b'] __main__ True\n")
        self.assertEqual(self.python("-uBIc", "print(1)").out, "1\n")
        self.assertEqual(self.python("-cprint(2)").out, "2\n")

    def test_standard_input(self):
        for arguments in ((), ("-",), ("-u", "-")):
            self.assertEqual(
                self.python(*arguments, stdin="print(__name__)").out,
                "__main__\n")
        self.assertEqual(self.python("-", "x", stdin="import sys\n"
                                     "print(sys.argv)").out, "['-', 'x']\n")

    def test_file(self):
        self.write("src/main.py", "import sys, helper\nfrom pk import mod\n"
                   "print(__file__, sys.argv, sys.path[0], helper.x, mod.y,"
                   " input())")
        self.write("src/helper.py", "x = 1")
        self.write("src/pk/__init__.py", "")
        self.write("src/pk/mod.py", "from . import sub\ny = sub.z")
        self.write("src/pk/sub.py", "z = 7")
        expected = "/src/main.py ['{}', '1'] /src 1 7 line\n"
        self.assertEqual(self.python("src/main.py", "1", stdin="line\n").out,
                         expected.format("src/main.py"))
        self.assertEqual(self.python(
            "main.py", "1", stdin="line\n", flags=["--env", "PWD=/src"]).out,
            expected.format("main.py"))

    def test_folder_and_zip(self):
        self.write("app/__main__.py", "import part; print(part.x)")
        self.write("app/part.py", "x = 5")
        self.assertEqual(self.python("app").out, "5\n")
        with zipfile.ZipFile(self.path("app.pyz"), "w") as file:
            file.write(self.path("app/__main__.py"), "__main__.py")
            file.write(self.path("app/part.py"), "part.py")
        self.assertEqual(self.python("app.pyz").out, "5\n")

    def test_module(self):
        self.write("pk/__init__.py", "")
        self.write("pk/__main__.py", "import sys; print('pk', sys.argv[1:])")
        self.assertEqual(self.python("-m", "pk", "a").out, "pk ['a']\n")
        result = self.python("-m", "json.tool", "--compact", stdin="[1, 2]")
        self.assertEqual((result.out, result.err), ("[1,2]\n", ""))
        self.write("test_it.py", "import unittest, unittest.mock\n"
                   "unittest.mock.Mock()\n"
                   "class T(unittest.TestCase):\n"
                   "    def test(self): self.assertEqual(1, 1)\n")
        self.assertIn("Ran 1 test", self.python("-m", "unittest").err)

    def test_absent_modules(self):
        self.assertIn("No module named nosuch",
                      self.python("-m", "nosuch", status=1).err)
        self.assertIn("pure-Python ones work",
                      self.python("-m", "pip", "install", "x", status=1).err)

    def test_version_and_help(self):
        self.assertRegex(self.python("-V").out, r"^Python 3\.14\.\d+\n$")
        self.assertIn("(", self.python("-VV").out)
        self.assertIn("usage:", self.python("--help").out)

    def test_refuses_other_options(self):
        for arguments in (["-Z"], ["--nope"], ["-c"], ["-m"], ["-W"]):
            result = self.python(*arguments, status=2)
            self.assertIn("usage:", result.err)
            self.assertEqual(result.out, "")
        self.assertIn("can't open file '/none.py'",
                      self.python("none.py", status=2).err)

    def test_optimize_and_warnings(self):
        self.assertEqual(self.python("-O", "-c", "assert 0\nprint(__debug__)")
                         .out, "False\n")
        self.assertIn("UserWarning: w", self.python(
            "-Werror", "-c", "import warnings; warnings.warn('w')",
            status=1).err)


class Ends(PythonTest):
    def test_exit_status(self):
        for code, status in (("import sys; sys.exit(3)", 3),
                             ("raise SystemExit", 0),
                             ("import sys; sys.exit(256 + 7)", 7),
                             ("import os; os._exit(9)", 9),
                             ("exit(4)", 4), ("1 / 0", 1), ("x =", 1),
                             ("raise KeyboardInterrupt", 130)):
            with self.subTest(code=code):
                self.python("-c", code, status=status)
        self.assertEqual(
            self.python("-c", "import sys; sys.exit('bye')", status=1).err,
            "bye\n")

    def test_traceback(self):
        self.write("bad.py", "def f():\n    raise KeyError('x')\nf()\n")
        self.assertEqual(self.python("bad.py", status=1).err, """\
Traceback (most recent call last):
  File "bad.py", line 3, in <module>
    f()
    ~^^
  File "bad.py", line 2, in f
    raise KeyError('x')
KeyError: 'x'
""")

    def test_hook_and_exit_functions(self):
        result = self.python(
            "-c", "import atexit, sys, logging\n"
            "atexit.register(print, 'end')\n"
            "sys.excepthook = lambda *a: print('hook', a[0].__name__)\n"
            "1 / 0", status=1)
        self.assertEqual(result.out, "hook ZeroDivisionError\nend\n")

    def test_output_arrives(self):
        self.assertEqual(len(self.python(
            "-c", "import sys; sys.stdout.write('x' * 300000)").out), 300000)
        self.python("-c", "open('f', 'w').write('unclosed')")
        self.assertEqual(self.read("f"), "unclosed")
        self.python("-c", "f = open('g', 'w'); f.write('held'); f.flush()")
        self.assertEqual(self.read("g"), "held")
        self.assertEqual(self.python(
            "-c", "import sys; sys.stdout.buffer.write(bytes(range(256)))")
            .stdout, bytes(range(256)))


class Packages(PythonTest):
    def test_own_modules_win_over_the_library(self):
        self.write("token.py", "mine = True")
        self.write("tools.py", "mine = True")
        self.write("statistics/__init__.py", "mine = True")
        self.write("json/readme.txt", "a folder is no package")
        self.write("main.py", "import token, tools, statistics, json\n"
                   "import tokenize\n"
                   "print(token.mine, tools.mine, statistics.mine,"
                   " json.dumps(1), tokenize.generate_tokens.__name__)")
        self.assertEqual(self.python("main.py").out,
                         "True True True 1 generate_tokens\n")

    def test_search_path(self):
        self.write("lib/one.py", "x = 1")
        self.write("env/lib/python3.14/site-packages/two.py", "x = 2")
        self.assertEqual(self.python(
            "-c", "import one, two; print(one.x, two.x)",
            flags=["--env", "PYTHONPATH=/lib:/absent",
                   "--env", "VIRTUAL_ENV=/env"]).out, "1 2\n")
        self.assertIn("No module named 'one'",
                      self.python("-c", "import one", status=1).err)


if __name__ == "__main__":
    unittest.main()
