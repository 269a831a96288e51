/* Functions the prelude is built on: bytes, HTTP, randomness, and a look at
 * values that JavaScript itself does not allow. */
#ifndef BOXAGNTS_JS_NATIVE_H
#define BOXAGNTS_JS_NATIVE_H

#include "quickjs.h"

extern int js_exit_code; /* set through process.exitCode */

/* The object each part of the prelude gets as its argument. */
JSValue js_native_new(JSContext *ctx);

#endif
