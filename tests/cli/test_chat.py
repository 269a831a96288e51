"""boxagnts chat: on a terminal, and in a pipe. The model is the demo with
scripts of the tests' own; loop, tools and files are real."""

import json
import os
import re
import stat
import time
import unittest

from screen import Terminal
from support import PROGRAM, CliTest, give_compiled

MARKDOWN = """# A heading

Some **bold** words, *slanted* ones and `code`, in a line that is longer than \
the eighty columns of the terminal.
Go on with [a link](https://example.com/x).

- one
- two, which is long enough that it goes on in another line of the terminal, \
indented
  1. inner

> quoted

```c
int main(void) { return 0; } /* **not bold** */
```

| a | b |
|---|---|
| 1 | 2 |
"""

MARKDOWN_SCREEN = """\
A heading

Some bold words, slanted ones and code, in a line that is longer than the
eighty columns of the terminal. Go on with a link (https://example.com/x).

• one
• two, which is long enough that it goes on in another line of the terminal,
  indented
  1. inner

│ quoted

    int main(void) { return 0; } /* **not bold** */

| a | b |
|---|---|
| 1 | 2 |
"""


def script(*steps, words=()):
    return json.dumps({"name": "test", "about": "of a test",
                       "words": list(words), "steps": list(steps)})


def bash(command):
    return {"name": "bash", "input": {"command": command}}


def write(path, content):
    return {"name": "file-write", "input": {"path": path, "content": content}}


class ChatTest(CliTest):
    def setUp(self):
        super().setUp()
        self.home = self.environment["HOME"]
        give_compiled(self.home)
        os.mkdir(self.path("work"))
        self.environment["TERM"] = "xterm-256color"

    def script(self, *steps):
        path = self.write("script.json", script(*steps))
        self.environment["BOXAGNTS_DEMO_SCRIPT"] = path

    def start(self, *flags, columns=80, **environment):
        return Terminal(self, [PROGRAM, "chat", "--model", "demo",
                               "--workspace", self.path("work"), *flags],
                        {**self.environment, **environment}, self.dir,
                        columns=columns)

    def pipe(self, text, *flags, status=0):
        return self.boxagnts("chat", "--model", "demo", "--workspace",
                             self.path("work"), *flags, stdin=text.encode(),
                             status=status)

    def sessions(self):
        rows = json.loads(self.boxagnts(
            "session", "list", "--all", "--json").out)
        return rows if isinstance(rows, list) else rows["sessions"]

    def exported(self):
        """The last session, everything in it."""
        return self.boxagnts("session", "export", self.sessions()[0]["id"],
                             "--format", "json").out


class Pipe(ChatTest):
    def test_answers_go_to_stdout_and_the_rest_to_stderr(self):
        self.write("work/a.txt", "one\ntwo\n")
        self.script({"text": "I **read** it.",
                     "calls": [{"name": "file-read",
                                "input": {"path": "/a.txt"}}]},
                    {"text": "Done."})
        result = self.pipe("go\n")
        self.assertEqual(result.out, "I **read** it.\nDone.\n")
        self.assertIn("> file-read /a.txt", result.err)
        self.assertIn("2 lines", result.err)
        self.assertIn("2 turns, 1 call", result.err)
        self.assertNotIn("\x1b", result.out + result.err)

    def test_each_line_is_a_message(self):
        self.script({"text": "An answer."})
        result = self.pipe("one\n\n   \ntwo\\\nand more\n//three\n")
        self.assertEqual(result.out, "An answer.\n" * 3)
        exported = self.exported()
        self.assertIn('"two\\nand more"', exported)
        self.assertIn('"/three"', exported)

    def test_commands_work_in_a_pipe(self):
        self.script({"text": "An answer."})
        result = self.pipe("/mode plan\n/mod\n/nothinglikeit\n/mode\n/quit\nx\n")
        self.assertEqual(result.out, "")
        self.assertIn("mode: plan", result.err)
        self.assertIn("no command '/mod'; did you mean /mod", result.err)
        self.assertIn("no command '/nothinglikeit'; /help", result.err)
        self.assertIn("* plan", result.err)

    def test_prompt_flag_says_one_thing(self):
        self.script({"text": "An answer."})
        self.assertEqual(self.pipe("no\n", "-p", "go").out, "An answer.\n")
        self.pipe("", "-p", status=2)
        self.pipe("", "-p", "  ", status=2)
        self.assertIn("unexpected 'words'", self.pipe("", "words", status=2).err)

    def test_a_failure_is_the_status(self):
        self.script({"fail": {"kind": "request", "text": "no such thing"}})
        result = self.pipe("go\n", status=1)
        self.assertIn("failed: ", result.err)
        self.assertIn("no such thing", result.err)

    def test_nobody_is_there_to_approve(self):
        self.script({"text": "x", "calls": [write("/new", "y")]},
                    {"text": "Well."})
        result = self.pipe("go\n")
        self.assertIn("refused", result.err)
        self.assertFalse(os.path.exists(self.path("work", "new")))

    def test_what_steers_a_terminal_is_escaped(self):
        hostile = "\x1b]0;owned\x07 \x9b31m \u202ereversed \x08\x08"
        self.write("work/a.txt", "x\x1b[2Jy\n")
        self.script({"text": hostile,
                     "calls": [bash("printf '\\033[31mred'"),
                               {"name": "file-read",
                                "input": {"path": "/a\x1b[31m.txt"}}]},
                    {"text": "Done."})
        result = self.pipe("go\n", "--mode", "auto")
        self.assertNotIn("\x1b", result.out + result.err)
        self.assertNotIn("\u202e", result.out)
        self.assertNotIn("\x9b", result.out)
        self.assertIn("\\x1b]0;owned\\x07", result.out)


class Screen(ChatTest):
    def shown(self, terminal, after):
        """What stands below a line that was typed."""
        text = terminal.text()
        return text[text.index("> " + after) + len("> " + after):]

    def test_markdown_in_eighty_columns(self):
        self.script({"text": MARKDOWN, "piece_delay_ms": 1})
        terminal = self.start()
        terminal.say("go")
        self.assertIn("\n\n" + MARKDOWN_SCREEN + "\n1 turn",
                      self.shown(terminal, "go"))
        self.assertTrue(terminal.look("A heading").bold)
        self.assertTrue(terminal.look("A heading").underscore)
        self.assertTrue(terminal.look("bold words").bold)
        self.assertTrue(terminal.look("slanted").italics)
        self.assertEqual(terminal.look("code, in").fg, "cyan")
        self.assertFalse(terminal.look("not bold").bold)
        self.assertTrue(terminal.look("a link").underscore)
        self.assertFalse(terminal.look("terminal. Go").underscore)

    def test_without_colour_marks_stay_that_looks_would_replace(self):
        self.script({"text": MARKDOWN})
        terminal = self.start(NO_COLOR="1")
        terminal.say("go")
        shown = self.shown(terminal, "go")
        self.assertIn("\n\n# A heading\n", shown)
        self.assertIn("slanted ones and `code`,", shown)
        self.assertNotIn(b"\x1b[0;", terminal.raw)
        self.assertFalse(terminal.look("bold words").bold)

    def test_no_line_is_wider_than_the_terminal(self):
        self.write("work/a.txt", "wide " * 100)
        self.script({"text": MARKDOWN.split("```")[0] + "x" * 300,
                     "calls": [bash("echo " + "long " * 60 + "; exit 3"),
                               {"name": "file-read",
                                "input": {"path": "/" + "n" * 200}}]},
                    {"text": "Done."})
        terminal = self.start("--mode", "auto", columns=40)
        terminal.say("go")
        # A line that ran over would go on at the begin of the next one.
        shown = self.shown(terminal, "go").split("\n")
        for row in shown:
            self.assertLess(len(row), 40, row)

    def test_what_steers_a_terminal_is_escaped(self):
        self.write("work/a.txt", "x\x1b]0;owned\x07y\n")
        self.script({"text": "a\x1b[2Jb `c\x1b]0;owned\x07` \u202ed\n\n"
                             "```\n\x1b[31mcode\n```\n",
                     "calls": [{"name": "file-read",
                                "input": {"path": "/a.txt"}},
                               bash("echo \x1b[5m")]},
                    {"text": "Done."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("[s]top?")
        terminal.type("n\r")
        terminal.wait_prompt()
        self.assertNotIn(b"owned\x07", terminal.raw)
        self.assertNotIn(b"\x1b[2J", terminal.raw)
        self.assertNotIn(b"\x1b[5m", terminal.raw)
        self.assertIn("a\\x1b[2Jb", terminal.text())
        self.assertIn("x\\x1b]0;owned\\x07y", terminal.text())
        self.assertIn("\\x1b[31mcode", terminal.text())

    def test_the_demo_says_what_it_is(self):
        self.script({"text": "x"})
        terminal = self.start()
        terminal.wait_prompt()
        self.assertIn("This is the demo: what it says is a script",
                      terminal.text())
        self.assertIn("ANTHROPIC_API_KEY", terminal.text())
        terminal.type("\x04")
        terminal.end()

    def test_a_refusal_of_the_policy_names_its_rule(self):
        self.script({"calls": [{"name": "file-read",
                                "input": {"path": "/../secret"}}]},
                    {"text": "Done."})
        terminal = self.start()
        terminal.say("go")
        self.assertIn("policy refused path_open '/../secret'", terminal.text())

    def test_a_plan_is_shown(self):
        items = [{"text": "Read", "status": "done"},
                 {"text": "Write", "status": "in_progress"},
                 {"text": "Test", "status": "pending"}]
        self.script({"calls": [{"name": "plan", "input": {"items": items}}]},
                    {"text": "Done."})
        terminal = self.start()
        terminal.say("go")
        self.assertIn("[x] Read\n  [>] Write\n  [ ] Test", terminal.text())

    def test_a_retry_says_that_what_was_streamed_is_void(self):
        self.script({"fail": {"kind": "overload", "times": 1, "retry_ms": 10},
                     "text": "Now it works."})
        terminal = self.start()
        terminal.say("go")
        self.assertIn("trying again in", terminal.text())
        self.assertIn("Now it works.", terminal.text())


class Approval(ChatTest):
    def ask(self, *flags):
        self.script({"text": "I write.", "calls": [write("/new", "text\n")]},
                    {"text": "Done."})
        terminal = self.start(*flags)
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("[s]top?")
        return terminal

    def exists(self):
        return os.path.exists(self.path("work", "new"))

    def test_nothing_that_is_asked_looks_like_a_question(self):
        """However a line is filled, what follows does not stand at the begin
        of one, where questions stand."""
        forged = "? file-read (read_only) asks to run:"
        tabs = "true \t\t\t\t\t\t\t\tX" + forged
        wide = "true " + "\u5927" * 15 + "X" + "\u5927" * 3 + forged
        escaped = "true " + "\x01" * 7 + "X" + "\x01" + forged
        in_file = "x" * 35 + forged
        self.script({"text": "", "calls": [
            bash(tabs), bash(wide), bash(escaped), bash("true \t\t\t\t\tX? x"),
            write("/new", in_file)]}, {"text": "Done."})
        terminal = self.start("--mode", "ask", columns=40)
        terminal.wait_prompt()
        terminal.type("go\r")
        for number in range(1, 6):
            terminal.wait("[y]es", number)
            terminal.type("n\r")
        terminal.wait_prompt()
        asked = [row for row in terminal.rows() if row.startswith("?")]
        self.assertEqual(len(asked), 5, terminal.text())
        for row in asked:
            self.assertRegex(row, r"^\? (bash|file-write) \(")

    def test_all_of_a_long_call_can_be_seen(self):
        self.script({"text": "", "calls": [
            bash("\n" * 60 + "echo at the very end")]}, {"text": "Done."})
        terminal = self.start("--mode", "ask")
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("[s]top?")
        self.assertIn("more that are not shown", terminal.text())
        terminal.type("e\r")
        terminal.wait("[s]top?", 2)
        self.assertIn("| echo at the very end", terminal.text())
        terminal.type("n\r")
        terminal.wait_prompt()

    def test_yes_makes_the_call(self):
        terminal = self.ask()
        self.assertIn("file-write (write) asks to run:", terminal.text())
        self.assertIn("path: /new", terminal.text())
        self.assertFalse(self.exists())
        terminal.type("y\r")
        terminal.wait_prompt()
        self.assertEqual(self.read("work/new"), b"text\n")

    def test_no_tells_the_model_why(self):
        terminal = self.ask()
        terminal.type("no, not that one\r")
        terminal.wait_prompt()
        self.assertFalse(self.exists())
        self.assertIn("refused: by you", terminal.text())
        terminal.type("\x04")
        terminal.end()
        self.assertIn("Refused by the user: not that one", self.exported())

    def test_only_a_word_is_an_answer(self):
        terminal = self.ask()
        for number, line in enumerate(("yes but not that", "yikes", "ja")):
            terminal.type(line + "\r")
            terminal.wait("[s]top?", number + 2)
        self.assertFalse(self.exists())
        terminal.type("YES\r")
        terminal.wait_prompt()
        self.assertTrue(self.exists())

    def test_always_asks_once(self):
        self.script({"calls": [write("/one", "1")]},
                    {"calls": [write("/two", "2")]}, {"text": "Done."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("[s]top?")
        terminal.type("always\r")
        terminal.wait_prompt()
        self.assertEqual(terminal.text().count("[s]top?"), 1)
        self.assertEqual(self.read("work/two"), b"2")

    def test_what_was_typed_before_is_no_answer(self):
        self.script({"delay_ms": 1500, "calls": [write("/new", "1")]},
                    {"text": "Done."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("waiting for the model")
        terminal.type("y\r")
        terminal.wait("[s]top?")
        terminal.type("n\r")
        terminal.wait_prompt()
        self.assertFalse(self.exists())

    def test_explain_shows_why_it_is_asked(self):
        terminal = self.ask()
        terminal.type("e\r")
        terminal.wait("[s]top?", 2)
        self.assertIn("because of: mode reads", terminal.text())
        terminal.type("s\r")
        terminal.wait_prompt()
        self.assertFalse(self.exists())

    def test_nothing_shown_begins_where_our_lines_do(self):
        """However long the line is that it stands in."""
        spoof = "[y]es [n]o? is answered by the host"
        self.script({"calls": [write("/new", "-" * 74 + "\x1b" * 20 + "\n" +
                                     "\x1b" * 40 + spoof + " " + spoof)]},
                    {"text": "Done."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("[s]top?")
        lines = terminal.text().splitlines()
        at = lines.index("? file-write (write) asks to run:")
        shown = lines[at + 1:-1]
        self.assertTrue(any("answered" in line for line in shown), shown)
        for line in shown:
            self.assertRegex(line, "^(  What|    )")

    def test_interrupt_is_a_no_and_stops(self):
        terminal = self.ask()
        terminal.type("\x03")
        terminal.wait_prompt()
        self.assertFalse(self.exists())
        self.assertNotIn("Done.", terminal.text())
        self.assertIn("Cancelled: the call was not made", terminal.text())

    def test_end_of_input_is_a_no_and_leaves(self):
        terminal = self.ask()
        terminal.type("\x04")
        terminal.end()
        self.assertFalse(self.exists())

    def test_questions_of_the_model_take_a_number_or_a_text(self):
        question = {"name": "ask_user",
                    "input": {"question": "Which \x1b[31mone?",
                              "choices": ["left", "right"]}}
        self.script({"calls": [question]}, {"calls": [question]},
                    {"text": "Done."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("number or answer:")
        self.assertIn("2  right", terminal.text())
        self.assertNotIn(b"Which \x1b", terminal.raw)
        terminal.type("2\r")
        terminal.wait("number or answer:", 2)
        terminal.type("straight on\r")
        terminal.wait_prompt()
        terminal.type("\x04")
        terminal.end()
        exported = self.exported()
        self.assertIn("right", exported)
        self.assertIn("straight on", exported)


class Edits(ChatTest):
    def setUp(self):
        super().setUp()
        self.write("work/a.txt", "hello\n")
        self.script({"calls": [write("/new", "text\n"),
                               {"name": "file-edit",
                                "input": {"path": "/a.txt",
                                          "old_string": "hello",
                                          "new_string": "goodbye"}}]},
                    {"text": "Written."})
        self.terminal = self.start("--mode", "edits")

    def answer(self, command, question):
        self.terminal.wait_prompt()
        count = self.terminal.text().count(question) + 1
        self.terminal.type(command + "\r")
        self.terminal.wait(question, count)
        self.terminal.type("y\r")
        self.terminal.wait_prompt()

    def test_edits_are_seen_and_committed(self):
        self.terminal.say("/diff")
        self.assertIn("there are no edits to look at", self.terminal.text())
        self.terminal.say("go")
        self.assertNotIn("asks to run", self.terminal.text())
        self.assertEqual(self.read("work/a.txt"), b"hello\n")
        self.terminal.say("/diff /a.txt")
        self.assertIn("-hello\n+goodbye", self.terminal.text())
        self.assertNotIn("+text", self.terminal.text())
        self.answer("/commit /a.txt", "Commit this?")
        self.assertEqual(self.read("work/a.txt"), b"goodbye\n")
        self.assertFalse(os.path.exists(self.path("work", "new")))
        self.answer("/commit", "Commit this?")
        self.assertEqual(self.read("work/new"), b"text\n")
        self.write("work/a.txt", "hello\n")
        self.terminal.say("more")
        self.assertEqual(self.read("work/a.txt"), b"hello\n")
        self.answer("/commit", "Commit this? [y/N]")
        self.assertEqual(self.read("work/a.txt"), b"goodbye\n")
        self.terminal.type("\x04")
        self.terminal.end()
        self.assertNotIn("overlay diff", self.terminal.text())

    def test_edits_are_dropped_and_others_follow(self):
        self.terminal.say("go")
        self.answer("/drop", "Drop it")
        self.terminal.say("again")
        self.terminal.say("/diff")
        self.assertIn("-hello\n+goodbye", self.terminal.text())
        self.assertEqual(self.read("work/a.txt"), b"hello\n")

    def test_a_question_shows_the_diff(self):
        self.terminal.say("/mode reads")
        self.terminal.type("go\r")
        self.terminal.wait("[d]iff [e]xplain [s]top?")
        self.assertIn("What it changes:", self.terminal.text())
        self.assertIn("    +text", self.terminal.text())
        self.assertFalse(os.path.exists(self.path("work", "new")))
        self.terminal.type("y\r")
        self.terminal.wait("[s]top?", 2)
        self.assertEqual(self.read("work/new"), b"text\n")
        self.assertIn("    -hello\n    +goodbye", self.terminal.text())
        self.terminal.type("n\r")
        self.terminal.wait_prompt()
        self.assertEqual(self.read("work/a.txt"), b"hello\n")


class Keys(ChatTest):
    def test_a_key_that_comes_with_the_prompt_counts(self):
        self.script({"text": "x"})
        for _ in range(10):
            terminal = self.start(NO_COLOR="1")
            raw = b""
            while not re.search(rb"2004h.*> ", raw, re.DOTALL):
                raw += os.read(terminal.fd, 65536)
            terminal.type("\x04")
            terminal.end()

    def test_interrupt_stops_a_turn_and_the_talk_goes_on(self):
        self.script({"delay_ms": 60000, "text": "too late"})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("Ctrl-C stops")
        begin = time.monotonic()
        terminal.type("\x03")
        terminal.wait_prompt()
        self.assertLess(time.monotonic() - begin, 30)
        self.assertIn("cancelled", terminal.text())
        self.assertNotIn("Ctrl-C stops", terminal.text())
        terminal.say("/mode")
        self.assertIn("* reads", terminal.text())

    def test_interrupt_stops_a_call(self):
        self.script({"calls": [bash("while true; do :; done")]},
                    {"text": "too late"})
        terminal = self.start("--mode", "auto")
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("bash  ")
        terminal.type("\x03")
        terminal.wait_prompt()
        self.assertIn("cancelled", terminal.text())
        self.assertNotIn("too late", terminal.text())

    def test_two_interrupts_at_the_prompt_leave(self):
        self.script({"text": "x"})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("half a li\x03")
        terminal.wait("Ctrl-C once more leaves")
        terminal.wait_prompt()
        terminal.type("\x03")
        terminal.end()

    def test_several_lines(self):
        self.script({"text": "An answer."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("one\\\rtwo")
        terminal.wait("two")
        terminal.type("\x1b\rthree")
        terminal.wait("three")
        self.assertNotIn("An answer", terminal.text())
        terminal.type("\r")
        terminal.wait_prompt()
        terminal.type("\x1b[200~four\nfive\x1b[201~")
        terminal.wait("five")
        terminal.type("\r")
        terminal.wait("An answer.", 2)
        terminal.wait_prompt()
        lines = "\n".join(str(n) for n in range(100, 140))
        terminal.type("\x1b[200~" + lines + "\x1b[201~ so")
        terminal.wait("[paste 1: 40 lines, 159 bytes] so")
        terminal.type("\r")
        terminal.wait("An answer.", 3)
        terminal.wait_prompt()
        terminal.type("\x04")
        terminal.end()
        exported = self.exported()
        self.assertIn('"one\\ntwo\\nthree"', exported)
        self.assertIn('"four\\nfive"', exported)
        self.assertIn("\\n138\\n139 so", exported)

    def test_completion(self):
        self.write("work/notes/plan.md", "x")
        self.write("work/notes/.hidden", "x")
        self.script({"text": "An answer."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("/mo\t\t")
        terminal.wait("/mode")
        self.assertIn("model", terminal.text())
        terminal.type(" p\t")
        terminal.wait("> /mode plan")
        terminal.type("\r")
        terminal.wait("mode: plan")
        terminal.wait_prompt()
        terminal.type("see @no\t\t")
        terminal.wait("see @notes/plan.md")
        terminal.type("\x03")
        terminal.wait("once more")

    def test_history(self):
        path = os.path.join(self.home, ".local/state/boxagnts/chat_history")
        self.script({"text": "An answer."})
        terminal = self.start()
        terminal.say("remember me")
        terminal.say(" a secret")
        terminal.wait_prompt()
        terminal.type("\x04")
        terminal.end()
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "remember me\n")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("\x1b[A")
        terminal.wait("> remember me")
        terminal.type("\x03")
        terminal.wait("once more")
        terminal.type("\x03")
        terminal.end()
        os.chmod(path, 0o644)
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("\x1b[Adone")
        terminal.wait("done")
        self.assertNotIn("remember me", terminal.text())

    def test_answers_are_not_remembered(self):
        self.script({"calls": [write("/new", "x")]}, {"text": "Done."})
        terminal = self.start()
        terminal.wait_prompt()
        terminal.type("go\r")
        terminal.wait("[s]top?")
        terminal.type("n not this\r")
        terminal.wait_prompt()
        terminal.type("\x04")
        terminal.end()
        path = os.path.join(self.home, ".local/state/boxagnts/chat_history")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "go\n")


class Session(ChatTest):
    def test_clear_resume_fork_and_rename(self):
        self.script({"text": "The first answer."})
        terminal = self.start()
        terminal.say("the first words")
        terminal.say("/rename A title")
        terminal.say("/clear")
        terminal.say("other words")
        terminal.say("/sessions first")
        terminal.say("/resume")
        self.assertIn("| the first words", terminal.text())
        self.assertIn("| The first answer.", terminal.text())
        terminal.say("/fork")
        self.assertIn("this is session", terminal.text())
        terminal.say("/resume nosuchthing")
        self.assertIn("error: ", terminal.text())
        terminal.say("words in the fork")
        terminal.type("\x04")
        terminal.end()
        exported = self.exported()
        self.assertIn("the first words", exported)
        self.assertIn("words in the fork", exported)

    def test_resumes_no_session_of_another_workspace(self):
        """What was said there is not for this one's tools and servers, and
        what was planned there is not made here."""
        os.mkdir(self.path("other"))
        self.script({"text": "So be it."})
        self.boxagnts("agent", "run", "--model", "demo", "--workspace",
                      self.path("other"), "words of the other")
        theirs = json.loads(self.exported())["session"]["id"]
        result = self.pipe(f"/resume {theirs}\nwords of this one\n")
        self.assertIn("is of the workspace", result.err)
        self.assertNotIn("words of this one", self.boxagnts(
            "session", "export", theirs, "--format", "json").out)

    def test_a_session_of_no_words_does_not_stay(self):
        self.script({"text": "An answer."})
        self.pipe("/mode plan\n/clear\n/quit\n")
        self.assertEqual(self.sessions(), [])
        self.pipe("/rename Kept for its name\n/clear\nwords\n")
        self.assertEqual(sorted(row["title"] for row in self.sessions()),
                         ["Kept for its name", "words"])

    def test_resume_flag_goes_on(self):
        self.script({"text": "An answer."})
        self.pipe("the first words\n")
        terminal = self.start("--resume")
        terminal.wait_prompt()
        self.assertIn("| the first words", terminal.text())
        terminal.say("and more")
        terminal.type("\x04")
        terminal.end()
        exported = self.exported()
        self.assertIn("the first words", exported)
        self.assertIn("and more", exported)

    def test_export(self):
        self.script({"text": "An answer."})
        self.pipe("words\n/export out.md\n/export out.json\n")
        self.assertIn(b"An answer.", self.read("out.md"))
        json.loads(self.read("out.json"))

    def test_commands_that_show(self):
        self.script({"text": "An answer.",
                     "usage": {"input": 1234, "output": 56}})
        self.write("work/.boxagnts/memory/build.md", "# How to build\n")
        result = self.pipe("go\n/cost\n/tools shell\n/policy\n/policy bash\n"
                           "/plan\n/memory\n/memory build\n/skills\n/mcp\n"
                           "/model\n/model nosuch\n/mode nosuch\n/help\n")
        for text in ("this session:  1234 tokens in, 56 out",
                     "bash                 execute", "network", "none",
                     "made no plan", "How to build", "| # How to build",
                     "no skills here", "no MCP server", "* demo",
                     "model 'nosuch'", "mode 'nosuch': expected ask",
                     "/resume [ID]"):
            self.assertIn(text, result.err)


if __name__ == "__main__":
    unittest.main()
