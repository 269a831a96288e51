/* Any bytes as the text of --help: no manifest, or one whose schema is sound
 * and whose flags carry what the schema takes. */
#include <stdint.h>
#include <string.h>

#include "tool/manifest.h"
#include "tool/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A value that fits a property. */
static json_t *make_value(const json_t *property)
{
    const char *type = json_string_value(json_object_get(property, "type"));
    const json_t *words = json_object_get(property, "enum");

    if (words != NULL)
        return json_incref(json_array_get(words, 0));
    if (type == NULL || strcmp(type, "boolean") == 0)
        return json_true();
    if (strcmp(type, "string") == 0)
        return json_string("--x");
    if (strcmp(type, "array") == 0)
        return json_pack("[o]", make_value(json_object_get(property, "items")));
    return json_integer(1);
}

static void use(const bx_manifest *manifest)
{
    json_t *input = json_object();
    const char *name;
    json_t *property;
    char **argv;
    size_t argc;

    if (bx_schema_check(manifest->input_schema, NULL) < 0)
        abort();
    json_object_foreach(json_object_get(manifest->input_schema, "properties"),
                        name, property)
        json_object_set_new(input, name, make_value(property));
    if (bx_schema_validate(manifest->input_schema, input, NULL) < 0)
        abort();
    if (bx_manifest_flags(manifest, input, &argv, &argc, NULL) == 0)
        bx_argv_free(argv, argc);
    json_decref(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_autoerror bx_error *err = NULL;
    bx_automanifest bx_manifest *manifest =
        bx_manifest_adapt_help("fuzz", (const char *)data, bytes, &err);

    if (err != NULL)
        abort(); /* text is text: at worst it describes nothing */
    if (manifest != NULL)
        use(manifest);
    return 0;
}
