#include "models/support_golden.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/sse.h"

static const char *const stops[] = { "end", "calls", "length", "context",
                                     "refusal" };
static const char *const failures[] = { "request", "key",  "no_model",
                                        "context", "rate", "overload",
                                        "server" };
static const char *const efforts[] = { "default", "none", "low", "medium",
                                       "high" };
static const char *const abilities[] = { "tools", "images", "thinking", "cache",
                                         "schema" };

static size_t place(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return i;
    }
    fail_msg("'%s' is none of the words that may stand here", word);
    return 0;
}

#define PLACE(word, words) place(word, words, sizeof(words) / sizeof(words[0]))

static json_t *load(const char *path)
{
    json_error_t where;
    json_t *value = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

    if (value == NULL)
        fail_msg("%s:%d: %s", path, where.line, where.text);
    return value;
}

static void expect_equal(const char *path, const json_t *got,
                         const json_t *expected)
{
    if (!json_equal(got, expected)) {
        char *text = json_dumps(got, JSON_INDENT(1)); /* for people */

        fail_msg("%s: got %s", path, text);
    }
}

static void expect_says(const char *path, const char *text, const char *part)
{
    if (*part == '\0' || strstr(text, part) == NULL)
        fail_msg("%s: '%s' does not say '%s'", path, text, part);
}

static void find_files(const bx_protocol *protocol, const char *kind,
                       glob_t *ret_files)
{
    char *pattern = NULL;

    assert_true(asprintf(&pattern, "%s/tests/models/golden/%s-*.%s",
                         getenv("BX_SOURCE_DIR"), protocol->name, kind) > 0);
    if (glob(pattern, 0, NULL, ret_files) != 0)
        fail_msg("%s: there is none", pattern);
    free(pattern);
}

struct reading {
    const bx_protocol *protocol;
    bx_reply *reply;
};

static int tell(void *context, const char *event, const char *data,
                size_t bytes, bx_error **err)
{
    struct reading *to = context;

    return to->protocol->read_event(to->reply, event, data, bytes, err);
}

static int feed(struct reading *to, const char *text, size_t bytes,
                size_t piece, bx_error **err)
{
    bx_autosse bx_sse *sse = bx_sse_new(BX_SSE_MAX_BYTES, tell, to, err);

    assert_non_null(sse);
    for (size_t at = 0; at < bytes; at += piece) {
        size_t part = bytes - at < piece ? bytes - at : piece;

        if (bx_sse_feed(sse, text + at, part, err) < 0)
            return -1;
    }
    return 0;
}

/* What came, in the form of the expected. */
static json_t *shown(const bx_turn_reply *got)
{
    const bx_usage *usage = &got->usage;
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(got->message), i, block)
    {
        if (bx_block_is(block, "tool_call"))
            json_object_set_new(block, "id", json_string("ID"));
    }
    return json_pack("{s:O, s:s, s:s, s:[IIIII]}", "content",
                     bx_message_blocks(got->message), "stop", stops[got->stop],
                     "model", got->model != NULL ? got->model : "", "usage",
                     (json_int_t)usage->input_tokens,
                     (json_int_t)usage->output_tokens,
                     (json_int_t)usage->cache_read_tokens,
                     (json_int_t)usage->cache_write_tokens,
                     (json_int_t)usage->thinking_tokens);
}

static void expect_reply(const bx_protocol *protocol, const char *path,
                         const json_t *expected, const char *text, size_t bytes,
                         size_t piece)
{
    struct reading to = { protocol, bx_reply_new(protocol->name, NULL, NULL) };
    bx_autoreply bx_turn_reply got = { 0 };
    const bx_reply_failure *failure;
    bx_error *err = NULL;
    int status = feed(&to, text, bytes, piece, &err);

    failure = bx_reply_failure_of(to.reply);
    if (json_object_get(expected, "failure") != NULL) {
        assert_int_equal(status, 0);
        assert_non_null(failure);
        assert_string_equal(failures[failure->kind],
                            bx_block_text(expected, "failure"));
        expect_says(path, failure->text, bx_block_text(expected, "text"));
        assert_int_equal(bx_reply_take(to.reply, &got, NULL), -1);
    } else {
        assert_null(failure);
        if (status == 0)
            status = protocol->read_end(to.reply, &err);
        if (status == 0)
            status = bx_reply_take(to.reply, &got, &err);
    }
    if (json_object_get(expected, "error") != NULL) {
        assert_int_equal(status, -1);
        assert_null(got.message);
        expect_says(path, bx_error_message(err),
                    bx_block_text(expected, "error"));
    } else if (status < 0) {
        fail_msg("%s: %s", path, bx_error_message(err));
    } else if (got.message != NULL) {
        json_t *value = shown(&got);

        expect_equal(path, value, expected);
        json_decref(value);
    }
    bx_error_free(err);
    bx_reply_free(to.reply);
}

/* A transcript, and what it becomes. */
static json_t *load_expected(const char *path, bx_buf *text)
{
    char *json_path = NULL;
    bx_autofile FILE *file = fopen(path, "re");
    char part[4096];
    size_t bytes;
    json_t *expected;

    assert_true(asprintf(&json_path, "%.*s.json",
                         (int)(strlen(path) - strlen(".sse")), path) > 0);
    expected = load(json_path);
    assert_non_null(file);
    while ((bytes = fread(part, 1, sizeof(part), file)) > 0)
        assert_int_equal(bx_buf_append(text, part, bytes, SIZE_MAX), 0);
    free(json_path);
    return expected;
}

void support_golden_replies(const bx_protocol *protocol)
{
    static const size_t pieces[] = { 1, 7, SIZE_MAX };
    glob_t files;

    find_files(protocol, "sse", &files);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i];
        bx_autobuf bx_buf text = BX_BUF_INIT;
        json_t *expected = load_expected(path, &text);

        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++)
            expect_reply(protocol, path, expected, text.data, text.len,
                         pieces[j]);
        json_decref(expected);
    }
    globfree(&files);
}

static json_t *calls_of(const json_t *blocks)
{
    json_t *calls = json_array();
    json_t *block;
    size_t i;

    json_array_foreach(blocks, i, block)
    {
        if (bx_block_is(block, "tool_call"))
            json_array_append(calls, block);
    }
    return calls;
}

static void expect_whole_calls(const bx_protocol *protocol, const char *path,
                               const json_t *expected, const char *text,
                               size_t bytes)
{
    struct reading to = { protocol, bx_reply_new(protocol->name, NULL, NULL) };
    bx_autoreply bx_turn_reply got = { 0 };

    if (feed(&to, text, bytes, SIZE_MAX, NULL) == 0 &&
        bx_reply_failure_of(to.reply) == NULL &&
        protocol->read_end(to.reply, NULL) == 0 &&
        bx_reply_take(to.reply, &got, NULL) == 0) {
        json_t *value = shown(&got);
        json_t *calls = calls_of(json_object_get(value, "content"));

        expect_equal(path, calls, expected);
        json_decref(calls);
        json_decref(value);
    }
    bx_reply_free(to.reply);
}

void support_golden_cuts(const bx_protocol *protocol)
{
    glob_t files;

    find_files(protocol, "sse", &files);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i];
        bx_autobuf bx_buf text = BX_BUF_INIT;
        json_t *expected = load_expected(path, &text);
        json_t *calls = calls_of(json_object_get(expected, "content"));

        for (size_t bytes = 0; bytes < text.len; bytes++)
            expect_whole_calls(protocol, path, calls, text.data, bytes);
        json_decref(calls);
        json_decref(expected);
    }
    globfree(&files);
}

static const char *text_or_null(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void expect_request(const bx_protocol *protocol, const char *path,
                           const json_t *given)
{
    const json_t *about = json_object_get(given, "model");
    const char *base_url = text_or_null(about, "base_url");
    const bx_provider provider = {
        .name = "p",
        .base_url = base_url != NULL ? base_url : "https://api.example",
    };
    bx_model model = { .id = bx_block_text(about, "id"),
                       .provider = &provider };
    const json_t *temperature = json_object_get(given, "temperature");
    bx_turn_request request = {
        .model = &model,
        .system = text_or_null(given, "system"),
        .messages = json_object_get(given, "messages"),
        .tools = json_object_get(given, "tools"),
        .tool_choice = text_or_null(given, "tool_choice"),
        .output_schema = json_object_get(given, "output_schema"),
        .max_output_tokens = (uint64_t)json_integer_value(
            json_object_get(given, "max_output_tokens")),
        .temperature = temperature != NULL ? json_real_value(temperature) : -1,
        .cache_key = text_or_null(given, "cache_key"),
    };
    bool is_count = json_is_true(json_object_get(given, "count"));
    bx_autoprotocolrequest bx_protocol_request got = { 0 };
    bx_error *err = NULL;
    json_t *ability;
    size_t i;
    int status;

    model.output_tokens =
        (uint64_t)json_integer_value(json_object_get(about, "output_tokens"));
    json_array_foreach(json_object_get(about, "has"), i, ability)
    {
        model.abilities |= 1u << PLACE(json_string_value(ability), abilities);
    }
    if (json_object_get(given, "effort") != NULL)
        request.effort =
            (bx_effort)PLACE(bx_block_text(given, "effort"), efforts);
    status = (is_count ? protocol->write_count : protocol->write)(&request,
                                                                  &got, &err);
    if (json_object_get(given, "error") != NULL) {
        assert_int_equal(status, -1);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        expect_says(path, bx_error_message(err), bx_block_text(given, "error"));
    } else if (status < 0) {
        fail_msg("%s: %s", path, bx_error_message(err));
    } else {
        assert_string_equal(got.url.data, bx_block_text(given, "url"));
        expect_equal(path, got.body, json_object_get(given, "body"));
    }
    bx_error_free(err);
}

void support_golden_requests(const bx_protocol *protocol)
{
    glob_t files;

    find_files(protocol, "request", &files);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        json_t *given = load(files.gl_pathv[i]);
        json_t *before = json_deep_copy(given);

        expect_request(protocol, files.gl_pathv[i], given);
        /* What was asked is the caller's, and still the same. */
        expect_equal(files.gl_pathv[i], given, before);
        json_decref(before);
        json_decref(given);
    }
    globfree(&files);
}
