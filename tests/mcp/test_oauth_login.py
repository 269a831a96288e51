"""`boxagnts mcp login` and `logout`, and requests of who is signed in: with the
scripted oauth_server.py, and with the example server of the official SDK."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from support import HERE, PROGRAM, ServerTest, node_with


def fetch(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


class Login(ServerTest):
    @classmethod
    def add_tool(cls, name, manifest):
        """No tools but those of servers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.script = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "oauth_server.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cls.base = f"http://127.0.0.1:{int(cls.script.stdout.readline())}"
        cls.addClassCleanup(cls.script.wait)
        cls.addClassCleanup(cls.script.stdout.close)
        cls.addClassCleanup(cls.script.stdin.close)
        cls.tokens = os.path.join(cls.home,
                                  ".local/state/boxagnts/mcp-tokens.json")

    def setUp(self):
        super().setUp()
        for path in (self.tokens, self.servers()):
            if os.path.exists(path):
                os.remove(path)

    def servers(self):
        return os.path.join(self.home, ".config/boxagnts/mcp.json")

    def add(self, mode, **more):
        os.makedirs(os.path.dirname(self.servers()), exist_ok=True)
        with open(self.servers(), "w", encoding="utf-8") as file:
            json.dump({"mcpServers": {"web": {
                "url": f"{self.base}/{mode}", **more}}}, file)
        os.chmod(self.servers(), 0o600)

    def boxagnts(self, *arguments, status=0):
        result = subprocess.run(
            [PROGRAM, *arguments], cwd=self.dir, env=self.environment,
            capture_output=True, timeout=60, check=False, encoding="utf-8")
        self.assertEqual(result.returncode, status,
                         f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def begin(self, *flags):
        """A login up to the page it shows: the process and the URL."""
        process = subprocess.Popen(
            [PROGRAM, "mcp", "login", "web", *flags], cwd=self.dir,
            env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if line.startswith("  http"):
                return process, line.strip()
        self.fail(process.stderr.read())

    def end(self, process, status=0):
        out, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, status, out + errors)
        return out if status == 0 else errors

    def login(self, mode, *flags, status=0, page=200, **more):
        """All of it, with a browser that follows."""
        self.add(mode, **more)
        process, url = self.begin(*flags)
        self.page = fetch(url)
        self.assertEqual(self.page[0], page)
        return self.end(process, status)

    def refused(self, mode, words, **more):
        """A login that shows no page."""
        self.add(mode, **more)
        errors = self.boxagnts("mcp", "login", "web", status=1).stderr
        self.assertIn(words, errors)
        self.assertFalse(os.path.exists(self.tokens))

    def kept(self):
        with open(self.tokens, encoding="utf-8") as file:
            return json.load(file)["servers"]

    def call(self, tool, status=0):
        self.boxagnts("mcp", "approve", "web", "--yes")
        result = self.boxagnts("mcp", "test", "web", tool, "{}", status=status)
        return result.stdout if status == 0 else result.stderr

    def seen(self, what):
        return [item[1] for item in json.loads(fetch(self.base + "/seen")[1])
                if item[0] == what]

    # ---- works ---------------------------------------------------------

    def test_signs_in_and_out(self):
        self.add("fine")
        self.assertIn("boxagnts mcp login web",
                      self.boxagnts("mcp", "test", "web", status=1).stderr)
        self.assertNotIn("sign-in", self.boxagnts("mcp", "list").stdout)
        self.assertIn("signed in", self.login("fine"))
        self.assertIn(f"sign-in    by {self.base}/fine\n",
                      self.boxagnts("mcp", "list").stdout)
        self.assertIn("You can close this page", self.page[1])
        self.assertIn("default-src 'none'",
                      self.page[2]["Content-Security-Policy"])
        self.assertEqual(os.stat(self.tokens).st_mode & 0o777, 0o600)
        asked = self.seen("authorize")[-1]
        self.assertEqual(asked["resource"], f"{self.base}/fine")
        self.assertEqual(asked["scope"], "a offline")
        self.assertEqual(asked["x"], "1")
        self.assertEqual(len(asked["state"]), 43)
        self.assertIn("guarded", self.boxagnts("mcp", "test", "web").stdout)
        self.assertIn("no more use",
                      self.boxagnts("mcp", "logout", "web").stdout)
        self.assertEqual(self.seen("revoke")[-2:],
                         ["refresh_token", "access_token"])
        self.assertEqual(self.kept(), {})
        self.assertIn("nobody was signed in",
                      self.boxagnts("mcp", "logout", "web").stdout)
        self.boxagnts("mcp", "test", "web", status=1)

    def test_other_kinds_of_servers(self):
        for mode in ("openid", "legacy", "iss", "secret", "no-revoke"):
            with self.subTest(mode=mode):
                self.login(mode)
                self.boxagnts("mcp", "test", "web")
                self.boxagnts("mcp", "logout", "web")

    def test_a_configured_client(self):
        self.refused("no-register", "registers no programs by itself")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.environment["MY_OAUTH_SECRET"] = "configured-secret"
        self.login("configured", oauth={
            "client_id": "configured-id", "port": str(port), "scope": "b",
            "client_secret": "${MY_OAUTH_SECRET}"})
        asked = self.seen("authorize")[-1]
        self.assertEqual(asked["redirect_uri"],
                         f"http://127.0.0.1:{port}/callback")
        self.assertEqual(asked["scope"], "b")
        self.boxagnts("mcp", "test", "web")

    def test_renews_what_expires(self):
        self.login("short")
        first = self.kept()[f"{self.base}/short"]
        self.boxagnts("mcp", "test", "web")
        second = self.kept()[f"{self.base}/short"]
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        self.assertEqual(self.seen("token")[-1],
                         {"grant_type": "refresh_token",
                          "resource": f"{self.base}/short"})

    def test_renews_what_is_refused(self):
        self.login("once")  # each token is good for one request
        self.boxagnts("mcp", "test", "web")
        self.assertIn("sent Bearer ***", self.call("echo"))

    def test_one_renewal_at_a_time(self):
        self.login("short")  # a renewal token is good for one use
        processes = [subprocess.Popen(
            [PROGRAM, "mcp", "test", "web"], cwd=self.dir,
            env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding="utf-8") for _ in range(4)]
        for process in processes:
            out, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, out + errors)

    def test_asks_for_more_when_more_is_needed(self):
        self.login("fine")
        errors = self.call("more", status=1)
        self.assertIn("boxagnts mcp login web --scope 'a more'", errors)
        self.login("fine", "--scope", "a more")
        self.assertEqual(self.seen("authorize")[-1]["scope"], "a offline more")
        self.assertIn("sent", self.call("more"))

    def test_forgets_with_the_server(self):
        self.login("fine")
        self.assertIn("and its tokens",
                      self.boxagnts("mcp", "remove", "web").stdout)
        self.assertEqual(self.kept(), {})
        self.assertEqual(self.seen("revoke")[-1], "access_token")

    def test_asks_for_what_the_challenge_names(self):
        self.login("asks-scope")
        self.assertEqual(self.seen("authorize")[-1]["scope"], "a special")

    def test_shows_no_token(self):
        self.login("fine")
        token = self.kept()[f"{self.base}/fine"]["access_token"]
        self.assertNotIn(token, self.call("echo"))
        self.assertIn("sent Bearer ****", self.call("echo"))

    # ---- refused -------------------------------------------------------

    def test_leads_nowhere_else(self):
        for mode, words in (
                ("elsewhere", "not the server's own"),
                ("other-resource", "another \"resource\""),
                ("sibling-resource", "another \"resource\""),
                ("private-issuer", "private address"),
                ("metadata-issuer", "not https://"),
                ("clear-issuer", "not https://"),
                ("other-issuer", "another \"issuer\""),
                ("private-token", "token_endpoint"),
                ("script-page", "authorization_endpoint"),
                ("no-pkce", "PKCE"),
                ("huge", "more than 262144 bytes"),
                ("bad-client", "invalid_client_metadata"),
                ("open", "wants no sign-in")):
            with self.subTest(mode=mode):
                self.refused(mode, words)

    def test_a_bad_end(self):
        for mode, words in (
                ("denies", "access_denied: no \\x1b[31mway"),
                ("wrong-iss", "another issuer"),
                ("no-iss", "another issuer"),
                ("no-code", "without a code"),
                ("token-error", "invalid_grant: bad code ****"),
                ("token-html", "token_endpoint answers HTTP 200"),
                ("mac", "type Bearer"),
                ("odd-token", "usable \"access_token\"")):
            with self.subTest(mode=mode):
                errors = self.login(mode, status=1)
                self.assertIn(words, errors)
                self.assertNotIn("\x1b", errors)
                self.assertFalse(os.path.exists(self.tokens))

    def test_only_the_state_that_was_given_out(self):
        errors = self.login("wrong-state", "--timeout", "1s", status=1,
                            page=400)
        self.assertIn("nobody has signed in", errors)

    def test_only_the_browser_that_was_sent(self):
        self.add("fine")
        process, url = self.begin()
        uri = urllib.parse.unquote(
            re.search(r"redirect_uri=([^&]*)", url).group(1))
        port = int(re.search(r":(\d+)/", uri).group(1))
        self.assertEqual(fetch(uri)[0], 404)
        self.assertEqual(fetch(uri + "?code=1&state=2")[0], 400)
        self.assertEqual(fetch(uri.replace("callback", "other?a=b"))[0], 404)
        self.assertEqual(
            fetch(uri + "?code=1&state=2", Host="evil.example")[0], 404)
        for data in (b"\x00\xff\r\n\r\n", b"GET " + b"x" * 20000, b"",
                     b"GET /callback?state=%zz&code=%00 HTTP/1.1\r\n"
                     b"Host: 127.0.0.1:" + str(port).encode() + b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port)) as other:
                other.sendall(data)
        # The page itself still comes through.
        self.assertEqual(fetch(url)[0], 200)
        self.end(process)

    def test_signs_out_when_renewal_ends(self):
        self.login("no-more")
        errors = self.boxagnts("mcp", "test", "web", status=1).stderr
        self.assertIn("boxagnts mcp login web", errors)
        self.assertEqual(self.kept(), {})

    def test_keeps_to_its_file(self):
        self.login("fine")
        os.chmod(self.tokens, 0o644)
        errors = self.boxagnts("mcp", "test", "web", status=1).stderr
        self.assertIn("mcp-tokens.json", errors)
        os.chmod(self.tokens, 0o600)
        with open(self.tokens, "w", encoding="utf-8") as file:
            file.write("[]")
        errors = self.boxagnts("mcp", "test", "web", status=1).stderr
        self.assertIn("no file of tokens", errors)

    def test_a_command_has_no_sign_in(self):
        self.add("fine")
        self.boxagnts("mcp", "add", "other", "--", "/bin/true")
        self.assertIn("is a command", self.boxagnts(
            "mcp", "login", "other", status=1).stderr)
        self.assertIn("no MCP server", self.boxagnts(
            "mcp", "login", "nobody", status=1).stderr)
        self.boxagnts("mcp", "login", status=2)
        self.boxagnts("mcp", "login", "web", "--nothing", status=2)
        self.assertIn("Usage: boxagnts mcp login",
                      self.boxagnts("mcp", "login", "--help").stdout)

    # ---- a real one ----------------------------------------------------

    def test_the_sdks_example(self):
        folder = node_with(os.path.join(HERE, "server_node"))
        script = os.path.join(
            folder, "node_modules/@modelcontextprotocol/sdk/dist/esm/examples",
            "server/simpleStreamableHttp.js")
        ports = []
        for _ in range(2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                ports.append(probe.getsockname()[1])
        process = subprocess.Popen(
            [shutil.which("node"), script, "--oauth", "--oauth-strict"],
            env={**os.environ, "MCP_PORT": str(ports[0]),
                 "MCP_AUTH_PORT": str(ports[1])},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for port in ports:
            for _ in range(300):
                try:
                    socket.create_connection(("localhost", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
        self.add("")
        with open(self.servers(), "w", encoding="utf-8") as file:
            json.dump({"mcpServers": {"web": {
                "url": f"http://localhost:{ports[0]}/mcp"}}}, file)
        login, url = self.begin()
        self.assertEqual(fetch(url)[0], 200)
        self.end(login)
        self.boxagnts("mcp", "approve", "web", "--yes")
        self.assertIn("Hello, you", self.boxagnts(
            "mcp", "test", "web", "greet", '{"name": "you"}').stdout)
        self.assertIn("could not be revoked",
                      self.boxagnts("mcp", "logout", "web").stdout)


if __name__ == "__main__":
    unittest.main()
