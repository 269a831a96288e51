/* js-execute: a piece of JavaScript as a tool call. Input on stdin is JSON
 * {"code", "args", "stdin"}; the result {"content", "is_error", "metadata"} has
 * what the code printed, then the value of its last expression or its error. */
#ifndef BOXAGNTS_JS_TOOL_H
#define BOXAGNTS_JS_TOOL_H

#include <stdbool.h>

#include "quickjs.h"

#define JS_TOOL_NAME "js-execute"

/* Started as the tool, with nothing else? */
bool js_tool_is_called(int argc, char **argv);

/* One call: read the input, run it, write the result. */
_Noreturn void js_tool_run(JSContext *ctx);

/* Is a call under way? Then these end it. */
bool js_tool_is_running(void);
_Noreturn void js_tool_fail(JSContext *ctx, const char *what,
                            JSValueConst error);
_Noreturn void js_tool_exit(int status, const char *message);

#endif
