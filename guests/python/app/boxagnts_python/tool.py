"""python-execute: a piece of Python as a tool call.

Input is JSON {"code", "args", "stdin"}, the result {"content", "is_error",
"metadata"}: what the code printed, then its traceback or the value of its last
expression, as an interactive session shows it.
"""

import ast
import asyncio
import builtins
import inspect
import json
import linecache
import os
import sys
import types

import tools
from boxagnts_python import capture, errors, fresh

NAME = "python-execute"
# Scripts may replace what they find in a module; calls go on.
_dumps, _loads = json.dumps, json.loads
_KEYS = {"code": str, "args": list, "stdin": str, "session": str}
_MOST_VALUE = 1 << 20  # characters of the last expression's value
_MOST_METADATA = 4096  # characters of each text among the metadata

_cells = 0
_main = None  # of a session


class InputError(Exception):
    """The call itself is wrong; the code was not looked at."""


def parse(text):
    """The input of a call, checked."""
    try:
        call = _loads(text)  # from bytes: UTF-8, by their first ones
    except (ValueError, RecursionError) as error:
        raise InputError(f"input: expected a JSON object: {error}") from None
    if not isinstance(call, dict):
        raise InputError("input: expected a JSON object with the key 'code'")
    for key, value in call.items():
        if key not in _KEYS:
            raise InputError(f"input: unknown key '{key[:64]}': expected one of"
                             " " + ", ".join(_KEYS))
        if not isinstance(value, _KEYS[key]):
            raise InputError(f"input: {key}: expected a"
                             f" {'list' if key == 'args' else 'string'}")
    if "code" not in call:
        raise InputError("input: the key 'code' is missing")
    if not all(isinstance(item, str) for item in call.get("args", [])):
        raise InputError("input: args: expected strings")
    return call


def _new_main():
    """A fresh __main__, so that pickle and dataclasses find what it defines."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    main.__dict__["tools"] = tools
    sys.modules["__main__"] = main
    return main


def _ends_quietly(source, last):
    """Whether a ';' follows the last expression: its value is not shown."""
    line = source.splitlines()[last.end_lineno - 1].encode()
    return line[last.end_col_offset:].lstrip().startswith(b";")


def _compile(source, name):
    """Code objects of the statements and of the expression at their end."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, name, "exec", flags | ast.PyCF_ONLY_AST,
                   dont_inherit=True)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) \
            and not _ends_quietly(source, tree.body[-1]):
        last = ast.Expression(tree.body.pop().value)
    if last is None:
        return compile(tree, name, "exec", flags, dont_inherit=True), None
    # A future statement holds for the whole of the code.
    body = compile(tree, name, "exec", flags, dont_inherit=True)
    future = body.co_flags & _FUTURES
    return body, compile(last, name, "eval", flags | future, dont_inherit=True)


def _future_flags():
    import __future__
    flags = 0
    for feature in __future__.all_feature_names:
        flags |= getattr(__future__, feature).compiler_flag
    return flags


_FUTURES = _future_flags()


def _evaluate(body, last, scope):
    """The last expression's value. Code that awaits runs in one event loop."""
    awaits = [code is not None and bool(code.co_flags & inspect.CO_COROUTINE)
              for code in (body, last)]
    if any(awaits):
        async def run():
            for code, is_async in zip((body, last), awaits):
                value = None if code is None else eval(code, scope)
                value = await value if is_async else value
            return value
        return asyncio.run(run())
    eval(body, scope)
    return None if last is None else eval(last, scope)


def _cut(text, most):
    if len(text) <= most:
        return text
    return f"{text[:most]}... {len(text) - most} more characters"


def _run(source, name, scope):
    """Returns (value as text or None, traceback or None, metadata)."""
    try:
        value = _evaluate(*_compile(source, name), scope)
        if value is None:
            return None, None, {}
        scope["_"] = value
        return _cut(repr(value), _MOST_VALUE), None, {}
    except SystemExit as error:
        status = errors.exit_status(error)
        return None, f"exit status {status}\n" if status else None, \
            {"exit_code": status}
    except BaseException as error:
        text = errors.report(error)
        about = {"type": type(error).__name__,
                 "message": _cut(errors.shown(error), _MOST_METADATA)}
        line = errors.place(error)
        if line is not None:
            about["line"] = line
        return None, text, {"exception": about}


def _join(parts):
    """Parts of the content, each on lines of its own."""
    text = ""
    for part in parts:
        if part:
            text += "" if not text or text.endswith("\n") else "\n"
            text += part
    return text


def _call(call, main, name):
    errors.remember(name, call["code"])
    sys.argv[:] = [NAME, *call.get("args", [])]
    sys.excepthook = errors.hook
    with capture.Streams(call.get("stdin", "")) as streams:
        value, trace, metadata = _run(call["code"], name, main.__dict__)
        result = {"content": "", "is_error": trace is not None,
                  "metadata": metadata}
        try:
            fresh.finish()
        except BaseException:
            pass  # it was reported on stderr
        if value is not None:
            metadata["value"] = _cut(value, _MOST_METADATA)
        result["content"] = _join([streams.text(1), streams.text(2), value,
                                   trace])
    return result


def _clean(value):
    """Text that every reader of JSON takes: no lone surrogate, no NUL."""
    if isinstance(value, str):
        value = value.encode("utf-8", "backslashreplace").decode()
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return value


def _format(result):
    return _dumps(_clean(result), ensure_ascii=False)


def is_called(argv):
    """Whether a run is a tool call: started as the tool, with nothing else."""
    return len(argv) == 1 and argv[0].removesuffix(".wasm") == NAME


def main():
    """One call: input on stdin, result on stdout. Returns an exit status."""
    try:
        call = parse(capture.read_input())
        if call.get("session"):
            raise InputError("input: session: this host keeps no sessions;"
                             " leave it out")
    except InputError as error:
        os.write(2, f"{error}\n".encode("utf-8", "backslashreplace"))
        return 2
    fresh.search_path(os.getcwd())
    result = _format(_call(call, _new_main(), "<code>"))
    capture.write_result(result.encode())
    return 0


def warm_up():
    """Called once, while the component is built: the interpreter specialises
    the code of a call and fills its caches, so that runs need not, and need no
    copies of the pages that would change."""
    main_before, argv, hook = sys.modules["__main__"], sys.argv, sys.excepthook
    for source in ("import json\nprint(json.dumps([1]))\n1 + 1", "1 / 0") * 50:
        call = parse(json.dumps({"code": source}).encode())
        _format(_call(call, _new_main(), "<code>"))
    sys.modules["__main__"], sys.argv, sys.excepthook = main_before, argv, hook
    linecache.clearcache()


def execute_cell(text):
    """One call of a session: variables stay for the next."""
    global _cells, _main
    call = parse(text)
    _cells += 1
    if _main is None:
        fresh.begin()
        fresh.search_path(os.getcwd())
        _main = _new_main()
    return _format(_call(call, _main, f"<cell {_cells}>"))
