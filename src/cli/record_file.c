#include "cli/record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/unit.h"

#define MODE 0600
#define MIN_BYTES (64u << 10)

bool bx_record_file_flag(const bx_record_file *file, const char *name)
{
    (void)file;
    return strcmp(name, "record") == 0 || strcmp(name, "record-max") == 0;
}

int bx_record_file_set(bx_record_file *file, const char *name,
                       const char *value, bx_error **err)
{
    if (strcmp(name, "record") == 0) {
        file->path = value;
        return 0;
    }
    if (bx_unit_parse(value, BX_UNIT_BYTES, MIN_BYTES, 1ull << 40,
                      &file->max_bytes, err) < 0)
        return bx_error_wrap(err, "--record-max");
    return 0;
}

int bx_record_file_fd(const bx_record_file *file)
{
    return file->fd;
}

static int fail(const bx_record_file *file, bx_error **err)
{
    return bx_error_set_errno(err, errno, "--record '%s'", file->path);
}

/* A file without a name in the same folder. */
static int make_nameless(const bx_record_file *file)
{
    char name[] = ".boxagnts-recording-XXXXXX";
    bx_autofree char *path = NULL;
    int fd = openat(file->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, MODE);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    if (asprintf(&path, "%.*s%s", (int)(file->name - file->path), file->path,
                 name) < 0) {
        path = NULL;
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static int open_folder(bx_record_file *file)
{
    const char *slash = strrchr(file->path, '/');
    bx_autofree char *folder = NULL;

    file->name = slash == NULL ? file->path : slash + 1;
    folder = slash == NULL ? strdup(".")
             : slash == file->path
                 ? strdup("/")
                 : strndup(file->path, (size_t)(slash - file->path));
    if (folder == NULL) {
        errno = ENOMEM;
        return -1;
    }
    file->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return file->folder < 0 ? -1 : 0;
}

int bx_record_file_open(bx_record_file *file, bx_error **err)
{
    struct stat stat;

    if (file->path == NULL)
        return 0;
    if (open_folder(file) < 0)
        return fail(file, err);
    file->fd =
        open(file->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
             MODE);
    if (file->fd < 0 || fstat(file->fd, &stat) < 0)
        return fail(file, err);
    if (!S_ISREG(stat.st_mode))
        return 0;
    if (fchmod(file->fd, MODE) < 0 || ftruncate(file->fd, 0) < 0)
        return fail(file, err);
    file->there = file->fd;
    file->fd = make_nameless(file);
    return file->fd < 0 ? fail(file, err) : 0;
}

/* Give it a name, and then the one that is there already: links never replace.
 */
static int name_it(const bx_record_file *file)
{
    char self[64];
    char name[64];

    snprintf(self, sizeof(self), "/proc/self/fd/%d", file->fd);
    snprintf(name, sizeof(name), ".boxagnts-recording-%d", (int)getpid());
    if (linkat(AT_FDCWD, self, file->folder, name, AT_SYMLINK_FOLLOW) < 0)
        return -1;
    if (renameat(file->folder, name, file->folder, file->name) == 0)
        return 0;
    (void)unlinkat(file->folder, name, 0);
    return -1;
}

/* Where a process may no longer make names, or the folder's file system cannot.
 */
static int copy_it(const bx_record_file *file)
{
    char bytes[65536];
    off_t from = 0;

    for (;;) {
        ssize_t got = pread(file->fd, bytes, sizeof(bytes), from);

        if (got <= 0)
            return (int)got;
        for (ssize_t at = 0; at < got;) {
            ssize_t done =
                pwrite(file->there, bytes + at, (size_t)(got - at), from + at);

            if (done <= 0)
                return -1;
            at += done;
        }
        from += got;
    }
}

static void close_all(bx_record_file *file)
{
    bx_closep(&file->fd);
    bx_closep(&file->there);
    bx_closep(&file->folder);
    file->fd = file->there = file->folder = -1;
}

int bx_record_file_keep(bx_record_file *file, bx_error **err)
{
    if (file->there >= 0 && name_it(file) < 0 && copy_it(file) < 0)
        return fail(file, err);
    close_all(file);
    return 0;
}

void bx_record_file_drop(bx_record_file *file)
{
    if (file->there >= 0 && unlinkat(file->folder, file->name, 0) < 0)
        (void)!ftruncate(file->there, 0);
    close_all(file);
}
