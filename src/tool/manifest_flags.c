/* The command line of tools that take flags. Values come from a model: each is
 * one argument, and none can be read as a flag, because it is joined to its own
 * (--name=value) or stands behind "--". */
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "policy/text.h"
#include "tool/manifest.h"

#define MAX_ARGUMENTS 4096
#define MAX_BYTES (1u << 20)

typedef struct writer {
    char **argv;
    size_t argc;
    size_t bytes;
    bx_error **err;
} writer;

/* argument is taken; NULL: there was no memory for it. */
static int put(writer *out, char *argument)
{
    if (argument == NULL)
        return bx_error_set_nomem(out->err);
    out->bytes += strlen(argument) + 1;
    if (out->argc == MAX_ARGUMENTS || out->bytes > MAX_BYTES) {
        free(argument);
        return bx_error_set(out->err, BX_ERR_INVALID,
                            "the command line: more than %d arguments or %u "
                            "bytes; expected a shorter input",
                            MAX_ARGUMENTS, MAX_BYTES);
    }
    out->argv[out->argc++] = argument;
    return 0;
}

/* A scalar as an argument; owned by the caller. */
static char *format_value(const char *property, const json_t *value,
                          bx_error **err)
{
    char *text = NULL;

    if (json_is_string(value)) {
        text = strdup(json_string_value(value));
    } else if (json_is_number(value) || json_is_boolean(value)) {
        text = bx_json_text(value, JSON_ENCODE_ANY);
    } else {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "/%.64s: expected text, a number or true or false; "
                           "a flag cannot carry an object or a list in a list",
                           property);
        return NULL;
    }
    if (text == NULL)
        (void)bx_error_set_nomem(err);
    return text;
}

/* "--name=value"; behind one dash ("-n", "-name") the value stands apart, for
 * not all programs take it joined there. */
static int put_option(writer *out, const char *property, const char *flag,
                      const json_t *value)
{
    bx_autofree char *text = format_value(property, value, out->err);
    char *joined = NULL;

    if (text == NULL)
        return -1;
    if (flag[1] != '-') {
        if (text[0] == '-' && !json_is_number(value))
            return bx_error_set(out->err, BX_ERR_INVALID,
                                "/%.64s: begins with '-', which %s would take "
                                "for a flag; expected another value",
                                property, flag);
        return put(out, strdup(flag)) < 0 ? -1 : put(out, bx_take(text));
    }
    if (asprintf(&joined, "%s=%s", flag, text) < 0)
        joined = NULL;
    return put(out, joined);
}

static int put_flag(writer *out, const char *property, const json_t *how,
                    const json_t *value)
{
    const char *flag = json_string_value(json_object_get(how, "flag"));
    const char *negative = json_string_value(json_object_get(how, "negative"));
    json_t *item;
    size_t i;

    if (json_is_true(value))
        return put(out, strdup(flag));
    if (json_is_false(value))
        return negative == NULL ? 0 : put(out, strdup(negative));
    if (!json_is_array(value))
        return put_option(out, property, flag, value);
    json_array_foreach(value, i, item)
    {
        if (put_option(out, property, flag, item) < 0)
            return -1;
    }
    return 0;
}

/* Does any argument begin with '-'? A lone '-' is a file's name by custom. */
static bool needs_dashes(const json_t *value)
{
    json_t *item;
    size_t i;

    if (json_is_string(value))
        return json_string_value(value)[0] == '-' &&
               json_string_value(value)[1] != '\0';
    if (json_is_number(value))
        return json_number_value(value) < 0;
    json_array_foreach(value, i, item)
    {
        if (needs_dashes(item))
            return true;
    }
    return false;
}

/* The property of a positional's index, or NULL. */
static const char *find_index(const json_t *flags, json_int_t index)
{
    const char *property;
    json_t *how;

    json_object_foreach((json_t *)flags, property, how)
    {
        const json_t *at = json_object_get(how, "index");

        if (at != NULL && json_integer_value(at) == index)
            return property;
    }
    return NULL;
}

static int put_positional(writer *out, const char *property,
                          const json_t *value)
{
    json_t *item;
    size_t i;

    if (!json_is_array(value)) {
        char *text = format_value(property, value, out->err);

        return text == NULL ? -1 : put(out, text);
    }
    json_array_foreach(value, i, item)
    {
        char *text = format_value(property, item, out->err);

        if (text == NULL || put(out, text) < 0)
            return -1;
    }
    return 0;
}

/* In their order; one that is missing leaves no gap for the next to fall in. */
static int put_positionals(writer *out, const bx_manifest *manifest,
                           const json_t *input)
{
    const char *missing = NULL;
    bool has_dashes = false;
    const char *property;

    for (json_int_t index = 0;
         (property = find_index(manifest->flags, index)) != NULL; index++) {
        const json_t *value = json_object_get(input, property);

        if (value == NULL || json_is_null(value)) {
            missing = missing != NULL ? missing : property;
            continue;
        }
        if (missing != NULL)
            return bx_error_set(out->err, BX_ERR_INVALID,
                                "/%.64s: missing; expected it, since '%.64s' "
                                "comes behind it on the command line",
                                missing, property);
        if (!has_dashes && needs_dashes(value)) {
            if (put(out, strdup("--")) < 0)
                return -1;
            has_dashes = true;
        }
        if (put_positional(out, property, value) < 0)
            return -1;
    }
    return 0;
}

static int put_all(writer *out, const bx_manifest *manifest,
                   const json_t *input)
{
    bx_autofree char *shown = NULL;
    const char *property;
    json_t *value;

    if (put(out, strdup(manifest->name)) < 0)
        return -1;
    json_object_foreach((json_t *)input, property, value)
    {
        const json_t *how = json_object_get(manifest->flags, property);

        if (how == NULL) {
            shown = bx_text_show(property);
            return bx_error_set(out->err, BX_ERR_INVALID,
                                "%s: the tool '%s' has no flag for it",
                                BX_SHOWN(shown), manifest->name);
        }
        if (json_object_get(how, "flag") != NULL && !json_is_null(value) &&
            put_flag(out, property, how, value) < 0)
            return -1;
    }
    return put_positionals(out, manifest, input);
}

int bx_manifest_flags(const bx_manifest *manifest, const json_t *input,
                      char ***ret_argv, size_t *ret_argc, bx_error **err)
{
    writer out = { .err = err };

    if (manifest->input != BX_TOOL_INPUT_FLAGS)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the tool '%s' takes JSON, not flags",
                            manifest->name);
    out.argv = calloc(MAX_ARGUMENTS, sizeof(*out.argv));
    if (out.argv == NULL)
        return bx_error_set_nomem(err);
    if (put_all(&out, manifest, input) < 0) {
        bx_argv_free(out.argv, out.argc);
        return -1;
    }
    *ret_argv = out.argv;
    *ret_argc = out.argc;
    return 0;
}
