/* The revisions of the protocol that are spoken, and what each one has. */
#ifndef BX_MCP_REVISION_H
#define BX_MCP_REVISION_H

#include <jansson.h>

/* From the oldest to the newest. */
typedef enum bx_revision {
    BX_REVISION_2024_11_05,
    BX_REVISION_2025_03_26, /* batches, annotations of tools */
    BX_REVISION_2025_06_18, /* structured output, titles, links; no batches */
    BX_REVISION_2025_11_25, /* bad input of a tool is a result */
    BX_REVISION_2026_07_28, /* no handshake: each request says its revision */
    BX_REVISIONS,
} bx_revision;

/* The last one that begins with `initialize`. */
#define BX_REVISION_LAST_HANDSHAKE BX_REVISION_2025_11_25

const char *bx_revision_name(bx_revision revision);
/* -1: not one of them. */
int bx_revision_find(const char *name, bx_revision *ret_revision);
/* The names, newest first; a reference of the caller's. */
json_t *bx_revision_list(void);

#endif
