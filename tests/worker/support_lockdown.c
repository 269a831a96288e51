#include "worker/support_lockdown.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static void put_file(const char *dir, const char *name, mode_t mode)
{
    char path[2 * BX_WORLD_PATH];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "content\n", 8), 8);
    close(fd);
}

static int make_dir(const bx_world *world, const char *name, char *ret_path)
{
    int fd;

    assert_true(snprintf(ret_path, BX_WORLD_PATH, "%s/%s", world->root, name) <
                BX_WORLD_PATH);
    assert_int_equal(mkdir(ret_path, 0755), 0);
    put_file(ret_path, "file", 0755);
    fd = open(ret_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int start_sibling(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    return pid;
}

int bx_world_open(void **state)
{
    bx_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    strcpy(world->root, "/tmp/bx-hostile-XXXXXX");
    assert_non_null(mkdtemp(world->root));
    world->box_fd = make_dir(world, "box", world->box);
    world->fixed_fd = make_dir(world, "fixed", world->fixed);
    world->other_fd = make_dir(world, "other", world->other);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, world->channel), 0);
    world->listening_fd = listen_on_loopback(&world->port);
    world->unbound_fd = socket(AF_INET, SOCK_STREAM, 0);
    world->sibling = start_sibling();
    strcpy(world->secret, "correct horse battery staple");
    world->where = world->secret;
    *state = world;
    return 0;
}

static void remove_tree(const char *path)
{
    pid_t pid = fork();

    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

int bx_world_close(void **state)
{
    bx_world *world = *state;

    kill(world->sibling, SIGKILL);
    waitpid(world->sibling, NULL, 0);
    close(world->box_fd);
    close(world->fixed_fd);
    close(world->other_fd);
    close(world->channel[0]);
    close(world->channel[1]);
    close(world->listening_fd);
    close(world->unbound_fd);
    remove_tree(world->root);
    free(world);
    return 0;
}

bx_lockdown bx_world_lockdown(const bx_world *world, bx_lockdown_dir dirs[2])
{
    dirs[0] =
        (bx_lockdown_dir){ world->box_fd, BX_ACCESS_READ | BX_ACCESS_WRITE };
    dirs[1] = (bx_lockdown_dir){ world->fixed_fd, BX_ACCESS_READ };
    return (bx_lockdown){ .dirs = dirs,
                          .dirs_count = 2,
                          .memory_bytes =
                              BX_WORLD_LIMITS_MEMORY ? UINT64_C(1) << 40 : 0,
                          .open_files = 256,
                          .may_make_memory_files = true,
                          .may_pass_fds = true };
}

int bx_world_try_with(bx_world *world, const bx_lockdown *lockdown,
                      bx_attempt_fn fn)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        bool applied[BX_LOCKDOWN_LAYERS];
        bx_error *err = NULL;

        explicit_bzero(world->secret, sizeof(world->secret));
        close(world->other_fd);
        close(world->channel[1]);
        close(world->listening_fd);
        if (lockdown != NULL &&
            bx_lockdown_apply(lockdown, applied, &err) < 0) {
            fprintf(stderr, "%s\n", bx_error_message(err));
            _exit(255);
        }
        _exit(fn(world));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

int bx_world_try(bx_world *world, bool is_locked, bx_attempt_fn fn)
{
    bx_lockdown_dir dirs[2];
    bx_lockdown lockdown = bx_world_lockdown(world, dirs);

    return bx_world_try_with(world, is_locked ? &lockdown : NULL, fn);
}

int bx_world_remove_call(const char *name, int errnum)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result;

    if (filter == NULL)
        return -1;
    result = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)errnum),
                              seccomp_syscall_resolve_name(name), 0);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}
