/* The text of a path: what a guest may name. */
#include <string.h>

#include "base/utf8.h"
#include "wasi/resolve.h"

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
