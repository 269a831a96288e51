"""boxagnts overlay, and --overlay where runs begin: the folder stays as it is
until a commit."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support import PROGRAM, CliTest, give_compiled, guest, tool


class OverlayTest(CliTest):
    """One home for all tests of a class, so that each tool is compiled once;
    overlays are each test's own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = tempfile.mkdtemp(prefix="bx-overlay-home-")
        cls.addClassCleanup(shutil.rmtree, cls.home)
        give_compiled(cls.home)

    def setUp(self):
        super().setUp()
        self.environment["HOME"] = self.home
        shutil.rmtree(self.state(), ignore_errors=True)
        self.write("p/a.txt", "one\ntwo\nthree\n")
        self.write("p/old/x", "x\n")

    def boxagnts(self, *arguments, **options):
        # The first call of a tool compiles it.
        return super().boxagnts(*arguments, **{"timeout": 280, **options})

    def overlay(self, *arguments, **options):
        return self.boxagnts("overlay", *arguments, **options)

    def bash(self, script, *flags, **options):
        return self.boxagnts(
            "bash", "--work-dir", "p", *flags, "-c", script, **options
        )

    def tree(self):
        found = {}
        for folder, _, names in os.walk(self.path("p")):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.path("p"))] = file.read()
        return found

    def state(self, *names):
        return os.path.join(self.home, ".local/state/boxagnts/overlays", *names)

    CHANGE = "sed -i s/two/TWO/ a.txt; rm -r old; mkdir n; echo new > n/f"
    CHANGED = {"a.txt": b"one\nTWO\nthree\n", "n/f": b"new\n"}


class Works(OverlayTest):
    def test_a_script_is_committed(self):
        before = self.tree()
        result = self.bash(self.CHANGE + "; cat a.txt n/f; ls", "--overlay=o")
        self.assertEqual(result.out, "one\nTWO\nthree\nnew\na.txt\nn\n")
        self.assertIn("2 added, 1 modified, 2 removed", result.err)
        self.assertIn("boxagnts overlay diff o", result.err)
        self.assertEqual(self.tree(), before)
        diff = self.overlay("diff", "o").out
        self.assertIn("-two\n+TWO\n", diff)
        self.assertIn("--- /dev/null\n+++ b/n/f\n@@ -0,0 +1 @@\n+new\n", diff)
        self.assertIn("deleted file mode 100644\n--- a/old/x", diff)
        result = self.overlay("commit", "o", "--yes")
        self.assertIn("committed 5; the overlay is gone", result.err)
        self.assertEqual(self.tree(), self.CHANGED)
        self.assertFalse(os.path.exists(self.state("o")))

    def test_one_overlay_over_several_runs(self):
        self.bash("echo 1 > n", "--overlay=o")
        self.assertEqual(self.bash("cat n; echo 2 >> n", "--overlay=o").out, "1\n")
        self.assertEqual(self.bash("cat n", "--overlay=o").out, "1\n2\n")
        dropped = self.overlay("drop", "o").err
        self.assertIn("overlay 'o': 1 added\n", dropped)
        self.assertIn("dropped; the folders are as they were", dropped)
        self.overlay("diff", "o", status=1)
        self.assertNotIn("n", self.tree())

    def test_without_a_name_one_is_made(self):
        result = self.bash("echo 1 > n", "--overlay")
        name = re.search(r"overlay '(\d{8}-[a-z]+)'", result.err)[1]
        listed = self.overlay("list").out
        self.assertRegex(listed, rf"^{name} .*1 added .*/p\n$")
        self.overlay("drop", name)

    def test_nothing_changed_leaves_nothing(self):
        result = self.bash("cat a.txt", "--overlay")
        self.assertIn("nothing was changed", result.err)
        self.assertEqual(os.listdir(self.state()), [])
        result = self.bash("nothing-of-that-name; exit 3", "--overlay", status=3)
        self.assertEqual(os.listdir(self.state()), [])

    def test_every_way_to_run(self):
        js = "const f = std.open('/js', 'w'); f.puts('j'); f.close()"
        work = ("--work-dir", "p", "--overlay=o")
        self.boxagnts("js", *work, "-e", js)
        self.boxagnts("python", *work, "-c", "open('/py', 'w').write('p')")
        self.boxagnts("tool", "call", "file-write", *work, "path=tool", "content=t")
        self.boxagnts("run", *work, tool("js-execute"), "--", "-e", js.replace("/js", "/run"))
        self.assertEqual(set(self.tree()), {"a.txt", "old/x"})
        stat = self.overlay("diff", "o", "--stat").out
        self.assertRegex(
            stat, r"(?s)added +js.*added +py.*added +run.*added +tool.*4 added\n"
        )
        self.overlay("commit", "o", "--yes")
        self.assertEqual(self.tree()["run"], b"j")

    def test_exit_status_and_output_are_the_guests(self):
        result = self.boxagnts(
            "run", "--overlay=o", guest("exit"), "7", status=None
        )
        plain = self.boxagnts("run", guest("exit"), "7", status=None)
        self.assertEqual(result.returncode, plain.returncode)
        result = self.boxagnts(
            "run", "--json", "--overlay=o", guest("hello"), status=None
        )
        self.assertEqual(json.loads(result.out)["end"], "ok")

    def test_mcp_has_one_for_all_calls(self):
        def call(number, name, arguments):
            return {
                "jsonrpc": "2.0",
                "id": number,
                "method": "tools/call",
                "params": {"name": name, "arguments": arguments},
            }

        start = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            },
        }
        with subprocess.Popen(
            [PROGRAM, "mcp", "--workspace", "p", "--overlay=m"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.dir,
            env=self.environment,
            text=True,
        ) as server:
            answers = {}
            steps = [
                start,
                call(2, "file-write", {"path": "m.txt", "content": "m"}),
                call(3, "file-read", {"path": "m.txt"}),
            ]
            for step in steps:
                server.stdin.write(json.dumps(step) + "\n")
                server.stdin.flush()
                while step["id"] not in answers:
                    message = json.loads(server.stdout.readline())
                    if "id" in message:
                        answers[message["id"]] = message
                if step is start:
                    server.stdin.write(
                        '{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'
                    )
            # While the server runs, nothing is committed.
            busy = self.overlay("commit", "m", "--yes", status=1)
            self.assertIn("in use", busy.err)
            self.overlay("drop", "m", status=1)
            server.stdin.close()
            err = server.stderr.read()
            server.wait(30)
        self.assertFalse(answers[3]["result"].get("isError", False), answers[3])
        self.assertIn("overlay 'm': 1 added", err)
        self.assertNotIn("m.txt", self.tree())
        self.overlay("commit", "m", "--yes")
        self.assertEqual(self.tree()["m.txt"].rstrip(b"\n"), b"m")

    def test_json(self):
        self.bash(self.CHANGE, "--overlay=o")
        listed = json.loads(self.overlay("list", "--json").out)
        self.assertEqual(
            [(row["name"], row["added"], row["folders"]) for row in listed],
            [("o", 2, [self.path("p")])],
        )
        rows = json.loads(self.overlay("diff", "o", "--json").out)["changes"]
        self.assertEqual(
            [(row["change"], row["path"]) for row in rows],
            [
                ("modified", "a.txt"),
                ("added", "n"),
                ("added", "n/f"),
                ("removed", "old"),
                ("removed", "old/x"),
            ],
        )
        self.assertEqual(rows[0]["lines_added"], 1)
        self.assertEqual(rows[0]["before"]["size"], 14)

    def test_some_are_committed(self):
        self.bash(self.CHANGE, "--overlay=o")
        result = self.overlay("commit", "o", "--only", "p/n", "--yes")
        self.assertIn("committed 2, 3 left", result.err)
        self.assertEqual(self.tree()["n/f"], b"new\n")
        self.assertIn("old/x", self.tree())
        # Runs go on in what is left of it.
        self.assertEqual(self.bash("ls; cat n/f", "--overlay=o").out, "a.txt\nn\nnew\n")
        self.bash("echo more >> n/f", "--overlay=o")
        self.overlay("commit", "o", "--keep", "--yes")
        self.assertEqual(self.tree(), {**self.CHANGED, "n/f": b"new\nmore\n"})
        self.bash("echo again >> n/f", "--overlay=o")
        self.overlay("commit", "o", "--yes")
        self.assertEqual(self.tree()["n/f"], b"new\nmore\nagain\n")


class Refused(OverlayTest):
    def test_a_conflict_commits_nothing(self):
        self.bash(self.CHANGE, "--overlay=o")
        self.write("p/a.txt", "by hand\n")
        before = self.tree()
        result = self.overlay("commit", "o", "--yes", status=1)
        self.assertIn("a.txt  conflict: it was changed meanwhile", result.err)
        self.assertIn("nothing is\ncommitted", result.err)
        self.assertEqual(self.tree(), before)
        self.assertIn("conflict", self.overlay("diff", "o").err)
        self.overlay("commit", "o", "--yes", "--force")
        self.assertEqual(self.tree(), self.CHANGED)

    def test_it_asks_on_a_terminal_only(self):
        self.bash(self.CHANGE, "--overlay=o")
        result = self.overlay("commit", "o", status=2)
        self.assertIn("--yes", result.err)
        for answer, status in ((b"n\n", 1), (b"y\n", 0)):
            main, terminal = pty.openpty()
            process = subprocess.Popen(
                [PROGRAM, "overlay", "commit", "o"],
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
                cwd=self.dir,
                env={**self.environment, "TERM": "xterm"},
            )
            os.close(terminal)
            text = b""
            while b"[y/N]" not in text:
                ready, _, _ = select.select([main], [], [], 30)
                self.assertTrue(ready, text)
                text += os.read(main, 4096)
            self.assertIn(b"\x1b[32madded", text)
            os.write(main, answer)
            self.assertEqual(process.wait(30), status)
            os.close(main)
            self.assertEqual("n/f" in self.tree(), status == 0)

    def test_what_a_guest_writes_does_not_reach_the_terminal(self):
        self.bash(r"printf 'a\033]0;owned\007\n' > evil", "--overlay=o")
        self.assertIn(b"\x1b]0;", self.overlay("diff", "o").stdout)
        main, terminal = pty.openpty()
        process = subprocess.Popen(
            [PROGRAM, "overlay", "diff", "o"],
            stdout=terminal,
            stderr=terminal,
            cwd=self.dir,
            env=self.environment,
        )
        os.close(terminal)
        text = b""
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:
                break
            if not part:
                break
            text += part
        process.wait(30)
        os.close(main)
        self.assertIn(rb"a\x1b]0;owned\x07", text)
        self.assertNotIn(b"\x1b]", text)

    def test_bad_names_and_usage(self):
        for name in ("../x", ".x", "a/b", "", "-x"):
            result = self.bash("true", "--overlay=" + name, status=125)
            self.assertIn("overlay", result.err)
        self.overlay(status=2)
        self.overlay("commit", status=2)
        self.assertIn("'comit'?", self.overlay("comit", "x", status=2).err)
        self.overlay("list", "x", status=2)
        self.overlay("diff", "x", "--force", status=2)
        self.overlay("diff", "missing", status=1)
        self.assertIn("Usage: boxagnts overlay", self.overlay("--help").out)
        result = self.boxagnts("overlay", "list", env={"HOME": "/nosuch"}, status=1)
        self.assertIn("HOME is '/nosuch', which is not there", result.err)
        self.bash("echo 1 > n", "--overlay=o")
        result = self.overlay("diff", "o", "elsewhere", status=1)
        self.assertIn("changes nothing at 'elsewhere'", result.err)

    def test_a_name_behind_a_space(self):
        """It would be what to run: said, unless there is something of the name."""
        for command, status in (
                (("run", "--overlay", "bump", guest("hello")), 125),
                (("bash", "--overlay", "bump", "-c", "echo x"), 125),
                (("js", "--overlay", "bump", "-e", "1"), 125),
                (("tool", "call", "--overlay", "bump", "file-read", '{"path": "a.txt"}'), 125),
                (("mcp", "--overlay", "bump"), 2)):
            with self.subTest(command):
                result = self.boxagnts(*command, status=status)
                self.assertIn("--overlay=bump", result.err)
                self.assertEqual(result.out, "")
                self.assertEqual(self.overlay("list").out, "")
        self.write("hello", b"")
        self.assertNotIn("--overlay=hello",
                         self.boxagnts("run", "--overlay", "hello", status=125).err)
        self.write("p/script", "echo it ran")
        self.assertEqual(self.boxagnts("bash", "--workspace", self.path("p"), "--overlay",
                                       "script").out, "it ran\n")
        self.assertEqual(self.boxagnts("tool", "call", "--workspace", self.path("p"),
                                       "--overlay", "file-read", "path=a.txt").returncode, 0)

    def test_protected_paths_wait_for_their_name(self):
        self.write("p/policy.yaml", "work-dir: .\n")
        self.bash("echo 1 > n", "--overlay=o")
        os.makedirs(self.state("o/up/0/.boxagnts/tools"))
        with open(self.state("o/up/0/.boxagnts/tools/x.wasm"), "w", encoding="utf-8"):
            pass
        result = self.overlay("commit", "o", "--yes")
        self.assertIn("committed 1, 3 left", result.err)
        self.assertFalse(os.path.exists(self.path("p/.boxagnts")))
        self.assertIn("protected", self.overlay("diff", "o", "--stat").out)
        self.overlay("commit", "o", "--only", "p/.boxagnts", "--yes")
        self.assertTrue(os.path.exists(self.path("p/.boxagnts/tools/x.wasm")))

    def test_a_run_that_is_ended_reports(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = subprocess.Popen(
                [
                    PROGRAM,
                    "run",
                    "--overlay=o",
                    "--work-dir",
                    "p",
                    tool("js-execute"),
                    "--",
                    "-e",
                    "const f = std.open('/n', 'w'); f.puts('x'); f.close();"
                    "std.out.puts('on\\n'); std.out.flush(); for (;;) ;",
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.dir,
                env=self.environment,
            )
            self.assertEqual(process.stdout.readline(), b"on\n")
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 130)
            self.assertIn(b"overlay 'o': 1 added", err)

    def test_the_one_that_waits_keeps_others_from_a_commit(self):
        """By a lock of its own: the guest's process could give its own up."""
        process = subprocess.Popen(
            [PROGRAM, "run", "--wasm-timeout", "60s", "--overlay=kept", guest("loop")],
            stdout=subprocess.DEVNULL,
            stderr=None,  # shown when it does not start
            cwd=self.dir,
            env=self.environment,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        folder = f"/proc/{process.pid}/fd"
        used = self.state("kept", "in-use")
        deadline = time.monotonic() + 30
        names = []
        while used not in names and time.monotonic() < deadline:
            time.sleep(0.01)
            try:
                names = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
            except FileNotFoundError:
                pass
        self.assertIn(used, names)

    def test_a_run_dies_with_the_one_that_waits(self):
        process = subprocess.Popen(
            [PROGRAM, "run", "--overlay=o", guest("loop"), "--wasm-timeout", "60s"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.dir,
            env=self.environment,
        )
        time.sleep(0.5)
        process.kill()
        # The guest holds stdout: its end is the end of the pipe.
        ready, _, _ = select.select([process.stdout], [], [], 30)
        self.assertTrue(ready)
        self.assertEqual(process.stdout.read(), b"")
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    unittest.main()
