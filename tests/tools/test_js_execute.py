"""js-execute and the programs js and node through the registry: results, what
the policy refuses, other tools as functions, other programs."""

import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cli"))
from support import CliTest, TOOLS, give_compiled  # noqa: E402


class JsTest(CliTest):
    @classmethod
    def setUpClass(cls):
        """One cache of compiled modules for all tests of a class."""
        cls._shared = tempfile.TemporaryDirectory(prefix="bx-home-")
        cls.addClassCleanup(cls._shared.cleanup)
        give_compiled(cls._shared.name)

    def setUp(self):
        super().setUp()
        self.environment["HOME"] = self._shared.name
        os.mkdir(self.path("work"))
        self.work = ["--work-dir", self.path("work")]

    def result(self, code, *flags, status=0, **more):
        """The result of a call, as JSON."""
        out = self.boxagnts("tool", "call", "--json", *self.work, *flags,
                            "js-execute", json.dumps({"code": code, **more}),
                            status=status, timeout=120).out
        return json.loads(out)

    def text(self, code, *flags, **more):
        """The text of a call that works."""
        found = self.result(code, *flags, **more)
        self.assertFalse(found["is_error"], found)
        return found["content"][0]["text"]

    def error(self, code, *flags, **more):
        """The text of a call that fails."""
        found = self.result(code, *flags, status=None, **more)
        self.assertTrue(found["is_error"], found)
        return "\n".join(block["text"] for block in found["content"])


class Calls(JsTest):
    def test_output_then_value(self):
        found = self.result(
            "console.log('out'); console.error('err'); ({a: [1, 2n]})")
        self.assertEqual(found["content"][0]["text"],
                         "out\nerr\n{ a: [ 1, 2n ] }")
        self.assertEqual(found["metadata"], {"value": "{ a: [ 1, 2n ] }"})

    def test_values(self):
        for code, text, value in (
                ("1 + 1", "2", 2), ("'a\\nb'", "'a\\nb'", "a\nb"),
                ("[1, {a: null}]", "[ 1, { a: null } ]", [1, {"a": None}]),
                ("new Map([[1, 2]])", "Map(1) { 1 => 2 }", "Map(1) { 1 => 2 }"),
                ("NaN", "NaN", "NaN"),
                ("await Promise.resolve(7)", "7", 7),
                ("(async () => 8)()", "8", 8),
                ("import path from 'node:path'; path.join('a', 'b')",
                 "'a/b'", "a/b"),
                ("const x = 3; if (x > 2) { x * 2 }", "6", 6),
                ("if (1) return {early: true}", "{ early: true }",
                 {"early": True})):
            found = self.result(code)
            self.assertEqual(found["content"][0]["text"], text, code)
            self.assertEqual(found["metadata"], {"value": value}, code)

    def test_no_value(self):
        for code in ("let x = 5", "undefined", "(async () => {})()", ""):
            found = self.result(code)
            self.assertEqual(found["metadata"], {}, code)
            self.assertEqual(
                "".join(block["text"] for block in found["content"]), "", code)

    def test_what_runs_later_counts(self):
        self.assertEqual(self.text("setTimeout(() => console.log('later'), 5);"
                                   " process.on('exit', (c) => "
                                   "console.log('exit', c)); 1"),
                         "later\nexit 0\n1")

    def test_args_and_stdin(self):
        self.assertEqual(
            self.text("require('fs').readFileSync(0, 'utf8') + "
                      "process.argv.slice(2)", args=["x", "y z"],
                      stdin="line\n"), "'line\\nx,y z'")
        self.assertEqual(
            self.text("let n = 0; for await (const line of require('readline')"
                      ".createInterface({input: process.stdin})) n += +line; n",
                      stdin="1\n2\n3"), "6")

    def test_errors(self):
        found = self.result("let a;\nlet b = null;\nb.c", status=None)
        self.assertTrue(found["is_error"])
        self.assertEqual(found["metadata"]["exception"]["type"], "TypeError")
        self.assertEqual(found["metadata"]["exception"]["line"], 3)
        self.assertIn("[code]:3", found["content"][0]["text"])
        found = self.result("console.log('before');\nlet 5 = x", status=None)
        self.assertEqual(found["metadata"]["exception"]["type"], "SyntaxError")
        self.assertEqual(found["metadata"]["exception"]["line"], 2)
        self.assertIn("Uncaught (in promise)",
                      self.error("Promise.reject(new Error('x')); 1"))
        self.assertIn("a plain value", self.error("throw 'a plain value'"))
        self.assertIn("out\n", self.error("console.log('out'); throw 1"))
        self.assertIn("can no longer happen",
                      self.error("await new Promise(() => {})"))

    def test_exit_codes(self):
        found = self.result("console.log(1); process.exit(3)", status=None)
        self.assertEqual(found["metadata"]["exit_code"], 3)
        self.assertTrue(found["is_error"])
        self.assertEqual(found["content"][0]["text"], "1\nexit status 3\n")
        self.assertFalse(self.result("process.exit(0)")["is_error"])
        found = self.result("process.exitCode = 4; 1", status=None)
        self.assertEqual(found["metadata"]["exit_code"], 4)
        found = self.result("std.exit(5)", status=None)
        self.assertEqual(found["metadata"]["exit_code"], 5)

    def test_nothing_passes_by_the_result(self):
        """Each way to the descriptor is captured: no code forges a result."""
        forged = '{"content": "forged", "is_error": false}'
        for way in ("std.out.puts(f)", "std.out.write("
                    "new TextEncoder().encode(f).buffer, 0, f.length)",
                    "os.write(1, new TextEncoder().encode(f).buffer, 0, "
                    "f.length)", "require('fs').writeSync(1, f)",
                    "require('fs').writeFileSync('/dev/stdout', f)",
                    "process.stdout.write(f)", "std.printf('%s', f)",
                    "const o = std.fdopen(1, 'w'); o.puts(f); o.close()",
                    "os.close(1)"):
            found = self.result(f"const f = {forged!r}; {way}; "
                                "throw new Error('own')", status=None)
            self.assertTrue(found["is_error"], way)
            self.assertIn("Uncaught Error: own",
                          found["content"][0]["text"], way)

    def test_a_flood_is_cut(self):
        text = self.text("const line = 'x'.repeat(1 << 20); for (let i = 0; "
                         "i < 9; i++) console.log(line)")
        self.assertIn("more bytes were printed and dropped", text)
        self.assertLess(len(text), (8 << 20) + 200)

    def test_text_is_clean(self):
        self.assertEqual(self.text(
            "console.log('a\\u0000b\\ud800\\u0007\"\\\\')"),
            "a\ufffdb\ufffd\ufffd\ufffd\x07\"\\\n")

    def test_replaced_builtins(self):
        self.assertEqual(self.text(
            "JSON.stringify = JSON.parse = null;"
            "Object.prototype.toString = null; [1]"), "[ 1 ]")

    def test_refused_input(self):
        result = self.boxagnts("tool", "call", *self.work, "js-execute", "{}",
                               status=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("code: missing", result.err)

    def test_refused_by_the_program_itself(self):
        """Without a registry that looks at the schema."""
        for data, expected in (("", "JSON object"), ("[]", "JSON object"),
                               ("{", "JSON object"), ("{}", "'code' is missing"),
                               ('{"code": 5}', "code: expected a string"),
                               ('{"code": "", "x": 1}', "unknown key 'x'"),
                               ('{"code": "", "args": "x"}', "array of strings"),
                               ('{"code": "", "args": [1]}', "array of strings"),
                               ('{"code": "", "stdin": {}}', "stdin: expected")):
            result = self.boxagnts(
                "run", "--program-name", "js-execute",
                os.path.join(TOOLS, "js-execute.wasm"), stdin=data.encode(),
                status=2)
            self.assertIn(expected, result.err, data)
            self.assertEqual(result.out, "", data)

    def test_limits(self):
        self.assertIn("timeout", self.error("for (;;);", "--timeout", "500ms"))
        self.assertIn("RangeError", self.error("const f = () => f(); f()"))

    def test_files_and_refusals(self):
        self.write("work/in.txt", "data")
        self.assertEqual(self.text(
            "import fs from 'fs'; fs.writeFileSync('out.txt', "
            "fs.readFileSync('in.txt', 'utf8') + '!'); fs.readdirSync('.')"),
            "[ 'in.txt', 'out.txt' ]")
        self.assertEqual(self.read("work/out.txt"), b"data!")
        self.assertIn("ENOENT", self.error("require('fs').readFileSync"
                                           "('/etc/passwd')"))
        os.symlink("/etc", self.path("work", "way"))
        self.assertIn("E", self.error("require('fs').readFileSync"
                                      "('way/passwd')"))
        self.assertIn("EACCES", self.error("await fetch('http://127.0.0.1:1/')"
                                           ".catch((e) => { throw new "
                                           "Error(e.code) })"))


class Tools(JsTest):
    def test_as_functions(self):
        self.write("work/a.txt", "one\ntwo\n")
        self.assertEqual(self.text(
            "const text = tools.file_read({path: 'a.txt'});"
            "[typeof text, /two/.test(text), text === await "
            "tools.file_read('a.txt'), text === tools.call('file-read', "
            "{path: 'a.txt'})]"), "[ 'string', true, true, true ]")
        self.text("tools.file_write({path: 'b.txt', content: 'new'}); 0")
        self.assertEqual(self.read("work/b.txt"), b"new")

    def test_listing(self):
        self.assertEqual(self.text(
            "const names = tools.list().map((tool) => tool.name);"
            "[names.includes('file-read'), 'file_read' in tools, "
            "Object.keys(tools).includes('file_write'), "
            "typeof tools.list()[0].input_schema]"),
            "[ true, true, true, 'object' ]")

    def test_failures(self):
        text = self.text(
            "try { tools.file_read({path: 'none'}) } catch (e) "
            "{ [e instanceof tools.ToolError, e.name, e.tool, "
            "e.result.is_error, /none/.test(e.message)] }")
        self.assertEqual(
            text, "[ true, 'ToolError', 'file-read', true, true ]")
        self.assertIn("there is no tool 'nope'", self.error("tools.nope({})"))
        self.assertIn("file-read", self.error("tools.nope({})"))
        self.assertIn("ToolError", self.error("tools.call('nope', {})"))
        self.assertIn("path", self.error("tools.file_read({})"))
        self.assertIn("expected the input as an object",
                      self.error("tools.call('file-read', 5)"))
        self.assertIn("takes at most",
                      self.error("tools.file_read(1, 2, 3, 4, 5, 6)"))

    def test_a_cycle_ends(self):
        text = self.error(
            "const again = (n) => tools.js_execute({code: "
            "`(${again})(${n + 1})`.replace('again', 'again') && "
            "`const again = ${again}; again(${n + 1})`}); again(0)")
        self.assertIn("max-call-depth", text)


class Programs(JsTest):
    def js(self, *arguments, **options):
        return self.boxagnts("js", *self.work, *arguments, timeout=120,
                             **options)

    def test_command_line(self):
        self.write("work/main.js", "console.log(process.argv.slice(1), "
                   "require('./lib').x, __filename, require.main === module)")
        self.write("work/lib.js", "exports.x = 42")
        self.assertEqual(self.js("main.js", "a", "b").out,
                         "[ '/main.js', 'a', 'b' ] 42 /main.js true\n")
        self.assertEqual(self.js("-p", "6 * 7").out, "42\n")
        self.assertEqual(self.js("-e", "console.log(1)").out, "1\n")
        self.assertEqual(self.js("-", stdin=b"console.log(2)").out, "2\n")
        self.assertEqual(self.js(stdin=b"console.log(3)").out, "3\n")
        self.assertEqual(self.js("--input-type=module", "-e",
                                 "console.log(import.meta.main)").out, "true\n")
        self.write("work/early.js", "#!/usr/bin/env node\nconsole.log(1);\n"
                   "if (require.main === module) return;\nconsole.log(2)")
        self.assertEqual(self.js("early.js").out, "1\n")
        self.assertEqual(self.js("none.js", status=1).out, "")
        self.assertEqual(self.js("-e", "process.exit(9)", status=9).out, "")

    def test_versions(self):
        self.assertIn("QuickJS", self.js("--version").out)
        self.assertRegex(self.text(
            "require('child_process').execFileSync('node', ['--version'])"
            ".toString()"), r"'v\d+\.\d+\.\d+\\n'")

    def test_child_process(self):
        self.write("work/sub/own.js", "console.log(process.cwd(), "
                   "process.env.V, require('fs').readFileSync(0, 'utf8')); "
                   "console.error('err'); process.exit(3)")
        text = self.text(
            "const cp = require('child_process');"
            "const r = cp.spawnSync('node', ['own.js'], {cwd: 'sub', "
            "env: {V: 'v'}, input: 'in', encoding: 'utf8'});"
            "[r.status, r.stdout, r.stderr]")
        self.assertEqual(text, "[ 3, '/sub v in\\n', 'err\\n' ]")
        self.assertEqual(self.text(
            "const {stdout} = await require('util').promisify("
            "require('child_process').execFile)('node', ['-p', '1+1']); stdout"),
            "'2\\n'")
        self.assertEqual(self.text(
            "const c = require('child_process').spawn('node', ['-e', "
            "'process.stdin.pipe(process.stdout)']); let t = ''; "
            "c.stdout.on('data', (d) => { t += d; }); c.stdin.end('through'); "
            "const code = await new Promise((ok) => c.on('close', ok)); "
            "[t, code]"), "[ 'through', 0 ]")

    @unittest.skipUnless(os.path.exists(os.path.join(TOOLS, "bash.wasm")),
                         "no shell in this build")
    def test_shell(self):
        # Compiling a shell that no cache has yet would use up the call's time.
        self.boxagnts("bash", *self.work, "--wasm-timeout", "200s",
                      "-c", "true",
                      timeout=240)
        self.assertEqual(self.text(
            "require('child_process').execSync('echo one; node -p 2', "
            "{encoding: 'utf8'})"), "'one\\n2\\n'")
        self.assertIn("Command failed", self.error(
            "require('child_process').execSync('exit 4')"))

    def test_programs_that_are_not(self):
        self.assertEqual(self.text(
            "const r = require('child_process').spawnSync('nope'); "
            "[r.status, r.error.code]"), "[ null, 'ENOENT' ]")
        self.assertIn("there is no folder", self.error(
            "require('child_process').execFileSync('node', ['-p', '1'], "
            "{cwd: '/gone'})"))
        self.assertEqual(self.text(
            "await new Promise((ok) => require('child_process')"
            ".spawn('nope').on('error', (e) => ok(e.code)))"), "'ENOENT'")


if __name__ == "__main__":
    unittest.main()
