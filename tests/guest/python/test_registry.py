#!/usr/bin/env python3
"""python-execute through the registry: other tools as functions, other
programs by subprocess."""

import json
import os
import subprocess
import unittest

from support import HOME, PROGRAM, TIMEOUT_S, PythonTest


class Box(PythonTest):
    def run_tool(self, code, *flags, status=0):
        """What `boxagnts tool call` prints for a piece of code."""
        result = subprocess.run(
            [PROGRAM, "tool", "call", "--workspace", self.dir, *flags,
             "python-execute", json.dumps({"code": code})],
            capture_output=True, timeout=TIMEOUT_S, check=False,
            env={"HOME": str(HOME), "PATH": os.environ["PATH"]})
        out = result.stdout.decode("utf-8", "replace")
        err = result.stderr.decode("utf-8", "replace")
        self.assertEqual(result.returncode, status, out + err)
        return out + err

    def test_tools_are_functions(self):
        self.write("a.txt", "hello\n")
        self.assertIn("hello", self.run_tool(
            "print(tools.file_read('a.txt'))\n"
            "print(tools.file_read({'path': 'a.txt'}))"))
        self.run_tool("tools.file_write(path='b.txt', content='made')")
        self.assertEqual(self.read("b.txt"), "made")
        out = self.run_tool("print(dir(tools))\nprint(tools.file_read.__doc__)")
        self.assertIn("file_read", out)
        self.assertIn("path:", out)

    def test_a_tool_that_fails_raises(self):
        self.assertIn("caught", self.run_tool(
            "try:\n    tools.file_read('none.txt')\n"
            "except tools.ToolError as e:\n    print('caught', e)"))
        self.assertIn("there is no tool 'nosuch'",
                      self.run_tool("tools.nosuch()", status=1))

    def test_programs(self):
        self.write("x.py", "import sys\nprint(sys.argv[1], input())\n"
                   "sys.exit(3)")
        self.assertIn("returncode=3, stdout='a in\\n'", self.run_tool(
            "import subprocess, sys\n"
            "subprocess.run([sys.executable, 'x.py', 'a'], input='in',"
            " text=True, capture_output=True)"))
        self.assertIn("FileNotFoundError", self.run_tool(
            "import subprocess; subprocess.run(['nosuch'])", status=1))


if __name__ == "__main__":
    unittest.main()
