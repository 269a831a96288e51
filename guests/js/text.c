#include "text.h"

#include <string.h>

/* WHATWG Encoding, UTF-8 decoder. */
size_t js_utf8_sequence(const uint8_t *text, size_t bytes, size_t *ret_skip)
{
    uint8_t first = text[0];
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    size_t need = first < 0x80                     ? 1
                  : first >= 0xc2 && first <= 0xdf ? 2
                  : first >= 0xe0 && first <= 0xef ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;

    *ret_skip = 1;
    for (size_t i = 1; i < need; i++) {
        *ret_skip = i;
        if (i >= bytes || text[i] < low || text[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return need;
}

void js_program_name(const char *path, char *name, size_t name_bytes)
{
    static const char suffix[] = ".wasm";
    const char *slash = strrchr(path, '/');
    size_t len;

    path = slash == NULL ? path : slash + 1;
    len = strlen(path);
    if (len > strlen(suffix) &&
        strcmp(path + len - strlen(suffix), suffix) == 0)
        len -= strlen(suffix);
    if (len >= name_bytes)
        len = name_bytes - 1;
    memcpy(name, path, len);
    name[len] = '\0';
}
