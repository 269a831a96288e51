#include "worker/answer_service.h"

#include <string.h>

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What the callee may use: what the worker lends, where the host knows of no
 * less. Fuel and memory are the guest's to count; the policy and the caller's
 * budget bound them. */
static bx_budget lend(const bx_answer *answer, const bx_budget *said)
{
    const bx_limits *limits = &answer->box->policy->limits;
    const bx_run *run = &answer->run;
    uint64_t fuel = limits->fuel_units == 0 ? UINT64_MAX : limits->fuel_units;
    const int64_t delay_ns = BX_FRAME_DELAY_MS * 1000000;
    bx_budget lent = *said;

    /* The run ends with the callee, not a moment later: its deadline counts. */
    if (run->deadline_ns + delay_ns < lent.deadline_ns)
        lent.deadline_ns = run->deadline_ns;
    if (run->budget != NULL && run->budget->deadline_ns < lent.deadline_ns)
        lent.deadline_ns = run->budget->deadline_ns;
#define LEND(field, limit)                                                     \
    lent.field = lower(lent.field, BX_RUN_LEFT(run, field, limit))
    LEND(fuel_units, fuel);
    LEND(memory_bytes, limits->memory_bytes);
    LEND(output_bytes, limits->output_bytes);
    LEND(fs_write_bytes, limits->fs_write_bytes);
    LEND(fs_create_entries, limits->fs_create_entries);
    LEND(http_requests, limits->http_requests);
#undef LEND
    return lent;
}

/* One more nested call, counted here whatever the worker says. */
static int count_call(bx_answer *answer, bx_budget *lent, bx_error **err)
{
    const bx_limits *limits = &answer->box->policy->limits;
    bx_run *run = &answer->run;
    uint64_t calls = BX_RUN_LEFT(run, calls, limits->call_count);
    uint64_t depth = BX_RUN_LEFT(run, depth, limits->call_depth);

    if (calls == 0 || depth == 0)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%s: no more nested calls are granted",
                            depth == 0 ? "max-call-depth" : "max-calls");
    run->used.calls++;
    lent->calls = lower(lent->calls, calls - 1);
    lent->depth = lower(lent->depth, depth - 1);
    return 0;
}

/* Charge what the callee used, and take it from what the worker said. */
static void settle(bx_answer *answer, const bx_budget *lent,
                   const bx_budget *left, bx_budget *said)
{
    bx_budget *used = &answer->run.used;
    uint64_t spent;

#define SETTLE(field)                                                          \
    spent = lent->field - lower(lent->field, left->field);                     \
    used->field += spent;                                                      \
    said->field -= lower(said->field, spent)
    SETTLE(fuel_units);
    SETTLE(fs_write_bytes);
    SETTLE(fs_create_entries);
    SETTLE(http_requests);
    SETTLE(calls);
#undef SETTLE
    /* While a person was asked, this run's time stood still too. */
    if (left->deadline_ns > lent->deadline_ns) {
        int64_t held_ns = left->deadline_ns - lent->deadline_ns;

        bx_run_shift(&answer->run, held_ns);
        if (held_ns < INT64_MAX - said->deadline_ns)
            said->deadline_ns += held_ns;
    }
}

static int serve(bx_answer *answer, const bx_frame *frame,
                 const bx_service_frame *request, const bx_caller *caller,
                 bx_service_result *result, bx_error **err)
{
    const bx_services *services = answer->extra->services;

    switch (frame->type) {
    case BX_FRAME_SPAWN:
        return services->spawn(services->context, caller, &request->spawn,
                               result, err);
    case BX_FRAME_TOOL_CALL:
        return services->tool_call(services->context, caller, request->name,
                                   request->input, request->input_bytes, result,
                                   err);
    default:
        return services->tool_list(services->context, caller, result, err);
    }
}

static int send_result(const bx_answer *answer, const bx_line *line,
                       const bx_budget *said, const bx_service_result *result,
                       const bx_error *error, bx_error **ret_why)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);

    bx_frame_put_service_result(&out, said, result, error);
    return bx_answer_send(answer, line, &out, -1, ret_why);
}

int bx_answer_service(bx_answer *answer, const bx_line *line,
                      const bx_frame *frame, bx_error **ret_why)
{
    bx_autoerror bx_error *err = NULL;
    bx_service_result result = { .head = BX_BUF_INIT };
    bx_wire_in in = bx_frame_body(frame);
    bx_service_frame request;
    bx_budget lent;
    bx_budget left;
    int sent;

    if (!bx_frame_get_service(&in, frame->type, &request))
        return in.lacks_memory ? bx_error_set_nomem(ret_why)
                               : bx_answer_refuse(frame, ret_why);
    lent = lend(answer, &request.budget);
    left = lent;
    if (frame->type == BX_FRAME_TOOL_LIST ||
        count_call(answer, &lent, &err) == 0) {
        const bx_caller caller = {
            .policy = answer->box->policy,
            .budget = &left,
            .cancel = answer->options->cancel,
            .audit = answer->options->audit,
            .audit_context = answer->options->audit_context,
            .need = answer->options->need,
            .need_context = answer->options->need_context,
            .hold = answer->options->hold,
            .hold_context = answer->options->hold_context,
        };

        left = lent;
        if (serve(answer, frame, &request, &caller, &result, &err) < 0 &&
            err == NULL)
            bx_error_set(&err, BX_ERR_SYSTEM, "the nested call failed");
        settle(answer, &lent, &left, &request.budget);
    }
    sent = send_result(answer, line, &request.budget, &result, err, ret_why);
    bx_service_result_clear(&result);
    bx_service_frame_clear(&request);
    return sent;
}
