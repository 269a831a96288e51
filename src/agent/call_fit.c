#include "agent/call_fit.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DEPTH_MAX 16

/* What calls are about, and what may stand beside it without changing that. A
 * member that is not here (a shell's env or stdin, a second path) could make
 * anything of the call. */
typedef struct subject {
    const char *key;
    bool (*fits_whole)(const char *pattern, const char *text);
    const char *beside[16];
} subject;

static const subject subjects[] = {
    { "command", bx_command_fits_whole, { "timeout_ms" } },
    { "path",
      bx_path_fits_whole,
      { "content", "old_string", "new_string", "replace_all", "edits", "offset",
        "limit", "head_limit", "ignore_case", "literal", "line_numbers",
        "output_mode", "include_hidden", "include_ignored" } },
    { "url",
      bx_url_fits_whole,
      { "format", "main_content", "max_length", "start_index", "max_bytes",
        "timeout_ms" } },
};

/* What is written somewhere is no place and no command. */
static const char *const payloads[] = { "content", "old_string", "new_string",
                                        "edits" };

bool bx_call_glob(const char *pattern, const char *text, size_t bytes)
{
    const char *retry = NULL; /* behind the last star */
    size_t at = 0, retry_at = 0;

    while (at < bytes) {
        if (*pattern == '*') {
            retry = ++pattern;
            retry_at = at;
        } else if (*pattern != '\0' && *pattern == text[at]) {
            pattern++;
            at++;
        } else if (retry != NULL) {
            pattern = retry;
            at = ++retry_at;
        } else {
            return false;
        }
    }
    pattern += strspn(pattern, "*");
    return *pattern == '\0';
}

/* Its text, NULL when it is none or has a NUL in it. */
static const char *plain_text(const json_t *value)
{
    const char *text = json_string_value(value);

    return text != NULL && strlen(text) == json_string_length(value) ? text
                                                                     : NULL;
}

static bool is_beside(const subject *about, const char *key)
{
    for (size_t i = 0; i < COUNT(about->beside) && about->beside[i]; i++)
        if (strcmp(about->beside[i], key) == 0)
            return true;
    return false;
}

static bool subject_fits_whole(const subject *about, const char *pattern,
                               const json_t *input)
{
    const char *text = plain_text(json_object_get(input, about->key));
    const char *key;
    json_t *value;

    if (text == NULL)
        return false;
    json_object_foreach((json_t *)input, key, value)
    {
        if (strcmp(key, about->key) != 0 && !is_beside(about, key))
            return false;
    }
    return about->fits_whole(pattern, text);
}

bool bx_call_fits_whole(const char *pattern, const json_t *input)
{
    if (strcmp(pattern, "*") == 0)
        return true;
    for (size_t i = 0; i < COUNT(subjects); i++)
        if (subject_fits_whole(&subjects[i], pattern, input))
            return true;
    return false;
}

/* ---- refusals ----------------------------------------------------------- */

typedef struct fit_search {
    const char *pattern;
    size_t bytes; /* looked at */
    bx_fit fit;
} fit_search;

static void note(fit_search *search, bx_fit fit)
{
    if (fit > search->fit)
        search->fit = fit;
}

static void look_at_text(fit_search *search, const char *key,
                         const json_t *value)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);

    search->bytes += bytes;
    if (bytes > BX_FIT_TEXT_MAX_BYTES || search->bytes > BX_FIT_ALL_MAX_BYTES) {
        note(search, BX_FIT_MAYBE);
        return;
    }
    if (strlen(text) != bytes)
        note(search, BX_FIT_MAYBE);
    if (key != NULL && strcmp(key, "command") == 0) {
        note(search, bx_command_fits_part(search->pattern, text, bytes));
        return;
    }
    if (bx_text_fits_part(search->pattern, text, bytes))
        note(search, BX_FIT_YES);
    else if (key != NULL && strcmp(key, "path") == 0)
        note(search, bx_path_fits_part(search->pattern, text));
    else if (key != NULL && strcmp(key, "url") == 0)
        note(search, bx_url_fits_part(search->pattern, text));
}

static bool is_payload(const char *key)
{
    for (size_t i = 0; i < COUNT(payloads); i++)
        if (strcmp(payloads[i], key) == 0)
            return true;
    return false;
}

/* key: of the call's own members; NULL further down. */
static void look_at(fit_search *search, const char *key, const json_t *value,
                    unsigned depth)
{
    const char *name;
    json_t *member;
    size_t i;

    if (depth > DEPTH_MAX || search->bytes > BX_FIT_ALL_MAX_BYTES) {
        note(search, BX_FIT_MAYBE);
        return;
    }
    search->bytes++; /* empty values cost as well */
    if (json_is_string(value))
        look_at_text(search, key, value);
    json_object_foreach((json_t *)value, name, member)
        look_at(search, NULL, member, depth + 1);
    json_array_foreach(value, i, member)
        look_at(search, NULL, member, depth + 1);
}

bx_fit bx_call_fits_part(const char *pattern, bx_level level,
                         const json_t *input)
{
    fit_search search = { pattern, 0, BX_FIT_NO };
    bool has_subject = false;
    const char *key;
    json_t *value;

    if (strcmp(pattern, "*") == 0)
        return BX_FIT_YES;
    for (size_t i = 0; i < COUNT(subjects); i++)
        has_subject |= json_is_string(json_object_get(input, subjects[i].key));
    /* A default place, a script: about what it is is not said. */
    if (!has_subject && level != BX_LEVEL_NONE)
        note(&search, BX_FIT_MAYBE);
    json_object_foreach((json_t *)input, key, value)
    {
        if (!is_payload(key))
            look_at(&search, key, value, 0);
    }
    return search.fit;
}
