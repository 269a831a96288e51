/* What the commands share of overlays: the flag --overlay, and how changes are
 * shown. */
#ifndef BX_CLI_OVERLAY_CLI_H
#define BX_CLI_OVERLAY_CLI_H

#include "cli/options.h"
#include "overlay/deltas.h"

/* Changes as rows, with conflicts; selected NULL: all of them. */
void bx_overlay_cli_print_rows(const bx_deltas *changes, const bool *selected,
                               FILE *out);
/* "3 added, 1 modified" */
void bx_overlay_cli_print_count(const bx_deltas_count *count, FILE *out);

/* `boxagnts overlay diff`: what to print of the selected rows. */
int bx_overlay_cli_diff(const bx_deltas *changes, const bool *selected,
                        bool is_stat, bx_error **err);
int bx_overlay_cli_diff_json(const bx_deltas *changes, const bool *selected,
                             bx_error **err);

#endif
