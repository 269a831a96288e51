/* Lines that begin with '/'. */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/chat.h"
#include "policy/text.h"
#include "wasi/overlay.h"

#define RELEASE_MS 2000u /* for workers to let go of an overlay */
#define PATHS_MAX 200u
#define PATH_MAX_BYTES 1024u

/* ---- commands that change something ---- */

static void list_models(bx_chat *chat)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    const bx_models *models = chat->cli.models;
    size_t hidden = 0;

    for (size_t i = 0; i < bx_models_count(models); i++) {
        const bx_model *model = bx_models_at(models, i);
        bool is_this = model == chat->cli.config.model;

        if (!is_this && !bx_provider_has_key(model->provider)) {
            hidden++;
            continue;
        }
        bx_screen_print(out, is_this ? BX_LOOK_BOLD : 0, "%c %-32s %s\n",
                        is_this ? '*' : ' ', model->name,
                        model->provider->name);
    }
    if (hidden > 0)
        bx_screen_print(out, BX_LOOK_DIM,
                        "%zu more have no key: `boxagnts model list` shows "
                        "them, docs/models.md\nsays where a key goes\n",
                        hidden);
}

static void set_model(bx_chat *chat, const char *rest)
{
    bx_error *err = NULL;
    const bx_model *model;

    if (*rest == '\0') {
        list_models(chat);
        return;
    }
    model = bx_models_get(chat->cli.models, rest, &err);
    if (model == NULL || bx_agent_set_model(chat->cli.agent, model, &err) < 0) {
        bx_chat_say_error(chat, err);
        return;
    }
    chat->cli.config.model = model;
    bx_screen_print(bx_agent_view_notes(chat->view), 0, "model: %s\n",
                    model->name);
}

static const struct {
    const char *name;
    const char *help;
} modes[] = {
    { "ask", "asks before each call that touches anything" },
    { "reads", "reads unasked, asks before the rest" },
    { "edits", "the same, and edits go to an overlay: /diff, /commit, /drop" },
    { "auto", "all that the policy lets through, but what is dangerous" },
    { "plan", "only reads, and writes a plan" },
};
#define MODES_COUNT (sizeof(modes) / sizeof(modes[0]))

static void set_mode(bx_chat *chat, const char *rest)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_error *err = NULL;
    bx_mode mode;

    if (*rest == '\0') {
        for (size_t i = 0; i < MODES_COUNT; i++) {
            bool is_this =
                strcmp(modes[i].name, bx_mode_name(chat->cli.config.mode)) == 0;

            bx_screen_print(out, is_this ? BX_LOOK_BOLD : 0, "%c %-6s %s\n",
                            is_this ? '*' : ' ', modes[i].name, modes[i].help);
        }
        return;
    }
    if (bx_mode_find(rest, &mode) < 0) {
        bx_error_set(&err, BX_ERR_INVALID,
                     "mode '%.40s': expected ask, reads, edits, auto or plan",
                     rest);
        bx_chat_say_error(chat, err);
        return;
    }
    if (bx_agent_set_mode(chat->cli.agent, mode, &err) < 0) {
        bx_chat_say_error(chat, err);
        return;
    }
    chat->cli.config.mode = mode;
    bx_screen_print(out, 0, "mode: %s\n", bx_mode_name(mode));
}

static void compact(bx_chat *chat, const char *rest)
{
    bx_error *err = NULL;
    int failed;

    (void)rest;
    bx_agent_cli_catch_interrupts(&chat->cli);
    bx_agent_view_begin(chat->view);
    failed = bx_agent_compact(chat->cli.agent, &err);
    bx_agent_view_end(chat->view);
    if (failed < 0)
        bx_chat_say_error(chat, err);
}

static void quit(bx_chat *chat, const char *rest)
{
    (void)rest;
    chat->person.is_leaving = true;
}

/* `boxagnts overlay VERB NAME` of the session's overlay. Workers that wait for
 * the next call hold it, and let go before it is changed. */
static void run_overlay(bx_chat *chat, const char *verb, const char *rest)
{
    bool is_commit = strcmp(verb, "commit") == 0;
    bx_screen *out = bx_agent_view_notes(chat->view);
    const char *overlay = bx_agent_overlay(chat->cli.agent);
    bx_autofree char *name = overlay == NULL ? NULL : strdup(overlay);
    bx_autofree char *dir = name == NULL ? NULL : bx_overlay_path(name, NULL);
    const char *argv[8] = { "overlay", verb, name };
    int argc = 3;
    bx_error *err = NULL;

    if (dir == NULL || access(dir, F_OK) < 0) {
        fputs("there are no edits to look at: those of mode edits come here\n",
              out->out);
        return;
    }
    /* As the model says it, from the workspace's root. */
    if (strncmp(rest, chat->cli.workspace, strlen(chat->cli.workspace)) != 0)
        rest += strspn(rest, "/");
    if (is_commit && *rest != '\0')
        argv[argc++] = "--only";
    if (*rest != '\0')
        argv[argc++] = rest;
    if (strcmp(verb, "diff") != 0 &&
        bx_worker_pool_release_overlay(chat->cli.tools.workers, dir, RELEASE_MS,
                                       &err) < 0) {
        bx_chat_say_error(chat, err);
        return;
    }
    fflush(stdout);
    (void)bx_cmd_overlay(argc, (char **)argv);
    fflush(stdout);
}

static void show_diff(bx_chat *chat, const char *rest)
{
    run_overlay(chat, "diff", rest);
}

static void commit(bx_chat *chat, const char *rest)
{
    run_overlay(chat, "commit", rest);
}

static void drop(bx_chat *chat, const char *rest)
{
    (void)rest;
    run_overlay(chat, "drop", "");
}

const bx_chat_command bx_chat_commands[] = {
    { "help", "", "This list", bx_chat_show_help },
    { "model", "[NAME]", "Show the models, or go on with another", set_model },
    { "mode", "[NAME]", "Which calls are asked for: ask reads edits auto plan",
      set_mode },
    { "tools", "[WORD]", "The tools the model may call", bx_chat_show_tools },
    { "policy", "[TOOL]", "What the policy gives, to all or to one tool",
      bx_chat_show_policy },
    { "cost", "", "Tokens and money so far", bx_chat_show_cost },
    { "compact", "", "Replace the old part of the talk by a summary", compact },
    { "clear", "", "Begin a new session", bx_chat_clear },
    { "sessions", "[WORDS]", "The sessions of this workspace",
      bx_chat_list_sessions },
    { "resume", "[ID]", "Go on with another session", bx_chat_resume },
    { "fork", "", "Go on in a copy of this session", bx_chat_fork },
    { "rename", "TITLE", "Give the session a title", bx_chat_rename },
    { "export", "[FILE]", "Write the session as Markdown, or as JSON to *.json",
      bx_chat_export },
    { "diff", "[PATH]", "What the edits of mode edits change", show_diff },
    { "commit", "[PATH]", "Write these edits to the workspace", commit },
    { "drop", "", "Forget these edits, all of them", drop },
    { "plan", "", "The model's plan", bx_chat_show_plan },
    { "memory", "[NAME]", "The notes of the workspace, or one of them",
      bx_chat_show_memory },
    { "skills", "", "The skills the model may read", bx_chat_show_skills },
    { "mcp", "", "MCP servers, and the tools that come from them",
      bx_chat_show_mcp },
    { "quit", "", "Leave; so does Ctrl-D", quit },
};
const size_t bx_chat_commands_count =
    sizeof(bx_chat_commands) / sizeof(bx_chat_commands[0]);

/* ---- finding them ---- */

static const bx_chat_command *find(const char *name, size_t bytes)
{
    for (size_t i = 0; i < bx_chat_commands_count; i++) {
        if (strlen(bx_chat_commands[i].name) == bytes &&
            memcmp(bx_chat_commands[i].name, name, bytes) == 0)
            return &bx_chat_commands[i];
    }
    return NULL;
}

/* The command nearest to a word; NULL: none is near. */
static const char *guess(const char *word)
{
    const char *best = NULL;
    size_t least = 3; /* edits: further off is a guess at random */

    for (size_t i = 0; i < bx_chat_commands_count; i++) {
        size_t away = bx_text_distance(word, bx_chat_commands[i].name);

        if (away < least) {
            least = away;
            best = bx_chat_commands[i].name;
        }
    }
    return best;
}

static void say_unknown(bx_chat *chat, const char *name, size_t bytes)
{
    bx_screen *out = bx_agent_view_notes(chat->view);
    bx_autofree char *word = strndup(name, bytes);
    const char *near = word == NULL ? NULL : guess(word);

    fputs("no command '/", out->out);
    bx_screen_put_line(out, 0, name, bytes, 40);
    if (near != NULL)
        fprintf(out->out, "'; did you mean /%s?\n", near);
    else
        fputs("'; /help lists them. A message that begins with a slash is "
              "written with two\n",
              out->out);
}

void bx_chat_command_run(bx_chat *chat, const char *line)
{
    const char *name = line + 1;
    size_t bytes = strcspn(name, " \t\n");
    const char *rest = name + bytes + strspn(name + bytes, " \t\n");
    size_t rest_bytes = strlen(rest);
    const bx_chat_command *command = find(name, bytes);
    bx_autofree char *operands = NULL;

    while (rest_bytes > 0 && isspace((unsigned char)rest[rest_bytes - 1]))
        rest_bytes--;
    operands = strndup(rest, rest_bytes);
    if (command == NULL)
        say_unknown(chat, name, bytes);
    else if (operands != NULL)
        command->run(chat, operands);
    fflush(bx_agent_view_notes(chat->view)->out);
}

/* ---- completion ---- */

static void add_if(json_t *choices, const char *begin, size_t bytes,
                   const char *word, const char *tail)
{
    if (strncmp(word, begin, bytes) == 0 &&
        json_array_size(choices) < PATHS_MAX)
        (void)json_array_append_new(choices, json_sprintf("%s%s", word, tail));
}

static void add_commands(json_t *choices, const char *begin, size_t bytes)
{
    for (size_t i = 0; i < bx_chat_commands_count; i++)
        add_if(choices, begin, bytes, bx_chat_commands[i].name,
               bx_chat_commands[i].operands[0] == '\0' ? "" : " ");
}

static void add_operands(bx_chat *chat, json_t *choices, const char *command,
                         const char *begin, size_t bytes)
{
    if (strncmp(command, "/mode ", 6) == 0) {
        for (size_t i = 0; i < MODES_COUNT; i++)
            add_if(choices, begin, bytes, modes[i].name, "");
    } else if (strncmp(command, "/model ", 7) == 0) {
        for (size_t i = 0; i < bx_models_count(chat->cli.models); i++)
            add_if(choices, begin, bytes,
                   bx_models_at(chat->cli.models, i)->name, "");
    }
}

/* Hidden names that nobody asked for are left out, and those that would not
 * stand in a line as they are. */
static bool is_choice(const char *name, const char *begin, size_t bytes)
{
    if (name[0] == '.' && (bytes == 0 || begin[0] != '.'))
        return false;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strpbrk(name, " \t\n\r\033") == NULL &&
           strncmp(name, begin, bytes) == 0;
}

/* Paths of the workspace that begin so. */
static void add_paths(bx_chat *chat, json_t *choices, const char *path,
                      size_t bytes)
{
    bx_autofree char *folder = NULL;
    const char *slash = memrchr(path, '/', bytes);
    size_t head = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    struct dirent **entries = NULL;
    int count;

    if (asprintf(&folder, "%s/%.*s", chat->cli.workspace, (int)head, path) <
        0) {
        folder = NULL;
        return;
    }
    count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        bx_autofree char *whole = NULL;

        if (is_choice(entries[i]->d_name, path + head, bytes - head) &&
            asprintf(&whole, "%.*s%s", (int)head, path, entries[i]->d_name) >=
                0)
            add_if(choices, path, bytes, whole,
                   entries[i]->d_type == DT_DIR ? "/" : "");
        free(entries[i]);
    }
    free(entries);
}

json_t *bx_chat_complete(void *context, const char *line, size_t bytes,
                         size_t *ret_from)
{
    bx_chat *chat = context;
    json_t *choices = json_array();
    size_t word = bytes;

    while (word > 0 && !isspace((unsigned char)line[word - 1]))
        word--;
    if (line[0] == '/' && word == 0) {
        *ret_from = 1;
        add_commands(choices, line + 1, bytes - 1);
    } else if (word < bytes && line[word] == '@' &&
               bytes - word < PATH_MAX_BYTES) {
        *ret_from = word + 1;
        add_paths(chat, choices, line + word + 1, bytes - word - 1);
    } else if (line[0] == '/') {
        *ret_from = word;
        add_operands(chat, choices, line, line + word, bytes - word);
    }
    return choices;
}
