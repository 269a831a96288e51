/* Secrets' values found in text, however they are spelled, and replaced by as
 * many '*'. */
#ifndef BX_POLICY_MASK_H
#define BX_POLICY_MASK_H

#include "base/error.h"

typedef struct bx_mask bx_mask;

bx_mask *bx_mask_new(void);
void bx_mask_free(bx_mask *mask);
BX_DEFINE_AUTO(bx_mask, bx_mask_free)

/* Look for value: as it is, percent-encoded, escaped as in JSON, and in base64
 * of both alphabets wherever it begins in what was encoded. */
int bx_mask_add(bx_mask *mask, const char *value);

/* Mask what is settled of a stream's next bytes, in place. *ahead is the
 * stream's state, 0 at its beginning. Returns how many bytes from the start are
 * settled; the others may begin an occurrence and come again, with more behind
 * them, as the next call's first. is_end: nothing follows, all are settled. */
size_t bx_mask_stream(const bx_mask *mask, size_t *ahead, char *data,
                      size_t bytes, bool is_end);

#endif
