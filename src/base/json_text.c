#include "base/json_text.h"

#include "base/buf.h"

typedef struct sink {
    bx_buf text;
    bool is_failed; /* once is for good: jansson may go on */
} sink;

static int put(const char *text, size_t bytes, void *context)
{
    sink *to = context;

    if (!to->is_failed && bx_buf_append(&to->text, text, bytes, SIZE_MAX) < 0)
        to->is_failed = true;
    return to->is_failed ? -1 : 0;
}

char *bx_json_text(const json_t *value, size_t flags)
{
    sink to = { .text = BX_BUF_INIT };
    char *text = NULL;

    if (value != NULL && json_dump_callback(value, put, &to, flags) == 0 &&
        !to.is_failed)
        text = bx_buf_take(&to.text);
    bx_buf_clear(&to.text);
    return text;
}
