/* Tools that are a script: what runs them, and how the script meets its input.
 *
 * The script defines one function, run(input), and returns the result. A
 * wrapper around it reads the input, calls it, and prints what it returned;
 * both are the guest's own business, inside the sandbox. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "tool/manifest.h"

#define ARGV_MAX 4 /* program, flags, code */

static const struct {
    const char *name;
    const char *program;
    const char *flags[2]; /* in front of code given as an argument */
    const char *wrapper;  /* behind the script */
} runtimes[] = {
    [BX_TOOL_RUNTIME_NONE] = { NULL, NULL, { NULL, NULL }, NULL },
    [BX_TOOL_RUNTIME_JS] = { "js",
                             "js",
                             { "-e", NULL },
                             "\n;(async () => {\n"
                             "const result = await "
                             "run(JSON.parse(std.in.readAsString()));\n"
                             "if (result !== undefined) std.out.puts(\n"
                             "  typeof result === 'string' ? result : "
                             "JSON.stringify(result));\n"
                             "std.out.flush();\n"
                             "})();\n" },
    /* Isolated: a json.py of the workspace is no part of the tool. */
    [BX_TOOL_RUNTIME_PYTHON] = { "python",
                                 "python3",
                                 { "-I", "-c" },
                                 "\ndef _main():\n"
                                 "    import json, sys\n"
                                 "    result = run(json.load(sys.stdin))\n"
                                 "    if result is not None:\n"
                                 "        sys.stdout.write(result if "
                                 "isinstance(result, str)\n"
                                 "                         else "
                                 "json.dumps(result, ensure_ascii=False))\n"
                                 "_main()\n" },
};

const char *bx_tool_runtime_name(bx_tool_runtime runtime)
{
    return runtimes[runtime].name;
}

const char *bx_tool_runtime_program(bx_tool_runtime runtime)
{
    return runtimes[runtime].program;
}

int bx_manifest_put_script(bx_manifest *manifest, const char *script,
                           size_t script_bytes, bx_error **err)
{
    char *copy;

    if (manifest->runtime == BX_TOOL_RUNTIME_NONE)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a script, and no 'runtime: js' or 'runtime: "
                            "python' in the manifest of '%s'",
                            manifest->name);
    if (script_bytes > BX_MANIFEST_SCRIPT_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the script of '%s': %zu bytes; expected at most "
                            "%u",
                            manifest->name, script_bytes,
                            BX_MANIFEST_SCRIPT_MAX_BYTES);
    if (!bx_utf8_is_valid(script, script_bytes) ||
        memchr(script, '\0', script_bytes) != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the script of '%s': expected UTF-8 without NUL "
                            "bytes",
                            manifest->name);
    copy = strndup(script, script_bytes);
    if (copy == NULL)
        return bx_error_set_nomem(err);
    free(manifest->script);
    manifest->script = copy;
    manifest->script_bytes = script_bytes;
    return 0;
}

int bx_manifest_script_argv(const bx_manifest *manifest, char ***ret_argv,
                            size_t *ret_argc, bx_error **err)
{
    char **argv;
    size_t argc = 0;

    if (manifest->runtime == BX_TOOL_RUNTIME_NONE || manifest->script == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "tool '%s' has no script; expected one beside its "
                            "manifest",
                            manifest->name);
    argv = calloc(ARGV_MAX, sizeof(*argv));
    if (argv == NULL)
        return bx_error_set_nomem(err);
    argv[argc++] = strdup(runtimes[manifest->runtime].program);
    for (size_t i = 0; i < 2 && runtimes[manifest->runtime].flags[i] != NULL;
         i++)
        argv[argc++] = strdup(runtimes[manifest->runtime].flags[i]);
    if (asprintf(&argv[argc++], "%s%s", manifest->script,
                 runtimes[manifest->runtime].wrapper) < 0)
        argv[argc - 1] = NULL;
    for (size_t i = 0; i < argc; i++) {
        if (argv[i] == NULL) {
            bx_argv_free(argv, argc);
            return bx_error_set_nomem(err);
        }
    }
    *ret_argv = argv;
    *ret_argc = argc;
    return 0;
}

void bx_argv_free(char **argv, size_t argc)
{
    if (argv == NULL)
        return;
    for (size_t i = 0; i < argc; i++)
        free(argv[i]);
    free(argv);
}
