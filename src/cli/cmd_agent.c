/* boxagnts agent run: an agent works on one task, for people and for scripts.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "cli/agent_person.h"

#define TASK_MAX_BYTES (1u << 20)

static void print_help(FILE *out)
{
    fputs("Let an agent work on a task: a model calls sandboxed tools until it "
          "is done.\n\n"
          "Usage: boxagnts agent run [options] TASK\n"
          "       boxagnts agent run [options] -            the task is on "
          "stdin\n"
          "       boxagnts agent run --resume ID [TASK]\n\n"
          "'boxagnts agent run --help' tells more.\n",
          out);
}

static void print_run_help(void)
{
    fputs(
        "Let an agent work on a task, then print what it says at the end.\n\n"
        "Usage: boxagnts agent run [options] TASK | - | --resume ID "
        "[TASK]\n\n"
        "What it does is told on stderr, its last words go to stdout; with "
        "--json every\nevent is a line on stdout. On a terminal you are asked "
        "as in `boxagnts chat`;\nwithout one nobody is, and what would be "
        "asked is refused. Each step is stored\nbefore it takes effect: a "
        "run that was killed goes on with --resume.\n\n"
        "Exit status: 0 done; 1 failed; 2 usage; 3 refused, by the model or "
        "a person;\n4 a budget is used up; 130 cancelled.\n\n"
        "Examples:\n"
        "  boxagnts agent run 'What is this project about?'\n"
        "  boxagnts agent run --mode auto --max-cost 0.50 'fix the failing "
        "test'\n"
        "  boxagnts agent run --mode edits 'tidy the docs'     # then: "
        "overlay commit\n"
        "  boxagnts agent run --managed 'write tests for each module'\n"
        "  boxagnts agent run --json --model demo 'look around'\n\n"
        "Options:\n",
        stdout);
    bx_options_print_flags(stdout, bx_agent_flags, bx_agent_flags_count);
    puts("\nPolicy (see `boxagnts policy --help`):");
    bx_options_print_controls(stdout);
}

/* ---- the task --------------------------------------------------------------
 */

/* Owned; NULL without err: there is none. */
static char *read_task(const bx_options *options, bx_error **err)
{
    char *text = NULL;

    if (options->operands_count == 0)
        return NULL;
    if (strcmp(options->operands[0], "-") == 0) {
        if (bx_file_read_fd(STDIN_FILENO, "stdin", TASK_MAX_BYTES, &text, NULL,
                            err) < 0)
            return NULL;
        return text;
    }
    text = strdup(options->operands[0]);
    if (text == NULL)
        (void)bx_error_set_nomem(err);
    return text;
}

static int check_operands(const bx_agent_cli *cli)
{
    const bx_options *options = &cli->tools.options;

    if (options->operands_count > 1)
        return bx_cli_usage(BX_EXIT_USAGE, "agent run",
                            "expected one task; put it in quotes");
    if (options->operands_count == 0 && !cli->is_resuming)
        return bx_cli_usage(BX_EXIT_USAGE, "agent run",
                            "what is the task? Expected a text, or - for "
                            "stdin");
    return 0;
}

static json_t *make_content(const char *task, bx_error **err)
{
    json_t *message = bx_message_new_text("user", task, strlen(task));
    json_t *content =
        message == NULL ? NULL : json_incref(bx_message_blocks(message));

    json_decref(message);
    if (content == NULL)
        (void)bx_error_set_nomem(err);
    return content;
}

/* ---- run -------------------------------------------------------------------
 */

static void on_json(void *context, const json_t *event)
{
    (void)context;
    json_dumpf(event, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    fflush(stdout);
}

typedef struct agent_run {
    bx_agent_cli *cli;
    bx_agent_view *view; /* both owned */
    bx_line_editor *editor;
    bx_agent_person person;
} agent_run;

/* Asked are those who see the question; with --json a program reads. */
static int find_person(agent_run *run, bx_error **err)
{
    const bx_line_editor_config config = {
        .in = stdin,
        .out = isatty(STDOUT_FILENO) ? stdout : stderr,
    };

    run->person = (bx_agent_person){ .cli = run->cli, .view = run->view };
    if (run->cli->tools.wants_json || !isatty(STDIN_FILENO) ||
        !isatty(STDERR_FILENO))
        return 0;
    run->editor = bx_line_editor_new(&config, err);
    run->person.editor = run->editor;
    run->person.is_there = run->editor != NULL;
    return run->editor == NULL ? -1 : 0;
}

static int open_run(agent_run *run, bx_error **err)
{
    bx_agent_cli *cli = run->cli;

    run->view = bx_agent_view_new(BX_VIEW_RUN, err);
    if (run->view == NULL || bx_agent_cli_open(cli, err) < 0 ||
        find_person(run, err) < 0)
        return -1;
    bx_agent_view_problems(run->view, cli->problems);
    if (cli->tools.wants_json)
        cli->config.events = (bx_event_sink){ on_json, NULL };
    else if (!cli->tools.is_quiet)
        cli->config.events = (bx_event_sink){ bx_agent_view_tell, run->view };
    bx_agent_person_attach(&run->person);
    return bx_agent_cli_start(cli, err);
}

/* Nobody was told how it went: the last words, and why there are no better
 * ones. */
static void print_quietly(const bx_agent_result *result)
{
    size_t bytes = strlen(result->text);

    if (bytes > 0) {
        bx_tool_cli_print(stdout, result->text, bytes);
        if (result->text[bytes - 1] != '\n')
            putchar('\n');
        fflush(stdout);
    }
    if (result->status == BX_AGENT_DONE)
        return;
    fprintf(stderr, "boxagnts: %s%s", bx_agent_status_name(result->status),
            result->reason[0] == '\0' ? "" : ": ");
    bx_cli_print_safe(stderr, result->reason, strlen(result->reason));
    putc('\n', stderr);
}

static void print_end(const bx_agent_cli *cli, const bx_agent_result *result)
{
    if (cli->tools.wants_json)
        return;
    if (cli->tools.is_quiet)
        print_quietly(result);
    else if (result->status != BX_AGENT_DONE)
        fprintf(stderr, "go on with: boxagnts agent run --resume %s\n",
                bx_agent_session(cli->agent));
}

static int work(agent_run *run, const char *task, bx_error **err)
{
    bool is_shown = !run->cli->tools.is_quiet && !run->cli->tools.wants_json;
    bx_agent_result result = { 0 };
    json_t *content = NULL;
    int status = BX_EXIT_FAILED;
    int failed;

    if (task != NULL) {
        content = make_content(task, err);
        if (content == NULL)
            return status;
    }
    bx_agent_cli_catch_interrupts(run->cli);
    if (is_shown)
        bx_agent_view_begin(run->view);
    failed = bx_agent_run(run->cli->agent, content, &result, err);
    if (is_shown)
        bx_agent_view_end(run->view);
    if (failed == 0) {
        print_end(run->cli, &result);
        status = bx_agent_cli_status(result.status);
    }
    bx_agent_result_clear(&result);
    json_decref(content);
    return status;
}

static int run_task(agent_run *run)
{
    bx_autofree char *task = NULL;
    bx_error *err = NULL;
    int status = check_operands(run->cli);

    if (status != 0)
        return status;
    task = read_task(&run->cli->tools.options, &err);
    if (err == NULL && open_run(run, &err) == 0)
        status = work(run, task, &err);
    return err == NULL ? status : bx_cli_fail(BX_EXIT_FAILED, err);
}

/* The view goes last: what the agent's threads tell goes there. */
static int run_and_close(bx_agent_cli *cli)
{
    agent_run run = { .cli = cli };
    int status = run_task(&run);

    bx_agent_cli_close(cli);
    bx_line_editor_free(run.editor);
    bx_agent_view_free(run.view);
    return status;
}

int bx_cmd_agent(int argc, char **argv)
{
    bx_agent_cli cli = BX_AGENT_CLI_INIT;
    bx_error *err = NULL;
    int status;

    if (argc < 2 || strcmp(argv[1], "run") != 0) {
        bool wants_help = argc >= 2 && (strcmp(argv[1], "--help") == 0 ||
                                        strcmp(argv[1], "-h") == 0);

        if (argc >= 2 && !wants_help)
            return bx_cli_usage(BX_EXIT_USAGE, "agent",
                                "no command '%s'; there is run", argv[1]);
        print_help(wants_help ? stdout : stderr);
        return wants_help ? 0 : BX_EXIT_USAGE;
    }
    if (bx_agent_cli_parse(argc - 1, argv + 1, &cli, &err) < 0) {
        bx_agent_cli_close(&cli);
        return bx_cli_fail(BX_EXIT_USAGE, err);
    }
    if (cli.tools.options.wants_help) {
        print_run_help();
        status = 0;
    } else {
        return run_and_close(&cli);
    }
    bx_agent_cli_close(&cli);
    return status;
}
