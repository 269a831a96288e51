#include "tool/manifest_reader.h"

#include <stdarg.h>
#include <string.h>

#include "policy/yaml_json.h"

int bx_manifest_refuse(const bx_manifest_reader *in, const char *pointer,
                       const char *format, ...)
{
    bx_autofree char *message = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&message, format, args);
    va_end(args);
    if (bytes < 0) {
        message = NULL;
        return bx_error_set_nomem(in->err);
    }
    return bx_error_set(in->err, BX_ERR_INVALID, "%s: line %zu: %s", in->name,
                        bx_yaml_line(in->lines, pointer), message);
}

int bx_manifest_wrap(const bx_manifest_reader *in, const char *pointer,
                     const char *key)
{
    return bx_error_wrap(in->err, "%s: line %zu: %s", in->name,
                         bx_yaml_line(in->lines, pointer), key);
}

const char *bx_manifest_kind(const json_t *value)
{
    static const char *const words[] = {
        [JSON_OBJECT] = "a mapping", [JSON_ARRAY] = "a list",
        [JSON_STRING] = "text",      [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a number",    [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "nothing",
    };

    return words[json_typeof(value)];
}

int bx_manifest_read_each(bx_manifest_reader *in, const json_t *value,
                          const char *pointer, size_t max, const char *expected,
                          int (*read)(bx_manifest_reader *, const json_t *,
                                      const char *))
{
    const char *key = strrchr(pointer, '/') + 1;
    json_t *item;
    size_t i;

    if (!json_is_array(value))
        return bx_manifest_refuse(in, pointer,
                                  "%s: expected a list of %s, got %s", key,
                                  expected, bx_manifest_kind(value));
    if (json_array_size(value) > max)
        return bx_manifest_refuse(in, pointer,
                                  "%s: %zu items; expected at most %zu", key,
                                  json_array_size(value), max);
    json_array_foreach(value, i, item)
    {
        char place[64];

        (void)snprintf(place, sizeof(place), "%s/%zu", pointer, i);
        if (read(in, item, place) < 0)
            return -1;
    }
    return 0;
}
