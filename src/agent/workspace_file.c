#include "agent/workspace_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/user_dir.h"
#include "base/utf8.h"
#include "overlay/beneath.h"
#include "policy/text.h"

/* A FIFO without a writer is opened at once, and then refused. */
#define FILE_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY)

int bx_workspace_open(const char *path, bx_error **err)
{
    int fd = open(path, FOLDER_FLAGS | O_CLOEXEC);

    if (fd < 0)
        return bx_error_set_errno(err, errno, "workspace '%.300s'", path);
    return fd;
}

int bx_workspace_open_user(int *ret_fd, bx_error **err)
{
    bx_autofree char *path = bx_user_config_path(NULL);
    bx_autofd int fd = -1;

    if (path == NULL && errno == ENOMEM)
        return bx_error_set_nomem(err);
    if (path != NULL)
        fd = open(path, FOLDER_FLAGS | O_CLOEXEC);
    if (fd < 0) {
        if (path != NULL && errno != ENOENT)
            return bx_error_set_errno(err, errno, "'%.300s'", path);
        *ret_fd = -1;
        return 0;
    }
    if (bx_user_check_owner(fd, path, 0022, err) < 0)
        return -1;
    *ret_fd = bx_take_fd(&fd);
    return 0;
}

bool bx_workspace_path_is_plain(const char *path)
{
    if (strlen(path) >= BX_BENEATH_PATH_MAX)
        return false;
    for (;;) {
        size_t bytes = strcspn(path, "/");

        if (bytes == 0 || bytes > 255 || (bytes == 1 && path[0] == '.') ||
            (bytes == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        if (path[bytes] == '\0')
            return true;
        path += bytes + 1;
    }
}

/* errno of an opening, in words. */
static int refuse_open(const char *path, int errnum, bx_error **err)
{
    bx_autofree char *shown = bx_text_show(path);

    if (errnum == ELOOP || errnum == EXDEV)
        return bx_error_set(err, BX_ERR_DENIED,
                            "%s: a link; expected the file itself (links are "
                            "not followed here)",
                            BX_SHOWN(shown));
    if (errnum == ENXIO)
        return bx_error_set(err, BX_ERR_DENIED,
                            "%s: expected a regular file, not a socket",
                            BX_SHOWN(shown));
    if (errnum == ENOTDIR)
        errnum = ENOENT;
    return bx_error_set_errno(err, errnum, "%s", BX_SHOWN(shown));
}

static int open_beneath(int root_fd, const char *path, int flags,
                        bx_error **err)
{
    bx_autofree char *shown = NULL;
    struct stat status;
    int errnum;
    int fd;

    if (!bx_workspace_path_is_plain(path)) {
        shown = bx_text_show(path);
        return bx_error_set(err, BX_ERR_DENIED,
                            "%s: expected a path beneath the folder, without "
                            "'.' and '..'",
                            BX_SHOWN(shown));
    }
    fd = bx_beneath_open(root_fd, path, flags);
    if (fd >= 0)
        return fd;
    /* A link where a folder is expected is "no folder" to the kernel; people
     * should hear why it is not read. */
    errnum = errno;
    if (errnum == ENOTDIR && bx_beneath_stat(root_fd, path, &status) == 0 &&
        S_ISLNK(status.st_mode))
        errnum = ELOOP;
    return refuse_open(path, errnum, err);
}

/* What a text is made of. A byte order mark of some editors is not. */
static int check_text(const char *shown, char *text, size_t *bytes,
                      bx_error **err)
{
    size_t span = bx_utf8_span(text, *bytes);

    if (span < *bytes)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: byte %zu is not UTF-8; expected text", shown,
                            span);
    if (strlen(text) != *bytes)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: byte %zu is NUL; expected text", shown,
                            strlen(text));
    if (*bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        *bytes -= 3;
        memmove(text, text + 3, *bytes + 1);
    }
    return 0;
}

int bx_workspace_file_read(int root_fd, const char *path, size_t max_bytes,
                           char **ret_text, size_t *ret_bytes, bx_error **err)
{
    bx_autofd int fd = open_beneath(root_fd, path, FILE_FLAGS, err);
    bx_autofree char *shown = NULL;
    bx_autofree char *text = NULL;
    struct stat status;
    size_t bytes;

    if (fd < 0)
        return -1;
    shown = bx_text_show(path);
    if (shown == NULL)
        return bx_error_set_nomem(err);
    if (fstat(fd, &status) < 0)
        return bx_error_set_errno(err, errno, "%s", shown);
    if (!S_ISREG(status.st_mode))
        return bx_error_set(
            err, BX_ERR_DENIED, "%s: expected a regular file, not a %s", shown,
            S_ISDIR(status.st_mode) ? "folder" : "pipe or device");
    if (bx_file_read_fd(fd, path, max_bytes, &text, &bytes, err) < 0 ||
        check_text(shown, text, &bytes, err) < 0)
        return -1;
    *ret_text = bx_take(text);
    if (ret_bytes != NULL)
        *ret_bytes = bytes;
    return 0;
}

/* ---- names ----------------------------------------------------------- */

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a),
                  json_string_value(*(json_t *const *)b));
}

/* The same names in order; both arrays are released but for the result. */
static json_t *sort_names(json_t *names)
{
    size_t count = json_array_size(names);
    bx_autofree json_t **row = calloc(count + 1, sizeof(json_t *));
    json_t *sorted = json_array();
    bool is_made = row != NULL && sorted != NULL;

    for (size_t i = 0; is_made && i < count; i++)
        row[i] = json_array_get(names, i);
    if (is_made && count > 1)
        qsort(row, count, sizeof(json_t *), compare_names);
    for (size_t i = 0; is_made && i < count; i++)
        is_made = json_array_append(sorted, row[i]) == 0;
    json_decref(names);
    if (is_made)
        return sorted;
    json_decref(sorted);
    return NULL;
}

/* Takes the descriptor. NULL with errno; EOVERFLOW: more than max. */
static json_t *list(int folder_fd, size_t max)
{
    __attribute__((cleanup(close_dir))) DIR *dir = fdopendir(folder_fd);
    json_t *names = json_array();
    size_t seen = 0;

    if (dir == NULL)
        close(folder_fd);
    while (dir != NULL && names != NULL) {
        const struct dirent *entry;
        const char *name;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0)
                break;
            names = sort_names(names);
            errno = ENOMEM;
            return names;
        }
        name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (++seen > max) {
            errno = EOVERFLOW;
            break;
        }
        if (name[0] == '.' || !bx_utf8_is_valid(name, strlen(name)))
            continue;
        if (json_array_append_new(names, json_string(name)) < 0) {
            errno = ENOMEM;
            break;
        }
    }
    json_decref(names);
    return NULL;
}

json_t *bx_workspace_file_names(int root_fd, const char *path, size_t max,
                                bx_error **err)
{
    bx_autoerror bx_error *error = NULL;
    int fd = open_beneath(root_fd, path, FOLDER_FLAGS, &error);
    json_t *names;

    if (fd < 0 && bx_error_code(error) == BX_ERR_NOT_FOUND) {
        names = json_array();
        if (names == NULL)
            (void)bx_error_set_nomem(err);
        return names;
    }
    if (fd < 0) {
        if (err != NULL)
            *err = bx_take(error);
        return NULL;
    }
    names = list(fd, max);
    if (names != NULL)
        return names;
    if (errno == EOVERFLOW)
        (void)bx_error_set(err, BX_ERR_LIMIT,
                           "'%s': more than %zu names, the most accepted", path,
                           max);
    else
        (void)bx_error_set_errno(err, errno, "'%s'", path);
    return NULL;
}

/* ---- problems -------------------------------------------------------- */

void bx_problems_add(json_t *problems, const bx_error *error)
{
    size_t count = json_array_size(problems);

    if (error != NULL && count < BX_PROBLEMS_MAX)
        (void)json_array_append_new(problems,
                                    json_string(bx_error_message(error)));
    else if (error != NULL && count == BX_PROBLEMS_MAX)
        (void)json_array_append_new(problems,
                                    json_string("and more of the kind"));
}
