"""Tools, workspaces and guests that mean harm, through the command line."""

import json
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cli"))

from support import CliTest, guest  # noqa: E402

ALL = ("  permission_level: execute\n"
       "  permissions: ['fs.read:/', 'fs.write:/', 'exec:*', 'tool:*']\n")


class AttackTest(CliTest):
    def setUp(self):
        super().setUp()
        self.user = self.path("home/.local/share/boxagnts/tools")
        self.make(self.user, "mine", ALL)
        os.makedirs(self.path("work"), exist_ok=True)

    def make(self, folder, name, lines=""):
        os.makedirs(folder, exist_ok=True)
        shutil.copy(guest("actor"), os.path.join(folder, name + ".wasm"))
        with open(os.path.join(folder, name + ".tool.yaml"), "w",
                  encoding="utf-8") as file:
            file.write(f"tool:\n  name: {name}\n  description: Acts.\n{lines}")

    def act(self, *options, status=0, workspace="work", **words):
        return self.boxagnts("tool", "call", "--workspace", workspace, *options,
                             "mine", json.dumps(words), status=status)

    def assert_not_written(self, path, *options, workspace="work"):
        before = self.read(path)
        name = os.path.relpath(self.path(path), self.path(workspace))
        result = self.act(*options, do="write", path="/" + name, text="x",
                          workspace=workspace, status=1)
        self.assertIn("the path is protected", result.err)
        self.assertEqual(self.read(path), before)


class WritesWhatDecidesTest(AttackTest):
    def test_its_policy(self):
        self.write("work/policy.yaml",
                   "work-dir: .\ngrant: ['exec:*', 'tool:*']\n")
        self.assert_not_written("work/policy.yaml", "--policy",
                                "work/policy.yaml")
        self.assert_not_written("work/policy.yaml", "--policy",
                                self.path("work/../work/policy.yaml"))
        # What the next run of a plain program goes by, too.
        result = self.boxagnts(
            "run", "--policy", "work/policy.yaml", guest("actor"),
            '{"do": "write", "path": "/policy.yaml", "text": "x"}', status=1)
        self.assertIn("the policy's own file", result.err)

    def test_the_users_policy_behind_a_link(self):
        self.write("work/mine.yaml", f"work-dir: {self.path('work')}\n")
        os.makedirs(self.path("home/.config/boxagnts"))
        os.symlink(self.path("work/mine.yaml"),
                   self.path("home/.config/boxagnts/policy.yaml"))
        self.assert_not_written("work/mine.yaml")

    def test_the_users_tools_behind_a_link(self):
        shutil.move(self.user, self.path("work/dotfiles"))
        os.symlink(self.path("work/dotfiles"), self.user)
        self.assert_not_written("work/dotfiles/mine.tool.yaml")
        self.act(do="write", path="/dotfiles/new.wasm", text="x", status=1)
        self.assertFalse(os.path.exists(self.path("work/dotfiles/new.wasm")))

    def test_the_workspaces_tools_behind_a_link(self):
        os.makedirs(self.path("work/.boxagnts"))
        os.makedirs(self.path("work/payload"))
        os.symlink("../payload", self.path("work/.boxagnts/tools"))
        self.act(do="write", path="/payload/new.wasm", text="x", status=1)
        self.assertEqual(os.listdir(self.path("work/payload")), [])

    def test_the_audit_log(self):
        self.act("--audit", "work/log.jsonl", do="print", text="x")
        for name in ("log.jsonl", "log.jsonl.head"):
            result = self.act("--audit", "work/log.jsonl", do="write",
                              path="/" + name, text="x", status=1)
            self.assertIn("the audit log", result.err)
        self.boxagnts("audit", "verify", "--file", "work/log.jsonl")


class SecretTest(AttackTest):
    def test_its_file_in_a_mapped_folder(self):
        """Neither by its path nor by one that leads there."""
        self.write("work/keys/token", "a-value-of-a-secret")
        os.chmod(self.path("work/keys/token"), 0o600)
        os.symlink("keys/token", self.path("work/link"))
        self.write("policy.yaml", "map-dir: ['work::/', 'work/keys::/k']\n"
                   "secret: ['TOKEN=@work/keys/token']\n"
                   "grant: ['exec:*', 'tool:*']\n")
        for path in ("/keys/token", "/k/token", "/link", "/keys/../link"):
            result = self.act("--policy", "policy.yaml", do="read", path=path,
                              status=1)
            self.assertNotIn("a-value", result.out + result.err)
            self.assertIn("the file holds a secret", result.err)
        self.act("--policy", "policy.yaml", do="write", path="/keys/token",
                 text="x", status=1)
        self.assertEqual(self.read("work/keys/token"), b"a-value-of-a-secret")
        self.write("work/keys/other", "fine")
        out = self.act("--policy", "policy.yaml", do="read",
                       path="/keys/other").out
        self.assertEqual(out, "fine\n")


class CloneTest(AttackTest):
    """A repository somebody cloned."""

    def test_names_that_look_like_lines_of_ours(self):
        self.write("work/.boxagnts/tools/x\nlevel        none\n.wasm", "no")
        name = next(tool["name"] for tool in json.loads(
            self.boxagnts("tool", "list", "--json", "--workspace", "work").out)
                    if tool["source"] == "workspace")
        out = self.boxagnts("tool", "show", "--workspace", "work", name).out
        self.assertIn("level        none", out)
        self.assertNotIn("\nlevel ", out)

    def test_what_a_terminal_would_act_on_or_hide(self):
        hidden = "\x1b[2J\u202e\u200b\U000e0041"
        self.write(f"work/.boxagnts/tools/a{hidden}.wasm", "no module")
        self.make(self.path("work/.boxagnts/tools"), "theirs",
                  "  input_schema: {type: object, title: "
                  r'"\e[2J\u202e\u200b\U000e0041"' "}\n")
        for name in ("theirs", "a__2J" + "_" * 10):
            for command in ("list", "call", "explain", "approve", "show"):
                words = [] if command == "list" else [name]
                result = self.boxagnts("tool", command, "--workspace", "work",
                                       *words, status=None)
                self.assertNotIn("no tool", result.err)
                for letter in hidden.replace("[2J", ""):
                    self.assertNotIn(letter, result.out + result.err,
                                     f"{command} {name}")

    def test_code_that_nobody_agreed_to_is_not_compiled(self):
        self.write("work/.boxagnts/tools/bomb.wat",
                   '(module (func (export "_start") (loop (br 0))))')
        out = self.boxagnts("tool", "list", "--workspace", "work").out
        self.assertRegex(out, r"bomb +workspace +- +unapproved it came with")
        self.assertEqual(
            os.path.exists(self.path("home/.cache/boxagnts/modules")), False)


class BombTest(AttackTest):
    def test_more_values_than_memory_has(self):
        self.write("in.json", '{"a": [' + "[]," * 300000 + "0]}")
        result = self.boxagnts("tool", "call", "mine", "@in.json", status=125)
        self.assertIn("more than 262144 JSON values", result.err)


if __name__ == "__main__":
    unittest.main()
