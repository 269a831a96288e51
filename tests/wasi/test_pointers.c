/* Every pointer of every call, pointed outside: the answer is EFAULT and
 * nothing happens. */
#include <string.h>

#include "wasi/support.h"

#define ARGS_MAX 9

typedef struct pointer_case {
    const char *name;
    const char *params; /* p pointer, l its length, . as given */
    uint64_t args[ARGS_MAX];
} pointer_case;

enum { FILE_FD = 4, TEXT = 256, TEXT_LEN = 4, BUF = 1024, BUF_LEN = 64 };
enum { IOVEC = 512, SUBSCRIPTION = 640, NEW_TEXT = 320 };

static const pointer_case cases[] = {
    { "args_get", "pp", { BUF, BUF } },
    { "args_sizes_get", "pp", { BUF, BUF } },
    { "environ_get", "pp", { BUF, BUF } },
    { "environ_sizes_get", "pp", { BUF, BUF } },
    { "clock_res_get", ".p", { 0, BUF } },
    { "clock_time_get", "..p", { 0, 0, BUF } },
    { "fd_fdstat_get", ".p", { FILE_FD, BUF } },
    { "fd_filestat_get", ".p", { FILE_FD, BUF } },
    { "fd_pread", ".pl.p", { FILE_FD, IOVEC, 1, 0, BUF } },
    { "fd_prestat_get", ".p", { 3, BUF } },
    { "fd_prestat_dir_name", ".pl", { 3, BUF, BUF_LEN } },
    { "fd_pwrite", ".pl.p", { FILE_FD, IOVEC, 1, 0, BUF } },
    { "fd_read", ".plp", { FILE_FD, IOVEC, 1, BUF } },
    { "fd_readdir", ".pl.p", { 3, BUF, BUF_LEN, 0, BUF } },
    { "fd_seek", "...p", { FILE_FD, 0, 0, BUF } },
    { "fd_tell", ".p", { FILE_FD, BUF } },
    { "fd_write", ".plp", { FILE_FD, IOVEC, 1, BUF } },
    { "path_create_directory", ".pl", { 3, NEW_TEXT, TEXT_LEN } },
    { "path_filestat_get", "..plp", { 3, 0, TEXT, TEXT_LEN, BUF } },
    { "path_filestat_set_times", "..pl...", { 3, 0, TEXT, TEXT_LEN, 0, 0, 5 } },
    { "path_link", "..pl.pl", { 3, 0, TEXT, TEXT_LEN, 3, NEW_TEXT, TEXT_LEN } },
    { "path_open",
      "..pl....p",
      { 3, 0, NEW_TEXT, TEXT_LEN, BX_OFLAG_CREAT, 0, 0, 0, BUF } },
    { "path_readlink", ".plplp", { 3, TEXT, TEXT_LEN, BUF, BUF_LEN, BUF } },
    { "path_remove_directory", ".pl", { 3, TEXT, TEXT_LEN } },
    { "path_rename", ".pl.pl", { 3, TEXT, TEXT_LEN, 3, NEW_TEXT, TEXT_LEN } },
    { "path_symlink", "pl.pl", { TEXT, TEXT_LEN, 3, NEW_TEXT, TEXT_LEN } },
    { "path_unlink_file", ".pl", { 3, TEXT, TEXT_LEN } },
    { "poll_oneoff", "ppnp", { SUBSCRIPTION, BUF, 1, BUF } },
    { "random_get", "pl", { BUF, BUF_LEN } },
};

static const bx_host_call *find_call(const bx_host_call *calls, size_t count,
                                     const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(calls[i].name, name) == 0)
            return &calls[i];
    }
    fail_msg("no call '%s'", name);
    return NULL;
}

static void prepare(test_box *box)
{
    uint32_t iovec[2] = { BUF, BUF_LEN };

    box_start_work(box);
    assert_int_equal(bx_policy_env(box->policy, "A", "b", NULL), 0);
    box_stop(box);
    box_start(box);
    host_write(box, "work/file", "content");
    assert_int_equal(box_opened(box, "file", (box_open){ .rights = RIGHTS_RW }),
                     FILE_FD);
    memcpy(box->guest.data + TEXT, "file", TEXT_LEN);
    memcpy(box->guest.data + NEW_TEXT, "news", TEXT_LEN);
    memcpy(box->guest.data + IOVEC, iovec, sizeof(iovec));
}

/* Leave behind what no variable should begin with: the sanitized build then
 * sees one that is used before it is set. */
static __attribute__((noinline)) void dirty_stack(void)
{
    volatile uint8_t room[32768];

    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 2;
}

static void check_one(test_box *box, const pointer_case *test,
                      const bx_host_call *call, size_t arg, uint32_t value,
                      uint64_t length)
{
    bx_raw args[ARGS_MAX];
    uint8_t *memory = malloc(BOX_MEMORY_BYTES);
    int32_t err;

    for (size_t i = 0; i < ARGS_MAX; i++)
        args[i].u64 = test->args[i];
    args[arg].u64 = value;
    if (test->params[arg + 1] == 'l' && length != 0)
        args[arg + 1].u64 = length;
    memcpy(memory, box->guest.data, BOX_MEMORY_BYTES);
    dirty_stack();
    err = call->call(box->wasi, &box->guest, args);
    if (err != BX_WASI_EFAULT)
        fail_msg("%s: argument %zu = %#x, length %#llx: %d", test->name, arg,
                 value, (unsigned long long)length, err);
    if (memcmp(memory, box->guest.data, BOX_MEMORY_BYTES) != 0)
        fail_msg("%s: argument %zu: guest memory changed", test->name, arg);
    free(memory);
}

static void check_case(test_box *box, const pointer_case *test,
                       const bx_host_call *call)
{
    for (size_t arg = 0; test->params[arg] != '\0'; arg++) {
        if (test->params[arg] != 'p')
            continue;
        check_one(box, test, call, arg, BOX_MEMORY_BYTES - 1, 0);
        check_one(box, test, call, arg, BOX_MEMORY_BYTES + 1, 0);
        check_one(box, test, call, arg, UINT32_MAX, 0);
        check_one(box, test, call, arg, UINT32_MAX - 3, 0);
        if (test->params[arg + 1] != 'l')
            continue;
        check_one(box, test, call, arg, (uint32_t)test->args[arg],
                  BOX_MEMORY_BYTES);
        check_one(box, test, call, arg, (uint32_t)test->args[arg], UINT32_MAX);
        check_one(box, test, call, arg, UINT32_MAX, UINT32_MAX);
    }
}

static void every_pointer_is_checked(void **state)
{
    test_box box;
    char *before;
    char *after;

    (void)state;
    prepare(&box);
    before = host_listing(&box);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_case(&box, &cases[i],
                   find_call(bx_wasi_preview1_calls,
                             bx_wasi_preview1_calls_count, cases[i].name));
        check_case(&box, &cases[i],
                   find_call(bx_wasi_snapshot0_calls,
                             bx_wasi_snapshot0_calls_count, cases[i].name));
    }
    after = host_listing(&box);
    assert_string_equal(before, after);
    free(before);
    free(after);
    box_free(&box);
}

/* The table above misses no pointer: what no case has takes none. */
static void every_call_has_a_case(void **state)
{
    static const char *const none[] = {
        "fd_advise",     "fd_allocate",
        "fd_close",      "fd_datasync",
        "fd_sync",       "fd_fdstat_set_flags",
        "fd_renumber",   "fd_fdstat_set_rights",
        "proc_exit",     "fd_filestat_set_size",
        "proc_raise",    "fd_filestat_set_times",
        "sched_yield",   "sock_accept", /* never a socket: EBADF first */
        "sock_recv",     "sock_send",
        "sock_shutdown",
    };

    (void)state;
    assert_int_equal(bx_wasi_preview1_calls_count, 46);
    assert_int_equal(bx_wasi_snapshot0_calls_count, 45);
    for (size_t i = 0; i < bx_wasi_preview1_calls_count; i++) {
        const bx_host_call *call = &bx_wasi_preview1_calls[i];
        size_t found = 0;

        for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++)
            found += strcmp(none[k], call->name) == 0;
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
            found += strcmp(cases[k].name, call->name) == 0;
        if (found != 1)
            fail_msg("'%s' is there %zu times", call->name, found);
    }
}

static void iovecs_are_checked(void **state)
{
    test_box box;
    uint32_t ret;
    uint32_t iovecs;

    (void)state;
    prepare(&box);
    box.used = 4096;
    ret = box_alloc(&box, 4);
    iovecs = box_iovec(&box, BUF, 4);
    box_iovec(&box, BOX_MEMORY_BYTES - 3, 4);
    assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(FILE_FD), U32(iovecs),
                          U32(2), U32(ret)),
                     BX_WASI_EFAULT);
    assert_int_equal(CALL(&box, bx_wasi_fd_write, U32(FILE_FD), U32(iovecs),
                          U32(2), U32(ret)),
                     BX_WASI_EFAULT);
    assert_string_equal(host_read(&box, "work/file"), "content");
    /* a million iovecs do not fit this memory, 1025 do */
    assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(FILE_FD), U32(iovecs),
                          U32(1000000), U32(ret)),
                     BX_WASI_EFAULT);
    assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(FILE_FD), U32(8192),
                          U32(1025), U32(ret)),
                     BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(FILE_FD), U32(8192),
                          U32(1024), U32(ret)),
                     0);
    assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(FILE_FD), U32(0),
                          U32(0x20000001), U32(ret)),
                     BX_WASI_EFAULT);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pointer_is_checked),
        cmocka_unit_test(every_call_has_a_case),
        cmocka_unit_test(iovecs_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
