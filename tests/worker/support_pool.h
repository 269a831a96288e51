/* Shared by the tests of workers: a pool whose program is the test itself, and
 * modules in text format that run in boxes of it. */
#ifndef BX_TESTS_WORKER_SUPPORT_POOL_H
#define BX_TESTS_WORKER_SUPPORT_POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/worker.h"

/* The first line of a test's main(): a worker does not come back. */
#define POOL_MAIN(argc, argv)                                                  \
    do {                                                                       \
        if ((argc) > 1 && strcmp((argv)[1], BX_WORKER_ARGUMENT) == 0)          \
            return bx_worker_main(argc, argv);                                 \
    } while (0)

extern char pool_home[]; /* absolute path, fresh for the group */

/* Group set-up and tear-down: HOME, and nothing left at the end: no child, no
 * descriptor more than before. */
int make_pool_home(void **state);
int remove_pool_home(void **state);

bx_worker_pool *make_pool(const bx_worker_options *options);

/* control, value, ..., NULL */
bx_policy *make_pool_policy(const char *control, ...);

/* A box of a module in text format; policy NULL: one without a cache. Both are
 * freed by free_box(). */
typedef struct test_box {
    bx_worker_module *module;
    bx_worker_box *box;
} test_box;
test_box make_box(bx_worker_pool *pool, const char *wat,
                  const bx_policy *policy);
/* A file of build/tests/guest. */
test_box make_guest_box(bx_worker_pool *pool, const char *name,
                        const bx_policy *policy);
void free_box(test_box *box);

bx_result *run_box(const test_box *box, const bx_run_options *options,
                   const char *arg, ...);
/* The same with extra; argv is "guest". */
bx_result *run_box_with(const test_box *box, const bx_run_options *options,
                        const bx_run_extra *extra);

/* How many descriptors and children this process has. */
size_t count_fds(void);
size_t count_children(void);
/* Wait for a condition, ten seconds at most; false: it did not come. */
bool wait_until(bool (*is_so)(void *), void *context);

/* SIGSTOP, and until each of its threads has stopped. */
void stop_process(int pid);

#define PLAIN(imports, body)                                                   \
    "(module " imports " (memory (export \"memory\") 1) "                      \
    "(func (export \"_start\") " body "))"
#define IMPORT_EXIT                                                            \
    "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param "     \
    "i32)))"
#define IMPORT_WRITE                                                           \
    "(import \"wasi_snapshot_preview1\" \"fd_write\" "                         \
    "(func $fd_write (param i32 i32 i32 i32) (result i32)))"

#endif
