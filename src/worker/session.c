/* A session lives in a worker: that one and no other. */
#include <string.h>

#include "sandbox/result.h"
#include "worker/answer.h"

#define CLOSE_MS 2000

struct bx_worker_session {
    bx_answer answer; /* its quotas go from call to call */
    bx_run_extra extra;
    bool is_over;
    bx_code ended; /* BX_OK: by exit */
};

static int open_there(bx_worker_session *session, const bx_wait *wait,
                      bx_error **err)
{
    bx_answer *answer = &session->answer;
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_error *why = NULL;
    bx_frame frame;
    bx_wire_in in;

    bx_wire_put_u64(&out, answer->box->module->id);
    bx_wire_put_bool(&out, session->extra.services != NULL);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    if (bx_process_ask(answer->process, BX_FRAME_SESSION, &body, NULL, 0, wait,
                       &frame, &why) < 0) {
        /* It may have been made, and nobody knows its number. */
        if (bx_error_code(why) == BX_ERR_SYSTEM)
            bx_pool_spend(answer->process);
        if (err != NULL)
            *err = why;
        else
            bx_error_free(why);
        return -1;
    }
    in = bx_frame_body(&frame);
    answer->session_id = bx_wire_get_u64(&in);
    bx_frame_clear(&frame);
    if (answer->session_id == 0)
        return bx_error_set(err, BX_ERR_SYSTEM, "the worker made no session");
    return 0;
}

bx_worker_session *bx_worker_session_open(bx_worker_box *box,
                                          const bx_services *services,
                                          bx_error **err)
{
    return bx_worker_session_open_within(box, services, NULL, err);
}

bx_worker_session *bx_worker_session_open_within(bx_worker_box *box,
                                                 const bx_services *services,
                                                 bx_wait *wait, bx_error **err)
{
    bx_worker_session *session = calloc(1, sizeof(*session));
    bx_process *process;
    int result;

    if (session == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    session->extra.services = services;
    session->answer.box = box;
    session->answer.extra = &session->extra;
    process = bx_box_take_process(box, wait, err);
    if (process == NULL) {
        free(session);
        return NULL;
    }
    session->answer.process = process;
    session->answer.is_alive = true;
    result = open_there(session, wait, err);
    if (result == 0) {
        bx_pool_add_session(process, 1);
        bx_process_ref(process);
    }
    bx_pool_give(process);
    if (result == 0)
        return session;
    free(session);
    return NULL;
}

/* A worker that was not told keeps the session: not for long. */
static void end_there(const bx_worker_session *session)
{
    const bx_wait wait = bx_wait_for_ms(CLOSE_MS);
    bx_process *process = session->answer.process;
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame frame;

    if (!bx_pool_take_for_session(process))
        return;
    bx_wire_put_u64(&out, session->answer.session_id);
    if (!out.is_bad && bx_process_ask(process, BX_FRAME_SESSION_END, &body,
                                      NULL, 0, &wait, &frame, NULL) == 0)
        bx_frame_clear(&frame);
    else
        bx_pool_spend(process);
    bx_pool_give(process);
}

void bx_worker_session_close(bx_worker_session *session)
{
    if (session == NULL)
        return;
    end_there(session);
    bx_answer_clear(&session->answer);
    bx_pool_add_session(session->answer.process, -1);
    bx_pool_wake(session->answer.box->pool);
    bx_process_unref(session->answer.process);
    free(session);
}

bool bx_worker_session_is_alive(const bx_worker_session *session)
{
    return !session->is_over && bx_process_is_ready(session->answer.process);
}

static int fail_over(const bx_worker_session *session, bx_error **err)
{
    return bx_error_set(
        err, BX_ERR_INVALID, "the session ended before (%s); open another",
        session->ended == BX_OK ? "exit" : bx_code_name(session->ended));
}

static int fail_lost(bx_worker_session *session, bx_error **err)
{
    bx_autofree char *cause = bx_pool_cause(session->answer.process);

    session->is_over = true;
    session->ended = BX_ERR_SYSTEM;
    return bx_error_set(err, BX_ERR_INVALID,
                        "the session ended before (%s); open another",
                        cause == NULL ? "its worker is gone" : cause);
}

int bx_worker_session_invoke(bx_worker_session *session, const char *function,
                             const char *args_json,
                             const bx_run_options *options,
                             bx_result **ret_result, bx_error **err)
{
    const char *args = args_json == NULL ? "{}" : args_json;
    const bx_invocation invocation = { function, args, strlen(args) };
    bx_answer *answer = &session->answer;
    bx_run_options complete;
    bx_error *why = NULL;
    int result;

    if (session->is_over)
        return fail_over(session, err);
    if (bx_pool_check_process(answer->box->pool, err) < 0 ||
        bx_run_options_check(options, &complete, err) < 0)
        return -1;
    if (!bx_pool_take_for_session(answer->process))
        return fail_lost(session, err);
    session->extra.invocation = &invocation;
    answer->options = &complete;
    answer->begin_ns = bx_now_ns();
    result = bx_answer_call(answer, 0, NULL, ret_result, &why);
    bx_pool_give(answer->process);
    session->extra.invocation = NULL;
    answer->options = NULL;
    session->is_over = !answer->is_alive;
    if (result < 0)
        return bx_box_give_up(why, answer->is_begun, ret_result, err);
    session->ended = bx_result_code(*ret_result);
    return 0;
}
