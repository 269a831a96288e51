#include "overlay/content.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/digest.h"
#include "base/file.h"

#define PART_BYTES (256u << 10)

static int open_file(int root_fd, const char *path)
{
    /* O_NONBLOCK: what was a file may be a pipe by now. */
    bx_autofd int fd = bx_beneath_open(root_fd, path, O_RDONLY | O_NONBLOCK);
    struct stat stat;

    if (fd < 0)
        return -1;
    if (fstat(fd, &stat) < 0)
        return -1;
    if (!S_ISREG(stat.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    return bx_take_fd(&fd);
}

static int compare_files(int a_fd, int b_fd, const char *path,
                         bool *ret_is_equal)
{
    bx_autofd int a = open_file(a_fd, path);
    bx_autofd int b = open_file(b_fd, path);
    bx_autofree char *parts = malloc((size_t)2 * PART_BYTES);
    ssize_t got_a;
    ssize_t got_b;

    if (a < 0 || b < 0 || parts == NULL)
        return -1;
    do {
        got_a = bx_file_read_full(a, parts, PART_BYTES);
        got_b = bx_file_read_full(b, parts + PART_BYTES, PART_BYTES);
        if (got_a < 0 || got_b < 0)
            return -1;
        if (got_a != got_b ||
            memcmp(parts, parts + PART_BYTES, (size_t)got_a) != 0) {
            *ret_is_equal = false;
            return 0;
        }
    } while (got_a == PART_BYTES);
    *ret_is_equal = true;
    return 0;
}

int bx_content_compare(int a_fd, int b_fd, const char *path, bool is_link,
                       bool *ret_is_equal)
{
    bx_autofree char *a = NULL;
    bx_autofree char *b = NULL;

    if (!is_link)
        return compare_files(a_fd, b_fd, path, ret_is_equal);
    a = bx_beneath_read_link(a_fd, path);
    b = a == NULL ? NULL : bx_beneath_read_link(b_fd, path);
    if (b == NULL)
        return -1;
    *ret_is_equal = strcmp(a, b) == 0;
    return 0;
}

int bx_content_digest(int root_fd, const char *path, char text[65])
{
    bx_autofd int fd = open_file(root_fd, path);
    bx_autofree char *part = malloc(PART_BYTES);
    uint8_t digest[BX_DIGEST_BYTES];
    bx_sha256_parts parts;
    ssize_t got;

    if (fd < 0 || part == NULL)
        return -1;
    bx_sha256_begin(&parts);
    do {
        got = bx_file_read_full(fd, part, PART_BYTES);
        if (got > 0)
            bx_sha256_add(&parts, part, (size_t)got);
    } while (got == PART_BYTES);
    bx_sha256_end(&parts, digest);
    bx_digest_format(digest, text);
    return got < 0 ? -1 : 0;
}

int bx_content_copy(int from_fd, int to_fd)
{
    bx_autofree char *part = NULL;
    ssize_t got;

    if (ioctl(to_fd, FICLONE, from_fd) == 0)
        return 0;
    do /* -1: not between these; what is left is read and written */
        got = copy_file_range(from_fd, NULL, to_fd, NULL, 1u << 30, 0);
    while (got > 0 || (got < 0 && errno == EINTR));
    part = malloc(PART_BYTES);
    if (part == NULL)
        return -1;
    do {
        got = bx_file_read_full(from_fd, part, PART_BYTES);
        if (got < 0 || bx_file_write_all(to_fd, part, (size_t)got) < 0)
            return -1;
    } while (got > 0);
    return 0;
}
