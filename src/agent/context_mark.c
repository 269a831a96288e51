#include "agent/context_mark.h"

#include "base/digest.h"

#define MARK_CHARS 32 /* 128 bits */

int bx_mark_put(bx_buf *out, const char *name, const char *text, size_t bytes)
{
    uint8_t digest[BX_DIGEST_BYTES];
    char hex[65];

    bx_sha256(text, bytes, digest);
    bx_digest_format(digest, hex);
    hex[MARK_CHARS] = '\0';
    if (bx_buf_printf(out, "--- begin %s, %s ---\n", name, hex) < 0 ||
        bx_buf_append(out, text, bytes, SIZE_MAX) < 0)
        return -1;
    if (out->data[out->len - 1] != '\n' && bx_buf_puts(out, "\n") < 0)
        return -1;
    return bx_buf_printf(out, "--- end %s, %s ---\n", name, hex);
}
