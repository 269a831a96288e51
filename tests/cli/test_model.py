"""boxagnts model: the table, where keys come from, and one turn with a model.

No provider is asked. What answers here is a server that plays scripted answers
in the wire formats of Gemini and Anthropic."""

import http.server
import importlib.util
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import threading
import time
import unittest

import support

KEY = "AIza-secret-of-the-test-0123456789"
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def gemini_stream(*parts, finish="STOP"):
    """What Gemini streams of a reply with these parts."""
    event = {
        "candidates": [{"content": {"parts": list(parts), "role": "model"},
                        "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 70, "candidatesTokenCount": 20,
                          "thoughtsTokenCount": 5, "totalTokenCount": 95},
        "modelVersion": "gemini-scripted-001",
    }
    return "data: " + json.dumps(event) + "\r\n\r\n"


def gemini_call(name="add_numbers", **args):
    return {"functionCall": {"name": name, "args": args}}


def gemini_error(code, status, message, *details):
    return json.dumps({"error": {"code": code, "status": status,
                                 "message": message,
                                 "details": list(details)}})


def anthropic_stream():
    events = [
        {"type": "message_start",
         "message": {"model": "claude-scripted", "usage": {"input_tokens": 30}}},
        {"type": "content_block_start", "index": 0,
         "content_block": {"type": "tool_use", "id": "toolu_1",
                           "name": "add_numbers", "input": {}}},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "input_json_delta",
                   "partial_json": '{"a": 17, "b"'}},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "input_json_delta", "partial_json": ": 25}"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
         "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n"
                   for e in events)


class ScriptedProvider(http.server.ThreadingHTTPServer):
    """Plays its answers in order, the last one again and again; no model.

    An answer is (status, content type, text, seconds to wait before it)."""

    daemon_threads = True

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.answers = list(answers)
        self.requests = []
        self.thread = threading.Thread(target=self.serve_forever,
                                       args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server_port}"

    def close(self):
        self.shutdown()
        self.server_close()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            server = self.server
            server.requests.append((self.path, dict(self.headers.items()),
                                    json.loads(body)))
            place = min(len(server.requests), len(server.answers)) - 1
            status, kind, text, wait = server.answers[place]
            time.sleep(wait)
            try:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())
            except OSError:
                pass  # it did not wait

        def log_message(self, *_):
            pass


def stream(text, wait=0.0):
    return 200, "text/event-stream", text, wait


def failure(status, text, kind="application/json"):
    return status, kind, text, 0.0


class ModelTest(support.CliTest):
    def model(self, *arguments, **options):
        return self.boxagnts("model", *arguments, **options)

    def write_table(self, text):
        path = os.path.join(self.environment["HOME"], ".config", "boxagnts",
                            "models.yaml")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path


class List(ModelTest):
    def test_fits_a_terminal_and_has_no_colours_in_a_pipe(self):
        out = self.model("list").out
        lines = out.splitlines()
        self.assertEqual(lines[0].split()[:3], ["NAME", "PROVIDER", "KEY"])
        self.assertTrue(all(len(line) <= 80 for line in lines), out)
        self.assertNotIn("\033", out)
        rows = {line.split()[0]: line for line in lines[1:]}
        self.assertRegex(
            rows["gemini-3.5-flash"],
            r"^gemini-3.5-flash +gemini +no +1.05M +1.5/9 +tool img think "
            r"json$")
        self.assertRegex(rows["demo"], r"^demo +demo +- +100k +0/0 +tool$")

    def on_terminal(self, **variables):
        parent, child = pty.openpty()
        try:
            subprocess.run([support.PROGRAM, "model", "list"], stdout=child,
                           stdin=subprocess.DEVNULL, check=True, timeout=60,
                           env={**self.environment, "TERM": "xterm",
                                **variables})
            os.set_blocking(parent, False)
            return os.read(parent, 65536).decode()
        finally:
            os.close(parent)
            os.close(child)

    def test_has_colours_on_a_terminal_alone(self):
        shown = self.on_terminal()
        self.assertIn("\033[1mdemo ", shown)  # taken when nobody names one
        self.assertIn("\033[2mclaude-", shown)  # no key
        self.assertNotIn("\033", self.on_terminal(NO_COLOR="1"))

    def test_tells_programs_everything(self):
        data = json.loads(self.model("list", "--json").out)
        models = {model["name"]: model for model in data["models"]}
        self.assertNotIn("providers", data)
        demo = models["demo"]
        self.assertTrue(demo["is_default"])
        self.assertFalse(demo["needs_key"])
        gemini = models["gemini-3.1-pro-preview"]
        self.assertEqual(gemini["key"], {"variable": "GEMINI_API_KEY"})
        self.assertEqual(gemini["price"], {"input": 2.0, "output": 12.0})
        self.assertEqual(gemini["long_price"]["above"], 200000)
        self.assertEqual(gemini["context_tokens"], 1048576)
        self.assertIn("thinking", gemini["has"])
        self.assertFalse(gemini["has_key"])

    def test_finds_keys_and_never_shows_them(self):
        env = {"GEMINI_API_KEY": KEY}
        data = json.loads(self.model("list", "--json", env=env).out)
        self.assertEqual([model["name"] for model in data["models"]
                          if model["is_default"]], ["gemini-3.8-flash"])
        for arguments in (["list"], ["list", "--json"], ["list", "--all"],
                          ["show", "gemini-3.5-flash"],
                          ["show", "gemini-3.5-flash", "--json"]):
            result = self.model(*arguments, env=env)
            self.assertIn("gemini-3.5-flash", result.out)
            self.assertNotIn(KEY, result.out + result.err)
        self.assertRegex(self.model("list", env=env).out,
                         r"gemini-3.5-flash +gemini +yes ")

    def test_all_has_those_who_serve_any_model(self):
        self.assertNotIn("ollama", self.model("list").out)
        out = self.model("list", "--all").out
        self.assertRegex(out, r"(?m)^ollama/ID +ollama +- +\? +\?/\? +tool$")
        self.assertRegex(out, r"(?m)^deepseek/ID +deepseek +no ")
        self.assertNotIn("anthropic/ID", out)  # whose models are there
        self.assertTrue(all(len(line) <= 80 for line in out.splitlines()))
        data = json.loads(self.model("list", "--all", "--json").out)
        names = [provider["provider"] for provider in data["providers"]]
        self.assertIn("ollama", names)
        self.assertIn("anthropic", names)

    def test_has_the_users_own_first(self):
        self.write_table("""
providers:
  house: { protocol: openai-chat, base_url: "https://ai.example.org/v1" }
models:
  my-very-long-name-of-a-model: { provider: house, has: [images] }
""")
        lines = self.model("list").out.splitlines()
        self.assertRegex(lines[1], r"^my-very-long-name-of-a-model house +- +"
                                   r"\? +\?/\? +img$")

    def test_names_line_and_key_of_a_wrong_table(self):
        path = self.write_table("models:\n  x:\n    provider: nobody\n")
        result = self.model("list", status=1)
        self.assertIn(f"{path}: line 3", result.err)
        self.assertEqual(result.out, "")


class Show(ModelTest):
    def test_tells_everything(self):
        out = self.model("show", "gemini-3.1-pro-preview").out
        fields = dict(line.split(None, 1) for line in out.splitlines()
                      if not line.startswith("$"))
        self.assertEqual(fields["provider"], "gemini")
        self.assertEqual(fields["key"],
                         "variable GEMINI_API_KEY, which is not set")
        self.assertEqual(fields["address"],
                         "https://generativelanguage.googleapis.com")
        self.assertEqual(fields["above"], "200000 tokens")
        self.assertEqual(fields["can"], "tools, images, thinking, schema")
        self.assertIn("input 2, output 12, read from cache ?", out)
        self.assertIn("input 4, output 18", out)
        self.assertIn("which is set", self.model(
            "show", "gemini-3.5-flash", env={"GEMINI_API_KEY": KEY}).out)

    def test_takes_the_default_without_a_name(self):
        self.assertIn("yes, when nobody names a model", self.model("show").out)
        self.assertRegex(self.model("show").out, r"(?m)^name +demo$")

    def test_tells_where_keys_come_from_and_no_more(self):
        key_file = self.write("key", "secret-in-a-file")
        os.chmod(key_file, 0o600)
        self.write_table(f"""
providers:
  house:
    protocol: openai-chat
    base_url: https://ai.example.org/v1
    key_env: HOUSE_KEY
    key_file: {key_file}
    key_command: [/bin/echo, secret-of-an-argument]
    headers: {{ x-team: secret-of-a-header }}
""")
        result = self.model("show", "house/m")
        self.assertIn("variable HOUSE_KEY, which is not set", result.out)
        self.assertIn(f"file {key_file}, which is there", result.out)
        self.assertIn("the program /bin/echo prints", result.out)
        self.assertRegex(result.out, r"(?m)^header +x-team$")
        self.assertRegex(result.out, r"(?m)^context +not known$")
        data = self.model("show", "house/m", "--json")
        self.assertEqual(json.loads(data.out)["key"], {
            "variable": "HOUSE_KEY", "file": key_file, "program": "/bin/echo"})
        for text in (result.out, data.out,
                     self.model("list", "--all", "--json").out):
            self.assertNotIn("secret", text)
        os.unlink(key_file)
        self.assertIn("is not there", self.model("show", "house/m").out)

    def test_guesses_what_was_meant(self):
        result = self.model("show", "gemini-3.5-flush", status=1)
        self.assertIn("did you mean 'gemini-3.5-flash'", result.err)
        self.assertEqual(result.out, "")

    def test_escapes_a_name_that_is_none(self):
        self.assertNotIn("\033", self.model("show", "\033[31m", status=1).err)


class Usage(ModelTest):
    def test_refuses_what_it_does_not_know(self):
        for arguments, expected in (
                ([], "expected list, show or test"),
                (["lists"], "expected list, show or test"),
                (["list", "x"], "'x': list takes no operand"),
                (["show", "a", "b"], "'b': show takes one NAME"),
                (["list", "--wide"], "'--wide' is not an option"),
                (["show", "--all"], "show has no such option"),
                (["list", "--timeout", "3"], "list has no such option"),
                (["test", "--timeout"], "needs a value"),
                (["test", "--timeout", "0"], "1 to 3600"),
                (["test", "--timeout", "3601"], "1 to 3600"),
                (["test", "--timeout", "1m"], "1 to 3600"),
                (["test", "--timeout", "-1"], "1 to 3600"),
        ):
            result = self.model(*arguments, status=2)
            self.assertIn(expected, result.err)
            self.assertIn("model --help", result.err)
            self.assertEqual(result.out, "")

    def test_helps(self):
        for arguments in (["--help"], ["list", "-h"], ["test", "--help"]):
            out = self.model(*arguments).out
            self.assertIn("Usage: boxagnts model list", out)
            self.assertTrue(all(len(line) <= 80 for line in out.splitlines()))
        self.assertRegex(self.boxagnts("--help").out, r"(?m)^  model +List ")

    def test_is_completed(self):
        script = self.boxagnts("completion", "bash").out

        def complete(*words):
            line = "COMP_WORDS=(boxagnts " + " ".join(
                f"'{word}'" for word in words) + ")"
            result = subprocess.run(
                ["bash", "-c", f"{script}\n{line}\nCOMP_CWORD={len(words)}\n"
                 "_boxagnts\nprintf '%s\\n' \"${COMPREPLY[@]}\""],
                capture_output=True, text=True, timeout=60, check=True,
                env={**self.environment, "PATH": os.path.dirname(
                    support.PROGRAM) + ":" + os.environ["PATH"]})
            return result.stdout.split()

        self.assertIn("model", complete("mo"))
        self.assertEqual(complete("model", ""), ["list", "show", "test"])
        self.assertEqual(complete("model", "show", "gemini-3.5"),
                         ["gemini-3.5-flash"])
        self.assertEqual(complete("model", "test", "--t"), ["--timeout"])


class Test(ModelTest):
    def ask(self, *answers, arguments=(), model="gemini-3.5-flash", **options):
        """One `model test` against scripted answers."""
        self.server = ScriptedProvider(*answers)
        self.addCleanup(self.server.close)
        env = {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": self.server.base,
               "ANTHROPIC_API_KEY": KEY,
               "ANTHROPIC_BASE_URL": self.server.base}
        result = self.model("test", model, *arguments, env=env, **options)
        self.assertNotIn(KEY, result.out + result.err)
        self.assertNotIn("\033", result.out + result.err)
        return result

    def test_demo_is_labelled(self):
        result = self.model("test", "demo")
        self.assertIn("a script is played, no model was asked", result.out)
        self.assertIn("demo (scripted)", result.out)
        self.assertRegex(result.out, r"(?m)^tool call +works: ")
        self.assertTrue(json.loads(
            self.model("test", "--json").out)["is_demo"])

    def test_gemini_calls_the_tool(self):
        result = self.ask(stream(gemini_stream(
            {"text": "Well.", "thought": True}, gemini_call(a=17, b=25))))
        self.assertRegex(result.out, r"(?m)^answered as +gemini-scripted-001$")
        self.assertRegex(
            result.out,
            r'(?m)^tool call +works: add_numbers\(\{"a":17,"b":25\}\)$')
        self.assertRegex(result.out,
                         r"(?m)^tokens +70 in, 25 out \(5 of them thinking\)$")
        # 70 * 1.5 + 25 * 9 millionths of a dollar
        self.assertRegex(result.out, r"(?m)^cost +\$0.000330$")
        self.assertRegex(result.out, r"(?m)^time +[0-9.]+ m?s, something came")
        self.assertEqual(result.err, "")
        path, headers, body = self.server.requests[0]
        self.assertEqual(path, "/v1beta/models/gemini-3.5-flash:"
                               "streamGenerateContent?alt=sse")
        self.assertEqual({name.lower(): value for name, value
                          in headers.items()}["x-goog-api-key"], KEY)
        tool = body["tools"][0]["functionDeclarations"][0]
        self.assertEqual(tool["name"], "add_numbers")
        self.assertEqual(tool["parametersJsonSchema"]["required"], ["a", "b"])

    def test_anthropic_calls_the_tool(self):
        result = self.ask(stream(anthropic_stream()), model="claude-haiku-4-5")
        self.assertRegex(result.out, r"(?m)^tool call +works: ")
        self.assertRegex(result.out, r"(?m)^tokens +30 in, 9 out$")

    def test_tells_programs_the_same(self):
        data = json.loads(self.ask(
            stream(gemini_stream(gemini_call(a=17, b=25))),
            arguments=["--json"]).out)
        self.assertTrue(data["ok"])
        self.assertEqual(data["tool_call"], "works")
        self.assertEqual(data["attempts"], 1)
        self.assertEqual(data["usage"]["thinking_tokens"], 5)
        self.assertAlmostEqual(data["cost"], 0.00033)
        self.assertFalse(data["is_demo"])

    def test_no_call_is_no_success(self):
        result = self.ask(stream(gemini_stream(
            {"text": "I \033[31mcannot\033[0m."})), status=1)
        self.assertRegex(result.out, r"(?m)^tool call +none came$")
        self.assertIn(r"I \x1b[31mcannot", result.out)
        shown = self.ask(stream(gemini_stream({"text": "No.\n" * 1000})),
                         status=1).out
        self.assertLess(len(shown), 1000)
        self.assertEqual(shown.count("\n"), 8)
        data = json.loads(self.ask(stream(gemini_stream({"text": "No."})),
                                   arguments=["--json"], status=1).out)
        self.assertEqual((data["ok"], data["tool_call"]), (False, "none"))

    def test_another_call_is_no_success(self):
        for call in (gemini_call(a=1, b=25), gemini_call(a=17, b=2),
                     gemini_call("other", a=17, b=25), gemini_call(),
                     gemini_call(a="17", b="25")):
            result = self.ask(stream(gemini_stream(call)), status=1)
            self.assertRegex(result.out,
                             r"(?m)^tool call +not what was asked for: ")

    def test_tells_why_a_reply_ended(self):
        self.assertIn("declined by the model or its provider", self.ask(
            stream(gemini_stream(finish="SAFETY")), status=1).out)
        self.assertIn("cut at the most tokens", self.ask(
            stream(gemini_stream(finish="MAX_TOKENS")), status=1).out)

    def test_a_model_without_tools_just_answers(self):
        self.write_table("""
models:
  plain: { provider: gemini, id: gemini-plain, has: [] }
""")
        result = self.ask(stream(gemini_stream({"text": "ready"})),
                          model="plain")
        self.assertRegex(result.out, r"(?m)^tool call +not tried: ")
        self.assertRegex(result.out, r"(?m)^it said +ready$")
        self.assertRegex(result.out, r"(?m)^cost +not known$")
        self.assertNotIn("tools", self.server.requests[0][2])

    def test_missing_key_is_taught(self):
        result = self.model("test", "gemini-3.5-flash", status=1)
        self.assertIn("GEMINI_API_KEY", result.err)
        self.assertIn("'boxagnts model show gemini-3.5-flash'", result.err)

    def test_refused_key_is_taught_and_never_echoed(self):
        result = self.ask(failure(400, gemini_error(
            400, "INVALID_ARGUMENT", f"API key not valid: {KEY}.",
            {"reason": "API_KEY_INVALID"})), status=1)
        self.assertIn("API key not valid", result.err)
        self.assertIn("tells where the key is looked for", result.err)

    def test_unknown_model_is_taught(self):
        result = self.ask(failure(404, gemini_error(
            404, "NOT_FOUND", "models/x is not found")), status=1)
        self.assertIn("models/x is not found", result.err)
        self.assertIn("asked for as 'gemini-3.5-flash' at http://127.0.0.1",
                      result.err)
        self.assertEqual(len(self.server.requests), 1)

    def test_overload_is_tried_again(self):
        result = self.ask(
            failure(503, gemini_error(503, "UNAVAILABLE", "overloaded")),
            stream(gemini_stream(gemini_call(a=17, b=25))))
        self.assertIn("; again in ", result.err)
        self.assertEqual(len(self.server.requests), 2)

    def test_malformed_call_is_tried_again(self):
        result = self.ask(
            stream(gemini_stream(finish="MALFORMED_FUNCTION_CALL")),
            stream(gemini_stream(gemini_call(a=17, b=25))))
        self.assertRegex(result.out, r"(?m)^tool call +works: ")
        self.assertEqual(len(self.server.requests), 2)

    def test_a_wait_that_is_too_long_is_an_error(self):
        result = self.ask(failure(429, gemini_error(
            429, "RESOURCE_EXHAUSTED", "Too many.",
            {"retryDelay": "3600.5s"})), status=1)
        self.assertIn("Too many.", result.err)
        self.assertIn("try again later", result.err)
        self.assertEqual(len(self.server.requests), 1)

    def test_a_quota_of_the_day_is_not_tried_again(self):
        result = self.ask(failure(429, gemini_error(
            429, "RESOURCE_EXHAUSTED", "Quota exceeded.",
            {"violations": [{"quotaId": "RequestsPerDayPerModel"}]},
            {"retryDelay": "1s"})), status=1)
        self.assertIn("Quota exceeded.", result.err)
        self.assertEqual(len(self.server.requests), 1)

    def test_another_server_is_told_of(self):
        result = self.ask(failure(200, "<html>Welcome", "text/html"), status=1)
        self.assertIn("speaks 'gemini'?", result.err)

    def test_errors_are_told_to_programs(self):
        result = self.ask(failure(404, gemini_error(404, "NOT_FOUND", "gone")),
                          arguments=["--json"], status=1)
        data = json.loads(result.out)
        self.assertFalse(data["ok"])
        self.assertIn("gone", data["error"])
        self.assertIn("gone", result.err)

    def test_nobody_listens(self):
        server = ScriptedProvider(stream(""))
        base = server.base
        server.close()
        result = self.model("test", "gemini-3.5-flash", status=1,
                            env={"GEMINI_API_KEY": KEY,
                                 "GEMINI_BASE_URL": base})
        self.assertIn(f"Is {base} the right address", result.err)

    def test_ends_in_its_time(self):
        result = self.ask(stream(gemini_stream(), wait=30),
                          arguments=["--timeout", "1"], status=124)
        self.assertIn("--timeout SECONDS waits longer", result.err)

    def test_ends_when_it_is_interrupted(self):
        server = ScriptedProvider(stream(gemini_stream(), wait=30))
        self.addCleanup(server.close)
        process = subprocess.Popen(
            [support.PROGRAM, "model", "test", "gemini-3.5-flash"],
            env={**self.environment, "GEMINI_API_KEY": KEY,
                 "GEMINI_BASE_URL": server.base},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        while not server.requests:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)


class Wire(ModelTest):
    """Every protocol against the mock server that speaks them all, a scripted
    stand-in for the paid services."""

    def start_server(self):
        path = os.path.join(SOURCE, "tests", "models", "test_aimock.py")
        spec = importlib.util.spec_from_file_location("aimock_of_models", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        answers = self.write("answers.json", json.dumps({"fixtures": [
            {"match": {"userMessage": "test of tool calls"},
             "response": {"toolCalls": [{"name": "add_numbers",
                                         "arguments": {"a": 17, "b": 25}}],
                          "usage": {"prompt_tokens": 60,
                                    "completion_tokens": 12}}}]}))
        process = subprocess.Popen(
            [shutil.which("node"), "server.mjs", answers, KEY],
            cwd=module.installed(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        url = process.stdout.readline().decode().strip()
        self.assertTrue(url.startswith("http://127.0.0.1:"), url)
        return url

    def test_every_protocol_calls_the_tool(self):
        url = self.start_server()
        env = {f"{name}_API_KEY": KEY
               for name in ("ANTHROPIC", "OPENAI", "GEMINI")}
        env |= {"ANTHROPIC_BASE_URL": url, "OPENAI_BASE_URL": url + "/v1",
                "GEMINI_BASE_URL": url}
        for model in ("claude-sonnet-5-5", "gpt-6.2-sol", "openai-chat/gpt-4o",
                      "gemini-3.5-flash", "gemini/gemini-2.5-flash"):
            with self.subTest(model=model):
                result = self.model("test", model, env=env)
                self.assertRegex(
                    result.out, r'(?m)^tool call +works: add_numbers\('
                                r'\{"a":17,"b":25\}\)$')
                self.assertRegex(result.out, r"(?m)^tokens +[1-9]\d* in, ")
                self.assertNotIn(KEY, result.out + result.err)
                refused = self.model(
                    "test", model, status=1,
                    env={name: value.replace("secret", "other")
                         for name, value in env.items()})
                self.assertIn("HTTP 401", refused.err)
                self.assertNotIn("AIza-other", refused.err)


class Agent(ModelTest):
    """What a provider wants back goes back to it, past the session on disk."""

    def test_signatures_and_ids_go_back_to_gemini(self):
        call = gemini_call("no-such-tool", x=1)
        call["functionCall"]["id"] = "own.1"
        call["thoughtSignature"] = "c2lnbmVk"
        end = {"text": "", "thoughtSignature": "ZW5k"}
        server = ScriptedProvider(
            stream(gemini_stream({"text": "Plan.", "thought": True},
                                 {"text": "Look."}, call, gemini_call("b"))),
            stream(gemini_stream({"text": "Done."}, end)))
        self.addCleanup(server.close)
        env = {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": server.base}
        arguments = ("agent", "run", "--model", "gemini-3.5-flash")
        result = self.boxagnts(*arguments, "a task", env=env, timeout=120)
        self.assertEqual(result.out, "Done.\n")
        session = re.search(r"session (\w+)", result.err)[1]
        self.boxagnts(*arguments, "--resume", session, "and now", env=env,
                      timeout=120)
        contents = server.requests[2][2]["contents"]
        self.assertEqual([content["role"] for content in contents],
                         ["user", "model", "user", "model", "user"])
        self.assertEqual(contents[1]["parts"], [
            {"text": "Look."}, call, {"functionCall": {"name": "b",
                                                       "args": {}}}])
        answers = [part["functionResponse"] for part in contents[2]["parts"]]
        self.assertEqual([(answer["name"], answer.get("id"))
                          for answer in answers],
                         [("no-such-tool", "own.1"), ("b", None)])
        self.assertIn("no tool", answers[0]["response"]["error"])
        self.assertEqual(contents[3]["parts"], [{"text": "Done."}, end])
        self.assertIn("and now", contents[4]["parts"][-1]["text"])
        for _, headers, body in server.requests:
            self.assertNotIn(KEY, json.dumps(body))
            self.assertIn(KEY, headers.values())


class Documentation(ModelTest):
    """The page's examples: what stands behind `$ ` is run, and what it says
    there comes, in this order; `...` stands for lines left out."""

    def test_examples_are_true(self):
        with open(os.path.join(SOURCE, "docs", "models.md"),
                  encoding="utf-8") as file:
            page = file.read()
        blocks = re.findall(r"```console\n(.*?)```", page, re.S)
        self.assertTrue(blocks)
        for block in blocks:
            self.run_block(block)

    def run_block(self, block):
        for example in re.split(r"(?m)^\$ ", block)[1:]:
            command, _, expected = example.partition("\n")
            result = subprocess.run(
                ["sh", "-c", command], capture_output=True, text=True,
                timeout=60, check=False, cwd=self.dir,
                env={**self.environment, "PATH": os.path.dirname(
                    support.PROGRAM) + ":" + os.environ["PATH"]})
            said = (result.stdout + result.stderr).splitlines()
            at = 0
            for line in expected.splitlines():
                if line == "...":
                    continue
                self.assertIn(line, said[at:], f"{command}: {said}")
                at = said.index(line, at) + 1


if __name__ == "__main__":
    unittest.main()
