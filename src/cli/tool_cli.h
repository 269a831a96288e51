/* What `boxagnts tool` and its shortcuts share: the flags they have in common,
 * and a registry opened by them. */
#ifndef BX_CLI_TOOL_CLI_H
#define BX_CLI_TOOL_CLI_H

#include "cli/options.h"
#include "cli/overlay_cli.h"
#include "cli/record_file.h"
#include "tool/registry.h"

typedef struct bx_tool_cli {
    bx_options options;
    const char *workspace; /* NULL: the current folder */
    const char *audit_path;
    bool wants_json;
    bool is_agreed; /* --yes */
    bool is_quiet;
    bool holds_requests;
    uint64_t refusals; /* told so far */
    const char *lang;  /* of `tool new` */
    const char *to;    /* of `tool add`: "user" or "workspace" */
    uint64_t timeout_ms;
    bx_record_file record;
    bx_overlay_cli overlay;
    bool requires_lockdown;
    bx_worker_pool *workers;
    bx_audit_log *audit;
    bx_registry *registry;
    bx_cancel *cancel;
} bx_tool_cli;

/* A subcommand of `boxagnts tool`; the operands are in cli->options. */
typedef struct bx_tool_command {
    const char *name;
    const char *usage;
    const char *summary;
    const char *flags; /* those of bx_tool_flags that it has, by name */
    bool has_policy;   /* the policy decides what it shows or does */
    const char *help;  /* what --help teaches, examples included */
    int (*run)(bx_tool_cli *cli);
} bx_tool_command;

extern const bx_tool_command bx_tool_commands[];
extern const size_t bx_tool_commands_count;

int bx_tool_list_run(bx_tool_cli *cli);
int bx_tool_show_run(bx_tool_cli *cli);
int bx_tool_explain_run(bx_tool_cli *cli);
int bx_tool_call_run(bx_tool_cli *cli);
int bx_tool_add_run(bx_tool_cli *cli);
int bx_tool_remove_run(bx_tool_cli *cli);
int bx_tool_approve_run(bx_tool_cli *cli);
int bx_tool_embed_run(bx_tool_cli *cli);
int bx_tool_test_run(bx_tool_cli *cli);
int bx_tool_new_run(bx_tool_cli *cli);

/* The flags of all subcommands, for completion. */
extern const bx_flag bx_tool_flags[];
extern const size_t bx_tool_flags_count;

#define BX_TOOL_FLAGS_MAX 16

/* Those of them that names, words with a space between, has; returns how many.
 */
size_t bx_tool_cli_pick(const char *names, bx_flag flags[BX_TOOL_FLAGS_MAX]);

/* Parse argv behind the subcommand's name. flags: the names of its own;
 * is_mixed: flags may follow operands. */
int bx_tool_cli_parse(int argc, char **argv, const char *flags, bool is_mixed,
                      bx_tool_cli *cli, bx_error **err);
/* The audit log alone, which no guest of the policy writes. */
int bx_tool_cli_open_audit(bx_tool_cli *cli, bx_error **err);
/* Start the workers, instances live in each at once (0: many); with what the
 * kernel lacks of their lockdown said once, unless the person wants quiet. */
int bx_tool_cli_open_workers(bx_tool_cli *cli, uint32_t instances,
                             bx_error **err);
/* Open workers, audit and registry; workspace policy as docs/registry.md says.
 * instances: as above. */
int bx_tool_cli_open(bx_tool_cli *cli, uint32_t instances, bx_error **err);
/* What flags leave open is as if there were no policy: the workspace, every
 * program and tool. */
int bx_tool_cli_complete_policy(bx_policy *policy, const char *workspace,
                                bx_error **err);
void bx_tool_cli_close(bx_tool_cli *cli);

/* Ctrl-C ends the call, a second one the program. */
void bx_tool_cli_catch_interrupts(bx_tool_cli *cli);

/* Print a refusal on stderr, the first of them; a bx_audit_fn whose context is
 * the bx_tool_cli. */
void bx_tool_cli_on_refusal(void *context, const bx_audit_event *event);

/* Does the person at the terminal agree? False without one. */
bool bx_tool_cli_ask(const char *question);

/* Text from a tool: on a terminal, what it would act on is escaped. */
void bx_tool_cli_print(FILE *out, const char *text, size_t bytes);

#endif
