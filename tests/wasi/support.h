/* A run of the WASI calls with no engine: a guest memory, a policy over a fresh
 * temporary folder, and the refusals that were told. */
#ifndef TESTS_WASI_SUPPORT_H
#define TESTS_WASI_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "wasi/calls.h"
#include "wasi/resolve.h"
#include "wasi/state.h"

#define BOX_MEMORY_BYTES 65536u
#define BOX_SCRATCH_BYTES                                                      \
    256u /* at the bottom, for results; never handed out */
#define BOX_PREOPEN 3u
#define BOX_RW (BX_ACCESS_READ | BX_ACCESS_WRITE)

#define ALL_RIGHTS UINT64_MAX
#define RIGHTS_RW (BX_RIGHT_FD_READ | BX_RIGHT_FD_WRITE)

typedef struct test_box {
    char dir[32]; /* the test's own folder; what is mapped lies in it */
    bx_policy *policy;
    bx_fs *fs;
    bx_run run;
    bx_stream stdio[3];
    bx_buf captured[2];
    bx_wasi *wasi;
    bx_guest guest;
    uint32_t used; /* of the guest's memory */
    unsigned denials;
    char reason[128]; /* of the last refusal */
    char target[512];
    char rule[256];
} test_box;

/* A fresh temporary folder with an empty "work" in it and an empty policy. */
void box_init(test_box *box);
/* Map a folder of box->dir, which is made. guest "/" is fine. */
void box_map(test_box *box, const char *host, const char *guest,
             unsigned access);
/* "fs.read:/path" or "fs.write:/path" */
void box_grant(test_box *box, const char *grant);
/* Open the mapped folders and begin the run. */
void box_start(test_box *box);
/* The usual box: "work" mapped read-write at "/". */
void box_start_work(test_box *box);
/* End the run, keep folder and policy; box_start() again is fine. */
void box_stop(test_box *box);
void box_free(test_box *box);

/* Host side, by paths in box->dir. */
void host_write(const test_box *box, const char *path, const char *text);
void host_mkdir(const test_box *box, const char *path);
void host_symlink(const test_box *box, const char *content, const char *path);
bool host_exists(const test_box *box, const char *path);
/* The file's bytes, at most 255, in a static buffer; NULL when there is none.
 */
const char *host_read(const test_box *box, const char *path);
char *host_path(const test_box *box, const char *path, char buf[512]);
/* A line for each thing beneath box->dir: kind, size, name; to compare. */
char *host_listing(const test_box *box);
/* The same of one folder in it. */
char *host_listing_of(const test_box *box, const char *path);

/* Guest side. Memory is handed out from the bottom and never taken back but by
 * box_rewind(). */
uint32_t box_alloc(test_box *box, uint32_t bytes);
uint32_t box_put(test_box *box, const void *data, uint32_t bytes);
uint32_t box_puts(test_box *box, const char *text);
void box_rewind(test_box *box);
uint32_t box_iovec(test_box *box, uint32_t ptr, uint32_t len);

#define U32(x)                                                                 \
    {                                                                          \
        .u64 = (uint32_t)(x)                                                   \
    }
#define U64(x)                                                                 \
    {                                                                          \
        .u64 = (uint64_t)(x)                                                   \
    }
#define CALL(box, function, ...)                                               \
    function((box)->wasi, &(box)->guest, (const bx_raw[]){ __VA_ARGS__ })
#define PATH(box, text) U32(box_puts(box, text)), U32(strlen(text))

typedef struct box_open {
    uint32_t dir; /* 0: the first preopen */
    uint32_t lookup;
    uint32_t oflags;
    uint64_t rights;
    uint64_t inheriting;
    uint32_t fdflags;
} box_open;

/* path_open; *ret_fd is set on success. */
int32_t box_path_open(test_box *box, const char *path, box_open open,
                      uint32_t *ret_fd);
/* The same, which must work. */
uint32_t box_opened(test_box *box, const char *path, box_open open);
int32_t box_write(test_box *box, uint32_t fd, const char *text);
/* Read at most 255 bytes, as a string in a static buffer; NULL on failure. */
const char *box_read(test_box *box, uint32_t fd);
/* path_filestat_get into *ret (64 bytes); NULL is fine. */
int32_t box_stat(test_box *box, const char *path, uint32_t lookup,
                 uint8_t *ret);
/* The names fd_readdir gives, each followed by a space, in a static buffer.
 * piece: the size of the guest's buffer. */
const char *box_list(test_box *box, uint32_t fd, uint32_t piece);

/* Run a test with both resolvers. */
#define BOTH(test)                                                             \
    static void test##_walked(void **state)                                    \
    {                                                                          \
        bx_resolve_force_walk(true);                                           \
        test(state);                                                           \
        bx_resolve_force_walk(false);                                          \
    }
#define BOTH_TESTS(test) cmocka_unit_test(test), cmocka_unit_test(test##_walked)

#endif
