/* One MCP server as a person has configured it: how it is reached, and what it
 * may reach itself. */
#ifndef BX_MCP_CLIENT_SERVER_H
#define BX_MCP_CLIENT_SERVER_H

#include <jansson.h>

#include "policy/level.h"
#include "policy/mask.h"

#define BX_SERVER_NAME_MAX 32 /* [A-Za-z0-9_-] */
#define BX_SERVERS_MAX 64
#define BX_SERVER_MEMORY_BYTES (4ull << 30) /* unless configured */
#define BX_SERVER_TIMEOUT_MS 60000 /* of a request, unless configured */

/* A variable of a process's environment, or a header of a request. */
typedef struct bx_server_pair {
    char *name;
    char *value;    /* as written, "${NAME}" stands for a variable of ours */
    char *expanded; /* NULL: nothing to expand, or not expanded yet */
} bx_server_pair;

typedef struct bx_server_pairs {
    bx_server_pair *items;
    size_t count;
} bx_server_pairs;

typedef struct bx_server_words {
    char **items;
    size_t count;
} bx_server_words;

typedef struct bx_remote_server {
    char *name;
    char *problem; /* why it is not started; NULL: nothing */
    /* stdio; command NULL: http */
    char *command;
    bx_server_words args;
    bx_server_pairs env;
    bx_server_words read;  /* absolute paths */
    bx_server_words write; /* also read */
    char *workspace;       /* it starts there; NULL: in its own home */
    char *within;          /* of a workspace's server: the workspace, beyond
                            * which it reads and writes nothing but its own */
    char *home;            /* its own folder: absolute path */
    uint64_t memory_bytes; /* of data, of each of its processes; 0: no limit */
    /* http; url NULL: stdio */
    char *url;
    bx_server_pairs headers;
    bx_server_pairs oauth; /* "client_id", "client_secret", "scope", "port" */
    /* What is thought of its tools. */
    json_t *levels;      /* tool's own name: level's name; NULL: none */
    char *identity;      /* what approvals of its tools are bound to: command
                          * and arguments, or address */
    uint64_t timeout_ms; /* of one request */
    bx_level level;      /* of all, when has_level */
    bool has_level;
    bool trusts_annotations;
    bool is_workspace;  /* from the workspace's .mcp.json, not the user's */
    bool is_off;        /* "disabled": true */
    bool is_network;    /* stdio: it may open connections */
    bool is_private;    /* http: its network is trusted: private addresses,
                         * http:// */
    bool has_workspace; /* the workspace is one of read and write, or in one */
} bx_remote_server;

/* The level of a tool: the configured one; read_only when its annotations say
 * so and are trusted; otherwise execute. */
bx_level bx_remote_server_level(const bx_remote_server *server,
                                const char *tool, const json_t *annotations);

/* Put the values of our own variables in. errors: BX_ERR_NOT_FOUND: one is not
 * set; names it */
int bx_remote_server_expand(bx_remote_server *server, bx_error **err);

/* Where text spells a value that its name, or its variable's, calls a secret
 * ("key", "token", ...), put '*' over it: servers print their keys. In place.
 */
void bx_remote_server_mask(const bx_remote_server *server, char *text);
bool bx_remote_server_has_secrets(const bx_remote_server *server);
/* Those of its headers into a mask. -1: no memory. */
int bx_remote_server_add_secrets(const bx_remote_server *server, bx_mask *mask);

/* NULL is fine. */
void bx_remote_server_free(bx_remote_server *server);

#endif
