/* The text of a path: what a guest may name. */
#include <string.h>

#include "wasi/resolve.h"

/* Length of the well-formed UTF-8 sequence at text (RFC 3629), 0 for none. */
static size_t sequence_bytes(const uint8_t *text, size_t bytes)
{
    uint8_t lead = text[0];
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc2 || lead > 0xf4 || bytes < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f) ||
        (lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f))
        return 0;
    return len;
}

bool bx_utf8_is_valid(const char *text, size_t bytes)
{
    const uint8_t *in = (const uint8_t *)text;

    for (size_t i = 0; i < bytes;) {
        size_t len = 1;

        if (in[i] >= 0x80)
            len = sequence_bytes(in + i, bytes - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

int32_t bx_path_copy(const bx_guest *guest, uint32_t ptr, uint32_t len,
                     char *buf)
{
    const char *text = bx_guest_range(guest, ptr, len);

    if (text == NULL)
        return BX_WASI_EFAULT;
    if (len == 0)
        return BX_WASI_ENOENT;
    if (len >= BX_PATH_BYTES)
        return BX_WASI_ENAMETOOLONG;
    if (memchr(text, '\0', len) != NULL)
        return BX_WASI_EINVAL;
    if (!bx_utf8_is_valid(text, len))
        return BX_WASI_EILSEQ;
    memcpy(buf, text, len);
    buf[len] = '\0';
    return 0;
}

int32_t bx_path_load(bx_path *path, bx_wasi *wasi, const bx_guest *guest,
                     const char *call, uint32_t dir, uint64_t rights,
                     uint32_t ptr, uint32_t len)
{
    int32_t err = 0;

    path->wasi = wasi;
    path->call = call;
    path->len = len;
    path->dir = bx_wasi_fd(wasi, dir, 0, &err);
    if (path->dir == NULL)
        return err;
    if (path->dir->kind != BX_FD_DIR)
        return BX_WASI_ENOTDIR;
    if ((path->dir->base & rights) != rights)
        return BX_WASI_ENOTCAPABLE;
    return bx_path_copy(guest, ptr, len, path->text);
}

bool bx_name_is_dots(const char *name)
{
    size_t len = strcspn(name, "/");

    return (len == 1 || len == 2) && memcmp(name, "..", len) == 0;
}
