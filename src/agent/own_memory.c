/* memory: notes in the workspace for the sessions to come. A note that a model
 * writes may hold what a page told it to write, so one that is read is data,
 * and writing one is a change of the workspace that must be allowed like any
 * other. */
#include <string.h>

#include "agent/context_parts.h"
#include "agent/memory.h"
#include "agent/own.h"

/* ---- what can be done --------------------------------------------------- */

static int list(const bx_context *context, const bx_own_call *call, bx_buf *out,
                bx_error **err)
{
    bx_autobuf bx_buf lines = BX_BUF_INIT;
    json_t *notes;
    size_t i;
    json_t *note;
    int status = 0;

    (void)call;
    notes = bx_memory_list(context->workspace_fd, NULL, err);
    if (notes == NULL)
        return -1;
    json_array_foreach(notes, i, note)
    {
        if (bx_buf_printf(&lines, "%s: %s\n",
                          json_string_value(json_object_get(note, "name")),
                          json_string_value(json_object_get(note, "title"))) <
            0)
            status = bx_error_set_nomem(err);
    }
    json_decref(notes);
    if (status < 0)
        return -1;
    status = lines.len == 0
                 ? bx_buf_puts(out, "There are no notes.")
                 : bx_envelope_put(&context->config.envelope, "memory",
                                   lines.data, lines.len, out);
    return status < 0 ? bx_error_set_nomem(err) : 0;
}

static int read_note(const bx_context *context, const bx_own_call *call,
                     bx_buf *out, bx_error **err)
{
    bx_autofree char *text = NULL;

    if (bx_memory_read(context->workspace_fd, bx_own_text(call, "name"), &text,
                       err) < 0)
        return -1;
    if (bx_envelope_put(&context->config.envelope, "memory", text, strlen(text),
                        out) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* name: checked. */
static int check_write(const bx_context *context, const char *name,
                       bx_error **err)
{
    char path[sizeof("/" BX_MEMORY_FOLDER "/.md") + BX_MEMORY_NAME_MAX];

    (void)snprintf(path, sizeof(path), "/" BX_MEMORY_FOLDER "/%s.md", name);
    if (context->config.allow_write == NULL)
        return bx_error_set(err, BX_ERR_DENIED,
                            "notes cannot be changed in this session: it may "
                            "not write in the workspace");
    if (context->config.allow_write(context->config.allow_context, path, err) <
        0)
        return bx_error_wrap(err, "note '%s'", name);
    return 0;
}

static int write_note(const bx_context *context, const bx_own_call *call,
                      bx_buf *out, bx_error **err)
{
    const char *name = bx_own_text(call, "name");
    const json_t *text = json_object_get(call->input, "text");

    if (check_write(context, name, err) < 0 ||
        bx_memory_write(context->workspace_fd, name, json_string_value(text),
                        json_string_length(text), err) < 0)
        return -1;
    if (bx_buf_printf(out, "The note '%s' is written.", name) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int delete_note(const bx_context *context, const bx_own_call *call,
                       bx_buf *out, bx_error **err)
{
    const char *name = bx_own_text(call, "name");

    if (check_write(context, name, err) < 0 ||
        bx_memory_remove(context->workspace_fd, name, err) < 0)
        return -1;
    if (bx_buf_printf(out, "The note '%s' is deleted.", name) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* ---- the tool ----------------------------------------------------------- */

static const struct action {
    const char *name;
    bool has_name, has_text, is_change;
    int (*run)(const bx_context *context, const bx_own_call *call, bx_buf *out,
               bx_error **err);
} actions[] = {
    { "list", false, false, false, list },
    { "read", true, false, false, read_note },
    { "write", true, true, true, write_note },
    { "delete", true, false, true, delete_note },
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    return NULL;
}

/* A name comes before the policy is asked about it. */
static int check_input(const struct action *action, const bx_own_call *call,
                       bx_error **err)
{
    const char *name = bx_own_text(call, "name");

    if (action->has_name && name == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "\"%s\" wants \"name\", which note is meant",
                            action->name);
    if (action->has_name && bx_memory_check_name(name, err) < 0)
        return -1;
    if (action->has_text != (bx_own_text(call, "text") != NULL))
        return bx_error_set(
            err, BX_ERR_INVALID, "\"%s\" wants %s", action->name,
            action->has_text ? "\"text\", the whole note" : "no \"text\"");
    return 0;
}

static bx_level level(const json_t *input)
{
    const char *name = json_string_value(json_object_get(input, "action"));
    const struct action *action = name == NULL ? NULL : find_action(name);

    return action != NULL && action->is_change ? BX_LEVEL_WRITE : BX_LEVEL_NONE;
}

static int run(void *data, const bx_own_call *call, json_t **ret_content,
               bx_error **err)
{
    const struct action *action = find_action(bx_own_text(call, "action"));
    bx_autobuf bx_buf out = BX_BUF_INIT;

    if (action == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "action: expected list, read, write or delete");
    if (check_input(action, call, err) < 0 ||
        action->run(data, call, &out, err) < 0)
        return -1;
    return bx_own_answer(out.data, ret_content, err);
}

const bx_own_tool bx_own_memory = {
    .name = "memory",
    .description =
        "Notes that stay in the workspace for later sessions, as short "
        "Markdown: what is worth knowing next time (how to build, where things "
        "are, what the user decided). list them, read one, write one (its "
        "whole text; it replaces the one of that name), delete one. Write only "
        "what you found out yourself or what the user said, and nothing "
        "secret.",
    .input_schema =
        "{\"type\": \"object\", \"required\": [\"action\"], "
        "\"additionalProperties\": false, \"properties\": {"
        "\"action\": {\"enum\": [\"list\", \"read\", \"write\", \"delete\"]}, "
        "\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
        "64, \"description\": \"As 'build-steps'.\"}, "
        "\"text\": {\"type\": \"string\", \"maxLength\": 16384, "
        "\"description\": \"Begins with a line that says what it is "
        "about.\"}}}",
    .is_serial = true,
    .level = level,
    .run = run,
};
