/* Files, as node:fs needs them. */
#ifndef BOXAGNTS_JS_FILE_H
#define BOXAGNTS_JS_FILE_H

#include "quickjs.h"

void js_file_add(JSContext *ctx, JSValueConst native);

#endif
