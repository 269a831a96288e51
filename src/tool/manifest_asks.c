/* The part of a manifest that asks: permissions, secrets and limits. What each
 * may say is policy's to know; here it gets its line. */
#include <string.h>

#include "policy/text.h"
#include "policy/yaml_json.h"
#include "tool/manifest_reader.h"

#define MAX_PERMISSIONS 256
#define MAX_SECRETS 16

/* What explanations cite: "x.tool.yaml:7: network:https://a.example". */
static char *make_origin(const bx_manifest_reader *in, const char *pointer,
                         const char *text)
{
    bx_autofree char *shown = bx_text_show(text);
    char *origin = NULL;

    if (shown == NULL || asprintf(&origin, "%s:%zu: %.*s", in->name,
                                  bx_yaml_line(in->lines, pointer),
                                  (int)strlen(shown) - 2, shown + 1) < 0) {
        (void)bx_error_set_nomem(in->err);
        return NULL;
    }
    return origin;
}

/* "secret:NAME@https://host" */
static int add_secret_text(bx_manifest_reader *in, const char *text,
                           const char *pointer, const char *origin)
{
    const char *at = strchr(text, '@');
    bx_autofree char *name = NULL;

    if (at == NULL || at == text || at[1] == '\0')
        return bx_manifest_refuse(in, pointer,
                                  "permissions: secret:%.64s: expected "
                                  "secret:NAME@https://HOST",
                                  text);
    name = strndup(text, (size_t)(at - text));
    if (name == NULL)
        return bx_error_set_nomem(in->err);
    return bx_grants_add_secret(in->manifest->grants, name, at + 1, NULL, NULL,
                                origin, in->err) < 0
               ? bx_manifest_wrap(in, pointer, "permissions")
               : 0;
}

static int read_permission(bx_manifest_reader *in, const json_t *value,
                           const char *pointer)
{
    bx_autofree char *origin = NULL;
    const char *text = json_string_value(value);

    if (text == NULL)
        return bx_manifest_refuse(
            in, pointer,
            "permissions: expected text such as fs.read:/ or "
            "network:https://api.example.com, got %s",
            bx_manifest_kind(value));
    origin = make_origin(in, pointer, text);
    if (origin == NULL)
        return -1;
    if (strncmp(text, "secret:", 7) == 0)
        return add_secret_text(in, text + 7, pointer, origin);
    if (bx_grants_add(in->manifest->grants, text, origin, in->err) < 0)
        return bx_manifest_wrap(in, pointer, "permissions");
    return 0;
}

int bx_manifest_read_permissions(bx_manifest_reader *in, const json_t *value)
{
    return bx_manifest_read_each(in, value, "/tool/permissions",
                                 MAX_PERMISSIONS, "permissions",
                                 read_permission);
}

static int read_secret(bx_manifest_reader *in, const json_t *value,
                       const char *pointer)
{
    const char *texts[4] = { NULL };
    static const char *const keys[4] = { "name", "host", "header", "format" };
    bx_autofree char *origin = NULL;
    const char *key;
    json_t *item;

    if (!json_is_object(value))
        return bx_manifest_refuse(
            in, pointer,
            "secrets: expected {name: NAME, host: https://HOST}, got "
            "%s",
            bx_manifest_kind(value));
    json_object_foreach((json_t *)value, key, item)
    {
        size_t i = 0;

        while (i < 4 && strcmp(key, keys[i]) != 0)
            i++;
        if (i == 4)
            return bx_manifest_refuse(
                in, pointer,
                "secrets: unknown key; expected name, host, header "
                "or format");
        texts[i] = json_string_value(item);
        if (texts[i] == NULL)
            return bx_manifest_refuse(in, pointer,
                                      "secrets: %s: expected text, got %s",
                                      keys[i], bx_manifest_kind(item));
    }
    if (texts[0] == NULL || texts[1] == NULL)
        return bx_manifest_refuse(in, pointer,
                                  "secrets: no %s; expected name and host",
                                  texts[0] == NULL ? "name" : "host");
    origin = make_origin(in, pointer, texts[0]);
    if (origin == NULL)
        return -1;
    if (bx_grants_add_secret(in->manifest->grants, texts[0], texts[1], texts[2],
                             texts[3], origin, in->err) < 0)
        return bx_manifest_wrap(in, pointer, "secrets");
    return 0;
}

int bx_manifest_read_secrets(bx_manifest_reader *in, const json_t *value)
{
    return bx_manifest_read_each(in, value, "/tool/secrets", MAX_SECRETS,
                                 "{name, host, header, format}", read_secret);
}

/* Limits go by the names of bx_limits; those of the controls do as well. */
static const struct {
    const char *name;
    const char *control;
    const char *unit; /* of a plain number */
} limits[] = {
    { "timeout_ms", "wasm-timeout", "ms" },
    { "memory_bytes", "wasm-max-memory-size", "" },
    { "stack_bytes", "wasm-max-wasm-stack", "" },
    { "fuel_units", "wasm-fuel", "" },
    { "table_elements", "max-table-elements", "" },
    { "output_bytes", "max-output", "" },
    { "fs_write_bytes", "max-write", "" },
    { "fs_create_entries", "max-create", "" },
    { "open_files", "max-open-files", "" },
    { "http_requests", "max-requests", "" },
    { "http_open", "max-open-requests", "" },
    { "http_body_bytes", "max-response", "" },
};

#define LIMITS_COUNT (sizeof(limits) / sizeof(limits[0]))

static int refuse_limit(const bx_manifest_reader *in, const char *key)
{
    bx_autofree char *shown = bx_text_show(key);
    const char *best = NULL;
    unsigned least = 6;

    for (size_t i = 0; i < LIMITS_COUNT; i++) {
        unsigned distance = bx_text_distance(key, limits[i].name);

        if (distance < least) {
            least = distance;
            best = limits[i].name;
        }
    }
    return bx_manifest_refuse(
        in, "/tool/limits", "limits: unknown key %s; %s%s%s", BX_SHOWN(shown),
        best != NULL ? "did you mean '" : "expected ",
        best != NULL ? best : "timeout_ms, memory_bytes, ...",
        best != NULL ? "'?" : "");
}

static int read_limit(bx_manifest_reader *in, const char *key,
                      const json_t *value)
{
    size_t i = 0;
    char pointer[64];
    char text[64];
    bx_autofree char *origin = NULL;

    while (i < LIMITS_COUNT && strcmp(key, limits[i].name) != 0)
        i++;
    if (i == LIMITS_COUNT)
        return refuse_limit(in, key);
    (void)snprintf(pointer, sizeof(pointer), "/tool/limits/%s", key);
    if (json_is_integer(value))
        (void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT "%s",
                       json_integer_value(value), limits[i].unit);
    else if (!json_is_string(value) ||
             snprintf(text, sizeof(text), "%s", json_string_value(value)) >=
                 (int)sizeof(text))
        return bx_manifest_refuse(
            in, pointer,
            "limits: %s: expected a whole number, or text with a "
            "unit such as 30s or 64MiB",
            key);
    origin = make_origin(in, pointer, key);
    if (origin == NULL)
        return -1;
    if (bx_grants_put_limit(in->manifest->grants, limits[i].control, text,
                            origin, in->err) < 0)
        return bx_manifest_wrap(in, pointer, "limits");
    return 0;
}

int bx_manifest_read_limits(bx_manifest_reader *in, const json_t *value)
{
    const char *key;
    json_t *item;

    if (!json_is_object(value))
        return bx_manifest_refuse(
            in, "/tool/limits",
            "limits: expected a mapping such as {timeout_ms: 5000}, "
            "got %s",
            bx_manifest_kind(value));
    json_object_foreach((json_t *)value, key, item)
    {
        if (read_limit(in, key, item) < 0)
            return -1;
    }
    return 0;
}
