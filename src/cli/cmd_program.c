/* boxagnts bash, js, python: the built-in programs by a short name, with the
 * flags of `run` and the workspace of `tool`. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hold.h"
#include "cli/learner.h"
#include "cli/tool_cli.h"

static const char own_flags[] =
    "workspace audit timeout overlay require-lockdown quiet record record-max "
    "hold-requests";

typedef struct bx_shortcut {
    const char *command;
    const char *program; /* as spawn finds it */
    const char *help;
} bx_shortcut;

static const bx_shortcut shortcuts[] = {
    { "bash", "bash",
      "Run a shell command in a fresh sandbox, over the real files of the "
      "workspace.\n\n"
      "Usage: boxagnts bash [options] [-c COMMAND | SCRIPT] [arguments...]\n\n"
      "  boxagnts bash -c 'grep -rn TODO . | head'\n"
      "  boxagnts bash --work-dir ./project build.sh --fast\n" },
    { "js", "js",
      "Run JavaScript in a fresh sandbox, over the real files of the "
      "workspace.\n\n"
      "Usage: boxagnts js [options] [-e CODE | FILE] [arguments...]\n\n"
      "  boxagnts js -e 'console.log(1 + 1)'\n"
      "  boxagnts js --wasm-timeout 5s report.js data.csv\n" },
    { "python", "python3",
      "Run Python in a fresh sandbox, over the real files of the "
      "workspace.\n\n"
      "Usage: boxagnts python [options] [-c CODE | -m MODULE | FILE] "
      "[arguments...]\n\n"
      "  boxagnts python -c 'import json; print(json.dumps([1]))'\n"
      "  boxagnts python --map-dir ./data::/data::ro report.py\n" },
};

static void print_help(const bx_shortcut *shortcut)
{
    bx_flag flags[BX_TOOL_FLAGS_MAX];
    size_t count = bx_tool_cli_pick(own_flags, flags);

    printf("%s\nOptions come before the program's own:\n", shortcut->help);
    bx_options_print_flags(stdout, flags, count);
    puts("\nPolicy (without any, the workspace at / and nothing else):");
    bx_options_print_controls(stdout);
    puts("\nExit status: the program's own; otherwise as of `boxagnts run`.");
}

static int run_program(bx_tool_cli *cli, const bx_shortcut *shortcut, int argc,
                       char **words)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_program_run run = { .options = &options, .caller = "cli" };
    const char **argv = calloc((size_t)argc + 2, sizeof(*argv));
    bx_error *err = NULL;
    bx_result *result = NULL;
    int status;

    if (argv == NULL) {
        bx_error_set_nomem(&err);
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    }
    argv[0] = shortcut->program;
    for (int i = 0; i < argc; i++)
        argv[i + 1] = words[i];
    run.argv = argv;
    run.argc = (size_t)argc + 1;
    options.stdin_fd = 0;
    options.stdout_fd = 1;
    options.stderr_fd = 2;
    options.timeout_ms = cli->timeout_ms;
    options.record_max_bytes = cli->record.max_bytes;
    if (bx_tool_cli_open(cli, 1, &err) == 0 &&
        bx_record_file_open(&cli->record, &err) == 0) {
        options.record_fd = bx_record_file_fd(&cli->record);
        bx_tool_cli_catch_interrupts(cli);
        options.cancel = cli->cancel;
        options.audit = bx_tool_cli_on_refusal;
        options.audit_context = cli;
        options.need = bx_learner_need(cli->cancel, &options.need_context);
        options.hold = cli->holds_requests ? bx_cli_on_hold : NULL;
        (void)bx_registry_run(cli->registry, &run, &result, &err);
    }
    free((void *)argv);
    if (result == NULL || bx_record_file_keep(&cli->record, &err) < 0) {
        bx_record_file_drop(&cli->record);
        bx_result_free(result);
        return bx_cli_fail_call(err);
    }
    status = bx_cli_run_status(result);
    bx_learner_note_result(result);
    if (bx_result_code(result) != BX_OK)
        fprintf(stderr, "boxagnts: %s: %s\n",
                bx_code_name(bx_result_code(result)),
                bx_result_message(result));
    bx_result_free(result);
    return status;
}

/* A script lies in the workspace, for which its own folder may stand. */
static int check_word(const bx_tool_cli *cli, int argc, char **argv,
                      bx_error **err)
{
    const char *workspace = cli->workspace == NULL ? "." : cli->workspace;
    bx_autofree char *path = NULL;

    if (argc == 0)
        return 0;
    if (asprintf(&path, "%s/%s", workspace, argv[0]) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_overlay_cli_check_word(&cli->overlay, argv, argc,
                                     access(path, F_OK) == 0, err);
}

static int run_shortcut(const bx_shortcut *shortcut, int argc, char **argv)
{
    bx_tool_cli cli = { .record = BX_RECORD_FILE_INIT };
    bx_error *err = NULL;
    bx_flag flags[BX_TOOL_FLAGS_MAX];
    int end = bx_options_end(argc, argv, flags,
                             bx_tool_cli_pick(own_flags, flags), &err);
    int begin = end;
    int status;

    if (end < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    if (begin < argc && strcmp(argv[begin], "--") == 0)
        begin++;
    if (argc > 1 && strcmp(argv[1], "-h") == 0)
        cli.options.wants_help = true;
    else if (bx_tool_cli_parse(end, argv, own_flags, false, &cli, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    if (cli.options.wants_help) {
        print_help(shortcut);
        bx_options_clear(&cli.options);
        return 0;
    }
    if (check_word(&cli, argc - begin, argv + begin, &err) < 0) {
        bx_tool_cli_close(&cli);
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    }
    status = run_program(&cli, shortcut, argc - begin, argv + begin);
    bx_tool_cli_close(&cli);
    return status;
}

int bx_cmd_bash(int argc, char **argv)
{
    return run_shortcut(&shortcuts[0], argc, argv);
}

int bx_cmd_js(int argc, char **argv)
{
    return run_shortcut(&shortcuts[1], argc, argv);
}

int bx_cmd_python(int argc, char **argv)
{
    return run_shortcut(&shortcuts[2], argc, argv);
}
