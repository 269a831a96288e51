/* A run's WASI state from its beginning to its end. */
#include "wasi/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "wasi/calls.h"
#include "wasi/stream.h"

#define MOUNTS_MAX INT16_MAX

bx_fd *bx_wasi_fd(const bx_wasi *wasi, uint32_t number, uint64_t rights,
                  int32_t *ret_errno)
{
    bx_fd *fd = bx_fd_find(&wasi->table, number);

    if (fd == NULL) {
        *ret_errno = BX_WASI_EBADF;
        return NULL;
    }
    if ((fd->base & rights) != rights) {
        *ret_errno = BX_WASI_ENOTCAPABLE;
        return NULL;
    }
    return fd;
}

uint64_t bx_wasi_quota(const bx_wasi *wasi, uint64_t bytes)
{
    uint64_t left = BX_RUN_LEFT(wasi->run, fs_write_bytes,
                                wasi->policy->limits.fs_write_bytes);

    return bytes < left ? bytes : left;
}

bool bx_wasi_may_create(const bx_wasi *wasi)
{
    return BX_RUN_LEFT(wasi->run, fs_create_entries,
                       wasi->policy->limits.fs_create_entries) > 0;
}

uint8_t bx_wasi_filetype(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return BX_FILETYPE_REGULAR_FILE;
    case S_IFDIR:
        return BX_FILETYPE_DIRECTORY;
    case S_IFLNK:
        return BX_FILETYPE_SYMBOLIC_LINK;
    case S_IFCHR:
        return BX_FILETYPE_CHARACTER_DEVICE;
    case S_IFBLK:
        return BX_FILETYPE_BLOCK_DEVICE;
    case S_IFSOCK:
        return BX_FILETYPE_SOCKET_STREAM;
    default:
        return BX_FILETYPE_UNKNOWN; /* preview1 has no word for a pipe */
    }
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
                              .tv_nsec = (long)(ns % 1000000000) };
}

int32_t bx_wasi_times(bx_wasi *wasi, uint64_t atim_ns, uint64_t mtim_ns,
                      uint32_t fst_flags, struct timespec ret_times[2])
{
    static const struct {
        uint32_t set;
        uint32_t now;
    } flags[2] = { { BX_FSTFLAG_ATIM, BX_FSTFLAG_ATIM_NOW },
                   { BX_FSTFLAG_MTIM, BX_FSTFLAG_MTIM_NOW } };
    const uint64_t values[2] = { atim_ns, mtim_ns };

    if ((fst_flags & ~BX_FSTFLAGS_ALL) != 0)
        return BX_WASI_EINVAL;
    for (int i = 0; i < 2; i++) {
        bool is_set = (fst_flags & flags[i].set) != 0;
        bool is_now = (fst_flags & flags[i].now) != 0;

        if (is_set && is_now)
            return BX_WASI_EINVAL;
        ret_times[i] = timespec_of(values[i]);
        if (is_now && wasi->run->is_deterministic)
            ret_times[i] =
                timespec_of(bx_wasi_clock_ns(wasi, BX_CLOCK_REALTIME));
        else if (!is_set)
            ret_times[i].tv_nsec = is_now ? UTIME_NOW : UTIME_OMIT;
    }
    return 0;
}

static int add_preopens(bx_wasi *wasi)
{
    for (size_t i = 0; i < wasi->fs->mounts_count; i++) {
        const bx_fs_mount *mount = &wasi->fs->mounts[i];
        const char *path = mount->rule->guest_dir;
        bx_region region;
        bx_fd fd = { .kind = BX_FD_DIR,
                     .filetype = BX_FILETYPE_DIRECTORY,
                     .is_path = true,
                     .is_base = wasi->fs->overlay != NULL,
                     .mount = (int16_t)i,
                     .preopen = (int16_t)i,
                     .host_fd = mount->fd,
                     .base = BX_RIGHTS_DIR,
                     /* All of them, also for a read-only mapping: C libraries
                      * quietly drop what is missing here, and open() for
                      * writing would succeed instead of saying EROFS. */
                     .inheriting = BX_RIGHTS_ALL };

        fd.guest_path = strdup(strcmp(path, "/") == 0 ? "" : path);
        if (fd.guest_path == NULL)
            return -1;
        fd.guest_len = strlen(fd.guest_path);
        bx_fs_find(wasi->fs, fd.guest_path, fd.guest_len, &region);
        fd.access = (uint8_t)region.access;
        fd.is_uniform = !region.holds_point;
        if (bx_fd_add(&wasi->table, &fd) < 0) {
            bx_fd_release(&fd);
            return -1;
        }
    }
    return 0;
}

static uint64_t words_bytes(size_t count, const char *const *words)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += strlen(words[i]) + 1;
    return bytes;
}

static int add_all(bx_wasi *wasi, const bx_wasi_config *config)
{
    for (int i = 0; i < 3; i++) {
        bx_fd fd = bx_stream_descriptor(config->stdio[i], i == 0);

        if (bx_fd_add(&wasi->table, &fd) < 0)
            return -1;
    }
    return add_preopens(wasi);
}

bx_wasi *bx_wasi_new(const bx_wasi_config *config, bx_error **err)
{
    bx_wasi *wasi;

    if (config->fs->mounts_count > MOUNTS_MAX) {
        bx_error_set(err, BX_ERR_LIMIT, "%zu mappings, at most %d",
                     config->fs->mounts_count, MOUNTS_MAX);
        return NULL;
    }
    wasi = calloc(1, sizeof(*wasi));
    if (wasi == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    wasi->policy = config->policy;
    wasi->fs = config->fs;
    wasi->run = config->run;
    wasi->argc = config->argc;
    wasi->argv = config->argv;
    wasi->argv_bytes = words_bytes(config->argc, config->argv);
    wasi->env = config->env;
    if (config->env != NULL) {
        wasi->env_count = config->env_count;
        wasi->env_bytes = words_bytes(config->env_count, config->env);
    } else {
        wasi->env_count = config->policy->env_count;
        for (size_t i = 0; i < config->policy->env_count; i++)
            wasi->env_bytes += strlen(config->policy->env[i].name) +
                               strlen(config->policy->env[i].value) + 2;
    }
    wasi->start_ns = bx_now_ns();
    wasi->random_state = config->run->seed;
    if (wasi->argv_bytes > UINT32_MAX || wasi->env_bytes > UINT32_MAX ||
        add_all(wasi, config) < 0) {
        bx_error_set_nomem(err);
        bx_wasi_free(wasi);
        return NULL;
    }
    return wasi;
}

void bx_wasi_renew_stdio(bx_wasi *wasi, bx_stream *const stdio[3])
{
    for (uint32_t i = 0; i < 3 && i < wasi->table.count; i++) {
        if (wasi->table.fds[i].kind == BX_FD_STREAM)
            wasi->table.fds[i] = bx_stream_descriptor(stdio[i], i == 0);
    }
}

void bx_wasi_free(bx_wasi *wasi)
{
    if (wasi == NULL)
        return;
    bx_fd_table_clear(&wasi->table);
    free(wasi);
}

uint32_t bx_wasi_exit_code(const bx_wasi *wasi)
{
    return wasi->exit_code;
}
