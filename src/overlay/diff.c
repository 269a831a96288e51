#include "overlay/diff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "overlay/content.h"

#define CONTEXT_LINES 3

void bx_diff_clear(bx_diff *diff)
{
    bx_buf_clear(&diff->text);
}

/* ---- names ----------------------------------------------------------- */

/* "a/path", as git quotes it where it would not be printed as it is. */
static int put_name(bx_buf *out, const char *side, const char *path)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, path, strlen(path), SIZE_MAX) < 0)
        return -1;
    if (strcmp(shown.data, path) == 0 && strchr(path, '"') == NULL)
        return bx_buf_printf(out, "%s%s", side, path);
    if (bx_buf_printf(out, "\"%s", side) < 0)
        return -1;
    for (const char *at = path; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        int failed = c < 0x20 || c >= 0x7f || c == '"' || c == '\\'
                         ? bx_buf_printf(out, "\\%03o", c)
                         : bx_buf_append(out, at, 1, SIZE_MAX);

        if (failed < 0)
            return -1;
    }
    return bx_buf_puts(out, "\"");
}

/* As git writes the mode of what it keeps. */
static unsigned git_mode(const bx_entry *entry)
{
    return entry->kind == BX_ENTRY_LINK ? 0120000 : 0100000 | entry->mode;
}

/* ---- lines ----------------------------------------------------------- */

typedef struct side {
    const bx_entry *entry;
    char *data; /* owned; NULL: not compared by line */
    size_t bytes;
    size_t *lines; /* where each begins, and where the last ends */
    size_t lines_count;
} side;

typedef struct comparison {
    bx_diff *diff;
    side before;
    side after;
    bx_diff_hunk *hunks;
    size_t hunks_count;
    size_t hunks_room;
} comparison;

static void comparison_clear(comparison *task)
{
    free(task->before.data);
    free(task->before.lines);
    free(task->after.data);
    free(task->after.lines);
    free(task->hunks);
}
#define autocomparison __attribute__((cleanup(comparison_clear)))

static int split(side *text)
{
    size_t count = 0;

    for (size_t i = 0; i < text->bytes; i++)
        count += text->data[i] == '\n' ? 1 : 0;
    text->lines = calloc(count + 2, sizeof(*text->lines));
    if (text->lines == NULL)
        return -1;
    for (size_t i = 0; i < text->bytes; i++) {
        if (text->data[i] == '\n')
            text->lines[++text->lines_count] = i + 1;
    }
    if (text->bytes > text->lines[text->lines_count])
        text->lines[++text->lines_count] = text->bytes;
    return 0;
}

static int32_t on_hunk(void *context, const bx_diff_hunk *hunk)
{
    comparison *task = context;

    if (task->hunks_count == task->hunks_room) {
        size_t room = task->hunks_room == 0 ? 16 : task->hunks_room * 2;
        bx_diff_hunk *grown = realloc(task->hunks, room * sizeof(*grown));

        if (grown == NULL)
            return -1;
        task->hunks = grown;
        task->hunks_room = room;
    }
    task->hunks[task->hunks_count++] = *hunk;
    task->diff->lines_removed += hunk->before_to - hunk->before_from;
    task->diff->lines_added += hunk->after_to - hunk->after_from;
    return 0;
}

static int put_lines(bx_buf *out, char sign, const side *text, size_t from,
                     size_t to)
{
    for (size_t i = from; i < to; i++) {
        const char *line = text->data + text->lines[i];
        size_t bytes = text->lines[i + 1] - text->lines[i];

        if (bx_buf_append(out, &sign, 1, SIZE_MAX) < 0 ||
            bx_buf_append(out, line, bytes, SIZE_MAX) < 0)
            return -1;
        if (line[bytes - 1] != '\n' &&
            bx_buf_puts(out, "\n\\ No newline at end of file\n") < 0)
            return -1;
    }
    return 0;
}

/* "-12,3": a side without lines stands behind the line before it. */
static int put_range(bx_buf *out, char sign, size_t from, size_t to)
{
    size_t count = to - from;

    if (count == 1)
        return bx_buf_printf(out, "%c%zu", sign, from + 1);
    return bx_buf_printf(out, "%c%zu,%zu", sign, count == 0 ? from : from + 1,
                         count);
}

/* Hunks first to last, whose context meets, as one. */
static int put_group(const comparison *task, size_t first, size_t last)
{
    bx_buf *out = &task->diff->text;
    const bx_diff_hunk *a = &task->hunks[first];
    const bx_diff_hunk *b = &task->hunks[last];
    size_t lead =
        a->before_from < CONTEXT_LINES ? a->before_from : CONTEXT_LINES;
    size_t left = task->before.lines_count - b->before_to;
    size_t tail = left < CONTEXT_LINES ? left : CONTEXT_LINES;
    size_t at = a->before_from - lead;

    if (bx_buf_puts(out, "@@ ") < 0 ||
        put_range(out, '-', at, b->before_to + tail) < 0 ||
        bx_buf_puts(out, " ") < 0 ||
        put_range(out, '+', a->after_from - lead, b->after_to + tail) < 0 ||
        bx_buf_puts(out, " @@\n") < 0)
        return -1;
    for (size_t i = first; i <= last; i++) {
        const bx_diff_hunk *hunk = &task->hunks[i];

        if (put_lines(out, ' ', &task->before, at, hunk->before_from) < 0 ||
            put_lines(out, '-', &task->before, hunk->before_from,
                      hunk->before_to) < 0 ||
            put_lines(out, '+', &task->after, hunk->after_from,
                      hunk->after_to) < 0)
            return -1;
        at = hunk->before_to;
    }
    return put_lines(out, ' ', &task->before, at, at + tail);
}

static int put_hunks(const comparison *task)
{
    size_t first = 0;

    for (size_t i = 0; i < task->hunks_count; i++) {
        if (i + 1 < task->hunks_count &&
            task->hunks[i + 1].before_from - task->hunks[i].before_to <=
                2 * CONTEXT_LINES)
            continue;
        if (put_group(task, first, i) < 0)
            return -1;
        first = i + 1;
    }
    return 0;
}

/* ---- a side ---------------------------------------------------------- */

/* The content to compare by line; data stays NULL for what is too large. */
static int load(side *text, int root_fd, const char *path, bx_error **err)
{
    bx_autofd int fd = -1;

    if (text->entry->kind == BX_ENTRY_LINK) {
        text->data = bx_beneath_read_link(root_fd, path);
        if (text->data == NULL)
            return bx_error_set_errno(err, errno, "link '%s'", path);
        text->bytes = strlen(text->data);
        return 0;
    }
    if (text->entry->kind != BX_ENTRY_FILE) {
        text->data = strdup("");
        return text->data == NULL ? bx_error_set_nomem(err) : 0;
    }
    if (text->entry->size > BX_DIFF_MAX_BYTES)
        return 0;
    fd = bx_beneath_open(root_fd, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    return bx_file_read_fd(fd, path, BX_DIFF_MAX_BYTES, &text->data,
                           &text->bytes, err);
}

static bool is_text(const side *text)
{
    return text->data != NULL &&
           (text->bytes == 0 || memchr(text->data, '\0', text->bytes) == NULL);
}

/* ---- one part -------------------------------------------------------- */

static int put_header(bx_diff *diff, const char *path, const bx_entry *before,
                      const bx_entry *after)
{
    bx_buf *out = &diff->text;

    if (bx_buf_puts(out, "diff --git ") < 0 || put_name(out, "a/", path) < 0 ||
        bx_buf_puts(out, " ") < 0 || put_name(out, "b/", path) < 0 ||
        bx_buf_puts(out, "\n") < 0)
        return -1;
    if (before->kind == BX_ENTRY_NONE)
        return bx_buf_printf(out, "new file mode %06o\n", git_mode(after));
    if (after->kind == BX_ENTRY_NONE)
        return bx_buf_printf(out, "deleted file mode %06o\n", git_mode(before));
    return git_mode(before) == git_mode(after)
               ? 0
               : bx_buf_printf(out, "old mode %06o\nnew mode %06o\n",
                               git_mode(before), git_mode(after));
}

static int put_file_names(bx_diff *diff, const char *path,
                          const bx_entry *before, const bx_entry *after)
{
    bx_buf *out = &diff->text;

    if (bx_buf_puts(out, "--- ") < 0 ||
        (before->kind == BX_ENTRY_NONE ? bx_buf_puts(out, "/dev/null")
                                       : put_name(out, "a/", path)) < 0 ||
        bx_buf_puts(out, "\n+++ ") < 0 ||
        (after->kind == BX_ENTRY_NONE ? bx_buf_puts(out, "/dev/null")
                                      : put_name(out, "b/", path)) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

static int put_summary(bx_diff *diff, const bx_entry *entry, const char *word,
                       const char *sha256)
{
    return entry->kind == BX_ENTRY_NONE
               ? 0
               : bx_buf_printf(&diff->text, "%s: %llu bytes, sha256 %s\n", word,
                               (unsigned long long)entry->size, sha256);
}

/* What is not compared by line: sizes and digests. */
static int put_binary(bx_diff *diff, const bx_overlay_mapping *at,
                      const char *path, const bx_entry *before,
                      const bx_entry *after, bx_error **err)
{
    bx_buf *out = &diff->text;

    if ((before->kind == BX_ENTRY_FILE &&
         bx_content_digest(at->base_fd, path, diff->before_sha256) < 0) ||
        (after->kind == BX_ENTRY_FILE &&
         bx_content_digest(at->up_fd, path, diff->after_sha256) < 0))
        return bx_error_set_errno(err, errno, "'%s'", path);
    diff->is_lines = false;
    if (bx_buf_puts(out, "Binary files ") < 0 ||
        (before->kind == BX_ENTRY_NONE ? bx_buf_puts(out, "/dev/null")
                                       : put_name(out, "a/", path)) < 0 ||
        bx_buf_puts(out, " and ") < 0 ||
        (after->kind == BX_ENTRY_NONE ? bx_buf_puts(out, "/dev/null")
                                      : put_name(out, "b/", path)) < 0 ||
        bx_buf_puts(out, " differ\n") < 0 ||
        put_summary(diff, before, "before", diff->before_sha256) < 0 ||
        put_summary(diff, after, "after", diff->after_sha256) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int put_content(bx_diff *diff, const bx_overlay_mapping *at,
                       const char *path, const bx_entry *before,
                       const bx_entry *after, bx_error **err)
{
    autocomparison comparison task = { .diff = diff,
                                       .before = { .entry = before },
                                       .after = { .entry = after } };

    if (load(&task.before, at->base_fd, path, err) < 0 ||
        load(&task.after, at->up_fd, path, err) < 0)
        return -1;
    if (!is_text(&task.before) || !is_text(&task.after))
        return put_binary(diff, at, path, before, after, err);
    if (split(&task.before) < 0 || split(&task.after) < 0 ||
        bx_engine_diff_lines(task.before.data, task.before.bytes,
                             task.after.data, task.after.bytes, on_hunk,
                             &task) != 0)
        return bx_error_set_nomem(err);
    if (task.hunks_count == 0)
        return 0;
    return put_file_names(diff, path, before, after) < 0 || put_hunks(&task) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

/* A folder or something that is no file: one line. */
static int put_word(bx_diff *diff, const char *path, const char *word,
                    const bx_entry *entry)
{
    bx_buf *out = &diff->text;

    if (bx_buf_puts(out, "diff --git ") < 0 || put_name(out, "a/", path) < 0 ||
        bx_buf_puts(out, " ") < 0 || put_name(out, "b/", path) < 0)
        return -1;
    return bx_buf_printf(out, "\n%s %s, mode %04o\n", word,
                         bx_entry_word(entry->kind), entry->mode);
}

static bool has_content(const bx_entry *entry)
{
    return entry->kind == BX_ENTRY_FILE || entry->kind == BX_ENTRY_LINK;
}

/* One side, or both of the same kind. */
static int put_part(bx_diff *diff, const bx_overlay_mapping *at,
                    const char *path, const bx_entry *before,
                    const bx_entry *after, bx_error **err)
{
    const bx_entry *one = after->kind == BX_ENTRY_NONE ? before : after;

    if (has_content(one))
        return put_header(diff, path, before, after) < 0
                   ? bx_error_set_nomem(err)
                   : put_content(diff, at, path, before, after, err);
    return put_word(diff, path,
                    before->kind == BX_ENTRY_NONE  ? "new"
                    : after->kind == BX_ENTRY_NONE ? "deleted"
                                                   : "changed",
                    one) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

int bx_diff_make(const bx_deltas *deltas, const bx_delta *change,
                 bx_diff *ret_diff, bx_error **err)
{
    static const bx_entry none = { .kind = BX_ENTRY_NONE };
    const bx_overlay_mapping *at = &deltas->store->mappings[change->mapping];
    bx_autodiff bx_diff diff = { .text = BX_BUF_INIT, .is_lines = true };
    int failed;

    if (change->what == BX_DELTA_REPLACED) {
        failed = put_part(&diff, at, change->path, &change->before, &none, err);
        if (failed == 0)
            failed =
                put_part(&diff, at, change->path, &none, &change->after, err);
    } else if (change->what == BX_DELTA_TIME) {
        failed = put_header(&diff, change->path, &change->before,
                            &change->after) < 0 ||
                         bx_buf_puts(&diff.text, "only its time changed\n") < 0
                     ? bx_error_set_nomem(err)
                     : 0;
    } else {
        failed = put_part(&diff, at, change->path, &change->before,
                          &change->after, err);
    }
    if (failed < 0)
        return -1;
    *ret_diff = diff;
    diff.text = BX_BUF_INIT;
    return 0;
}
