/* How a file's bytes are text: detection from the first of them, and decoding
 * to UTF-8. A byte order mark decides; without one it is UTF-8 when it is valid
 * UTF-8, and otherwise windows-1252, the superset of Latin-1 that such files
 * are in practice (WHATWG Encoding, index windows-1252). */
#include "text.h"

#include <string.h>

/* Code points of 0x80 to 0x9f. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

const char *text_encoding_name(encoding e)
{
    static const char *const names[] = {
        [ENCODING_BINARY] = "binary",
        [ENCODING_UTF8] = "utf-8",
        [ENCODING_UTF8_BOM] = "utf-8 with a byte order mark",
        [ENCODING_UTF16LE] = "utf-16le",
        [ENCODING_UTF16BE] = "utf-16be",
        [ENCODING_WINDOWS_1252] = "windows-1252",
    };

    return names[e];
}

size_t text_bom_bytes(encoding e)
{
    switch (e) {
    case ENCODING_UTF8_BOM:
        return 3;
    case ENCODING_UTF16LE:
    case ENCODING_UTF16BE:
        return 2;
    default:
        return 0;
    }
}

/* Bytes of the character at data, or 0 when they are none. A character that
 * the end cuts counts as one, unless that is the end of the file. */
static size_t utf8_bytes(const uint8_t *data, size_t len, bool is_whole)
{
    size_t count;

    if (*data < 0x80)
        return 1;
    if (*data < 0xc2 || *data > 0xf4)
        return 0;
    count = *data < 0xe0 ? 2 : *data < 0xf0 ? 3 : 4;
    if (len < count)
        return is_whole ? 0 : len;
    if ((*data == 0xe0 && data[1] < 0xa0) ||
        (*data == 0xed && data[1] > 0x9f) ||
        (*data == 0xf0 && data[1] < 0x90) || (*data == 0xf4 && data[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < count; i++) {
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    }
    return count;
}

/* More characters outside ASCII than bytes that belong to none. file-edit
 * decides the same way. */
static bool is_mostly_utf8(const uint8_t *data, size_t len, bool is_whole)
{
    const uint8_t *end = data + len;
    size_t good = 0;
    size_t bad = 0;

    while (data < end) {
        size_t bytes = utf8_bytes(data, (size_t)(end - data), is_whole);

        good += bytes > 1;
        bad += bytes == 0;
        data += bytes > 0 ? bytes : 1;
    }
    return bad == 0 || good > bad;
}

/* What the bytes have, in one pass that the compiler makes vectors of. */
typedef struct survey {
    bool has_nul;
    bool is_ascii;
    size_t controls; /* those that texts do not have; escape, form feed and the
                      * like are in logs and sources */
} survey;

static survey survey_bytes(const uint8_t *data, size_t len)
{
    survey survey = { .is_ascii = true };

    while (len > 0) {
        size_t bytes = len < 240 ? len : 240; /* so the counts fit a byte */
        uint8_t nuls = 0;
        uint8_t controls = 0;
        uint8_t all = 0;

        for (size_t i = 0; i < bytes; i++) {
            uint8_t byte = data[i];

            all |= byte;
            nuls += byte == 0;
            controls +=
                (byte < 0x20) & ((uint8_t)(byte - 0x07) > 6) & (byte != 0x1b);
        }
        survey.has_nul |= nuls > 0;
        survey.is_ascii &= all < 0x80;
        survey.controls += controls;
        data += bytes;
        len -= bytes;
    }
    return survey;
}

encoding text_detect(const uint8_t *data, size_t len, bool is_whole)
{
    survey survey = survey_bytes(data, len);

    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        return survey.has_nul ? ENCODING_BINARY : ENCODING_UTF8_BOM;
    if (len >= 4 && memcmp(data, "\xff\xfe\0\0", 4) == 0)
        return ENCODING_BINARY; /* UTF-32, which nobody edits */
    if (len >= 2 && data[0] == 0xff && data[1] == 0xfe)
        return ENCODING_UTF16LE;
    if (len >= 2 && data[0] == 0xfe && data[1] == 0xff)
        return ENCODING_UTF16BE;
    if (survey.has_nul || survey.controls > len / 20)
        return ENCODING_BINARY;
    if (survey.is_ascii || is_mostly_utf8(data, len, is_whole))
        return ENCODING_UTF8;
    return ENCODING_WINDOWS_1252;
}

static char *put(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

static char *put_unit(text_decoder *decoder, char *out, uint16_t unit)
{
    if (decoder->high != 0) {
        uint32_t high = decoder->high;

        decoder->high = 0;
        if (unit >= 0xdc00 && unit < 0xe000)
            return put(out, 0x10000 + ((high - 0xd800) << 10) + unit - 0xdc00);
        out = put(out, 0xfffd);
    }
    if (unit >= 0xd800 && unit < 0xdc00) {
        decoder->high = unit;
        return out;
    }
    return put(out, unit >= 0xdc00 && unit < 0xe000 ? 0xfffd : unit);
}

size_t text_decode(text_decoder *decoder, const uint8_t *data, size_t len,
                   char *out)
{
    bool is_big = decoder->encoding == ENCODING_UTF16BE;
    char *at = out;

    if (decoder->encoding == ENCODING_WINDOWS_1252) {
        for (size_t i = 0; i < len; i++)
            at = put(at, data[i] - 0x80u < 32 ? windows_1252[data[i] - 0x80]
                                              : data[i]);
        return (size_t)(at - out);
    }
    for (size_t i = 0; i < len; i++) {
        if (!decoder->has_odd) {
            decoder->odd = data[i];
            decoder->has_odd = true;
            continue;
        }
        decoder->has_odd = false;
        at = put_unit(decoder, at,
                      is_big ? (uint16_t)(decoder->odd << 8 | data[i])
                             : (uint16_t)(data[i] << 8 | decoder->odd));
    }
    return (size_t)(at - out);
}

size_t text_decode_end(text_decoder *decoder, char *out)
{
    char *at = out;

    if (decoder->high != 0 || decoder->has_odd)
        at = put(at, 0xfffd);
    decoder->high = 0;
    decoder->has_odd = false;
    return (size_t)(at - out);
}
