"""bash as a tool and as a program: the contract, the box's files, programs and
network from a script, and how scripts without an end do end."""

import http.server
import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cli"))
from support import PROGRAM, CliTest, give_compiled, tool  # noqa: E402


class BashTest(CliTest):
    @classmethod
    def setUpClass(cls):
        # Compiling the module takes seconds: once for a class, not for a test.
        cls.home = tempfile.TemporaryDirectory(prefix="bx-bash-home-")
        cls.addClassCleanup(cls.home.cleanup)
        give_compiled(cls.home.name)

    def setUp(self):
        super().setUp()
        self.environment["HOME"] = self.home.name
        os.mkdir(self.path("work"))

    def boxagnts(self, *arguments, **options):
        return super().boxagnts(*arguments, **{"timeout": 120, **options})

    def call(self, value, *flags, **options):
        """Give the tool its input; the result's fields."""
        text = value if isinstance(value, (str, bytes)) else json.dumps(value)
        data = text if isinstance(text, bytes) else text.encode()
        result = self.boxagnts("run", "--quiet", "--work-dir", self.path("work"),
                               "--program-name", "bash", *flags, tool("bash"),
                               stdin=data, **options)
        return json.loads(result.out)

    def script(self, text, *arguments, flags=(), stdin=b"", status=0):
        """Run `bash -c`; the program's own streams and status."""
        return self.boxagnts("run", "--quiet", "--work-dir", self.path("work"),
                             "--program-name", "bash", *flags, tool("bash"), "--",
                             "-c", text, "bash", *arguments, stdin=stdin, status=status)

    def check(self, text, expected, **options):
        self.assertEqual(self.script(text, **options).out, expected)


class Contract(BashTest):
    def test_answers_output_and_metadata(self):
        result = self.call({"command": "echo out; cd /; pwd"})
        self.assertEqual(result, {"content": "out\n/\n", "is_error": False,
                                  "metadata": {"exit_code": 0, "cwd": "/"}})

    def test_failure_tells_stderr_and_code(self):
        result = self.call({"command": "printf out; echo err >&2; exit 3"})
        self.assertEqual(result["content"], "out\n[stderr]\nerr\n[exit code 3]")
        self.assertTrue(result["is_error"])
        self.assertEqual(result["metadata"]["exit_code"], 3)

    def test_takes_stdin_cwd_and_env(self):
        os.mkdir(self.path("work", "d"))
        result = self.call({"command": "cat; pwd; echo $X; env | grep ^X=",
                            "stdin": "in\n", "cwd": "d", "env": {"X": "a b"}})
        self.assertEqual(result["content"], "in\n/d\na b\nX=a b\n")

    def test_time_is_up(self):
        result = self.call({"command": "echo so far; while :; do :; done",
                            "timeout_ms": 300}, timeout=120)
        self.assertEqual(result["metadata"]["exit_code"], 124)
        self.assertTrue(result["metadata"]["timed_out"])
        self.assertTrue(result["content"].startswith("so far\n"))

    def test_refuses_malformed_input(self):
        for value, part in (
                ('{"command": ', "input:"), ('{"command": 1}', "command: expected a string"),
                ("{}", '"command" is missing'), ('{"comand": "x"}', "unknown key 'comand'"),
                ('{"command": "x", "cwd": "/no"}', "cwd '/no'"),
                ('{"command": "x", "env": {"1": "x"}}', "env '1'"),
                ('{"command": "x", "env": []}', "env: expected"),
                ('{"command": "x", "timeout_ms": 0}', "timeout_ms: expected"),
                (b'{"command": "\xff"}', "input:")):
            with self.subTest(value):
                result = self.call(value)
                self.assertTrue(result["is_error"])
                self.assertIn(part, result["content"])

    def test_output_that_is_no_text(self):
        result = self.call({"command": "printf 'a\\377b'"})
        self.assertEqual(result["content"], "a\ufffdb")

    def test_syntax_error(self):
        result = self.call({"command": "if then fi"})
        self.assertTrue(result["is_error"])
        self.assertEqual(result["metadata"]["exit_code"], 2)
        self.assertIn("syntax error near unexpected token `then'", result["content"])


class Program(BashTest):
    def test_command_line(self):
        result = self.script('echo "$0" "$#" "$1"', "a b")
        self.assertEqual(result.out, "bash 1 a b\n")

    def test_script_file_and_options(self):
        self.write("work/s.sh", 'echo "$0" "$@"\nfalse\necho not reached\n')
        result = self.boxagnts("run", "--quiet", "--work-dir", self.path("work"),
                               "--program-name", "bash", tool("bash"), "--",
                               "-e", "s.sh", "x", status=1)
        self.assertEqual(result.out, "s.sh x\n")

    def test_script_on_stdin(self):
        result = self.boxagnts("run", "--quiet", "--work-dir", self.path("work"),
                               "--program-name", "sh", tool("bash"),
                               stdin=b"echo from stdin; exit 4", status=4)
        self.assertEqual(result.out, "from stdin\n")

    def test_missing_script(self):
        result = self.boxagnts("run", "--quiet", "--work-dir", self.path("work"),
                               "--program-name", "bash", tool("bash"), "--", "no.sh",
                               status=127)
        self.assertIn("no.sh: No such file or directory", result.err)

    def test_bad_option(self):
        result = self.boxagnts("run", tool("bash"), "--", "--nonsense", status=2)
        self.assertIn("--nonsense: invalid option", result.err)

    def test_reads_stdin_as_it_is_asked(self):
        result = self.script('read a; echo "<$a>"; cat', stdin=b"one\ntwo\n")
        self.assertEqual(result.out, "<one>\ntwo\n")

    def test_command_that_does_not_read_leaves_stdin_alone(self):
        reader, writer = os.pipe()
        try:
            result = self.boxagnts_with(
                reader, "echo done; ls /; curl -s http://127.0.0.1; tool x a=b; sed --help >&2; :")
        finally:
            os.close(writer)
            os.close(reader)
        self.assertEqual(result, b"done\n")

    def test_a_program_of_its_own_does_not_wait_at_a_terminal(self):
        main, terminal = pty.openpty()
        try:
            result = self.boxagnts_with(terminal, "python3 -c 0; node -e 0; echo done")
        finally:
            os.close(main)
            os.close(terminal)
        self.assertEqual(result, b"done\n")
        result = self.script("curl -s -d @- http://127.0.0.1; cat", stdin=b"taken\n")
        self.assertEqual(result.out, "")

    def boxagnts_with(self, stdin, text):
        return subprocess.run(
            [PROGRAM, "run", "--quiet", "--work-dir", self.path("work"), "--program-name",
             "bash", tool("bash"), "--", "-c", text],
            stdin=stdin, capture_output=True, timeout=120, check=True,
            env=self.environment).stdout


class Files(BashTest):
    def test_works_on_the_box_itself(self):
        self.write("work/a.txt", "b\na\n")
        self.check("sort a.txt > d.txt && mkdir n && mv d.txt n/ && ln -s n l && cat l/d.txt",
                   "a\nb\n")
        self.assertEqual(self.read("work/n/d.txt"), b"a\nb\n")
        self.assertEqual(os.readlink(self.path("work", "l")), "n")

    def test_read_only_says_so(self):
        self.write("work/f", "old")
        result = self.boxagnts("run", "--quiet", "--map-dir", f"{self.path('work')}::/::ro",
                               "--program-name", "bash", tool("bash"), "--",
                               "-c", "echo new > f", status=1)
        self.assertIn("Read-only file system", result.err)
        self.assertEqual(self.read("work/f"), b"old")

    def test_rewriting_needs_the_file_alone_and_tells_when_refused(self):
        os.mkdir(self.path("work", "d"))
        self.write("work/d/f", "old\n")
        self.write("work/d/g", "old\n")
        self.write("work/d/y", "a: 0\n")
        flags = ("--grant", "fs.read:/", "--grant", "fs.write:/d/f")
        self.check("sed -i s/old/new/ d/f; cat d/f", "new\n", flags=flags)
        for text, status, told in (
                ("sed -i s/old/new/ d/g", 4, "sed: d/g: "),
                ("sed -i s/old/new/ d/f d/g", 4, "sed: d/g: "),
                ("yq -i '.a = 1' d/y", 1, "yq: ")):
            with self.subTest(text):
                result = self.script(text, flags=flags, status=status)
                self.assertIn(told, result.err)
                self.assertIn("Read-only file system", result.err)
        self.assertEqual(self.read("work/d/g"), b"old\n")
        self.assertEqual(sorted(os.listdir(self.path("work", "d"))), ["f", "g", "y"])

    def test_nothing_outside(self):
        os.symlink("/etc/passwd", self.path("work", "l"))
        os.symlink("../..", self.path("work", "up"))
        for text in ("cat l", "cat up/etc/passwd", "cat /../../etc/hostname",
                     "echo x > up/planted"):
            with self.subTest(text):
                result = self.script(text, status=None)
                self.assertNotEqual(result.returncode, 0)
                self.assertEqual(result.out, "")
        self.assertFalse(os.path.exists(self.path("..", "planted")))

    def test_tmp_of_this_run_alone(self):
        self.check("echo x > /tmp/f; cat /tmp/f; ls /", "x\n")
        self.assertEqual(os.listdir(self.path("work")), [])

    def test_what_leads_to_a_mapping_can_be_listed(self):
        result = self.boxagnts("run", "--quiet", "--map-dir", f"{self.path('work')}::/a/b",
                               "--program-name", "bash", tool("bash"), "--", "-c",
                               "ls /; ls /a; pwd")
        self.assertEqual(result.out, "a\nb\n/a/b\n")

    def test_modes_hold_for_the_run(self):
        self.write("work/s", "#!/bin/bash\necho script $1\n")
        self.check("./s x; chmod 600 s; stat -c %a s; ./s 2>/dev/null; echo $?",
                   "script x\n600\n126\n")

    def test_binary_file_survives(self):
        data = bytes(range(256)) * 1000
        self.write("work/b", data)
        self.script("cat b | cat > c; cp c d; gzip -c d | gunzip > e")
        self.assertEqual(self.read("work/e"), data)


class Programs(BashTest):
    def test_unknown_program(self):
        result = self.script("nosuch a b; echo $?; echo x | nosuch 2>&1", status=127)
        self.assertEqual(result.out, "127\nbash: line 1: nosuch: command not found\n")

    def test_program_the_box_does_not_have(self):
        result = self.script("python3 -c 1", status=127)
        self.assertIn("python3: command not found", result.err)

    def test_timeout_reaches_what_it_starts(self):
        """The program prints, and would run until the box's own time is up."""
        self.write("w.js", "console.log('begun'); for (;;);")
        self.write("w.py", "print('begun', flush=True)\nwhile True: pass\n")
        for command, expected in (
                ("timeout 3 node w.js; echo $?", "begun\n124\n"),
                ("timeout 6 python3 w.py; echo $?", "begun\n124\n"),
                ("timeout 100 timeout 3 bash -c 'node w.js; echo after'; echo $?",
                 "begun\n124\n"),
                ("timeout --preserve-status 3 node w.js | cat; echo ${PIPESTATUS[0]}",
                 "begun\n137\n"),
                ("timeout 1 bash -c 'while :; do :; done'; echo $?", "124\n"),
                # Another's time in the same pipeline is not its own.
                ("timeout 0.2 sleep 100 | node -e 'console.log(1)'; echo ${PIPESTATUS[*]}",
                 "1\n124 0\n"),
                ("timeout 100 node -e 'console.log(2)'; echo $?", "2\n0\n")):
            with self.subTest(command):
                result = self.boxagnts("bash", "--wasm-timeout", "60s", "-c", command)
                self.assertEqual(result.out, expected)
                self.assertEqual(result.err, "")

    def test_time_of_a_call_reaches_what_it_starts(self):
        self.write("w.js", "console.log('begun'); for (;;);")
        result = self.boxagnts("tool", "call", "bash", "--json", json.dumps(
            {"command": "node w.js; echo after", "timeout_ms": 3000}), status=1)
        result = json.loads(result.out)
        text = result["content"][0]["text"]
        self.assertTrue(text.startswith("begun\n"), text)
        self.assertNotIn("after", text)
        self.assertEqual(result["metadata"]["exit_code"], 124)

    def test_tool_the_box_does_not_have(self):
        result = self.script("tool nosuch a=1", status=None)
        self.assertIn(result.returncode, (126, 127))
        self.assertIn("tool: nosuch:", result.err)

    def test_tool_input_is_checked(self):
        result = self.script("tool x '{bad'", status=2)
        self.assertIn("tool: x: the input is no JSON", result.err)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/to"):
            return self.answer(302, b"", [("Location", "/end")])
        if self.path == "/missing":
            return self.answer(404, b"nothing\n")
        if self.path == "/out":
            return self.answer(302, b"", [("Location", "http://127.0.0.2:1/")])
        seen = [f"{self.command} {self.path}"]
        for name in ("X-A", "User-Agent", "Authorization", "Content-Type", "Cookie"):
            if self.headers.get(name):
                seen.append(f"{name}: {self.headers[name]}")
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.answer(200, "\n".join(seen).encode() + b"\n" + body)

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET


class Network(BashTest):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.allowed = ("--allowed-outbound-host", self.url)

    def curl(self, words, status=0):
        return self.script(f"curl {words}", flags=self.allowed, status=status)

    def test_get_and_post(self):
        self.assertEqual(self.curl(f"-s -A me -H 'X-A: 1' {self.url}/p").out,
                         "GET /p\nX-A: 1\nUser-Agent: me\n")
        post = self.curl(f"-s -A '' -d a=1 --data-urlencode 'b=x y' {self.url}/p").out
        self.assertIn("POST /p", post)
        self.assertIn("Content-Type: application/x-www-form-urlencoded", post)
        self.assertTrue(post.endswith("\na=1&b=x%20y"))
        self.assertIn("Authorization: Basic dTpw", self.curl(f"-s -u u:p {self.url}/").out)
        self.assertIn("GET /p?q=1", self.curl(f"-sG -d q=1 {self.url}/p").out)
        self.assertTrue(self.script(f"echo body | curl -s -T - {self.url}/up",
                                    flags=self.allowed).out.startswith("PUT /up\n"))

    def test_files(self):
        self.curl(f"-so f {self.url}/x && curl -sO {self.url}/name && wget -q {self.url}/w")
        for name in ("f", "name", "w"):
            self.assertTrue(self.read(f"work/{name}").startswith(b"GET /"))
        self.assertTrue(self.script(f"wget -qO- {self.url}/w | head -1",
                                    flags=self.allowed).out.startswith("GET /w"))

    def test_heads_and_formats(self):
        self.assertTrue(self.curl(f"-sI {self.url}/").out.startswith("HTTP/1.1 200 OK\r\n"))
        self.assertEqual(
            self.curl(f"-so /dev/null -w '%{{http_code}} %{{num_redirects}}\\n' -L {self.url}/to").out,
            "200 1\n")

    def test_redirects_are_followed_only_when_asked(self):
        self.assertEqual(self.curl(f"-s -o /dev/null -w '%{{http_code}}' {self.url}/to").out, "302")
        self.assertIn("GET /end", self.curl(f"-sL {self.url}/to").out)

    def test_exit_codes(self):
        self.assertEqual(self.curl(f"-sf {self.url}/missing", 22).out, "")
        self.assertEqual(self.curl(f"-s {self.url}/missing").out, "nothing\n")
        self.assertIn("curl: (22)", self.curl(f"-sSf {self.url}/missing", 22).err)
        self.curl("-s ftp://x/", 1)
        self.curl("", 2)
        self.assertIn("certificates are always checked", self.curl(f"-k {self.url}/", 2).err)
        self.curl(f"-s -o no/dir/f {self.url}/", 23)

    def test_policy_refuses(self):
        self.assertIn("curl: (7)", self.curl("-sS http://127.0.0.9:1/", 7).err)
        self.curl(f"-sL {self.url}/out", 7)
        self.assertNotEqual(
            self.script(f"wget -q {self.url}/", status=None).returncode, 0)


class Endless(BashTest):
    """Each ends in the shell's own error or at a limit of the box, told as such."""

    def ends(self, text, *flags):
        result = self.script(text, flags=("--wasm-timeout", "10s", *flags), status=None)
        self.assertNotIn("out of bounds memory access", result.err)
        return result

    def test_recursion(self):
        for text in ("f() { f; }; f", "f() { echo $(f); }; f", "f() { f | f; }; f",
                     "echo '. ./s' > s; . ./s", "echo 'bash s2' > s2; bash s2",
                     'x="echo a"; for i in {1..3000}; do x="eval $x"; done; $x'):
            with self.subTest(text):
                self.assertNotEqual(self.ends(text).returncode, 0)

    def test_recursion_that_ends(self):
        self.check('f() { (($1)) || { echo end; return; }; f $(($1-1)); }; f 100', "end\n")

    def test_fork_bomb(self):
        self.ends(":(){ :|:& };:")

    def test_loop(self):
        result = self.script("while :; do :; done", flags=("--wasm-timeout", "1s"), status=124)
        self.assertIn("wasm-timeout", result.err)

    def test_memory(self):
        result = self.script('x=a; while :; do x+=$x; done', status=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("memory", result.err)

    def test_deep_nesting(self):
        self.assertNotEqual(self.ends("(" * 5000 + "echo" + ")" * 5000).returncode, 0)

    def test_endless_writer_without_reader(self):
        self.check("yes | head -2; seq 1000000 | head -1", "y\ny\n1\n")


if __name__ == "__main__":
    unittest.main()
