"""An agent that is killed at any point goes on from its session: nothing is
lost, nothing is made twice."""

import os
import random
import signal
import sqlite3
import time
import unittest

from agent_support import AgentTest, bash

LINES = 40
KILLS = 20


class AgentKillTest(AgentTest):
    def test_kill_at_random_points(self):
        """Each call appends one line of its own. A line is there once, or, for
        a call that was under way when the program ended, perhaps not."""
        steps = [{"delay_ms": 5, "calls": [
            bash(f"sleep 0.01; echo line-{i} >> log.txt; sleep 0.01")]}
                 for i in range(LINES)]
        self.script(*steps, "all is written")
        seed = random.randrange(1 << 30)
        dice = random.Random(seed)
        began = self.start("--mode", "auto", "--json", "write the lines")
        session = None
        kills = 0
        while True:
            line = began.stdout.readline().decode()
            if session is None:
                self.assertIn('"session"', line, seed)
                session = line.split('"id":"')[1].split('"')[0]
            if kills < KILLS:
                # Anywhere between one event and the next few.
                for _ in range(dice.randrange(14)):
                    began.stdout.readline()
                time.sleep(dice.random() * 0.06)
                began.send_signal(signal.SIGKILL)
                kills += 1
            out = began.communicate(timeout=60)
            if began.returncode == 0:
                break
            self.assertEqual(began.returncode, -signal.SIGKILL,
                             (seed, out[1].decode()))
            began = self.start("--mode", "auto", "--json", "--resume", session)
        written = self.file("log.txt").split()
        missing = [i for i in range(LINES) if f"line-{i}" not in written]
        self.assertEqual(len(set(written)), len(written), (seed, written))
        self.assertEqual(written, sorted(
            written, key=lambda text: int(text.split("-")[1])), seed)
        unknown = self.count_interrupted()
        self.assertLessEqual(len(missing), unknown, (seed, missing))
        self.assertLessEqual(unknown, kills, seed)
        self.assertGreater(len(written), 0, seed)
        self.assertGreater(kills, 3, seed)

    def count_interrupted(self):
        path = os.path.join(self.home, ".local/state/boxagnts/sessions.db")
        with sqlite3.connect(path) as database:
            rows = database.execute("SELECT body FROM entry WHERE kind = 'call'")
            return sum("Interrupted: the program" in (row[0] or "")
                       for row in rows)


if __name__ == "__main__":
    unittest.main()
