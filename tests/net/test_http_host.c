/* The guest's calls, made on memory as a guest has it. */
#include "net/http_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/http_errno.h"
#include "net/http_json.h"
#include "net/support_web.h"

#define MEMORY_BYTES 131072u
#define TEXT_AT 1024u /* where requests are written */
#define BUF_AT 66000u /* where answers go */
#define BUF_BYTES 4096u
#define RET_AT 16u /* ret_handle, ret_len */
#define CANARY 0xa5u

typedef struct guest_side {
    support_web *web;
    support_broker *broker;
    bx_run *run; /* the guest's side of it */
    bx_http_host *host;
    bx_guest guest;
} guest_side;

static int32_t call(guest_side *fixture, const char *name, uint32_t a,
                    uint32_t b, uint32_t c, uint32_t d)
{
    const bx_raw args[] = {
        { .u32 = a }, { .u32 = b }, { .u32 = c }, { .u32 = d }
    };

    for (size_t i = 0; i < bx_http_calls_count; i++) {
        if (strcmp(bx_http_calls[i].name, name) == 0)
            return bx_http_calls[i].call(fixture->host, &fixture->guest, args);
    }
    fail_msg("no call '%s'", name);
    return -1;
}

static uint32_t returned(const guest_side *fixture)
{
    return bx_load32(fixture->guest.data + RET_AT);
}

static void renew_host(guest_side *fixture)
{
    support_web *web = fixture->web;

    bx_http_host_free(fixture->host);
    support_broker_free(fixture->broker);
    fixture->broker = support_broker_new(web->policy, &web->run, NULL);
    fixture->run = support_broker_run(fixture->broker);
    fixture->host = bx_http_host_new(web->policy, fixture->run, NULL);
    assert_non_null(fixture->host);
}

static int set_up(void **state)
{
    guest_side *made = calloc(1, sizeof(*made));
    void *web;

    assert_non_null(made);
    web_open(&web);
    made->web = web;
    made->guest.data = malloc(MEMORY_BYTES);
    made->guest.size = MEMORY_BYTES;
    memset(made->guest.data, CANARY, MEMORY_BYTES);
    renew_host(made);
    *state = made;
    return 0;
}

static int tear_down(void **state)
{
    guest_side *fixture = *state;
    void *web = fixture->web;

    bx_http_host_free(fixture->host);
    support_broker_free(fixture->broker);
    free(fixture->guest.data);
    free(fixture);
    return web_close(&web);
}

static int32_t open_text(guest_side *fixture, const char *text)
{
    uint32_t bytes = (uint32_t)strlen(text);

    memcpy(fixture->guest.data + TEXT_AT, text, bytes);
    return call(fixture, "http_open", TEXT_AT, bytes, RET_AT, 0);
}

/* more: JSON behind the url, such as ",\"method\":\"POST\"". */
static int32_t open_path(guest_side *fixture, const char *path,
                         const char *more)
{
    char text[2048];

    snprintf(text, sizeof(text), "{\"url\":\"http://127.0.0.1:%u%s\"%s}",
             fixture->web->port, path, more);
    return open_text(fixture, text);
}

static uint32_t must_open(guest_side *fixture, const char *path,
                          const char *more)
{
    assert_int_equal(open_path(fixture, path, more), 0);
    return returned(fixture);
}

static const char *reason_of(guest_side *fixture, uint32_t handle)
{
    char *buf = (char *)fixture->guest.data + BUF_AT;

    assert_int_equal(
        call(fixture, "http_error", handle, BUF_AT, BUF_BYTES, RET_AT), 0);
    buf[returned(fixture)] = '\0';
    return buf;
}

static void expect_reason(guest_side *fixture, uint32_t handle, const char *say)
{
    const char *reason = reason_of(fixture, handle);

    if (strstr(reason, say) == NULL)
        fail_msg("'%s' does not say '%s'", reason, say);
}

static int32_t read_some(guest_side *fixture, uint32_t handle)
{
    return call(fixture, "http_read", handle, BUF_AT, BUF_BYTES, RET_AT);
}

static int32_t read_head(guest_side *fixture, uint32_t handle)
{
    int32_t result =
        call(fixture, "http_head", handle, BUF_AT, BUF_BYTES, RET_AT);

    if (result == 0)
        fixture->guest.data[BUF_AT + returned(fixture)] = '\0';
    return result;
}

/* The rest of the body, as text. */
static void read_all(guest_side *fixture, uint32_t handle, char *text)
{
    size_t have = 0;

    do {
        assert_int_equal(read_some(fixture, handle), 0);
        assert_true(have + returned(fixture) < BUF_BYTES);
        memcpy(text + have, fixture->guest.data + BUF_AT, returned(fixture));
        have += returned(fixture);
    } while (returned(fixture) > 0);
    text[have] = '\0';
}

/* ---- works ---------------------------------------------------------- */

static void posts_and_reads(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle =
        must_open(fixture, "/echo",
                  ",\"method\":\"POST\",\"headers\":[[\"X-Mine\",\"1\"]],"
                  "\"redirect\":\"follow\",\"timeout_ms\":10000");
    char *buf = (char *)fixture->guest.data + BUF_AT;
    char body[BUF_BYTES];

    assert_int_equal(handle, 1);
    memcpy(buf, "body", 4);
    assert_int_equal(call(fixture, "http_write", handle, BUF_AT, 4, 0), 0);
    assert_int_equal(call(fixture, "http_write", handle, BUF_AT, 0, 0), 0);
    assert_int_equal(call(fixture, "http_write", handle, BUF_AT, 4, 0), 0);
    assert_int_equal(read_head(fixture, handle), 0);
    assert_non_null(strstr(buf, "{\"status\":200,\"url\":\"http://127.0.0.1:"));
    assert_non_null(strstr(buf, "\"redirected\":false,\"headers\":[[\"content-"
                                "length\",\""));
    read_all(fixture, handle, body);
    assert_non_null(strstr(body, "X-Mine: 1"));
    assert_non_null(strstr(body, "\n\nbodybody"));
    assert_int_equal(fixture->run->write_bytes, 8);
    assert_int_equal(fixture->run->read_bytes, strlen(body));
    assert_string_equal(reason_of(fixture, handle), "");
    assert_int_equal(call(fixture, "http_close", handle, 0, 0, 0), 0);
    assert_int_equal(must_open(fixture, "/hello", ""), 1);
}

static void reads_without_asking_for_the_head(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle = must_open(fixture, "/hello", "");
    char rest[BUF_BYTES];

    assert_int_equal(call(fixture, "http_read", handle, BUF_AT, 3, RET_AT), 0);
    assert_int_equal(returned(fixture), 3);
    assert_memory_equal(fixture->guest.data + BUF_AT, "hel", 3);
    assert_int_equal(fixture->guest.data[BUF_AT + 3], CANARY);
    assert_int_equal(read_head(fixture, handle), 0);
    read_all(fixture, handle, rest);
    assert_string_equal(rest, "lo");
}

static void asks_for_a_larger_buffer(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle = must_open(fixture, "/hello", "");
    uint32_t need;

    assert_int_equal(call(fixture, "http_head", handle, BUF_AT, 5, RET_AT),
                     BX_HTTP_ERANGE);
    need = returned(fixture);
    assert_true(need > 5);
    assert_int_equal(fixture->guest.data[BUF_AT], CANARY);
    assert_int_equal(call(fixture, "http_head", handle, 0, 0, RET_AT),
                     BX_HTTP_ERANGE);
    assert_int_equal(
        call(fixture, "http_head", handle, BUF_AT, need - 1, RET_AT),
        BX_HTTP_ERANGE);
    assert_int_equal(call(fixture, "http_head", handle, BUF_AT, need, RET_AT),
                     0);
    assert_int_equal(fixture->guest.data[BUF_AT + need], CANARY);
    assert_int_equal(support_server_requests(fixture->web->server), 1);
}

static void writes_the_head_as_utf8(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle = must_open(fixture, "/latin1", "");

    assert_int_equal(read_head(fixture, handle), 0);
    assert_non_null(
        strstr((char *)fixture->guest.data + BUF_AT, "[\"x-a\",\"\xc3\xbc\"]"));
}

static void says_where_a_redirect_ended(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle = must_open(fixture, "/redirect/302//hello", "");
    const char *buf = (char *)fixture->guest.data + BUF_AT;

    assert_int_equal(read_head(fixture, handle), 0);
    assert_non_null(strstr(buf, "/hello\",\"redirected\":true"));
}

/* ---- refused -------------------------------------------------------- */

static void denies_by_policy(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle;

    assert_int_equal(
        open_text(fixture, "{\"url\":\"https://evil.example/?k=v\"}"),
        BX_HTTP_EACCES);
    assert_int_equal(returned(fixture), 0xa5a5a5a5u);
    expect_reason(fixture, 0, "denied");
    assert_int_equal(fixture->web->run.calls_denied, 1);
    assert_non_null(strstr(fixture->web->denials.data,
                           "http_open https://evil.example/?k=v "));
    handle = must_open(fixture, "/redirect/302/http://evil.example/", "");
    assert_int_equal(read_head(fixture, handle), BX_HTTP_EACCES);
    expect_reason(fixture, handle, "redirect (302)");
    assert_int_equal(read_head(fixture, handle), BX_HTTP_EACCES);
    assert_int_equal(read_some(fixture, handle), BX_HTTP_EACCES);
    assert_int_equal(fixture->web->run.calls_denied, 2);
}

static void keeps_the_rule_from_the_guest(void **state)
{
    guest_side *fixture = *state;

    web_set(fixture->web, "block-url", "*secret*");
    renew_host(fixture);
    assert_int_equal(open_path(fixture, "/secret", ""), BX_HTTP_EACCES);
    assert_null(strstr(reason_of(fixture, 0), "--block-url"));
    assert_non_null(strstr(fixture->web->denials.data, "--block-url *secret*"));
}

static void refuses_malformed_requests(void **state)
{
    static const char *const table[][2] = {
        { "", "not JSON" },
        { "x", "not JSON" },
        { "{\"url\":\"http://h/\"} x", "not JSON" },
        { "{\"url\":\"\xff\"}", "not JSON" },
        { "{\"url\":\"http://h/\\u0000\"}", "not JSON" },
        { "[]", "not a JSON object" },
        { "{}", "no 'url'" },
        { "{\"url\":1}", "'url' of the request" },
        { "{\"url\":\"http://h/\",\"url\":\"http://i/\"}", "duplicate" },
        { "{\"url\":\"http://h/\",\"proxy\":\"x\"}", "unknown key 'proxy'" },
        { "{\"url\":\"http://h/\",\"a\\nb\":1}", "unknown key 'a\\x0ab'" },
        { "[[[[[1]]]]]", "nested deeper" },
        { "{\"url\":\"http://h/\",\"method\":1}", "'method' of the request" },
        { "{\"url\":\"http://h/\",\"method\":\"G T\"}", "method 'G T'" },
        { "{\"url\":\"http://h/\",\"headers\":{}}", "'headers'" },
        { "{\"url\":\"http://h/\",\"headers\":[\"a\"]}", "entry 0" },
        { "{\"url\":\"http://h/\",\"headers\":[[\"a\"]]}", "entry 0" },
        { "{\"url\":\"http://h/\",\"headers\":[[\"a\",1]]}", "entry 0" },
        { "{\"url\":\"http://h/\",\"headers\":[[\"a\",\"b\",\"c\"]]}",
          "entry 0" },
        { "{\"url\":\"http://h/\",\"headers\":[[\"a\",\"b\\r\\nc: d\"]]}",
          "control byte" },
        { "{\"url\":\"http://h/\",\"headers\":[[\"Host\",\"x\"]]}",
          "set by the host" },
        { "{\"url\":\"http://h/\",\"redirect\":\"yes\"}", "'redirect'" },
        { "{\"url\":\"http://h/\",\"redirect\":1}", "'redirect'" },
        { "{\"url\":\"http://h/\",\"timeout_ms\":0}", "'timeout_ms'" },
        { "{\"url\":\"http://h/\",\"timeout_ms\":-1}", "'timeout_ms'" },
        { "{\"url\":\"http://h/\",\"timeout_ms\":1.5}", "'timeout_ms'" },
        { "{\"url\":\"http://h/\",\"timeout_ms\":1e99}", "'timeout_ms'" },
        { "{\"url\":\"http://h/\",\"timeout_ms\":99999999999999999999}",
          "not JSON" },
        { "{\"url\":\"http://u:p@h/\"}", "userinfo" },
        { "{\"url\":\"/relative\"}", "no scheme" },
        { "{\"url\":\"http://h/ HTTP/1.1\\r\\nX: y\"}", "URL" },
    };
    guest_side *fixture = *state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(open_text(fixture, table[i][0]), BX_HTTP_EINVAL);
        expect_reason(fixture, 0, table[i][1]);
    }
    assert_int_equal(
        call(fixture, "http_open", 0, BX_HTTP_REQUEST_MAX_BYTES + 1, RET_AT, 0),
        BX_HTTP_EINVAL);
    expect_reason(fixture, 0, "65537 bytes");
    assert_int_equal(fixture->web->run.calls_denied, 0);
}

static void takes_the_longest_timeout(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle =
        must_open(fixture, "/hello", ",\"timeout_ms\":9223372036854775807");

    assert_int_equal(read_head(fixture, handle), 0);
}

/* Every pointer of every call, just outside and far outside. */
static void refuses_pointers_outside_memory(void **state)
{
    static const struct {
        const char *name;
        int pointer; /* argument index */
        int length;  /* of its length, -1 for 4 bytes */
    } table[] = {
        { "http_open", 0, 1 },  { "http_open", 2, -1 }, { "http_write", 1, 2 },
        { "http_head", 1, 2 },  { "http_head", 3, -1 }, { "http_read", 1, 2 },
        { "http_read", 3, -1 }, { "http_error", 1, 2 }, { "http_error", 3, -1 },
    };
    static const uint32_t pointers[] = { MEMORY_BYTES - 3, MEMORY_BYTES,
                                         MEMORY_BYTES + 1, 0x80000000u,
                                         0xfffffffcu,      0xffffffffu };
    guest_side *fixture = *state;
    uint32_t handle = must_open(fixture, "/hello", "");

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (size_t j = 0; j < sizeof(pointers) / sizeof(pointers[0]); j++) {
            uint32_t args[4] = { handle, BUF_AT, 4, RET_AT };

            if (strcmp(table[i].name, "http_open") == 0)
                memcpy(args, (uint32_t[]){ TEXT_AT, 2, RET_AT, 0 },
                       sizeof(args));
            args[table[i].pointer] = pointers[j];
            if (table[i].length >= 0)
                args[table[i].length] = 4;
            assert_int_equal(call(fixture, table[i].name, args[0], args[1],
                                  args[2], args[3]),
                             BX_HTTP_EFAULT);
            if (table[i].length < 0)
                continue;
            args[table[i].pointer] = 8;
            args[table[i].length] = 0xffffffffu;
            assert_int_equal(call(fixture, table[i].name, args[0], args[1],
                                  args[2], args[3]),
                             BX_HTTP_EFAULT);
        }
    }
    assert_int_equal(support_server_requests(fixture->web->server), 0);
    assert_int_equal(read_head(fixture, handle), 0);
}

static void refuses_handles_that_are_not_open(void **state)
{
    static const uint32_t handles[] = { 0,    2,          4,          5,
                                        1000, 0x7fffffff, 0xffffffffu };
    guest_side *fixture = *state;
    uint32_t handle = must_open(fixture, "/hello", "");

    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        uint32_t bad = handles[i];

        assert_int_equal(call(fixture, "http_write", bad, BUF_AT, 1, 0),
                         BX_HTTP_EBADF);
        assert_int_equal(read_head(fixture, bad), BX_HTTP_EBADF);
        assert_int_equal(read_some(fixture, bad), BX_HTTP_EBADF);
        assert_int_equal(call(fixture, "http_close", bad, 0, 0, 0),
                         BX_HTTP_EBADF);
        if (bad != 0)
            assert_int_equal(
                call(fixture, "http_error", bad, BUF_AT, 1, RET_AT),
                BX_HTTP_EBADF);
    }
    assert_int_equal(call(fixture, "http_close", handle, 0, 0, 0), 0);
    assert_int_equal(call(fixture, "http_close", handle, 0, 0, 0),
                     BX_HTTP_EBADF);
}

static void refuses_a_write_that_comes_late(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle = must_open(fixture, "/hello", "");

    assert_int_equal(read_head(fixture, handle), 0);
    assert_int_equal(call(fixture, "http_write", handle, BUF_AT, 1, 0),
                     BX_HTTP_EINVAL);
    expect_reason(fixture, handle, "already sent");
    assert_int_equal(call(fixture, "http_read", handle, BUF_AT, 0, RET_AT),
                     BX_HTTP_EINVAL);
    assert_int_equal(read_some(fixture, handle), 0);
}

/* ---- limits --------------------------------------------------------- */

static void opens_only_so_many_at_once(void **state)
{
    guest_side *fixture = *state;

    web_set(fixture->web, "max-open-requests", "3");
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(must_open(fixture, "/hello", ""), i);
    assert_int_equal(open_path(fixture, "/hello", ""), BX_HTTP_EMFILE);
    expect_reason(fixture, 0, "max-open-requests, 3");
    assert_int_equal(call(fixture, "http_close", 2, 0, 0, 0), 0);
    assert_int_equal(must_open(fixture, "/hello", ""), 2);
    assert_int_equal(open_path(fixture, "/hello", ""), BX_HTTP_EMFILE);
}

static void makes_only_so_many_in_a_run(void **state)
{
    guest_side *fixture = *state;

    web_set(fixture->web, "max-requests", "5");
    for (int i = 0; i < 5; i++)
        assert_int_equal(call(fixture, "http_close",
                              must_open(fixture, "/hello", ""), 0, 0, 0),
                         0);
    assert_int_equal(open_path(fixture, "/hello", ""), BX_HTTP_EMFILE);
    expect_reason(fixture, 0, "max-requests, 5");
}

static void ends_bodies_at_max_response(void **state)
{
    guest_side *fixture = *state;
    uint32_t handle;
    uint64_t got = 0;
    int32_t result;

    web_set(fixture->web, "max-response", "10000");
    renew_host(fixture);
    handle = must_open(fixture, "/body?10001", "");
    while ((result = read_some(fixture, handle)) == 0 && returned(fixture) > 0)
        got += returned(fixture);
    assert_int_equal(result, BX_HTTP_EFBIG);
    assert_true(got <= 10000);
    expect_reason(fixture, handle, "max-response, 10000 bytes");
    handle = must_open(fixture, "/echo", ",\"method\":\"POST\"");
    assert_int_equal(call(fixture, "http_write", handle, 0, 10000, 0), 0);
    assert_int_equal(call(fixture, "http_write", handle, 0, 1, 0),
                     BX_HTTP_EFBIG);
}

static void answers_each_errno(void **state)
{
    static const struct {
        const char *path;
        int32_t result;
    } table[] = {
        { "/reset", BX_HTTP_ECONNRESET },   { "/http09", BX_HTTP_EPROTO },
        { "/endless-head", BX_HTTP_EFBIG }, { "/slow-head", BX_HTTP_ETIMEDOUT },
        { "/to-self", BX_HTTP_EPROTO },
    };
    guest_side *fixture = *state;
    char text[128];

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *more =
            table[i].result == BX_HTTP_ETIMEDOUT ? ",\"timeout_ms\":50" : "";
        uint32_t handle = must_open(fixture, table[i].path, more);

        assert_int_equal(read_some(fixture, handle), table[i].result);
        assert_string_not_equal(reason_of(fixture, handle), "");
        assert_int_equal(read_head(fixture, handle), table[i].result);
    }
    snprintf(text, sizeof(text), "{\"url\":\"http://127.0.0.1:%u/\"}",
             support_closed_port());
    assert_int_equal(open_text(fixture, text), 0);
    assert_int_equal(read_head(fixture, returned(fixture)),
                     BX_HTTP_ECONNREFUSED);
    web_set(fixture->web, "allowed-outbound-host", "http://none.test");
    renew_host(fixture);
    assert_int_equal(open_text(fixture, "{\"url\":\"http://none.test/\"}"), 0);
    assert_int_equal(read_head(fixture, returned(fixture)),
                     BX_HTTP_EHOSTUNREACH);
}

static void stops_when_the_run_is_over(void **state)
{
    guest_side *fixture = *state;
    uint32_t slow = must_open(fixture, "/slow-head", "");
    uint32_t body = must_open(fixture, "/slow-body", "");
    uint32_t cancel = must_open(fixture, "/cancel", "");

    assert_int_equal(read_some(fixture, body), 0);
    fixture->web->run.deadline_ns = bx_now_ns() + 30000000;
    assert_int_equal(read_head(fixture, slow), BX_HOST_STOP);
    assert_int_equal(read_some(fixture, body), BX_HOST_STOP);
    assert_int_equal(open_path(fixture, "/hello", ""), BX_HOST_STOP);
    fixture->web->run.deadline_ns = bx_now_ns() + 60000000000;
    fixture->run->deadline_ns = fixture->web->run.deadline_ns;
    assert_int_equal(read_head(fixture, cancel), BX_HOST_STOP);
    assert_int_equal(open_path(fixture, "/hello", ""), BX_HOST_STOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(posts_and_reads),
        TEST(reads_without_asking_for_the_head),
        TEST(asks_for_a_larger_buffer),
        TEST(writes_the_head_as_utf8),
        TEST(says_where_a_redirect_ended),
        TEST(denies_by_policy),
        TEST(keeps_the_rule_from_the_guest),
        TEST(refuses_malformed_requests),
        TEST(takes_the_longest_timeout),
        TEST(refuses_pointers_outside_memory),
        TEST(refuses_handles_that_are_not_open),
        TEST(refuses_a_write_that_comes_late),
        TEST(opens_only_so_many_at_once),
        TEST(makes_only_so_many_in_a_run),
        TEST(ends_bodies_at_max_response),
        TEST(answers_each_errno),
        TEST(stops_when_the_run_is_over),
    };

    return support_run_every_way(tests, NULL, NULL);
}
