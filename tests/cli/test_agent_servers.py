"""boxagnts agent run with the tools of an MCP server, a scripted one."""

import json
import os
import shutil
import unittest

from agent_support import AgentTest, call

SCRIPT = os.path.join(os.path.abspath(os.environ.get("BX_SOURCE_DIR", ".")),
                      "tests", "mcp", "hostile_server.py")


class AgentServersTest(AgentTest):
    def serve(self, *approved, mode="fine", **more):
        """Configure the server; approve some of its tools."""
        path = os.path.join(self.environment["HOME"],
                            ".config/boxagnts/mcp.json")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        lock = os.path.join(self.environment["HOME"],
                            ".local/state/boxagnts/tools.lock")
        if os.path.exists(lock):
            os.remove(lock)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"mcpServers": {"one": {
                "command": shutil.which("python3"), "args": [SCRIPT, mode],
                **more}}}, file)
        if approved:
            self.boxagnts("mcp", "approve", "one", *approved, "--yes")

    def test_calls_a_servers_tool(self):
        self.serve("echo")
        self.script([call("mcp-one-echo", said="hello")], "done")
        events = self.events("--mode", "auto", "go")
        result = self.of(events, "result")[0]
        self.assertFalse(result["is_error"], result)
        self.assertIn("hello", self.text(result))

    def test_says_what_waits_for_approval(self):
        self.serve("echo")
        self.script([call("mcp-one-env")], "done")
        result = self.agent("--mode", "auto", "go")
        self.assertIn("wait for `boxagnts mcp approve one`", result.err)
        events = self.events("--mode", "auto", "go")
        self.assertTrue(self.of(events, "result")[0]["is_error"])

    def test_goes_on_without_a_server(self):
        self.serve(mode="quits")
        self.script("done")
        result = self.agent("--mode", "auto", "go")
        self.assertEqual(result.out, "done\n")
        self.assertIn("does not run", result.err)
        self.assertIn("no configuration", result.err)

    def test_reads_alone_go_unasked(self):
        self.serve("echo", "env", trust_annotations=True)
        self.script([call("mcp-one-echo")], [call("mcp-one-env")], "done")
        for mode in ("reads", "edits"):
            results = self.of(self.events("--mode", mode, "go"), "result")
            self.assertFalse(results[0]["is_error"], results)
            self.assertTrue(results[1]["is_error"], results)
            self.assertIn("nobody is there", self.text(results[1]))

    def test_a_script_calls_no_tool_that_a_rule_is_about(self):
        """A rule sees what the model calls, and nobody is asked of what a
        script calls in turn."""
        self.serve("echo")
        code = ("for (const [name, input] of [['mcp-one-echo', {}],"
                " ['file-write', {path: '/n.txt', content: 'n'}],"
                " ['file-read', {path: '/a.txt'}]])"
                " try { console.log(JSON.stringify(await tools[name](input))); }"
                " catch (e) { console.log('FAILED', name, String(e)); }")
        self.write("ws/a.txt", "readable\n")
        self.script([call("js-execute", code=code)], "done")
        for flags in (["--deny", "mcp-one-echo", "--deny", "file-write(/n*)"],
                      ["--ask", "mcp-*", "--ask", "file-write"]):
            result = self.of(self.events("--mode", "auto", *flags, "go"),
                             "result")[0]
            self.assertIn("FAILED mcp-one-echo", self.text(result))
            self.assertIn("FAILED file-write", self.text(result))
            self.assertIn("readable", self.text(result))
            self.assertFalse(os.path.exists(self.path("ws/n.txt")))
        result = self.of(self.events("--mode", "auto", "go"), "result")[0]
        self.assertNotIn("FAILED", self.text(result))

    def test_never_runs_over_an_overlay_of_a_script(self):
        """A script may go unasked over an overlay; what it calls may not."""
        self.serve("echo")
        code = ("const r = await tools['mcp-one-echo']({}); "
                "console.log(JSON.stringify(r))")
        self.script([call("js-execute", code=code)], "done")
        result = self.of(self.events("--mode", "edits", "go"), "result")[0]
        self.assertIn("goes to no overlay", self.text(result))
        result = self.of(self.events("--mode", "auto", "go"), "result")[0]
        self.assertNotIn("goes to no overlay", self.text(result))


if __name__ == "__main__":
    unittest.main()
