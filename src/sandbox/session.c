/* A session: one instance of a component and many calls into it. */
#include <string.h>

#include "sandbox/instance.h"
#include "sandbox/result.h"
#include "sandbox/stack.h"

struct bx_session {
    bx_instance instance;
    const bx_sandbox *sandbox;      /* borrowed */
    const bx_services *services;    /* borrowed; NULL: none */
    const struct bx_broker *broker; /* the same */
    const char *argv[1];
    bool is_open;
    bx_code ended; /* BX_OK: alive */
    bool is_over;  /* it ended, also by exit */
};

bx_session *bx_session_open(const bx_sandbox *sandbox, bx_error **err)
{
    return bx_session_open_with(sandbox, NULL, err);
}

bx_session *bx_session_open_with(const bx_sandbox *sandbox,
                                 const bx_run_extra *extra, bx_error **err)
{
    bx_session *session;

    if (sandbox->prepared->component == NULL) {
        bx_error_set(err, BX_ERR_INVALID,
                     "session of '%s': a core module; expected a component",
                     sandbox->name);
        return NULL;
    }
    session = calloc(1, sizeof(*session));
    if (session == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    session->sandbox = sandbox;
    if (extra != NULL) {
        session->services = extra->services;
        session->broker = extra->broker;
    }
    session->argv[0] = sandbox->name;
    return session;
}

void bx_session_close(bx_session *session)
{
    if (session == NULL)
        return;
    if (session->is_open)
        bx_instance_close(&session->instance);
    free(session);
}

bool bx_session_is_alive(const bx_session *session)
{
    return !session->is_over;
}

typedef struct session_call {
    bx_session *session;
    const bx_run_options *options;
    const bx_invocation *invocation;
    bx_result *result;
    bx_error **err;
    int returned;
} session_call;

static int ready(const session_call *call)
{
    const bx_run_extra extra = { .services = call->session->services,
                                 .broker = call->session->broker,
                                 .invocation = call->invocation };
    bx_session *session = call->session;

    if (session->is_open)
        return bx_instance_renew(&session->instance, call->options,
                                 call->invocation, call->err);
    /* What a failed opening made is freed by the same close. */
    session->is_open = true;
    return bx_instance_open(&session->instance, session->sandbox, 1,
                            session->argv, call->options, &extra, call->err);
}

static void run(void *argument)
{
    session_call *call = argument;
    bx_session *session = call->session;
    bx_code wrong = BX_OK;

    call->returned = ready(call);
    if (call->returned < 0) {
        session->is_over = true;
        return;
    }
    call->returned =
        bx_instance_run(&session->instance, NULL, call->result, call->err);
    call->result->stats.wall_ns =
        (uint64_t)(bx_now_ns() - session->instance.begin_ns);
    bx_instance_rest(&session->instance);
    /* Wrong arguments are found before anything runs. */
    if (call->returned < 0 && call->err != NULL)
        wrong = bx_error_code(*call->err);
    session->ended = call->result->code;
    session->is_over = session->ended != BX_OK ||
                       (call->returned == 0 && call->result->value == NULL) ||
                       (call->returned < 0 && wrong != BX_ERR_INVALID);
}

int bx_session_invoke(bx_session *session, const char *function,
                      const char *args_json, const bx_run_options *options,
                      bx_result **ret_result, bx_error **err)
{
    const char *args = args_json == NULL ? "{}" : args_json;
    const bx_invocation invocation = { function, args, strlen(args) };
    bx_run_options complete;
    bx_error *why = NULL;
    session_call call = { .session = session,
                          .options = &complete,
                          .invocation = &invocation,
                          .err = &why };
    const bx_limits *limits = &session->sandbox->policy->limits;

    if (session->is_over)
        return bx_error_set(
            err, BX_ERR_INVALID, "the session ended before (%s); open another",
            session->ended == BX_OK ? "exit" : bx_code_name(session->ended));
    if (bx_run_options_check(options, &complete, err) < 0)
        return -1;
    if (complete.record_fd >= 0)
        return bx_error_set(err, BX_ERR_INVALID, "%s", BX_SESSION_NOT_RECORDED);
    call.result = calloc(1, sizeof(*call.result));
    if (call.result == NULL)
        return bx_error_set_nomem(err);
    if (bx_stack_call(limits->stack_bytes, run, &call, &why) == 0 &&
        call.returned == 0) {
        *ret_result = call.result;
        return 0;
    }
    bx_error_wrap(&why, "invoke '%s'", session->sandbox->name);
    bx_result_free(call.result);
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}
