/* Any bytes in any pieces: masked as in one piece, of the same length, and
 * without the value. */
#include <stdint.h>
#include <string.h>

#include "policy/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define VALUE "ab%c\"d\\e/abab"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    BX_AUTO(bx_mask_free) bx_mask *mask = bx_mask_new();
    bx_autofree char *whole = malloc(bytes + 1);
    bx_autofree char *pieces = malloc(bytes + 1);
    size_t step = bytes > 0 ? data[0] % 17 + 1 : 1;
    size_t ahead = 0;
    size_t settled = 0;

    if (mask == NULL || whole == NULL || pieces == NULL ||
        bx_mask_add(mask, VALUE) < 0 || bx_mask_add(mask, "ababababab") < 0)
        abort();
    memcpy(whole, data, bytes);
    memcpy(pieces, data, bytes);
    if (bx_mask_stream(mask, &ahead, whole, bytes, true) != bytes)
        abort();
    ahead = 0;
    for (size_t end = 0; end < bytes;) {
        end = end + step < bytes ? end + step : bytes;
        settled += bx_mask_stream(mask, &ahead, pieces + settled, end - settled,
                                  end == bytes);
        if (settled > end)
            abort();
    }
    if (settled != bytes || memcmp(whole, pieces, bytes) != 0 ||
        memmem(whole, bytes, VALUE, strlen(VALUE)) != NULL ||
        memmem(whole, bytes, "ababababab", 10) != NULL)
        abort();
    return 0;
}
