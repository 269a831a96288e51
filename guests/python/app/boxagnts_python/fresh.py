"""What must be new in each run although the interpreter is a copy.

The memory image was made by one run at build time. Whatever that run read from
its surroundings (arguments, environment, clock, random, streams, folder) is
read again here, once, before a run does anything else.
"""

import atexit
import gc
import io
import logging
import os
import random
import sys
import tempfile
import time
import uuid
import weakref

from wit_world.imports import exit as wasi_exit

from boxagnts_python import image, library


def freeze():
    """Called once, when the component is built and everything is loaded."""
    sys.path[:] = []
    sys.path_importer_cache.clear()
    sys.executable = "/usr/bin/python3"
    sys.dont_write_bytecode = True
    sys.argv[:] = []
    os.environ.clear()
    os._exit = _exit
    random.seed(0)  # the component's entry seeds it anew
    tempfile.tempdir = tempfile._name_sequence = None
    uuid._node = uuid._last_timestamp = None
    atexit._clear()
    weakref.finalize._registered_with_atexit = False
    for _ in range(3):
        gc.collect()
    # The collector never looks at the image again, so its pages stay shared.
    image.list_objects()
    gc.freeze()


def _exit(status):
    """os._exit(): libc's knows only success and failure."""
    wasi_exit.exit_with_code(status & 0xff)


def open_streams():
    """sys.stdin, stdout and stderr on the run's own descriptors."""
    sys.stdin = sys.__stdin__ = open(
        0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = open(
        1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    raw = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(
        raw, encoding="utf-8", errors="backslashreplace", line_buffering=True,
        write_through=True)


def search_path(first, flags=""):
    """sys.path of a run: `first`, PYTHONPATH, and a virtual environment's.
    flags: -P leaves `first` out, -E the variables, -I both."""
    path = [] if "P" in flags or "I" in flags else [first]
    is_bare = "E" in flags or "I" in flags
    if "PYTHONPATH" in os.environ and not is_bare:
        path += [part or os.getcwd()
                 for part in os.environ["PYTHONPATH"].split(":")]
    environment = os.environ.get("VIRTUAL_ENV")
    if environment and not is_bare:
        path.append(f"{environment}/lib/python3.14/site-packages")
    sys.path[:] = path
    for folder in path:
        library.make_way(folder)


def finish():
    """What a Python does at its end, as far as it can be seen."""
    if logging._handlerList:
        logging.shutdown()
    atexit._run_exitfuncs()


def begin():
    """Called before a run does anything else. Arguments, environment and
    random numbers are there: the component's entry sees to them."""
    folder = os.environ.get("PWD", "")
    if folder.startswith("/"):
        try:
            os.chdir(folder)
        except OSError:
            pass  # as for any program, PWD is a hint
    logging._startTime = time.time_ns()
