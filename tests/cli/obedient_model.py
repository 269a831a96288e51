"""A scripted stand-in for a model, for the tests of prompt injection: a server
that speaks Anthropic's Messages protocol and obeys every order that it finds in
what it is sent, wherever that stands: system prompt, descriptions of tools,
results, messages. No real model is so obedient; what holds against this one does
not rest on a model's judgement.

An order is a text "call NAME with {JSON}". The same server is the web that pages
come from and stolen data would go to."""

import http.server
import json
import re
import threading

ORDER = re.compile(r"call ([a-zA-Z0-9_-]+) with (?=\{)")
MODEL = "anthropic/obedient-scripted"


def strings(value):
    """All texts in a value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)


def orders_in(text):
    for found in ORDER.finditer(text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text[found.end():])
        except ValueError:
            continue
        if isinstance(value, dict):
            yield found.group(1), value


def read_by_model(request):
    """What a model is told by others: all but what it said itself."""
    yield from strings(request.get("system", ""))
    yield from strings(request.get("tools", []))
    for message in request["messages"]:
        if message["role"] == "user":
            yield from strings(message["content"])


class Obedient:
    """begin: the calls that its task takes it to, one a turn; summary: what it
    writes when it is asked for one."""

    def __init__(self):
        self.begin = []
        self.pages = {}
        self.summary = "Nothing was said."
        self.requests = []  # bodies, as they came
        self.reached = []  # paths that anyone else asked for
        self.obeyed = []
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def next_calls(self, request):
        """What it begins with, and every order not obeyed yet."""
        calls = [self.begin.pop(0)] if self.begin else []
        for text in read_by_model(request):
            for order in orders_in(text):
                if order not in self.obeyed:
                    self.obeyed.append(order)
                    calls.append(order)
        return calls

    def _handler(self):
        obedient = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, kind, body):
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                path = self.path.split("?")[0]
                page = obedient.pages.get(path)
                if page is None:
                    obedient.reached.append(path)
                self.answer("text/html", (page or "<p>ok</p>").encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path != "/v1/messages":
                    obedient.reached.append(self.path)
                    self.answer("text/plain", b"ok")
                    return
                obedient.requests.append(body.decode())
                request = json.loads(body)
                if "tools" not in request:
                    self.answer("text/event-stream",
                                stream([], len(body), obedient.summary))
                    return
                calls = obedient.next_calls(request)
                self.answer("text/event-stream", stream(calls, len(body)))

        return Handler


def stream(calls, sent, text="Done."):
    """A reply with these calls, or without any and with the text. sent: bytes of
    the request, of which tokens are counted."""
    blocks = [({"type": "tool_use", "id": f"toolu_{i}", "name": name,
                "input": {}},
               {"type": "input_json_delta", "partial_json": json.dumps(value)})
              for i, (name, value) in enumerate(calls)]
    blocks = blocks or [({"type": "text", "text": ""},
                         {"type": "text_delta", "text": text})]
    events = [{"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant",
        "model": "obedient-scripted", "content": [], "stop_reason": None,
        "usage": {"input_tokens": sent // 4, "output_tokens": 1}}}]
    for i, (block, delta) in enumerate(blocks):
        events += [
            {"type": "content_block_start", "index": i, "content_block": block},
            {"type": "content_block_delta", "index": i, "delta": delta},
            {"type": "content_block_stop", "index": i}]
    events += [
        {"type": "message_delta",
         "delta": {"stop_reason": "tool_use" if calls else "end_turn"},
         "usage": {"output_tokens": 5}},
        {"type": "message_stop"}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
                   for event in events).encode()
