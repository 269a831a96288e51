/* One run's WASI state and what the call files share. Every value that comes
 * in a bx_raw or out of guest memory is the guest's and hostile. */
#ifndef BX_WASI_STATE_H
#define BX_WASI_STATE_H

#include <sys/stat.h>

#include "wasi/fd_table.h"
#include "wasi/fs.h"
#include "wasi/types.h"

struct bx_wasi {
    const bx_policy *policy;
    const bx_fs *fs;
    bx_run *run;
    bx_fd_table table;
    size_t argc;
    const char *const *argv;
    uint64_t argv_bytes; /* with each NUL */
    size_t env_count;
    const char *const *env; /* "NAME=VALUE"; NULL: the policy's */
    uint64_t env_bytes;
    int64_t start_ns;      /* CLOCK_MONOTONIC when the run began */
    uint64_t virtual_ns;   /* deterministic: time that has passed */
    uint64_t random_state; /* deterministic: SplitMix64 */
    uint32_t exit_code;
};

/* The open descriptor with this number that has all of rights; otherwise NULL
 * with *ret_errno EBADF or ENOTCAPABLE. */
bx_fd *bx_wasi_fd(const bx_wasi *wasi, uint32_t number, uint64_t rights,
                  int32_t *ret_errno);

/* Charge bytes about to be written to files: how many of them the quota still
 * allows. */
uint64_t bx_wasi_quota(const bx_wasi *wasi, uint64_t bytes);
/* May another file, folder or link be made? */
bool bx_wasi_may_create(const bx_wasi *wasi);

uint8_t bx_wasi_filetype(mode_t mode);

/* Times for utimensat() from a set_times call; 0 or EINVAL. */
int32_t bx_wasi_times(bx_wasi *wasi, uint64_t atim_ns, uint64_t mtim_ns,
                      uint32_t fst_flags, struct timespec ret_times[2]);

/* A filestat in the layout of one of the two modules. */
typedef void bx_filestat_fn(uint8_t *at, const struct stat *stat,
                            uint8_t filetype);
void bx_wasi_store_filestat(uint8_t *at, const struct stat *stat,
                            uint8_t filetype);

/* One subscription, read from the layout of one of the two modules. */
typedef struct bx_subscription {
    uint64_t userdata;
    uint8_t tag;
    uint16_t flags;
    uint32_t id; /* clock or descriptor */
    uint64_t timeout_ns;
} bx_subscription;
typedef void bx_subscription_fn(const uint8_t *at, bx_subscription *ret);

/* The calls whose layouts differ, told which to use. */
int32_t bx_fd_filestat_get(bx_wasi *wasi, const bx_guest *guest,
                           const bx_raw *args, bx_filestat_fn *store,
                           uint32_t bytes);
int32_t bx_path_filestat_get(bx_wasi *wasi, const bx_guest *guest,
                             const bx_raw *args, bx_filestat_fn *store,
                             uint32_t bytes);
int32_t bx_fd_seek(bx_wasi *wasi, const bx_guest *guest, const bx_raw *args,
                   const int whences[3]);
int32_t bx_poll_oneoff(bx_wasi *wasi, const bx_guest *guest, const bx_raw *args,
                       bx_subscription_fn *load, uint32_t bytes);

/* Clocks: nanoseconds as the guest sees them. */
uint64_t bx_wasi_clock_ns(bx_wasi *wasi, uint32_t clock);

#endif
