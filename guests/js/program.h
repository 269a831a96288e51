/* A program: its text, what kind it is, and running it. */
#ifndef BOXAGNTS_JS_PROGRAM_H
#define BOXAGNTS_JS_PROGRAM_H

#include "quickjs.h"

typedef enum js_program_kind {
    JS_PROGRAM_DETECT,
    JS_PROGRAM_MODULE,
    JS_PROGRAM_SCRIPT,
} js_program_kind;

/* Everything on standard input, with a NUL behind it; js_free(). */
char *js_program_read_stdin(JSContext *ctx, size_t *ret_bytes);

/* name: of the file, or what stack traces call it. The value is the last
 * expression's, of a script without a top-level await. */
JSValue js_program_run(JSContext *ctx, const char *text, size_t bytes,
                       const char *name, js_program_kind kind);

/* The value of the last expression, whatever kind of program it is; of code
 * that returns at its top level, what it returns. */
JSValue js_program_evaluate(JSContext *ctx, const char *text, size_t bytes,
                            const char *name);

#endif
