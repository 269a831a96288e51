/* fd_readdir. A folder is read from the kernel in large pieces and handed on;
 * a cookie stands for the kernel's own position, so it stays good while entries
 * come and go. Where the listing is not just the kernel's (mappings lie in the
 * folder, or runs must repeat byte for byte) it is read whole first. */
#include "wasi/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/utf8.h"
#include "wasi/calls.h"
#include "wasi/dir_state.h"
#include "wasi/resolve.h"

#define PIECE_BYTES 16384u

/* Places: 0 is the beginning, 1 after ".", 2 after "..", then the kernel's
 * position plus 3. A cookie is the place, but wasi-libc's telldir() has 32 bits
 * for it and positions are 63-bit hashes on some file systems (ext4): a place
 * that is too big is kept in a table, and its cookie says where. With the table
 * full it is the position itself, marked by the top bit, which telldir() loses
 * and readdir() does not need. In a folder read whole a cookie is how many
 * entries came before. */
#define COOKIE_FIRST 2u
#define COOKIE_BASE 3u
#define COOKIE_KEPT 0x40000000u
#define COOKIE_RAW (1ull << 63)
#define KEPT_MAX 4096u
#define PAST_END (-1) /* no place has such a cookie */

void bx_dir_free(bx_dir *dir)
{
    if (dir == NULL)
        return;
    if (dir->is_owned)
        close(dir->fd);
    if (dir->up_fd >= 0)
        close(dir->up_fd);
    free(dir->piece);
    free(dir->kept);
    free(dir->entries);
    bx_buf_clear(&dir->names);
    free(dir);
}

bool bx_dir_put(bx_out *out, uint64_t next, uint64_t ino, uint8_t filetype,
                const char *name, size_t bytes)
{
    uint8_t head[BX_DIRENT_BYTES] = { 0 };
    size_t part;

    bx_store64(head, next);
    bx_store64(head + 8, ino);
    bx_store32(head + 16, (uint32_t)bytes);
    head[20] = filetype;
    part = out->left < sizeof(head) ? out->left : sizeof(head);
    memcpy(out->at, head, part);
    out->at += part;
    out->left -= part;
    if (part < sizeof(head))
        return false;
    part = out->left < bytes ? out->left : bytes;
    memcpy(out->at, name, part);
    out->at += part;
    out->left -= part;
    return part == bytes;
}

uint8_t bx_dir_filetype(int dir_fd, const struct dirent64 *entry)
{
    struct stat stat;

    if (entry->d_type != DT_UNKNOWN)
        return bx_wasi_filetype(DTTOIF(entry->d_type));
    if (fstatat(dir_fd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
        return BX_FILETYPE_UNKNOWN;
    return bx_wasi_filetype(stat.st_mode);
}

const struct dirent64 *bx_dir_next(bx_dir *dir, int32_t *ret_errno)
{
    for (;;) {
        const struct dirent64 *entry;
        ssize_t len;

        if (dir->pos == dir->len) {
            len = getdents64(dir->fd, dir->piece, PIECE_BYTES);
            dir->pos = 0;
            dir->len = len > 0 ? (size_t)len : 0;
            /* ENOENT: the folder was removed meanwhile. */
            if (len < 0 && errno != ENOENT)
                *ret_errno = bx_wasi_errno(errno);
            if (len <= 0)
                return NULL;
        }
        entry = (const struct dirent64 *)(dir->piece + dir->pos);
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 &&
            bx_utf8_is_valid(entry->d_name, strlen(entry->d_name)))
            return entry;
        bx_dir_pass(dir, entry);
    }
}

void bx_dir_pass(bx_dir *dir, const struct dirent64 *entry)
{
    dir->pos += entry->d_reclen;
    dir->at = (uint64_t)entry->d_off + COOKIE_BASE;
}

/* Where in the table a place is: in turn when the folder is listed again.
 * False: there is no room. */
static bool keep_place(bx_dir *dir, uint64_t place, uint32_t *ret_index)
{
    if (dir->kept_next >= dir->kept_count ||
        dir->kept[dir->kept_next] != place) {
        if (dir->kept_count == KEPT_MAX)
            return false;
        if (dir->kept_count == dir->kept_cap) {
            uint32_t cap = dir->kept_cap == 0 ? 64 : dir->kept_cap * 2;
            uint64_t *grown = realloc(dir->kept, cap * sizeof(*grown));

            if (grown == NULL)
                return false;
            dir->kept = grown;
            dir->kept_cap = cap;
        }
        dir->kept_next = dir->kept_count++;
        dir->kept[dir->kept_next] = place;
    }
    *ret_index = dir->kept_next++;
    return true;
}

static uint64_t cookie_of(bx_dir *dir, uint64_t place)
{
    uint32_t index;

    if (place < COOKIE_KEPT)
        return place;
    if (keep_place(dir, place, &index))
        return COOKIE_KEPT + index;
    return (place - COOKIE_BASE) | COOKIE_RAW;
}

/* False: no place has this cookie. */
static bool place_of(bx_dir *dir, uint64_t cookie, uint64_t *ret_place)
{
    *ret_place = cookie;
    if (cookie < COOKIE_KEPT) {
        if (cookie <= COOKIE_FIRST)
            dir->kept_next = 0;
        return true;
    }
    if ((cookie & COOKIE_RAW) != 0) {
        *ret_place = (cookie & ~COOKIE_RAW) + COOKIE_BASE;
        return true;
    }
    if (cookie - COOKIE_KEPT >= dir->kept_count)
        return false;
    dir->kept_next = (uint32_t)(cookie - COOKIE_KEPT);
    *ret_place = dir->kept[dir->kept_next++];
    return true;
}

/* Stand at a place: mostly where the last call ended. */
static int32_t seek_place(bx_dir *dir, uint64_t place)
{
    uint64_t position = place > COOKIE_FIRST ? place - COOKIE_BASE : 0;

    if (place == dir->at && place > COOKIE_FIRST)
        return 0;
    if (place > COOKIE_FIRST) {
        for (size_t pos = 0; pos < dir->len;) {
            const struct dirent64 *entry =
                (const struct dirent64 *)(dir->piece + pos);

            pos += entry->d_reclen;
            if ((uint64_t)entry->d_off + COOKIE_BASE == place) {
                dir->pos = pos;
                dir->at = place;
                return 0;
            }
        }
    }
    dir->len = 0;
    dir->pos = 0;
    dir->at = place;
    if (position <= INT64_MAX && lseek(dir->fd, (off_t)position, SEEK_SET) >= 0)
        return 0;
    dir->at = UINT64_MAX; /* nowhere: the next call seeks again */
    return position > INT64_MAX || errno == EINVAL ? PAST_END
                                                   : bx_wasi_errno(errno);
}

int32_t bx_dir_rewind(bx_dir *dir)
{
    return seek_place(dir, 0);
}

static int32_t list_pieces(bx_dir *dir, uint64_t cookie, bx_out *out)
{
    int32_t err = 0;
    uint64_t place;

    if (!place_of(dir, cookie, &place))
        return 0; /* past the end */
    err = seek_place(dir, place);
    if (err != 0)
        return err == PAST_END ? 0 : err;
    while (dir->at < COOKIE_FIRST) {
        if (!bx_dir_put(out, dir->at + 1, dir->ino, BX_FILETYPE_DIRECTORY, "..",
                        dir->at + 1))
            return 0;
        dir->at++;
    }
    while (out->left > 0) {
        const struct dirent64 *entry = bx_dir_next(dir, &err);
        uint64_t next;

        if (entry == NULL)
            return err;
        next = (uint64_t)entry->d_off + COOKIE_BASE;
        if (!bx_dir_put(out, cookie_of(dir, next), entry->d_ino,
                        bx_dir_filetype(dir->fd, entry), entry->d_name,
                        strlen(entry->d_name)))
            return 0;
        bx_dir_pass(dir, entry);
    }
    return 0;
}

/* ---- the call ------------------------------------------------------- */

static int open_folder(bx_dir *dir, const bx_fd *fd)
{
    struct stat stat;

    dir->fd = fd->host_fd;
    if (fd->host_fd < 0)
        return 0;
    if (fd->is_path) {
        dir->fd = openat(fd->host_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir->fd < 0)
            return -1;
        dir->is_owned = true;
    }
    if (fstat(dir->fd, &stat) < 0)
        return -1;
    dir->ino = stat.st_ino;
    return 0;
}

/* Begin a listing; NULL with *ret_errno. */
static bx_dir *start(const bx_wasi *wasi, const bx_fd *fd, int32_t *ret_errno)
{
    bx_dir *dir = calloc(1, sizeof(*dir));

    *ret_errno = BX_WASI_ENOMEM;
    if (dir == NULL)
        return NULL;
    dir->fd = -1;
    dir->up_fd = -1;
    dir->at = UINT64_MAX; /* nowhere: the first call seeks */
    dir->is_whole = wasi->run->is_deterministic || !fd->is_uniform;
    dir->piece = malloc(PIECE_BYTES);
    if (dir->piece != NULL) {
        if ((wasi->fs->overlay != NULL ? bx_dir_open_covered(dir, wasi, fd)
                                       : open_folder(dir, fd)) == 0)
            return dir;
        *ret_errno = bx_wasi_errno(errno);
    }
    bx_dir_free(dir);
    return NULL;
}

int32_t bx_wasi_fd_readdir(void *host, const bx_guest *guest,
                           const bx_raw *args)
{
    bx_out out = { bx_guest_range(guest, args[1].u32, args[2].u32),
                   args[2].u32 };
    uint8_t *ret_bytes = bx_guest_range(guest, args[4].u32, 4);
    int32_t err = 0;
    bx_fd *fd;

    if (out.at == NULL || ret_bytes == NULL)
        return BX_WASI_EFAULT;
    fd = bx_wasi_fd(host, args[0].u32, 0, &err);
    if (fd == NULL)
        return err;
    if (fd->kind != BX_FD_DIR)
        return BX_WASI_ENOTDIR;
    if ((fd->base & BX_RIGHT_FD_READDIR) == 0)
        return BX_WASI_ENOTCAPABLE;
    err = bx_fd_need(host, "fd_readdir", fd, BX_ACCESS_READ);
    if (err != 0)
        return err;
    if (fd->dir == NULL)
        fd->dir = start(host, fd, &err);
    else if (args[3].u64 == 0 && ((bx_wasi *)host)->fs->overlay != NULL &&
             bx_dir_open_covered(fd->dir, host, fd) < 0)
        return bx_wasi_errno(errno);
    if (fd->dir == NULL)
        return err;
    err = 0;
    if (fd->dir->is_whole)
        err = bx_dir_list_whole(fd->dir, host, fd, args[3].u64, &out);
    else
        err = list_pieces(fd->dir, args[3].u64, &out);
    if (err == 0)
        bx_store32(ret_bytes, args[2].u32 - (uint32_t)out.left);
    return err;
}
