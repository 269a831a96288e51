/* The answer: text and typed blocks, collected in memory and sent as one JSON
 * object, so that a program that is ended midway has answered nothing. */
#include "boxagnts_tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct bytes {
    char *data;
    size_t len;
    size_t capacity;
} bytes;

static bytes text;   /* since the last block, raw */
static bytes blocks; /* finished ones, JSON with commas between */
static yyjson_mut_doc *metadata;

static _Noreturn void send(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(STDOUT_FILENO, data, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            _exit(1);
        data += put;
        len -= (size_t)put;
    }
    _exit(0);
}

static _Noreturn void fail_memory(void)
{
    static const char answer[] = "{\"content\":\"out of memory: the call needs"
                                 " more than the sandbox gives\","
                                 "\"is_error\":true}";

    send(answer, sizeof(answer) - 1);
}

void *boxagnts_alloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL)
        fail_memory();
    return memory;
}

static void reserve(bytes *buf, size_t more)
{
    size_t capacity = buf->capacity > 0 ? buf->capacity : 4096;
    char *data;

    if (more <= buf->capacity - buf->len)
        return;
    if (more > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
        fail_memory();
    while (capacity - buf->len < more)
        capacity += capacity / 2;
    data = realloc(buf->data, capacity);
    if (data == NULL)
        fail_memory();
    buf->data = data;
    buf->capacity = capacity;
}

static void append(bytes *buf, const void *data, size_t len)
{
    reserve(buf, len);
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

static void append_text(bytes *buf, const char *string)
{
    append(buf, string, strlen(string));
}

/* Bytes of the UTF-8 sequence at data, or 0 when there is none (Unicode 15,
 * table 3-7). */
static size_t sequence_bytes(const uint8_t *data, size_t len)
{
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t count;

    if (data[0] < 0x80)
        return 1;
    if (data[0] < 0xc2 || data[0] > 0xf4)
        return 0;
    count = data[0] < 0xe0 ? 2 : data[0] < 0xf0 ? 3 : 4;
    if (data[0] == 0xe0)
        low = 0xa0;
    else if (data[0] == 0xed)
        high = 0x9f;
    else if (data[0] == 0xf0)
        low = 0x90;
    else if (data[0] == 0xf4)
        high = 0x8f;
    if (len < count || data[1] < low || data[1] > high)
        return 0;
    for (size_t i = 2; i < count; i++) {
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    }
    return count;
}

/* At most 6 bytes. */
static size_t escape(char *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *from = "\"\\\n\t\r";
    const char *to = "\"\\ntr";
    const char *found = byte != 0 ? strchr(from, byte) : NULL;

    out[0] = '\\';
    if (found != NULL) {
        out[1] = to[found - from];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = digits[byte >> 4];
    out[5] = digits[byte & 15];
    return 6;
}

/* How many bytes stand for themselves in a JSON string, eight at a time. */
static size_t plain_bytes(const uint8_t *data, size_t len)
{
    const uint64_t ones = 0x0101010101010101;
    const uint64_t highs = ones * 0x80;
    size_t at = 0;

    while (len - at >= 8) {
        uint64_t word;
        uint64_t quote;
        uint64_t backslash;

        memcpy(&word, data + at, 8);
        quote = word ^ ones * '"';
        backslash = word ^ ones * '\\';
        /* A byte's top bit: it is above 0x7f, below 0x20, or equal. */
        if (((word | (word - ones * 0x20) | (quote - ones) |
              (backslash - ones)) &
             highs) != 0)
            break;
        at += 8;
    }
    while (at < len && data[at] >= 0x20 && data[at] < 0x80 && data[at] != '"' &&
           data[at] != '\\')
        at++;
    return at;
}

static void append_string(bytes *buf, const char *data, size_t len)
{
    const uint8_t *in = (const uint8_t *)data;
    const uint8_t *end = in + len;

    append(buf, "\"", 1);
    while (in < end) {
        size_t count = plain_bytes(in, (size_t)(end - in));

        append(buf, in, count);
        in += count;
        if (in == end)
            break;
        reserve(buf, 6);
        if (*in < 0x80) {
            buf->len += escape(buf->data + buf->len, *in++);
            continue;
        }
        count = sequence_bytes(in, (size_t)(end - in));
        append(buf, count > 0 ? (const void *)in : "\xef\xbf\xbd",
               count > 0 ? count : 3);
        in += count > 0 ? count : 1;
    }
    append(buf, "\"", 1);
}

static void append_base64(bytes *buf, const uint8_t *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out;

    if (len > SIZE_MAX / 2)
        fail_memory();
    reserve(buf, (len + 2) / 3 * 4 + 2);
    out = buf->data + buf->len;
    *out++ = '"';
    for (; len >= 3; len -= 3, data += 3) {
        uint32_t bits = (uint32_t)data[0] << 16 | data[1] << 8 | data[2];

        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = digits[bits >> 6 & 63];
        *out++ = digits[bits & 63];
    }
    if (len > 0) {
        uint32_t bits = (uint32_t)data[0] << 16 | (len > 1 ? data[1] << 8 : 0);

        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = len > 1 ? digits[bits >> 6 & 63] : '=';
        *out++ = '=';
    }
    *out++ = '"';
    buf->len = (size_t)(out - buf->data);
}

void boxagnts_write(const void *data, size_t len)
{
    append(&text, data, len);
}

static void append_format(bytes *buf, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        fail_memory();
    reserve(buf, (size_t)len + 1);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    buf->len += (size_t)len;
}

void boxagnts_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append_format(&text, format, args);
    va_end(args);
}

char *boxagnts_format(const char *format, ...)
{
    bytes made = { 0 };
    va_list args;

    va_start(args, format);
    append_format(&made, format, args);
    va_end(args);
    return made.data;
}

size_t boxagnts_written(void)
{
    return text.len;
}

static void begin_block(void)
{
    if (blocks.len > 0)
        append(&blocks, ",", 1);
}

static void finish_text(void)
{
    if (text.len == 0)
        return;
    begin_block();
    append_text(&blocks, "{\"type\":\"text\",\"text\":");
    append_string(&blocks, text.data, text.len);
    append(&blocks, "}", 1);
    text.len = 0;
}

void boxagnts_image(const char *mime_type, const void *data, size_t len)
{
    finish_text();
    begin_block();
    append_text(&blocks, "{\"type\":\"image\",\"mimeType\":");
    append_string(&blocks, mime_type, strlen(mime_type));
    append_text(&blocks, ",\"data\":");
    append_base64(&blocks, data, len);
    append(&blocks, "}", 1);
}

void boxagnts_resource(const char *uri, const char *mime_type, const void *data,
                       size_t len)
{
    finish_text();
    begin_block();
    append_text(&blocks, "{\"type\":\"resource\",\"resource\":{\"uri\":");
    append_string(&blocks, uri, strlen(uri));
    append_text(&blocks, ",\"mimeType\":");
    append_string(&blocks, mime_type, strlen(mime_type));
    append_text(&blocks, ",\"blob\":");
    append_base64(&blocks, data, len);
    append_text(&blocks, "}}");
}

yyjson_mut_doc *boxagnts_metadata(void)
{
    if (metadata != NULL)
        return metadata;
    metadata = yyjson_mut_doc_new(NULL);
    if (metadata == NULL)
        fail_memory();
    yyjson_mut_doc_set_root(metadata, yyjson_mut_obj(metadata));
    return metadata;
}

void boxagnts_put_text(const char *name, const char *value)
{
    yyjson_mut_doc *doc = boxagnts_metadata();

    yyjson_mut_obj_add_strcpy(doc, yyjson_mut_doc_get_root(doc), name, value);
}

void boxagnts_put_int(const char *name, int64_t number)
{
    yyjson_mut_doc *doc = boxagnts_metadata();

    yyjson_mut_obj_add_int(doc, yyjson_mut_doc_get_root(doc), name, number);
}

void boxagnts_put_bool(const char *name, bool value)
{
    yyjson_mut_doc *doc = boxagnts_metadata();

    yyjson_mut_obj_add_bool(doc, yyjson_mut_doc_get_root(doc), name, value);
}

static _Noreturn void finish(bool is_error)
{
    bytes out = { 0 };
    size_t len = 0;
    char *more = NULL;

    append_text(&out, "{\"content\":");
    if (blocks.len == 0) {
        append_string(&out, text.data, text.len);
    } else {
        finish_text();
        append(&out, "[", 1);
        append(&out, blocks.data, blocks.len);
        append(&out, "]", 1);
    }
    append_text(&out, is_error ? ",\"is_error\":true" : ",\"is_error\":false");
    if (metadata != NULL)
        more = yyjson_mut_write(metadata, 0, &len);
    if (more != NULL) {
        append_text(&out, ",\"metadata\":");
        append(&out, more, len);
    }
    append(&out, "}", 1);
    send(out.data, out.len);
}

void boxagnts_finish(void)
{
    finish(false);
}

void boxagnts_fail(const char *format, ...)
{
    va_list args;

    text.len = blocks.len = 0;
    va_start(args, format);
    append_format(&text, format, args);
    va_end(args);
    finish(true);
}
