/* What the commands share of overlays: the flag --overlay, and how changes are
 * shown. */
#ifndef BX_CLI_OVERLAY_CLI_H
#define BX_CLI_OVERLAY_CLI_H

#include "cli/options.h"
#include "overlay/deltas.h"

/* ---- the flag ---- */

#define BX_OVERLAY_FLAG                                                        \
    {                                                                          \
        "overlay", "[=NAME]",                                                  \
            "Write to an overlay and leave the folders as they are; see "      \
            "boxagnts "                                                        \
            "overlay --help"                                                   \
    }

typedef struct bx_overlay_cli {
    bool is_given;
    const char *given; /* NULL: a new one is named and made */
    char *name;        /* owned, as is dir */
    char *dir;
} bx_overlay_cli;

/* The flag was met; value may be NULL. */
int bx_overlay_cli_take(bx_overlay_cli *overlay, const char *value,
                        bx_error **err);
/* Was a name for the overlay written behind a space, where it is an operand?
 * operands: of the command line, with what stands before them; is_used: there
 * is something of the first one's name. errors: BX_ERR_INVALID */
int bx_overlay_cli_check_word(const bx_overlay_cli *overlay,
                              char *const *operands, int count, bool is_used,
                              bx_error **err);
/* Once the policy is complete: give it the overlay. Nothing without the flag.
 * errors: BX_ERR_INVALID: the name; BX_ERR_NOT_FOUND: no home */
int bx_overlay_cli_begin(bx_overlay_cli *overlay, bx_policy *policy,
                         bx_error **err);
/* When the runs are over: say what changed and what to do with it. A new one
 * in which nothing was changed is dropped. Frees; nothing without the flag. */
void bx_overlay_cli_end(bx_overlay_cli *overlay, bool is_quiet);
/* For a process that locks itself down and could not do that: go on in a child.
 * Returns -1 there; in the parent, when the child is over and
 * bx_overlay_cli_end() done, its exit status. */
int bx_overlay_cli_watch(bx_overlay_cli *overlay, bool is_quiet);

/* ---- showing ---- */

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
