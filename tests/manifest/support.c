#include "manifest/support.h"

#include <string.h>

json_t *parse_json(const char *text)
{
    char *copy = strdup(text);
    json_error_t where;
    json_t *value;

    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    value = json_loads(copy, JSON_DECODE_ANY, &where);
    if (value == NULL)
        fail_msg("%s: %s", copy, where.text);
    free(copy);
    return value;
}

void assert_error(bx_error *err, bx_code code, const char *message)
{
    if (err == NULL)
        fail_msg("no error; expected: %s", message);
    assert_string_equal(bx_error_message(err), message);
    assert_int_equal(bx_error_code(err), code);
    bx_error_free(err);
}

bx_manifest *parse_manifest(const char *yaml)
{
    bx_error *err = NULL;
    bx_manifest *manifest =
        bx_manifest_parse(yaml, strlen(yaml), "x.tool.yaml", &err);

    if (manifest == NULL)
        fail_msg("%s", bx_error_message(err));
    return manifest;
}
