/* Options of a command that takes a policy: one flag for each control, --policy
 * FILE, and the command's own. */
#ifndef BX_CLI_OPTIONS_H
#define BX_CLI_OPTIONS_H

#include "cli/cli.h"

/* A flag of the command's own. */
typedef struct bx_flag {
    const char *name;
    const char *placeholder; /* NULL: takes no value */
    const char *help;
} bx_flag;

typedef struct bx_options {
    bx_policy *policy;    /* owned */
    bool has_policy_file; /* flags added to one */
    bool wants_help;
    char **operands; /* what follows the flags; borrowed from argv */
    int operands_count;
} bx_options;

/* Called for each of the command's own flags. Returns -1 with err set. */
typedef int (*bx_flag_fn)(void *context, const char *name, const char *value,
                          bx_error **err);

/* Parse up to the first operand. A policy file is read first, whatever its
 * place; flags add to it and replace its single values.
 * errors: BX_ERR_INVALID: the flag and what it expects */
int bx_options_parse(int argc, char **argv, const bx_flag *flags,
                     size_t flags_count, bx_flag_fn on_flag, void *context,
                     bx_options *ret_options, bx_error **err);
/* The same with a policy file that counts when no --policy is given and it
 * exists; mixed: with options after operands as well. */
int bx_options_parse_over(int argc, char **argv, const bx_flag *flags,
                          size_t flags_count, bx_flag_fn on_flag, void *context,
                          const char *default_policy_file,
                          bx_options *ret_options, bx_error **err);
int bx_options_parse_mixed(int argc, char **argv, const bx_flag *flags,
                           size_t flags_count, bx_flag_fn on_flag,
                           void *context, const char *default_policy_file,
                           bx_options *ret_options, bx_error **err);
/* Where the words of a program begin: the index of the first that is none of
 * our long flags nor the value of one. */
int bx_options_end(int argc, char **argv, const bx_flag *flags,
                   size_t flags_count, bx_error **err);
void bx_options_clear(bx_options *options);
/* No guest writes the file at path with tail behind it; what: for refusals. */
int bx_options_protect(bx_policy *policy, const char *path, const char *tail,
                       const char *what, bx_error **err);

/* The lines of --help for flags and for every control. */
void bx_options_print_flags(FILE *out, const bx_flag *flags,
                            size_t flags_count);
void bx_options_print_controls(FILE *out);

#endif
