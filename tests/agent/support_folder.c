#include "agent/support_folder.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"

void folder_make(folder *it)
{
    snprintf(it->path, sizeof(it->path), "/tmp/bx-agent-XXXXXX");
    assert_non_null(mkdtemp(it->path));
    it->fd = open(it->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(it->fd >= 0);
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

void folder_remove(folder *it)
{
    close(it->fd);
    assert_int_equal(nftw(it->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static char *join(const folder *it, const char *path)
{
    char *full = NULL;

    assert_true(asprintf(&full, "%s/%s", it->path, path) > 0);
    return full;
}

/* The folders on the way to it. */
static char *prepare(const folder *it, const char *path)
{
    const char *slash = strrchr(path, '/');
    bx_autofree char *parent =
        strndup(path, slash == NULL ? 0 : (size_t)(slash - path));

    assert_non_null(parent);
    if (slash != NULL)
        folder_make_dirs(it, parent);
    return join(it, path);
}

void folder_put_bytes(const folder *it, const char *path, const void *data,
                      size_t bytes)
{
    bx_autofree char *full = prepare(it, path);
    FILE *file = fopen(full, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

void folder_put(const folder *it, const char *path, const char *text)
{
    folder_put_bytes(it, path, text, strlen(text));
}

void folder_put_fill(const folder *it, const char *path, size_t bytes)
{
    bx_autofree char *data = malloc(bytes + 1);

    assert_non_null(data);
    memset(data, 'x', bytes);
    folder_put_bytes(it, path, data, bytes);
}

void folder_make_dirs(const folder *it, const char *path)
{
    bx_autofree char *full = join(it, path);

    assert_int_equal(bx_file_make_dirs(full, 0700, NULL), 0);
}

void folder_link(const folder *it, const char *path, const char *target)
{
    bx_autofree char *full = prepare(it, path);

    assert_int_equal(symlink(target, full), 0);
}

void folder_fifo(const folder *it, const char *path)
{
    bx_autofree char *full = prepare(it, path);

    assert_int_equal(mkfifo(full, 0600), 0);
}

void folder_socket(const folder *it, const char *path)
{
    bx_autofree char *full = prepare(it, path);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(strlen(full) < sizeof(address.sun_path));
    memcpy(address.sun_path, full, strlen(full) + 1);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

char *folder_get(const folder *it, const char *path)
{
    bx_autofree char *full = join(it, path);
    char *data = NULL;

    return bx_file_read(full, SIZE_MAX, &data, NULL, NULL) < 0 ? NULL : data;
}

bool folder_has(const folder *it, const char *path)
{
    bx_autofree char *full = join(it, path);
    struct stat status;

    return lstat(full, &status) == 0;
}

size_t folder_count(const folder *it, const char *path)
{
    bx_autofree char *full = join(it, path);
    DIR *dir = opendir(full);
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2; /* "." and ".." */
}
