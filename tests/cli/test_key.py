"""A provider's key goes to its server and nowhere else, whatever that server
sends back: neither to events nor sessions, audit, files, guests or people."""

import http.server
import json
import os
import threading
import unittest

from agent_support import AgentTest

KEY = "sk-of-a-test-0123456789/abc+def"


def stream(*events):
    return b"".join(f"data: {json.dumps(event)}\n\n".encode()
                    for event in events)


def block(index, content, *deltas):
    return [{"type": "content_block_start", "index": index,
             "content_block": content},
            *({"type": "content_block_delta", "index": index, "delta": delta}
              for delta in deltas),
            {"type": "content_block_stop", "index": index}]


class Echo(http.server.BaseHTTPRequestHandler):
    """Speaks the Messages API, and says what it was sent wherever it can: in
    text, in thinking with a signature, in a call, in an id, in an error."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        key = self.headers["x-api-key"]
        self.server.keys.append(key)
        count = len(self.server.keys)
        if count == 1:
            self.answer(429, json.dumps({"error": {
                "type": "rate_limit_error", "message": "too often: " + key}}))
        elif count == 2:
            self.answer(200, self.call(key))
        elif count == 3:
            self.answer(200, stream(
                {"type": "error", "error": {"type": "overloaded_error",
                                            "message": key}}))
        else:
            self.answer(400, json.dumps({"error": {
                "type": "invalid_request_error", "message": "sent " + key}}))

    def call(self, key):
        half = len(key) // 2
        return stream(
            {"type": "message_start", "message": {"model": "m-" + key}},
            *block(0, {"type": "thinking", "thinking": ""},
                   {"type": "thinking_delta", "thinking": "of " + key},
                   {"type": "signature_delta", "signature": key}),
            *block(1, {"type": "text", "text": ""},
                   {"type": "text_delta", "text": "it is " + key}),
            *block(2, {"type": "tool_use", "id": key, "name": "bash",
                       "input": {}},
                   {"type": "input_json_delta", "partial_json": json.dumps(
                       {"command": f"env; echo got '{key}' > key.txt"})}),
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
             "usage": {"output_tokens": half}},
            {"type": "message_stop"})

    def answer(self, status, body):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if status == 200
                         else "application/json")
        self.send_header("retry-after-ms", "1")
        self.send_header("request-id", self.server.keys[-1])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class KeyTest(AgentTest):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        self.server.keys = []
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        # A store and an audit log of this test alone.
        self.environment["XDG_CONFIG_HOME"] = self.path("config")
        self.write("config/boxagnts/models.yaml", f"""
providers:
  echo:
    protocol: anthropic
    base_url: "http://127.0.0.1:{self.server.server_port}"
    key_env: ECHO_KEY
models:
  echo: {{ provider: echo, id: m, has: [tools, thinking] }}
""")
        for folder in ("config", "config/boxagnts"):
            os.chmod(self.path(*folder.split("/")), 0o700)
        os.chmod(self.path("config", "boxagnts", "models.yaml"), 0o600)
        self.environment["ECHO_KEY"] = KEY

    def files_with(self, text, *roots):
        found = []
        for root in roots:
            for folder, _, names in os.walk(root):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.islink(path) or not os.path.isfile(path):
                        continue
                    with open(path, "rb") as file:
                        if text.encode() in file.read():
                            found.append(path)
        return found

    def test_key_goes_nowhere(self):
        result = self.boxagnts(
            "agent", "run", "--json", "--mode", "auto", "--model", "echo",
            "--workspace", self.path("ws"), "say it", status=1)
        self.assertGreaterEqual(len(self.server.keys), 4, result.err)
        self.assertEqual(set(self.server.keys), {KEY})
        events = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual({event["reason"]
                          for event in self.of(events, "retry")},
                         {"rate limited", "overloaded"})
        self.assertIn("it is ***", result.out)
        self.assertIn("sent ***", events[-1]["reason"])
        self.assertIn("got ***", self.file("key.txt"))
        for text in (result.out, result.err):
            self.assertNotIn(KEY, text)
            self.assertNotIn(KEY.replace("/", "\\/"), text)
        state = os.path.join(self.home, ".local", "state")
        # That there is something to look into.
        self.assertNotEqual(self.files_with("it is ***", state), [])
        self.assertEqual(self.files_with(KEY, state, self.dir), [])
        self.assertNotIn("ECHO_KEY", result.out)

    def test_key_of_a_refused_request(self):
        self.server.keys += ["", "", ""]
        result = self.boxagnts(
            "agent", "run", "--model", "echo", "--workspace", self.path("ws"),
            "say it", status=1)
        self.assertIn("sent ***", result.err)
        self.assertNotIn(KEY, result.out + result.err)


if __name__ == "__main__":
    unittest.main()
