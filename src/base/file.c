#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_size(const char *what, size_t max_bytes, bx_error **err)
{
    return bx_error_set(err, BX_ERR_LIMIT,
                        "'%s': larger than %zu bytes, the most accepted", what,
                        max_bytes);
}

/* How many bytes to make room for: all of a file and one more, which shows
 * that it did not grow. */
static int first_room(int fd, const char *what, size_t max_bytes,
                      size_t *ret_room, bx_error **err)
{
    struct stat st;

    *ret_room = 65536; /* where no size is told */
    if (fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", what);
    if (S_ISDIR(st.st_mode))
        return bx_error_set_errno(err, EISDIR, "'%s'", what);
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)
        return refuse_size(what, max_bytes, err);
    if (S_ISREG(st.st_mode) && st.st_size > 0)
        *ret_room = (size_t)st.st_size + 1;
    return 0;
}

/* Files are read where they stay: a module is tens of megabytes. */
int bx_file_read_fd(int fd, const char *what, size_t max_bytes, char **ret_data,
                    size_t *ret_bytes, bx_error **err)
{
    bx_autofree char *data = NULL;
    size_t room;
    size_t bytes = 0;

    if (first_room(fd, what, max_bytes, &room, err) < 0)
        return -1;
    data = malloc(room);
    if (data == NULL)
        return bx_error_set_nomem(err);
    for (;;) {
        ssize_t got = read(fd, data + bytes, room - bytes);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bx_error_set_errno(err, errno, "'%s'", what);
        if (got == 0)
            break;
        bytes += (size_t)got;
        if (bytes > max_bytes)
            return refuse_size(what, max_bytes, err);
        if (bytes == room) {
            char *grown = realloc(data, room * 2);

            if (grown == NULL)
                return bx_error_set_nomem(err);
            data = grown;
            room *= 2;
        }
    }
    data[bytes] = '\0'; /* there is room: it was not full */
    if (ret_bytes != NULL)
        *ret_bytes = bytes;
    *ret_data = bx_take(data);
    return 0;
}

int bx_file_read(const char *path, size_t max_bytes, char **ret_data,
                 size_t *ret_bytes, bx_error **err)
{
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    return bx_file_read_fd(fd, path, max_bytes, ret_data, ret_bytes, err);
}

int bx_file_write_all(int fd, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t put = write(fd, at, bytes);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        at += put;
        bytes -= (size_t)put;
    }
    return 0;
}

ssize_t bx_file_read_full(int fd, void *data, size_t bytes)
{
    size_t have = 0;

    while (have < bytes) {
        ssize_t got = read(fd, (char *)data + have, bytes - have);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

int bx_file_replace(const char *path, const void *data, size_t bytes,
                    unsigned mode, bx_error **err)
{
    bx_autofree char *temporary = NULL;
    bx_autofd int fd = -1;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        temporary = NULL;
        return bx_error_set_nomem(err);
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (fchmod(fd, (mode_t)mode) < 0 ||
        bx_file_write_all(fd, data, bytes) < 0 || rename(temporary, path) < 0) {
        int errnum = errno;

        (void)unlink(temporary);
        return bx_error_set_errno(err, errnum, "'%s'", path);
    }
    return 0;
}

int bx_file_write(const char *path, const void *data, size_t bytes,
                  bx_error **err)
{
    struct stat status;
    bx_autofd int fd = -1;
    mode_t mask;

    if (lstat(path, &status) < 0 || S_ISREG(status.st_mode)) {
        mask = umask(077);
        (void)umask(mask);
        return bx_file_replace(path, data, bytes, 0666 & ~mask, err);
    }
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || bx_file_write_all(fd, data, bytes) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    return 0;
}

int bx_file_make_dirs(const char *path, unsigned mode, bx_error **err)
{
    bx_autofree char *partial = strdup(path);

    if (partial == NULL)
        return bx_error_set_nomem(err);
    for (char *slash = partial + 1; *partial != '\0'; slash++) {
        slash = strchr(slash, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(partial, (mode_t)mode) < 0 && errno != EEXIST)
            return bx_error_set_errno(err, errno, "'%s'", partial);
        if (slash == NULL)
            break;
        *slash = '/';
    }
    return 0;
}
