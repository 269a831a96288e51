/* Playing a script of the demo. */
#include "agent/models/demo.h"

#include <string.h>

#include "agent/models/demo_scene.h"
#include "agent/models/demo_script.h"
#include "base/json_text.h"

#define PIECE_BYTES 24 /* of a text, about, when it is one string */
#define TOKEN_BYTES 4  /* a guess, where a step has no figures */

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

static int send_block(stream *to, const bx_demo_scene *s, bx_block_kind kind,
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

        if (bx_demo_scene_fill(s, json_string_value(piece), &filled, err) < 0)
            return -1;
        if (json_is_array(text)
                ? send_piece(to, filled.data, filled.len, err) < 0
                : send_text(to, filled.data, err) < 0)
            return -1;
    }
    return bx_reply_finish_block(to->reply, to->index++, err);
}

static int send_call(stream *to, const bx_demo_scene *s, const json_t *call,
                     bx_error **err)
{
    json_t *input =
        bx_demo_scene_fill_value(s, json_object_get(call, "input"), err);
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

static void set_usage(bx_reply *reply, const bx_demo_scene *s,
                      const json_t *usage, size_t bytes)
{
    bx_autofree char *sent = bx_json_text(s->request->messages, JSON_COMPACT);
    size_t sent_bytes = sent == NULL ? 0 : strlen(sent);
    bx_usage *to = bx_reply_usage(reply);

    if (s->request->system != NULL)
        sent_bytes += strlen(s->request->system);
    to->input_tokens = bx_demo_count(usage, "input", sent_bytes / TOKEN_BYTES);
    to->output_tokens = bx_demo_count(usage, "output", bytes / TOKEN_BYTES);
    to->cache_read_tokens = bx_demo_count(usage, "cache_read", 0);
    to->cache_write_tokens = bx_demo_count(usage, "cache_write", 0);
    to->thinking_tokens = bx_demo_count(usage, "thinking", 0);
}

/* Does the step fail in this attempt? Then what it has said is void. */
static bool fails(const json_t *step, unsigned attempt, bx_reply *reply)
{
    const json_t *how = json_object_get(step, "fail");
    const char *text = bx_block_text(how, "text");
    bx_reply_failure failure = { .kind = BX_FAILURE_SERVER };

    if (how == NULL || attempt > bx_demo_count(how, "times", SIZE_MAX))
        return false;
    bx_demo_failure_find(bx_block_text(how, "kind"), &failure.kind);
    failure.retry_ms = bx_demo_count(how, "retry_ms", 0);
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

static int play_step(stream *to, const bx_demo_scene *s, const json_t *step,
                     unsigned attempt, bx_error **err)
{
    const json_t *calls = json_object_get(step, "calls");
    bx_stop stop = calls != NULL ? BX_STOP_CALLS : BX_STOP_END;
    size_t i;
    json_t *call;

    bx_demo_stop_find(bx_block_text(step, "stop"), &stop);
    if (wait_ms(to->run, bx_demo_count(step, "delay_ms", 0), err) < 0)
        return -1;
    to->piece_delay_ms = bx_demo_count(step, "piece_delay_ms", 0);
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

static int say(stream *to, const bx_demo_scene *s, const char *text,
               bx_error **err)
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
static int say_summary(stream *to, const bx_demo_scene *s, bx_error **err)
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

static int say_end(stream *to, const bx_demo_scene *s, const json_t *script,
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

static int play(stream *to, bx_demo_scene *s, unsigned attempt, bx_error **err)
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
        step = bx_demo_scene_choose(s, json_array_get(steps, s->done), err);
        if (step != NULL && json_object_get(step, "calls") != NULL &&
            !may_call(s->request))
            result = say_summary(to, s, err);
        else if (step != NULL &&
                 bx_demo_scene_take(s, json_object_get(step, "take"), err) == 0)
            result = play_step(to, s, step, attempt, err);
    }
    json_decref(scripts);
    return result;
}

int bx_demo_play(const bx_turn_request *request, const bx_run *run,
                 unsigned attempt, bx_reply *reply, bx_error **err)
{
    bx_demo_scene s = { .request = request };
    stream to = { .reply = reply, .run = run };
    int result = -1;

    if (request->output_schema != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the demo has no structured output; choose a model "
                            "that has (boxagnts model list)");
    if (bx_reply_set_model(reply, BX_DEMO_MODEL, err) < 0)
        return -1;
    if (bx_demo_scene_begin(&s, err) == 0)
        result = play(&to, &s, attempt, err);
    bx_demo_scene_clear(&s);
    return result;
}
