/* What is read of an answer: within the time that is left, and with the key
 * masked before anybody sees it. */
#include <string.h>

#include "agent/models/client.h"

#define READ_BYTES 16384
#define SHOWN_MAX_BYTES 100 /* of a header, for people */

/* ---- time ----------------------------------------------------------- */

int bx_client_check_time(const bx_model_client *client, bx_error **err)
{
    if (bx_run_is_cancelled(&client->run))
        return bx_error_set(err, BX_ERR_CANCELLED, "the turn was cancelled");
    if (bx_now_ns() >= client->deadline_ns)
        return bx_error_set(err, BX_ERR_TIMEOUT, "the turn's time is up");
    return 0;
}

void bx_client_allow_ms(bx_model_client *client, uint64_t ms)
{
    int64_t now = bx_now_ns();
    int64_t until = ms > (uint64_t)(INT64_MAX - now) / 1000000
                        ? INT64_MAX
                        : now + (int64_t)ms * 1000000;

    client->run.deadline_ns =
        until < client->deadline_ns ? until : client->deadline_ns;
}

/* ---- the body ------------------------------------------------------- */

void bx_client_body_clear(bx_client_body *b)
{
    bx_buf_clear(&b->held);
    bx_http_exchange_free(b->exchange);
}

int bx_client_body_read(bx_client_body *b, size_t *ret_settled, bx_error **err)
{
    ssize_t bytes;

    if (bx_buf_reserve(&b->held, READ_BYTES, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    bytes = bx_http_exchange_read(b->exchange, b->held.data + b->held.len,
                                  READ_BYTES, err);
    if (bytes < 0)
        return -1;
    b->held.len += (size_t)bytes;
    b->held.data[b->held.len] = '\0';
    *ret_settled = bx_mask_stream(b->client->mask, &b->ahead, b->held.data,
                                  b->held.len, bytes == 0);
    return bytes > 0;
}

void bx_client_body_take(bx_client_body *b, size_t bytes)
{
    memmove(b->held.data, b->held.data + bytes, b->held.len - bytes + 1);
    b->held.len -= bytes;
}

int bx_client_body_read_all(bx_client_body *b, size_t most, bx_buf *out,
                            bool *ret_is_whole, bx_error **err)
{
    int more = 1;

    *ret_is_whole = true;
    while (more == 1) {
        size_t settled = 0;
        size_t left = most - out->len;

        bx_client_allow_ms(b->client, b->client->config.idle_ms);
        more = bx_client_body_read(b, &settled, err);
        if (more < 0)
            return -1;
        if (settled > left) {
            *ret_is_whole = false;
            settled = left;
            more = 0;
        }
        if (bx_buf_append(out, b->held.data, settled, SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
        bx_client_body_take(b, settled);
    }
    return 0;
}

const char *bx_client_header(const bx_http_head *head, const char *name)
{
    const bx_http_field *found = bx_http_fields_find(head->fields, name);

    return found == NULL ? "" : found->value;
}

char *bx_client_show_header(const bx_model_client *client, const char *value)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    bx_autofree char *copy = strdup(value);
    size_t ahead = 0;

    if (copy == NULL)
        return NULL;
    (void)bx_mask_stream(client->mask, &ahead, copy, strlen(copy), true);
    if (bx_buf_puts(&shown, "") < 0 ||
        bx_buf_put_escaped(&shown, copy, strlen(copy), SHOWN_MAX_BYTES) < 0)
        return NULL;
    return bx_buf_take(&shown);
}

char *bx_client_request_id(const bx_model_client *client,
                           const bx_http_head *head)
{
    static const char *const names[] = { "request-id", "x-request-id",
                                         "x-goog-request-id" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (*bx_client_header(head, names[i]) != '\0')
            return bx_client_show_header(client,
                                         bx_client_header(head, names[i]));
    }
    return NULL;
}
