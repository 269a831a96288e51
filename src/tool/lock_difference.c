/* What a person reads before approving again. The texts come from the tool and
 * are hostile: escaped, and bounded. */
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "tool/lock.h"

#define MAX_LINES 200      /* of one field that are compared with each other */
#define MAX_LINE_BYTES 400 /* shown of each */

typedef struct bx_lines {
    char *text; /* owned; the lines lie in it */
    const char *lines[MAX_LINES];
    size_t count;
    bool is_cut;
} bx_lines;

static int put_line(bx_buf *out, char mark, const char *line)
{
    if (bx_buf_printf(out, "%c ", mark) < 0 ||
        bx_buf_put_escaped(out, line, strlen(line), MAX_LINE_BYTES) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

/* One field as text: strings by line, anything else as indented JSON. */
static int split(const json_t *value, bx_lines *lines)
{
    char *rest;

    *lines = (bx_lines){ 0 };
    if (value == NULL)
        return 0;
    lines->text = json_is_string(value)
                      ? strdup(json_string_value(value))
                      : bx_json_text(value, JSON_INDENT(2) | JSON_SORT_KEYS |
                                                JSON_ENCODE_ANY);
    if (lines->text == NULL)
        return -1;
    for (rest = lines->text; rest != NULL;) {
        char *line = strsep(&rest, "\n");

        if (lines->count == MAX_LINES) {
            lines->is_cut = true;
            break;
        }
        lines->lines[lines->count++] = line;
    }
    return 0;
}

/* Longest common subsequence: table[i][j] of what follows line i and j. */
typedef uint16_t bx_lcs[MAX_LINES + 1][MAX_LINES + 1];

static void fill(const bx_lines *old, const bx_lines *now, bx_lcs *table)
{
    for (size_t i = old->count + 1; i-- > 0;) {
        for (size_t j = now->count + 1; j-- > 0;) {
            uint16_t best = 0;

            if (i < old->count && j < now->count) {
                if (strcmp(old->lines[i], now->lines[j]) == 0)
                    best = (uint16_t)((*table)[i + 1][j + 1] + 1);
                else if ((*table)[i + 1][j] > (*table)[i][j + 1])
                    best = (*table)[i + 1][j];
                else
                    best = (*table)[i][j + 1];
            }
            (*table)[i][j] = best;
        }
    }
}

static int put_lines(bx_buf *out, const bx_lines *old, const bx_lines *now,
                     const bx_lcs *table)
{
    size_t i = 0;
    size_t j = 0;

    while (i < old->count || j < now->count) {
        int failed;

        if (i < old->count && j < now->count &&
            strcmp(old->lines[i], now->lines[j]) == 0) {
            failed = put_line(out, ' ', old->lines[i++]);
            j++;
        } else if (j == now->count ||
                   (i < old->count && (*table)[i + 1][j] >= (*table)[i][j + 1]))
            failed = put_line(out, '-', old->lines[i++]);
        else
            failed = put_line(out, '+', now->lines[j++]);
        if (failed < 0)
            return -1;
    }
    return old->is_cut || now->is_cut
               ? bx_buf_printf(out, "  (only the first %d lines are shown)\n",
                               MAX_LINES)
               : 0;
}

static int put_field(bx_buf *out, const char *name, const json_t *old,
                     const json_t *now)
{
    bx_lines before = { 0 };
    bx_lines after = { 0 };
    bx_lcs *table;
    int result = -1;

    if ((old == NULL && now == NULL) ||
        (old != NULL && now != NULL && json_equal(old, now)))
        return 0;
    table = calloc(1, sizeof(*table));
    if (table != NULL && split(old, &before) == 0 && split(now, &after) == 0 &&
        bx_buf_puts(out, "@@ ") == 0 &&
        bx_buf_put_escaped(out, name, strlen(name), MAX_LINE_BYTES) == 0 &&
        bx_buf_puts(out, " @@\n") == 0) {
        fill(&before, &after, table);
        result = put_lines(out, &before, &after, table);
    }
    free(before.text);
    free(after.text);
    free(table);
    return result;
}

/* The manifest's fields, in the order a person should read them. */
static const char *const order[] = { "name", "description", "permission_level",
                                     "permissions", "secrets" };
#define ORDER_COUNT (sizeof(order) / sizeof(order[0]))

static bool is_ordered(const char *name)
{
    for (size_t i = 0; i < ORDER_COUNT; i++) {
        if (strcmp(order[i], name) == 0)
            return true;
    }
    return false;
}

/* The manifest's own keys may lie under "tool". */
static json_t *fields(const json_t *pin)
{
    json_t *manifest = json_object_get(pin, "manifest");
    json_t *inner = json_object_get(manifest, "tool");

    return json_is_object(inner) ? inner : manifest;
}

static int put_fields(bx_buf *out, json_t *old, json_t *now)
{
    const char *name;
    json_t *value;

    for (size_t i = 0; i < ORDER_COUNT; i++) {
        if (put_field(out, order[i], json_object_get(old, order[i]),
                      json_object_get(now, order[i])) < 0)
            return -1;
    }
    json_object_foreach(now, name, value)
    {
        if (!is_ordered(name) &&
            put_field(out, name, json_object_get(old, name), value) < 0)
            return -1;
    }
    json_object_foreach(old, name, value)
    {
        if (!is_ordered(name) && json_object_get(now, name) == NULL &&
            put_field(out, name, value, NULL) < 0)
            return -1;
    }
    return 0;
}

char *bx_lock_difference(const json_t *old, const json_t *now, bx_error **err)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;
    const char *approved = json_string_value(json_object_get(old, "approved"));

    if (old != NULL && bx_lock_pin_equals(old, now))
        return strdup("");
    if (bx_buf_printf(&out, "--- %s%s\n+++ now\n",
                      old == NULL ? "never approved" : "approved ",
                      approved == NULL ? "" : approved) < 0 ||
        put_fields(&out, fields(old), fields(now)) < 0 ||
        /* Of what a server says it is the digest of what stands above. */
        (json_object_get(fields(now), "own_name") == NULL &&
         put_field(&out, "SHA-256", json_object_get(old, "digest"),
                   json_object_get(now, "digest")) < 0)) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return bx_buf_take(&out);
}
