/* What becomes of executors' changes, as people read it. */
#ifndef BX_CLI_VIEW_MERGE_H
#define BX_CLI_VIEW_MERGE_H

#include <jansson.h>

#include "cli/screen.h"

/* A path in conflict: who has what there, and whose version is taken. */
void bx_view_put_conflict(bx_screen *screen, unsigned indent,
                          const json_t *event);
/* How much was written, and what lies in overlays. */
void bx_view_put_merge(bx_screen *screen, unsigned indent, const json_t *event);

#endif
