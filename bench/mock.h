/* A stand-in for models, in a thread of this program: over HTTP on the loopback
 * it speaks the wire form of each protocol, with what is scripted here. It
 * measures what lies between the last byte of its reply and the first byte of
 * the next request. */
#ifndef BX_BENCH_MOCK_H
#define BX_BENCH_MOCK_H

#include <stddef.h>

typedef struct mock mock;

/* Replies: calls of the tool "nothing", then a text as the last of them.
 * protocol: as in models.yaml. */
mock *mock_start(const char *protocol, unsigned replies);
unsigned mock_port(const mock *it);
/* Waits until the last reply was given. ret_gaps: of replies - 1, us; ret_bytes
 * of the last request. */
void mock_stop(mock *it, double *ret_gaps, size_t *ret_bytes);

#endif
