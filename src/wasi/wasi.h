/* WASI preview1 and its predecessor snapshot 0 ("wasi_unstable"), straight on
 * system calls. No engine in sight: a call gets raw values and the guest's
 * memory. */
#ifndef BX_WASI_WASI_H
#define BX_WASI_WASI_H

#include "base/buf.h"
#include "base/guest.h"
#include "base/run.h"
#include "policy/policy.h"

/* The mapped folders of a policy, opened once and shared by many runs. */
typedef struct bx_fs bx_fs;

/* policy is borrowed and outlives it. */
bx_fs *bx_fs_new(const bx_policy *policy, bx_error **err);
void bx_fs_free(bx_fs *fs);

/* One standard stream. */
typedef struct bx_stream {
    int fd;           /* borrowed; -1: use the buffer */
    const void *data; /* stdin: borrowed bytes to read */
    size_t bytes;
    bx_buf *capture;      /* stdout, stderr: where output goes; NULL drops */
    size_t capture_bytes; /* the most it may hold; more is counted, not kept */
    bool is_cut;          /* set when output was dropped past that */
} bx_stream;

/* One run's WASI state: descriptors, arguments, environment. One thread. */
typedef struct bx_wasi bx_wasi;

typedef struct bx_wasi_config {
    const bx_policy *policy; /* borrowed */
    const bx_fs *fs;         /* borrowed, shared */
    bx_run *run;             /* borrowed */
    size_t argc;
    const char *const *argv; /* borrowed */
    size_t env_count;
    const char *const *env; /* borrowed, "NAME=VALUE"; NULL: the policy's */
    bx_stream *stdio[3];    /* borrowed: in, out, err */
} bx_wasi_config;

bx_wasi *bx_wasi_new(const bx_wasi_config *config, bx_error **err);
/* NULL is fine. */
void bx_wasi_free(bx_wasi *wasi);

/* Give the standard streams new ends: another call of a session. Borrowed. */
void bx_wasi_renew_stdio(bx_wasi *wasi, bx_stream *const stdio[3]);

/* What proc_exit was called with; valid after BX_HOST_EXIT. */
uint32_t bx_wasi_exit_code(const bx_wasi *wasi);

/* The host's descriptor to wait for before a standard stream is read (or
 * written), -1 when there is nothing to wait for. */
int bx_wasi_stream_fd(const bx_wasi *wasi, uint32_t fd, bool is_read);

/* Tables of the modules; each call's void *host is a bx_wasi. */
extern const bx_host_call bx_wasi_preview1_calls[];
extern const size_t bx_wasi_preview1_calls_count;
extern const bx_host_call bx_wasi_snapshot0_calls[];
extern const size_t bx_wasi_snapshot0_calls_count;
/* What the module "boxagnts" has of files. */
extern const bx_host_call bx_wasi_own_calls[];
extern const size_t bx_wasi_own_calls_count;

#endif
