/* Snapshot 0 as its witx has it (WebAssembly/WASI, legacy/unstable): filestat
 * counts links in 32 bits, a clock subscription begins with an identifier, and
 * whence is ordered CUR, END, SET. */
#include "wasi/snapshot0.h"

#include <string.h>

#include "wasi/state.h"

#define FILESTAT_BYTES 56u
#define SUBSCRIPTION_BYTES 56u

static void store_filestat(uint8_t *at, const struct stat *stat,
                           uint8_t filetype)
{
    uint8_t filestat[BX_FILESTAT_BYTES];

    bx_wasi_store_filestat(filestat, stat, filetype);
    memcpy(at, filestat, 16); /* dev, ino */
    bx_store32(at + 16, filetype);
    bx_store32(at + 20, stat->st_nlink > UINT32_MAX ? UINT32_MAX
                                                    : (uint32_t)stat->st_nlink);
    memcpy(at + 24, filestat + 32, 32); /* size, atim, mtim, ctim */
}

static void load_subscription(const uint8_t *at, bx_subscription *ret)
{
    ret->userdata = bx_load64(at);
    ret->tag = at[8];
    /* A descriptor comes first in its variant; a clock's id is second. */
    ret->id = bx_load32(at + (ret->tag == BX_EVENT_CLOCK ? 24 : 16));
    ret->timeout_ns = bx_load64(at + 32);
    memcpy(&ret->flags, at + 48, sizeof(ret->flags));
}

int32_t bx_wasi0_fd_filestat_get(void *host, const bx_guest *guest,
                                 const bx_raw *args)
{
    return bx_fd_filestat_get(host, guest, args, store_filestat,
                              FILESTAT_BYTES);
}

int32_t bx_wasi0_path_filestat_get(void *host, const bx_guest *guest,
                                   const bx_raw *args)
{
    return bx_path_filestat_get(host, guest, args, store_filestat,
                                FILESTAT_BYTES);
}

int32_t bx_wasi0_fd_seek(void *host, const bx_guest *guest, const bx_raw *args)
{
    static const int whences[3] = { SEEK_CUR, SEEK_END, SEEK_SET };

    return bx_fd_seek(host, guest, args, whences);
}

int32_t bx_wasi0_poll_oneoff(void *host, const bx_guest *guest,
                             const bx_raw *args)
{
    return bx_poll_oneoff(host, guest, args, load_subscription,
                          SUBSCRIPTION_BYTES);
}
