/* Values as text, by the prelude's console. */
#ifndef BOXAGNTS_JS_INSPECT_H
#define BOXAGNTS_JS_INSPECT_H

#include <stdbool.h>

#include "quickjs.h"

/* As console.log shows a value inside an object; plain text when even that
 * fails. Owned by the caller, free(). */
char *js_inspect(JSContext *ctx, JSValueConst value);

/* Would JSON lose nothing of it? */
bool js_inspect_is_plain(JSContext *ctx, JSValueConst value);

#endif
