"""boxagnts init and boxagnts settings: a workspace set up by asking little."""

import json
import os
import pty
import subprocess
import unittest

from support import PROGRAM, CliTest, give_compiled

SETTINGS = ".boxagnts/agent.yaml"
POLICY = ".boxagnts/policy.yaml"


SOURCE = os.environ.get("BX_SOURCE_DIR",
                        os.path.join(os.path.dirname(__file__), "../.."))


class InitTest(CliTest):
    def init(self, *arguments, **options):
        return self.boxagnts("init", *arguments, **options)

    def settings(self, **options):
        """KEY: (VALUE, FROM), and the problems."""
        value = json.loads(self.boxagnts("settings", "--json", **options).out)
        rows = {row["key"]: (row["value"], row["from"])
                for row in value["settings"]}
        return rows, value["problems"]

    def on_terminal(self, typed, *arguments):
        """Run init with a terminal at which this is typed, an approval once it
        is asked for; its status and all that was shown."""
        main, side = pty.openpty()
        if "--trust" not in arguments:
            os.write(main, typed)
        process = subprocess.Popen(
            [PROGRAM, "init", *arguments], stdin=side, stdout=side,
            stderr=side, cwd=self.dir, env=self.environment)
        os.close(side)
        shown = b""
        while True:
            try:
                data = os.read(main, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
            if b"[y/N]" in data:
                os.write(main, typed)
        os.close(main)
        return process.wait(timeout=60), shown.decode()

    # ---- writing ----

    def test_writes_what_counts_at_once(self):
        result = self.init("--yes")
        self.assertIn(f"wrote  {SETTINGS}\nwrote  {POLICY}\n", result.out)
        self.assertIn("Tools reach no network.", result.out)
        rows, problems = self.settings()
        self.assertEqual(problems, [])
        self.assertEqual(rows["mode"], ("reads", SETTINGS + ":3"))
        self.assertEqual(rows["policy"], (self.path(POLICY), POLICY))
        self.assertIn("valid",
                      self.boxagnts("policy", "check", POLICY).out)
        self.assertFalse(os.path.exists(self.path("AGENTS.md")))
        self.assertFalse(os.path.exists(self.path(".boxagnts/.gitignore")))

    def test_each_answer_is_a_mode_and_a_policy(self):
        for can, mode, write in (("read", "plan", "no"),
                                 ("edit", "reads", "yes"),
                                 ("auto", "auto", "yes")):
            self.init("--yes", "--can", can, "--force")
            self.assertEqual(self.settings()[0]["mode"][0], mode)
            answer = self.boxagnts("policy", "explain", POLICY,
                                   "fs.write:/x", status=None).out
            self.assertTrue(answer.startswith(write), answer)

    def test_hosts_and_model(self):
        self.init("--yes", "--network", "https://a.example,https://b.example",
                  "--network", "*://c.example:8080", "--model", "demo")
        text = self.read(POLICY).decode()
        for host in ("https://a.example", "https://b.example",
                     "*://c.example:8080"):
            self.assertIn(f'  - "{host}"\n', text)
        self.boxagnts("policy", "check", POLICY)
        self.assertEqual(self.settings()[0]["model"][0], "demo")

    def test_a_wrong_answer_writes_nothing(self):
        for arguments, word, status in (
                (("--network", "http://"), "'http://' has no host", 1),
                (("--model", "no-such-model"), "no-such-model", 1),
                (("--can", "all"), "read, edit or auto", 2),
                (("a", "b"), "expected one folder", 2),
                (("--bad",), "not an option", 2),
                (("--trust", "--force"), "write nothing", 2),
                (("--trust", "--distrust"), "exclude", 2),
                (("nowhere",), "No such file", 1)):
            result = self.init("--yes", *arguments, status=status)
            self.assertIn(word, result.err)
        self.assertIn("--yes", self.init(status=2).err)
        self.assertFalse(os.path.exists(self.path(".boxagnts")))

    def test_agents_md_only_when_asked(self):
        os.mkdir(self.path(".git"))
        self.init("--yes", "--agents-md")
        self.assertIn("Notes for agents", self.read("AGENTS.md").decode())
        self.assertIn("results/", self.read(".boxagnts/.gitignore").decode())

    def test_never_overwrites(self):
        self.write(POLICY, "version: 1\n")
        result = self.init("--yes", status=1)
        self.assertIn(f"{POLICY} is there already", result.err)
        self.assertIn("Nothing was written", result.err)
        self.assertFalse(os.path.exists(self.path(SETTINGS)))
        for number in ("", ".2"):
            result = self.init("--yes", "--force")
            self.assertIn(f"kept   {POLICY}.bak{number}\n", result.out)
        self.assertEqual(self.read(POLICY + ".bak"), b"version: 1\n")
        self.assertEqual(self.read(POLICY), self.read(POLICY + ".bak.2"))

    def test_follows_no_link(self):
        os.mkdir(self.path("elsewhere"))
        os.symlink("elsewhere", self.path(".boxagnts"))
        self.assertIn("link", self.init("--yes", status=1).err)
        self.assertEqual(os.listdir(self.path("elsewhere")), [])
        os.unlink(self.path(".boxagnts"))
        os.mkdir(self.path(".boxagnts"))
        self.write("mine", "mine\n")
        os.symlink("../mine", self.path(SETTINGS))
        self.init("--yes", status=1)
        self.init("--yes", "--force")
        self.assertEqual(self.read("mine"), b"mine\n")
        self.assertFalse(os.path.islink(self.path(SETTINGS)))

    # ---- on a terminal ----

    def test_asks_three_questions(self):
        status, shown = self.on_terminal(b"7\n3\nhttps://a.example\ndemo\n")
        self.assertEqual(status, 0, shown)
        self.assertIn("What may agents do here?", shown)
        self.assertIn("expected 1, 2 or 3", shown)
        self.assertIn("Which model? [", shown)
        rows, _ = self.settings()
        self.assertEqual(rows["mode"][0], "auto")
        self.assertEqual(rows["model"][0], "demo")
        self.assertIn('"https://a.example"', self.read(POLICY).decode())

    def test_defaults_are_enter(self):
        status, shown = self.on_terminal(b"\n\n\n")
        self.assertEqual(status, 0, shown)
        self.assertEqual(self.settings()[0]["mode"][0], "reads")

    def test_asks_for_nothing_that_is_given(self):
        status, shown = self.on_terminal(b"", "--can", "read", "--network",
                                         "none", "--model", "demo")
        self.assertEqual(status, 0, shown)
        self.assertNotIn("?", shown)

    def test_an_end_of_input_writes_nothing(self):
        status, shown = self.on_terminal(b"\n\x04")
        self.assertEqual(status, 1, shown)
        self.assertFalse(os.path.exists(self.path(".boxagnts")))

    # ---- approval ----

    def test_what_a_clone_brings_only_narrows(self):
        self.write(SETTINGS, "mode: auto\nbudget: { turns: 5 }\n")
        self.write(POLICY, "version: 1\nwork-dir: ..\n")
        rows, problems = self.settings()
        self.assertEqual(rows["mode"], ("reads", "default"))
        self.assertEqual(rows["budget/turns"], ("5", SETTINGS + ":2"))
        self.assertEqual(rows["policy"][0], "")
        self.assertEqual(len(problems), 2)
        self.assertIn("--yes", self.init("--trust", status=2).err)
        result = self.init("--trust", "--yes")
        self.assertIn("mode: auto", result.out)
        self.assertIn("work-dir: ..", result.out)
        rows, problems = self.settings()
        self.assertEqual(rows["mode"][0], "auto")
        self.assertEqual(rows["policy"][0], self.path(POLICY))
        self.assertEqual(problems, [])
        self.init("--distrust")
        self.assertEqual(self.settings()[0]["mode"][0], "reads")

    def test_what_changed_since_is_refused(self):
        self.init("--yes", "--can", "read")
        self.write(POLICY, "version: 1\nwork-dir: /\n")
        result = self.boxagnts("settings", status=1)
        self.assertIn("not what you approved", result.err)
        self.init("--trust", "--yes")
        self.settings()
        os.unlink(self.path(SETTINGS))
        self.assertIn("is gone", self.boxagnts("settings", status=1).err)
        self.init("--trust", "--yes")
        self.assertEqual(self.settings()[0]["mode"], ("reads", "default"))

    def test_asks_before_it_approves(self):
        self.write(SETTINGS, "mode: auto\n# \u202e\n")
        for answer in (b"n\n", b"yes, no\n"):
            status, shown = self.on_terminal(answer, "--trust")
            self.assertEqual(status, 1)
        self.assertNotIn("\u202e", shown)
        self.assertEqual(self.settings()[0]["mode"][0], "reads")
        status, shown = self.on_terminal(b"y\n", "--trust")
        self.assertEqual(status, 0, shown)
        self.assertEqual(self.settings()[0]["mode"][0], "auto")

    def test_approves_nothing_that_cannot_be_read(self):
        self.assertIn("nothing to approve",
                      self.init("--trust", "--yes", status=1).err)
        self.write(POLICY, "version: 1\nwrok-dir: ..\n")
        self.assertIn("policy.yaml", self.init("--trust", "--yes",
                                               status=1).err)
        os.unlink(self.path(POLICY))
        self.write(SETTINGS, "mode: yolo\n")
        self.init("--trust", "--yes", status=1)
        self.write(SETTINGS, "mode: ask\n")
        self.assertEqual(self.settings()[0]["mode"][0], "ask")

    def test_a_guest_cannot_approve(self):
        """Nor write what was approved, under the policy that init writes."""
        give_compiled(self.environment["HOME"])
        self.init("--yes", "--can", "auto")
        for target in (SETTINGS, POLICY, ".boxagnts/new",
                       "home/.local/state/boxagnts/workspaces/x"):
            self.boxagnts("bash", "--policy", POLICY, "-c",
                          f"echo x > {target}", status=None)
        self.boxagnts("bash", "--policy", POLICY, "-c", "echo x > made")
        self.assertEqual(self.read("made"), b"x\n")
        self.assertEqual(self.settings()[0]["mode"][0], "auto")
        self.assertFalse(os.path.exists(self.path(".boxagnts/new")))
        self.assertEqual(
            len(os.listdir(self.path(
                "home/.local/state/boxagnts/workspaces"))), 2)

    # ---- settings ----

    def test_the_page_is_true(self):
        with open(os.path.join(SOURCE, "docs/settings.md"),
                  encoding="utf-8") as file:
            page = file.read()
        example = page.split("```yaml\n")[1].split("```")[0]
        self.write("home/.config/boxagnts/agent.yaml", example)
        rows, problems = self.settings()
        self.assertEqual(problems, [])
        self.assertEqual([key for key, (_, origin) in rows.items()
                          if origin == "default"], [])
        self.write("home/.config/boxagnts/agent.yaml",
                   "mode: reads\nbugdet: 1\n")
        said = self.boxagnts("settings", status=1).err
        shown = [line.strip() for line in page.splitlines()
                 if "unknown key" in line]
        self.assertIn(shown[0], said)
        os.unlink(self.path("home/.config/boxagnts/agent.yaml"))
        self.write(SETTINGS, "mode: auto\n")
        words = " ".join(self.boxagnts("settings").err.split())
        start = page.index("    .boxagnts/agent.yaml: line 1: mode")
        self.assertIn(" ".join(page[start:].split("\n\n")[0].split()), words)
        os.unlink(self.path(SETTINGS))
        for line in page.splitlines():
            if line.startswith("    boxagnts init --"):
                words = line.split("  ")[2].split()[2:]
                self.init(*dict.fromkeys([*words, "--yes"]), status=None)
        self.assertIn("https://api.github.com", self.read(POLICY).decode())

    def test_settings_name_what_is_wrong(self):
        self.write("home/.config/boxagnts/agent.yaml", "mode: reads\nbugdet: 1\n")
        result = self.boxagnts("settings", status=1)
        self.assertIn("agent.yaml: line 2: unknown key 'bugdet'; did you mean "
                      "'budget'?", result.err)

    def test_settings_are_a_table(self):
        self.write("home/.config/boxagnts/agent.yaml",
                   "system: |\n  a\n  b\nbudget: { cost: 2.5 }\n")
        self.write(SETTINGS, "mode: edits\n")
        result = self.boxagnts("settings")
        self.assertRegex(result.out, r"budget/cost +2.5 +/\S+agent.yaml:4\n")
        self.assertRegex(result.out, r"system +a b +/")
        self.assertIn("mode: left out: expected ask, reads, plan", result.err)
        self.assertIn("Usage:", self.boxagnts("settings", "--help").out)
        self.boxagnts("settings", "a", "b", status=2)
        self.boxagnts("settings", "nowhere", status=1)


if __name__ == "__main__":
    unittest.main()
