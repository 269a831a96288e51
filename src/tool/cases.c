#include "tool/cases.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "policy/text.h"
#include "policy/yaml_json.h"
#include "tool/schema_pattern.h"

#define MAX_FILES 100

typedef struct reader {
    const char *name;
    const json_t *lines;
    bx_case *it;      /* being read */
    char pointer[64]; /* of it */
    bx_error **err;
} reader;

/* ---- messages ---- */

/* key: within the case, "expect/text"; its line is told. */
static int refuse(const reader *in, const char *key, const char *format, ...)
    BX_PRINTF(3, 4);

static int refuse(const reader *in, const char *key, const char *format, ...)
{
    bx_autofree char *message = NULL;
    bx_autofree char *pointer = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&message, format, args);
    va_end(args);
    if (bytes < 0) {
        message = NULL;
        return bx_error_set_nomem(in->err);
    }
    if (asprintf(&pointer, "%s/%s", in->pointer, key) < 0) {
        pointer = NULL;
        return bx_error_set_nomem(in->err);
    }
    return bx_error_set(in->err, BX_ERR_INVALID, "%s: line %zu: %s", in->name,
                        bx_yaml_line(in->lines, pointer), message);
}

static int put_text(const reader *in, const char *key, const json_t *value,
                    char **ret_text)
{
    if (!json_is_string(value))
        return refuse(in, key, "%s: expected text (quote it)", key);
    *ret_text = strdup(json_string_value(value));
    return *ret_text != NULL ? 0 : bx_error_set_nomem(in->err);
}

/* ---- files ---- */

/* Relative, and beneath the workspace whatever is there already. */
static bool is_safe_path(const char *path)
{
    for (const char *part = path;; part++) {
        size_t length = strcspn(part, "/");

        if (length == 0 || length > 255 ||
            (length <= 2 && strspn(part, ".") >= length))
            return false;
        part += length;
        if (*part == '\0')
            return strlen(path) < 1024 && !bx_text_has_control(path);
    }
}

static int put_files(const reader *in, const char *key, const json_t *value,
                     bool or_absent, bx_case_file **ret_files,
                     size_t *ret_count)
{
    bx_case_file *files;
    const char *path;
    json_t *text;

    if (!json_is_object(value) || json_object_size(value) > MAX_FILES)
        return refuse(in, key,
                      "%s: expected a mapping of at most %d files, such as "
                      "{notes.txt: \"one two\"}",
                      key, MAX_FILES);
    files = calloc(json_object_size(value) + 1, sizeof(*files));
    if (files == NULL)
        return bx_error_set_nomem(in->err);
    *ret_files = files;
    json_object_foreach((json_t *)value, path, text)
    {
        bx_autofree char *shown = bx_text_show(path);
        bx_case_file *file = &files[*ret_count];

        if (!is_safe_path(path))
            return refuse(in, key,
                          "%s: %s: expected a relative path without '.' and "
                          "'..'",
                          key, BX_SHOWN(shown));
        if (!json_is_string(text) && !(or_absent && json_is_null(text)))
            return refuse(in, key, "%s: %s: expected text%s", key,
                          BX_SHOWN(shown),
                          or_absent ? ", or null for a file that must not be "
                                      "there"
                                    : "");
        file->path = strdup(path);
        file->text =
            json_is_string(text) ? strdup(json_string_value(text)) : NULL;
        (*ret_count)++;
        if (file->path == NULL || (json_is_string(text) && file->text == NULL))
            return bx_error_set_nomem(in->err);
    }
    return 0;
}

/* ---- what is expected ---- */

static int read_contains(const reader *in, const json_t *value)
{
    json_t *item;
    size_t i;

    in->it->contains =
        json_is_string(value) ? json_pack("[O]", value) : json_deep_copy(value);
    if (!json_is_array(in->it->contains))
        return refuse(in, "expect/contains",
                      "contains: expected text, or a list of texts");
    json_array_foreach(in->it->contains, i, item)
    {
        if (!json_is_string(item))
            return refuse(in, "expect/contains",
                          "contains: expected text, or a list of texts");
    }
    return 0;
}

static int read_matches(const reader *in, const json_t *value)
{
    bx_autoerror bx_error *why = NULL;

    if (put_text(in, "expect/matches", value, &in->it->matches) < 0)
        return -1;
    if (bx_schema_pattern_check(in->it->matches, &why) < 0)
        return refuse(in, "expect/matches", "matches: %s",
                      bx_error_message(why));
    return 0;
}

static int read_expectation(const reader *in, const char *key,
                            const json_t *value)
{
    bx_case *it = in->it;

    if (strcmp(key, "text") == 0)
        return put_text(in, "expect/text", value, &it->text);
    if (strcmp(key, "contains") == 0)
        return read_contains(in, value);
    if (strcmp(key, "matches") == 0)
        return read_matches(in, value);
    if (strcmp(key, "structured") == 0) {
        it->structured = json_deep_copy(value);
        return 0;
    }
    if (strcmp(key, "metadata") == 0 && json_is_object(value)) {
        it->metadata = json_deep_copy(value);
        return 0;
    }
    if (strcmp(key, "is_error") == 0 && json_is_boolean(value)) {
        it->is_error = json_is_true(value);
        return 0;
    }
    if (strcmp(key, "files") == 0)
        return put_files(in, "expect/files", value, true, &it->after,
                         &it->after_count);
    return refuse(in, "expect",
                  "expect: '%.64s': expected text, contains, matches, "
                  "structured, is_error (true or false), metadata (a mapping) "
                  "or files",
                  key);
}

static int read_expect(const reader *in, const json_t *value)
{
    const char *key;
    json_t *item;

    if (!json_is_object(value) || json_object_size(value) == 0)
        return refuse(in, "expect",
                      "expect: expected a mapping such as {text: \"2 words\"}");
    json_object_foreach((json_t *)value, key, item)
    {
        if (read_expectation(in, key, item) < 0)
            return -1;
    }
    return 0;
}

/* ---- cases ---- */

static int read_key(const reader *in, const char *key, const json_t *value)
{
    bx_case *it = in->it;

    if (strcmp(key, "name") == 0)
        return put_text(in, key, value, &it->name);
    if (strcmp(key, "tool") == 0)
        return put_text(in, key, value, &it->tool);
    if (strcmp(key, "files") == 0)
        return put_files(in, key, value, false, &it->files, &it->files_count);
    if (strcmp(key, "expect") == 0)
        return read_expect(in, value);
    if (strcmp(key, "input") == 0 && json_is_object(value)) {
        it->input = json_deep_copy(value);
        return it->input != NULL ? 0 : bx_error_set_nomem(in->err);
    }
    return refuse(in, key,
                  "'%.64s': expected name, tool, input (a mapping), files or "
                  "expect",
                  key);
}

static int read_case(reader *in, const json_t *value, size_t index)
{
    const char *key;
    json_t *item;

    (void)snprintf(in->pointer, sizeof(in->pointer), "/cases/%zu", index);
    in->it->line = bx_yaml_line(in->lines, in->pointer);
    if (!json_is_object(value))
        return refuse(in, "",
                      "expected a case such as {name: ..., input: {...}, "
                      "expect: {...}}");
    json_object_foreach((json_t *)value, key, item)
    {
        if (read_key(in, key, item) < 0)
            return -1;
    }
    if (in->it->name == NULL || json_object_get(value, "expect") == NULL)
        return refuse(in, "", "no %s; expected name and expect",
                      in->it->name == NULL ? "name" : "expect");
    if (in->it->input == NULL)
        in->it->input = json_object();
    return in->it->input != NULL ? 0 : bx_error_set_nomem(in->err);
}

static int read_document(reader *in, const json_t *document, bx_cases *cases)
{
    const json_t *list = json_object_get(document, "cases");
    json_t *item;
    size_t i;

    if (!json_is_array(list) || json_object_size(document) != 1 ||
        json_array_size(list) == 0 || json_array_size(list) > BX_CASES_MAX)
        return refuse(in, "cases",
                      "expected one key, 'cases:', with a list of 1 to %d "
                      "cases",
                      BX_CASES_MAX);
    cases->items = calloc(json_array_size(list), sizeof(bx_case));
    if (cases->items == NULL)
        return bx_error_set_nomem(in->err);
    json_array_foreach(list, i, item)
    {
        in->it = &cases->items[cases->count++];
        if (read_case(in, item, i) < 0)
            return -1;
    }
    return 0;
}

bx_cases *bx_cases_parse(const char *text, size_t text_bytes, const char *name,
                         bx_error **err)
{
    bx_autocases bx_cases *cases = calloc(1, sizeof(*cases));
    json_t *document = NULL;
    json_t *lines = NULL;
    reader in = { .name = name, .err = err };
    int status;

    if (cases == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_yaml_parse(text, text_bytes, name, BX_CASES_MAX_BYTES, &document,
                      &lines, err) < 0)
        return NULL;
    in.lines = lines;
    status = read_document(&in, document, cases);
    json_decref(document);
    json_decref(lines);
    return status < 0 ? NULL : bx_take(cases);
}

static void free_files(bx_case_file *files, size_t count)
{
    /* One more than count may be half made; calloc left it NULL. */
    for (size_t i = 0; i < count; i++) {
        free(files[i].path);
        free(files[i].text);
    }
    free(files);
}

void bx_cases_free(bx_cases *cases)
{
    if (cases == NULL)
        return;
    for (size_t i = 0; i < cases->count; i++) {
        bx_case *it = &cases->items[i];

        free(it->name);
        free(it->tool);
        json_decref(it->input);
        free_files(it->files, it->files_count);
        free(it->text);
        json_decref(it->contains);
        free(it->matches);
        json_decref(it->structured);
        json_decref(it->metadata);
        free_files(it->after, it->after_count);
    }
    free(cases->items);
    free(cases);
}

/* ---- answers ---- */

/* Without the newlines at its end. */
static size_t length_of(const char *text)
{
    size_t length = strlen(text);

    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    return length;
}

static void put_quoted(bx_buf *why, const char *text)
{
    (void)bx_buf_puts(why, "\"");
    (void)bx_buf_put_escaped(why, text, strlen(text), 400);
    (void)bx_buf_puts(why, "\"");
}

static void put_json(bx_buf *why, const json_t *value)
{
    bx_autofree char *text =
        value == NULL ? NULL : bx_json_text(value, JSON_ENCODE_ANY);

    if (text == NULL)
        (void)bx_buf_puts(why, "nothing");
    else
        (void)bx_buf_put_escaped(why, text, strlen(text), 400);
}

static void check_text(const bx_case *it, const char *text, bx_buf *why)
{
    json_t *item;
    size_t i;

    if (it->text != NULL && (length_of(it->text) != length_of(text) ||
                             memcmp(it->text, text, length_of(text)) != 0)) {
        (void)bx_buf_puts(why, "expected the text ");
        put_quoted(why, it->text);
        (void)bx_buf_puts(why, ", got ");
        put_quoted(why, text);
        return;
    }
    json_array_foreach(it->contains, i, item)
    {
        if (strstr(text, json_string_value(item)) != NULL)
            continue;
        (void)bx_buf_puts(why, "expected a text with ");
        put_quoted(why, json_string_value(item));
        (void)bx_buf_puts(why, ", got ");
        put_quoted(why, text);
        return;
    }
}

static void check_pattern(const bx_case *it, const char *text, bx_buf *why)
{
    bx_schema_pattern_cache cache = { .count = 0 };
    uint64_t steps = 10000000;
    int found;

    if (it->matches == NULL)
        return;
    found = bx_schema_pattern_match(&cache, it->matches, text, strlen(text),
                                    &steps);
    bx_schema_pattern_cache_clear(&cache);
    if (found == 1)
        return;
    (void)bx_buf_puts(why, found < 0 ? "cannot be decided in time: the pattern "
                                     : "expected a text that matches ");
    put_quoted(why, it->matches);
    (void)bx_buf_puts(why, ", got ");
    put_quoted(why, text);
}

static void check_json(const bx_case *it, const json_t *structured,
                       const json_t *metadata, bx_buf *why)
{
    const char *key;
    json_t *item;

    if (it->structured != NULL &&
        (structured == NULL || !json_equal(it->structured, structured))) {
        (void)bx_buf_puts(why, "expected the structured output ");
        put_json(why, it->structured);
        (void)bx_buf_puts(why, ", got ");
        put_json(why, structured);
        return;
    }
    json_object_foreach(it->metadata, key, item)
    {
        const json_t *got = json_object_get(metadata, key);

        if (got != NULL && json_equal(item, got))
            continue;
        (void)bx_buf_printf(why, "expected the metadata %.64s ", key);
        put_json(why, item);
        (void)bx_buf_puts(why, ", got ");
        put_json(why, got);
        return;
    }
}

int bx_case_check(const bx_case *it, bool is_error, const char *text,
                  const json_t *structured, const json_t *metadata,
                  char **ret_why)
{
    bx_autobuf bx_buf why = BX_BUF_INIT;

    *ret_why = NULL;
    if (is_error != it->is_error) {
        (void)bx_buf_printf(&why, "expected %s, got %s",
                            it->is_error ? "an error" : "success",
                            is_error ? "the error " : "");
        put_quoted(&why, text);
    }
    if (why.len == 0)
        check_text(it, text, &why);
    if (why.len == 0)
        check_pattern(it, text, &why);
    if (why.len == 0)
        check_json(it, structured, metadata, &why);
    if (why.len == 0)
        return 0;
    *ret_why = bx_buf_take(&why);
    return *ret_why != NULL ? 0 : -1;
}
