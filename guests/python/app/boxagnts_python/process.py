"""subprocess and os.system over the host's spawn.

A program of the box runs to its end before anything here goes on, so pipes
hold all of its input and output. It starts when its input is known.
"""

import errno
import io
import os
import subprocess
import sys
import time

from componentize_py_types import Err
from wit_world.imports import calls

PIPE, STDOUT, DEVNULL = subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL


def _to_text(value):
    return os.fsdecode(value)


def _read_all(source):
    """Bytes of what the program reads: a file object, a descriptor, or
    nothing."""
    if source is None or source == DEVNULL:
        return b""
    if isinstance(source, int):
        with open(source, "rb", closefd=False) as stream:
            return stream.read()
    buffer = getattr(source, "buffer", source)
    data = buffer.read()
    return data.encode() if isinstance(data, str) else data


def _write_all(target, fd, data):
    """Pass on what the program wrote; target None is our own stream."""
    if not data or target == DEVNULL:
        return
    if target is None:
        target = sys.stdout if fd == 1 else sys.stderr
    if isinstance(target, int):
        while data:
            data = data[os.write(target, data):]
        return
    target.flush()
    buffer = getattr(target, "buffer", None)
    if buffer is None and isinstance(target, io.TextIOBase):
        target.write(data.decode("utf-8", "backslashreplace"))
        return
    (buffer or target).write(data)
    target.flush()


def _spawn(argv, environment, folder, data):
    """The host's outcome; OSError when the program did not start."""
    try:
        return calls.spawn(argv, environment, folder, data)
    except Err as error:
        message = str(error.value)
    if "not found" in message or "no such" in message.lower() \
            or "no program" in message:
        raise FileNotFoundError(errno.ENOENT, message, argv[0])
    raise PermissionError(errno.EACCES, message, argv[0])


class _Input(io.BytesIO):
    """A program's stdin: closing it starts the program."""

    def __init__(self, start):
        super().__init__()
        self._start = start

    def close(self):
        if not self.closed:
            data = self.getvalue()
            super().close()
            self._start(data)


class Popen:
    """subprocess.Popen, as far as programs that run to their end allow."""

    def __init__(self, args, bufsize=-1, executable=None, stdin=None,
                 stdout=None, stderr=None, preexec_fn=None, close_fds=True,
                 shell=False, cwd=None, env=None, universal_newlines=None,
                 startupinfo=None, creationflags=0, restore_signals=True,
                 start_new_session=False, pass_fds=(), *, user=None, group=None,
                 extra_groups=None, encoding=None, errors=None, text=None,
                 umask=-1, pipesize=-1, process_group=None):
        if preexec_fn is not None or pass_fds:
            raise ValueError("preexec_fn and pass_fds need processes; the"
                             " sandbox runs other programs through its host")
        self.args = args
        self.pid = os.getpid()
        self.returncode = None
        self.text_mode = bool(text or universal_newlines or encoding or errors)
        self.encoding = encoding or "utf-8"
        self.errors = errors or "strict"
        self._argv = self._make_argv(args, shell, executable)
        self._folder = _to_text(cwd) if cwd is not None else os.getcwd()
        environment = os.environ if env is None else env
        self._environment = [(_to_text(key), _to_text(value))
                             for key, value in environment.items()]
        self._targets = (stdout, stderr)
        self.stdin = self.stdout = self.stderr = None
        self._started_at = time.monotonic()
        if stdin == PIPE:
            raw = _Input(self._run)
            self.stdin = raw
            if self.text_mode:
                self.stdin = io.TextIOWrapper(
                    raw, encoding=self.encoding, errors=self.errors,
                    write_through=True)
        else:
            self._run(_read_all(stdin))

    @staticmethod
    def _make_argv(args, shell, executable):
        if isinstance(args, (str, bytes, os.PathLike)):
            args = [args]
        argv = [_to_text(item) for item in args]
        if not argv:
            raise ValueError("args: expected at least the program's name")
        if shell:
            return ["sh", "-c", *argv]
        if executable is not None:
            argv[0] = _to_text(executable)
        folder, _, name = argv[0].rpartition("/")
        # The box knows programs by name; scripts carry their usual places.
        if folder in ("/bin", "/usr/bin", "/usr/local/bin"):
            argv[0] = name
        return argv

    def _run(self, data):
        outcome = _spawn(self._argv, self._environment, self._folder, data)
        stdout, stderr = bytes(outcome.stdout), bytes(outcome.stderr)
        self.returncode = outcome.exit_code
        if outcome.status != "ok":
            self.returncode = self.returncode or 1
            stderr += f"{self._argv[0]}: {outcome.status}: " \
                      f"{outcome.message}\n".encode()
        target, error_target = self._targets
        if error_target == STDOUT:
            stdout, stderr = stdout + stderr, b""
        self.stdout = self._deliver(target, 1, stdout)
        self.stderr = self._deliver(error_target, 2, stderr)

    def _deliver(self, target, fd, data):
        if target != PIPE:
            _write_all(target, fd, data)
            return None
        stream = io.BytesIO(data)
        if self.text_mode:
            stream = io.TextIOWrapper(stream, encoding=self.encoding,
                                      errors=self.errors)
        return stream

    def _finish(self):
        """Run it if its input was not closed yet."""
        if self.stdin is not None and not self.stdin.closed:
            self.stdin.close()

    def _check_time(self, timeout, output=None, stderr=None):
        # The program is over either way; a caller that set a limit hears
        # that it was passed.
        elapsed = time.monotonic() - self._started_at
        if timeout is not None and elapsed > timeout:
            raise subprocess.TimeoutExpired(self.args, timeout, output, stderr)

    def communicate(self, input=None, timeout=None):
        if self.stdin is not None and not self.stdin.closed and input:
            self.stdin.write(input)
        self._finish()
        found = [stream.read() if stream is not None else None
                 for stream in (self.stdout, self.stderr)]
        self._check_time(timeout, *found)
        return tuple(found)

    def wait(self, timeout=None):
        self._finish()
        self._check_time(timeout)
        return self.returncode

    def poll(self):
        return self.returncode

    def send_signal(self, number):
        self._finish()

    terminate = kill = lambda self: self._finish()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._finish()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()

    def __class_getitem__(cls, item):
        return cls

    def __repr__(self):
        return f"<Popen: returncode: {self.returncode} args: {self.args!r}>"


def _system(command):
    """Run a command line in the box's shell; returns its wait status."""
    try:
        return Popen(command, shell=True).returncode << 8
    except OSError as error:
        print(f"sh: {error.strerror}", file=sys.stderr)
        return 127 << 8


def install():
    """Called once, while the component is built."""
    subprocess.Popen = Popen
    Popen.__module__ = "subprocess"
    subprocess._can_fork_exec = True
    _system.__name__ = _system.__qualname__ = "system"
    os.system = _system
    if not hasattr(os, "waitstatus_to_exitcode"):
        os.waitstatus_to_exitcode = lambda status: status >> 8
