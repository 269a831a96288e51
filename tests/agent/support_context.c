#include "agent/support_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/schema.h"

static char *ask(void *context, const char *question, const json_t *choices)
{
    desk *it = context;

    (void)snprintf(it->question, sizeof(it->question), "%s", question);
    json_decref(it->choices);
    it->choices = choices == NULL ? NULL : json_deep_copy(choices);
    return it->answer == NULL ? NULL : strdup(it->answer);
}

static int store(void *context, json_t *note, bx_error **err)
{
    desk *it = context;

    if (it->note_status < 0)
        return bx_error_set(err, BX_ERR_SYSTEM, "the disk is full");
    return json_array_append(it->notes, note);
}

static void tell(void *context, const json_t *event)
{
    desk *it = context;

    json_array_append_new(it->events, json_deep_copy(event));
}

static int allow(void *context, const char *path, bx_error **err)
{
    desk *it = context;

    (void)snprintf(it->written, sizeof(it->written), "%s", path);
    return it->refusal == NULL
               ? 0
               : bx_error_set(err, BX_ERR_DENIED, "%s", it->refusal);
}

void desk_make(desk *it)
{
    *it = (desk){ .problems = json_array(),
                  .notes = json_array(),
                  .events = json_array() };
    folder_make(&it->workspace);
    folder_make(&it->user);
    folder_make_dirs(&it->user, "boxagnts");
    assert_int_equal(setenv("XDG_CONFIG_HOME", it->user.path, 1), 0);
    it->config = (bx_context_config){
        .workspace = it->workspace.path,
        .has_person = true,
        .ask = ask,
        .ask_context = it,
        .note = store,
        .note_context = it,
        .events = { .tell = tell, .context = it },
        .allow_write = allow,
        .allow_context = it,
    };
    assert_int_equal(
        bx_envelope_load(DESK_BOUNDARY, &it->config.envelope, NULL), 0);
}

void desk_remove(desk *it)
{
    bx_context_free(it->context);
    folder_remove(&it->workspace);
    folder_remove(&it->user);
    json_decref(it->problems);
    json_decref(it->notes);
    json_decref(it->events);
    json_decref(it->choices);
}

void desk_open(desk *it)
{
    bx_error *err = NULL;

    bx_context_free(it->context);
    it->context = bx_context_new(&it->config, it->problems, &err);
    if (it->context == NULL)
        fail_msg("%s", bx_error_message(err));
}

char *desk_system(desk *it, bx_mode mode)
{
    bx_error *err = NULL;
    char *text;

    if (it->context == NULL)
        desk_open(it);
    text = bx_context_system(it->context, mode, "2026-11-21", &err);
    if (text == NULL)
        fail_msg("%s", bx_error_message(err));
    return text;
}

/* ---- calls -------------------------------------------------------------- */

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    if (value == NULL)
        fail_msg("no JSON: %s", text);
    return value;
}

static int fits(const bx_own_tool *tool, const json_t *input, bx_error **err)
{
    json_t *schema = parse(tool->input_schema);
    int status = bx_schema_check(schema, err);

    if (status == 0)
        status = bx_schema_validate(schema, input, err);
    json_decref(schema);
    return status;
}

static int run(desk *it, const bx_own_tool *tool, const char *text,
               json_t **ret_content, bx_error **err)
{
    json_t *input = parse(text);
    const bx_own_call call = { .id = "c1",
                               .input = input,
                               .events = &it->config.events };
    int status;

    if (it->context == NULL)
        desk_open(it);
    if (fits(tool, input, err) < 0)
        fail_msg("%s", bx_error_message(*err));
    status = tool->run(it->context, &call, ret_content, err);
    json_decref(input);
    return status;
}

char *desk_call(desk *it, const bx_own_tool *tool, const char *input)
{
    bx_error *err = NULL;
    json_t *content = NULL;
    json_t *message = bx_message_new("user");
    char *text;

    if (run(it, tool, input, &content, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    assert_int_equal(json_array_size(content), 1);
    text = strdup(bx_block_text(json_array_get(content, 0), "text"));
    bx_message_add_result(message, "c1", tool->name, false, content);
    assert_int_equal(bx_message_check(message, NULL), 0);
    json_decref(message);
    return text;
}

void desk_refuse(desk *it, const bx_own_tool *tool, const char *input,
                 bx_code code, const char *word)
{
    bx_error *err = NULL;
    json_t *content = NULL;

    assert_int_equal(run(it, tool, input, &content, &err), -1);
    assert_null(content);
    if (bx_error_code(err) != code ||
        strstr(bx_error_message(err), word) == NULL)
        fail_msg("%d, not %d with '%s': %s", bx_error_code(err), code, word,
                 bx_error_message(err));
    bx_error_free(err);
}

void desk_misfit(const bx_own_tool *tool, const char *input)
{
    bx_error *err = NULL;
    json_t *value = parse(input);

    if (fits(tool, value, &err) == 0)
        fail_msg("%s fits %s", input, tool->name);
    bx_error_free(err);
    json_decref(value);
}

/* ---- texts -------------------------------------------------------------- */

void desk_skill(const folder *at, const char *place, const char *name,
                const char *body)
{
    char path[256], text[4096];

    (void)snprintf(path, sizeof(path), "%s/%s/SKILL.md", place, name);
    (void)snprintf(text, sizeof(text),
                   "---\nname: %s\ndescription: How to %s.\n---\n%s\n", name,
                   name, body);
    folder_put(at, path, text);
}

void check_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text);
}

void check_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' is in: %s", part, text);
}

void check_enveloped(const char *text, const char *part)
{
    const char *begin = strstr(text, "<data from=");
    const char *at = strstr(text, part);
    const char *end = strstr(text, "</data boundary=\"" DESK_BOUNDARY "\">");

    if (begin == NULL || at == NULL || end == NULL || at < begin || at > end)
        fail_msg("'%s' is not within data: %s", part, text);
}
