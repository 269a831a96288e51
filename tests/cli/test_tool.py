"""boxagnts tool, and the shortcuts, as a person uses them."""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import support
from support import PROGRAM, CliTest, guest


class ToolTest(CliTest):
    """A home with tools made of one guest, in the user's folder."""

    def setUp(self):
        super().setUp()
        self.user = os.path.join(
            self.environment["HOME"], ".local/share/boxagnts/tools")
        self.theirs = self.path("work/.boxagnts/tools")
        os.makedirs(self.path("work"))

    def make(self, folder, name, lines=""):
        """NAME.wasm with NAME.tool.yaml beside it."""
        os.makedirs(folder, exist_ok=True)
        shutil.copy(guest("actor"), os.path.join(folder, name + ".wasm"))
        with open(os.path.join(folder, name + ".tool.yaml"), "w",
                  encoding="utf-8") as file:
            file.write(f"tool:\n  name: {name}\n  description: Acts.\n{lines}")

    def tool(self, command, *arguments, **options):
        return self.boxagnts(
            "tool", command, "--workspace", "work", *arguments, **options)


class CallTest(ToolTest):
    def test_prints_the_text(self):
        self.make(self.user, "mine")
        result = self.tool("call", "mine", '{"do": "print", "text": "hello"}')
        self.assertEqual(result.out, "hello\n")

    def test_takes_pairs_and_files_and_stdin(self):
        self.make(self.user, "mine",
                  "  input_schema: {type: object, properties: {do: {type: "
                  "string}, text: {type: string}, n: {type: integer}}}\n")
        result = self.tool("call", "mine", "do=echo", "text=1", "n=2",
                           'x:={"a": [true]}')
        self.assertEqual(json.loads(result.out),
                         {"do": "echo", "text": "1", "n": 2,
                          "x": {"a": [True]}})
        self.write("in.json", '{"do": "print", "text": "file"}')
        self.assertEqual(self.tool("call", "mine", "@in.json").out, "file\n")
        result = self.tool("call", "mine", "-",
                           stdin=b'{"do": "print", "text": "stdin"}')
        self.assertEqual(result.out, "stdin\n")

    def test_flags_may_follow(self):
        self.make(self.user, "mine")
        result = self.tool("call", "mine", '{"do": "print", "text": "x"}',
                           "--json")
        answer = json.loads(result.out)
        self.assertEqual(answer["content"], [{"type": "text", "text": "x"}])
        self.assertIs(answer["is_error"], False)
        self.assertEqual(answer["code"], "ok")

    def test_an_error_of_the_tool_is_1(self):
        self.make(self.user, "mine")
        result = self.tool("call", "mine", '{"do": "fail", "text": "broke"}',
                           status=1)
        self.assertIn("broke", result.err)
        self.assertEqual(result.out, "")

    def test_a_call_that_is_not_made_is_125(self):
        self.make(self.user, "mine")
        for name, text, message in [
                ("mnie", "{}", "did you mean 'mine'?"),
                ("mine", "{", "no valid JSON"),
                ("mine", "[]", "expected a JSON object"),
                ("mine", "@nowhere", "nowhere"),
        ]:
            result = self.tool("call", name, text, status=125)
            self.assertIn(message, result.err)

    def test_100_MiB_of_input(self):
        self.make(self.user, "mine")
        result = self.tool("call", "mine", "-", stdin=b" " * (100 << 20),
                           status=125)
        self.assertIn("larger than 67108865 bytes", result.err)

    def test_usage_is_2(self):
        self.assertIn("which tool?", self.tool("call", status=2).err)
        self.assertIn("not an option",
                      self.tool("call", "x", "--nonsense", status=2).err)
        self.assertIn("no command", self.boxagnts("tool", "cal", status=2).err)

    def test_ends_at_its_deadline(self):
        self.make(self.user, "mine")
        result = self.tool("call", "mine", '{"do": "loop"}', "--timeout",
                           "100ms", status=1)
        self.assertIn("timeout", result.err)

    def test_ended_by_a_person_is_130(self):
        self.make(self.user, "mine")
        process = subprocess.Popen(
            [PROGRAM, "tool", "call", "--workspace", "work", "mine",
             '{"do": "loop"}'],
            cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Once there is a worker the call is under way, and the signal expected.
        deadline = time.monotonic() + 30
        while not any("worker" in support.processes_of(pid).values()
                      for pid in support.processes_of(process.pid)):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertIn(b"cancelled", err)
        self.assertEqual(process.returncode, 130)

    def test_refusals_are_told(self):
        self.make(self.user, "mine")
        result = self.tool("call", "mine", '{"do": "read", "path": "/x"}',
                           status=1)
        self.assertIn("denied path_open '/x'", result.err)
        self.assertIn("manifest of 'mine'", result.err)

    def test_no_tool_writes_what_decides(self):
        self.make(self.user, "mine",
                  "  permission_level: write\n"
                  "  permissions: ['fs.read:/', 'fs.write:/']\n")
        os.makedirs(self.theirs)
        for path in ("/.boxagnts/tools/x.wasm", "/.boxagnts/y"):
            self.tool("call", "mine",
                      json.dumps({"do": "write", "path": path, "text": "x"}),
                      status=1)
            self.assertFalse(os.path.exists(self.path("work" + path)))
        self.boxagnts(
            "tool", "call", "mine", "--workspace", self.environment["HOME"],
            '{"do": "write", "text": "x", '
            '"path": "/.local/state/boxagnts/tools.lock"}', status=1)
        self.tool("call", "mine",
                  '{"do": "write", "path": "/fine", "text": "x"}')
        self.assertEqual(self.read("work/fine"), b"x")

    def test_dangerous_tools_ask(self):
        self.make(self.user, "mine", "  permission_level: dangerous\n")
        result = self.tool("call", "mine", '{"do": "echo"}', status=125)
        self.assertIn("a person must approve", result.err)
        self.tool("call", "mine", '{"do": "echo"}', "--yes")

    def test_every_call_is_in_the_audit(self):
        self.make(self.user, "mine")
        self.tool("call", "mine", '{"do": "echo"}', "--audit", "log.jsonl")
        self.tool("call", "nobody", "{}", "--audit", "log.jsonl", status=125)
        lines = [json.loads(line) for line in
                 self.read("log.jsonl").decode().splitlines()]
        self.assertEqual([(line.get("tool"), line["decision"], line["caller"])
                          for line in lines],
                         [("mine", "allowed", "cli"),
                          ("nobody", "not-found", "cli")])
        self.assertEqual(len(lines[0]["module"]), 64)
        self.assertEqual(len(lines[0]["policy"]), 64)


class PolicyTest(ToolTest):
    READ = "  permission_level: read_only\n  permissions: ['fs.read:/']\n"

    def read_notes(self, *flags, status=0):
        return self.tool("call", "mine", *flags,
                         '{"do": "read", "path": "/notes"}', status=status)

    def test_the_workspace_is_the_default(self):
        self.make(self.user, "mine", self.READ)
        self.write("work/notes", "words")
        self.assertEqual(self.read_notes().out, "words\n")

    def test_flags_replace_the_mapping(self):
        self.make(self.user, "mine", self.READ)
        self.write("work/notes", "words")
        self.write("other/notes", "other words")
        result = self.read_notes("--map-dir", "other::/::ro")
        self.assertEqual(result.out, "other words\n")

    def test_the_users_policy_counts(self):
        self.make(self.user, "mine", self.READ)
        self.write("work/notes", "words")
        self.write("home/.config/boxagnts/policy.yaml",
                   "version: 1\nwasm-timeout: 5s\n")
        self.read_notes(status=1)
        self.write("home/.config/boxagnts/policy.yaml", "nonsense")
        self.assertIn("policy.yaml", self.read_notes(status=2).err)

    def test_explain_shows_what_is_missing(self):
        self.make(self.user, "mine",
                  "  permission_level: write\n"
                  "  permissions: ['fs.write:/', 'network:https://a.example']"
                  "\n")
        out = self.tool("explain", "mine").out
        self.assertIn("network:https://a.example", out)
        answer = json.loads(self.tool("explain", "mine", "--json").out)
        self.assertEqual(len(answer["not_given"]), 1)
        self.assertIn("network:https://a.example", answer["not_given"][0])
        self.assertEqual(answer["level"]["declared"], "write")
        answer = json.loads(self.tool(
            "explain", "mine", "--json", "--allowed-outbound-host",
            "https://a.example").out)
        self.assertEqual(answer["not_given"], [])

    def test_levels_forbid(self):
        self.make(self.user, "mine", self.READ)
        out = self.tool("list", "--tool-level", "mine=forbidden").out
        self.assertIn("forbidden", out)
        result = self.tool("call", "mine", "--permission-level", "none", "{}",
                           status=125)
        self.assertIn("permission-level", result.err)


class ManageTest(ToolTest):
    def test_list_and_show(self):
        self.make(self.user, "mine", "  programs: [helper]\n")
        self.make(self.theirs, "theirs")
        out = self.tool("list").out
        self.assertRegex(out, r"mine +user +none +ready +Acts\.")
        self.assertRegex(out, r"theirs +workspace +none +unapproved")
        tools = json.loads(self.tool("list", "--json").out)
        self.assertEqual({tool["name"]: tool["status"] for tool in tools
                          if tool["source"] != "built-in"},
                         {"mine": "ready", "theirs": "unapproved"})
        out = self.tool("show", "mine").out
        self.assertIn("program      helper", out)
        self.assertIn("SHA-256", out)
        self.assertIn("no tool 'nobody'",
                      self.tool("show", "nobody", status=1).err)

    def test_approve(self):
        self.make(self.theirs, "theirs")
        self.tool("call", "theirs", "{}", status=125)
        result = self.tool("approve", "theirs", status=1)
        self.assertIn("+ Acts.", result.out)
        self.assertIn("--yes agrees", result.err)
        self.tool("call", "theirs", '{"do": "echo"}', status=125)
        self.tool("approve", "theirs", "--yes")
        self.tool("call", "theirs", '{"do": "echo"}')
        # Another workspace with the same tool is another matter.
        shutil.copytree(self.path("work"), self.path("fork"))
        self.boxagnts("tool", "call", "--workspace", "fork", "theirs",
                      '{"do": "echo"}', status=125)

    def test_add_change_remove(self):
        self.make(self.path("build"), "made")
        result = self.tool("add", "build/made.wasm")
        self.assertIn("added 'made'", result.out)
        self.tool("call", "made", '{"do": "echo"}')
        self.make(self.path("build"), "made", "  permission_level: write\n")
        result = self.tool("add", "build/made.wasm", status=1)
        self.assertIn("+ write", result.out)
        self.tool("call", "made", '{"do": "echo"}', status=125)
        self.tool("add", "build/made.wasm", "--yes")
        self.tool("call", "made", '{"do": "echo"}')
        self.tool("remove", "made")
        self.assertEqual(os.listdir(self.user), [])
        self.tool("call", "made", '{"do": "echo"}', status=125)

    def test_add_to_the_workspace(self):
        self.make(self.path("build"), "made")
        self.tool("add", "build/made.wasm", "--to", "workspace", "--yes")
        self.assertEqual(sorted(os.listdir(self.theirs)),
                         ["made.tool.yaml", "made.wasm"])
        self.tool("call", "made", '{"do": "echo"}')

    def test_add_names_every_tool_of_a_component(self):
        out = self.tool("add", guest("component/typed")).out
        self.assertGreater(len(out.splitlines()), 1)
        for line in out.splitlines():
            self.assertIn("added 'typed_", line)

    def test_add_refuses_what_is_no_tool(self):
        self.write("x.txt", "x")
        self.assertIn("expected NAME.wasm",
                      self.tool("add", "x.txt", status=1).err)
        self.assertIn("nowhere.wasm",
                      self.tool("add", "nowhere.wasm", status=1).err)

    def test_embed(self):
        self.make(self.path("build"), "made")
        self.boxagnts("tool", "embed", "build/made.tool.yaml", "build/made.wasm",
                  "build/whole.wasm")
        os.remove(self.path("build/made.tool.yaml"))
        self.tool("add", "build/whole.wasm")
        self.tool("call", "made", '{"do": "echo"}')
        self.write("bad.yaml", "tool: {name: x}\n")
        self.assertIn("description", self.boxagnts(
            "tool", "embed", "bad.yaml", "build/made.wasm", status=1).err)

    def test_cases(self):
        self.make(self.path("made"), "made",
                  "  permission_level: write\n"
                  "  permissions: ['fs.read:/', 'fs.write:/']\n")
        self.write("made/tests.yaml", """
cases:
  - name: reads
    input: {do: read, path: /a/b}
    files: {a/b: words}
    expect: {text: words}
  - name: writes
    input: {do: write, path: /new, text: x}
    expect: {text: written, files: {new: x}}
  - name: is not there
    input: {do: read, path: /a/b}
    expect: {is_error: true}
""")
        out = self.boxagnts("tool", "test", "made").out
        self.assertIn("3 cases, 0 failed", out)
        self.write("made/tests.yaml", """
cases:
  - name: differs
    input: {do: print, text: a}
    expect: {text: b}
""")
        result = self.boxagnts("tool", "test", "made", status=1)
        self.assertIn("FAIL  differs (made/tests.yaml:3)", result.out)
        # Nothing was approved by that.
        self.assertFalse(os.path.exists(self.user))

    def test_help_teaches(self):
        for command in ("list", "show", "explain", "call", "add", "remove",
                        "approve", "embed", "test", "new"):
            out = self.boxagnts("tool", command, "--help").out
            self.assertIn(f"boxagnts tool {command}", out)
        self.assertIn("Commands:", self.boxagnts("tool", "--help").out)

    def test_help_fits_a_terminal(self):
        commands = [["tool", name] for name in (
            "list", "show", "explain", "call", "add", "remove", "approve",
            "embed", "test", "new")]
        for command in [[], ["run"], ["inspect"], ["compile"], ["cache"],
                        ["policy"], ["audit"], ["tool"], ["bash"], ["js"],
                        ["python"], ["mcp"], ["completion"], *commands]:
            for line in self.boxagnts(*command, "--help").out.splitlines():
                self.assertLessEqual(len(line), 80, f"{command}: {line}")

    def test_a_command_has_its_own_flags_only(self):
        self.assertNotIn("--lang", self.tool("add", "--help").out)
        self.assertIn("--to user|workspace", self.tool("add", "--help").out)
        self.assertNotIn("--to ", self.boxagnts("js", "--help").out)
        self.assertIn("--json is not an option",
                      self.boxagnts("tool", "embed", "--json", "a", "b", status=2).err)
        self.assertIn("--lang is not an option",
                      self.tool("list", "--lang", "c", status=2).err)

    def test_a_session_that_ends_is_told(self):
        self.make(self.user, "mine",
                  "  input_schema: {type: object, properties: "
                  "{session: {type: string}}}\n")
        for arguments, is_told in [(["session=s"], True), (["do=echo"], False),
                                   (["session=s", "--quiet"], False)]:
            err = self.tool("call", "mine", *arguments, status=None).err
            self.assertEqual("the session ends" in err, is_told, arguments)

    def test_a_word_that_is_no_input(self):
        self.make(self.user, "mine")
        result = self.tool("call", "mine", "notes.txt", status=125)
        self.assertIn("input 'notes.txt': expected a JSON object, KEY=VALUE",
                      result.err)


class ShortcutTest(ToolTest):
    def test_what_follows_is_the_programs(self):
        result = self.boxagnts("js", "-e", "console.log(1 + 1)")
        self.assertEqual(result.out, "2\n")
        self.write("work/x.js", "console.log('file')")
        result = self.boxagnts("js", "--workspace", "work", "x.js")
        self.assertEqual(result.out, "file\n")

    def test_status_is_the_programs(self):
        self.boxagnts("js", "-e", "process.exit(3)", status=3)
        self.boxagnts("js", "--wasm-timeout", "100ms", "-e", "for(;;);",
                      status=124)

    def test_help(self):
        for name in ("bash", "js", "python"):
            self.assertIn(f"boxagnts {name} [options]",
                          self.boxagnts(name, "--help").out)


if __name__ == "__main__":
    unittest.main()
