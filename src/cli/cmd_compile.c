/* boxagnts compile: fill the cache ahead of time. */
#include "cli/cli.h"
#include "cli/options.h"

static void print_help(void)
{
    puts("Compile modules into the cache, so that their first run is as fast "
         "as the next.\nThe cache's folder and whether fuel is metered are as "
         "for 'boxagnts run'.\n\n"
         "Usage: boxagnts compile [--wasm-cache-dir DIR] [--wasm-fuel N] "
         "FILE.wasm...");
}

static int no_flag(void *context, const char *name, const char *value,
                   bx_error **err)
{
    (void)context;
    (void)name;
    (void)value;
    (void)err;
    return 0;
}

int bx_cmd_compile(int argc, char **argv)
{
    const bx_engine_options one = { sizeof(one), 1 };
    bx_options options;
    bx_error *err = NULL;
    bx_engine *engine;
    int status = 0;

    if (bx_options_parse(argc, argv, NULL, 0, no_flag, NULL, &options, &err) <
        0)
        return bx_cli_fail(BX_EXIT_USAGE, err);
    if (options.wants_help) {
        print_help();
        bx_options_clear(&options);
        return 0;
    }
    if (options.operands_count == 0) {
        bx_options_clear(&options);
        return bx_cli_usage(BX_EXIT_USAGE, "compile",
                            "which module? Expected FILE.wasm");
    }
    engine = bx_engine_new(&one, &err);
    if (engine == NULL) {
        bx_options_clear(&options);
        return bx_cli_fail(BX_EXIT_FAILED, err);
    }
    for (int i = 0; i < options.operands_count; i++) {
        bx_module *module =
            bx_module_load(engine, options.operands[i], options.policy, &err);

        if (module == NULL) {
            status = bx_cli_fail(BX_EXIT_FAILED, err);
            err = NULL;
            continue;
        }
        printf("%s: %s\n", options.operands[i],
               bx_module_is_cached(module) ? "already in the cache"
                                           : "compiled");
        bx_module_free(module);
    }
    bx_engine_free(engine);
    bx_options_clear(&options);
    return status;
}
