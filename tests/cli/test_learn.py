"""boxagnts learn: what a command needs, found out, written down, and enough."""

import fcntl
import http.server
import json
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import termios
import threading
import time
import unittest

from support import PROGRAM, CliTest, give_compiled, guest


HOME = tempfile.TemporaryDirectory(prefix="bx-learn-")


def setUpModule():
    """Python takes a while to compile: once."""
    give_compiled(HOME.name)


def tearDownModule():
    HOME.cleanup()


def act(do, path="", text=""):
    return json.dumps({"do": do, "path": path, "text": text})


class LearnTest(CliTest):
    """A workspace with some files in it. One home, and so one cache of compiled
    modules, for all tests."""

    def setUp(self):
        super().setUp()
        self.environment["HOME"] = HOME.name
        self.write("work/src/a.txt", "one TODO\n")
        self.write("work/src/b.txt", "two\n")
        self.write("work/other/secret.txt", "secret\n")
        os.mkdir(self.path("work/out"))
        os.symlink("src", self.path("work/link"))

    def learn(self, *command, options=("--allow-all",), status=0, **more):
        """Returns the object that --json prints."""
        result = self.boxagnts(
            "learn", "--json", *options, "--work-dir", "work", "--", *command,
            status=status, **more)
        return json.loads(result.out)

    def check(self, manifest, *command, status=0, **more):
        """Run the command under a manifest's text."""
        self.write("check.tool.yaml", manifest)
        return self.boxagnts(
            "learn", "--check", "check.tool.yaml", "--work-dir", "work", "--",
            *command, status=status, **more)

    def is_smallest(self, *command, expected, options=("--allow-all",), **more):
        """The manifest gives the same run; without any one of its permissions
        something is refused."""
        result = self.boxagnts(
            "learn", *options, "-o", "m.tool.yaml", "--work-dir", "work", "--",
            *command, **more)
        manifest = self.read("m.tool.yaml").decode()
        lines = manifest.splitlines(keepends=True)
        rows = [i for i, line in enumerate(lines) if line.startswith("    - ")]
        self.assertEqual(
            [json.loads(lines[row].strip()[2:]) for row in rows], expected)
        again = self.check(manifest, *command, **more)
        self.assertEqual(again.out, result.out)
        if "list:/" not in options:
            self.assertNotIn("denied", again.err)
        for row in rows:
            less = "".join(lines[:row] + lines[row + 1:])
            if len(rows) == 1:
                less = less.replace("permissions:", "permissions: []")
            tried = self.check(less, *command, status=None, **more)
            self.assertTrue(tried.err.count("denied") >
                            again.err.count("denied") or
                            tried.out != again.out,
                            f"without {lines[row]}: {tried.err}")
        return result


class SmallestTest(LearnTest):
    def test_a_guest_in_c_that_reads(self):
        self.is_smallest("run", guest("actor"), act("read", "/src/a.txt"),
                         expected=["fs.read:/src/a.txt"])

    def test_a_guest_in_c_that_writes(self):
        self.is_smallest("run", guest("actor"), act("write", "/out/x", "text"),
                         expected=["fs.write:/out/x"])

    def test_a_guest_that_needs_nothing(self):
        self.is_smallest("run", guest("actor"), act("print", text="hello"),
                         expected=[])

    def test_a_path_by_a_link(self):
        self.is_smallest("run", guest("actor"), act("read", "/link/a.txt"),
                         expected=["fs.read:/link", "fs.read:/src/a.txt"])

    def test_a_variable(self):
        result = self.is_smallest(
            "run", "--env", "ONE=1", guest("actor"), act("env", text="ONE"),
            expected=["env:ONE"])
        self.assertEqual(result.out, "1\n")

    def test_bash(self):
        result = self.is_smallest(
            "bash", "-c", "cat src/a.txt > out/x; cat out/x; rm out/x; ls out",
            expected=["fs.read:/out", "fs.read:/src/a.txt", "fs.write:/out/x"])
        self.assertEqual(result.out, "one TODO\n")

    def test_words_that_are_no_paths_are_not_looked_at(self):
        self.is_smallest("bash", "-c", "grep -c TODO src/a.txt",
                         expected=["fs.read:/src/a.txt"])

    def test_bash_that_rewrites_files(self):
        """By no name of its own, which would be another one next time."""
        self.write("work/src/c.json", '{"a": 1}')
        self.is_smallest(
            "bash", "-c", "sed -i s/two/three/ src/b.txt; cat src/b.txt; "
            "yq -i -o json '.a = 2' src/c.json",
            expected=["fs.read:/src/b.txt", "fs.read:/src/c.json",
                      "fs.write:/src/b.txt", "fs.write:/src/c.json"])

    def learn_call(self, tool, expected, **arguments):
        """The tool's manifest with what the call needed, which is enough."""
        words = ("tool", "call", tool, json.dumps(arguments))
        result = self.learn(*words)
        self.assertEqual(result["permissions"], expected)
        again = self.check(result["manifest"], *words)
        self.assertNotIn("denied", again.err)

    def test_file_write_and_file_edit(self):
        self.learn_call("file-write", ["fs.write:/src/a.txt"],
                        path="src/a.txt", content="new")
        self.learn_call("file-write", ["fs.write:/src/new.txt"],
                        path="src/new.txt", content="new")
        self.learn_call("file-edit",
                        ["fs.read:/src/b.txt", "fs.write:/src/b.txt"],
                        path="src/b.txt", old_string="two", new_string="2")

    def test_bash_that_moves_and_removes(self):
        self.is_smallest(
            "bash", "-c", "mkdir out/d; echo new > out/d/t; "
            "mv out/d/t out/d/u; cat out/d/u; rm out/d/u; rmdir out/d",
            expected=["fs.read:/out/d", "fs.write:/out/d"])

    def test_bash_that_runs_python(self):
        self.write("work/x.py", "print(open('src/b.txt').read())")
        result = self.is_smallest(
            "bash", "-c", "python3 x.py",
            options=("--allow-all", "--deny", "list:/"),
            expected=["fs.read:/src/b.txt", "fs.read:/x.py", "exec:python3"])
        self.assertIn("two", result.out)

    def test_js(self):
        self.write("work/x.js", "console.log(std.loadFile('src/a.txt'))")
        result = self.is_smallest(
            "js", "x.js", expected=["fs.read:/src/a.txt", "fs.read:/x.js"])
        self.assertIn("one TODO", result.out)

    def test_python(self):
        self.write("work/x.py", "import os, shutil\n"
                   "with open('out/t', 'w') as file: file.write('new')\n"
                   "os.replace('out/t', 'out/u')\n"
                   "print(open('out/u').read(), open('src/a.txt').read())\n"
                   "os.remove('out/u')\n")
        result = self.is_smallest(
            "python", "x.py", options=("--allow-all", "--deny", "list:/"),
            expected=["fs.read:/out/t", "fs.read:/out/u", "fs.read:/src/a.txt",
                      "fs.read:/x.py", "fs.write:/out/t", "fs.write:/out/u"])
        self.assertIn("one TODO", result.out)

    def test_a_tool_keeps_its_manifest(self):
        answer = self.learn("tool", "call", "--workspace", "work", "file-read",
                            '{"path": "src/a.txt"}')
        self.assertEqual(answer["permissions"], ["fs.read:/src/a.txt"])
        self.assertIn('"name": "file-read"', answer["manifest"])
        self.assertIn("input_schema", answer["manifest"])
        self.assertIn("permission_level: read_only", answer["manifest"])
        result = self.check(answer["manifest"], "tool", "call", "file-read",
                            '{"path": "src/a.txt"}')
        self.assertIn("one TODO", result.out)
        self.check(answer["manifest"], "tool", "call", "file-read",
                   '{"path": "src/b.txt"}', status=1)

    def test_a_tool_that_calls_a_tool(self):
        tools = os.path.join(HOME.name, ".local/share/boxagnts/tools")
        os.makedirs(tools, exist_ok=True)
        self.addCleanup(shutil.rmtree, tools)
        shutil.copy(guest("actor"), os.path.join(tools, "mine.wasm"))
        with open(os.path.join(tools, "mine.tool.yaml"), "w",
                  encoding="utf-8") as file:
            file.write("tool:\n  name: mine\n  description: Acts.\n"
                       "  permission_level: execute\n"
                       "  permissions: ['tool:*', 'fs.read:/']\n")
        answer = self.learn(
            "tool", "call", "mine",
            act("call", "file-read", '{"path": "src/a.txt"}'))
        self.assertEqual(answer["permissions"],
                         ["fs.read:/src/a.txt", "tool:file-read"])
        self.assertIn("permission_level: execute", answer["manifest"])

    def test_a_host(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response_only(200)  # no Date: the same each time
                self.end_headers()
                self.wfile.write(b"from the server")

            def log_message(self, *arguments):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            origin = f"http://127.0.0.1:{server.server_port}"
            result = self.is_smallest(
                "run", "--allowed-outbound-host", "http://127.0.0.1:*",
                guest("http_get"), origin + "/x",
                expected=["network:" + origin])
            self.assertIn("from the server", result.out)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class RuleTest(LearnTest):
    def test_without_a_terminal_nothing_is_allowed(self):
        answer = self.learn("run", guest("actor"), act("read", "/src/a.txt"),
                            options=(), status=1)
        self.assertEqual(answer["permissions"], [])
        self.assertIn({"kind": "fs.read", "target": "/src/a.txt"},
                      answer["denied"])
        self.assertEqual(answer["exit_status"], 1)
        self.assertIn("# denied fs.read:/src/a.txt", answer["manifest"])

    def test_what_to_do_without_a_terminal_is_said(self):
        command = ["--work-dir", "work", "--", "run", guest("actor"),
                   act("read", "/src/a.txt")]
        err = self.boxagnts("learn", *command, status=1).err
        self.assertIn("no terminal to ask on", err)
        self.assertIn("--allow-all", err)
        err = self.boxagnts("learn", "--allow-all", *command).err
        self.assertNotIn("no terminal to ask on", err)

    def test_where_the_manifest_goes(self):
        command = ["--work-dir", "work", "--", "run", guest("actor"),
                   act("read", "/src/a.txt")]
        told = self.boxagnts("learn", "--allow-all", "-o", "m.yaml", *command)
        self.assertIn("1 permission, written to 'm.yaml'", told.err)
        mask = os.umask(0o022)
        os.umask(mask)
        mode = os.stat(self.path("m.yaml")).st_mode & 0o777
        self.assertEqual(mode, 0o666 & ~mask)
        # What is no file stays what it is.
        os.mkfifo(self.path("pipe"))
        pipe = os.open(self.path("pipe"), os.O_RDWR)
        self.addCleanup(os.close, pipe)
        self.boxagnts("learn", "--allow-all", "-o", "pipe", *command)
        self.assertIn(b'- "fs.read:/src/a.txt"', os.read(pipe, 65536))

    def test_where_it_cannot_go_is_known_before(self):
        for place in ("missing/m.yaml", "work"):
            result = self.boxagnts("learn", "--allow-all", "-o", place,
                                   "--work-dir", "work", "--", "run", guest("actor"),
                                   act("read", "/src/a.txt"), status=125)
            self.assertIn(f"--output '{place}'", result.err)
            self.assertEqual(result.out, "")

    def test_denied_goes_before_allowed(self):
        options = ("--allow", "fs.read:/", "--deny", "fs.read:/other")
        command = ("bash", "-c", "cat src/a.txt; cat other/secret.txt")
        answer = self.learn(*command, options=options, status=1)
        self.assertEqual(answer["permissions"], ["fs.read:/src/a.txt"])
        self.assertEqual([row["target"] for row in answer["denied"]
                          if row["kind"] == "fs.read"], ["/other/secret.txt"])

    def test_rules_of_a_file(self):
        self.write("rules", "# comment\n\nallow fs.read:/src\n"
                   "  deny fs.read:/src/b.txt \r\nallow exec:*\n")
        answer = self.learn("bash", "-c", "cat src/a.txt; cat src/b.txt",
                            options=("--rules", "rules"), status=1)
        self.assertEqual(answer["permissions"], ["fs.read:/src/a.txt"])

    def test_what_is_denied_but_given_is_said(self):
        answer = self.learn(
            "bash", "-c", "ls src; cat src/b.txt",
            options=("--allow", "fs.read:/", "--deny", "fs.read:/src/b.txt"),
            status=1)
        self.assertEqual(answer["permissions"], ["fs.read:/src"])
        self.assertRegex(answer["manifest"],
                         r"# denied fs\.\w+:/src/b\.txt \(but")

    def test_names_of_a_guest_are_escaped(self):
        name = "new\nline \x1b[31m"
        command = ("python", "-c",
                   "import sys\ntry: open(sys.argv[1])\n"
                   "except OSError as err: print('no')", name)
        answer = self.learn(*command)
        self.assertEqual(answer["permissions"], ["fs.read:/"])
        answer = self.learn(*command, options=("--allow-all", "--deny",
                                               "list:/"))
        self.assertEqual(answer["permissions"], [])
        self.assertIn("control byte", json.dumps(answer["denied"]))
        self.assertNotIn("\x1b", answer["manifest"])
        self.assertIn("new\\x0aline", answer["manifest"])

    def test_malformed_rules_are_refused(self):
        self.write("bad", "allow fs.read:/\npermit fs.read:/\n")
        self.write("nul", b"allow fs.read:/\n\0")
        for options, message in [
                (("--allow", "fs.raed:/"), "fs.raed"),
                (("--deny", "list:"), "empty"),
                (("--rules", "bad"), "line 2"),
                (("--rules", "nul"), "NUL"),
                (("--rules", "nowhere"), "nowhere"),
                (("--overlay", "../x"), "letters"),
                (("--check", "nowhere"), "nowhere"),
                (("--json=1",), "no value"),
                (("--ask",), "no terminal"),
        ]:
            result = subprocess.run(
                [PROGRAM, "learn", *options, "--", "bash", "-c", "true"],
                capture_output=True, stdin=subprocess.DEVNULL, cwd=self.dir,
                env=self.environment, start_new_session=True, check=False)
            self.assertEqual(result.returncode, 125, options)
            self.assertIn(message, result.stderr.decode(), options)

    def test_only_commands_that_run_something(self):
        for command in [("mcp",), ("tool", "list"), ("learn",), ()]:
            result = self.boxagnts("learn", "--", *command, status=125)
            self.assertIn("which command?", result.err)


class OutcomeTest(LearnTest):
    def test_no_file_is_really_changed(self):
        for command in [
                ("bash", "-c", "echo new > src/a.txt; rm src/b.txt; "
                 "mkdir made; mv other out/other"),
                ("python", "-c", "import os\nopen('src/a.txt', 'w').close()\n"
                 "os.remove('src/b.txt')"),
                ("run", guest("actor"), act("write", "/src/a.txt", "new")),
        ]:
            answer = self.learn(*command)
            self.assertIn("fs.write:/src/a.txt", answer["permissions"])
            self.assertEqual(self.read("work/src/a.txt"), b"one TODO\n")
            self.assertEqual(self.read("work/src/b.txt"), b"two\n")
            self.assertEqual(sorted(os.listdir(self.path("work"))),
                             ["link", "other", "out", "src"])
        overlays = os.path.join(HOME.name, ".local/state/boxagnts/overlays")
        self.assertEqual([name for name in os.listdir(overlays)
                          if name.startswith("learn-")], [])

    def test_an_overlay_is_kept_by_name(self):
        for text in ("one", "two"):
            result = self.boxagnts(
                "learn", "--allow-all", "--overlay", "kept", "-o", "m.yaml",
                "--work-dir", "work", "--", "bash", "-c",
                f"cat out/x; echo {text} > out/x; cat out/x")
        self.assertEqual(result.out, "one\ntwo\n")
        self.assertEqual(os.listdir(self.path("work/out")), [])

    def test_the_exit_status_is_the_commands(self):
        answer = self.learn("bash", "-c", "exit 7", status=7)
        self.assertEqual(answer["exit_status"], 7)

    def test_output_stays_the_commands(self):
        result = self.boxagnts("learn", "--allow-all", "--work-dir", "work",
                               "-o", "m.tool.yaml", "--", "bash", "-c",
                               "cat; cat src/b.txt", stdin=b"from stdin\n")
        self.assertEqual(result.out, "from stdin\ntwo\n")
        self.assertIn("1 permission, written to 'm.tool.yaml'", result.err)

    def test_a_policy(self):
        answer = self.learn(
            "bash", "--env", "ONE=1", "--env", "TWO=2", "-c",
            "cat src/a.txt; python3 -c 'print(2)'",
            options=("--as-policy", "--allow-all", "--deny", "list:/"))
        self.write("learned.yaml", answer["policy"])
        result = self.boxagnts(
            "bash", "--policy", "learned.yaml", "-c",
            "cat src/a.txt; python3 -c 'print(2)'; cat src/b.txt", status=1)
        self.assertEqual(result.out, "one TODO\n2\n")
        self.assertIn("denied", result.err)

    def test_a_recording_is_given_by_the_policy(self):
        answer = self.learn(
            "bash", "--record", "run.rec", "-c", "cat link/a.txt; cat none",
            options=("--as-policy", "--allow-all"), status=None)
        self.write("learned.yaml", answer["policy"])
        result = self.boxagnts("replay", "run.rec", "--policy", "learned.yaml",
                               status=None)
        self.assertIn("everything this run needed is granted", result.out)
        for path in ("/link", "/none", "/src/a.txt"):
            less = answer["policy"].replace(f'  - "fs.read:{path}"\n', "")
            self.assertNotEqual(less, answer["policy"])
            self.write("less.yaml", less)
            result = self.boxagnts("replay", "run.rec", "--policy",
                                   "less.yaml", status=None)
            self.assertIn(path, result.out)
            self.assertNotIn("everything", result.out)

    def test_an_embedded_manifest_is_read(self):
        answer = self.learn("run", guest("actor"), act("read", "/src/a.txt"),
                            options=("--allow-all", "--name", "reader"))
        self.write("m.yaml", answer["manifest"])
        shutil.copy(guest("actor"), self.path("tool.wasm"))
        self.boxagnts("tool", "embed", "m.yaml", "tool.wasm")
        self.boxagnts("tool", "add", "--yes", "tool.wasm")
        result = self.boxagnts("tool", "call", "--workspace", "work", "reader",
                               act("read", "/src/a.txt"))
        self.assertEqual(result.out, "one TODO\n")
        self.boxagnts("tool", "call", "--workspace", "work", "reader",
                      act("read", "/src/b.txt"), status=1)

    def test_a_name_that_no_tool_has_is_refused(self):
        result = self.boxagnts("learn", "--allow-all", "--name", "no name",
                               "--work-dir", "work", "--", "bash", "-c",
                               "true", status=125)
        self.assertIn("letters", result.err)


class AskTest(LearnTest):
    """A person at a terminal: the answers are given to each question."""

    def ask(self, answers, *command):
        """Returns the exit status, what the terminal showed, the manifest."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [PROGRAM, "learn", "--ask", "-o", "m.tool.yaml", "--work-dir",
             "work", "--", *command],
            stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, cwd=self.dir,
            env=self.environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0))
        os.close(slave)
        shown = b""
        given = 0
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
            while (given < len(answers) and
                   shown.count(b"allow? [y/n/a/d/q] ") > given):
                os.write(master, answers[given].encode() + b"\n")
                given += 1
        if time.monotonic() >= deadline:
            process.kill()
        status = process.wait(timeout=20)
        os.close(master)
        manifest = None
        if os.path.exists(self.path("m.tool.yaml")):
            manifest = self.read("m.tool.yaml").decode()
        text = shown.decode("utf-8", "replace")
        self.assertEqual(text.count("allow? [y/n/a/d/q] "), len(answers), text)
        return status, text, manifest

    def test_yes_and_no(self):
        status, shown, manifest = self.ask(
            ["y", "n"], "bash", "-c", "cat src/a.txt; cat src/b.txt")
        self.assertEqual(status, 1)
        self.assertIn("it wants to look at /src/a.txt", shown)
        self.assertIn('"fs.read:/src/a.txt"', manifest)
        self.assertNotIn('"fs.read:/src/b.txt"', manifest)
        self.assertIn("# denied fs.stat:/src/b.txt", manifest)

    def test_all_of_a_folder(self):
        status, _, manifest = self.ask(
            ["a"], "bash", "-c", "cat src/a.txt; cat src/b.txt")
        self.assertEqual(status, 0)
        self.assertIn('"fs.read:/src/a.txt"', manifest)
        self.assertIn('"fs.read:/src/b.txt"', manifest)

    def test_deny_all_of_a_kind(self):
        status, _, manifest = self.ask(
            ["d"], "bash", "-c", "cat src/a.txt; cat src/b.txt")
        self.assertEqual(status, 1)
        self.assertIn("permissions: []", manifest)

    def test_stop(self):
        status, shown, manifest = self.ask(
            ["q"], "bash", "-c", "cat src/a.txt; cat src/b.txt")
        self.assertEqual(status, 130)
        self.assertIn("stopped", shown)
        self.assertIsNone(manifest)

    def test_another_word_asks_again(self):
        status, _, manifest = self.ask(
            ["what", "", "y"], "bash", "-c", "cat src/a.txt")
        self.assertEqual(status, 0)
        self.assertIn('"fs.read:/src/a.txt"', manifest)

    def test_names_cannot_write_on_the_terminal(self):
        name = "\u009b31m"
        _, shown, _ = self.ask(["n"], "bash", "-c",
                               f"cat '/src/{name}'; true")
        self.assertNotIn("\u009b", re.sub(r"cat:.*", "", shown))


if __name__ == "__main__":
    unittest.main()
