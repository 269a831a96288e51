#include "cli/agent_cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/run.h"
#include "base/user_dir.h"
#include "cli/agent_servers.h"
#include "cli/hold.h"
#include "policy/policy.h"
#include "wasi/overlay.h"

const bx_flag bx_agent_flags[] = {
    { "workspace", "DIR", "The workspace; the current folder without it" },
    { "model", "NAME", "The model; `boxagnts model list` shows them" },
    { "mode", "ask|reads|edits|auto|plan",
      "Which calls go unasked; reads without it" },
    { "allow", "RULE", "Calls that need no asking, such as 'bash(git *)'" },
    { "ask", "RULE", "Calls that are asked for" },
    { "deny", "RULE", "Calls that are refused" },
    { "max-turns", "N", "Turns of the model; 100 without it" },
    { "max-tool-calls", "N", "Calls of tools; 500 without it" },
    { "max-input-tokens", "N", "Tokens that are sent, of all turns" },
    { "max-output-tokens", "N", "Tokens that the model writes" },
    { "max-cost", "DOLLARS", "What all turns may cost" },
    { "max-time", "TIME", "How long it may work; 1h without it" },
    { "max-failures", "N", "Calls in a row that fail; 8 without it" },
    { "max-repeats", "N", "The same call with the same result; 3 without it" },
    { "parallel", "N", "Calls made at once; 4 without it" },
    { "effort", "none|low|medium|high", "How much the model thinks" },
    { "system", "TEXT", "More for the system prompt" },
    { "resume", "ID", "Go on with a session" },
    { "audit", "FILE",
      "The audit log; ~/.local/state/boxagnts/audit.jsonl without it" },
    BX_OVERLAY_FLAG,
    { "hold-requests", NULL, BX_CLI_HOLD_HELP },
    { "require-lockdown", NULL,
      "Run nothing unless the kernel has every layer of the workers' "
      "lockdown" },
    { "quiet", NULL, "Say nothing but the end" },
    { "json", NULL, "Print each event as a line of JSON" },
    /* Of runs alone: */
    { "managed", NULL,
      "A manager plans, and executors work at once, each over an overlay of "
      "its own" },
    { "on-conflict", "ask|first|skip",
      "What becomes of a path that two executors change; ask without it" },
};
#define MANAGED_FLAGS 2
const size_t bx_agent_flags_count =
    sizeof(bx_agent_flags) / sizeof(bx_agent_flags[0]);

const size_t bx_agent_flags_of_chat =
    sizeof(bx_agent_flags) / sizeof(bx_agent_flags[0]) - MANAGED_FLAGS;

/* Of a session: more than these were made by somebody who did something. */
#define NOTES_MAX 20

#define FLAGS (sizeof(bx_agent_flags) / sizeof(bx_agent_flags[0]))

/* ---- flags ------------------------------------------------------------- */

/* Those that are settings, by the key these have there. */
static const char *setting_of(const char *flag)
{
    static const struct {
        const char *flag;
        const char *key;
    } rows[] = {
        { "model", "model" },
        { "mode", "mode" },
        { "effort", "effort" },
        { "parallel", "parallel" },
        { "system", "system" },
        { "allow", "rules/allow" },
        { "ask", "rules/ask" },
        { "deny", "rules/refuse" },
        { "max-turns", "budget/turns" },
        { "max-tool-calls", "budget/calls" },
        { "max-input-tokens", "budget/input-tokens" },
        { "max-output-tokens", "budget/output-tokens" },
        { "max-cost", "budget/cost" },
        { "max-time", "budget/time" },
        { "max-failures", "budget/failures" },
        { "max-repeats", "budget/repeats" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].flag, flag) == 0)
            return rows[i].key;
    return NULL;
}

static int on_flag(void *context, const char *name, const char *value,
                   bx_error **err)
{
    bx_agent_cli *cli = context;
    const char *key = setting_of(name);
    char origin[64];

    if (key != NULL) {
        (void)snprintf(origin, sizeof(origin), "--%s", name);
        if (strcmp(key, "mode") == 0)
            cli->mode_origin = "--mode";
        return bx_settings_set(&cli->settings, key, value, origin, err);
    }
    if (strcmp(name, "resume") == 0) {
        cli->is_resuming = true;
        cli->resume = value;
    } else if (strcmp(name, "workspace") == 0) {
        cli->tools.workspace = value;
    } else if (strcmp(name, "audit") == 0) {
        cli->tools.audit_path = value;
    } else if (strcmp(name, "overlay") == 0) {
        return bx_overlay_cli_take(&cli->tools.overlay, value, err);
    } else if (strcmp(name, "hold-requests") == 0) {
        cli->tools.holds_requests = true;
    } else if (strcmp(name, "require-lockdown") == 0) {
        cli->tools.requires_lockdown = true;
    } else if (strcmp(name, "quiet") == 0) {
        cli->tools.is_quiet = true;
    } else if (strcmp(name, "json") == 0) {
        cli->tools.wants_json = true;
    } else if (strcmp(name, "managed") == 0) {
        cli->is_managed = true;
    } else if (strcmp(name, "on-conflict") == 0) {
        if (bx_on_conflict_find(value, &cli->team.on_conflict) < 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "--on-conflict '%s': expected ask, first or "
                                "skip",
                                value);
    }
    return 0;
}

/* Which workspace: its settings may name the policy that flags add to. */
static int on_workspace(void *context, const char *name, const char *value,
                        bx_error **err)
{
    bx_agent_cli *cli = context;

    (void)err;
    if (strcmp(name, "workspace") == 0)
        cli->tools.workspace = value;
    return 0;
}

static int find_workspace(bx_agent_cli *cli, bx_error **err)
{
    const char *given =
        cli->tools.workspace == NULL ? "." : cli->tools.workspace;

    cli->workspace = realpath(given, NULL);
    return cli->workspace == NULL
               ? bx_error_set_errno(err, errno, "workspace '%s'", given)
               : 0;
}

static int load_settings(bx_agent_cli *cli, bx_error **err)
{
    cli->problems = json_array();
    if (cli->problems == NULL)
        return bx_error_set_nomem(err);
    if (find_workspace(cli, err) < 0)
        return -1;
    cli->models = bx_models_load(NULL, err);
    if (cli->models == NULL)
        return -1;
    return bx_settings_load(cli->workspace, cli->models, BX_MODE_READS,
                            cli->problems, &cli->settings, err);
}

static bool is_run(const bx_agent_cli *cli)
{
    return cli->kind == NULL || strcmp(cli->kind, "run") == 0;
}

int bx_agent_cli_parse(int argc, char **argv, bx_agent_cli *cli, bx_error **err)
{
    bx_autofree char *users = bx_user_config_path("policy.yaml");
    bx_options first = { 0 };
    bx_flag flags[FLAGS];
    size_t count = is_run(cli) ? bx_agent_flags_count : bx_agent_flags_of_chat;
    bool wants_help;

    memcpy(flags, bx_agent_flags, sizeof(flags));
    for (size_t i = 0; cli->may_resume_last && i < count; i++)
        if (strcmp(flags[i].name, "resume") == 0)
            flags[i].placeholder = "[=ID]";
    if (bx_options_parse_mixed(argc, argv, flags, count, on_workspace, cli,
                               NULL, &first, err) < 0)
        return -1;
    wants_help = first.wants_help;
    bx_options_clear(&first);
    if (!wants_help && load_settings(cli, err) < 0)
        return -1;
    return bx_options_parse_mixed(
        argc, argv, flags, count, on_flag, cli,
        cli->settings.policy == NULL ? users : cli->settings.policy,
        &cli->tools.options, err);
}

/* ---- open ---------------------------------------------------------------- */

/* The last one of this kind here; its id is owned. */
static char *find_last(bx_agent_cli *cli, bx_error **err)
{
    const bx_session_query query = { .workspace = cli->workspace, .limit = 50 };
    bx_autosessionlist bx_session_list list = { 0 };
    const char *kind = cli->kind == NULL ? "run" : cli->kind;

    if (bx_session_store_list(cli->store, &query, &list, err) < 0)
        return NULL;
    for (size_t i = 0; i < list.count; i++) {
        char *id;

        if (strcmp(list.items[i].kind, kind) != 0)
            continue;
        id = strdup(list.items[i].id);
        if (id == NULL)
            (void)bx_error_set_nomem(err);
        return id;
    }
    (void)bx_error_set(err, BX_ERR_NOT_FOUND,
                       "there is no session of this workspace to go on with; "
                       "`boxagnts session list --all` shows those there are");
    return NULL;
}

/* Its first note says so. */
static bool was_managed(bx_agent_cli *cli, const char *id)
{
    json_t *entries = bx_session_store_read(cli->store, id, 1, 1, NULL);
    bool was = json_is_true(json_object_get(
        json_object_get(json_array_get(entries, 0), "note"), "managed"));

    json_decref(entries);
    return was;
}

/* The session to go on with, and the model it had, when no other is named. */
static int find_session(bx_agent_cli *cli, char **ret_model, bx_error **err)
{
    bx_session_info info = { 0 };

    if (!cli->is_resuming)
        return 0;
    cli->session =
        cli->resume == NULL ? find_last(cli, err) : strdup(cli->resume);
    if (cli->session == NULL)
        return cli->resume == NULL ? -1 : bx_error_set_nomem(err);
    if (bx_session_store_info(cli->store, cli->session, &info, err) < 0)
        return -1;
    if (cli->tools.workspace == NULL && info.workspace != NULL &&
        strcmp(info.workspace, cli->workspace) != 0) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "session %s is of the workspace '%s'; go there, or "
                           "name one with --workspace",
                           info.id, info.workspace);
        bx_session_info_clear(&info);
        return -1;
    }
    cli->is_managed |= was_managed(cli, info.id);
    *ret_model = info.model == NULL ? NULL : strdup(info.model);
    bx_session_info_clear(&info);
    return 0;
}

static bool is_said(const bx_settings *settings, const char *key)
{
    json_t *rows = bx_settings_explain(settings, NULL);
    bool is_found = false;
    size_t i;
    const json_t *row;

    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "key"));
        const char *from = json_string_value(json_object_get(row, "from"));

        if (name != NULL && from != NULL && strcmp(name, key) == 0)
            is_found = strcmp(from, "default") != 0;
    }
    json_decref(rows);
    return is_found;
}

static int find_model(bx_agent_cli *cli, const char *sessions, bx_error **err)
{
    const char *name = cli->settings.model;

    /* A file's model is for sessions that begin; a flag's is said first. */
    if (sessions != NULL && sessions[0] != '\0' &&
        !is_said(&cli->settings, "model"))
        name = sessions;
    cli->config.model = name == NULL || name[0] == '\0'
                            ? bx_models_default(cli->models)
                            : bx_models_get(cli->models, name, err);
    return cli->config.model == NULL ? -1 : 0;
}

/* Executors write to overlays: what a mode would ask for call by call is asked
 * for once, when it is merged. */
static int prepare_team(bx_agent_cli *cli, bx_error **err)
{
    bx_settings *settings = &cli->settings;

    if (!is_said(settings, "mode"))
        settings->mode = BX_MODE_EDITS;
    if (settings->mode != BX_MODE_EDITS && settings->mode != BX_MODE_AUTO)
        return bx_error_set(err, BX_ERR_INVALID,
                            "--managed: mode is %s; expected edits (the merge "
                            "is asked for) or auto, with --mode",
                            bx_mode_name(settings->mode));
    if (cli->tools.overlay.is_given)
        return bx_error_set(err, BX_ERR_INVALID,
                            "--managed: each executor has an overlay of its "
                            "own; expected no --overlay");
    cli->team_system = bx_team_system(settings->system);
    return cli->team_system == NULL ? bx_error_set_nomem(err) : 0;
}

/* How tools see the workspace; NULL: they do not. */
static const char *guest_path(const bx_agent_cli *cli)
{
    const bx_policy *policy = cli->tools.options.policy;

    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];
        bx_autofree char *host = realpath(mount->host_dir, NULL);

        if (host != NULL && strcmp(host, cli->workspace) == 0)
            return mount->guest_dir[0] == '\0' ? "/" : mount->guest_dir;
    }
    return NULL;
}

static void fill_config(bx_agent_cli *cli)
{
    const bx_settings *settings = &cli->settings;
    bx_agent_config *config = &cli->config;

    config->registry = cli->tools.registry;
    config->store = cli->store;
    config->models = cli->models;
    config->workspace = cli->workspace;
    config->system = settings->system;
    config->session = cli->session;
    config->kind = cli->kind == NULL ? "run" : cli->kind;
    config->mode = settings->mode;
    config->rules = settings->rules;
    config->budget = settings->budget;
    config->effort = settings->effort;
    config->parallel = settings->parallel;
    config->cancel = cli->tools.cancel;
    config->kept_path = guest_path(cli);
    config->has_overlay = cli->tools.overlay.is_given;
    config->has_subagents = true;
    if (cli->is_managed) {
        cli->team.executors = settings->parallel;
        config->team = &cli->team;
        config->system = cli->team_system;
    }
}

int bx_agent_cli_open(bx_agent_cli *cli, bx_error **err)
{
    bx_autofree char *sessions_model = NULL;

    cli->store = bx_session_store_open(NULL, err);
    if (cli->store == NULL)
        return bx_error_wrap(err, "no agent without its session kept "
                                  "(XDG_STATE_HOME names another folder)");
    if (find_session(cli, &sessions_model, err) < 0 ||
        (cli->is_managed && prepare_team(cli, err) < 0) ||
        find_model(cli, sessions_model, err) < 0 ||
        bx_tool_cli_open(&cli->tools, 0, err) < 0)
        return -1;
    cli->tools.cancel = bx_cancel_new();
    if (cli->tools.cancel == NULL)
        return bx_error_set_nomem(err);
    fill_config(cli);
    /* A person at a prompt need not wait for servers; a task does. */
    return bx_agent_servers_open(cli, cli->waits_for_servers || is_run(cli),
                                 err);
}

int bx_agent_cli_start(bx_agent_cli *cli, bx_error **err)
{
    cli->agent = bx_agent_new(&cli->config, err);
    return cli->agent == NULL ? -1 : 0;
}

/* What mode edits left is told like that of --overlay. */
static void hand_over_overlay(bx_agent_cli *cli)
{
    const char *name = bx_agent_overlay(cli->agent);
    bx_autofree char *dir = name == NULL ? NULL : bx_overlay_path(name, NULL);

    if (dir == NULL || access(dir, F_OK) != 0)
        return;
    cli->tools.overlay.name = strdup(name);
    cli->tools.overlay.dir = bx_take(dir);
}

/* Has nobody said or named anything in it? */
static bool is_empty_session(bx_session_store *store, const char *id)
{
    bx_session_info info = { 0 };
    bool is_empty = false;
    json_t *entries;
    json_t *entry;
    size_t i;

    if (bx_session_store_info(store, id, &info, NULL) < 0)
        return false;
    is_empty = info.entries <= NOTES_MAX &&
               (info.title == NULL || info.title[0] == '\0');
    bx_session_info_clear(&info);
    if (!is_empty)
        return false;
    entries = bx_session_store_read(store, id, 1, 0, NULL);
    is_empty = entries != NULL;
    json_array_foreach(entries, i, entry)
    {
        if (json_object_get(entry, "message") != NULL)
            is_empty = false;
    }
    json_decref(entries);
    return is_empty;
}

void bx_agent_cli_leave(bx_agent_cli *cli, bx_agent *agent)
{
    char id[BX_SESSION_ID_BYTES];

    if (agent == NULL)
        return;
    snprintf(id, sizeof(id), "%s", bx_agent_session(agent));
    bx_agent_free(agent);
    if (is_empty_session(cli->store, id))
        (void)bx_session_store_remove(cli->store, id, NULL);
}

void bx_agent_cli_close(bx_agent_cli *cli)
{
    if (cli->agent != NULL)
        hand_over_overlay(cli);
    bx_agent_cli_leave(cli, cli->agent);
    bx_mcp_hub_free(cli->servers); /* before the registry */
    bx_session_store_close(cli->store);
    bx_tool_cli_close(&cli->tools);
    bx_cancel_free(cli->tools.cancel);
    bx_settings_clear(&cli->settings);
    bx_models_free(cli->models);
    json_decref(cli->problems);
    free(cli->team_system);
    free(cli->workspace);
    free(cli->session);
    *cli = (bx_agent_cli)BX_AGENT_CLI_INIT;
}

/* ---- Ctrl-C -------------------------------------------------------------- */

static bx_cancel *interrupt;

static void on_signal(int number)
{
    (void)number;
    bx_cancel_trigger(interrupt);
}

void bx_agent_cli_catch_interrupts(bx_agent_cli *cli)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)SA_RESETHAND };

    interrupt = cli->tools.cancel;
    atomic_store(&interrupt->triggered, false);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int bx_agent_cli_status(bx_agent_status status)
{
    switch (status) {
    case BX_AGENT_DONE:
        return 0;
    case BX_AGENT_CANCELLED:
        return BX_EXIT_CANCELLED;
    case BX_AGENT_BUDGET:
        return BX_EXIT_BUDGET;
    case BX_AGENT_REFUSED:
        return BX_EXIT_REFUSED;
    default:
        return BX_EXIT_FAILED;
    }
}
