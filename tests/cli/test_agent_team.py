"""Agents that work for agents: sub-agents, and a manager with executors, over
real tools and real files. Which script one plays is said by words of its
task."""

import json
import os
import signal
import socket
import time
import unittest

from agent_support import AgentTest, bash, call


class TeamTest(AgentTest):
    def scripts(self, **scripts):
        """NAME=[step, ...]: played by whoever has NAME as a word of its
        task."""
        written = []
        for name, steps in scripts.items():
            whole = []
            for step in steps:
                if isinstance(step, str):
                    step = {"text": step}
                elif isinstance(step, list):
                    step = {"calls": step}
                whole.append(step)
            written.append({"name": name, "about": "of a test",
                            "words": [name], "steps": whole})
        self.write("script.json", json.dumps(written))

    @staticmethod
    def inner(events, name, kind=None):
        """The events of a sub-agent."""
        return [event["event"] for event in events
                if event["type"] == "agent" and event["name"] == name
                and kind in (None, event["event"]["type"])]

    @staticmethod
    def errors(results):
        return {result["name"]: result["is_error"] for result in results}

    def result(self, events, at=0):
        return self.of(events, "result")[at]

    def kill_and_go_on(self, *arguments, most=4):
        """Killed after every third result, and resumed; how often, and what
        the last one printed."""
        process = self.start(*arguments)
        session, kills = None, 0
        while True:
            lines, seen = [], 0
            for line in process.stdout:
                lines.append(line.decode())
                if session is None:
                    session = json.loads(line)["id"]
                seen += b'"type":"result"' in line
                if seen == 3 and kills < most:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                    break
            _, err = process.communicate(timeout=120)
            if process.returncode == 0:
                self.assertGreater(kills, 0)
                return kills, "".join(lines)
            self.assertEqual(process.returncode, -signal.SIGKILL, err)
            process = self.start("--mode", "auto", "--json", "--resume",
                                 session)

    def overlays(self):
        folder = os.path.join(self.home, ".local/state/boxagnts/overlays")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def sessions(self):
        out = self.boxagnts("session", "list", "--all", "--json").out
        return json.loads(out)


def order(**members):
    return {"name": "agent", "input": members}


def assign(*tasks):
    return [call("assign", tasks=[{"name": name, "task": task, **more}
                                  for name, task, more in tasks])]


class SubagentTest(TeamTest):
    def test_answer_is_data(self):
        self.write("ws/a.txt", "alpha\n")
        self.scripts(main=[[order(task="do helper", name="one")],
                           "all done"],
                     helper=[[call("file-read", path="/a.txt")],
                             "it says alpha"])
        events = self.events("--mode", "reads", "main")
        result = self.result(events)
        self.assertFalse(result["is_error"], result)
        self.assertIn('Sub-agent a1 "one": done', self.text(result))
        self.assertRegex(self.text(result),
                         r'<data from="agent" boundary="[0-9a-f]+">\n'
                         r'it says alpha\n')
        inner = self.inner(events, "one")
        self.assertEqual(inner[0]["type"], "session")
        self.assertEqual(inner[-1]["type"], "end")
        self.assertEqual(events[-1]["text"], "all done")
        own = sum(event["usage"]["input_tokens"]
                  for event in self.of(events, "usage"))
        self.assertEqual(events[-1]["usage"]["input_tokens"], own +
                         inner[-1]["usage"]["input_tokens"])

    def test_background_is_waited_for_and_told(self):
        self.scripts(main=[[order(task="do helper", name="late",
                                 background=True)], "that is all from me"],
                     helper=[{"delay_ms": 200, "text": "late words"}],
                     late=["now I know"])
        events = self.events("--mode", "reads", "main")
        self.assertIn("works in the background",
                      self.text(self.result(events)))
        self.assertEqual(events[-1]["text"], "now I know")

    def test_waits_for_some(self):
        self.scripts(main=[[order(task="do helper", name="late",
                                 background=True)],
                           [call("agent_wait", ids=["a1"])],
                           [call("agent_wait", ids=["a9"])], "end"],
                     helper=[{"delay_ms": 100, "text": "late words"}])
        events = self.events("--mode", "reads", "main")
        self.assertIn("late words", self.text(self.result(events, 1)))
        self.assertTrue(self.result(events, 2)["is_error"])
        self.assertEqual(events[-1]["text"], "end")

    def test_stopped(self):
        self.scripts(main=[[order(task="do helper", name="slow",
                                 background=True)],
                           [call("agent_stop", ids=["a1"])], "end"],
                     helper=[[bash("sleep 60")], "never said"])
        begin = time.monotonic()
        events = self.events("--mode", "auto", "main")
        self.assertLess(time.monotonic() - begin, 50)
        self.assertIn('"slow": cancelled', self.text(self.result(events, 1)))
        self.assertEqual(events[-1]["status"], "done")

    def test_no_wider_than_its_parent(self):
        self.write("ws/a.txt", "alpha\n")
        helper = [[call("file-read", path="/a.txt"),
                   call("file-write", path="/b.txt", content="x"),
                   bash("echo y > /c.txt")], "tried"]
        # The mode.
        self.scripts(main=[[order(task="do helper", name="wide",
                                 mode="auto")],
                           [order(task="do helper", name="same")],
                           "end"], helper=helper)
        events = self.events("--mode", "reads", "main")
        self.assertIn("lets more through", self.text(self.result(events)))
        self.assertEqual(self.errors(self.inner(events, "same", "result")), {
            "file-read": False, "file-write": True, "bash": True})
        self.assertFalse(self.inner(events, "wide"))
        # Tools, by pattern, and a parent's for those below it.
        self.scripts(
            main=[[order(task="do middle", name="middle",
                        tools=["file-read", "file-w*"])], "end"],
            middle=[[order(task="do helper", name="low",
                          tools=["file-read", "bash"])], "passed on"],
            helper=helper)
        events = self.events("--mode", "auto", "main")
        low = [e["event"] for e in self.inner(events, "middle", "agent")
               if e["event"]["type"] == "result"]
        self.assertEqual(self.errors(low), {
            "file-read": False, "file-write": True, "bash": True})
        self.assertIn("was given", self.text(
            [r for r in low if r["name"] == "bash"][0]))
        # The policy.
        self.scripts(main=[[order(task="do helper", name="same")],
                           "end"], helper=helper)
        events = self.events("--mode", "auto", "--work-dir",
                             self.path("ws"), "--grant", "fs.read:/", "main")
        self.assertEqual(self.errors(self.inner(events, "same", "result")), {
            "file-read": False, "file-write": True, "bash": True})
        self.assertEqual(sorted(os.listdir(self.path("ws"))), ["a.txt"])

    def test_no_host_and_no_level_more(self):
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            server.setblocking(False)
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            for tools in ({}, {"tools": ["web-fetch", "file-write"]}):
                self.scripts(
                    main=[[order(task="do helper", name="one", **tools)],
                          "end"],
                    helper=[[call("web-fetch", url=url),
                             call("file-write", path="/b.txt", content="b")],
                            "tried"])
                events = self.events("--mode", "auto", "--work-dir",
                                     self.path("ws"), "--permission-level",
                                     "read_only", "main")
                self.assertEqual(
                    self.errors(self.inner(events, "one", "result")),
                    {"web-fetch": True, "file-write": True})
                with self.assertRaises(BlockingIOError):
                    server.accept()
        self.assertEqual(os.listdir(self.path("ws")), [])

    def test_a_tool_calls_no_other(self):
        self.write("ws/a.txt", "alpha\n")
        script = ("try { const r = await tools.file_read({path: '/a.txt'}); "
                  "console.log(r) } "
                  "catch (e) { console.log('refused: ' + e) }")
        self.scripts(main=[[order(task="do helper", name="one",
                                 tools=["js-execute"])],
                           [order(task="do helper", name="two",
                                 tools=["js-execute", "file-read"])], "end"],
                     helper=[[call("js-execute", code=script)], "ran"])
        events = self.events("--mode", "auto", "main")
        one = self.text(self.inner(events, "one", "result")[0])
        two = self.text(self.inner(events, "two", "result")[0])
        self.assertNotIn("alpha", one)
        self.assertIn("alpha", two)

    def test_depth(self):
        self.scripts(main=[[order(task="do second")], "end"],
                     second=[[order(task="do third")], "second"],
                     third=[[order(task="do fourth")], "third"],
                     fourth=["too deep"])
        events = self.events("--mode", "auto", "main")
        self.assertNotIn("too deep", json.dumps(events))
        self.assertIn("third", self.text(self.result(events)) +
                      json.dumps(events))

    def test_budget(self):
        many = [[call("file-glob", pattern=f"*{i}")] for i in range(20)]
        self.scripts(main=[[order(task="do runaway", turns=15)],
                           "end"], runaway=many + ["never"])
        events = self.events("--mode", "reads", "--max-turns", "8", "main",
                             status=4)
        result = self.text(self.result(events))
        self.assertTrue(self.result(events)["is_error"])
        self.assertIn("budget", result)
        # One turn is gone, seven were left: not the fifteen it asked for.
        self.assertLessEqual(len(self.inner(events, "a1", "turn")), 7)
        self.assertEqual(events[-1]["status"], "budget")

    def test_the_same_person_is_asked(self):
        self.scripts(main=[[order(task="do helper", name="Hella")], "end"],
                     helper=[[bash("echo x > x.txt")], "written"])
        seen, status = self.on_terminal(["y"], "--mode", "reads", "main")
        self.assertEqual(status, 0, seen)
        self.assertRegex(seen, r"bash of Hella")
        self.assertEqual(self.file("x.txt"), "x\n")

    def test_failure_is_a_result(self):
        self.scripts(main=[[order(task="do broken", name="broken"),
                            order(task="do helper", name="fine")],
                           "both seen"],
                     broken=[{"fail": {"kind": "request",
                                       "text": "no such thing"}}],
                     helper=["fine words"])
        events = self.events("--mode", "reads", "main")
        broken, fine = sorted(self.of(events, "result"),
                              key=lambda r: not r["is_error"])
        self.assertIn('"broken": failed', self.text(broken))
        self.assertIn("no such thing", self.text(broken))
        self.assertIn("fine words", self.text(fine))
        self.assertEqual(events[-1]["text"], "both seen")

    def test_cancelled_with_its_parent(self):
        self.scripts(main=[[order(task="do helper"),
                            order(task="do helper",
                                 background=True)], "end"],
                     helper=[[bash("sleep 60")], "never"])
        process = self.start("--mode", "auto", "--json", "main")
        session = json.loads(process.stdout.readline())["id"]
        working = 0
        while working < 2:
            line = process.stdout.readline().decode()
            working += '"name":"bash"' in line and '"approval"' in line
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual([s["status"] for s in self.sessions()
                          if s["id"] == session or s.get("parent") == session],
                         ["cancelled"] * 3)

    def test_killed_and_resumed(self):
        """Each sub-agent's lines are there once."""
        lines = [[bash(f"echo ${{NAME}}-{i} >> log.txt; sleep 0.05")]
                 for i in range(8)]

        def named(name):
            return json.loads(json.dumps(lines).replace("${NAME}", name))
        self.scripts(main=[[order(task="do first", name="first"),
                            order(task="do second", name="late",
                                  background=True)], "main is done"],
                     first=named("first") + ["lines written"],
                     second=named("second") + ["lines written"],
                     late=["told"])
        kills, _ = self.kill_and_go_on("--mode", "auto", "--json", "main")
        written = self.file("log.txt").split()
        self.assertEqual(len(set(written)), len(written), written)
        # A call under way when it was killed may be lost, and is told so.
        self.assertGreaterEqual(len(written), 16 - 2 * kills, written)


class ManagedTest(TeamTest):
    def managed(self, *arguments):
        return self.events("--managed", *arguments)

    def merge(self, events, at=0):
        return self.of(events, "merge")[at]

    def test_two_files(self):
        self.write("ws/a.txt", "alpha\n")
        self.scripts(main=[[call("file-read", path="/a.txt")],
                           assign(("one", "do left", {}),
                                  ("two", "do right", {})),
                           [call("file-read", path="/right.txt")],
                           "both merged"],
                     left=[[call("file-write", path="/a.txt",
                                 content="left\n")],
                           [bash("cat /a.txt; ls /")], "left is done"],
                     right=[[bash("mkdir sub; echo r > sub/r.txt; "
                                  "echo right > right.txt; cat a.txt")],
                            "right is done"])
        events = self.managed("--mode", "auto", "main")
        result = self.result(events, 1)
        self.assertFalse(result["is_error"], self.text(result))
        self.assertEqual(self.merge(events)["left"], 0)
        self.assertEqual(self.file("a.txt"), "left\n")
        self.assertEqual(self.file("right.txt"), "right\n")
        self.assertEqual(self.file("sub", "r.txt"), "r\n")
        # Neither saw what the other changed.
        self.assertNotIn("right.txt",
                         self.text(self.inner(events, "one", "result")[1]))
        self.assertIn("alpha",
                      self.text(self.inner(events, "two", "result")[0]))
        self.assertIn("right", self.text(self.result(events, 2)))
        self.assertEqual(self.overlays(), [])

    def test_manager_only_reads(self):
        self.scripts(main=[[bash("echo x > x.txt"),
                            call("file-write", path="/y.txt", content="y"),
                            order(task="do helper")], "end"],
                     helper=["no"])
        events = self.managed("--mode", "auto", "main")
        self.assertTrue(all(r["is_error"] for r in self.of(events, "result")))
        self.assertEqual(os.listdir(self.path("ws")), [])

    def conflict(self, *arguments):
        self.write("ws/a.txt", "alpha\n")
        self.scripts(main=[assign(("one", "do left", {}),
                                  ("two", "do right", {})), "end"],
                     left=[[call("file-write", path="/a.txt",
                                 content="left\n"),
                            call("file-write", path="/same.txt",
                                 content="same\n")], "left is done"],
                     right=[[call("file-write", path="/a.txt",
                                  content="right\n"),
                             call("file-write", path="/b.txt",
                                  content="b\n"),
                             call("file-write", path="/same.txt",
                                  content="same\n")], "right is done"])
        return self.managed("--mode", "auto", *arguments, "main")

    def test_conflict_is_shown_and_neither_is_lost(self):
        for arguments in ((), ("--on-conflict", "skip")):
            events = self.conflict(*arguments)
            conflict = self.of(events, "conflict")
            self.assertEqual(len(conflict), 1, conflict)
            self.assertEqual(conflict[0]["path"], self.path("ws/a.txt"))
            self.assertIsNone(conflict[0]["taken"])
            self.assertEqual([a["name"] for a in conflict[0]["agents"]],
                             ["one", "two"])
            self.assertIn("+left", conflict[0]["agents"][0]["diff"])
            self.assertIn("+right", conflict[0]["agents"][1]["diff"])
            told = self.text(self.result(events))
            self.assertTrue(self.result(events)["is_error"])
            self.assertIn("+left", told)
            self.assertIn("+right", told)
            self.assertEqual(self.file("a.txt"), "alpha\n")
            self.assertEqual(self.file("b.txt"), "b\n")
            self.assertEqual(self.file("same.txt"), "same\n")
            kept = self.merge(events)["kept"]
            self.assertEqual(self.overlays(), sorted(kept))
            self.assertEqual(len(kept), 2)
            diff = self.boxagnts("overlay", "diff", kept[0]).out
            self.assertIn("+left", diff)
            for name in kept:
                self.boxagnts("overlay", "drop", name)
            for name in ("b.txt", "same.txt"):
                os.unlink(self.path("ws", name))

    def test_first_wins(self):
        events = self.conflict("--on-conflict", "first")
        self.assertEqual(self.of(events, "conflict")[0]["taken"], "a1")
        self.assertEqual(self.file("a.txt"), "left\n")
        self.assertEqual(len(self.merge(events)["kept"]), 1)

    def test_nobody_approves(self):
        self.scripts(main=[assign(("one", "do left", {})), "end"],
                     left=[[call("file-write", path="/a.txt",
                                 content="left\n")], "left is done"])
        events = self.managed("main")
        self.assertTrue(self.merge(events)["is_refused"])
        self.assertFalse(os.path.exists(self.path("ws/a.txt")))
        kept = self.merge(events)["kept"]
        self.boxagnts("overlay", "commit", "--yes", kept[0])
        self.assertEqual(self.file("a.txt"), "left\n")

    def two_versions(self):
        self.write("ws/a.txt", "alpha\n")
        self.scripts(main=[assign(("one", "do left", {}),
                                  ("two", "do right", {})), "end"],
                     left=[[call("file-write", path="/a.txt",
                                 content="left\n")], "left is done"],
                     right=[[call("file-write", path="/a.txt",
                                  content="right\n"),
                             call("file-write", path="/b.txt",
                                  content="b\n")], "right is done"])

    def test_a_person_approves_and_decides(self):
        self.two_versions()
        seen, status = self.on_terminal(["y", "n", "y"], "--managed", "main")
        self.assertEqual(status, 0, seen)
        self.assertEqual(self.file("a.txt"), "right\n", seen)
        self.assertEqual(self.file("b.txt"), "b\n")
        self.assertIn("+left", seen)
        self.assertIn("the version of a2 is taken", seen)

    def test_a_person_refuses(self):
        self.two_versions()
        seen, status = self.on_terminal(["n"], "--managed", "main")
        self.assertEqual(status, 0, seen)
        self.assertEqual(os.listdir(self.path("ws")), ["a.txt"])
        self.assertEqual(self.file("a.txt"), "alpha\n")
        self.assertEqual(len(self.overlays()), 2)
        self.assertIn("not approved, nothing was written", seen)

    def test_a_person_stops(self):
        self.two_versions()
        seen, status = self.on_terminal(["y", "s"], "--managed", "main")
        self.assertEqual(status, 3, seen)
        self.assertEqual(os.listdir(self.path("ws")), ["a.txt"])
        self.assertEqual(self.file("a.txt"), "alpha\n")
        self.assertEqual(len(self.overlays()), 2)

    def test_killed_while_the_merge_is_asked_for(self):
        self.two_versions()
        seen, status = self.on_terminal([None], "--managed", "main")
        self.assertEqual(status, -signal.SIGKILL, seen)
        session = seen.split("session ")[1].split(",")[0]
        self.assertEqual(self.file("a.txt"), "alpha\n")
        seen, status = self.on_terminal(["y", "y"], "--resume", session)
        self.assertEqual(status, 0, seen)
        self.assertNotIn("file-write", seen)
        self.assertEqual(self.file("a.txt"), "left\n")
        self.assertEqual(self.file("b.txt"), "b\n")

    def test_one_runs_away(self):
        many = [[bash(f"echo {i} > runaway-{i}.txt")] for i in range(40)]
        self.scripts(main=[assign(("one", "do runaway", {}),
                                  ("two", "do right", {}),
                                  ("three", "do broken", {}),
                                  ("four", "do nothing", {})), "end"],
                     nothing=[[call("file-glob", pattern="*")],
                              {"fail": {"kind": "request",
                                        "text": "no more"}}],
                     runaway=many + ["never"],
                     right=[[bash("echo right > right.txt")],
                            "right is done"],
                     broken=[[bash("echo b > broken.txt")],
                             {"fail": {"kind": "request",
                                       "text": "no more"}}])
        events = self.managed("--mode", "auto", "--max-turns", "20", "main")
        told = self.text(self.result(events))
        self.assertIn('"one": budget', told)
        self.assertIn('"two": done', told)
        self.assertIn('"three": failed', told)
        self.assertEqual(os.listdir(self.path("ws")), ["right.txt"])
        self.assertEqual(len(self.merge(events)["kept"]), 2)
        self.assertEqual(len(self.overlays()), 2)

    def test_killed_and_resumed(self):
        def lines(name):
            return [[bash(f"echo {name}-{i} >> {name}.txt; "
                          f"echo {name}-{i}; sleep 0.05")]
                    for i in range(6)] + [f"{name} is done"]
        self.scripts(main=[assign(("one", "do left", {}),
                                  ("two", "do right", {})),
                           [call("file-read", path="/left.txt")],
                           "managed it"],
                     left=lines("left"), right=lines("right"))
        # It stays managed without being told again.
        kills, out = self.kill_and_go_on("--managed", "--mode", "auto",
                                         "--json", "main")
        self.assertIn("managed it", out)
        for name in ("left", "right"):
            written = self.file(name + ".txt").split()
            self.assertEqual(len(set(written)), len(written), written)
            self.assertGreaterEqual(len(written), 6 - kills)

    def test_usage(self):
        self.scripts(main=["end"])
        for words, said in ((["--mode", "plan"], "expected edits"),
                            (["--on-conflict", "wild"], "ask, first or skip"),
                            (["--overlay"], "no --overlay")):
            result = self.agent("--managed", *words, "main", status=None)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(said, result.err)

    def test_for_people(self):
        self.scripts(main=[assign(("one", "do left", {})), "end"],
                     left=[[call("file-write", path="/a.txt",
                                 content="left\n")], "left is done"])
        result = self.agent("--managed", "--mode", "auto", "main")
        self.assertIn("agent one", result.err)
        self.assertIn("file-write", result.err)
        self.assertIn("merge: 1 changes written, 0 not", result.err)
        self.assertEqual(result.out, "end\n")


if __name__ == "__main__":
    unittest.main()
