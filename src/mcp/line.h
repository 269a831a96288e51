/* Lines out of a stream of bytes. The other end is hostile: a line has a cap,
 * and one past it is dropped as it comes, never kept. */
#ifndef BX_MCP_LINE_H
#define BX_MCP_LINE_H

#include "base/buf.h"

/* A tool's input of 64 MiB, and the message around it. */
#define BX_LINE_MAX_BYTES ((64u << 20) + (1u << 20))

typedef struct bx_line_reader {
    size_t max_bytes; /* of a line, without its end; 0: BX_LINE_MAX_BYTES */
    bx_buf held;      /* what came and is not taken */
    size_t begin;     /* of the line at hand, in held */
    size_t scanned;   /* no line ends before it, in held */
    bool is_dropping; /* the rest of a line that was too long */
} bx_line_reader;

typedef enum bx_line_status {
    BX_LINE_NONE, /* feed more */
    BX_LINE_READY,
    BX_LINE_TOO_LONG, /* told once for each such line */
} bx_line_status;

/* Take in bytes. -1 without memory. */
int bx_line_feed(bx_line_reader *reader, const void *data, size_t bytes);

/* The next line, without "\n" or "\r\n"; borrowed until the next feed. */
bx_line_status bx_line_next(bx_line_reader *reader, const char **ret_line,
                            size_t *ret_bytes);

/* The stream ended: is there a line without its end? */
bool bx_line_has_rest(const bx_line_reader *reader);

void bx_line_clear(bx_line_reader *reader);

#endif
