/* The path calls that make, remove, rename and look. Entries are reached
 * through their held parent and a link at the end is never followed, unless the
 * spec says so. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "wasi/calls.h"
#include "wasi/need.h"
#include "wasi/overlay_place.h"

#define DIR_MODE 0777 /* the umask applies */

/* A link in place of a folder above a protected path would lead whoever looks
 * for that path elsewhere. */
static int32_t check_link_place(const bx_path *path, const bx_place *place)
{
    if (!place->region.holds_guarded)
        return 0;
    bx_path_deny(path, place, "a protected path lies there",
                 path->wasi->fs->mounts[place->region.mount].rule->origin);
    return BX_WASI_EACCES;
}

/* Find an entry that is to be made, and may be. */
static int32_t find_new(bx_path *path, bx_place *place)
{
    int32_t err = bx_path_find(path, BX_FINAL_ENTRY, place);

    if (err != 0)
        return err;
    if (place->region.is_mount || place->region.holds_mount)
        return BX_WASI_EEXIST; /* a mapping is there, or above one */
    err = bx_place_need(path, place, BX_ACCESS_WRITE);
    if (err != 0)
        return err;
    if (place->is_virtual)
        return BX_WASI_EACCES;
    if (!bx_wasi_may_create(path->wasi)) {
        bx_path_deny(path, place, "max-create is used up", "max-create");
        return BX_WASI_EDQUOT;
    }
    return 0;
}

int32_t bx_path_find_old(bx_path *path, bx_place *place)
{
    int32_t err = bx_path_find(path, BX_FINAL_ENTRY, place);

    if (err == 0)
        err = bx_place_need(path, place, BX_ACCESS_WRITE);
    if (err != 0)
        return err;
    if (place->region.is_mount || place->region.holds_point) {
        bx_path_deny(path, place, "a mapping or grant lies there",
                     bx_fs_explain(path->wasi->fs, place->text->guest,
                                   place->guest_len, BX_ACCESS_WRITE)
                         .rule);
        return BX_WASI_EBUSY;
    }
    return place->is_virtual ? BX_WASI_ENOENT : 0;
}

static int32_t made(const bx_path *path, const bx_place *place, int result)
{
    if (result < 0)
        return bx_overlay_errno(path, place, errno);
    path->wasi->run->used.fs_create_entries++;
    bx_path_did(path, place, "");
    return 0;
}

int32_t bx_wasi_path_create_directory(void *host, const bx_guest *guest,
                                      const bx_raw *args)
{
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    bx_path path;
    int32_t err;
    err =
        bx_path_load(&path, host, guest, "path_create_directory", args[0].u32,
                     BX_RIGHT_PATH_CREATE_DIRECTORY, args[1].u32, args[2].u32);
    if (err == 0)
        err = find_new(&path, &place);
    if (err != 0)
        return err;
    return made(&path, &place,
                place.layers != NULL
                    ? bx_covered_make_folder(&path, &place, DIR_MODE)
                    : mkdirat(place.dir_fd, place.name, DIR_MODE));
}

static int32_t remove_entry(bx_wasi *wasi, const bx_guest *guest,
                            const bx_raw *args, const char *call,
                            uint64_t right, int flags)
{
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    bx_path path;
    int32_t err;
    err = bx_path_load(&path, wasi, guest, call, args[0].u32, right,
                       args[1].u32, args[2].u32);
    if (err == 0)
        err = bx_path_find_old(&path, &place);
    if (err == 0 && (flags & AT_REMOVEDIR) != 0)
        err = bx_need_remove(&path, &place);
    if (err != 0)
        return err;
    if ((place.layers != NULL ? bx_covered_remove(&path, &place, flags)
                              : unlinkat(place.dir_fd, place.name, flags)) < 0)
        return bx_overlay_errno(&path, &place, errno);
    bx_path_did(&path, &place, "");
    return 0;
}

int32_t bx_wasi_path_remove_directory(void *host, const bx_guest *guest,
                                      const bx_raw *args)
{
    return remove_entry(host, guest, args, "path_remove_directory",
                        BX_RIGHT_PATH_REMOVE_DIRECTORY, AT_REMOVEDIR);
}

int32_t bx_wasi_path_unlink_file(void *host, const bx_guest *guest,
                                 const bx_raw *args)
{
    return remove_entry(host, guest, args, "path_unlink_file",
                        BX_RIGHT_PATH_UNLINK_FILE, 0);
}

/* What moves or is linked keeps its access: both ends lie in one mapping, in
 * regions that give the same. */
static int32_t check_same_region(const bx_path *path, const bx_place *from,
                                 const bx_place *to)
{
    if (from->region.mount == to->region.mount &&
        from->region.access == to->region.access)
        return bx_need_move(path, from, to);
    bx_path_deny(path, to, "the two paths lie in different mappings or grants",
                 path->wasi->fs->mounts[to->region.mount].rule->origin);
    return BX_WASI_EXDEV;
}

/* A file renamed over another gets that one's permissions: preview1 has no way
 * to give any, and programs that replace a file in one step would silently take
 * its executable bit. It gives a guest nothing new: it could have written the
 * same content into the old file. Other names of the new file, outside the
 * mapping perhaps, must not change with it, so it has none. */
static void keep_mode(const bx_place *from, const bx_place *to)
{
    bx_autofd int fd = -1;
    struct stat old;
    struct stat new;

    if (fstatat(to->dir_fd, to->name, &old, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(old.st_mode) ||
        fstatat(from->dir_fd, from->name, &new, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(new.st_mode) || new.st_nlink != 1 ||
        (new.st_mode & 0777) == (old.st_mode & 0777))
        return;
    /* By descriptor: a name could lead elsewhere by now. */
    fd = openat(from->dir_fd, from->name,
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &new) == 0 && S_ISREG(new.st_mode) &&
        new.st_nlink == 1)
        (void)fchmod(fd, old.st_mode & 0777); /* not ours: renamed as it is */
}

static int rename_place(const bx_path *from_path, const bx_place *from,
                        const bx_path *to_path, const bx_place *to)
{
    if (from->layers != NULL)
        return bx_covered_rename(from_path, from, to_path, to);
    keep_mode(from, to);
    return renameat(from->dir_fd, from->name, to->dir_fd, to->name);
}

int32_t bx_wasi_path_rename(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    bx_place_text from_text;
    bx_autoplace bx_place from = BX_PLACE_INIT(&from_text);
    bx_place_text to_text;
    bx_autoplace bx_place to = BX_PLACE_INIT(&to_text);
    bx_path from_path;
    bx_path to_path;
    int32_t err;
    err = bx_path_load(&from_path, host, guest, "path_rename", args[0].u32,
                       BX_RIGHT_PATH_RENAME_SOURCE, args[1].u32, args[2].u32);
    if (err == 0)
        err =
            bx_path_load(&to_path, host, guest, "path_rename", args[3].u32,
                         BX_RIGHT_PATH_RENAME_TARGET, args[4].u32, args[5].u32);
    if (err == 0)
        err = bx_path_find_old(&from_path, &from);
    if (err == 0)
        err = bx_path_find_old(&to_path, &to);
    if (err == 0)
        err = check_same_region(&to_path, &from, &to);
    if (err != 0)
        return err;
    if (rename_place(&from_path, &from, &to_path, &to) < 0)
        return bx_overlay_errno(&from_path, &from, errno);
    bx_path_did_move(&from_path, &from, &to_path, &to);
    return 0;
}

/* What lies at a place, whose name may end in '/'; -1 with errno. */
static int look_at(const bx_path *path, const bx_place *place,
                   struct stat *ret_stat)
{
    char name[BX_NAME_BYTES];
    size_t len = strcspn(place->name, "/");

    if (place->layers != NULL)
        return bx_covered_stat(path, place, ret_stat);
    if (len >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, place->name, len);
    name[len] = '\0';
    return fstatat(place->dir_fd, name, ret_stat, AT_SYMLINK_NOFOLLOW);
}

/* The source of a hard link. A name with a '/' behind would be followed by
 * linkat(), so what it must be, a folder, is refused here. */
static int32_t find_link_source(bx_path *path, bx_place *place)
{
    struct stat stat;
    int32_t err = bx_path_find_old(path, place);

    if (err != 0 || !place->is_dir)
        return err;
    if (bx_name_is_dots(place->name))
        return BX_WASI_EPERM;
    if (look_at(path, place, &stat) < 0)
        return bx_wasi_errno(errno);
    return S_ISDIR(stat.st_mode) ? BX_WASI_EPERM : BX_WASI_ENOTDIR;
}

int32_t bx_wasi_path_link(void *host, const bx_guest *guest, const bx_raw *args)
{
    bx_place_text from_text;
    bx_autoplace bx_place from = BX_PLACE_INIT(&from_text);
    bx_place_text to_text;
    bx_autoplace bx_place to = BX_PLACE_INIT(&to_text);
    bx_path from_path;
    bx_path to_path;
    int32_t err;
    err = bx_path_load(&from_path, host, guest, "path_link", args[0].u32,
                       BX_RIGHT_PATH_LINK_SOURCE, args[2].u32, args[3].u32);
    if (err == 0)
        err = bx_path_load(&to_path, host, guest, "path_link", args[4].u32,
                           BX_RIGHT_PATH_LINK_TARGET, args[5].u32, args[6].u32);
    if (err == 0 && args[1].u32 != 0)
        err = BX_WASI_EINVAL; /* links are linked, as the public tests expect */
    if (err == 0)
        err = find_link_source(&from_path, &from);
    if (err == 0)
        err = find_new(&to_path, &to);
    if (err == 0)
        err = check_link_place(&to_path, &to);
    if (err == 0)
        err = check_same_region(&to_path, &from, &to);
    if (err != 0)
        return err;
    return made(&to_path, &to,
                to.layers != NULL
                    ? bx_covered_link(&from_path, &from, &to_path, &to)
                    : linkat(from.dir_fd, from.name, to.dir_fd, to.name, 0));
}

/* A name with '/' behind it where something other than a folder is. The
 * public tests expect ENOTDIR, the kernel says EEXIST. */
static bool is_not_folder(const bx_path *path, const bx_place *place)
{
    struct stat stat;

    return place->is_dir && look_at(path, place, &stat) == 0 &&
           !S_ISDIR(stat.st_mode);
}

int32_t bx_wasi_path_symlink(void *host, const bx_guest *guest,
                             const bx_raw *args)
{
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    char content[BX_PATH_BYTES];
    bx_path path;
    int32_t err;
    err = bx_path_load(&path, host, guest, "path_symlink", args[2].u32,
                       BX_RIGHT_PATH_SYMLINK, args[3].u32, args[4].u32);
    if (err == 0)
        err = bx_path_copy(guest, args[0].u32, args[1].u32, content);
    if (err == 0)
        err = find_new(&path, &place);
    if (err == 0)
        err = check_link_place(&path, &place);
    if (err != 0)
        return err;
    if (content[0] == '/') {
        /* It would lead a host program that follows it anywhere. */
        bx_path_deny(&path, &place, "links to absolute paths are not made",
                     path.wasi->fs->mounts[place.region.mount].rule->origin);
        return BX_WASI_EPERM;
    }
    if ((place.layers != NULL
             ? bx_covered_make_link(&path, &place, content)
             : symlinkat(content, place.dir_fd, place.name)) == 0)
        return made(&path, &place, 0);
    if (errno == EEXIST && is_not_folder(&path, &place))
        return BX_WASI_ENOTDIR;
    return bx_overlay_errno(&path, &place, errno);
}

static ssize_t read_link(const bx_path *path, const bx_place *place, char *buf,
                         size_t bytes)
{
    if (place->layers != NULL)
        return bx_layers_readlink(place->layers, bx_place_beneath(path, place),
                                  buf, bytes);
    return readlinkat(place->dir_fd, place->name, buf, bytes);
}

int32_t bx_wasi_path_readlink(void *host, const bx_guest *guest,
                              const bx_raw *args)
{
    uint8_t *buf = bx_guest_range(guest, args[3].u32, args[4].u32);
    uint8_t *ret_len = bx_guest_range(guest, args[5].u32, 4);
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    char spare;
    ssize_t len;
    bx_path path;
    int32_t err;

    if (buf == NULL || ret_len == NULL)
        return BX_WASI_EFAULT;
    err = bx_path_load(&path, host, guest, "path_readlink", args[0].u32,
                       BX_RIGHT_PATH_READLINK, args[1].u32, args[2].u32);
    if (err == 0)
        err = bx_path_find(&path, BX_FINAL_ENTRY, &place);
    if (err == 0 && place.is_dir)
        err = bx_walk(&path, BX_FINAL_FOLLOW, &place); /* follows "link/" */
    if (err == 0)
        err = bx_place_need(&path, &place, BX_ACCESS_READ);
    if (err != 0)
        return err;
    if (place.is_virtual || place.region.is_mount)
        return BX_WASI_EINVAL;
    /* readlink() refuses a buffer of no bytes; preview1 does not. */
    if (args[4].u32 == 0)
        len = read_link(&path, &place, &spare, 1);
    else
        len = read_link(&path, &place, (char *)buf, args[4].u32);
    if (len < 0)
        return bx_wasi_errno(errno);
    bx_store32(ret_len, args[4].u32 == 0 ? 0 : (uint32_t)len);
    return 0;
}
