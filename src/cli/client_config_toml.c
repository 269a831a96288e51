/* TOML, as far as it takes to know where a table begins and ends. */
#include <string.h>

#include "base/json_text.h"
#include "base/utf8.h"
#include "cli/client_config.h"

typedef struct bx_toml_scan {
    const char *text;
    size_t bytes;
    size_t at;
    size_t line;
    bx_error **err;
} bx_toml_scan;

static int fail(const bx_toml_scan *scan, const char *what)
{
    return bx_error_set(scan->err, BX_ERR_INVALID,
                        "line %zu: %s; the file was left as it is", scan->line,
                        what);
}

static bool begins(const bx_toml_scan *scan, const char *token)
{
    size_t bytes = strlen(token);

    return scan->bytes - scan->at >= bytes &&
           memcmp(scan->text + scan->at, token, bytes) == 0;
}

static void step(bx_toml_scan *scan)
{
    if (scan->at < scan->bytes)
        scan->line += scan->text[scan->at++] == '\n';
}

/* A string of any of the four kinds. */
static int skip_string(bx_toml_scan *scan)
{
    const char quote[2] = { scan->text[scan->at], '\0' };
    const char three[4] = { quote[0], quote[0], quote[0], '\0' };
    bool is_long = begins(scan, three);
    const char *end = is_long ? three : quote;

    scan->at += strlen(end);
    while (scan->at < scan->bytes && !begins(scan, end)) {
        if (!is_long && scan->text[scan->at] == '\n')
            return fail(scan, "a string does not end");
        if (quote[0] == '"' && scan->text[scan->at] == '\\')
            step(scan);
        step(scan);
    }
    if (scan->at >= scan->bytes)
        return fail(scan, "a string does not end");
    scan->at += strlen(end);
    /* """" and """"": quotes just before the end belong to the string */
    while (is_long && scan->at < scan->bytes &&
           scan->text[scan->at] == quote[0])
        scan->at++;
    return 0;
}

/* From a line's begin to behind its end, arrays over several lines included. */
static int skip_statement(bx_toml_scan *scan)
{
    long depth = 0;

    while (scan->at < scan->bytes) {
        char c = scan->text[scan->at];

        if (c == '"' || c == '\'') {
            if (skip_string(scan) < 0)
                return -1;
            continue;
        }
        if (c == '#') {
            while (scan->at < scan->bytes && scan->text[scan->at] != '\n')
                scan->at++;
            continue;
        }
        depth += c == '[' || c == '{';
        depth -= c == ']' || c == '}';
        if (depth < 0)
            return fail(scan, "a bracket too many");
        step(scan);
        if (c == '\n' && depth == 0)
            return 0;
    }
    return depth == 0 ? 0 : fail(scan, "an array or table does not end");
}

/* Is the statement a table's header, and of which? path: "a.b", quotes taken
 * off; NULL: it is no header. */
static char *header_of(const char *statement, size_t bytes)
{
    bx_autobuf bx_buf path = BX_BUF_INIT;
    size_t i = strspn(statement, " \t");

    if (i >= bytes || statement[i] != '[')
        return NULL;
    while (i < bytes && statement[i] == '[')
        i++;
    for (; i < bytes && statement[i] != ']' && statement[i] != '\n'; i++) {
        if (strchr(" \t\"'", statement[i]) == NULL &&
            bx_buf_append(&path, &statement[i], 1, SIZE_MAX) < 0)
            return NULL;
    }
    return i < bytes && statement[i] == ']' ? bx_buf_take(&path) : NULL;
}

/* "section = {...}" or "section.name...": not a table of its own. */
static bool is_inline(const char *statement, size_t bytes, const char *section)
{
    size_t i = strspn(statement, " \t\"'");
    size_t length = strlen(section);

    return bytes - i > length && memcmp(statement + i, section, length) == 0 &&
           strchr(" \t\"'.=", statement[i + length]) != NULL;
}

/* ---- putting in ------------------------------------------------------ */

static int put_value(bx_buf *out, const json_t *value)
{
    /* A TOML basic string and array of them are written as JSON's are. */
    bx_autofree char *text = bx_json_text(value, JSON_ENCODE_ANY);

    return text == NULL ? -1 : bx_buf_puts(out, text);
}

static int put_table(bx_buf *out, const char *section, const char *name,
                     const json_t *entry)
{
    const char *key;
    json_t *value;

    if (bx_buf_printf(out, "[%s.%s]\n", section, name) < 0)
        return -1;
    json_object_foreach((json_t *)entry, key, value)
    {
        if (bx_buf_printf(out, "%s = ", key) < 0 || put_value(out, value) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
    }
    return 0;
}

typedef struct bx_toml_place {
    size_t begin; /* of the table's header; at the end when there is none */
    size_t end;   /* of its last statement */
    bool is_there;
} bx_toml_place;

static int find_table(bx_toml_scan *scan, const char *section, const char *name,
                      bx_toml_place *ret)
{
    bx_autobuf bx_buf wanted = BX_BUF_INIT;
    bool is_root = true;
    bool is_in = false;

    if (bx_buf_printf(&wanted, "%s.%s", section, name) < 0)
        return bx_error_set_nomem(scan->err);
    *ret = (bx_toml_place){ scan->bytes, scan->bytes, false };
    while (scan->at < scan->bytes) {
        size_t begin = scan->at;
        bx_autofree char *header = NULL;
        bool is_blank = strchr("#\r\n", scan->text[begin]) != NULL;

        if (skip_statement(scan) < 0)
            return -1;
        header = header_of(scan->text + begin, scan->at - begin);
        if (header != NULL) {
            is_root = false;
            is_in = strcmp(header, wanted.data) == 0;
            if (is_in && ret->is_there)
                return fail(scan, "the table is there twice");
            if (is_in)
                *ret = (bx_toml_place){ begin, scan->at, true };
        } else if (is_root &&
                   is_inline(scan->text + begin, scan->at - begin, section)) {
            return fail(scan, "the servers are written inline; write them as "
                              "[tables] first");
        } else if (is_in && !is_blank) {
            ret->end = scan->at;
        }
    }
    return 0;
}

int bx_client_config_put_toml(const char *text, size_t bytes,
                              const char *section, const char *name,
                              const json_t *entry, bx_buf *ret_text,
                              bx_error **err)
{
    bx_toml_scan scan = { .text = text, .bytes = bytes, .line = 1, .err = err };
    bx_toml_place place = { 0 };
    const char *gap = "";

    if (!bx_utf8_is_valid(text, bytes) || memchr(text, '\0', bytes) != NULL)
        return bx_error_set(err, BX_ERR_INVALID, "it is not UTF-8");
    if (find_table(&scan, section, name, &place) < 0)
        return -1;
    if (!place.is_there && bytes > 0)
        gap = text[bytes - 1] == '\n' ? "\n" : "\n\n";
    if (bx_buf_append(ret_text, text, place.begin, SIZE_MAX) < 0 ||
        bx_buf_puts(ret_text, gap) < 0 ||
        put_table(ret_text, section, name, entry) < 0 ||
        bx_buf_append(ret_text, text + place.end, bytes - place.end, SIZE_MAX) <
            0)
        return bx_error_set_nomem(err);
    return 0;
}
