"""Servers that people use, from their registries, behind `boxagnts mcp`: our
own, the reference one, those of the official Python SDK."""

import json
import os
import shutil
import subprocess
import time
import unittest

from support import HERE, PROGRAM, ServerTest, node_with, python_with


class Servers(ServerTest):
    @classmethod
    def add_tool(cls, name, manifest):
        """No tools but those of servers."""

    def boxagnts(self, *arguments, status=0, stdin=""):
        result = subprocess.run(
            [PROGRAM, *arguments], cwd=self.dir, env=self.environment,
            input=stdin, capture_output=True, timeout=120, check=False,
            encoding="utf-8")
        self.assertEqual(result.returncode, status,
                         f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def add(self, name, *arguments):
        path = os.path.join(self.home, ".config/boxagnts/mcp.json")
        if os.path.exists(path):
            os.remove(path)
        self.boxagnts("mcp", "add", name, *arguments)

    def call(self, server, tool, status=0, **arguments):
        result = self.boxagnts("mcp", "test", server, tool,
                               json.dumps(arguments), status=status)
        return result.stdout if status == 0 else result.stderr

    def test_our_own(self):
        self.write("note.txt", "a note\n")
        # The engine reserves addresses, which count as memory; a worker looks
        # up in /proc what it has before it limits itself.
        self.add("own", "--write", ".", "--memory", "0", "--read", "/proc",
                 "--", PROGRAM, "mcp", "--workspace", self.dir, "--tools", "file-read")
        self.boxagnts("mcp", "approve", "own", "--yes")
        self.assertIn("a note", self.call("own", "file-read",
                                          path="note.txt"))

    def test_everything(self):
        folder = node_with(os.path.join(HERE, "server_node"))
        script = os.path.join(
            folder, "node_modules/@modelcontextprotocol/server-everything",
            "dist/index.js")
        self.add("every", "--", shutil.which("node"), script)
        shown = self.boxagnts("mcp", "test", "every").stdout
        self.assertIn("everything", shown)
        self.assertIn("network    none", shown)
        self.assertIn("mcp-every-echo", shown)
        self.assertIn("is unapproved", self.call("every", "echo", status=1,
                                                 message="x"))
        shown = self.boxagnts("mcp", "approve", "every", "--yes").stdout
        self.assertIn("+ Echoes back the input string", shown)
        self.assertEqual(self.call("every", "echo", message="hi"),
                         "Echo: hi\n")
        self.assertIn("sum of 1 and 2 is 3",
                      self.call("every", "get-sum", a=1, b=2))
        self.assertIn("expected a number",
                      self.call("every", "get-sum", status=1, a="x", b=2))
        self.assertIn("image/png", self.call("every", "get-tiny-image"))
        self.assertIn("temperature", self.call(
            "every", "get-structured-content", location="New York"))
        self.environment["PRIVATE_KEY_OF_MINE"] = "1"
        self.assertNotIn("PRIVATE_KEY", self.call("every", "get-env"))

    def python_server(self, requirements):
        """One over stdio, that may not read the workspace, then may."""
        python = python_with(os.path.join(HERE, requirements))
        script = os.path.join(HERE, "server_python.py")
        note = self.write("note.txt", "a note\n")
        self.add("sdk", "--", python, script)
        self.boxagnts("mcp", "approve", "sdk", "--yes")
        self.assertIn("3", self.call("sdk", "add", a=1, b=2))
        self.assertIn("done", self.call("sdk", "slow", steps=3))
        self.assertIn("as it should", self.call("sdk", "fail", status=1))
        self.assertIn("Permission denied", self.call("sdk", "read", status=1,
                                                     path=note))
        self.add("sdk", "--read", ".", "--", python, script)
        self.assertIn("a note", self.call("sdk", "read", path=note))

    def test_python_2(self):
        self.python_server("requirements-2.txt")

    def test_python_1(self):
        self.python_server("requirements-1.txt")


class Commands(Servers):
    """The commands themselves, with the scripted server."""

    for _name in ("test_our_own", "test_everything", "test_python_1",
                  "test_python_2"):
        locals()[_name] = None

    def scripted(self, *flags, mode="fine"):
        self.add("one", *flags, "--", shutil.which("python3"),
                 os.path.join(HERE, "hostile_server.py"), mode)

    def test_lists_what_holds_a_server_and_what_does_not(self):
        path = os.path.join(self.home, ".config/boxagnts/mcp.json")
        if os.path.exists(path):
            os.remove(path)
        self.assertIn("No MCP servers", self.boxagnts("mcp", "list").stdout)
        self.scripted("--network", "--read", ".", "--env", "A=b")
        shown = self.boxagnts("mcp", "list").stdout
        self.assertIn("one (user)", shown)
        self.assertIn("any address", shown)
        self.assertIn(self.dir, shown)
        self.assertIn("variables  PATH, HOME, TMPDIR, LANG, A\n", shown)
        self.assertIn("not held", shown)
        listed = json.loads(self.boxagnts("mcp", "list", "--json").stdout)
        self.assertEqual(listed[0]["name"], "one")
        self.assertTrue(listed[0]["network"])
        self.boxagnts("mcp", "remove", "one")
        self.assertIn("no server", self.boxagnts("mcp", "remove", "one",
                                                 status=1).stderr)

    def test_keeps_the_file_to_its_owner(self):
        self.scripted("--env", "KEY=sk-0123456789")
        path = os.path.join(self.home, ".config/boxagnts/mcp.json")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertNotIn("sk-0123456789", self.boxagnts("mcp",
                                                        "list").stdout)
        result = self.boxagnts("mcp", "test", "one")
        self.assertNotIn("sk-0123456789", result.stdout + result.stderr)

    def test_asks_before_it_approves(self):
        self.scripted()
        result = self.boxagnts("mcp", "approve", "one", "echo", status=1)
        self.assertIn("== mcp-one-echo (execute) ==", result.stdout)
        self.assertNotIn("mcp-one-die", result.stdout)
        self.assertIn("nothing is approved", result.stderr)
        self.boxagnts("mcp", "approve", "one", "echo", "--yes")
        self.assertIn("{}", self.call("one", "echo"))
        self.assertIn("unapproved", self.call("one", "env", status=1))

    def test_starts_nothing_of_a_workspace_unasked(self):
        marker = os.path.join(self.dir, "started")
        self.write(".mcp.json", json.dumps({"mcpServers": {"theirs": {
            "command": "/bin/touch", "args": [marker], "write": ["."]}}}))
        shown = self.boxagnts("mcp", "list").stdout
        self.assertIn("theirs (workspace)", shown)
        self.assertIn("nobody approved it", shown)
        self.assertIn("nobody approved", self.boxagnts(
            "mcp", "test", "theirs", status=1).stderr)
        self.assertIn("theirs", self.boxagnts("mcp", "approve",
                                              status=1).stdout)
        self.assertFalse(os.path.exists(marker))
        self.boxagnts("mcp", "approve", "--yes")
        self.boxagnts("mcp", "test", "theirs", status=1)
        self.assertTrue(os.path.exists(marker))

    def test_nothing_of_a_workspace_steers_the_terminal(self):
        """What its file names is shown in every list, error and log."""
        self.write(".mcp.json", json.dumps({"mcpServers": {"theirs": {
            "command": "no\x1b[2J\u202esuch", "args": ["\x1b[2Jx\ny"]}}}))
        self.boxagnts("mcp", "approve", "--yes")
        for words, status in ((["list"], 0), (["test", "theirs"], 1),
                              (["approve"], 0)):
            result = self.boxagnts("mcp", *words, status=status)
            for text in (result.stdout, result.stderr):
                self.assertNotIn("\x1b", text)
                self.assertNotIn("\u202e", text)
        self.assertIn("no\\x1b[2J", self.boxagnts("mcp", "list").stdout)

    def test_the_page_shows_what_works(self):
        page = os.path.join(HERE, "../../docs/mcp.md")
        with open(page, encoding="utf-8") as file:
            text = file.read()
        begin = text.index('    {"mcpServers"')
        path = os.path.join(self.home, ".config/boxagnts/mcp.json")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text[begin:text.index("\n\n", begin)])
        os.chmod(path, 0o600)
        shown = self.boxagnts("mcp", "list").stdout
        self.assertIn("search (user)", shown)
        self.assertIn("SEARCH_KEY is not set", shown)
        self.assertIn("notes (user)", shown)

    def test_says_why_a_server_does_not_start(self):
        self.scripted(mode="quits")
        self.assertIn("no configuration", self.boxagnts(
            "mcp", "test", "one", status=1).stderr)
        self.add("gone", "--", "no-such-program-here")
        self.assertIn("no program 'no-such-program-here'", self.boxagnts(
            "mcp", "test", "gone", status=1).stderr)

    def test_ends_its_servers_however_it_ends(self):
        mark = "marked-" + os.path.basename(self.dir)
        self.add("one", "--", shutil.which("python3"),
                 os.path.join(HERE, "hostile_server.py"), "fine", mark)
        self.boxagnts("mcp", "approve", "one", "hang", "--yes")

        def servers():
            return subprocess.run(["pgrep", "-f", f"[h]ostile.*{mark}"],
                                  capture_output=True, check=False).stdout

        process = subprocess.Popen(
            [PROGRAM, "mcp", "test", "one", "hang"], cwd=self.dir,
            env=self.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for _ in range(1000):
            if servers():
                break
            time.sleep(0.01)
        self.assertTrue(servers())
        process.kill()
        for _ in range(1000):
            if not servers():
                break
            time.sleep(0.01)
        self.assertFalse(servers())

    def test_refuses_what_it_does_not_know(self):
        for words, expected in (
                (["add"], "expected a name"),
                (["add", "x"], "\"command\" or \"url\""),
                (["add", "x y", "--", "true"], "the name"),
                (["add", "x", "--netwrok", "--", "true"], "no option"),
                (["add", "x", "--env", "A", "--", "true"], "NAME=VALUE"),
                (["add", "x", "--memory", "much", "--", "true"], "a number"),
                (["add", "x", "--level", "all", "--", "true"], "\"level\""),
                (["adds"], "no command 'adds'"),
                (["test"], "expected a server's name")):
            self.assertIn(expected, self.boxagnts("mcp", *words,
                                                  status=2).stderr)


if __name__ == "__main__":
    unittest.main()
