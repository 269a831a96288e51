#include "overlay/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "overlay/content.h"

static atomic_bool is_plain_forced;
static void (*made_hook)(void);

void bx_apply_set_hook(void (*hook)(void))
{
    made_hook = hook;
}

void bx_apply_force_plain(bool is_forced)
{
    atomic_store(&is_plain_forced, is_forced);
}

/* One change under way. */
typedef struct apply {
    const bx_overlay_store *store;
    const bx_overlay_mapping *at;
    const bx_delta *change;
    int parent_fd; /* of the base */
    const char *name;
    char temporary[BX_APPLY_NAME_BYTES];
    bool is_swapped; /* the old entry has the temporary name */
    bx_error **err;
} apply;

/* The same for the same path, so that the next commit finds it. */
void bx_apply_name(const bx_overlay_store *store, size_t mapping,
                   const char *path, char name[BX_APPLY_NAME_BYTES])
{
    uint8_t digest[BX_DIGEST_BYTES];
    char number[24];
    char text[65];
    bx_sha256_parts parts;

    snprintf(number, sizeof(number), "/%zu/", mapping);
    bx_sha256_begin(&parts);
    bx_sha256_add(&parts, store->id, strlen(store->id));
    bx_sha256_add(&parts, number, strlen(number));
    bx_sha256_add(&parts, path, strlen(path));
    bx_sha256_end(&parts, digest);
    bx_digest_format(digest, text);
    snprintf(name, BX_APPLY_NAME_BYTES, ".boxagnts-%.16s", text);
}

/* ---- saying what went wrong ------------------------------------------ */

static char *host_path(const apply *task)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_printf(&text, "%s/",
                      strcmp(task->at->path, "/") == 0 ? "" : task->at->path) <
            0 ||
        bx_buf_put_escaped(&text, task->change->path,
                           strlen(task->change->path), SIZE_MAX) < 0)
        return NULL;
    return bx_buf_take(&text);
}

static int fail(const apply *task, int errnum)
{
    bx_autofree char *path = host_path(task);

    return path == NULL ? bx_error_set_nomem(task->err)
                        : bx_error_set_errno(task->err, errnum, "'%s'", path);
}

static int refuse(const apply *task, const char *why)
{
    bx_autofree char *path = host_path(task);

    return path == NULL
               ? bx_error_set_nomem(task->err)
               : bx_error_set(task->err, BX_ERR_DENIED,
                              "'%s': %s, just now; look at `boxagnts overlay "
                              "diff %s` and commit again",
                              path, why, task->store->name);
}

static int refuse_changed(const apply *task)
{
    return refuse(task, "it was changed");
}

/* ---- what lies there ------------------------------------------------- */

static int open_parent(apply *task)
{
    if (task->at->base_fd < 0)
        return bx_error_set(task->err, BX_ERR_DENIED,
                            "the mapped folder '%s' is no more, or a link "
                            "leads there now",
                            task->at->path);
    task->parent_fd = bx_beneath_open_parent(task->at->base_fd,
                                             task->change->path, &task->name);
    if (task->parent_fd >= 0)
        return 0;
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return refuse(task, "a folder above it is gone, or became a link");
    return fail(task, errno);
}

/* Is the entry of that name the one that the change was made of? */
static int is_as_planned(const apply *task, const char *name, bool *ret_is)
{
    bx_entry now;

    if (bx_entry_read(task->parent_fd, name, &now) < 0)
        return fail(task, errno);
    *ret_is = bx_entry_is_same(&now, &task->change->before);
    return 0;
}

static int remove_entry(const apply *task, const char *name)
{
    if (unlinkat(task->parent_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    return unlinkat(task->parent_fd, name, AT_REMOVEDIR);
}

/* ---- making the new entry beside the old ----------------------------- */

/* As the file it replaces, where that is allowed; otherwise the caller's. */
static void give_owner(const apply *task, int fd)
{
    struct stat old;

    if (task->change->before.kind == BX_ENTRY_FILE &&
        fstatat(task->parent_fd, task->name, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(old.st_mode))
        (void)!fchown(fd, old.st_uid, old.st_gid);
}

static int make_file(const apply *task)
{
    const bx_entry *after = &task->change->after;
    bx_autofd int from = bx_beneath_open(task->at->up_fd, task->change->path,
                                         O_RDONLY | O_NONBLOCK);
    bx_autofd int to = -1;
    struct stat stat;
    const char *problem = NULL;

    if (from < 0 || fstat(from, &stat) < 0)
        return fail(task, errno);
    if (!S_ISREG(stat.st_mode))
        return fail(task, EINVAL);
    to = openat(task->parent_fd, task->temporary,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return fail(task, errno);
    if (bx_content_copy(from, to) < 0)
        problem = "copy";
    give_owner(task, to);
    if (problem == NULL &&
        (fchmod(to, after->mode) < 0 ||
         futimens(to, (struct timespec[]){ stat.st_atim, stat.st_mtim }) < 0 ||
         fsync(to) < 0))
        problem = "keep";
    if (problem != NULL) {
        int errnum = errno;

        (void)unlinkat(task->parent_fd, task->temporary, 0);
        return fail(task, errnum);
    }
    return 0;
}

static int make_link(const apply *task)
{
    bx_autofree char *content =
        bx_beneath_read_link(task->at->up_fd, task->change->path);
    int64_t ns = task->change->after.mtime_ns;
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                       { ns / 1000000000, ns % 1000000000 } };

    if (content == NULL ||
        symlinkat(content, task->parent_fd, task->temporary) < 0)
        return fail(task, errno);
    if (ns >= 0)
        (void)!utimensat(task->parent_fd, task->temporary, times,
                         AT_SYMLINK_NOFOLLOW);
    return 0;
}

static int make_folder(const apply *task)
{
    bx_autofd int fd = -1;

    if (mkdirat(task->parent_fd, task->temporary, 0700) < 0)
        return fail(task, errno);
    fd = openat(task->parent_fd, task->temporary,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, task->change->after.mode) < 0)
        return fail(task, errno);
    return 0;
}

static int make_new(const apply *task)
{
    switch (task->change->after.kind) {
    case BX_ENTRY_FILE:
        return make_file(task);
    case BX_ENTRY_LINK:
        return make_link(task);
    case BX_ENTRY_FOLDER:
        return make_folder(task);
    default:
        return fail(task, EINVAL);
    }
}

/* ---- putting it in the place ----------------------------------------- */

static int rename_in(const apply *task, const char *from, const char *to,
                     unsigned flags)
{
    if (flags != 0 && atomic_load(&is_plain_forced)) {
        errno = EINVAL;
        return -1;
    }
    return renameat2(task->parent_fd, from, task->parent_fd, to, flags);
}

/* Where the file system cannot exchange (EINVAL): looked at, then replaced. */
static int replace_plainly(const apply *task)
{
    bool is_planned = false;

    if (is_as_planned(task, task->name, &is_planned) < 0)
        return -1;
    if (!is_planned)
        return refuse_changed(task);
    if ((task->change->before.kind == BX_ENTRY_FOLDER) !=
            (task->change->after.kind == BX_ENTRY_FOLDER) &&
        task->change->before.kind != BX_ENTRY_NONE &&
        remove_entry(task, task->name) < 0)
        return errno == ENOTEMPTY ? refuse_changed(task) : fail(task, errno);
    return rename_in(task, task->temporary, task->name, 0) < 0
               ? fail(task, errno)
               : 0;
}

static int put_beside(const apply *task)
{
    if (rename_in(task, task->temporary, task->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EEXIST)
        return refuse(task, "it was made");
    return errno == EINVAL ? replace_plainly(task) : fail(task, errno);
}

/* What was taken away is not what was planned, or cannot go: back with it. */
static int undo(apply *task, int errnum)
{
    if (rename_in(task, task->temporary, task->name, RENAME_EXCHANGE) < 0)
        return fail(task, errno);
    task->is_swapped = false;
    return errnum == 0 || errnum == ENOTEMPTY ? refuse_changed(task)
                                              : fail(task, errnum);
}

/* New and old change names at once; only then is it certain what the old one
 * was. */
static int exchange(apply *task)
{
    bx_entry old;

    if (rename_in(task, task->temporary, task->name, RENAME_EXCHANGE) < 0) {
        if (errno == ENOENT)
            return refuse(task, "it was removed");
        return errno == EINVAL ? replace_plainly(task) : fail(task, errno);
    }
    task->is_swapped = true;
    if (bx_entry_read(task->parent_fd, task->temporary, &old) < 0)
        return undo(task, errno);
    if (!bx_entry_is_same(&old, &task->change->before))
        return undo(task, 0);
    return remove_entry(task, task->temporary) < 0 ? undo(task, errno) : 0;
}

static int replace(apply *task)
{
    bool is_planned = false;
    int failed;

    /* Before anything is copied; and again when it counts. */
    if (is_as_planned(task, task->name, &is_planned) < 0)
        return -1;
    if (!is_planned)
        return refuse_changed(task);
    failed = make_new(task);
    if (made_hook != NULL)
        made_hook();
    if (failed == 0)
        failed = task->change->before.kind == BX_ENTRY_NONE ? put_beside(task)
                                                            : exchange(task);
    if (failed < 0 && !task->is_swapped)
        (void)remove_entry(task, task->temporary);
    return failed;
}

static int remove_planned(const apply *task)
{
    bool is_planned = false;

    if (is_as_planned(task, task->name, &is_planned) < 0)
        return -1;
    if (!is_planned)
        return refuse_changed(task);
    if (remove_entry(task, task->name) == 0)
        return 0;
    return errno == ENOTEMPTY ? refuse(task, "something was put into it")
                              : fail(task, errno);
}

/* Mode and time of what is there. */
static int adjust(const apply *task)
{
    const bx_entry *after = &task->change->after;
    bool is_folder = after->kind == BX_ENTRY_FOLDER;
    bx_autofd int fd = openat(task->parent_fd, task->name,
                              O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                       { after->mtime_ns / 1000000000,
                                         after->mtime_ns % 1000000000 } };
    struct stat stat;

    if (fd < 0 && (errno == ENOENT || errno == ELOOP))
        return refuse_changed(task);
    if (fd < 0 || fstat(fd, &stat) < 0)
        return fail(task, errno);
    if (stat.st_ino != task->change->before.ino ||
        stat.st_dev != task->change->before.dev)
        return refuse_changed(task);
    /* A folder keeps the bits that say who owns what is made there. */
    if ((!is_folder && futimens(fd, times) < 0) ||
        fchmod(fd, (is_folder ? stat.st_mode & 07000 : 0) | after->mode) < 0)
        return fail(task, errno);
    return 0;
}

/* ---- one change ------------------------------------------------------ */

static apply begin(const bx_overlay_store *store, const bx_delta *change,
                   bx_error **err)
{
    apply task = { .store = store,
                   .at = &store->mappings[change->mapping],
                   .change = change,
                   .parent_fd = -1,
                   .err = err };

    bx_apply_name(store, change->mapping, change->path, task.temporary);
    return task;
}

int bx_apply_change(const bx_overlay_store *store, const bx_delta *change,
                    bx_error **err)
{
    apply task = begin(store, change, err);
    int failed;

    if (change->what == BX_DELTA_NONE)
        return 0;
    if (open_parent(&task) < 0)
        return -1;
    switch (change->what) {
    case BX_DELTA_REMOVED:
        failed = remove_planned(&task);
        break;
    case BX_DELTA_MODE:
    case BX_DELTA_TIME:
        failed = adjust(&task);
        break;
    default:
        failed = replace(&task);
    }
    close(task.parent_fd);
    return failed;
}

static int refuse_left(const apply *task)
{
    bx_autofree char *path = host_path(task);

    return path == NULL
               ? bx_error_set_nomem(task->err)
               : bx_error_set(task->err, BX_ERR_DENIED,
                              "'%s': a commit that was ended left '%s' beside "
                              "it, which is not what was there before; look at "
                              "it, move it away and commit again",
                              path, task->temporary);
}

/* What an exchange left is the old entry, whose record still stands; what was
 * on its way there, the path is not done yet. Nothing else is touched. */
int bx_apply_clear(const bx_overlay_store *store, const bx_delta *change,
                   bx_error **err)
{
    apply task = begin(store, change, err);
    bx_entry left;
    int failed = 0;

    if (task.at->base_fd < 0)
        return 0;
    task.parent_fd =
        bx_beneath_open_parent(task.at->base_fd, change->path, &task.name);
    if (task.parent_fd < 0)
        return 0; /* nothing can lie there */
    if (bx_entry_read(task.parent_fd, task.temporary, &left) < 0)
        failed = fail(&task, errno);
    else if (left.kind != BX_ENTRY_NONE &&
             ((change->what == BX_DELTA_NONE &&
               bx_deltas_compare_record(store, change->mapping, change->path,
                                        task.parent_fd, task.temporary,
                                        &left) != NULL) ||
              remove_entry(&task, task.temporary) < 0))
        failed = refuse_left(&task);
    close(task.parent_fd);
    return failed;
}
