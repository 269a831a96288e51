/* The allocator the interpreter works with. */
#ifndef BOXAGNTS_JS_HEAP_H
#define BOXAGNTS_JS_HEAP_H

#include "quickjs.h"

extern const JSMallocFunctions js_heap;

#endif
