#include <string.h>

#include "base/buf.h"
#include "base/run.h"
#include "sandbox/result.h"
#include "sandbox/sandbox.h"
#include "tool/call.h"
#include "tool/call_live.h"
#include "tool/call_text.h"

#define NAME_MAX_BYTES 256 /* of a hostile name in the audit */

int bx_call_open(bx_call_state *state, bx_registry *registry, const char *kind,
                 const char *name, const char *caller_name,
                 const bx_caller *caller, bx_error **err)
{
    *state = (bx_call_state){ .registry = registry,
                              .caller = caller,
                              .caller_name = caller_name,
                              .kind = kind,
                              .name = name,
                              .begin_ns = bx_now_ns() };
    snprintf(state->id, sizeof(state->id), "%s-%llu", registry->run_id,
             (unsigned long long)bx_registry_next_id(registry));
    if (caller != NULL && caller->audit == bx_call_on_refusal) {
        state->parent = caller->audit_context;
        state->caller_name = state->parent->name;
    }
    state->denied = json_array();
    if (state->denied == NULL)
        return bx_error_set_nomem(err);
    bx_registry_enter(registry);
    return 0;
}

void bx_call_close(bx_call_state *state)
{
    if (state->denied == NULL)
        return;
    json_decref(state->denied);
    bx_registry_leave(state->registry);
}

/* ---- the audit ------------------------------------------------------- */

static void put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void put_text(json_t *object, const char *key, const char *text)
{
    size_t bytes = strnlen(text, BX_CALL_MAX_TEXT);

    put(object, key, bx_text_json(text, bytes, NULL));
}

static json_t *begin_event(const bx_call_state *state, const char *what,
                           const char *decision)
{
    bx_autobuf bx_buf name = BX_BUF_INIT;
    json_t *event = json_object();

    put(event, "event", json_string(what));
    put(event, "id", json_string(state->id));
    if (state->parent != NULL)
        put(event, "parent", json_string(state->parent->id));
    if (state->caller_name != NULL)
        put_text(event, "caller", state->caller_name);
    if (bx_buf_put_escaped(&name, state->name, strlen(state->name),
                           NAME_MAX_BYTES) == 0)
        put(event, state->kind, json_string(name.data));
    if (state->digest != NULL)
        put(event, "module", json_string(state->digest));
    if (state->box != NULL)
        put(event, "policy", json_string(state->box->policy_digest));
    put(event, "decision", json_string(decision));
    return event;
}

/* Takes event. */
static int append(const bx_call_state *state, json_t *event, bx_error **err)
{
    int result = bx_audit_log_append(state->registry->audit, event, err);

    json_decref(event);
    return result;
}

/* What a guest asked for may hold a secret that a server told it. */
static void put_target(const bx_call_state *state, json_t *object,
                       const char *target)
{
    bx_autofree char *copy = NULL;

    if (state->box != NULL && bx_policy_has_mask(state->box->policy)) {
        copy = strdup(target);
        if (copy == NULL)
            return;
        bx_policy_mask(state->box->policy, copy, strlen(copy));
    }
    put_text(object, "target", copy == NULL ? target : copy);
}

static void log_refusal(const bx_call_state *state,
                        const bx_audit_event *refusal)
{
    json_t *event = begin_event(state, "refusal", "denied");

    put_text(event, "call", refusal->call);
    put_target(state, event, refusal->target);
    put_text(event, "reason", refusal->reason);
    put_text(event, "rule", refusal->rule);
    /* The line at the call's end meets the same disk, and fails the call. */
    (void)append(state, event, NULL);
}

static void show_refusal(bx_call_state *state, const bx_audit_event *event)
{
    json_t *shown;

    if (json_array_size(state->denied) >= BX_CALL_DENIED_SHOWN)
        return;
    shown = json_object();
    put_text(shown, "call", event->call);
    put_target(state, shown, event->target);
    put_text(shown, "reason", event->reason);
    put_text(shown, "rule", event->rule);
    json_array_append_new(state->denied, shown);
}

void bx_call_on_refusal(void *context, const bx_audit_event *event)
{
    bx_call_state *state = context;
    const bx_caller *caller = state->caller;

    if (state->denied_count++ < BX_CALL_DENIED_LOGGED &&
        state->registry->audit != NULL)
        log_refusal(state, event);
    show_refusal(state, event);
    if (state->listen != NULL)
        state->listen(state->listen_context, event);
    /* Those further out show it too; it is logged once. */
    while (caller != NULL && caller->audit == bx_call_on_refusal) {
        bx_call_state *outer = caller->audit_context;

        show_refusal(outer, event);
        if (outer->listen != NULL)
            outer->listen(outer->listen_context, event);
        caller = outer->caller;
    }
    if (caller != NULL && caller->audit != NULL)
        caller->audit(caller->audit_context, event);
}

static bool has_effect_listener(const bx_call_state *state)
{
    while (state != NULL && state->listen_effect == NULL)
        state = state->parent;
    return state != NULL;
}

/* To whoever made this call, and those that it is nested in. */
static void tell_effect(const bx_call_state *state,
                        const bx_effect_event *event)
{
    bx_autofree char *target = NULL;
    bx_effect_event masked = *event;

    if (!has_effect_listener(state))
        return;
    target = strdup(event->target);
    if (target == NULL)
        return; /* the audit has it, or says that it has not */
    if (state->box != NULL)
        bx_policy_mask(state->box->policy, target, strlen(target));
    masked.target = target;
    for (; state != NULL; state = state->parent) {
        if (state->listen_effect != NULL)
            state->listen_effect(state->listen_effect_context, &masked);
    }
}

/* A nested call's effects carry its own id, and the parent's. */
void bx_call_on_effect(void *context, const bx_effect_event *event)
{
    bx_call_state *state = context;
    json_t *line;

    if (state->effects_count++ >= BX_CALL_EFFECTS_LOGGED)
        return;
    tell_effect(state, event);
    if (state->registry->audit == NULL)
        return;
    line = begin_event(state, "effect", "allowed");
    put_text(line, "call", event->call);
    put_target(state, line, event->target);
    if (event->detail[0] != '\0')
        put_text(line, "detail", event->detail);
    (void)append(state, line, NULL);
}

/* It is the caller that is refused something. */
void bx_call_tell(bx_call_state *state, const char *call, const char *reason,
                  const char *rule)
{
    const bx_caller *caller = state->caller;
    bx_autobuf bx_buf target = BX_BUF_INIT;
    const bx_audit_event event = {
        .call = call,
        .target = bx_buf_put_escaped(&target, state->name, strlen(state->name),
                                     NAME_MAX_BYTES) < 0
                      ? "?"
                      : target.data,
        .reason = reason,
        .rule = rule,
    };

    if (caller != NULL && caller->audit != NULL)
        caller->audit(caller->audit_context, &event);
}

int bx_call_refuse(bx_call_state *state, bx_error **err)
{
    static const char *const decisions[] = {
        [BX_ERR_DENIED] = "denied",
        [BX_ERR_INVALID] = "invalid",
        [BX_ERR_NOT_FOUND] = "not-found",
        [BX_ERR_LIMIT] = "invalid",
    };
    bx_code code = err == NULL ? BX_ERR_DENIED : bx_error_code(*err);
    const char *decision = NULL;
    json_t *event;

    if (state->registry->audit == NULL)
        return -1;
    if (code < sizeof(decisions) / sizeof(decisions[0]))
        decision = decisions[code];
    event = begin_event(state, "call", decision == NULL ? "failed" : decision);
    if (err != NULL)
        put_text(event, "reason", bx_error_message(*err));
    (void)append(state, event, NULL);
    return -1;
}

int bx_call_record(bx_call_state *state, bx_code code, uint32_t exit_code,
                   bool is_error, const char *message, const bx_stats *stats,
                   bx_error **err)
{
    json_t *event;

    if (state->registry->audit == NULL)
        return 0;
    event = begin_event(state, "call", "allowed");
    put(event, "code", json_string(bx_code_name(code)));
    put(event, "is_error", json_boolean(is_error));
    if (exit_code != 0)
        put(event, "exit_code", json_integer((json_int_t)exit_code));
    if (code != BX_OK)
        put_text(event, "message", message);
    put(event, "cost",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "wall_us",
                  (json_int_t)((bx_now_ns() - state->begin_ns) / 1000),
                  "memory_bytes", (json_int_t)stats->memory_bytes, "fuel_units",
                  (json_int_t)stats->fuel_units, "read_bytes",
                  (json_int_t)stats->read_bytes, "write_bytes",
                  (json_int_t)stats->write_bytes, "calls",
                  (json_int_t)stats->calls, "denied",
                  (json_int_t)state->denied_count, "effects",
                  (json_int_t)state->effects_count));
    if (append(state, event, err) < 0)
        return bx_error_wrap(err,
                             "'%s' ran, but the audit log has no record "
                             "of it",
                             state->name);
    return 0;
}

bx_wait bx_call_wait(const bx_call_state *state, uint64_t timeout_ms,
                     const bx_cancel *cancel)
{
    const bx_caller *caller = state->caller;
    bx_wait wait = { .until_ns = INT64_MAX, .cancel = cancel };

    if (timeout_ms != 0)
        wait = bx_wait_at_most_ms(
            &wait, timeout_ms < BX_BOX_WAIT_MS ? BX_BOX_WAIT_MS : timeout_ms);
    if (caller == NULL)
        return wait;
    if (caller->budget != NULL && caller->budget->deadline_ns < wait.until_ns)
        wait.until_ns = caller->budget->deadline_ns;
    if (cancel == NULL)
        wait.cancel = caller->cancel;
    return wait;
}

/* A guest never has a secret, but a server may have told it. */
static void mask(const bx_policy *policy, bx_result *result)
{
    if (!bx_policy_has_mask(policy))
        return;
    for (int i = 0; i < 2; i++) {
        bx_buf *captured = &result->captured[i];

        bx_policy_mask(policy, captured->data, captured->len);
    }
    if (result->message != NULL)
        bx_policy_mask(policy, result->message, strlen(result->message));
    if (result->value != NULL)
        bx_policy_mask(policy, result->value, strlen(result->value));
}

int bx_call_run(bx_call_state *state, const bx_call_words *words,
                const bx_run_options *options, bx_result **ret_result,
                bx_error **err)
{
    bx_run_options complete = *options;
    const bx_invocation invocation = { words->function, words->args,
                                       words->args_bytes };
    const bx_run_extra extra = {
        .services = &state->registry->services,
        .budget = state->caller == NULL ? NULL : state->caller->budget,
        .env = words->env,
        .env_count = words->env_count,
        .invocation = words->function == NULL ? NULL : &invocation,
    };
    int failed;

    state->listen = options->audit;
    state->listen_context = options->audit_context;
    complete.audit = bx_call_on_refusal;
    complete.audit_context = state;
    state->listen_effect = options->effect;
    state->listen_effect_context = options->effect_context;
    complete.effect = NULL;
    if (state->registry->audit != NULL || has_effect_listener(state)) {
        complete.effect = bx_call_on_effect;
        complete.effect_context = state;
    }
    if (state->caller != NULL) {
        complete.need = state->caller->need;
        complete.need_context = state->caller->need_context;
        complete.hold = state->caller->hold;
        complete.hold_context = state->caller->hold_context;
    }
    if (complete.cancel == NULL && state->caller != NULL)
        complete.cancel = state->caller->cancel;
    failed =
        words->session != NULL
            ? bx_live_call(state, words->session, words->args,
                           words->args_bytes, &complete, ret_result, err)
            : bx_runner_box_run(state->box->ready, words->argc, words->argv,
                                &complete, &extra, ret_result, err);
    if (failed < 0)
        return -1;
    mask(state->box->policy, *ret_result);
    return 0;
}
