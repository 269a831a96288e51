/* Put new content in a file's place in one step. The path comes from a model
 * and what lies there from anyone: links are followed one by one as far as the
 * host lets them lead, and the host does the last step. */
#include "replace.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/libc-find-relpath.h>

#include "boxagnts_guest.h"
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
    struct stat st;

    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t len;

        /* To read a link takes more than to see that it is none. */
        if (lstat(at, &st) < 0 || !S_ISLNK(st.st_mode))
            return at;
        len = readlink(at, target, sizeof(target) - 1);
        if (len < 0)
            place_fail(path, "written", errno);
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
    result->old_bytes = (uint64_t)st.st_size;
}

replaced replace_file(const char *path, const void *data, size_t len)
{
    replaced result = { .path = follow_links(path) };
    char room[PATH_BYTES];
    char *relative = room;
    const char *prefix;
    int error;
    int dir;

    check_old(result.path, &result);
    dir =
        __wasilibc_find_relpath(result.path, &prefix, &relative, sizeof(room));
    if (dir < 0)
        place_fail(path, "written", errno);
    error = boxagnts_path_replace(dir, relative, strlen(relative), data, len);
    if (error == ENAMETOOLONG)
        boxagnts_fail("'%s' cannot be written: a name has at most 255 bytes",
                      path);
    if (error != 0) /* wasi-libc has WASI's numbers */
        place_fail(path, "written", error);
    return result;
}
