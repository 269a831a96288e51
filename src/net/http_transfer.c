/* Driving libcurl, and its failures as ours. Only the exchange a caller waits
 * for is read for; others are paused and their data waits in the kernel, so
 * memory follows what the caller reads.
 */
#include <errno.h>
#include <string.h>

#include "net/http_exchange.h"

#define CANCEL_POLL_MS 50 /* how soon a waiting call sees a cancel */
#define WAIT_MAX_MS 1000  /* between looks at the clock */
/* A name lookup that was given up lives on in a thread of libcurl until the
 * resolver answers; a guest may leave so many behind. */
#define LOOKUPS_GIVEN_UP_MAX 8
#define KEEP_BUFFER_BYTES (256u << 10) /* kept when the body was read up */

static void make_current(bx_http_exchange *exchange)
{
    bx_http_client *client = exchange->client;
    bx_http_exchange *other = client->current;

    if (other == exchange)
        return;
    client->current = exchange;
    if (other != NULL && other->easy != NULL)
        client->curl->easy_pause(other->easy, CURLPAUSE_ALL);
    if (exchange->easy != NULL)
        client->curl->easy_pause(exchange->easy, CURLPAUSE_CONT);
}

int bx_http_transfer_begin(bx_http_exchange *exchange, bx_error **err)
{
    bx_http_client *client = exchange->client;
    const bx_curl_api *curl = client->curl;

    if (client->lookups_given_up >= LOOKUPS_GIVEN_UP_MAX)
        return bx_error_set_errno(err, EHOSTUNREACH,
                                  "%d names did not resolve in time; no more "
                                  "are tried in this run",
                                  LOOKUPS_GIVEN_UP_MAX);
    make_current(exchange);
    exchange->message[0] = '\0';
    exchange->is_resolving = false;
    exchange->is_dialled = false;
    exchange->is_refused = false;
    exchange->head_bytes = 0;
    exchange->folds = 0;
    exchange->easy = curl->easy_init();
    if (exchange->easy == NULL)
        return bx_error_set_nomem(err);
    if (bx_http_hop_set(exchange, err) < 0)
        return -1;
    if (curl->multi_add_handle(client->multi, exchange->easy) != CURLM_OK)
        return bx_error_set_nomem(err);
    exchange->state = BX_HTTP_SENT;
    return 0;
}

/* One hop that went out; one whose addresses were all refused did not. */
static void tell(const bx_http_exchange *exchange)
{
    const bx_run *run = exchange->client->config.run;
    char detail[BX_HTTP_METHOD_BYTES + 16];

    if (run->effect == NULL || (exchange->is_refused && !exchange->is_dialled))
        return;
    if (exchange->has_head)
        snprintf(detail, sizeof(detail), "%s %u", exchange->method,
                 exchange->status);
    else
        snprintf(detail, sizeof(detail), "%s", exchange->method);
    bx_run_effect(run, "http_request", exchange->url->text,
                  strlen(exchange->url->text), detail);
}

void bx_http_transfer_end(bx_http_exchange *exchange)
{
    bx_http_client *client = exchange->client;

    if (client->current == exchange)
        client->current = NULL;
    if (exchange->easy == NULL)
        return;
    tell(exchange);
    if (exchange->is_resolving)
        client->lookups_given_up++;
    exchange->is_resolving = false;
    client->curl->multi_remove_handle(client->multi, exchange->easy);
    client->curl->easy_cleanup(exchange->easy);
    client->curl->slist_free_all(exchange->lines);
    exchange->easy = NULL;
    exchange->lines = NULL;
}

/* Keep the unread bytes alone: only they are counted against the limit. */
static void shrink(bx_http_exchange *exchange, size_t unread)
{
    bx_autobuf bx_buf kept = BX_BUF_INIT;

    if (bx_buf_append(&kept, exchange->in.data + exchange->in_at, unread,
                      SIZE_MAX) < 0)
        return; /* large, but right */
    bx_buf_clear(&exchange->in);
    exchange->in = kept;
    kept = BX_BUF_INIT;
    exchange->settled -= exchange->in_at;
    exchange->in_at = 0;
}

void bx_http_transfer_consume(bx_http_exchange *exchange, size_t n)
{
    bx_buf *in = &exchange->in;
    size_t unread;

    exchange->in_at += n;
    exchange->client->held_bytes -= n;
    unread = in->len - exchange->in_at;
    if (unread == 0) {
        exchange->in_at = 0;
        exchange->settled = 0;
        in->len = 0;
        if (in->cap > KEEP_BUFFER_BYTES)
            bx_buf_clear(in);
    } else if (in->cap > KEEP_BUFFER_BYTES && unread < in->cap / 4) {
        shrink(exchange, unread);
    }
}

static int deny_address(bx_http_exchange *exchange, bx_error **err)
{
    const bx_verdict *verdict = &exchange->refused_verdict;
    bx_autofree char *reason = NULL;
    char address[46];

    bx_address_format(&exchange->refused_address, address);
    if (asprintf(&reason, "%s: %s", address, verdict->reason) < 0)
        reason = NULL;
    bx_run_deny(exchange->client->config.run, "http_head", exchange->url->text,
                strlen(exchange->url->text),
                reason == NULL ? verdict->reason : reason, verdict->rule);
    return bx_error_set(err, BX_ERR_DENIED,
                        "denied: no address of '%s' is allowed: %s",
                        exchange->url->host, verdict->reason);
}

static const struct {
    CURLcode result;
    int errnum;
} errnos[] = {
    { CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH },
    { CURLE_COULDNT_CONNECT, EHOSTUNREACH },
    { CURLE_INTERFACE_FAILED, EHOSTUNREACH },
    { CURLE_SEND_ERROR, ECONNRESET },
    { CURLE_RECV_ERROR, EPROTO },
    { CURLE_GOT_NOTHING, ECONNRESET },
    { CURLE_PARTIAL_FILE, EPROTO },
    { CURLE_WEIRD_SERVER_REPLY, EPROTO },
    { CURLE_UNSUPPORTED_PROTOCOL, EPROTO }, /* HTTP/0.9 */
    { CURLE_HTTP2, EPROTO },
    { CURLE_BAD_CONTENT_ENCODING, EPROTO },
    { CURLE_SSL_CONNECT_ERROR, EPROTO },
    { CURLE_PEER_FAILED_VERIFICATION, EPROTO },
    { CURLE_SSL_CERTPROBLEM, EPROTO },
    { CURLE_SSL_CIPHER, EPROTO },
    { CURLE_SSL_ISSUER_ERROR, EPROTO },
    { CURLE_SSL_INVALIDCERTSTATUS, EPROTO },
    { CURLE_SSL_CACERT_BADFILE, EIO },
    { CURLE_OUT_OF_MEMORY, ENOMEM },
};

/* What the socket said, where libcurl's code is too coarse: a broken chunk and
 * a reset are both CURLE_RECV_ERROR. */
static const struct {
    CURLcode result;
    int os_errno;
    int errnum;
} os_errnos[] = {
    { CURLE_COULDNT_CONNECT, ECONNREFUSED, ECONNREFUSED },
    { CURLE_RECV_ERROR, ECONNRESET, ECONNRESET },
    { CURLE_RECV_ERROR, EPIPE, ECONNRESET },
};

static int to_errno(const bx_http_exchange *exchange, CURLcode result)
{
    long os_errno = 0;

    exchange->client->curl->easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO,
                                         &os_errno);
    for (size_t i = 0; i < sizeof(os_errnos) / sizeof(os_errnos[0]); i++) {
        if (os_errnos[i].result == result && os_errnos[i].os_errno == os_errno)
            return os_errnos[i].errnum;
    }
    for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
        if (errnos[i].result == result)
            return errnos[i].errnum;
    }
    return EIO;
}

/* libcurl's own cap on one header line (100 KiB) answers "out of memory", from
 * 8.6 on CURLE_TOO_LARGE, which 7.88 has no name for. */
static bool is_long_line(const bx_http_exchange *exchange, CURLcode result)
{
    return !exchange->has_head &&
           (exchange->is_dialled || exchange->head_bytes > 0) &&
           (result == CURLE_OUT_OF_MEMORY || (int)result == 100);
}

static void set_failure(bx_http_exchange *exchange, CURLcode result)
{
    const bx_curl_api *curl = exchange->client->curl;
    const char *message = exchange->message[0] != '\0'
                              ? exchange->message
                              : curl->easy_strerror(result);
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    bx_error **failure = &exchange->failure;

    /* The server has its say in some of these. */
    bx_http_mask_text(exchange, exchange->message);
    if (bx_buf_put_escaped(&shown, message, strlen(message), 200) < 0)
        bx_error_set_nomem(failure);
    else if (exchange->is_refused && !exchange->is_dialled)
        deny_address(exchange, failure);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        bx_error_set(failure, BX_ERR_TIMEOUT, "%s", shown.data);
    else if (is_long_line(exchange, result))
        bx_error_set(failure, BX_ERR_LIMIT,
                     "a header of the response is too long");
    else
        bx_error_set_errno(failure, to_errno(exchange, result), "%s",
                           shown.data);
}

static void finish(bx_http_exchange *exchange, CURLcode result)
{
    if (result == CURLE_COULDNT_RESOLVE_HOST)
        exchange->is_resolving = false;
    if (result == CURLE_OK && !exchange->has_head)
        result = CURLE_WEIRD_SERVER_REPLY;
    if (result == CURLE_OK && exchange->failure == NULL) {
        exchange->state = BX_HTTP_DONE;
        bx_http_mask_body(exchange, true);
        if (!bx_http_redirect_is_due(exchange)) {
            exchange->client->held_bytes -= exchange->body.len;
            bx_buf_clear(&exchange->body);
        }
    } else if (exchange->failure == NULL) {
        set_failure(exchange, result);
    }
    bx_http_transfer_end(exchange);
}

static void take_results(bx_http_client *client)
{
    const bx_curl_api *curl = client->curl;
    CURLMsg *message;
    int left;

    while ((message = curl->multi_info_read(client->multi, &left)) != NULL) {
        bx_http_exchange *exchange = NULL;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        finish(exchange, result);
    }
}

static int check_time(const bx_http_exchange *exchange, bx_error **err)
{
    const bx_run *run = exchange->client->config.run;

    if (bx_run_is_cancelled(run))
        return bx_error_set(err, BX_ERR_CANCELLED, "the run was cancelled");
    if (bx_run_is_over(run))
        return bx_error_set(err, BX_ERR_TIMEOUT, "the run's time is up");
    if (bx_now_ns() >= bx_http_exchange_end_ns(exchange))
        return bx_error_set(err, BX_ERR_TIMEOUT,
                            "no answer within timeout_ms, %llu ms",
                            (unsigned long long)exchange->timeout_ms);
    return 0;
}

/* bx_run_poll() for descriptors only libcurl knows. */
static int wait_for_socket(const bx_http_exchange *exchange, bx_error **err)
{
    const bx_http_client *client = exchange->client;
    const bx_run *run = client->config.run;
    int64_t end_ns = bx_http_exchange_end_ns(exchange);
    int64_t until_ns = run->deadline_ns < end_ns ? run->deadline_ns : end_ns;
    int64_t left_ms = (until_ns - bx_now_ns()) / 1000000 + 1;
    int max_ms = run->cancel == NULL ? WAIT_MAX_MS : CANCEL_POLL_MS;
    CURLMcode result;

    if (left_ms > max_ms)
        left_ms = max_ms;
    if (left_ms < 0)
        left_ms = 0;
    result =
        client->curl->multi_poll(client->multi, NULL, 0, (int)left_ms, NULL);
    if (result == CURLM_OK)
        return 0;
    return bx_error_set_errno(err, EIO, "%s",
                              client->curl->multi_strerror(result));
}

static int hand_over(bx_http_exchange *exchange, bx_error **err)
{
    if (err != NULL)
        *err = bx_take(exchange->failure);
    else
        bx_error_free(bx_take(exchange->failure));
    return -1;
}

/* Let libcurl work. Returns 1 when that gave something, 0 when it has to wait.
 */
static int perform(bx_http_exchange *exchange, bx_error **err)
{
    bx_http_client *client = exchange->client;
    bool had_head = exchange->has_head;
    size_t had_bytes = exchange->settled;
    CURLMcode result;
    int running;

    if (exchange->failure != NULL)
        return hand_over(exchange, err);
    if (check_time(exchange, err) < 0)
        return -1;
    make_current(exchange);
    result = client->curl->multi_perform(client->multi, &running);
    if (result != CURLM_OK)
        return bx_error_set_errno(err, EIO, "%s",
                                  client->curl->multi_strerror(result));
    take_results(client);
    /* A failure behind the head or behind bytes is for the next call. */
    if (exchange->has_head != had_head || exchange->settled != had_bytes ||
        exchange->state == BX_HTTP_DONE)
        return 1;
    if (exchange->failure != NULL)
        return hand_over(exchange, err);
    return 0;
}

int bx_http_transfer_step(bx_http_exchange *exchange, bx_error **err)
{
    int result = perform(exchange, err);

    if (result != 0)
        return result < 0 ? -1 : 0;
    return wait_for_socket(exchange, err);
}

int bx_http_transfer_work(bx_http_exchange *exchange, bx_error **err)
{
    return perform(exchange, err) < 0 ? -1 : 0;
}
