/* What each raw host function reads and writes of a guest's memory. */
#ifndef BX_SANDBOX_RECORD_SPEC_H
#define BX_SANDBOX_RECORD_SPEC_H

#include "sandbox/record.h"

#define BX_SNAPSHOT0 "wasi_unstable"
#define BX_SNAPSHOT0_FILESTAT_BYTES 56u
#define BX_SNAPSHOT0_SUBSCRIPTION_BYTES 56u

typedef struct bx_call_spec {
    const char *name;
    /* One for each parameter:
     *   .     a value
     *   -     not looked at
     *   p l   a path or name, and its length
     *   d l   bytes, and their length
     *   j l   a request as JSON, and its length
     *   w n   ciovecs to write from, and their number
     *   r n   iovecs to read into, and their number
     *   b l   a buffer that is filled, and its length
     *   u     4 bytes: how much of the iovecs or the buffer was used
     *   4 8   as many bytes; f a fdstat, s a filestat, z one of snapshot 0 */
    const char *letters;
    bool is_own;        /* more than letters say: record_words.c */
    bool is_always;     /* called in a replay too */
    bool takes_fuel;    /* a nested run's */
    bool is_written;    /* has a 'w' */
    int used_at;        /* where 'u' is; -1: nowhere */
    const char *params; /* as bx_host_call has them */
} bx_call_spec;

/* NULL: there is no such raw call. */
const bx_call_spec *bx_record_spec(unsigned number);

/* A raw call under way. */
typedef struct bx_relay {
    bx_instance *instance;
    bx_record *record;
    bx_tape *tape;
    const bx_call_spec *spec;
    const bx_guest *guest;
    const bx_raw *args;
    uint64_t pieces_bytes;
    uint32_t used; /* what 'u' says */
} bx_relay;

/* Bytes of the guest that are kept, or brought; false: stop. */
bool bx_relay_move(const bx_relay *relay, uint32_t ptr, uint64_t bytes);

/* The calls that are their own. */
int32_t bx_relay_own(bx_relay *relay, bx_host_fn *function, void *host);

#endif
