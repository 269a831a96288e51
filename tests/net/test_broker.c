/* The end that dials, and whoever may stand at the other: requests made by hand
 * as no client of ours would make them. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/broker_host.h"
#include "net/http_poll.h"
#include "net/support_web.h"

typedef struct fixture {
    support_web *web;
    bx_broker_host *host;
    bx_buf reply;
    bx_wire_in in; /* behind the reply's head */
    bx_broker_head head;
    int fd; /* that came along */
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    void *web;

    assert_non_null(f);
    support_way_now = SUPPORT_BY_CALL;
    web_open(&web);
    f->web = web;
    f->host = bx_broker_host_new(f->web->policy, &f->web->run, NULL);
    assert_non_null(f->host);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    void *web = f->web;

    bx_broker_host_free(f->host);
    bx_buf_clear(&f->reply);
    free(f);
    return web_close(&web);
}

/* ---- requests by hand ------------------------------------------------ */

typedef struct by_hand {
    bx_buf bytes;
    bx_wire_out out;
} by_hand;

static void begin(by_hand *r, uint8_t op)
{
    memset(r, 0, sizeof(*r));
    r->out = bx_wire_out_to(&r->bytes, SIZE_MAX);
    bx_wire_put_u8(&r->out, op);
}

static int serve(fixture *f, const void *bytes, size_t count, int wake_fd)
{
    int result;

    f->reply.len = 0;
    f->fd = -1;
    result = bx_broker_host_serve(f->host, bytes, count, wake_fd, &f->reply,
                                  &f->fd, NULL);
    if (result < 0)
        return -1;
    f->in = bx_wire_in_of(f->reply.data, f->reply.len);
    bx_broker_get_head(&f->in, &f->head);
    assert_false(f->in.is_bad);
    return 0;
}

/* Frees the request; what became of it. */
static bx_broker_status ask(fixture *f, by_hand *r)
{
    int result = serve(f, r->bytes.data, r->bytes.len, -1);

    bx_buf_clear(&r->bytes);
    assert_int_equal(result, 0);
    return f->head.status;
}

/* It is malformed: nobody answers. */
static void expect_malformed(fixture *f, by_hand *r)
{
    int result = serve(f, r->bytes.data, r->bytes.len, -1);

    bx_buf_clear(&r->bytes);
    assert_int_equal(result, -1);
}

static void expect_failure(fixture *f, bx_code code, const char *text)
{
    bx_error *err = NULL;

    assert_int_equal(f->head.status, BX_BROKER_FAILED);
    bx_broker_get_error(&f->in, &err);
    assert_int_equal(bx_error_code(err), code);
    if (strstr(bx_error_message(err), text) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), text);
    bx_error_free(err);
}

static void put_open(by_hand *r, const char *method, const char *url)
{
    begin(r, BX_BROKER_HTTP_OPEN);
    bx_wire_put_text(&r->out, method);
    bx_wire_put_text(&r->out, url);
    bx_wire_put_u8(&r->out, BX_HTTP_REDIRECT_FOLLOW);
    bx_wire_put_u64(&r->out, 0);
    bx_wire_put_u32(&r->out, 0);
}

static uint32_t open_path(fixture *f, const char *method, const char *path)
{
    by_hand r;

    put_open(&r, method, web_url(f->web, "127.0.0.1", path));
    assert_int_equal(ask(f, &r), BX_BROKER_DONE);
    return bx_wire_get_u32(&f->in);
}

static void of_handle(by_hand *r, uint8_t op, uint32_t handle)
{
    begin(r, op);
    bx_wire_put_u32(&r->out, handle);
}

static int32_t open_socket(fixture *f, bool is_udp)
{
    by_hand r;

    begin(&r, BX_BROKER_SOCKET_OPEN);
    bx_wire_put_bool(&r.out, is_udp);
    bx_wire_put_bool(&r.out, false);
    assert_int_equal(ask(f, &r), BX_BROKER_DONE);
    return (int32_t)bx_wire_get_i64(&f->in);
}

/* ---- malformed ------------------------------------------------------- */

/* One whole request of each operation, on exchange 1 and socket 0. */
static void whole(by_hand *r, uint8_t op, const support_web *web)
{
    bx_endpoint end = { .port = 1 };

    of_handle(r, op, op < BX_BROKER_SOCKET_OPEN ? 1 : 0);
    switch (op) {
    case BX_BROKER_HTTP_OPEN:
        bx_buf_clear(&r->bytes);
        put_open(r, "GET", web_url(web, "127.0.0.1", "/hello"));
        break;
    case BX_BROKER_HTTP_WRITE:
        bx_wire_put_u64(&r->out, 0);
        bx_wire_put_bytes(&r->out, "x", 1);
        break;
    case BX_BROKER_HTTP_READ:
    case BX_BROKER_SOCKET_RECEIVE:
    case BX_BROKER_SOCKET_RECEIVE_FROM:
        bx_wire_put_u32(&r->out, 10);
        break;
    case BX_BROKER_HTTP_READY:
    case BX_BROKER_SOCKET_WATCH:
    case BX_BROKER_SOCKET_NAME:
        bx_wire_put_bool(&r->out, false);
        break;
    case BX_BROKER_HTTP_POLL:
        bx_buf_clear(&r->bytes);
        begin(r, op);
        bx_wire_put_i64(&r->out, 0);
        break;
    case BX_BROKER_SOCKET_OPEN:
        bx_buf_clear(&r->bytes);
        begin(r, op);
        bx_wire_put_bool(&r->out, true);
        bx_wire_put_bool(&r->out, false);
        break;
    case BX_BROKER_SOCKET_CONNECT:
    case BX_BROKER_SOCKET_BIND:
        bx_broker_put_endpoint(&r->out, &end);
        break;
    case BX_BROKER_SOCKET_SEND:
        bx_wire_put_bytes(&r->out, "x", 1);
        break;
    case BX_BROKER_SOCKET_SEND_TO:
        bx_broker_put_endpoint(&r->out, &end);
        bx_wire_put_bytes(&r->out, "x", 1);
        break;
    case BX_BROKER_SOCKET_SHUTDOWN:
    case BX_BROKER_SOCKET_GET:
        bx_wire_put_u8(&r->out, 1);
        break;
    case BX_BROKER_SOCKET_SET:
        bx_wire_put_u8(&r->out, 1);
        bx_wire_put_u64(&r->out, 1);
        break;
    case BX_BROKER_SOCKET_RESOLVE:
        bx_buf_clear(&r->bytes);
        begin(r, op);
        bx_wire_put_bytes(&r->out, "a.test", 6);
        bx_wire_put_u32(&r->out, 1);
        break;
    default:
        break;
    }
}

/* Every operation as it is, cut everywhere, and with a byte too many: only the
 * first is answered, and only it is done. */
static void refuses_requests_that_are_cut(void **state)
{
    fixture *f = *state;

    for (uint8_t op = 1; op < BX_BROKER_OPS; op++) {
        by_hand r;
        size_t bytes;

        bx_broker_host_free(f->host);
        f->host = bx_broker_host_new(f->web->policy, &f->web->run, NULL);
        assert_int_equal(open_path(f, "POST", "/hello"), 1);
        assert_int_equal(open_socket(f, true), 0);
        whole(&r, op, f->web);
        bytes = r.bytes.len;
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(serve(f, r.bytes.data, i, -1), -1);
        bx_wire_put_u8(&r.out, 0);
        assert_int_equal(serve(f, r.bytes.data, bytes + 1, -1), -1);
        assert_int_equal(f->host->open_count, 1);
        assert_int_equal(bx_socket_fd(f->host->sockets, 1), -1);
        assert_true(bx_socket_fd(f->host->sockets, 0) >= 0);
        assert_int_equal(serve(f, r.bytes.data, bytes, -1), 0);
        bx_buf_clear(&r.bytes);
    }
    assert_int_equal(serve(f, "", 0, -1), -1);
    assert_int_equal(serve(f, "\0", 1, -1), -1);
    assert_int_equal(serve(f, "\xff", 1, -1), -1);
    assert_int_equal(serve(f, (char[]){ BX_BROKER_OPS }, 1, -1), -1);
}

static void refuses_numbers_that_are_none(void **state)
{
    static const uint32_t handles[] = { 0, 2, 5, 0x80000000u, UINT32_MAX };
    static const uint8_t ops[] = { BX_BROKER_HTTP_WRITE, BX_BROKER_HTTP_HEAD,
                                   BX_BROKER_HTTP_READ, BX_BROKER_HTTP_READY,
                                   BX_BROKER_HTTP_CLOSE };
    fixture *f = *state;
    by_hand r;

    assert_int_equal(open_path(f, "GET", "/hello"), 1);
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        for (size_t j = 0; j < sizeof(ops) / sizeof(ops[0]); j++) {
            whole(&r, ops[j], f->web);
            memcpy(r.bytes.data + 1, &handles[i], 4);
            expect_malformed(f, &r);
        }
        of_handle(&r, BX_BROKER_SOCKET_FINISH, handles[i]);
        assert_int_equal(ask(f, &r), BX_BROKER_DONE);
        assert_int_equal(bx_wire_get_i64(&f->in), -EBADF);
    }
    of_handle(&r, BX_BROKER_HTTP_CLOSE, 1);
    assert_int_equal(ask(f, &r), BX_BROKER_DONE);
    of_handle(&r, BX_BROKER_HTTP_CLOSE, 1);
    expect_malformed(f, &r);
}

static void refuses_fields_out_of_range(void **state)
{
    fixture *f = *state;
    bx_buf big = BX_BUF_INIT;
    by_hand r;

    assert_int_equal(open_path(f, "GET", "/hello"), 1);
    of_handle(&r, BX_BROKER_HTTP_READ, 1);
    bx_wire_put_u32(&r.out, BX_BROKER_PIECE_BYTES + 1);
    expect_malformed(f, &r);
    of_handle(&r, BX_BROKER_HTTP_READ, 1);
    bx_wire_put_u32(&r.out, 0);
    expect_malformed(f, &r);
    of_handle(&r, BX_BROKER_HTTP_READY, 1);
    bx_wire_put_u8(&r.out, 2);
    expect_malformed(f, &r);
    begin(&r, BX_BROKER_HTTP_POLL);
    bx_wire_put_i64(&r.out, -1);
    expect_malformed(f, &r);
    put_open(&r, "GET", "http://127.0.0.1/");
    r.bytes.data[r.bytes.len - 13] = 3; /* redirect */
    expect_malformed(f, &r);
    put_open(&r, "GET", "http://127.0.0.1/");
    r.bytes.data[r.bytes.len - 1] = 1; /* 16777216 headers */
    expect_malformed(f, &r);
    begin(&r, BX_BROKER_HTTP_OPEN); /* a NUL in a text */
    bx_wire_put_bytes(&r.out, "GE\0T", 4);
    expect_malformed(f, &r);
    begin(&r, BX_BROKER_SOCKET_RESOLVE);
    bx_wire_put_bytes(&r.out, "a.test", 6);
    bx_wire_put_u32(&r.out, BX_BROKER_ADDRESSES_MAX + 1);
    expect_malformed(f, &r);
    /* Each field is in its bounds, the whole is not. */
    while (big.len < BX_BROKER_TEXT_BYTES)
        bx_buf_append(&big, "xxxxxxxx", 8, SIZE_MAX);
    put_open(&r, "GET", big.data);
    memset(r.bytes.data + r.bytes.len - 4, 0, 4);
    r.bytes.data[r.bytes.len - 4] = 1; /* header */
    bx_wire_put_text(&r.out, "x");
    bx_wire_put_text(&r.out, big.data);
    expect_malformed(f, &r);
    bx_buf_clear(&big);
}

/* ---- limits ---------------------------------------------------------- */

static void opens_so_many_and_makes_so_many(void **state)
{
    fixture *f = *state;
    by_hand r;

    web_set(f->web, "max-open-requests", "3");
    web_set(f->web, "max-requests", "5");
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(open_path(f, "GET", "/hello"), i);
    put_open(&r, "GET", web_url(f->web, "127.0.0.1", "/hello"));
    ask(f, &r);
    expect_failure(f, BX_ERR_LIMIT, "max-open-requests, 3");
    for (int i = 0; i < 2; i++) {
        of_handle(&r, BX_BROKER_HTTP_CLOSE, 2);
        assert_int_equal(ask(f, &r), BX_BROKER_DONE);
        assert_int_equal(open_path(f, "GET", "/hello"), 2);
    }
    of_handle(&r, BX_BROKER_HTTP_CLOSE, 2);
    ask(f, &r);
    put_open(&r, "GET", web_url(f->web, "127.0.0.1", "/hello"));
    ask(f, &r);
    expect_failure(f, BX_ERR_LIMIT, "max-requests, 5");
    assert_int_equal(f->web->run.used.http_requests, 5);
    assert_int_equal(open_socket(f, true), 0);
    of_handle(&r, BX_BROKER_SOCKET_SEND_TO, 0);
    bx_broker_put_endpoint(
        &r.out,
        &(bx_endpoint){
            .address = { { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } },
            .port = 9 });
    bx_wire_put_bytes(&r.out, "x", 1);
    assert_int_equal(ask(f, &r), BX_BROKER_DONE);
    assert_int_equal(bx_wire_get_i64(&f->in), -EDQUOT);
    assert_int_equal(f->head.denied, 1);
}

/* Nothing is taken of a body that will not fit. */
static void takes_no_part_of_a_body_that_is_too_long(void **state)
{
    static const uint64_t rests[] = { 65536, UINT64_MAX, UINT64_MAX - 1 };
    fixture *f = *state;
    by_hand r;

    f->web->policy->limits.http_body_bytes = 65536;
    assert_int_equal(open_path(f, "POST", "/echo"), 1);
    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        of_handle(&r, BX_BROKER_HTTP_WRITE, 1);
        bx_wire_put_u64(&r.out, rests[i]);
        bx_wire_put_bytes(&r.out, "x", 1);
        ask(f, &r);
        expect_failure(f, BX_ERR_LIMIT, "max-response, 65536 bytes");
    }
    assert_int_equal(f->host->client->held_bytes, 0);
}

/* ---- waiting --------------------------------------------------------- */

static void answers_when_it_is_woken(void **state)
{
    static const uint8_t ops[] = { BX_BROKER_HTTP_HEAD, BX_BROKER_HTTP_READ };
    fixture *f = *state;
    int wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    by_hand r;

    assert_int_equal(open_path(f, "GET", "/slow-head"), 1);
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        whole(&r, ops[i], f->web);
        assert_int_equal(serve(f, r.bytes.data, r.bytes.len, wake_fd), 0);
        assert_int_equal(f->head.status, BX_BROKER_WOKEN);
        assert_true(bx_wire_is_whole(&f->in));
        bx_buf_clear(&r.bytes);
    }
    begin(&r, BX_BROKER_HTTP_POLL);
    bx_wire_put_i64(&r.out, INT64_MAX);
    assert_int_equal(serve(f, r.bytes.data, r.bytes.len, wake_fd), 0);
    assert_int_equal(f->head.status, BX_BROKER_DONE);
    bx_buf_clear(&r.bytes);
    close(wake_fd);
}

static void says_that_the_run_is_over(void **state)
{
    fixture *f = *state;
    by_hand r;

    assert_int_equal(open_path(f, "GET", "/slow-head"), 1);
    f->web->run.deadline_ns = bx_now_ns();
    of_handle(&r, BX_BROKER_HTTP_HEAD, 1);
    ask(f, &r);
    assert_true(f->head.is_over);
    assert_false(f->head.is_cancelled);
    expect_failure(f, BX_ERR_TIMEOUT, "the run's time is up");
    bx_cancel_trigger(f->web->cancel);
    begin(&r, BX_BROKER_HTTP_POLL);
    bx_wire_put_i64(&r.out, INT64_MAX);
    assert_int_equal(ask(f, &r), BX_BROKER_DONE);
    assert_true(f->head.is_cancelled);
}

/* ---- what leaves this end -------------------------------------------- */

/* Whoever has it can wait with it, and nothing else. */
static void sends_no_socket_along(void **state)
{
    fixture *f = *state;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
    struct stat status;
    int type;
    socklen_t bytes = sizeof(type);
    by_hand r;

    assert_int_equal(open_socket(f, true), 0);
    for (int i = 0; i < 2; i++) {
        of_handle(&r, BX_BROKER_SOCKET_WATCH, 0);
        bx_wire_put_bool(&r.out, i == 1);
        assert_int_equal(ask(f, &r), BX_BROKER_DONE);
        assert_true(f->fd >= 0);
        assert_int_equal(fstat(f->fd, &status), 0);
        assert_false(S_ISSOCK(status.st_mode));
        assert_int_equal(getsockopt(f->fd, SOL_SOCKET, SO_TYPE, &type, &bytes),
                         -1);
        assert_int_equal(errno, ENOTSOCK);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(
            sendto(f->fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), -1);
        assert_int_equal(write(f->fd, "x", 1), -1);
    }
    /* An unconnected UDP socket takes bytes at once and has none to give. */
    assert_int_equal(
        poll(&(struct pollfd){ .fd = f->fd, .events = POLLIN }, 1, 0), 1);
}

static void keeps_no_descriptor_behind(void **state)
{
    fixture *f = *state;
    by_hand r;
    int sent;

    assert_int_equal(open_socket(f, true), 0);
    of_handle(&r, BX_BROKER_SOCKET_WATCH, 0);
    bx_wire_put_bool(&r.out, false);
    ask(f, &r);
    sent = f->fd;
    of_handle(&r, BX_BROKER_SOCKET_FINISH, 0);
    ask(f, &r);
    assert_int_equal(f->fd, -1);
    assert_int_equal(fcntl(sent, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
}

/* ---- the other end --------------------------------------------------- */

/* A broker that answers these bytes, whatever it is asked. */
typedef struct liar {
    const char *bytes;
    size_t count;
} liar;

static int lie(void *context, const void *request, size_t bytes,
               bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    const liar *l = context;

    (void)request;
    (void)bytes;
    if (ret_fd != NULL)
        *ret_fd = -1;
    if (l->bytes == NULL)
        return bx_error_set(err, BX_ERR_SYSTEM, "it left");
    return bx_buf_append(ret_reply, l->bytes, l->count, SIZE_MAX);
}

static int lie_while(void *context, const void *request, size_t bytes,
                     struct pollfd *fds, size_t count, bx_buf *ret_reply,
                     bx_error **err)
{
    (void)fds;
    (void)count;
    return lie(context, request, bytes, ret_reply, NULL, err);
}

static void expect_error(bx_error *err, bx_code code, const char *text)
{
    assert_int_equal(bx_error_code(err), code);
    if (strstr(bx_error_message(err), text) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), text);
    bx_error_free(err);
}

#define ZEROES "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* a head */

/* The run's side survives any answer to any call. */
static void believes_no_answer(void **state)
{
    static const char *const answers[] = {
        NULL,
        "",
        "\3",
        "\0\2",
        ZEROES,
        ZEROES "\0\0\0\0",        /* exchange 0 */
        ZEROES "d\0\0\0\0\0\0\0", /* socket, bytes or addresses: 100 */
    };
    static const size_t counts[] = { 0, 0, 1, 2, 19, 23, 27 };
    liar l;
    const bx_broker broker = { &l, lie, lie_while };
    bx_run run = { .deadline_ns = bx_now_ns() + 60000000000,
                   .broker = &broker };
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_http_config config = { .run = &run, .policy = policy };
    bx_http_request get = { .url = "http://a.test/" };
    bx_http_client *client = bx_http_client_new(&config, NULL);
    bx_socket_host *sockets = bx_socket_host_new(policy, &run, NULL);
    bx_endpoint found[2] = { 0 };
    uint64_t value;
    char buf[16];

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        bx_error *err = NULL;

        l = (liar){ answers[i], counts[i] };
        assert_null(bx_http_client_open(client, &get, &err));
        expect_error(err, BX_ERR_SYSTEM,
                     i == 0 ? "the network: it left" : "malformed");
        assert_true(bx_http_client_poll(client, NULL, 0, 0) <= 0);
        assert_int_equal(bx_socket_open(sockets, true, false), -EIO);
        assert_int_equal(bx_socket_fd(sockets, 3), -1);
        assert_int_equal(bx_socket_connect(sockets, 0, &found[0]), -EIO);
        assert_int_equal(bx_socket_receive(sockets, 0, buf, 16), -EIO);
        assert_int_equal(bx_socket_send(sockets, 0, buf, 16), -EIO);
        assert_int_equal(bx_socket_name(sockets, 0, true, found), -EIO);
        assert_int_equal(bx_socket_get(sockets, 0, 0, &value), -EIO);
        assert_int_equal(bx_socket_resolve(sockets, "a.test", 6, found, 2),
                         -EIO);
        bx_socket_close(sockets, 0);
    }
    bx_socket_host_free(sockets);
    bx_http_client_free(client);
}

/* ---- large bodies ---------------------------------------------------- */

static void streams_large_bodies_both_ways(void **state)
{
    fixture *f = *state;
    size_t bytes = 3u << 20;
    char *body = malloc(bytes);
    bx_http_config config = { 0 };
    bx_http_request request = { .method = "POST",
                                .url = web_url(f->web, "127.0.0.1", "/echo") };
    bx_http_exchange *exchange;
    bx_buf back = BX_BUF_INIT;
    char piece[100000];
    ssize_t got;

    for (size_t i = 0; i < bytes; i++)
        body[i] = (char)('a' + i % 23);
    f->web->policy->limits.http_body_bytes = 8u << 20;
    f->web->broker = support_broker_new(f->web->policy, &f->web->run, NULL);
    config.run = support_broker_run(f->web->broker);
    config.policy = support_broker_policy(f->web->broker);
    f->web->client = bx_http_client_new(&config, NULL);
    exchange = bx_http_client_open(f->web->client, &request, NULL);
    assert_int_equal(bx_http_exchange_write(exchange, body, bytes, NULL), 0);
    while ((got = bx_http_exchange_read(exchange, piece, sizeof(piece), NULL)) >
           0) {
        assert_true(exchange->in.len - exchange->in_at < BX_BROKER_PIECE_BYTES);
        bx_buf_append(&back, piece, (size_t)got, SIZE_MAX);
    }
    assert_int_equal(got, 0);
    assert_true(back.len > bytes);
    assert_memory_equal(back.data + back.len - bytes, body, bytes);
    bx_http_exchange_free(exchange);
    bx_buf_clear(&back);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(refuses_requests_that_are_cut),
        TEST(refuses_numbers_that_are_none),
        TEST(refuses_fields_out_of_range),
        TEST(opens_so_many_and_makes_so_many),
        TEST(takes_no_part_of_a_body_that_is_too_long),
        TEST(answers_when_it_is_woken),
        TEST(says_that_the_run_is_over),
        TEST(sends_no_socket_along),
        TEST(keeps_no_descriptor_behind),
        TEST(streams_large_bodies_both_ways),
        cmocka_unit_test(believes_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
