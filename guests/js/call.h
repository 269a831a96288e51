/* Other programs and tools of the box, for the prelude. */
#ifndef BOXAGNTS_JS_CALL_H
#define BOXAGNTS_JS_CALL_H

#include "quickjs.h"

void js_call_add(JSContext *ctx, JSValueConst native);

#endif
