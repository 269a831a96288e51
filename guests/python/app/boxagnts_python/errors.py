"""Exceptions as text: the user's frames with their source, none of ours."""

import linecache
import os
import sys
import traceback

_OURS = os.path.dirname(os.path.dirname(__file__)) + "/"
_MOST = 100_000  # characters of one report

_ABSENT = {
    "pip": "packages cannot be installed in the sandbox; pure-Python ones work"
           " from a folder on PYTHONPATH",
    "ssl": "https works through urllib.request and http.client without it",
    "bz2": "zlib, gzip and zipfile are there",
    "lzma": "zlib, gzip and zipfile are there",
    "ctypes": "native code cannot be loaded in the sandbox",
    "mmap": "files are read with open()",
    "fcntl": "there are no file locks in the sandbox",
    "termios": "there is no terminal in the sandbox",
    "readline": "there is no terminal in the sandbox",
    "curses": "there is no terminal in the sandbox",
    "tkinter": "there is no display in the sandbox",
    "turtle": "there is no display in the sandbox",
    "resource": "limits are the sandbox's own",
    "pwd": "there are no users in the sandbox",
    "grp": "there are no users in the sandbox",
    "requests": "the standard library's urllib.request is there",
    "venv": "packages cannot be installed in the sandbox",
    "ensurepip": "packages cannot be installed in the sandbox",
}
_NATIVE = {"numpy", "pandas", "scipy", "matplotlib", "PIL", "cv2", "torch",
           "sklearn", "lxml", "cryptography", "psutil", "tensorflow"}


def remember(name, source):
    """Make the lines of `source` known to tracebacks under a file name."""
    linecache.cache[name] = (len(source), None,
                             source.splitlines(keepends=True), name)


def _hide(report, seen):
    """Take our frames out of a TracebackException and those it came from."""
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    report.stack[:] = [frame for frame in report.stack
                       if not frame.filename.startswith(_OURS)]
    for other in (report.__cause__, report.__context__,
                  *(report.exceptions or ())):
        _hide(other, seen)


def hint(error):
    """What to do about a module that is not there, or None."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    name = error.name.lstrip("_").partition(".")[0]
    if name in _NATIVE:
        return f"{name} needs native code, which the sandbox does not load"
    return _ABSENT.get(name)


def report(error):
    """The traceback as python3 prints it, ending in a newline."""
    try:
        found = traceback.TracebackException.from_exception(error, compact=True)
        _hide(found, set())
        text = "".join(found.format())
    except RecursionError:
        text = f"{type(error).__name__}: {shown(error)}\n"
    except Exception as second:  # a hostile __str__, __cause__ or loader
        text = (f"{type(error).__name__}: the traceback could not be"
                f" formatted ({type(second).__name__})\n")
    if len(text) > _MOST:
        half = _MOST // 2
        text = (f"{text[:half]}\n... {len(text) - _MOST} characters left out"
                f" ...\n{text[-half:]}")
    advice = hint(error)
    return f"{text}({advice})\n" if advice else text


def shown(error):
    """str(error), whatever it does."""
    try:
        return str(error)
    except Exception:
        return "<unprintable>"


def place(error):
    """Line of the user's own code where it went wrong, or None."""
    if isinstance(error, SyntaxError):
        return error.lineno
    line = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals.get("__name__") == "__main__":
            line = step.tb_lineno
        step = step.tb_next
    return line


def hook(kind, error, trace):
    """sys.excepthook: what becomes of an uncaught exception."""
    print(report(error), end="", file=sys.stderr)


def exit_status(error):
    """The exit status of a SystemExit; other codes than numbers are text for
    stderr."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xff
    try:
        print(code, file=sys.stderr)
    except Exception:
        pass
    return 1
