#!/usr/bin/env python3
"""The JavaScript tool's tests.

usage: run.py [--update] RUNNER...
       run.py --node [CASE...]

RUNNER starts the tool, such as `boxagnts run js-execute.wasm --`; the tool's own
arguments follow. Each NAME.js here is a case: it comes on standard input, and
NAME.expected is what it prints. Comments at its top say what else holds:

    // args: ARGUMENTS       before the `-` that stands for standard input
    // run: ARGUMENTS        instead; CODE stands for the case's text
    // stdin: TEXT           with run:
    // status: N             exit status, 0 without it
    // stderr: TEXT          has to be in standard error, else that is empty
    // files                 needs a folder at / (boxagnts gets --work-dir)
    // server                needs an HTTP server, its URL is scriptArgs[1]
    //                       (boxagnts gets --allowed-outbound-host)
    // same as node          node prints the same; checked by --node

--node runs the cases that say so under `node` and compares with .expected.
--update writes .expected anew: read the difference before you keep it.
"""

import concurrent.futures
import difflib
import http.server
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 120


class Case:
    def __init__(self, path):
        self.name = path.stem
        self.text = path.read_text(encoding="utf-8")
        self.expected_path = path.with_suffix(".expected")
        self.keys = {}
        for line in self.text.splitlines():
            match = re.fullmatch(
                r"// (args|run|stdin|status|stderr|files|server|same as node)"
                r"(?:: (.*))?", line)
            if not match:
                break
            self.keys[match[1]] = match[2] or ""

    def unescaped(self, key):
        return self.keys.get(key, "").replace("\\n", "\n")

    def arguments(self):
        if "run" in self.keys:
            return [self.text if word == "CODE" else word
                    for word in shlex.split(self.keys["run"])]
        return shlex.split(self.keys.get("args", "")) + ["-"]

    def stdin(self):
        return self.unescaped("stdin") if "run" in self.keys else self.text


class Server(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def answer(self):
        if self.path == "/redirect":
            return self.reply(302, b"", ("Location", "/landed"))
        if self.path == "/slow":
            threading.Event().wait(2)
        length = int(self.headers.get("content-length") or 0)
        body = json.dumps({
            "method": self.command, "path": self.path,
            "type": self.headers.get("content-type"),
            "test": self.headers.get("x-test"),
            "body": self.rfile.read(length).decode()}).encode()
        if self.path == "/large":
            body = b"x" * 3000000
        return self.reply(404 if self.path == "/missing" else 200, body,
                          ("X-Multi", "a"), ("X-Multi", "b"))

    def reply(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def log_message(self, format, *arguments):
        pass


def with_flags(runner, *flags):
    """boxagnts run ...: grant the guest something."""
    if len(runner) > 1 and runner[1] == "run" and \
            os.path.basename(runner[0]) == "boxagnts":
        return [*runner[:2], *flags, *runner[2:]]
    return runner


def run_case(case, runner, server):
    """What is wrong, as text; empty when nothing is. And the output."""
    with tempfile.TemporaryDirectory(prefix="bx-js-") as folder:
        command, arguments = runner, case.arguments()
        if "files" in case.keys:
            command = with_flags(command, "--work-dir", folder)
        if "server" in case.keys:
            command = with_flags(command, "--allowed-outbound-host", server)
            arguments.append(server)
        try:
            result = subprocess.run(
                [*command, *arguments], input=case.stdin().encode(),
                capture_output=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            return f"no end within {TIMEOUT_S} s\n", None
        left = os.listdir(folder)
    out = result.stdout.decode("utf-8", "replace")
    err = result.stderr.decode("utf-8", "replace")
    problems = ""
    status = int(case.keys.get("status", "0"))
    if result.returncode != status:
        problems += f"exit status {result.returncode}, expected {status}\n"
    wanted = case.unescaped("stderr")
    if (wanted not in err) if wanted else err:
        problems += f"stderr: expected {wanted!r}, got {err!r}\n"
    elif problems:
        problems += f"stderr: {err!r}\n"
    if left:
        problems += f"files were left behind: {left}\n"
    return problems + difference(case, out), out


def difference(case, out):
    expected = case.expected_path.read_text(encoding="utf-8") \
        if case.expected_path.exists() else ""
    return "".join(difflib.unified_diff(
        expected.splitlines(True), out.splitlines(True), "expected", "printed"))


def run_node(case):
    result = subprocess.run(["node", "--input-type=commonjs", "-"],
                            input=case.text.encode(), capture_output=True,
                            timeout=TIMEOUT_S, check=False)
    return difference(case, result.stdout.decode("utf-8", "replace")), None


def main():
    arguments = sys.argv[1:]
    flags = set()
    while arguments and arguments[0] in ("--update", "--node"):
        flags.add(arguments.pop(0))
    names = set()
    if "--node" in flags:
        names = set(arguments)
    elif not arguments:
        sys.exit(__doc__)
    cases = [Case(path) for path in sorted(HERE.glob("*.js"))
             if not names or path.stem in names]
    if "--node" in flags:
        cases = [case for case in cases if "same as node" in case.keys]

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    server = f"http://127.0.0.1:{listener.server_port}"

    def work(case):
        return run_node(case) if "--node" in flags \
            else run_case(case, arguments, server)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case, (problems, out) in zip(cases, pool.map(work, cases)):
            if "--update" in flags and out is not None:
                case.expected_path.write_text(out, encoding="utf-8")
                problems = ""
            if problems:
                failed += 1
                print(f"FAILED {case.name}\n{problems}")
    print(f"{len(cases) - failed} of {len(cases)} JavaScript cases passed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
