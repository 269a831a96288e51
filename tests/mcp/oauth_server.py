"""A scripted MCP server and authorization server in one, for the tests of
signing in: it speaks the real protocols, agrees to everything by itself, and
misbehaves as the first part of its URL's path says. Its first line of output is
its port."""

import base64
import hashlib
import json
import secrets
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRM = "/.well-known/oauth-protected-resource"
ASM = "/.well-known/oauth-authorization-server"
OIDC = "/.well-known/openid-configuration"
LOCK = threading.Lock()
CLIENTS, CODES, ACCESS, RENEWALS = {}, {}, {}, {}
SEEN = []  # what a test may ask for


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def reply(self, status, body=b"", kind="application/json", **headers):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    # ---- metadata ------------------------------------------------------

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/seen":
            self.reply(200, SEEN)
        elif path.startswith(PRM):
            self.resource(path[len(PRM):].strip("/"))
        elif path.startswith(ASM):
            mode = path[len(ASM):].strip("/")
            if mode == "openid" or (mode == "" and not path.endswith("er")):
                self.reply(404)
            else:
                self.issuer(mode)
        elif path == "/openid" + OIDC:
            self.issuer("openid")
        elif path.endswith("/authorize"):
            self.authorize(path.split("/")[1],
                           dict(urllib.parse.parse_qsl(query)))
        else:
            self.reply(405 if path.count("/") == 1 else 404)

    def resource(self, mode):
        if mode in ("", "legacy", "open"):
            self.reply(404)
            return
        if mode == "huge":
            self.reply(200, {"resource": "x" * 400000})
            return
        issuer = {"private-issuer": "https://10.0.0.1",
                  "metadata-issuer": "http://169.254.169.254/",
                  "clear-issuer": "http://example.com",
                  }.get(mode, f"{self.base}/{mode}")
        resource = {"other-resource": "https://example.com/mcp",
                    "sibling-resource": f"{self.base}/other-res",
                    }.get(mode, f"{self.base}/{mode}")
        self.reply(200, {"resource": resource,
                         "authorization_servers": [issuer],
                         "scopes_supported": ["a", "offline"]})

    def issuer(self, mode):
        root = f"{self.base}/{mode}" if mode else self.base
        about = {"issuer": root,
                 "authorization_endpoint": f"{root}/authorize?x=1",
                 "token_endpoint": f"{root}/token",
                 "registration_endpoint": f"{root}/register",
                 "revocation_endpoint": f"{root}/revoke",
                 "code_challenge_methods_supported": ["S256"],
                 "response_types_supported": ["code"]}
        if mode == "":
            about.update({
                "authorization_endpoint": f"{self.base}/legacy/authorize",
                "token_endpoint": f"{self.base}/legacy/token",
                "registration_endpoint": f"{self.base}/legacy/register"})
        if mode == "other-issuer":
            about["issuer"] = f"{self.base}/fine"
        elif mode == "no-pkce":
            about["code_challenge_methods_supported"] = ["plain"]
        elif mode == "private-token":
            about["token_endpoint"] = "http://169.254.169.254/token"
        elif mode == "script-page":
            about["authorization_endpoint"] = "javascript:alert(1)"
        elif mode in ("no-register", "configured"):
            del about["registration_endpoint"]
        elif mode in ("no-iss", "iss"):
            about["authorization_response_iss_parameter_supported"] = True
        elif mode == "no-revoke":
            del about["revocation_endpoint"]
        self.reply(200, about)

    # ---- a person agrees -----------------------------------------------

    def authorize(self, mode, asked):
        code = secrets.token_urlsafe(24)
        answer = {"code": code, "state": asked.get("state", "")}
        with LOCK:
            CODES[code] = asked
            SEEN.append(["authorize", asked])
        if mode == "denies":
            answer = {"state": asked["state"], "error": "access_denied",
                      "error_description": "no \x1b[31mway"}
        elif mode == "wrong-state":
            answer["state"] = "x" * len(asked["state"])
        elif mode == "wrong-iss":
            answer["iss"] = "https://evil.example"
        elif mode == "iss":
            answer["iss"] = f"{self.base}/iss"
        elif mode == "no-code":
            del answer["code"]
        self.reply(302, Location=asked["redirect_uri"] + "?" +
                   urllib.parse.urlencode(answer))

    # ---- tokens --------------------------------------------------------

    def do_POST(self):
        data = self.body()
        parts = self.path.strip("/").split("/")
        if len(parts) == 2 and parts[1] in ("register", "token", "revoke"):
            getattr(self, parts[1])(parts[0], data)
        else:
            self.serve(parts[0], json.loads(data))

    def register(self, mode, data):
        asked = json.loads(data)
        client = {**asked, "client_id": secrets.token_urlsafe(8)}
        if mode == "secret":
            client["client_secret"] = "shh +/=" + secrets.token_urlsafe(8)
            client["token_endpoint_auth_method"] = "client_secret_basic"
        if mode == "bad-client":
            self.reply(400, {"error": "invalid_client_metadata"})
            return
        with LOCK:
            CLIENTS[client["client_id"]] = client
            SEEN.append(["register", asked])
        self.reply(201, client)

    def who(self, form):
        """The client, as far as it proves who it is."""
        number = form.get("client_id")
        header = self.headers.get("Authorization", "")
        secret = form.get("client_secret")
        if header.startswith("Basic "):
            number, secret = (urllib.parse.unquote(part) for part in
                              base64.b64decode(header[6:]).decode().split(":"))
        if number == "configured-id":
            return number if secret == "configured-secret" else None
        client = CLIENTS.get(number)
        return number if client and client.get("client_secret") == secret \
            else None

    def give(self, mode, who, scope, resource):
        access = secrets.token_urlsafe(24)
        renewal = secrets.token_urlsafe(24)
        ACCESS[access] = {"scope": scope, "resource": resource, "uses": 0}
        RENEWALS[renewal] = {"who": who, "scope": scope, "resource": resource}
        answer = {"access_token": access, "token_type": "bearer",
                  "refresh_token": renewal, "scope": scope,
                  "expires_in": 1 if mode == "short" else 3600}
        if mode == "mac":
            answer["token_type"] = "mac"
        elif mode == "odd-token":
            answer["access_token"] = "a\r\nX-Injected: 1"
        elif mode == "no-renewal":
            del answer["refresh_token"]
        self.reply(200, answer)

    def token(self, mode, data):
        form = dict(urllib.parse.parse_qsl(data.decode()))
        with LOCK:
            SEEN.append(["token", {name: form[name] for name in form
                                   if name in ("grant_type", "resource")}])
            who = self.who(form)
            if who is None:
                self.reply(401, {"error": "invalid_client"})
            elif mode == "token-error":
                self.reply(400, {"error": "invalid_grant",
                                 "error_description":
                                 "bad code " + form.get("code", "") +
                                 "\x1b[31m"})
            elif mode == "token-html":
                self.reply(200, b"<p>hello", "text/html")
            elif form["grant_type"] == "refresh_token":
                old = RENEWALS.pop(form["refresh_token"], None)
                if old is None or old["who"] != who or mode == "no-more":
                    self.reply(400, {"error": "invalid_grant"})
                else:
                    self.give(mode, who, old["scope"], old["resource"])
            else:
                self.exchange(mode, who, form)

    def exchange(self, mode, who, form):
        asked = CODES.pop(form["code"], None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(
            form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if (asked is None or asked["client_id"] != who
                or asked["code_challenge"] != proof
                or asked["code_challenge_method"] != "S256"
                or asked["redirect_uri"] != form["redirect_uri"]
                or asked["resource"] != form["resource"]):
            self.reply(400, {"error": "invalid_grant"})
        else:
            self.give(mode, who, asked.get("scope", ""), form["resource"])

    def revoke(self, mode, data):
        form = dict(urllib.parse.parse_qsl(data.decode()))
        with LOCK:
            SEEN.append(["revoke", form.get("token_type_hint")])
            ACCESS.pop(form["token"], None)
            RENEWALS.pop(form["token"], None)
        self.reply(200)

    # ---- MCP -----------------------------------------------------------

    def refuse(self, mode):
        metadata = {"elsewhere": self.base.replace("127.0.0.1", "localhost"),
                    }.get(mode, self.base) + f"{PRM}/{mode}"
        header = f'Bearer realm="x, y", resource_metadata="{metadata}"'
        if mode == "asks-scope":
            header += ', scope="a special"'
        self.reply(401, WWW_Authenticate=header)

    def serve(self, mode, message):
        if mode == "open":
            self.answer(message, "")
            return
        sent = self.headers.get("Authorization", "")
        with LOCK:
            known = ACCESS.get(sent[7:] if sent.startswith("Bearer ") else "")
            if known is not None:
                known["uses"] += 1
        if known is None or (mode in ("once", "no-more", "no-renewal")
                             and known["uses"] > 1):
            self.refuse(mode)
        elif (message.get("method") == "tools/call" and
              message["params"]["name"] == "more" and
              "more" not in known["scope"].split()):
            self.reply(403, WWW_Authenticate='Bearer '
                       'error="insufficient_scope", scope="a more"')
        else:
            self.answer(message, sent)

    def answer(self, message, sent):
        method, number = message["method"], message.get("id")
        if number is None:
            self.reply(202)
            return
        result = {"tools": [{"name": name, "inputSchema": {"type": "object"}}
                            for name in ("echo", "more")]}
        if method == "initialize":
            result = {"protocolVersion": "2025-11-25",
                      "capabilities": {"tools": {}},
                      "serverInfo": {"name": "guarded", "version": "1"}}
        elif method == "tools/call":
            result = {"content": [{"type": "text", "text": "sent " + sent}]}
        self.reply(200, {"jsonrpc": "2.0", "id": number, "result": result})


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
