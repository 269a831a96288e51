#include "sandbox/component_run.h"

#include <string.h>

#include "sandbox/ending.h"

#define MESSAGE_MAX_BYTES 4096

static int fail(bx_code code, const char *message, bx_error **err)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_engine_put_text(&shown, message, strlen(message),
                           MESSAGE_MAX_BYTES) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, code, "%s", shown.data);
}

static int end_run(const bx_instance *instance,
                   const bx_component_outcome *outcome, bx_result *result,
                   bx_error **err)
{
    const char *message = outcome->message == NULL ? "" : outcome->message;
    wasm_message_t text;

    if (outcome->answer == BX_HOST_EXIT) {
        result->exit_code = outcome->exit_code;
        bx_result_end(result, BX_OK, NULL);
        return 0;
    }
    if (outcome->answer == BX_HOST_STOP) {
        bx_ending_stopped(instance, result);
        return 0;
    }
    switch ((bx_component_end)outcome->kind) {
    case BX_COMPONENT_RETURNED:
    case BX_COMPONENT_RETURNED_ERR:
        result->exit_code = outcome->kind == BX_COMPONENT_RETURNED ? 0 : 1;
        bx_result_end(result, BX_OK, NULL);
        return 0;
    case BX_COMPONENT_TRAPPED:
        wasm_byte_vec_new(&text, strlen(message), message);
        bx_ending_trapped(instance, result, (bx_trap_kind)outcome->trap, &text);
        wasm_byte_vec_delete(&text);
        return 0;
    case BX_COMPONENT_INVALID:
        return fail(BX_ERR_INVALID, message, err);
    case BX_COMPONENT_FAILED:
        break;
    }
    return bx_ending_limited(instance, result)
               ? 0
               : fail(BX_ERR_LIMIT, message, err);
}

int bx_component_run(bx_instance *instance, bx_result *result, bx_error **err)
{
    const bx_invocation *invocation = instance->invocation;
    bx_component_outcome outcome;
    int returned;

    if (invocation == NULL) {
        bx_component_store_run(instance->component, &outcome);
    } else {
        bx_text name = { invocation->function, strlen(invocation->function) };
        bx_text args = { invocation->args, invocation->args_bytes };

        bx_component_store_invoke(instance->component, name, args, &outcome);
    }
    returned = end_run(instance, &outcome, result, err);
    if (outcome.value != NULL) {
        result->value = strdup(outcome.value);
        if (result->value == NULL && returned == 0)
            returned = bx_error_set_nomem(err);
    }
    bx_component_text_free(outcome.message);
    bx_component_text_free(outcome.value);
    return returned;
}
