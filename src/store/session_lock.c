#include "store/session_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/user_dir.h"

/* Each session's bytes hold the text of a pid while they are locked. */
#define SLOT_BYTES 16
#define MAX_NUMBER INT32_MAX

static struct flock slot_lock(int64_t number)
{
    return (struct flock){ .l_type = F_WRLCK,
                           .l_whence = SEEK_SET,
                           .l_start = number * SLOT_BYTES,
                           .l_len = SLOT_BYTES };
}

int bx_session_lock_file(const char *path, bx_error **err)
{
    bx_autofd int fd = open(
        path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is not a regular file; move it away", path);
    if (bx_user_check_owner(fd, path, 0022, err) < 0)
        return -1;
    return bx_take_fd(&fd);
}

/* Between its lock and its pid there is a moment: 0. */
static long read_pid(int fd, int64_t number)
{
    char text[SLOT_BYTES + 1] = "";
    long pid = 0;

    if (pread(fd, text, SLOT_BYTES, number * SLOT_BYTES) > 0)
        pid = strtol(text, NULL, 10);
    return pid > 0 ? pid : 0;
}

static int fail_taken(int fd, int64_t number, const char *id, bx_error **err)
{
    long pid = read_pid(fd, number);

    if (pid == 0)
        return bx_error_set(err, BX_ERR_DENIED,
                            "session %s is open in another process; close it "
                            "there, or fork it",
                            id);
    return bx_error_set(err, BX_ERR_DENIED,
                        "session %s is open in process %ld; close it there, or "
                        "fork it",
                        id, pid);
}

int bx_session_lock_take(const char *path, int64_t number, const char *id,
                         bx_error **err)
{
    bx_autofd int fd = bx_session_lock_file(path, err);
    struct flock lock = slot_lock(number);
    char text[SLOT_BYTES + 1];

    if (fd < 0)
        return -1;
    if (number < 1 || number > MAX_NUMBER)
        return bx_error_set(err, BX_ERR_INVALID,
                            "session %s has the number %" PRId64
                            ", where 1 to %d is expected: the database is "
                            "damaged",
                            id, number, MAX_NUMBER);
    /* The open file's and not the process's: closing another descriptor of the
     * same file does not end it. */
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            return fail_taken(fd, number, id, err);
        return bx_error_set_errno(err, errno, "lock of session %s", id);
    }
    (void)snprintf(text, sizeof(text), "%15ld\n", (long)getpid());
    if (pwrite(fd, text, SLOT_BYTES, number * SLOT_BYTES) != SLOT_BYTES)
        return bx_error_set_errno(err, errno, "'%s'", path);
    return bx_take_fd(&fd);
}

bool bx_session_lock_is_taken(int fd, int64_t number, long *ret_pid)
{
    struct flock lock;

    *ret_pid = 0;
    if (number < 1 || number > MAX_NUMBER)
        return false;
    lock = slot_lock(number);
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return false;
    *ret_pid = read_pid(fd, number);
    return true;
}
