#include "net/http_poll.h"

#include <errno.h>

#include "net/http_remote.h"

#define CANCEL_POLL_MS 50 /* how soon a waiting call sees a cancel */
#define WAIT_MAX_MS 1000  /* between looks at the clock */
#define FDS_MAX 4096

static bool has_answer(const bx_http_exchange *exchange, bool wants_body)
{
    if (exchange->has_failed || exchange->failure != NULL ||
        exchange->state == BX_HTTP_FAILED)
        return true;
    if (!exchange->has_head || bx_http_redirect_is_due(exchange))
        return false;
    return !wants_body || exchange->state == BX_HTTP_DONE ||
           exchange->settled > exchange->in_at;
}

bool bx_http_exchange_is_ready(bx_http_exchange *exchange, bool wants_body)
{
    bx_error *failure = NULL;

    if (bx_http_is_remote(exchange->client))
        return bx_http_remote_is_ready(exchange, wants_body);
    if (has_answer(exchange, wants_body))
        return true;
    /* A failure is kept for the call that asks. */
    if (bx_http_exchange_work(exchange, &failure) < 0) {
        bx_error_free(exchange->failure);
        exchange->failure = failure;
        exchange->has_failed = true;
    }
    return has_answer(exchange, wants_body);
}

static int wait_ms(const bx_run *run, int64_t until_ns)
{
    int64_t end_ns = until_ns < run->deadline_ns ? until_ns : run->deadline_ns;
    int64_t left_ms = (end_ns - bx_now_ns()) / 1000000 + 1;
    int64_t max_ms = run->cancel == NULL ? WAIT_MAX_MS : CANCEL_POLL_MS;

    if (left_ms > max_ms)
        left_ms = max_ms;
    return left_ms < 0 ? 0 : (int)left_ms;
}

int bx_http_client_poll(bx_http_client *client, struct pollfd *fds,
                        size_t count, int64_t until_ns)
{
    const bx_run *run = client->config.run;
    struct curl_waitfd *extra;
    int ready = 0;

    if (bx_http_is_remote(client))
        return bx_http_remote_poll(client, fds, count, until_ns);
    if (bx_run_is_over(run)) {
        errno = ETIME;
        return -1;
    }
    if (count > FDS_MAX) {
        errno = EINVAL;
        return -1;
    }
    extra = calloc(count + 1, sizeof(*extra));
    if (extra == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        extra[i].fd = fds[i].fd;
        extra[i].events =
            (short)(((fds[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0) |
                    ((fds[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT : 0));
    }
    if (client->curl->multi_poll(client->multi, extra, (unsigned)count,
                                 wait_ms(run, until_ns), NULL) == CURLM_OK &&
        count > 0)
        ready = poll(fds, (nfds_t)count, 0);
    free(extra);
    return ready < 0 ? 0 : ready;
}
