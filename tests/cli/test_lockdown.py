"""`run` locks itself down before the guest starts: seen from outside, and
where the kernel lacks a layer, simulated by a filter that takes its system
call away."""

import ctypes
import errno
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from support import PROGRAM, CliTest, guest, wat

# Sleeps ten seconds: poll_oneoff of one clock.
SLEEPER = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 10000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1)
                      (i32.const 128)))))"""

EMPTY = wat("")


def without(call, number):
    """For a child before it starts: this system call fails with number."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]

    def before():
        allow, fail = 0x7FFF0000, 0x00050000 | number
        context = library.seccomp_init(allow)
        nr = library.seccomp_syscall_resolve_name(call.encode())
        if (library.seccomp_rule_add(context, fail, nr, 0) != 0
                or library.seccomp_load(context) != 0):
            os._exit(99)

    return before


class LockdownBase(CliTest):
    def spawn(self, *arguments, env=None, pass_fds=()):
        process = subprocess.Popen(
            [PROGRAM, "run", *arguments],
            cwd=self.dir, env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=pass_fds)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def status_of(self, process):
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            return dict(re.findall(r"^(\w+):\s*(.*)$", file.read(), re.M))


class LockdownTest(LockdownBase):
    def test_what_its_parent_left_open_is_closed(self):
        path = self.write("left-open", "secret")
        descriptor = os.open(path, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        process = self.start(pass_fds=(descriptor,))
        folder = f"/proc/{process.pid}/fd"
        names = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
        self.assertGreater(len(names), 2)
        self.assertNotIn(os.path.realpath(path), names)

    def start(self, *arguments, env=None, pass_fds=()):
        """A run under way: the guest has started to sleep."""
        module = self.write("sleep.wat", SLEEPER)
        process = self.spawn(*arguments, module, env=env, pass_fds=pass_fds)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            # The watchdog's thread starts with the guest.
            if len(os.listdir(f"/proc/{process.pid}/task")) > 1:
                return process
            time.sleep(0.01)
        self.fail("the guest did not start")

    def run_without(self, call, number, *arguments, status):
        module = self.write("empty.wat", EMPTY)
        result = subprocess.run(
            [PROGRAM, "run", *arguments, module], cwd=self.dir,
            env=self.environment, capture_output=True, timeout=60,
            preexec_fn=without(call, number), check=False)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stderr.decode()

    def test_the_process_of_a_guest_has_no_rights(self):
        status = self.status_of(self.start())
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")

    def test_its_environment_is_wiped(self):
        process = self.start(env={"API_KEY": "sk-in-the-environment"})
        try:
            with open(f"/proc/{process.pid}/environ", "rb") as file:
                seen = file.read()
        except PermissionError:  # not dumpable: its user cannot look either
            self.assertNotEqual(os.geteuid(), 0)
            return
        self.assertNotIn(b"sk-in", seen)

    def test_a_secret_of_the_policy_is_not_in_its_memory(self):
        secret = "sk-" + "of-the-vault-7381"
        os.chmod(self.write("key", secret), 0o600)
        process = self.start("--secret", "KEY=@key")
        if os.geteuid() != 0:
            self.skipTest("only root reads another process's memory")
        with open(f"/proc/{process.pid}/maps", encoding="ascii") as file:
            maps = re.findall(r"^(\w+)-(\w+) rw.p .*$", file.read(), re.M)
        with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
            for begin, end in maps:
                begin, end = int(begin, 16), int(end, 16)
                if end - begin > 1 << 28:
                    continue
                memory.seek(begin)
                self.assertNotIn(secret.encode(), memory.read(end - begin))

    def test_it_is_interrupted_as_before(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)

    def test_files_of_the_box_work_and_refusals_are_told(self):
        os.mkdir(self.path("box"))
        module = self.write("make.wat", """(module
          (import "wasi_snapshot_preview1" "path_create_directory"
            (func $make (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "new")
          (func (export "_start")
            (drop (call $make (i32.const 3) (i32.const 0) (i32.const 3)))))""")
        result = self.boxagnts("run", "--map-dir", "box::/box::ro", module)
        self.assertIn("denied path_create_directory", result.err)
        self.assertFalse(os.path.exists(self.path("box", "new")))
        self.boxagnts("run", "--map-dir", "box::/box", module)
        self.assertTrue(os.path.isdir(self.path("box", "new")))

    def test_a_module_is_compiled_without_a_cache(self):
        module = self.write("empty.wat", EMPTY)
        for _ in range(2):
            self.boxagnts("run", "--wasm-cache-dir", "", module)
            self.boxagnts("run", "--wasm-cache-dir", "", "--wasm-fuel", "1000",
                          module)

    def test_what_the_compiler_says_arrives(self):
        module = self.write("bad.wasm", b"\0asm\1\0\0\0\1\5\1")
        result = self.boxagnts("run", module, status=125)
        self.assertIn("not a valid module", result.err)

    def test_a_missing_layer_is_said_once(self):
        said = self.run_without("landlock_create_ruleset", errno.ENOSYS,
                                status=0)
        self.assertEqual(said.count("lockdown without landlock"), 1)
        self.assertIn("5.13", said)
        self.assertEqual(
            self.run_without("landlock_create_ruleset", errno.ENOSYS,
                             "--quiet", status=0), "")

    def test_a_missing_layer_is_refused_on_demand(self):
        said = self.run_without("landlock_create_ruleset", errno.ENOSYS,
                                "--require-lockdown", status=125)
        self.assertIn("landlock", said)
        said = self.run_without("seccomp", errno.EPERM,
                                "--require-lockdown", status=125)
        self.assertIn("seccomp", said)

    def test_all_layers_satisfy_the_demand(self):
        module = self.write("empty.wat", EMPTY)
        result = self.boxagnts("run", "--require-lockdown", module, status=None)
        self.assertIn(result.returncode, (0, 125))
        if result.returncode == 125:  # a kernel that lacks one says which
            self.assertIn("this system lacks", result.err)

    def test_a_layer_that_fails_ends_the_run(self):
        said = self.run_without("landlock_restrict_self", errno.E2BIG,
                                status=125)
        self.assertIn("landlock", said)


class NetworkTest(LockdownBase):
    """A guest that may reach the network: a child reaches it, the guest's own
    process is as locked as any."""

    def setUp(self):
        super().setUp()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(30)
        self.addCleanup(self.server.close)
        self.url = "http://127.0.0.1:%d/" % self.server.getsockname()[1]

    def start_request(self, *arguments):
        """A run whose guest waits for an answer; its connection."""
        process = self.spawn("--allowed-outbound-host", self.url[:-1],
                             *arguments, guest("http_get"), "--", self.url)
        connection, _ = self.server.accept()
        self.addCleanup(connection.close)
        return process, connection

    def child_of(self, process):
        pid = process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return int(file.read())

    def ends(self, pid):
        """True when the process is gone within a while."""
        for _ in range(500):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    if "State:\tZ" in file.read():
                        return True
            except (FileNotFoundError, ProcessLookupError):
                return True
            time.sleep(0.01)
        return False

    def test_the_guests_process_is_locked_and_answered(self):
        process, connection = self.start_request()
        status = self.status_of(process)
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(int(status["CapEff"], 16), 0)
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, err)
        self.assertTrue(out.endswith(b"hello"), out)

    def test_a_refusal_is_told_as_before(self):
        result = self.boxagnts("run", guest("http_get"), "--", self.url,
                               status=1)
        self.assertIn("denied http_open '" + self.url, result.err)
        result = self.run_json(guest("http_get"), "--", self.url, status=1)
        self.assertEqual(len(result["refusals"]), 1)
        self.assertEqual(result["stats"]["calls_denied"], 1)

    def test_an_interrupt_ends_both(self):
        process, _ = self.start_request()
        child = self.child_of(process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)
        self.assertTrue(self.ends(child))

    def test_a_deadline_ends_both(self):
        process, _ = self.start_request("--wasm-timeout", "300ms")
        child = self.child_of(process)
        self.assertEqual(process.wait(10), 124)
        self.assertTrue(self.ends(child))

    def test_a_kill_leaves_nobody(self):
        process, _ = self.start_request()
        child = self.child_of(process)
        process.kill()
        process.wait(10)
        self.assertTrue(self.ends(child))

    def test_the_guest_goes_on_without_its_network(self):
        process, _ = self.start_request()
        os.kill(self.child_of(process), signal.SIGKILL)
        out, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"http_head errno", out)


if __name__ == "__main__":
    unittest.main()
