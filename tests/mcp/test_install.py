"""`boxagnts mcp install`: what it writes, and that it loses nothing."""

import json
import os
import subprocess
import tempfile
import tomllib
import unittest

from support import PROGRAM

FILES = {
    "claude-desktop": (".config/Claude/claude_desktop_config.json",
                       "mcpServers"),
    "claude-code": (".claude.json", "mcpServers"),
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "vscode": (".config/Code/User/mcp.json", "servers"),
    "windsurf": (".codeium/windsurf/mcp_config.json", "mcpServers"),
    "zed": (".config/zed/settings.json", "context_servers"),
    "codex": (".codex/config.toml", "mcp_servers"),
    "gemini": (".gemini/settings.json", "mcpServers"),
}


class Install(unittest.TestCase):
    def setUp(self):
        home = tempfile.TemporaryDirectory(prefix="bx-install-")
        self.addCleanup(home.cleanup)
        self.home = os.path.realpath(home.name)
        self.work = os.path.join(self.home, "my work")
        os.mkdir(self.work)

    def run_install(self, *arguments, status=0):
        result = subprocess.run(
            [PROGRAM, "mcp", "install", *arguments], cwd=self.work,
            env={"HOME": self.home, "PATH": os.environ["PATH"]}, timeout=60,
            capture_output=True, check=False)
        self.assertEqual(result.returncode, status, result.stderr)
        return (result.stdout + result.stderr).decode()

    def path(self, client):
        return os.path.join(self.home, FILES[client][0])

    def write(self, client, text):
        os.makedirs(os.path.dirname(self.path(client)), exist_ok=True)
        with open(self.path(client), "w", encoding="utf-8") as file:
            file.write(text)

    def text(self, client):
        with open(self.path(client), encoding="utf-8") as file:
            return file.read()

    def entry(self, client, name="boxagnts"):
        load = tomllib.loads if client == "codex" else json.loads
        return load(self.text(client))[FILES[client][1]][name]

    def test_every_client_from_nothing_and_twice(self):
        for client in FILES:
            with self.subTest(client=client):
                self.assertIn("wrote server", self.run_install(client))
                entry = self.entry(client)
                self.assertEqual(entry["command"], os.path.realpath(PROGRAM))
                self.assertEqual(entry["args"],
                                 ["mcp", "--workspace", self.work])
                self.assertEqual(os.stat(self.path(client)).st_mode & 0o777,
                                 0o600)
                before = self.text(client)
                self.assertIn("already", self.run_install(client))
                self.assertEqual(self.text(client), before)
                self.assertFalse(os.path.exists(
                    self.path(client) + ".boxagnts-backup"))

    def test_the_list_of_clients(self):
        os.mkdir(os.path.join(self.home, ".cursor"))
        lines = self.run_install().splitlines()
        self.assertEqual({line.split()[0] for line in lines}, set(FILES))
        found = [line.split()[0] for line in lines if " found " in line]
        self.assertEqual(found, ["cursor"])

    def test_nothing_is_lost_in_json_with_comments(self):
        old = ('// mine\n{\n  "theme": "dark", /* }{ */\n'
               '  "context_servers": {\n    // other\n'
               '    "other": { "command": "x // y", "args": ["}",], },\n'
               '  },\n  "last": [1, 2,],\n}\n')
        self.write("zed", old)
        os.chmod(self.path("zed"), 0o640)
        self.run_install("zed")
        new = self.text("zed")
        # All of what was is there in its order, around one insertion.
        begin = os.path.commonprefix([old, new])
        self.assertTrue(new.endswith(old[len(begin):]), new)
        self.assertIn('"boxagnts": {', new[len(begin):])
        with open(self.path("zed") + ".boxagnts-backup",
                  encoding="utf-8") as file:
            self.assertEqual(file.read(), old)
        self.assertEqual(os.stat(self.path("zed")).st_mode & 0o777, 0o640)
        self.assertIn("already", self.run_install("zed"))

    def test_an_entry_is_replaced_alone(self):
        for client in ("cursor", "vscode"):
            section = FILES[client][1]
            self.write(client, json.dumps({
                "a": 1, section: {"x": {"command": "x"},
                                  "boxagnts": {"command": "old"},
                                  "y": {"command": "y"}}, "z": [None]}))
            self.run_install(client, "--tools", "file-*", "--name=boxagnts")
            whole = json.loads(self.text(client))
            self.assertEqual(list(whole), ["a", section, "z"])
            self.assertEqual(list(whole[section]), ["x", "boxagnts", "y"])
            self.assertEqual(whole[section]["boxagnts"]["args"][-1], "file-*")
            self.assertEqual(whole[section]["boxagnts"]["type"], "stdio")

    def test_shapes_of_json(self):
        for old in ("", " \n", "{}", '{"a": {}}', '{"mcpServers": {}}',
                    '{"mcpServers": {\n}\n}', '{"mcpServers":{"x":{}}}',
                    '{\n  "a": 1\n}', '{"a": "\\"mcpServers\\": {"}'):
            with self.subTest(old=old):
                self.write("gemini", old)
                self.run_install("gemini")
                expected = json.loads(old or "{}") if old.strip() else {}
                whole = json.loads(self.text("gemini"))
                whole["mcpServers"].pop("boxagnts")
                expected.setdefault("mcpServers", {})
                self.assertEqual(whole, expected)

    def test_malformed_json_is_left_alone(self):
        for old in ("{", "[]", "x", '{"a" 1}', '{"a": 1 "b": 2}', '{"a": }',
                    '{"mcpServers": []}', '{"mcpServers": 5}', '{"a": 1}}',
                    '{"a": "x}', "{/*", '{"a": tru}', '{"a": 01}', "{,}",
                    '{"mcpServers": {"boxagnts": 1, "boxagnts": 2}}',
                    '{"a": ' + "[" * 500 + "]" * 500 + "}"):
            with self.subTest(old=old[:40]):
                self.write("gemini", old)
                message = self.run_install("gemini", status=1)
                self.assertIn("line 1: expected", message)
                self.assertIn("left as it is", message)
                self.assertEqual(self.text("gemini"), old)

    def test_toml(self):
        old = ('# mine\nmodel = "x" # [mcp_servers.no]\n'
               'text = """\n[mcp_servers.boxagnts]\n"""\n'
               "list = [\n  'a]', # ]\n  'b',\n]\n\n"
               '[mcp_servers.other]\ncommand = "o"\n')
        self.write("codex", old)
        self.run_install("codex")
        self.assertTrue(self.text("codex").startswith(old))
        whole = tomllib.loads(self.text("codex"))
        self.assertEqual(whole["mcp_servers"]["other"], {"command": "o"})
        self.assertEqual(self.entry("codex")["args"][0], "mcp")
        more = ('\n# between\n[profiles.x]\nmodel = "y"\n'
                "[mcp_servers.last]\ncommand = 'l'\n")
        with open(self.path("codex"), "a", encoding="utf-8") as file:
            file.write(more)
        self.run_install("codex", "--tools", "bash")
        self.assertEqual(self.entry("codex")["args"][-1], "bash")
        self.assertTrue(self.text("codex").startswith(old))
        self.assertTrue(self.text("codex").endswith(more))

    def test_malformed_toml_is_left_alone(self):
        for old in ('a = "x\n', 'a = """x\n', "a = [1\n", "a = ]\n",
                    "mcp_servers = { x = { command = 'x' } }\n",
                    'mcp_servers.x.command = "x"\n',
                    "[mcp_servers.boxagnts]\n[mcp_servers.boxagnts]\n"):
            with self.subTest(old=old):
                self.write("codex", old)
                self.assertIn("left as it is",
                              self.run_install("codex", status=1))
                self.assertEqual(self.text("codex"), old)

    def test_print_changes_nothing(self):
        self.write("cursor", '{"a": 1}')
        self.assertIn('"boxagnts"', self.run_install("cursor", "--print"))
        self.assertEqual(self.text("cursor"), '{"a": 1}')

    def test_a_link_stays_one(self):
        real = os.path.join(self.home, "dotfiles.json")
        with open(real, "w", encoding="utf-8") as file:
            file.write("{}")
        os.symlink(real, self.path("claude-code"))
        self.run_install("claude-code")
        self.assertTrue(os.path.islink(self.path("claude-code")))
        self.assertIn("boxagnts", self.text("claude-code"))

    def test_usage(self):
        for arguments in (("nobody",), ("--name", "a b", "cursor"),
                          ("--nothing", "x"), ("cursor", "zed"), ("--name",)):
            self.run_install(*arguments, status=2)
        self.run_install("cursor", "--workspace", "/no/such/folder", status=1)
        self.assertFalse(os.path.exists(self.path("cursor")))


if __name__ == "__main__":
    unittest.main()
