/* text/event-stream as WHATWG HTML section 9.2 has it, in pieces as they
 * arrive. The stream is a stranger's: events are bounded and UTF-8. What stands
 * behind the last empty line is no event, so a stream that is cut never yields
 * half of one. */
#ifndef BX_NET_SSE_H
#define BX_NET_SSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BX_SSE_MAX_BYTES (16u << 20)
#define BX_SSE_ID_MAX_BYTES 4096

typedef struct bx_sse bx_sse;

/* event: its name, "" for none; data: UTF-8, ended by a NUL that does not
 * count. Both until the return. -1 ends the reading. */
typedef int (*bx_sse_tell)(void *context, const char *event, const char *data,
                           size_t bytes, bx_error **err);

/* max_bytes: of one event and of one line */
bx_sse *bx_sse_new(size_t max_bytes, bx_sse_tell tell, void *context,
                   bx_error **err);
/* NULL is fine. */
void bx_sse_free(bx_sse *sse);
BX_DEFINE_AUTO(bx_sse, bx_sse_free)
#define bx_autosse BX_AUTO(bx_sse_free)

/* errors: BX_ERR_INVALID: not UTF-8; BX_ERR_LIMIT: max_bytes; what tell says.
 * After an error nothing more is to be fed. */
int bx_sse_feed(bx_sse *sse, const char *text, size_t bytes, bx_error **err);

/* For who reads on in another stream: the id of the last event that came, ""
 * for none, valid until more is fed; and how long to wait before, 0: unsaid.
 * At most 999999999. */
const char *bx_sse_last_id(const bx_sse *sse);
uint64_t bx_sse_retry_ms(const bx_sse *sse);

#endif
