#!/usr/bin/env python3
"""What Python asks of its box: other programs and tools. `boxagnts run` alone
offers neither, so these are the refusals; test_registry.py has the rest."""

import unittest

from support import PythonTest


class Programs(PythonTest):
    def test_refusals(self):
        for code in ("subprocess.run(['nosuch'])",
                     "subprocess.check_output('ls', shell=True)",
                     "subprocess.Popen(['a'], stdin=subprocess.PIPE)"
                     ".communicate(b'x')"):
            self.assertRegex(self.error(f"import subprocess\n{code}"),
                             "FileNotFoundError|PermissionError")
        found = self.execute("import os; os.system('ls')")
        self.assertEqual(found["metadata"]["value"], str(127 << 8))
        self.assertIn("sh: ", found["content"])

    def test_arguments_are_checked(self):
        self.assertIn("ValueError", self.error(
            "import subprocess; subprocess.run([])"))
        self.assertIn("preexec_fn", self.error(
            "import subprocess; subprocess.run(['a'], preexec_fn=print)"))


class Tools(PythonTest):
    def test_refusals(self):
        self.assertIn("ToolError", self.error("tools.list()"))
        self.assertIn("ToolError", self.error("tools.call('none', {})"))
        self.assertIn("ToolError", self.error("tools.file_read('x')"))
        self.assertIn("expected the input as a dict",
                      self.error("tools.call('none', 'x')"))

    def test_is_a_module(self):
        self.assertEqual(self.value("import tools as t; t is tools"), "True")
        self.assertEqual(self.value("issubclass(tools.ToolError, Exception)"),
                         "True")


if __name__ == "__main__":
    unittest.main()
