"""Shared by the Python guest's tests: run it as a tool and as a program."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("BX_BUILD_DIR", "build")).resolve()
PROGRAM = BUILD / "bin" / "boxagnts"
MODULE = BUILD / "share" / "boxagnts" / "tools" / "python-execute.wasm"
# One for all tests: compiling the module takes as long as all of them.
HOME = BUILD / "tests" / "python-home"
TIMEOUT_S = 240


class PythonTest(unittest.TestCase):
    """A folder at / for each test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bx-python-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        HOME.mkdir(parents=True, exist_ok=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_guest(self, name, arguments, stdin, flags, status):
        result = subprocess.run(
            [PROGRAM, "run", "--work-dir", self.dir, "--program-name", name,
             "--wasm-max-memory-size", "512MiB", *flags, MODULE, "--",
             *arguments],
            input=stdin if isinstance(stdin, bytes)
            else stdin.encode("utf-8", "surrogateescape"),
            capture_output=True, timeout=TIMEOUT_S, check=False,
            env={"HOME": str(HOME), "PATH": os.environ["PATH"]})
        result.out = result.stdout.decode("utf-8", "replace")
        result.err = result.stderr.decode("utf-8", "replace")
        if status is not None:
            self.assertEqual(result.returncode, status,
                             f"stdout: {result.out}\nstderr: {result.err}")
        return result

    def python(self, *arguments, stdin="", flags=(), status=0):
        """The python3 command line."""
        return self.run_guest("python3", arguments, stdin, flags, status)

    def call(self, stdin, flags=(), status=0):
        """The tool, with stdin as its input as it is."""
        return self.run_guest("python-execute", [], stdin, flags, status)

    def execute(self, code, flags=(), **more):
        """The tool's result."""
        result = self.call(json.dumps({"code": code, **more}), flags)
        found = json.loads(result.out)
        self.assertEqual(set(found), {"content", "is_error", "metadata"})
        return found

    def value(self, code, **more):
        """The last expression's value; the call must not fail."""
        found = self.execute(code, **more)
        self.assertFalse(found["is_error"], found["content"])
        return found["metadata"].get("value")

    def error(self, code, **more):
        """The content of a call that must fail."""
        found = self.execute(code, **more)
        self.assertTrue(found["is_error"], found["content"])
        return found["content"]
