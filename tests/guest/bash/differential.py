#!/usr/bin/env python3
"""Run scripts through the native bash and through ours, in folders that start
equal, and compare stdout, exit code and the files left behind.

usage: differential.py [--verbose] [--only PATTERN] [--known FILE] BOXAGNTS
       BASH_WASM [CASES.txt...]

A file of cases has sections `--- name` and the script of each. Names in
known.txt ("FILE: name", one a line) are expected to differ; the run fails when
another one does, or when one of those does not.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 120
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin",
               "USER": "user"}


def cases(path):
    name, lines = None, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("--- "):
            if name:
                yield name, "\n".join(lines) + "\n"
            name, lines = line[4:], []
        else:
            lines.append(line)
    if name:
        yield name, "\n".join(lines) + "\n"


def left_behind(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder",)
        elif name.endswith((".gz", ".tgz", ".tar", ".bz2")):
            found[name] = ("archive",)
        else:
            found[name] = ("file", path.read_bytes())
    return found


class Runner:
    def __init__(self, boxagnts, module):
        self.boxagnts, self.module = boxagnts, module

    def run(self, argv, folder, env):
        try:
            done = subprocess.run(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as expired:
            return "timeout", expired.stdout or b"", b""
        return done.returncode, done.stdout, done.stderr

    def native(self, script, folder):
        env = dict(ENVIRONMENT, HOME=str(folder), PWD=str(folder))
        return self.run(["/bin/bash", "-c", script, "bash"], folder, env)

    def ours(self, script, folder):
        env = dict(ENVIRONMENT, HOME=str(folder), PWD=str(folder))
        flags = [f"--env={name}={value}" for name, value in env.items()]
        argv = [self.boxagnts, "run", "--quiet", f"--map-dir={folder}::{folder}", *flags,
                "--program-name", "bash", self.module, "--", "-c", script, "bash"]
        return self.run(argv, "/", dict(os.environ))

    def compare(self, script):
        """What differs, as text; empty when nothing does."""
        results = []
        # One folder for both, one after the other: paths in outputs agree.
        parent = pathlib.Path(tempfile.mkdtemp(prefix="bash-", dir="/var/tmp"))
        try:
            for run in (self.native, self.ours):
                folder = parent / "w"
                folder.mkdir()
                code, out, err = run(script, folder)
                results.append((code, out, left_behind(folder), err))
                shutil.rmtree(folder)
        finally:
            shutil.rmtree(parent, ignore_errors=True)
        (code, out, files, err), (our_code, our_out, our_files, our_err) = results
        report = []
        if code != our_code:
            report.append(f"exit code: {code}, ours {our_code}")
        if out != our_out:
            report.append(f"stdout: {out!r}\n  ours: {our_out!r}")
        for name in sorted(files.keys() | our_files.keys()):
            if files.get(name) != our_files.get(name):
                report.append(f"{name}: {files.get(name)}, ours {our_files.get(name)}")
        if report and err != our_err:
            report.append(f"stderr: {err!r}\n  ours: {our_err!r}")
        return "\n".join(report)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--only", default="*")
    parser.add_argument("--known", type=pathlib.Path, default=HERE / "known.txt")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("boxagnts")
    parser.add_argument("module")
    parser.add_argument("cases", nargs="*", type=pathlib.Path)
    args = parser.parse_args()

    known = set()
    if args.known.exists():
        lines = args.known.read_text(encoding="utf-8").splitlines()
        known = {line for line in lines if line and not line.startswith("#")}
    runner = Runner(os.path.abspath(args.boxagnts), os.path.abspath(args.module))
    runner.compare(":")  # compiles the module, once
    todo = []
    for path in args.cases or sorted((HERE / "cases").glob("*.txt")):
        todo += [(f"{path.stem}: {name}", script) for name, script in cases(path)]
    todo = [case for case in todo if fnmatch.fnmatch(case[0], args.only)]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        reports = list(pool.map(lambda case: runner.compare(case[1]), todo))

    same, unexpected = 0, 0
    for (name, script), report in zip(todo, reports):
        same += not report
        if bool(report) == (name in known) and not args.verbose:
            continue
        if not report and name not in known:
            continue
        unexpected += bool(report) != (name in known)
        text = report or "no longer differs; take it out of the known ones"
        print(f"=== {name}\n{script.rstrip()}\n{re.sub('(?m)^', '  ', text)}")
    print(f"{len(todo)} scripts: {same} the same, {len(todo) - same} differ, "
          f"{unexpected} unexpected")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
