"""libboxagnts.so shows the functions of boxagnts.h and nothing else."""

import re
import unittest

from support import LIBRARY, SOURCE, header_functions, run


def exports():
    """(symbols, version nodes) of the shared library."""
    result = run("nm", "-D", "--defined-only", "--with-symbol-versions",
                 LIBRARY)
    if result.returncode != 0:
        raise AssertionError(result.stdout)
    symbols, nodes = set(), set()
    for line in result.stdout.splitlines():
        kind, name = line.split()[1:3]
        if kind == "A": # the node itself
            nodes.add(name.partition("@")[0])
            continue
        symbols.add(tuple(re.split("@+", name)))
    return symbols, nodes


class Exports(unittest.TestCase):
    def test_map_lists_the_header(self):
        text = (SOURCE / "cmake" / "boxagnts.map").read_text()
        listed = set(re.findall(r"^    (\w+);$", text, flags=re.M))
        self.assertEqual(listed, header_functions(),
                         "cmake/boxagnts.map and include/boxagnts.h differ")

    def test_library_exports_the_header_only(self):
        symbols, _ = exports()
        self.assertEqual({name for name, *_ in symbols}, header_functions())

    def test_every_symbol_has_a_version(self):
        symbols, nodes = exports()
        self.assertEqual(nodes, {"BOXAGNTS_0.1"})
        self.assertEqual({version for _, *version in symbols for version in
                          version}, {"BOXAGNTS_0.1"})
        self.assertTrue(all(len(symbol) == 2 for symbol in symbols))

    def test_soname_holds_the_abi_version(self):
        result = run("readelf", "-d", LIBRARY)
        self.assertIn("Library soname: [libboxagnts.so.0]", result.stdout)

    def test_stack_is_not_executable(self):
        result = run("readelf", "-lW", LIBRARY)
        stack = re.search(r"GNU_STACK.*", result.stdout)[0]
        self.assertNotIn("RWE", stack)


if __name__ == "__main__":
    unittest.main()
