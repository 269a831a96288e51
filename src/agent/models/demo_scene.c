/* Where a script stands, read from the conversation. Results are text of tools,
 * which may be anything: they go into what is said and into calls' inputs as
 * text, and the calls are decided on like any model's. */
#include "agent/models/demo_scene.h"

#include <string.h>

#include "base/utf8.h"

#define VALUE_MAX_BYTES 4096        /* of one that is taken from a result */
#define RESULT_MAX_BYTES (1u << 20) /* that is looked into */

void bx_demo_scene_clear(bx_demo_scene *s)
{
    free(s->task);
    json_decref(s->values);
}

/* ---- what the conversation says ------------------------------------- */

static bool has_block(const json_t *message, const char *type)
{
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, type))
            return true;
    }
    return false;
}

int bx_demo_scene_begin(bx_demo_scene *s, bx_error **err)
{
    const json_t *messages = s->request->messages;
    size_t at = json_array_size(messages);

    while (at > 0) {
        const json_t *message = json_array_get(messages, --at);

        if (strcmp(bx_message_role(message), "assistant") == 0) {
            s->done++;
        } else if (has_block(message, "text")) {
            s->task_index = at;
            s->task = bx_message_text(message);
            return s->task != NULL ? 0 : bx_error_set_nomem(err);
        }
    }
    s->done = 0;
    s->task = strdup("");
    return s->task != NULL ? 0 : bx_error_set_nomem(err);
}

/* The tool_result of a step (0: the last one; 1 is the first) and its place,
 * from 1. NULL: there is none. */
static const json_t *find_result(const bx_demo_scene *s, size_t step,
                                 size_t place)
{
    const json_t *messages = s->request->messages;
    size_t seen = 0;
    bool is_there = false;

    if (step == 0)
        step = s->done;
    for (size_t i = s->task_index; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        size_t j;
        json_t *block;

        if (strcmp(bx_message_role(message), "assistant") == 0) {
            is_there = ++seen == step;
            continue;
        }
        if (!is_there)
            continue;
        json_array_foreach(bx_message_blocks(message), j, block)
        {
            if (bx_block_is(block, "tool_result") && --place == 0)
                return block;
        }
    }
    return NULL;
}

/* Lines of the envelope that results stand in are none of the tool's. */
static bool is_envelope(const char *line)
{
    return strncmp(line, "<data from=\"", 12) == 0 ||
           strncmp(line, "</data boundary=\"", 17) == 0;
}

static int put_tool_text(bx_buf *out, const char *text)
{
    while (*text != '\0' && out->len < RESULT_MAX_BYTES) {
        size_t line = strcspn(text, "\n");

        line += text[line] == '\n';
        if (!is_envelope(text) && bx_buf_append(out, text, line, SIZE_MAX) < 0)
            return -1;
        text += line;
    }
    return 0;
}

static int result_text(const json_t *result, bx_buf *out, bx_error **err)
{
    size_t i;
    json_t *block;

    json_array_foreach(json_object_get(result, "content"), i, block)
    {
        if (put_tool_text(out, bx_block_text(block, "text")) < 0)
            return bx_error_set_nomem(err);
    }
    /* So that data is never NULL. */
    return bx_buf_puts(out, "") < 0 ? bx_error_set_nomem(err) : 0;
}

size_t bx_demo_count(const json_t *object, const char *key, size_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return value == NULL ? otherwise : (size_t)json_integer_value(value);
}

/* The text that a condition or a value is looked for in. *ret_result: NULL when
 * it is the task or there is no such result. */
static int source_text(const bx_demo_scene *s, const json_t *rule, bx_buf *out,
                       const json_t **ret_result, bx_error **err)
{
    const json_t *step = json_object_get(rule, "step");

    *ret_result = NULL;
    if (step != NULL && json_integer_value(step) == 0)
        return bx_buf_puts(out, s->task) < 0 ? bx_error_set_nomem(err) : 0;
    *ret_result = find_result(s, bx_demo_count(rule, "step", 0),
                              bx_demo_count(rule, "result", 1));
    return result_text(*ret_result, out, err);
}

/* ---- conditions ----------------------------------------------------- */

static bool is_offered(const bx_turn_request *request, const char *name)
{
    size_t i;
    json_t *tool;

    json_array_foreach(request->tools, i, tool)
    {
        if (strcmp(bx_block_text(tool, "name"), name) == 0)
            return true;
    }
    return false;
}

/* 1: it holds; 0: it does not; -1: err. */
static int holds(const bx_demo_scene *s, const json_t *rule, bx_error **err)
{
    const json_t *contains = json_object_get(rule, "contains");
    const json_t *lacks = json_object_get(rule, "lacks");
    const json_t *is_error = json_object_get(rule, "is_error");
    const json_t *tool = json_object_get(rule, "tool");
    const json_t *no_tool = json_object_get(rule, "no_tool");
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const json_t *result;

    if ((tool != NULL && !is_offered(s->request, json_string_value(tool))) ||
        (no_tool != NULL && is_offered(s->request, json_string_value(no_tool))))
        return 0;
    if (source_text(s, rule, &text, &result, err) < 0)
        return -1;
    if (is_error != NULL &&
        (result == NULL || json_is_true(json_object_get(result, "is_error")) !=
                               json_is_true(is_error)))
        return 0;
    return (contains == NULL ||
            strstr(text.data, json_string_value(contains)) != NULL) &&
           (lacks == NULL ||
            strstr(text.data, json_string_value(lacks)) == NULL);
}

static int all_hold(const bx_demo_scene *s, const json_t *when, bx_error **err)
{
    size_t i;
    json_t *rule;

    if (when == NULL)
        return 1;
    if (!json_is_array(when))
        return holds(s, when, err);
    json_array_foreach(when, i, rule)
    {
        int is = holds(s, rule, err);

        if (is != 1)
            return is;
    }
    return 1;
}

const json_t *bx_demo_scene_choose(const bx_demo_scene *s, const json_t *step,
                                   bx_error **err)
{
    size_t i;
    json_t *variant;

    if (!json_is_array(step))
        return step;
    json_array_foreach(step, i, variant)
    {
        int is = all_hold(s, json_object_get(variant, "when"), err);

        if (is != 0)
            return is < 0 ? NULL : variant;
    }
    bx_error_set(err, BX_ERR_INVALID, "demo: no variant of the step fits");
    return NULL;
}

/* ---- values --------------------------------------------------------- */

/* What stands between two texts, or what the rule has otherwise; NULL without
 * memory. */
static json_t *cut_value(const char *text, const json_t *rule)
{
    const char *after = bx_block_text(rule, "after");
    const char *before = bx_block_text(rule, "before");
    const char *from = strstr(text, after);
    const char *to = NULL;
    size_t bytes = 0;

    if (from != NULL) {
        from += strlen(after);
        to = strstr(from, *before == '\0' ? "\n" : before);
        if (to == NULL && *before == '\0')
            to = from + strlen(from);
    }
    if (to != NULL)
        bytes = (size_t)(to - from);
    if (bytes == 0)
        return json_string(bx_block_text(rule, "otherwise"));
    if (bytes > VALUE_MAX_BYTES)
        bytes = VALUE_MAX_BYTES;
    return json_stringn(from, bx_utf8_span(from, bytes));
}

int bx_demo_scene_take(bx_demo_scene *s, const json_t *take, bx_error **err)
{
    const char *name;
    json_t *rule;

    size_t task_bytes = strnlen(s->task, VALUE_MAX_BYTES);

    s->values = json_object();
    if (s->values == NULL ||
        json_object_set_new(
            s->values, "task",
            json_stringn(s->task, bx_utf8_span(s->task, task_bytes))) < 0)
        return bx_error_set_nomem(err);
    json_object_foreach((json_t *)take, name, rule)
    {
        bx_autobuf bx_buf text = BX_BUF_INIT;
        const json_t *result;
        json_t *value;

        if (source_text(s, rule, &text, &result, err) < 0)
            return -1;
        value = cut_value(text.data, rule);
        if (value == NULL || json_object_set_new(s->values, name, value) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

int bx_demo_scene_fill(const bx_demo_scene *s, const char *text, bx_buf *out,
                       bx_error **err)
{
    const char *at;

    if (bx_buf_puts(out, "") < 0)
        return bx_error_set_nomem(err);
    while ((at = strstr(text, "${")) != NULL) {
        size_t bytes = strcspn(at + 2, "}");
        bx_autofree char *name = strndup(at + 2, bytes);
        const json_t *value;

        if (name == NULL)
            return bx_error_set_nomem(err);
        value = at[2 + bytes] == '}' ? json_object_get(s->values, name) : NULL;
        if (bx_buf_append(out, text, (size_t)(at - text), SIZE_MAX) < 0 ||
            (value == NULL ? bx_buf_puts(out, "${")
                           : bx_buf_puts(out, json_string_value(value))) < 0)
            return bx_error_set_nomem(err);
        text = at + 2 + (value == NULL ? 0 : bytes + 1);
    }
    return bx_buf_puts(out, text) < 0 ? bx_error_set_nomem(err) : 0;
}

json_t *bx_demo_scene_fill_value(const bx_demo_scene *s, const json_t *value,
                                 bx_error **err)
{
    json_t *copy = NULL;

    if (json_is_string(value)) {
        bx_autobuf bx_buf text = BX_BUF_INIT;

        if (bx_demo_scene_fill(s, json_string_value(value), &text, err) < 0)
            return NULL;
        copy = json_stringn(text.data, text.len);
    } else if (json_is_object(value)) {
        const char *key;
        json_t *item;

        copy = json_object();
        json_object_foreach((json_t *)value, key, item)
        {
            json_t *filled = bx_demo_scene_fill_value(s, item, err);

            if (filled == NULL) {
                json_decref(copy);
                return NULL;
            }
            if (json_object_set_new(copy, key, filled) < 0) {
                bx_error_set_nomem(err);
                json_decref(copy);
                return NULL;
            }
        }
    } else if (json_is_array(value)) {
        size_t i;
        json_t *item;

        copy = json_array();
        json_array_foreach(value, i, item)
        {
            json_t *filled = bx_demo_scene_fill_value(s, item, err);

            if (filled == NULL) {
                json_decref(copy);
                return NULL;
            }
            if (json_array_append_new(copy, filled) < 0) {
                bx_error_set_nomem(err);
                json_decref(copy);
                return NULL;
            }
        }
    } else {
        copy = json_copy((json_t *)value);
    }
    if (copy == NULL)
        bx_error_set_nomem(err);
    return copy;
}
