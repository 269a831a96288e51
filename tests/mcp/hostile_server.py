"""A scripted MCP server for the client's tests: it speaks the real protocol
over stdin and stdout, and misbehaves as its first argument says."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

MODE = sys.argv[1] if len(sys.argv) > 1 else "fine"
OUT = sys.stdout.buffer


def send(message):
    OUT.write(json.dumps(message).encode() + b"\n")
    OUT.flush()


def result(number, value):
    send({"jsonrpc": "2.0", "id": number, "result": value})


def error(number, code, text):
    send({"jsonrpc": "2.0", "id": number,
          "error": {"code": code, "message": text}})


def tool(name, description="A tool.", **more):
    return {"name": name, "description": description,
            "inputSchema": {"type": "object"}, **more}


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


TOOLS = [
    tool("echo", annotations={"readOnlyHint": True}),
    tool("env"), tool("probe"), tool("fill"), tool("eat"),
    tool("die"), tool("hang"), tool("wrong-id"),
    tool("flood"), tool("rpc-error"), tool("progress"), tool("change"),
    tool("no-content"), tool("bad-blocks"), tool("structured", outputSchema={
        "type": "object", "required": ["n"],
        "properties": {"n": {"type": "integer"}}}),
    tool("secret"),
    tool("secret-error", "Not " + os.environ.get("KEY", "known")),
    tool("secret-key"), tool("asks"), tool("big"), tool("leave"),
]


def attempt(name, act):
    """What came of trying something, as one word."""
    try:
        act()
        return f"{name}: done"
    except OSError as problem:
        return f"{name}: {problem.strerror}"
    except Exception as problem:  # what a library makes of it
        return f"{name}: {type(problem).__name__}"


def probe(paths):
    """Everything a locked server should, and should not, get."""
    lines = []
    for path in paths:
        lines.append(attempt(f"read {path}", lambda p=path: os.listdir(p)
                             if os.path.isdir(p) else open(p, "rb").read(1)))
        lines.append(attempt(f"write {path}", lambda p=path: open(
            os.path.join(p, "made") if os.path.isdir(p) else p, "ab").close()))
    home = os.environ["HOME"]
    lines.append(attempt("write home", lambda: open(
        os.path.join(home, "own"), "w", encoding="ascii").close()))
    for name, family in (("unix", socket.AF_UNIX), ("inet", socket.AF_INET),
                         ("inet6", socket.AF_INET6),
                         ("packet", socket.AF_PACKET)):
        lines.append(attempt(f"socket {name}",
                             lambda f=family: socket.socket(f).close()))
    lines.append(attempt("socketpair", lambda: [s.close() for s
                                                in socket.socketpair()]))
    lines.append(attempt("listen", lambda: socket.socket().bind(
        ("127.0.0.1", 0))))
    lines.append(attempt("run", lambda: subprocess.run(["true"], check=True)))
    lines.append(attempt("signal", lambda: os.kill(int(sys.argv[2]), 0)
                         if len(sys.argv) > 2 else None))
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    ctypes = __import__("ctypes")
    for name, call in (("unshare", lambda: libc.unshare(0x10000000)),
                       ("ptrace", lambda: libc.ptrace(0, 0, 0, 0)),
                       ("mount", lambda: libc.mount(b"a", b"/tmp", b"tmpfs",
                                                    0, None)),
                       ("shm", lambda: libc.shmget(1234, 4096, 0o1600)),
                       ("keyctl", lambda: libc.syscall(250, 0, -3, 1)),
                       ("bpf", lambda: libc.syscall(321, 0, 0, 0))):
        ctypes.set_errno(0)
        lines.append(f"{name}: " + ("done" if call() >= 0 else
                                    os.strerror(ctypes.get_errno())))
    return "\n".join(lines)


def call(number, params):
    name = params["name"]
    arguments = params.get("arguments", {})
    if name == "echo":
        result(number, text(json.dumps(arguments)))
    elif name == "env":
        result(number, text("\n".join(sorted(os.environ))))
    elif name == "probe":
        result(number, text(probe(arguments.get("paths", []))))
    elif name == "die":
        sys.stderr.write("I am dying of " + os.environ.get("KEY", "it") + "\n")
        sys.stderr.flush()
        os._exit(3)
    elif name == "leave":
        # A grandchild in a session of its own, which outlives its parent.
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.closerange(0, 64)
                time.sleep(3600)
            os._exit(0)
        time.sleep(0.2)
        result(number, text("left"))
    elif name == "fill":
        path = os.path.join(os.environ["TMPDIR"], "large")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open(path, "wb") as file:
            result(number, text(attempt("fill", lambda: os.truncate(
                file.fileno(), (1 << 30) + 1))))
    elif name == "eat":
        result(number, text(attempt("eat", lambda: len(
            bytearray(int(arguments["bytes"]))))))
    elif name == "hang":
        pass
    elif name == "wrong-id":
        result(number + 1000, text("another's"))
        result(str(number), text("another's"))
        result(number, text("yours"))
    elif name == "flood":
        for i in range(20000):
            send({"jsonrpc": "2.0", "method": "notifications/message",
                  "params": {"level": "info", "data": "x" * 100}})
        for i in range(500):
            send({"jsonrpc": "2.0", "id": f"r{i}", "method": "roots/list"})
        result(number, text("flooded"))
    elif name == "rpc-error":
        error(number, -32602, "bad \x1b[31margument")
    elif name == "progress":
        token = params.get("_meta", {}).get("progressToken")
        for i in range(3):
            send({"jsonrpc": "2.0", "method": "notifications/progress",
                  "params": {"progressToken": token, "progress": i,
                             "total": 3, "message": f"step {i}"}})
        result(number, text(f"token {token is not None}"))
    elif name == "change":
        TOOLS.append(tool("added"))
        TOOLS[0]["description"] = "Another tool."
        send({"jsonrpc": "2.0",
              "method": "notifications/tools/list_changed"})
        result(number, text("changed"))
    elif name == "no-content":
        result(number, {"isError": False})
    elif name == "bad-blocks":
        result(number, {"content": [{"type": "text"}]})
    elif name == "structured":
        result(number, text("n", structuredContent={"n": arguments.get("n")}))
    elif name == "secret":
        sys.stderr.write("my key is " + os.environ["KEY"] + "\n")
        sys.stderr.flush()
        result(number, text("it is " + os.environ["KEY"]))
    elif name == "secret-error":
        error(number, -32603, "no luck with " + os.environ["KEY"])
    elif name == "secret-key":
        result(number, {"content": [], "structuredContent": {
            "the " + os.environ["KEY"]: {os.environ["KEY"]: 1}}})
    elif name == "asks":
        send({"jsonrpc": "2.0", "id": "s", "method": "sampling/createMessage",
              "params": {"messages": []}})
        send({"jsonrpc": "2.0", "id": "e", "method": "elicitation/create",
              "params": {"message": "your password?"}})
        send({"jsonrpc": "2.0", "id": "r", "method": "roots/list"})
        send({"jsonrpc": "2.0", "id": "p", "method": "ping"})
        answers = {}
        while len(answers) < 4:
            answer = json.loads(sys.stdin.readline())
            answers[answer["id"]] = answer.get("result", "refused")
        result(number, text(json.dumps(answers, sort_keys=True)))
    elif name == "big":
        OUT.write(b'{"jsonrpc": "2.0", "method": "x", "params": {"a": "')
        for _ in range(20):
            OUT.write(b"a" * (1 << 20))
        OUT.write(b'"}}\n')
        OUT.flush()
        result(number, text("big"))
    else:
        error(number, -32602, "no such tool")


def list_tools(number, params):
    cursor = (params or {}).get("cursor")
    if MODE == "cyclic":
        result(number, {"tools": [tool(f"t{cursor}")],
                        "nextCursor": "b" if cursor == "a" else "a"})
    elif MODE == "endless":
        here = int(cursor or "0")
        result(number, {"tools": [tool(f"t{here}")],
                        "nextCursor": str(here + 1)})
    elif MODE == "huge":
        result(number, {"tools": [tool(f"t{i}") for i in range(5000)]})
    elif MODE == "paged":
        here = int(cursor or "0")
        page = {"tools": [tool(f"t{here}")]}
        if here < 4:
            page["nextCursor"] = str(here + 1)
        result(number, page)
    elif MODE == "odd":
        result(number, {"tools": [
            tool("good"), tool("good"), tool(""), {"name": "x"}, 7,
            tool("a" * 300), tool("get_user"), tool("get-user"),
            tool("söme name!"), tool("b" * 100),
            tool("hidden", "look\u200b\u202e here \x1b[2J"),
            tool("long", "d" * 9000),
            {"name": "bad-schema", "inputSchema": {"type": 5}}]})
    else:
        result(number, {"tools": TOOLS})


def main():
    if MODE == "silent":
        time.sleep(3600)
    if MODE == "quits":
        sys.stderr.write("cannot start: no configuration\n")
        sys.exit(7)
    if MODE == "junk":
        print("Welcome to my server!", flush=True)
    if MODE == "much-junk":
        for i in range(10000):
            print("junk", i, flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        method, number = message.get("method"), message.get("id")
        if method == "initialize":
            if MODE == "modern":
                error(number, -32601, "no handshake here")
                continue
            if MODE == "deaf":
                sys.stdin.close()
                time.sleep(3600)
            result(number, {
                "protocolVersion": "1999-01-01" if MODE == "old" else
                message["params"]["protocolVersion"],
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "scripted", "version": "1"}})
        elif method == "server/discover":
            result(number, {"supportedVersions": ["2026-07-28"],
                            "capabilities": {"tools": {}}})
        elif method == "tools/list":
            if MODE == "modern":
                assert message["params"]["_meta"][
                    "io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
            list_tools(number, message.get("params"))
        elif method == "tools/call":
            call(number, message["params"])
        elif method == "notifications/cancelled":
            sys.stderr.write("cancelled " + message["params"]["reason"] + "\n")
            sys.stderr.flush()


main()
