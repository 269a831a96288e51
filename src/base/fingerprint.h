/* Whether bytes were seen before, as fast as they are read: 128 bits under a
 * key that only this fingerprint has. Who chooses the bytes, and sees no
 * fingerprint, finds no two that have the same. It says nothing outside of the
 * process, and is no proof to whoever has the key: bx_sha256() is. */
#ifndef BX_BASE_FINGERPRINT_H
#define BX_BASE_FINGERPRINT_H

#include "base/error.h"

#define BX_FINGERPRINT_BYTES 16

typedef struct bx_fingerprint bx_fingerprint;

/* With a random key. */
bx_fingerprint *bx_fingerprint_new(bx_error **err);
/* NULL is fine. */
void bx_fingerprint_free(bx_fingerprint *fingerprint);

/* One thread at a time. */
void bx_fingerprint_of(bx_fingerprint *fingerprint, const void *data,
                       size_t bytes, uint8_t ret[BX_FINGERPRINT_BYTES]);

#endif
