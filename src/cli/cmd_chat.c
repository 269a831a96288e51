/* boxagnts chat. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/models/message.h"
#include "base/user_dir.h"
#include "cli/chat.h"

#define FLAGS_MAX 64u

/* Those of `agent run`, but what is for scripts. */
static void print_flags(FILE *out)
{
    bx_flag flags[FLAGS_MAX];
    size_t count = 0;

    flags[count++] =
        (bx_flag){ "prompt", "TEXT",
                   "Say this, print the answer, and end; also -p" };
    for (size_t i = 0; i < bx_agent_flags_of_chat && count < FLAGS_MAX; i++) {
        const bx_flag *flag = &bx_agent_flags[i];

        if (strcmp(flag->name, "resume") == 0)
            flags[count++] =
                (bx_flag){ "resume", "[=ID]",
                           "Go on with a session; the last chat here" };
        else if (strcmp(flag->name, "json") != 0)
            flags[count++] = *flag;
    }
    bx_options_print_flags(out, flags, count);
}

static void print_help(FILE *out)
{
    fputs("Talk with an agent that works in this folder: it calls tools in "
          "the sandbox, and\nasks before it changes anything.\n\n"
          "Usage: boxagnts chat [options] [-p TEXT]\n\nOptions:\n",
          out);
    print_flags(out);
    fputs("\nThe policy's flags are those of `boxagnts tool call`.\n\n"
          "From a pipe each line is a message, or a command such as /cost; a "
          "backslash at\nits end joins it with the next. Answers go to stdout, "
          "all the rest to stderr.\n\n"
          "Examples:\n"
          "  boxagnts chat\n"
          "  boxagnts chat --model demo\n"
          "  boxagnts chat --mode edits --resume\n"
          "  boxagnts chat -p 'What does this project do?'\n\n"
          "/help in a chat lists its commands; docs/chat.md tells more.\n",
          out);
}

void bx_chat_say_error(bx_chat *chat, bx_error *error)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    const char *message = bx_error_message(error);

    bx_screen_print(out, BX_LOOK_RED, "error: ");
    bx_screen_put(out, 0, message, strlen(message));
    putc('\n', out->out);
    fflush(out->out);
    bx_error_free(error);
}

/* ---- one message ---- */

/* text: NULL goes on with what the session has. */
static int say(bx_chat *chat, const char *text)
{
    json_t *message =
        text == NULL ? NULL : bx_message_new_text("user", text, strlen(text));
    bx_error *err = NULL;
    int status = BX_EXIT_FAILED;
    int failed;

    if (text != NULL && message == NULL) {
        bx_error_set_nomem(&err);
        bx_chat_say_error(chat, err);
        return status;
    }
    bx_agent_result_clear(&chat->last);
    chat->last = (bx_agent_result){ 0 };
    bx_agent_cli_catch_interrupts(&chat->cli);
    bx_agent_view_begin(chat->view);
    failed = bx_agent_run(chat->cli.agent,
                          message == NULL ? NULL : bx_message_blocks(message),
                          &chat->last, &err);
    bx_agent_view_end(chat->view);
    if (failed < 0)
        bx_chat_say_error(chat, err);
    else
        status = bx_agent_cli_status(chat->last.status);
    json_decref(message);
    return status;
}

/* ---- the talk ---- */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

static int handle(bx_chat *chat, const char *line)
{
    if (is_blank(line))
        return 0;
    if (line[0] == '/' && line[1] != '/') {
        bx_chat_command_run(chat, line);
        return 0;
    }
    return say(chat, line[0] == '/' ? line + 1 : line);
}

/* The status of the last message that did not end well. */
static int talk(bx_chat *chat)
{
    bool was_interrupted = false;
    int status = 0;

    while (!chat->person.is_leaving) {
        bx_autofree char *line = NULL;
        bx_line_status read;
        int ended;

        if (chat->person.is_there)
            putc('\n', bx_agent_view_notes(chat->view)->out);
        read = bx_line_editor_read(chat->editor, "> ", true, &line);
        if (read == BX_LINE_END)
            break;
        if (read == BX_LINE_INTERRUPTED) {
            if (was_interrupted || !chat->person.is_there)
                break;
            was_interrupted = true;
            fputs("Ctrl-C once more leaves, as do Ctrl-D and /quit.\n",
                  bx_agent_view_notes(chat->view)->out);
            continue;
        }
        was_interrupted = false;
        ended = handle(chat, line);
        if (ended != 0)
            status = ended;
    }
    return chat->person.is_there ? 0 : status;
}

/* ---- opening ---- */

static void greet(bx_chat *chat)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    const bx_model *model = chat->cli.config.model;
    const char *workspace = chat->cli.workspace;

    bx_screen_print(out, BX_LOOK_BOLD, "%s", model->name);
    fprintf(out->out, ", mode %s, in ", bx_mode_name(chat->cli.config.mode));
    bx_screen_put_line(out, 0, workspace, strlen(workspace), out->columns - 40);
    fputs("  (/help)\n", out->out);
    if (strcmp(model->provider->protocol, "demo") == 0)
        fputs("This is the demo: what it says is a script; its tools, and what "
              "they do to your\nfiles, are real. With a key a model answers: "
              "export ANTHROPIC_API_KEY,\nOPENAI_API_KEY or GEMINI_API_KEY; "
              "docs/models.md has files, commands and\nlocal models.\n",
              out->out);
}

static int open_editor(bx_chat *chat, bx_error **err)
{
    bx_autofree char *history = bx_user_state_path("chat_history");
    const bx_line_editor_config config = { .in = stdin,
                                           .out = stdout,
                                           .history_path = history,
                                           .complete = bx_chat_complete,
                                           .context = chat };

    chat->editor = bx_line_editor_new(&config, err);
    return chat->editor == NULL ? -1 : 0;
}

static int open_chat(bx_chat *chat, bx_error **err)
{
    bx_agent_config *config = &chat->cli.config;

    chat->view = bx_agent_view_new(BX_VIEW_CHAT, err);
    if (chat->view == NULL || open_editor(chat, err) < 0 ||
        bx_agent_cli_open(&chat->cli, err) < 0)
        return -1;
    chat->person = (bx_agent_person){
        .cli = &chat->cli,
        .view = chat->view,
        .editor = chat->editor,
        .is_there = bx_line_editor_is_terminal(chat->editor),
    };
    config->events =
        (bx_event_sink){ .tell = bx_agent_view_tell, .context = chat->view };
    bx_agent_person_attach(&chat->person);
    return bx_agent_cli_start(&chat->cli, err);
}

static int run(bx_chat *chat, const char *prompt)
{
    bx_error *err = NULL;

    if (open_chat(chat, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    bx_agent_view_problems(chat->view, chat->cli.problems);
    if (prompt != NULL)
        return say(chat, prompt);
    if (chat->person.is_there) {
        greet(chat);
        if (chat->cli.is_resuming)
            bx_chat_recall(chat);
    }
    return talk(chat);
}

static void close_chat(bx_chat *chat)
{
    bx_agent_cli_close(&chat->cli);
    bx_line_editor_free(chat->editor);
    bx_agent_view_free(chat->view);
    bx_agent_result_clear(&chat->last);
}

/* Take -p TEXT out of argv. Returns its text; NULL: it is not there. */
static const char *take_prompt(int *argc, char **argv, bool *ret_is_wrong)
{
    const char *prompt = NULL;
    int kept = 1;

    *ret_is_wrong = false;
    for (int i = 1; i < *argc; i++) {
        bool is_flag =
            strcmp(argv[i], "-p") == 0 || strcmp(argv[i], "--prompt") == 0;

        if (is_flag && i + 1 < *argc)
            prompt = argv[++i];
        else if (is_flag)
            *ret_is_wrong = true;
        else if (strncmp(argv[i], "--prompt=", 9) == 0)
            prompt = argv[i] + 9;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return prompt;
}

int bx_cmd_chat(int argc, char **argv)
{
    bx_chat chat = { .cli = BX_AGENT_CLI_INIT };
    bx_error *err = NULL;
    bool is_wrong;
    const char *prompt = take_prompt(&argc, argv, &is_wrong);
    int status;

    chat.cli.kind = "chat";
    chat.cli.may_resume_last = true;
    chat.cli.waits_for_servers = prompt != NULL || !isatty(STDIN_FILENO);
    if (is_wrong || (prompt != NULL && is_blank(prompt)))
        return bx_cli_usage(BX_EXIT_USAGE, "chat", "-p: expected a text");
    if (bx_agent_cli_parse(argc, argv, &chat.cli, &err) < 0)
        status = bx_cli_fail(BX_EXIT_USAGE, err);
    else if (chat.cli.tools.options.wants_help) {
        print_help(stdout);
        status = 0;
    } else if (chat.cli.tools.wants_json) {
        status = bx_cli_usage(BX_EXIT_USAGE, "chat",
                              "--json is a flag of `boxagnts agent run`");
    } else if (chat.cli.tools.options.operands_count > 0) {
        status = bx_cli_usage(BX_EXIT_USAGE, "chat",
                              "unexpected '%s'; a message is given with -p",
                              chat.cli.tools.options.operands[0]);
    } else {
        status = run(&chat, prompt);
    }
    close_chat(&chat);
    return status;
}
