#include "mcp/client_http_web.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/http_poll.h"
#include "net/url.h"
#include "policy/network.h"

#define READ_BYTES 65536
#define LOOK_MS 1000 /* between looks at the clock, when nobody can cancel */

/* A connection's client: one thread at a time. */
typedef struct bx_web_line {
    bx_run run;
    bx_http_client *http;
    struct bx_web_line *next;
} bx_web_line;

struct bx_web {
    char *url;
    bool is_private;
    bx_policy *policy; /* NULL with is_private */
    int stop;          /* eventfd: readable once it is stopped */
    atomic_bool is_stopped;
    pthread_mutex_t mutex; /* over what follows */
    bx_web_line *idle;
    size_t idle_count;
};

struct bx_web_call {
    bx_web *web;
    bx_web_line *line;
    bx_http_exchange *exchange;
    bx_wait wait;
    bx_mask *mask;
    size_t ahead; /* state of bx_mask_stream() */
    bx_buf held;  /* read, and what is settled of it given out */
    size_t given;
    bool is_over; /* the body ended */
    bool is_bad;  /* the connection is not to be used again */
};

/* ---- where it may go -------------------------------------------------- */

static bool is_own_machine(const bx_url *url)
{
    bx_address address;

    return strcmp(url->host, "localhost") == 0 ||
           (bx_address_parse(url->host, &address) &&
            bx_address_is_loopback(&address));
}

/* One origin. An address that is not public has to stand in the URL itself. */
static int make_policy(bx_web *web, const bx_url *url, bx_error **err)
{
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    bx_autofree char *pattern = NULL;

    if (asprintf(&pattern, "%s://%s%s%s:%u", url->scheme, is_ipv6 ? "[" : "",
                 url->host, is_ipv6 ? "]" : "", (unsigned)url->port) < 0) {
        pattern = NULL;
        return bx_error_set_nomem(err);
    }
    web->policy = bx_policy_new();
    if (web->policy == NULL)
        return bx_error_set_nomem(err);
    return bx_policy_allowed_outbound_host(web->policy, pattern, err);
}

static int check_url(bx_web *web, bx_error **err)
{
    bx_autourl bx_url *url =
        bx_url_parse(web->url, strlen(web->url), NULL, err);

    if (url == NULL)
        return -1;
    if (web->is_private)
        return 0;
    if (strcmp(url->scheme, "http") == 0 && !is_own_machine(url))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s://%s': http:// is for this machine alone; use "
                            "https://, or \"private\": true in a network that "
                            "you trust",
                            url->scheme, url->host);
    return make_policy(web, url, err);
}

bx_web *bx_web_new(const char *url, bool is_private, bx_error **err)
{
    bx_web *web = calloc(1, sizeof(*web));

    if (web == NULL || (web->url = strdup(url)) == NULL) {
        free(web);
        bx_error_set_nomem(err);
        return NULL;
    }
    web->is_private = is_private;
    pthread_mutex_init(&web->mutex, NULL);
    web->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (web->stop < 0)
        bx_error_set_errno(err, errno, "eventfd");
    else if (check_url(web, err) == 0)
        return web;
    bx_web_free(web);
    return NULL;
}

/* ---- connections ------------------------------------------------------ */

static void free_line(bx_web_line *line)
{
    bx_http_client_free(line->http);
    free(line);
}

void bx_web_free(bx_web *web)
{
    if (web == NULL)
        return;
    while (web->idle != NULL) {
        bx_web_line *line = web->idle;

        web->idle = line->next;
        free_line(line);
    }
    if (web->stop >= 0)
        close(web->stop);
    pthread_mutex_destroy(&web->mutex);
    bx_policy_free(web->policy);
    free(web->url);
    free(web);
}

static bx_web_line *make_line(const bx_web *web, bx_error **err)
{
    bx_web_line *line = calloc(1, sizeof(*line));
    const bx_http_config config = {
        .run = line == NULL ? NULL : &line->run,
        .policy = web->policy,
        .is_trusted = web->is_private,
        .body_bytes = BX_WEB_BODY_MAX_BYTES,
    };

    if (line == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    line->run.deadline_ns = INT64_MAX;
    line->http = bx_http_client_new(&config, err);
    if (line->http != NULL)
        return line;
    free(line);
    return NULL;
}

static bx_web_line *take_line(bx_web *web, bx_error **err)
{
    bx_web_line *line;

    pthread_mutex_lock(&web->mutex);
    line = web->idle;
    if (line != NULL) {
        web->idle = line->next;
        web->idle_count--;
    }
    pthread_mutex_unlock(&web->mutex);
    return line != NULL ? line : make_line(web, err);
}

static void give_line(bx_web *web, bx_web_line *line, bool is_bad)
{
    pthread_mutex_lock(&web->mutex);
    if (!is_bad && web->idle_count < BX_WEB_IDLE_MAX) {
        line->next = web->idle;
        web->idle = line;
        web->idle_count++;
        line = NULL;
    }
    pthread_mutex_unlock(&web->mutex);
    if (line != NULL)
        free_line(line);
}

/* ---- time ------------------------------------------------------------- */

void bx_web_stop(bx_web *web, bool is_stopped)
{
    uint64_t count = 1;

    atomic_store(&web->is_stopped, is_stopped);
    if (is_stopped)
        (void)!write(web->stop, &count, sizeof(count));
    else
        (void)!read(web->stop, &count, sizeof(count));
}

bool bx_web_is_stopped(const bx_web *web)
{
    return atomic_load(&web->is_stopped);
}

void bx_web_pause(const bx_web *web, uint64_t ms)
{
    struct pollfd stop = { .fd = web->stop, .events = POLLIN };

    (void)poll(&stop, 1, ms > INT32_MAX ? INT32_MAX : (int)ms);
}

static int check_time(const bx_web_call *call, bx_error **err)
{
    if (bx_web_is_stopped(call->web))
        return bx_error_set_errno(err, ECONNABORTED,
                                  "the connection is closed from here");
    if (call->wait.cancel != NULL && atomic_load(&call->wait.cancel->triggered))
        return bx_error_set(err, BX_ERR_CANCELLED, "cancelled");
    if (bx_now_ns() >= call->wait.until_ns)
        return bx_error_set(err, BX_ERR_TIMEOUT,
                            "the server did not answer in time");
    return 0;
}

/* Whatever a wait gives out of is_ready(). */
static int wait_ready(bx_web_call *call, bool wants_body, bx_error **err)
{
    const int64_t look_ns =
        (call->wait.cancel != NULL ? BX_WAIT_TICK_MS : LOOK_MS) *
        INT64_C(1000000);

    for (;;) {
        struct pollfd stop = { .fd = call->web->stop, .events = POLLIN };
        int64_t until_ns = bx_now_ns() + look_ns;

        if (check_time(call, err) < 0) {
            call->is_bad = true;
            return -1;
        }
        if (bx_http_exchange_is_ready(call->exchange, wants_body))
            return 0;
        if (until_ns > call->wait.until_ns)
            until_ns = call->wait.until_ns;
        if (bx_http_client_poll(call->line->http, &stop, 1, until_ns) < 0 &&
            errno != EINTR)
            return bx_error_set_errno(err, errno, "waiting for the server");
    }
}

/* ---- a request -------------------------------------------------------- */

/* The policy is ours: what would allow more is said in our words. */
static int fail_place(const bx_error *why, bx_error **err)
{
    const char *text = bx_error_message(why);
    const char *advice = strstr(text, "; to allow it");

    return bx_error_set(
        err, BX_ERR_DENIED,
        "%.*s: a server leads to no other place than its own, "
        "and from a name to no private address unless it is "
        "configured with \"private\": true",
        advice == NULL ? (int)strlen(text) : (int)(advice - text), text);
}

/* The client has a time of its own, for connecting; ours is not over then. */
static int fail(bx_web_call *call, bx_error *why, bx_error **err)
{
    bx_autoerror bx_error *owned = why;

    call->is_bad = true;
    if (bx_error_code(why) == BX_ERR_TIMEOUT)
        return bx_error_set_errno(err, ETIMEDOUT, "%s", bx_error_message(why));
    if (bx_error_code(why) == BX_ERR_DENIED)
        return fail_place(why, err);
    if (err != NULL)
        *err = bx_take(owned);
    return -1;
}

static int send_request(bx_web_call *call, const bx_web_request *request,
                        bx_error **err)
{
    const bx_web *web = call->web;
    const bx_http_request http = {
        .method = request->method,
        .url = request->url == NULL ? web->url : request->url,
        .fields = request->fields,
        /* Without a policy nothing would hold a redirect. */
        .redirect = request->is_followed && !web->is_private
                        ? BX_HTTP_REDIRECT_FOLLOW
                        : BX_HTTP_REDIRECT_MANUAL,
    };
    bx_error *why = NULL;

    call->line = take_line(call->web, err);
    if (call->line == NULL)
        return -1;
    call->exchange = bx_http_client_open(call->line->http, &http, &why);
    if (call->exchange == NULL ||
        (request->body != NULL &&
         bx_http_exchange_write(call->exchange, request->body,
                                strlen(request->body), &why) < 0))
        return fail(call, why, err);
    return 0;
}

int bx_web_open(bx_web *web, bx_web_request *request, const bx_wait *wait,
                bx_web_call **ret_call, bx_http_head *ret_head, bx_error **err)
{
    bx_web_call *call = calloc(1, sizeof(*call));
    bx_error *why = NULL;

    if (call == NULL) {
        bx_mask_free(bx_take(request->mask));
        return bx_error_set_nomem(err);
    }
    call->web = web;
    call->wait = *wait;
    call->mask = bx_take(request->mask);
    if (send_request(call, request, err) == 0 &&
        wait_ready(call, false, err) == 0) {
        if (bx_http_exchange_head(call->exchange, ret_head, &why) == 0) {
            *ret_call = call;
            return 0;
        }
        fail(call, why, err);
    }
    bx_web_close(call);
    return -1;
}

void bx_web_close(bx_web_call *call)
{
    if (call == NULL)
        return;
    bx_http_exchange_free(call->exchange);
    if (call->line != NULL)
        give_line(call->web, call->line, call->is_bad);
    bx_mask_free(call->mask);
    bx_buf_clear(&call->held);
    free(call);
}

void bx_web_set_wait(bx_web_call *call, const bx_wait *wait)
{
    call->wait = *wait;
}

/* ---- the answer ------------------------------------------------------- */

static int read_some(bx_web_call *call, bx_error **err)
{
    bx_error *why = NULL;
    ssize_t bytes;

    if (bx_buf_reserve(&call->held, READ_BYTES, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    if (wait_ready(call, true, err) < 0)
        return -1;
    bytes = bx_http_exchange_read(
        call->exchange, call->held.data + call->held.len, READ_BYTES, &why);
    if (bytes < 0)
        return fail(call, why, err);
    call->held.len += (size_t)bytes;
    call->held.data[call->held.len] = '\0';
    call->is_over = bytes == 0;
    return 0;
}

int bx_web_read(bx_web_call *call, const char **ret_data, size_t *ret_bytes,
                bx_error **err)
{
    size_t settled = 0;

    while (settled == 0) {
        if (call->given > 0) {
            memmove(call->held.data, call->held.data + call->given,
                    call->held.len - call->given + 1);
            call->held.len -= call->given;
            call->given = 0;
        }
        if (call->is_over)
            return 0;
        if (read_some(call, err) < 0)
            return -1;
        settled =
            call->mask == NULL
                ? call->held.len
                : bx_mask_stream(call->mask, &call->ahead, call->held.data,
                                 call->held.len, call->is_over);
        call->given = settled;
    }
    *ret_data = call->held.data;
    *ret_bytes = settled;
    return 1;
}

int bx_web_read_all(bx_web_call *call, size_t max_bytes, bx_buf *ret_text,
                    bx_error **err)
{
    const char *data;
    size_t bytes;
    int more;

    if (bx_buf_puts(ret_text, "") < 0)
        return bx_error_set_nomem(err);
    while ((more = bx_web_read(call, &data, &bytes, err)) == 1) {
        if (bytes > max_bytes || ret_text->len > max_bytes - bytes) {
            call->is_bad = true;
            return bx_error_set(err, BX_ERR_LIMIT,
                                "the server's answer is of more than %zu "
                                "bytes",
                                max_bytes);
        }
        if (bx_buf_append(ret_text, data, bytes, SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
    }
    return more;
}

const char *bx_web_header(const bx_http_head *head, const char *name)
{
    const bx_http_field *found = bx_http_fields_find(head->fields, name);

    return found == NULL ? "" : found->value;
}

bool bx_web_is_type(const bx_http_head *head, const char *type)
{
    const char *value = bx_web_header(head, "content-type");
    size_t bytes = strlen(type);

    return strncasecmp(value, type, bytes) == 0 &&
           (value[bytes] == '\0' || strchr("; \t", value[bytes]) != NULL);
}

char *bx_web_show(const bx_web_call *call, const char *text, size_t max_bytes)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    bx_autofree char *copy = strdup(text);
    size_t ahead = 0;

    if (copy == NULL)
        return NULL;
    if (call->mask != NULL)
        (void)bx_mask_stream(call->mask, &ahead, copy, strlen(copy), true);
    if (bx_buf_puts(&shown, "") < 0 ||
        bx_buf_put_escaped(&shown, copy, strlen(copy), max_bytes) < 0)
        return NULL;
    return bx_buf_take(&shown);
}

int bx_web_put_field(bx_http_fields *fields, const char *name,
                     const char *value, bx_error **err)
{
    if (bx_http_field_check(name, value, err) < 0)
        return -1;
    if (bx_http_fields_add(fields, name, strlen(name), value, strlen(value)) <
        0)
        return bx_error_set_nomem(err);
    return 0;
}
