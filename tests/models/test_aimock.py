"""Turns over the real wire protocols, against a mock server that speaks them
(the npm package aimock): a scripted stand-in for the paid services."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["BX_BUILD_DIR"]
DRIVER = os.path.join(BUILD, "tests", "turn_driver")
KEY = "sk-mock-0123456789abcdef"

# What stands behind the server's URL in base_url.
PROTOCOLS = {
    "anthropic": "",
    "openai-chat": "/v1",
    "openai-responses": "/v1",
    "gemini": "",
}
TOOLS = [{"name": name, "description": "A tool.", "input_schema":
          {"type": "object", "properties": {"path": {"type": "string"}}}}
         for name in ("file-list", "file-read", "file-write")]


def installed():
    """A copy of aimock/ with its package, made once."""
    folder = os.path.join(HERE, "aimock")
    with open(os.path.join(folder, "package-lock.json"), "rb") as file:
        key = hashlib.sha256(file.read()).hexdigest()[:16]
    copy = os.path.join(BUILD, "model-servers", "aimock-" + key)
    if shutil.which("npm") is None:
        raise unittest.SkipTest("npm is not installed")
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    with open(copy + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not os.path.exists(os.path.join(copy, "complete")):
            shutil.rmtree(copy, ignore_errors=True)
            os.makedirs(copy)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(folder, name), copy)
            result = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=copy, capture_output=True, check=False)
            if result.returncode != 0:
                raise unittest.SkipTest("the mock server cannot be installed: "
                                        + result.stderr.decode()[-400:])
            with open(os.path.join(copy, "complete"), "w", encoding="utf-8"):
                pass
        shutil.copy(os.path.join(folder, "server.mjs"), copy)
    return copy


class Server:
    def __init__(self, key=""):
        folder = installed()
        self.process = subprocess.Popen(
            [shutil.which("node"), "server.mjs",
             os.path.join(HERE, "aimock", "answers.json"), key],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().decode().strip()
        if not self.url.startswith("http://127.0.0.1:"):
            self.stop()
            raise AssertionError("the mock server did not start")

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def user(text):
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def results(message, text):
    """The answer to every call of a message."""
    return {"role": "user", "content": [
        {"type": "tool_result", "id": block["id"], "name": block["name"],
         "is_error": False, "content": [{"type": "text", "text": text}]}
        for block in message["content"] if block["type"] == "tool_call"]}


def texts(message):
    return "".join(block["text"] for block in message["content"]
                   if block["type"] == "text")


def calls(message):
    return [(block["name"], block["input"]) for block in message["content"]
            if block["type"] == "tool_call"]


class Protocol:
    """What every protocol is tested for; a class below for each."""

    protocol = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def ask(self, messages, attempts=1, server=None, key=KEY, **request):
        if isinstance(messages, str):
            messages = [user(messages)]
        url = (server or self.server).url + PROTOCOLS[self.protocol]
        result = subprocess.run(
            [DRIVER, self.protocol, url, str(attempts)],
            input=json.dumps({"messages": messages, "tools": TOOLS, **request}),
            env={**os.environ, "BX_TEST_KEY": key}, capture_output=True,
            timeout=60, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn(key, result.stdout)
        return json.loads(result.stdout)

    def expect_error(self, reply, code, *parts):
        self.assertEqual(reply.get("code"), code, reply)
        for part in parts:
            self.assertIn(part, reply["error"])

    def test_text(self):
        reply = self.ask("say hello")
        expected = 'Hello from the mock: ünïcode, 🦀, "quotes" and\nlines.'
        self.assertEqual(texts(reply["message"]), expected)
        self.assertEqual(reply["text"], expected)
        self.assertEqual(reply["stop"], "end")
        self.assertEqual(reply["attempts"], 1)
        self.assertEqual(reply["usage"][:2], [31, 17])
        self.assertNotEqual(reply["model"], "")

    def test_call_and_result(self):
        messages = [user("list the files")]
        reply = self.ask(messages)
        self.assertEqual(reply["stop"], "calls")
        self.assertEqual(calls(reply["message"]),
                         [("file-list", {"path": "/ä", "depth": 2})])
        messages += [reply["message"], results(reply["message"], "a\nb")]
        reply = self.ask(messages)
        self.assertEqual(texts(reply["message"]), "There are two files.")
        self.assertEqual(reply["stop"], "end")

    def test_parallel_calls(self):
        messages = [user("both at once")]
        reply = self.ask(messages)
        self.assertEqual(texts(reply["message"]), "Both, then.")
        self.assertEqual(calls(reply["message"]),
                         [("file-list", {"path": "/a"}),
                          ("file-read", {"path": "/b", "lines": [1, 2]}),
                          ("file-list", {})])
        ids = {block["id"] for block in reply["message"]["content"]
               if block["type"] == "tool_call"}
        self.assertEqual(len(ids), 3)
        messages += [reply["message"], results(reply["message"], "done")]
        reply = self.ask(messages)
        self.assertEqual(texts(reply["message"]), "Both are done.")

    def test_thinking_goes_back(self):
        messages = [user("think first")]
        reply = self.ask(messages, effort="low")
        self.assertEqual(texts(reply["message"]), "Thought about.")
        if self.protocol != "openai-chat":
            self.assertIn("Some thought", reply["thinking"])
        messages += [reply["message"], user("say hello")]
        reply = self.ask(messages, effort="low")
        self.assertIn("Hello from the mock", texts(reply["message"]))

    def test_system_and_choice(self):
        reply = self.ask("say hello", system="Be short.", tool_choice="none",
                         max_output_tokens=4000)
        self.assertIn("Hello from the mock", texts(reply["message"]))

    def test_forced_call(self):
        for choice in ("any", "file-list"):
            reply = self.ask("list the files", tool_choice=choice)
            self.assertEqual(calls(reply["message"])[0][0], "file-list")

    def test_structured_output(self):
        schema = {"type": "object", "additionalProperties": False,
                  "required": ["n", "of"], "properties": {
                      "n": {"type": "integer"},
                      "of": {"type": "array", "items": {"type": "string"}}}}
        reply = self.ask("as json", tools=None, output_schema=schema)
        self.assertEqual(json.loads(texts(reply["message"])),
                         {"n": 3, "of": ["ä"]})

    def test_image(self):
        dot = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M"
               "9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
        message = user("what is in the picture")
        message["content"].append({"type": "image", "media_type": "image/png",
                                   "data": dot})
        reply = self.ask([message])
        self.assertEqual(texts(reply["message"]), "A dot.")

    def test_rate_limit_passes(self):
        reply = self.ask("slow down", attempts=3)
        self.assertEqual(texts(reply["message"]), "Now it goes.")
        self.assertEqual(reply["attempts"], 2)
        self.assertEqual(reply["retries"][0]["reason"], "rate limited")

    def test_overload_is_given_up(self):
        reply = self.ask("always busy", attempts=2)
        self.expect_error(reply, "limit", "gave up after 2 attempts",
                          "Nothing is free.", "HTTP 503")

    def test_hint_that_is_too_long(self):
        reply = self.ask("much later", attempts=3)
        self.expect_error(reply, "limit", "in 3600 s")
        self.assertEqual(reply["retries"], [])

    def test_refused_requests(self):
        self.expect_error(self.ask("bad request", attempts=3), "invalid",
                          "something is wrong", "HTTP 400")
        self.expect_error(self.ask("no such model", attempts=3), "not-found",
                          "HTTP 404")

    def test_cut_text_is_asked_for_again(self):
        reply = self.ask("cut the text", attempts=2)
        self.assertEqual(texts(reply["message"]), "This one is whole.")
        self.assertEqual(reply["text"], "This one is whole.")
        self.assertEqual(len(reply["retries"]), 1)

    def test_cut_call_is_none(self):
        reply = self.ask("cut the call")
        if self.protocol == "gemini":  # its calls come in one piece
            self.assertEqual(calls(reply["message"])[0][1]["path"], "/x")
            return
        self.assertIn("error", reply)
        self.assertNotIn("message", reply)

    def test_key_reaches_the_server(self):
        server = Server(KEY)
        self.addCleanup(server.stop)
        reply = self.ask("say hello", server=server)
        self.assertIn("Hello from the mock", texts(reply["message"]))
        reply = self.ask("say hello", server=server, key="sk-wrong-0123456789",
                         attempts=3)
        self.expect_error(reply, "denied", "HTTP 401")
        self.assertEqual(reply["retries"], [])


class Table(unittest.TestCase):
    def test_every_protocol_is_tested(self):
        path = os.path.join(HERE, "..", "..", "src", "agent", "models",
                            "models.yaml")
        with open(path, encoding="utf-8") as file:
            named = {line.split()[1] for line in file
                     if line.strip().startswith("protocol:")}
        self.assertEqual(named - {"demo"}, set(PROTOCOLS))


for name in PROTOCOLS:
    title = name.title().replace("-", "")
    globals()[title] = type(title, (Protocol, unittest.TestCase),
                            {"protocol": name, "__module__": __name__})
del name, title

if __name__ == "__main__":
    unittest.main()
