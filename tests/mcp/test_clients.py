"""Clients that people use, from their registries: the official SDKs."""

import os
import shutil
import subprocess
import unittest

from support import HERE, ServerTest, node_with, python_with


class Clients(ServerTest):
    def setUp(self):
        super().setUp()
        self.write("note.txt", "a note\n")
        self.add_tool("typed", "  permission_level: none\n"
                      "  output_schema: {type: object, required: [n],"
                      " properties: {n: {type: integer}}}\n")
        for ending in (".wasm", ".tool.yaml"):
            path = os.path.join(self.tools, "typed-again" + ending)
            if os.path.exists(path):
                os.remove(path)

    def run_client(self, command):
        result = subprocess.run(command, env=self.environment, timeout=90,
                                capture_output=True, check=False)
        self.assertEqual(result.returncode, 0,
                         (result.stdout + result.stderr).decode()[-4000:])
        self.assertIn(b"complete", result.stdout)

    def run_python(self, requirements, mode):
        python = python_with(os.path.join(HERE, requirements))
        self.run_client([python, os.path.join(HERE, "client_python.py"), mode,
                         self.tools, self.dir, *self.command()])

    def test_python_2_without_handshake(self):
        self.run_python("requirements-2.txt", "stateless")

    def test_python_1(self):
        self.run_python("requirements-1.txt", "handshake")

    def test_node(self):
        folder = node_with(os.path.join(HERE, "node"))
        script = os.path.join(folder, "client_node.mjs")
        shutil.copy(os.path.join(HERE, "client_node.mjs"), script)
        self.run_client([shutil.which("node"), script, *self.command()])


if __name__ == "__main__":
    unittest.main()
