#include "cli/line_editor.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "cli/screen.h"
#include "cli/line_editor_api.h"

#define PASTE_MAX_BYTES BX_LINE_MAX_BYTES
#define PASTE_SHOWN_BYTES 1000u /* longer pastes are a word in the line */
#define PASTE_SHOWN_LINES 8u
#define PASTES_MAX 100u
#define CHOICES_SHOWN 60u

/* What our functions push for libedit's own to do: sequences that no key sends.
 */
#define DO_NEWLINE "\033[9001~"
#define DO_PREVIOUS "\033[9002~"
#define DO_NEXT "\033[9003~"
#define DO_UP "\033[9005~"
#define DO_DOWN "\033[9006~"
#define DO_DELETE "\033[9004~"

struct bx_line_editor {
    bx_line_editor_config config;
    char *history_path;
    const bx_edit_api *api; /* NULL: plain lines */
    EditLine *edit;
    History *history;
    bx_screen screen; /* of the lists of completion */
    char prompt[256];
    bool is_input;
    bool is_interrupted;
    char *pastes[PASTES_MAX]; /* of the line, owned */
    size_t pastes_count;
};

/* ---- keys ---- */

/* The type libedit wants; the editor is its client data. */
typedef unsigned char (*key_fn)(EditLine *edit, int key);

/* el_get() of libedit 3.1 asks narrow and wide alike; one editor at a time. */
static bx_line_editor *the_editor;

static void put(const char *text)
{
    (void)the_editor->api->el_insertstr(the_editor->edit, text);
}

static unsigned char on_enter(EditLine *edit, int key)
{
    const LineInfo *line = the_editor->api->el_line(edit);

    (void)key;
    if (line->lastchar > line->buffer && line->cursor == line->lastchar &&
        line->lastchar[-1] == '\\') {
        the_editor->api->el_deletestr(edit, 1);
        put("\n");
        return CC_REFRESH;
    }
    the_editor->api->el_push(edit, DO_NEWLINE);
    return CC_NORM;
}

static unsigned char on_line_break(EditLine *edit, int key)
{
    (void)edit;
    (void)key;
    put("\n");
    return CC_REFRESH;
}

/* In the first of its lines, the entry before; otherwise a line up. */
static unsigned char on_up(EditLine *edit, int key)
{
    const LineInfo *line = the_editor->api->el_line(edit);
    size_t before = (size_t)(line->cursor - line->buffer);

    (void)key;
    the_editor->api->el_push(
        edit, memchr(line->buffer, '\n', before) != NULL ? DO_UP : DO_PREVIOUS);
    return CC_NORM;
}

static unsigned char on_down(EditLine *edit, int key)
{
    const LineInfo *line = the_editor->api->el_line(edit);
    size_t after = (size_t)(line->lastchar - line->cursor);

    (void)key;
    the_editor->api->el_push(
        edit, memchr(line->cursor, '\n', after) != NULL ? DO_DOWN : DO_NEXT);
    return CC_NORM;
}

static unsigned char on_interrupt(EditLine *edit, int key)
{
    (void)edit;
    (void)key;
    the_editor->is_interrupted = true;
    fputs("^C\r\n", the_editor->config.out);
    return CC_EOF;
}

/* libedit gives the terminal back before it stops, and takes it again. */
static unsigned char on_suspend(EditLine *edit, int key)
{
    (void)edit;
    (void)key;
    (void)raise(SIGTSTP);
    return CC_REDISPLAY;
}

static unsigned char on_end(EditLine *edit, int key)
{
    const LineInfo *line = the_editor->api->el_line(edit);

    (void)key;
    if (line->lastchar == line->buffer) {
        fputs("\r\n", the_editor->config.out);
        return CC_EOF;
    }
    the_editor->api->el_push(edit, DO_DELETE);
    return CC_NORM;
}

/* ---- pastes ---- */

static const wchar_t paste_end[] = L"\033[201~";
#define PASTE_END_CHARS 6u

static int put_wide(bx_buf *text, wchar_t wide)
{
    char bytes[MB_LEN_MAX];
    mbstate_t state = { 0 };
    size_t length;

    if (wide == L'\r')
        wide = L'\n';
    if ((wide < 0x20 && wide != L'\n' && wide != L'\t') ||
        (wide >= 0x7f && wide < 0xa0))
        return 0; /* keys that were copied are none */
    length = wcrtomb(bytes, wide, &state);
    return length == (size_t)-1
               ? 0
               : bx_buf_append(text, bytes, length, PASTE_MAX_BYTES);
}

/* Up to its end mark; what is more than the cap is left out. */
static void read_paste(bx_line_editor *editor, bx_buf *text)
{
    size_t matched = 0;
    wchar_t wide;

    while (matched < PASTE_END_CHARS &&
           editor->api->el_wgetc(editor->edit, &wide) == 1) {
        if (wide == paste_end[matched]) {
            matched++;
            continue;
        }
        for (size_t i = 0; i < matched; i++)
            (void)put_wide(text, paste_end[i]);
        matched = wide == paste_end[0] ? 1 : 0;
        if (matched == 0)
            (void)put_wide(text, wide);
    }
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;

    for (; *text != '\0'; text++)
        lines += *text == '\n' && text[1] != '\0';
    return lines;
}

static unsigned char on_paste(EditLine *edit, int key)
{
    bx_line_editor *editor = the_editor;
    bx_autobuf bx_buf text = BX_BUF_INIT;
    char word[64];
    size_t lines;

    (void)edit;
    (void)key;
    read_paste(editor, &text);
    if (text.len == 0)
        return CC_REFRESH;
    lines = count_lines(text.data);
    if ((text.len <= PASTE_SHOWN_BYTES && lines <= PASTE_SHOWN_LINES) ||
        editor->pastes_count == PASTES_MAX) {
        put(text.data);
        return CC_REFRESH;
    }
    (void)snprintf(word, sizeof(word), "[paste %zu: %zu lines, %zu bytes]",
                   editor->pastes_count + 1, lines, text.len);
    editor->pastes[editor->pastes_count] = bx_buf_take(&text);
    if (editor->pastes[editor->pastes_count] != NULL) {
        editor->pastes_count++;
        put(word);
    }
    return CC_REFRESH;
}

static void forget_pastes(bx_line_editor *editor)
{
    while (editor->pastes_count > 0)
        free(editor->pastes[--editor->pastes_count]);
}

/* Pass over text, or with NULL a number; NULL stays. */
static const char *pass(const char *at, const char *text)
{
    size_t bytes;

    if (at == NULL)
        return NULL;
    bytes = text == NULL ? strspn(at, "0123456789") : strlen(text);
    if (bytes == 0 || (text != NULL && strncmp(at, text, bytes) != 0))
        return NULL;
    return at + bytes;
}

/* The bytes of a word that stands for a paste, and which; 0: it is none. */
static size_t read_paste_word(const char *line, size_t *ret_number)
{
    const char *number = pass(line, "[paste ");
    const char *end = pass(pass(number, NULL), ": ");

    end = pass(pass(end, NULL), " lines, ");
    end = pass(pass(end, NULL), " bytes]");
    if (end == NULL)
        return 0;
    *ret_number = strtoul(number, NULL, 10);
    return (size_t)(end - line);
}

/* Words that stand for pastes become these. Owned. */
static char *with_pastes(const bx_line_editor *editor, const char *line)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_puts(&text, "") < 0)
        return NULL;
    while (*line != '\0') {
        size_t number = 0;
        size_t used;

        used = read_paste_word(line, &number);
        if (used > 0 && number >= 1 && number <= editor->pastes_count) {
            if (bx_buf_puts(&text, editor->pastes[number - 1]) < 0)
                return NULL;
            line += used;
        } else if (bx_buf_append(&text, line++, 1, SIZE_MAX) < 0) {
            return NULL;
        }
    }
    return bx_buf_take(&text);
}

/* ---- completion ---- */

/* How much all of them begin with. */
static size_t common_bytes(const json_t *choices)
{
    const char *first = json_string_value(json_array_get(choices, 0));
    size_t common = strlen(first);
    size_t i;
    json_t *choice;

    json_array_foreach(choices, i, choice)
    {
        const char *text = json_string_value(choice);
        size_t same = 0;

        while (same < common && text[same] == first[same])
            same++;
        common = same;
    }
    return bx_utf8_span(first, common);
}

/* Names of files are others': escaped. */
static void list_choices(bx_line_editor *editor, const json_t *choices)
{
    bx_screen *screen = &editor->screen;
    size_t shown = json_array_size(choices);
    unsigned column = 0;

    if (shown > CHOICES_SHOWN)
        shown = CHOICES_SHOWN;
    fputs("\r\n", screen->out);
    for (size_t i = 0; i < shown; i++) {
        const char *text = json_string_value(json_array_get(choices, i));

        if (column > 0 && column + 25 > screen->columns) {
            fputs("\r\n", screen->out);
            column = 0;
        }
        column += bx_screen_put_line(screen, 0, text, strlen(text),
                                     screen->columns - 1 - column);
        do {
            putc(' ', screen->out);
            column++;
        } while (column % 24 != 0 && column < screen->columns - 1);
    }
    if (shown < json_array_size(choices))
        fprintf(screen->out, "\r\n... %zu more",
                json_array_size(choices) - shown);
    fputs("\r\n", screen->out);
}

static size_t count_points(const char *text, size_t bytes)
{
    size_t points = 0;

    for (size_t i = 0; i < bytes; i++)
        points += ((unsigned char)text[i] & 0xc0) != 0x80;
    return points;
}

static unsigned char on_tab(EditLine *edit, int key)
{
    bx_line_editor *editor = the_editor;
    const LineInfo *line = editor->api->el_line(edit);
    size_t bytes = (size_t)(line->cursor - line->buffer);
    size_t from = bytes;
    bx_autofree char *begin = NULL;
    json_t *choices;
    size_t common;

    (void)key;
    if (!editor->is_input || editor->config.complete == NULL)
        return CC_ERROR;
    choices = editor->config.complete(editor->config.context, line->buffer,
                                      bytes, &from);
    if (json_array_size(choices) == 0 || from > bytes) {
        json_decref(choices);
        return CC_ERROR;
    }
    common = common_bytes(choices);
    begin = strndup(json_string_value(json_array_get(choices, 0)), common);
    if (begin != NULL && (common > bytes - from ||
                          (json_array_size(choices) == 1 &&
                           memcmp(begin, line->buffer + from, common) != 0))) {
        editor->api->el_deletestr(
            edit, (int)count_points(line->buffer + from, bytes - from));
        put(begin);
        json_decref(choices);
        return CC_REFRESH;
    }
    if (json_array_size(choices) > 1)
        list_choices(editor, choices);
    json_decref(choices);
    return CC_REDISPLAY;
}

/* ---- libedit ---- */

static char *prompt_of(EditLine *edit)
{
    (void)edit;
    return the_editor->prompt;
}

static void bind_keys(bx_line_editor *editor)
{
    static const struct {
        const char *name;
        key_fn run;
        const char *keys[4];
    } ours[] = {
        { "bx-enter", on_enter, { "\r", "\n" } },
        { "bx-line-break", on_line_break, { "\033\r", "\033\n" } },
        { "bx-up", on_up, { "\033[A", "\033OA", "^P" } },
        { "bx-down", on_down, { "\033[B", "\033OB", "^N" } },
        { "bx-interrupt", on_interrupt, { "^C" } },
        { "bx-suspend", on_suspend, { "^Z" } },
        { "bx-end", on_end, { "^D" } },
        { "bx-paste", on_paste, { "\033[200~" } },
        { "bx-tab", on_tab, { "\t" } },
    };
    static const char *const theirs[][2] = {
        { DO_NEWLINE, "ed-newline" },
        { DO_PREVIOUS, "ed-prev-history" },
        { DO_NEXT, "ed-next-history" },
        { DO_UP, "ed-prev-line" },
        { DO_DOWN, "ed-next-line" },
        { DO_DELETE, "ed-delete-next-char" },
        { "\033[3~", "ed-delete-next-char" },
        { "\033[H", "ed-move-to-beg" },
        { "\033[F", "ed-move-to-end" },
        { "\033[1~", "ed-move-to-beg" },
        { "\033[4~", "ed-move-to-end" },
        { "\033[1;5C", "em-next-word" },
        { "\033[1;5D", "ed-prev-word" },
        { "^R", "em-inc-search-prev" },
        { "^W", "ed-delete-prev-word" },
        { "^U", "vi-kill-line-prev" },
    };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        editor->api->el_set(editor->edit, EL_ADDFN, ours[i].name,
                            "see docs/chat.md", ours[i].run);
        for (size_t k = 0; k < 4 && ours[i].keys[k] != NULL; k++)
            editor->api->el_set(editor->edit, EL_BIND, ours[i].keys[k],
                                ours[i].name, (char *)NULL);
    }
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
        editor->api->el_set(editor->edit, EL_BIND, theirs[i][0], theirs[i][1],
                            (char *)NULL);
}

static void load_history(bx_line_editor *editor)
{
    HistEvent event;
    json_t *entries;
    size_t i;
    json_t *entry;

    editor->history = editor->api->history_init();
    if (editor->history == NULL)
        return;
    editor->api->history(editor->history, &event, H_SETSIZE,
                         (int)BX_HISTORY_ENTRIES);
    editor->api->history(editor->history, &event, H_SETUNIQUE, 1);
    editor->api->el_set(editor->edit, EL_HIST, editor->api->history,
                        editor->history);
    if (editor->history_path == NULL)
        return;
    entries = bx_line_history_load(editor->history_path);
    json_array_foreach(entries, i, entry) editor->api->history(
        editor->history, &event, H_ENTER, json_string_value(entry));
    json_decref(entries);
}

/* Without a way to move the cursor there is nothing to edit with. */
static bool can_edit(const bx_line_editor_config *config)
{
    const char *term = getenv("TERM");

    return isatty(fileno(config->in)) && isatty(fileno(config->out)) &&
           term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

static void start(bx_line_editor *editor)
{
    const bx_line_editor_config *config = &editor->config;

    editor->api = bx_edit_load();
    if (editor->api == NULL)
        return;
    editor->edit = editor->api->el_init_fd(
        "boxagnts", config->in, config->out, config->out, fileno(config->in),
        fileno(config->out), fileno(config->out));
    if (editor->edit == NULL) {
        editor->api = NULL;
        return;
    }
    the_editor = editor;
    editor->api->el_set(editor->edit, EL_EDITOR, "emacs");
    editor->api->el_set(editor->edit, EL_SIGNAL, 1);
    editor->api->el_set(editor->edit, EL_PROMPT_ESC, prompt_of, '\1');
    /* Ctrl-C is a key here, so that it ends the line and not the program. */
    editor->api->el_set(editor->edit, EL_SETTY, "-d", "-isig", (char *)NULL);
    bind_keys(editor);
    load_history(editor);
}

/* ---- both ---- */

bx_line_editor *bx_line_editor_new(const bx_line_editor_config *config,
                                   bx_error **err)
{
    bx_autolineeditor bx_line_editor *editor = calloc(1, sizeof(*editor));

    if (editor == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    editor->config = *config;
    if (config->history_path != NULL) {
        editor->history_path = strdup(config->history_path);
        if (editor->history_path == NULL) {
            bx_error_set_nomem(err);
            return NULL;
        }
    }
    bx_screen_init(&editor->screen, config->out);
    if (can_edit(config))
        start(editor);
    return bx_take(editor);
}

/* el_end() of libedit 3.1 forgets the names that it copied of our functions, so
 * an editor stays until the program ends; after a line the terminal is as it
 * was. */
static EditLine *kept;

void bx_line_editor_free(bx_line_editor *editor)
{
    if (editor == NULL)
        return;
    forget_pastes(editor);
    if (editor->history != NULL)
        editor->api->history_end(editor->history);
    if (editor->edit != NULL)
        kept = editor->edit;
    if (the_editor == editor)
        the_editor = NULL;
    free(editor->history_path);
    free(editor);
}

bool bx_line_editor_is_terminal(const bx_line_editor *editor)
{
    return isatty(fileno(editor->config.in)) == 1;
}

/* What begins with a space is not remembered, as in shells. */
static void remember(bx_line_editor *editor, const char *line)
{
    HistEvent event;

    if (line[0] == '\0' || line[0] == ' ' ||
        strlen(line) > BX_HISTORY_ENTRY_BYTES)
        return;
    if (editor->history != NULL)
        editor->api->history(editor->history, &event, H_ENTER, line);
    if (editor->history_path != NULL)
        bx_line_history_add(editor->history_path, line);
}

static bx_line_status edit_line(bx_line_editor *editor, char **ret_line)
{
    const char *line;
    int count = 0;
    size_t bytes;
    bx_autofree char *text = NULL;

    editor->is_interrupted = false;
    bx_screen_measure(&editor->screen);
    /* Before the prompt stands there, or a key that comes at once is the
     * terminal's to act on. */
    editor->api->el_set(editor->edit, EL_PREP_TERM, 1);
    fputs("\033[?2004h", editor->config.out); /* pastes are marked as such */
    line = editor->api->el_gets(editor->edit, &count);
    fputs("\033[?2004l", editor->config.out);
    fflush(editor->config.out);
    if (editor->is_interrupted)
        return BX_LINE_INTERRUPTED;
    if (line == NULL || count <= 0)
        return BX_LINE_END;
    bytes = strlen(line);
    if (bytes > 0 && line[bytes - 1] == '\n')
        bytes--;
    if (bytes > BX_LINE_MAX_BYTES)
        bytes = bx_utf8_span(line, BX_LINE_MAX_BYTES);
    text = strndup(line, bytes);
    if (text == NULL)
        return BX_LINE_END;
    *ret_line = with_pastes(editor, text);
    forget_pastes(editor);
    if (editor->is_input && *ret_line != NULL)
        remember(editor, *ret_line);
    return *ret_line == NULL ? BX_LINE_END : BX_LINE_TEXT;
}

static bx_line_status read_plain(bx_line_editor *editor, char **ret_line)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bool has_any = false;
    int c;

    while ((c = getc(editor->config.in)) != EOF) {
        char byte = (char)c;

        has_any = true;
        if (c == '\n') {
            if (!editor->is_input || text.len == 0 ||
                text.data[text.len - 1] != '\\')
                break;
            text.data[text.len - 1] = '\n';
            continue;
        }
        if (byte != '\0' &&
            bx_buf_append(&text, &byte, 1, BX_LINE_MAX_BYTES) < 0)
            continue;
    }
    if (!has_any) {
        bool is_signal = ferror(editor->config.in) && errno == EINTR;

        clearerr(editor->config.in);
        return is_signal ? BX_LINE_INTERRUPTED : BX_LINE_END;
    }
    if (text.len > 0 && text.data[text.len - 1] == '\r')
        text.data[--text.len] = '\0';
    *ret_line = bx_buf_take(&text);
    return *ret_line == NULL ? BX_LINE_END : BX_LINE_TEXT;
}

bx_line_status bx_line_editor_read(bx_line_editor *editor, const char *prompt,
                                   bool is_input, char **ret_line)
{
    editor->is_input = is_input;
    if (editor->api == NULL) {
        if (bx_line_editor_is_terminal(editor)) {
            FILE *out = isatty(fileno(editor->config.out)) ? editor->config.out
                                                           : stderr;

            fputs(prompt, out);
            fflush(out);
        }
        return read_plain(editor, ret_line);
    }
    the_editor = editor;
    /* \1 stands around what takes no cell. libedit loses what stands behind
     * the last character, so the looks end before its space. */
    (void)snprintf(editor->prompt, sizeof(editor->prompt),
                   editor->screen.has_colour ? "\1\033[1m\1%.*s\1\033[0m\1 "
                                             : "%.*s ",
                   (int)strlen(prompt) - 1, prompt);
    return edit_line(editor, ret_line);
}
