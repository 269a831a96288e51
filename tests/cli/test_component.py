"""boxagnts run --invoke and inspect on components, from outside."""

import json
import os
import pathlib
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["BX_BUILD_DIR"])
PROGRAM = BUILD / "bin" / "boxagnts"
GUESTS = BUILD / "tests" / "guest" / "component"


def boxagnts(*args, stdin=b""):
    return subprocess.run([PROGRAM, *args], input=stdin, capture_output=True,
                          timeout=120, check=False)


def invoke(function, *args, flags=()):
    return boxagnts("run", *flags, "--invoke", function,
                    GUESTS / "typed.wasm", *args)


class Invoke(unittest.TestCase):
    def test_prints_the_result(self):
        done = invoke("add", '{"a": 1, "b": 2}')
        self.assertEqual((done.returncode, done.stdout), (0, b"3\n"))
        done = invoke("count")
        self.assertEqual((done.returncode, done.stdout), (0, b"1\n"))

    def test_an_error_result_is_status_1(self):
        done = invoke("divide", "[1, 0]")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json.loads(done.stdout), {"err": "division by zero"})

    def test_says_what_does_not_fit(self):
        for args, text in [(["{}"], b"/a: missing; expected u32"),
                           (["{"], b"not JSON"),
                           (["[1, 2]", "x"], b"'x' is one too many")]:
            done = invoke("add", *args)
            self.assertEqual(done.returncode, 125)
            self.assertIn(text, done.stderr)
        done = invoke("nope")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"it exports add, ", done.stderr)

    def test_json_has_the_value(self):
        done = invoke("divide", "[4, 2]", flags=["--json"])
        self.assertEqual(json.loads(done.stdout)["value"], {"ok": 2})

    def test_limits_have_their_statuses(self):
        done = invoke("spin", flags=["--wasm-timeout", "50ms"])
        self.assertEqual((done.returncode, done.stdout), (124, b""))
        self.assertEqual(invoke("crash").returncode, 134)


class Inspect(unittest.TestCase):
    def test_prints_the_world(self):
        done = boxagnts("inspect", GUESTS / "typed.wasm")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"kind     component", done.stdout)
        self.assertIn(b"function add: func(a: u32, b: u32) -> u32",
                      done.stdout)
        self.assertIn(b"  interface test:typed/shapes@1.2.0", done.stdout)

    def test_json_has_schemas(self):
        done = boxagnts("inspect", "--json", GUESTS / "typed.wasm")
        functions = {f["path"]: f for f in json.loads(done.stdout)["functions"]}
        add = functions["add"]
        self.assertEqual([p["name"] for p in add["params"]], ["a", "b"])
        self.assertEqual(add["result"], "u32")
        self.assertEqual(add["schema"]["required"], ["a", "b"])
        self.assertNotIn("instance", add)
        point = functions["test:typed/shapes@1.2.0#echo-point"]
        self.assertEqual(point["schema"]["properties"]["p"]["required"],
                         ["x", "y"])


class Run(unittest.TestCase):
    def test_runs_a_command(self):
        done = boxagnts("run", GUESTS / "probe.wasm", "--", "stdin",
                        stdin=b"text")
        self.assertEqual((done.returncode, done.stdout), (0, b"TEXT"))

    def test_a_library_is_no_command(self):
        done = boxagnts("run", GUESTS / "typed.wasm")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"wasi:cli/run", done.stderr)


if __name__ == "__main__":
    unittest.main()
