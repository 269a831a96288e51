/* The standard streams. In a tool call they are memory: descriptor 0 holds the
 * call's "stdin", and what is written to 1 and 2 becomes part of the result. */
#ifndef BOXAGNTS_JS_STREAM_H
#define BOXAGNTS_JS_STREAM_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define JS_STREAM_MAX_BYTES (8u << 20) /* kept of each; the rest is counted */

typedef struct js_stream {
    char *data;
    size_t bytes;
    size_t cap;
    size_t dropped; /* bytes past JS_STREAM_MAX_BYTES */
} js_stream;

/* From here on. input: borrowed, for as long as the program runs. */
void js_stream_capture(const char *input, size_t input_bytes);

/* read() and write() that know of a capture. */
ssize_t js_stream_read(int fd, void *data, size_t bytes);
ssize_t js_stream_write(int fd, const void *data, size_t bytes);

/* fdopen() and close() that do. */
FILE *js_stream_open(int fd, const char *mode);
int js_stream_close(int fd);

/* stdin, stdout or stderr. */
FILE *js_stream_file(int fd);

/* What stdio still holds of a capture. */
void js_stream_flush(void);

/* What was written to fd 1 or 2. */
const js_stream *js_stream_get(int fd);

/* Past the capture, to the module's own stdout. -1 with errno. */
int js_stream_put(const char *data, size_t bytes);

#endif
