"""boxagnts.h stands alone, in C11 and C++17, and keeps to its own names."""

import re
import tempfile
import pathlib
import unittest

from support import HEADER, SOURCE, find_program, header_functions, run

WARNINGS = ["-Wall", "-Wextra", "-pedantic-errors", "-Werror"]


class Header(unittest.TestCase):
    def check_compiles(self, compiler, standard, suffix):
        with tempfile.TemporaryDirectory() as folder:
            # Twice: the include guard is part of standing alone.
            source = pathlib.Path(folder) / f"header{suffix}"
            source.write_text('#include "boxagnts.h"\n' * 2 +
                              "bx_run_options options = BX_RUN_OPTIONS_INIT;\n")
            result = run(compiler, f"-std={standard}", *WARNINGS,
                         "-fsyntax-only", "-I", HEADER.parent, source)
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_compiles_alone_as_c11(self):
        self.check_compiles("cc", "c11", ".c")

    def test_compiles_alone_as_cxx17(self):
        self.check_compiles(find_program("c++", "g++", "clang++"), "c++17",
                            ".cpp")

    def test_every_name_has_the_prefix(self):
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
        macros = set(re.findall(r"^#define\s+(\w+)", text, flags=re.M))
        types = set(re.findall(r"^(?:}|typedef struct \w+) (\w+);", text,
                               flags=re.M))
        functions = header_functions()
        self.assertGreater(len(functions), 20)
        self.assertIn("bx_policy", types)
        for name in macros - {"BOXAGNTS_H"}:
            self.assertTrue(name.startswith("BX_"), name)
        for name in functions | types:
            self.assertTrue(name.startswith("bx_"), name)

    def test_version_is_the_project_version(self):
        cmake = (SOURCE / "CMakeLists.txt").read_text()
        version = re.search(r"project\(boxagnts VERSION ([\d.]+)", cmake)[1]
        text = HEADER.read_text()
        parts = [re.search(rf"BX_VERSION_{part} (\d+)", text)[1]
                 for part in ("MAJOR", "MINOR", "PATCH")]
        self.assertEqual(".".join(parts), version)
        self.assertIn(f'#define BX_VERSION "{version}"', text)


if __name__ == "__main__":
    unittest.main()
