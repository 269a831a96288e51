/* boxagnts mcp login, logout: a person's sign-in to a server at a URL. What is
 * shown of the server is a stranger's. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/mcp_cli.h"
#include "cli/options.h"
#include "cli/tool_cli.h"
#include "mcp/client_servers.h"
#include "mcp/oauth.h"
#include "policy/unit.h"

#define LOGOUT_MS 30000
#define LOGIN_MAX_MS 3600000

static const bx_flag flags[] = {
    { "scope", "SCOPES",
      "What to agree to, beside what was agreed before; what the server asks "
      "for without it" },
    { "timeout", "TIME", "How long to wait for you; 5m without it" },
    { "workspace", "DIR", "The workspace; the current folder without it" },
};
#define FLAGS_COUNT (sizeof(flags) / sizeof(flags[0]))

typedef struct bx_login_cli {
    const char *name;
    const char *scope;
    const char *workspace;
    uint64_t timeout_ms;
    bool wants_help;
} bx_login_cli;

static void print_help(bool is_login)
{
    if (is_login) {
        fputs("Sign in to a server with a \"url\" in your browser. The address "
              "to open is\nprinted; what the browser brings back comes to a "
              "port of this machine that is\nopen meanwhile. The tokens are "
              "kept in\n~/.local/state/boxagnts/mcp-tokens.json, for you "
              "alone, and go to that server\nalone.\n\n"
              "Usage: boxagnts mcp login NAME [options]\n\nOptions:\n",
              stdout);
        bx_options_print_flags(stdout, flags, FLAGS_COUNT);
    } else {
        fputs("Forget the tokens of a server, and tell who made them.\n\n"
              "Usage: boxagnts mcp logout NAME [options]\n\nOptions:\n",
              stdout);
        bx_options_print_flags(stdout, &flags[FLAGS_COUNT - 1], 1);
    }
}

/* ---- words ------------------------------------------------------------ */

static int take_flag(bx_login_cli *cli, const char *name, const char *value,
                     bx_error **err)
{
    if (strcmp(name, "scope") == 0)
        cli->scope = value;
    else if (strcmp(name, "workspace") == 0)
        cli->workspace = value;
    else if (bx_unit_parse(value, BX_UNIT_TIME, 1, LOGIN_MAX_MS,
                           &cli->timeout_ms, err) < 0)
        return bx_error_wrap(err, "--timeout");
    return 0;
}

static const bx_flag *find_flag(const char *word, size_t bytes, bool is_login)
{
    for (size_t i = is_login ? 0 : FLAGS_COUNT - 1; i < FLAGS_COUNT; i++) {
        if (strlen(flags[i].name) == bytes &&
            memcmp(flags[i].name, word, bytes) == 0)
            return &flags[i];
    }
    return NULL;
}

static int take_words(bx_login_cli *cli, bool is_login, int argc, char **argv,
                      bx_error **err)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        size_t bytes = strcspn(word, "=");
        const bx_flag *flag = strncmp(word, "--", 2) == 0
                                  ? find_flag(word + 2, bytes - 2, is_login)
                                  : NULL;

        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            cli->wants_help = true;
            return 0;
        }
        if (word[0] != '-' && cli->name == NULL) {
            cli->name = word;
            continue;
        }
        if (flag == NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                word[0] == '-' ? "no option '%s'"
                                               : "'%s': one name is expected",
                                word);
        if (word[bytes] != '=' && i + 1 == argc)
            return bx_error_set(err, BX_ERR_INVALID, "--%s takes a value: %s",
                                flag->name, flag->placeholder);
        if (take_flag(cli, flag->name,
                      word[bytes] == '=' ? word + bytes + 1 : argv[++i],
                      err) < 0)
            return -1;
    }
    return cli->name != NULL
               ? 0
               : bx_error_set(err, BX_ERR_INVALID,
                              "expected the name of a server; `boxagnts mcp "
                              "list` shows them");
}

/* ---- the two ---------------------------------------------------------- */

static void show(void *context, const char *url, const char *host)
{
    const bx_login_cli *cli = context;

    printf("Open this page to sign in to '%s', at %s:\n\n  %s\n\n", cli->name,
           host, url);
    printf("Waiting for it (Ctrl-C gives up)\n");
    fflush(stdout);
}

static int log_in(const bx_remote_server *server, bx_login_cli *cli,
                  bx_error **err)
{
    const bx_oauth_login login = { .scope = cli->scope,
                                   .timeout_ms = cli->timeout_ms,
                                   .show = show,
                                   .context = cli };

    if (bx_oauth_log_in(server, &login, err) < 0)
        return -1;
    printf("signed in to '%s'; `boxagnts mcp approve %s` shows its tools\n",
           server->name, server->name);
    return 0;
}

static int log_out(const bx_remote_server *server, bx_error **err)
{
    const bx_wait wait = bx_wait_for_ms(LOGOUT_MS);
    bx_oauth_left left = BX_OAUTH_WAS_OUT;

    if (bx_oauth_log_out(server, &wait, &left, err) < 0)
        return -1;
    if (left == BX_OAUTH_WAS_OUT)
        printf("nobody was signed in to '%s'\n", server->name);
    else if (left == BX_OAUTH_REVOKED)
        printf("signed out of '%s'; its tokens are of no more use\n",
               server->name);
    else
        printf("signed out of '%s'; its tokens are forgotten here, but could "
               "not be revoked where they were made\n",
               server->name);
    return 0;
}

static int run(bx_login_cli *cli, bool is_login, bx_error **err)
{
    const bx_servers_place place = { .workspace = cli->workspace };
    bx_autoservers bx_remote_servers servers = { 0 };
    bx_remote_server *server;

    if (bx_remote_servers_load(&place, &servers, err) < 0)
        return -1;
    server = bx_remote_servers_get(&servers, cli->name, err);
    if (server == NULL)
        return -1;
    if (server->problem != NULL && is_login)
        return bx_error_set(err, BX_ERR_DENIED, "server '%s': %s", server->name,
                            server->problem);
    if (server->url == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "server '%s' is a command; a sign-in is for "
                            "servers with \"url\"",
                            server->name);
    if (bx_remote_server_expand(server, err) < 0 ||
        (is_login ? log_in(server, cli, err) : log_out(server, err)) < 0)
        return bx_error_wrap(err, "MCP server '%s'", server->name);
    return 0;
}

int bx_mcp_login_run(int argc, char **argv)
{
    bool is_login = strcmp(argv[0], "login") == 0;
    bx_login_cli cli = { .timeout_ms = BX_OAUTH_LOGIN_MS };
    bx_error *err = NULL;

    if (take_words(&cli, is_login, argc, argv, &err) < 0)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    if (cli.wants_help) {
        print_help(is_login);
        return 0;
    }
    if (run(&cli, is_login, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return 0;
}
