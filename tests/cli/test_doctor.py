"""`doctor`: what it finds, that it fits a terminal, and each thing that can be
missing, missing once."""

import errno
import json
import os
import resource
import subprocess
import unittest

from support import PROGRAM, CliTest
from test_lockdown import without

LAYERS = ("no-new-privs", "capabilities", "not-dumpable", "rlimits",
          "landlock", "seccomp")


class DoctorTest(CliTest):
    def examine(self, status=None, before=None, env=None):
        """Its findings by name."""
        result = subprocess.run(
            [PROGRAM, "doctor", "--json"], cwd=self.dir,
            env={**self.environment, **(env or {})}, capture_output=True,
            timeout=60, preexec_fn=before, check=False)
        root = json.loads(result.stdout)
        self.assertEqual(result.returncode, 0 if root["is_well"] else 1)
        if status is not None:
            self.assertEqual(result.returncode, status, result.stdout)
        return {item["name"]: item for item in root["findings"]}

    def test_finds_what_there_is(self):
        found = self.examine()
        for name in ("boxagnts", "wasmtime", "libcurl", "kernel", "openat2",
                     "memfd", "open files", "mappings", "clock", "module cache", "state",
                     "audit log", "cgroup", *LAYERS):
            self.assertIn(name, found)
            self.assertIn(found[name]["state"], ("ok", "note", "missing"))
        self.assertEqual(found["wasmtime"]["text"], "48.0.8")

    def test_fits_a_terminal_without_colours(self):
        result = self.boxagnts("doctor", status=None)
        self.assertNotIn("\033", result.out)
        for line in result.out.splitlines():
            # A path has no spaces to break at.
            if "/" not in line:
                self.assertLess(len(line), 80, line)

    def test_names_a_missing_layer_and_the_cure(self):
        found = self.examine(
            1, without("landlock_create_ruleset", errno.ENOSYS))
        self.assertEqual(found["landlock"]["state"], "missing")
        self.assertIn("5.13", found["landlock"]["text"])
        found = self.examine(
            1, without("landlock_create_ruleset", errno.EOPNOTSUPP))
        self.assertIn("lsm=", found["landlock"]["text"])
        found = self.examine(1, without("seccomp", errno.EPERM))
        self.assertEqual(found["seccomp"]["state"], "missing")
        self.assertEqual(found["landlock"]["state"], "ok")

    def test_takes_an_old_kernel_as_it_is(self):
        found = self.examine(None, without("openat2", errno.ENOSYS))
        self.assertEqual(found["openat2"]["state"], "note")
        found = self.examine(1, without("memfd_create", errno.EPERM))
        self.assertEqual(found["memfd"]["state"], "missing")

    def test_tells_limits_that_are_too_low(self):
        def few_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        self.assertEqual(self.examine(None, few_files)["open files"]["state"],
                         "note")

    def test_tells_that_few_mappings_are_allowed(self):
        few = self.write("max_map_count", b"4096\n")
        script = ('mount --bind "$1" /proc/sys/vm/max_map_count && '
                  'exec "$2" doctor --json')
        result = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", few, PROGRAM],
            cwd=self.dir, env=self.environment, capture_output=True,
            timeout=60, check=False)
        if not result.stdout:
            self.skipTest("no namespaces here")
        found = {item["name"]: item
                 for item in json.loads(result.stdout)["findings"]}
        self.assertEqual(found["mappings"]["state"], "note")
        self.assertIn("4096", found["mappings"]["text"])
        self.assertIn("vm.max_map_count", found["mappings"]["mend"])

    def test_tells_a_home_that_is_not_there(self):
        found = self.examine(1, env={"HOME": "/nonexistent"})
        self.assertEqual(found["state"]["state"], "missing")
        self.assertIn("HOME", found["state"]["mend"])

    def test_tells_a_cache_that_is_open_to_others(self):
        cache = self.path("home", ".cache", "boxagnts", "modules")
        os.makedirs(cache)
        os.chmod(cache, 0o777)
        found = self.examine(1)
        self.assertEqual(found["cache entries"]["state"], "missing")
        self.assertIn("chmod", found["cache entries"]["text"])
        os.chmod(cache, 0o700)
        self.assertTrue(
            self.examine()["cache entries"]["text"].startswith("0, "))

    def test_tells_an_audit_log_that_was_changed(self):
        log = self.path("home", ".local", "state", "boxagnts", "audit.jsonl")
        os.makedirs(os.path.dirname(log))
        with open(log, "w", encoding="ascii") as file:
            file.write('{"seq":1}\n')
        found = self.examine(1)
        self.assertEqual(found["audit log"]["state"], "missing")
        self.assertIn("verify", found["audit log"]["mend"])

    def test_tells_a_broken_tool(self):
        self.write("home/.local/share/boxagnts/tools/bad.wasm", b"no module")
        found = self.examine(1)
        self.assertIn("bad", found["user"]["text"])

    def test_refuses_what_it_does_not_know(self):
        self.assertIn("--help", self.boxagnts("doctor", "-x", status=2).err)
        self.boxagnts("doctor", "now", status=2)
        self.assertIn("Exit status", self.boxagnts("doctor", "--help").out)


if __name__ == "__main__":
    unittest.main()
