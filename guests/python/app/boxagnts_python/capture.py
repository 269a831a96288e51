"""Standard streams of a tool call: what it prints becomes part of its result.
"""

import io
import os
import sys

MOST = 8 << 20  # bytes kept of each stream; the rest is counted and dropped

_host_write = os.write


class Capture(io.RawIOBase):
    """A stream into memory that a flood cannot fill."""

    def __init__(self, fd):
        super().__init__()
        self._fd = fd
        self._kept = bytearray()
        self._dropped = 0

    def writable(self):
        return True

    def fileno(self):
        return self._fd

    def isatty(self):
        return False

    def write(self, data):
        if self.closed:
            raise ValueError("I/O operation on closed file")
        view = memoryview(data).cast("B")
        room = MOST - len(self._kept)
        self._kept += view[:room]
        self._dropped += max(0, len(view) - room)
        return len(view)

    def text(self):
        text = self._kept.decode("utf-8", "replace")
        if self._dropped:
            text += f"\n... {self._dropped} more bytes were printed and dropped"
        return text


class Streams:
    """Standard streams in memory for as long as a with block lasts."""

    def __init__(self, stdin):
        self._stdin = stdin

    def __enter__(self):
        global _current
        self._before = (sys.stdin, sys.stdout, sys.stderr,
                        sys.__stdin__, sys.__stdout__, sys.__stderr__)
        self.raw = {1: Capture(1), 2: Capture(2)}
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(
            io.BytesIO(self._stdin.encode("utf-8", "surrogateescape")),
            encoding="utf-8", errors="surrogateescape")
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(
            io.BufferedWriter(self.raw[1]), encoding="utf-8",
            errors="backslashreplace")
        sys.stderr = sys.__stderr__ = io.TextIOWrapper(
            io.BufferedWriter(self.raw[2]), encoding="utf-8",
            errors="backslashreplace", write_through=True)
        self._own = sys.stdout, sys.stderr
        _current = self
        return self

    def write(self, fd, data):
        """os.write() to a standard stream, in order with what is printed."""
        stream = self._own[fd - 1]
        if not stream.closed:
            stream.flush()
        return self.raw[fd].write(data)

    def flush(self):
        for stream in {id(s): s for s in (sys.stdout, sys.stderr, *self._own)
                       if s is not None}.values():
            try:
                stream.flush()
            except Exception:
                pass  # the script closed or replaced it

    def text(self, fd):
        self.flush()
        return self.raw[fd].text()

    def __exit__(self, *unused):
        global _current
        self.flush()
        _current = None
        (sys.stdin, sys.stdout, sys.stderr,
         sys.__stdin__, sys.__stdout__, sys.__stderr__) = self._before


_current = None


def _write(fd, data, /):
    # Descriptor 1 carries the tool's result, so it is not the script's.
    if _current is not None and fd in (1, 2):
        return _current.write(fd, data)
    return _host_write(fd, data)


def install():
    _write.__name__ = _write.__qualname__ = "write"
    _write.__doc__ = _host_write.__doc__
    os.write = _write


def read_input():
    """All of the run's own stdin, without the cost of a file object."""
    parts = []
    while part := os.read(0, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def write_result(data):
    """All of it to the run's own stdout."""
    view = memoryview(data)
    while view:
        view = view[_host_write(1, view[:65536]):]
