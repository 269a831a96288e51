#!/usr/bin/env python3
"""The official JSON-Schema-Test-Suite against src/tool/schema.c.

    tests/thirdparty/json_schema.py PROGRAM [-v]

PROGRAM is build/tests/schema_verdict. The suite comes inside the source
distribution of `jsonschema` on PyPI; pip fetches it, and its hash is checked.
"""

import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

REQUIREMENT = "jsonschema==4.23.0 --hash=sha256:" \
    "d71497fef26351a33265337fa77ffeb82423f3ea21283cd9467bb03999266bc4"
DRAFTS = ["draft2020-12", "draft7"]


def fetch(folder):
    requirements = folder / "requirements.txt"
    requirements.write_text(REQUIREMENT + "\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet",
                    "--no-deps", "--no-binary", ":all:", "--require-hashes",
                    "-d", folder, "-r", requirements],
                   check=True)
    archive = next(folder.glob("jsonschema-*.tar.gz"))
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return next(folder.glob("jsonschema-*/json/tests"))


class Program:
    def __init__(self, path):
        self.child = subprocess.Popen([path], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True,
                                      encoding="utf-8")

    def judge(self, schema, value):
        print(json.dumps([schema, value]), file=self.child.stdin, flush=True)
        return self.child.stdout.readline().rstrip("\n")


def run_file(program, path, verbose):
    """(passed, failed, refused) of one file's cases."""
    counts = [0, 0, 0]
    for group in json.loads(path.read_text(encoding="utf-8")):
        for case in group["tests"]:
            answer = program.judge(group["schema"], case["data"])
            verdict = answer.partition(" ")[0]
            if verdict in ("refused", "unreadable"):
                index = 2
            else:
                index = 0 if (verdict == "valid") == case["valid"] else 1
            counts[index] += 1
            if index == 1 or (verbose and index == 2):
                print(f"{path.name}: {group['description']}: "
                      f"{case['description']}: {answer}")
    return counts


def main():
    verbose = "-v" in sys.argv[2:]
    program = Program(sys.argv[1])
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tests = fetch(pathlib.Path(folder))
        for draft in DRAFTS:
            total = [0, 0, 0]
            files = sorted((tests / draft).glob("*.json"))
            files += sorted((tests / draft / "optional").glob("*.json"))
            for path in files:
                counts = run_file(program, path, verbose)
                total = [a + b for a, b in zip(total, counts)]
                if counts[1] or counts[2]:
                    print(f"{draft}/{path.name}: {counts[0]} pass, "
                          f"{counts[1]} fail, {counts[2]} refused as schemas")
            print(f"{draft}: {total[0]} pass, {total[1]} fail, "
                  f"{total[2]} with schemas that are refused")
            failed += total[1]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
