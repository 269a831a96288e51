#include "worker/answer.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "record/format.h"
#include "sandbox/result.h"
#include "worker/answer_service.h"

/* How long after its deadline, or a cancel, a run may take to say that it is
 * over. */
#define GRACE_NS 1000000000
#define LATE_FRAMES 256
#define SLOW_FRAMES 32 /* an answer counts for, that takes a tenth of that */

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- the call -------------------------------------------------------- */

static void begin_run(bx_answer *answer)
{
    const bx_run_options *options = answer->options;
    bx_run *run = &answer->run;
    uint64_t ms = bx_box_timeout_ms(answer->box, options);
    int64_t least_ns =
        bx_now_ns() + (int64_t)lower(ms, BX_BOX_START_MS) * 1000000;

    answer->timeout_ms = ms;
    /* What its worker took to start is the call's time, but for so much that a
     * short one can run at all. */
    run->deadline_ns = answer->begin_ns + (int64_t)ms * 1000000;
    if (run->deadline_ns < least_ns)
        run->deadline_ns = least_ns;
    run->budget = NULL;
    answer->begin_held_ns = run->held_ns;
    if (answer->extra->budget != NULL) {
        answer->given = *answer->extra->budget;
        run->budget = &answer->given;
        if (answer->given.deadline_ns < run->deadline_ns)
            run->deadline_ns = answer->given.deadline_ns;
    }
    bx_run_options_give(options, run);
}

static void add_fd(bx_call_frame *call, int fd, bx_call_flag flag, int *fds,
                   size_t *count)
{
    if (fd < 0)
        return;
    call->flags |= flag;
    fds[(*count)++] = fd;
}

static uint64_t record_max(const bx_run_options *options)
{
    return options->record_max_bytes == 0 ? BX_RECORD_DEFAULT_BYTES
                                          : options->record_max_bytes;
}

static size_t fill_call(const bx_answer *answer, bx_call_frame *call, int *fds)
{
    const bx_run_options *options = answer->options;
    const bx_run_extra *extra = answer->extra;
    size_t count = 0;

    call->box_id = answer->box->module->id;
    call->session_id = answer->session_id;
    call->deadline_ns = answer->run.deadline_ns;
    call->timeout_ms = answer->timeout_ms;
    if (options->audit != NULL)
        call->flags |= BX_CALL_AUDIT;
    if (options->effect != NULL)
        call->flags |= BX_CALL_EFFECT;
    if (options->need != NULL)
        call->flags |= BX_CALL_NEED;
    if (options->cancel != NULL)
        call->flags |= BX_CALL_CANCEL;
    if (extra->services != NULL)
        call->flags |= BX_CALL_SERVICES;
    if (extra->env != NULL) {
        call->flags |= BX_CALL_ENV;
        call->env = extra->env;
        call->env_count = extra->env_count;
    }
    if (extra->invocation != NULL) {
        call->flags |= BX_CALL_INVOKES;
        call->function = extra->invocation->function;
        call->args = extra->invocation->args;
        call->args_bytes = extra->invocation->args_bytes;
    }
    if (extra->budget != NULL) {
        call->flags |= BX_CALL_BUDGET;
        call->budget = answer->given;
    }
    if (options->stdin_data != NULL && options->stdin_fd < 0) {
        call->input = options->stdin_data;
        call->input_bytes = options->stdin_bytes;
    }
    if (options->stdout_fd == BX_FD_NONE)
        call->flags |= BX_CALL_DROP_STDOUT;
    if (options->stderr_fd == BX_FD_NONE)
        call->flags |= BX_CALL_DROP_STDERR;
    add_fd(call, options->stdin_fd, BX_CALL_STDIN_FD, fds, &count);
    add_fd(call, options->stdout_fd, BX_CALL_STDOUT_FD, fds, &count);
    add_fd(call, options->stderr_fd, BX_CALL_STDERR_FD, fds, &count);
    if (options->record_fd >= 0)
        call->flags |= BX_CALL_RECORD | BX_CALL_CANCEL;
    call->record_max_bytes = record_max(options);
    return count;
}

/* -1 with err: it is too large; with *ret_why: the worker is gone. */
static int send_call(const bx_answer *answer, const bx_line *line, size_t argc,
                     const char *const *argv, bool *ret_is_gone, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_call_frame call = { .argc = argc, .argv = argv };
    bx_error *why = NULL;
    int fds[3];
    size_t count = fill_call(answer, &call, fds);

    bx_frame_put_call(&out, &call);
    if (out.is_bad)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "arguments and input of more than %u bytes, or no "
                            "memory for them",
                            BX_FRAME_MAX_BYTES);
    if (bx_channel_send(&line->channel, BX_FRAME_CALL, &body, fds, count, true,
                        &why) == 0)
        return 0;
    *ret_is_gone = bx_channel_is_gone(why);
    if (*ret_is_gone || err == NULL)
        bx_error_free(why);
    else
        *err = why;
    return -1;
}

/* ---- events and questions -------------------------------------------- */

typedef struct event_texts {
    char *texts[4];
} event_texts;

static void clear_texts(event_texts *texts)
{
    for (int i = 0; i < 4; i++)
        free(texts->texts[i]);
}

#define autotexts __attribute__((cleanup(clear_texts)))

int bx_answer_refuse(const bx_frame *frame, bx_error **ret_why)
{
    return bx_error_set(ret_why, BX_ERR_INVALID,
                        "the worker sent what none sends (a frame of type %d)",
                        (int)frame->type);
}

static int get_texts(const bx_frame *frame, size_t count, event_texts *ret,
                     bx_error **ret_why)
{
    bx_wire_in in = bx_frame_body(frame);

    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        const char *text = bx_wire_get_bytes(&in, BX_FRAME_EVENT_BYTES, &bytes);

        if (in.is_bad)
            return bx_answer_refuse(frame, ret_why);
        ret->texts[i] = bx_frame_show_line(text, bytes);
        if (ret->texts[i] == NULL)
            return bx_error_set_nomem(ret_why);
    }
    return bx_wire_is_whole(&in) ? 0 : bx_answer_refuse(frame, ret_why);
}

static int tell_audit(const bx_answer *answer, const bx_frame *frame,
                      bx_error **ret_why)
{
    autotexts event_texts texts = { { NULL } };
    bx_audit_event event;

    if (answer->options->audit == NULL)
        return bx_answer_refuse(frame, ret_why);
    if (get_texts(frame, 4, &texts, ret_why) < 0)
        return -1;
    event = (bx_audit_event){ .call = texts.texts[0],
                              .target = texts.texts[1],
                              .reason = texts.texts[2],
                              .rule = texts.texts[3] };
    answer->options->audit(answer->options->audit_context, &event);
    return 0;
}

static int tell_effect(const bx_answer *answer, const bx_frame *frame,
                       bx_error **ret_why)
{
    autotexts event_texts texts = { { NULL } };
    bx_effect_event event;

    if (answer->options->effect == NULL)
        return bx_answer_refuse(frame, ret_why);
    if (get_texts(frame, 3, &texts, ret_why) < 0)
        return -1;
    event = (bx_effect_event){ .call = texts.texts[0],
                               .target = texts.texts[1],
                               .detail = texts.texts[2] };
    answer->options->effect(answer->options->effect_context, &event);
    return 0;
}

/* What was asked for cannot be had: the worker makes an error of it. */
static int send_empty(const bx_line *line)
{
    return bx_channel_send(&line->channel, BX_FRAME_ANSWER, NULL, NULL, 0,
                           false, NULL);
}

/* The worker has no descriptor of the file: what it sends is written here, and
 * no more of it than the recording may have. A full disk ends the run. */
static int take_recording(bx_answer *answer, const bx_line *line,
                          const bx_frame *frame, bx_error **ret_why)
{
    if (answer->options->record_fd < 0 || frame->bytes == 0)
        return bx_answer_refuse(frame, ret_why);
    if (frame->bytes > answer->record_left)
        return bx_error_set(ret_why, BX_ERR_INVALID,
                            "the worker sent more of a recording than the %llu "
                            "bytes it may have",
                            (unsigned long long)record_max(answer->options));
    answer->record_left -= frame->bytes;
    if (answer->record_error == NULL &&
        answer->record.put(answer->record.context, frame->data, frame->bytes,
                           &answer->record_error) < 0)
        bx_process_set_cancel(answer->process, line, true);
    return 0;
}

int bx_answer_send(const bx_answer *answer, const bx_line *line,
                   const bx_wire_out *out, int fd, bx_error **ret_why)
{
    bx_error *why = NULL;
    int number;

    if (out->is_bad)
        return bx_error_set_nomem(ret_why);
    if (bx_run_is_cancelled(&answer->run))
        bx_process_set_cancel(answer->process, line, true);
    if (bx_channel_send(&line->channel, BX_FRAME_ANSWER, out->buf, &fd, fd >= 0,
                        false, &why) == 0)
        return 0;
    number = bx_error_errno(why);
    if (number == EPIPE || number == ECONNRESET) {
        bx_error_free(why); /* how it ended says more */
        return -1;
    }
    /* Too many descriptors, here or on their way: it makes do without. */
    if ((number == EMFILE || number == ENFILE || number == ETOOMANYREFS) &&
        send_empty(line) == 0) {
        bx_error_free(why);
        return 0;
    }
    if (number == EAGAIN) {
        bx_error_free(why);
        return bx_error_set(ret_why, BX_ERR_INVALID,
                            "the worker takes no answers");
    }
    *ret_why = why;
    return bx_error_wrap(ret_why, "the worker has no answer");
}

/* A need's target is what a grant would be of: as it is, to be shown with care.
 */
static int get_need(const bx_frame *frame, event_texts *ret, bx_error **ret_why)
{
    bx_wire_in in = bx_frame_body(frame);

    for (size_t i = 0; i < 2; i++) {
        size_t bytes;
        const char *text = bx_wire_get_bytes(&in, BX_FRAME_NEED_BYTES, &bytes);

        if (in.is_bad || memchr(text, '\0', bytes) != NULL)
            return bx_answer_refuse(frame, ret_why);
        ret->texts[i] =
            i == 0 ? bx_frame_show_line(text, bytes) : strndup(text, bytes);
        if (ret->texts[i] == NULL)
            return bx_error_set_nomem(ret_why);
    }
    return bx_wire_is_whole(&in) ? 0 : bx_answer_refuse(frame, ret_why);
}

static int answer_need(const bx_answer *answer, const bx_line *line,
                       const bx_frame *frame, bx_error **ret_why)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    autotexts event_texts texts = { { NULL } };
    bx_need_event event;

    if (answer->options->need == NULL)
        return bx_answer_refuse(frame, ret_why);
    if (get_need(frame, &texts, ret_why) < 0)
        return -1;
    event = (bx_need_event){ .kind = texts.texts[0], .target = texts.texts[1] };
    bx_wire_put_bool(
        &out, answer->options->need(answer->options->need_context, &event));
    return bx_answer_send(answer, line, &out, -1, ret_why);
}

static int answer_broker(bx_answer *answer, const bx_line *line,
                         const bx_frame *frame, bool may_wake,
                         bx_error **ret_why)
{
    bx_autobuf bx_buf reply = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&reply, BX_FRAME_MAX_BYTES);
    int fd = -1;

    if (frame->bytes > BX_BROKER_MAX_BYTES)
        return bx_answer_refuse(frame, ret_why);
    if (answer->broker == NULL)
        answer->broker =
            bx_broker_host_new(answer->box->policy, &answer->run, ret_why);
    if (answer->broker == NULL)
        return -1;
    if (bx_broker_host_serve(answer->broker, frame->data, frame->bytes,
                             may_wake ? line->channel.fd : -1, &reply, &fd,
                             ret_why) < 0)
        return bx_error_code(*ret_why) == BX_ERR_INVALID
                   ? bx_error_wrap(ret_why, "the worker sent what none sends")
                   : -1;
    return bx_answer_send(answer, line, &out, may_wake ? -1 : fd, ret_why);
}

/* -1: the worker is lost, ret_why says what it or the host did wrong, NULL when
 * it ended. */
static int answer_frame(bx_answer *answer, const bx_line *line,
                        const bx_frame *frame, bx_error **ret_why)
{
    switch (frame->type) {
    case BX_FRAME_AUDIT:
        return tell_audit(answer, frame, ret_why);
    case BX_FRAME_EFFECT:
        return tell_effect(answer, frame, ret_why);
    case BX_FRAME_NEED:
        return answer_need(answer, line, frame, ret_why);
    case BX_FRAME_RECORD:
        return take_recording(answer, line, frame, ret_why);
    case BX_FRAME_BROKER:
    case BX_FRAME_BROKER_WHILE:
        return answer_broker(answer, line, frame,
                             frame->type == BX_FRAME_BROKER_WHILE, ret_why);
    case BX_FRAME_WAKE: /* the answer crossed it */
        return frame->bytes == 0 ? 0 : bx_answer_refuse(frame, ret_why);
    case BX_FRAME_SPAWN:
    case BX_FRAME_TOOL_CALL:
    case BX_FRAME_TOOL_LIST:
        return answer->extra->services != NULL
                   ? bx_answer_service(answer, line, frame, ret_why)
                   : bx_answer_refuse(frame, ret_why);
    default:
        return bx_answer_refuse(frame, ret_why);
    }
}

/* ---- waiting --------------------------------------------------------- */

typedef struct wait_state {
    int64_t due_ns;  /* the run is to end: at its deadline, or cancelled */
    int64_t ends_ns; /* then it is lost */
    bool is_slow;    /* nothing came for a while */
    bool is_cancelled;
    unsigned late; /* frames that came after both */
} wait_state;

/* Whether frames come or not: one that never stops talking ends as well. */
static void see_cancel(const bx_answer *answer, const bx_line *line,
                       wait_state *state, int64_t now_ns)
{
    if (state->is_cancelled || !bx_run_is_cancelled(&answer->run))
        return;
    state->is_cancelled = true;
    state->due_ns = now_ns;
    state->ends_ns = now_ns + GRACE_NS;
    bx_process_set_cancel(answer->process, line, true);
}

/* A request that was held moved the deadline. What the answer took after that
 * was not the worker's time; what it took before was. */
static void see_answered(const bx_answer *answer, wait_state *state,
                         int64_t begin_ns)
{
    int64_t now_ns = bx_now_ns();
    int64_t late_ns;

    if (!state->is_cancelled && state->due_ns < answer->run.deadline_ns) {
        state->ends_ns += answer->run.deadline_ns - state->due_ns;
        state->due_ns = answer->run.deadline_ns;
    }
    late_ns = now_ns - (begin_ns > state->due_ns ? begin_ns : state->due_ns);
    if (late_ns > 0)
        state->ends_ns += late_ns;
    if (state->late > 0 && late_ns > GRACE_NS / 10)
        state->late += SLOW_FRAMES;
}

/* A frame, or why there is none: the return value as of bx_channel_receive(),
 * but 0 is the end. */
static int wait_frame(const bx_answer *answer, bx_line *line, wait_state *state,
                      bx_frame *frame, bx_error **err)
{
    for (;;) {
        int64_t now_ns;
        int got = bx_channel_receive(
            &line->channel, bx_frame_most(&answer->box->policy->limits), 0,
            state->is_slow ? MSG_DONTWAIT : 0, frame, err);

        if (got != 0 || errno != EAGAIN)
            return got;
        now_ns = bx_now_ns();
        see_cancel(answer, line, state, now_ns);
        if (now_ns >= state->ends_ns)
            return bx_error_set(err, BX_ERR_TIMEOUT,
                                "the worker hung: its run was to end %d ms "
                                "before",
                                GRACE_NS / 1000000);
        state->is_slow = true;
        {
            struct pollfd poller = { .fd = line->channel.fd, .events = POLLIN };
            int64_t left_ms = (state->ends_ns - now_ns) / 1000000 + 1;

            if (answer->run.cancel != NULL && !state->is_cancelled &&
                left_ms > BX_LINE_TICK_MS)
                left_ms = BX_LINE_TICK_MS;
            (void)poll(&poller, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        }
    }
}

/* A long frame came, and this process had no descriptor for its body. That is
 * no fault of the worker's: it is told, and others in it know nothing of it. */
static bool is_lacking(const bx_frame *frame, const bx_error *why)
{
    static const bool may_be_long[BX_FRAME_TYPES] = {
        [BX_FRAME_RESULT] = true,       [BX_FRAME_BROKER] = true,
        [BX_FRAME_BROKER_WHILE] = true, [BX_FRAME_SPAWN] = true,
        [BX_FRAME_TOOL_CALL] = true,
    };

    return bx_error_errno(why) == EMFILE && may_be_long[frame->type];
}

/* What has a long body that did not come is not looked into. */
static int answer_any(bx_answer *answer, const bx_line *line,
                      const bx_frame *frame, bx_error **ret_why)
{
    if (*ret_why == NULL)
        return answer_frame(answer, line, frame, ret_why);
    bx_error_free(*ret_why);
    *ret_why = NULL;
    return send_empty(line);
}

static int fail_late(const bx_frame *frame, bx_error **ret_why)
{
    bx_error_free(*ret_why);
    *ret_why = NULL;
    return bx_error_set(ret_why, BX_ERR_INVALID,
                        "the worker went on after its run was to end (a frame "
                        "of type %d)",
                        (int)frame->type);
}

/* Until the result: 0. -1: the worker is lost; ret_why: what it did wrong, NULL
 * when it ended. 0 with ret_why: the result came, but could not be taken. */
static int serve_run(bx_answer *answer, bx_line *line, bx_frame *ret_frame,
                     bx_error **ret_why)
{
    wait_state state = { .due_ns = answer->run.deadline_ns,
                         .ends_ns = answer->run.deadline_ns + GRACE_NS };
    bool is_first = true;

    for (;;) {
        bx_frame frame = { .fds_count = 0 };
        int got = wait_frame(answer, line, &state, &frame, ret_why);
        int64_t begin_ns;
        int answered;

        if (got < 0 && is_lacking(&frame, *ret_why))
            got = 1;
        if (got <= 0) {
            answer->is_begun = got < 0 || errno != ECONNRESET || !is_first;
            if (got < 0 && bx_error_code(*ret_why) == BX_ERR_INVALID)
                bx_error_wrap(ret_why, "the worker sent");
            return -1;
        }
        /* ERROR: the worker has no thread for it. */
        if (frame.type == BX_FRAME_RESULT ||
            (frame.type == BX_FRAME_ERROR && is_first)) {
            *ret_frame = frame;
            return 0;
        }
        begin_ns = bx_now_ns();
        see_cancel(answer, line, &state, begin_ns);
        /* Some may have been sent in time, and read late. */
        if (begin_ns >= state.due_ns + GRACE_NS)
            state.late++;
        answered = state.late <= LATE_FRAMES
                       ? answer_any(answer, line, &frame, ret_why)
                       : fail_late(&frame, ret_why);
        bx_frame_clear(&frame);
        if (answered < 0)
            return -1;
        is_first = false;
        see_answered(answer, &state, begin_ns);
    }
}

/* ---- the result ------------------------------------------------------ */

/* What is left of the budget the call was given: never more than it was, nor
 * than what the host saw it use leaves. */
static void settle(const bx_answer *answer, const bx_budget *left)
{
    const bx_budget *given = &answer->given;
    const bx_budget *used = &answer->run.used;
    bx_budget *budget = answer->extra->budget;

    if (budget == NULL)
        return;
#define SETTLE(field)                                                          \
    budget->field =                                                            \
        lower(left->field, given->field - lower(given->field, used->field))
    SETTLE(fuel_units);
    SETTLE(fs_write_bytes);
    SETTLE(fs_create_entries);
    SETTLE(http_requests);
    SETTLE(calls);
#undef SETTLE
    if (answer->run.held_ns - answer->begin_held_ns <
        INT64_MAX - budget->deadline_ns)
        budget->deadline_ns += answer->run.held_ns - answer->begin_held_ns;
}

/* A value is what others parse. jansson tells a lack of memory by errno
 * alone. */
static int check_json(const char *text, bx_error **ret_why)
{
    json_t *value;

    errno = 0;
    value = json_loads(
        text, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    if (value == NULL)
        return errno == ENOMEM
                   ? bx_error_set_nomem(ret_why)
                   : bx_error_set(ret_why, BX_ERR_INVALID,
                                  "the worker sent a malformed result");
    json_decref(value);
    return 0;
}

static int take_result(bx_answer *answer, const bx_frame *frame,
                       bx_result_frame *ret_result, bx_error **ret_why)
{
    uint64_t output_bytes = answer->box->policy->limits.output_bytes;
    bx_wire_in in = bx_frame_body(frame);
    bool has_budget = answer->extra->budget != NULL;

    if (has_budget)
        output_bytes = lower(output_bytes, answer->given.output_bytes);
    if (bx_frame_get_result(&in, output_bytes, ret_result, ret_why) < 0)
        return bx_error_code(*ret_why) == BX_ERR_INVALID
                   ? bx_error_wrap(ret_why, "the worker sent")
                   : -1;
    /* A worker that could not read the call knows of no budget. */
    if (ret_result->result == NULL && !ret_result->has_budget)
        ret_result->budget = answer->given;
    else if (ret_result->has_budget != has_budget)
        bx_error_set(ret_why, BX_ERR_INVALID,
                     "the worker sent a malformed result");
    if (*ret_why == NULL &&
        (ret_result->result == NULL || ret_result->result->value == NULL ||
         check_json(ret_result->result->value, ret_why) == 0))
        return 0;
    bx_result_free(ret_result->result);
    bx_error_free(ret_result->error);
    return -1;
}

/* The call is lost with its worker. Takes line, which may be NULL, and why: the
 * line is closed last, so that what is told is not how the worker took that. */
static int make_lost(bx_answer *answer, bx_line *line, bx_error *why,
                     bx_result **ret_result, bx_error **err)
{
    bx_autofree char *cause = bx_pool_lose(
        answer->process, why == NULL ? NULL : bx_error_message(why));
    bx_result *result = calloc(1, sizeof(*result));
    char *message = NULL;

    bx_error_free(why);
    bx_line_free(line);
    answer->is_alive = false;
    if (result == NULL || cause == NULL ||
        asprintf(&message,
                 "%s; this call is lost, the next gets another worker",
                 cause) < 0) {
        free(result);
        return bx_error_set_nomem(err);
    }
    bx_result_end(result, BX_ERR_SYSTEM, message);
    *ret_result = result;
    return 0;
}

/* The run is over, and what came of it cannot be had. The worker is well. */
static int miss_result(const bx_answer *answer, bx_line *line, bx_error *why,
                       bx_result **ret_result, bx_error **err)
{
    bx_result *result = calloc(1, sizeof(*result));

    bx_process_give_line(answer->process, line);
    if (result == NULL) {
        bx_error_free(why);
        return bx_error_set_nomem(err);
    }
    bx_error_wrap(&why, "the call has run, but its result is lost");
    bx_result_end(result, BX_ERR_SYSTEM, strdup(bx_error_message(why)));
    bx_error_free(why);
    *ret_result = result;
    return 0;
}

/* The worker could not begin. */
static int take_error(bx_answer *answer, bx_line *line, bx_frame *frame,
                      bx_error **err)
{
    bx_wire_in in = bx_frame_body(frame);

    if (!bx_frame_get_error(&in, err))
        (void)bx_wire_fail(&in, BX_ERR_SYSTEM, "a malformed error", err);
    bx_frame_clear(frame);
    bx_process_drop_line(answer->process, line);
    return -1;
}

/* As bx_sandbox_run() has it: what is not recorded was not run. */
static int end_unrecorded(bx_answer *answer, bx_result_frame *result,
                          bx_error **err)
{
    bx_result_free(result->result);
    bx_error_free(result->error);
    if (err == NULL)
        return -1;
    *err = bx_take(answer->record_error);
    return bx_error_wrap(err, "the run was ended");
}

static int call(bx_answer *answer, bx_line *line, size_t argc,
                const char *const *argv, bx_result **ret_result, bx_error **err)
{
    bx_error *why = NULL;
    bx_result_frame result;
    bx_frame frame;
    bool is_gone = false;
    int received;

    bx_process_set_cancel(answer->process, line, false);
    if (send_call(answer, line, argc, argv, &is_gone, err) < 0) {
        if (is_gone)
            return make_lost(answer, line, NULL, ret_result, err);
        bx_process_give_line(answer->process, line);
        return -1;
    }
    answer->is_begun = true; /* unless nobody read it */
    if (serve_run(answer, line, &frame, &why) < 0) {
        return make_lost(answer, line, why, ret_result, err);
    }
    if (why != NULL)
        return miss_result(answer, line, why, ret_result, err);
    if (frame.type == BX_FRAME_ERROR)
        return take_error(answer, line, &frame, err);
    received = take_result(answer, &frame, &result, &why);
    bx_frame_clear(&frame);
    if (received < 0) {
        return make_lost(answer, line, why, ret_result, err);
    }
    bx_process_give_line(answer->process, line);
    answer->is_alive = result.is_alive;
    settle(answer, &result.budget);
    if (answer->record_error != NULL)
        return end_unrecorded(answer, &result, err);
    if (result.result == NULL) {
        if (err != NULL)
            *err = result.error;
        else
            bx_error_free(result.error);
        return -1;
    }
    *ret_result = result.result;
    return 0;
}

static int begin_recording(bx_answer *answer, bx_error **err)
{
    const bx_run_options *options = answer->options;

    if (options->record_fd < 0)
        return 0;
    bx_error_free(bx_take(answer->record_error));
    answer->record_left = record_max(options);
    return bx_record_sink_of_fd(options->record_fd, &answer->record, err);
}

int bx_answer_call(bx_answer *answer, size_t argc, const char *const *argv,
                   bx_result **ret_result, bx_error **err)
{
    int64_t begin_ns = bx_now_ns();
    bx_error *why = NULL;
    bx_wait wait;
    bx_line *line;
    int result;

    answer->is_begun = false;
    if (begin_recording(answer, err) < 0)
        return -1;
    begin_run(answer);
    wait = (bx_wait){ answer->run.deadline_ns, answer->run.cancel };
    line = bx_process_take_line(answer->process, &wait, &why);
    if (line == NULL) {
        if (bx_channel_is_gone(why)) {
            bx_error_free(why);
            return make_lost(answer, NULL, NULL, ret_result, err);
        }
        if (err != NULL)
            *err = why;
        else
            bx_error_free(why);
        return -1;
    }
    result = call(answer, line, argc, argv, ret_result, err);
    if (result == 0)
        (*ret_result)->stats.wall_ns = (uint64_t)(bx_now_ns() - begin_ns);
    return result;
}

void bx_answer_clear(bx_answer *answer)
{
    bx_broker_host_free(answer->broker);
    answer->broker = NULL;
    bx_error_free(bx_take(answer->record_error));
    bx_run_forget_needs(&answer->run);
}
