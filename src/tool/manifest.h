/* What a tool says of itself. Read from the custom section "boxagnts.tool" or
 * the file NAME.tool.yaml beside the module (YAML, of which JSON is a part),
 * made from --help text, or from a component's typed exports. It comes with the
 * module and is as hostile: it is a request, never a grant. */
#ifndef BX_TOOL_MANIFEST_H
#define BX_TOOL_MANIFEST_H

#include <jansson.h>

#include "policy/grant.h"

#define BX_MANIFEST_MAX_BYTES (256u << 10)
#define BX_MANIFEST_SECTION "boxagnts.tool"
#define BX_MANIFEST_SCRIPT_SECTION "boxagnts.script"
#define BX_MANIFEST_SCRIPT_MAX_BYTES (1u << 20)
#define BX_MANIFEST_DESCRIPTION_MAX 4096 /* bytes */
#define BX_TOOL_NAME_MAX                                                       \
    64 /* [A-Za-z0-9_-], as MCP and the model APIs take                        \
        */

/* How input reaches the module. */
typedef enum bx_tool_input {
    BX_TOOL_INPUT_STDIN,  /* JSON on stdin */
    BX_TOOL_INPUT_FLAGS,  /* adapted from --help: each property is a flag */
    BX_TOOL_INPUT_INVOKE, /* a component's typed export */
} bx_tool_input;

/* What runs the tool: its own module, or one of ours with the tool's script as
 * its program (runtime: js, python). */
typedef enum bx_tool_runtime {
    BX_TOOL_RUNTIME_NONE,
    BX_TOOL_RUNTIME_JS,
    BX_TOOL_RUNTIME_PYTHON,
} bx_tool_runtime;

typedef struct bx_manifest {
    char *name;
    char *title;   /* NULL: none */
    char *version; /* NULL: none */
    char *description;
    bx_level level;
    bx_grants *grants; /* permissions, secrets and limits asked for */
    json_t *input_schema;
    json_t *output_schema; /* NULL: none */
    char **programs;       /* names under which spawn finds the module */
    size_t programs_count;
    bx_tool_input input;
    char *function; /* of INVOKE: the export's name */
    json_t *flags;  /* of FLAGS: how each property is written; see
                     * bx_manifest_adapt_help(). Otherwise NULL */
    bx_tool_runtime runtime;
    char *script; /* of a runtime; NULL until it is read from beside the
                   * manifest (NAME.js, NAME.py), owned */
    size_t script_bytes;
    json_t *source; /* the mapping beneath `tool:` as written, for `show` and
                     * the lock; NULL when it was adapted */
} bx_manifest;

/* "js", "python", or NULL. */
const char *bx_tool_runtime_name(bx_tool_runtime runtime);
/* The program of that runtime, as `spawn` finds it: "js", "python3". */
const char *bx_tool_runtime_program(bx_tool_runtime runtime);

/* name: what messages call it, such as "tools/x.tool.yaml" or "section
 * boxagnts.tool of 'x.wasm'". errors: BX_ERR_INVALID names line, key and what
 * was expected. */
bx_manifest *bx_manifest_parse(const char *text, size_t text_bytes,
                               const char *name, bx_error **err);
/* The manifest of the custom section, or NULL without err when there is none.
 * For core modules and components; nothing of the module is run. */
bx_manifest *bx_manifest_extract(const void *module, size_t module_bytes,
                                 const char *name, bx_error **err);
/* What bx_manifest_extract() looks at: the module's preamble and its sections
 * of manifest and script. ret_skeleton is owned by the caller, free().
 * errors: BX_ERR_INVALID: no WebAssembly binary, or a malformed one */
int bx_manifest_skeleton(const void *module, size_t module_bytes,
                         uint8_t **ret_skeleton, size_t *ret_bytes,
                         bx_error **err);
/* Give a manifest with a runtime its script: UTF-8 without NUL, at most
 * BX_MANIFEST_SCRIPT_MAX_BYTES. Copied. */
int bx_manifest_put_script(bx_manifest *manifest, const char *script,
                           size_t script_bytes, bx_error **err);

/* The arguments with which the runtime's program runs the script; the input is
 * on its stdin as for every tool. ret_argv: owned, bx_argv_free(). */
int bx_manifest_script_argv(const bx_manifest *manifest, char ***ret_argv,
                            size_t *ret_argc, bx_error **err);

/* From the text that `--help` printed. NULL without err: it describes no
 * flags. manifest->flags is {property: {"flag": "--count", "negative":
 * "--no-count"?} or {"index": 0}}, the last one an argument without a flag.
 * It asks for fs.read:/ at level read_only, and nothing more. */
bx_manifest *bx_manifest_adapt_help(const char *tool_name, const char *help,
                                    size_t help_bytes, bx_error **err);
/* One for each typed function of bx_module_inspect()'s JSON whose parameters
 * JSON can say; returns how many,
 * ret_manifests owned by the caller with its elements. */
int bx_manifest_adapt_exports(const char *tool_name, const json_t *inspection,
                              bx_manifest ***ret_manifests, size_t *ret_count,
                              bx_error **err);
/* NULL is fine. */
void bx_manifest_free(bx_manifest *manifest);
BX_DEFINE_AUTO(bx_manifest, bx_manifest_free)
#define bx_automanifest BX_AUTO(bx_manifest_free)

/* A copy of the module with the manifest as its custom section; one that was
 * there is replaced. With a runtime in the manifest, module is the script, and
 * the result that of bx_manifest_pack(). ret_module is owned by the caller,
 * free(). */
int bx_manifest_embed(const char *manifest, size_t manifest_bytes,
                      const void *module, size_t module_bytes,
                      uint8_t **ret_module, size_t *ret_bytes, bx_error **err);
/* The same for a manifest with a runtime: an empty module that carries the
 * manifest and its script. */
int bx_manifest_pack(const char *manifest, size_t manifest_bytes,
                     const char *script, size_t script_bytes,
                     uint8_t **ret_module, size_t *ret_bytes, bx_error **err);

/* INPUT_FLAGS: the command line for a validated input; argv[0] is the name.
 * ret_argv: owned by the caller, bx_argv_free(). */
int bx_manifest_flags(const bx_manifest *manifest, const json_t *input,
                      char ***ret_argv, size_t *ret_argc, bx_error **err);
void bx_argv_free(char **argv, size_t argc);

#endif
