/* How a run ended, in words and codes. Texts of the engine quote names of the
 * module: they are escaped and cut. */
#include "sandbox/ending.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TRAP_TEXT_MAX_BYTES 4096 /* of a message with its backtrace */

static char *describe(const char *format, ...) BX_PRINTF(1, 2);

static char *describe(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return text;
}

/* "ci.yaml:4: wasm-timeout 2s", or "default wasm-timeout"; NULL without
 * memory. */
char *bx_ending_rule(const bx_instance *instance, const char *control)
{
    const char *origin = bx_policy_origin(instance->sandbox->policy, control);

    return strcmp(origin, "default") == 0 ? describe("default %s", control)
                                          : strdup(origin);
}

static void end_at_limit(const bx_instance *instance, bx_result *result,
                         bx_code code, const char *control, const char *what,
                         uint64_t value, const char *unit)
{
    bx_autofree char *rule = bx_ending_rule(instance, control);

    bx_result_end(result, code,
                  describe("%s: %s %llu %s (%s)", control, what,
                           (unsigned long long)value, unit,
                           rule == NULL ? "" : rule));
}

void bx_ending_stopped(const bx_instance *instance, bx_result *result)
{
    if (bx_run_is_cancelled(&instance->run))
        bx_result_end(result, BX_ERR_CANCELLED,
                      describe("the run was ended from outside"));
    else
        end_at_limit(
            instance, result, BX_ERR_TIMEOUT, "wasm-timeout",
            "the run was ended after",
            (uint64_t)(instance->run.deadline_ns - instance->begin_ns -
                       (instance->run.held_ns - instance->begin_held_ns)) /
                1000000,
            "ms");
}

/* The engine writes "error while executing at wasm backtrace: ... Caused by:
 * wasm trap: CAUSE"; people and a cut want the cause first. The parts are
 * borrowed from text; one without a cause is its own. The last mark counts:
 * the names before it are the module's. */
static void split_trap(const wasm_message_t *text, wasm_message_t *ret_cause,
                       wasm_message_t *ret_trace)
{
    static const char mark[] = "\n\nCaused by:\n    ";
    static const char prefix[] = "wasm trap: ";
    const char *end = text->data + text->size;
    char *at = NULL;
    char *cause = text->data;
    char *next;
    size_t size;

    while ((next = memmem(cause, (size_t)(end - cause), mark,
                          sizeof(mark) - 1)) != NULL) {
        at = next;
        cause = next + sizeof(mark) - 1;
    }
    size = (size_t)(end - cause);
    if (size >= sizeof(prefix) - 1 &&
        memcmp(cause, prefix, sizeof(prefix) - 1) == 0)
        cause += sizeof(prefix) - 1;
    while (end > cause && (end[-1] == '\n' || end[-1] == '\0'))
        end--;
    *ret_cause = (wasm_message_t){ (size_t)(end - cause), cause };
    *ret_trace = (wasm_message_t){ at == NULL ? 0 : (size_t)(at - text->data),
                                   text->data };
}

/* The engine's advice to its own users is none to ours. */
static void cut_note(wasm_message_t *trace)
{
    static const char note[] = "\nnote: using the `WASMTIME_";
    const char *at = memmem(trace->data, trace->size, note, sizeof(note) - 1);

    if (at != NULL)
        trace->size = (size_t)(at - trace->data);
}

/* A part of it, fit to be shown; NULL without memory. */
static char *show(const wasm_message_t *text)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_engine_put_text(&shown, text->data, text->size,
                           TRAP_TEXT_MAX_BYTES) < 0)
        return NULL;
    return bx_buf_take(&shown);
}

void bx_ending_trapped(const bx_instance *instance, bx_result *result,
                       bx_trap_kind kind, const wasm_message_t *text)
{
    const bx_limits *limits = &instance->sandbox->policy->limits;
    bx_autofree char *rule = NULL;
    bx_autofree char *shown_cause = NULL;
    bx_autofree char *shown_trace = NULL;
    wasm_message_t cause;
    wasm_message_t trace;

    if (kind == BX_TRAP_STACK) {
        end_at_limit(instance, result, BX_ERR_STACK, "wasm-max-wasm-stack",
                     "the guest used its stack of", limits->stack_bytes,
                     "bytes");
        return;
    }
    if (kind == BX_TRAP_FUEL) {
        end_at_limit(instance, result, BX_ERR_FUEL, "wasm-fuel",
                     "the guest used its", instance->fuel_units, "units");
        return;
    }
    if (instance->limiter.memory_refused > 0)
        rule = bx_ending_rule(instance, "wasm-max-memory-size");
    split_trap(text, &cause, &trace);
    cut_note(&trace);
    shown_cause = show(&cause);
    shown_trace = show(&trace);
    bx_result_end(
        result, BX_ERR_TRAP,
        describe("%s%s%s%s\n%s", shown_cause == NULL ? "trap" : shown_cause,
                 rule == NULL ? ""
                              : "; before it, wasm-max-memory-size refused "
                                "the guest more memory (",
                 rule == NULL ? "" : rule, rule == NULL ? "" : ")",
                 shown_trace == NULL ? "" : shown_trace));
}

bool bx_ending_limited(const bx_instance *instance, bx_result *result)
{
    const bx_limits *limits = &instance->sandbox->policy->limits;
    static const char needs[] = "the guest needs more than";

    if (instance->limiter.memory_refused > 0)
        end_at_limit(instance, result, BX_ERR_MEMORY, "wasm-max-memory-size",
                     needs, instance->limiter.max_memory_bytes, "bytes");
    else if (instance->limiter.table_refused > 0)
        end_at_limit(instance, result, BX_ERR_MEMORY, "max-table-elements",
                     needs, limits->table_elements, "elements");
    else
        return false;
    return true;
}
