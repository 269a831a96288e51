/* The form of a script. Each object's keys are a table; what is not in it, or
 * not of its kind, is an error that names the place. */
#include "agent/models/demo_form.h"

#include <string.h>

#include "agent/models/demo_script.h"
#include "base/buf.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the kinds of values -------------------------------------------- */

/* Where in a file the check is. */
typedef struct place {
    const char *file;
    const char *script; /* its name; NULL: not known yet */
    size_t step;        /* from 1; 0: not within one */
    size_t variant;     /* from 1; 0: the step has only one */
} place;

static int fail(const place *at, const char *path, const char *expected,
                bx_error **err)
{
    bx_autobuf bx_buf where = BX_BUF_INIT;

    if (bx_buf_printf(&where, "demo script '%s': ", at->file) < 0)
        return bx_error_set_nomem(err);
    if (at->script != NULL &&
        (bx_buf_puts(&where, "script '") < 0 ||
         bx_buf_put_escaped(&where, at->script, strlen(at->script), 100) < 0 ||
         bx_buf_puts(&where, "': ") < 0))
        return bx_error_set_nomem(err);
    if (at->step > 0 && bx_buf_printf(&where, "step %zu: ", at->step) < 0)
        return bx_error_set_nomem(err);
    if (at->variant > 0 &&
        bx_buf_printf(&where, "variant %zu: ", at->variant) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, BX_ERR_INVALID, "%s%s: expected %s", where.data,
                        path, expected);
}

typedef struct key key;
typedef int check_fn(const place *at, const key *of, const char *path,
                     const json_t *value, bx_error **err);

struct key {
    const char *name;
    check_fn *check;
    const char *expected;
    bool is_required;
    json_int_t least; /* of numbers */
    json_int_t most;
};

/* Path of a member, for messages: "calls[2].input". */
#define PATH_BYTES 160

static int check_object(const place *at, const char *path, const json_t *object,
                        const key *keys, size_t count, bx_error **err)
{
    const char *name;
    json_t *value;
    char inner[PATH_BYTES];

    if (!json_is_object(object))
        return fail(at, path, "an object", err);
    json_object_foreach((json_t *)object, name, value)
    {
        const key *known = NULL;
        bx_autobuf bx_buf shown = BX_BUF_INIT;

        for (size_t i = 0; i < count && known == NULL; i++) {
            if (strcmp(keys[i].name, name) == 0)
                known = &keys[i];
        }
        if (known == NULL) {
            bx_autobuf bx_buf names = BX_BUF_INIT;

            if (bx_buf_put_escaped(&shown, name, strlen(name), 60) < 0)
                return bx_error_set_nomem(err);
            for (size_t i = 0; i < count; i++) {
                if (bx_buf_printf(&names, "%s%s",
                                  i == 0           ? ""
                                  : i + 1 == count ? " or "
                                                   : ", ",
                                  keys[i].name) < 0)
                    return bx_error_set_nomem(err);
            }
            snprintf(inner, sizeof(inner), "%s%sunknown key '%s'", path,
                     *path == '\0' ? "" : ": ", shown.data);
            return fail(at, inner, names.data, err);
        }
        snprintf(inner, sizeof(inner), "%s%s%s", path, *path == '\0' ? "" : ".",
                 name);
        if (known->check(at, known, inner, value, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (!keys[i].is_required ||
            json_object_get(object, keys[i].name) != NULL)
            continue;
        snprintf(inner, sizeof(inner), "%s%s%s", path, *path == '\0' ? "" : ".",
                 keys[i].name);
        return fail(at, inner, keys[i].expected, err);
    }
    return 0;
}

static bool is_text(const json_t *value)
{
    return json_is_string(value) &&
           strlen(json_string_value(value)) == json_string_length(value);
}

static int check_text(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    return is_text(value) ? 0 : fail(at, path, of->expected, err);
}

static int check_name(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    return is_text(value) && json_string_length(value) > 0
               ? 0
               : fail(at, path, of->expected, err);
}

static int check_texts(const place *at, const key *of, const char *path,
                       const json_t *value, bx_error **err)
{
    size_t i;
    json_t *item;

    if (!json_is_array(value))
        return fail(at, path, of->expected, err);
    json_array_foreach(value, i, item)
    {
        if (!is_text(item))
            return fail(at, path, of->expected, err);
    }
    return 0;
}

static int check_pieces(const place *at, const key *of, const char *path,
                        const json_t *value, bx_error **err)
{
    return is_text(value) ? 0 : check_texts(at, of, path, value, err);
}

static int check_bool(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    return json_is_boolean(value) ? 0 : fail(at, path, of->expected, err);
}

static int check_count(const place *at, const key *of, const char *path,
                       const json_t *value, bx_error **err)
{
    json_int_t number = json_integer_value(value);
    char expected[80];

    if (json_is_integer(value) && number >= of->least && number <= of->most)
        return 0;
    snprintf(expected, sizeof(expected),
             "a number, %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT,
             of->least, of->most);
    return fail(at, path, expected, err);
}

static int check_input(const place *at, const key *of, const char *path,
                       const json_t *value, bx_error **err)
{
    return json_is_object(value) ? 0 : fail(at, path, of->expected, err);
}

static int check_kind(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    bx_failure_kind kind;

    return is_text(value) &&
                   bx_demo_failure_find(json_string_value(value), &kind) == 0
               ? 0
               : fail(at, path, of->expected, err);
}

/* Whether it calls is what the calls say. */
static int check_stop(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    bx_stop stop;

    return is_text(value) &&
                   bx_demo_stop_find(json_string_value(value), &stop) == 0 &&
                   stop != BX_STOP_CALLS
               ? 0
               : fail(at, path, of->expected, err);
}

/* ---- the objects of a script ---------------------------------------- */

#define RESULT_KEYS                                                            \
    { "step", check_count, NULL, false, 0, BX_DEMO_STEPS_MAX },                \
    {                                                                          \
        "result", check_count, NULL, false, 1, 1000                            \
    }

static const key when_keys[] = {
    RESULT_KEYS,
    { "contains", check_name, "a text", false, 0, 0 },
    { "lacks", check_name, "a text", false, 0, 0 },
    { "is_error", check_bool, "true or false", false, 0, 0 },
    { "tool", check_name, "the name of a tool", false, 0, 0 },
    { "no_tool", check_name, "the name of a tool", false, 0, 0 },
};

static const key take_keys[] = {
    RESULT_KEYS,
    { "after", check_text, "a text", false, 0, 0 },
    { "before", check_name, "a text", false, 0, 0 },
    { "otherwise", check_text, "a text", false, 0, 0 },
};

static const key call_keys[] = {
    { "name", check_name, "the name of a tool", true, 0, 0 },
    { "input", check_input, "an object, the tool's input", true, 0, 0 },
};

#define TOKENS_MAX 1000000000
static const key usage_keys[] = {
    { "input", check_count, NULL, false, 0, TOKENS_MAX },
    { "output", check_count, NULL, false, 0, TOKENS_MAX },
    { "cache_read", check_count, NULL, false, 0, TOKENS_MAX },
    { "cache_write", check_count, NULL, false, 0, TOKENS_MAX },
    { "thinking", check_count, NULL, false, 0, TOKENS_MAX },
};

static const key fail_keys[] = {
    { "kind", check_kind,
      "request, key, no_model, context, rate, overload or server", true, 0, 0 },
    { "text", check_text, "a text", false, 0, 0 },
    { "times", check_count, NULL, false, 1, 1000 },
    { "retry_ms", check_count, NULL, false, 0, 86400000 },
};

/* An array, or one of it alone, of objects of a table. */
static int check_list(const place *at, const char *path, const json_t *value,
                      const key *keys, size_t count, bx_error **err)
{
    size_t i;
    json_t *item;
    char inner[PATH_BYTES];

    json_array_foreach(value, i, item)
    {
        snprintf(inner, sizeof(inner), "%s[%zu]", path, i + 1);
        if (check_object(at, inner, item, keys, count, err) < 0)
            return -1;
    }
    return 0;
}

static int check_when(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    (void)of;
    if (json_is_array(value))
        return check_list(at, path, value, when_keys, COUNT(when_keys), err);
    return check_object(at, path, value, when_keys, COUNT(when_keys), err);
}

static int check_take(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    const char *name;
    json_t *item;
    char inner[PATH_BYTES];

    if (!json_is_object(value))
        return fail(at, path, of->expected, err);
    json_object_foreach((json_t *)value, name, item)
    {
        static const char set[] = "abcdefghijklmnopqrstuvwxyz_";

        if (*name == '\0' || strspn(name, set) != strlen(name) ||
            strlen(name) > 40 || strcmp(name, "task") == 0)
            return fail(at, path,
                        "names of 1 to 40 of a-z and _, and not 'task'", err);
        snprintf(inner, sizeof(inner), "%s.%s", path, name);
        if (check_object(at, inner, item, take_keys, COUNT(take_keys), err) < 0)
            return -1;
    }
    return 0;
}

static int check_calls(const place *at, const key *of, const char *path,
                       const json_t *value, bx_error **err)
{
    if (!json_is_array(value) || json_array_size(value) == 0)
        return fail(at, path, of->expected, err);
    return check_list(at, path, value, call_keys, COUNT(call_keys), err);
}

static int check_usage(const place *at, const key *of, const char *path,
                       const json_t *value, bx_error **err)
{
    (void)of;
    return check_object(at, path, value, usage_keys, COUNT(usage_keys), err);
}

static int check_fail(const place *at, const key *of, const char *path,
                      const json_t *value, bx_error **err)
{
    (void)of;
    return check_object(at, path, value, fail_keys, COUNT(fail_keys), err);
}

static const key step_keys[] = {
    { "when", check_when, NULL, false, 0, 0 },
    { "take", check_take, "an object, of names and where they are found", false,
      0, 0 },
    { "thinking", check_pieces, "a text, or pieces of one", false, 0, 0 },
    { "text", check_pieces, "a text, or pieces of one", false, 0, 0 },
    { "calls", check_calls, "an array of calls", false, 0, 0 },
    { "usage", check_usage, NULL, false, 0, 0 },
    { "stop", check_stop, "end, length, context or refusal", false, 0, 0 },
    { "delay_ms", check_count, NULL, false, 0, BX_DEMO_DELAY_MAX_MS },
    { "piece_delay_ms", check_count, NULL, false, 0, BX_DEMO_DELAY_MAX_MS },
    { "fail", check_fail, NULL, false, 0, 0 },
};

/* One of a step's variants always fits: the last has no condition. */
static int check_step(place *at, const json_t *step, bx_error **err)
{
    size_t count = json_array_size(step);
    size_t i;
    json_t *variant;

    at->variant = 0;
    if (!json_is_array(step)) {
        if (json_object_get(step, "when") != NULL)
            return fail(at, "when",
                        "a list of variants where a step has a condition: "
                        "[{\"when\": ...}, {...}]",
                        err);
        return check_object(at, "", step, step_keys, COUNT(step_keys), err);
    }
    if (count == 0)
        return fail(at, "variants", "one at least", err);
    json_array_foreach(step, i, variant)
    {
        at->variant = i + 1;
        if (check_object(at, "", variant, step_keys, COUNT(step_keys), err) < 0)
            return -1;
        if ((json_object_get(variant, "when") != NULL) != (i + 1 < count))
            return fail(at, "when",
                        i + 1 < count ? "a condition: only a step's last "
                                        "variant has none"
                                      : "none: the last variant of a step is "
                                        "taken where no other fits",
                        err);
    }
    return 0;
}

static int check_steps(const place *at, const key *of, const char *path,
                       const json_t *value, bx_error **err)
{
    size_t count = json_array_size(value);
    place inner = *at;

    if (count == 0 || count > BX_DEMO_STEPS_MAX)
        return fail(at, path, of->expected, err);
    for (size_t i = 0; i < count; i++) {
        inner.step = i + 1;
        if (check_step(&inner, json_array_get(value, i), err) < 0)
            return -1;
    }
    return 0;
}

static const key script_keys[] = {
    { "name", check_name, "a text", true, 0, 0 },
    { "about", check_text, "a text", false, 0, 0 },
    { "words", check_texts, "an array of texts", false, 0, 0 },
    { "steps", check_steps, "an array of 1 to 1000 steps", true, 0, 0 },
};

int bx_demo_form_check(const char *file, const json_t *script, bx_error **err)
{
    const json_t *name = json_object_get(script, "name");
    place at = { .file = file };

    if (is_text(name))
        at.script = json_string_value(name);
    return check_object(&at, "", script, script_keys, COUNT(script_keys), err);
}
