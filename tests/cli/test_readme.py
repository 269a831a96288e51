"""Each command of the README's first minute works as it stands there, in a copy
of what it names."""

import os
import re
import shutil
import subprocess
import unittest

from agent_support import AgentTest
from support import PROGRAM

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# What waits for a person, writes elsewhere, or asks a server on the network.
LEFT_OUT = ("boxagnts chat", "boxagnts mcp install", "https://example.com'")
# A refusal that the page shows.
FAILS = {"boxagnts bash -c 'curl -s https://example.com'": 7}


def commands():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        part = re.search(r"## One minute\n(.*?)\n## ", file.read(), re.S)
    return re.findall(r"^    \$ (boxagnts .*?)(?:  +#.*)?$", part[1], re.M)


class Readme(AgentTest):
    def test_commands(self):
        del self.environment["BOXAGNTS_DEMO_SCRIPT"]
        self.environment["PATH"] = ":".join(
            (os.path.dirname(PROGRAM), self.environment.get("PATH", "/bin")))
        shutil.copy(os.path.join(ROOT, "README.md"), self.path("ws"))
        for folder in ("docs", "examples/policies"):
            shutil.copytree(os.path.join(ROOT, folder), self.path("ws", folder))
        found = commands()
        self.assertGreater(len(found), 15)
        for line in found:
            expected = FAILS.get(line, 0)
            if expected == 0 and any(word in line for word in LEFT_OUT):
                continue
            with self.subTest(line):
                result = subprocess.run(
                    ["sh", "-c", line], cwd=self.path("ws"),
                    env=self.environment, stdin=subprocess.DEVNULL,
                    capture_output=True, check=False, timeout=120)
                self.assertEqual(result.returncode, expected,
                                 result.stderr.decode(errors="replace"))


if __name__ == "__main__":
    unittest.main()
