/* --hold-requests: the person at the terminal sees each request that would
 * change something before it is sent, and says yes or no. */
#ifndef BX_CLI_HOLD_H
#define BX_CLI_HOLD_H

#include "boxagnts.h"

#define BX_CLI_HOLD_HELP "Ask before a request that changes something is sent"

/* A bx_hold_fn without a context. Without a terminal it refuses, and says so.
 */
bool bx_cli_on_hold(void *context, const bx_hold_event *event);

#endif
