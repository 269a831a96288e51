#include "agent/models/demo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "agent/models/demo_script.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"

/* ---- a conversation ------------------------------------------------- */

static const bx_provider provider = { .name = "demo", .protocol = "demo" };
static const bx_model model = { .name = "demo", .provider = &provider };
static json_t *messages;
static json_t *tools;

static void offer(const char *list)
{
    json_decref(tools);
    tools = json_loads(list, 0, NULL);
    assert_non_null(tools);
}

static int open_conversation(void **state)
{
    (void)state;
    messages = json_array();
    offer("[{\"name\":\"file-glob\"},{\"name\":\"bash\"}]");
    unsetenv(BX_DEMO_VARIABLE);
    return 0;
}

static int close_conversation(void **state)
{
    (void)state;
    json_decref(messages);
    json_decref(tools);
    messages = tools = NULL;
    unsetenv(BX_DEMO_VARIABLE);
    return 0;
}

static void say(const char *text)
{
    json_array_append_new(messages,
                          bx_message_new_text("user", text, strlen(text)));
}

/* The results of the last message's calls, in order; in an envelope as the
 * agent's are. */
static void answer(bool is_error, const char *text)
{
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    json_t *message = bx_message_new("user");
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(last), i, block)
    {
        bx_autobuf bx_buf shown = BX_BUF_INIT;

        if (!bx_block_is(block, "tool_call"))
            continue;
        bx_buf_printf(&shown,
                      "<data from=\"t\" boundary=\"00\">\n%s\n"
                      "</data boundary=\"00\">\n",
                      text);
        bx_message_add_result(
            message, bx_block_text(block, "id"), bx_block_text(block, "name"),
            is_error,
            json_pack("[{s:s, s:s}]", "type", "text", "text", shown.data));
    }
    json_array_append_new(messages, message);
}

static bx_buf seen;

static void see_text(void *context, const char *text, size_t bytes)
{
    (void)context;
    bx_buf_printf(&seen, "[%.*s]", (int)bytes, text);
}

static const bx_turn_events watch = { .text = see_text };

static bx_turn_request request(void)
{
    return (bx_turn_request){
        .model = &model, .messages = messages, .tools = tools, .temperature = -1
    };
}

/* A turn through the client, whose message joins the conversation. */
static bx_turn_reply turn(void)
{
    bx_model_client_config config = { 0 };
    bx_model_client *client = bx_model_client_new(&config, NULL);
    bx_turn_request asked = request();
    bx_turn_reply reply = { 0 };
    bx_error *err = NULL;

    bx_buf_clear(&seen);
    if (bx_model_client_turn(client, &asked, &watch, INT64_MAX, &reply, &err) <
        0)
        fail_msg("%s", bx_error_message(err));
    json_array_append(messages, reply.message);
    bx_model_client_free(client);
    return reply;
}

/* The message's blocks on a line each, without ids. */
static char *show(const json_t *message)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    size_t i;
    json_t *block;

    bx_buf_puts(&shown, "");
    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "tool_call")) {
            bx_autofree char *input =
                bx_json_text(json_object_get(block, "input"), JSON_COMPACT);

            bx_buf_printf(&shown, "%s%s\n", bx_block_text(block, "name"),
                          input);
        } else {
            bx_buf_printf(&shown, "%s\n", bx_block_text(block, "text"));
        }
    }
    return bx_buf_take(&shown);
}

static void expect(bx_stop stop, const char *expected)
{
    bx_autoreply bx_turn_reply reply = turn();
    bx_autofree char *shown = show(reply.message);

    assert_string_equal(shown, expected);
    assert_int_equal(reply.stop, stop);
    assert_string_equal(reply.model, "demo (scripted)");
}

static void expect_text(const char *part)
{
    bx_autoreply bx_turn_reply reply = turn();
    bx_autofree char *shown = show(reply.message);

    if (strstr(shown, part) == NULL)
        fail_msg("no '%s' in: %s", part, shown);
}

/* ---- scripts of a test ---------------------------------------------- */

static char script_path[] = "/tmp/bx-demo-XXXXXX";

static void play(const char *text)
{
    int fd;

    strcpy(script_path, "/tmp/bx-demo-XXXXXX");
    fd = mkstemp(script_path);
    assert_true(fd >= 0);
    assert_int_equal(bx_file_write_all(fd, text, strlen(text)), 0);
    close(fd);
    setenv(BX_DEMO_VARIABLE, script_path, 1);
}

static void refuse(const char *script, const char *expected)
{
    bx_autoerror bx_error *err = NULL;
    json_t *list =
        bx_demo_scripts_parse(script, strlen(script), "x.json", &err);

    if (list != NULL)
        fail_msg("taken: %s", script);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_string_equal(bx_error_message(err), expected);
}

/* ---- the program's own ---------------------------------------------- */

static void default_looks_around(void **state)
{
    (void)state;
    say("What is this about?");
    expect_text("This is a scripted demo, not a model");
    assert_int_equal(
        json_array_size(bx_message_blocks(json_array_get(messages, 1))),
        3); /* the text and two calls at once */
    answer(false, "/README.md");
    expect_text("file-read{\"path\":\"/README.md\",\"limit\":20}");
    answer(false, "     1\t# Hello");
    expect_text("file-read{\"path\":\"../outside.txt\"}\nweb-fetch");
    answer(true, "denied: nobody granted that");
    expect_text("- First line that was read: # Hello\\n- A file above the "
                "workspace: denied: nobody granted that\\n");
    answer(false, "Made '/NOTES-demo.md'");
    expect_text("- the server: denied: nobody granted that\n");
    assert_int_equal(json_array_size(messages), 10);
}

static void default_says_what_was_refused(void **state)
{
    (void)state;
    say("hello");
    expect_text("Two calls at once");
    answer(false, "Nothing in '/' matches.");
    expect_text("There is no text to read here");
    answer(false, "nothing");
    expect_text("outside.txt");
    answer(true, "no");
    expect_text("NOTES-demo.md");
    answer(true, "refused: the mode is plan");
    expect_text("the note was not written: refused: the mode is plan\n");
}

static void words_choose_a_script(void **state)
{
    (void)state;
    say("Please FIX the failing test.");
    expect_text("/demo-fix/mean.js");
    answer(true, "does not exist");
    expect_text("file-write");
    answer(false, "Made");
    expect_text("node test.js");
    answer(true, "Uncaught Error: mean of 2,4 is 3, not 2\n[exit code 1]");
    expect_text("It fails: mean of 2,4 is 3, not 2. The sum");
    answer(false, "Replaced");
    expect_text("And the test once more.");
    answer(false, "2 tests passed");
    expect_text("Both tests pass.");
    /* a new task begins anew, with its own script */
    say("thanks, look at attest.txt and the fixture"); /* no whole words */
    expect_text("First, what is in the workspace?");
}

static void words_are_of_the_last_task(void **state)
{
    bx_turn_reply reply;

    (void)state;
    say("fix it");
    reply = turn();
    bx_turn_reply_clear(&reply);
    answer(true, "does not exist");
    say("never mind, what is here?");
    expect_text("First, what is in the workspace?");
}

/* ---- playing -------------------------------------------------------- */

static void streams_pieces(void **state)
{
    (void)state;
    play("{\"name\":\"s\",\"steps\":[{\"thinking\":\"hm\",\"text\":[\"a \","
         "\"b\",\"\"],\"usage\":{\"input\":7,\"output\":3,\"cache_read\":2,"
         "\"cache_write\":1,\"thinking\":1}},{\"text\":\"The quick brown fox "
         "jumps over the lazy dog.\"}]}");
    say("x");
    {
        bx_autoreply bx_turn_reply reply = turn();

        assert_string_equal(seen.data, "[a ][b]");
        assert_int_equal(reply.usage.input_tokens, 7);
        assert_int_equal(reply.usage.output_tokens, 3);
        assert_int_equal(reply.usage.cache_read_tokens, 2);
        assert_int_equal(reply.usage.cache_write_tokens, 1);
        assert_int_equal(reply.usage.thinking_tokens, 1);
        assert_int_equal(reply.attempts, 1);
        assert_true(bx_block_is(
            json_array_get(bx_message_blocks(reply.message), 0), "thinking"));
    }
    expect(BX_STOP_END, "The quick brown fox jumps over the lazy dog.\n");
    assert_string_equal(seen.data, "[The quick brown fox jumps ][over the "
                                   "lazy dog.]");
    expect_text("The demo's script 's' is at its end.");
    unlink(script_path);
}

static void conditions_choose(void **state)
{
    static const char script[] =
        "{\"name\":\"s\",\"steps\":[[{\"when\":{\"tool\":\"nope\"},\"text\":"
        "\"1\"},{\"when\":{\"no_tool\":\"bash\"},\"text\":\"2\"},{\"when\":["
        "{\"step\":0,\"contains\":\"go\"},{\"step\":0,\"lacks\":\"stop\"}],"
        "\"calls\":[{\"name\":\"bash\",\"input\":{}},{\"name\":\"bash\","
        "\"input\":{}}]},{\"text\":\"4\"}],"
        "[{\"when\":{\"result\":3,\"is_error\":false},\"text\":\"5\"},"
        "{\"when\":{\"result\":2,\"is_error\":true},\"text\":\"6\"},"
        "{\"text\":\"7\"}]]}";

    (void)state;
    play(script);
    say("go and stop");
    expect(BX_STOP_END, "4\n");
    say("go");
    expect(BX_STOP_CALLS, "bash{}\nbash{}\n");
    answer(true, "x");
    expect(BX_STOP_END, "6\n");
    say("go");
    expect(BX_STOP_CALLS, "bash{}\nbash{}\n");
    answer(false, "x");
    expect(BX_STOP_END, "7\n");
    say("go");
    offer("[{\"name\":\"nope\"}]");
    expect(BX_STOP_END, "1\n");
    offer("[{\"name\":\"other\"}]");
    say("go");
    expect(BX_STOP_END, "2\n");
    unlink(script_path);
}

static void values_are_taken(void **state)
{
    static const char script[] =
        "{\"name\":\"s\",\"steps\":[{\"calls\":[{\"name\":\"bash\",\"input\":"
        "{\"command\":\"${task}\",\"n\":[1,\"${nope} $ ${\",true,null]}}]},"
        "{\"take\":{\"a\":{\"after\":\"x=\",\"before\":\";\"},"
        "\"line\":{},\"b\":{\"after\":\"zz\",\"otherwise\":\"none\"},"
        "\"c\":{\"after\":\"y=\",\"before\":\"!\",\"otherwise\":\"open\"},"
        "\"t\":{\"step\":0,\"after\":\"do \"}},"
        "\"text\":\"${a}|${line}|${b}|${c}|${t}|${task}\"}]}";

    (void)state;
    play(script);
    say("do this");
    expect(BX_STOP_CALLS,
           "bash{\"command\":\"do this\",\"n\":[1,\"${nope} $ ${\",true,"
           "null]}\n");
    answer(false, "first line\nx=1 2;y=3");
    expect(BX_STOP_END, "1 2|first line|none|open|this|do this\n");
    unlink(script_path);
}

static void results_cannot_be_values_again(void **state)
{
    (void)state;
    play("{\"name\":\"s\",\"steps\":[{\"calls\":[{\"name\":\"bash\",\"input\":"
         "{}}]},{\"take\":{\"a\":{}},\"text\":\"${a}\"}]}");
    say("do");
    expect(BX_STOP_CALLS, "bash{}\n");
    answer(false, "${task} \"quoted\" \\");
    expect(BX_STOP_END, "${task} \"quoted\" \\\n");
    unlink(script_path);
}

static void long_values_are_cut(void **state)
{
    bx_autofree char *text = malloc(10001);
    bx_turn_reply reply;
    bx_autofree char *said = NULL;

    (void)state;
    memset(text, 'v', 10000);
    memcpy(text + 4095, "\xc3\xa4", 2); /* cut between characters */
    text[10000] = '\0';
    play("{\"name\":\"s\",\"steps\":[{\"calls\":[{\"name\":\"bash\",\"input\":"
         "{}}]},{\"take\":{\"a\":{}},\"text\":\"${a}\"}]}");
    say("do");
    expect(BX_STOP_CALLS, "bash{}\n");
    answer(false, text);
    reply = turn();
    said = bx_message_text(reply.message);
    assert_int_equal(strlen(said), 4095);
    bx_turn_reply_clear(&reply);
    unlink(script_path);
}

static void summary_where_no_tool_may_be_called(void **state)
{
    (void)state;
    say("hello");
    expect_text("Two calls at once");
    answer(false, "/a");
    say("Summarise.");
    offer("[]");
    expect(BX_STOP_END,
           "Summary by the scripted demo, which understands nothing of what "
           "was said. Messages: 4. Calls: file-glob file-glob; 2 in all.\n");
}

static void stops_are_played(void **state)
{
    (void)state;
    play("{\"name\":\"s\",\"steps\":[{\"text\":\"a\",\"stop\":\"length\"},"
         "{\"stop\":\"context\"},{\"stop\":\"refusal\",\"text\":\"no\"}]}");
    say("x");
    expect(BX_STOP_LENGTH, "a\n");
    expect(BX_STOP_CONTEXT, "");
    expect(BX_STOP_REFUSAL, "no\n");
    unlink(script_path);
}

static void structured_output_is_refused(void **state)
{
    bx_model_client_config config = { 0 };
    bx_model_client *client = bx_model_client_new(&config, NULL);
    bx_turn_request asked = request();
    bx_autoreply bx_turn_reply reply = { 0 };
    bx_autoerror bx_error *err = NULL;

    (void)state;
    say("x");
    asked.output_schema = tools;
    assert_int_equal(
        bx_model_client_turn(client, &asked, NULL, INT64_MAX, &reply, &err),
        -1);
    assert_non_null(
        strstr(bx_error_message(err), "the demo has no structured output"));
    bx_model_client_free(client);
}

/* ---- failures and delays -------------------------------------------- */

typedef struct retries {
    unsigned count;
    unsigned attempt;
    uint64_t delay_ms;
    char reason[80];
} retries;

static void see_retry(void *context, unsigned attempt, uint64_t delay_ms,
                      const char *reason)
{
    retries *r = context;

    r->count++;
    r->attempt = attempt;
    r->delay_ms = delay_ms;
    snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

static int turn_with(const bx_model_client_config *config, retries *r,
                     int64_t deadline_ns, bx_turn_reply *reply, bx_error **err)
{
    bx_model_client *client = bx_model_client_new(config, NULL);
    bx_turn_events events = { .retry = see_retry, .context = r };
    bx_turn_request asked = request();
    int result =
        bx_model_client_turn(client, &asked, &events, deadline_ns, reply, err);

    bx_model_client_free(client);
    return result;
}

static void fails_the_first_times(void **state)
{
    bx_model_client_config config = { 0 };
    retries r = { 0 };
    bx_autoreply bx_turn_reply reply = { 0 };
    bx_autofree char *text = NULL;

    (void)state;
    play("{\"name\":\"s\",\"steps\":[{\"text\":\"a\",\"fail\":{\"kind\":"
         "\"overload\",\"times\":2,\"retry_ms\":3}}]}");
    say("x");
    assert_int_equal(turn_with(&config, &r, INT64_MAX, &reply, NULL), 0);
    text = bx_message_text(reply.message);
    assert_string_equal(text, "a");
    assert_int_equal(reply.attempts, 3);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.attempt, 3);
    assert_int_equal(r.delay_ms, 3);
    assert_string_equal(r.reason, "overloaded");
    unlink(script_path);
}

static void fails_for_good(void **state)
{
    static const struct {
        const char *kind;
        bx_code code;
        unsigned retries;
    } kinds[] = {
        { "request", BX_ERR_INVALID, 0 },    { "key", BX_ERR_DENIED, 0 },
        { "no_model", BX_ERR_NOT_FOUND, 0 }, { "rate", BX_ERR_LIMIT, 2 },
        { "overload", BX_ERR_LIMIT, 2 },     { "server", BX_ERR_LIMIT, 2 },
    };

    (void)state;
    say("x");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bx_model_client_config config = { .attempts = 3 };
        retries r = { 0 };
        bx_autoreply bx_turn_reply reply = { 0 };
        bx_autoerror bx_error *err = NULL;
        char script[200];

        snprintf(script, sizeof(script),
                 "{\"name\":\"s\",\"steps\":[{\"fail\":{\"kind\":\"%s\","
                 "\"text\":\"so it is\",\"retry_ms\":1}}]}",
                 kinds[i].kind);
        play(script);
        assert_int_equal(turn_with(&config, &r, INT64_MAX, &reply, &err), -1);
        assert_int_equal(bx_error_code(err), kinds[i].code);
        assert_non_null(strstr(bx_error_message(err), "so it is"));
        assert_int_equal(r.count, kinds[i].retries);
        unlink(script_path);
    }
}

static void too_long_is_a_stop(void **state)
{
    (void)state;
    play("{\"name\":\"s\",\"steps\":[{\"fail\":{\"kind\":\"context\"}}]}");
    say("x");
    {
        bx_autoreply bx_turn_reply reply = turn();

        assert_int_equal(reply.stop, BX_STOP_CONTEXT);
        assert_int_equal(json_array_size(bx_message_blocks(reply.message)), 0);
    }
    unlink(script_path);
}

static void see_and_cancel(void *context, const char *text, size_t bytes)
{
    (void)text;
    (void)bytes;
    ((bx_cancel *)context)->triggered = true;
}

static void cancel_ends_a_delay(void **state)
{
    bx_cancel cancel = { false };
    bx_model_client_config config = { .cancel = &cancel };
    bx_model_client *client = bx_model_client_new(&config, NULL);
    bx_turn_events events = { .text = see_and_cancel, .context = &cancel };
    bx_turn_request asked = request();
    bx_autoreply bx_turn_reply reply = { 0 };
    bx_autoerror bx_error *err = NULL;

    (void)state;
    play("{\"name\":\"s\",\"steps\":[{\"text\":[\"a\",\"b\"],"
         "\"piece_delay_ms\":600},{}]}");
    say("x");
    assert_int_equal(
        bx_model_client_turn(client, &asked, &events, INT64_MAX, &reply, &err),
        -1);
    assert_int_equal(bx_error_code(err), BX_ERR_CANCELLED);
    bx_model_client_free(client);
    unlink(script_path);
}

static void deadline_ends_a_delay(void **state)
{
    bx_model_client_config config = { 0 };
    retries r = { 0 };
    bx_autoreply bx_turn_reply reply = { 0 };
    bx_autoerror bx_error *err = NULL;

    (void)state;
    play("{\"name\":\"s\",\"steps\":[{\"delay_ms\":600000}]}");
    say("x");
    assert_int_equal(
        turn_with(&config, &r, bx_now_ns() + 20000000, &reply, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_TIMEOUT);
    unlink(script_path);
}

/* ---- what is no script ---------------------------------------------- */

static void mistakes_are_named(void **state)
{
    (void)state;
    refuse("", "demo script 'x.json': line 1: no JSON: '[' or '{' expected "
               "near end of file");
    refuse("[]", "demo script 'x.json': scripts: expected an object, or an "
                 "array of 1 to 100");
    refuse("[1]", "demo script 'x.json': : expected an object");
    refuse("{}", "demo script 'x.json': name: expected a text");
    refuse("{\"name\":\"n\"}", "demo script 'x.json': script 'n': steps: "
                               "expected an array of 1 to 1000 steps");
    refuse("{\"name\":\"n\",\"steps\":[]}",
           "demo script 'x.json': script 'n': steps: expected an array of 1 "
           "to 1000 steps");
    refuse("{\"name\":\"n\",\"step\":[]}",
           "demo script 'x.json': script 'n': unknown key 'step': expected "
           "name, about, words or steps");
    refuse("{\"name\":\"n\",\"steps\":[{},{\"txt\":1}]}",
           "demo script 'x.json': script 'n': step 2: unknown key 'txt': "
           "expected when, take, thinking, text, calls, usage, stop, "
           "delay_ms, piece_delay_ms or fail");
    refuse("{\"name\":\"n\",\"steps\":[{\"text\":1}]}",
           "demo script 'x.json': script 'n': step 1: text: expected a text, "
           "or pieces of one");
    refuse("{\"name\":\"n\",\"steps\":[{\"text\":[\"a\",1]}]}",
           "demo script 'x.json': script 'n': step 1: text: expected a text, "
           "or pieces of one");
    refuse("{\"name\":\"n\",\"steps\":[{\"calls\":[]}]}",
           "demo script 'x.json': script 'n': step 1: calls: expected an "
           "array of calls");
    refuse("{\"name\":\"n\",\"steps\":[{\"calls\":[{\"name\":\"a\"}]}]}",
           "demo script 'x.json': script 'n': step 1: calls[1].input: "
           "expected an object, the tool's input");
    refuse("{\"name\":\"n\",\"steps\":[{\"delay_ms\":600001}]}",
           "demo script 'x.json': script 'n': step 1: delay_ms: expected a "
           "number, 0 to 600000");
    refuse("{\"name\":\"n\",\"steps\":[{\"usage\":{\"input\":-1}}]}",
           "demo script 'x.json': script 'n': step 1: usage.input: expected "
           "a number, 0 to 1000000000");
    refuse("{\"name\":\"n\",\"steps\":[{\"stop\":\"calls\"}]}",
           "demo script 'x.json': script 'n': step 1: stop: expected end, "
           "length, context or refusal");
    refuse("{\"name\":\"n\",\"steps\":[{\"fail\":{\"kind\":\"odd\"}}]}",
           "demo script 'x.json': script 'n': step 1: fail.kind: expected "
           "request, key, no_model, context, rate, overload or server");
    refuse("{\"name\":\"n\",\"steps\":[{\"fail\":{}}]}",
           "demo script 'x.json': script 'n': step 1: fail.kind: expected "
           "request, key, no_model, context, rate, overload or server");
    refuse("{\"name\":\"n\",\"steps\":[{\"take\":{\"A\":{}}}]}",
           "demo script 'x.json': script 'n': step 1: take: expected names "
           "of 1 to 40 of a-z and _, and not 'task'");
    refuse("{\"name\":\"n\",\"steps\":[{\"take\":{\"a\":{\"result\":0}}}]}",
           "demo script 'x.json': script 'n': step 1: take.a.result: expected "
           "a number, 1 to 1000");
    refuse("{\"name\":\"n\",\"words\":[1],\"steps\":[{}]}",
           "demo script 'x.json': script 'n': words: expected an array of "
           "texts");
}

static void variants_are_checked(void **state)
{
    (void)state;
    refuse("{\"name\":\"n\",\"steps\":[{\"when\":{}}]}",
           "demo script 'x.json': script 'n': step 1: when: expected a list "
           "of variants where a step has a condition: [{\"when\": ...}, "
           "{...}]");
    refuse("{\"name\":\"n\",\"steps\":[[]]}",
           "demo script 'x.json': script 'n': step 1: variants: expected one "
           "at least");
    refuse("{\"name\":\"n\",\"steps\":[[{\"when\":{}}]]}",
           "demo script 'x.json': script 'n': step 1: variant 1: when: "
           "expected none: the last variant of a step is taken where no other "
           "fits");
    refuse("{\"name\":\"n\",\"steps\":[[{},{}]]}",
           "demo script 'x.json': script 'n': step 1: variant 1: when: "
           "expected a condition: only a step's last variant has none");
    refuse("{\"name\":\"n\",\"steps\":[[{\"when\":[{\"is_error\":1}]},{}]]}",
           "demo script 'x.json': script 'n': step 1: variant 1: "
           "when[1].is_error: expected true or false");
}

static void file_is_named(void **state)
{
    bx_model_client_config config = { 0 };
    retries r = { 0 };
    bx_autoreply bx_turn_reply reply = { 0 };
    bx_autoerror bx_error *err = NULL;
    bx_autoerror bx_error *other = NULL;

    (void)state;
    say("x");
    setenv(BX_DEMO_VARIABLE, "/nowhere/x.json", 1);
    assert_int_equal(turn_with(&config, &r, INT64_MAX, &reply, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), "BOXAGNTS_DEMO_SCRIPT"));
    assert_non_null(strstr(bx_error_message(err), "/nowhere/x.json"));
    play("{\"name\":\"s\",\"words\":[\"never\"],\"steps\":[{}]}");
    assert_int_equal(turn_with(&config, &r, INT64_MAX, &reply, &other), -1);
    assert_non_null(strstr(bx_error_message(other), "no script has a word"));
    unlink(script_path);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, open_conversation, close_conversation)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(default_looks_around),  TEST(default_says_what_was_refused),
        TEST(words_choose_a_script), TEST(words_are_of_the_last_task),
        TEST(streams_pieces),        TEST(conditions_choose),
        TEST(values_are_taken),      TEST(results_cannot_be_values_again),
        TEST(long_values_are_cut),   TEST(summary_where_no_tool_may_be_called),
        TEST(stops_are_played),      TEST(structured_output_is_refused),
        TEST(fails_the_first_times), TEST(fails_for_good),
        TEST(too_long_is_a_stop),    TEST(cancel_ends_a_delay),
        TEST(deadline_ends_a_delay), TEST(mistakes_are_named),
        TEST(variants_are_checked),  TEST(file_is_named),
    };
    int result = cmocka_run_group_tests_name("demo", tests, NULL, NULL);

    bx_buf_clear(&seen);
    return result;
}
