/* Requests come from guests and are hostile. A callee never gets more than its
 * caller has: its policy is the caller's, narrowed. */
#include "tool/service.h"

#include <signal.h>
#include <string.h>

#include "base/json_text.h"
#include "tool/call_text.h"

/* ---- spawn ----------------------------------------------------------- */

/* "/usr/bin/python3" is python3: scripts name programs as their own system
 * has them. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static int check_exec(bx_call_state *state, bx_error **err)
{
    bx_verdict verdict;

    if (state->caller == NULL)
        return 0;
    verdict = bx_policy_check_exec(state->caller->policy, state->name);
    if (verdict.is_allowed)
        return 0;
    bx_call_tell(state, "spawn", verdict.reason, verdict.rule);
    return bx_error_set(err, BX_ERR_DENIED, "program '%s': %s (%s)",
                        state->name, verdict.reason, verdict.rule);
}

static const bx_program *find_program(const bx_table *table, const char *name,
                                      bx_error **err)
{
    const bx_program *program = bx_table_find_program(table, name);

    if (program == NULL)
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "no program '%.64s'; tools name the programs they are",
                     name);
    return program;
}

/* A program is its tool under another name: who may not call the one without a
 * person may not start the other. */
static int check_level(const bx_call_state *state, const bx_program *program,
                       bx_error **err)
{
    if (state->caller == NULL || program->entry == NULL ||
        program->entry->level != BX_LEVEL_DANGEROUS)
        return 0;
    return bx_error_set(err, BX_ERR_DENIED,
                        "program '%s' is of the tool '%s', which is dangerous: "
                        "only a person starts it; programs and tools cannot",
                        state->name, program->entry->tool.name);
}

static int open_box(bx_call_state *state, const bx_program *program,
                    const bx_run_options *options, bx_box **ret_box,
                    bx_error **err)
{
    bx_box_key key = { .file = program->file,
                       .code = program->file,
                       .manifest = program->entry == NULL
                                       ? NULL
                                       : program->entry->tool.manifest,
                       .name = program->entry == NULL
                                   ? program->name
                                   : program->entry->tool.name };
    bx_wait wait;

    state->digest = program->file->digest;
    if (state->caller != NULL) {
        key.caller = state->caller->policy;
        key.caller_box = state->parent == NULL ? NULL : state->parent->box;
    }
    wait = bx_call_wait(state, options->timeout_ms, options->cancel);
    key.wait = &wait;
    return bx_box_get(state->registry, &key, ret_box, err);
}

int bx_registry_run(bx_registry *registry, const bx_program_run *request,
                    bx_result **ret_result, bx_error **err)
{
    bx_autotable bx_table *table = bx_registry_table(registry);
    bx_autoerror bx_error *own = NULL;
    bx_autobox bx_box *box = NULL;
    const bx_program *program = NULL;
    const bx_call_words words = { .argc = request->argc,
                                  .argv = request->argv,
                                  .env = request->env,
                                  .env_count = request->env_count };
    bx_call_state state;
    bx_stats stats;
    int result = -1;

    if (bx_call_open(&state, registry, "program", base_name(request->argv[0]),
                     request->caller, request->nested, err) < 0)
        return -1;
    if (check_exec(&state, &own) == 0)
        program = find_program(table, state.name, &own);
    if (program != NULL && check_level(&state, program, &own) == 0 &&
        open_box(&state, program, request->options, &box, &own) == 0) {
        state.box = box;
        result =
            bx_call_run(&state, &words, request->options, ret_result, &own);
    }
    if (result < 0) {
        (void)bx_call_refuse(&state, &own);
    } else {
        bx_result_stats(*ret_result, &stats, sizeof(stats));
        result = bx_call_record(&state, bx_result_code(*ret_result),
                                bx_result_exit_code(*ret_result),
                                bx_result_code(*ret_result) != BX_OK ||
                                    bx_result_exit_code(*ret_result) != 0,
                                bx_result_message(*ret_result), &stats, &own);
        if (result < 0) {
            bx_result_free(*ret_result);
            *ret_result = NULL;
        }
    }
    bx_call_close(&state);
    if (result < 0 && err != NULL)
        *err = bx_take(own);
    return result;
}

static int put_json(bx_buf *buf, json_t *value, bx_error **err)
{
    bx_autofree char *text = bx_json_text(value, JSON_COMPACT);
    int failed = text == NULL ? -1 : bx_buf_puts(buf, text);

    json_decref(value);
    return failed < 0 ? bx_error_set_nomem(err) : 0;
}

static int put_output(bx_buf *buf, const char *data, size_t bytes,
                      bx_error **err)
{
    return bx_buf_append(buf, data, bytes, SIZE_MAX) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

/* One that did not end by itself has none: what shells tell of one that was
 * killed, so that whoever looks no further takes it for no success. */
static json_int_t exit_code_of(const bx_result *result)
{
    switch (bx_result_code(result)) {
    case BX_OK:
        return (json_int_t)bx_result_exit_code(result);
    case BX_ERR_TIMEOUT:
        return 124; /* timeout(1) */
    default:
        return 128 + SIGKILL;
    }
}

static int spawn(void *context, const bx_caller *caller,
                 const bx_spawn_request *request, bx_service_result *ret_result,
                 bx_error **err)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    const bx_program_run run = { .argc = request->argc,
                                 .argv = request->argv,
                                 .env = request->env,
                                 .env_count = request->env_count,
                                 .options = &options,
                                 .nested = caller };
    bx_result *result = NULL;
    size_t bytes;
    const char *data;
    int failed;

    options.stdin_data = request->input;
    options.stdin_bytes = request->input_bytes;
    if (bx_registry_run(context, &run, &result, err) < 0)
        return -1;
    failed = put_json(
        &ret_result->head,
        json_pack("{s:I, s:s, s:o}", "exit_code", exit_code_of(result),
                  "status", bx_code_name(bx_result_code(result)), "message",
                  bx_text_json(bx_result_message(result),
                               strlen(bx_result_message(result)), NULL)),
        err);
    data = bx_result_stdout(result, &bytes);
    if (failed == 0)
        failed = put_output(&ret_result->output[0], data, bytes, err);
    data = bx_result_stderr(result, &bytes);
    if (failed == 0)
        failed = put_output(&ret_result->output[1], data, bytes, err);
    bx_result_free(result);
    return failed;
}

/* ---- tools ----------------------------------------------------------- */

static int tool_call(void *context, const bx_caller *caller, const char *name,
                     const char *input, size_t input_bytes,
                     bx_service_result *ret_result, bx_error **err)
{
    const bx_tool_call call = { .name = name,
                                .input = input,
                                .input_bytes = input_bytes,
                                .cancel = caller->cancel,
                                .nested = caller };
    bx_tool_result *result = NULL;
    json_t *value;
    int failed;

    if (bx_registry_call(context, &call, &result, err) < 0)
        return -1;
    value = json_pack("{s:O, s:b, s:O, s:O*}", "content", result->content,
                      "is_error", result->is_error, "metadata",
                      result->metadata, "structured", result->structured);
    failed = put_json(&ret_result->output[0], value, err);
    if (failed == 0)
        failed =
            put_json(&ret_result->head,
                     json_pack("{s:b}", "is_error", result->is_error), err);
    bx_tool_result_free(result);
    return failed;
}

static bool may_call(const bx_caller *caller, const bx_entry *entry)
{
    return entry->tool.status == BX_TOOL_READY &&
           entry->level != BX_LEVEL_DANGEROUS &&
           bx_policy_check_tool(caller->policy, entry->tool.name).is_allowed;
}

static int tool_list(void *context, const bx_caller *caller,
                     bx_service_result *ret_result, bx_error **err)
{
    bx_autotable bx_table *table = bx_registry_table(context);
    json_t *list = json_array();
    bx_autofree char *text = NULL;

    for (size_t i = 0; i < table->entries_count; i++) {
        const bx_entry *entry = table->entries[i];

        if (!may_call(caller, entry))
            continue;
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:O}", "name", entry->tool.name,
                      "description", entry->tool.manifest->description,
                      "input_schema", entry->tool.manifest->input_schema));
    }
    text = bx_json_text(list, JSON_COMPACT);
    json_decref(list);
    if (text == NULL || bx_buf_puts(&ret_result->output[0], text) < 0 ||
        bx_buf_puts(&ret_result->head, "{\"is_error\":false}") < 0)
        return bx_error_set_nomem(err);
    return 0;
}

bx_services bx_service_table(bx_registry *registry)
{
    return (bx_services){ .context = registry,
                          .spawn = spawn,
                          .tool_call = tool_call,
                          .tool_list = tool_list };
}
