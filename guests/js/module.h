/* What import and require() find: modules of Node.js, of QuickJS, and files. */
#ifndef BOXAGNTS_JS_MODULE_H
#define BOXAGNTS_JS_MODULE_H

#include "quickjs.h"

void js_module_init(JSRuntime *rt);

/* import.meta of a program's main module: url, filename, dirname. Returns -1
 * with an exception. */
int js_module_describe(JSContext *ctx, JSModuleDef *module, bool is_main);

void js_module_add(JSContext *ctx, JSValueConst native);

#endif
