/* The text comes from servers and guests that may spell a value in many ways;
 * a match is found at whichever byte it begins, overlapping ones too. */
#include "policy/mask.h"

#include <string.h>

typedef enum spelling {
    SPELLING_EXACT,   /* base64 */
    SPELLING_PERCENT, /* each byte itself or %XX */
    SPELLING_JSON,    /* each byte itself, \X or \u00XX */
} spelling;

typedef struct form {
    spelling how;
    char *text;
    size_t bytes;
} form;

struct bx_mask {
    form *forms;
    size_t count;
    bool begins[256]; /* some form may begin with this byte */
};

bx_mask *bx_mask_new(void)
{
    return calloc(1, sizeof(bx_mask));
}

void bx_mask_free(bx_mask *mask)
{
    if (mask == NULL)
        return;
    for (size_t i = 0; i < mask->count; i++) {
        explicit_bzero(mask->forms[i].text, mask->forms[i].bytes);
        free(mask->forms[i].text);
    }
    free(mask->forms);
    free(mask);
}

/* ---- forms ---------------------------------------------------------- */

static int add_form(bx_mask *mask, spelling how, const char *text, size_t bytes)
{
    form made = { how, strndup(text, bytes), bytes };
    form *grown;

    if (made.text == NULL)
        return -1;
    grown = realloc(mask->forms, (mask->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        free(made.text);
        return -1;
    }
    mask->forms = grown;
    mask->forms[mask->count++] = made;
    mask->begins[(unsigned char)text[0]] = true;
    if (how == SPELLING_PERCENT)
        mask->begins['%'] = true;
    if (how == SPELLING_PERCENT && text[0] == ' ')
        mask->begins['+'] = true;
    if (how == SPELLING_JSON)
        mask->begins['\\'] = true;
    return 0;
}

/* The characters that the value alone decides, with shift bytes before it. */
static int add_base64(bx_mask *mask, const char *value, size_t shift,
                      const char *alphabet)
{
    size_t bytes = strlen(value);
    size_t first = (shift * 8 + 5) / 6;
    size_t end = (shift + bytes) * 8 / 6;
    char *text = malloc(end - first + 1);
    int status;

    if (text == NULL)
        return -1;
    for (size_t i = first; i < end; i++) {
        size_t bit = i * 6 - shift * 8;
        unsigned two = (unsigned)(unsigned char)value[bit / 8] << 8;

        if (bit / 8 + 1 < bytes)
            two |= (unsigned char)value[bit / 8 + 1];
        text[i - first] = alphabet[two >> (10 - bit % 8) & 63];
    }
    text[end - first] = '\0';
    status = add_form(mask, SPELLING_EXACT, text, end - first);
    explicit_bzero(text, end - first);
    free(text);
    return status;
}

int bx_mask_add(bx_mask *mask, const char *value)
{
    static const char *const alphabets[] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    };
    size_t bytes = strlen(value);

    if (bytes == 0)
        return 0;
    if (add_form(mask, SPELLING_EXACT, value, bytes) < 0 ||
        add_form(mask, SPELLING_PERCENT, value, bytes) < 0 ||
        add_form(mask, SPELLING_JSON, value, bytes) < 0)
        return -1;
    for (size_t shift = 0; shift < 3; shift++) {
        for (size_t i = 0; i < 2; i++) {
            if (add_base64(mask, value, shift, alphabets[i]) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- matching ------------------------------------------------------- */

#define CUT SIZE_MAX /* the text ends inside what may be a match */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Do the two hexadecimal digits at text say byte? */
static size_t match_hex(const char *text, size_t left, char byte)
{
    unsigned char wanted = (unsigned char)byte;

    if (left > 0 && hex_digit(text[0]) != wanted >> 4)
        return 0;
    if (left > 1 && hex_digit(text[1]) != (wanted & 15))
        return 0;
    return left < 2 ? CUT : 2;
}

/* "%41" or the byte itself; a value's '%' is always "%25" in this spelling. */
static size_t match_percent(const char *text, size_t left, char byte)
{
    size_t digits;

    if (text[0] != '%')
        return text[0] == byte || (byte == ' ' && text[0] == '+') ? 1 : 0;
    digits = match_hex(text + 1, left - 1, byte);
    return digits == 2 ? 3 : digits;
}

/* RFC 8259 section 7; a value is printable ASCII. */
static size_t match_json(const char *text, size_t left, char byte)
{
    static const char prefix[] = "\\u00";
    size_t digits;

    if (text[0] != '\\')
        return text[0] == byte ? 1 : 0;
    if (left == 1)
        return CUT;
    if (text[1] != 'u')
        return text[1] == byte && strchr("\"\\/", byte) != NULL ? 2 : 0;
    for (size_t i = 2; i < 4; i++) {
        if (i == left)
            return CUT;
        if (text[i] != prefix[i])
            return 0;
    }
    digits = match_hex(text + 4, left - 4, byte);
    return digits == 2 ? 6 : digits;
}

static size_t match_byte(spelling how, const char *text, size_t left, char byte)
{
    switch (how) {
    case SPELLING_PERCENT:
        return match_percent(text, left, byte);
    case SPELLING_JSON:
        return match_json(text, left, byte);
    default:
        return text[0] == byte ? 1 : 0;
    }
}

/* Bytes of text that spell the form, 0 when it does not begin here, or CUT. */
static size_t match_form(const form *wanted, const char *text, size_t left)
{
    size_t at = 0;

    for (size_t i = 0; i < wanted->bytes; i++) {
        size_t part;

        if (at == left)
            return CUT;
        part = match_byte(wanted->how, text + at, left - at, wanted->text[i]);
        if (part == 0 || part == CUT)
            return part;
        at += part;
    }
    return at;
}

size_t bx_mask_stream(const bx_mask *mask, size_t *ahead, char *data,
                      size_t bytes, bool is_end)
{
    for (size_t at = 0; at < bytes; at++) {
        if (mask->begins[(unsigned char)data[at]]) {
            for (size_t i = 0; i < mask->count; i++) {
                size_t found =
                    match_form(&mask->forms[i], data + at, bytes - at);

                if (found == CUT && !is_end)
                    return at;
                if (found != CUT && found > *ahead)
                    *ahead = found;
            }
        }
        /* Only now: a match that begins later does not need this byte. */
        if (*ahead > 0) {
            data[at] = '*';
            (*ahead)--;
        }
    }
    return bytes;
}
