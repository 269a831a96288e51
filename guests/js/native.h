/* Functions the prelude is built on: bytes, HTTP, randomness, and a look at
 * values that JavaScript itself does not allow. */
#ifndef BOXAGNTS_JS_NATIVE_H
#define BOXAGNTS_JS_NATIVE_H

#include "quickjs.h"

#define JS_NODE_VERSION "20.0.0" /* whose modules the prelude follows */

extern int js_exit_code;         /* set through process.exitCode */
extern const char *js_main_file; /* of the program; NULL: it is no file */

/* End the program; a tool call still has its result. */
_Noreturn void js_exit(int status);

/* The object each part of the prelude gets as its argument. */
JSValue js_native_new(JSContext *ctx);

#endif
