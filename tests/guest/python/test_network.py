#!/usr/bin/env python3
"""urllib.request and http.client inside: requests go through the host."""

import http.server
import json
import threading
import unittest

from support import PythonTest


class Server(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def answer(self):
        if self.path == "/redirect":
            return self.reply(302, b"", ("Location", "/landed"))
        if self.path == "/silent":
            self.server.silence.wait(60)
            self.close_connection = True
            return None
        body = json.dumps({
            "method": self.command, "path": self.path,
            "type": self.headers.get("content-type"),
            "test": self.headers.get("x-test"),
            "host": self.headers.get("host"),
            "body": self.read_body().decode("latin-1")}).encode()
        if self.path == "/large":
            body = b"x" * 3000000
        if self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"short")
            return None
        return self.reply(404 if self.path == "/missing" else 200, body,
                          ("X-Multi", "a"), ("X-Multi", "b"))

    def read_body(self):
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def reply(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PURGE = answer

    def log_message(self, format, *arguments):
        pass


class Network(PythonTest):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        cls.server.daemon_threads = True
        cls.server.silence = threading.Event()
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.address = f"127.0.0.1:{cls.server.server_port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.silence.set()
        cls.server.shutdown()
        cls.server.server_close()

    def fetch(self, code):
        """The value of code, in which URL and HOST are the server's."""
        names = f"HOST = {self.address!r}; URL = 'http://' + HOST\n"
        found = self.execute(names + code, flags=[
            "--allowed-outbound-host", f"http://{self.address}"])
        self.assertFalse(found["is_error"], found["content"])
        return found["content"]

    def test_get(self):
        self.assertEqual(self.fetch("""
import json, urllib.request
r = urllib.request.urlopen(urllib.request.Request(
    URL + "/a?b=%20c", headers={"X-Test": "t"}))
d = json.load(r)
print(r.status, r.reason, r.headers.get_all("x-multi"), d["path"], d["test"],
      d["host"] == HOST)
"""), "200 OK ['a', 'b'] /a?b=%20c t True\n")

    def test_post_bodies(self):
        self.assertEqual(self.fetch("""
import http.client, json, urllib.parse, urllib.request
def show(r):
    d = json.load(r)
    print(d["method"], d["type"], len(d["body"]), d["body"][:10])
show(urllib.request.urlopen(URL, urllib.parse.urlencode({"a": "ä"}).encode()))
show(urllib.request.urlopen(URL, b"x" * 100000))
c = http.client.HTTPConnection(HOST)
c.request("PUT", "/p", body=iter([b"one", b"two"]), encode_chunked=True,
          headers={"Transfer-Encoding": "chunked"})
show(c.getresponse())
c.request("PURGE", "/again")
show(c.getresponse())
"""), "POST application/x-www-form-urlencoded 8 a=%C3%A4\n"
            "POST application/x-www-form-urlencoded 100000 xxxxxxxxxx\n"
            "PUT None 6 onetwo\nPURGE None 0 \n")

    def test_large_body_and_head(self):
        self.assertEqual(self.fetch("""
import http.client, urllib.request
r = urllib.request.urlopen(URL + "/large")
print(r.read(3), len(r.read()), r.read())
c = http.client.HTTPConnection(HOST)
c.request("HEAD", "/x")
r = c.getresponse()
print(r.status, r.read())
"""), "b'xxx' 2999997 b''\n200 b''\n")

    def test_redirect_and_status(self):
        self.assertEqual(self.fetch("""
import urllib.error, urllib.request
r = urllib.request.urlopen(URL + "/redirect")
print(r.url == URL + "/landed", b"/landed" in r.read())
try:
    urllib.request.urlopen(URL + "/missing")
except urllib.error.HTTPError as e:
    print(e.code, b"missing" in e.read())
"""), "True True\n404 True\n")

    def test_failures(self):
        self.assertEqual(self.fetch("""
import http.client, urllib.error, urllib.request
try:
    urllib.request.urlopen(URL + "/cut").read()
except (OSError, http.client.IncompleteRead) as e:
    print("cut")
try:
    urllib.request.urlopen(URL + "/silent", timeout=0.3).read()
except (TimeoutError, urllib.error.URLError) as e:
    print("late")
"""), "cut\nlate\n")

    def test_refused_by_policy(self):
        for scheme in ("http", "https"):
            found = self.execute(
                "import urllib.request\n"
                f"urllib.request.urlopen('{scheme}://{self.address}/')")
            self.assertIn("network policy does not allow it", found["content"])
            self.assertIn("urllib.error.URLError", found["content"])
            self.assertNotIn("boxagnts", found["content"])

    def test_nothing_slips_into_a_request(self):
        for code in ("urlopen(URL + '/a\\r\\nX: y')",
                     "urlopen(Request(URL, headers={'X': 'a\\r\\nY: z'}))",
                     "urlopen(Request(URL, method='G T'))"):
            self.assertEqual(self.fetch(
                "from http.client import HTTPException\n"
                "from urllib.request import Request, urlopen\ntry:\n"
                f"    {code}\n"
                "except (ValueError, OSError, HTTPException):\n"
                "    print('refused')"), "refused\n")


if __name__ == "__main__":
    unittest.main()
