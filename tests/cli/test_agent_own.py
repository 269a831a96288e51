"""The agent's own tools as a model calls them, and what it is told of a
workspace's files."""

import json
import os
import re
import unittest

from agent_support import AgentTest

SOURCE = os.environ.get("BX_SOURCE_DIR", ".")


def call(tool, **members):
    return {"name": tool, "input": members}


def example_skill():
    """The SKILL.md that docs/skills.md shows."""
    with open(os.path.join(SOURCE, "docs", "skills.md"),
              encoding="utf-8") as file:
        block = re.search(r"\n\n((?:    .*\n)*    name: release-notes\n"
                          r"(?:    .*\n)+)", file.read())
    return re.sub(r"^    ", "", block.group(1), flags=re.MULTILINE)


class OwnToolsTest(AgentTest):
    def results(self, *arguments):
        """Results by the name of their tool, and all events."""
        events = self.events(*arguments)
        return {event["name"]: event for event in self.of(events, "result")}, \
            events

    def test_skill_of_the_docs(self):
        self.write("ws/.boxagnts/skills/release-notes/SKILL.md",
                   example_skill())
        self.write("ws/.boxagnts/skills/release-notes/form.md", "Be short.\n")
        self.script([call("skill", name="release-notes")],
                    [call("file-read",
                          path="/.boxagnts/skills/release-notes/form.md")],
                    "done")
        results, _ = self.results("write the release notes")
        text = self.text(results["skill"])
        self.assertIn("# Release notes", text)
        self.assertIn("/.boxagnts/skills/release-notes/form.md", text)
        self.assertLess(text.index("<data from="),
                        text.index("# Release notes"))
        self.assertIn("Be short.", self.text(results["file-read"]))

    def test_plan_is_told_and_kept(self):
        items = [{"text": "look", "status": "done"},
                 {"text": "count", "status": "pending"}]
        self.script([call("plan", items=items)], "done")
        results, events = self.results("count")
        self.assertEqual([event["items"] for event in self.of(events, "plan")],
                         [items])
        self.assertIn("1 of 2", self.text(results["plan"]))
        shown = self.boxagnts("session", "export", "--format", "json",
                              events[0]["id"]).out
        notes = [entry.get("note", {})
                 for entry in json.loads(shown)["entries"]]
        self.assertIn({"type": "plan", "items": items}, notes)

    def test_memory_is_written_where_it_may(self):
        write = call("memory", action="write", name="roses", text="# Red\n")
        self.script([write], [call("memory", action="read", name="roses")],
                    "done")
        results, _ = self.results("--mode", "auto", "note it")
        self.assertEqual(self.file(".boxagnts/memory/roses.md"), "# Red\n")
        self.assertIn("# Red", self.text(results["memory"]))

    def test_memory_is_refused_where_it_may_not(self):
        write = call("memory", action="write", name="roses", text="# Red\n")
        self.script([write], "done")
        for arguments, why in (
                (["--mode", "plan"], "mode plan"),
                (["--mode", "edits"], "mode edits"),
                (["--mode", "reads"], "Refused"),
                (["--mode", "auto", "--deny", "memory"], "Refused"),
                (["--mode", "auto", "--permission-level", "read_only",
                  "--work-dir", "ws"], "permission-level"),
                (["--mode", "auto", "--overlay=o"], "overlay")):
            with self.subTest(arguments=arguments):
                results, _ = self.results(*arguments, "note it")
                self.assertTrue(results["memory"]["is_error"])
                self.assertIn(why, self.text(results["memory"]))
                self.assertFalse(
                    os.path.exists(self.path("ws/.boxagnts/memory")))

    def test_nobody_to_ask(self):
        self.script([call("ask_user", question="Which?")], "done")
        results, _ = self.results("ask")
        self.assertTrue(results["ask_user"]["is_error"])


if __name__ == "__main__":
    unittest.main()
