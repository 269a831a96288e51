#include "net/sse.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

struct bx_sse {
    size_t max_bytes;
    bx_sse_tell tell;
    void *context;
    bx_buf line;    /* what there is of it */
    bx_buf event;   /* name */
    bx_buf data;    /* each line of it with a LF behind */
    bx_buf id;      /* of the event that is coming */
    bx_buf last_id; /* of the last one that came */
    uint64_t retry_ms;
    bool is_begun;    /* a byte order mark may no longer come */
    bool is_after_cr; /* a LF now belongs to the line before */
};

bx_sse *bx_sse_new(size_t max_bytes, bx_sse_tell tell, void *context,
                   bx_error **err)
{
    bx_sse *sse = calloc(1, sizeof(*sse));

    if (sse == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    sse->max_bytes = max_bytes;
    sse->tell = tell;
    sse->context = context;
    return sse;
}

void bx_sse_free(bx_sse *sse)
{
    if (sse == NULL)
        return;
    bx_buf_clear(&sse->line);
    bx_buf_clear(&sse->event);
    bx_buf_clear(&sse->data);
    bx_buf_clear(&sse->id);
    bx_buf_clear(&sse->last_id);
    free(sse);
}

static int put(bx_sse *sse, bx_buf *to, const char *text, size_t bytes,
               bx_error **err)
{
    if (to->len > sse->max_bytes || bytes > sse->max_bytes - to->len)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "event stream: an event of more than %zu bytes",
                            sse->max_bytes);
    if (bx_buf_append(to, text, bytes, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* Empty, with its memory kept for the next. */
static void rewind_buf(bx_buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

/* An empty line: what there is of data is an event. */
static int dispatch(bx_sse *sse, bx_error **err)
{
    int status = 0;

    rewind_buf(&sse->last_id);
    if (bx_buf_append(&sse->last_id, sse->id.data, sse->id.len, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    if (sse->data.len > 0) {
        sse->data.data[--sse->data.len] = '\0'; /* the last LF */
        status = sse->tell(sse->context,
                           sse->event.data != NULL ? sse->event.data : "",
                           sse->data.data, sse->data.len, err);
    }
    rewind_buf(&sse->event);
    rewind_buf(&sse->data);
    return status;
}

static bool is_field(const char *line, size_t bytes, const char *name)
{
    return bytes == strlen(name) && memcmp(line, name, bytes) == 0;
}

/* One with a NUL is none; one that is too long is forgotten, and with it the
 * place. */
static int take_id(bx_sse *sse, const char *value, size_t bytes, bx_error **err)
{
    if (memchr(value, '\0', bytes) != NULL)
        return 0;
    rewind_buf(&sse->id);
    if (bytes > BX_SSE_ID_MAX_BYTES)
        return 0;
    return put(sse, &sse->id, value, bytes, err);
}

static void take_retry(bx_sse *sse, const char *value, size_t bytes)
{
    uint64_t ms = 0;

    if (bytes == 0 || bytes > 9)
        return;
    for (size_t i = 0; i < bytes; i++) {
        if (value[i] < '0' || value[i] > '9')
            return;
        ms = ms * 10 + (uint64_t)(value[i] - '0');
    }
    sse->retry_ms = ms;
}

static int take_line(bx_sse *sse, const char *line, size_t bytes,
                     bx_error **err)
{
    const char *colon;
    const char *value;
    size_t name_bytes;

    if (!sse->is_begun && bytes >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        bytes -= 3;
    }
    sse->is_begun = true;
    if (bytes == 0)
        return dispatch(sse, err);
    if (!bx_utf8_is_valid(line, bytes))
        return bx_error_set(err, BX_ERR_INVALID, "event stream: not UTF-8");
    colon = memchr(line, ':', bytes);
    if (colon == line) /* a comment, to keep the connection */
        return 0;
    name_bytes = colon == NULL ? bytes : (size_t)(colon - line);
    value = colon == NULL ? line + bytes : colon + 1;
    bytes -= (size_t)(value - line);
    if (bytes > 0 && *value == ' ') {
        value++;
        bytes--;
    }
    if (is_field(line, name_bytes, "event")) {
        rewind_buf(&sse->event);
        return put(sse, &sse->event, value, bytes, err);
    }
    if (is_field(line, name_bytes, "id"))
        return take_id(sse, value, bytes, err);
    if (is_field(line, name_bytes, "retry"))
        take_retry(sse, value, bytes);
    if (!is_field(line, name_bytes, "data"))
        return 0;
    if (put(sse, &sse->data, value, bytes, err) < 0)
        return -1;
    return put(sse, &sse->data, "\n", 1, err);
}

/* Bytes before the next end of a line. */
static size_t line_span(const char *text, size_t bytes)
{
    const char *lf = memchr(text, '\n', bytes);
    size_t span = lf == NULL ? bytes : (size_t)(lf - text);
    const char *cr = memchr(text, '\r', span);

    return cr == NULL ? span : (size_t)(cr - text);
}

int bx_sse_feed(bx_sse *sse, const char *text, size_t bytes, bx_error **err)
{
    while (bytes > 0) {
        size_t span;
        int status;

        if (sse->is_after_cr && *text == '\n') {
            text++;
            bytes--;
        }
        sse->is_after_cr = false;
        span = line_span(text, bytes);
        if (span == bytes)
            return put(sse, &sse->line, text, bytes, err);
        if (sse->line.len == 0) {
            status = span > sse->max_bytes
                         ? put(sse, &sse->line, text, span, err)
                         : take_line(sse, text, span, err);
        } else {
            status = put(sse, &sse->line, text, span, err);
            if (status == 0)
                status = take_line(sse, sse->line.data, sse->line.len, err);
            rewind_buf(&sse->line);
        }
        if (status < 0)
            return -1;
        sse->is_after_cr = text[span] == '\r';
        text += span + 1;
        bytes -= span + 1;
    }
    return 0;
}

const char *bx_sse_last_id(const bx_sse *sse)
{
    return sse->last_id.data == NULL ? "" : sse->last_id.data;
}

uint64_t bx_sse_retry_ms(const bx_sse *sse)
{
    return sse->retry_ms;
}
