#include "tool/manifest.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "policy/text.h"
#include "policy/yaml_json.h"
#include "tool/manifest_reader.h"
#include "tool/manifest_text.h"
#include "tool/schema.h"

#define MAX_PROGRAMS 16
#define MAX_TITLE 128
#define MAX_VERSION 64
#define MAX_FUNCTION 256
#define MAX_FLAGS 128

/* ---- keys ---- */

static int put_text(const bx_manifest_reader *in, const char *pointer,
                    const json_t *value, size_t max_bytes, bool is_one_line,
                    char **ret_text)
{
    const char *key = strrchr(pointer, '/') + 1;
    bx_autoerror bx_error *why = NULL;

    if (!json_is_string(value))
        return bx_manifest_refuse(in, pointer,
                                  "%s: expected text, got %s (quote it)", key,
                                  bx_manifest_kind(value));
    if (bx_manifest_check_text(json_string_value(value), max_bytes, is_one_line,
                               &why) < 0)
        return bx_manifest_refuse(in, pointer, "%s: %s", key,
                                  bx_error_message(why));
    *ret_text = strdup(json_string_value(value));
    return *ret_text != NULL ? 0 : bx_error_set_nomem(in->err);
}

static int read_name(bx_manifest_reader *in, const json_t *value)
{
    bx_autofree char *shown = NULL;

    if (!json_is_string(value))
        return bx_manifest_refuse(in, "/tool/name",
                                  "name: expected text, got %s (quote it)",
                                  bx_manifest_kind(value));
    if (!bx_tool_name_is_valid(json_string_value(value))) {
        shown = bx_text_show(json_string_value(value));
        return bx_manifest_refuse(
            in, "/tool/name",
            "name: %s; expected 1 to %d letters, digits, '-' and "
            "'_', such as word-count",
            BX_SHOWN(shown), BX_TOOL_NAME_MAX);
    }
    in->manifest->name = strdup(json_string_value(value));
    return in->manifest->name != NULL ? 0 : bx_error_set_nomem(in->err);
}

static int read_title(bx_manifest_reader *in, const json_t *value)
{
    return put_text(in, "/tool/title", value, MAX_TITLE, true,
                    &in->manifest->title);
}

static int read_version(bx_manifest_reader *in, const json_t *value)
{
    return put_text(in, "/tool/version", value, MAX_VERSION, true,
                    &in->manifest->version);
}

static int read_description(bx_manifest_reader *in, const json_t *value)
{
    return put_text(in, "/tool/description", value, BX_MANIFEST_DESCRIPTION_MAX,
                    false, &in->manifest->description);
}

static int read_level(bx_manifest_reader *in, const json_t *value)
{
    if (!json_is_string(value))
        return bx_manifest_refuse(
            in, "/tool/permission_level",
            "permission_level: expected none, read_only, write, "
            "execute, dangerous or forbidden, got %s",
            bx_manifest_kind(value));
    if (bx_level_parse(json_string_value(value), &in->manifest->level,
                       in->err) < 0)
        return bx_manifest_wrap(in, "/tool/permission_level",
                                "permission_level");
    return 0;
}

/* The message of a bad schema begins with the place: its line is known. */
static int wrap_schema(const bx_manifest_reader *in, const char *pointer,
                       const char *key, bx_error *why)
{
    const char *message = bx_error_message(why);
    const char *colon = strchr(message, ':');
    bx_autofree char *place = NULL;

    if (message[0] == '/' && colon != NULL) {
        if (asprintf(&place, "%s%.*s", pointer, (int)(colon - message),
                     message) < 0) {
            place = NULL;
            return bx_error_set_nomem(in->err);
        }
        pointer = place;
    }
    return bx_manifest_refuse(in, pointer, "%s: %s", key, message);
}

static int put_schema(const bx_manifest_reader *in, const char *pointer,
                      const json_t *value, json_t **ret_schema)
{
    const char *key = strrchr(pointer, '/') + 1;
    const json_t *type = json_object_get(value, "type");
    bx_autoerror bx_error *why = NULL;

    if (!json_is_object(value))
        return bx_manifest_refuse(
            in, pointer,
            "%s: expected a JSON schema such as {type: object, "
            "properties: {...}}, got %s",
            key, bx_manifest_kind(value));
    if (bx_schema_check(value, &why) < 0)
        return wrap_schema(in, pointer, key, why);
    if (!json_is_string(type) || strcmp(json_string_value(type), "object") != 0)
        return bx_manifest_refuse(
            in, pointer,
            "%s: expected type: object at the top, as MCP and the "
            "model APIs do",
            key);
    *ret_schema = json_deep_copy(value);
    return *ret_schema != NULL ? 0 : bx_error_set_nomem(in->err);
}

static int read_input_schema(bx_manifest_reader *in, const json_t *value)
{
    return put_schema(in, "/tool/input_schema", value,
                      &in->manifest->input_schema);
}

static int read_output_schema(bx_manifest_reader *in, const json_t *value)
{
    return put_schema(in, "/tool/output_schema", value,
                      &in->manifest->output_schema);
}

static bool is_program_name(const char *text)
{
    size_t length = strlen(text);

    return length >= 1 && length <= BX_TOOL_NAME_MAX && text[0] != '-' &&
           strcmp(text, ".") != 0 && strcmp(text, "..") != 0 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._+-") == length;
}

static int read_program(bx_manifest_reader *in, const json_t *value,
                        const char *pointer)
{
    bx_manifest *manifest = in->manifest;
    const char *text = json_string_value(value);

    if (text == NULL || !is_program_name(text))
        return bx_manifest_refuse(
            in, pointer, "programs: expected a command's name, such as wc");
    manifest->programs[manifest->programs_count] = strdup(text);
    if (manifest->programs[manifest->programs_count] == NULL)
        return bx_error_set_nomem(in->err);
    manifest->programs_count++;
    return 0;
}

static int read_programs(bx_manifest_reader *in, const json_t *value)
{
    in->manifest->programs = calloc(MAX_PROGRAMS, sizeof(char *));
    if (in->manifest->programs == NULL)
        return bx_error_set_nomem(in->err);
    return bx_manifest_read_each(in, value, "/tool/programs", MAX_PROGRAMS,
                                 "commands' names", read_program);
}

static int read_runtime(bx_manifest_reader *in, const json_t *value)
{
    const char *text = json_string_value(value);

    for (bx_tool_runtime i = BX_TOOL_RUNTIME_JS; i <= BX_TOOL_RUNTIME_PYTHON;
         i++) {
        if (text != NULL && strcmp(text, bx_tool_runtime_name(i)) == 0) {
            in->manifest->runtime = i;
            return 0;
        }
    }
    return bx_manifest_refuse(
        in, "/tool/runtime",
        "runtime: expected js or python, or no runtime for a module "
        "that runs itself");
}

static int read_function(bx_manifest_reader *in, const json_t *value)
{
    in->manifest->input = BX_TOOL_INPUT_INVOKE;
    return put_text(in, "/tool/function", value, MAX_FUNCTION, true,
                    &in->manifest->function);
}

/* "--count", "-n", "-name" */
static bool is_flag(const char *text)
{
    size_t dashes = text == NULL ? 0 : strspn(text, "-");
    size_t length = dashes == 0 ? 0 : strlen(text);

    return dashes >= 1 && dashes <= 2 && length > dashes && length <= 66 &&
           strspn(text + dashes, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789_.-") == length - dashes;
}

/* property: --flag, or its place on the command line: 0, 1, ... */
static int read_flag(bx_manifest_reader *in, const char *property,
                     const json_t *value)
{
    bx_autofree char *pointer = NULL;
    json_t *how = NULL;

    if (asprintf(&pointer, "/tool/flags/%s", property) < 0) {
        pointer = NULL;
        return bx_error_set_nomem(in->err);
    }
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        json_integer_value(value) < MAX_FLAGS)
        how = json_pack("{sO}", "index", value);
    else if (is_flag(json_string_value(value)))
        how = json_pack("{sO}", "flag", value);
    else
        return bx_manifest_refuse(
            in, pointer,
            "flags: expected a flag such as --count, or the place "
            "of an argument without one: 0, 1, ...");
    if (json_object_set_new(in->manifest->flags, property, how) < 0)
        return bx_error_set_nomem(in->err);
    return 0;
}

static int read_flags(bx_manifest_reader *in, const json_t *value)
{
    const char *property;
    json_t *item;

    if (!json_is_object(value) || json_object_size(value) > MAX_FLAGS)
        return bx_manifest_refuse(
            in, "/tool/flags",
            "flags: expected a mapping of at most %d properties such "
            "as {count: --count, path: 0}",
            MAX_FLAGS);
    in->manifest->input = BX_TOOL_INPUT_FLAGS;
    in->manifest->flags = json_object();
    json_object_foreach((json_t *)value, property, item)
    {
        if (read_flag(in, property, item) < 0)
            return -1;
    }
    return 0;
}

/* ---- the mapping ---- */

static const struct {
    const char *name;
    int (*read)(bx_manifest_reader *in, const json_t *value);
} keys[] = {
    { "name", read_name },
    { "title", read_title },
    { "version", read_version },
    { "description", read_description },
    { "permission_level", read_level },
    { "permissions", bx_manifest_read_permissions },
    { "secrets", bx_manifest_read_secrets },
    { "input_schema", read_input_schema },
    { "output_schema", read_output_schema },
    { "limits", bx_manifest_read_limits },
    { "programs", read_programs },
    { "runtime", read_runtime },
    { "flags", read_flags },
    { "function", read_function },
};

#define KEYS_COUNT (sizeof(keys) / sizeof(keys[0]))

static int refuse_key(const bx_manifest_reader *in, const char *key)
{
    bx_autofree char *shown = bx_text_show(key);
    bx_autofree char *pointer = NULL;
    const char *best = NULL;
    unsigned least = 5;

    for (size_t i = 0; i < KEYS_COUNT; i++) {
        unsigned distance = bx_text_distance(key, keys[i].name);

        if (distance < least && distance * 2 < strlen(keys[i].name)) {
            least = distance;
            best = keys[i].name;
        }
    }
    if (asprintf(&pointer, "/tool/%s", key) < 0) {
        pointer = NULL;
        return bx_error_set_nomem(in->err);
    }
    if (best != NULL)
        return bx_manifest_refuse(in, pointer,
                                  "unknown key %s; did you mean '%s'?",
                                  BX_SHOWN(shown), best);
    return bx_manifest_refuse(
        in, pointer,
        "unknown key %s; expected name, title, version, description, "
        "permission_level, permissions, secrets, input_schema, "
        "output_schema, limits, programs, runtime, flags or function",
        BX_SHOWN(shown));
}

static int read_keys(bx_manifest_reader *in, const json_t *tool)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)tool, name, value)
    {
        size_t i = 0;

        while (i < KEYS_COUNT && strcmp(keys[i].name, name) != 0)
            i++;
        if (i == KEYS_COUNT)
            return refuse_key(in, name);
        if (keys[i].read(in, value) < 0)
            return -1;
    }
    return 0;
}

/* A module meets its input in one way. */
static int check_input(const bx_manifest_reader *in)
{
    const bx_manifest *manifest = in->manifest;
    const json_t *properties =
        json_object_get(manifest->input_schema, "properties");
    const char *property;
    json_t *unused;

    if ((manifest->runtime != BX_TOOL_RUNTIME_NONE) +
            (manifest->flags != NULL) + (manifest->function != NULL) >
        1)
        return bx_manifest_refuse(
            in, "/tool", "tool: expected one of runtime, flags and function");
    json_object_foreach(manifest->flags, property, unused)
    {
        if (json_object_get(properties, property) == NULL)
            return bx_manifest_refuse(
                in, "/tool/flags",
                "flags: %.64s: no such property in input_schema", property);
    }
    return 0;
}

/* What must be there, and what has a default. */
static int complete(bx_manifest_reader *in, const json_t *tool)
{
    bx_manifest *manifest = in->manifest;

    if (manifest->name == NULL || manifest->description == NULL)
        return bx_manifest_refuse(
            in, "/tool", "tool: no %s; expected name and description",
            manifest->name == NULL ? "name" : "description");
    if (manifest->input_schema == NULL)
        manifest->input_schema = json_pack("{ss}", "type", "object");
    manifest->source = json_deep_copy(tool);
    if (manifest->input_schema == NULL || manifest->source == NULL)
        return bx_error_set_nomem(in->err);
    if (check_input(in) < 0)
        return -1;
    if (bx_grants_check_level(manifest->grants, manifest->level, in->err) < 0)
        return bx_manifest_wrap(in, "/tool/permission_level", "permissions");
    return 0;
}

static int read_document(bx_manifest_reader *in, const json_t *document)
{
    const json_t *tool = json_object_get(document, "tool");

    if (tool == NULL && json_object_get(document, "name") != NULL)
        return bx_manifest_refuse(in, "",
                                  "the keys stand alone; expected them beneath "
                                  "'tool:'");
    if (tool == NULL || json_object_size(document) != 1)
        return bx_manifest_refuse(
            in, "",
            "expected one key, 'tool:', with name and description "
            "beneath it");
    if (!json_is_object(tool))
        return bx_manifest_refuse(
            in, "/tool",
            "tool: expected a mapping with name and description, "
            "got %s",
            bx_manifest_kind(tool));
    return read_keys(in, tool) < 0 ? -1 : complete(in, tool);
}

bx_manifest *bx_manifest_parse(const char *text, size_t text_bytes,
                               const char *name, bx_error **err)
{
    bx_automanifest bx_manifest *manifest = calloc(1, sizeof(*manifest));
    json_t *document = NULL;
    json_t *lines = NULL;
    bx_manifest_reader in = { manifest, name, NULL, err };
    int status;

    if (manifest != NULL)
        manifest->grants = bx_grants_new();
    if (manifest == NULL || manifest->grants == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_yaml_parse(text, text_bytes, name, BX_MANIFEST_MAX_BYTES, &document,
                      &lines, err) < 0)
        return NULL;
    in.lines = lines;
    status = read_document(&in, document);
    json_decref(document);
    json_decref(lines);
    return status < 0 ? NULL : bx_take(manifest);
}

void bx_manifest_free(bx_manifest *manifest)
{
    if (manifest == NULL)
        return;
    free(manifest->name);
    free(manifest->title);
    free(manifest->version);
    free(manifest->description);
    bx_grants_free(manifest->grants);
    json_decref(manifest->input_schema);
    json_decref(manifest->output_schema);
    bx_argv_free(manifest->programs, manifest->programs_count);
    free(manifest->function);
    json_decref(manifest->flags);
    free(manifest->script);
    json_decref(manifest->source);
    free(manifest);
}
