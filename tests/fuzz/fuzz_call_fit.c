/* Any pattern (the first line) and any text of a call (the rest): what a rule
 * allows is one plain command, and a refusal with the same pattern has it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/call_fit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Nothing outside of quotes that a shell makes something of; written again, so
 * that a mistake there is none here. */
static void check_plain(const char *command)
{
    char quote = '\0';

    for (const char *c = command; *c != '\0'; c++) {
        assert((unsigned char)*c >= 0x20 && *c != 0x7f);
        if (quote != '\0') {
            assert(quote != '"' || strchr("$`\\", *c) == NULL);
            if (*c == quote)
                quote = '\0';
        } else if (*c == '\'' || *c == '"') {
            quote = *c;
        } else {
            assert(strchr(";&|<>()$`\\*?[{", *c) == NULL);
        }
    }
    assert(quote == '\0');
}

static void check(const char *pattern, const char *key, const char *text,
                  size_t bytes)
{
    json_t *input = json_pack("{s:o}", key, json_stringn_nocheck(text, bytes));
    bool is_whole = bx_call_fits_whole(pattern, input);
    bx_fit part = bx_call_fits_part(pattern, BX_LEVEL_EXECUTE, input);

    if (is_whole && strcmp(pattern, "*") != 0) {
        assert(strlen(text) == bytes);
        assert(part != BX_FIT_NO);
        if (strcmp(key, "command") == 0)
            check_plain(text);
        else
            assert(strstr(text, "/../") == NULL ||
                   strchr(text, '?') != NULL); /* of a URL's query */
    }
    json_decref(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const uint8_t *end = bytes > 0 ? memchr(data, '\n', bytes) : NULL;
    char *pattern, *text;
    size_t len, rest;

    if (end == NULL || end == data || bytes > 65536)
        return 0;
    len = (size_t)(end - data);
    rest = bytes - len - 1;
    pattern = strndup((const char *)data, len);
    text = calloc(1, rest + 1);
    assert(pattern != NULL && text != NULL);
    memcpy(text, end + 1, rest);
    if (pattern[0] != '\0') {
        check(pattern, "command", text, rest);
        check(pattern, "path", text, rest);
        check(pattern, "url", text, rest);
    }
    free(pattern);
    free(text);
    return 0;
}
