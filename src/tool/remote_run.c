/* A call of a remote tool, and what came back: a stranger's answer, which is
 * taken only where it is what MCP allows. */
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "tool/call_answer.h"
#include "tool/remote_entry.h"
#include "tool/schema.h"

/* ---- may it be called? ----------------------------------------------- */

/* Who gives a call an overlay counts on it that nothing outside is changed: a
 * call is tried before a person has agreed to it. One that a script makes has
 * that of the script. The overlay of a whole workspace's policy is a person's
 * own, who approves these calls as they are. */
static bool is_over_overlay(const bx_call_state *state,
                            const bx_tool_call *call)
{
    const char *whole = state->registry->policy->overlay_dir;
    const char *own = state->caller != NULL ? state->caller->policy->overlay_dir
                                            : call->overlay_dir;

    return own != NULL && (whole == NULL || strcmp(own, whole) != 0);
}

/* A module's own policy is narrowed by a session; of what runs elsewhere the
 * name alone can be judged. Who is nested was judged by its caller's. */
static int check_policy(const bx_call_state *state, const bx_tool_call *call,
                        const bx_entry *entry, bx_error **err)
{
    bx_autopolicy bx_policy *policy = NULL;
    bx_verdict verdict;

    if (is_over_overlay(state, call) && entry->level > BX_LEVEL_READ_ONLY)
        return bx_error_set(err, BX_ERR_DENIED,
                            "tool '%s' is a server's: what it does goes to no "
                            "overlay, and this call is to change nothing "
                            "outside of one",
                            state->name);
    if (state->caller != NULL)
        return 0;
    policy = bx_policy_clone(state->registry->policy);
    if (policy == NULL)
        return bx_error_set_nomem(err);
    if (call->session != NULL &&
        bx_policy_narrow(policy, call->session, "session", err) < 0)
        return -1;
    verdict = bx_policy_check_tool(policy, state->name);
    if (verdict.is_allowed)
        return 0;
    return bx_error_set(err, BX_ERR_DENIED, "tool '%s': %s (%s)", state->name,
                        verdict.reason, verdict.rule);
}

/* ---- what came ------------------------------------------------------- */

static json_t *text_block(const char *text)
{
    return json_pack("{s:s, s:s}", "type", "text", "text", text);
}

/* An error for the model to read, in the place of what came. */
static int put_problem(bx_tool_result *result, const char *format, ...)
    BX_PRINTF(2, 3);

static int put_problem(bx_tool_result *result, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return -1;
    result->is_error = true;
    json_decref(result->structured);
    result->structured = NULL;
    length = json_array_append_new(result->content, text_block(text));
    free(text);
    return length;
}

/* An object that comes without words has them in its JSON. */
static int put_structured(bx_tool_result *result)
{
    bx_autofree char *text = NULL;

    if (json_array_size(result->content) > 0 || result->structured == NULL)
        return 0;
    text = bx_json_text(result->structured, JSON_COMPACT);
    return text == NULL
               ? -1
               : json_array_append_new(result->content, text_block(text));
}

/* A server that asks for input in the middle of a call (2026-07-28) gets none.
 */
static bool wants_input(const json_t *answer)
{
    const char *type = json_string_value(json_object_get(answer, "resultType"));

    return type != NULL && strcmp(type, "complete") != 0;
}

static int take_content(bx_tool_result *result, json_t *answer)
{
    json_t *content = json_object_get(answer, "content");
    const char *why = NULL;

    if (content == NULL)
        return 0;
    if (!bx_answer_check_blocks(content, &why))
        return put_problem(result,
                           "the server's answer is no result of MCP: "
                           "%s",
                           why);
    json_decref(result->content);
    result->content = json_incref(content);
    return 0;
}

static int take_structured(bx_tool_result *result, json_t *answer,
                           const json_t *schema)
{
    bx_autoerror bx_error *why = NULL;
    json_t *structured = json_object_get(answer, "structuredContent");

    if (structured == NULL || json_is_null(structured))
        return schema == NULL || result->is_error
                   ? 0
                   : put_problem(result,
                                 "the tool gave none of the structured output "
                                 "that its output schema promises");
    if (!json_is_object(structured))
        return put_problem(result, "the server's answer is no result of MCP: "
                                   "\"structuredContent\" is no object");
    result->structured = json_incref(structured);
    if (schema == NULL || result->is_error ||
        bx_schema_validate(schema, structured, &why) == 0)
        return 0;
    return put_problem(result,
                       "the tool's output is not as its output schema says: %s",
                       bx_error_message(why));
}

static int fill(bx_tool_result *result, json_t *answer, const json_t *schema)
{
    result->is_error = json_is_true(json_object_get(answer, "isError"));
    if (wants_input(answer))
        return put_problem(result, "the server asks for more input in the "
                                   "middle of the call, which is not given "
                                   "here");
    if (take_content(result, answer) < 0)
        return -1;
    if (!result->is_error || json_array_size(result->content) == 0) {
        if (take_structured(result, answer, schema) < 0)
            return -1;
    }
    if (put_structured(result) < 0)
        return -1;
    return 0;
}

static bx_tool_result *new_result(void)
{
    bx_tool_result *result = calloc(1, sizeof(*result));

    if (result == NULL)
        return NULL;
    result->content = json_array();
    result->metadata = json_object();
    if (result->content != NULL && result->metadata != NULL)
        return result;
    bx_tool_result_free(result);
    return NULL;
}

/* What ended the call is a result, as of a module that was ended: the model
 * reads it. A refusal, and a cancel before anything happened, is not. */
static int use_failure(bx_tool_result *result, const bx_error *why)
{
    json_t *host;

    result->code =
        bx_error_code(why) == BX_ERR_INVALID ? BX_OK : bx_error_code(why);
    if (put_problem(result, "%s", bx_error_message(why)) < 0)
        return -1;
    if (result->code == BX_OK)
        return 0;
    host = json_pack("{s:s}", "code", bx_code_name(result->code));
    return json_object_set_new(result->metadata, "boxagnts", host);
}

/* ---- the call -------------------------------------------------------- */

static int send_call(const bx_call_state *state, const bx_tool_call *call,
                     const bx_entry *entry, const bx_input *input,
                     json_t **ret_answer, bx_error **err)
{
    bx_registry *registry = state->registry;
    bx_wait wait = bx_call_wait(state, call->timeout_ms, call->cancel);
    const bx_remote_call remote = {
        .server = entry->file->remote->server,
        .name = entry->file->remote->name,
        .arguments = input->value,
        .wait = &wait,
        .timeout_ms = call->timeout_ms,
        .progress = call->progress,
        .progress_context = call->progress_context,
    };
    int result;

    pthread_rwlock_rdlock(&registry->remote_lock);
    if (registry->remote.call == NULL)
        result = bx_error_set(err, BX_ERR_NOT_FOUND,
                              "the servers of tools are gone");
    else
        result = registry->remote.call(registry->remote.context, &remote,
                                       ret_answer, err);
    pthread_rwlock_unlock(&registry->remote_lock);
    return result;
}

int bx_remote_run(bx_call_state *state, const bx_tool_call *call,
                  const bx_entry *entry, const bx_input *input,
                  bx_tool_result **ret_result, bx_error **err)
{
    bx_autoerror bx_error *why = NULL;
    json_t *answer = NULL;
    bx_tool_result *result = NULL;
    int failed;

    if (check_policy(state, call, entry, err) < 0)
        return bx_call_refuse(state, err);
    failed = send_call(state, call, entry, input, &answer, &why);
    if (failed < 0 && (bx_error_code(why) == BX_ERR_DENIED ||
                       bx_error_code(why) == BX_ERR_NOT_FOUND)) {
        if (err != NULL)
            *err = bx_take(why);
        return bx_call_refuse(state, err);
    }
    result = new_result();
    if (result != NULL)
        failed = failed < 0 ? use_failure(result, why)
                            : fill(result, answer,
                                   entry->tool.manifest->output_schema);
    json_decref(answer);
    if (result == NULL || failed < 0) {
        bx_tool_result_free(result);
        bx_error_set_nomem(err);
        return bx_call_refuse(state, err);
    }
    result->stats.wall_ns = (uint64_t)(bx_now_ns() - state->begin_ns);
    if (bx_call_record(state, result->code, 0, result->is_error,
                       why == NULL ? "" : bx_error_message(why), &result->stats,
                       err) == 0) {
        *ret_result = result;
        return 0;
    }
    bx_tool_result_free(result);
    return -1;
}
