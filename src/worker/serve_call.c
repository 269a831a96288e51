/* One call in a worker: what the run asks for that this process may not do
 * itself goes to the host, on the call's own channel and thread. */
#include "worker/serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "base/run.h"
#include "record/sink.h"
#include "sandbox/result.h"

typedef struct bx_served_call {
    bx_channel *channel;
    bx_call_frame frame;
    bx_run_options options;
    int fds[3];
    size_t most_bytes; /* of its result */
    bool is_answered;
    /* Whatever comes to the host while it waits for a socket wakes it. */
    pthread_mutex_t may_record;
} bx_served_call;

/* Without the host nothing here makes sense any more. */
static void send_frame(const bx_served_call *call, bx_frame_type type,
                       const bx_buf *body)
{
    if (bx_channel_send(call->channel, type, body, NULL, 0, true, NULL) < 0)
        _exit(1);
}

/* The host's answer. */
static void receive_answer(const bx_served_call *call, size_t max_fds,
                           bx_frame *ret_frame)
{
    if (bx_channel_receive(call->channel, BX_FRAME_MAX_BYTES, max_fds, 0,
                           ret_frame, NULL) != 1 ||
        ret_frame->type != BX_FRAME_ANSWER)
        _exit(1);
}

/* An empty one is that of a host that has no descriptor left, for what was
 * asked or for the answer. */
static int check_answer(const bx_frame *answer, bx_error **err)
{
    if (answer->bytes > 0)
        return 0;
    return bx_error_set(err, BX_ERR_SYSTEM,
                        "the host has too many descriptors open for this; "
                        "raise its `ulimit -n`");
}

/* ---- what the run tells ---------------------------------------------- */

/* What cannot be told must not have been done unseen: the worker ends. */
static void tell(const bx_served_call *call, bx_frame_type type,
                 const char *const *texts, size_t count, size_t max_bytes)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_INLINE_BYTES);

    for (size_t i = 0; i < count; i++)
        bx_wire_put_bytes(&out, texts[i], strnlen(texts[i], max_bytes));
    if (out.is_bad)
        _exit(1);
    send_frame(call, type, &body);
}

static void on_audit(void *context, const bx_audit_event *event)
{
    const char *const texts[] = { event->call, event->target, event->reason,
                                  event->rule };

    tell(context, BX_FRAME_AUDIT, texts, 4, BX_FRAME_EVENT_BYTES);
}

static void on_effect(void *context, const bx_effect_event *event)
{
    const char *const texts[] = { event->call, event->target, event->detail };

    tell(context, BX_FRAME_EFFECT, texts, 3, BX_FRAME_EVENT_BYTES);
}

static bool on_need(void *context, const bx_need_event *event)
{
    const bx_served_call *call = context;
    const char *const texts[] = { event->kind, event->target };
    bx_frame answer;
    bx_wire_in in;
    bool is_given;

    /* What is cut short would be asked about another path. */
    if (strlen(event->target) > BX_FRAME_NEED_BYTES)
        return false;
    tell(call, BX_FRAME_NEED, texts, 2, BX_FRAME_NEED_BYTES);
    receive_answer(call, 0, &answer);
    in = bx_frame_body(&answer);
    is_given = bx_wire_get_bool(&in) && bx_wire_is_whole(&in);
    bx_frame_clear(&answer);
    return is_given;
}

/* The recorder's own thread calls it, while the run's may send and wait: a
 * message is sent whole, and none of these is answered. */
static int put_recording(void *context, const void *data, size_t bytes,
                         bx_error **err)
{
    /* Lent for the time of sending. */
    const bx_buf body = { (char *)data, bytes, bytes };

    bx_served_call *call = context;

    (void)err;
    pthread_mutex_lock(&call->may_record);
    send_frame(call, BX_FRAME_RECORD, &body);
    pthread_mutex_unlock(&call->may_record);
    return 0;
}

/* ---- the network ----------------------------------------------------- */

static int take_reply(bx_frame *answer, bx_buf *ret_reply, int *ret_fd,
                      bx_error **err)
{
    int result = check_answer(answer, err);

    if (result == 0)
        result =
            bx_buf_append(ret_reply, answer->data, answer->bytes, SIZE_MAX) < 0
                ? bx_error_set_nomem(err)
                : 0;
    if (result == 0 && ret_fd != NULL)
        *ret_fd = bx_frame_take_fd(answer, 0);
    bx_frame_clear(answer);
    return result;
}

static void send_request(const bx_served_call *call, bx_frame_type type,
                         const void *request, size_t bytes)
{
    /* Lent for the time of sending. */
    const bx_buf body = { (char *)request, bytes, bytes };

    send_frame(call, type, &body);
}

static int ask(void *context, const void *request, size_t bytes,
               bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    const bx_served_call *call = context;
    bx_frame answer;

    send_request(call, BX_FRAME_BROKER, request, bytes);
    receive_answer(call, ret_fd == NULL ? 0 : 1, &answer);
    return take_reply(&answer, ret_reply, ret_fd, err);
}

static int ask_while(void *context, const void *request, size_t bytes,
                     struct pollfd *fds, size_t count, bx_buf *ret_reply,
                     bx_error **err)
{
    bx_served_call *call = context;
    bx_autofree struct pollfd *all = calloc(count + 1, sizeof(*all));
    bx_frame answer;
    int ready;

    if (all == NULL)
        return bx_error_set_nomem(err);
    if (count > 0)
        memcpy(all, fds, count * sizeof(*all));
    all[count] = (struct pollfd){ .fd = call->channel->fd, .events = POLLIN };
    pthread_mutex_lock(&call->may_record);
    send_request(call, BX_FRAME_BROKER_WHILE, request, bytes);
    do
        ready = poll(all, count + 1, -1);
    while (ready < 0 && errno == EINTR);
    if (ready < 0 || all[count].revents == 0)
        send_frame(call, BX_FRAME_WAKE, NULL);
    receive_answer(call, 0, &answer);
    pthread_mutex_unlock(&call->may_record);
    if (count > 0)
        (void)poll(fds, count, 0);
    return take_reply(&answer, ret_reply, NULL, err);
}

/* ---- other programs and tools ---------------------------------------- */

static int ask_service(const bx_served_call *call, bx_frame_type type,
                       const bx_caller *caller, const bx_buf *body, bool is_bad,
                       bx_service_result *ret_result, bx_error **err)
{
    bx_budget left;
    bx_frame answer;
    bx_wire_in in;
    int result;

    if (is_bad)
        return bx_error_set_nomem(err);
    send_frame(call, type, body);
    receive_answer(call, 0, &answer);
    in = bx_frame_body(&answer);
    result = check_answer(&answer, err) < 0
                 ? -1
                 : bx_frame_get_service_result(&in, &left, ret_result, err);
    in.is_bad |= answer.bytes == 0;
    bx_frame_clear(&answer);
    if (!in.is_bad)
        *caller->budget = left;
    return result;
}

static int spawn(void *context, const bx_caller *caller,
                 const bx_spawn_request *request, bx_service_result *ret_result,
                 bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);

    bx_frame_put_spawn(&out, caller->budget, request);
    return ask_service(context, BX_FRAME_SPAWN, caller, &body, out.is_bad,
                       ret_result, err);
}

static int tool_call(void *context, const bx_caller *caller, const char *name,
                     const char *input, size_t input_bytes,
                     bx_service_result *ret_result, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);

    bx_frame_put_tool(&out, caller->budget, name, input, input_bytes);
    return ask_service(context, BX_FRAME_TOOL_CALL, caller, &body, out.is_bad,
                       ret_result, err);
}

static int tool_list(void *context, const bx_caller *caller,
                     bx_service_result *ret_result, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);

    bx_frame_put_budget(&out, caller->budget);
    return ask_service(context, BX_FRAME_TOOL_LIST, caller, &body, out.is_bad,
                       ret_result, err);
}

/* The same for a session, whose call under way changes. */
static int session_spawn(void *context, const bx_caller *caller,
                         const bx_spawn_request *request,
                         bx_service_result *ret_result, bx_error **err)
{
    return spawn(((bx_served_session *)context)->call, caller, request,
                 ret_result, err);
}

static int session_tool_call(void *context, const bx_caller *caller,
                             const char *name, const char *input,
                             size_t input_bytes, bx_service_result *ret_result,
                             bx_error **err)
{
    return tool_call(((bx_served_session *)context)->call, caller, name, input,
                     input_bytes, ret_result, err);
}

static int session_tool_list(void *context, const bx_caller *caller,
                             bx_service_result *ret_result, bx_error **err)
{
    return tool_list(((bx_served_session *)context)->call, caller, ret_result,
                     err);
}

static int session_ask(void *context, const void *request, size_t bytes,
                       bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    return ask(((bx_served_session *)context)->call, request, bytes, ret_reply,
               ret_fd, err);
}

static int session_ask_while(void *context, const void *request, size_t bytes,
                             struct pollfd *fds, size_t count,
                             bx_buf *ret_reply, bx_error **err)
{
    return ask_while(((bx_served_session *)context)->call, request, bytes, fds,
                     count, ret_reply, err);
}

void bx_serve_session_links(bx_served_session *session)
{
    session->services = (bx_services){ .context = session,
                                       .spawn = session_spawn,
                                       .tool_call = session_tool_call,
                                       .tool_list = session_tool_list };
    session->broker = (bx_broker){ .context = session,
                                   .ask = session_ask,
                                   .ask_while = session_ask_while };
}

/* ---- the call -------------------------------------------------------- */

/* Each flag that names a descriptor has one beside the frame. */
static int take_fds(bx_served_call *call, bx_frame *frame, bx_error **err)
{
    static const bx_call_flag flags[] = { BX_CALL_STDIN_FD, BX_CALL_STDOUT_FD,
                                          BX_CALL_STDERR_FD };
    size_t index = 0;

    for (size_t i = 0; i < 3; i++) {
        if ((call->frame.flags & flags[i]) == 0)
            continue;
        call->fds[i] = bx_frame_take_fd(frame, index++);
        if (call->fds[i] < 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "a call whose descriptors are missing");
    }
    return 0;
}

static int output_fd(const bx_served_call *call, int fd, bx_call_flag drop)
{
    if (fd >= 0)
        return fd;
    return (call->frame.flags & drop) != 0 ? BX_FD_NONE : BX_FD_CAPTURE;
}

/* The run has its time from here on, and a limit is told as it was set. When
 * the way here took long, it has what is left: the host waits no longer. */
static uint64_t timeout_of(const bx_call_frame *call)
{
    int64_t left_ns = call->deadline_ns - bx_now_ns();
    uint64_t left_ms = left_ns <= 0 ? 1 : (uint64_t)left_ns / 1000000 + 1;

    return call->timeout_ms < left_ms + BX_FRAME_DELAY_MS ? call->timeout_ms
                                                          : left_ms;
}

static void fill_options(bx_served_call *call, bx_cancel *cancel)
{
    bx_run_options *options = &call->options;
    uint32_t flags = call->frame.flags;

    *options = (bx_run_options)BX_RUN_OPTIONS_INIT;
    options->stdin_data = call->frame.input;
    options->stdin_bytes = call->frame.input_bytes;
    options->stdin_fd = call->fds[0] >= 0 ? call->fds[0] : BX_FD_NONE;
    options->stdout_fd = output_fd(call, call->fds[1], BX_CALL_DROP_STDOUT);
    options->stderr_fd = output_fd(call, call->fds[2], BX_CALL_DROP_STDERR);
    options->record_max_bytes = call->frame.record_max_bytes;
    options->timeout_ms = timeout_of(&call->frame);
    if ((flags & BX_CALL_CANCEL) != 0)
        options->cancel = cancel;
    if ((flags & BX_CALL_AUDIT) != 0)
        options->audit = on_audit;
    if ((flags & BX_CALL_EFFECT) != 0)
        options->effect = on_effect;
    if ((flags & BX_CALL_NEED) != 0)
        options->need = on_need;
    options->audit_context = call;
    options->effect_context = call;
    options->need_context = call;
}

static void close_fds(bx_served_call *call)
{
    for (int i = 0; i < 3; i++) {
        if (call->fds[i] >= 0)
            close(call->fds[i]);
        call->fds[i] = -1;
    }
}

static bool try_send(const bx_served_call *call, const bx_result_frame *result,
                     bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, call->most_bytes);

    bx_frame_put_result(&out, result);
    return !out.is_bad && bx_channel_send(call->channel, BX_FRAME_RESULT, &body,
                                          NULL, 0, true, err) == 0;
}

static void fill_budget(const bx_served_call *call, bx_result_frame *result)
{
    result->has_budget = (call->frame.flags & BX_CALL_BUDGET) != 0;
    result->budget = call->frame.budget;
}

/* The host goes on while the guest's memory is given back. */
static void on_ended(void *context, bx_result *result)
{
    bx_served_call *call = context;
    bx_result_frame frame = { .result = result };

    close_fds(call);
    fill_budget(call, &frame);
    call->is_answered = try_send(call, &frame, NULL);
}

static int run_box(bx_serve *serve, bx_served_call *call,
                   bx_result_frame *ret_frame, bx_error **err)
{
    const bx_sandbox *sandbox = bx_serve_find_box(serve, call->frame.box_id);
    const bx_services services = { .context = call,
                                   .spawn = spawn,
                                   .tool_call = tool_call,
                                   .tool_list = tool_list };
    const bx_broker broker = { .context = call,
                               .ask = ask,
                               .ask_while = ask_while };
    const bx_invocation invocation = { call->frame.function, call->frame.args,
                                       call->frame.args_bytes };
    uint32_t flags = call->frame.flags;
    const bx_record_sink record = { put_recording, call };
    bx_run_extra extra = { .broker = &broker,
                           .ended = on_ended,
                           .ended_context = call };

    if (sandbox == NULL)
        return bx_error_set(err, BX_ERR_SYSTEM, "a call of no box");
    if ((flags & BX_CALL_RECORD) != 0)
        extra.record = &record;
    if ((flags & BX_CALL_SERVICES) != 0)
        extra.services = &services;
    if ((flags & BX_CALL_BUDGET) != 0)
        extra.budget = &call->frame.budget;
    if ((flags & BX_CALL_ENV) != 0) {
        extra.env = call->frame.env;
        extra.env_count = call->frame.env_count;
    }
    if ((flags & BX_CALL_INVOKES) != 0)
        extra.invocation = &invocation;
    return bx_sandbox_run_with(sandbox, call->frame.argc, call->frame.argv,
                               &call->options, &extra, &ret_frame->result, err);
}

static int run_session(bx_serve *serve, bx_served_call *call,
                       bx_result_frame *ret_frame, bx_error **err)
{
    bx_served_session *session =
        bx_serve_find_session(serve, call->frame.session_id);
    int result;

    if (session == NULL || (call->frame.flags & BX_CALL_INVOKES) == 0)
        return bx_error_set(err, BX_ERR_SYSTEM, "a call of no session");
    if ((call->frame.flags & BX_CALL_RECORD) != 0)
        return bx_error_set(err, BX_ERR_INVALID, "%s", BX_SESSION_NOT_RECORDED);
    session->call = call;
    result = bx_session_invoke(session->session, call->frame.function,
                               call->frame.args, &call->options,
                               &ret_frame->result, err);
    session->call = NULL;
    ret_frame->is_alive = bx_session_is_alive(session->session);
    return result;
}

static void send_result(const bx_served_call *call, bx_result_frame *result)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_autoerror bx_error *err = NULL;
    bx_wire_out out;

    if (try_send(call, result, &err))
        return;
    /* Too large to be sent, or no memory for it. */
    if (bx_error_errno(err) == EPIPE)
        _exit(1);
    bx_result_free(result->result);
    result->result = NULL;
    if (result->error == NULL && err != NULL) {
        result->error = bx_take(err);
        bx_error_wrap(&result->error, "the result");
    } else if (result->error == NULL) {
        bx_error_set(&result->error, BX_ERR_LIMIT,
                     "the result is larger than %zu bytes, or there is no "
                     "memory for it",
                     call->most_bytes);
    }
    out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame_put_result(&out, result);
    if (out.is_bad)
        _exit(1);
    send_frame(call, BX_FRAME_RESULT, &body);
}

void bx_serve_call(bx_serve *serve, bx_channel *channel, bx_cancel *cancel,
                   bx_frame *frame)
{
    bx_served_call call = { .channel = channel,
                            .fds = { -1, -1, -1 },
                            .most_bytes = bx_frame_most(&serve->policy->limits),
                            .may_record = PTHREAD_MUTEX_INITIALIZER };
    bx_result_frame result = { .result = NULL };
    bx_wire_in in = bx_frame_body(frame);

    /* Answers come while the call's words are still needed. */
    if (bx_channel_keep(channel, &result.error) == 0 &&
        bx_frame_get_call(&in, &call.frame, &result.error) == 0 &&
        take_fds(&call, frame, &result.error) == 0) {
        fill_options(&call, cancel);
        if (call.frame.session_id != 0)
            (void)run_session(serve, &call, &result, &result.error);
        else
            (void)run_box(serve, &call, &result, &result.error);
        fill_budget(&call, &result);
    }
    close_fds(&call);
    if (!call.is_answered)
        send_result(&call, &result);
    bx_result_free(result.result);
    bx_error_free(result.error);
    bx_call_frame_clear(&call.frame);
}
