"""boxagnts run --record, and replay: what was recorded comes again without the
world it came from, and whatever differs is named.
"""

import hashlib
import http.server
import json
import os
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from support import PROGRAM, CliTest, give_compiled, guest, tool, wat

FILES = (
    '(import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32'
    " i32 i64 i64 i32 i32) (result i32)))"
)
OPEN = wat(
    "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 5)"
    " (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))",
    FILES,
).replace("(func (export", '(data (i32.const 100) "{}") (func (export')


# One home, and so one cache of compiled modules, for all tests: compiling
# Python takes half a minute.
HOME = tempfile.TemporaryDirectory(prefix="bx-replay-")


give_compiled(HOME.name)


class Server:
    """Answers with what it was sent in a header, and counts."""

    def __init__(self):
        outer = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append(self.headers.get("Authorization", ""))
                body = f"answer {len(outer.requests)} {self.headers['Authorization']}"
                body = (body + "x" * 100000).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("X-Echo", self.headers.get("Authorization", "none"))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class ReplayTest(CliTest):
    def setUp(self):
        super().setUp()
        self.environment["HOME"] = HOME.name

    def record(self, *arguments, timeout=300, **options):
        """`boxagnts ARGUMENTS` with --record behind its command."""
        command, *rest = arguments
        words = [command] if command != "tool" else [command, rest.pop(0)]
        return self.boxagnts(
            *words, "--record", "run.bxr", *rest, timeout=timeout, **options
        )

    def replay(self, *arguments, timeout=300, **options):
        return self.boxagnts(
            "replay", *arguments, self.path("run.bxr"), timeout=timeout, **options
        )

    def expect_identical(self, recorded):
        """A replay far from everything the run could reach."""
        away = self.path("away")
        os.makedirs(away, exist_ok=True)
        result = subprocess.run(
            [PROGRAM, "replay", "../run.bxr"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=away,
            env=self.environment,
            timeout=300,
            check=False,
        )
        verdict = b"boxagnts: identical: "
        self.assertIn(verdict, result.stderr, result.stderr)
        self.assertEqual(result.stdout, recorded.stdout)
        self.assertEqual(result.returncode, recorded.returncode)
        return result


class Inputs(ReplayTest):
    def test_files_listings_and_stat(self):
        self.write("data/a.txt", "first\n")
        self.write("data/b/large.bin", os.urandom(300000))
        recorded = self.record(
            "bash",
            "--map-dir",
            "data::/data",
            "-c",
            "cat /data/a.txt; ls -lR /data; md5sum /data/b/large.bin;"
            " stat /data/a.txt; cat /data/none; echo more >> /data/a.txt;"
            " cat /data/a.txt; rm /data/a.txt; ls /data",
            status=None,
        )
        self.assertIn("first\nmore\n", recorded.out)
        self.assertIn("large.bin", recorded.out)
        shutil.rmtree(self.path("data"))
        self.expect_identical(recorded)
        # Changed instead of gone.
        self.write("data/a.txt", "another\n")
        self.expect_identical(recorded)
        self.assertEqual(self.read("data/a.txt"), b"another\n")

    def test_clocks_random_and_environment(self):
        flags = ("--env", "NAME=value", guest("determinism"))
        first = self.record("run", *flags)
        self.assertIn("env NAME=value", first.out)
        self.assertNotEqual(first.out, self.boxagnts("run", *flags).out)
        self.expect_identical(first)

    def test_a_deterministic_run(self):
        recorded = self.record("run", "--deterministic=7", guest("determinism"))
        self.expect_identical(recorded)

    def test_standard_input_of_each_kind(self):
        text = os.urandom(200000)
        recorded = self.record("run", guest("echo"), stdin=text)
        self.assertIn(text, recorded.stdout)
        self.expect_identical(recorded)
        with open(self.write("input", text), "rb") as file:
            recorded = subprocess.run(
                [PROGRAM, "run", "--record", "run.bxr", guest("echo")],
                stdin=file,
                capture_output=True,
                cwd=self.dir,
                env=self.environment,
                check=True,
            )
        self.expect_identical(recorded)

    def test_waiting(self):
        recorded = self.record("run", guest("poll"), "--", "sleep", "300")
        self.assertEqual(recorded.out, "slept\n")
        self.expect_identical(recorded)
        recorded = self.record("run", guest("poll"), "--", "stdin", "-1", stdin=b"hello")
        self.assertEqual(recorded.out, "5 bytes: hello\n")
        self.expect_identical(recorded)

    def test_snapshot_0(self):
        recorded = self.record("run", guest("snapshot0"), status=None)
        self.expect_identical(recorded)

    def test_every_file_call(self):
        os.mkdir(self.path("box"))
        recorded = self.record("run", "--work-dir", "box", guest("files"), status=None)
        self.assertGreater(len(recorded.out), 0)
        shutil.rmtree(self.path("box"))
        self.expect_identical(recorded)

    def test_arguments(self):
        recorded = self.record("run", guest("echo"), "--", "a", "", "b c", "ü\n")
        self.expect_identical(recorded)

    def test_requests(self):
        server = Server()
        try:
            recorded = self.record(
                "run",
                "--allowed-outbound-host",
                f"http://127.0.0.1:{server.port}",
                guest("http_get"),
                "--",
                f"http://127.0.0.1:{server.port}/x?token=hidden-in-query",
            )
        finally:
            server.stop()
        self.assertIn("answer 1", recorded.out)
        self.assertEqual(len(server.requests), 1)
        self.expect_identical(recorded)
        self.assertIn(b"GET http://127.0.0.1", self.read("run.bxr"))

    def test_a_refused_request(self):
        recorded = self.record(
            "run", guest("http_get"), "--", "http://example.com/", status=1
        )
        self.assertIn("http_open errno", recorded.out)
        self.expect_identical(recorded)

    def test_other_programs(self):
        recorded = self.record(
            "bash",
            "-c",
            "python3 -c 'import time; print(time.time())'; none; node -e 'console.log("
            "Math.random())' | cat; exit 4",
            status=4,
        )
        self.expect_identical(recorded)

    def test_fuel_that_nested_runs_take(self):
        os.makedirs(self.path(".boxagnts/tools"))
        shutil.copy(guest("actor"), self.path(".boxagnts/tools/actor.wasm"))
        self.write(
            ".boxagnts/tools/actor.tool.yaml",
            "tool: { name: actor, description: Acts., permission_level: execute,"
            " permissions: ['tool:actor'] }\n",
        )
        self.boxagnts("tool", "approve", "--yes", "actor", status=None)
        for act, says in (("print", "\"text\":\"x\""), ("loop", "fuel")):
            inner = json.dumps({"do": act, "text": "x"})
            outer = json.dumps({"do": "call", "path": "actor", "text": inner})
            recorded = self.record(
                "tool", "call", "--wasm-fuel", "50M", "actor", outer, status=None
            )
            self.assertIn(says, recorded.out + recorded.err)
            self.assertNotIn("errno", recorded.out)
            replayed = self.replay(status=None)
            self.assertIn("identical", replayed.err, replayed)


class Components(ReplayTest):
    def test_python(self):
        self.write("data/a.txt", "first\n")
        recorded = self.record(
            "python",
            "--map-dir",
            "data::/data",
            "--env",
            "NAME=value",
            "-c",
            "import os, random, sys, time, uuid\n"
            "print(open('/data/a.txt').read(), os.listdir('/data'), os.environ['NAME'])\n"
            "print(time.time(), time.monotonic(), random.random(), uuid.uuid4())\n"
            "time.sleep(0.05)\n"
            "print(os.stat('/data/a.txt'), sys.stdin.read())\n"
            "open('/data/new', 'w').write('x' * 100000)\n"
            "os.rename('/data/new', '/data/newer'); print(os.listdir('/data'))\n"
            "print('to stderr', file=sys.stderr)\n"
            "sys.exit(3)",
            stdin=b"some input",
            status=3,
        )
        self.assertIn("some input", recorded.out)
        self.assertEqual(recorded.err, "to stderr\n")
        shutil.rmtree(self.path("data"))
        result = self.expect_identical(recorded)
        self.assertTrue(result.stderr.startswith(b"to stderr\n"))

    def test_requests_of_a_component(self):
        server = Server()
        url = f"http://127.0.0.1:{server.port}/x"
        try:
            recorded = self.record(
                "run",
                "--allowed-outbound-host",
                f"http://127.0.0.1:{server.port}",
                guest("component/fetch"),
                "--",
                "post",
                url,
                "a body",
                status=None,
            )
        finally:
            server.stop()
        self.assertEqual(len(server.requests), 1, recorded)
        self.expect_identical(recorded)

    def test_sockets_of_a_component(self):
        server = Server()
        try:
            recorded = self.record(
                "python",
                "--allowed-outbound-host",
                f"http://127.0.0.1:{server.port}",
                "-c",
                "import socket\n"
                f"s = socket.create_connection(('127.0.0.1', {server.port}))\n"
                "s.sendall(b'GET / HTTP/1.0\\r\\nConnection: close\\r\\n\\r\\n')\n"
                "got = b''\n"
                "while piece := s.recv(1000): got += piece\n"
                "print(len(got), got[:15])\n",
                status=None,
            )
        finally:
            server.stop()
        self.expect_identical(recorded)
        self.assertIn("HTTP/1.1 200", recorded.out, recorded.err)

    def test_a_function(self):
        recorded = self.record(
            "run", "--invoke", "add", guest("component/typed"), '{"a": 1, "b": 2}', status=None
        )
        self.expect_identical(recorded)


class Endings(ReplayTest):
    def test_statuses(self):
        cases = (
            (("exit",), ("7",), None),
            (("trap",), (), 134),
            (("recursion",), (), 139),
            (("--wasm-fuel", "1M", "loop"), (), 152),
            (("--wasm-timeout", "200ms", "loop"), (), 124),
            (("--wasm-max-memory-size", "2MiB", "memory_bomb"), (), None),
        )
        for (*flags, name), words, status in cases:
            with self.subTest(name=name, flags=flags):
                recorded = self.record(
                    "run", *flags, guest(name), "--", *words, status=status
                )
                self.expect_identical(recorded)

    def test_a_timeout_in_a_call_and_after_many(self):
        recorded = self.record(
            "run", "--wasm-timeout", "300ms", guest("poll"), "--", "sleep", "60000", status=124
        )
        self.expect_identical(recorded)
        recorded = self.record(
            "bash",
            "--wasm-timeout",
            "300ms",
            "-c",
            "i=0; while true; do i=$((i+1)); [ $((i % 1000)) = 0 ] && echo $i; done",
            status=124,
        )
        self.expect_identical(recorded)

    def test_output_that_nobody_reads(self):
        recorded = subprocess.Popen(
            [PROGRAM, "run", "--record", "run.bxr", "--wasm-timeout", "300ms", guest("actor"), "--", '{"do": "flood"}'],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.dir,
            env=self.environment,
        )
        recorded.stdout.read(1000)
        recorded.stdout.close()
        recorded.stderr.close()
        status = recorded.wait()
        result = self.replay(status=None)
        self.assertIn("identical", result.err, (status, result.err))
        self.assertGreaterEqual(len(result.stdout), 1000)


class Differences(ReplayTest):
    def setUp(self):
        super().setUp()
        self.write("data/a.txt", "first\n")
        self.write("data/b.txt", "second\n")

    def test_a_changed_module(self):
        self.write("old.wat", OPEN.format("a.txt"))
        self.write("new.wat", OPEN.format("b.txt"))
        self.record("run", "--map-dir", "data::/data", "old.wat")
        self.replay()
        result = self.replay("--module", "new.wat", status=1)
        self.assertIn("this is not the module that was recorded", result.err)
        self.assertRegex(
            result.err,
            r"differs at call 1\n  recorded: path_open\(3, 0, 'a\.txt', .*\n"
            r"  now:      path_open\(3, 0, 'b\.txt', ",
        )
        told = json.loads(self.replay("--json", "--module", "new.wat", status=1).out)
        self.assertFalse(told["identical"])
        self.assertEqual(told["difference"]["call"], 1)
        self.assertIn("'b.txt'", told["difference"]["now"])

    def test_a_module_that_goes_on_or_ends_early(self):
        once, twice = (
            wat(PROCS * n, '(import "wasi_snapshot_preview1" "sched_yield"'
                ' (func $y (result i32)))')
            for n, PROCS in ((1, "(drop (call $y))"), (2, "(drop (call $y))"))
        )
        self.write("once.wat", once)
        self.write("twice.wat", twice)
        self.record("run", "once.wat")
        result = self.replay("--module", "twice.wat", status=1)
        self.assertIn("recorded: the run ended with status 0\n  now:      sched_yield()", result.err)
        self.record("run", "twice.wat")
        result = self.replay("--module", "once.wat", status=1)
        self.assertIn("recorded: sched_yield()\n  now:      the run ended with status 0", result.err)

    def test_a_module_that_is_gone(self):
        self.write("old.wat", OPEN.format("a.txt"))
        self.record("run", "old.wat")
        os.rename(self.path("old.wat"), self.path("moved.wat"))
        result = self.replay(status=125)
        self.assertIn("say with --module where it is", result.err)
        self.replay("--module", "moved.wat")
        # Another one in its place is not taken for it.
        self.write("old.wat", OPEN.format("b.txt"))
        self.replay(status=125)

    def test_json(self):
        recorded = self.record("run", guest("exit"), "--", "7", status=None)
        told = json.loads(self.replay("--json", status=recorded.returncode).out)
        self.assertTrue(told["identical"])
        self.assertEqual(told["exit_status"], recorded.returncode)
        self.assertEqual(told["module"]["recorded"], told["module"]["now"])
        self.assertNotIn("difference", told)


class Policies(ReplayTest):
    def setUp(self):
        super().setUp()
        self.write("data/a.txt", "first\n")
        self.record(
            "bash", "--map-dir", "data::/data", "-c", "cat /data/a.txt; echo x > /data/b.txt"
        )

    def ask(self, policy, status):
        self.write("p.yaml", policy)
        return self.replay("--policy", "p.yaml", status=status).out

    def test_one_that_grants_all(self):
        said = self.ask("map-dir: ['data::/data']\n", 0)
        self.assertIn("everything this run needed is granted", said)

    def test_read_only(self):
        said = self.ask("map-dir: ['data::/data::ro']\n", 1)
        self.assertRegex(
            said,
            r"^call \d+, path_open\(.*'b\.txt'.*\): fs\.write:/data/b\.txt would be refused: "
            r".* \(.*p\.yaml:1: map-dir",
        )

    def test_nothing(self):
        said = self.ask("wasm-timeout: 1s\n", 1)
        self.assertIn("would be refused", said)
        told = self.replay("--json", "--policy", "p.yaml", status=1)
        told = json.loads(told.out)
        self.assertFalse(told["is_granted"])
        self.assertTrue(told["refused"]["target"].startswith("/"))

    def test_a_policy_that_is_none(self):
        self.write("p.yaml", "map-dri: x\n")
        self.replay("--policy", "p.yaml", status=125)


def blocks(data):
    """The records of a recording: (type, bytes)."""
    at, records = 16, []
    while (count := struct.unpack_from("<I", data, at)[0]) > 0:
        block, at = data[at + 4:at + 4 + count], at + 4 + count + 8
        place = 0
        while place < count:
            kind, size = struct.unpack_from("<BI", block, place)
            records.append((kind, block[place + 5:place + 5 + size]))
            place += 5 + size
    return records


def recording(records):
    """One block of them, with checks that hold."""
    data = b"BXRECORD" + struct.pack("<II", 1, 0)
    block = b"".join(struct.pack("<BI", kind, len(body)) + body
                     for kind, body in records)
    data += struct.pack("<I", len(block)) + block
    data += hashlib.sha256(data).digest()[:8] + struct.pack("<I", 0)
    return data + hashlib.sha256(data).digest()


class Hostile(ReplayTest):
    """Recordings that somebody made."""

    FIELD, CALL, NEED = 1, 4, 5
    MODULE_NAME, MODULE_PATH, FACTS = 2, 3, 11

    def setUp(self):
        super().setUp()
        self.file = self.path("run.bxr")
        module = self.write("open.wat", OPEN.format("a.txt"))
        os.makedirs(self.path("box"), exist_ok=True)
        self.record("run", "--map-dir", "box::/", module)

    def change(self, change):
        with open(self.file, "rb") as file:
            records = blocks(file.read())
        changed = [(kind, change(kind, body)) for kind, body in records]
        self.assertNotEqual(changed, records)
        with open(self.file, "wb") as file:
            file.write(recording(changed))

    def change_field(self, tag, value):
        self.change(lambda kind, body: body[:2] + value
                    if kind == self.FIELD and body[0] == tag else body)

    def test_the_same_is_identical(self):
        with open(self.file, "rb") as file:
            data = file.read()
        self.assertEqual(recording(blocks(data)), data)

    def test_a_need_that_acts_on_a_terminal(self):
        self.change(lambda kind, body: b"\x1b]0;x\x07\0/a"
                    if kind == self.NEED else body)
        policy = self.write("none.yaml", "version: 1\n")
        result = self.replay("--policy", policy, status=125)
        self.assertNotIn(b"\x1b", result.stdout + result.stderr)
        self.assertIn(b"malformed need", result.stderr)

    def test_a_module_that_is_a_pipe(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        self.change_field(self.MODULE_PATH, pipe.encode())
        result = self.replay(status=125)
        self.assertIn(b"is neither at", result.stderr)

    def test_a_name_of_two_lines(self):
        self.change_field(self.MODULE_PATH, b"/nowhere")
        self.change_field(self.MODULE_NAME, b"a\nboxagnts: identical")
        result = self.replay(status=125)
        self.assertEqual(result.stderr.count(b"\n"), 1)

    def test_limits_that_are_none(self):
        output = struct.pack("<Q", 16 << 20)
        self.change(lambda kind, body: body.replace(
            output, struct.pack("<Q", 1 << 60))
                    if kind == self.FIELD and body[0] == self.FACTS else body)
        result = self.replay(status=125)
        self.assertIn(b"limits", result.stderr)

    def test_events_of_more_subscriptions_than_were_taken(self):
        # Refused when it was recorded; the recording says that it went well
        # and names a subscription far behind those that the host copied.
        self.write("poll.wat", wat(
            "(drop (call $poll (i32.const 0) (i32.const 1024)"
            " (i32.const -1) (i32.const 512)))",
            '(import "wasi_snapshot_preview1" "poll_oneoff"'
            " (func $poll (param i32 i32 i32 i32) (result i32)))"))
        self.record("run", "poll.wat")
        refused = b"\x04" + bytes([21 * 2])  # BX_PART_ANSWER, EFAULT
        event = struct.pack("<QHBxxxxxQQ", 0xFFFFFFF0, 0, 0, 0, 0)
        well = (b"\x04\0" + b"\x05\x04" + struct.pack("<I", 1)
                + b"\x05\x20" + event)
        self.change(lambda kind, body: body[:-2] + well
                    if kind == self.CALL and body.endswith(refused) else body)
        result = self.replay(status=None)
        self.assertIn(result.returncode, (1, 125), result.stderr)

    def test_it_is_locked_down(self):
        """No process of a replay opens anything once the guest runs."""
        looper = self.write("loop.wat", wat("(loop $l (br $l))"))
        process = subprocess.Popen(
            [PROGRAM, "replay", "--module", looper, self.file], cwd=self.dir,
            env=self.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while (len(os.listdir(f"/proc/{process.pid}/task")) < 2
               and time.monotonic() < deadline):
            time.sleep(0.01)
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            self.assertIn("Seccomp:\t2", file.read())


class Files(ReplayTest):
    def test_it_is_private_and_replaced_whole(self):
        self.write("run.bxr", "something else\n")
        os.chmod(self.path("run.bxr"), 0o644)
        self.record("run", guest("hello"))
        self.assertEqual(os.stat(self.path("run.bxr")).st_mode & 0o777, 0o600)
        self.assertEqual(self.read("run.bxr")[:8], b"BXRECORD")
        self.assertEqual([n for n in os.listdir(self.dir) if "recording" in n], [])

    def test_a_guest_does_not_read_it_as_it_grows(self):
        recorded = self.record("bash", "-c", "cat run.bxr run.bxr | wc -c; ls; echo x > run.bxr")
        self.assertTrue(recorded.out.startswith("0\n"), recorded.out)
        self.expect_identical(recorded)

    def test_too_large(self):
        self.write("data/large", os.urandom(1 << 20))
        result = self.boxagnts(
            "bash",
            "--record",
            "run.bxr",
            "--record-max",
            "100KiB",
            "--map-dir",
            "data::/data",
            "-c",
            "cat /data/large | wc -c",
            status=125,
            timeout=300,
        )
        self.assertIn("the run was ended: recording: it grows past the 102400 bytes", result.err)
        self.assertFalse(os.path.exists(self.path("run.bxr")))

    def test_a_full_disk(self):
        result = self.boxagnts("run", "--record", "/dev/full", guest("hello"), status=125)
        self.assertIn("recording: No space left on device", result.err)
        self.assertNotIn("hello", result.out.lower())

    def test_nowhere_to_write(self):
        result = self.boxagnts("run", "--record", "none/run.bxr", guest("hello"), status=125)
        self.assertIn("--record 'none/run.bxr': No such file", result.err)
        self.boxagnts("run", "--record", self.dir, guest("hello"), status=125)
        self.boxagnts("run", "--record-max", "1", guest("hello"), status=125)

    def test_cut_and_altered(self):
        self.record("run", guest("hello"))
        whole = self.read("run.bxr")
        for change, says in (
            (whole[:-1], "cut: it ends at byte"),
            (whole[:40], "cut: it ends at byte"),
            (b"", "not a recording"),
            (whole + b"x", "something follows its end"),
            (whole.replace(b"fd_write", b"fd_wrote"), "altered: this block"),
            (whole[:8] + b"\x09" + whole[9:], "version 9"),
        ):
            self.write("run.bxr", change)
            result = self.replay(status=125)
            self.assertIn(says, result.err)
            self.assertEqual(result.out, "")

    def test_usage(self):
        self.boxagnts("replay", status=125)
        self.boxagnts("replay", "none", status=125)
        self.boxagnts("replay", "--nothing", "x", status=125)
        self.boxagnts("replay", "--module", "x", "--policy", "y", "z", status=125)
        self.assertIn("replay --module", self.boxagnts("replay", "--help").out)

    def test_a_session_is_not_recorded(self):
        result = self.record(
            "tool", "call", "python-execute", '{"code": "1", "session": "s"}', status=125
        )
        self.assertIn("a session's call cannot be recorded", result.err)
        self.assertFalse(os.path.exists(self.path("run.bxr")))


class Tools(ReplayTest):
    def test_a_tool(self):
        self.write("a.txt", "first\n")
        recorded = self.record("tool", "call", "file-read", "path=a.txt")
        self.assertIn("first", recorded.out)
        os.remove(self.path("a.txt"))
        result = self.replay()
        self.assertIn("first", json.loads(result.out)["content"])

    def test_no_secret_in_it(self):
        secret = "s3cr3t-value-of-the-vault"
        server = Server()
        host = f"http://127.0.0.1:{server.port}"
        os.chmod(self.write("secret", secret), 0o600)
        manifest = (
            "tool:\n  name: fetch\n  description: Fetch.\n  permission_level: read_only\n"
            f"  permissions: ['network:{host}']\n"
            f"  secrets: [{{ name: TOKEN, host: '{host}' }}]\n"
            "  input_schema: { type: object, properties: { url: { type: string } } }\n"
        )
        self.write("fetch.yaml", manifest)
        shutil.copy(tool("web-fetch"), self.path("fetch.wasm"))
        self.boxagnts("tool", "embed", "fetch.yaml", "fetch.wasm")
        os.makedirs(self.path(".boxagnts/tools"))
        shutil.copy(self.path("fetch.wasm"), self.path(".boxagnts/tools/fetch.wasm"))
        self.boxagnts("tool", "approve", "--yes", "fetch", status=None)
        try:
            recorded = self.boxagnts(
                "tool",
                "call",
                "--record",
                "run.bxr",
                "--work-dir",
                ".",
                "--allowed-outbound-host",
                host,
                "--secret",
                f"TOKEN@{host}=@{self.path('secret')}",
                "fetch",
                f"url={host}/echo",
                status=None,
                timeout=300,
            )
        finally:
            server.stop()
        self.assertEqual(server.requests, [f"Bearer {secret}"], recorded)
        content = self.read("run.bxr")
        self.assertNotIn(secret.encode(), content)
        self.assertNotIn(secret[:12].encode(), content)
        self.assertIn(b"*" * len(secret), content)
        result = self.replay("--module", self.path("fetch.wasm"))
        self.assertNotIn(secret, result.out)


if __name__ == "__main__":
    unittest.main()
