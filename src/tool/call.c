/* A call of a tool: found, allowed, its input checked, run, answered,
 * recorded. Name and input come from a model and are hostile. */
#include "tool/call.h"

#include <string.h>

#include "base/buf.h"
#include "sandbox/result.h"
#include "tool/call_answer.h"
#include "tool/call_input.h"
#include "tool/call_live.h"
#include "tool/call_value.h"
#include "tool/remote_entry.h"
#include "tool/service.h"

static int check_status(const bx_entry *entry, bx_error **err)
{
    const bx_tool *tool = &entry->tool;

    if (tool->status == BX_TOOL_READY)
        return 0;
    return bx_error_set(
        err, tool->status == BX_TOOL_BROKEN ? BX_ERR_INVALID : BX_ERR_DENIED,
        "tool '%s' is %s: %s", tool->name, bx_tool_status_name(tool->status),
        tool->why);
}

static int check_level(const bx_entry *entry, const bx_tool_call *call,
                       bx_error **err)
{
    if (entry->level != BX_LEVEL_DANGEROUS)
        return 0;
    if (call->nested != NULL)
        return bx_error_set(err, BX_ERR_DENIED,
                            "tool '%s' is dangerous: only a person approves "
                            "it, call by call; programs and tools cannot call "
                            "it",
                            call->name);
    if (call->is_approved)
        return 0;
    return bx_error_set(err, BX_ERR_DENIED,
                        "tool '%s' is dangerous: a person must approve this "
                        "call",
                        call->name);
}

/* Who is nested calls what its own policy names. */
static int check_caller(bx_call_state *state, bx_error **err)
{
    const bx_caller *caller = state->caller;
    bx_verdict verdict;

    if (caller == NULL)
        return 0;
    verdict = bx_policy_check_tool(caller->policy, state->name);
    if (verdict.is_allowed)
        return 0;
    bx_call_tell(state, "tool_call", verdict.reason, verdict.rule);
    return bx_error_set(err, BX_ERR_DENIED, "tool '%s': %s (%s)", state->name,
                        verdict.reason, verdict.rule);
}

/* Whose module runs: the tool's own, or that of the runtime of its script. */
static int find_code(const bx_table *table, const bx_entry *entry,
                     bx_file **ret_code, bx_error **err)
{
    const char *program =
        bx_tool_runtime_program(entry->tool.manifest->runtime);

    if (program == NULL) {
        *ret_code = entry->file;
        return 0;
    }
    *ret_code = bx_table_find_runtime(table, program);
    if (*ret_code == NULL)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "tool '%s' needs the built-in program '%s', which "
                            "is not there",
                            entry->tool.name, program);
    return 0;
}

/* Run in a box that is open already, with the input as it is to be given. */
static int run(bx_call_state *state, const bx_tool_call *call,
               const bx_entry *entry, const bx_input *input,
               bx_tool_result **ret_result, bx_error **err)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    const bx_manifest *manifest = entry->tool.manifest;
    bx_call_words words = { .argc = input->argc,
                            .argv = (const char *const *)input->argv,
                            .session = input->session };
    bx_autovalue bx_value value = { 0 };
    bx_result *result = NULL;
    bx_answer_run answer;
    int failed;

    if (manifest->input == BX_TOOL_INPUT_INVOKE)
        words.function = manifest->function;
    if (words.function != NULL || words.session != NULL) {
        words.args = input->text;
        words.args_bytes = input->text_bytes;
    }

    options.stdin_data = input->text;
    options.stdin_bytes = input->text_bytes;
    options.timeout_ms = call->timeout_ms;
    options.cancel = call->cancel;
    options.hold = call->hold;
    options.hold_context = call->hold_context;
    if (call->record_fd > 0)
        options.record_fd = call->record_fd;
    options.record_max_bytes = call->record_max_bytes;
    options.effect = call->effect;
    options.effect_context = call->effect_context;
    options.need = call->need;
    options.need_context = call->need_context;
    if (bx_call_run(state, &words, &options, &result, err) < 0)
        return bx_call_refuse(state, err);
    answer = (bx_answer_run){ .manifest = manifest,
                              .code = bx_result_code(result),
                              .exit_code = bx_result_exit_code(result),
                              .message = bx_result_message(result),
                              .is_cut = bx_result_is_cut(result),
                              .stats = &result->stats,
                              .denied = state->denied };
    answer.output[0] = bx_result_stdout(result, &answer.output_bytes[0]);
    answer.output[1] = bx_result_stderr(result, &answer.output_bytes[1]);
    /* What a function returned takes the place of what a command printed. */
    if (bx_value_read(bx_result_value(result), &value)) {
        answer.output[0] = value.text;
        answer.output_bytes[0] = value.bytes;
        answer.is_error = value.is_error;
        answer.exit_code = 0;
    }
    *ret_result = bx_answer_make(&answer, err);
    failed = *ret_result == NULL
                 ? -1
                 : bx_call_record(state, answer.code, answer.exit_code,
                                  (*ret_result)->is_error, answer.message,
                                  answer.stats, err);
    bx_result_free(result);
    if (failed == 0)
        return 0;
    bx_tool_result_free(*ret_result);
    *ret_result = NULL;
    return -1;
}

static int call_entry(bx_call_state *state, const bx_table *table,
                      const bx_entry *entry, const bx_tool_call *call,
                      bx_tool_result **ret_result, bx_error **err)
{
    bx_autoinput bx_input input = { 0 };
    bx_autobox bx_box *box = NULL;
    bx_box_key key = { .file = entry->file,
                       .manifest = entry->tool.manifest,
                       .name = entry->tool.name,
                       .session = call->session,
                       .overlay_dir =
                           call->nested == NULL ? call->overlay_dir : NULL };
    const bx_wait wait = bx_call_wait(state, call->timeout_ms, call->cancel);

    if (state->caller != NULL) {
        key.caller = state->caller->policy;
        key.caller_box = state->parent == NULL ? NULL : state->parent->box;
    }
    key.wait = &wait;
    state->digest = entry->tool.digest;
    if (check_status(entry, err) < 0 || check_level(entry, call, err) < 0 ||
        bx_input_make(&entry->tool, call->input, call->input_bytes, &input,
                      err) < 0 ||
        find_code(table, entry, &key.code, err) < 0)
        return bx_call_refuse(state, err);
    if (entry->file->remote != NULL)
        return bx_remote_run(state, call, entry, &input, ret_result, err);
    input.session = bx_live_name(&entry->tool, input.value, call->live_session);
    if (input.session != NULL && state->caller != NULL) {
        bx_error_set(
            err, BX_ERR_INVALID,
            "tool '%s': sessions are not for calls from within another "
            "call",
            entry->tool.name);
        return bx_call_refuse(state, err);
    }
    if (bx_box_get(state->registry, &key, &box, err) < 0) {
        bx_error_wrap(err, "tool '%s'", entry->tool.name);
        return bx_call_refuse(state, err);
    }
    state->box = box;
    return run(state, call, entry, &input, ret_result, err);
}

int bx_registry_call(bx_registry *registry, const bx_tool_call *call,
                     bx_tool_result **ret_result, bx_error **err)
{
    bx_autotable bx_table *table = bx_registry_table(registry);
    bx_autoerror bx_error *own = NULL; /* the audit has the reason */
    bx_autotool bx_tool *tool = NULL;
    bx_call_state state;
    int result = -1;

    if (bx_call_open(&state, registry, "tool", call->name, call->caller,
                     call->nested, err) < 0)
        return -1;
    if (check_caller(&state, &own) < 0) {
        (void)bx_call_refuse(&state, &own);
    } else {
        tool = bx_registry_find(table, call->name, &own);
        result = tool == NULL ? bx_call_refuse(&state, &own)
                              : call_entry(&state, table, (bx_entry *)tool,
                                           call, ret_result, &own);
    }
    bx_call_close(&state);
    if (result < 0 && err != NULL)
        *err = bx_take(own);
    return result;
}
