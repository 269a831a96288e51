/* boxagnts tool: look at tools, call them, manage them. */
#include <string.h>

#include "cli/tool_cli.h"

const bx_tool_command bx_tool_commands[] = {
    { "list", "", "List the tools and what state they are in", "workspace json",
      true,
      "  boxagnts tool list\n"
      "  boxagnts tool list --json --workspace ./project\n",
      bx_tool_list_run },
    { "show", "NAME", "Show a tool's description, permissions and input",
      "workspace json", false, "  boxagnts tool show file-read\n",
      bx_tool_show_run },
    { "explain", "NAME", "Show the policy it would run under, and why",
      "workspace json", true,
      "Effective policy = workspace policy AND what the tool's manifest asks "
      "for.\n\n"
      "  boxagnts tool explain web-fetch\n"
      "  boxagnts tool explain web-fetch --allowed-outbound-host "
      "https://example.com\n",
      bx_tool_explain_run },
    { "call", "NAME [JSON | - | @FILE | KEY=VALUE...]", "Call a tool",
      "workspace audit timeout overlay yes require-lockdown quiet json record "
      "record-max hold-requests",
      true,
      "The input is a JSON object: as an argument, from stdin (-), from a file "
      "(@FILE),\nor as KEY=VALUE pairs (KEY:=JSON for other than strings). "
      "Text goes to stdout,\nrefusals and errors to stderr. Exit status: 0; 1 "
      "the tool reports an error;\n2 usage; 125 it was not called (no such "
      "tool, not allowed, bad input).\n\n"
      "  boxagnts tool call file-read '{\"path\": \"notes.txt\"}'\n"
      "  boxagnts tool call file-read path=notes.txt limit=10\n"
      "  boxagnts tool call bash --json < input.json -\n",
      bx_tool_call_run },
    { "add", "FILE", "Copy a tool into the user's (or workspace's) folder",
      "workspace to yes", false,
      "FILE is a module with its manifest inside or as NAME.tool.yaml beside "
      "it, or\nNAME.tool.yaml with a script beside it. Without a manifest, a "
      "component's typed\nfunctions are tools, and a command-line program is "
      "one with the flags that its\n--help names.\n\n"
      "  boxagnts tool add ./build/my-tool.wasm\n"
      "  boxagnts tool add my-tool.tool.yaml --to workspace\n",
      bx_tool_add_run },
    { "remove", "NAME", "Remove a tool that was added", "workspace", false,
      "  boxagnts tool remove my-tool\n", bx_tool_remove_run },
    { "approve", "NAME", "Show what changed in a tool, and agree to it",
      "workspace yes", false,
      "Tools that came with a workspace, and tools that changed, run only "
      "after "
      "this.\n\n"
      "  boxagnts tool approve my-tool\n"
      "  boxagnts tool approve my-tool --yes\n",
      bx_tool_approve_run },
    { "embed", "MANIFEST IN.wasm [OUT.wasm]", "Put a manifest into a module",
      "", false,
      "OUT is IN without it; what was embedded before is replaced.\n\n"
      "  boxagnts tool embed my-tool.yaml build/my-tool.wasm\n",
      bx_tool_embed_run },
    { "test", "NAME|FOLDER [CASES.yaml]", "Run a tool's own test cases",
      "timeout yes require-lockdown json", true,
      "  boxagnts tool test ./my-tool\n", bx_tool_test_run },
    { "new", "NAME [FOLDER]", "Write a new tool, with a test", "lang", false,
      "  boxagnts tool new --lang c my-tool\n"
      "  make -C my-tool test\n",
      bx_tool_new_run },
};
const size_t bx_tool_commands_count =
    sizeof(bx_tool_commands) / sizeof(bx_tool_commands[0]);

static void print_help(FILE *out)
{
    fputs("Tools are WebAssembly modules that say what they do and what they "
          "need. Each\ncall runs in a fresh sandbox under the workspace's "
          "policy, narrowed by what the\ntool asks for.\n\n"
          "Usage: boxagnts tool COMMAND [options] [arguments]\n\nCommands:\n",
          out);
    for (size_t i = 0; i < bx_tool_commands_count; i++)
        fprintf(out, "  %-10s %s\n", bx_tool_commands[i].name,
                bx_tool_commands[i].summary);
    fputs("\nTools come from the program's own folder, from "
          "~/.local/share/boxagnts/tools and\nfrom WORKSPACE/.boxagnts/tools; "
          "those of a workspace run once you approved them.\nWithout --policy "
          "FILE and ~/.config/boxagnts/policy.yaml they get the workspace\nat "
          "/, no network and no environment.\n\n"
          "'boxagnts tool COMMAND --help' tells more of each.\n",
          out);
}

static void print_command_help(const bx_tool_command *command)
{
    bx_flag flags[BX_TOOL_FLAGS_MAX];
    size_t count = bx_tool_cli_pick(command->flags, flags);

    printf("%s.\n\nUsage: boxagnts tool %s [options]%s%s\n\n%s\nOptions:\n",
           command->summary, command->name,
           command->usage[0] == '\0' ? "" : " ", command->usage, command->help);
    bx_options_print_flags(stdout, flags, count);
    if (command->has_policy) {
        puts("\nPolicy (see `boxagnts policy --help`):");
        bx_options_print_controls(stdout);
    }
}

static int run_command(const bx_tool_command *command, int argc, char **argv)
{
    bx_tool_cli cli = { .record = BX_RECORD_FILE_INIT };
    bx_error *err = NULL;
    int status;

    if (bx_tool_cli_parse(argc, argv, command->flags, true, &cli, &err) < 0)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    if (cli.options.wants_help) {
        print_command_help(command);
        bx_options_clear(&cli.options);
        return 0;
    }
    status = command->run(&cli);
    bx_tool_cli_close(&cli);
    return status;
}

int bx_cmd_tool(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return BX_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    for (size_t i = 0; i < bx_tool_commands_count; i++) {
        if (strcmp(argv[1], bx_tool_commands[i].name) == 0)
            return run_command(&bx_tool_commands[i], argc - 1, argv + 1);
    }
    return bx_cli_usage(BX_EXIT_USAGE, "tool",
                        "no command '%s'; there are list, show, explain, call, "
                        "add, remove, approve, embed, test and new",
                        argv[1]);
}
