/* The guest's side of the HTTP client: handles, guest memory, errnos. Each
 * argument comes from the guest; every range is checked before anything is
 * done, and nothing of its memory is kept when a call returns. */
#include "net/http_host.h"

#include <string.h>

#include "base/buf.h"
#include "net/http_client.h"
#include "net/http_errno.h"
#include "net/http_json.h"

#define REASON_MAX_BYTES 1024 /* kept for http_error */

typedef struct http_slot {
    bx_http_exchange *exchange; /* NULL: free */
    char *head;                 /* as JSON, once asked for */
    char *reason;               /* of the last failure */
    bx_http_errno failure;      /* of a request that can do no more */
} http_slot;

struct bx_http_host {
    const bx_policy *policy; /* borrowed */
    bx_run *run;             /* borrowed */
    bx_http_client *client;  /* NULL until the first request */
    http_slot *slots;        /* handle h is slots[h - 1] */
    size_t slots_count;
    uint64_t open_count;
    char *open_reason; /* of the last http_open; handle 0 */
};

bx_http_host *bx_http_host_new(const bx_policy *policy, bx_run *run,
                               bx_error **err)
{
    bx_http_host *host = calloc(1, sizeof(*host));

    if (host == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    host->policy = policy;
    host->run = run;
    return host;
}

static void clear_slot(http_slot *slot)
{
    bx_http_exchange_free(slot->exchange);
    free(slot->head);
    free(slot->reason);
    memset(slot, 0, sizeof(*slot));
}

void bx_http_host_free(bx_http_host *host)
{
    if (host == NULL)
        return;
    for (size_t i = 0; i < host->slots_count; i++)
        clear_slot(&host->slots[i]);
    bx_http_client_free(host->client);
    free(host->slots);
    free(host->open_reason);
    free(host);
}

/* ---- failures ------------------------------------------------------- */

static void keep_reason(char **reason, const bx_error *error)
{
    free(*reason);
    *reason = strndup(bx_error_message(error), REASON_MAX_BYTES);
}

/* Answer a failed call; error is freed by the caller. */
static int32_t answer(bx_http_host *host, char **reason, const bx_error *error)
{
    keep_reason(reason, error);
    if (bx_run_is_over(host->run))
        return BX_HOST_STOP;
    return (int32_t)bx_http_errno_of(error);
}

/* A failed exchange stays failed: the next call is told the same. */
static int32_t fail_slot(bx_http_host *host, http_slot *slot,
                         const bx_error *error)
{
    int32_t result = answer(host, &slot->reason, error);

    slot->failure = bx_http_errno_of(error);
    return result;
}

/* ---- handles -------------------------------------------------------- */

static http_slot *find_slot(bx_http_host *host, uint32_t handle)
{
    if (handle == 0 || handle > host->slots_count ||
        host->slots[handle - 1].exchange == NULL)
        return NULL;
    return &host->slots[handle - 1];
}

/* A free slot, made if need be; the caller has checked the limit. */
static http_slot *free_slot(bx_http_host *host)
{
    size_t before = host->slots_count;
    size_t count = before == 0 ? 4 : before * 2;
    http_slot *grown;

    for (size_t i = 0; i < before; i++) {
        if (host->slots[i].exchange == NULL)
            return &host->slots[i];
    }
    grown = realloc(host->slots, count * sizeof(*grown));
    if (grown == NULL)
        return NULL;
    memset(grown + before, 0, (count - before) * sizeof(*grown));
    host->slots = grown;
    host->slots_count = count;
    return &grown[before];
}

static int ready_client(bx_http_host *host, bx_error **err)
{
    bx_http_config config = {
        .run = host->run,
        .policy = host->policy,
        .body_bytes = host->policy->limits.http_body_bytes,
    };

    if (host->client == NULL)
        host->client = bx_http_client_new(&config, err);
    return host->client == NULL ? -1 : 0;
}

/* ---- calls ---------------------------------------------------------- */

static bx_http_exchange *open_exchange(bx_http_host *host, const char *text,
                                       size_t bytes, bx_error **err)
{
    bx_http_parsed parsed;
    bx_http_exchange *exchange;

    if (bx_http_request_parse(text, bytes, &parsed, err) < 0)
        return NULL;
    parsed.request.fields = &parsed.fields;
    exchange = bx_http_client_open(host->client, &parsed.request, err);
    bx_http_parsed_clear(&parsed);
    return exchange;
}

static int32_t http_open(void *context, const bx_guest *guest,
                         const bx_raw *args)
{
    bx_http_host *host = context;
    uint32_t bytes = args[1].u32;
    const char *text = bx_guest_range(guest, args[0].u32, bytes);
    void *ret_handle = bx_guest_range(guest, args[2].u32, 4);
    bx_autoerror bx_error *err = NULL;
    bx_http_exchange *exchange;
    http_slot *slot;

    if (text == NULL || ret_handle == NULL)
        return BX_HTTP_EFAULT;
    if (bx_run_is_over(host->run))
        return BX_HOST_STOP;
    if (bx_http_check_limits(host->run, &host->policy->limits, host->open_count,
                             &err) < 0) {
        keep_reason(&host->open_reason, err);
        return BX_HTTP_EMFILE;
    }
    if (ready_client(host, &err) < 0)
        return answer(host, &host->open_reason, err);
    exchange = open_exchange(host, text, bytes, &err);
    if (exchange == NULL)
        return answer(host, &host->open_reason, err);
    slot = free_slot(host);
    if (slot == NULL) {
        bx_http_exchange_free(exchange);
        return BX_HTTP_ENOMEM;
    }
    slot->exchange = exchange;
    host->open_count++;
    host->run->used.http_requests++;
    bx_store32(ret_handle, (uint32_t)(slot - host->slots) + 1);
    return BX_HTTP_SUCCESS;
}

static int32_t http_write(void *context, const bx_guest *guest,
                          const bx_raw *args)
{
    bx_http_host *host = context;
    http_slot *slot = find_slot(host, args[0].u32);
    uint32_t bytes = args[2].u32;
    const void *data = bx_guest_range(guest, args[1].u32, bytes);
    bx_autoerror bx_error *err = NULL;

    if (slot == NULL)
        return BX_HTTP_EBADF;
    if (data == NULL)
        return BX_HTTP_EFAULT;
    if (bx_http_exchange_write(slot->exchange, data, bytes, &err) < 0)
        return answer(host, &slot->reason, err);
    host->run->write_bytes += bytes;
    return BX_HTTP_SUCCESS;
}

/* Copy a text out by the length rule of http_head and http_error. */
static int32_t put_text(const char *text, void *buf, uint32_t buf_bytes,
                        void *ret_bytes)
{
    size_t bytes = strlen(text);

    bx_store32(ret_bytes, (uint32_t)bytes);
    if (bytes > buf_bytes)
        return BX_HTTP_ERANGE;
    memcpy(buf, text, bytes);
    return BX_HTTP_SUCCESS;
}

static int32_t http_head(void *context, const bx_guest *guest,
                         const bx_raw *args)
{
    bx_http_host *host = context;
    http_slot *slot = find_slot(host, args[0].u32);
    void *buf = bx_guest_range(guest, args[1].u32, args[2].u32);
    void *ret_bytes = bx_guest_range(guest, args[3].u32, 4);
    bx_autoerror bx_error *err = NULL;
    bx_http_head head;

    if (slot == NULL)
        return BX_HTTP_EBADF;
    if (buf == NULL || ret_bytes == NULL)
        return BX_HTTP_EFAULT;
    if (slot->head == NULL) {
        if (slot->failure != BX_HTTP_SUCCESS)
            return (int32_t)slot->failure;
        if (bx_http_exchange_head(slot->exchange, &head, &err) < 0)
            return fail_slot(host, slot, err);
        slot->head = bx_http_head_format(&head);
        if (slot->head == NULL)
            return BX_HTTP_ENOMEM;
    }
    return put_text(slot->head, buf, args[2].u32, ret_bytes);
}

static int32_t http_read(void *context, const bx_guest *guest,
                         const bx_raw *args)
{
    bx_http_host *host = context;
    http_slot *slot = find_slot(host, args[0].u32);
    uint32_t buf_bytes = args[2].u32;
    void *buf = bx_guest_range(guest, args[1].u32, buf_bytes);
    void *ret_bytes = bx_guest_range(guest, args[3].u32, 4);
    bx_autoerror bx_error *err = NULL;
    ssize_t bytes;

    if (slot == NULL)
        return BX_HTTP_EBADF;
    if (buf == NULL || ret_bytes == NULL)
        return BX_HTTP_EFAULT;
    if (slot->failure != BX_HTTP_SUCCESS)
        return (int32_t)slot->failure;
    if (buf_bytes == 0) {
        bx_error_set(&err, BX_ERR_INVALID, "http_read into no bytes");
        return answer(host, &slot->reason, err);
    }
    bytes = bx_http_exchange_read(slot->exchange, buf, buf_bytes, &err);
    if (bytes < 0)
        return fail_slot(host, slot, err);
    host->run->read_bytes += (uint64_t)bytes;
    bx_store32(ret_bytes, (uint32_t)bytes);
    return BX_HTTP_SUCCESS;
}

static int32_t http_error(void *context, const bx_guest *guest,
                          const bx_raw *args)
{
    bx_http_host *host = context;
    http_slot *slot = find_slot(host, args[0].u32);
    void *buf = bx_guest_range(guest, args[1].u32, args[2].u32);
    void *ret_bytes = bx_guest_range(guest, args[3].u32, 4);
    const char *reason;

    if (slot == NULL && args[0].u32 != 0)
        return BX_HTTP_EBADF;
    if (buf == NULL || ret_bytes == NULL)
        return BX_HTTP_EFAULT;
    reason = slot == NULL ? host->open_reason : slot->reason;
    return put_text(reason == NULL ? "" : reason, buf, args[2].u32, ret_bytes);
}

static int32_t http_close(void *context, const bx_guest *guest,
                          const bx_raw *args)
{
    bx_http_host *host = context;
    http_slot *slot = find_slot(host, args[0].u32);

    (void)guest;
    if (slot == NULL)
        return BX_HTTP_EBADF;
    clear_slot(slot);
    host->open_count--;
    return BX_HTTP_SUCCESS;
}

const bx_host_call bx_http_calls[] = {
    { "http_open", "iii", true, http_open },
    { "http_write", "iii", true, http_write },
    { "http_head", "iiii", true, http_head },
    { "http_read", "iiii", true, http_read },
    { "http_error", "iiii", true, http_error },
    { "http_close", "i", true, http_close },
};
const size_t bx_http_calls_count =
    sizeof(bx_http_calls) / sizeof(bx_http_calls[0]);
