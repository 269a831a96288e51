/* Everything of ours, and QuickJS's own modules (patch.py), reads and writes
 * through here, so nothing gets past a capture. */
#include "stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_captured;
static const char *input;
static size_t input_bytes;
static js_stream streams[2];
static FILE *files[3]; /* while captured; NULL: nobody asked yet */

void js_stream_capture(const char *text, size_t bytes)
{
    is_captured = true;
    input = text;
    input_bytes = bytes;
}

const js_stream *js_stream_get(int fd)
{
    return &streams[fd - 1];
}

static bool grow(js_stream *stream, size_t need)
{
    size_t cap = stream->cap == 0 ? 4096 : stream->cap;
    char *data;

    while (cap < need)
        cap *= 2;
    data = realloc(stream->data, cap);
    if (data == NULL)
        return false;
    stream->data = data;
    stream->cap = cap;
    return true;
}

static void keep(js_stream *stream, const void *data, size_t bytes)
{
    size_t room = JS_STREAM_MAX_BYTES - stream->bytes;
    size_t taken = bytes < room ? bytes : room;

    if (stream->cap < stream->bytes + taken &&
        !grow(stream, stream->bytes + taken))
        taken = 0;
    if (taken > 0)
        memcpy(stream->data + stream->bytes, data, taken);
    stream->bytes += taken;
    stream->dropped += bytes - taken;
}

static ssize_t take(void *data, size_t bytes)
{
    size_t step = bytes < input_bytes ? bytes : input_bytes;

    if (step > 0)
        memcpy(data, input, step);
    input += step;
    input_bytes -= step;
    return (ssize_t)step;
}

ssize_t js_stream_write(int fd, const void *data, size_t bytes)
{
    if (!is_captured || (fd != STDOUT_FILENO && fd != STDERR_FILENO))
        return write(fd, data, bytes);
    if (files[fd] != NULL)
        fflush(files[fd]); /* what was printed before comes first */
    keep(&streams[fd - 1], data, bytes);
    return (ssize_t)bytes;
}

ssize_t js_stream_read(int fd, void *data, size_t bytes)
{
    if (!is_captured || fd != STDIN_FILENO)
        return read(fd, data, bytes);
    return take(data, bytes);
}

/* ---- stdio ----------------------------------------------------------- */

static ssize_t cookie_read(void *cookie, char *data, size_t bytes)
{
    (void)cookie;
    return take(data, bytes);
}

static ssize_t cookie_write(void *cookie, const char *data, size_t bytes)
{
    keep(cookie, data, bytes);
    return (ssize_t)bytes;
}

static FILE *open_captured(int fd)
{
    static const cookie_io_functions_t calls = { .read = cookie_read,
                                                 .write = cookie_write };

    return fopencookie(fd == STDIN_FILENO ? NULL : &streams[fd - 1],
                       fd == STDIN_FILENO ? "r" : "w", calls);
}

FILE *js_stream_open(int fd, const char *mode)
{
    if (!is_captured || fd < STDIN_FILENO || fd > STDERR_FILENO)
        return fdopen(fd, mode);
    return open_captured(fd);
}

int js_stream_close(int fd)
{
    if (!is_captured || fd < STDIN_FILENO || fd > STDERR_FILENO)
        return close(fd);
    errno = EBADF; /* the result is still to be written */
    return -1;
}

FILE *js_stream_file(int fd)
{
    FILE *const own[] = { stdin, stdout, stderr };

    if (!is_captured)
        return own[fd];
    if (files[fd] == NULL)
        files[fd] = open_captured(fd);
    return files[fd] == NULL ? own[fd] : files[fd];
}

void js_stream_flush(void)
{
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        if (files[fd] != NULL)
            fflush(files[fd]);
    }
}

int js_stream_put(const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t wrote = write(STDOUT_FILENO, data, bytes);

        if (wrote <= 0)
            return -1;
        data += wrote;
        bytes -= (size_t)wrote;
    }
    return 0;
}
