"""What the tests of the installed library share."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

SOURCE = pathlib.Path(os.environ["BX_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["BX_BUILD_DIR"])
HEADER = SOURCE / "include" / "boxagnts.h"
LIBRARY = BUILD / "lib" / "libboxagnts.so"


def run(*command, **options):
    """Run a command and return its result; output is text, never inherited."""
    return subprocess.run([str(part) for part in command], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=240, check=False,
                          **options)


def temporary_folder():
    """A fresh folder for programs to run from: /tmp, unless that is mounted
    noexec."""
    flags = os.statvfs(tempfile.gettempdir()).f_flag
    return tempfile.TemporaryDirectory(
        dir=BUILD if flags & os.ST_NOEXEC else None)


def find_program(*names):
    """The first of some programs that is here."""
    for name in names:
        if shutil.which(name):
            return name
    raise FileNotFoundError(f"none of these programs is here: {names}")


def header_functions():
    """Names of the functions that boxagnts.h declares."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    return set(re.findall(r"^BX_API\b[^;(]*?\b(\w+)\s*\(", text, flags=re.M))
