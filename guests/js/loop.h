/* The event loop: jobs, timers, descriptors, and promises nobody caught. */
#ifndef BOXAGNTS_JS_LOOP_H
#define BOXAGNTS_JS_LOOP_H

#include "quickjs.h"

/* Exit statuses, as Node.js has them. */
enum { JS_EXIT_ERROR = 1, JS_EXIT_USAGE = 2, JS_EXIT_UNSETTLED = 13 };

void js_loop_init(JSRuntime *rt);

/* Run until nothing is left to wait for. */
void js_loop_run(JSContext *ctx);

/* Tell process.on('exit') that the program ends. */
void js_loop_end(JSContext *ctx);

/* Run until promise settles and give its value; takes promise. A rejection
 * gives JS_EXCEPTION. */
JSValue js_loop_await(JSContext *ctx, JSValue promise);

/* Print the pending exception to stderr, flush and exit. */
_Noreturn void js_loop_fail(JSContext *ctx);

#endif
