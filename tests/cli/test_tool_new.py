"""boxagnts tool new: what it writes builds, and its own test passes. Also the
examples, since they are what people read next."""

import os
import subprocess
import unittest

from support import BUILD, PROGRAM, CliTest

SOURCE = os.environ.get("BX_SOURCE_DIR", os.getcwd())
ZIG = os.path.abspath(os.path.join(BUILD, "venv", "bin", "zig"))


class ToolNew(CliTest):
    def make(self, folder, *arguments):
        result = subprocess.run(
            ["make", "-C", folder, f"BOXAGNTS={PROGRAM}", *arguments],
            capture_output=True, text=True, cwd=self.dir, timeout=280,
            env=self.environment, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def check(self, lang, *arguments):
        self.boxagnts("tool", "new", "--lang", lang, "my-tool")
        self.assertIn("3 cases, 0 failed", self.make("my-tool", "test",
                                                     *arguments))
        # One file is the whole tool.
        self.boxagnts("tool", "add", "my-tool/my-tool.wasm")
        result = self.boxagnts("tool", "call", "my-tool", '{"text": "a b"}')
        self.assertEqual(result.out.strip(), "2 words")

    @unittest.skipUnless(os.path.exists(ZIG), f"no {ZIG}")
    def test_c(self):
        self.check("c", f"CC={ZIG} cc -target wasm32-wasi")

    def check_example(self, name):
        folder = os.path.join(SOURCE, "examples", "tools", name)
        result = self.boxagnts("tool", "test", folder, timeout=200)
        self.assertIn(", 0 failed", result.out)

    def test_js(self):
        self.check("js")
        self.check_example("todo-list")

    def test_python(self):
        """Together: Python is compiled anew for each home."""
        self.check("python")
        self.check_example("csv-summary")

    def test_rust_is_written(self):
        """Building it fetches serde_json: left to those who are online."""
        self.boxagnts("tool", "new", "--lang", "rust", "my-tool")
        self.assertIn(b"my-tool.wasm:", self.read("my-tool/Makefile"))
        self.assertIn(b"serde_json", self.read("my-tool/Cargo.toml"))

    def test_refusals(self):
        result = self.boxagnts("tool", "new", "--lang", "cobol", "x",
                               status=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("expected c, rust, js or python", result.err)
        os.mkdir(self.path("there"))
        result = self.boxagnts("tool", "new", "--lang", "js", "there",
                               status=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("'there' is there already", result.err)
        self.assertEqual(os.listdir(self.path("there")), [])


if __name__ == "__main__":
    unittest.main()
