#!/usr/bin/env python3
"""The standard library inside: what is there, and what is new in each run."""

import json
import sys
import unittest

from support import PythonTest

# In CPython 3.14's library and not here: no such thing in the sandbox, or not
# compiled in.
ABSENT = {
    "bz2", "lzma", "ssl", "ctypes", "curses", "mmap", "readline", "fcntl",
    "termios", "tty", "pty", "resource", "syslog", "pwd", "grp", "tkinter",
    "turtle", "turtledemo", "idlelib", "ensurepip", "venv", "msvcrt", "nt",
    "winreg", "winsound", "antigravity", "webbrowser",
}


class Library(PythonTest):
    def test_every_public_module(self):
        code = """
import importlib, json, sys
missing = []
for name in sorted(sys.stdlib_module_names):
    if name.startswith("_") or name == "this":
        continue
    try:
        importlib.import_module(name)
    except ImportError:
        missing.append(name)
print(json.dumps(missing))
"""
        missing = set(json.loads(self.execute(code)["content"]))
        self.assertEqual(missing - ABSENT, set())

    def test_samples(self):
        for code, value in (
                ("import re; re.findall(r'\\d+', 'a1b22')", "['1', '22']"),
                ("import hashlib; hashlib.sha256(b'').hexdigest()[:8]",
                 "'e3b0c442'"),
                ("from decimal import Decimal as D; D(1) / D(7)",
                 "Decimal('0.1428571428571428571428571429')"),
                ("from fractions import Fraction as F; F(1, 3) + F(1, 6)",
                 "Fraction(1, 2)"),
                ("import csv, io; list(csv.reader(io.StringIO('a,\"b,c\"')))",
                 "[['a', 'b,c']]"),
                ("import zlib; zlib.decompress(zlib.compress(b'x'))", "b'x'"),
                ("import xml.etree.ElementTree as E;"
                 " E.fromstring('<a b=\"1\"/>').attrib", "{'b': '1'}"),
                ("import sqlite3; c = sqlite3.connect(':memory:');"
                 " c.execute('select 1 + 1').fetchone()", "(2,)"),
                ("'ä'.encode('cp1252'), b'\\xa4'.decode('iso8859_15')",
                 "(b'\\xe4', '€')"),
                ("import unicodedata; unicodedata.name('é')",
                 "'LATIN SMALL LETTER E WITH ACUTE'"),
                ("from datetime import datetime; from zoneinfo import ZoneInfo;"
                 " datetime(2024, 7, 1, tzinfo=ZoneInfo('Europe/Berlin'))"
                 ".isoformat()", "'2024-07-01T00:00:00+02:00'"),
                ("import inspect, json; inspect.getsource(json.dumps)[:10]",
                 "'def dumps('"),
                ("import logging; logging.warning('w')", None)):
            with self.subTest(code=code):
                self.assertEqual(self.value(code), value)
        self.assertIn("No time zone found", self.error(
            "import zoneinfo; zoneinfo.ZoneInfo('No/Where')"))

    def test_files(self):
        self.write("in.txt", "one\ntwo\n")
        self.assertEqual(self.value("""
import pathlib, shutil, tempfile, glob, os, zipfile, sqlite3
p = pathlib.Path("out/deep")
p.mkdir(parents=True)
(p / "b.txt").write_text(open("in.txt").read().upper(), encoding="utf-8")
os.rename("out/deep/b.txt", "out/c.txt")
shutil.copytree("out", "copy")
with tempfile.TemporaryDirectory() as d:
    pathlib.Path(d, "x").touch()
with zipfile.ZipFile("a.zip", "w") as z:
    z.write("in.txt")
with sqlite3.connect("a.db") as db:
    db.execute("create table t(x)")
    db.execute("insert into t values (3)")
names = zipfile.ZipFile("a.zip").namelist()
sorted(glob.glob("**/*.txt", recursive=True)), names
"""), "(['copy/c.txt', 'in.txt', 'out/c.txt'], ['in.txt'])")
        self.assertEqual(self.read("copy/c.txt"), "ONE\nTWO\n")
        self.assertEqual(self.value(
            "import sqlite3; sqlite3.connect('a.db')"
            ".execute('select x from t').fetchall()"), "[(3,)]")
        self.assertIn("FileNotFoundError", self.error("open('none.txt')"))

    def test_executors_run_at_once(self):
        self.assertEqual(self.value("""
from concurrent.futures import ThreadPoolExecutor, as_completed
with ThreadPoolExecutor(4) as pool:
    a = list(pool.map(lambda x: x * x, range(4)))
    b = [f.exception().__class__.__name__
         for f in as_completed([pool.submit(lambda: 1 / 0)])]
a, b
"""), "([0, 1, 4, 9], ['ZeroDivisionError'])")
        self.assertIn("after shutdown", self.error(
            "from concurrent.futures import ThreadPoolExecutor as T\n"
            "t = T(); t.shutdown(); t.submit(print)"))


class Fresh(PythonTest):
    def test_random_numbers(self):
        code = ("import random, uuid, secrets, tempfile\n"
                "print(random.random())\nprint(uuid.uuid4())\n"
                "print(uuid.uuid1())\nprint(secrets.token_hex())\n"
                "print(tempfile.mktemp())")
        first, second = (self.execute(code)["content"].splitlines()
                         for _ in range(2))
        for one, other in zip(first, second):
            self.assertNotEqual(one, other)

    def test_environment_and_folder(self):
        self.assertEqual(json.loads(self.python(
            "-c", "import json, os; print(json.dumps(dict(os.environ)))",
            flags=["--env", "A=1"]).out), {"A": "1"})
        self.write("sub/x", "")
        self.assertEqual(self.python(
            "-c", "import os; print(os.getcwd(), os.listdir())",
            flags=["--env", "PWD=/sub"]).out, "/sub ['x']\n")
        self.assertEqual(self.python(
            "-c", "import os; print(os.getcwd())",
            flags=["--env", "PWD=/absent"]).out, "/\n")

    def test_clock(self):
        import time
        before = time.time()
        inside = float(self.value("import time; time.time()"))
        self.assertLessEqual(before - 1, inside)
        self.assertLessEqual(inside, time.time() + 1)

    def test_nothing_of_the_build_is_left(self):
        self.assertEqual(self.value(
            "import sys; sys.path, sys.argv, sys.executable"),
            "(['/'], ['python-execute'], '/usr/bin/python3')")
        self.assertEqual(self.value(
            "import linecache, atexit\n"
            "list(linecache.cache), atexit._ncallbacks()"),
            "(['<code>'], 0)")


if __name__ == "__main__":
    assert sys.version_info >= (3, 9)
    unittest.main()
