"""Messages out of order, malformed, oversized, too many: a clear error each,
and the server goes on."""

import json
import signal
import threading
import unittest

from support import MODERN, ServerTest, text_of

PING = {"jsonrpc": "2.0", "id": "still-there", "method": "ping"}


class Messages(ServerTest):
    def refused(self, server, line, code, *words, number=None):
        """One line is refused, and the server goes on."""
        server.send(line)
        error = server.answer(number)["error"]
        self.assertEqual(error["code"], code, error)
        for word in words:
            self.assertIn(word, error["message"])
        server.send(PING)
        self.assertEqual(server.answer("still-there")["result"], {})

    def test_garbage(self):
        server = self.start()
        for line, words in (
            (b"hello\n", "JSON"),
            (b'{"jsonrpc": "2.0", "id": 1, "method":\n', "JSON"),
            (b'{"a": 1, "a": 2}\n', "duplicate"),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "ping\xff"}\n', "UTF-8"),
            (b"\x00\x01\x02\n", "JSON"),
            (b"[" * 200 + b"]" * 200 + b"\n", "nests too deeply"),
            (b"[" * 1000000 + b"\n", "nests too deeply"),
            (b"[" + b"0," * 1100000 + b"0]\n", "too many values"),
            (b'{"jsonrpc": "2.0", "id": 1e400, "method": "ping"}\n', "JSON"),
        ):
            with self.subTest(line=line[:40]):
                self.refused(server, line, -32700, words)
        self.assertEqual(server.close(), 0)

    def test_no_message(self):
        server = self.start()
        for line, words in (
            (b"1\n", "object"), (b'"x"\n', "object"), (b"null\n", "object"),
            (b"{}\n", "jsonrpc"),
            (b'{"jsonrpc": "1.0", "method": "ping"}\n', "jsonrpc"),
            (b'{"jsonrpc": "2.0"}\n', "method"),
            (b'{"jsonrpc": "2.0", "method": 5}\n', "method"),
            (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}\n', "id"),
            (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}\n', "id"),
            (b'{"jsonrpc": "2.0", "id": {}, "method": "ping"}\n', "id"),
            (b'{"jsonrpc": "2.0", "id": "' + b"x" * 2000
             + b'", "method": "ping"}\n', "id"),
            (b"[]\n", "one message a line"),
        ):
            with self.subTest(line=line[:60]):
                self.refused(server, line, -32600, words)
        self.refused(server, b'{"jsonrpc": "2.0", "id": 7, "method": "ping", '
                     b'"params": [1]}\n', -32602, "params", number=7)
        self.assertEqual(server.close(), 0)

    def test_answers_to_nothing_are_ignored(self):
        server = self.start()
        server.send({"jsonrpc": "2.0", "id": 9, "result": {}})
        server.tell("notifications/cancelled", requestId=42)
        server.tell("notifications/cancelled", requestId={"a": 1})
        server.tell("notifications/nonsense")
        server.send(b"\n\r\n   \n")
        self.assertEqual(server.ask("ping"), {})
        self.assertEqual(server.close(), 0)

    def test_oversized(self):
        server = self.start()
        server.send(b'{"jsonrpc": "2.0", "id": 1, "method": "')
        for _ in range(70):
            server.send(b"x" * (1 << 20))
        self.refused(server, b'"}\n', -32600, "longer than")
        self.assertEqual(server.close(), 0)

    def test_half_lines(self):
        server = self.start()
        for byte in json.dumps(PING).encode() + b"\r\n":
            server.send(bytes([byte]))
        self.assertEqual(server.answer("still-there")["result"], {})
        server.send(json.dumps(PING).encode()[:20])
        self.assertEqual(server.close(), 0)
        self.assertEqual(server.next()["error"]["code"], -32700)

    def test_last_line_need_not_end(self):
        server = self.start()
        server.send(json.dumps(PING).encode())
        self.assertEqual(server.close(), 0)
        self.assertEqual(server.next()["result"], {})

    def test_before_initialize(self):
        server = self.start()
        for method in ("tools/list", "tools/call", "resources/list"):
            error = server.refuse(method)
            self.assertEqual(error["code"], -32602)
            self.assertIn("initialize", error["message"])
        server.tell("notifications/initialized")
        self.assertEqual(server.refuse("tools/list")["code"], -32602)

    def test_initialize_malformed_and_twice(self):
        server = self.start()
        self.assertEqual(server.refuse("initialize")["code"], -32602)
        self.assertEqual(server.refuse("initialize", protocolVersion=5)["code"],
                         -32602)
        self.assertEqual(
            server.refuse("initialize", protocolVersion="2025-06-18",
                          capabilities=[])["code"], -32602)
        result = server.ask("initialize", protocolVersion="1999-01-01",
                            capabilities={})
        self.assertEqual(result["protocolVersion"], "2025-11-25")
        error = server.refuse("initialize", protocolVersion="2025-06-18")
        self.assertEqual(error["code"], -32600)
        self.assertIn("second time", error["message"])
        self.assertIn("tools", server.ask("tools/list"))

    def test_unknown_method(self):
        server = self.open()
        for method in ("tools/approve", "tool/approve", "prompts/list", "x",
                       "tasks/list", "server/discover"):
            self.assertEqual(server.refuse(method)["code"], -32601)

    def test_ids_in_flight(self):
        server = self.open()
        request = {"jsonrpc": "2.0", "id": 77, "method": "tools/call",
                   "params": {"name": "actor", "arguments": {"do": "nap"}}}
        server.send(json.dumps(request).encode() + b"\n"
                    + json.dumps(request).encode() + b"\n"
                    + json.dumps({**request, "id": "77"}).encode() + b"\n")
        error = server.answer(None)["error"]
        self.assertEqual(error["code"], -32600)
        self.assertEqual(error["data"], {"id": 77})
        for number in (77, "77"):
            self.assertIn("slept", text_of(server.answer(number)["result"]))
        # Once it is answered, an id may come again.
        server.send({**request, "params": {
            "name": "actor", "arguments": {"do": "print", "text": "again"}}})
        self.assertEqual(text_of(server.answer(77)["result"]), "again")

    def test_a_thousand_at_once(self):
        server = self.open()
        lines = b"".join(json.dumps({
            "jsonrpc": "2.0", "id": number, "method": "tools/call",
            "params": {"name": "actor", "arguments": {
                "do": "print", "text": f"call {number}"}},
        }).encode() + b"\n" for number in range(1000, 2000))
        server.send(lines)
        self.assertEqual(server.close(), 0)
        answers = {}
        while (message := server.next()) is not None:
            self.assertNotIn(message["id"], answers)
            answers[message["id"]] = text_of(message["result"])
        self.assertEqual(answers, {number: f"call {number}"
                                   for number in range(1000, 2000)})

    def calls_made(self):
        return sum(event["event"] == "call" for event in self.audit())

    def test_a_client_that_does_not_read(self):
        server = self.open()
        self.assertEqual(server.call("actor", do="print")["isError"], False)
        before = self.calls_made()
        server.reads.clear()
        big = "x" * 60000
        lines = b"".join(json.dumps({
            "jsonrpc": "2.0", "id": number, "method": "tools/call",
            "params": {"name": "actor", "arguments": {
                "do": "print", "text": big}},
        }).encode() + b"\n" for number in range(1000, 3000))
        sender = threading.Thread(target=server.send, args=(lines,))
        sender.start()
        # What it answers has no room: calls end, and no request is read.
        made = -1
        while made != (made := self.calls_made()) or made == before:
            sender.join(timeout=2)
        self.assertLess(made - before, 1900)
        self.assertTrue(sender.is_alive())
        server.reads.set()
        seen = set()
        while len(seen) < 2000:
            seen.add(server.next()["id"])
        sender.join()
        self.assertEqual(server.close(), 0)


class Batches(ServerTest):
    def test_revisions_with_batches(self):
        server = self.open(version="2025-03-26")
        server.send([
            {"jsonrpc": "2.0", "id": 1, "method": "ping"},
            {"jsonrpc": "2.0", "method": "notifications/nothing"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
                "name": "actor", "arguments": {"do": "nap"}}},
            {"jsonrpc": "2.0", "id": 3, "method": "nonsense"},
            {"jsonrpc": "2.0", "id": 4, "method": "initialize",
             "params": {"protocolVersion": "2025-03-26"}},
            7,
        ])
        answers = server.next()
        codes = {a["id"]: a.get("error", {}).get("code") for a in answers}
        self.assertEqual(codes, {1: None, 2: None, 3: -32601, 4: -32600,
                                 None: -32600})
        server.send([{"jsonrpc": "2.0", "method": "notifications/nothing"}])
        server.send([])
        self.assertEqual(server.next()["error"]["code"], -32600)
        server.send([{"jsonrpc": "2.0", "id": n, "method": "ping"}
                     for n in range(300)])
        self.assertEqual(server.next()["error"]["code"], -32600)

    def test_revisions_without(self):
        for version in ("2025-06-18", "2025-11-25"):
            server = self.open(version=version)
            server.send([PING])
            self.assertEqual(server.next()["error"]["code"], -32600)


class Vanishing(ServerTest):
    def loop(self, server):
        number = server.begin("tools/call", name="actor",
                              arguments={"do": "loop"},
                              _meta={"progressToken": "p"})
        server.notification("notifications/progress")  # it runs
        return number

    def test_end_of_input_ends_calls(self):
        server = self.open()
        self.loop(server)
        self.assertEqual(server.close(), 0)
        while (message := server.next()) is not None:
            self.assertIn("method", message)
        server.readers[1].join()
        self.assertIn(b"1 requests were ended", server.errors)

    def test_both_ends_gone(self):
        server = self.open()
        self.loop(server)
        server.process.stdin.close()
        server.process.stdout.close()
        self.assertEqual(server.process.wait(timeout=60), 0)

    def test_nobody_reads_any_more(self):
        server = self.open()
        self.loop(server)
        server.process.stdout.close()  # stdin stays open
        self.assertEqual(server.process.wait(timeout=60), 0)

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server = self.open()
            self.loop(server)
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(timeout=60), 0)


class Modern(ServerTest):
    def test_discover_and_call_without_handshake(self):
        server = self.start()
        result = server.ask("server/discover", _meta=MODERN)
        self.assertIn("2026-07-28", result["supportedVersions"])
        self.assertEqual(result["resultType"], "complete")
        result = server.ask("tools/call", _meta=MODERN, name="actor",
                            arguments={"do": "print", "text": "hi"})
        self.assertEqual(text_of(result), "hi")
        self.assertEqual(result["resultType"], "complete")
        self.assertEqual(result["_meta"]["io.modelcontextprotocol/serverInfo"]
                         ["name"], "boxagnts")
        result = server.ask("tools/list", _meta=MODERN)
        self.assertEqual((result["ttlMs"], result["cacheScope"]),
                         (0, "private"))

    def test_what_a_request_must_say(self):
        server = self.start()
        key = "io.modelcontextprotocol/"
        error = server.refuse("tools/list", _meta={
            **MODERN, key + "protocolVersion": "1900-01-01"})
        self.assertEqual(error["code"], -32022)
        self.assertEqual(error["data"]["requested"], "1900-01-01")
        self.assertIn("2026-07-28", error["data"]["supported"])
        self.assertEqual(server.refuse("tools/list", _meta={
            **MODERN, key + "protocolVersion": "2025-11-25"})["code"], -32022)
        for meta in ({key + "protocolVersion": "2026-07-28"},
                     {**MODERN, key + "protocolVersion": 5},
                     {**MODERN, key + "clientCapabilities": []},
                     {**MODERN, key + "logLevel": "loud"},
                     {**MODERN, "progressToken": {}}, 5):
            self.assertEqual(server.refuse("tools/list", _meta=meta)["code"],
                             -32602, meta)
        for method in ("initialize", "ping", "logging/setLevel",
                       "resources/subscribe"):
            self.assertEqual(server.refuse(method, _meta=MODERN)["code"],
                             -32601, method)

    def test_both_eras_on_one_connection(self):
        server = self.open()
        self.assertNotIn("resultType", server.ask("tools/list"))
        self.assertIn("resultType", server.ask("tools/list", _meta=MODERN))


if __name__ == "__main__":
    unittest.main()
