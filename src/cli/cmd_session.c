/* boxagnts session: the sessions of agents, found, read, kept and removed. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_kept.h"
#include "cli/session_cli.h"
#include "cli/tool_cli.h"
#include "policy/unit.h"

#define DEFAULT_LIMIT 50
#define MAX_LIMIT 100000

static void print_help(void)
{
    puts(
        "Find, read, keep and remove the sessions of agents. Each has what was "
        "said and\ndone; `boxagnts chat` and `boxagnts agent run` write it "
        "before it takes effect.\n\n"
        "Usage: boxagnts session list [WORDS...] [--all] [--limit N] "
        "[--json]\n"
        "       boxagnts session search WORDS... [--limit N] [--json]\n"
        "       boxagnts session show ID [--json]\n"
        "       boxagnts session resume ID\n"
        "       boxagnts session export ID [--format md|json] [-o FILE]\n"
        "       boxagnts session import FILE [--workspace DIR]\n"
        "       boxagnts session rename ID TITLE\n"
        "       boxagnts session fork ID [--at ENTRY]\n"
        "       boxagnts session rm ID [--yes]\n\n"
        "ID is an id, the beginning of one, or a title. list shows those of "
        "this folder,\nsearch looks into the texts of all; the last word may "
        "be a beginning. fork makes\na new session with the entries up to and "
        "with one, as `show` counts them, and\nprints its id, as import does. "
        "An exported transcript may be read by anybody;\nwhat is imported may "
        "be anybody's: nothing in it acts, and calls that were only\nplanned "
        "are not made.\n\n"
        "  --all            of every folder, and of sub-agents\n"
        "  --workspace DIR  of this folder; where an imported session belongs\n"
        "  --limit N        at most so many (50)\n"
        "  --format FORMAT  md: a transcript; json: all, to be imported\n"
        "  -o, --output F   write to a file\n"
        "  --at ENTRY       the last entry of the fork\n"
        "  --yes            do not ask\n"
        "  --json           for programs\n\n"
        "Examples:\n"
        "  boxagnts session list\n"
        "  boxagnts session search parser error\n"
        "  boxagnts session show 01KAJ2\n"
        "  boxagnts session export 01KAJ2 -o talk.md\n"
        "  boxagnts session fork 01KAJ2 --at 12\n\n"
        "Exit status: 0 done; 1 no such session, in use, or not agreed; "
        "2 usage.");
}

/* ---- verbs of one step ----------------------------------------------- */

static int run_rename(bx_session_cli *cli)
{
    bx_error *err = NULL;

    if (bx_session_store_rename(cli->store, cli->operands[0], cli->operands[1],
                                &err) < 0)
        return bx_session_cli_fail(cli, cli->operands[0], err);
    return 0;
}

static int run_fork(bx_session_cli *cli)
{
    bx_error *err = NULL;
    bx_autosessionlog bx_session_log *log =
        bx_session_log_fork(cli->store, cli->operands[0], cli->at, &err);

    if (log == NULL)
        return bx_session_cli_fail(cli, cli->operands[0], err);
    puts(bx_session_log_id(log));
    return 0;
}

/* The long results that its agent kept in the workspace, which may be gone. */
static int remove_kept(const char *workspace, const char *id)
{
    bx_error *err = NULL;

    if (workspace == NULL || access(workspace, F_OK) != 0 ||
        bx_kept_remove(workspace, id, &err) == 0)
        return 0;
    return bx_cli_fail(BX_EXIT_FAILED, err);
}

static int run_remove(bx_session_cli *cli)
{
    bx_session_info info = { 0 };
    bx_autofree char *workspace = NULL;
    bx_error *err = NULL;
    bool is_agreed = cli->is_agreed;
    char id[BX_SESSION_ID_BYTES];

    if (bx_session_store_info(cli->store, cli->operands[0], &info, &err) < 0)
        return bx_session_cli_fail(cli, cli->operands[0], err);
    memcpy(id, info.id, sizeof(id));
    if (!is_agreed && !info.is_open) {
        if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
            bx_session_info_clear(&info);
            return bx_cli_usage(BX_EXIT_USAGE, "session",
                                "no terminal to ask on; --yes agrees");
        }
        fprintf(stderr, "%s '", id);
        bx_cli_print_safe(stderr, info.title, strlen(info.title));
        fprintf(stderr, "', %llu entries\n", (unsigned long long)info.entries);
        is_agreed = bx_tool_cli_ask(
            "Remove it for good, with its sub-agents' sessions?");
    }
    /* One that is open is refused by the store, which names the process. */
    is_agreed = is_agreed || info.is_open;
    workspace = bx_take(info.workspace);
    bx_session_info_clear(&info);
    if (!is_agreed)
        return BX_EXIT_FAILED;
    if (bx_session_store_remove(cli->store, id, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return remove_kept(workspace, id);
}

/* What a chat does; its own words for whatever is wrong. */
static int run_resume(bx_session_cli *cli)
{
    char verb[] = "chat";
    char flag[sizeof("--resume=") + BX_SESSION_ID_BYTES];
    bx_session_info info = { 0 };
    bx_error *err = NULL;
    char id[BX_SESSION_ID_BYTES];
    char *argv[] = { verb, flag, NULL };

    if (bx_session_store_info(cli->store, cli->operands[0], &info, &err) < 0)
        return bx_session_cli_fail(cli, cli->operands[0], err);
    memcpy(id, info.id, sizeof(id));
    bx_session_info_clear(&info);
    (void)snprintf(flag, sizeof(flag), "--resume=%s", id);
    for (size_t i = 0; i < bx_commands_count; i++) {
        if (strcmp(bx_commands[i].name, verb) != 0)
            continue;
        bx_session_store_close(cli->store);
        cli->store = NULL;
        return bx_commands[i].run(2, argv);
    }
    fprintf(stderr,
            "boxagnts: this build has no 'chat'; go on with\n"
            "  boxagnts agent run --resume %s \"what to do next\"\n",
            id);
    return BX_EXIT_FAILED;
}

/* ---- the command ----------------------------------------------------- */

static const struct verb {
    const char *name;
    int (*run)(bx_session_cli *cli);
    int least; /* operands */
    int most;
    const char *expected;
    const char *flags; /* the letters of those it has */
} verbs[] = {
    { "list", bx_session_cli_list, 0, 1000, "", "alwj" },
    { "search", bx_session_cli_search, 1, 1000, "which words?", "lj" },
    { "show", bx_session_cli_show, 1, 1, "which session?", "j" },
    { "resume", run_resume, 1, 1, "which session?", "" },
    { "export", bx_session_cli_export, 1, 1, "which session?", "fo" },
    { "import", bx_session_cli_import, 1, 1, "which file? '-' is stdin", "w" },
    { "rename", run_rename, 2, 2, "expected a session and its new title", "" },
    { "fork", run_fork, 1, 1, "which session?", "t" },
    { "rm", run_remove, 1, 1, "which session?", "y" },
};
#define VERBS_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct option flags[] = {
    { "all", no_argument, NULL, 'a' },
    { "limit", required_argument, NULL, 'l' },
    { "workspace", required_argument, NULL, 'w' },
    { "format", required_argument, NULL, 'f' },
    { "output", required_argument, NULL, 'o' },
    { "at", required_argument, NULL, 't' },
    { "yes", no_argument, NULL, 'y' },
    { "json", no_argument, NULL, 'j' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int take_flag(bx_session_cli *cli, int flag, bx_error **err)
{
    switch (flag) {
    case 'a':
        cli->is_all = true;
        return 0;
    case 'l':
        if (bx_unit_parse(optarg, BX_UNIT_COUNT, 1, MAX_LIMIT, &cli->limit,
                          err) < 0)
            return bx_error_wrap(err, "--limit");
        return 0;
    case 'w':
        cli->workspace = optarg;
        return 0;
    case 'f':
        cli->format = optarg;
        return 0;
    case 'o':
        cli->output = optarg;
        return 0;
    case 't':
        if (bx_unit_parse(optarg, BX_UNIT_COUNT, 1, INT64_MAX, &cli->at, err) <
            0)
            return bx_error_wrap(err, "--at");
        return 0;
    case 'y':
        cli->is_agreed = true;
        return 0;
    default:
        cli->is_json = true;
        return 0;
    }
}

/* Sessions know their workspace by its real path. */
static int run_with_store(bx_session_cli *cli, const struct verb *verb)
{
    const char *given = cli->workspace == NULL ? "." : cli->workspace;
    bx_autofree char *workspace = realpath(given, NULL);
    bx_error *err = NULL;
    int status;

    if (workspace == NULL && strchr(verb->flags, 'w') != NULL) {
        (void)bx_error_set_errno(&err, errno, "workspace '%.300s'", given);
        return bx_cli_fail(BX_EXIT_FAILED, err);
    }
    cli->workspace = workspace;
    cli->store = bx_session_store_open(NULL, &err);
    if (cli->store == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    status = verb->run(cli);
    bx_session_store_close(cli->store);
    return status;
}

static int run_verb(bx_session_cli *cli, const char *given, int argc,
                    char **argv)
{
    const struct verb *verb = NULL;

    for (size_t i = 0; i < VERBS_COUNT; i++) {
        if (argc > 0 && strcmp(argv[0], verbs[i].name) == 0)
            verb = &verbs[i];
    }
    if (verb == NULL)
        return bx_cli_usage(BX_EXIT_USAGE, "session",
                            "%s%s%sexpected list, search, show, resume, "
                            "export, import, rename, fork or rm",
                            argc > 0 ? "'" : "", argc > 0 ? argv[0] : "",
                            argc > 0 ? "'? " : "");
    if (strspn(given, verb->flags) != strlen(given))
        return bx_cli_usage(BX_EXIT_USAGE, "session",
                            "%s does not take one of these options",
                            verb->name);
    cli->operands = argv + 1;
    cli->operands_count = argc - 1;
    if (cli->operands_count < verb->least)
        return bx_cli_usage(BX_EXIT_USAGE, "session", "%s: %s", verb->name,
                            verb->expected);
    if (cli->operands_count > verb->most)
        return bx_cli_usage(
            BX_EXIT_USAGE, "session",
            "%s: '%s' is one too many (quote a title of several "
            "words)",
            verb->name, cli->operands[verb->most]);
    return run_with_store(cli, verb);
}

int bx_cmd_session(int argc, char **argv)
{
    bx_session_cli cli = { .limit = DEFAULT_LIMIT };
    char given[16] = "";
    size_t given_count = 0;
    bx_error *err = NULL;
    int flag;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "ho:", flags, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "session",
                                "'%s' is not an option, or needs a value",
                                argv[optind - 1]);
        if (strchr(given, flag) == NULL)
            given[given_count++] = (char)flag;
        if (take_flag(&cli, flag, &err) < 0)
            return bx_cli_fail(BX_EXIT_USAGE, err);
    }
    return run_verb(&cli, given, argc - optind, argv + optind);
}
