/* Any bytes as a manifest, and as a module that may carry one: refused, or
 * read; what is read can be written into a module and read again. */
#include <stdint.h>
#include <string.h>

#include "tool/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void embed_again(const uint8_t *data, size_t bytes, const char *name)
{
    static const uint8_t empty[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    bx_automanifest bx_manifest *again = NULL;
    bx_autofree uint8_t *module = NULL;
    size_t count;

    if (bx_manifest_embed((const char *)data, bytes, empty, sizeof(empty),
                          &module, &count, NULL) < 0)
        abort();
    again = bx_manifest_extract(module, count, "fuzz", NULL);
    if (again == NULL || strcmp(again->name, name) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_autoerror bx_error *err = NULL;
    bx_autoerror bx_error *why = NULL;
    bx_automanifest bx_manifest *manifest =
        bx_manifest_extract(data, bytes, "fuzz", &why);
    bx_automanifest bx_manifest *parsed =
        bx_manifest_parse((const char *)data, bytes, "fuzz", &err);

    if ((parsed == NULL) != (err != NULL) || (manifest != NULL && why != NULL))
        abort();
    if (parsed != NULL && parsed->runtime == BX_TOOL_RUNTIME_NONE)
        embed_again(data, bytes, parsed->name);
    return 0;
}
