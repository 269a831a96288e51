/* base.log: what the base was like when a path of it was first touched. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "wasi/overlay_state.h"

/* A JSON string. What is not UTF-8 goes as hexadecimal under another key. */
static int put_path(bx_buf *line, const char *path)
{
    int result = 0;

    if (!bx_utf8_is_valid(path, strlen(path))) {
        result |= bx_buf_puts(line, "\"path_hex\": \"");
        for (; *path != '\0'; path++)
            result |= bx_buf_printf(line, "%02x", (uint8_t)*path);
        return result | bx_buf_puts(line, "\"");
    }
    result |= bx_buf_puts(line, "\"path\": \"");
    for (; *path != '\0'; path++) {
        uint8_t byte = (uint8_t)*path;

        if (byte == '"' || byte == '\\')
            result |= bx_buf_printf(line, "\\%c", byte);
        else if (byte < 0x20)
            result |= bx_buf_printf(line, "\\u%04x", byte);
        else
            result |= bx_buf_append(line, path, 1, SIZE_MAX);
    }
    return result | bx_buf_puts(line, "\"");
}

static const char *kind_of(const struct stat *stat)
{
    if (S_ISREG(stat->st_mode))
        return "file";
    if (S_ISDIR(stat->st_mode))
        return "folder";
    return S_ISLNK(stat->st_mode) ? "link" : "other";
}

/* All of it or nothing: nobody else writes there under the lock. */
static int append(int fd, const char *line, size_t bytes)
{
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t written;

    if (end < 0)
        return -1;
    do
        written = write(fd, line, bytes);
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)bytes)
        return 0;
    if (written >= 0) {
        (void)!ftruncate(fd, end);
        errno = ENOSPC;
    }
    return -1;
}

int bx_overlay_log(const bx_layers *layers, const char *path,
                   const struct stat *stat, const char *sha256)
{
    bx_autobuf bx_buf line = BX_BUF_INIT;
    int result = bx_buf_printf(&line, "{\"mapping\": %u, ", layers->number);

    result |= put_path(&line, path);
    if (stat == NULL)
        result |= bx_buf_puts(&line, ", \"kind\": \"none\"");
    else
        result |= bx_buf_printf(
            &line,
            ", \"kind\": \"%s\", \"size\": %" PRIu64 ", \"mtime_ns\": %" PRId64
            ", \"ino\": %" PRIu64 ", \"mode\": %u",
            kind_of(stat), (uint64_t)stat->st_size,
            (int64_t)stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec,
            (uint64_t)stat->st_ino, (unsigned)stat->st_mode & 07777);
    if (sha256 != NULL)
        result |= bx_buf_printf(&line, ", \"sha256\": \"%s\"", sha256);
    result |= bx_buf_puts(&line, "}\n");
    if (result != 0) {
        errno = ENOMEM;
        return -1;
    }
    return append(layers->overlay->log_fd, line.data, line.len);
}
