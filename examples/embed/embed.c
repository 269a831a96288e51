/* Run a WebAssembly program from C under a policy of your own:
 *   cc embed.c $(pkg-config --cflags --libs boxagnts) -o embed
 *   ./embed tool.wasm some arguments
 */
#include <boxagnts.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    bx_error *err = NULL;
    bx_policy *policy = bx_policy_new(); /* nothing is granted */
    bx_engine *engine = bx_engine_new(NULL, &err);
    bx_module *module = NULL;
    bx_sandbox *sandbox = NULL;
    bx_result *result = NULL;

    if (argc < 2) {
        fprintf(stderr, "usage: embed FILE.wasm [arguments...]\n");
        return 125;
    }
    if (policy != NULL && engine != NULL &&
        bx_policy_wasm_timeout(policy, 2000, &err) == 0 &&
        (module = bx_module_load(engine, argv[1], policy, &err)) != NULL &&
        (sandbox = bx_sandbox_new(module, policy, &err)) != NULL)
        bx_sandbox_run(sandbox, (size_t)argc - 1, (const char *const *)argv + 1,
                       NULL, &result, &err);
    if (result == NULL) {
        fprintf(stderr, "embed: %s\n", bx_error_message(err));
        return 125;
    }
    printf("%s", bx_result_stdout(result, NULL));
    fprintf(stderr, "%s%s", bx_result_stderr(result, NULL),
            bx_result_message(result));
    return bx_result_code(result) == BX_OK ? (int)bx_result_exit_code(result)
                                           : 125;
}
