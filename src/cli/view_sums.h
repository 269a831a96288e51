/* How far an agent is, and what that took: its plan, turns, tokens and cost. */
#ifndef BX_CLI_VIEW_SUMS_H
#define BX_CLI_VIEW_SUMS_H

#include <jansson.h>
#include <stdint.h>

#include "cli/screen.h"

/* items: as of the event "plan". indent: cells before each. */
void bx_view_put_plan(bx_screen *screen, unsigned indent, const json_t *items);
/* One line, of all that this agent did since it began. event: "end". took_ns:
 * its last run. */
void bx_view_put_sums(bx_screen *screen, const json_t *event, int64_t took_ns);

#endif
