/* boxagnts mcp add, list, remove, approve, test: the servers whose tools an
 * agent uses. What they say is hostile: shown escaped. */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "cli/mcp_cli.h"
#include "cli/tool_cli.h"
#include "mcp/client_box.h"
#include "mcp/client_hub.h"
#include "mcp/oauth.h"
#include "mcp/oauth_store.h"
#include "tool/remote.h"

#define START_MS 65000 /* of a server: a little more than it is given */

typedef struct bx_mcp_client_command {
    const char *name;
    const char *usage;
    const char *summary;
    int (*run)(bx_tool_cli *cli);
} bx_mcp_client_command;

static bx_servers_place place_of(const bx_tool_cli *cli)
{
    return (bx_servers_place){ .workspace = cli->workspace };
}

static const char *operand(const bx_tool_cli *cli, int at)
{
    return at < cli->options.operands_count ? cli->options.operands[at] : NULL;
}

/* ---- list ------------------------------------------------------------ */

static void print_escaped(const char *text, size_t max_bytes)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, text, strlen(text), max_bytes) == 0)
        fputs(shown.data, stdout);
}

static void print_command(const bx_remote_server *server)
{
    print_escaped(server->url != NULL ? server->url : server->command, 512);
    for (size_t i = 0; i < server->args.count; i++) {
        putchar(' ');
        print_escaped(server->args.items[i], 512);
    }
    putchar('\n');
}

/* Each line of text behind two blanks. */
static void print_indented(const char *text)
{
    while (*text != '\0') {
        size_t bytes = strcspn(text, "\n");

        printf("  %.*s\n", (int)bytes, text);
        text += bytes + (text[bytes] == '\n');
    }
}

/* What holds a server, whether or not it runs. */
static char *describe(const bx_remote_server *server, bx_error **err)
{
    bx_autoserverbox bx_server_box box = { 0 };
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (server->url != NULL)
        return strdup(server->is_private
                          ? "network    requests to this address, wherever it "
                            "leads (private)\n"
                          : "network    requests to this address alone\n");
    if (bx_server_box_make(server, &box, err) < 0)
        return NULL;
    if (bx_server_box_describe(&box, NULL, &text) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return bx_buf_take(&text);
}

static const char *status_of(const bx_remote_server *server)
{
    if (server->problem != NULL)
        return server->problem;
    return server->is_off ? "disabled" : "enabled";
}

/* Who made the tokens that are kept for it. */
static void print_sign_in(const bx_remote_server *server)
{
    bx_autoerror bx_error *err = NULL;
    json_t *entry = bx_oauth_store_find(server->url, &err);
    const char *issuer = json_string_value(json_object_get(entry, "issuer"));

    if (entry != NULL || err != NULL) {
        printf("  %-10s %s", "sign-in", entry != NULL ? "by " : "");
        print_escaped(issuer != NULL ? issuer
                      : err != NULL  ? bx_error_message(err)
                                     : "?",
                      512);
        putchar('\n');
    }
    json_decref(entry);
}

static void print_server(const bx_remote_server *server)
{
    bx_autoerror bx_error *err = NULL;
    bx_autofree char *box = NULL;

    printf("%s (%s)\n  %-10s ", server->name,
           server->is_workspace ? "workspace" : "user", "status");
    print_escaped(status_of(server), 512);
    printf("\n  %-10s ", server->url != NULL ? "url" : "command");
    print_command(server);
    printf("  %-10s %s%s\n", "level",
           server->has_level ? bx_level_name(server->level)
           : server->trusts_annotations
               ? "read_only for tools that say so, execute for others"
               : "execute",
           server->levels == NULL ? "" : ", but for single tools");
    if (server->problem != NULL)
        return;
    box = describe(server, &err);
    if (box != NULL)
        print_indented(box);
    else {
        printf("  %-10s ", "problem");
        print_escaped(bx_error_message(err), 1024);
        putchar('\n');
    }
    if (server->url != NULL)
        print_sign_in(server);
}

static json_t *server_json(const bx_remote_server *server)
{
    bx_autoerror bx_error *err = NULL;
    bx_autofree char *box =
        server->problem != NULL ? NULL : describe(server, &err);

    return json_pack(
        "{s:s, s:s, s:s, s:o, s:b, s:s*, s:s*}", "name", server->name, "source",
        server->is_workspace ? "workspace" : "user", "status",
        status_of(server), "server", json_loads(server->identity, 0, NULL),
        "network", server->is_network || server->url != NULL, "confinement",
        box, "problem", err == NULL ? NULL : bx_error_message(err));
}

static int print_json(const bx_remote_servers *servers)
{
    json_t *list = json_array();
    bx_autofree char *text = NULL;

    for (size_t i = 0; i < servers->count; i++)
        json_array_append_new(list, server_json(servers->items[i]));
    text = bx_json_text(list, JSON_INDENT(2));
    json_decref(list);
    if (text == NULL)
        return BX_EXIT_FAILED;
    puts(text);
    return 0;
}

static int list_run(bx_tool_cli *cli)
{
    const bx_servers_place place = place_of(cli);
    bx_autoservers bx_remote_servers servers = { 0 };
    bx_error *err = NULL;

    if (bx_remote_servers_load(&place, &servers, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (cli->wants_json)
        return print_json(&servers);
    for (size_t i = 0; i < servers.count; i++) {
        if (i > 0)
            putchar('\n');
        print_server(servers.items[i]);
    }
    if (servers.count == 0)
        printf("No MCP servers. `boxagnts mcp add NAME -- COMMAND ...` adds "
               "one to\n%s.\n",
               servers.user_file == NULL ? "mcp.json" : servers.user_file);
    if (servers.count == 0 && servers.problem != NULL) {
        printf("%s: ", servers.workspace_file);
        print_escaped(servers.problem, 1024);
        putchar('\n');
    }
    return 0;
}

/* ---- remove ---------------------------------------------------------- */

/* Tokens are of no use to anybody when the server is gone from the file. True:
 * it is one at a URL. */
static bool forget_tokens(const bx_servers_place *place, const char *name)
{
    bx_autoservers bx_remote_servers servers = { 0 };
    const bx_wait wait = bx_wait_for_ms(START_MS);
    bx_remote_server *server = NULL;
    bx_oauth_left left;

    if (bx_remote_servers_load(place, &servers, NULL) == 0)
        server = bx_remote_servers_get(&servers, name, NULL);
    if (server == NULL || server->is_workspace || server->url == NULL)
        return false;
    if (bx_remote_server_expand(server, NULL) == 0)
        (void)bx_oauth_log_out(server, &wait, &left, NULL);
    return true;
}

static int remove_run(bx_tool_cli *cli)
{
    const bx_servers_place place = place_of(cli);
    const char *name = operand(cli, 0);
    bx_error *err = NULL;
    bool is_web;

    if (name == NULL || cli->options.operands_count != 1)
        return bx_cli_usage(BX_EXIT_USAGE, "mcp remove",
                            "expected one server's name");
    is_web = forget_tokens(&place, name);
    if (bx_remote_servers_remove(&place, name, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (is_web)
        printf("removed '%s', and its tokens\n", name);
    else
        printf("removed '%s'; what it kept of its own stays in "
               "~/.local/state/boxagnts/mcp/%s\n",
               name, name);
    return 0;
}

/* ---- a server that runs ---------------------------------------------- */

typedef struct bx_running {
    bx_mcp_hub *hub;
    const bx_remote_server *server;
    bx_client_state state;
} bx_running;

static void on_log(void *context, const char *server, const char *text)
{
    (void)context;
    fprintf(stderr, "boxagnts: mcp %s: ", server);
    bx_cli_print_safe(stderr, text, strlen(text));
    putc('\n', stderr);
}

/* Start the one server, its tools in cli's registry. */
static int open_server(bx_tool_cli *cli, const char *name,
                       bx_running *ret_running, bx_error **err)
{
    const bx_mcp_hub_config config = { .place = place_of(cli),
                                       .only = name,
                                       .log = on_log };
    const bx_wait wait = bx_wait_for_ms(START_MS);
    bx_running running = { .hub = bx_mcp_hub_new(&config, err) };

    if (running.hub == NULL)
        return -1;
    if (bx_tool_cli_open(cli, 1, err) == 0 &&
        bx_mcp_hub_wait(running.hub, &wait, err) == 0) {
        (void)bx_mcp_hub_state(running.hub, name, &running.state);
        if (running.state.phase != BX_CLIENT_READY)
            bx_error_set(err, BX_ERR_SYSTEM,
                         "MCP server '%s' did not start: %s", name,
                         running.state.why);
        else if (bx_mcp_hub_attach(running.hub, cli->registry, err) == 0) {
            running.server = bx_remote_servers_get(
                bx_mcp_hub_servers(running.hub), name, NULL);
            *ret_running = running;
            return 0;
        }
    }
    bx_mcp_hub_free(running.hub);
    return -1;
}

static bool is_of(const bx_tool *tool, const char *server)
{
    const char *own = bx_tool_remote_server(tool);

    return own != NULL && strcmp(own, server) == 0;
}

/* ---- approve --------------------------------------------------------- */

static bool agrees(const bx_tool_cli *cli, const char *question)
{
    fflush(stdout);
    if (cli->is_agreed || bx_tool_cli_ask(question))
        return true;
    fprintf(stderr, "boxagnts: nothing is approved%s\n",
            isatty(STDIN_FILENO) ? "" : "; --yes agrees without a terminal");
    return false;
}

static int approve_file(const bx_tool_cli *cli)
{
    const bx_servers_place place = place_of(cli);
    bx_autofree char *difference = NULL;
    bx_error *err = NULL;

    if (bx_remote_servers_difference(&place, &difference, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (difference[0] == '\0') {
        puts(BX_SERVERS_WORKSPACE_FILE " is as it was approved");
        return 0;
    }
    bx_cli_print_safe(stdout, difference, strlen(difference));
    if (!agrees(cli, "Start these servers for this workspace from now on?"))
        return BX_EXIT_FAILED;
    if (bx_remote_servers_approve(&place, difference, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    puts("approved " BX_SERVERS_WORKSPACE_FILE
         "; `boxagnts mcp approve NAME` is next, for the tools of each");
    return 0;
}

/* Is it one of those that were named? Without names all are. */
static bool is_named(const bx_tool_cli *cli, const bx_tool *tool)
{
    if (cli->options.operands_count < 2)
        return true;
    for (int i = 1; i < cli->options.operands_count; i++) {
        if (strcmp(cli->options.operands[i], tool->name) == 0 ||
            strcmp(cli->options.operands[i], bx_tool_remote_name(tool)) == 0)
            return true;
    }
    return false;
}

typedef struct bx_asked_tool {
    const char *name;
    char *difference;
} bx_asked_tool;

/* Show what is to be approved; how many, -1 with err. */
static int show_tools(bx_tool_cli *cli, const char *server, bx_tool **tools,
                      size_t count, bx_asked_tool *asked, bx_error **err)
{
    int found = 0;

    for (size_t i = 0; i < count; i++) {
        const bx_tool *tool = tools[i];
        char *difference = NULL;

        if (!is_of(tool, server) || !is_named(cli, tool))
            continue;
        if (tool->manifest == NULL) {
            fprintf(stderr, "boxagnts: '%s' is left out: ", tool->name);
            bx_cli_print_safe(stderr, tool->why, strlen(tool->why));
            putc('\n', stderr);
            continue;
        }
        if (bx_registry_difference(cli->registry, tool->name, &difference,
                                   err) < 0)
            return -1;
        if (difference[0] == '\0') {
            free(difference);
            continue;
        }
        printf("== %s (%s) ==\n", tool->name,
               bx_level_name(tool->manifest->level));
        bx_cli_print_safe(stdout, difference, strlen(difference));
        asked[found].name = tool->name;
        asked[found++].difference = difference;
    }
    return found;
}

static int approve_tools(bx_tool_cli *cli, const char *server, bx_error **err)
{
    bx_tool **tools;
    size_t count;
    bx_asked_tool *asked;
    int found = -1;
    int result = 0;

    if (bx_registry_list(cli->registry, &tools, &count, err) < 0)
        return -1;
    asked = calloc(count + 1, sizeof(*asked));
    if (asked != NULL)
        found = show_tools(cli, server, tools, count, asked, err);
    else
        bx_error_set_nomem(err);
    if (found == 0)
        printf("the tools of '%s' are as they were approved\n", server);
    result = found < 0 ? -1 : 0;
    if (found > 0 && !agrees(cli, "Approve these tools as they are now?"))
        result = 1;
    for (int i = 0; result == 0 && i < found; i++)
        result = bx_registry_approve_shown(cli->registry, asked[i].name,
                                           asked[i].difference, err);
    if (result == 0 && found > 0)
        printf("approved %d tool%s of '%s'\n", found, found == 1 ? "" : "s",
               server);
    for (size_t i = 0; asked != NULL && i < count; i++)
        free(asked[i].difference);
    free(asked);
    bx_registry_list_free(tools, count);
    return result;
}

static int approve_run(bx_tool_cli *cli)
{
    const char *name = operand(cli, 0);
    bx_running running;
    bx_error *err = NULL;
    int result;

    if (name == NULL)
        return approve_file(cli);
    if (open_server(cli, name, &running, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    result = approve_tools(cli, name, &err);
    bx_mcp_hub_free(running.hub);
    if (result < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return result == 0 ? 0 : BX_EXIT_FAILED;
}

/* ---- test ------------------------------------------------------------ */

static int print_tools(const bx_tool_cli *cli, const bx_running *running,
                       bx_error **err)
{
    bx_tool **tools;
    size_t count;

    if (bx_registry_list(cli->registry, &tools, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const bx_tool *tool = tools[i];

        if (!is_of(tool, running->server->name))
            continue;
        printf("  %-36s %-10s %s\n", tool->name,
               tool->manifest == NULL ? "-"
                                      : bx_level_name(tool->manifest->level),
               bx_tool_status_name(tool->status));
        if (tool->status == BX_TOOL_BROKEN) {
            fputs("      ", stdout);
            print_escaped(tool->why, 1024);
            putchar('\n');
        }
    }
    bx_registry_list_free(tools, count);
    return 0;
}

static void print_state(const bx_running *running)
{
    bx_autoserverbox bx_server_box box = { 0 };
    bx_autobuf bx_buf text = BX_BUF_INIT;

    printf("%s: %s, protocol %s, %zu tool%s\n", running->server->name,
           running->state.title[0] == '\0' ? "without a name"
                                           : running->state.title,
           running->state.revision, running->state.tools_count,
           running->state.tools_count == 1 ? "" : "s");
    if (!running->state.has_layers)
        return;
    if (bx_server_box_make(running->server, &box, NULL) == 0 &&
        bx_server_box_describe(&box, running->state.layers, &text) == 0)
        print_indented(text.data);
}

/* By the server's own name of it, or by ours. */
static bx_tool *find_tool(const bx_tool_cli *cli, const char *server,
                          const char *name, bx_error **err)
{
    bx_tool **tools;
    size_t count;
    bx_tool *found = NULL;

    if (bx_registry_list(cli->registry, &tools, &count, err) < 0)
        return NULL;
    for (size_t i = 0; found == NULL && i < count; i++) {
        if (is_of(tools[i], server) &&
            (strcmp(tools[i]->name, name) == 0 ||
             strcmp(bx_tool_remote_name(tools[i]), name) == 0))
            found = bx_tool_ref(tools[i]);
    }
    bx_registry_list_free(tools, count);
    if (found == NULL)
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "MCP server '%s' has no tool '%.64s'", server, name);
    return found;
}

static int call_tool(bx_tool_cli *cli, const char *server, bx_error **err)
{
    const char *input = operand(cli, 2);
    bx_autotool bx_tool *tool = find_tool(cli, server, operand(cli, 1), err);
    bx_tool_call call = { .input = input,
                          .input_bytes = input == NULL ? 0 : strlen(input),
                          .caller = "cli",
                          .is_approved = cli->is_agreed,
                          .timeout_ms = cli->timeout_ms };
    bx_tool_result *result = NULL;
    bx_autofree char *text = NULL;
    bool is_error;

    if (tool == NULL)
        return -1;
    bx_tool_cli_catch_interrupts(cli);
    call.name = tool->name;
    call.cancel = cli->cancel;
    if (bx_registry_call(cli->registry, &call, &result, err) < 0)
        return -1;
    text = bx_tool_result_text(result);
    is_error = result->is_error;
    if (text != NULL)
        bx_tool_cli_print(is_error ? stderr : stdout, text, strlen(text));
    if (text != NULL && text[0] != '\0' && text[strlen(text) - 1] != '\n')
        fputc('\n', is_error ? stderr : stdout);
    bx_tool_result_free(result);
    return is_error ? 1 : 0;
}

static int test_run(bx_tool_cli *cli)
{
    const char *name = operand(cli, 0);
    bx_running running;
    bx_error *err = NULL;
    int result;

    if (name == NULL || cli->options.operands_count > 3)
        return bx_cli_usage(BX_EXIT_USAGE, "mcp test",
                            "expected a server's name, and a tool with its "
                            "input in JSON to call one");
    if (open_server(cli, name, &running, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (operand(cli, 1) != NULL) {
        result = call_tool(cli, name, &err);
    } else {
        print_state(&running);
        result = print_tools(cli, &running, &err);
    }
    bx_mcp_hub_free(running.hub);
    if (result < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return result == 0 ? 0 : BX_EXIT_FAILED;
}

/* ---- the commands ---------------------------------------------------- */

static const bx_mcp_client_command commands[] = {
    { "list", "", "Show the servers there are, and what holds each", list_run },
    { "remove", "NAME", "Take a server out of the user's mcp.json",
      remove_run },
    { "approve", "[NAME [TOOL ...]]",
      "Agree to what a server says of its tools, or to .mcp.json",
      approve_run },
    { "test", "NAME [TOOL [JSON]]",
      "Start a server and show its tools, or call one", test_run },
};
#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static const bx_mcp_client_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void print_command_help(const bx_mcp_client_command *command)
{
    bx_flag flags[BX_TOOL_FLAGS_MAX];
    size_t count =
        bx_tool_cli_pick("workspace audit yes timeout json quiet", flags);

    printf("%s.\n\nUsage: boxagnts mcp %s %s%s[options]\n\nOptions:\n",
           command->summary, command->name, command->usage,
           command->usage[0] == '\0' ? "" : " ");
    bx_options_print_flags(stdout, flags, count);
}

void bx_mcp_client_print_commands(FILE *out)
{
    fprintf(out, "  %-8s %s\n", "add", "Add a server to the user's mcp.json");
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "  %-8s %s\n", "login",
            "Sign in to a server at a URL, in your browser");
    fprintf(out, "  %-8s %s\n", "logout", "Forget the tokens of one");
}

static bool is_login(const char *name)
{
    return strcmp(name, "login") == 0 || strcmp(name, "logout") == 0;
}

bool bx_mcp_client_has(const char *name)
{
    return strcmp(name, "add") == 0 || is_login(name) ||
           find_command(name) != NULL;
}

int bx_mcp_client_run(int argc, char **argv)
{
    const bx_mcp_client_command *command = find_command(argv[0]);
    bx_tool_cli cli = { .record = BX_RECORD_FILE_INIT };
    bx_error *err = NULL;
    int status;

    if (is_login(argv[0]))
        return bx_mcp_login_run(argc, argv);
    if (command == NULL)
        return bx_mcp_add_run(argc, argv);
    if (bx_tool_cli_parse(argc, argv, "workspace audit yes timeout json quiet",
                          true, &cli, &err) < 0)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    if (cli.options.wants_help) {
        print_command_help(command);
        status = 0;
    } else {
        status = command->run(&cli);
    }
    bx_tool_cli_close(&cli);
    return status;
}
