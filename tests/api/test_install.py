"""`make install` below DESTDIR, then a program built against what it put
there with pkg-config alone."""

import os
import pathlib
import shlex
import unittest

from support import BUILD, run, temporary_folder

PROGRAM = r"""
#include <boxagnts.h>
#include <stdio.h>

int main(void)
{
    bx_error *err = NULL;
    bx_policy *policy = bx_policy_new();
    bx_engine *engine = bx_engine_new(NULL, &err);
    bx_module *module;

    if (policy == NULL || engine == NULL)
        return 1;
    module = bx_module_parse(engine, "(module)", 8, "empty", policy, &err);
    if (module == NULL)
        fprintf(stderr, "%s\n", bx_error_message(err));
    printf("%s %d\n", bx_version(), module != NULL);
    bx_module_free(module);
    bx_engine_free(engine);
    bx_policy_free(policy);
    return 0;
}
"""
PREFIX = "/opt/somewhere"


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temporary_folder()
        cls.top = pathlib.Path(cls.folder.name)
        destdir = cls.top / "stage"
        result = run("cmake", "--install", BUILD, "--prefix", PREFIX,
                     "--strip", env={**os.environ, "DESTDIR": str(destdir)})
        assert result.returncode == 0, result.stdout
        cls.prefix = destdir / PREFIX.lstrip("/")
        cls.lib = next(cls.prefix.rglob("libboxagnts.a")).parent
        cls.source = cls.top / "program.c"
        cls.source.write_text(PROGRAM)
        home = cls.top / "home"
        home.mkdir()
        cls.env = {**os.environ, "HOME": str(home),
                   "XDG_CACHE_HOME": str(home / "cache"),
                   "PKG_CONFIG_PATH": str(cls.lib / "pkgconfig")}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def pkg_config(self, *arguments):
        result = run("pkg-config", *arguments, "boxagnts", env=self.env)
        self.assertEqual(result.returncode, 0, result.stdout)
        return shlex.split(result.stdout) # a space in a path is escaped

    def check_runs(self, program, **env):
        result = run(program, env={**self.env, **env})
        self.assertEqual((result.returncode, result.stdout),
                         (0, self.pkg_config("--modversion")[0] + " 1\n"))

    def test_installs_every_part(self):
        for path in ("bin/boxagnts", "include/boxagnts.h",
                     "share/bash-completion/completions/boxagnts",
                     "share/zsh/site-functions/_boxagnts",
                     "share/fish/vendor_completions.d/boxagnts.fish",
                     "share/doc/boxagnts/LICENSE"):
            self.assertGreater((self.prefix / path).stat().st_size, 0, path)
        for name in ("libboxagnts.so", "libboxagnts.so.0", "libboxagnts.a",
                     "libboxagnts_engine.a", "pkgconfig/boxagnts.pc"):
            self.assertTrue((self.lib / name).exists(), name)

    def test_installs_the_built_tools(self):
        built = BUILD / "share" / "boxagnts" / "tools"
        installed = self.prefix / "share" / "boxagnts" / "tools"
        self.assertEqual({p.name for p in installed.glob("*")},
                         {p.name for p in built.glob("*.wasm")})

    def test_names_no_folder_of_the_build(self):
        text = (self.lib / "pkgconfig" / "boxagnts.pc").read_text()
        self.assertNotIn(str(BUILD), text)
        self.assertNotIn("/usr/local", text)

    def test_program_runs(self):
        result = run(self.prefix / "bin" / "boxagnts", "--version",
                     env=self.env)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn(self.pkg_config("--modversion")[0], result.stdout)

    def test_links_with_the_shared_library(self):
        program = self.top / "shared"
        result = run("cc", self.source, "-o", program,
                     *self.pkg_config("--cflags", "--libs"))
        self.assertEqual(result.returncode, 0, result.stdout)
        self.check_runs(program, LD_LIBRARY_PATH=str(self.lib))

    def test_links_with_the_static_library(self):
        program = self.top / "static"
        libs = ["-l:libboxagnts.a" if flag == "-lboxagnts" else flag
                for flag in self.pkg_config("--static", "--cflags", "--libs")]
        result = run("cc", self.source, "-o", program, "-Wl,--gc-sections",
                     *libs)
        self.assertEqual(result.returncode, 0, result.stdout)
        needed = run("readelf", "-d", program).stdout
        self.assertNotIn("libboxagnts", needed)
        self.check_runs(program)


if __name__ == "__main__":
    unittest.main()
