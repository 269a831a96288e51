#include "sandbox/result.h"

#include <string.h>

void bx_result_end(bx_result *result, bx_code code, char *message)
{
    free(result->message);
    result->code = code;
    result->message = message;
}

bx_code bx_result_code(const bx_result *result)
{
    return result->code;
}

uint32_t bx_result_exit_code(const bx_result *result)
{
    return result->exit_code;
}

const char *bx_result_message(const bx_result *result)
{
    return result->message == NULL ? "" : result->message;
}

const char *bx_result_value(const bx_result *result)
{
    return result->value;
}

static const char *text(const bx_buf *buf, size_t *ret_bytes)
{
    if (ret_bytes != NULL)
        *ret_bytes = buf->len;
    return buf->data == NULL ? "" : buf->data;
}

const char *bx_result_stdout(const bx_result *result, size_t *ret_bytes)
{
    return text(&result->captured[0], ret_bytes);
}

const char *bx_result_stderr(const bx_result *result, size_t *ret_bytes)
{
    return text(&result->captured[1], ret_bytes);
}

bool bx_result_is_cut(const bx_result *result)
{
    return result->is_cut;
}

/* Callers built against an older header get the fields they know. */
void bx_result_stats(const bx_result *result, bx_stats *stats,
                     size_t stats_bytes)
{
    size_t known = sizeof(result->stats);

    memcpy(stats, &result->stats, stats_bytes < known ? stats_bytes : known);
}

void bx_result_free(bx_result *result)
{
    if (result == NULL)
        return;
    free(result->message);
    free(result->value);
    bx_buf_clear(&result->captured[0]);
    bx_buf_clear(&result->captured[1]);
    free(result);
}
