/* A growable byte buffer with a hard cap. Always NUL-terminated once used. */
#ifndef BX_BASE_BUF_H
#define BX_BASE_BUF_H

#include "base/error.h"

typedef struct bx_buf {
    char *data; /* NULL while empty */
    size_t len; /* bytes, without the NUL */
    size_t cap;
} bx_buf;

#define BX_BUF_INIT ((bx_buf){ NULL, 0, 0 })

/* Append; -1 without memory or past max_bytes (SIZE_MAX for no cap), and then
 * nothing was appended. */
int bx_buf_append(bx_buf *buf, const void *data, size_t bytes,
                  size_t max_bytes);
int bx_buf_puts(bx_buf *buf, const char *text);
/* Have room for so many more, which the caller puts behind len and counts, with
 * a NUL after them. */
int bx_buf_reserve(bx_buf *buf, size_t bytes, size_t max_bytes);
int bx_buf_printf(bx_buf *buf, const char *format, ...) BX_PRINTF(2, 3);

/* Append text so that it is printable on one line: control bytes, backslash
 * and what is not UTF-8 become \xNN; at most max_bytes of the input, then
 * "...". For names that a guest chose. */
int bx_buf_put_escaped(bx_buf *buf, const char *text, size_t bytes,
                       size_t max_bytes);

/* The caller owns the text now (never NULL unless out of memory); the buffer
 * is left empty. */
char *bx_buf_take(bx_buf *buf);
void bx_buf_clear(bx_buf *buf); /* frees */

#define bx_autobuf __attribute__((cleanup(bx_buf_clear)))

#endif
