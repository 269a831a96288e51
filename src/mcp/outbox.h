/* Messages on their way to the client, in order, written by a thread of its
 * own. A client that does not read holds up those who answer it once the queue
 * is full, and nobody else; one that is gone ends the connection. */
#ifndef BX_MCP_OUTBOX_H
#define BX_MCP_OUTBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Queued text past which answers wait, and past which what can be spared
 * (progress, log messages) is left out. One message may be larger. */
#define BX_OUTBOX_MAX_BYTES (64u << 20)
#define BX_OUTBOX_SPARE_BYTES (1u << 20)

typedef struct bx_outbox bx_outbox;

/* fd: borrowed. on_gone: called once when nobody reads any more, on the
 * outbox's thread. */
bx_outbox *bx_outbox_new(int fd, void (*on_gone)(void *context), void *context,
                         bx_error **err);
/* Writes what is queued, for at most grace_ms, and ends the thread. NULL is
 * fine. */
void bx_outbox_free(bx_outbox *outbox, uint32_t grace_ms);

/* Queue a message; takes it, NULL is fine. may_wait: until the queue has room.
 * What comes once nobody reads is dropped. */
void bx_outbox_put(bx_outbox *outbox, json_t *message, bool may_wait);

/* The same for what can be spared; false when it was left out. Never waits. */
bool bx_outbox_offer(bx_outbox *outbox, json_t *message);

/* Would bx_outbox_offer() take a small message? */
bool bx_outbox_has_room(bx_outbox *outbox);
/* Would bx_outbox_put() wait? */
bool bx_outbox_is_full(bx_outbox *outbox);

/* Nobody waits for room any more: what comes is queued all the same. */
void bx_outbox_stop_waiting(bx_outbox *outbox);

bool bx_outbox_is_gone(bx_outbox *outbox);

#endif
