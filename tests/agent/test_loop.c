/* The loop: turns, calls and their results, ends. */
#include "agent/support_agent.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_kept.h"
#include "base/run.h"

/* ---- tools ------------------------------------------------------------- */

typedef struct bench {
    stage at;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned inside;  /* calls under way */
    unsigned most;    /* at once, so far */
    unsigned wanted;  /* "meet" waits until so many are inside */
    unsigned made;    /* calls in all */
    char order[64];   /* letters of "read" and "write", as they ended */
    char states[64];  /* 'b' for each whose session has it begun */
    const char *said; /* what approve() tells the model */
    bx_answer answers[8];
    unsigned asked;
    char why[64];
} bench;

static json_t *text_of(const char *text)
{
    return json_pack("[{s:s, s:s}]", "type", "text", "text", text);
}

static void enter(bench *it)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&it->mutex);
    it->made++;
    it->inside++;
    if (it->inside > it->most)
        it->most = it->inside;
    pthread_cond_broadcast(&it->changed);
    while (it->most < it->wanted &&
           pthread_cond_timedwait(&it->changed, &it->mutex, &until) == 0)
        continue;
    pthread_mutex_unlock(&it->mutex);
}

static void leave(bench *it, const json_t *input)
{
    const char *letter = json_string_value(json_object_get(input, "letter"));

    pthread_mutex_lock(&it->mutex);
    if (letter != NULL)
        strncat(it->order, letter, 1);
    it->inside--;
    pthread_mutex_unlock(&it->mutex);
}

/* "read": its text is its letter; "slow" ones end last. */
static int run_read(void *context, const bx_own_call *call,
                    json_t **ret_content, bx_error **err)
{
    bench *it = context;
    const char *letter =
        json_string_value(json_object_get(call->input, "letter"));

    (void)err;
    enter(it);
    if (json_is_true(json_object_get(call->input, "slow"))) {
        const struct timespec nap = { 0, 50000000 };

        nanosleep(&nap, NULL);
    }
    leave(it, call->input);
    *ret_content = text_of(letter == NULL ? "-" : letter);
    return 0;
}

/* What the session has of a call while it is made. */
static int run_write(void *context, const bx_own_call *call,
                     json_t **ret_content, bx_error **err)
{
    bench *it = context;
    json_t *entries = bx_session_store_read(
        it->at.store, bx_agent_session(it->at.agent), 1, 0, NULL);
    size_t i;
    const json_t *entry;

    (void)err;
    enter(it);
    json_array_foreach(entries, i, entry)
    {
        const char *state = bx_block_text(entry, "state");

        if (strcmp(bx_block_text(entry, "id"), call->id) == 0)
            strncat(it->states, state, 1);
    }
    json_decref(entries);
    leave(it, call->input);
    *ret_content = text_of("written");
    return 0;
}

static int run_fail(void *context, const bx_own_call *call,
                    json_t **ret_content, bx_error **err)
{
    (void)context;
    (void)call;
    (void)ret_content;
    return bx_error_set(err, BX_ERR_INVALID, "it went wrong");
}

static int run_cancel(void *context, const bx_own_call *call,
                      json_t **ret_content, bx_error **err)
{
    bench *it = context;

    (void)err;
    assert_ptr_equal(call->cancel, it->at.cancel);
    bx_cancel_trigger(call->cancel);
    *ret_content = text_of("cancelled it");
    return 0;
}

static bx_level level_write(const json_t *input)
{
    (void)input;
    return BX_LEVEL_WRITE;
}

static bx_level level_read(const json_t *input)
{
    (void)input;
    return BX_LEVEL_READ_ONLY;
}

/* With a letter it only writes. */
static bx_level level_dangerous(const json_t *input)
{
    return json_object_get(input, "letter") == NULL ? BX_LEVEL_DANGEROUS
                                                    : BX_LEVEL_WRITE;
}

static const char any[] = "{\"type\": \"object\", \"properties\": "
                          "{\"letter\": {\"type\": \"string\"}}}";

static const bx_own_tool tools[] = {
    { "read", "Reads.", any, false, level_read, run_read },
    { "write", "Writes.", any, false, level_write, run_write },
    { "serial", "Alone.", any, true, NULL, run_read },
    { "danger", "Dangerous.", any, false, level_dangerous, run_write },
    { "fail", "Fails.", any, false, NULL, run_fail },
    { "stop_it", "Cancels.", any, true, NULL, run_cancel },
    { .name = NULL },
};

static int setup(void **state)
{
    bench *it = calloc(1, sizeof(*it));

    pthread_mutex_init(&it->mutex, NULL);
    pthread_cond_init(&it->changed, NULL);
    stage_begin(&it->at);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    bench *it = *state;

    stage_end(&it->at);
    pthread_cond_destroy(&it->changed);
    pthread_mutex_destroy(&it->mutex);
    free(it);
    return 0;
}

/* Open and run from the begin; the result is checked and freed by the caller.
 */
static void play(bench *it, const reply_plan *replies, bx_agent_result *result)
{
    if (it->at.agent == NULL)
        stage_open(&it->at, tools, it);
    stage_run(&it->at, replies, "do it", result);
}

#define RESULT __attribute__((cleanup(bx_agent_result_clear))) bx_agent_result

/* ---- turns ------------------------------------------------------------- */

static void works_until_nothing_is_wanted(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .text = "first", .calls = "[[\"read\", {\"letter\": \"a\"}]]" },
        { .text = "all done",
          .usage = { .input_tokens = 7, .output_tokens = 3 } },
    };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    assert_string_equal(result.text, "all done");
    assert_int_equal(result.turns, 2);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.usage.input_tokens, 7);
    assert_string_equal(stage_user_text(&it->at, 0), "do it");
    assert_string_equal(stage_result_text(&it->at, 1, 0), "a");
    assert_false(stage_result_is_error(&it->at, 1, 0));
}

static void what_happens_is_stored(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .calls = "[[\"write\", {}]]" },
                                   { .text = "end" } };
    bx_session_info info = { 0 };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_int_equal(bx_session_store_info(it->at.store,
                                           bx_agent_session(it->at.agent),
                                           &info, NULL),
                     0);
    assert_string_equal(info.status, "done");
    assert_string_equal(info.title, "do it");
    /* note, user, assistant, begun, done, assistant */
    assert_int_equal(info.entries, 6);
    assert_string_equal(it->states, "b");
    bx_session_info_clear(&info);
}

static void a_failed_turn_ends_it(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .fails = BX_ERR_DENIED } };
    const reply_plan again[] = { { .text = "now" } };
    RESULT result = { 0 };
    RESULT second = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_FAILED);
    assert_has(result.reason, "the model is not there");
    /* It can go on: what was asked is still there. */
    stage_run(&it->at, again, NULL, &second);
    assert_int_equal(second.status, BX_AGENT_DONE);
}

static void a_model_may_decline(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "no", .stop = BX_STOP_REFUSAL } };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_REFUSED);
    assert_has(result.reason, "declines");
}

static void a_cut_reply_goes_on(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "half", .stop = BX_STOP_LENGTH },
                                   { .text = "whole" } };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    assert_has(stage_user_text(&it->at, 1), "was cut");
}

static void cuts_without_end_are_a_failure(void **state)
{
    bench *it = *state;
    const reply_plan cut = { .text = "half", .stop = BX_STOP_LENGTH };
    const reply_plan replies[] = { cut, cut, cut, cut, cut };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_FAILED);
    assert_has(result.reason, "cut again");
    assert_int_equal(it->at.count, 3);
}

static void an_empty_reply_is_an_end(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .calls = "[[\"read\", {}]]" }, { 0 } };
    const reply_plan more[] = { { .text = "hello" } };
    RESULT result = { 0 };
    RESULT second = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    stage_run(&it->at, more, "still there?", &second);
    assert_string_equal(stage_user_text(&it->at, 0), "still there?");
}

static void refuses_an_empty_message(void **state)
{
    bench *it = *state;
    json_t *content = json_array();
    bx_agent_result result = { 0 };
    bx_autoerror bx_error *err = NULL;

    stage_open(&it->at, tools, it);
    assert_int_equal(bx_agent_run(it->at.agent, content, &result, &err), -1);
    assert_has(bx_error_message(err), "empty");
    json_decref(content);
}

/* ---- calls ------------------------------------------------------------- */

static void reads_run_side_by_side(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"read\", {\"letter\": \"a\", \"slow\": true}],"
                   " [\"read\", {\"letter\": \"b\"}],"
                   " [\"read\", {\"letter\": \"c\"}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    it->wanted = 3;
    play(it, replies, &result);
    assert_int_equal(it->most, 3);
    /* In the order of the calls, whenever they ended. */
    assert_int_equal(it->order[2], 'a');
    assert_string_equal(stage_result_text(&it->at, 1, 0), "a");
    assert_string_equal(stage_result_text(&it->at, 1, 1), "b");
    assert_string_equal(stage_result_text(&it->at, 1, 2), "c");
}

static void only_so_many_at_once(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"read\", {\"slow\": true}], [\"read\", {}],"
                   " [\"read\", {\"slow\": true}], [\"read\", {}],"
                   " [\"read\", {\"slow\": true}], [\"read\", {}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    it->at.config.parallel = 2;
    it->wanted = 2;
    play(it, replies, &result);
    assert_int_equal(it->most, 2);
    assert_int_equal(it->made, 6);
}

static void writes_run_alone_and_in_order(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"read\", {\"letter\": \"a\", \"slow\": true}],"
                   " [\"write\", {\"letter\": \"b\"}],"
                   " [\"write\", {\"letter\": \"c\"}],"
                   " [\"serial\", {\"letter\": \"d\", \"slow\": true}],"
                   " [\"read\", {\"letter\": \"e\"}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_string_equal(it->order, "abcde");
    assert_int_equal(it->most, 1);
    assert_string_equal(it->states, "bb");
}

static void failures_are_told(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"fail\", {}], [\"nosuch\", {}],"
                   " [\"read\", {\"letter\": 7}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    play(it, replies, &result);
    for (size_t i = 0; i < 3; i++)
        assert_true(stage_result_is_error(&it->at, 1, i));
    assert_has(stage_result_text(&it->at, 1, 0), "it went wrong");
    assert_has(stage_result_text(&it->at, 1, 1), "nosuch");
    assert_has(stage_result_text(&it->at, 1, 2), "/letter");
    assert_int_equal(it->made, 0);
}

/* ---- people ------------------------------------------------------------ */

static bx_answer approve(void *context, const bx_approval_ask *ask,
                         char **ret_reason)
{
    bench *it = context;

    snprintf(it->why, sizeof(it->why), "%s", ask->why);
    *ret_reason = it->said == NULL ? NULL : strdup(it->said);
    return it->answers[it->asked++];
}

static void person(bench *it, bx_mode mode)
{
    it->at.config.mode = mode;
    it->at.config.approve = approve;
    it->at.config.approve_context = it;
}

static void a_person_decides(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"write\", {}], [\"write\", {}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    person(it, BX_MODE_READS);
    it->answers[0] = BX_ANSWER_YES;
    it->answers[1] = BX_ANSWER_NO;
    it->said = "use the other file";
    play(it, replies, &result);
    assert_string_equal(it->why, "mode reads");
    assert_int_equal(it->made, 1);
    assert_false(stage_result_is_error(&it->at, 1, 0));
    assert_has(stage_result_text(&it->at, 1, 1),
               "Refused by the user: use the other file");
    assert_int_equal(result.refusals, 1);
    assert_int_equal(result.status, BX_AGENT_DONE);
}

static void always_is_for_one_tool(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"write\", {}], [\"write\", {}], [\"read\", {}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    person(it, BX_MODE_ASK);
    it->answers[0] = BX_ANSWER_ALWAYS;
    it->answers[1] = BX_ANSWER_NO;
    play(it, replies, &result);
    assert_int_equal(it->asked, 2);
    assert_int_equal(it->made, 2);
    assert_true(stage_result_is_error(&it->at, 1, 2));
}

static void always_is_not_for_what_is_dangerous(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"danger\", {}], [\"danger\", {}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    person(it, BX_MODE_AUTO);
    it->answers[0] = BX_ANSWER_ALWAYS;
    it->answers[1] = BX_ANSWER_NO;
    play(it, replies, &result);
    assert_int_equal(it->asked, 2);
    assert_int_equal(it->made, 1);
}

/* Nor does an always to what was not. */
static void always_does_not_cover_more(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"danger\", {\"letter\": \"a\"}],"
                   " [\"danger\", {\"letter\": \"b\"}], [\"danger\", {}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    person(it, BX_MODE_READS);
    it->answers[0] = BX_ANSWER_ALWAYS;
    it->answers[1] = BX_ANSWER_NO;
    play(it, replies, &result);
    assert_int_equal(it->asked, 2);
    assert_string_equal(it->order, "ab");
}

/* What a rule asks for was not asked by the mode, nor was what may be one that
 * is refused. */
static void always_does_not_cover_rules(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"write\", {\"path\": \"/a\"}],"
                   " [\"write\", {\"path\": \"/keep/b\"}],"
                   " [\"write\", {\"path\": \"/x/../y\"}],"
                   " [\"write\", {\"path\": \"/c\"}],"
                   " [\"write\", {\"path\": \"/keep/d\"}]]" },
        { .text = "end" },
    };
    bx_autorules bx_rules *rules = bx_rules_new();
    RESULT result = { 0 };

    assert_non_null(rules);
    assert_int_equal(bx_rules_add(rules, BX_RULING_ASK, "write(/keep/*)", NULL),
                     0);
    assert_int_equal(
        bx_rules_add(rules, BX_RULING_REFUSE, "write(/never/*)", NULL), 0);
    person(it, BX_MODE_READS);
    it->at.config.rules = rules;
    it->answers[0] = BX_ANSWER_ALWAYS;
    it->answers[1] = BX_ANSWER_ALWAYS;
    it->answers[2] = BX_ANSWER_NO;
    play(it, replies, &result);
    assert_int_equal(it->asked, 3);
    assert_string_equal(it->why, "rule write(/never/*), which may be meant");
    assert_int_equal(it->made, 4);
}

static void a_person_stops_it(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"write\", {}], [\"write\", {}]]" }, { 0 }
    };
    const reply_plan more[] = { { .text = "on again" } };
    RESULT result = { 0 };
    RESULT second = { 0 };

    person(it, BX_MODE_READS);
    it->answers[0] = BX_ANSWER_STOP;
    it->said = "enough";
    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_REFUSED);
    assert_string_equal(result.reason, "enough");
    assert_int_equal(it->at.count, 1);
    assert_int_equal(it->asked, 1);
    assert_int_equal(it->made, 0);
    /* Both calls have an answer: it can go on. */
    stage_run(&it->at, more, "another thing", &second);
    assert_int_equal(second.status, BX_AGENT_DONE);
}

static void nobody_there_is_a_refusal(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .calls = "[[\"write\", {}]]" },
                                   { .text = "end" } };
    RESULT result = { 0 };

    it->at.config.mode = BX_MODE_ASK;
    play(it, replies, &result);
    assert_has(stage_result_text(&it->at, 1, 0), "nobody is there");
    assert_int_equal(it->made, 0);
    assert_int_equal(result.refusals, 1);
}

static void a_mode_can_change(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .calls = "[[\"write\", {}]]" },
                                   { .text = "end" } };
    RESULT result = { 0 };
    RESULT second = { 0 };

    it->at.config.mode = BX_MODE_PLAN;
    play(it, replies, &result);
    assert_has(stage_result_text(&it->at, 1, 0), "mode plan");
    assert_int_equal(bx_agent_set_mode(it->at.agent, BX_MODE_AUTO, NULL), 0);
    play(it, replies, &second);
    assert_int_equal(it->made, 1);
}

/* ---- cancel ------------------------------------------------------------ */

static void cancel_ends_what_is_left(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"stop_it\", {}], [\"write\", {}], [\"read\", {}]]" },
        { 0 },
    };
    const reply_plan more[] = { { .text = "again" } };
    RESULT result = { 0 };
    RESULT second = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_CANCELLED);
    assert_int_equal(it->made, 0);
    assert_int_equal(it->at.count, 1);
    atomic_store(&it->at.cancel->triggered, false);
    stage_run(&it->at, more, "go on", &second);
    assert_int_equal(second.status, BX_AGENT_DONE);
}

static void cancel_during_a_turn(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .cancels = true } };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_CANCELLED);
    assert_string_equal(result.text, "");
}

/* ---- resume ------------------------------------------------------------ */

/* What an earlier process left: two calls, of which one was begun. */
static void leave_open(bench *it)
{
    json_t *message = bx_message_new("assistant");
    json_t *user = bx_message_new_text("user", "do", 2);
    bx_session_log *log;

    stage_open(&it->at, tools, it);
    it->at.config.session = strdup(bx_agent_session(it->at.agent));
    bx_agent_free(it->at.agent);
    it->at.agent = NULL;
    log = bx_session_log_open(it->at.store, it->at.config.session, NULL);
    assert_non_null(log);
    bx_message_add_call(message, "x1", "write", json_object());
    bx_message_add_call(message, "x2", "write", json_object());
    assert_int_equal(bx_session_log_add_message(log, user, NULL, NULL, NULL),
                     0);
    assert_int_equal(bx_session_log_add_message(log, message, NULL, NULL, NULL),
                     0);
    assert_int_equal(bx_session_log_begin_call(log, "x1", NULL), 0);
    bx_session_log_close(log);
    json_decref(message);
    json_decref(user);
}

static void what_was_begun_is_not_made_again(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "end" } };
    RESULT result = { 0 };

    leave_open(it);
    stage_open(&it->at, tools, it);
    stage_run(&it->at, replies, NULL, &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    assert_int_equal(it->made, 1);
    assert_true(stage_result_is_error(&it->at, 0, 0));
    assert_has(stage_result_text(&it->at, 0, 0), "Interrupted");
    assert_has(stage_result_text(&it->at, 0, 0), "not known");
    assert_string_equal(stage_result_text(&it->at, 0, 1), "written");
}

/* Killed between the last word and the end of the run. */
static void what_is_done_is_not_asked_again(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "all done" } };
    RESULT result = { 0 };
    RESULT second = { 0 };

    play(it, replies, &result);
    stage_reopen(&it->at, tools, it);
    stage_run(&it->at, replies, NULL, &second);
    assert_int_equal(it->at.count, 0);
    assert_int_equal(second.status, BX_AGENT_DONE);
    assert_string_equal(second.text, "all done");
}

static void nothing_to_go_on_with(void **state)
{
    bench *it = *state;
    bx_agent_result result = { 0 };
    bx_autoerror bx_error *err = NULL;

    stage_open(&it->at, tools, it);
    assert_int_equal(bx_agent_run(it->at.agent, NULL, &result, &err), -1);
    assert_has(bx_error_message(err), "nothing was said yet");
}

/* The mode of now decides, not the one of then. */
static void what_was_planned_is_decided_anew(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "end" } };
    RESULT result = { 0 };

    leave_open(it);
    it->at.config.mode = BX_MODE_PLAN;
    stage_open(&it->at, tools, it);
    stage_run(&it->at, replies, NULL, &result);
    assert_int_equal(it->made, 0);
    assert_has(stage_result_text(&it->at, 0, 1), "mode plan");
}

static void the_prompt_stays_the_same(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "end" } };
    bx_autofree char *before = NULL;
    RESULT result = { 0 };
    RESULT second = { 0 };

    play(it, replies, &result);
    before = strdup(json_string_value(
        json_object_get(json_array_get(it->at.sent, 0), "system")));
    stage_reopen(&it->at, tools, it);
    stage_run(&it->at, replies, "again", &second);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(it->at.sent, 0), "system")),
                        before);
}

static void one_process_at_a_time(void **state)
{
    bench *it = *state;
    bx_autoerror bx_error *err = NULL;

    stage_open(&it->at, tools, it);
    it->at.config.session = strdup(bx_agent_session(it->at.agent));
    assert_null(bx_agent_new(&it->at.config, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
}

/* ---- budgets ----------------------------------------------------------- */

static void set_prices(bench *it, double price)
{
    it->at.model.price_input = it->at.model.price_output = price;
    it->at.model.price_cache_read = it->at.model.price_cache_write = price;
}

static void money_bounds_the_reply(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "end" } };
    json_int_t most;
    RESULT result = { 0 };

    set_prices(it, 100); /* a cent is 100 tokens */
    it->at.config.budget.cost = 0.35;
    play(it, replies, &result);
    most = json_integer_value(
        json_object_get(json_array_get(it->at.sent, 0), "most"));
    assert_in_range(most, 256, 3500);
}

static void money_ends_it(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"read\", {}]]",
          .usage = { .input_tokens = 4000, .output_tokens = 1000 } },
        { .text = "never" },
    };
    RESULT result = { 0 };

    set_prices(it, 100);
    it->at.config.budget.cost = 0.55;
    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_BUDGET);
    assert_has(result.reason, "cost");
    assert_int_equal(it->at.count, 1);
    assert_true(result.cost > 0.49 && result.cost < 0.51);
}

static void money_wants_prices(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "never" } };
    RESULT result = { 0 };

    set_prices(it, -1);
    it->at.config.budget.cost = 1;
    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_BUDGET);
    assert_has(result.reason, "prices");
    assert_int_equal(it->at.count, 0);
}

static void output_tokens_bound_the_reply(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .text = "half",
          .stop = BX_STOP_LENGTH,
          .usage = { .output_tokens = 500 } },
    };
    RESULT result = { 0 };

    it->at.config.budget.output_tokens = 500;
    play(it, replies, &result);
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(it->at.sent, 0), "most")),
                     500);
    assert_int_equal(result.status, BX_AGENT_BUDGET);
    assert_has(result.reason, "output tokens");
}

static void input_tokens_end_it(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = { { .text = "never" } };
    RESULT result = { 0 };

    it->at.config.budget.input_tokens = 10;
    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_BUDGET);
    assert_has(result.reason, "input tokens");
    assert_int_equal(it->at.count, 0);
}

static void calls_end_it_with_last_words(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"read\", {}], [\"write\", {}], [\"read\", {}]]" },
        { .text = "so far", .calls = "[[\"write\", {}]]" },
    };
    const reply_plan more[] = { { .text = "on" } };
    RESULT result = { 0 };
    RESULT second = { 0 };

    it->at.config.budget.calls = 1;
    play(it, replies, &result);
    assert_int_equal(result.status, BX_AGENT_BUDGET);
    assert_has(result.reason, "1 calls");
    assert_int_equal(it->made, 1);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(it->at.sent, 1), "choice")),
                        "none");
    assert_has(stage_user_text(&it->at, 1), "1 calls");
    assert_string_equal(result.text, "so far");
    /* What it asked for all the same has its answer, and stays unmade. */
    stage_run(&it->at, more, "go on", &second);
    assert_int_equal(it->made, 1);
}

/* ---- events ------------------------------------------------------------ */

static void events_tell_it_all(void **state)
{
    bench *it = *state;
    const reply_plan replies[] = {
        { .calls = "[[\"read\", {}], [\"nosuch\", {}]]" },
        { .text = "end" },
    };
    RESULT result = { 0 };

    play(it, replies, &result);
    assert_int_equal(stage_events(&it->at, "turn"), 2);
    assert_int_equal(stage_events(&it->at, "message"), 2);
    assert_int_equal(stage_events(&it->at, "usage"), 2);
    assert_int_equal(stage_events(&it->at, "call"), 2);
    assert_int_equal(stage_events(&it->at, "result"), 2);
    assert_int_equal(stage_events(&it->at, "end"), 1);
    assert_string_equal(
        bx_block_text(stage_event(&it->at, "approval", 0), "decision"),
        "allowed");
    assert_string_equal(bx_block_text(stage_event(&it->at, "end", 0), "status"),
                        "done");
}

/* ---- kept results ------------------------------------------------------ */

static void kept_results_are_removed(void **state)
{
    bench *it = *state;
    const char *workspace = it->at.config.workspace;

    folder_put(&it->at.at, "ws/.boxagnts/results/01ABC/x.txt", "x");
    folder_put(&it->at.at, "ws/.boxagnts/results/01DEF/x.txt", "x");
    assert_int_equal(bx_kept_remove(workspace, "01ABC", NULL), 0);
    assert_false(folder_has(&it->at.at, "ws/.boxagnts/results/01ABC"));
    assert_true(folder_has(&it->at.at, "ws/.boxagnts/results/01DEF/x.txt"));
    assert_int_equal(bx_kept_remove(workspace, "01ABC", NULL), 0);
    assert_int_equal(bx_kept_remove(workspace, "../..", NULL), -1);
}

static void kept_results_follow_no_link(void **state)
{
    bench *it = *state;
    bx_autoerror bx_error *err = NULL;

    folder_put(&it->at.at, "elsewhere/01ABC/x.txt", "x");
    folder_make_dirs(&it->at.at, "ws/.boxagnts");
    folder_link(&it->at.at, "ws/.boxagnts/results", "../../elsewhere");
    assert_int_equal(bx_kept_remove(it->at.config.workspace, "01ABC", &err),
                     -1);
    assert_true(folder_has(&it->at.at, "elsewhere/01ABC/x.txt"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(works_until_nothing_is_wanted),
        TEST(what_happens_is_stored),
        TEST(a_failed_turn_ends_it),
        TEST(a_model_may_decline),
        TEST(a_cut_reply_goes_on),
        TEST(cuts_without_end_are_a_failure),
        TEST(an_empty_reply_is_an_end),
        TEST(refuses_an_empty_message),
        TEST(reads_run_side_by_side),
        TEST(only_so_many_at_once),
        TEST(writes_run_alone_and_in_order),
        TEST(failures_are_told),
        TEST(a_person_decides),
        TEST(always_is_for_one_tool),
        TEST(always_is_not_for_what_is_dangerous),
        TEST(always_does_not_cover_more),
        TEST(always_does_not_cover_rules),
        TEST(a_person_stops_it),
        TEST(nobody_there_is_a_refusal),
        TEST(a_mode_can_change),
        TEST(cancel_ends_what_is_left),
        TEST(cancel_during_a_turn),
        TEST(what_was_begun_is_not_made_again),
        TEST(what_is_done_is_not_asked_again),
        TEST(nothing_to_go_on_with),
        TEST(what_was_planned_is_decided_anew),
        TEST(the_prompt_stays_the_same),
        TEST(one_process_at_a_time),
        TEST(money_bounds_the_reply),
        TEST(money_ends_it),
        TEST(money_wants_prices),
        TEST(output_tokens_bound_the_reply),
        TEST(input_tokens_end_it),
        TEST(calls_end_it_with_last_words),
        TEST(events_tell_it_all),
        TEST(kept_results_are_removed),
        TEST(kept_results_follow_no_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
