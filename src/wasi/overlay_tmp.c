/* An overlay's lock and its folder for files on their way. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>

#include "base/buf.h"
#include "wasi/overlay_state.h"

#define WITHOUT_RUN_NS (10 * INT64_C(1000000000))
#define WAIT_NS 1000000 /* between two looks at a lock that is held */

/* ---- the lock ------------------------------------------------------- */

/* Wait a little; -1 with ETIME when it took too long. */
static int wait_on(const bx_run *run, int64_t end_ns)
{
    if (run != NULL && bx_run_poll(run, NULL, 0, bx_now_ns() + WAIT_NS) < 0)
        return -1;
    if (run == NULL)
        nanosleep(&(struct timespec){ .tv_nsec = WAIT_NS }, NULL);
    if (bx_now_ns() < end_ns)
        return 0;
    errno = ETIME;
    return -1;
}

static int lock_mutex(bx_overlay *overlay, const bx_run *run, int64_t end_ns)
{
    while (pthread_mutex_trylock(&overlay->mutex) != 0) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 20 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        if (pthread_mutex_clocklock(&overlay->mutex, CLOCK_MONOTONIC, &until) ==
            0)
            return 0;
        if (bx_now_ns() >= end_ns || (run != NULL && bx_run_is_over(run))) {
            errno = ETIME;
            return -1;
        }
    }
    return 0;
}

int bx_overlay_lock(bx_overlay *overlay, const bx_run *run)
{
    int64_t end_ns = run == NULL ? bx_now_ns() + WITHOUT_RUN_NS : INT64_MAX;

    if (lock_mutex(overlay, run, end_ns) < 0)
        return -1;
    /* Never waited for in the kernel: whoever holds it may be stopped, and a
     * run ends at its deadline. */
    while (flock(overlay->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        int failed = errno;

        if ((failed == EWOULDBLOCK || failed == EINTR) &&
            wait_on(run, end_ns) == 0)
            continue;
        if (failed == EWOULDBLOCK || failed == EINTR)
            failed = errno;
        pthread_mutex_unlock(&overlay->mutex);
        errno = failed;
        return -1;
    }
    return 0;
}

void bx_overlay_unlock(bx_overlay *overlay)
{
    int kept = errno;

    (void)flock(overlay->lock_fd, LOCK_UN);
    pthread_mutex_unlock(&overlay->mutex);
    errno = kept;
}

/* ---- tmp/ ----------------------------------------------------------- */

void bx_overlay_tmp_name(char name[BX_TMP_NAME_BYTES])
{
    uint64_t random = 0;

    (void)!getrandom(&random, sizeof(random), 0);
    snprintf(name, BX_TMP_NAME_BYTES, "t-%016" PRIx64, random);
}

/* Empty a folder of tmp/: the folders in it move up into tmp/ and are named, to
 * be emptied in their turn, so that its depth costs no descriptors. */
static void empty_folder(const bx_overlay *overlay, const char *name,
                         bx_buf *names)
{
    int fd = openat(overlay->tmp_fd, name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        char moved[BX_TMP_NAME_BYTES];

        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 ||
            unlinkat(fd, entry->d_name, 0) == 0 ||
            unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0)
            continue;
        bx_overlay_tmp_name(moved);
        if (renameat(fd, entry->d_name, overlay->tmp_fd, moved) == 0)
            (void)bx_buf_append(names, moved, sizeof(moved), SIZE_MAX);
    }
    closedir(dir);
}

void bx_overlay_tmp_remove(const bx_overlay *overlay, const char *name)
{
    bx_autobuf bx_buf names = BX_BUF_INIT;
    int kept = errno;

    if (unlinkat(overlay->tmp_fd, name, 0) < 0 && errno == EISDIR) {
        empty_folder(overlay, name, &names);
        (void)unlinkat(overlay->tmp_fd, name, AT_REMOVEDIR);
    }
    for (size_t at = 0; at < names.len; at += BX_TMP_NAME_BYTES) {
        char next[BX_TMP_NAME_BYTES];

        memcpy(next, names.data + at, sizeof(next));
        empty_folder(overlay, next, &names);
        (void)unlinkat(overlay->tmp_fd, next, AT_REMOVEDIR);
    }
    errno = kept;
}

/* A file that is being written is locked by whoever writes it. */
static bool is_left_over(const bx_overlay *overlay, const char *name)
{
    bx_autofd int fd = openat(overlay->tmp_fd, name,
                              O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    /* Without descriptors or memory it is not known: it stays. */
    return fd < 0 ? errno == ELOOP || errno == ENXIO
                  : flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void bx_overlay_tmp_clean(const bx_overlay *overlay)
{
    int fd = openat(overlay->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 &&
            is_left_over(overlay, entry->d_name))
            bx_overlay_tmp_remove(overlay, entry->d_name);
    }
    closedir(dir);
}
