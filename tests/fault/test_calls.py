"""Every call out of src/base, src/policy, src/wasi, src/overlay and src/worker
either fails in the fault tests or is named in reviewed.txt with the reason why
not."""

import fnmatch
import os
import pathlib
import subprocess
import sys
import unittest

BUILD = pathlib.Path(os.environ["BX_BUILD_DIR"])
HERE = pathlib.Path(__file__).parent
FOLDERS = ["base", "policy", "wasi", "overlay", "worker"]
# What the compiler puts in for the sanitizers and for coverage.
TOOLS = ("__asan_", "__ubsan_", "__sanitizer_", "__gcov_", "__llvm_",
         "__lsan_", "__emutls_", "__sancov_")


def read_list(name):
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def find_objects(folder):
    objects = sorted(BUILD.glob(f"CMakeFiles/bx_*.dir/src/{folder}/*.o"))
    if not objects:
        raise AssertionError(f"no objects of src/{folder} in {BUILD}")
    return objects


def find_calls(folder):
    """{call: object} of what the folder's code does not define itself."""
    calls = {}
    for path in find_objects(folder):
        out = subprocess.run(["nm", "-u", path], check=True, text=True,
                             capture_output=True).stdout
        for line in out.splitlines():
            name = line.split()[-1]
            if not name.startswith(("bx_",) + TOOLS):
                calls.setdefault(name, path.name)
    return calls


class Calls(unittest.TestCase):
    def test_each_fails_or_is_reviewed(self):
        wrapped = set(read_list("wrapped.txt"))
        reviewed = read_list("reviewed.txt")
        unknown = []
        for folder in FOLDERS:
            for name, where in find_calls(folder).items():
                if name in wrapped:
                    continue
                if not any(fnmatch.fnmatchcase(name, row) for row in reviewed):
                    unknown.append(f"src/{folder}: {name} ({where})")
        self.assertEqual(unknown, [], "neither in wrapped.txt nor reviewed.txt")

    def test_nothing_is_in_both_lists(self):
        reviewed = read_list("reviewed.txt")
        for name in read_list("wrapped.txt"):
            if name in ("strdup", "strndup"):  # str* are those that only look
                continue
            rows = [row for row in reviewed if fnmatch.fnmatchcase(name, row)]
            self.assertEqual(rows, [], name)


if __name__ == "__main__":
    sys.exit(unittest.main())
