/* Shared by the sandbox's tests: modules in text format, run under a policy
 * given as flags, in a temporary home. */
#ifndef BX_TESTS_SANDBOX_SUPPORT_H
#define BX_TESTS_SANDBOX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boxagnts.h"

/* Group set-up and tear-down: a fresh HOME for cache and key, one engine. */
int make_home(void **state);
int remove_home(void **state);

extern bx_engine *test_engine;
extern char test_home[]; /* absolute path */

/* Before anything runs in a test of its own making; run_wat() does it. */
void use_engine_signals(void);

/* control, value, control, value, ..., NULL. Fails the test on an error. */
bx_policy *make_policy(const char *control, ...);

/* Parse and run; the cache is off unless the policy names one. Fails the test
 * when the module does not load or the run does not start. */
bx_result *run_wat(const char *wat, const bx_policy *policy,
                   const bx_run_options *options);

/* The error that keeps wat from loading or starting; the test frees it. */
bx_error *fail_wat(const char *wat, const bx_policy *policy);

/* Text format of a command with one page of memory: body is its _start. */
#define COMMAND(imports, body)                                                 \
    "(module " imports " (memory (export \"memory\") 1) "                      \
    "(func (export \"_start\") " body "))"

#define PROC_EXIT                                                              \
    "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param "     \
    "i32)))"
#define FD_WRITE                                                               \
    "(import \"wasi_snapshot_preview1\" \"fd_write\" "                         \
    "(func $fd_write (param i32 i32 i32 i32) (result i32)))"
#define FD_READ                                                                \
    "(import \"wasi_snapshot_preview1\" \"fd_read\" "                          \
    "(func $fd_read (param i32 i32 i32 i32) (result i32)))"

#endif
