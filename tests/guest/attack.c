/* Attacks on the host by raw WASI calls:  attack NAME [FD]
 *
 * FD is the mapped folder to attack from, 3 without one. Each attempt prints a
 * line, "CALL TARGET: errno N"; one that got through prints "SUCCEEDED" and
 * makes the exit status 1. The host's side of the proof is the test's. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raw_wasi.h"

static uint32_t dir = 3;
static int succeeded;

/* An attempt that must be refused. */
static void refuse(const char *call, const char *target, int32_t errnum)
{
    printf("%s %s: errno %d\n", call, target, (int)errnum);
    if (errnum == 0) {
        printf("SUCCEEDED: %s %s\n", call, target);
        succeeded = 1;
    }
}

static int32_t open_at(const char *path, uint32_t len, uint32_t flags,
                       uint32_t oflags, uint64_t rights, uint32_t *ret_fd)
{
    return raw_path_open(dir, flags, raw_ptr(path), len, oflags, rights, rights,
                         0, raw_ptr(ret_fd));
}

static int32_t try_open(const char *path, uint32_t len, uint32_t oflags)
{
    uint32_t fd = 0;
    int32_t errnum =
        open_at(path, len, RAW_LOOKUP_FOLLOW, oflags, RAW_RIGHT_FD_READ, &fd);

    if (errnum == 0)
        raw_fd_close(fd);
    return errnum;
}

/* Every call that takes a path, on one that leaves the folder. */
static void try_path(const char *path)
{
    static uint8_t stat[64];
    static char text[256];
    uint32_t at = raw_ptr(path);
    uint32_t len = strlen(path);
    uint32_t got = 0;
    const char *mine = "mine";

    refuse("path_open", path, try_open(path, len, 0));
    refuse("path_open directory", path, try_open(path, len, RAW_O_DIRECTORY));
    refuse("path_open create", path, try_open(path, len, RAW_O_CREAT));
    refuse("path_filestat_get", path,
           raw_path_filestat_get(dir, 0, at, len, raw_ptr(stat)));
    refuse("path_filestat_get follow", path,
           raw_path_filestat_get(dir, 1, at, len, raw_ptr(stat)));
    refuse("path_filestat_set_times", path,
           raw_path_filestat_set_times(dir, 1, at, len, 0, 0, 10));
    refuse("path_readlink", path,
           raw_path_readlink(dir, at, len, raw_ptr(text), sizeof(text),
                             raw_ptr(&got)));
    refuse("path_create_directory", path,
           raw_path_create_directory(dir, at, len));
    refuse("path_remove_directory", path,
           raw_path_remove_directory(dir, at, len));
    refuse("path_unlink_file", path, raw_path_unlink_file(dir, at, len));
    refuse("path_symlink", path,
           raw_path_symlink(raw_ptr("x"), 1, dir, at, len));
    refuse("path_rename from", path,
           raw_path_rename(dir, at, len, dir, raw_ptr("stolen"), 6));
    try_open(mine, 4, RAW_O_CREAT);
    refuse("path_rename to", path,
           raw_path_rename(dir, raw_ptr(mine), 4, dir, at, len));
    refuse("path_link from", path,
           raw_path_link(dir, 0, at, len, dir, raw_ptr("stolen"), 6));
    refuse("path_link to", path,
           raw_path_link(dir, 0, raw_ptr(mine), 4, dir, at, len));
    raw_path_unlink_file(dir, raw_ptr(mine), 4);
}

static void dotdot(void)
{
    static const char *const paths[] = {
        "../victim",
        "../../etc/passwd",
        "../../../../../../../../etc/passwd",
        "./../victim",
        "sub/../../victim",
        "sub/./../.././victim",
        "sub//..//..//victim",
        "..//victim",
        "../victim/.",
    };

    raw_path_create_directory(dir, raw_ptr("sub"), 3);
    refuse("path_open directory", "..", try_open("..", 2, RAW_O_DIRECTORY));
    refuse("path_open directory", "sub/../..",
           try_open("sub/../..", 9, RAW_O_DIRECTORY));
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        try_path(paths[i]);
}

static void absolute(void)
{
    try_path("/etc/passwd");
    try_path("//etc/passwd");
    try_path("/../etc/passwd");
    try_path("/proc/self/root/etc/passwd");
}

/* Plant a link to target, then go through it. A host that refuses to make the
 * link is fine; one that follows it is not. */
static void plant(const char *target, const char *through)
{
    static uint8_t stat[64];
    uint32_t got = 0;
    int32_t errnum;
    uint32_t len = strlen(through);

    raw_path_unlink_file(dir, raw_ptr("planted"), 7);
    errnum = raw_path_symlink(raw_ptr(target), strlen(target), dir,
                              raw_ptr("planted"), 7);
    printf("path_symlink %s: errno %d\n", target, (int)errnum);
    if (errnum != 0)
        return;
    refuse("path_open through", target, try_open(through, len, 0));
    refuse("path_open create through", target,
           try_open(through, len, RAW_O_CREAT));
    refuse("path_open truncate through", target,
           open_at(through, len, RAW_LOOKUP_FOLLOW, RAW_O_TRUNC,
                   RAW_RIGHT_FD_WRITE, &got));
    refuse("path_filestat_get through", target,
           raw_path_filestat_get(dir, 1, raw_ptr(through), len, raw_ptr(stat)));
    refuse(
        "path_filestat_set_times through", target,
        raw_path_filestat_set_times(dir, 1, raw_ptr(through), len, 0, 0, 10));
    refuse("path_link through", target,
           raw_path_link(dir, RAW_LOOKUP_FOLLOW, raw_ptr(through), len, dir,
                         raw_ptr("stolen"), 6));
    raw_path_unlink_file(dir, raw_ptr("planted"), 7);
}

static void symlink_relative(void)
{
    plant("../victim", "planted");
    plant("../../../../../../etc/passwd", "planted");
    plant("..", "planted/victim");
    plant("sub/../..", "planted/victim");
    plant("../../../../../..", "planted/etc/passwd");
    plant("planted", "planted"); /* a loop */
}

static void symlink_absolute(void)
{
    plant("/etc/passwd", "planted");
    plant("/", "planted/etc/passwd");
    plant("/proc/self/root", "planted/etc/passwd");
    plant("/tmp/../etc/passwd", "planted");
}

static void hardlink(void)
{
    static const char *const outside[] = { "../victim", "/etc/passwd",
                                           "../../../../../../etc/passwd" };

    for (size_t i = 0; i < 3; i++) {
        const char *path = outside[i];

        for (uint32_t flags = 0; flags <= 1; flags++)
            refuse("path_link", path,
                   raw_path_link(dir, flags, raw_ptr(path), strlen(path), dir,
                                 raw_ptr("stolen"), 6));
    }
    raw_path_symlink(raw_ptr("../victim"), 9, dir, raw_ptr("planted"), 7);
    refuse("path_link follow", "planted",
           raw_path_link(dir, RAW_LOOKUP_FOLLOW, raw_ptr("planted"), 7, dir,
                         raw_ptr("stolen"), 6));
    raw_path_unlink_file(dir, raw_ptr("planted"), 7);
}

/* With /proc mapped by a careless policy: its magic links lead anywhere. */
static void magic(void)
{
    static const char *const paths[] = {
        "self/root/etc/passwd",
        "self/cwd/victim",
        "self/exe",
        "self/fd/0",
        "self/fd/1",
        "self/fd/3",
        "self/root",
        "thread-self/root/etc/passwd",
        "1/root/etc/passwd",
        "self/task/../root/etc/passwd",
    };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        refuse("path_open", paths[i], try_open(paths[i], strlen(paths[i]), 0));
}

static void nul(void)
{
    static const char path[] = "file\0/../../victim";
    static const char last[] = "file\0";

    refuse("path_open", "file\\0/../../victim",
           try_open(path, sizeof(path) - 1, 0));
    refuse("path_open create", "file\\0",
           try_open(last, sizeof(last) - 1, RAW_O_CREAT));
    refuse("path_create_directory", "file\\0",
           raw_path_create_directory(dir, raw_ptr(last), sizeof(last) - 1));
    refuse("path_symlink", "target with a NUL",
           raw_path_symlink(raw_ptr(path), sizeof(path) - 1, dir,
                            raw_ptr("planted"), 7));
    refuse("path_unlink_file", "file\\0",
           raw_path_unlink_file(dir, raw_ptr(last), sizeof(last) - 1));
    refuse("path_open", "empty path", try_open("", 0, RAW_O_CREAT));
}

static void utf8(void)
{
    static const char *const names[] = { "\xff\xfe",         "a\x80",
                                         "\xc0\xae\xc0\xae", "\xed\xa0\x80",
                                         "\xf5\x80\x80\x80", "\xe2\x82" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint32_t len = strlen(names[i]);

        refuse("path_open create", "not UTF-8",
               try_open(names[i], len, RAW_O_CREAT));
        refuse("path_create_directory", "not UTF-8",
               raw_path_create_directory(dir, raw_ptr(names[i]), len));
    }
}

static void longpath(void)
{
    enum { LEN = 1 << 20 };
    char *path = malloc(LEN);

    if (path == NULL)
        return;
    memset(path, 'a', LEN);
    refuse("path_open create", "1 MiB name", try_open(path, LEN, RAW_O_CREAT));
    refuse("path_symlink", "1 MiB target",
           raw_path_symlink(raw_ptr(path), LEN, dir, raw_ptr("planted"), 7));
    for (uint32_t i = 1; i < LEN; i += 2)
        path[i] = '/';
    refuse("path_open create", "1 MiB of a/", try_open(path, LEN, RAW_O_CREAT));
    refuse("path_create_directory", "1 MiB of a/",
           raw_path_create_directory(dir, raw_ptr(path), LEN));
    memset(path, '/', LEN);
    path[LEN - 1] = 'x';
    refuse("path_open", "1 MiB of /", try_open(path, LEN, 0));
    for (uint32_t i = 0; i + 3 <= LEN; i += 3)
        memcpy(path + i, "../", 3);
    refuse("path_open", "1 MiB of ../", try_open(path, LEN / 3 * 3, 0));
    free(path);
}

#define BAD 0xfffffff0u /* past any memory a test gives */

static void badptr(void)
{
    static uint8_t good[256];
    uint32_t at = raw_ptr(good);
    raw_iovec beyond = { BAD, 8 };
    raw_iovec longer = { raw_ptr(good), 0xffffffffu };
    raw_iovec two[2] = { { raw_ptr(good), 1 }, { 0xffff0000u, 0x20000 } };

    refuse("args_get", "bad argv", raw_args_get(BAD, at));
    refuse("environ_get", "bad environ", raw_environ_get(BAD, BAD));
    refuse("clock_time_get", "bad result", raw_clock_time_get(0, 0, BAD));
    refuse(
        "clock_time_get", "last byte",
        raw_clock_time_get(0, 0, __builtin_wasm_memory_size(0) * 65536u - 1));
    refuse("random_get", "bad buffer", raw_random_get(BAD, 64));
    refuse("fd_write", "bad iovs", raw_fd_write(1, BAD, 1, at));
    refuse("fd_write", "bad base", raw_fd_write(1, raw_ptr(&beyond), 1, at));
    refuse("fd_write", "4 GiB length",
           raw_fd_write(1, raw_ptr(&longer), 1, at));
    refuse("fd_write", "second iovec", raw_fd_write(1, raw_ptr(two), 2, at));
    refuse("fd_write", "iovs count overflows",
           raw_fd_write(1, at, 0x20000001u, at));
    refuse("fd_write", "bad result", raw_fd_write(1, at, 0, BAD));
    refuse("fd_read", "bad base", raw_fd_read(0, raw_ptr(&beyond), 1, at));
    refuse("fd_read", "iovs count overflows",
           raw_fd_read(0, at, 0x20000001u, at));
    refuse("fd_pread", "bad iovs", raw_fd_pread(dir, BAD, 1, 0, at));
    refuse("fd_readdir", "bad buffer", raw_fd_readdir(dir, BAD, 4096, 0, at));
    refuse("fd_readdir", "4 GiB buffer",
           raw_fd_readdir(dir, at, 0xffffffffu, 0, at));
    refuse("fd_fdstat_get", "bad result", raw_fd_fdstat_get(dir, BAD));
    refuse("fd_filestat_get", "bad result", raw_fd_filestat_get(dir, BAD));
    refuse("fd_prestat_get", "bad result", raw_fd_prestat_get(dir, BAD));
    refuse("fd_prestat_dir_name", "bad path",
           raw_fd_prestat_dir_name(dir, BAD, 1));
    refuse("fd_seek", "bad result", raw_fd_seek(0, 0, 1, BAD));
    refuse("path_open", "bad path",
           raw_path_open(dir, 0, BAD, 100, 0, 0, 0, 0, at));
    refuse("path_open", "4 GiB path",
           raw_path_open(dir, 0, at, 0xffffffffu, 0, 0, 0, 0, at));
    refuse("path_open", "bad result",
           raw_path_open(dir, 0, raw_ptr("."), 1, 0, 0, 0, 0, BAD));
    refuse("path_filestat_get", "bad result",
           raw_path_filestat_get(dir, 0, raw_ptr("."), 1, BAD));
    refuse("path_readlink", "bad buffer",
           raw_path_readlink(dir, raw_ptr("."), 1, BAD, 100, at));
    refuse("path_rename", "bad paths",
           raw_path_rename(dir, BAD, 9, dir, BAD, 9));
    refuse("path_symlink", "bad target",
           raw_path_symlink(BAD, 99, dir, raw_ptr("planted"), 7));
    refuse("poll_oneoff", "bad subscriptions", raw_poll_oneoff(BAD, at, 1, at));
    refuse("poll_oneoff", "count overflows",
           raw_poll_oneoff(at, at, 0x10000000u, at));
    refuse("poll_oneoff", "nothing to wait for",
           raw_poll_oneoff(at, at, 0, at));
}

static void flood(const char *call, uint32_t fd, bool is_write, raw_iovec *iovs,
                  uint32_t count)
{
    uint32_t done = 0;
    int32_t errnum =
        is_write ? raw_fd_write(fd, raw_ptr(iovs), count, raw_ptr(&done))
                 : raw_fd_read(fd, raw_ptr(iovs), count, raw_ptr(&done));

    printf("%s of %u iovecs: errno %d, %u bytes\n", call, (unsigned)count,
           (int)errnum, (unsigned)done);
}

static void iovec_flood(void)
{
    enum { COUNT = 1000000 };
    static char block[65536];
    raw_iovec *iovs = malloc(COUNT * sizeof(*iovs));
    uint32_t fd = 0;

    if (iovs == NULL ||
        open_at("flood", 5, 0, RAW_O_CREAT,
                RAW_RIGHT_FD_READ | RAW_RIGHT_FD_WRITE, &fd) != 0) {
        printf("iovec_flood needs memory and a folder it may write\n");
        exit(2);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        iovs[i] = (raw_iovec){ raw_ptr(block), 1 };
    flood("fd_write", fd, true, iovs, COUNT);
    flood("fd_read", fd, false, iovs, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        iovs[i] = (raw_iovec){ raw_ptr(block), sizeof(block) };
    flood("fd_write of 64 KiB each", fd, true, iovs, COUNT);
    flood("fd_read of 64 KiB each", fd, false, iovs, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        iovs[i].len = 0;
    flood("fd_write of nothing", fd, true, iovs, COUNT);
    raw_fd_close(fd);
    raw_path_unlink_file(dir, raw_ptr("flood"), 5);
    free(iovs);
}

static void random_4g(void)
{
    refuse("random_get", "4 GiB - 1 from 0", raw_random_get(0, 0xffffffffu));
    refuse("random_get", "4 GiB from 64 KiB",
           raw_random_get(65536, 0xffff0000u));
}

static void fd_flood(void)
{
    uint32_t fd = 0;
    int32_t errnum = 0;
    int count = 0;

    for (; count < 1000000 && errnum == 0; count += errnum == 0)
        errnum = open_at(".", 1, 0, RAW_O_DIRECTORY, 0, &fd);
    printf("opened %d, then errno %d\n", count, (int)errnum);
    refuse("path_open", "a million descriptors", errnum);
    for (uint32_t high = 1000; high < 0xfffffff0u; high = high * 4 + 3)
        refuse("fd_renumber", "far descriptor", raw_fd_renumber(0, high));
}

/* The mapping is read-only and holds "file" and the empty folder "dir". */
static void ro_write(void)
{
    static char text[] = "overwritten";
    raw_iovec iov = { raw_ptr(text), sizeof(text) };
    uint32_t file = raw_ptr("file");
    uint32_t folder = raw_ptr("dir");
    uint32_t fd = 0;
    uint32_t done = 0;

    if (open_at("file", 4, 0, 0, RAW_RIGHT_FD_READ, &fd) != 0) {
        printf("ro_write needs 'file' in the folder\n");
        exit(2);
    }
    refuse("fd_write", "file",
           raw_fd_write(fd, raw_ptr(&iov), 1, raw_ptr(&done)));
    refuse("fd_pwrite", "file",
           raw_fd_pwrite(fd, raw_ptr(&iov), 1, 0, raw_ptr(&done)));
    refuse("fd_allocate", "file", raw_fd_allocate(fd, 0, 4096));
    refuse("fd_filestat_set_size", "file", raw_fd_filestat_set_size(fd, 0));
    refuse("fd_filestat_set_times", "file",
           raw_fd_filestat_set_times(fd, 0, 0, 5));
    raw_fd_close(fd);
    refuse("path_open for writing", "file",
           open_at("file", 4, 0, 0, RAW_RIGHT_FD_WRITE, &fd));
    refuse("path_open all rights then fd_write", "file",
           open_at("file", 4, 0, 0, RAW_RIGHTS_ALL, &fd) != 0
               ? 2
               : raw_fd_write(fd, raw_ptr(&iov), 1, raw_ptr(&done)));
    refuse("path_open truncate", "file", try_open("file", 4, RAW_O_TRUNC));
    refuse("path_open create", "new", try_open("new", 3, RAW_O_CREAT));
    refuse("path_open create exclusively", "new",
           try_open("new", 3, RAW_O_CREAT | RAW_O_EXCL));
    refuse("path_open append", "file",
           raw_path_open(dir, 0, file, 4, 0, RAW_RIGHT_FD_WRITE,
                         RAW_RIGHT_FD_WRITE, 1, raw_ptr(&fd)));
    refuse("path_create_directory", "new",
           raw_path_create_directory(dir, raw_ptr("new"), 3));
    refuse("path_remove_directory", "dir",
           raw_path_remove_directory(dir, folder, 3));
    refuse("path_unlink_file", "file", raw_path_unlink_file(dir, file, 4));
    refuse("path_rename", "file",
           raw_path_rename(dir, file, 4, dir, raw_ptr("new"), 3));
    refuse("path_rename into", "dir",
           raw_path_rename(dir, file, 4, dir, raw_ptr("dir/new"), 7));
    refuse("path_link", "file",
           raw_path_link(dir, 0, file, 4, dir, raw_ptr("new"), 3));
    refuse("path_symlink", "new",
           raw_path_symlink(file, 4, dir, raw_ptr("new"), 3));
    refuse("path_filestat_set_times", "file",
           raw_path_filestat_set_times(dir, 0, file, 4, 0, 0, 5));
}

static void quota(void)
{
    enum { STEP = 1 << 20 };
    char *block = calloc(1, STEP);
    raw_iovec iov = { raw_ptr(block), STEP };
    uint64_t total = 0;
    int32_t errnum;
    uint32_t fd = 0;
    uint32_t done = 0;

    if (block == NULL || open_at("big", 3, 0, RAW_O_CREAT | RAW_O_TRUNC,
                                 RAW_RIGHTS_ALL, &fd) != 0) {
        printf("quota needs memory and a folder it may write\n");
        exit(2);
    }
    refuse("fd_filestat_set_size", "1 PiB",
           raw_fd_filestat_set_size(fd, 1ull << 50));
    refuse("fd_allocate", "1 PiB", raw_fd_allocate(fd, 0, 1ull << 50));
    refuse("fd_pwrite", "at 1 EiB",
           raw_fd_pwrite(fd, raw_ptr(&iov), 1, 1ull << 60, raw_ptr(&done)));
    do {
        done = 0;
        errnum = raw_fd_write(fd, raw_ptr(&iov), 1, raw_ptr(&done));
        total += done;
    } while (errnum == 0 && done > 0 && total < 1ull << 40);
    printf("wrote %llu bytes, then errno %d\n", (unsigned long long)total,
           (int)errnum);
    refuse("fd_write", "without end", total < 1ull << 40 ? errnum : 0);
    raw_fd_close(fd);
    free(block);
}

static void sock(void)
{
    static char text[16];
    raw_iovec iov = { raw_ptr(text), sizeof(text) };
    uint32_t got = 0;
    uint32_t flags = 0;

    for (uint32_t fd = 0; fd < 8; fd++) {
        char name[16];

        snprintf(name, sizeof(name), "fd %u", (unsigned)fd);
        refuse("sock_accept", name, raw_sock_accept(fd, 0, raw_ptr(&got)));
        refuse("sock_recv", name,
               raw_sock_recv(fd, raw_ptr(&iov), 1, 0, raw_ptr(&got),
                             raw_ptr(&flags)));
        refuse("sock_send", name,
               raw_sock_send(fd, raw_ptr(&iov), 1, 0, raw_ptr(&got)));
        refuse("sock_shutdown", name, raw_sock_shutdown(fd, 3));
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} attacks[] = {
    { "dotdot", dotdot },
    { "absolute", absolute },
    { "symlink", symlink_relative },
    { "symlink_absolute", symlink_absolute },
    { "hardlink", hardlink },
    { "magic", magic },
    { "nul", nul },
    { "utf8", utf8 },
    { "longpath", longpath },
    { "badptr", badptr },
    { "iovec_flood", iovec_flood },
    { "random_4g", random_4g },
    { "fd_flood", fd_flood },
    { "ro_write", ro_write },
    { "quota", quota },
    { "sock", sock },
};

int main(int argc, char **argv)
{
    if (argc > 2)
        dir = (uint32_t)atoi(argv[2]);
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        if (argc < 2 || strcmp(argv[1], attacks[i].name) != 0)
            continue;
        attacks[i].run();
        return succeeded;
    }
    fprintf(stderr, "usage: attack NAME [FD], NAME one of:\n");
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
        fprintf(stderr, "  %s\n", attacks[i].name);
    return 2;
}
