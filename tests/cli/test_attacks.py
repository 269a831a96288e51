"""Attacks through the whole program: hostile guests, a watched host.

Each attack guest prints SUCCEEDED and exits 1 when it got through; the host's
side is checked here: the folders around the mapped one are as they were.
"""

import http.server
import json
import os
import socketserver
import threading
import unittest

from support import CliTest, guest, wat

SECRET = "a secret of the host\n"


def tree(top):
    """Every entry below top with its kind, mode, size, link target, bytes."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            stat = os.lstat(path)
            content = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[os.path.relpath(path, top)] = (stat.st_mode, stat.st_nlink, content)
    return found


class FileAttacks(CliTest):
    """The box is box/; victim/ and the secret lie beside it."""

    def setUp(self):
        super().setUp()
        self.write("box/file", "inside\n")
        self.write("victim/secret.txt", SECRET)
        self.write("victim2", SECRET)
        os.symlink("../victim", self.path("box", "out"))
        os.symlink("../victim/secret.txt", self.path("box", "planted"))
        os.symlink(self.path("victim", "secret.txt"), self.path("box", "planted_abs"))
        os.symlink("/proc/self/root", self.path("box", "planted_root"))
        os.symlink("../victim/new.txt", self.path("box", "dangling"))

    def attack(self, name, *flags, status=0):
        before = {n: tree(self.path(n)) for n in ("victim",)}
        result = self.boxagnts(
            "run", "--work-dir", "box", *flags, guest("attack"), "--", name, status=status
        )
        self.assertNotIn("SUCCEEDED", result.out)
        self.assertNotIn("a secret", result.out)
        self.assertNotIn("root:x:0", result.out)
        self.assertEqual(before, {n: tree(self.path(n)) for n in ("victim",)})
        self.assertEqual(self.read("victim2").decode(), SECRET)
        return result

    def test_every_escape_by_path(self):
        for name in ("dotdot", "absolute", "symlink", "symlink_absolute", "hardlink"):
            with self.subTest(name):
                result = self.attack(name)
                self.assertIn("boxagnts: denied", result.err)

    def test_magic_links_of_a_mapped_proc(self):
        result = self.boxagnts("run", "--map-dir", "/proc::/::ro", guest("attack"), "--", "magic")
        self.assertNotIn("SUCCEEDED", result.out)

    def test_malformed_paths(self):
        for name in ("nul", "utf8", "longpath"):
            with self.subTest(name):
                self.attack(name)

    def test_hostile_numbers(self):
        for name in ("badptr", "iovec_flood", "random_4g", "sock"):
            with self.subTest(name):
                self.attack(name)

    def test_descriptor_flood_meets_its_limit(self):
        self.attack("fd_flood", "--max-open-files", "32")

    def test_write_quota(self):
        self.attack("quota", "--max-write", "1MiB")
        total = sum(
            os.lstat(os.path.join(folder, name)).st_size
            for folder, _, files in os.walk(self.path("box"))
            for name in files
        )
        self.assertLess(total, 2 << 20)

    def test_nothing_can_write_through_a_read_only_mapping(self):
        before = tree(self.path("box"))
        result = self.boxagnts(
            "run", "--map-dir", "box::/::ro", guest("attack"), "--", "ro_write"
        )
        self.assertNotIn("SUCCEEDED", result.out)
        self.assertEqual(before, tree(self.path("box")))
        self.assertIn("read-only", result.err)
        self.assertIn("--map-dir box::/::ro", result.err)

    def test_grant_finer_than_the_mapping(self):
        before = tree(self.path("box"))
        result = self.boxagnts(
            "run", "--work-dir", "box", "--grant", "fs.read:/", guest("attack"), "--", "ro_write"
        )
        self.assertNotIn("SUCCEEDED", result.out)
        self.assertEqual(before, tree(self.path("box")))


class OwnFiles(CliTest):
    """What the program keeps for its user, where a mapping shows it: overlays,
    the log, recordings, keys, secrets, compiled code."""

    FILES = (".local/state/boxagnts/overlays/o/up/0/f", ".local/state/boxagnts/audit.jsonl",
             ".config/boxagnts/secrets.yaml", ".cache/boxagnts/modules/x")

    def setUp(self):
        super().setUp()
        for name in self.FILES:
            self.write("home/" + name, SECRET)
        os.chmod(self.path("home/.local/state/boxagnts"), 0o700)
        self.write("home/.local/state/other/f", "another's\n")
        os.symlink(".local/state/boxagnts", self.path("home/link"))
        os.symlink("home/.config/boxagnts/secrets.yaml", self.path("far"))

    def read_in(self, path, *flags, env=None):
        return self.boxagnts("run", *flags, guest("actor"),
                             json.dumps({"do": "read", "path": path}), status=None, env=env)

    def is_hidden(self, result):
        self.assertNotIn("a secret", result.out + result.err)
        self.assertIn("which no guest sees", result.err)

    def test_a_home_that_is_mapped(self):
        flags = ("--map-dir", "home::/::ro")
        for path in (*self.FILES, "link/overlays/o/up/0/f",
                     ".local/state/other/../boxagnts/overlays/o/up/0/f",
                     "link/../boxagnts/audit.jsonl"):
            with self.subTest(path):
                self.is_hidden(self.read_in("/" + path, *flags))
        self.assertIn("another's", self.read_in("/.local/state/other/f", *flags).out)

    def test_a_folder_within_or_far_above(self):
        self.is_hidden(self.read_in("/up/0/f", "--map-dir",
                                    "home/.local/state/boxagnts/overlays/o::/::ro"))
        flags = ("--map-dir", ".::/::ro")
        self.is_hidden(self.read_in("/home/" + self.FILES[0], *flags))
        self.is_hidden(self.read_in("/far", *flags))

    def test_folders_that_the_environment_names(self):
        self.write("elsewhere/boxagnts/overlays/o/up/0/f", SECRET)
        self.is_hidden(self.read_in(
            "/elsewhere/boxagnts/overlays/o/up/0/f", "--map-dir", ".::/::ro",
            env={"XDG_STATE_HOME": self.path("elsewhere")}))

    def test_a_home_that_is_the_workspace_of_tools(self):
        for path in self.FILES:
            with self.subTest(path):
                for result in (
                        self.boxagnts("tool", "call", "--workspace", "home", "file-read",
                                      json.dumps({"path": path}), status=1, timeout=120),
                        self.boxagnts("tool", "call", "--workspace", "home", "file-write",
                                      json.dumps({"path": path, "content": "forged"}),
                                      status=1, timeout=120)):
                    self.assertNotIn("a secret", result.out + result.err)
                    self.assertIn("which no guest sees", result.err)
                with open(self.path("home", path), encoding="utf-8") as file:
                    self.assertTrue(file.read().startswith(SECRET))


class OtherAttacks(CliTest):
    def test_memory_bomb(self):
        result = self.boxagnts(
            "run", "--wasm-max-memory-size", "64MiB", "--stats", guest("memory_bomb"), status=None
        )
        self.assertIn("memory peak    64.0 MiB", result.err)

    def test_recursion(self):
        self.boxagnts("run", guest("recursion"), status=139)

    def test_endless_loops(self):
        self.boxagnts("run", "--wasm-timeout", "200ms", guest("loop"), status=124)

    def test_table_bomb_and_module_of_many_memories(self):
        for name in ("table_bomb", "many_memories", "big_memory", "start_loop"):
            with self.subTest(name):
                result = self.boxagnts(
                    "run", "--wasm-timeout", "2s", guest(name), status=None, timeout=30
                )
                self.assertNotIn("SUCCEEDED", result.out)
                self.assertGreaterEqual(result.returncode, 0)

    def test_output_flood_through_json_is_cut(self):
        body = (
            "(loop $l (i32.store (i32.const 0) (i32.const 64))"
            " (i32.store (i32.const 4) (i32.const 60000))"
            " (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"
            " (br $l))"
        )
        self.write(
            "flood.wat",
            wat(
                body,
                '(import "wasi_snapshot_preview1" "fd_write"'
                " (func $w (param i32 i32 i32 i32) (result i32)))",
            ),
        )
        answer = self.run_json(
            "--wasm-timeout", "500ms", "--max-output", "1MiB", "flood.wat", status=124
        )
        self.assertTrue(answer["is_cut"])
        self.assertEqual(len(answer["stdout"]), 1 << 20)

    def test_refusals_cannot_flood_the_terminal(self):
        os.mkdir(self.path("box"))
        self.write(
            "deny.wat",
            '(module (import "wasi_snapshot_preview1" "path_open" (func $o (param i32 i32 i32'
            " i32 i32 i64 i64 i32 i32) (result i32)))"
            ' (memory (export "memory") 1) (data (i32.const 64) "../x")'
            ' (global $i (mut i32) (i32.const 0)) (func (export "_start") (loop $l'
            " (drop (call $o (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4)"
            " (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))"
            " (global.set $i (i32.add (global.get $i) (i32.const 1)))"
            " (br_if $l (i32.lt_u (global.get $i) (i32.const 1000))))))",
        )
        result = self.boxagnts("run", "--work-dir", "box", "deny.wat")
        self.assertEqual(result.err.count("boxagnts: denied"), 20)
        self.assertIn("980 more refusals", result.err)

    def test_terminal_escapes_in_names_are_shown_not_acted_on(self):
        os.mkdir(self.path("box"))
        self.write(
            "esc.wat",
            '(module (import "wasi_snapshot_preview1" "path_open" (func $o (param i32 i32 i32'
            " i32 i32 i64 i64 i32 i32) (result i32)))"
            ' (memory (export "memory") 1) (data (i32.const 64) "../\\1b[2J")'
            ' (func (export "_start") '
            " (drop (call $o (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 7)"
            " (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))))",
        )
        result = self.boxagnts("run", "--work-dir", "box", "esc.wat")
        self.assertNotIn(b"\x1b", result.stderr)
        self.assertIn("\\x1b", result.err)

    def test_cache_cannot_be_handed_to_a_guest(self):
        self.write("m.wat", wat(""))
        result = self.boxagnts("run", "--work-dir", ".", "m.wat", status=125)
        self.assertIn("module cache", result.err)

    def test_deterministic_runs_give_the_same_bytes(self):
        arguments = ("run", "--deterministic", guest("determinism"))
        first = self.boxagnts(*arguments).stdout
        self.assertEqual(first, self.boxagnts(*arguments).stdout)
        other = self.boxagnts("run", "--deterministic=7", guest("determinism")).stdout
        self.assertNotEqual(first, other)
        self.assertNotEqual(first, self.boxagnts("run", guest("determinism")).stdout)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(self.path)
        if self.path.startswith("/redirect?"):
            self.send_response(302)
            self.send_header("Location", self.path.split("?", 1)[1])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = b"hello from the host"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class NetworkAttacks(CliTest):
    def setUp(self):
        super().setUp()
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.seen = []
        self.port = self.server.server_address[1]
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def get(self, url, *flags, status=1):
        return self.boxagnts("run", *flags, guest("http_get"), "--", url, status=status)

    def url(self, host="127.0.0.1", path="/"):
        return f"http://{host}:{self.port}{path}"

    def test_nothing_granted(self):
        result = self.get(self.url())
        self.assertIn("denied http_open", result.err)
        self.assertEqual(self.server.seen, [])

    def test_granted_host_answers(self):
        result = self.get(
            self.url(), "--allowed-outbound-host", f"http://127.0.0.1:{self.port}", status=0
        )
        self.assertIn("hello from the host", result.out)

    def test_private_block_wins_over_a_grant(self):
        result = self.get(
            self.url(),
            "--allowed-outbound-host",
            f"http://127.0.0.1:{self.port}",
            "--block-network",
            "private",
        )
        self.assertIn("--block-network private", result.err)
        self.assertEqual(self.server.seen, [])

    def test_any_host_does_not_mean_this_machine(self):
        for host in (
            "127.0.0.1",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "0.0.0.0",
        ):
            with self.subTest(host):
                result = self.get(
                    self.url(host), "--allowed-outbound-host", "*://*:*", "--wasm-timeout", "10s"
                )
                self.assertIn("boxagnts: denied", result.err)
        self.assertEqual(self.server.seen, [])

    def test_redirect_is_checked_again(self):
        granted = ("--allowed-outbound-host", f"http://127.0.0.1:{self.port}")
        for target in (
            "http://169.254.169.254/latest/meta-data/",
            "http://example.com/",
            f"http://localhost:{self.port}/",
            "file:///etc/passwd",
            f"//0:{self.port}/",
        ):
            with self.subTest(target):
                result = self.get(self.url(path="/redirect?" + target), *granted)
                self.assertNotIn("root:x", result.out)
        self.assertEqual(
            [path for path in self.server.seen if not path.startswith("/redirect")], []
        )

    def test_blocked_url_on_redirect(self):
        result = self.get(
            self.url(path="/redirect?/secret"),
            "--allowed-outbound-host",
            f"http://127.0.0.1:{self.port}",
            "--block-url",
            "*/secret*",
        )
        self.assertIn("--block-url", result.err)
        self.assertNotIn("/secret", self.server.seen)

    def test_malformed_urls(self):
        for url in (
            f"http://user:pass@127.0.0.1:{self.port}/",
            f"http:\\\\127.0.0.1:{self.port}\\",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "http:///",
            "http://127.0.0.1:99999/",
            "gopher://127.0.0.1/",
            "http://127.0.0.1%00.example.com/",
            "javascript:alert(1)",
        ):
            with self.subTest(url):
                self.get(url, "--allowed-outbound-host", "*://*:*")
        self.assertEqual(self.server.seen, [])

    def test_proxy_of_the_environment_is_ignored(self):
        result = self.boxagnts(
            "run",
            "--allowed-outbound-host",
            "http://example.invalid",
            guest("http_get"),
            "--",
            "http://example.invalid/",
            status=1,
            env={
                "http_proxy": self.url(),
                "HTTP_PROXY": self.url(),
                "ALL_PROXY": self.url(),
            },
        )
        self.assertNotIn("hello", result.out)
        self.assertEqual(self.server.seen, [])


if __name__ == "__main__":
    unittest.main()
