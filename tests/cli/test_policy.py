"""boxagnts policy on what tools get: grants, levels and secrets."""

import json
import os
import unittest

from support import CliTest

VALUE = "hunter2hunter2"


class ToolPolicy(CliTest):
    def explain(self, question, status, **options):
        return self.boxagnts(
            "policy", "explain", "ci.yaml", question, status=status, **options
        ).out

    def test_programs_and_tools_are_answered(self):
        self.write("ci.yaml", "grant: ['exec:python3', 'tool:file-*']\n")
        self.assertIn("ci.yaml:1: grant exec:python3", self.explain("exec:python3", 0))
        self.assertIn("nothing granted", self.explain("exec:sh", 1))
        self.assertIn("ci.yaml:1: grant tool:file-*", self.explain("tool:file-read", 0))
        self.assertIn("nothing granted", self.explain("tool:bash", 1))

    def test_questions_that_name_nothing_are_usage(self):
        self.write("ci.yaml", "")
        for question in ("exec:", "tool:*", "secret:", "secret:A=" + VALUE):
            result = self.boxagnts("policy", "explain", "ci.yaml", question, status=2)
            self.assertIn("expected", result.err)
            self.assertNotIn(VALUE, result.err)

    def test_levels_are_shown_and_checked(self):
        self.write("ci.yaml", "permission-level: write\ntool-level: bash=forbidden\n")
        out = self.boxagnts("policy", "check", "ci.yaml").out
        self.assertRegex(out, r"permission-level +write +line 1")
        self.assertRegex(out, r"tool-level +bash=forbidden +line 2")
        self.write("ci.yaml", "permission-level: all\n")
        result = self.boxagnts("policy", "check", "ci.yaml", status=2)
        self.assertIn("line 1: permission-level: 'all'", result.err)

    def test_secrets_are_named_and_never_shown(self):
        key = self.write("key", VALUE + "\n")
        os.chmod(key, 0o600)
        self.write(
            "ci.yaml",
            "secret:\n  - TOKEN@https://api.example\n  - {name: KEY, file: key}\n",
        )
        env = {"TOKEN": VALUE}
        texts = [
            self.boxagnts("policy", "check", "ci.yaml", env=env).out,
            self.boxagnts("policy", "check", "ci.yaml", "--json", env=env).out,
            self.explain("secret:TOKEN", 0, env=env),
            self.explain("secret:KEY", 0, env=env),
        ]
        for text in texts:
            self.assertNotIn(VALUE, text)
        self.assertIn("https://api.example", texts[0])
        self.assertEqual(
            [row["name"] for row in json.loads(texts[1])["policy"]["secret"]],
            ["TOKEN", "KEY"],
        )
        self.assertIn("nothing granted", self.explain("secret:NONE", 1, env=env))

    def test_secrets_that_leak_already_are_refused(self):
        key = self.write("key", VALUE)
        os.chmod(key, 0o644)
        for text, why in (
            ("KEY=@key", "can be read or written by others"),
            ("KEY=" + VALUE, "is given with its value"),
            ("NOT_SET", "not set in the host's environment"),
            ("SHORT", "is shorter than 8 bytes"),
            ("BREAK", "has a line break"),
        ):
            self.write("ci.yaml", f"secret: '{text}'\n")
            result = self.boxagnts(
                "policy",
                "check",
                "ci.yaml",
                status=2,
                env={"SHORT": "abc", "BREAK": VALUE + "\nX: 1"},
            )
            self.assertIn(why, result.err)
            self.assertNotIn(VALUE, result.err)
        result = self.boxagnts("run", "--secret", "KEY=" + VALUE, "x.wasm", status=None)
        self.assertNotIn(VALUE, result.err)
        self.assertIn("is given with its value", result.err)


if __name__ == "__main__":
    unittest.main()
