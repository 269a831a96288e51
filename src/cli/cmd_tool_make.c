/* boxagnts tool embed, new: for those who write tools. */
#include <string.h>

#include "base/file.h"
#include "cli/tool_cli.h"
#include "tool/template.h"

#define MODULE_MAX_BYTES (256u << 20)

int bx_tool_embed_run(bx_tool_cli *cli)
{
    char **operands = cli->options.operands;
    int count = cli->options.operands_count;
    bx_autofree char *manifest = NULL;
    bx_autofree char *module = NULL;
    bx_autofree uint8_t *made = NULL;
    size_t manifest_bytes;
    size_t module_bytes;
    size_t made_bytes;
    bx_error *err = NULL;

    if (count != 2 && count != 3)
        return bx_cli_usage(BX_EXIT_USAGE, "tool embed",
                            "expected MANIFEST IN.wasm [OUT.wasm]");
    if (bx_file_read(operands[0], BX_MANIFEST_MAX_BYTES, &manifest,
                     &manifest_bytes, &err) < 0 ||
        bx_file_read(operands[1], MODULE_MAX_BYTES, &module, &module_bytes,
                     &err) < 0 ||
        bx_manifest_embed(manifest, manifest_bytes, module, module_bytes, &made,
                          &made_bytes, &err) < 0 ||
        bx_file_write(operands[count - 1], made, made_bytes, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return 0;
}

int bx_tool_new_run(bx_tool_cli *cli)
{
    char **operands = cli->options.operands;
    int count = cli->options.operands_count;
    bx_autofree char *sdk = bx_registry_share_path("sdk");
    const char *dir;
    bx_error *err = NULL;

    if (count != 1 && count != 2)
        return bx_cli_usage(BX_EXIT_USAGE, "tool new",
                            "expected --lang LANGUAGE NAME [FOLDER]");
    if (cli->lang == NULL)
        return bx_cli_usage(BX_EXIT_USAGE, "tool new",
                            "which language? Expected --lang c, rust, js or "
                            "python");
    if (sdk == NULL)
        return bx_cli_usage(BX_EXIT_FAILED, "tool new",
                            "where this program is installed is not known");
    dir = count == 2 ? operands[1] : operands[0];
    if (bx_template_write(cli->lang, operands[0], dir, sdk, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    printf("made '%s'; `make -C %s test` builds and tests it\n", dir, dir);
    return 0;
}
