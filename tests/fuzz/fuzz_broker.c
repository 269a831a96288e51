/* Both ends of a broker against an other end that says anything.
 *
 * The first byte picks the end; messages follow, each behind a byte for its
 * length, a length of 255 means that two bytes more have it. The end that dials
 * may reach one port of this machine that nobody listens at. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/broker.h"
#include "net/broker_wire.h"
#include "net/http_poll.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define TIME_NS 200000000

typedef struct messages {
    const uint8_t *at;
    size_t left;
} messages;

static bool next(messages *in, const uint8_t **ret_data, size_t *ret_bytes)
{
    size_t bytes;
    size_t head = 1;

    if (in->left == 0)
        return false;
    bytes = in->at[0];
    if (bytes == 255 && in->left > 2) {
        bytes = (size_t)(in->at[1] | in->at[2] << 8);
        head = 3;
    }
    if (bytes > in->left - head)
        bytes = in->left - head;
    *ret_data = in->at + head;
    *ret_bytes = bytes;
    in->at += head + bytes;
    in->left -= head + bytes;
    return true;
}

/* ---- the end that dials ---------------------------------------------- */

static void check(const bx_buf *reply)
{
    bx_wire_in in = bx_wire_in_of(reply->data, reply->len);
    bx_autoerror bx_error *err = NULL;
    bx_broker_head head;

    assert(reply->len <= BX_BROKER_MAX_BYTES + 4096);
    bx_broker_get_head(&in, &head);
    assert(!in.is_bad);
    if (head.status == BX_BROKER_FAILED) {
        bx_broker_get_error(&in, &err);
        assert(bx_wire_is_whole(&in));
    }
    if (head.status == BX_BROKER_WOKEN)
        assert(bx_wire_is_whole(&in));
}

static void serve(messages *in, int wake_fd)
{
    bx_run run = { .deadline_ns = bx_now_ns() + TIME_NS };
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_broker_host *host = bx_broker_host_new(policy, &run, NULL);
    bx_autobuf bx_buf reply = BX_BUF_INIT;
    const uint8_t *data;
    size_t bytes;

    bx_policy_allowed_outbound_host(policy, "http://127.0.0.1:1", NULL);
    policy->limits.http_open = 4;
    policy->limits.http_requests = 32;
    policy->limits.http_body_bytes = 65536;
    while (next(in, &data, &bytes)) {
        int fd = -1;

        reply.len = 0;
        if (bx_broker_host_serve(host, data, bytes, wake_fd, &reply, &fd,
                                 NULL) == 0)
            check(&reply);
        assert(run.used.http_requests <= 32);
    }
    bx_broker_host_free(host);
}

/* ---- the run's side -------------------------------------------------- */

static int answer(void *context, const void *request, size_t bytes,
                  bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    const uint8_t *data;

    (void)request;
    assert(bytes > 0 && bytes <= BX_BROKER_MAX_BYTES);
    if (ret_fd != NULL)
        *ret_fd = -1;
    if (!next(context, &data, &bytes))
        return bx_error_set(err, BX_ERR_SYSTEM, "no more answers");
    return bx_buf_append(ret_reply, data, bytes, SIZE_MAX);
}

static int answer_while(void *context, const void *request, size_t bytes,
                        struct pollfd *fds, size_t count, bx_buf *ret_reply,
                        bx_error **err)
{
    (void)fds;
    (void)count;
    return answer(context, request, bytes, ret_reply, NULL, err);
}

static void use_http(bx_run *run, const bx_policy *policy)
{
    const bx_http_config config = { .run = run, .policy = policy };
    const bx_http_request request = { .method = "POST",
                                      .url = "http://a.test/" };
    bx_http_client *client = bx_http_client_new(&config, NULL);
    bx_http_exchange *exchange = bx_http_client_open(client, &request, NULL);
    bx_http_head head;
    char buf[100];

    if (exchange != NULL) {
        (void)bx_http_exchange_write(exchange, "body", 4, NULL);
        (void)bx_http_exchange_is_ready(exchange, false);
        (void)bx_http_client_poll(client, NULL, 0, 0);
        if (bx_http_exchange_head(exchange, &head, NULL) == 0) {
            assert(head.status <= 999);
            assert(strlen(head.url->text) <= BX_URL_MAX_BYTES);
            assert(head.fields->count <= BX_HTTP_HEAD_MAX_FIELDS);
        }
        while (bx_http_exchange_read(exchange, buf, sizeof(buf), NULL) > 0)
            ;
    }
    bx_http_exchange_free(exchange);
    bx_http_client_free(client);
}

static void use_sockets(bx_run *run, const bx_policy *policy)
{
    bx_socket_host *host = bx_socket_host_new(policy, run, NULL);
    bx_endpoint ends[4];
    char buf[16];
    uint64_t value;
    int handle = bx_socket_open(host, true, false);

    assert(handle < BX_SOCKETS_MAX);
    memset(ends, 0, sizeof(ends));
    assert(bx_socket_resolve(host, "a.test", 6, ends, 4) <= 4);
    (void)bx_socket_fd(host, handle);
    (void)bx_socket_connect(host, handle, &ends[0]);
    assert(bx_socket_finish(host, handle) <= 0);
    assert(bx_socket_receive(host, handle, buf, sizeof(buf)) <= 16);
    assert(bx_socket_receive_from(host, handle, buf, sizeof(buf), ends) <= 16);
    assert(bx_socket_send_to(host, handle, buf, sizeof(buf), ends) <= 16);
    (void)bx_socket_name(host, handle, false, ends);
    (void)bx_socket_get(host, handle, BX_SOCKET_HOP_LIMIT, &value);
    bx_socket_close(host, handle);
    bx_socket_host_free(host);
}

static void use(messages *in, bool is_http)
{
    const bx_broker broker = { in, answer, answer_while };
    bx_run run = { .deadline_ns = bx_now_ns() + TIME_NS, .broker = &broker };
    bx_autopolicy bx_policy *policy = bx_policy_new();

    if (is_http)
        use_http(&run, policy);
    else
        use_sockets(&run, policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static int wake_fd = -1;
    messages in = { data + 1, bytes - 1 };

    if (wake_fd < 0)
        wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bytes == 0)
        return 0;
    if (data[0] % 4 < 2)
        serve(&in, wake_fd);
    else
        use(&in, data[0] % 4 == 2);
    return 0;
}
