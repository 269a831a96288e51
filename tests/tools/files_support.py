"""Shared by the tests of the file tools: run one on a workspace of its own."""

import json
import os
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("BX_BUILD_DIR", "build")
PROGRAM = os.path.abspath(os.path.join(BUILD, "bin", "boxagnts"))
TOOLS = os.path.abspath(os.path.join(BUILD, "share", "boxagnts", "tools"))


class ToolTest(unittest.TestCase):
    """One home, and so one cache of compiled modules, for all tests of a class;
    a workspace for each."""

    @classmethod
    def setUpClass(cls):
        cls._home = tempfile.TemporaryDirectory(prefix="bx-tools-")
        cls.addClassCleanup(cls._home.cleanup)
        cls.environment = {
            "HOME": cls._home.name,
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                cls.environment[name] = os.environ[name]

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bx-work-")
        self.addCleanup(folder.cleanup)
        self.dir = os.path.realpath(folder.name)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data=b""):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def names(self, name="."):
        return sorted(os.listdir(self.path(name)))

    def command(self, tool, *flags):
        return [PROGRAM, "run", "--quiet", "--work-dir", self.dir, *flags,
                os.path.join(TOOLS, tool + ".wasm")]

    def run_tool(self, tool, data, *flags, status=0):
        """Run a tool on raw input; checks its exit status (None: any)."""
        result = subprocess.run(
            self.command(tool, *flags), input=data, capture_output=True,
            timeout=120, env=self.environment, check=False)
        if status is not None:
            self.assertEqual(result.returncode, status, result.stderr)
        return result

    def answer(self, tool, arguments, *flags):
        data = arguments if isinstance(arguments, bytes) else (
            json.dumps(arguments).encode())
        return json.loads(self.run_tool(tool, data, *flags).stdout)

    def call(self, tool, arguments, *flags):
        """The answer's content and metadata of a call that works."""
        answer = self.answer(tool, arguments, *flags)
        self.assertFalse(answer["is_error"], answer["content"])
        return answer["content"], answer["metadata"]

    def refuse(self, tool, arguments, *expected, flags=()):
        """The message of a call that fails; it has each of expected."""
        answer = self.answer(tool, arguments, *flags)
        self.assertTrue(answer["is_error"], answer["content"])
        for text in expected:
            self.assertIn(text, answer["content"])
        return answer["content"]

    def refuse_bad_input(self, tool):
        """What every tool refuses of its input."""
        self.refuse(tool, b"{", "not JSON")
        self.refuse(tool, b'{"path": "\xff"}', "not JSON")
        self.refuse(tool, b"[1]", "array", "object")
        self.refuse(tool, b"[" * 100000, "not JSON")
        self.refuse(tool, b"", "missing")
