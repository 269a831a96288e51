/* plan: what is to be done, in steps. It is kept in the session, shown to
 * people, and comes back when the session goes on. */
#include <string.h>

#include "agent/context_parts.h"
#include "agent/one_line.h"
#include "agent/own.h"

#define ITEMS_MAX 50
#define TEXT_MAX 300 /* bytes of a step, on one line */

static const char *const statuses[] = { "pending", "in_progress", "done" };

static bool is_status(const char *text)
{
    for (size_t i = 0; text != NULL && i < sizeof(statuses) / sizeof(*statuses);
         i++) {
        if (strcmp(text, statuses[i]) == 0)
            return true;
    }
    return false;
}

/* A step as it is kept; NULL with err. */
static json_t *make_item(const json_t *item, bx_error **err)
{
    const json_t *text = json_object_get(item, "text");
    const char *status = json_string_value(json_object_get(item, "status"));
    bx_autofree char *line = NULL;
    json_t *made;

    if (!json_is_string(text) || !is_status(status)) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "expected \"text\" and a \"status\" of pending, "
                           "in_progress or done");
        return NULL;
    }
    line = bx_one_line(json_string_value(text), json_string_length(text),
                       TEXT_MAX, NULL);
    made = line == NULL
               ? NULL
               : json_pack("{s:s, s:s}", "text", line, "status", status);
    if (made == NULL)
        (void)bx_error_set_nomem(err);
    else if (line[0] == '\0') {
        json_decref(made);
        made = NULL;
        (void)bx_error_set(err, BX_ERR_INVALID, "its text is empty");
    }
    return made;
}

static json_t *make_plan(const json_t *items, bx_error **err)
{
    json_t *plan = json_array();
    size_t i;
    json_t *item;

    if (!json_is_array(items) || json_array_size(items) > ITEMS_MAX) {
        json_decref(plan);
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "items: expected an array of at most %d", ITEMS_MAX);
        return NULL;
    }
    json_array_foreach(items, i, item)
    {
        json_t *made = plan == NULL ? NULL : make_item(item, err);

        if (made == NULL || json_array_append_new(plan, made) < 0) {
            (void)bx_error_wrap(err, "items %zu", i);
            json_decref(plan);
            return NULL;
        }
    }
    if (plan == NULL)
        (void)bx_error_set_nomem(err);
    return plan;
}

static void keep(bx_context *context, json_t *plan)
{
    json_t *before;

    (void)pthread_mutex_lock(&context->lock);
    before = context->plan;
    context->plan = plan;
    (void)pthread_mutex_unlock(&context->lock);
    json_decref(before);
}

static int store(const bx_context *context, json_t *plan, bx_error **err)
{
    json_t *note;
    int status;

    if (context->config.note == NULL)
        return 0;
    note = json_pack("{s:s, s:O}", "type", "plan", "items", plan);
    if (note == NULL)
        return bx_error_set_nomem(err);
    status = context->config.note(context->config.note_context, note, err);
    json_decref(note);
    return status;
}

static int tell(const json_t *plan, json_t **ret_content, bx_error **err)
{
    char text[64];
    size_t done = 0;
    size_t i;
    json_t *item;

    json_array_foreach(plan, i, item)
    {
        done += strcmp(json_string_value(json_object_get(item, "status")),
                       "done") == 0;
    }
    (void)snprintf(text, sizeof(text), "The plan is kept: %zu of %zu done.",
                   done, json_array_size(plan));
    return bx_own_answer(text, ret_content, err);
}

static int run(void *data, const bx_own_call *call, json_t **ret_content,
               bx_error **err)
{
    bx_context *context = data;
    json_t *plan = make_plan(json_object_get(call->input, "items"), err);

    if (plan == NULL)
        return -1;
    if (store(context, plan, err) < 0 || tell(plan, ret_content, err) < 0) {
        json_decref(plan);
        return -1;
    }
    bx_event_tell(call->events,
                  json_pack("{s:s, s:O}", "type", "plan", "items", plan));
    keep(context, plan);
    return 0;
}

int bx_own_plan_load(bx_context *context, const json_t *note, bx_error **err)
{
    json_t *plan = make_plan(json_object_get(note, "items"), err);

    if (plan == NULL)
        return bx_error_wrap(err, "plan");
    keep(context, plan);
    return 0;
}

const bx_own_tool bx_own_plan = {
    .name = "plan",
    .description =
        "Keep a plan of the work, which the user sees. Give all the steps each "
        "time: they replace the plan there is. Use it for work of several "
        "steps, and keep it up to date: one step in_progress at a time, done "
        "as soon as it is.",
    .input_schema =
        "{\"type\": \"object\", \"required\": [\"items\"], "
        "\"additionalProperties\": false, \"properties\": {"
        "\"items\": {\"type\": \"array\", \"maxItems\": 50, \"items\": "
        "{\"type\": \"object\", \"required\": [\"text\", \"status\"], "
        "\"additionalProperties\": false, \"properties\": {"
        "\"text\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
        "300}, \"status\": {\"enum\": [\"pending\", \"in_progress\", "
        "\"done\"]}}}}}}",
    .is_serial = true,
    .run = run,
};
