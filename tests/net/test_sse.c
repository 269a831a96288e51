#include "net/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

/* Writes every event as "NAME|DATA;". */
static int note(void *context, const char *event, const char *data,
                size_t bytes, bx_error **err)
{
    bx_buf *to = context;

    if (strcmp(event, "stop") == 0)
        return bx_error_set(err, BX_ERR_DENIED, "stopped");
    assert_int_equal(strlen(data), bytes);
    return bx_buf_printf(to, "%s|%s;", event, data);
}

/* In pieces of so many bytes. */
static int feed(const char *text, size_t bytes, size_t piece, size_t max_bytes,
                bx_buf *to, bx_error **err)
{
    bx_autosse bx_sse *sse = bx_sse_new(max_bytes, note, to, err);

    assert_non_null(sse);
    for (size_t at = 0; at < bytes; at += piece) {
        size_t part = bytes - at < piece ? bytes - at : piece;

        if (bx_sse_feed(sse, text + at, part, err) < 0)
            return -1;
    }
    return 0;
}

static void expect(const char *text, const char *events)
{
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        bx_autobuf bx_buf to = BX_BUF_INIT;
        bx_error *err = NULL;

        assert_int_equal(bx_buf_puts(&to, ""), 0);
        if (feed(text, strlen(text), piece, 1000, &to, &err) < 0)
            fail_msg("%s", bx_error_message(err));
        assert_string_equal(to.data, events);
    }
}

static void expect_refused(const char *text, size_t bytes, size_t max_bytes,
                           bx_code code)
{
    for (size_t piece = 1; piece <= bytes; piece++) {
        bx_autobuf bx_buf to = BX_BUF_INIT;
        bx_error *err = NULL;

        assert_int_equal(feed(text, bytes, piece, max_bytes, &to, &err), -1);
        assert_int_equal(bx_error_code(err), code);
        bx_error_free(err);
    }
}

static void reads_every_end_of_line(void **state)
{
    (void)state;
    expect("data: a\n\ndata: b\r\rdata: c\r\n\r\n", "|a;|b;|c;");
    expect("event: x\r\ndata: 1\r\n\r\ndata: 2\n\r\n", "x|1;|2;");
}

static void joins_lines_of_data(void **state)
{
    (void)state;
    expect("data: a\ndata:b\ndata\ndata:  c\n\n", "|a\nb\n\n c;");
    expect("data:\n\n", "|;");
    expect("data: a: b\n\n", "|a: b;");
}

static void passes_over_what_is_no_data(void **state)
{
    (void)state;
    expect(": ping\n\nid: 1\nretry: 5\nother: x\n\nevent: x\n\ndata: a\n\n",
           "|a;");
    expect("event: x\nevent: y\ndata: a\n\n", "y|a;");
}

/* The place to read on from, after text in pieces of every size. */
static void expect_place(const char *text, const char *id, uint64_t retry_ms)
{
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        bx_autobuf bx_buf to = BX_BUF_INIT;
        bx_autosse bx_sse *sse = bx_sse_new(10000, note, &to, NULL);

        assert_non_null(sse);
        assert_string_equal(bx_sse_last_id(sse), "");
        for (size_t at = 0; at < strlen(text); at += piece)
            assert_int_equal(bx_sse_feed(sse, text + at,
                                         strlen(text + at) < piece
                                             ? strlen(text + at)
                                             : piece,
                                         NULL),
                             0);
        assert_string_equal(bx_sse_last_id(sse), id);
        assert_int_equal(bx_sse_retry_ms(sse), retry_ms);
    }
}

static void knows_where_to_read_on(void **state)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autobuf bx_buf to = BX_BUF_INIT;
    bx_autosse bx_sse *sse = bx_sse_new(10000, note, &to, NULL);

    (void)state;
    expect_place("id: 1\ndata: a\n\nid: 2\ndata: b\n", "1", 0);
    expect_place("retry: 50\nid: 1\n\ndata: b\n\n", "1", 50);
    expect_place("id: 1\ndata: a\n\nid\ndata: b\n\n", "", 0);
    expect_place("retry: 7\nretry: -1\nretry: 1x\nretry: 1234567890\n", "", 7);
    assert_int_equal(bx_buf_puts(&text, "id: 1\ndata: a\n\nid: "), 0);
    for (int i = 0; i <= BX_SSE_ID_MAX_BYTES; i++)
        assert_int_equal(bx_buf_puts(&text, "x"), 0);
    assert_int_equal(bx_buf_puts(&text, "\n\n"), 0);
    assert_non_null(sse);
    assert_int_equal(bx_sse_feed(sse, text.data, text.len, NULL), 0);
    assert_string_equal(bx_sse_last_id(sse), "");
}

static void takes_one_byte_order_mark(void **state)
{
    (void)state;
    expect("\xef\xbb\xbf"
           "data: a\n\n",
           "|a;");
    expect("\n\xef\xbb\xbf"
           "data: a\n\n",
           "");
}

static void leaves_a_cut_event_out(void **state)
{
    (void)state;
    expect("data: a\n\ndata: b\n", "|a;");
    expect("data: a\n\ndata: b", "|a;");
}

static void refuses_what_is_not_utf8(void **state)
{
    (void)state;
    expect_refused("data: \xff\n\n", 9, 1000, BX_ERR_INVALID);
    expect_refused("data: \xe2\x82\n\n", 10, 1000, BX_ERR_INVALID);
}

static void bounds_an_event(void **state)
{
    (void)state;
    expect("data: 123456\n\n", "|123456;");
    expect_refused("data: 1234567", 13, 12, BX_ERR_LIMIT);
    expect_refused("data: 1234567\n", 14, 12, BX_ERR_LIMIT);
    expect_refused("data: 1234\ndata: 1234\ndata: 1234\n", 33, 12,
                   BX_ERR_LIMIT);
}

static void ends_when_the_reader_fails(void **state)
{
    static const char text[] = "event: stop\ndata: a\n\ndata: b\n\n";

    (void)state;
    expect_refused(text, strlen(text), 1000, BX_ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_end_of_line),
        cmocka_unit_test(joins_lines_of_data),
        cmocka_unit_test(passes_over_what_is_no_data),
        cmocka_unit_test(knows_where_to_read_on),
        cmocka_unit_test(takes_one_byte_order_mark),
        cmocka_unit_test(leaves_a_cut_event_out),
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(bounds_an_event),
        cmocka_unit_test(ends_when_the_reader_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
