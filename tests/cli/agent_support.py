"""Shared by the tests of `boxagnts agent`: a home whose tools are compiled, and
a scripted model that plays what a test wrote."""

import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import time

from support import PROGRAM, CliTest, give_compiled


def call(name, **members):
    return {"name": name, "input": members}


def bash(command):
    return call("bash", command=command)


class AgentTest(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = tempfile.mkdtemp(prefix="bx-agent-home-")
        cls.addClassCleanup(shutil.rmtree, cls.home)
        give_compiled(cls.home)

    def setUp(self):
        super().setUp()
        self.environment["HOME"] = self.home
        self.environment["BOXAGNTS_DEMO_SCRIPT"] = self.path("script.json")
        shutil.rmtree(os.path.join(
            self.home, ".local/state/boxagnts/overlays"), ignore_errors=True)
        os.mkdir(self.path("ws"))

    def script(self, *steps):
        """One script for every task. A step: a text, a list of calls, or a
        dictionary of the demo's own."""
        written = []
        for step in steps:
            if isinstance(step, str):
                step = {"text": step}
            elif isinstance(step, list):
                step = {"calls": step}
            written.append(step)
        self.write("script.json", json.dumps(
            [{"name": "test", "about": "of a test", "steps": written}]))

    def words(self, *arguments):
        return ["agent", "run", "--model", "demo", "--workspace",
                self.path("ws"), *arguments]

    def agent(self, *arguments, **options):
        return self.boxagnts(*self.words(*arguments), **options)

    def events(self, *arguments, **options):
        """Run it with --json; the events, and how it ended as the last."""
        result = self.agent("--json", *arguments, **options)
        events = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual(events[-1]["type"], "end", result.err)
        return events

    def start(self, *arguments):
        return subprocess.Popen(
            [PROGRAM, *self.words(*arguments)], cwd=self.dir,
            env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def on_terminal(self, answers, *arguments):
        """Run it on a terminal; what a person would have seen, and the status.
        Each question gets the next answer; None kills it."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve(PROGRAM, [PROGRAM, *self.words(*arguments)],
                      {**self.environment, "TERM": "dumb"})
        seen = b""
        asked = 0
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
            if seen.count(b"[s]top? ") > asked:
                if answers[asked] is None:
                    os.kill(pid, signal.SIGKILL)
                else:
                    os.write(terminal, answers[asked].encode() + b"\n")
                asked += 1
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return seen.decode().replace("\r\n", "\n"), status

    def file(self, *names):
        with open(self.path("ws", *names), encoding="utf-8") as file:
            return file.read()

    @staticmethod
    def of(events, kind):
        return [event for event in events if event["type"] == kind]

    @staticmethod
    def text(event):
        return "".join(block.get("text", "") for block in event["content"])
