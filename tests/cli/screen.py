"""A program on a terminal of its own, and what somebody would see there."""

import fcntl
import hashlib
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from support import BUILD

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                            "screen-requirements.txt")


def load_pyte():
    """The terminal's emulator, installed once beside the build."""
    with open(REQUIREMENTS, "rb") as file:
        key = hashlib.sha256(file.read()).hexdigest()[:16]
    folder = os.path.join(os.path.abspath(BUILD), "tests", "screen-" + key)
    if not os.path.exists(os.path.join(folder, "complete")):
        shutil.rmtree(folder, ignore_errors=True)
        result = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", "--require-hashes", "--no-deps",
             "--target", folder, "-r", REQUIREMENTS],
            capture_output=True, check=False)
        if result.returncode != 0:
            raise unittest.SkipTest("pyte cannot be installed: "
                                    + result.stderr.decode()[-400:])
        with open(os.path.join(folder, "complete"), "w", encoding="ascii"):
            pass
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import pyte  # pylint: disable=import-outside-toplevel
    return pyte


class Terminal:
    """A child process and its screen. Nothing here waits for a fixed time:
    wait() ends when what is awaited is to be seen, or fails."""

    def __init__(self, test, argv, env, cwd, rows=40, columns=80):
        pyte = load_pyte()
        self.test = test
        self.columns = columns
        self.screen = pyte.HistoryScreen(columns, rows, history=5000, ratio=0)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                # Before the program asks for it.
                fcntl.ioctl(0, termios.TIOCSWINSZ,
                            struct.pack("HHHH", rows, columns, 0, 0))
                os.chdir(cwd)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)
        test.addCleanup(self.close)

    def read(self, seconds):
        """What comes within a time; False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False  # EIO: the other side is closed
        self.raw += data
        self.stream.feed(data)
        return len(data) > 0

    def rows(self):
        """Each line since the begin, without blanks at its end."""
        above = ["".join(line[x].data for x in range(self.columns))
                 for line in self.screen.history.top]
        return [row.rstrip() for row in above + self.screen.display]

    def text(self):
        return "\n".join(self.rows()).rstrip("\n")

    def wait(self, text, count=1, seconds=60):
        """Until text is on the screen, so many times."""
        end = time.monotonic() + seconds
        while self.text().count(text) < count:
            if time.monotonic() > end or not self.read(0.5):
                self.test.assertGreaterEqual(
                    self.text().count(text), count,
                    f"no '{text}' on the screen:\n{self.text()}")

    def wait_prompt(self):
        """Until the last line is an empty prompt."""
        end = time.monotonic() + 60
        while self.text().split("\n")[-1].rstrip() != ">":
            if time.monotonic() > end or not self.read(0.5):
                self.test.fail(f"no prompt on the screen:\n{self.text()}")

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def say(self, line):
        """A line at the prompt, and wait for the next prompt."""
        self.wait_prompt()
        count = self.text().count("> " + line) + 1
        self.type(line)
        self.wait("> " + line, count)
        self.type("\r")
        self.wait_prompt()

    def look(self, text):
        """The cell where a text begins, of the visible screen."""
        for y, row in enumerate(self.screen.display):
            x = row.find(text)
            if x >= 0:
                return self.screen.buffer[y][x]
        return self.test.fail(f"no '{text}' on the screen:\n{self.text()}")

    def end(self, status=0):
        """Wait for the program to end, with this status."""
        end = time.monotonic() + 60
        while self.read(0.2):
            self.test.assertLess(time.monotonic(), end,
                                 f"it does not end:\n{self.text()}")
        _, word = os.waitpid(self.pid, 0)
        self.status = word
        self.test.assertEqual(os.waitstatus_to_exitcode(word), status,
                              self.text())

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
