/* path_open: the one way a guest gets a descriptor. */
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "wasi/calls.h"
#include "wasi/need.h"

#define FILE_MODE 0666 /* as open() of C libraries; the umask applies */

typedef struct bx_open {
    uint32_t oflags;
    uint32_t fdflags;
    uint64_t base; /* rights asked for, within what the folder hands on */
    uint64_t inheriting;
    bool is_read;
    bool is_write;
} bx_open;

static int host_flags(const bx_open *open)
{
    static const struct {
        uint32_t fdflag;
        int flag;
    } map[] = {
        { BX_FDFLAG_APPEND, O_APPEND },
        { BX_FDFLAG_DSYNC, O_DSYNC },
        { BX_FDFLAG_RSYNC, O_RSYNC },
        { BX_FDFLAG_SYNC, O_SYNC },
    };
    /* Whatever lies there, opening it does not wait and does not become the
     * process's terminal. */
    int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

    flags |= !open->is_write ? O_RDONLY : open->is_read ? O_RDWR : O_WRONLY;
    if ((open->oflags & BX_OFLAG_DIRECTORY) != 0)
        flags |= O_DIRECTORY;
    if ((open->oflags & BX_OFLAG_TRUNC) != 0)
        flags |= O_TRUNC;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if ((open->fdflags & map[i].fdflag) != 0)
            flags |= map[i].flag;
    }
    return flags;
}

/* Check the arguments against themselves and the folder's rights. */
static int32_t read_arguments(const bx_raw *args, const bx_fd *dir,
                              bx_open *open)
{
    open->oflags = args[4].u32;
    open->fdflags = args[7].u32;
    open->base = args[5].u64 & dir->inheriting;
    open->inheriting = args[6].u64;
    if ((open->oflags & ~BX_OFLAGS_ALL) != 0 ||
        (open->fdflags & ~BX_FDFLAGS_ALL) != 0 ||
        (args[1].u32 & ~BX_LOOKUP_SYMLINK_FOLLOW) != 0)
        return BX_WASI_EINVAL;
    if ((open->oflags & BX_OFLAG_DIRECTORY) != 0 &&
        (open->oflags & ~BX_OFLAG_DIRECTORY) != 0)
        return BX_WASI_EINVAL;
    if ((open->oflags & BX_OFLAG_CREAT) != 0 &&
        (dir->base & BX_RIGHT_PATH_CREATE_FILE) == 0)
        return BX_WASI_ENOTCAPABLE;
    /* EPERM: what the public tests expect (truncation_rights). */
    if ((open->oflags & BX_OFLAG_TRUNC) != 0 &&
        (dir->base & BX_RIGHT_PATH_FILESTAT_SET_SIZE) == 0)
        return BX_WASI_EPERM;
    open->is_read = (open->base & BX_RIGHT_FD_READ) != 0;
    open->is_write = (open->base & BX_RIGHT_FD_WRITE) != 0;
    if (open->is_write && (open->oflags & BX_OFLAG_DIRECTORY) != 0)
        return BX_WASI_EISDIR;
    return 0;
}

/* Open or make the file, so that it is known which. Returns a descriptor. */
static int create(bx_path *path, bx_place *place, int flags, bx_open *open,
                  int32_t *ret_errno)
{
    bx_wasi *wasi = path->wasi;
    int fd = -1;

    *ret_errno = BX_WASI_ENOENT;
    if ((open->oflags & BX_OFLAG_EXCL) == 0) {
        fd = bx_place_open(path, place, flags, 0, ret_errno);
        if (fd >= 0 || *ret_errno != BX_WASI_ENOENT)
            return fd;
    }
    if (!bx_wasi_may_create(wasi)) {
        bx_path_deny(path, place, "max-create is used up", "max-create");
        *ret_errno = BX_WASI_EDQUOT;
        return -1;
    }
    fd = bx_place_open(path, place, flags | O_CREAT | O_EXCL, FILE_MODE,
                       ret_errno);
    /* Without EXCL: a link to nothing, which is made where it leads, or a
     * file that someone else made meanwhile. */
    if (fd < 0 && *ret_errno == BX_WASI_EEXIST &&
        (open->oflags & BX_OFLAG_EXCL) == 0)
        fd = bx_place_open(path, place, flags | O_CREAT, FILE_MODE, ret_errno);
    if (fd >= 0)
        wasi->run->used.fs_create_entries++;
    return fd;
}

/* Open what the place names, as far as its access allows. */
static int32_t open_place(bx_path *path, bx_place *place, bx_open *open,
                          bx_fd *fd)
{
    bool is_made = (open->oflags & BX_OFLAG_CREAT) != 0;
    bool is_changed =
        is_made || open->is_write || (open->oflags & BX_OFLAG_TRUNC) != 0;
    int flags = host_flags(open);
    int32_t err = 0;

    if (is_changed)
        err = bx_need_walk(path, place);
    if (is_changed && err == 0)
        err = bx_place_need(path, place,
                            BX_ACCESS_WRITE |
                                (open->is_read ? BX_ACCESS_READ : 0));
    if (err != 0)
        return err;
    /* What cannot be read may still be a folder that leads to what can. */
    fd->is_path = !is_changed && (place->region.access & BX_ACCESS_READ) == 0;
    if (fd->is_path)
        flags = O_PATH | (flags & O_DIRECTORY);
    fd->host_fd = is_made ? create(path, place, flags, open, &err)
                          : bx_place_open(path, place, flags, 0, &err);
    if (fd->host_fd < 0)
        return err;
    fd->is_base = place->is_base;
    if (is_changed)
        bx_path_did(path, place,
                    is_made          ? "create"
                    : open->is_write ? "write"
                                     : "truncate");
    return 0;
}

/* The guest path of an opened folder. Beneath a uniform folder it only serves
 * the audit, so one too long is replaced by its parent's. */
static int set_guest_path(const bx_path *path, const bx_place *place, bx_fd *fd)
{
    const bx_fd *dir = path->dir;
    size_t len;

    if (place->guest_len != SIZE_MAX) {
        fd->guest_path = strndup(place->text->guest, place->guest_len);
        fd->guest_len = place->guest_len;
        return fd->guest_path == NULL ? -1 : 0;
    }
    len = path->len;
    while (len > 0 && path->text[len - 1] == '/')
        len--;
    if ((len == 1 && path->text[0] == '.') ||
        dir->guest_len + 1 + len >= BX_GUEST_PATH_BYTES)
        len = 0;
    fd->guest_len = dir->guest_len + (len > 0 ? len + 1 : 0);
    fd->guest_path = malloc(fd->guest_len + 1);
    if (fd->guest_path == NULL)
        return -1;
    memcpy(fd->guest_path, dir->guest_path, dir->guest_len);
    if (len > 0) {
        fd->guest_path[dir->guest_len] = '/';
        memcpy(fd->guest_path + dir->guest_len + 1, path->text, len);
    }
    fd->guest_path[fd->guest_len] = '\0';
    return 0;
}

static int32_t fill_folder(const bx_path *path, const bx_place *place,
                           const bx_open *open, bx_fd *fd)
{
    const bx_fd *dir = path->dir;
    uint64_t base = open->base & BX_RIGHTS_DIR;

    fd->kind = BX_FD_DIR;
    fd->filetype = BX_FILETYPE_DIRECTORY;
    fd->flags = open->fdflags & BX_FDFLAG_NONBLOCK;
    fd->is_uniform =
        place->guest_len == SIZE_MAX ? true : !place->region.holds_point;
    /* Much code opens folders with no rights, or only those to read, and uses
     * them for everything: it gets what the parent has. */
    fd->base = base == 0 ? dir->base & dir->inheriting
                         : (base | BX_RIGHTS_DIR_ALWAYS) & dir->inheriting;
    fd->inheriting = open->inheriting == 0 ? dir->inheriting
                                           : open->inheriting & dir->inheriting;
    return set_guest_path(path, place, fd) < 0 ? BX_WASI_ENOMEM : 0;
}

static int32_t fill_file(const bx_path *path, const bx_place *place,
                         const bx_open *open, bx_fd *fd)
{
    uint64_t base = open->base | BX_RIGHTS_FILE_ALWAYS;

    fd->kind = BX_FD_FILE;
    fd->flags = (uint16_t)open->fdflags;
    if (open->is_write)
        base |= BX_RIGHTS_FILE_WRITE;
    else
        base &= ~(uint64_t)BX_RIGHTS_FILE_WRITE;
    fd->base = base & path->dir->inheriting & BX_RIGHTS_FILE;
    fd->inheriting = 0;
    /* To be brought up when its times are set. */
    return fd->is_base && set_guest_path(path, place, fd) < 0 ? BX_WASI_ENOMEM
                                                              : 0;
}

/* What was opened counts as used: a folder until it is listed as seen. */
static int32_t need_opened(const bx_path *path, const bx_place *place,
                           const bx_open *open, bx_fd *fd, bool is_folder)
{
    if (path->wasi->run->need == NULL)
        return 0;
    if (is_folder)
        return bx_need_place(path, place, BX_ACCESS_SEE);
    /* A file's times may be set by the descriptor later. */
    if (set_guest_path(path, place, fd) < 0)
        return BX_WASI_ENOMEM;
    if (!open->is_read &&
        (open->is_write ||
         (open->oflags & (BX_OFLAG_CREAT | BX_OFLAG_TRUNC)) != 0))
        return 0; /* asked before it was opened */
    return bx_need_place(path, place, BX_ACCESS_READ);
}

/* A file of /proc: our own memory and environment lie there, and what a write
 * to one does is no writing of a file. One that cannot be told is one. */
static bool is_proc(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC;
}

/* Make a descriptor of what was opened; refuse what no guest should hold. */
static int32_t fill(const bx_path *path, const bx_place *place,
                    const bx_open *open, bx_fd *fd)
{
    struct stat stat = { .st_mode = S_IFDIR };
    int32_t err;

    fd->access = (uint8_t)place->region.access;
    fd->mount = (int16_t)place->region.mount;
    if (fd->host_fd >= 0 && fstat(fd->host_fd, &stat) < 0)
        return BX_WASI_EIO;
    fd->filetype = bx_wasi_filetype(stat.st_mode);
    err = need_opened(path, place, open, fd, S_ISDIR(stat.st_mode));
    if (err != 0)
        return err;
    if (S_ISDIR(stat.st_mode)) {
        if ((open->oflags & BX_OFLAG_CREAT) != 0)
            return BX_WASI_EISDIR;
        return fill_folder(path, place, open, fd);
    }
    if (fd->is_path)
        return bx_place_need(path, place, BX_ACCESS_READ);
    if (!S_ISREG(stat.st_mode) && !S_ISFIFO(stat.st_mode)) {
        bx_path_deny(path, place, "devices and sockets are not opened",
                     path->wasi->fs->mounts[fd->mount].rule->origin);
        return BX_WASI_EACCES;
    }
    /* A file on a disk has a device with a major number: only others are asked,
     * so that most opens cost no call more. */
    if (major(stat.st_dev) == 0 && is_proc(fd->host_fd)) {
        bx_path_deny(path, place, "files of /proc are not opened",
                     path->wasi->fs->mounts[fd->mount].rule->origin);
        return BX_WASI_EACCES;
    }
    fd->is_pipe = S_ISFIFO(stat.st_mode);
    if (fd->is_pipe && place->layers != NULL) {
        bx_path_deny(path, place,
                     "under an overlay pipes are not opened: what goes "
                     "through them cannot be taken back",
                     path->wasi->fs->mounts[fd->mount].rule->origin);
        return BX_WASI_EACCES;
    }
    return fill_file(path, place, open, fd);
}

static int32_t open_path(bx_path *path, bx_open *open, bool is_follow,
                         bx_fd *fd)
{
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    int32_t err;
    if ((open->oflags & BX_OFLAG_EXCL) != 0)
        is_follow = false; /* open(2): O_EXCL does not follow */
    err = bx_path_find(path, is_follow ? BX_FINAL_FOLLOW : BX_FINAL_NOFOLLOW,
                       &place);
    if (err != 0)
        return err;
    if (place.is_virtual) {
        if (open->is_write || (open->oflags & ~BX_OFLAG_DIRECTORY) != 0)
            return BX_WASI_EISDIR;
    } else {
        err = open_place(path, &place, open, fd);
        if (err != 0)
            return err;
    }
    return fill(path, &place, open, fd);
}

int32_t bx_wasi_path_open(void *host, const bx_guest *guest, const bx_raw *args)
{
    bx_wasi *wasi = host;
    uint8_t *ret_fd = bx_guest_range(guest, args[8].u32, 4);
    bx_fd fd = { .host_fd = -1, .is_owned = true, .preopen = -1 };
    bx_path path;
    bx_open open;
    int32_t err;
    int number;

    if (ret_fd == NULL)
        return BX_WASI_EFAULT;
    err = bx_path_load(&path, wasi, guest, "path_open", args[0].u32,
                       BX_RIGHT_PATH_OPEN, args[2].u32, args[3].u32);
    if (err == 0)
        err = read_arguments(args, path.dir, &open);
    if (err == 0 && wasi->table.opened >= wasi->policy->limits.open_files) {
        bx_path_deny(&path, NULL, "max-open-files are open", "max-open-files");
        err = BX_WASI_EMFILE;
    }
    if (err == 0)
        err = open_path(&path, &open,
                        (args[1].u32 & BX_LOOKUP_SYMLINK_FOLLOW) != 0, &fd);
    if (err == 0) {
        number = bx_fd_add(&wasi->table, &fd);
        if (number >= 0) {
            bx_store32(ret_fd, (uint32_t)number);
            return 0;
        }
        err = BX_WASI_ENOMEM;
    }
    bx_fd_release(&fd);
    return err;
}
