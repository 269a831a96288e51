/* How a file's bytes are text. */
#ifndef BOXAGNTS_TEXT_H
#define BOXAGNTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum encoding {
    ENCODING_BINARY, /* not text */
    ENCODING_UTF8,
    ENCODING_UTF8_BOM,
    ENCODING_UTF16LE, /* with a byte order mark, as all UTF-16 here */
    ENCODING_UTF16BE,
    ENCODING_WINDOWS_1252, /* and so Latin-1 */
} encoding;

/* From how the file begins; is_whole: that is all of it. */
encoding text_detect(const uint8_t *data, size_t len, bool is_whole);
/* "utf-8", "utf-16le", ... */
const char *text_encoding_name(encoding e);
size_t text_bom_bytes(encoding e);

typedef struct text_decoder {
    encoding encoding;
    uint8_t odd; /* first byte of a code unit that the input split */
    bool has_odd;
    uint16_t high; /* high surrogate whose other half is to come, or 0 */
} text_decoder;

#define TEXT_DECODED_MAX(len) (3 * (len) + 8)

/* Bytes as UTF-8 into out, which has TEXT_DECODED_MAX(len); returns how many.
 * Not for UTF-8, which needs no decoding. What is malformed becomes U+FFFD. */
size_t text_decode(text_decoder *decoder, const uint8_t *data, size_t len,
                   char *out);
/* What the end of the file leaves unfinished. */
size_t text_decode_end(text_decoder *decoder, char *out);

#endif
