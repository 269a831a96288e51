"""Servers that people use, over streamable HTTP: the reference one, and those
of the official Python SDK."""

import json
import os
import shutil
import socket
import subprocess
import time
import unittest

from support import HERE, PROGRAM, ServerTest, node_with, python_with


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class WebServers(ServerTest):
    @classmethod
    def add_tool(cls, name, manifest):
        """No tools but those of servers."""

    def boxagnts(self, *arguments, status=0):
        result = subprocess.run(
            [PROGRAM, *arguments], cwd=self.dir, env=self.environment,
            capture_output=True, timeout=120, check=False, encoding="utf-8")
        self.assertEqual(result.returncode, status,
                         f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def start(self, port, command, **variables):
        process = subprocess.Popen(
            command, cwd=self.dir, env={**os.environ, **variables},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                self.assertIsNone(process.poll(), "it ended")
                time.sleep(0.1)
        self.fail("it does not listen")

    def add(self, name, port):
        path = os.path.join(self.home, ".config/boxagnts/mcp.json")
        if os.path.exists(path):
            os.remove(path)
        self.boxagnts("mcp", "add", name, "--url",
                      f"http://127.0.0.1:{port}/mcp")
        self.boxagnts("mcp", "approve", name, "--yes")

    def call(self, server, tool, status=0, **arguments):
        result = self.boxagnts("mcp", "test", server, tool,
                               json.dumps(arguments), status=status)
        return result.stdout if status == 0 else result.stderr

    def test_everything(self):
        folder = node_with(os.path.join(HERE, "server_node"))
        script = os.path.join(
            folder, "node_modules/@modelcontextprotocol/server-everything",
            "dist/index.js")
        port = free_port()
        self.start(port, [shutil.which("node"), script, "streamableHttp"],
                   PORT=str(port))
        self.add("every", port)
        shown = self.boxagnts("mcp", "test", "every").stdout
        self.assertIn("everything", shown)
        self.assertIn("protocol 2025-11-25", shown)
        self.assertEqual(self.call("every", "echo", message="hi"),
                         "Echo: hi\n")
        self.assertIn("sum of 1 and 2 is 3",
                      self.call("every", "get-sum", a=1, b=2))
        self.assertIn("completed", self.call(
            "every", "trigger-long-running-operation", duration=1, steps=3))
        self.assertIn("temperature", self.call(
            "every", "get-structured-content", location="New York"))

    def python_server(self, requirements, revision):
        python = python_with(os.path.join(HERE, requirements))
        port = free_port()
        self.start(port, [python, os.path.join(HERE, "server_python.py"),
                          str(port)])
        self.add("sdk", port)
        self.assertIn("protocol " + revision,
                      self.boxagnts("mcp", "test", "sdk").stdout)
        self.assertIn("3", self.call("sdk", "add", a=1, b=2))
        self.assertIn("done", self.call("sdk", "slow", steps=3))
        self.assertIn("fail", self.call("sdk", "fail", status=1))

    def test_python_2(self):
        self.python_server("requirements-2.txt", "2025-11-25")

    def test_python_1(self):
        self.python_server("requirements-1.txt", "2025-11-25")


if __name__ == "__main__":
    unittest.main()
