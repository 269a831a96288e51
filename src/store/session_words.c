#include "store/session_words.h"

#include <ctype.h>
#include <string.h>

#include "base/json_text.h"
#include "base/utf8.h"

#define MAX_QUERY_BYTES 1000
#define MAX_QUERY_WORDS 32

/* Cut where a character ends; a NUL would end the whole text. */
static int put(bx_buf *words, const char *text, size_t bytes, bx_error **err)
{
    size_t room = BX_SESSION_MAX_WORDS_BYTES - words->len;
    size_t start = words->len;

    if (room < 2)
        return 0;
    if (bytes > room - 1)
        bytes = bx_utf8_span(text, room - 1);
    if (bx_buf_append(words, text, bytes, SIZE_MAX) < 0 ||
        bx_buf_puts(words, "\n") < 0)
        return bx_error_set_nomem(err);
    for (size_t i = start; i < words->len; i++) {
        if (words->data[i] == '\0')
            words->data[i] = ' ';
    }
    return 0;
}

static int put_string(bx_buf *words, const json_t *value, bx_error **err)
{
    return json_is_string(value) ? put(words, json_string_value(value),
                                       json_string_length(value), err)
                                 : 0;
}

static int put_block(bx_buf *words, const json_t *block, bx_error **err)
{
    const char *type = json_string_value(json_object_get(block, "type"));
    const json_t *input = json_object_get(block, "input");
    bx_autofree char *text = NULL;

    if (type == NULL)
        return 0;
    if (strcmp(type, "text") == 0)
        return put_string(words, json_object_get(block, "text"), err);
    if (strcmp(type, "tool_result") == 0)
        return bx_session_words_put(words, block, err);
    if (strcmp(type, "tool_call") != 0)
        return 0;
    text = bx_json_text(input, JSON_COMPACT);
    if (put_string(words, json_object_get(block, "name"), err) < 0)
        return -1;
    return text == NULL ? 0 : put(words, text, strlen(text), err);
}

int bx_session_words_put(bx_buf *words, const json_t *value, bx_error **err)
{
    const json_t *content = json_object_get(value, "content");
    const json_t *block;
    size_t i;

    json_array_foreach(content, i, block)
    {
        /* A result within a result is none, and would let hostile JSON say how
         * deep this goes. */
        if (json_object_get(value, "type") != NULL &&
            json_object_get(block, "content") != NULL)
            continue;
        if (put_block(words, block, err) < 0)
            return -1;
    }
    return 0;
}

/* Marks alone are no word for the index, which would then find nothing. */
static bool is_word(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if ((text[i] & 0x80) != 0 || isalnum((unsigned char)text[i]))
            return true;
    }
    return false;
}

static int put_word(bx_buf *query, const char *text, size_t bytes)
{
    if (bx_buf_puts(query, query->len == 0 ? "\"" : " \"") < 0)
        return -1;
    for (size_t i = 0; i < bytes; i++) {
        if (bx_buf_append(query, text[i] == '"' ? "\"\"" : &text[i],
                          text[i] == '"' ? 2 : 1, SIZE_MAX) < 0)
            return -1;
    }
    return bx_buf_puts(query, "\"");
}

int bx_session_words_query(bx_buf *query, const char *text, bx_error **err)
{
    static const char spaces[] = " \t\r\n";
    size_t total = strlen(text);
    int count = 0;

    if (total > MAX_QUERY_BYTES || !bx_utf8_is_valid(text, total))
        return bx_error_set(err, BX_ERR_INVALID,
                            "a search is UTF-8 text of at most %d bytes",
                            MAX_QUERY_BYTES);
    for (text += strspn(text, spaces); *text != '\0';
         text += strspn(text, spaces)) {
        size_t bytes = strcspn(text, spaces);

        if (is_word(text, bytes)) {
            if (++count > MAX_QUERY_WORDS)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "a search has at most %d words",
                                    MAX_QUERY_WORDS);
            if (put_word(query, text, bytes) < 0)
                return bx_error_set_nomem(err);
        }
        text += bytes;
    }
    if (bx_buf_puts(query, count == 0 ? "" : "*") < 0)
        return bx_error_set_nomem(err);
    return 0;
}
