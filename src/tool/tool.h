/* One tool: a module and its manifest as they were when it was loaded.
 * Immutable and counted: a call that runs keeps the tool it began with. */
#ifndef BX_TOOL_TOOL_H
#define BX_TOOL_TOOL_H

#include <jansson.h>

#include "policy/grant.h"
#include "tool/manifest.h"

typedef enum bx_tool_source {
    BX_TOOL_BUILTIN,
    BX_TOOL_USER,
    BX_TOOL_WORKSPACE,
    BX_TOOL_REMOTE, /* of a server, remote.h; there is no folder */
} bx_tool_source;

typedef enum bx_tool_status {
    BX_TOOL_READY,
    BX_TOOL_UNAPPROVED, /* nobody approved it yet */
    BX_TOOL_CHANGED,    /* it is not what was approved */
    BX_TOOL_FORBIDDEN,  /* its level, or the policy, forbids it */
    BX_TOOL_BROKEN,     /* the file is no tool; why says what is wrong */
} bx_tool_status;

typedef struct bx_tool {
    char *name;
    bx_tool_source source;
    bx_tool_status status;
    char *why;             /* of a status that is not ready: what and what to
                            * do next; otherwise NULL */
    char *path;            /* of the module; "mcp:SERVER/NAME" */
    char digest[65];       /* SHA-256 of the module, hexadecimal; of a remote
                            * tool, of what its server says of it */
    bx_manifest *manifest; /* NULL when broken */
} bx_tool;

bx_tool *bx_tool_ref(bx_tool *tool);
/* NULL is fine. */
void bx_tool_unref(bx_tool *tool);
BX_DEFINE_AUTO(bx_tool, bx_tool_unref)
#define bx_autotool BX_AUTO(bx_tool_unref)

/* "built-in", "user", "workspace"; "ready", "unapproved", ... */
const char *bx_tool_source_name(bx_tool_source source);
const char *bx_tool_status_name(bx_tool_status status);

/* What a call gave. */
typedef struct bx_tool_result {
    bool is_error;
    json_t *content;    /* array of MCP content blocks: {"type": "text",
                         * "text": ...}, {"type": "image", "data": base64,
                         * "mimeType": ...}, {"type": "resource", ...} */
    json_t *structured; /* the tool's structured output, an object, or NULL */
    json_t *metadata;   /* object: the tool's own, and the host's under
                         * "boxagnts": {"denied": [...], "code": "timeout"} */
    bx_code code;       /* how the run ended, as of bx_result_code() */
    bx_stats stats;
} bx_tool_result;

/* NULL is fine. */
void bx_tool_result_free(bx_tool_result *result);

/* Text blocks joined, for a terminal or a model; owned, free(). */
char *bx_tool_result_text(const bx_tool_result *result);

#endif
