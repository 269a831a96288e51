/* A component's typed functions as tools. The inspection was made by us, but
 * what is in it (names, shapes) is the component's own, and hostile. */
#include <string.h>

#include "policy/text.h"
#include "tool/manifest.h"
#include "tool/manifest_text.h"
#include "tool/schema.h"

#define MAX_FUNCTIONS 64

static void free_all(bx_manifest **manifests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bx_manifest_free(manifests[i]);
    free(manifests);
}

/* "math" and "ns:pkg/iface@1.0.0#add-all" to "math_add-all". */
static bool make_name(const char *tool_name, const char *function,
                      bool is_only_one, char name[BX_TOOL_NAME_MAX + 1])
{
    const char *hash = strrchr(function, '#');
    int length = is_only_one
                     ? snprintf(name, BX_TOOL_NAME_MAX + 1, "%s", tool_name)
                     : snprintf(name, BX_TOOL_NAME_MAX + 1, "%s_%s", tool_name,
                                hash != NULL ? hash + 1 : function);

    return length > 0 && length <= BX_TOOL_NAME_MAX &&
           bx_tool_name_is_valid(name);
}

/* What --invoke takes: "NAME", or "INSTANCE#NAME" of an interface. */
static char *make_function(const json_t *item)
{
    const char *path = json_string_value(json_object_get(item, "path"));
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *instance = json_string_value(json_object_get(item, "instance"));
    char *text = NULL;

    if (path != NULL)
        return strdup(path);
    if (name == NULL || instance == NULL)
        return name == NULL ? NULL : strdup(name);
    return asprintf(&text, "%s#%s", instance, name) < 0 ? NULL : text;
}

static bx_manifest *adapt(const char *tool_name, const json_t *item,
                          bool is_only_one, bx_error **err)
{
    bx_automanifest bx_manifest *manifest = calloc(1, sizeof(*manifest));
    const json_t *schema = json_object_get(item, "schema");
    bx_autofree char *shown = NULL;
    char name[BX_TOOL_NAME_MAX + 1];

    if (manifest == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    manifest->function = make_function(item);
    if (manifest->function == NULL || !json_is_object(schema) ||
        !make_name(tool_name, manifest->function, is_only_one, name)) {
        shown =
            bx_text_show(manifest->function != NULL ? manifest->function : "");
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "'%s': the exported function %s cannot be a tool; "
                           "expected a name of at most %d letters, digits, "
                           "'-' and '_' in all, and a schema of its parameters",
                           tool_name, BX_SHOWN(shown), BX_TOOL_NAME_MAX);
        return NULL;
    }
    if (bx_schema_check(schema, err) < 0) {
        (void)bx_error_wrap(err, "'%s': function '%s'", tool_name, name);
        return NULL;
    }
    manifest->name = strdup(name);
    manifest->grants = bx_grants_new();
    manifest->input = BX_TOOL_INPUT_INVOKE;
    manifest->input_schema = json_deep_copy(schema);
    shown = bx_text_show(manifest->function);
    if (asprintf(&manifest->description, "The function %s of the component %s.",
                 BX_SHOWN(shown), tool_name) < 0)
        manifest->description = NULL;
    if (manifest->name == NULL || manifest->grants == NULL ||
        manifest->description == NULL || manifest->input_schema == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return bx_take(manifest);
}

static int refuse_twin(bx_manifest *const *manifests, size_t count,
                       bx_error **err)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (strcmp(manifests[i]->name, manifests[count - 1]->name) == 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "the functions '%.120s' and '%.120s' would "
                                "both be the tool '%s'; expected a manifest "
                                "that names one (function: NAME)",
                                manifests[i]->function,
                                manifests[count - 1]->function,
                                manifests[i]->name);
    }
    return 0;
}

/* A null schema: a parameter that JSON cannot say, such as a resource.
 * `exports#init` is what componentize-py leaves behind of a component's making:
 * nobody's function. */
static bool is_callable(const json_t *item)
{
    bx_autofree char *function = make_function(item);

    return !json_is_null(json_object_get(item, "schema")) &&
           (function == NULL || strcmp(function, "exports#init") != 0);
}

static size_t count_callable(const json_t *functions)
{
    size_t count = 0;
    json_t *item;
    size_t i;

    json_array_foreach(functions, i, item) count += is_callable(item) ? 1 : 0;
    return count;
}

int bx_manifest_adapt_exports(const char *tool_name, const json_t *inspection,
                              bx_manifest ***ret_manifests, size_t *ret_count,
                              bx_error **err)
{
    const json_t *functions = json_object_get(inspection, "functions");
    size_t total = json_array_size(functions);
    bx_manifest **manifests;
    size_t count = 0;
    json_t *item;
    size_t i;

    if (total > MAX_FUNCTIONS)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' exports %zu functions; expected at most %d, "
                            "or a manifest that names one (function: NAME)",
                            tool_name, total, MAX_FUNCTIONS);
    manifests = calloc(total + 1, sizeof(bx_manifest *));
    if (manifests == NULL)
        return bx_error_set_nomem(err);
    total = count_callable(functions);
    json_array_foreach(functions, i, item)
    {
        if (!is_callable(item))
            continue;
        manifests[count] = adapt(tool_name, item, total == 1, err);
        if (manifests[count] == NULL ||
            refuse_twin(manifests, ++count, err) < 0) {
            free_all(manifests, count);
            return -1;
        }
    }
    *ret_manifests = manifests;
    *ret_count = count;
    return (int)count;
}
