/* filestat by path: read, and the times set. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "wasi/calls.h"
#include "wasi/need.h"
#include "wasi/overlay_place.h"

/* One name beneath a uniform folder: nothing to resolve. */
static bool is_single(const bx_path *path, const bx_place *place)
{
    return place->is_whole && strchr(path->text, '/') == NULL &&
           !bx_name_is_dots(path->text);
}

/* A folder that only the policy has. */
static void fill_virtual(struct stat *stat)
{
    *stat = (struct stat){ .st_mode = S_IFDIR | 0555, .st_nlink = 2 };
}

static int32_t stat_walked(const bx_path *path, const bx_place *place,
                           struct stat *stat)
{
    if (place->is_virtual) {
        fill_virtual(stat);
        return 0;
    }
    if ((place->layers != NULL ? bx_covered_stat(path, place, stat)
                               : fstatat(place->dir_fd, place->name, stat,
                                         AT_SYMLINK_NOFOLLOW)) < 0)
        return bx_wasi_errno(errno);
    return place->is_dir && !S_ISDIR(stat->st_mode) ? BX_WASI_ENOTDIR : 0;
}

static int32_t stat_covered(bx_path *path, bx_place *place, struct stat *stat)
{
    bx_final final = place->is_follow ? BX_FINAL_FOLLOW : BX_FINAL_NOFOLLOW;
    int32_t err;

    if (place->is_whole) {
        if (bx_covered_stat(path, place, stat) < 0) {
            if (errno != ELOOP)
                return bx_wasi_errno(errno);
        } else if (!place->is_follow || !S_ISLNK(stat->st_mode)) {
            return 0;
        }
        err = bx_walk(path, final, place);
        if (err != 0)
            return err;
    }
    return stat_walked(path, place, stat);
}

static int32_t stat_place(bx_path *path, bx_place *place, struct stat *stat)
{
    int32_t err;
    int fd;

    if (place->layers != NULL)
        return stat_covered(path, place, stat);
    if (!place->is_whole)
        return stat_walked(path, place, stat);
    if (is_single(path, place)) {
        if (fstatat(place->dir_fd, place->name, stat, AT_SYMLINK_NOFOLLOW) < 0)
            return bx_wasi_errno(errno);
        if (!place->is_follow || !S_ISLNK(stat->st_mode))
            return 0;
    }
    fd = bx_place_open(path, place, O_PATH, 0, &err);
    if (fd < 0)
        return err;
    err = fstat(fd, stat) < 0 ? bx_wasi_errno(errno) : 0;
    close(fd);
    return err;
}

static int32_t stat_path(bx_path *path, bool is_follow, struct stat *stat)
{
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    int32_t err;
    err = bx_path_find(path, is_follow ? BX_FINAL_FOLLOW : BX_FINAL_NOFOLLOW,
                       &place);
    if (err != 0)
        return err;
    err = stat_place(path, &place, stat);
    return err == 0 ? bx_need_place(path, &place, BX_ACCESS_SEE)
                    : bx_need_missing(path, &place, err);
}

int32_t bx_path_filestat_get(bx_wasi *wasi, const bx_guest *guest,
                             const bx_raw *args, bx_filestat_fn *store,
                             uint32_t bytes)
{
    uint8_t *ret_stat = bx_guest_range(guest, args[4].u32, bytes);
    struct stat stat = { .st_mode = 0 };
    bx_path path;
    int32_t err;

    if (ret_stat == NULL)
        return BX_WASI_EFAULT;
    err = bx_path_load(&path, wasi, guest, "path_filestat_get", args[0].u32,
                       BX_RIGHT_PATH_FILESTAT_GET, args[2].u32, args[3].u32);
    if (err == 0 && (args[1].u32 & ~BX_LOOKUP_SYMLINK_FOLLOW) != 0)
        err = BX_WASI_EINVAL;
    if (err == 0)
        err = stat_path(&path, args[1].u32 != 0, &stat);
    if (err == 0)
        store(ret_stat, &stat, bx_wasi_filetype(stat.st_mode));
    return err;
}

int32_t bx_wasi_path_filestat_get(void *host, const bx_guest *guest,
                                  const bx_raw *args)
{
    return bx_path_filestat_get(host, guest, args, bx_wasi_store_filestat,
                                BX_FILESTAT_BYTES);
}

int32_t bx_wasi_path_filestat_set_times(void *host, const bx_guest *guest,
                                        const bx_raw *args)
{
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    struct timespec times[2];
    bx_path path;
    int32_t err;
    err = bx_path_load(&path, host, guest, "path_filestat_set_times",
                       args[0].u32, BX_RIGHT_PATH_FILESTAT_SET_TIMES,
                       args[2].u32, args[3].u32);
    if (err == 0 && (args[1].u32 & ~BX_LOOKUP_SYMLINK_FOLLOW) != 0)
        err = BX_WASI_EINVAL;
    if (err == 0)
        err = bx_wasi_times(host, args[4].u64, args[5].u64, args[6].u32, times);
    if (err != 0)
        return err;
    if (path.text[0] == '/')
        return bx_path_deny_escape(&path);
    /* Walked always: utimensat() takes a parent and a name. */
    err = bx_walk(&path, args[1].u32 != 0 ? BX_FINAL_FOLLOW : BX_FINAL_NOFOLLOW,
                  &place);
    if (err == 0)
        err = bx_place_need(&path, &place, BX_ACCESS_WRITE);
    if (err != 0)
        return err;
    if (place.is_virtual)
        return BX_WASI_EACCES;
    if ((place.layers != NULL ? bx_covered_set_times(&path, &place, times)
                              : utimensat(place.dir_fd, place.name, times,
                                          AT_SYMLINK_NOFOLLOW)) < 0)
        return bx_overlay_errno(&path, &place, errno);
    return 0;
}
