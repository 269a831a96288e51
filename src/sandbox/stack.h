/* Guests run on the host's stack: see that there is enough of it. */
#ifndef BX_SANDBOX_STACK_H
#define BX_SANDBOX_STACK_H

#include "base/error.h"

/* Call function(argument) with room for a guest's stack_bytes and for the host
 * functions it calls: here when this thread has that much left, otherwise on a
 * thread of its own, which this one waits for. */
int bx_stack_call(uint64_t stack_bytes, void (*function)(void *),
                  void *argument, bx_error **err);

#endif
