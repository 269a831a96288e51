#include "wasi/need.h"

#include <string.h>

/* Ask for one path; "" is the root. */
static bool ask(bx_wasi *wasi, const char *kind, const char *guest, size_t len)
{
    return len == 0 ? bx_run_need(wasi->run, kind, "/", 1)
                    : bx_run_need(wasi->run, kind, guest, len);
}

static bool ask_access(bx_wasi *wasi, const char *guest, size_t len,
                       unsigned access)
{
    if (access == BX_ACCESS_SEE)
        return ask(wasi, "fs.stat", guest, len);
    if ((access & BX_ACCESS_READ) != 0 && !ask(wasi, "fs.read", guest, len))
        return false;
    return (access & BX_ACCESS_WRITE) == 0 || ask(wasi, "fs.write", guest, len);
}

/* As the policy refuses: what can be read is a read-only file system. */
static int32_t refusal(unsigned has, unsigned access)
{
    return access == BX_ACCESS_WRITE && (has & BX_ACCESS_READ) != 0
               ? BX_WASI_EROFS
               : BX_WASI_EACCES;
}

/* Put one name behind a guest path; false: there is no room. */
static bool put_name(bx_place *place, const char *name, size_t bytes)
{
    if (place->guest_len + 1 + bytes >= BX_GUEST_PATH_BYTES)
        return false;
    place->text->guest[place->guest_len] = '/';
    memcpy(place->text->guest + place->guest_len + 1, name, bytes);
    place->guest_len += 1 + bytes;
    return true;
}

/* Put names behind a guest path; false at "..", or without room. */
static bool put_names(bx_place *place, const char *at)
{
    while (*at != '\0') {
        size_t bytes = strcspn(at, "/");

        if (bytes == 2 && memcmp(at, "..", 2) == 0)
            return false;
        if (bytes > 0 && !(bytes == 1 && *at == '.') &&
            !put_name(place, at, bytes))
            return false;
        at += bytes;
        at += strspn(at, "/");
    }
    return true;
}

bool bx_need_guess(const bx_path *path, bx_final final, bx_place *place)
{
    if (final == BX_FINAL_ENTRY)
        return false;
    memcpy(place->text->guest, path->dir->guest_path, path->dir->guest_len);
    place->guest_len = path->dir->guest_len;
    place->is_guess = put_names(place, path->text);
    return place->is_guess;
}

int32_t bx_need_walk(bx_path *path, bx_place *place)
{
    if (!place->is_guess)
        return 0;
    return bx_walk(path, place->is_follow ? BX_FINAL_FOLLOW : BX_FINAL_NOFOLLOW,
                   place);
}

int32_t bx_need_place(const bx_path *path, const bx_place *place,
                      unsigned access)
{
    if (path->wasi->run->need == NULL ||
        (access == BX_ACCESS_SEE && bx_path_is_preopen(path, place)))
        return 0;
    /* A place whose path is not known cannot be asked for: it is not given. */
    if (place->guest_len != SIZE_MAX &&
        ask_access(path->wasi, place->text->guest, place->guest_len, access))
        return 0;
    bx_path_deny(path, place, BX_NEED_REASON, BX_NEED_RULE);
    return refusal(place->region.access, access);
}

int32_t bx_need_fd(bx_wasi *wasi, const char *call, const bx_fd *fd,
                   unsigned access)
{
    const char *guest = fd->guest_path == NULL ? "" : fd->guest_path;

    if (wasi->run->need == NULL)
        return 0;
    /* Of a folder that is open, reading is listing. */
    if (fd->guest_path != NULL &&
        (access == BX_ACCESS_READ
             ? ask(wasi, "fs.list", guest, fd->guest_len)
             : ask_access(wasi, guest, fd->guest_len, access)))
        return 0;
    bx_run_deny(wasi->run, call, fd->guest_len == 0 ? "/" : guest,
                fd->guest_len == 0 ? 1 : fd->guest_len, BX_NEED_REASON,
                BX_NEED_RULE);
    return refusal(fd->access, access);
}

int32_t bx_need_remove(const bx_path *path, const bx_place *place)
{
    if (path->wasi->run->need == NULL)
        return 0;
    if (place->guest_len != SIZE_MAX &&
        ask(path->wasi, "fs.remove", place->text->guest, place->guest_len))
        return 0;
    bx_path_deny(path, place, BX_NEED_REASON, BX_NEED_RULE);
    return BX_WASI_EBUSY;
}

int32_t bx_need_move(const bx_path *path, const bx_place *from,
                     const bx_place *to)
{
    char both[2 * BX_GUEST_PATH_BYTES];
    size_t len;

    if (path->wasi->run->need == NULL)
        return 0;
    if (from->guest_len != SIZE_MAX && to->guest_len != SIZE_MAX) {
        memcpy(both, from->text->guest, from->guest_len);
        both[from->guest_len] = '/';
        len = from->guest_len + 1 + to->guest_len;
        memcpy(both + from->guest_len + 1, to->text->guest, to->guest_len);
        if (ask(path->wasi, "fs.move", both, len))
            return 0;
    }
    bx_path_deny(path, to, BX_NEED_REASON, BX_NEED_RULE);
    return BX_WASI_EXDEV;
}

static bool is_missing(int32_t err)
{
    return err == BX_WASI_ENOENT || err == BX_WASI_ENOTDIR ||
           err == BX_WASI_ELOOP;
}

int32_t bx_need_missing(const bx_path *path, const bx_place *place, int32_t err)
{
    int32_t refused = 0;

    if (path->wasi->run->need != NULL && is_missing(err))
        refused = bx_need_place(path, place, BX_ACCESS_SEE);
    return refused != 0 ? refused : err;
}

void bx_need_put_rest(const bx_path *path, bx_place *place, const char *rest)
{
    size_t len = place->guest_len;

    if (path->wasi->run->need != NULL && !put_names(place, rest))
        place->guest_len = len;
}

int32_t bx_need_link(const bx_path *path, const bx_place *place, size_t bytes)
{
    bx_place link = *place;

    link.guest_len += 1 + bytes;
    return bx_need_place(path, &link, BX_ACCESS_SEE);
}

bool bx_need_env(bx_wasi *wasi, const char *name)
{
    size_t bytes = strlen(name);

    if (bx_run_need(wasi->run, "env", name, bytes))
        return true;
    bx_run_deny(wasi->run, "environ_get", name, bytes, BX_NEED_REASON,
                BX_NEED_RULE);
    return false;
}
