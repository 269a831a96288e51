"""The python3 command line."""

import builtins
import code as console
import importlib.util
import os
import runpy
import stat
import sys
import types
import warnings
import zipfile

from boxagnts_python import errors, fresh, library

_USAGE = """\
usage: python3 [option] ... [-c cmd | -m mod | file | -] [arg] ...
-c cmd   program passed in as a string
-m mod   run a module of the standard library or of sys.path
file     read the program from a file, a folder or a zip file with __main__.py
-        read the program from standard input (also without any argument)
-V       print the version number
-W arg   warning control
-P       do not search the folder of the program for modules
-E       ignore PYTHONPATH and VIRTUAL_ENV
-I       -E and -P
-B, -b, -d, -i, -O, -OO, -q, -s, -S, -u, -v, -X opt are accepted
"""
_WITH_VALUE = "WX"
_PLAIN = "BbdEIiOPqsSuv"


class UsageError(Exception):
    """What is wrong with the command line."""


class Options:
    """A parsed command line. kind is "command", "module", "file", "stdin",
    "version" or "help"."""

    def __init__(self, arguments):
        self.kind = "stdin"
        self.value = None
        self.flags = ""
        self.warnings = []
        self._rest = list(arguments)
        while self._rest and self._rest[0].startswith("-") \
                and self._rest[0] != "-" and self.kind == "stdin":
            self._take(self._rest.pop(0))
        if self.kind == "stdin" and self._rest and self._rest[0] != "-":
            self.kind = "file"
            self.value = self._rest[0]
        self.arguments = self._rest

    def _take(self, word):
        if word in ("--version", "--help"):
            self.kind = word[2:]
            return
        if word.startswith("--"):
            raise UsageError(f"unknown option {word}")
        for index, letter in enumerate(word[1:], 2):
            if letter in "cm" or letter in _WITH_VALUE:
                self._take_value(letter, word[index:])
                return
            if letter in "Vh":
                self.kind = "version" if letter == "V" else "help"
                self.flags += letter
            elif letter in _PLAIN:
                self.flags += letter
            else:
                raise UsageError(f"Unknown option: -{letter}")

    def _take_value(self, letter, value):
        if not value:
            if not self._rest:
                raise UsageError(f"Argument expected for the -{letter} option")
            value = self._rest.pop(0)
        if letter == "W":
            self.warnings.append(value)
        elif letter in "cm":
            self.kind = "command" if letter == "c" else "module"
            self.value = value
            self._rest.insert(0, "-" + letter)

    def optimize(self):
        return min(2, self.flags.count("O"))


def _new_main(**names):
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    main.__dict__.update(names)
    sys.modules["__main__"] = main
    return main.__dict__


def _execute(source, name, options, **names):
    if isinstance(source, str):
        errors.remember(name, source)
    scope = _new_main(**names)
    exec(compile(source, name, "exec", dont_inherit=True,
                 optimize=options.optimize()), scope)


def _run_stdin(options):
    fresh.search_path("", options.flags)
    if not sys.stdin.isatty():
        _execute(sys.stdin.read(), "<stdin>", options)
        return
    scope = _new_main()
    console.interact(banner=f"Python {sys.version.split()[0]} in a sandbox",
                     local=scope, exitmsg="")


def _run_file(options):
    path = options.value
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode) or zipfile.is_zipfile(path):
            fresh.search_path(path)
            runpy._run_module_as_main("__main__", False)
            return
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        print(f"python3: can't open file '{os.path.join(os.getcwd(), path)}':"
              f" [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    fresh.search_path(os.path.dirname(os.path.realpath(path)),
                      options.flags)
    _execute(source, path, options, __file__=os.path.abspath(path),
             __cached__=None)


def _run_module(options):
    fresh.search_path(os.getcwd(), options.flags)
    sys.argv[0] = "-m"
    library.forget(options.value)  # runpy warns of modules that are loaded
    advice = errors.hint(ModuleNotFoundError(name=options.value))
    if advice and importlib.util.find_spec(options.value) is None:
        raise SystemExit(f"{sys.executable}: No module named {options.value}"
                         f"\n({advice})")
    runpy._run_module_as_main(options.value)


def _run(options):
    sys.argv[:] = options.arguments or [""]
    if options.kind == "version":
        version = sys.version.replace("\n", " ")
        print("Python", version if options.flags.count("V") > 1
              else version.split()[0])
    elif options.kind == "help":
        print(_USAGE, end="")
    elif options.kind == "command":
        fresh.search_path("", options.flags)
        _execute(options.value, "<string>", options)
    elif options.kind == "module":
        _run_module(options)
    elif options.kind == "file":
        _run_file(options)
    else:
        _run_stdin(options)


def _report(error):
    """An uncaught exception, by sys.excepthook as the program left it."""
    if sys.stderr is None:
        return
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as second:
        print("Error in sys.excepthook:", file=sys.stderr)
        errors.hook(type(second), second, second.__traceback__)


def _attempt(function, *arguments):
    """Exit status of a piece of the program."""
    try:
        function(*arguments)
        return 0
    except SystemExit as error:
        return errors.exit_status(error)
    except BaseException as error:
        _report(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1


def _flush():
    """Whether all output arrived."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError) as error:
            try:
                print("Exception ignored while flushing sys.stdout:\n"
                      f"{type(error).__name__}: {error}", file=sys.stderr)
            except (OSError, ValueError):
                pass
            return False
    return True


def main():
    """Runs what sys.argv says; returns the exit status."""
    fresh.open_streams()
    try:
        options = Options(sys.argv[1:])
    except UsageError as error:
        print(f"{error}\n{_USAGE}", end="", file=sys.stderr)
        return 2
    sys.excepthook = sys.__excepthook__ = errors.hook
    warnings._processoptions(
        [*filter(None, os.environ.get("PYTHONWARNINGS", "").split(",")),
         *options.warnings])
    if "u" in options.flags or os.environ.get("PYTHONUNBUFFERED"):
        sys.stdout.reconfigure(write_through=True, line_buffering=True)
    status = _attempt(_run, options)
    _attempt(fresh.finish)
    if not _flush() and status == 0:
        status = 120
    return status
