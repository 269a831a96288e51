"""The demo as people meet it: the program's own scripts with real tools on real
files, and the script that docs/demo.md shows."""

import os
import re
import unittest

from agent_support import AgentTest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class DemoTest(AgentTest):
    def own(self, *arguments):
        """Events of a run of the program's own scripts."""
        del self.environment["BOXAGNTS_DEMO_SCRIPT"]
        try:
            return self.events(*arguments)
        finally:
            self.environment["BOXAGNTS_DEMO_SCRIPT"] = self.path("script.json")

    def said(self, events):
        return "".join(event["text"] for event in self.of(events, "text"))

    def test_looks_around(self):
        self.write("ws/README.md", "# A project\nof nothing.\n")
        self.write("outside.txt", "not for guests\n")
        events = self.own("--mode", "auto", "What is this?")
        self.assertEqual(events[-1]["status"], "done")
        self.assertTrue(self.said(events).startswith(
            "This is a scripted demo, not a model"))
        notes = self.file("NOTES-demo.md")
        self.assertIn("Asked for: What is this?", notes)
        self.assertIn("First line that was read: # A project", notes)
        self.assertIn("it leads out of the workspace", notes)
        self.assertIn("no host is allowed", notes)
        self.assertNotIn("not for guests", notes)
        self.assertEqual({event["call"] for event in self.of(events, "denied")},
                         {"path_open", "http_open"})
        self.assertIn("it leads out of the workspace", events[-1]["text"])

    def test_looks_around_an_empty_folder(self):
        events = self.own("--mode", "auto", "hello")
        self.assertEqual(events[-1]["status"], "done")
        self.assertIn("There is no text to read here.", self.said(events))
        self.assertIn("Asked for: hello", self.file("NOTES-demo.md"))

    def test_says_what_nobody_approved(self):
        events = self.own("What is this?")
        self.assertEqual(events[-1]["status"], "done")
        self.assertIn("the note was not written: Refused: ",
                      events[-1]["text"])
        self.assertEqual(os.listdir(self.path("ws")), [])

    def test_fixes_a_test(self):
        events = self.own("--mode", "auto", "Fix the failing test")
        self.assertIn("It fails: mean of 2,4 is 3, not 2.", self.said(events))
        self.assertIn("Both tests pass.", events[-1]["text"])
        self.assertIn("/ numbers.length;", self.file("demo-fix", "mean.js"))
        events = self.own("--mode", "auto", "Fix the failing test")
        self.assertIn("somebody was here before", events[-1]["text"])

    def test_is_taken_without_a_key(self):
        del self.environment["BOXAGNTS_DEMO_SCRIPT"]
        result = self.boxagnts("agent", "run", "--workspace", self.path("ws"),
                               "hello")
        self.assertIn("model demo", result.err)

    def test_script_of_the_docs(self):
        with open(os.path.join(ROOT, "docs", "demo.md"),
                  encoding="utf-8") as file:
            script = re.search(r"```json\n(.*?)```", file.read(), re.DOTALL)
        self.write("script.json", script.group(1))
        self.write("ws/a.txt", "a\n")
        events = self.events("count them")
        self.assertEqual(events[-1]["text"], "The first one is /a.txt.")
        os.remove(self.path("ws", "a.txt"))
        events = self.events("count them")
        self.assertEqual(events[-1]["text"], "There is none.")

    def test_mistake_in_a_script(self):
        self.write("script.json",
                   '{"name": "x", "steps": [{"txt": "hello"}]}')
        result = self.agent("hello", status=1)
        self.assertIn("script 'x': step 1: unknown key 'txt': expected when, ",
                      result.err)


if __name__ == "__main__":
    unittest.main()
