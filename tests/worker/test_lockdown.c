/* What a locked process still has, what it lost, and what is said when the
 * kernel lacks a layer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "worker/landlock.h"
#include "worker/support_lockdown.h"

/* In the child there is no cmocka: 0 is well, else the line that is not. */
#define EXPECT(condition)                                                      \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition,        \
                    strerror(errno));                                          \
            return 1;                                                          \
        }                                                                      \
    } while (0)

static void assert_well(int status)
{
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int uses_files(bx_world *world)
{
    char text[16];
    int fd = openat(world->box_fd, "new", O_RDWR | O_CREAT | O_EXCL, 0644);
    struct stat stat_;

    EXPECT(fd >= 0);
    EXPECT(write(fd, "hello", 5) == 5);
    EXPECT(ftruncate(fd, 4) == 0);
    EXPECT(pread(fd, text, sizeof(text), 0) == 4);
    EXPECT(fsync(fd) == 0);
    EXPECT(futimens(fd, NULL) == 0);
    EXPECT(close(fd) == 0);
    EXPECT(mkdirat(world->box_fd, "dir", 0755) == 0);
    EXPECT(symlinkat("new", world->box_fd, "link") == 0);
    EXPECT(linkat(world->box_fd, "new", world->box_fd, "dir/hard", 0) == 0);
    EXPECT(renameat(world->box_fd, "new", world->box_fd, "dir/moved") == 0);
    EXPECT(fstatat(world->box_fd, "dir/moved", &stat_, 0) == 0);
    EXPECT(stat_.st_size == 4);
    EXPECT(unlinkat(world->box_fd, "dir/moved", 0) == 0);
    EXPECT(unlinkat(world->box_fd, "dir/hard", 0) == 0);
    EXPECT(unlinkat(world->box_fd, "dir", AT_REMOVEDIR) == 0);
    fd = openat(world->fixed_fd, "file", O_RDONLY);
    EXPECT(fd >= 0 && read(fd, text, sizeof(text)) == 8);
    return 0;
}

static void files_of_the_box_are_there(void **state)
{
    assert_well(bx_world_try(*state, true, uses_files));
}

/* Of files that it may read, and of any: neither is Landlock's to judge. */
static int changes_times_and_modes(bx_world *world)
{
    int fd = openat(world->fixed_fd, "file", O_RDONLY);

    EXPECT(fd >= 0);
    EXPECT(futimens(fd, NULL) < 0 && errno == ENOSYS);
    EXPECT(fchmod(fd, 0777) < 0 && errno == ENOSYS);
    EXPECT(utimensat(AT_FDCWD, world->other, NULL, 0) < 0 && errno == ENOSYS);
    EXPECT(truncate("/proc/self/fd/0", 0) < 0 && errno == ENOSYS);
    return 0;
}

static void who_only_reads_changes_no_times_and_modes(void **state)
{
    bx_world *world = *state;
    const bx_lockdown_dir dirs[] = { { world->fixed_fd, BX_ACCESS_READ } };
    const bx_lockdown lockdown = { .dirs = dirs, .dirs_count = 1 };

    assert_well(bx_world_try_with(world, &lockdown, changes_times_and_modes));
}

static void *add_one(void *context)
{
    *(int *)context += 1;
    return NULL;
}

static int uses_threads_and_memory(bx_world *world)
{
    struct timespec now;
    int count = 0;
    char *page;

    (void)world;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;

        EXPECT(pthread_create(&thread, NULL, add_one, &count) == 0);
        EXPECT(pthread_join(thread, NULL) == 0);
    }
    EXPECT(count == 3);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    EXPECT(page != MAP_FAILED);
    page[0] = (char)0xc3; /* ret, on x86 */
    EXPECT(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
    EXPECT(munmap(page, 4096) == 0);
    EXPECT(clock_gettime(CLOCK_REALTIME, &now) == 0);
    EXPECT(nanosleep(&(struct timespec){ 0, 1000 }, NULL) == 0);
    EXPECT(malloc(64 << 20) != NULL);
    return 0;
}

static void threads_and_memory_are_there(void **state)
{
    assert_well(bx_world_try(*state, true, uses_threads_and_memory));
}

/* A descriptor goes out and one comes in. */
static int uses_its_channel(bx_world *world)
{
    char space[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec part = { (char[]){ 'x' }, 1 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = space,
                              .msg_controllen = sizeof(space) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int fd = (int)syscall(SYS_memfd_create, "result", 0);

    EXPECT(fd >= 0);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    EXPECT(sendmsg(world->channel[0], &message, MSG_NOSIGNAL) == 1);
    EXPECT(send(world->channel[0], "y", 1, MSG_NOSIGNAL) == 1);
    EXPECT(recv(world->channel[0], space, 1, MSG_DONTWAIT) < 0);
    EXPECT(errno == EAGAIN);
    return 0;
}

static void a_channel_carries_descriptors(void **state)
{
    bx_world *world = *state;
    char byte;

    assert_well(bx_world_try(world, true, uses_its_channel));
    assert_int_equal(recv(world->channel[1], &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
}

static void aborts_visibly_in(bx_world *world, int signal, bx_attempt_fn fn)
{
    int status = bx_world_try(world, true, fn);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal);
    assert_false(WCOREDUMP(status));
}

static int aborts(bx_world *world)
{
    (void)world;
    abort();
}

static int kills_itself(bx_world *world)
{
    (void)world;
    kill(getpid(), SIGKILL);
    return 1;
}

/* It may signal itself. */
static void an_abort_is_an_abort(void **state)
{
    aborts_visibly_in(*state, SIGABRT, aborts);
    aborts_visibly_in(*state, SIGKILL, kills_itself);
}

static int has_no_rights(bx_world *world)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);
    bool applied[BX_LOCKDOWN_LAYERS];

    EXPECT(bx_lockdown_apply(&lockdown, applied, NULL) == 0);
    for (int i = 0; i < BX_LOCKDOWN_LAYERS; i++)
        EXPECT(applied[i] ==
               (i != BX_LOCKDOWN_CGROUP && bx_lockdown_probe()->has[i]));
    /* The list has neither capget() nor these of prctl(): ask the kernel by
     * what it did. */
    EXPECT(syscall(SYS_capget, &header, data) < 0 && errno == ENOSYS);
    return 0;
}

static void says_which_layers_hold(void **state)
{
    assert_well(bx_world_try(*state, false, has_no_rights));
}

/* /proc/PID/status of a locked child, as its parent reads it. */
static void look_at_status(bx_world *world, char *ret_text, size_t bytes)
{
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);
    bool applied[BX_LOCKDOWN_LAYERS];
    char path[64];
    pid_t pid = fork();
    ssize_t got;
    char byte;
    int fd;

    assert_true(pid >= 0);
    if (pid == 0) {
        if (bx_lockdown_apply(&lockdown, applied, NULL) < 0 ||
            write(world->channel[0], "r", 1) != 1)
            _exit(1);
        (void)!read(world->channel[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(world->channel[1], &byte, 1), 1);
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    fd = open(path, O_RDONLY);
    got = read(fd, ret_text, bytes - 1);
    assert_true(got > 0);
    ret_text[got] = '\0';
    close(fd);
    assert_int_equal(write(world->channel[1], "q", 1), 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void capabilities_are_gone(void **state)
{
    static const char *const lines[] = { "CapInh:\t0000000000000000\n",
                                         "CapPrm:\t0000000000000000\n",
                                         "CapEff:\t0000000000000000\n",
                                         "CapAmb:\t0000000000000000\n",
                                         "NoNewPrivs:\t1\n",
                                         "Seccomp:\t2\n" };
    char text[8192];

    look_at_status(*state, text, sizeof(text));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_non_null(strstr(text, lines[i]));
    if (geteuid() == 0)
        assert_non_null(strstr(text, "CapBnd:\t0000000000000000\n"));
}

static int has_limits(bx_world *world)
{
    struct rlimit limit;

    EXPECT(getrlimit(RLIMIT_CORE, &limit) == 0);
    EXPECT(limit.rlim_cur == 0 && limit.rlim_max == 0);
    EXPECT(getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_max == 0);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    EXPECT(limit.rlim_cur == 256 && limit.rlim_max == 256);
    for (int i = 0; i < 256; i++) {
        if (dup(world->box_fd) < 0)
            return errno == EMFILE ? 0 : 1;
    }
    return 1;
}

static void limits_are_hard(void **state)
{
    assert_well(bx_world_try(*state, true, has_limits));
}

static int takes_much_memory(bx_world *world)
{
    (void)world;
    EXPECT(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    EXPECT(mmap(NULL, 256 << 20, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    EXPECT(errno == ENOMEM);
    return 0;
}

static void memory_ends_at_its_limit(void **state)
{
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(*state, dirs);

    if (!BX_WORLD_LIMITS_MEMORY)
        skip();
    lockdown.memory_bytes = 64 << 20;
    assert_well(bx_world_try_with(*state, &lockdown, takes_much_memory));
}

/* What the settings leave out is refused. */
static int lacks_what_is_not_asked_for(bx_world *world)
{
    struct iovec part = { (char[]){ 'x' }, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    char room[64];

    EXPECT(syscall(SYS_memfd_create, "x", 0) < 0 && errno == ENOSYS);
    EXPECT(sendmsg(world->channel[0], &message, 0) < 0 && errno == ENOSYS);
    EXPECT(recvmsg(world->channel[0], &message, MSG_DONTWAIT) < 0 &&
           errno == ENOSYS);
    EXPECT(ioctl(0, TCGETS, room) < 0 && errno == ENOSYS);
    EXPECT(openat(world->box_fd, "file", O_RDONLY) < 0 && errno == EACCES);
    EXPECT(openat(world->fixed_fd, "file", O_RDONLY) < 0 && errno == EACCES);
    EXPECT(write(world->channel[0], "z", 1) == 1);
    return 0;
}

static void nothing_asked_for_is_nothing_given(void **state)
{
    const bx_lockdown nothing = { 0 };

    assert_well(
        bx_world_try_with(*state, &nothing, lacks_what_is_not_asked_for));
}

static int asks_about_a_terminal(bx_world *world)
{
    char room[64];

    (void)world;
    EXPECT(ioctl(world->channel[0], TCGETS, room) < 0 && errno == ENOTTY);
    EXPECT(ioctl(world->channel[0], TIOCGWINSZ, room) < 0 && errno == ENOTTY);
    EXPECT(ioctl(world->channel[0], TCSETS, room) < 0 && errno == ENOSYS);
    return 0;
}

static void a_terminal_is_asked_and_not_set(void **state)
{
    const bx_lockdown lockdown = { .is_terminal = true };

    assert_well(bx_world_try_with(*state, &lockdown, asks_about_a_terminal));
}

static void *wait_forever(void *context)
{
    pause();
    return context;
}

/* A thread that runs already would stay free. */
static int locks_with_two_threads(bx_world *world)
{
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);
    bool applied[BX_LOCKDOWN_LAYERS];
    bx_error *err = NULL;
    pthread_t thread;

    EXPECT(pthread_create(&thread, NULL, wait_forever, NULL) == 0);
    EXPECT(bx_lockdown_apply(&lockdown, applied, &err) < 0);
    EXPECT(strstr(bx_error_message(err), "expected one") != NULL);
    EXPECT(open("/etc/passwd", O_RDONLY) >= 0);
    bx_error_free(err);
    return 0;
}

static void refuses_with_a_second_thread(void **state)
{
    assert_well(bx_world_try(*state, false, locks_with_two_threads));
}

static int locks_a_closed_folder(bx_world *world)
{
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);
    bool applied[BX_LOCKDOWN_LAYERS];
    bx_error *err = NULL;

    dirs[1].fd = -1;
    EXPECT(bx_lockdown_apply(&lockdown, applied, &err) < 0);
    EXPECT(bx_error_code(err) == BX_ERR_SYSTEM);
    EXPECT(strstr(bx_error_message(err), "folder 1") != NULL);
    bx_error_free(err);
    return 0;
}

static void names_the_folder_that_is_wrong(void **state)
{
    assert_well(bx_world_try(*state, false, locks_a_closed_folder));
}

/* A kernel without a layer: the rest holds, and it is said. */
static int lives_without_landlock(bx_world *world)
{
    const bx_lockdown_support *support;
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);
    bool applied[BX_LOCKDOWN_LAYERS];
    bx_error *err = NULL;

    EXPECT(bx_world_remove_call("landlock_create_ruleset", ENOSYS) == 0);
    support = bx_lockdown_probe();
    EXPECT(!support->has[BX_LOCKDOWN_LANDLOCK]);
    EXPECT(support->landlock_abi == 0);
    EXPECT(strstr(support->missing[BX_LOCKDOWN_LANDLOCK], "5.13") != NULL);
    EXPECT(support->has[BX_LOCKDOWN_SECCOMP]);
    EXPECT(bx_lockdown_require(&err) < 0);
    EXPECT(bx_error_code(err) == BX_ERR_SYSTEM);
    EXPECT(strstr(bx_error_message(err), "landlock") != NULL);
    EXPECT(strstr(bx_error_message(err), "seccomp") == NULL);
    bx_error_free(err);
    EXPECT(bx_lockdown_apply(&lockdown, applied, NULL) == 0);
    EXPECT(!applied[BX_LOCKDOWN_LANDLOCK] && applied[BX_LOCKDOWN_SECCOMP]);
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0);
    return 0;
}

static void lacks_landlock_and_says_so(void **state)
{
    assert_well(bx_world_try(*state, false, lives_without_landlock));
}

static int sees_landlock_switched_off(bx_world *world)
{
    (void)world;
    EXPECT(bx_world_remove_call("landlock_create_ruleset", EOPNOTSUPP) == 0);
    EXPECT(strstr(bx_lockdown_probe()->missing[BX_LOCKDOWN_LANDLOCK], "lsm=") !=
           NULL);
    return 0;
}

static void tells_landlock_that_is_off(void **state)
{
    assert_well(bx_world_try(*state, false, sees_landlock_switched_off));
}

static int lives_without_filters(bx_world *world)
{
    const bx_lockdown_support *support;
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);
    bool applied[BX_LOCKDOWN_LAYERS];

    EXPECT(bx_world_remove_call("seccomp", EPERM) == 0);
    support = bx_lockdown_probe();
    EXPECT(!support->has[BX_LOCKDOWN_SECCOMP]);
    EXPECT(strstr(support->missing[BX_LOCKDOWN_SECCOMP], "container") != NULL);
    EXPECT(bx_lockdown_require(NULL) < 0);
    EXPECT(bx_lockdown_apply(&lockdown, applied, NULL) == 0);
    EXPECT(!applied[BX_LOCKDOWN_SECCOMP] && applied[BX_LOCKDOWN_LANDLOCK]);
    EXPECT(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
    return 0;
}

static void lacks_seccomp_and_says_so(void **state)
{
    assert_well(bx_world_try(*state, false, lives_without_filters));
}

/* A layer that is there and fails is an error, never a layer less. */
static int fails_closed(bx_world *world)
{
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);
    bool applied[BX_LOCKDOWN_LAYERS];
    bx_error *err = NULL;

    EXPECT(bx_lockdown_probe()->has[BX_LOCKDOWN_LANDLOCK]);
    EXPECT(bx_world_remove_call("landlock_restrict_self", E2BIG) == 0);
    EXPECT(bx_lockdown_apply(&lockdown, applied, &err) < 0);
    EXPECT(bx_error_errno(err) == E2BIG);
    bx_error_free(err);
    return 0;
}

static void a_layer_that_fails_is_an_error(void **state)
{
    assert_well(bx_world_try(*state, false, fails_closed));
}

/* The rights of an older ABI leave out what it does not know: a set with one
 * bit too many is EINVAL. */
static int locks_with_abi(bx_world *world, int abi)
{
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);

    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    EXPECT(bx_landlock_apply(abi, lockdown.dirs, 2, false, NULL) == 0);
    EXPECT(openat(world->box_fd, "file", O_RDWR) >= 0);
    EXPECT(openat(world->fixed_fd, "file", O_RDWR) < 0);
    EXPECT(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
    return 0;
}

static int locks_with_the_first_abi(bx_world *world)
{
    EXPECT(locks_with_abi(world, 1) == 0);
    /* It has no right to move between folders, so that is refused. */
    EXPECT(mkdirat(world->box_fd, "dir", 0755) == 0);
    EXPECT(renameat(world->box_fd, "file", world->box_fd, "dir/file") < 0);
    EXPECT(errno == EXDEV);
    return 0;
}

static int locks_with_abi_3(bx_world *world)
{
    return locks_with_abi(world, 3);
}

static void an_older_landlock_does_its_part(void **state)
{
    assert_well(bx_world_try(*state, false, locks_with_the_first_abi));
    assert_well(bx_world_try(*state, false, locks_with_abi_3));
    assert_string_equal(bx_landlock_lacks(BX_LANDLOCK_ABI), "");
    for (int abi = 1; abi < 6; abi++)
        assert_non_null(strstr(bx_landlock_lacks(abi), "Linux "));
}

static void every_layer_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < BX_LOCKDOWN_LAYERS; i++)
        assert_true(bx_lockdown_layer_name((bx_lockdown_layer)i)[0] != '\0');
    assert_string_equal(
        bx_lockdown_layer_name((bx_lockdown_layer)BX_LOCKDOWN_LAYERS), "");
}

#define T(test)                                                                \
    cmocka_unit_test_setup_teardown(test, bx_world_open, bx_world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(files_of_the_box_are_there),
        T(who_only_reads_changes_no_times_and_modes),
        T(threads_and_memory_are_there),
        T(a_channel_carries_descriptors),
        T(an_abort_is_an_abort),
        T(says_which_layers_hold),
        T(capabilities_are_gone),
        T(limits_are_hard),
        T(memory_ends_at_its_limit),
        T(nothing_asked_for_is_nothing_given),
        T(a_terminal_is_asked_and_not_set),
        T(refuses_with_a_second_thread),
        T(names_the_folder_that_is_wrong),
        T(lacks_landlock_and_says_so),
        T(tells_landlock_that_is_off),
        T(lacks_seccomp_and_says_so),
        T(a_layer_that_fails_is_an_error),
        T(an_older_landlock_does_its_part),
        cmocka_unit_test(every_layer_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
