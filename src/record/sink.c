#include "record/sink.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static int put(void *context, const void *data, size_t bytes, bx_error **err)
{
    int fd = (int)(intptr_t)context;
    const char *at = data;

    while (bytes > 0) {
        ssize_t done = write(fd, at, bytes);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return bx_error_set_errno(err, errno, "recording");
        if (done == 0)
            return bx_error_set(err, BX_ERR_SYSTEM,
                                "recording: nothing more can be written");
        at += done;
        bytes -= (size_t)done;
    }
    return 0;
}

int bx_record_sink_of_fd(int fd, bx_record_sink *ret_sink, bx_error **err)
{
    struct stat stat;

    if (fstat(fd, &stat) < 0)
        return bx_error_set_errno(err, errno, "recording");
    if (S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode))
        return bx_error_set(err, BX_ERR_INVALID,
                            "recording: a pipe or socket; expected a file");
    *ret_sink = (bx_record_sink){ put, (void *)(intptr_t)fd };
    return 0;
}
