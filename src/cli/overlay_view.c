/* How an overlay's changes are shown. Names and contents are the guest's:
 * nothing of them reaches a terminal as it is. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "cli/overlay_cli.h"
#include "overlay/diff.h"

#define RED "\033[31m"
#define GREEN "\033[32m"
#define CYAN "\033[36m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

/* ---- rows ------------------------------------------------------------ */

static bool is_shown(const bx_deltas *changes, const bool *selected, size_t i)
{
    return changes->rows[i].what != BX_DELTA_NONE &&
           (selected == NULL || selected[i]);
}

/* Is there one mapping whose name needs no saying? */
static bool has_one_mapping(const bx_deltas *changes)
{
    return changes->store->mappings_count == 1;
}

/* The path as it is shown: beneath the only mapping, or of the host. */
static char *shown_path(const bx_deltas *changes, const bx_delta *row)
{
    bx_buf text = BX_BUF_INIT;
    bx_autofree char *host =
        has_one_mapping(changes) ? NULL : bx_delta_host_path(changes, row);
    const char *path = host == NULL ? row->path : host;
    const bx_entry *shown =
        row->after.kind == BX_ENTRY_NONE ? &row->before : &row->after;

    if (bx_buf_put_escaped(&text, path, strlen(path), SIZE_MAX) < 0 ||
        (shown->kind == BX_ENTRY_FOLDER && bx_buf_puts(&text, "/") < 0)) {
        bx_buf_clear(&text);
        return NULL;
    }
    return bx_buf_take(&text);
}

static const char *colour_of(bx_delta_what what)
{
    if (what == BX_DELTA_ADDED)
        return GREEN;
    return what == BX_DELTA_REMOVED ? RED : CYAN;
}

static void print_row(const bx_deltas *changes, const bx_delta *row,
                      const char *tail, FILE *out)
{
    bool has_colour = bx_cli_has_colour(out);
    bx_autofree char *path = shown_path(changes, row);

    fprintf(out, "  %s%-8s%s  %s%s", has_colour ? colour_of(row->what) : "",
            bx_delta_word(row->what), has_colour ? PLAIN : "",
            path == NULL ? "?" : path, tail);
    if (row->what == BX_DELTA_REPLACED)
        fprintf(out, "  (%s by %s)", bx_entry_word(row->before.kind),
                bx_entry_word(row->after.kind));
    if ((row->after.mode & 0111) != 0 && row->after.kind == BX_ENTRY_FILE &&
        (row->before.kind != BX_ENTRY_FILE || (row->before.mode & 0111) == 0))
        fputs("  (executable)", out);
    if (row->protected_why != NULL)
        fprintf(out, "  (protected: %s)", row->protected_why);
    if (row->conflict != NULL)
        fprintf(out, "  %sconflict: %s%s", has_colour ? RED : "", row->conflict,
                has_colour ? PLAIN : "");
    putc('\n', out);
}

/* "in /home/me/project:", where only one folder is meant. */
static void print_folder(const bx_deltas *changes, FILE *out)
{
    const char *folder;

    if (!has_one_mapping(changes))
        return;
    folder = changes->store->mappings[0].path;
    fputs("in ", out);
    bx_cli_print_safe(out, folder, strlen(folder));
    fputs(":\n", out);
}

void bx_overlay_cli_print_rows(const bx_deltas *changes, const bool *selected,
                               FILE *out)
{
    print_folder(changes, out);
    for (size_t i = 0; i < changes->count; i++) {
        if (is_shown(changes, selected, i))
            print_row(changes, &changes->rows[i], "", out);
    }
}

void bx_overlay_cli_print_count(const bx_deltas_count *count, FILE *out)
{
    const struct {
        size_t count;
        const char *word;
    } parts[] = { { count->added, "added" },
                  { count->modified, "modified" },
                  { count->removed, "removed" },
                  { count->conflicts, "in conflict" } };
    bool is_first = true;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].count == 0)
            continue;
        fprintf(out, "%s%zu %s", is_first ? "" : ", ", parts[i].count,
                parts[i].word);
        is_first = false;
    }
    if (is_first)
        fputs("nothing changed", out);
}

/* ---- diff ------------------------------------------------------------ */

static void print_line(const char *line, size_t bytes, bool has_colour,
                       bool is_header)
{
    const char *colour = "";

    if (is_header)
        colour = BOLD;
    else if (line[0] == '+')
        colour = GREEN;
    else if (line[0] == '-')
        colour = RED;
    else if (line[0] == '@')
        colour = CYAN;
    if (has_colour)
        fputs(colour, stdout);
    bx_cli_print_safe(stdout, line, bytes);
    if (has_colour)
        fputs(PLAIN, stdout);
    putchar('\n');
}

/* A pipe gets the bytes, for patch(1) and git; a terminal what it may. */
static void print_diff(const bx_buf *text)
{
    bool has_colour = bx_cli_has_colour(stdout);
    bool is_header = true;
    const char *at = text->data;
    size_t left = text->len;

    if (!isatty(STDOUT_FILENO)) {
        fwrite(text->data, 1, text->len, stdout);
        return;
    }
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t bytes = end == NULL ? left : (size_t)(end - at);

        if (bytes > 1 && at[0] == '@')
            is_header = false;
        else if (bytes > 4 && memcmp(at, "diff ", 5) == 0)
            is_header = true; /* a line of a file begins with a sign */
        print_line(at, bytes, has_colour, is_header);
        at += bytes + (end == NULL ? 0 : 1);
        left -= bytes + (end == NULL ? 0 : 1);
    }
}

static void print_stat(const bx_deltas *changes, const bx_delta *row,
                       const bx_diff *diff)
{
    char tail[96] = "";
    char before[32];
    char after[32];

    if (row->what == BX_DELTA_MODE || row->what == BX_DELTA_TIME ||
        (row->before.kind != BX_ENTRY_FILE && row->after.kind != BX_ENTRY_FILE))
        snprintf(tail, sizeof(tail), "%s", "");
    else if (diff->is_lines)
        snprintf(tail, sizeof(tail), "  +%zu -%zu", diff->lines_added,
                 diff->lines_removed);
    else
        snprintf(tail, sizeof(tail), "  binary, %s to %s",
                 bx_cli_bytes(row->before.size, before),
                 bx_cli_bytes(row->after.size, after));
    print_row(changes, row, tail, stdout);
}

/* On stderr: the diff itself may go to patch(1). */
static void note_conflict(const bx_deltas *changes, const bx_delta *row)
{
    bx_autofree char *path = NULL;

    if (row->conflict == NULL)
        return;
    path = shown_path(changes, row);
    fprintf(stderr, "boxagnts: conflict: '%s': %s\n", path == NULL ? "?" : path,
            row->conflict);
}

int bx_overlay_cli_diff(const bx_deltas *changes, const bool *selected,
                        bool is_stat, bx_error **err)
{
    bx_deltas_count count = bx_deltas_sum(changes);

    if (is_stat)
        print_folder(changes, stdout);
    for (size_t i = 0; i < changes->count; i++) {
        bx_autodiff bx_diff diff = { .text = BX_BUF_INIT };

        if (!is_shown(changes, selected, i))
            continue;
        if (bx_diff_make(changes, &changes->rows[i], &diff, err) < 0)
            return -1;
        if (is_stat)
            print_stat(changes, &changes->rows[i], &diff);
        else if (diff.text.len > 0)
            print_diff(&diff.text);
        if (!is_stat)
            note_conflict(changes, &changes->rows[i]);
    }
    if (is_stat) {
        bx_overlay_cli_print_count(&count, stdout);
        putchar('\n');
    }
    return 0;
}

/* ---- JSON ------------------------------------------------------------ */

/* Escaped as elsewhere when it is no UTF-8. */
static json_t *text_json(const char *text, size_t bytes)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    json_t *plain = json_stringn(text, bytes);

    if (plain != NULL)
        return plain;
    return bx_buf_put_escaped(&shown, text, bytes, SIZE_MAX) < 0
               ? NULL
               : json_stringn(shown.data, shown.len);
}

static json_t *entry_json(const bx_entry *entry, const char *sha256)
{
    json_t *root;

    if (entry->kind == BX_ENTRY_NONE)
        return json_null();
    root = json_pack("{s:s, s:I, s:I, s:I}", "kind", bx_entry_word(entry->kind),
                     "mode", (json_int_t)entry->mode, "size",
                     (json_int_t)entry->size, "mtime_ns",
                     (json_int_t)entry->mtime_ns);
    if (root != NULL && sha256[0] != '\0')
        json_object_set_new(root, "sha256", json_string(sha256));
    return root;
}

static json_t *row_json(const bx_deltas *changes, const bx_delta *row,
                        bx_error **err)
{
    bx_autodiff bx_diff diff = { .text = BX_BUF_INIT };
    const char *folder = changes->store->mappings[row->mapping].path;
    json_t *root;

    if (bx_diff_make(changes, row, &diff, err) < 0)
        return NULL;
    root = json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:s?, s:s?, s:b, s:I, s:I, s:o}", "folder",
        text_json(folder, strlen(folder)), "path",
        text_json(row->path, strlen(row->path)), "change",
        bx_delta_word(row->what), "before",
        entry_json(&row->before, diff.before_sha256), "after",
        entry_json(&row->after, diff.after_sha256), "conflict", row->conflict,
        "protected", row->protected_why, "is_lines", diff.is_lines,
        "lines_added", (json_int_t)diff.lines_added, "lines_removed",
        (json_int_t)diff.lines_removed, "diff",
        text_json(diff.text.len == 0 ? "" : diff.text.data, diff.text.len));
    if (root == NULL)
        (void)bx_error_set_nomem(err);
    return root;
}

int bx_overlay_cli_diff_json(const bx_deltas *changes, const bool *selected,
                             bx_error **err)
{
    json_t *rows = json_array();
    json_t *root =
        json_pack("{s:s, s:o}", "name", changes->store->name, "changes", rows);
    int failed = root == NULL ? bx_error_set_nomem(err) : 0;

    for (size_t i = 0; failed == 0 && i < changes->count; i++) {
        json_t *row;

        if (!is_shown(changes, selected, i))
            continue;
        row = row_json(changes, &changes->rows[i], err);
        failed = row == NULL || json_array_append_new(rows, row) < 0 ? -1 : 0;
    }
    if (failed == 0) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(root);
    return failed;
}
