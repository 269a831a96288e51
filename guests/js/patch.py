#!/usr/bin/env python3
"""Copy one of QuickJS-ng's sources with our edits: a stack limit, the value of
a module's last expression, and an exit that a tool call hears of.

usage: patch.py SOURCE.c OUT.c

quickjs.c takes __wasi__ to mean "no stack limit", so that a deep recursion
ends in a trap where a script expects a RangeError it can catch. The edits
switch the limit on and charge recursing functions for it (stack.h). Each must
match exactly as often as it says, or the build stops: then the sources
changed, and the measurements in README.md have to be made again.
"""

import pathlib
import sys

CHECKED = "charged_stack_pointer()"


def charge(head, size):
    """Charge a function, known by its first lines, for its frames."""
    return (head, f"{head}    STACK_CHARGE({size});\n", 1)


# The end of a script or module: emitted once with `using`, once without.
MODULE_END = """\
            }
            emit_return(s, true);
        } else {
            emit_return(s, false);
        }
"""
# import.meta.value = the hidden variable
KEEP_VALUE = """\
            if (js_module_keeps_value) {
                emit_op(s, OP_special_object);
                emit_u8(s, OP_SPECIAL_OBJECT_IMPORT_META);
                emit_op(s, OP_get_loc);
                emit_u16(s, fd->eval_ret_idx);
                emit_op(s, OP_put_field);
                emit_atom(s, JS_ATOM_value);
            }
"""

# file name: (text, replacement, how often it must occur)
EDITS = {
    "quickjs.c": [
        ("#ifdef __wasi__\n    rt->stack_size = 0;\n#endif\n", "", 1),
        ("#if defined(__wasi__)\n    rt->stack_limit = 0; /* no limit */\n",
         "#if 0\n", 1),
        ("(uintptr_t)__builtin_frame_address(0)", CHECKED, 1),
        # The parser checks in next_token(), not where it recurses.
        charge("int js_parse_unary(JSParseState *s, int parse_flags)\n{\n",
               512),
        charge("int js_parse_assign_expr2(JSParseState *s, int parse_flags)\n"
               "{\n", 1280),
        charge("int js_parse_postfix_expr(JSParseState *s, int parse_flags)\n"
               "{\n", 256),
        charge("int js_parse_class(JSParseState *s, bool is_class_expr,\n"
               "                                      "
               "JSParseExportEnum export_flag)\n{\n", 1024),
        charge("int js_parse_statement_or_decl(JSParseState *s,\n"
               "                                                  "
               "int decl_mask)\n{\n", 768),
        # Scripts have a hidden variable for the value of what ran last.
        ("    if (!s->is_module) {\n"
         "        /* hidden variable for the return value */\n",
         "    if (!s->is_module || js_module_keeps_value) {\n", 1),
        (MODULE_END, MODULE_END.replace(
            "            emit_return(s, false);\n", KEEP_VALUE +
            "            emit_return(s, false);\n"), 2),
    ],
    "quickjs-libc.c": [
        ("    exit(status);\n    return JS_UNDEFINED;",
         "    js_exit(status);\n    return JS_UNDEFINED;", 1),
    ],
    "libregexp.c": [
        ("if (lre_check_stack_overflow(s->opaque, 0))",
         f"if ((void){CHECKED}, lre_check_stack_overflow(s->opaque, 0))", 2),
    ],
}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    text = source.read_text(encoding="utf-8")
    for old, new, count in EDITS.get(source.name, []):
        found = text.count(old)
        if found != count:
            sys.exit(f"{source}: expected {count} time(s), found {found}:\n"
                     f"{old}")
        text = text.replace(old, new)
    streams = "#define BOXAGNTS_JS_STREAMS\n" \
        if source.name == "quickjs-libc.c" else ""
    pathlib.Path(sys.argv[2]).write_text(f"""\
#pragma clang diagnostic ignored "-Weverything" /* others' code */
{streams}#include "stack.h"
#line 1 "{source.name}"
{text}""", encoding="utf-8")


if __name__ == "__main__":
    main()
