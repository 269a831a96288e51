"""boxagnts run: flags, exit statuses, output for people and for programs."""

import os
import signal
import subprocess
import time
import unittest

from support import PROC_EXIT, PROGRAM, CliTest, wat

LOOP = wat("(loop $l (br $l))")
RECURSION = (
    '(module (func $f (result i32) (i32.add (i32.const 1) (call $f)))'
    ' (func (export "_start") (drop (call $f))))'
)


FD_CALLS = """
 (import "wasi_snapshot_preview1" "fd_read"
  (func $read (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "fd_write"
  (func $write (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "path_open"
  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"""
# Make the files "e" and "f" for writing, then read a byte of stdin and write
# one to stdout; exit with the sum of the errnos.
OPEN_READ_WRITE = """
 (i32.store (i32.const 0) (i32.const 16))
 (i32.store (i32.const 4) (i32.const 1))
 (i32.store8 (i32.const 16) (i32.const 101))
 (drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1)
  (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8)))
 (i32.store8 (i32.const 16) (i32.const 102))
 (drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1)
  (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8)))
 (call $exit (i32.add
  (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
  (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""


class Run(CliTest):
    def test_exit_status_is_the_guests(self):
        self.write("m.wat", wat("(call $exit (i32.const 42))", PROC_EXIT))
        self.boxagnts("run", "m.wat", status=42)

    def test_exit_status_of_each_limit(self):
        self.write("loop.wat", LOOP)
        self.write("trap.wat", wat("(unreachable)"))
        self.write("deep.wat", RECURSION)
        self.write("big.wat", '(module (memory 100) (func (export "_start")))')
        cases = [
            (124, "wasm-timeout", ["--wasm-timeout", "100ms", "loop.wat"]),
            (152, "wasm-fuel", ["--wasm-fuel", "10000", "loop.wat"]),
            (139, "wasm-max-wasm-stack", ["deep.wat"]),
            (137, "wasm-max-memory-size", ["--wasm-max-memory-size", "1MiB", "big.wat"]),
            (134, "unreachable", ["trap.wat"]),
        ]
        for status, text, arguments in cases:
            with self.subTest(text):
                result = self.boxagnts("run", *arguments, status=status)
                self.assertIn(text, result.err)
                self.assertEqual(result.out, "")

    def test_a_trap_says_why_before_where(self):
        self.write("trap.wat", wat("(unreachable)"))
        result = self.boxagnts("run", "trap.wat", status=134)
        first, second = result.err.splitlines()[:2]
        self.assertIn("boxagnts: trap: wasm `unreachable`", first)
        self.assertIn("backtrace", second)

    def test_closed_streams_do_not_become_files(self):
        self.write("m.wat", wat(OPEN_READ_WRITE, PROC_EXIT + FD_CALLS))
        os.mkdir(self.path("work"))
        command = f"exec '{PROGRAM}' run --work-dir work m.wat <&- >&- 2>&-"
        result = subprocess.run(
            ["sh", "-c", command], cwd=self.dir, env=self.environment, timeout=60
        )
        # EBADF (8) from each call, as natively
        self.assertEqual(result.returncode, 8 + 8)
        self.assertEqual((self.read("work/e"), self.read("work/f")), (b"", b""))

    def test_lost_output_is_a_failure(self):
        self.write("m.wat", wat(""))
        for command in (["run", "--json", "m.wat"], ["run", "--help"], ["--version"]):
            with self.subTest(command), open("/dev/full", "wb") as full:
                result = subprocess.run(
                    [PROGRAM, *command],
                    stdout=full,
                    stderr=subprocess.PIPE,
                    cwd=self.dir,
                    env=self.environment,
                    timeout=60,
                )
                self.assertEqual(result.returncode, 125)
                self.assertIn(b"output: No space left", result.stderr)

    def test_limit_message_names_flag_or_line(self):
        self.write("loop.wat", LOOP)
        self.write("p.yaml", "# limits\nwasm-timeout: 100ms\n")
        result = self.boxagnts("run", "--wasm-timeout", "100ms", "loop.wat", status=124)
        self.assertIn("--wasm-timeout 100ms", result.err)
        result = self.boxagnts("run", "--policy", "p.yaml", "loop.wat", status=124)
        self.assertIn("p.yaml:2", result.err)

    def test_flags_replace_single_values_of_the_file(self):
        self.write("loop.wat", LOOP)
        self.write("p.yaml", "wasm-timeout: 1h\n")
        self.boxagnts(
            "run", "--wasm-timeout", "100ms", "--policy", "p.yaml", "loop.wat", status=124
        )

    def test_what_never_ran_ends_with_125(self):
        self.write("m.wat", wat(""))
        self.write("junk.wasm", b"\x7fELF....")
        self.write("bad.yaml", "wasm-timeot: 3s\n")
        cases = [
            ([], "module"),
            (["nothere.wasm"], "nothere.wasm"),
            (["junk.wasm"], "junk.wasm"),
            (["--no-such-flag", "m.wat"], "--no-such-flag"),
            (["--wasm-timeout"], "--wasm-timeout"),
            (["--wasm-timeout", "soon", "m.wat"], "soon"),
            (["--map-dir", "only-host", "m.wat"], "only-host"),
            (["--map-dir", "missing::/x", "m.wat"], "missing"),
            (["--policy", "nothere.yaml", "m.wat"], "nothere.yaml"),
            (["--policy", "bad.yaml", "m.wat"], "wasm-timeot"),
            (["--env", "BX_SURELY_NOT_SET", "m.wat"], "BX_SURELY_NOT_SET"),
        ]
        for arguments, text in cases:
            with self.subTest(arguments):
                result = self.boxagnts("run", *arguments, status=125)
                self.assertIn(text, result.err)
                self.assertTrue(result.err.startswith("boxagnts"), result.err)

    def test_json_tells_everything(self):
        self.write("loop.wat", LOOP)
        answer = self.run_json("--wasm-timeout", "100ms", "loop.wat", status=124)
        self.assertEqual(answer["end"], "timeout")
        self.assertEqual(answer["exit_status"], 124)
        self.assertIn("wasm-timeout", answer["message"])
        self.assertEqual(answer["stdout"], "")
        self.assertEqual(answer["refusals"], [])
        self.assertGreater(answer["stats"]["wall_ns"], 0)
        self.assertEqual(answer["stats"]["memory_bytes"], 65536)

    def test_stats_are_for_people(self):
        self.write("m.wat", wat(""))
        result = self.boxagnts("run", "--stats", "--wasm-fuel", "1M", "m.wat")
        for word in ("time", "memory peak", "64.0 KiB", "fuel", "denied 0"):
            self.assertIn(word, result.err)
        self.assertEqual(result.out, "")

    def test_second_run_comes_from_the_cache(self):
        self.write("m.wat", wat(""))
        self.assertIn("just now", self.boxagnts("run", "--stats", "m.wat").err)
        self.assertIn("from the cache", self.boxagnts("run", "--stats", "m.wat").err)

    def test_unwritable_default_cache_costs_time_only(self):
        self.write("m.wat", wat(""))
        self.boxagnts("run", "m.wat", env={"HOME": "/proc/nothing"})
        self.boxagnts("run", "m.wat", env={"HOME": self.path("no-home")})
        self.assertFalse(os.path.exists(self.path("no-home")))

    def test_module_from_a_folder_and_a_device_is_refused(self):
        self.boxagnts("run", self.dir, status=125)

    def test_interrupt_ends_the_guest(self):
        self.write("loop.wat", LOOP)
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(
                [PROGRAM, "run", "loop.wat"],
                cwd=self.dir,
                env=self.environment,
                stderr=subprocess.PIPE,
            )
            time.sleep(1)
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 130, err)
            self.assertIn(b"cancelled", err)

    def test_help_and_version(self):
        self.assertIn("Usage", self.boxagnts("--help").out)
        self.assertRegex(self.boxagnts("--version").out, r"^boxagnts \d+\.\d+\.\d+\n$")
        text = self.boxagnts("run", "--help").out
        for flag in (
            "work-dir map-dir env allowed-outbound-host block-url block-network"
            " wasm-timeout wasm-max-memory-size wasm-max-wasm-stack wasm-fuel"
            " wasm-cache-dir policy stats json"
        ).split():
            self.assertIn("--" + flag, text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100, line)
        self.boxagnts(status=2)
        self.assertIn("frobnicate", self.boxagnts("frobnicate", status=2).err)


class Help(CliTest):
    COMMANDS = ("run inspect compile cache policy audit tool bash js python replay mcp overlay "
                "learn doctor completion agent chat init settings session model").split()
    MCP = "install add list remove approve test login logout".split()
    TOOL = "list show explain call add remove approve embed test new".split()

    def test_fits_a_terminal_of_80_columns(self):
        for command in (*([name] for name in self.COMMANDS),
                        *(["tool", name] for name in self.TOOL),
                        *(["mcp", name] for name in self.MCP), ["agent", "run"], []):
            with self.subTest(command):
                text = self.boxagnts(*command, "--help").out
                self.assertIn("Usage", text)
                self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])


class OtherCommands(CliTest):
    def test_inspect(self):
        self.write("m.wat", wat("(call $exit (i32.const 0))", PROC_EXIT))
        text = self.boxagnts("inspect", "m.wat").out
        self.assertIn("wasi_snapshot_preview1.proc_exit", text)
        self.assertIn("command", text)
        self.assertIn('"kind": "command"', self.boxagnts("inspect", "--json", "m.wat").out)
        self.boxagnts("inspect", status=2)
        self.boxagnts("inspect", "nothere.wasm", status=1)

    def test_inspect_shows_hostile_names(self):
        fetch = '(import "boxagnts" "http_open" (func (param i32 i32 i32) (result i32)))'
        name = r'(global (export "\00\1b[2J\0aasks for nothing") i32 (i32.const 0))'
        self.write("m.wat", wat("", fetch + name))
        text = self.boxagnts("inspect", "m.wat").out
        self.assertIn("asks for network", text)
        self.assertIn(r"\x00\x1b[2J\x0aasks for nothing", text)

    def test_compile_then_cache(self):
        self.write("m.wat", wat(""))
        self.assertIn("compiled", self.boxagnts("compile", "m.wat").out)
        self.assertIn("already", self.boxagnts("compile", "m.wat").out)
        self.assertIn("1 compiled modules", self.boxagnts("cache", "list").out)
        self.assertIn('"entries"', self.boxagnts("cache", "list", "--json").out)
        self.assertIn("removed 1", self.boxagnts("cache", "clear").out)
        self.assertIn("0 compiled modules", self.boxagnts("cache", "list").out)
        self.boxagnts("cache", "explode", status=2)

    def test_cache_folder_of_its_own(self):
        self.write("m.wat", wat(""))
        self.boxagnts("run", "--wasm-cache-dir", "kept", "m.wat")
        self.assertEqual(len(os.listdir(self.path("kept"))), 1)

    def test_completion(self):
        for shell in ("bash", "zsh", "fish"):
            text = self.boxagnts("completion", shell).out
            self.assertIn("map-dir", text)
            self.assertIn("inspect", text)
        self.boxagnts("completion", "tcsh", status=2)
        subprocess.run(
            ["bash", "-n"], input=self.boxagnts("completion", "bash").stdout, check=True
        )


if __name__ == "__main__":
    unittest.main()
