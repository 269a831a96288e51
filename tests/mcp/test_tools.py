"""Tools and files over MCP: what is listed, how calls answer, what is refused,
progress, cancelling, logging, hot reload."""

import base64
import os
import select
import signal
import unittest

from support import MODERN, ServerTest, processes_of, text_of


class Tools(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.add_tool("peaceful", "  title: Peaceful\n  permission_level: none\n")
        cls.add_tool("reader", "  permission_level: read_only\n"
                     "  permissions: ['fs.read:/']\n"
                     "  input_schema: {type: object, required: [do],"
                     " properties: {do: {type: string}}}\n")
        cls.add_tool("writer", "  permission_level: write\n"
                     "  permissions: ['fs.write:/']\n")
        cls.add_tool("deadly", "  permission_level: dangerous\n")
        cls.add_tool("never", "  permission_level: forbidden\n")
        cls.add_tool("typed", "  permission_level: none\n"
                     "  output_schema: {type: object, required: [n],"
                     " properties: {n: {type: integer}}}\n")

    def list(self, server, **params):
        return {tool["name"]: tool
                for tool in server.ask("tools/list", **params)["tools"]}

    def test_annotations_match_levels(self):
        tools = self.list(self.open())
        hints = {name: tool["annotations"] for name, tool in tools.items()}
        self.assertEqual(tools["peaceful"]["title"], "Peaceful")
        for name, reads in (("peaceful", True), ("reader", True),
                            ("writer", False), ("actor", False)):
            self.assertIs(hints[name]["readOnlyHint"], reads, name)
            self.assertIs(hints[name]["destructiveHint"], not reads, name)
            self.assertIs(hints[name]["openWorldHint"], False, name)
        for tool in tools.values():
            self.assertEqual(tool["inputSchema"]["type"], "object")

    def test_open_world_when_the_policy_has_network(self):
        hints = {name: tool["annotations"]["openWorldHint"] for name, tool in
                 self.list(self.open("--allowed-outbound-host",
                                     "https://example.com")).items()}
        self.assertTrue(hints["actor"])
        self.assertFalse(hints["reader"])

    def test_dangerous_only_by_who_starts_the_server(self):
        server = self.open()
        tools = self.list(server)
        self.assertNotIn("deadly", tools)
        self.assertNotIn("never", tools)
        for extra in ({}, {"approved": True}, {"is_approved": True}):
            result = server.ask("tools/call", name="deadly", arguments={
                "do": "print", "text": "dead", **extra}, _meta=extra, **extra)
            self.assertTrue(result["isError"])
            self.assertIn("a person must approve", text_of(result))
        server = self.open("--allow-dangerous")
        self.assertIn("deadly", self.list(server))
        self.assertNotIn("never", self.list(server))
        self.assertEqual(text_of(server.call("deadly", do="print", text="x")),
                         "x")
        self.assertTrue(server.call("never", do="print")["isError"])

    def test_only(self):
        tools = self.list(self.open("--tools", "read*,typed"))
        self.assertEqual(set(tools), {"reader", "typed"})

    def test_structured_output(self):
        server = self.open()
        self.assertIn("outputSchema", self.list(server)["typed"])
        result = server.call("typed", do="print", text='{"n": 5}')
        self.assertEqual(result["structuredContent"], {"n": 5})
        result = server.call("typed", do="print", text='{"n": "five"}')
        self.assertTrue(result["isError"])
        result = server.call("typed", do="print", text="words")
        self.assertTrue(result["isError"])
        self.assertIn("output schema", text_of(result))

    def test_old_revisions_get_what_they_know(self):
        tool = self.list(self.open(version="2024-11-05"))["typed"]
        self.assertEqual(set(tool), {"name", "description", "inputSchema"})
        tool = self.list(self.open(version="2025-03-26"))["typed"]
        self.assertIn("annotations", tool)
        self.assertNotIn("outputSchema", tool)

    def test_bad_input(self):
        server = self.open()
        result = server.ask("tools/call", name="reader", arguments={"do": 5})
        self.assertTrue(result["isError"])
        self.assertIn("/do", text_of(result))
        old = self.open(version="2025-06-18")
        error = old.refuse("tools/call", name="reader", arguments={"do": 5})
        self.assertEqual(error["code"], -32602)
        for params in ({"name": "nothing"}, {"name": 5}, {},
                       {"name": "actor\0"},
                       {"name": "actor", "arguments": [1]}):
            self.assertEqual(server.refuse("tools/call", **params)["code"],
                             -32602, params)
        self.assertEqual(server.refuse("tools/list", cursor=5)["code"], -32602)
        self.assertEqual(server.refuse("tools/list", cursor="")["code"], -32602)
        self.assertEqual(server.ask("tools/list", cursor="zzz")["tools"], [])

    def test_failures_of_a_tool(self):
        server = self.open("--wasm-timeout", "300ms")
        for what, word in (("loop", "timeout"), ("trap", "trap"),
                           ("fail", "so far"), ("flood", "")):
            result = server.call("actor", do=what)
            self.assertTrue(result["isError"], what)
            self.assertIn(word, text_of(result))
        self.assertIn("\ufffd", text_of(server.call("actor", do="garbage")))
        self.assertEqual(text_of(server.call("actor", do="print", text="on")),
                         "on")

    def test_cancel(self):
        server = self.open()
        number = server.begin("tools/call", name="actor",
                              arguments={"do": "loop"},
                              _meta={"progressToken": "slow"})
        progress = server.notification("notifications/progress")
        self.assertEqual(progress["progressToken"], "slow")
        more = server.notification("notifications/progress")
        self.assertGreater(more["progress"], progress["progress"])
        server.tell("notifications/cancelled", requestId=number, reason="x")
        # The same id again: it is free, and no answer came to the first.
        while True:
            server.send({"jsonrpc": "2.0", "id": number, "method": "ping"})
            answer = server.wait(lambda m: "method" not in m)
            if answer["id"] == number:
                self.assertEqual(answer["result"], {})
                break
            self.assertIsNone(answer["id"])  # not ended yet: a duplicate
        self.assertEqual(server.close(), 0)
        self.assertTrue(any(event.get("code") == "cancelled"
                            for event in self.audit()))

    def test_processes_say_what_they_are_and_end_with_the_server(self):
        server = self.open()
        server.call("actor", do="print", text="x")
        (template, name), = processes_of(server.process.pid).items()
        self.assertEqual(name, "template")
        workers = processes_of(template)
        self.assertEqual(set(workers.values()), {"worker"})
        watched = [os.pidfd_open(pid) for pid in (template, *workers)]
        server.process.kill()
        for fd in watched:
            ready, _, _ = select.select([fd], [], [], 30)
            os.close(fd)
            self.assertTrue(ready, "a process outlived the server")

    def test_a_call_ends_in_time_though_no_worker_can_be_started(self):
        self.add_tool("hasty", "  permission_level: execute\n"
                      "  limits: { timeout_ms: 1000 }\n")
        self.addCleanup(os.remove, os.path.join(self.tools, "hasty.wasm"))
        self.addCleanup(os.remove, os.path.join(self.tools, "hasty.tool.yaml"))
        server = self.open()
        server.call("actor", do="print", text="x")
        (template, _), = processes_of(server.process.pid).items()
        os.kill(template, signal.SIGSTOP)
        result = server.call("hasty", do="print", text="x")
        self.assertTrue(result["isError"])
        self.assertIn("waited for a worker", text_of(result))
        # Who has a worker needs no template.
        self.assertEqual(text_of(server.call("actor", do="print", text="x")),
                         "x")
        number = server.begin("tools/call", name="hasty",
                              arguments={"do": "print", "text": "x"})
        server.tell("notifications/cancelled", requestId=number)
        self.assertEqual(server.ask("ping"), {})
        os.kill(template, signal.SIGCONT)
        self.assertEqual(text_of(server.call("hasty", do="print", text="y")),
                         "y")
        self.assertEqual(server.close(), 0)

    def test_log_messages(self):
        server = self.open()
        server.call("reader", do="write", path="/x", text="no")
        message = server.notification("notifications/message")
        self.assertEqual((message["level"], message["logger"]),
                         ("warning", "reader"))
        self.assertIn("rule", message["data"]["denied"])
        self.assertEqual(server.ask("logging/setLevel", level="emergency"), {})
        server.call("reader", do="write", path="/x", text="no")
        server.ask("ping")
        self.assertEqual(server.others, [])
        self.assertEqual(server.refuse("logging/setLevel", level="x")["code"],
                         -32602)
        # Since 2026-07-28 only a request that asks for it is told.
        server.ask("tools/call", _meta=MODERN, name="reader",
                   arguments={"do": "write", "path": "/x", "text": "no"})
        self.assertEqual(server.others, [])
        server.ask("tools/call", name="reader", arguments={
            "do": "write", "path": "/x", "text": "no"}, _meta={
            **MODERN, "io.modelcontextprotocol/logLevel": "warning"})
        server.notification("notifications/message")

    def test_hot_reload(self):
        server = self.open()
        number = server.begin("subscriptions/listen", _meta=MODERN,
                              notifications={"toolsListChanged": True})
        key = "io.modelcontextprotocol/subscriptionId"
        ack = server.notification("notifications/subscriptions/acknowledged")
        self.assertEqual(ack["notifications"], {"toolsListChanged": True})
        self.assertEqual(ack["_meta"][key], number)
        self.add_tool("newcomer", "  permission_level: none\n")
        self.addCleanup(os.remove, os.path.join(self.tools, "newcomer.wasm"))
        subscriptions = set()
        while subscriptions != {None, number}:
            params = server.notification("notifications/tools/list_changed")
            subscriptions.add(params.get("_meta", {}).get(key))
        while "newcomer" not in self.list(server):
            server.notification("notifications/tools/list_changed")
        server.tell("notifications/cancelled", requestId=number)
        self.assertEqual(server.ask("ping"), {})
        again = server.begin("subscriptions/listen", _meta=MODERN,
                             notifications={})
        self.assertEqual(server.close(), 0)
        self.assertEqual(server.answer(again)["result"]["_meta"][key], again)

    def test_listening_is_bounded(self):
        server = self.start()
        for _ in range(16):
            server.begin("subscriptions/listen", _meta=MODERN, notifications={})
        self.assertEqual(
            server.refuse("subscriptions/listen", _meta=MODERN,
                          notifications={})["code"], -32602)
        for bad in ({}, {"notifications": 5},
                    {"notifications": {"resourceSubscriptions": 5}}):
            self.assertEqual(server.refuse("subscriptions/listen", _meta=MODERN,
                                           **bad)["code"], -32602)


class Resources(ServerTest):
    def read(self, server, uri):
        return server.ask("resources/read", uri=uri)["contents"][0]

    def test_list_leaves_out_hidden_and_ignored(self):
        for name in ("b.md", "a/c d.txt", ".hidden", ".git/x", "out/x.o",
                     "a/skip.log", "a/keep.log", "node_modules/x.js"):
            self.write(name, "x")
        self.write(".gitignore", "node_modules/\n/out\n*.log\n!keep.log\n")
        os.symlink("/etc/passwd", os.path.join(self.dir, "link"))
        listed = self.open().ask("resources/list")["resources"]
        self.assertEqual([r["uri"] for r in listed],
                         ["workspace:///a/c%20d.txt", "workspace:///a/keep.log",
                          "workspace:///b.md"])
        self.assertEqual(listed[2]["mimeType"], "text/markdown")
        self.assertEqual(listed[2]["size"], 1)

    def test_pages(self):
        for i in range(250):
            self.write(f"f{i:03}", "")
        server = self.open()
        names, cursor, pages = [], None, 0
        while cursor is not None or pages == 0:
            page = server.ask("resources/list",
                              **({"cursor": cursor} if cursor else {}))
            names += [r["name"] for r in page["resources"]]
            cursor = page.get("nextCursor")
            pages += 1
        self.assertEqual(names, [f"f{i:03}" for i in range(250)])
        self.assertEqual(pages, 3)

    def test_read_text_and_bytes(self):
        self.write("ä ?.txt", "grüße\n")
        self.write("image.png", b"\x89PNG\x00\xff")
        server = self.open()
        self.assertEqual(self.read(server, "workspace:///%C3%A4%20%3F.txt")
                         ["text"], "grüße\n")
        content = self.read(server, "workspace:///image.png")
        self.assertEqual(content["mimeType"], "image/png")
        self.assertEqual(base64.b64decode(content["blob"]), b"\x89PNG\x00\xff")
        template = server.ask("resources/templates/list")["resourceTemplates"]
        self.assertEqual(template[0]["uriTemplate"], "workspace:///{+path}")

    def test_refused(self):
        outside = os.path.join(os.path.dirname(self.dir),
                               os.path.basename(self.dir) + "-secret")
        with open(outside, "w", encoding="utf-8") as file:
            file.write("SECRET")
        self.addCleanup(os.remove, outside)
        self.write("sub/x", "x")
        os.symlink(outside, os.path.join(self.dir, "absolute"))
        os.symlink("../" + os.path.basename(outside),
                   os.path.join(self.dir, "relative"))
        os.symlink("..", os.path.join(self.dir, "up"))
        os.symlink("loop", os.path.join(self.dir, "loop"))
        os.mkfifo(os.path.join(self.dir, "fifo"))
        server = self.open()
        name = os.path.basename(outside)
        for uri in (f"workspace:///../{name}", f"workspace:///sub/../../{name}",
                    f"workspace:///..%2F{name}", f"workspace:///%2e%2e/{name}",
                    "workspace:///absolute", "workspace:///relative",
                    f"workspace:///up/{name}", "workspace:///loop",
                    "workspace:///fifo", "workspace:///sub", "workspace:///",
                    f"file://{outside}", f"workspace://{outside}",
                    "workspace://host/x", "workspace:///x%00", "workspace:///%",
                    "workspace:///%ff", "workspace:///sub/x?y", "x", "",
                    "workspace:///" + "a/" * 9000, "workspace:///nothing",
                    "workspace:///" + "n" * 300, "/etc/passwd"):
            with self.subTest(uri=uri[:60]):
                error = server.refuse("resources/read", uri=uri)
                self.assertIn(error["code"], (-32602, -32002, -32603))
                self.assertNotIn("SECRET", str(error))
        for params in ({}, {"uri": 5}, {"uri": "workspace:///a\0b"}):
            self.assertEqual(server.refuse("resources/read", **params)["code"],
                             -32602)
        self.assertEqual(
            server.refuse("resources/read", uri="workspace:///nothing")["code"],
            -32002)
        self.assertEqual(
            server.refuse("resources/read", uri="workspace:///nothing",
                          _meta=MODERN)["code"], -32602)
        server.close()
        reads = [e for e in self.audit() if e["event"] == "refusal"
                 and e.get("resource") == "workspace:///relative"]
        self.assertEqual(len(reads), 1)

    def test_grants_of_the_policy(self):
        self.write("open/a.txt", "yes")
        self.write("closed/b.txt", "no")
        server = self.open("--work-dir", self.dir, "--grant", "fs.read:/open")
        self.assertEqual([r["name"] for r in
                          server.ask("resources/list")["resources"]],
                         ["open/a.txt"])
        self.assertEqual(self.read(server, "workspace:///open/a.txt")["text"],
                         "yes")
        server.refuse("resources/read", uri="workspace:///closed/b.txt")

    def test_too_large(self):
        with open(os.path.join(self.dir, "big"), "wb") as file:
            file.truncate((16 << 20) + 1)
        error = self.open().refuse("resources/read", uri="workspace:///big")
        self.assertIn("larger than", error["message"])

    def test_none_shown(self):
        server = self.start("--no-resources")
        result = server.ask("initialize", protocolVersion="2025-11-25",
                            capabilities={})
        self.assertNotIn("resources", result["capabilities"])
        self.assertEqual(server.refuse("resources/list")["code"], -32601)

    def test_updates(self):
        path = self.write("watched.txt", "one")
        server = self.open()
        uri = "workspace:///watched.txt"
        self.assertEqual(server.ask("resources/subscribe", uri=uri), {})
        self.write("watched.txt", "two!")
        self.assertEqual(
            server.notification("notifications/resources/updated")["uri"], uri)
        server.ask("resources/unsubscribe", uri=uri)
        server.begin("subscriptions/listen", _meta=MODERN, notifications={
            "resourceSubscriptions": [uri, "file:///x", 5]})
        ack = server.notification("notifications/subscriptions/acknowledged")
        self.assertEqual(ack["notifications"], {"resourceSubscriptions": [uri]})
        os.remove(path)
        update = server.notification("notifications/resources/updated")
        self.assertIn("io.modelcontextprotocol/subscriptionId", update["_meta"])
        server.refuse("resources/subscribe", uri="workspace:///../x")
        for i in range(64):
            server.ask("resources/subscribe", uri=f"workspace:///n{i}")
        server.refuse("resources/subscribe", uri="workspace:///one-more")

    def test_completion(self):
        for name in ("src/a.c", "src/b.c", "README"):
            self.write(name, "")
        server = self.open()
        ref = {"type": "ref/resource", "uri": "workspace:///{+path}"}
        result = server.ask("completion/complete", ref=ref,
                            argument={"name": "path", "value": "src/"})
        self.assertEqual(result["completion"]["values"], ["src/a.c", "src/b.c"])
        server.refuse("completion/complete", ref=ref,
                      argument={"name": "other", "value": ""})
        server.refuse("completion/complete")


class Command(ServerTest):
    def test_usage(self):
        for flags in (("--tools", "a,,b"), ("--log-level", "x"), ("--nothing",),
                      ("nonsense",), ("--tools",)):
            server = self.start(*flags)
            self.assertEqual(server.process.wait(timeout=60), 2, flags)
            self.assertIsNone(server.next())

    def test_stdout_has_the_protocol_alone(self):
        server = self.open("--log-level", "debug")
        server.send(b"garbage\n")
        server.answer(None)
        self.assertEqual(server.close(), 0)
        self.assertIsNone(server.next())
        server.readers[1].join()
        self.assertIn(b"warning: a message was refused", server.errors)
        self.assertIn(b"info: client 'test 1'", server.errors)


if __name__ == "__main__":
    unittest.main()
