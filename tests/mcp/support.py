"""Shared by the tests of the MCP server: a home with tools, a server over
pipes, and a client that says whatever a test wants said."""

import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

SOURCE = os.environ.get("BX_SOURCE_DIR", os.getcwd())
BUILD = os.path.abspath(os.environ.get("BX_BUILD_DIR", "build"))
PROGRAM = os.path.join(BUILD, "bin", "boxagnts")
ACTOR = os.path.join(BUILD, "tests", "guest", "actor.wasm")
HERE = os.path.join(SOURCE, "tests", "mcp")



def processes_of(pid):
    """The children of a process, and what each says of itself in `ps`."""
    found = {}
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    for child in children:
        with open(f"/proc/{child}/cmdline", encoding="utf-8") as file:
            words = file.read().rstrip("\0").split("\0")
        found[int(child)] = words[1] if len(words) == 2 else words
    return found


MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class ServerTest(unittest.TestCase):
    """A home for all tests of a class, a workspace for each."""

    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory(prefix="bx-mcp-")
        cls.addClassCleanup(home.cleanup)
        cls.home = os.path.realpath(home.name)
        cls.environment = {"HOME": cls.home, "PATH": os.environ["PATH"],
                           "LC_ALL": "C.UTF-8"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                cls.environment[name] = os.environ[name]
        cls.tools = os.path.join(cls.home, ".local/share/boxagnts/tools")
        os.makedirs(cls.tools)
        cls.add_tool("actor", "  permission_level: execute\n"
                     "  permissions: ['fs.read:/', 'fs.write:/', 'tool:*',"
                     " 'exec:*', 'network:*']\n")

    @classmethod
    def add_tool(cls, name, manifest):
        """A copy of the guest that does what its input says."""
        shutil.copy(ACTOR, os.path.join(cls.tools, name + ".wasm"))
        with open(os.path.join(cls.tools, name + ".tool.yaml"), "w",
                  encoding="utf-8") as file:
            file.write(f"tool:\n  name: {name}\n  description: An actor.\n"
                       + manifest)

    def setUp(self):
        work = tempfile.TemporaryDirectory(prefix="bx-work-")
        self.addCleanup(work.cleanup)
        self.dir = os.path.realpath(work.name)

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def command(self, *flags):
        return [PROGRAM, "mcp", "--workspace", self.dir, *flags]

    def start(self, *flags):
        return Server(self, self.command(*flags), self.environment)

    def open(self, *flags, version="2025-11-25"):
        """A server that is initialized."""
        server = self.start(*flags)
        result = server.ask("initialize", protocolVersion=version,
                            capabilities={},
                            clientInfo={"name": "test", "version": "1"})
        self.assertEqual(result["protocolVersion"], version)
        server.tell("notifications/initialized")
        return server

    def audit(self):
        """The events of the audit log."""
        path = os.path.join(self.home, ".local/state/boxagnts/audit.jsonl")
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]


class Server:
    """The program with pipes, each line of its stdout as it comes."""

    def __init__(self, test, command, environment):
        self.test = test
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment)
        self.lines = queue.Queue()
        self.others = []
        self.errors = b""
        self.last_id = 0
        self.reads = threading.Event()  # cleared: nobody reads stdout
        self.reads.set()
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._read_errors,
                                         daemon=True)]
        for reader in self.readers:
            reader.start()
        test.addCleanup(self._clean)

    def _read(self):
        try:
            for line in self.process.stdout:
                self.reads.wait()
                self.lines.put(json.loads(line))
        except ValueError:
            pass  # a test closed it
        self.lines.put(None)

    def _read_errors(self):
        self.errors = self.process.stderr.read()

    def _clean(self):
        self.reads.set()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join(timeout=10)
        for stream in (self.process.stdin, self.process.stdout,
                       self.process.stderr):
            try:
                stream.close()
            except OSError:
                pass

    def send(self, data):
        """Bytes, or a message."""
        if not isinstance(data, bytes):
            data = json.dumps(data).encode() + b"\n"
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def tell(self, method, **params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method, **params):
        """Send a request; its id."""
        self.last_id += 1
        self.send({"jsonrpc": "2.0", "id": self.last_id, "method": method,
                   "params": params})
        return self.last_id

    def next(self):
        """The next message, whatever it is; None at the end."""
        return self.lines.get(timeout=60)

    def wait(self, is_wanted):
        """The first message that is wanted; what comes before is kept."""
        for i, message in enumerate(self.others):
            if is_wanted(message):
                return self.others.pop(i)
        while True:
            message = self.next()
            self.test.assertIsNotNone(message, "the server ended")
            if is_wanted(message):
                return message
            self.others.append(message)

    def answer(self, number):
        return self.wait(lambda m: "method" not in m and m.get("id") == number)

    def notification(self, method):
        return self.wait(lambda m: m.get("method") == method)["params"]

    def ask(self, method, **params):
        """The result of a request."""
        answer = self.answer(self.begin(method, **params))
        self.test.assertIn("result", answer)
        return answer["result"]

    def refuse(self, method, **params):
        """The error of a request."""
        answer = self.answer(self.begin(method, **params))
        self.test.assertIn("error", answer)
        return answer["error"]

    def call(self, name, **arguments):
        return self.ask("tools/call", name=name, arguments=arguments)

    def close(self):
        """Close stdin; the exit status."""
        self.process.stdin.close()
        return self.process.wait(timeout=60)


def text_of(result):
    return "".join(block.get("text", "") for block in result["content"])


def python_with(requirements):
    """A Python that has what a file of pinned packages names, made once."""
    with open(requirements, "rb") as file:
        key = hashlib.sha256(file.read()).hexdigest()[:16]
    folder = os.path.join(BUILD, "mcp-clients", "python-" + key)
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(os.path.join(folder, "complete")):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True,
                       capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet",
                        "--require-hashes", "-r", requirements], check=True,
                       capture_output=True)
    except subprocess.CalledProcessError as error:
        raise unittest.SkipTest("the client cannot be installed: "
                                + error.stderr.decode()[-400:]) from error
    with open(os.path.join(folder, "complete"), "w", encoding="utf-8"):
        pass
    return python


def node_with(folder):
    """A copy of a folder with its packages installed, made once."""
    with open(os.path.join(folder, "package-lock.json"), "rb") as file:
        key = hashlib.sha256(file.read()).hexdigest()[:16]
    copy = os.path.join(BUILD, "mcp-clients", "node-" + key)
    if shutil.which("npm") is None:
        raise unittest.SkipTest("npm is not installed")
    if not os.path.exists(os.path.join(copy, "complete")):
        shutil.rmtree(copy, ignore_errors=True)
        os.makedirs(copy)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(folder, name), copy)
        result = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit",
                                 "--no-fund"], cwd=copy, capture_output=True,
                                check=False)
        if result.returncode != 0:
            raise unittest.SkipTest("the client cannot be installed: "
                                    + result.stderr.decode()[-400:])
        with open(os.path.join(copy, "complete"), "w", encoding="utf-8"):
            pass
    return copy
