/* The prelude: JavaScript compiled to bytecode at build time, in parts that
 * load when a script first names something of theirs. */
#ifndef BOXAGNTS_JS_PARTS_H
#define BOXAGNTS_JS_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* Written by compile.c: one entry for each file of prelude/, by its name
 * without ".js"; the last has a NULL name. */
typedef struct js_part {
    const char *name;
    const uint8_t *bytecode;
    size_t bytes;
} js_part;
extern const js_part js_parts[];

/* Define every name of the prelude on the global object, to be loaded when
 * first read. Returns -1 with an exception pending. */
int js_parts_init(JSContext *ctx);

/* What a part returned: its names as properties; loads it. */
JSValue js_parts_get(JSContext *ctx, const char *part_name);

/* The same, if something loaded it already; otherwise undefined. */
JSValue js_parts_peek(JSContext *ctx, const char *part_name);

/* "std" and "os": QuickJS's own modules and what the prelude adds; NULL with an
 * exception. Others, "qjs:...", are QuickJS's. */
JSModuleDef *js_parts_load_module(JSContext *ctx, const char *name);

#endif
