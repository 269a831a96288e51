"""An agent that is killed at any point goes on from its session: nothing is
lost, nothing is made twice."""

import random
import signal
import time
import unittest

from agent_support import AgentTest, bash

LINES = 12
KILLS = 25


class AgentKillTest(AgentTest):
    def test_kill_at_random_points(self):
        """Each call appends one line of its own. A line is there once, or, for
        a call that was under way when the program ended, perhaps not."""
        steps = [[bash(f"echo line-{i} >> log.txt")] for i in range(LINES)]
        self.script(*steps, "all is written")
        seed = random.randrange(1 << 30)
        dice = random.Random(seed)
        began = self.start("--mode", "auto", "--json", "write the lines")
        session = None
        kills = 0
        while True:
            line = began.stdout.readline().decode()
            if session is None:
                self.assertIn('"session"', line, began.stderr.read())
                session = line.split('"id":"')[1].split('"')[0]
            if kills < KILLS:
                # Anywhere between one event and the next few.
                for _ in range(dice.randrange(4)):
                    began.stdout.readline()
                time.sleep(dice.random() * 0.01)
                began.send_signal(signal.SIGKILL)
                kills += 1
            out = began.communicate(timeout=60)
            if began.returncode == 0:
                break
            self.assertEqual(began.returncode, -signal.SIGKILL,
                             (seed, out[1].decode()))
            began = self.start("--mode", "auto", "--json", "--resume", session)
        interrupted = 0
        written = self.file("log.txt").split()
        for i in range(LINES):
            count = written.count(f"line-{i}")
            self.assertLessEqual(count, 1, (seed, i))
            interrupted += count == 0
        self.assertEqual(written, sorted(
            written, key=lambda text: int(text.split("-")[1])), seed)
        self.assertLess(interrupted, LINES, seed)
        self.assertGreater(kills, 3, seed)


if __name__ == "__main__":
    unittest.main()
