"""Shared by the command line's tests: run the program in a home of its own."""

import fcntl
import functools
import json
import os
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("BX_BUILD_DIR", "build")
PROGRAM = os.path.abspath(os.path.join(BUILD, "bin", "boxagnts"))
TOOLS = os.path.abspath(os.path.join(BUILD, "share", "boxagnts", "tools"))
GUESTS = os.path.abspath(os.path.join(BUILD, "tests", "guest"))


def guest(name):
    """Path of a test guest; fails when the build did not make it."""
    for ending in (".wasm", ".wat"):
        path = os.path.join(GUESTS, name + ending)
        if os.path.exists(path):
            return path
    raise AssertionError(f"{GUESTS}/{name}.wasm is missing: run 'make test'")


def processes_of(pid):
    """The children of a process, and what each says of itself in `ps`."""
    found = {}
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
        for child in children:
            with open(f"/proc/{child}/cmdline", encoding="utf-8") as file:
                words = file.read().rstrip("\0").split("\0")
            found[int(child)] = words[1] if len(words) == 2 else words
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended while we looked
    return found


@functools.cache
def compiled_home():
    """A home whose cache has the built-in tools, kept with the build: Python
    alone takes half a minute to compile."""
    home = os.path.join(os.path.abspath(BUILD), "tests", "compiled-home")
    os.makedirs(home, exist_ok=True)
    with open(home + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [PROGRAM, "compile", *(os.path.join(TOOLS, name)
                                   for name in sorted(os.listdir(TOOLS)))],
            env={"HOME": home, "PATH": os.environ["PATH"]}, check=True,
            timeout=280, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return home


def give_compiled(home):
    """Put what is compiled already into a home that has run nothing yet."""
    for folder, names in ((".cache/boxagnts/modules", None),
                          (".local/state/boxagnts", ["cache.key"])):
        source = os.path.join(compiled_home(), folder)
        target = os.path.join(home, folder)
        os.makedirs(target, mode=0o700, exist_ok=True)
        for name in names or os.listdir(source):
            shutil.copy2(os.path.join(source, name), target)


def tool(name):
    return os.path.join(TOOLS, name + ".wasm")


class CliTest(unittest.TestCase):
    """A temporary folder as HOME and as current folder for each test."""

    def setUp(self):
        self._home = tempfile.TemporaryDirectory(prefix="bx-cli-")
        self.addCleanup(self._home.cleanup)
        self.dir = os.path.realpath(self._home.name)
        self.environment = {
            "HOME": os.path.join(self.dir, "home"),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        os.mkdir(self.environment["HOME"])

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def boxagnts(self, *arguments, stdin=b"", status=0, timeout=60, env=None):
        """Run the program; checks its exit status (None: any)."""
        result = subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            cwd=self.dir,
            env={**self.environment, **(env or {})},
            check=False,
        )
        result.out = result.stdout.decode("utf-8", "replace")
        result.err = result.stderr.decode("utf-8", "replace")
        if status is not None:
            self.assertEqual(
                result.returncode,
                status,
                f"{arguments}\nstdout: {result.out}\nstderr: {result.err}",
            )
        return result

    def run_json(self, *arguments, **options):
        """`run --json`: the object it prints."""
        return json.loads(self.boxagnts("run", "--json", *arguments, **options).out)


def wat(body, imports="", memory=True):
    """Text format of a command whose _start is body."""
    page = '(memory (export "memory") 1)' if memory else ""
    return f'(module {imports} {page} (func (export "_start") {body}))'


PROC_EXIT = (
    '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
)

if __name__ == "__main__":
    unittest.main()
