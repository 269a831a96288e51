"""--hold-requests: what would change something elsewhere is asked about first."""

import http.server
import os
import pty
import select
import signal
import tempfile
import threading
import time
import unittest

from support import PROGRAM, CliTest, give_compiled, tool


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps what it was asked; /again repeats the request elsewhere."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, body))
        if self.path == "/again":
            self.send_response(307)
            self.send_header("Location", "/end")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"done")

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


class HoldTest(CliTest):
    @classmethod
    def setUpClass(cls):
        # One home for all: compiling takes its time, which is no test's.
        cls.shared = tempfile.TemporaryDirectory(prefix="bx-hold-")
        cls.addClassCleanup(cls.shared.cleanup)
        give_compiled(cls.shared.name)

    def setUp(self):
        super().setUp()
        self.environment["HOME"] = self.shared.name
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.seen = []
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.flags = ["--hold-requests", "--allowed-outbound-host", self.origin]

    def at_terminal(self, *arguments, answers=(), wait_s=0):
        """Run it on a terminal of its own, with nothing on stdin, and answer
        each question."""
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.chdir(self.dir)
                os.execve(PROGRAM, [PROGRAM, *arguments],
                          {**self.environment, "TERM": "dumb"})
            finally:
                os._exit(127)
        shown = b""
        answers = list(answers)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                part = os.read(terminal, 4096)
            except OSError: # its other end is closed
                break
            if not part:
                break
            shown += part
            if answers and shown.count(b"Send it? [y/N] ") > len(self.given):
                time.sleep(wait_s)
                self.given.append(answers.pop(0))
                os.write(terminal, self.given[-1])
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), shown.decode("utf-8", "replace")

    given = []

    def curl(self, words):
        self.given = []
        return ["bash", *self.flags, "-c", f"curl -s {words}"]

    def test_refuses_without_a_terminal(self):
        """Nothing is sent, and it says why; what only asks goes through."""
        said = self.boxagnts(*self.curl(f"-d a=1 {self.origin}/x"), status=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn(f"boxagnts: held: POST {self.origin}/x: not sent, there is "
                      "no terminal to ask at\n", said.err)
        self.assertIn("held, and not approved (requests are held)", said.err)
        self.assertEqual(self.server.seen, [])
        self.assertEqual(self.boxagnts(*self.curl(f"{self.origin}/x")).out, "done")

    def test_refuses_for_every_command(self):
        """run and tool call have the flag, too."""
        code = (f"fetch('{self.origin}/x', {{method: 'DELETE'}})"
                ".then(r => console.log(r.status), e => console.log(`no: ${e}`))")
        for words in (
                ["run", *self.flags, tool("js-execute"), "--", "-e", code],
                ["js", *self.flags, "-e", code],
                ["tool", "call", *self.flags, "bash",
                 f"command=curl -s -X DELETE {self.origin}/x"]):
            said = self.boxagnts(*words, status=None)
            self.assertIn(f"held: DELETE {self.origin}/x: not sent", said.err, words)
        self.assertEqual(self.server.seen, [])

    def test_holds_what_another_program_sends(self):
        """A program started by the held one is held as well."""
        self.write("post.js", f"fetch('{self.origin}/x', {{method: 'POST'}})"
                              ".catch(e => console.log(`no: ${e}`))")
        said = self.boxagnts("bash", *self.flags, "-c", "node post.js", status=None)
        self.assertIn(f"held: POST {self.origin}/x: not sent", said.err)
        self.assertEqual(self.server.seen, [])

    def test_sends_what_a_person_approves(self):
        status, shown = self.at_terminal(
            *self.curl(f"--data-raw 'a=1\033[2J' {self.origin}/x?q=1"), answers=[b"y\n"])
        self.assertEqual((status, self.given), (0, [b"y\n"]), shown)
        self.assertIn(f"boxagnts: held: POST {self.origin}/x?q=1\r\n", shown)
        self.assertIn("7 B of body:\r\n", shown)
        self.assertIn("\r\n  | a=1", shown)
        self.assertNotIn("\033[2J", shown)
        self.assertEqual(self.server.seen, [("POST", "/x?q=1", b"a=1\033[2J")])

    def test_asks_though_the_process_is_locked(self):
        """`run` asks from the process that reaches the network for it."""
        code = (f"fetch('{self.origin}/x', {{method: 'POST', body: 'b'}})"
                ".then(r => console.log(r.status))")
        self.given = []
        _, shown = self.at_terminal("run", *self.flags, tool("js-execute"), "--",
                                    "-e", code, answers=[b"y\n"])
        self.assertEqual(self.given, [b"y\n"], shown)
        self.assertIn("200\r\n", shown)
        self.assertEqual(self.server.seen, [("POST", "/x", b"b")])

    def test_sends_nothing_that_a_person_refuses(self):
        for answer in (b"n\n", b"\n", b"x\n"):
            status, shown = self.at_terminal(
                *self.curl(f"-d a=1 {self.origin}/x"), answers=[answer])
            self.assertNotEqual(status, 0, shown)
            self.assertEqual(self.given, [answer])
        self.assertEqual(self.server.seen, [])

    def test_keeps_the_url_on_the_screen(self):
        """A body of many lines is cut, and none of them passes for ours."""
        body = "x\nSend it? [y/N] \n" + "\n" * 100
        self.write("body", body)
        _, shown = self.at_terminal(
            *self.curl(f"--data-binary @body {self.origin}/x"), answers=[b"n\n"])
        self.assertIn("\r\n  | Send it? [y/N] \r\n", shown)
        self.assertIn(f"  ... {len(body) - 26} bytes more\r\n", shown)
        self.assertLess(shown.count("\n"), 20)

    def test_asks_again_for_a_redirect(self):
        _, shown = self.at_terminal(
            *self.curl(f"-L -d a=1 {self.origin}/again"), answers=[b"y\n", b"n\n"])
        self.assertEqual(len(self.given), 2, shown)
        self.assertEqual([path for _, path, _ in self.server.seen], ["/again"])

    def test_does_not_charge_the_time_it_took(self):
        """The person takes longer than the call has, and the one around it."""
        self.write("post.js", f"fetch('{self.origin}/x', {{method: 'POST'}})"
                              ".then(r => console.log(r.status))")
        self.given = []
        status, shown = self.at_terminal(
            "bash", *self.flags, "--timeout", "3s", "-c", "node post.js; echo after",
            answers=[b"y\n"], wait_s=3.2)
        self.assertEqual(status, 0, shown)
        self.assertIn("200\r\nafter\r\n", shown)
        self.assertEqual(len(self.server.seen), 1)


if __name__ == "__main__":
    unittest.main()
