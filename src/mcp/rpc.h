/* JSON-RPC 2.0 messages as MCP has them. What comes in is a stranger's text:
 * size, depth, UTF-8 and shape are checked before anything looks at it. */
#ifndef BX_MCP_RPC_H
#define BX_MCP_RPC_H

#include <jansson.h>

#include "base/error.h"

#define BX_RPC_MAX_DEPTH 128 /* of arrays and objects in a message */
#define BX_RPC_MAX_VALUES 1000000
#define BX_RPC_MAX_ID_BYTES 1024 /* of an id that is a string */
#define BX_RPC_MAX_BATCH 256

/* JSON-RPC 2.0 section 5.1, and of MCP 2026-07-28 */
#define BX_RPC_PARSE_ERROR (-32700)
#define BX_RPC_INVALID_REQUEST (-32600)
#define BX_RPC_NO_METHOD (-32601)
#define BX_RPC_INVALID_PARAMS (-32602)
#define BX_RPC_INTERNAL_ERROR (-32603)
#define BX_RPC_NO_RESOURCE (-32002)         /* until 2025-11-25 */
#define BX_RPC_UNSUPPORTED_VERSION (-32022) /* since 2026-07-28 */

typedef enum bx_rpc_kind {
    BX_RPC_REQUEST,
    BX_RPC_NOTIFICATION,
    BX_RPC_RESPONSE, /* to a request of ours */
    BX_RPC_INVALID,  /* error says why; id when it could be read */
} bx_rpc_kind;

/* One message. */
typedef struct bx_rpc {
    bx_rpc_kind kind;
    json_t *id;         /* owned; NULL: none, or not readable */
    const char *method; /* borrowed from message */
    json_t *params;     /* borrowed; an object, or NULL */
    json_t *message;    /* owned; NULL when it is no object */
    json_t *error;      /* owned: an error object, of an invalid message */
} bx_rpc;

/* The text of one line as JSON: an object or, unjudged, an array. NULL with
 * ret_error, an error object of the caller's. */
json_t *bx_rpc_parse(const char *text, size_t bytes, json_t **ret_error);

/* What one value is as a message. Takes the value. */
void bx_rpc_read(json_t *value, bx_rpc *ret_rpc);
void bx_rpc_clear(bx_rpc *rpc);
#define bx_autorpc __attribute__((cleanup(bx_rpc_clear)))

/* {"code", "message"}, a reference of the caller's; NULL without memory. */
json_t *bx_rpc_error(int code, const char *format, ...) BX_PRINTF(2, 3);
/* Put "data" into it; takes data. */
void bx_rpc_error_put_data(json_t *error, json_t *data);

/* A response; takes result or error. id NULL is null. A reference of the
 * caller's; NULL without memory. */
json_t *bx_rpc_result(const json_t *id, json_t *result);
json_t *bx_rpc_failure(const json_t *id, json_t *error);
/* A notification; takes params. */
json_t *bx_rpc_notification(const char *method, json_t *params);

/* The member when it is a string without NUL, otherwise NULL. */
const char *bx_rpc_text(const json_t *object, const char *key);

#endif
