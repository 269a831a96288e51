/* MD5 and the SHA family, for node:crypto. */
#ifndef BOXAGNTS_JS_HASH_H
#define BOXAGNTS_JS_HASH_H

#include "quickjs.h"

void js_hash_add(JSContext *ctx, JSValueConst native);

#endif
