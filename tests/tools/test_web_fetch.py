"""web-fetch against a real server: pages become text, what they hide does not,
limits hold, and what the policy refuses is told with its reason."""

import base64
import gzip
import http.server
import json
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cli"))
from support import CliTest, tool  # noqa: E402

HTML = "text/html; charset=utf-8"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGA"
    "hKmMIQAAAABJRU5ErkJggg==")

ARTICLE = """<!doctype html><html><head><title> The  Title </title>
<style>p { color: red }</style><script>alert(1)</script></head><body>
<nav><a href="/home">Home</a></nav><main>
<h1>Heading</h1><p>One <b>bold</b> and <em>slanted</em> word,
a <a href="../up?x=1#y">link</a>, a <a href="javascript:alert(1)">trap</a>.</p>
<ul><li>first<ul><li>inner</li></ul></li><li>second</li></ul>
<pre><code class="language-c">int main(void)
{
}</code></pre>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
<img src="pic.png" alt="a picture"><img src="data:image/png;base64,AAAA">
</main><footer>Imprint</footer></body></html>"""

HIDDEN = """<p>seen</p><!-- IGNORE comment -->
<p hidden>IGNORE hidden</p><div style="display: none">IGNORE display</div>
<div style="Visibility:hidden">IGNORE visibility</div>
<span style="font-size:1px">IGNORE size</span>
<span style="font-size: 0">IGNORE zero</span>
<span aria-hidden="true">IGNORE aria</span>
<div style="position:absolute; left:-9999px">IGNORE left</div>
<div style="opacity:0">IGNORE opacity</div>
<div style="width:0;height:0;overflow:hidden">IGNORE clipped</div>
<div class="x sr-only">IGNORE reader</div>
<template>IGNORE template</template><noscript>IGNORE noscript</noscript>
<svg><text>IGNORE svg</text></svg><textarea>IGNORE field</textarea>
<p style="width:1px">kept</p>
<p>tags\U000e0049\U000e0047 and \u202eturned\u202c and ze\u200bro</p>"""


def page(body, content_type=HTML, status=200, **headers):
    data = body.encode() if isinstance(body, str) else body
    return status, {"Content-Type": content_type, **headers}, data


PAGES = {
    "/docs/article": page(ARTICLE),
    "/hidden": page(HIDDEN),
    "/latin": page("<p>caf\xe9</p>".encode("latin-1"),
                   "text/html; charset=iso-8859-1"),
    "/meta": page(b'<meta charset="windows-1251"><p>\xcf\xf0\xe8</p>',
                  "text/html"),
    "/broken": page(b"<p>a \xff\xfe b", HTML),
    "/json": page('{"b":1,"a":[1,2]}', "application/json"),
    "/feed": page("<rss><title>x</title></rss>", "application/rss+xml"),
    "/text": page("plain\ntext\n", "text/plain"),
    "/image": page(PNG, "image/png"),
    "/untyped": page(PNG, "application/octet-stream"),
    "/pdf": page(b"%PDF-1.4 ...", "application/pdf"),
    "/zip": page(b"PK\3\4" + bytes(100), "application/zip"),
    "/missing": page("<h1>Not here</h1>", status=404),
    "/moved": page("", status=302, Location="/docs/article"),
    "/away": page("", status=302, Location="http://169.254.169.254/meta"),
    "/deep": page("<div>" * 100000 + "bottom" + "</div>" * 100000),
    "/deeptables": page("<table><tr><td>" * 3000 + "cell"),
    "/quotes": page("<blockquote>" * 5000 + "said"),
    "/lists": page("<ul><li>" * 5000 + "point"),
    "/formats": page("<b><i><u><a href=x>" * 5000 + "all"),
    "/attribute": page(f'<p title="{"x" * 1000000}">short</p>'),
    "/many": page("<i></i>" * 500000 + "after"),
    "/long": page("<p>" + "word " * 40000 + "</p>"),
    "/bomb": page(gzip.compress(bytes(200 << 20)), "text/plain",
                  **{"Content-Encoding": "gzip"}),
    "/empty": page("", "text/html"),
    "/nothing": (204, {}, b""),
}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that has read enough hangs up


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/endless":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                for _ in range(100000):
                    self.wfile.write(b"x" * 8192)
            except OSError:
                pass
            return
        if self.path == "/headers":
            status, headers, body = page(
                json.dumps(dict(self.headers.items())), "application/json")
        else:
            status, headers, body = PAGES.get(self.path, page("", status=404))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class WebFetchTest(CliTest):
    @classmethod
    def setUpClass(cls):
        cls.cache = tempfile.TemporaryDirectory(prefix="bx-web-")
        cls.server = Server(("127.0.0.1", 0), Handler)
        cls.base = f"http://127.0.0.1:{cls.server.server_address[1]}"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.cache.cleanup()
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        super().setUp()  # compiled once, not for each test
        self.environment["XDG_CACHE_HOME"] = self.cache.name

    def ask(self, data, *flags):
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        run = self.boxagnts("run", "--allowed-outbound-host", self.base, *flags,
                            tool("web-fetch"), stdin=text)
        return json.loads(run.stdout)

    def fetch(self, path, *flags, **more):
        answer = self.ask({"url": self.base + path, **more}, *flags)
        self.assertFalse(answer["is_error"], answer["content"])
        return answer

    def fail(self, path, *flags, **more):
        answer = self.ask({"url": self.base + path, **more}, *flags)
        self.assertTrue(answer["is_error"], answer["content"])
        return answer["content"]

    def test_pages_become_markdown(self):
        answer = self.fetch("/docs/article")
        text = answer["content"]
        for part in ("# Heading", "One **bold** and *slanted* word",
                     f"[link]({self.base}/up?x=1#y)", "- first", "- second",
                     "```c\nint main(void)\n{\n}\n```", "| a | b |",
                     f"![a picture]({self.base}/docs/pic.png)", "Home"):
            self.assertIn(part, text)
        for part in ("alert", "color", "javascript", "data:"):
            self.assertNotIn(part, text)
        self.assertEqual(answer["metadata"]["title"], "The Title")
        self.assertEqual(answer["metadata"]["status"], 200)
        self.assertEqual(answer["metadata"]["content_type"], "text/html")

    def test_main_content_leaves_the_rest_out(self):
        text = self.fetch("/docs/article", main_content=True)["content"]
        self.assertIn("# Heading", text)
        self.assertNotIn("Home", text)
        self.assertNotIn("Imprint", text)

    def test_pages_become_text_or_stay(self):
        text = self.fetch("/docs/article", format="text")["content"]
        self.assertIn("One bold and slanted word, a link, a trap.", text)
        self.assertIn("first\ninner\nsecond", text)
        html = self.fetch("/docs/article", format="html")["content"]
        self.assertIn("<h1>Heading</h1>", html)

    def test_what_is_hidden_stays_hidden(self):
        for form in ("markdown", "text"):
            text = self.fetch("/hidden", format=form)["content"]
            self.assertIn("seen", text)
            self.assertIn("kept", text)
            self.assertIn("tags and turned and zero", text)
            self.assertNotIn("IGNORE", text)

    def test_characters_sets(self):
        self.assertIn("café", self.fetch("/latin")["content"])
        self.assertIn("При", self.fetch("/meta")["content"])
        self.assertIn("a \ufffd", self.fetch("/broken")["content"])

    def test_other_types(self):
        self.assertEqual(self.fetch("/json")["content"],
                         '{\n  "b": 1,\n  "a": [\n    1,\n    2\n  ]\n}')
        self.assertIn("<rss>", self.fetch("/feed")["content"])
        self.assertEqual(self.fetch("/text")["content"], "plain\ntext\n")
        for path in ("/image", "/untyped"):
            self.assertEqual(self.fetch(path)["content"], [
                {"type": "image", "data": base64.b64encode(PNG).decode(),
                 "mimeType": "image/png"}])
        block = self.fetch("/pdf")["content"][0]
        self.assertEqual(block["resource"]["mimeType"], "application/pdf")
        self.assertIn("application/zip", self.fail("/zip"))
        self.assertIn("no text", self.fetch("/empty")["content"])
        self.assertIn("no text", self.fetch("/nothing")["content"])

    def test_redirects_tell_the_final_url(self):
        answer = self.fetch("/moved")
        self.assertEqual(answer["metadata"]["url"], self.base + "/docs/article")
        self.assertTrue(answer["metadata"]["redirected"])

    def test_what_the_policy_refuses_is_told(self):
        self.assertIn("169.254.169.254", self.fail("/away"))
        answer = self.ask({"url": "https://example.com/"})
        self.assertTrue(answer["is_error"])
        self.assertIn("example.com", answer["content"])

    def test_error_pages_are_errors(self):
        text = self.fail("/missing")
        self.assertIn("404", text)
        self.assertIn("Not here", text)

    def test_hostile_pages(self):
        self.assertIn("bottom", self.fetch("/deep")["content"])
        self.assertIn("bottom", self.fetch("/deep", format="text")["content"])
        for path, word in (("/deeptables", "cell"), ("/quotes", "said"),
                           ("/lists", "point"), ("/formats", "all")):
            self.assertIn(word, self.fetch(path)["content"], path)
        self.assertEqual(self.fetch("/attribute")["content"].strip(), "short")
        answer = self.fetch("/many")
        self.assertTrue(answer["metadata"]["truncated"])

    def test_long_pages_come_in_parts(self):
        first = self.fetch("/long", max_length=1000)
        self.assertTrue(first["metadata"]["truncated"])
        self.assertEqual(first["metadata"]["next_index"], 1000)
        self.assertIn("start_index 1000", first["content"])
        second = self.fetch("/long", max_length=1000, start_index=1000)
        self.assertTrue(second["content"].startswith("word"))
        self.assertIn("past the end",
                      self.fail("/long", start_index=10000000))

    def test_sizes_are_bounded(self):
        answer = self.fetch("/endless", max_bytes=100000)
        self.assertEqual(answer["metadata"]["bytes"], 100000)
        self.assertTrue(answer["metadata"]["truncated"])
        answer = self.fetch("/bomb", max_bytes=1000000, max_length=10)
        self.assertEqual(answer["metadata"]["bytes"], 1000000)

    def test_headers_are_sent(self):
        text = self.fetch("/headers", headers={"X-Test": "yes"})["content"]
        self.assertEqual(json.loads(text)["X-Test"], "yes")

    def test_bad_input(self):
        for data, said in (
                (b"{", "the input"), (b"[]", "the input"), (b"\xff", "the input"),
                ({}, "url"), ({"url": 1}, "string"),
                ({"url": "x", "more": 1}, "more"),
                ({"url": "ftp://example.com"}, "'ftp' is not fetched"),
                ({"url": "file:///etc/passwd"}, "'file' is not fetched"),
                ({"url": "javascript:alert(1)"}, "not fetched"),
                ({"url": "no url at all"}, "is not a URL"),
                ({"url": "https://x.example", "max_length": 0}, "max_length"),
                ({"url": "https://x.example", "format": "pdf"}, "pdf")):
            answer = self.ask(data)
            self.assertTrue(answer["is_error"], data)
            self.assertIn(said, answer["content"], data)


if __name__ == "__main__":
    unittest.main()
