#include "tool/learned_manifest.h"

#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "policy/yaml_text.h"

#define DEPTH_MAX 64 /* of a manifest's values, which were parsed before */

int bx_learned_level(const char *const *grants, size_t count,
                     const bx_manifest *base, bx_level *ret_level,
                     bx_error **err)
{
    bx_autogrants bx_grants *parsed = bx_grants_new();
    int level = BX_LEVEL_NONE;

    if (parsed == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < count; i++) {
        if (bx_grants_add(parsed, grants[i], "learned", err) < 0)
            return -1;
    }
    while (level < BX_LEVEL_EXECUTE &&
           bx_grants_check_level(parsed, (bx_level)level, NULL) < 0)
        level++;
    /* A tool that asks for secrets is not below what it needs for them. */
    if (base != NULL &&
        (base->level >= BX_LEVEL_DANGEROUS ||
         bx_grants_check_level(base->grants, (bx_level)level, NULL) < 0))
        level = (int)base->level > level ? (int)base->level : level;
    *ret_level = (bx_level)level;
    return 0;
}

/* ---- values in flow style -------------------------------------------- */

static int put_value(bx_buf *out, const json_t *value, unsigned depth);

static int put_object(bx_buf *out, const json_t *object, unsigned depth)
{
    const char *separator = "{";
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        if (bx_buf_puts(out, separator) < 0 ||
            bx_yaml_put_quoted(out, key) < 0 || bx_buf_puts(out, ": ") < 0 ||
            put_value(out, value, depth) < 0)
            return -1;
        separator = ", ";
    }
    return bx_buf_puts(out, *separator == '{' ? "{}" : "}");
}

static int put_array(bx_buf *out, const json_t *array, unsigned depth)
{
    size_t i;
    json_t *value;

    if (bx_buf_puts(out, "[") < 0)
        return -1;
    json_array_foreach((json_t *)array, i, value)
    {
        if ((i > 0 && bx_buf_puts(out, ", ") < 0) ||
            put_value(out, value, depth) < 0)
            return -1;
    }
    return bx_buf_puts(out, "]");
}

static int put_value(bx_buf *out, const json_t *value, unsigned depth)
{
    bx_autofree char *text = NULL;

    if (depth == DEPTH_MAX)
        return -1;
    if (json_is_object(value))
        return put_object(out, value, depth + 1);
    if (json_is_array(value))
        return put_array(out, value, depth + 1);
    if (json_is_string(value))
        return bx_yaml_put_quoted(out, json_string_value(value));
    text = bx_json_text(value, JSON_ENCODE_ANY);
    return text == NULL ? -1 : bx_buf_puts(out, text);
}

/* ---- the file -------------------------------------------------------- */

static int put_notes(bx_buf *out, const bx_learned_manifest *manifest)
{
    for (size_t i = 0; i < manifest->notes_count; i++) {
        const char *note = manifest->notes[i];

        if (bx_buf_puts(out, "# ") < 0 ||
            bx_buf_put_escaped(out, note, strlen(note), SIZE_MAX) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
    }
    return 0;
}

static bool is_replaced(const char *key)
{
    return strcmp(key, "permissions") == 0 ||
           strcmp(key, "permission_level") == 0;
}

static int put_base(bx_buf *out, const json_t *source)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)source, key, value)
    {
        if (is_replaced(key))
            continue;
        if (bx_buf_puts(out, "  ") < 0 || bx_yaml_put_quoted(out, key) < 0 ||
            bx_buf_puts(out, ": ") < 0 || put_value(out, value, 0) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
    }
    return 0;
}

static int put_names(bx_buf *out, const bx_learned_manifest *manifest)
{
    if (bx_buf_puts(out, "  name: ") < 0 ||
        bx_yaml_put_quoted(out, manifest->name) < 0 ||
        bx_buf_puts(out, "\n  description: ") < 0 ||
        bx_yaml_put_quoted(out, manifest->description) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

static int put_permissions(bx_buf *out, const bx_learned_manifest *manifest,
                           bx_level level)
{
    if (bx_buf_printf(out, "  permission_level: %s\n  permissions:%s\n",
                      bx_level_name(level),
                      manifest->grants_count == 0 ? " []" : "") < 0)
        return -1;
    for (size_t i = 0; i < manifest->grants_count; i++) {
        if (bx_buf_puts(out, "    - ") < 0 ||
            bx_yaml_put_quoted(out, manifest->grants[i]) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
    }
    return 0;
}

char *bx_learned_manifest_format(const bx_learned_manifest *manifest,
                                 bx_error **err)
{
    const bx_manifest *base = manifest->base;
    bx_autobuf bx_buf out = BX_BUF_INIT;
    bx_automanifest bx_manifest *parsed = NULL;
    bx_level level = BX_LEVEL_NONE;

    if (bx_learned_level(manifest->grants, manifest->grants_count, base, &level,
                         err) < 0)
        return NULL;
    if (put_notes(&out, manifest) < 0 || bx_buf_puts(&out, "tool:\n") < 0 ||
        (base != NULL && base->source != NULL
             ? put_base(&out, base->source)
             : put_names(&out, manifest)) < 0 ||
        put_permissions(&out, manifest, level) < 0) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    /* What cannot be read back is not written. */
    parsed = bx_manifest_parse(out.data, out.len, "the learned manifest", err);
    return parsed == NULL ? NULL : bx_buf_take(&out);
}
