/* JSON-RPC messages, lines, URIs and agreements: no server, no engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mcp/agreement.h"
#include "mcp/ignore.h"
#include "mcp/line.h"
#include "mcp/uri.h"

static bx_line_status next(bx_line_reader *reader, char text[64])
{
    const char *line;
    size_t bytes;
    bx_line_status status = bx_line_next(reader, &line, &bytes);

    if (status == BX_LINE_READY) {
        memcpy(text, line, bytes);
        text[bytes] = '\0';
    }
    return status;
}

static void lines_come_in_pieces(void **state)
{
    bx_line_reader reader = { .max_bytes = 8 };
    char text[64];

    (void)state;
    assert_int_equal(bx_line_feed(&reader, "one\ntw", 6), 0);
    assert_int_equal(next(&reader, text), BX_LINE_READY);
    assert_string_equal(text, "one");
    assert_int_equal(next(&reader, text), BX_LINE_NONE);
    assert_true(bx_line_has_rest(&reader));
    assert_int_equal(bx_line_feed(&reader, "o\r\n\n12345678\n", 13), 0);
    assert_int_equal(next(&reader, text), BX_LINE_READY);
    assert_string_equal(text, "two");
    assert_int_equal(next(&reader, text), BX_LINE_READY);
    assert_string_equal(text, "");
    assert_int_equal(next(&reader, text), BX_LINE_READY);
    assert_string_equal(text, "12345678");
    assert_int_equal(next(&reader, text), BX_LINE_NONE);
    assert_false(bx_line_has_rest(&reader));
    bx_line_clear(&reader);
}

static void lines_that_are_too_long_are_told_once(void **state)
{
    bx_line_reader reader = { .max_bytes = 4 };
    char text[64];

    (void)state;
    assert_int_equal(bx_line_feed(&reader, "12345\nab\n", 9), 0);
    assert_int_equal(next(&reader, text), BX_LINE_TOO_LONG);
    assert_int_equal(next(&reader, text), BX_LINE_READY);
    assert_string_equal(text, "ab");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bx_line_feed(&reader, "xxxxxx", 6), 0);
        assert_int_equal(next(&reader, text),
                         i == 0 ? BX_LINE_TOO_LONG : BX_LINE_NONE);
        assert_int_equal(reader.held.len - reader.begin, 0);
    }
    assert_int_equal(bx_line_feed(&reader, "x\ncd\n", 5), 0);
    assert_int_equal(next(&reader, text), BX_LINE_READY);
    assert_string_equal(text, "cd");
    bx_line_clear(&reader);
}

static bx_rpc read_text(const char *text)
{
    json_t *error = NULL;
    json_t *value = bx_rpc_parse(text, strlen(text), &error);
    bx_rpc rpc;

    assert_non_null(value);
    bx_rpc_read(value, &rpc);
    return rpc;
}

static void messages_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        bx_rpc_kind kind;
        bool has_id;
    } cases[] = {
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}", BX_RPC_REQUEST,
          true },
        { "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"m\",\"params\":{}}",
          BX_RPC_REQUEST, true },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", BX_RPC_NOTIFICATION,
          false },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", BX_RPC_RESPONSE,
          true },
        { "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}", BX_RPC_RESPONSE,
          false },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}",
          BX_RPC_INVALID, true },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\\u0000\"}",
          BX_RPC_INVALID, true },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]}",
          BX_RPC_INVALID, true },
        { "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"m\"}", BX_RPC_INVALID,
          false },
        { "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}", BX_RPC_INVALID, true },
        { "[]", BX_RPC_INVALID, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bx_rpc rpc = read_text(cases[i].text);

        if (rpc.kind != cases[i].kind || (rpc.id != NULL) != cases[i].has_id)
            fail_msg("%s", cases[i].text);
        assert_int_equal(rpc.error != NULL, rpc.kind == BX_RPC_INVALID);
        bx_rpc_clear(&rpc);
    }
}

static void uris_are_canonical_or_refused(void **state)
{
    static const char *const good[][2] = {
        { "workspace:///", "/" },        { "workspace:///a/b", "/a/b" },
        { "workspace:///a/b/", "/a/b" }, { "workspace:///a%20b", "/a b" },
        { "workspace:///...", "/..." },  { "workspace:///%2e%2ex", "/..x" },
    };
    static const char *const bad[] = {
        "",
        "workspace:/a",
        "workspace://host/a",
        "file:///a",
        "WORKSPACE:///a",
        "workspace:///..",
        "workspace:///a/../b",
        "workspace:///./a",
        "workspace:///%2e%2E/a",
        "workspace:///a//b",
        "workspace:///a%2Fb",
        "workspace:///a%00",
        "workspace:///a%",
        "workspace:///a%2",
        "workspace:///a%zz",
        "workspace:///a?b",
        "workspace:///a#b",
        "workspace:///%80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char *path = bx_uri_parse(good[i][0], NULL);

        assert_string_equal(path, good[i][1]);
        free(path);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bx_error *err = NULL;

        if (bx_uri_parse(bad[i], &err) != NULL)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        bx_error_free(err);
    }
}

static void rules_leave_out_what_git_would(void **state)
{
    static const char rules[] = "# note\n*.o\n/top\nsub/x\nfolder/\n!keep.o\n"
                                "**/deep/*.log\n[ab]?c\n\\#real\nx*y*z\n";
    static const struct {
        const char *path;
        bool is_folder;
        bool is_out;
    } cases[] = {
        { "/a.o", false, true },
        { "/s/a.o", false, true },
        { "/keep.o", false, false },
        { "/top", false, true },
        { "/s/top", false, false },
        { "/sub/x", false, true },
        { "/s/sub/x", false, false },
        { "/folder", true, true },
        { "/folder", false, false },
        { "/deep/1.log", false, true },
        { "/a/b/deep/1.log", false, true },
        { "/deep/a/1.log", false, false },
        { "/axc", false, true },
        { "/cxc", false, false },
        { "/#real", false, true },
        { "/xaybz", false, true },
        { "/xaybzb", false, false },
        { "/plain", false, false },
    };
    bx_ignore *ignore = bx_ignore_new();

    (void)state;
    assert_int_equal(bx_ignore_add(ignore, "", rules, strlen(rules)), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (bx_ignore_has(ignore, cases[i].path, cases[i].is_folder) !=
            cases[i].is_out)
            fail_msg("'%s'", cases[i].path);
    }
    bx_ignore_free(ignore);
}

static void rules_of_a_folder_stay_there(void **state)
{
    bx_ignore *ignore = bx_ignore_new();

    (void)state;
    assert_int_equal(bx_ignore_add(ignore, "/a", "/x\n*.o", 6), 0);
    assert_true(bx_ignore_has(ignore, "/a/x", false));
    assert_true(bx_ignore_has(ignore, "/a/b/y.o", false));
    assert_false(bx_ignore_has(ignore, "/x", false));
    assert_false(bx_ignore_has(ignore, "/ab/y.o", false));
    for (int i = 0; i < 3000; i++)
        assert_int_equal(bx_ignore_add(ignore, "", "never-*", 7), 0);
    bx_ignore_free(ignore);
}

static void agreements_happen_once(void **state)
{
    bx_agreement agreement;
    bx_terms terms;
    json_t *params = json_pack("{s:s, s:{}}", "protocolVersion", "2025-03-26",
                               "capabilities");
    json_t *error;

    (void)state;
    bx_agreement_init(&agreement);
    assert_false(bx_agreement_confirm(&agreement));
    assert_null(bx_agreement_open(&agreement, params, &terms));
    assert_int_equal(terms.revision, BX_REVISION_2025_03_26);
    assert_true(bx_agreement_has_batches(&agreement));
    assert_false(bx_agreement_is_ready(&agreement));
    assert_true(bx_agreement_confirm(&agreement));
    assert_false(bx_agreement_confirm(&agreement));
    error = bx_agreement_open(&agreement, params, &terms);
    assert_int_equal(json_integer_value(json_object_get(error, "code")),
                     BX_RPC_INVALID_REQUEST);
    json_decref(error);
    json_decref(params);
    bx_agreement_clear(&agreement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_in_pieces),
        cmocka_unit_test(lines_that_are_too_long_are_told_once),
        cmocka_unit_test(messages_are_told_apart),
        cmocka_unit_test(uris_are_canonical_or_refused),
        cmocka_unit_test(rules_leave_out_what_git_would),
        cmocka_unit_test(rules_of_a_folder_stay_there),
        cmocka_unit_test(agreements_happen_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
