/* Put new content in a file's place in one step. The path comes from a model
 * and what lies there from anyone: links are followed one by one as far as the
 * host lets them lead, and the last step is a rename within one folder. */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boxagnts_tool.h"
#include "place.h"

#define LINKS_MAX 40 /* as the kernel */
#define PATH_BYTES 4096

/* A path's folder, with its final slash. */
static char *folder_of(const char *path)
{
    return boxagnts_format("%.*s", (int)(strrchr(path, '/') - path + 1), path);
}

/* The path behind the symbolic links at path's end: writing replaces what they
 * lead to, and the links stay. */
static char *follow_links(const char *path)
{
    char *at = boxagnts_format("%s", path);
    char target[PATH_BYTES];

    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t len = readlink(at, target, sizeof(target) - 1);

        if (len < 0)
            return at;
        target[len] = '\0';
        if (target[0] == '/')
            boxagnts_fail("'%s' is a symbolic link to '%s', an absolute path,"
                          " which is not followed; name the file itself",
                          path, target);
        at = boxagnts_format("%s%s", folder_of(at), target);
    }
    place_fail(path, "written", ELOOP);
}

static void make_folders(const char *path)
{
    char *part = boxagnts_format("%s", path);
    struct stat st;
    char *slash = strrchr(part, '/');

    *slash = '\0';
    if (slash == part || stat(part, &st) == 0)
        return;
    *slash = '/';
    for (slash = strchr(part + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0777) < 0) {
            int error = errno;

            if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
                place_fail(path, "written", error);
        }
        *slash = '/';
    }
}

static void check_old(const char *path, replaced *result)
{
    struct stat st;
    int fd;

    if (stat(path, &st) < 0) {
        if (errno != ENOENT)
            place_fail(path, "written", errno);
        result->was_created = true;
        make_folders(path);
        return;
    }
    if (S_ISDIR(st.st_mode))
        place_fail_folder(path, "name a file in it");
    if (!S_ISREG(st.st_mode))
        boxagnts_fail("'%s' is %s; only regular files are written", path,
                      place_kind(st.st_mode));
    /* A read-only place says so here rather than of a name nobody gave. */
    fd = open(path, O_WRONLY);
    if (fd < 0 && (errno == EROFS || errno == EACCES))
        place_fail(path, "written", errno);
    if (fd >= 0)
        close(fd);
    result->old_bytes = (uint64_t)st.st_size;
}

static _Noreturn void fail_new(const char *path, int error)
{
    if (error == EACCES || error == EROFS)
        boxagnts_fail("'%s' cannot be written: that takes the right to make"
                      " files in '%s', where the new content is put together",
                      path, folder_of(path));
    if (error == ENAMETOOLONG)
        boxagnts_fail("'%s' cannot be written: a name has at most 255 bytes",
                      path);
    place_fail(path, "written", error);
}

static void write_all(const char *path, const char *temporary, int fd,
                      const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            int error = put < 0 ? errno : EIO;

            unlink(temporary);
            place_fail(path, "written", error);
        }
        data += put;
        len -= (size_t)put;
    }
}

replaced replace_file(const char *path, const void *data, size_t len)
{
    replaced result = { .path = follow_links(path) };
    uint64_t number;
    char *temporary;
    int fd;

    check_old(result.path, &result);
    if (getentropy(&number, sizeof(number)) < 0)
        place_fail(path, "written", errno);
    temporary =
        boxagnts_format("%s.boxagnts-%016llx.tmp", folder_of(result.path),
                        (unsigned long long)number);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0)
        fail_new(path, errno);
    write_all(path, temporary, fd, data, len);
    /* Otherwise a power cut could leave the new name with old blocks. */
    if (fsync(fd) < 0 || close(fd) < 0 || rename(temporary, result.path) < 0) {
        int error = errno;

        unlink(temporary);
        fail_new(path, error);
    }
    return result;
}
