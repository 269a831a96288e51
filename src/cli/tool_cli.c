#include "cli/tool_cli.h"

#include <signal.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/user_dir.h"
#include "cli/hold.h"
#include "cli/learner.h"
#include "policy/policy.h"
#include "policy/unit.h"

#define SHOWN_REFUSALS 20 /* a guest may make millions */

const bx_flag bx_tool_flags[] = {
    { "workspace", "DIR", "The workspace; the current folder without it" },
    { "audit", "FILE",
      "The audit log; ~/.local/state/boxagnts/audit.jsonl without it" },
    { "timeout", "TIME", "End the call earlier than the policy would" },
    { "yes", NULL, "Agree: to a dangerous call, to what is approved" },
    { "to", "user|workspace", "Which folder; user without it" },
    { "lang", "c|rust|js|python", "The language; required" },
    { "require-lockdown", NULL,
      "Run nothing unless the kernel has every layer of the workers' "
      "lockdown" },
    BX_OVERLAY_FLAG,
    { "quiet", NULL, "Do not show refused calls" },
    { "json", NULL, "Print JSON" },
    { "record", "FILE", "Record the run for `boxagnts replay`" },
    { "record-max", "SIZE", "The most a recording may have; 1GiB without it" },
    { "hold-requests", NULL, BX_CLI_HOLD_HELP },
};
const size_t bx_tool_flags_count =
    sizeof(bx_tool_flags) / sizeof(bx_tool_flags[0]);
_Static_assert(sizeof(bx_tool_flags) / sizeof(bx_tool_flags[0]) <=
                   BX_TOOL_FLAGS_MAX,
               "a command may have all of them");

static bool has_word(const char *words, const char *word)
{
    size_t bytes = strlen(word);

    for (const char *at = words; (at = strstr(at, word)) != NULL; at += bytes) {
        if ((at == words || at[-1] == ' ') &&
            (at[bytes] == ' ' || at[bytes] == '\0'))
            return true;
    }
    return false;
}

size_t bx_tool_cli_pick(const char *names, bx_flag flags[BX_TOOL_FLAGS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < bx_tool_flags_count; i++) {
        if (has_word(names, bx_tool_flags[i].name))
            flags[count++] = bx_tool_flags[i];
    }
    return count;
}

static int on_flag(void *context, const char *name, const char *value,
                   bx_error **err)
{
    bx_tool_cli *cli = context;

    if (bx_record_file_flag(&cli->record, name))
        return bx_record_file_set(&cli->record, name, value, err);
    if (strcmp(name, "workspace") == 0)
        cli->workspace = value;
    else if (strcmp(name, "audit") == 0)
        cli->audit_path = value;
    else if (strcmp(name, "yes") == 0)
        cli->is_agreed = true;
    else if (strcmp(name, "require-lockdown") == 0)
        cli->requires_lockdown = true;
    else if (strcmp(name, "quiet") == 0)
        cli->is_quiet = true;
    else if (strcmp(name, "json") == 0)
        cli->wants_json = true;
    else if (strcmp(name, "hold-requests") == 0)
        cli->holds_requests = true;
    else if (strcmp(name, "lang") == 0)
        cli->lang = value;
    else if (strcmp(name, "to") == 0)
        cli->to = value;
    else if (strcmp(name, "overlay") == 0)
        return bx_overlay_cli_take(&cli->overlay, value, err);
    else if (bx_unit_parse(value, BX_UNIT_TIME, 1, 86400000, &cli->timeout_ms,
                           err) < 0)
        return bx_error_wrap(err, "--timeout");
    return 0;
}

int bx_tool_cli_parse(int argc, char **argv, const char *flags, bool is_mixed,
                      bx_tool_cli *cli, bx_error **err)
{
    bx_autofree char *policy_file = bx_user_config_path("policy.yaml");
    bx_flag own[BX_TOOL_FLAGS_MAX];
    size_t count = bx_tool_cli_pick(flags, own);

    return is_mixed
               ? bx_options_parse_mixed(argc, argv, own, count, on_flag, cli,
                                        policy_file, &cli->options, err)
               : bx_options_parse_over(argc, argv, own, count, on_flag, cli,
                                       policy_file, &cli->options, err);
}

int bx_tool_cli_complete_policy(bx_policy *policy, const char *workspace,
                                bx_error **err)
{
    static const char origin[] = "default tool policy";

    if (policy->mounts_count == 0 &&
        bx_policy_set(policy, "work-dir", workspace == NULL ? "." : workspace,
                      origin, err) < 0)
        return -1;
    if (policy->names != NULL)
        return 0;
    if (bx_policy_set(policy, "grant", "exec:*", origin, err) < 0)
        return -1;
    return bx_policy_set(policy, "grant", "tool:*", origin, err);
}

int bx_tool_cli_open_audit(bx_tool_cli *cli, bx_error **err)
{
    const char *path = cli->audit_path;

    cli->audit = bx_audit_log_open(path, err);
    if (cli->audit == NULL)
        return bx_error_wrap(err, "no call without its line in the audit log "
                                  "(XDG_STATE_HOME names another folder)");
    if (path == NULL)
        return 0; /* in the state folder, which is protected */
    if (bx_options_protect(cli->options.policy, path, "", "the audit log",
                           err) < 0)
        return -1;
    return bx_options_protect(cli->options.policy, path, ".head",
                              "the audit log", err);
}

static void say_missing(const bx_lockdown_support *support)
{
    for (int i = 0; i < BX_LOCKDOWN_CGROUP; i++) {
        if (!support->has[i])
            fprintf(stderr,
                    "boxagnts: guests run without %s: %s (boxagnts doctor)\n",
                    bx_lockdown_layer_name((bx_lockdown_layer)i),
                    support->missing[i]);
    }
}

int bx_tool_cli_open_workers(bx_tool_cli *cli, uint32_t instances,
                             bx_error **err)
{
    const bx_worker_options options = {
        .max_instances = instances,
        .requires_lockdown = cli->requires_lockdown,
    };

    cli->workers = bx_worker_pool_new(&options, err);
    if (cli->workers == NULL)
        return -1;
    if (!cli->is_quiet)
        say_missing(bx_lockdown_probe());
    return 0;
}

int bx_tool_cli_open(bx_tool_cli *cli, uint32_t instances, bx_error **err)
{
    bx_registry_config config = { .workspace = cli->workspace };

    if (!cli->options.has_policy_file &&
        bx_tool_cli_complete_policy(cli->options.policy, cli->workspace, err) <
            0)
        return -1;
    if (bx_learner_prepare(&cli->options, cli->workspace, err) < 0 ||
        bx_tool_cli_open_workers(cli, instances, err) < 0)
        return -1;
    if (bx_tool_cli_open_audit(cli, err) < 0 ||
        bx_overlay_cli_begin(&cli->overlay, cli->options.policy, err) < 0)
        return -1;
    config.workers = cli->workers;
    config.audit = cli->audit;
    config.policy = cli->options.policy;
    cli->registry = bx_registry_new(&config, err);
    return cli->registry == NULL ? -1 : 0;
}

void bx_tool_cli_close(bx_tool_cli *cli)
{
    bx_registry_free(cli->registry);
    bx_audit_log_close(cli->audit);
    bx_worker_pool_free(cli->workers);
    bx_options_clear(&cli->options);
    bx_overlay_cli_end(&cli->overlay, cli->is_quiet);
}

static bx_cancel *interrupt;

static void on_signal(int number)
{
    (void)number;
    bx_cancel_trigger(interrupt);
}

void bx_tool_cli_catch_interrupts(bx_tool_cli *cli)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)SA_RESETHAND };

    cli->cancel = interrupt = bx_cancel_new();
    if (interrupt == NULL)
        return;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void bx_tool_cli_on_refusal(void *context, const bx_audit_event *event)
{
    bx_tool_cli *cli = context;

    if (!cli->is_quiet && !bx_learner_hides(event) &&
        cli->refusals++ < SHOWN_REFUSALS)
        fprintf(stderr, "boxagnts: denied %s '%s': %s (%s)\n", event->call,
                event->target, event->reason, event->rule);
}

bool bx_tool_cli_ask(const char *question)
{
    bx_autobuf bx_buf prompt = BX_BUF_INIT;
    char answer[16];

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    return bx_buf_printf(&prompt, "%s [y/N] ", question) == 0 &&
           bx_cli_ask(prompt.data, answer, sizeof(answer)) &&
           (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
}

void bx_tool_cli_print(FILE *out, const char *text, size_t bytes)
{
    if (isatty(fileno(out)))
        bx_cli_print_safe(out, text, bytes);
    else
        fwrite(text, 1, bytes, out);
}
