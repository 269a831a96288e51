/* boxagnts: the command line. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "worker/worker.h"

/* Agents, tools, programs, and what says what all of them did and may do. */
const bx_command bx_commands[] = {
    { "chat", "Talk with an agent that works in this folder", bx_cmd_chat },
    { "agent", "Let an agent work on a task with sandboxed tools",
      bx_cmd_agent },
    { "init", "Set up a folder as a workspace of agents", bx_cmd_init },
    { "settings", "Show what an agent would run with here, and why",
      bx_cmd_settings },
    { "session", "Find, read, export and remove sessions of agents",
      bx_cmd_session },
    { "model", "List models, show one, or test whether it answers",
      bx_cmd_model },
    { "mcp", "Give the tools to MCP clients, or agents those of servers",
      bx_cmd_mcp },
    { "tool", "List, call, add and approve tools", bx_cmd_tool },
    { "bash", "Run a shell command or script in the sandbox", bx_cmd_bash },
    { "js", "Run JavaScript in the sandbox", bx_cmd_js },
    { "python", "Run Python in the sandbox", bx_cmd_python },
    { "run", "Run a WebAssembly program in a sandbox", bx_cmd_run },
    { "inspect", "Show what a module imports and will ask for",
      bx_cmd_inspect },
    { "compile", "Compile a module into the cache", bx_cmd_compile },
    { "cache", "List or clear the compiled modules", bx_cmd_cache },
    { "overlay", "Show, commit or drop what runs under --overlay changed",
      bx_cmd_overlay },
    { "replay", "Run a recorded run again, offline, and compare",
      bx_cmd_replay },
    { "learn", "Run a command and write the smallest manifest it needs",
      bx_cmd_learn },
    { "policy", "Check a policy file, or ask it a question", bx_cmd_policy },
    { "audit", "Show the audit log, follow it, or verify it", bx_cmd_audit },
    { "doctor", "Check this machine: kernel, cache, audit log, tools",
      bx_cmd_doctor },
    { "completion", "Print shell completion for bash, zsh or fish",
      bx_cmd_completion },
};
const size_t bx_commands_count = sizeof(bx_commands) / sizeof(bx_commands[0]);

static void print_help(FILE *out)
{
    fputs("Let agents, tools and programs work without trusting them: in "
          "WebAssembly\nsandboxes under an explicit policy. Nothing given "
          "means nothing granted: no\nfiles, no network, no environment, and "
          "limits that are on.\n\n"
          "Usage: boxagnts COMMAND [options]\n\nCommands:\n",
          out);
    for (size_t i = 0; i < bx_commands_count; i++)
        fprintf(out, "  %-12s %s\n", bx_commands[i].name,
                bx_commands[i].summary);
    fputs("\nExamples:\n"
          "  boxagnts chat\n"
          "  boxagnts agent run 'What is this project about?'\n"
          "  boxagnts tool call file-read path=README.md\n"
          "  boxagnts bash -c 'ls | wc -l'\n"
          "  boxagnts run hello.wasm\n"
          "  boxagnts run --map-dir ./data::/data::ro js-execute.wasm -- "
          "report.js\n"
          "  boxagnts policy explain ci.yaml fs.write:/data/x\n\n"
          "'boxagnts COMMAND --help' tells more of each; "
          "'boxagnts --version' the version.\n",
          out);
}

/* A closed standard stream would become the next file opened: a folder of the
 * host as the guest's stdin, a guest's file as our stderr. /dev/null the wrong
 * way round keeps its place, and using it stays EBADF. */
static int hold_standard_streams(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static char output[65536];
    int status = -1;

    if (argc > 1 && strcmp(argv[1], BX_WORKER_ARGUMENT) == 0)
        return bx_worker_main(argc, argv);
    if (hold_standard_streams() < 0)
        return BX_EXIT_NOT_RUN; /* there is nowhere to say why */
    /* A guest that writes into a closed pipe gets EPIPE, past `ulimit -f`
     * EFBIG; so do we. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    /* Any help fits: the write that fails is the one at the end, which says
     * why. */
    if (!isatty(STDOUT_FILENO))
        (void)setvbuf(stdout, output, _IOFBF, sizeof(output));
    if (argc < 2) {
        print_help(stderr);
        return BX_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("boxagnts %s\n", bx_version());
        return bx_cli_finish(0);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return bx_cli_finish(0);
    }
    for (size_t i = 0; status < 0 && i < bx_commands_count; i++) {
        if (strcmp(argv[1], bx_commands[i].name) == 0)
            status = bx_commands[i].run(argc - 1, argv + 1);
    }
    if (status >= 0)
        return bx_cli_finish(status);
    fprintf(stderr, "boxagnts: no command '%s'\nTry 'boxagnts --help'.\n",
            argv[1]);
    return BX_EXIT_USAGE;
}
