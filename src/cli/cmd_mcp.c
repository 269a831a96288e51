/* boxagnts mcp: serve the tools over MCP on stdin and stdout. stdout carries
 * the protocol and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/user_dir.h"
#include "cli/mcp_cli.h"
#include "cli/tool_cli.h"
#include "mcp/server.h"

#define MAX_PATTERNS 256 /* of --tools */
#define THREADS 8

typedef struct bx_mcp_cli {
    bx_tool_cli tools;
    const char *patterns[MAX_PATTERNS];
    size_t patterns_count;
    char *patterns_text; /* owned; what patterns point into */
    bool allows_dangerous;
    bool has_no_resources;
    bx_log_level log_level;
} bx_mcp_cli;

static const bx_flag flags[] = {
    { "workspace", "DIR", "The workspace; the current folder without it" },
    { "tools", "A,B", "Only these tools; names, or patterns with '*'" },
    { "allow-dangerous", NULL,
      "Agree beforehand to every call of dangerous tools" },
    { "no-resources", NULL, "Do not show the workspace's files as resources" },
    { "require-lockdown", NULL,
      "Serve nothing unless the kernel has every layer of the workers' "
      "lockdown" },
    { "audit", "FILE",
      "The audit log; ~/.local/state/boxagnts/audit.jsonl without it" },
    BX_OVERLAY_FLAG,
    { "log-level", "LEVEL",
      "What goes to stderr: debug, info, warning (without it), error" },
};
static const size_t flags_count = sizeof(flags) / sizeof(flags[0]);

static int take_patterns(bx_mcp_cli *cli, const char *value, bx_error **err)
{
    char *rest;

    if (cli->patterns_text != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "--tools: given twice; put commas between names");
    cli->patterns_text = rest = strdup(value);
    if (rest == NULL)
        return bx_error_set_nomem(err);
    while (rest != NULL) {
        char *name = strsep(&rest, ",");

        if (name[0] == '\0')
            return bx_error_set(err, BX_ERR_INVALID,
                                "--tools '%s': expected names with commas "
                                "between them, such as file-*,bash",
                                value);
        if (cli->patterns_count == MAX_PATTERNS)
            return bx_error_set(err, BX_ERR_INVALID,
                                "--tools: more than %d names", MAX_PATTERNS);
        cli->patterns[cli->patterns_count++] = name;
    }
    return 0;
}

static int on_flag(void *context, const char *name, const char *value,
                   bx_error **err)
{
    bx_mcp_cli *cli = context;

    if (strcmp(name, "workspace") == 0)
        cli->tools.workspace = value;
    else if (strcmp(name, "audit") == 0)
        cli->tools.audit_path = value;
    else if (strcmp(name, "allow-dangerous") == 0)
        cli->allows_dangerous = true;
    else if (strcmp(name, "no-resources") == 0)
        cli->has_no_resources = true;
    else if (strcmp(name, "require-lockdown") == 0)
        cli->tools.requires_lockdown = true;
    else if (strcmp(name, "tools") == 0)
        return take_patterns(cli, value, err);
    else if (strcmp(name, "overlay") == 0)
        return bx_overlay_cli_take(&cli->tools.overlay, value, err);
    else if (bx_log_level_find(value, &cli->log_level) < 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "--log-level '%s': expected debug, info, warning "
                            "or error",
                            value);
    return 0;
}

/* ---- the server ------------------------------------------------------ */

static void on_log(void *context, bx_log_level level, const char *text)
{
    const bx_mcp_cli *cli = context;

    if (level >= cli->log_level)
        fprintf(stderr, "boxagnts mcp: %s: %s\n", bx_log_level_name(level),
                text);
}

static bx_mcp_server *stopped; /* what a signal ends */

static void on_signal(int number)
{
    (void)number;
    bx_mcp_server_stop(stopped);
}

static void catch_signals(bx_mcp_server *server)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)SA_RESETHAND };

    stopped = server;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* Somebody who tries it by hand would wait for something to happen. */
static void greet_person(void)
{
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
        fputs("boxagnts mcp: waits for the messages of an MCP client on stdin; "
              "Ctrl-D ends it.\n`boxagnts mcp install NAME` has a client start "
              "it, without NAME it says who there is.\n",
              stderr);
}

/* Messages go to a copy of stdout, and stdout itself to stderr: whatever else
 * might print cannot put itself between two messages. */
static int take_stdout(bx_error **err)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        if (fd >= 0)
            close(fd);
        return bx_error_set_errno(err, errno, "stdout");
    }
    return fd;
}

static int open_registry(bx_mcp_cli *cli, bx_mcp_server *server, bx_error **err)
{
    bx_registry_config config = {
        .workspace = cli->tools.workspace,
        .policy = cli->tools.options.policy,
        .audit = cli->tools.audit,
        .only = cli->patterns_count == 0 ? NULL : cli->patterns,
        .only_count = cli->patterns_count,
        .is_watching = true,
        .on_change = bx_mcp_server_on_change,
        .change_context = server,
    };

    if (bx_tool_cli_open_workers(&cli->tools, 0, err) < 0)
        return -1;
    config.workers = cli->tools.workers;
    cli->tools.registry = bx_registry_new(&config, err);
    return cli->tools.registry == NULL ? -1 : 0;
}

static int serve(bx_mcp_cli *cli, int out_fd, bx_error **err)
{
    const bx_mcp_config config = {
        .in_fd = STDIN_FILENO,
        .out_fd = out_fd,
        .policy = cli->tools.options.policy,
        .audit = cli->tools.audit,
        .allows_dangerous = cli->allows_dangerous,
        .has_no_resources = cli->has_no_resources,
        .threads = THREADS,
        .log = on_log,
        .log_context = cli,
    };
    bx_mcp_server *server = bx_mcp_server_new(&config, err);
    int result;

    if (server == NULL)
        return -1;
    greet_person();
    catch_signals(server);
    result = open_registry(cli, server, err);
    if (result == 0)
        result = bx_mcp_server_run(server, cli->tools.registry, err);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    bx_registry_free(cli->tools.registry);
    cli->tools.registry = NULL;
    bx_mcp_server_free(server);
    return result;
}

static int open_and_serve(bx_mcp_cli *cli, bx_error **err)
{
    bx_autofd int out_fd = -1;

    if (!cli->tools.options.has_policy_file &&
        bx_tool_cli_complete_policy(cli->tools.options.policy,
                                    cli->tools.workspace, err) < 0)
        return -1;
    if (bx_tool_cli_open_audit(&cli->tools, err) < 0 ||
        bx_overlay_cli_begin(&cli->tools.overlay, cli->tools.options.policy,
                             err) < 0)
        return -1;
    if (cli->tools.overlay.is_given)
        fprintf(stderr, "boxagnts mcp: what tools write goes to overlay '%s'\n",
                cli->tools.overlay.name);
    out_fd = take_stdout(err);
    return out_fd < 0 ? -1 : serve(cli, out_fd, err);
}

/* ---- the command ----------------------------------------------------- */

static void print_help(FILE *out)
{
    fputs(
        "Give the tools to an MCP client: the client starts this command and "
        "speaks\nJSON-RPC with it over stdin and stdout. Each call runs in a "
        "fresh sandbox under\nthe policy given here; nothing the client or a "
        "model sends can widen it.\n\n"
        "Usage: boxagnts mcp [options]\n"
        "       boxagnts mcp install [CLIENT] [options]\n"
        "       boxagnts mcp add|list|remove|approve|test|login|logout ...\n\n"
        "With no command the tools are served here; `install` writes this "
        "server into a\nclient's settings. The other way round, to use the "
        "tools of others' servers in\nan agent of ours:\n\n",
        out);
    bx_mcp_client_print_commands(out);
    fputs("\nOptions of the server:\n", out);
    bx_options_print_flags(out, flags, flags_count);
    fputs("\nPolicy (see `boxagnts policy --help`):\n", out);
    bx_options_print_controls(out);
    fputs("\nWithout --policy FILE and ~/.config/boxagnts/policy.yaml tools "
          "get the workspace\nat /, no network and no environment. Tools that "
          "wait for `boxagnts tool approve`\nare not shown; dangerous ones "
          "only with --allow-dangerous.\n\n"
          "  boxagnts mcp --workspace ~/project\n"
          "  boxagnts mcp --workspace ~/project --tools 'file-*,bash'\n"
          "  boxagnts mcp install claude-code --workspace ~/project\n",
          out);
}

static int serve_command(int argc, char **argv)
{
    bx_mcp_cli cli = { .log_level = BX_LOG_WARNING };
    bx_autofree char *policy_file = bx_user_config_path("policy.yaml");
    bx_error *err = NULL;
    int status = 0;

    if (bx_options_parse_over(argc, argv, flags, flags_count, on_flag, &cli,
                              policy_file, &cli.tools.options, &err) < 0) {
        free(cli.patterns_text);
        return bx_cli_fail(BX_EXIT_USAGE, err);
    }
    if (cli.tools.options.wants_help)
        print_help(stdout);
    else if (bx_overlay_cli_check_word(
                 &cli.tools.overlay, cli.tools.options.operands,
                 cli.tools.options.operands_count, false, &err) < 0)
        status = bx_cli_fail(BX_EXIT_USAGE, err);
    else if (cli.tools.options.operands_count > 0)
        status = bx_cli_usage(BX_EXIT_USAGE, "mcp",
                              "no command '%s'; there are install, add, list, "
                              "remove, approve, test, login and logout",
                              cli.tools.options.operands[0]);
    else if (open_and_serve(&cli, &err) < 0)
        status = bx_cli_fail(BX_EXIT_FAILED, err);
    bx_tool_cli_close(&cli.tools);
    free(cli.patterns_text);
    return status;
}

int bx_cmd_mcp(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "install") == 0)
        return bx_mcp_install_run(argc - 1, argv + 1);
    if (argc > 1 && bx_mcp_client_has(argv[1]))
        return bx_mcp_client_run(argc - 1, argv + 1);
    return serve_command(argc, argv);
}
