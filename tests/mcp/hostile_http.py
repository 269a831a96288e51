"""A scripted MCP server over streamable HTTP for the client's tests: it speaks
the real protocol, and misbehaves as the path of its URL says. Its first line of
output is its port."""

import base64
import json
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOOLS = ["echo", "log", "hang", "change", "forget", "secret", "asks", "cut",
         "refused", "act"]


class State:
    """Of one mode."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sessions = set()
        self.seen = []  # of each request: what a test may ask for
        self.listeners = []  # queues of streams that a GET opened
        self.answers = {}  # of the client's, by id
        self.tools = list(TOOLS)
        self.kept = {}  # event id: what comes after it


STATES = {}


def state_of(mode):
    return STATES.setdefault(mode, State())


def result(number, value):
    return {"jsonrpc": "2.0", "id": number, "result": value}


def error(number, code, words):
    return {"jsonrpc": "2.0", "id": number,
            "error": {"code": code, "message": words}}


def text(words):
    return {"content": [{"type": "text", "text": words}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    # ---- what is sent --------------------------------------------------

    def reply(self, status, body=b"", kind=None, **headers):
        if isinstance(body, (dict, list)):
            kind = kind or "application/json"
            body = json.dumps(body).encode()
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self, **headers):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, message, number=None, piece=7):
        data = (f"id: {number}\n" if number else "") + "data: " + (
            json.dumps(message) if message is not None else "") + "\n\n"
        data = data.encode()
        for at in range(0, len(data), piece):
            self.wfile.write(data[at:at + piece])
            self.wfile.flush()

    # ---- requests ------------------------------------------------------

    @property
    def mode(self):
        return self.path.strip("/").split("?")[0]

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def note(self, what):
        state = state_of(self.mode)
        with state.lock:
            state.seen.append(
                f"{self.command} {what} "
                f"session={'yes' if self.headers.get('Mcp-Session-Id') else 'no'} "
                f"version={self.headers.get('MCP-Protocol-Version')}")

    def do_GET(self):
        state = state_of(self.mode)
        last = self.headers.get("Last-Event-ID")
        self.note(f"after {last}")
        if last is not None:
            self.begin_stream()
            with state.lock:
                if self.mode == "listen" and last == "l1":
                    state.tools.append("more")
            if self.mode != "never":
                for number, message in state.kept.get(last, []):
                    self.event(message, number)
            return
        if self.mode == "listen":
            state.kept["l1"] = [("l2", {"jsonrpc": "2.0", "method":
                                        "notifications/tools/list_changed"})]
            self.begin_stream()
            self.wfile.write(b"retry: 10\n")
            self.event(None, "l1")
            return
        if self.mode != "sse":
            self.reply(405)
            return
        listener = queue.Queue()
        with state.lock:
            state.listeners.append(listener)
        self.begin_stream()
        try:
            while True:
                message = listener.get()
                self.event(message)
        except OSError:
            pass

    def do_DELETE(self):
        self.note("")
        self.reply(200)

    def do_POST(self):
        data = self.body()
        message = json.loads(data)
        method = message.get("method", "answer")
        self.note(method)
        act = getattr(self, "mode_" + self.mode.replace("-", "_"), None)
        if act is not None and act(message, method):
            return
        self.serve(message, method)

    def serve(self, message, method):
        state = state_of(self.mode)
        session = self.headers.get("Mcp-Session-Id")
        number = message.get("id")
        if method == "answer":
            with state.lock:
                state.answers[number] = message
            self.reply(202)
        elif method == "initialize":
            with state.lock:
                name = f"s{len(state.seen)}"
                state.sessions.add(name)
            self.answer(result(number, {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "scripted http", "version": "1"}}),
                Mcp_Session_Id=name)
        elif session not in state.sessions and self.mode == "sdk":
            self.reply(400, error(None, -32000, "no such session"))
        elif session not in state.sessions:
            self.reply(404, error(None, -32001, "no such session"))
        elif number is None:
            self.reply(202)
        elif method == "tools/list":
            self.answer(result(number, {"tools": [
                {"name": name, "inputSchema": {"type": "object"}}
                for name in state.tools]}))
        elif method == "tools/call":
            self.call(message, state, number)
        else:
            self.answer(error(number, -32601, "no"))

    def answer(self, message, **headers):
        if self.mode in ("sse", "never"):
            self.begin_stream(**headers)
            self.event(message)
        else:
            self.reply(200, message, **headers)

    def call(self, message, state, number):
        name = message["params"]["name"]
        if name == "hang":
            time.sleep(30)
        elif name == "log":
            with state.lock:
                seen = "\n".join(state.seen)
            self.answer(result(number, text(seen)))
        elif name == "change":
            with state.lock:
                state.tools.append("more")
                listeners = list(state.listeners)
            for listener in listeners:
                listener.put({"jsonrpc": "2.0", "method":
                              "notifications/tools/list_changed"})
            self.answer(result(number, text("changed")))
        elif name == "forget":
            with state.lock:
                state.sessions.clear()
            self.answer(result(number, text("forgotten")))
        elif name == "secret":
            self.answer(result(number, text(
                "you sent " + self.headers.get("Authorization", "nothing"))))
        elif name == "refused":
            self.reply(400, error(number, -32602, "not so"))
        elif name == "asks":
            self.begin_stream()
            self.event({"jsonrpc": "2.0", "id": "p", "method": "ping"})
            for _ in range(500):
                if "p" in state.answers:
                    break
                time.sleep(0.01)
            self.event(result(number, text(json.dumps(
                state.answers.get("p")))))
        elif name == "cut":
            state.kept["e1"] = [("e2", {"jsonrpc": "2.0", "method":
                                        "notifications/message",
                                        "params": {"data": "on the way"}})]
            state.kept["e2"] = [("e3", result(number, text("whole again")))]
            self.begin_stream()
            self.wfile.write(b"retry: 10\n")
            self.event(None, "e1")
        else:
            self.answer(result(number, text(json.dumps(
                message["params"].get("arguments")))))

    # ---- modes; True: answered ------------------------------------------

    def mode_html(self, *_):
        self.reply(200, b"<h1>Sign in</h1>", "text/html")
        return True

    def mode_wrong_id(self, message, _):
        self.reply(200, result(4711, {}))
        return True

    def mode_accepted(self, *_):
        self.reply(202)
        return True

    def mode_garbage(self, *_):
        self.reply(200, b"{\"a\": ", "application/json")
        return True

    def mode_deep(self, *_):
        self.reply(200, b"[" * 5000 + b"]" * 5000, "application/json")
        return True

    def mode_text_event(self, *_):
        self.begin_stream()
        self.wfile.write(b"data: hello\n\n")
        return True

    def mode_huge(self, *_):
        self.begin_chunks("application/json", b"[" + b" " * 65536)
        return True

    def mode_big_event(self, *_):
        self.begin_chunks("text/event-stream", b"data: " + b"x" * 65536)
        return True

    def mode_endless(self, message, method):
        if method != "tools/call":
            return False
        self.begin_chunks("text/event-stream", b": ping\n\n", 0.01)
        return True

    def begin_chunks(self, kind, data, pause=0):
        """The same again, without end."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(data)
                time.sleep(pause)
        except OSError:
            pass

    def mode_breaks(self, message, method):
        if method != "tools/call":
            return False
        self.begin_stream()
        return True

    def mode_never(self, message, method):
        if method != "tools/call":
            return False
        self.begin_stream()
        self.wfile.write(b"retry: 1\n")
        self.event(None, "e0")
        return True

    def mode_moved(self, *_):
        self.reply(307, Location="/json")
        return True

    def mode_moved_private(self, *_):
        self.reply(307, Location="http://10.0.0.1/json")
        return True

    def mode_moved_metadata(self, *_):
        self.reply(302, Location="http://169.254.169.254/latest?key=1")
        return True

    def mode_moved_port(self, *_):
        self.reply(307, Location="http://127.0.0.1:1/json")
        return True

    def mode_unauthorized(self, *_):
        self.reply(401)
        return True

    def mode_broken(self, *_):
        self.reply(500, b"a stack\ntrace \x1b[31m", "text/plain")
        return True

    def mode_long_session(self, message, _):
        self.reply(200, result(message["id"], {}), Mcp_Session_Id="x" * 2000)
        return True

    def mode_odd_session(self, message, _):
        self.reply(200, result(message["id"], {}), Mcp_Session_Id="a b")
        return True

    def mode_modern(self, message, method):
        number = message.get("id")
        if method == "initialize":
            self.reply(400, error(number, -32022, "no handshake"))
            return True
        wanted = {"Mcp-Method": method, "MCP-Protocol-Version": "2026-07-28",
                  "Mcp-Session-Id": None}
        if method == "tools/call":
            name = message["params"]["name"]
            wanted["Mcp-Name"] = name if name.isascii() else (
                "=?base64?" + base64.b64encode(name.encode()).decode() + "?=")
        for name, value in wanted.items():
            if self.headers.get(name) != value:
                self.reply(400, error(number, -32020, f"{name} is wrong"))
                return True
        if method == "server/discover":
            self.reply(200, result(number, {
                "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {}}}))
        elif method == "tools/list":
            self.reply(200, result(number, {"tools": [
                {"name": name, "inputSchema": {"type": "object"}}
                for name in ("echo", "gr\u00fcn")]}))
        else:
            self.reply(200, result(number, text("modern")))
        return True


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that does not wait for an answer is none."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()),
                     daemon=True).start()
    server.serve_forever()
