"""The standard library, which has no files at run time.

Every module is imported while the component is built, so it is part of the
memory image and importing it costs nothing. Its source is kept too,
compressed: for tracebacks, inspect, `python3 -m`, and the few modules that are
better not imported before someone asks.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import pkgutil
import sys
import zlib

FOLDER = "/python"

# Not part of the image: programs with a window, installers, platforms' own.
SKIPPED = {"idlelib", "turtledemo", "turtle", "tkinter", "ensurepip", "venv",
           "_pyrepl", "test", "curses", "ctypes", "pty", "tty", "webbrowser"}
# Importing these does something, or costs much and is rarely wanted.
LAZY = {"this", "antigravity", "pydoc_data.topics", "__main__"}
# What a script's own file may not replace, since the interpreter began with it.
STARTED = {"sys", "builtins", "os", "io", "abc", "site", "codecs", "encodings",
           "stat", "posixpath", "genericpath", "time", "marshal", "posix",
           "zipimport", "importlib", "errno", "signal", "linecache"}

_sources = {}   # path: compressed source
_modules = {}   # name: (path, is a package) of every module with source
_hidden = {}    # name: module, while a script's own of that name is in the way


class Library:
    """Finds and loads from the sources kept here; loader of every module
    that was imported from them."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in _modules:
            return None
        file, is_package = _modules[name]
        spec = importlib.machinery.ModuleSpec(
            name, cls, origin=file, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(file)]
        return spec

    @staticmethod
    def create_module(spec):
        return _hidden.get(spec.name)

    @classmethod
    def exec_module(cls, module):
        if module is not _hidden.get(module.__name__):
            exec(cls.get_code(module.__name__), module.__dict__)

    @staticmethod
    def is_package(name):
        return _modules[name][1]

    @staticmethod
    def get_filename(name):
        try:
            return _modules[name][0]
        except KeyError:
            raise ImportError(f"no source of {name}", name=name) from None

    @classmethod
    def get_source(cls, name):
        return importlib.util.decode_source(
            cls.get_data(cls.get_filename(name)))

    @classmethod
    def get_code(cls, name):
        path = cls.get_filename(name)
        return compile(cls.get_data(path), path, "exec", dont_inherit=True)

    @staticmethod
    def get_data(path):
        try:
            return zlib.decompress(_sources[path])
        except KeyError:
            raise FileNotFoundError(f"no data at {path}") from None


def _name_of(path):
    """Module name and whether it is a package, from a path below FOLDER."""
    parts = path.removeprefix(FOLDER + "/").removesuffix(".py").split("/")
    is_package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if is_package else parts), is_package


def _keep_sources():
    for folder, folders, files in os.walk(FOLDER):
        folders[:] = sorted(set(folders) - SKIPPED - {"lib", "__pycache__",
                                                      "site-packages"})
        for file in sorted(files):
            path = f"{folder}/{file}"
            if not file.endswith(".py"):
                continue
            name, is_package = _name_of(path)
            if name in SKIPPED:
                continue
            _modules[name] = path, is_package
            with open(path, "rb") as stream:
                _sources[path] = zlib.compress(stream.read(), 9)


def _import_all():
    names = sorted(set(_modules) | set(sys.builtin_module_names))
    for name in names:
        if name in LAZY or name.endswith(".__main__"):
            continue
        try:
            importlib.import_module(name)
        except (ImportError, AttributeError):
            _modules.pop(name, None)  # for another platform
    for name, module in list(sys.modules.items()):
        if name in _modules and module is not None:
            module.__loader__ = module.__spec__.loader = Library
            module.__spec__.cached = module.__cached__ = None


def load():
    """Called once, while the component is built."""
    _keep_sources()
    _import_all()
    sys.meta_path.append(Library)
    sys.path_importer_cache.clear()


def forget(name):
    """Take a module of the library out of sys.modules: it is to run as
    __main__. Of a package it is the submodule __main__ that runs."""
    _, is_package = _modules.get(name, (None, True))
    if not is_package and name not in STARTED:
        sys.modules.pop(name, None)


def make_way(folder):
    """Let the files of a folder on sys.path win over modules of the same name
    that were imported in advance, as they would have anywhere else."""
    try:
        entries = os.listdir(folder or ".")
    except OSError:
        return
    for entry in entries:
        name = entry.removesuffix(".py")
        if name in STARTED or name not in sys.modules:
            continue
        if name in sys.builtin_module_names or name == "__main__":
            continue
        if name == entry and not os.path.isdir(f"{folder or '.'}/{entry}"):
            continue
        if name == entry and not os.path.exists(
                f"{folder or '.'}/{entry}/__init__.py"):
            continue  # a plain folder is no package while a module is found
        prefix = name + "."
        for key in [key for key in sys.modules
                    if key == name or key.startswith(prefix)]:
            _hidden[key] = sys.modules.pop(key)
