/* JSON as editors have it: comments and trailing commas. */
#include <string.h>

#include "base/json_text.h"
#include "base/utf8.h"
#include "cli/client_config.h"

#define MAX_DEPTH 128

typedef struct bx_json_scan {
    const char *text;
    size_t bytes;
    size_t at;
    int depth;
    bx_error **err;
} bx_json_scan;

/* An object, and the member looked for in it. */
typedef struct bx_json_object {
    size_t begin; /* of what stands behind '{' */
    size_t end;   /* of the '}' */
    size_t last;  /* end of the last member's value; begin when there is none */
    bool has_comma; /* behind the last member */
    bool has_member;
    size_t value; /* of the member looked for */
    size_t value_end;
} bx_json_object;

static int fail(bx_json_scan *scan, const char *expected)
{
    size_t line = 1;

    for (size_t i = 0; i < scan->at && i < scan->bytes; i++)
        line += scan->text[i] == '\n';
    return bx_error_set(scan->err, BX_ERR_INVALID,
                        "line %zu: expected %s; the file was left as it is",
                        line, expected);
}

static char peek(const bx_json_scan *scan)
{
    return scan->at < scan->bytes ? scan->text[scan->at] : '\0';
}

static bool begins(const bx_json_scan *scan, const char *token)
{
    size_t bytes = strlen(token);

    return scan->bytes - scan->at >= bytes &&
           memcmp(scan->text + scan->at, token, bytes) == 0;
}

static int skip_comment(bx_json_scan *scan)
{
    if (begins(scan, "//")) {
        while (scan->at < scan->bytes && peek(scan) != '\n')
            scan->at++;
        return 0;
    }
    scan->at += 2;
    while (scan->at < scan->bytes && !begins(scan, "*/"))
        scan->at++;
    if (scan->at >= scan->bytes)
        return fail(scan, "the end of a comment");
    scan->at += 2;
    return 0;
}

static int skip_space(bx_json_scan *scan)
{
    while (scan->at < scan->bytes) {
        if (strchr(" \t\r\n", peek(scan)) != NULL && peek(scan) != '\0')
            scan->at++;
        else if (!begins(scan, "//") && !begins(scan, "/*"))
            break;
        else if (skip_comment(scan) < 0)
            return -1;
    }
    return 0;
}

/* ret_value, may be NULL: the string, owned by the caller. */
static int skip_string(bx_json_scan *scan, json_t **ret_value)
{
    size_t begin = scan->at;

    if (peek(scan) != '"')
        return fail(scan, "a string");
    for (scan->at++; scan->at < scan->bytes && peek(scan) != '"'; scan->at++) {
        if (peek(scan) == '\\')
            scan->at++;
        else if ((unsigned char)peek(scan) < 0x20)
            return fail(scan, "the end of a string");
    }
    if (scan->at >= scan->bytes)
        return fail(scan, "the end of a string");
    scan->at++;
    if (ret_value == NULL)
        return 0;
    *ret_value = json_loadb(scan->text + begin, scan->at - begin,
                            JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return *ret_value == NULL ? fail(scan, "a valid string") : 0;
}

static int skip_plain(bx_json_scan *scan)
{
    size_t begin = scan->at;
    json_t *value;

    while (scan->at < scan->bytes &&
           (strchr(",]}/ \t\r\n", peek(scan)) == NULL || peek(scan) == '\0'))
        scan->at++;
    value =
        json_loadb(scan->text + begin, scan->at - begin, JSON_DECODE_ANY, NULL);
    if (value == NULL) {
        scan->at = begin;
        return fail(scan, "a value");
    }
    json_decref(value);
    return 0;
}

static int skip_value(bx_json_scan *scan);

/* Behind the '{', up to behind the '}'. name: NULL to look for none. */
static int scan_object(bx_json_scan *scan, const char *name,
                       bx_json_object *ret)
{
    *ret = (bx_json_object){ .begin = scan->at, .last = scan->at };
    for (;;) {
        json_t *key = NULL;
        bool is_name;

        if (skip_space(scan) < 0)
            return -1;
        ret->end = scan->at;
        if (peek(scan) == '}') {
            scan->at++;
            return 0;
        }
        if (ret->last != ret->begin && !ret->has_comma)
            return fail(scan, "',' or '}'");
        if (skip_string(scan, &key) < 0)
            return -1;
        is_name = name != NULL && strcmp(json_string_value(key), name) == 0;
        json_decref(key);
        if (is_name && ret->has_member)
            return fail(scan, "each name once");
        if (skip_space(scan) < 0)
            return -1;
        if (peek(scan) != ':')
            return fail(scan, "':'");
        scan->at++;
        if (skip_space(scan) < 0)
            return -1;
        if (is_name) {
            ret->has_member = true;
            ret->value = scan->at;
        }
        if (skip_value(scan) < 0)
            return -1;
        ret->last = scan->at;
        if (is_name)
            ret->value_end = scan->at;
        if (skip_space(scan) < 0)
            return -1;
        ret->has_comma = peek(scan) == ',';
        if (ret->has_comma)
            ret->last = ++scan->at;
    }
}

static int skip_array(bx_json_scan *scan)
{
    bool may_go_on = true;

    for (;;) {
        if (skip_space(scan) < 0)
            return -1;
        if (peek(scan) == ']') {
            scan->at++;
            return 0;
        }
        if (!may_go_on)
            return fail(scan, "',' or ']'");
        if (skip_value(scan) < 0 || skip_space(scan) < 0)
            return -1;
        may_go_on = peek(scan) == ',';
        scan->at += may_go_on;
    }
}

static int skip_value(bx_json_scan *scan)
{
    bx_json_object ignored;
    int result;

    if (scan->at >= scan->bytes)
        return fail(scan, "a value");
    if (peek(scan) == '"')
        return skip_string(scan, NULL);
    if (peek(scan) != '{' && peek(scan) != '[')
        return skip_plain(scan);
    if (++scan->depth > MAX_DEPTH)
        return fail(scan, "less nesting");
    if (scan->text[scan->at++] == '{')
        result = scan_object(scan, NULL, &ignored);
    else
        result = skip_array(scan);
    scan->depth--;
    return result;
}

/* ---- putting in ------------------------------------------------------ */

/* JSON of the entry, its lines behind the first indented by depth steps. */
static char *indent(const json_t *value, int depth)
{
    bx_autofree char *text = bx_json_text(value, JSON_INDENT(2));
    bx_autobuf bx_buf out = BX_BUF_INIT;

    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        if (bx_buf_append(&out, at, 1, SIZE_MAX) < 0 ||
            (*at == '\n' && bx_buf_printf(&out, "%*s", depth * 2, "") < 0))
            return NULL;
    }
    return bx_buf_take(&out);
}

/* text with [from, to) replaced by words. */
static int replace(bx_json_scan *scan, size_t from, size_t to,
                   const bx_buf *words, bx_buf *ret_text)
{
    if (bx_buf_append(ret_text, scan->text, from, SIZE_MAX) < 0 ||
        bx_buf_append(ret_text, words->data, words->len, SIZE_MAX) < 0 ||
        bx_buf_append(ret_text, scan->text + to, scan->bytes - to, SIZE_MAX) <
            0)
        return bx_error_set_nomem(scan->err);
    return 0;
}

static int add_member(bx_json_scan *scan, const bx_json_object *object,
                      const char *name, const json_t *value, int depth,
                      bx_buf *ret_text)
{
    bx_autobuf bx_buf words = BX_BUF_INIT;
    bx_autofree char *shown = indent(value, depth);
    json_t *key = json_string(name);
    bx_autofree char *quoted = bx_json_text(key, JSON_ENCODE_ANY);
    bool is_first = object->last == object->begin;
    /* Closing brace on a line of its own, unless one stands there already. */
    bool needs_end = memchr(scan->text + object->last, '\n',
                            object->end - object->last) == NULL;

    json_decref(key);
    if (shown == NULL || quoted == NULL ||
        bx_buf_printf(&words, "%s\n%*s%s: %s",
                      is_first || object->has_comma ? "" : ",", depth * 2, "",
                      quoted, shown) < 0 ||
        (needs_end && bx_buf_printf(&words, "\n%*s", (depth - 1) * 2, "") < 0))
        return bx_error_set_nomem(scan->err);
    return replace(scan, object->last, object->last, &words, ret_text);
}

static int set_member(bx_json_scan *scan, const bx_json_object *object,
                      const json_t *value, bx_buf *ret_text)
{
    bx_autobuf bx_buf words = BX_BUF_INIT;
    bx_autofree char *shown = indent(value, 2);

    if (shown == NULL || bx_buf_puts(&words, shown) < 0)
        return bx_error_set_nomem(scan->err);
    return replace(scan, object->value, object->value_end, &words, ret_text);
}

static int find_root(bx_json_scan *scan, const char *section,
                     bx_json_object *ret_root)
{
    if (skip_space(scan) < 0)
        return -1;
    if (peek(scan) != '{')
        return fail(scan, "an object");
    scan->at++;
    if (scan_object(scan, section, ret_root) < 0 || skip_space(scan) < 0)
        return -1;
    return scan->at == scan->bytes ? 0 : fail(scan, "the end of the file");
}

int bx_client_config_put_json(const char *text, size_t bytes,
                              const char *section, const char *name,
                              const json_t *entry, bx_buf *ret_text,
                              bx_error **err)
{
    bool is_empty = strspn(text, " \t\r\n") == bytes;
    bx_json_scan scan = { .text = is_empty ? "{}\n" : text,
                          .bytes = is_empty ? 3 : bytes,
                          .err = err };
    bx_json_object root = { 0 };
    bx_json_object servers = { 0 };
    json_t *wrapped;
    int result;

    if (!bx_utf8_is_valid(text, bytes))
        return bx_error_set(err, BX_ERR_INVALID, "it is not UTF-8");
    if (find_root(&scan, section, &root) < 0)
        return -1;
    if (root.has_member) {
        scan.at = root.value;
        if (peek(&scan) != '{')
            return fail(&scan, "an object");
        scan.at++;
        if (scan_object(&scan, name, &servers) < 0)
            return -1;
        return servers.has_member
                   ? set_member(&scan, &servers, entry, ret_text)
                   : add_member(&scan, &servers, name, entry, 2, ret_text);
    }
    wrapped = json_pack("{s:O}", name, entry);
    result = add_member(&scan, &root, section, wrapped, 1, ret_text);
    json_decref(wrapped);
    return result;
}
