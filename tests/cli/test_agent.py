"""boxagnts agent run: the scripted model drives real tools on real files."""

import json
import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import time
import unittest

from agent_support import AgentTest, bash, call
from support import PROGRAM


class AgentRunTest(AgentTest):
    def test_works_on_a_task(self):
        self.write("ws/a.txt", "alpha\n")
        self.script([call("file-read", path="/a.txt")],
                    [call("file-write", path="/b.txt", content="beta\n")],
                    "both are done")
        result = self.agent("--mode", "auto", "copy it")
        self.assertEqual(result.out, "both are done\n")
        self.assertIn("> file-read", result.err)
        self.assertIn("3 turns, 2 calls, ", result.err)
        self.assertNotIn("refused", result.err)
        self.assertEqual(self.file("b.txt"), "beta\n")

    def test_effects_are_told(self):
        self.script([bash("echo x > made.txt; cat made.txt")], "end")
        effects = self.of(self.events("--mode", "auto", "go"), "effect")
        self.assertEqual([(e["call"], e["target"]) for e in effects],
                         [("path_open", "/made.txt")], effects)

    def test_events(self):
        self.script([call("file-glob", pattern="*")], "seen")
        events = self.events("--mode", "reads", "look")
        self.assertEqual([event["type"] for event in events
                          if event["type"] not in ("text", "thinking")],
                         ["session", "turn", "message", "usage", "call",
                          "approval", "result", "turn", "message", "usage",
                          "end"])
        end = events[-1]
        self.assertEqual((end["status"], end["text"], end["turns"],
                          end["calls"]), ("done", "seen", 2, 1))

    def test_quiet(self):
        self.script("only this")
        result = self.agent("--quiet", "say it")
        self.assertEqual((result.out, result.err), ("only this\n", ""))

    def test_task_from_stdin(self):
        self.script({"text": "asked: ${task}"})
        result = self.agent("-", stdin=b"from a pipe")
        self.assertEqual(result.out, "asked: from a pipe\n")

    def test_usage(self):
        for words, said in (([], "what is the task"),
                            (["a", "b"], "one task"),
                            (["--mode", "wild", "x"], "--mode"),
                            (["--max-turns", "some", "x"], "--max-turns"),
                            (["--allow", "bash(", "x"], "--allow"),
                            (["--model", "no-such", "x"], "no-such")):
            self.script("x")
            result = self.agent(*words, status=None)
            self.assertIn(result.returncode, (1, 2), words)
            self.assertIn(said, result.err)
            self.assertEqual(result.out, "")

    def test_nobody_is_there(self):
        self.script([bash("echo x > made.txt")], "that was it")
        events = self.events("--mode", "reads", "make it")
        result = self.of(events, "result")[0]
        self.assertTrue(result["is_error"])
        self.assertIn("nobody is there", self.text(result))
        self.assertFalse(os.path.exists(self.path("ws/made.txt")))
        self.assertEqual(events[-1]["refusals"], 1)

    def test_why_it_was_refused(self):
        self.script([bash("echo x > made.txt")], "that was it")
        self.assertIn("refused: mode reads: nobody is there to be asked",
                      self.agent("--mode", "reads", "make it").err)

    def test_rules(self):
        self.script([bash("echo x > made.txt")], [bash("rm made.txt")], "end")
        events = self.events("--mode", "reads", "--allow", "bash(echo *)",
                             "--allow", "bash(*)", "--deny", "bash(rm *)", "go")
        results = self.of(events, "result")
        self.assertFalse(results[0]["is_error"], results)
        self.assertTrue(results[1]["is_error"])
        self.assertIn("Refused", self.text(results[1]))
        self.assertEqual(self.file("made.txt"), "x\n")

    def test_plan_changes_nothing(self):
        self.script([call("file-write", path="/x", content="y")], "planned")
        events = self.events("--mode", "plan", "--allow", "file-write", "go")
        self.assertIn("mode plan", self.text(self.of(events, "result")[0]))
        self.assertFalse(os.path.exists(self.path("ws/x")))

    def test_policy_refuses(self):
        """What the policy has not is refused whatever the mode says."""
        self.script([call("web-fetch", url="https://example.com/")], "no")
        events = self.events("--mode", "auto", "fetch")
        denied = self.of(events, "denied")
        self.assertEqual(len(denied), 1)
        self.assertIn("no host is allowed", denied[0]["reason"])
        self.assertIn("policy refused", self.text(self.of(events, "result")[0]))

    def test_unknown_tool_and_wrong_input(self):
        self.script([call("file-raed", path="/a")],
                    [call("file-read", pathh="/a")],
                    [call("plan", items="none")], "end")
        results = self.of(self.events("--mode", "auto", "go"), "result")
        self.assertIn("file-read", self.text(results[0]))
        self.assertIn("path", self.text(results[1]))
        self.assertIn("does not fit", self.text(results[2]))
        self.assertTrue(all(result["is_error"] for result in results))

    # ---- how it ends --------------------------------------------------------

    def test_the_model_declines(self):
        self.script({"text": "I would rather not.", "stop": "refusal"})
        result = self.agent("go", status=3)
        self.assertIn("refused: the model declines", result.err)
        self.assertIn("--resume", result.err)

    def test_the_provider_fails(self):
        self.script({"fail": {"kind": "key", "text": "no such key"}})
        events = self.events("go", status=1)
        self.assertEqual(events[-1]["status"], "failed")
        self.assertIn("no such key", events[-1]["reason"])

    def test_what_fails_in_passing_is_tried_again(self):
        self.script({"fail": {"kind": "overload", "text": "busy", "times": 2,
                              "retry_ms": 10}, "text": "after all"})
        events = self.events("go")
        self.assertEqual(len(self.of(events, "retry")), 2)
        self.assertEqual(events[-1]["text"], "after all")

    def test_a_conversation_too_long(self):
        """It is made shorter once, where that is possible; here it is not."""
        self.script({"fail": {"kind": "context", "text": "too long"}})
        events = self.events("go", status=1)
        self.assertEqual(events[-1]["status"], "failed")

    def test_no_key_no_session(self):
        before = self.boxagnts("session", "list", "--all", "--json").out
        result = self.boxagnts("agent", "run", "--model", "anthropic/any",
                               "--workspace", self.path("ws"), "go", status=1)
        self.assertIn("no key for provider 'anthropic'", result.err)
        self.assertEqual(
            self.boxagnts("session", "list", "--all", "--json").out, before)

    def test_keys_stay_out(self):
        """Of guests, events, the session and the audit."""
        key = "sk-of-the-test-0123456789"
        self.environment["ANTHROPIC_API_KEY"] = key
        self.script([bash("env; cat /proc/self/environ; echo looked")], "end")
        result = self.agent("--json", "--mode", "auto", "go")
        self.assertIn("looked", result.out)
        self.assertNotIn(key, result.out + result.err)
        for folder, _, names in os.walk(
                os.path.join(self.home, ".local/state/boxagnts")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(key.encode(), file.read(), name)

    def test_policy_and_session_errors(self):
        self.script("x")
        self.write("bad.yaml", "nonsense: [")
        result = self.agent("--policy", self.path("bad.yaml"), "go", status=2)
        self.assertIn("bad.yaml", result.err)
        result = self.agent("--workspace", self.path("nowhere"), "go",
                            status=2)
        self.assertIn("nowhere", result.err)

    def test_a_session_is_one_process(self):
        self.script({"delay_ms": 20000, "text": "late"})
        began = self.start("--json", "go")
        session = json.loads(began.stdout.readline())["id"]
        result = self.agent("--resume", session, "more", status=1)
        self.assertIn(str(began.pid), result.err)
        began.kill()
        began.communicate()

    # ---- budgets ---------------------------------------------------------

    def ends_by(self, said, *arguments):
        events = self.events(*arguments, "go", status=4)
        self.assertEqual(events[-1]["status"], "budget")
        self.assertIn(said, events[-1]["reason"])
        return events

    def test_turns(self):
        self.script(*([[call("file-glob", pattern=f"{i}")] for i in range(5)]))
        events = self.ends_by("2 turns", "--max-turns", "2")
        self.assertEqual(events[-1]["turns"], 2)

    def test_calls(self):
        self.script([call("file-glob", pattern=f"{i}") for i in range(5)])
        events = self.ends_by("3 calls", "--max-tool-calls", "3")
        failed = {r["id"]: r["is_error"] for r in self.of(events, "result")}
        self.assertEqual([failed[c["id"]] for c in self.of(events, "call")],
                         [False] * 3 + [True] * 2)
        self.assertEqual(events[-1]["calls"], 3)
        # Asked for a few last words, the script has one kind of them.
        self.assertIn("Summary by the scripted demo", events[-1]["text"])

    def test_failures(self):
        self.script(*[[call("file-read", path=f"/none{i}")] for i in range(9)])
        events = self.ends_by("2 calls in a row failed", "--max-failures", "2")
        self.assertEqual(events[-1]["calls"], 2)

    def test_repeats(self):
        self.script(*[[call("file-glob", pattern="*.c")] for _ in range(9)])
        events = self.ends_by("the same call", "--max-repeats", "4")
        self.assertEqual(events[-1]["calls"], 4)

    def test_time(self):
        self.script({"delay_ms": 30000, "text": "late"})
        begin = time.monotonic()
        self.ends_by("time budget", "--max-time", "300ms")
        self.assertLess(time.monotonic() - begin, 20)

    def test_time_within_a_call(self):
        self.script([bash("sleep 30")], "late")
        begin = time.monotonic()
        self.ends_by("time budget", "--mode", "auto", "--max-time", "500ms")
        self.assertLess(time.monotonic() - begin, 20)

    # ---- cancel and resume ------------------------------------------------

    def cancelled(self, *arguments, until):
        began = self.start("--json", *arguments)
        for line in began.stdout:
            if until in line:
                break
        began.send_signal(signal.SIGINT)
        out, err = began.communicate(timeout=30)
        self.assertEqual(began.returncode, 130, err)
        return out.decode()

    def test_cancel_a_call(self):
        self.script([bash("sleep 60"), bash("echo x > second.txt")], "never")
        out = self.cancelled("--mode", "auto", "go", until=b'"allowed"')
        self.assertIn('"cancelled"', out)
        self.assertFalse(os.path.exists(self.path("ws/second.txt")))

    def test_cancel_a_turn(self):
        self.script({"delay_ms": 60000, "text": "never"})
        out = self.cancelled("go", until=b'"turn"')
        self.assertIn('"status":"cancelled"', out)

    def test_goes_on(self):
        self.script([call("file-glob", pattern="*")], "one", "two: ${task}")
        events = self.events("first")
        session = events[0]["id"]
        again = self.events("--resume", session, "second")
        self.assertTrue(again[0]["is_resumed"])
        self.assertEqual(again[0]["id"], session)
        self.assertEqual(again[-1]["status"], "done")

    def test_resume_what_is_not_there(self):
        self.script("x")
        result = self.agent("--resume", "01NOSUCH", "go", status=1)
        self.assertIn("01NOSUCH", result.err)

    # ---- overlays and approval ---------------------------------------------

    def test_edits_wait_for_a_commit(self):
        self.write("ws/a.txt", "old\n")
        self.script([call("file-write", path="/a.txt", content="new\n")],
                    [bash("cat a.txt; echo more > b.txt")], "edited",
                    [call("file-read", path="/a.txt")], "read again")
        result = self.agent("--mode", "edits", "edit it")
        self.assertEqual(result.out, "edited\n")
        self.assertEqual(self.file("a.txt"), "old\n")
        self.assertFalse(os.path.exists(self.path("ws/b.txt")))
        session = result.err.split("session ")[1].split(",")[0]
        name = f"agent-{session}"
        self.assertIn(f"overlay commit {name}", result.err)
        self.boxagnts("overlay", "commit", name, "--yes")
        self.assertEqual(self.file("a.txt"), "new\n")
        self.assertEqual(self.file("b.txt"), "more\n")

    def test_edits_are_committed_between_runs(self):
        """Of an agent that goes on: a chat that waits for its person."""
        self.script([bash("echo x >> f.txt")], "written", "again",
                    [bash("cat f.txt")], "never")
        chat = subprocess.Popen(
            [PROGRAM, "chat", "--model", "demo", "--mode", "edits",
             "--workspace", self.path("ws")], cwd=self.dir,
            env=self.environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(chat.kill)
        chat.stdin.write(b"write it\n")
        chat.stdin.flush()
        self.assertIn(b"written", chat.stdout.readline())
        # It says so before it ends its workers; then it waits for us.
        name = self.boxagnts("overlay", "list").out.split()[0]
        end = time.monotonic() + 20
        while True:
            result = self.boxagnts("overlay", "commit", name, "--yes",
                                   status=None)
            if result.returncode == 0 or time.monotonic() > end:
                break
        self.assertEqual(result.returncode, 0, result.err)
        self.assertEqual(self.file("f.txt"), "x\n")
        # The next run begins an overlay anew.
        chat.stdin.write(b"write it\n")
        chat.communicate(timeout=30)
        self.assertEqual(self.file("f.txt"), "x\n")
        self.boxagnts("overlay", "commit", name, "--yes")
        self.assertEqual(self.file("f.txt"), "x\nx\n")

    def test_edits_are_there_when_it_goes_on(self):
        self.script([bash("echo one > f.txt")], "first",
                    {"text": "never"})
        session = self.events("--mode", "edits", "go")[0]["id"]
        self.script([bash("cat f.txt")], "second")
        events = self.events("--mode", "edits", "--resume", session, "go on")
        self.assertIn("one", self.text(self.of(events, "result")[0]))
        self.assertFalse(os.path.exists(self.path("ws/f.txt")))

    def test_edits_without_any_leave_nothing(self):
        self.script([call("file-glob", pattern="*")], "looked")
        result = self.agent("--mode", "edits", "look")
        self.assertIn("nothing was changed", result.err)
        self.assertNotIn("agent-", self.boxagnts("overlay", "list").out)

    def test_words_stand_once_on_a_terminal(self):
        """As they come, with the calls between them."""
        self.script({"text": "Looking.", "calls": [
            call("file-glob", pattern="*.none")]}, "There is **nothing**.")
        seen, status = self.on_terminal([], "go")
        self.assertEqual(status, 0, seen)
        for words in ("Looking.", "There is nothing.", "1 call, "):
            self.assertEqual(seen.count(words), 1, seen)
        self.assertLess(seen.index("Looking."), seen.index("> file-glob"))
        self.assertLess(seen.index("There is"), seen.index("1 call, "))

    def test_last_words_alone_go_to_stdout(self):
        """Though the terminal shows all the rest."""
        self.script({"text": "Looking.", "calls": [
            call("file-glob", pattern="*.none")]}, "There is **nothing**.")
        out = self.path("out.txt")
        pid, terminal = pty.fork()
        if pid == 0:
            os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT), 1)
            os.chdir(self.dir)
            os.execve(PROGRAM, [PROGRAM, *self.words("go")], self.environment)
        seen = b""
        while True:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        os.close(terminal)
        self.assertEqual(os.waitpid(pid, 0)[1], 0, seen)
        with open(out, encoding="utf-8") as file:
            self.assertEqual(file.read(), "There is **nothing**.\n")
        self.assertIn(b"Looking.", seen)
        self.assertNotIn(b"nothing", seen)

    def test_effect_is_shown_and_committed(self):
        self.write("ws/a.txt", "one\ntwo\n")
        self.script([bash("sed -i s/two/TWO/ a.txt; echo x > b.txt")], "done")
        seen, status = self.on_terminal(["e", "y"], "--mode", "ask", "go")
        self.assertEqual(status, 0, seen)
        self.assertIn("    -two\n    +TWO\n", seen)
        self.assertIn("asked for because of: mode ask", seen)
        self.assertEqual(self.file("a.txt"), "one\nTWO\n")
        self.assertEqual(self.file("b.txt"), "x\n")
        self.assertNotIn("agent-", self.boxagnts("overlay", "list").out)

    def test_effect_is_dropped(self):
        self.script([bash("echo x > b.txt; echo made")], "no then")
        seen, status = self.on_terminal(["n"], "--mode", "reads", "go")
        self.assertEqual(status, 0, seen)
        self.assertIn("+x\n", seen)
        self.assertIn("refused: by you", seen)
        self.assertFalse(os.path.exists(self.path("ws/b.txt")))
        self.assertNotIn("agent-", self.boxagnts("overlay", "list").out)

    def test_killed_while_it_is_asked(self):
        """Nothing of what was tried counts, and nothing of it stays."""
        self.script([bash("echo x >> b.txt")], "so be it")
        seen, status = self.on_terminal([None], "--mode", "ask", "go")
        self.assertEqual(status, -signal.SIGKILL, seen)
        session = seen.split("session ")[1].split(",")[0]
        self.assertIn("agent-", self.boxagnts("overlay", "list").out)
        self.assertFalse(os.path.exists(self.path("ws/b.txt")))
        seen, status = self.on_terminal(["y"], "--mode", "ask", "--resume",
                                        session)
        self.assertEqual(status, 0, seen)
        self.assertEqual(self.file("b.txt"), "x\n")
        self.assertNotIn("agent-", self.boxagnts("overlay", "list").out)

    def test_ctrl_c_while_it_is_asked(self):
        self.script([bash("echo x > b.txt")], "never")
        seen, status = self.on_terminal(["\x03"], "--mode", "ask", "go")
        self.assertEqual(status, 130, seen)
        self.assertFalse(os.path.exists(self.path("ws/b.txt")))

    def test_workspace_changed_meanwhile(self):
        """What was shown is not what would be written over now."""
        self.write("ws/a.txt", "one\n")
        self.script([bash("echo two > a.txt; sleep 0.2")], "so be it")
        path = self.path("ws/a.txt")

        class Answers(list):
            def __getitem__(self, at):
                with open(path, "w", encoding="ascii") as file:
                    file.write("three of another\n")
                return "y"

        seen, status = self.on_terminal(Answers(), "--mode", "ask", "go")
        self.assertEqual(status, 0, seen)
        self.assertIn("could not be written to", seen)
        self.assertNotIn("<data from=", seen)
        self.assertEqual(self.file("a.txt"), "three of another\n")

    def test_stop_and_always(self):
        self.script([bash("echo 1 >> l.txt")], [bash("echo 2 >> l.txt")],
                    [call("file-write", path="/n.txt", content="n")], "never")
        seen, status = self.on_terminal(["a", "s"], "--mode", "ask", "go")
        self.assertEqual(status, 3, seen)
        self.assertEqual(self.file("l.txt"), "1\n2\n")
        self.assertFalse(os.path.exists(self.path("ws/n.txt")))
        self.assertEqual(seen.count("[s]top? "), 2)

    def test_what_is_asked_is_shown_whole(self):
        """What a person does not see is not agreed to, however it is said."""
        padding = "echo " + "a" * 400
        for flags in ([], ["--quiet"]):
            self.script([bash(padding + "; touch evil.txt")], "so be it")
            seen, status = self.on_terminal(["n"], "--mode", "ask", *flags,
                                            "go")
            self.assertEqual(status, 0, seen)
            asked = seen.split("Run it?")[0].replace("\n    | ", "")
            self.assertIn("bash", asked)
            self.assertIn("touch evil.txt", asked)

    def test_what_was_typed_before_is_no_answer(self):
        self.script([bash("echo 1 >> l.txt")], [bash("echo 2 >> l.txt")],
                    [bash("echo 3 >> l.txt")], "so be it")
        seen, status = self.on_terminal(["n\ny\ny", "n", "n"], "--mode", "ask",
                                        "go")
        self.assertEqual(status, 0, seen)
        self.assertFalse(os.path.exists(self.path("ws/l.txt")), seen)

    def test_only_a_word_is_an_answer(self):
        self.script([bash("echo 1 >> l.txt")], [bash("echo 2 >> l.txt")],
                    [bash("echo 3 >> l.txt")], "so be it")
        seen, status = self.on_terminal(
            ["yes, but not this one", "a" + " " * 14 + "y", "no", "n", "yes"],
            "--mode", "ask", "go")
        self.assertEqual(status, 0, seen)
        self.assertEqual(self.file("l.txt"), "3\n", seen)
        self.assertEqual(seen.count("One letter or word of these"), 2)

    def test_effect_has_no_network(self):
        """A request before the approval would be one without it."""
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            server.setblocking(False)
            port = server.getsockname()[1]
            self.script([bash(f"curl -s http://127.0.0.1:{port}/leak")], "end")
            seen, _ = self.on_terminal(
                ["n"], "--mode", "ask", "--allowed-outbound-host",
                f"http://127.0.0.1:{port}", "go")
            self.assertIn("wants the network", seen)
            with self.assertRaises(BlockingIOError):
                server.accept()

    # ---- long results ------------------------------------------------------

    def test_long_result_is_kept(self):
        lines = "".join(f"line {i:06}\n" for i in range(20000))
        self.write("ws/long.txt", lines)
        self.script([bash("cat long.txt")], "read")
        result = self.of(self.events("--mode", "auto", "go"), "result")[0]
        self.assertTrue(result["is_cut"])
        self.assertLess(len(self.text(result)), 40000)
        self.assertIn(result["kept"], self.text(result))
        self.assertTrue(result["kept"].startswith("/.boxagnts/results/"))
        self.assertEqual(self.file(result["kept"].lstrip("/")), lines)
        # They go with the session.
        session = result["kept"].split("/")[3]
        self.boxagnts("session", "rm", session, "--yes")
        self.assertEqual(os.listdir(self.path("ws/.boxagnts/results")), [])

    # ---- servers ------------------------------------------------------------

    SERVER = """import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    method = message["method"]
    if method == "initialize":
        result = {"protocolVersion": message["params"]["protocolVersion"],
                  "capabilities": {"tools": {}},
                  "serverInfo": {"name": "test", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [{"name": "weather", "description": "The weather.",
                             "inputSchema": {"type": "object"}}]}
    elif method == "tools/call":
        result = {"content": [{"type": "text", "text": "rain, as ever"}]}
    else:
        result = {}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"],
                      "result": result}), flush=True)
"""

    def test_tools_of_a_server(self):
        """Once a person approved what it says, and not before."""
        server = self.write("server.py", self.SERVER)
        self.script([call("mcp-sky-weather")], "seen")
        self.boxagnts("mcp", "add", "sky", "--read", server, "--",
                      sys.executable, server)
        self.addCleanup(self.boxagnts, "mcp", "remove", "sky", status=None)
        result = self.of(self.events("--mode", "auto", "go"), "result")[0]
        self.assertTrue(result["is_error"], result)
        self.boxagnts("mcp", "approve", "sky", "--yes")
        events = self.events("--mode", "auto", "go")
        result = self.of(events, "result")[0]
        self.assertFalse(result["is_error"], result)
        self.assertIn("rain, as ever", self.text(result))
        self.assertIn("<data from=", self.text(result))
        # A chat that nobody types in waits for it as well.
        shown = self.boxagnts("chat", "--model", "demo", "--workspace",
                              self.path("ws"), stdin=b"/mcp\n").err
        self.assertRegex(shown, r"(?m)^sky +runs$")
        self.assertRegex(shown, r"(?m)^mcp-sky-weather +ready$")
        # What it does goes to no overlay: in mode edits it is asked for.
        result = self.of(self.events("--mode", "edits", "go"), "result")[0]
        self.assertIn("nobody is there", self.text(result))

    def test_a_server_that_is_not_there(self):
        self.script("done without")
        self.boxagnts("mcp", "add", "gone", "--", "/nonexistent/server")
        self.addCleanup(self.boxagnts, "mcp", "remove", "gone", status=None)
        result = self.agent("go")
        self.assertEqual(result.out, "done without\n")
        self.assertIn("gone", result.err)

    # ---- the page -----------------------------------------------------------

    def test_examples_of_the_page(self):
        """Each line of docs/agent.md that begins with "$" works, with the
        scripts that come with the program."""
        del self.environment["BOXAGNTS_DEMO_SCRIPT"]
        self.write("ws/README.md", "# A project\n")
        page = os.path.join(os.path.dirname(__file__), "../../docs/agent.md")
        with open(page, encoding="utf-8") as file:
            lines = [line.strip()[2:] for line in file
                     if line.startswith("    $ boxagnts ")]
        self.assertGreater(len(lines), 2)
        for line in lines:
            words = shlex.split(line)[1:]
            self.assertEqual(words[:2], ["agent", "run"])
            self.boxagnts(*words[:2], "--workspace", self.path("ws"),
                          *words[2:])


if __name__ == "__main__":
    unittest.main()
