/* Playing a script of the demo. What it takes from results is text of tools,
 * which may be anything; it goes into what is said and into calls' inputs as
 * text, and the calls are decided on like any model's. */
#include "agent/models/demo.h"

#include <errno.h>
#include <string.h>

#include "agent/models/demo_script.h"
#include "base/buf.h"
#include "base/json_text.h"
#include "base/utf8.h"

#define VALUE_MAX_BYTES 4096        /* of one that is taken from a result */
#define RESULT_MAX_BYTES (1u << 20) /* that is looked into */
#define PIECE_BYTES 24 /* of a text, about, when it is one string */
#define TOKEN_BYTES 4  /* a guess, where a step has no figures */

/* Where in the conversation the next step is. */
typedef struct scene {
    const bx_turn_request *request;
    char *task;        /* owned */
    size_t task_index; /* of the message that has it */
    size_t done;       /* messages of the assistant behind it */
    json_t *values;    /* name: text, of the step's "take"; owned */
} scene;

static void scene_clear(scene *s)
{
    free(s->task);
    json_decref(s->values);
}

/* ---- what the conversation says ------------------------------------- */

static bool has_block(const json_t *message, const char *type)
{
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, type))
            return true;
    }
    return false;
}

/* The task is the last message of the user's own words. */
static int find_task(scene *s, bx_error **err)
{
    const json_t *messages = s->request->messages;
    size_t at = json_array_size(messages);

    while (at > 0) {
        const json_t *message = json_array_get(messages, --at);

        if (strcmp(bx_message_role(message), "assistant") == 0) {
            s->done++;
        } else if (has_block(message, "text")) {
            s->task_index = at;
            s->task = bx_message_text(message);
            return s->task != NULL ? 0 : bx_error_set_nomem(err);
        }
    }
    s->done = 0;
    s->task = strdup("");
    return s->task != NULL ? 0 : bx_error_set_nomem(err);
}

/* The tool_result of a step (0: the last one; 1 is the first) and its place,
 * from 1. NULL: there is none. */
static const json_t *find_result(const scene *s, size_t step, size_t place)
{
    const json_t *messages = s->request->messages;
    size_t seen = 0;
    bool is_there = false;

    if (step == 0)
        step = s->done;
    for (size_t i = s->task_index; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        size_t j;
        json_t *block;

        if (strcmp(bx_message_role(message), "assistant") == 0) {
            is_there = ++seen == step;
            continue;
        }
        if (!is_there)
            continue;
        json_array_foreach(bx_message_blocks(message), j, block)
        {
            if (bx_block_is(block, "tool_result") && --place == 0)
                return block;
        }
    }
    return NULL;
}

/* Lines of the envelope that results stand in are none of the tool's. */
static bool is_envelope(const char *line)
{
    return strncmp(line, "<data from=\"", 12) == 0 ||
           strncmp(line, "</data boundary=\"", 17) == 0;
}

static int put_tool_text(bx_buf *out, const char *text)
{
    while (*text != '\0' && out->len < RESULT_MAX_BYTES) {
        size_t line = strcspn(text, "\n");

        line += text[line] == '\n';
        if (!is_envelope(text) && bx_buf_append(out, text, line, SIZE_MAX) < 0)
            return -1;
        text += line;
    }
    return 0;
}

static int result_text(const json_t *result, bx_buf *out, bx_error **err)
{
    size_t i;
    json_t *block;

    json_array_foreach(json_object_get(result, "content"), i, block)
    {
        if (put_tool_text(out, bx_block_text(block, "text")) < 0)
            return bx_error_set_nomem(err);
    }
    /* So that data is never NULL. */
    return bx_buf_puts(out, "") < 0 ? bx_error_set_nomem(err) : 0;
}

static size_t count_of(const json_t *object, const char *key, size_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return value == NULL ? otherwise : (size_t)json_integer_value(value);
}

/* The text that a condition or a value is looked for in. *ret_result: NULL when
 * it is the task or there is no such result. */
static int source_text(const scene *s, const json_t *rule, bx_buf *out,
                       const json_t **ret_result, bx_error **err)
{
    const json_t *step = json_object_get(rule, "step");

    *ret_result = NULL;
    if (step != NULL && json_integer_value(step) == 0)
        return bx_buf_puts(out, s->task) < 0 ? bx_error_set_nomem(err) : 0;
    *ret_result =
        find_result(s, count_of(rule, "step", 0), count_of(rule, "result", 1));
    return result_text(*ret_result, out, err);
}

/* ---- conditions ----------------------------------------------------- */

static bool is_offered(const bx_turn_request *request, const char *name)
{
    size_t i;
    json_t *tool;

    json_array_foreach(request->tools, i, tool)
    {
        if (strcmp(bx_block_text(tool, "name"), name) == 0)
            return true;
    }
    return false;
}

/* 1: it holds; 0: it does not; -1: err. */
static int holds(const scene *s, const json_t *rule, bx_error **err)
{
    const json_t *contains = json_object_get(rule, "contains");
    const json_t *lacks = json_object_get(rule, "lacks");
    const json_t *is_error = json_object_get(rule, "is_error");
    const json_t *tool = json_object_get(rule, "tool");
    const json_t *no_tool = json_object_get(rule, "no_tool");
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const json_t *result;

    if ((tool != NULL && !is_offered(s->request, json_string_value(tool))) ||
        (no_tool != NULL && is_offered(s->request, json_string_value(no_tool))))
        return 0;
    if (source_text(s, rule, &text, &result, err) < 0)
        return -1;
    if (is_error != NULL &&
        (result == NULL || json_is_true(json_object_get(result, "is_error")) !=
                               json_is_true(is_error)))
        return 0;
    return (contains == NULL ||
            strstr(text.data, json_string_value(contains)) != NULL) &&
           (lacks == NULL ||
            strstr(text.data, json_string_value(lacks)) == NULL);
}

static int all_hold(const scene *s, const json_t *when, bx_error **err)
{
    size_t i;
    json_t *rule;

    if (when == NULL)
        return 1;
    if (!json_is_array(when))
        return holds(s, when, err);
    json_array_foreach(when, i, rule)
    {
        int is = holds(s, rule, err);

        if (is != 1)
            return is;
    }
    return 1;
}

/* The variant of a step that fits; NULL with err. The last one always does. */
static const json_t *choose_variant(const scene *s, const json_t *step,
                                    bx_error **err)
{
    size_t i;
    json_t *variant;

    if (!json_is_array(step))
        return step;
    json_array_foreach(step, i, variant)
    {
        int is = all_hold(s, json_object_get(variant, "when"), err);

        if (is != 0)
            return is < 0 ? NULL : variant;
    }
    bx_error_set(err, BX_ERR_INVALID, "demo: no variant of the step fits");
    return NULL;
}

/* ---- values --------------------------------------------------------- */

/* What stands between two texts; NULL: it is not there. */
static json_t *cut_value(const char *text, const json_t *rule)
{
    const char *after = bx_block_text(rule, "after");
    const char *before = bx_block_text(rule, "before");
    const char *from = strstr(text, after);
    const char *to;
    size_t bytes;

    if (from == NULL)
        return NULL;
    from += strlen(after);
    to = strstr(from, *before == '\0' ? "\n" : before);
    if (to == NULL && *before != '\0')
        return NULL;
    bytes = to == NULL ? strlen(from) : (size_t)(to - from);
    if (bytes == 0)
        return NULL;
    if (bytes > VALUE_MAX_BYTES)
        bytes = VALUE_MAX_BYTES;
    return json_stringn(from, bx_utf8_span(from, bytes));
}

static int take_values(scene *s, const json_t *take, bx_error **err)
{
    const char *name;
    json_t *rule;

    size_t task_bytes = strnlen(s->task, VALUE_MAX_BYTES);

    s->values = json_object();
    if (s->values == NULL ||
        json_object_set_new(
            s->values, "task",
            json_stringn(s->task, bx_utf8_span(s->task, task_bytes))) < 0)
        return bx_error_set_nomem(err);
    json_object_foreach((json_t *)take, name, rule)
    {
        bx_autobuf bx_buf text = BX_BUF_INIT;
        const json_t *result;
        json_t *value;

        if (source_text(s, rule, &text, &result, err) < 0)
            return -1;
        value = cut_value(text.data, rule);
        if (value == NULL)
            value = json_string(bx_block_text(rule, "otherwise"));
        if (value == NULL || json_object_set_new(s->values, name, value) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* Append text with each ${name} of a known value replaced; others stay. */
static int put_filled(const scene *s, const char *text, bx_buf *out,
                      bx_error **err)
{
    const char *at;

    if (bx_buf_puts(out, "") < 0)
        return bx_error_set_nomem(err);
    while ((at = strstr(text, "${")) != NULL) {
        size_t bytes = strcspn(at + 2, "}");
        bx_autofree char *name = strndup(at + 2, bytes);
        const json_t *value;

        if (name == NULL)
            return bx_error_set_nomem(err);
        value = at[2 + bytes] == '}' ? json_object_get(s->values, name) : NULL;
        if (bx_buf_append(out, text, (size_t)(at - text), SIZE_MAX) < 0 ||
            (value == NULL ? bx_buf_puts(out, "${")
                           : bx_buf_puts(out, json_string_value(value))) < 0)
            return bx_error_set_nomem(err);
        text = at + 2 + (value == NULL ? 0 : bytes + 1);
    }
    return bx_buf_puts(out, text) < 0 ? bx_error_set_nomem(err) : 0;
}

/* A copy of a value in which the strings are filled; NULL with err. */
static json_t *fill_value(const scene *s, const json_t *value, bx_error **err)
{
    json_t *copy = NULL;

    if (json_is_string(value)) {
        bx_autobuf bx_buf text = BX_BUF_INIT;

        if (put_filled(s, json_string_value(value), &text, err) < 0)
            return NULL;
        copy = json_stringn(text.data, text.len);
    } else if (json_is_object(value)) {
        const char *key;
        json_t *item;

        copy = json_object();
        json_object_foreach((json_t *)value, key, item)
        {
            json_t *filled = fill_value(s, item, err);

            if (filled == NULL) {
                json_decref(copy);
                return NULL;
            }
            if (json_object_set_new(copy, key, filled) < 0) {
                bx_error_set_nomem(err);
                json_decref(copy);
                return NULL;
            }
        }
    } else if (json_is_array(value)) {
        size_t i;
        json_t *item;

        copy = json_array();
        json_array_foreach(value, i, item)
        {
            json_t *filled = fill_value(s, item, err);

            if (filled == NULL) {
                json_decref(copy);
                return NULL;
            }
            if (json_array_append_new(copy, filled) < 0) {
                bx_error_set_nomem(err);
                json_decref(copy);
                return NULL;
            }
        }
    } else {
        copy = json_copy((json_t *)value);
    }
    if (copy == NULL)
        bx_error_set_nomem(err);
    return copy;
}

/* ---- streaming ------------------------------------------------------ */

static int wait_ms(const bx_run *run, uint64_t ms, bx_error **err)
{
    int64_t until_ns = bx_now_ns() + (int64_t)ms * 1000000;

    if (ms > 0)
        bx_run_poll(run, NULL, 0, until_ns);
    if (bx_run_is_cancelled(run))
        return bx_error_set(err, BX_ERR_CANCELLED, "the turn was cancelled");
    if (bx_run_is_over(run))
        return bx_error_set(err, BX_ERR_TIMEOUT, "the turn's time is up");
    return 0;
}

typedef struct stream {
    bx_reply *reply;
    const bx_run *run;
    uint64_t piece_delay_ms;
    uint64_t index; /* of the next block */
    size_t bytes;   /* that were said */
} stream;

static int send_piece(stream *to, const char *text, size_t bytes,
                      bx_error **err)
{
    if (wait_ms(to->run, to->piece_delay_ms, err) < 0)
        return -1;
    to->bytes += bytes;
    return bx_reply_append(to->reply, to->index, text, bytes, err);
}

/* A word or a few at once, as a model's come. */
static int send_text(stream *to, const char *text, bx_error **err)
{
    while (*text != '\0') {
        size_t bytes = strlen(text);

        if (bytes > PIECE_BYTES) {
            bytes = PIECE_BYTES;
            bytes += strcspn(text + bytes, " \n");
            bytes += strspn(text + bytes, " \n");
        }
        if (send_piece(to, text, bytes, err) < 0)
            return -1;
        text += bytes;
    }
    return 0;
}

static int send_block(stream *to, const scene *s, bx_block_kind kind,
                      const json_t *text, bx_error **err)
{
    size_t count = json_is_array(text) ? json_array_size(text) : 1;

    if (text == NULL)
        return 0;
    if (bx_reply_begin(to->reply, to->index, kind, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const json_t *piece =
            json_is_array(text) ? json_array_get(text, i) : text;
        bx_autobuf bx_buf filled = BX_BUF_INIT;

        if (put_filled(s, json_string_value(piece), &filled, err) < 0)
            return -1;
        if (json_is_array(text)
                ? send_piece(to, filled.data, filled.len, err) < 0
                : send_text(to, filled.data, err) < 0)
            return -1;
    }
    return bx_reply_finish_block(to->reply, to->index++, err);
}

static int send_call(stream *to, const scene *s, const json_t *call,
                     bx_error **err)
{
    json_t *input = fill_value(s, json_object_get(call, "input"), err);
    bx_autofree char *text = bx_json_text(input, JSON_COMPACT);
    size_t half;

    json_decref(input);
    if (text == NULL)
        return input == NULL ? -1 : bx_error_set_nomem(err);
    half = strlen(text) / 2;
    if (bx_reply_begin(to->reply, to->index, BX_BLOCK_CALL,
                       bx_block_text(call, "name"), err) < 0 ||
        send_piece(to, text, half, err) < 0 ||
        send_piece(to, text + half, strlen(text) - half, err) < 0)
        return -1;
    return bx_reply_finish_block(to->reply, to->index++, err);
}

/* ---- a step --------------------------------------------------------- */

static void set_usage(bx_reply *reply, const scene *s, const json_t *usage,
                      size_t bytes)
{
    bx_autofree char *sent = bx_json_text(s->request->messages, JSON_COMPACT);
    size_t sent_bytes = sent == NULL ? 0 : strlen(sent);
    bx_usage *to = bx_reply_usage(reply);

    if (s->request->system != NULL)
        sent_bytes += strlen(s->request->system);
    to->input_tokens = count_of(usage, "input", sent_bytes / TOKEN_BYTES);
    to->output_tokens = count_of(usage, "output", bytes / TOKEN_BYTES);
    to->cache_read_tokens = count_of(usage, "cache_read", 0);
    to->cache_write_tokens = count_of(usage, "cache_write", 0);
    to->thinking_tokens = count_of(usage, "thinking", 0);
}

/* Does the step fail in this attempt? Then what it has said is void. */
static bool fails(const json_t *step, unsigned attempt, bx_reply *reply)
{
    const json_t *how = json_object_get(step, "fail");
    const char *text = bx_block_text(how, "text");
    bx_reply_failure failure = { .kind = BX_FAILURE_SERVER };

    if (how == NULL || attempt > count_of(how, "times", SIZE_MAX))
        return false;
    bx_demo_failure_find(bx_block_text(how, "kind"), &failure.kind);
    failure.retry_ms = count_of(how, "retry_ms", 0);
    bx_reply_failure_say(&failure, *text == '\0' ? "the script says so" : text);
    bx_reply_fail(reply, &failure);
    return true;
}

static bool may_call(const bx_turn_request *request)
{
    return json_array_size(request->tools) > 0 &&
           (request->tool_choice == NULL ||
            strcmp(request->tool_choice, "none") != 0);
}

static int play_step(stream *to, const scene *s, const json_t *step,
                     unsigned attempt, bx_error **err)
{
    const json_t *calls = json_object_get(step, "calls");
    bx_stop stop = calls != NULL ? BX_STOP_CALLS : BX_STOP_END;
    size_t i;
    json_t *call;

    bx_demo_stop_find(bx_block_text(step, "stop"), &stop);
    if (wait_ms(to->run, count_of(step, "delay_ms", 0), err) < 0)
        return -1;
    to->piece_delay_ms = count_of(step, "piece_delay_ms", 0);
    if (send_block(to, s, BX_BLOCK_THINKING, json_object_get(step, "thinking"),
                   err) < 0 ||
        send_block(to, s, BX_BLOCK_TEXT, json_object_get(step, "text"), err) <
            0)
        return -1;
    json_array_foreach(calls, i, call)
    {
        if (send_call(to, s, call, err) < 0)
            return -1;
    }
    if (fails(step, attempt, to->reply))
        return 0;
    set_usage(to->reply, s, json_object_get(step, "usage"), to->bytes);
    bx_reply_set_stop(to->reply, stop);
    bx_reply_end(to->reply);
    return 0;
}

/* ---- what no script has --------------------------------------------- */

static int say(stream *to, const scene *s, const char *text, bx_error **err)
{
    if (bx_reply_begin(to->reply, to->index, BX_BLOCK_TEXT, NULL, err) < 0 ||
        send_text(to, text, err) < 0 ||
        bx_reply_finish_block(to->reply, to->index, err) < 0)
        return -1;
    set_usage(to->reply, s, NULL, to->bytes);
    bx_reply_set_stop(to->reply, BX_STOP_END);
    bx_reply_end(to->reply);
    return 0;
}

/* A step that calls, where no tool may be called: such a turn is asked for a
 * summary, and gets one of what can be counted. */
static int say_summary(stream *to, const scene *s, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t i, j;
    json_t *message, *block;
    size_t calls = 0;

    if (bx_buf_printf(&text,
                      "Summary by the scripted demo, which understands "
                      "nothing of what was said. Messages: %zu. Calls:",
                      json_array_size(s->request->messages)) < 0)
        return bx_error_set_nomem(err);
    json_array_foreach(s->request->messages, i, message)
    {
        json_array_foreach(bx_message_blocks(message), j, block)
        {
            if (!bx_block_is(block, "tool_call") || ++calls > 100)
                continue;
            if (bx_buf_printf(&text, " %s", bx_block_text(block, "name")) < 0)
                return bx_error_set_nomem(err);
        }
    }
    if (bx_buf_printf(&text, "%s; %zu in all.", calls == 0 ? " none" : "",
                      calls) < 0)
        return bx_error_set_nomem(err);
    return say(to, s, text.data, err);
}

static int say_end(stream *to, const scene *s, const json_t *script,
                   bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_printf(&text,
                      "The demo's script '%s' is at its end. A model of your "
                      "own choice takes over with an API key in the "
                      "environment, such as ANTHROPIC_API_KEY.",
                      bx_block_text(script, "name")) < 0)
        return bx_error_set_nomem(err);
    return say(to, s, text.data, err);
}

static int play(stream *to, scene *s, unsigned attempt, bx_error **err)
{
    json_t *scripts = bx_demo_scripts_load(err);
    const json_t *script;
    const json_t *steps;
    const json_t *step;
    int result = -1;

    if (scripts == NULL)
        return -1;
    script = bx_demo_script_choose(scripts, s->task);
    steps = json_object_get(script, "steps");
    if (script == NULL) {
        bx_error_set(err, BX_ERR_INVALID,
                     "demo: no script has a word of the task; give one of them "
                     "no words, and it is the default");
    } else if (s->done >= json_array_size(steps)) {
        result = say_end(to, s, script, err);
    } else {
        step = choose_variant(s, json_array_get(steps, s->done), err);
        if (step != NULL && json_object_get(step, "calls") != NULL &&
            !may_call(s->request))
            result = say_summary(to, s, err);
        else if (step != NULL &&
                 take_values(s, json_object_get(step, "take"), err) == 0)
            result = play_step(to, s, step, attempt, err);
    }
    json_decref(scripts);
    return result;
}

int bx_demo_play(const bx_turn_request *request, const bx_run *run,
                 unsigned attempt, bx_reply *reply, bx_error **err)
{
    scene s = { .request = request };
    stream to = { .reply = reply, .run = run };
    int result = -1;

    if (request->output_schema != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the demo has no structured output; choose a model "
                            "that has (boxagnts model list)");
    if (bx_reply_set_model(reply, BX_DEMO_MODEL, err) < 0)
        return -1;
    if (find_task(&s, err) == 0)
        result = play(&to, &s, attempt, err);
    scene_clear(&s);
    return result;
}
