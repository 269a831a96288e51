/* What is shown was written by a
 * model or a guest: it stands behind bars, escaped, and what was typed before
 * the question stood there does not answer it. */
#include "cli/agent_person.h"

#include <stdlib.h>
#include <string.h>

#include "cli/hold.h"
#include "cli/view_call.h"
#include "tool/remote.h"

#define INPUT_LINES 40u       /* of one text of it */
#define INPUT_MAX_LINES 2000u /* when it is explained */
#define DIFF_LINES 40u
#define DIFF_MAX_LINES 2000u /* when it is asked for */
#define BODY_LINES 10u
#define CHOICES_MAX 20u

typedef struct answer_word {
    const char *word; /* whole, or its first letter */
    bool has_text;    /* what follows is for the model */
} answer_word;

static const answer_word words[] = {
    { "yes", false },  { "no", true },       { "always", false },
    { "diff", false }, { "explain", false }, { "stop", true },
};

static const answer_word *find_word(const char *text, size_t bytes)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t whole = strlen(words[i].word);

        if ((bytes == 1 || bytes == whole) &&
            strncasecmp(text, words[i].word, bytes) == 0)
            return &words[i];
    }
    return NULL;
}

/* One of letters, by a line that is nothing else: "yes, but" is no yes. The
 * text after a no is for the model. Ctrl-C and Ctrl-D: 's'. ret_text: owned,
 * may stay NULL; NULL: none is taken. */
static char read_letter(bx_agent_person *person, bx_screen *screen,
                        const char *prompt, const char *letters,
                        char **ret_text)
{
    for (;;) {
        bx_autofree char *line = NULL;
        bx_line_status status =
            bx_line_editor_read(person->editor, prompt, false, &line);
        const answer_word *word;
        const char *begin;
        const char *text;

        if (status == BX_LINE_END)
            person->is_leaving = true;
        else if (status == BX_LINE_INTERRUPTED)
            bx_cancel_trigger(person->cli->tools.cancel);
        if (status != BX_LINE_TEXT ||
            atomic_load(&person->cli->tools.cancel->triggered))
            return 's';
        begin = line + strspn(line, " \t");
        text = begin + strcspn(begin, " \t\n,:.");
        word = find_word(begin, (size_t)(text - begin));
        text += strspn(text, " \t\n,:.");
        if (word != NULL && strchr(letters, word->word[0]) != NULL &&
            (*text == '\0' || word->has_text)) {
            if (ret_text != NULL && *text != '\0')
                *ret_text = strdup(text);
            return word->word[0];
        }
        if (*begin != '\0')
            fputs("  One letter or word of these. To tell the model something: "
                  "n, and the text.\n",
                  screen->out);
    }
}

/* ---- approvals ---- */

static const char *meaning_of(bx_level level)
{
    switch (level) {
    case BX_LEVEL_NONE:
        return "touches nothing outside of its sandbox";
    case BX_LEVEL_READ_ONLY:
        return "reads what the policy lets it read";
    case BX_LEVEL_WRITE:
        return "changes files that the policy lets it write";
    case BX_LEVEL_EXECUTE:
        return "runs programs in the sandbox, over files that the policy "
               "lets it write";
    case BX_LEVEL_DANGEROUS:
        return "is marked as dangerous: look closely";
    default:
        return "is forbidden";
    }
}

static void explain(bx_agent_person *person, bx_screen *screen,
                    const bx_approval_ask *ask)
{
    bx_autotool bx_tool *tool =
        bx_registry_get(person->cli->tools.registry, ask->name, NULL);

    if (tool != NULL && bx_tool_remote_server(tool) != NULL)
        bx_screen_print(screen, 0,
                        "  It is done by the MCP server '%s': what it does "
                        "there, no policy holds.\n",
                        bx_tool_remote_server(tool));
    else
        bx_screen_print(screen, 0, "  It %s.\n", meaning_of(ask->level));
    bx_screen_print(screen, 0, "  It is asked for because of: ");
    bx_screen_put_line(screen, 0, ask->why, strlen(ask->why),
                       screen->columns - 32);
    putc('\n', screen->out);
    if (tool != NULL && tool->manifest != NULL &&
        tool->manifest->description != NULL) {
        bx_view_put_wrapped(screen, 2, 0, "What the tool says of itself: ",
                            tool->manifest->description);
    }
    fputs("  The policy holds whatever you answer; `boxagnts tool explain "
          "TOOL` shows what\n  it gives.\n  always: this tool is not asked for "
          "again in this session; "
          "a dangerous one is,\n  and so is what a rule asks for.\n  After n "
          "you may say something to the "
          "model: n use the tests folder\n",
          screen->out);
    fputs("  All of the call:\n", screen->out);
    bx_view_put_input(screen, ask->input, INPUT_MAX_LINES);
}

static void put_ask(bx_screen *screen, const bx_approval_ask *ask)
{
    putc('\n', screen->out);
    bx_screen_print(screen, BX_LOOK_YELLOW, "? ");
    bx_screen_put_line(screen, BX_LOOK_BOLD, ask->name, strlen(ask->name), 40);
    if (ask->agent != NULL) {
        bx_screen_print(screen, 0, " of ");
        bx_screen_put_line(screen, 0, ask->agent, strlen(ask->agent), 60);
    }
    bx_screen_print(screen, 0, " (%s) asks to run:\n",
                    bx_level_name(ask->level));
    bx_view_put_input(screen, ask->input, INPUT_LINES);
    if (ask->effect == NULL)
        return;
    bx_screen_print(screen, BX_LOOK_BOLD, "  What it changes:\n");
    if (ask->effect[0] == '\0')
        fputs("    nothing\n", screen->out);
    bx_view_put_diff(screen, ask->effect, DIFF_LINES);
}

static bx_answer approve(bx_agent_person *person, bx_screen *screen,
                         const bx_approval_ask *ask, char **ret_reason)
{
    bool has_diff = ask->effect != NULL && ask->effect[0] != '\0';

    put_ask(screen, ask);
    for (;;) {
        char letter = read_letter(
            person, screen,
            has_diff ? "[y]es [n]o [a]lways [d]iff [e]xplain [s]top? "
                     : "[y]es [n]o [a]lways [e]xplain [s]top? ",
            has_diff ? "ynades" : "ynaes", ret_reason);

        switch (letter) {
        case 'y':
            return BX_ANSWER_YES;
        case 'n':
            return BX_ANSWER_NO;
        case 'a':
            return BX_ANSWER_ALWAYS;
        case 'd':
            bx_view_put_diff(screen, ask->effect, DIFF_MAX_LINES);
            break;
        case 'e':
            explain(person, screen, ask);
            break;
        default:
            return BX_ANSWER_STOP;
        }
    }
}

static bx_answer on_approve(void *context, const bx_approval_ask *ask,
                            char **ret_reason)
{
    bx_agent_person *person = context;
    bx_screen *screen = bx_agent_view_hold(person->view);
    bx_answer answer = approve(person, screen, ask, ret_reason);

    bx_agent_view_release(person->view);
    return answer;
}

/* ---- questions of the model ---- */

static void put_question(bx_screen *screen, const char *question,
                         const json_t *choices)
{
    size_t i;
    json_t *choice;

    putc('\n', screen->out);
    bx_screen_print(screen, BX_LOOK_YELLOW, "? The model asks:\n");
    bx_view_put_quoted_whole(screen, 2, question, strlen(question), 40);
    json_array_foreach(choices, i, choice)
    {
        const char *text = json_string_value(choice);

        if (text == NULL || i >= CHOICES_MAX)
            continue;
        fprintf(screen->out, "  %zu  ", i + 1);
        bx_screen_put_line(screen, 0, text, strlen(text), screen->columns - 6);
        putc('\n', screen->out);
    }
}

/* A number stands for a choice; anything else is the answer itself. */
static char *answer_of(const char *line, const json_t *choices)
{
    char *end;
    unsigned long number = strtoul(line, &end, 10);
    const char *choice = NULL;

    if (end > line && *end == '\0' && number >= 1)
        choice = json_string_value(json_array_get(choices, number - 1));
    return strdup(choice == NULL ? line : choice);
}

static char *on_question(void *context, const char *question,
                         const json_t *choices)
{
    bx_agent_person *person = context;
    bx_screen *screen = bx_agent_view_hold(person->view);
    bx_autofree char *line = NULL;
    char *answer = NULL;
    bx_line_status status;

    put_question(screen, question, choices);
    status = bx_line_editor_read(
        person->editor,
        json_array_size(choices) > 0 ? "number or answer: " : "answer: ", false,
        &line);
    if (status == BX_LINE_TEXT)
        answer = answer_of(line, choices);
    else
        bx_cancel_trigger(person->cli->tools.cancel);
    if (status == BX_LINE_END)
        person->is_leaving = true;
    bx_agent_view_release(person->view);
    return answer;
}

/* ---- requests that are held ---- */

static bool on_hold(void *context, const bx_hold_event *event)
{
    bx_agent_person *person = context;
    bx_screen *screen;
    char letter;

    if (!person->is_there)
        return bx_cli_on_hold(NULL, event);
    screen = bx_agent_view_hold(person->view);
    putc('\n', screen->out);
    bx_screen_print(screen, BX_LOOK_YELLOW, "? ");
    fputs("a tool asks to send ", screen->out);
    bx_screen_put(screen, BX_LOOK_BOLD, event->method, strlen(event->method));
    putc(' ', screen->out);
    bx_screen_put_line(screen, BX_LOOK_BOLD, event->url, strlen(event->url),
                       2000);
    fprintf(screen->out, "\n  %zu bytes of body%s\n", event->body_bytes,
            event->body_bytes == 0 ? "" : ":");
    bx_view_put_quoted_whole(screen, 4, event->body, event->body_bytes,
                             BODY_LINES);
    letter = read_letter(person, screen, "[y]es [n]o [s]top? ", "yns", NULL);
    if (letter == 's')
        bx_cancel_trigger(person->cli->tools.cancel);
    bx_agent_view_release(person->view);
    return letter == 'y';
}

void bx_agent_person_attach(bx_agent_person *person)
{
    bx_agent_config *config = &person->cli->config;

    if (person->is_there) {
        config->approve = on_approve;
        config->approve_context = person;
        config->ask = on_question;
        config->ask_context = person;
        config->shows_effects = true;
    }
    if (person->cli->tools.holds_requests) {
        config->hold = on_hold;
        config->hold_context = person;
    }
}
