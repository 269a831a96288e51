/* The host's side: it writes a plan, reads how far it came, and holds pipes. */
#include "worker/native.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/wire.h"
#include "worker/native_plan.h"
#include "worker/worker.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define START_MS 10000 /* a guard that says nothing for so long hangs */

/* ---- the plan -------------------------------------------------------- */

static void put_list(bx_wire_out *out, const char *const *items, size_t count)
{
    bx_wire_put_u32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        bx_wire_put_text(out, items[i]);
}

static int write_plan(const bx_native_plan *plan, bx_buf *ret, bx_error **err)
{
    bx_wire_out out = bx_wire_out_to(ret, BX_NATIVE_MAX_BYTES);

    if (plan->argc == 0 || plan->argc > BX_NATIVE_MAX_ITEMS ||
        plan->env_count > BX_NATIVE_MAX_ITEMS ||
        plan->dirs_count > BX_NATIVE_MAX_ITEMS)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "more than %u arguments, variables or folders",
                            BX_NATIVE_MAX_ITEMS);
    bx_wire_put_text(&out, plan->program);
    put_list(&out, plan->argv, plan->argc);
    put_list(&out, plan->env, plan->env_count);
    bx_wire_put_text(&out, plan->folder);
    bx_wire_put_u32(&out, (uint32_t)plan->dirs_count);
    for (size_t i = 0; i < plan->dirs_count; i++) {
        bx_wire_put_text(&out, plan->dirs[i].path);
        bx_wire_put_u32(&out, plan->dirs[i].access);
    }
    bx_wire_put_bool(&out, plan->is_network);
    bx_wire_put_u64(&out, plan->memory_bytes);
    bx_wire_put_u64(&out, plan->file_bytes);
    bx_wire_put_u64(&out, plan->open_files);
    if (out.is_bad)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "command, environment and folders have more than "
                            "%u bytes together",
                            BX_NATIVE_MAX_BYTES);
    return 0;
}

/* ---- the process ----------------------------------------------------- */

/* The guard's descriptors: the program's streams, and the control. */
typedef struct bx_ends {
    int ours[4];
    int theirs[4];
} bx_ends;

static void close_all(int fds[4])
{
    for (int i = 0; i < 4; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static int open_ends(bx_ends *ends, bx_error **err)
{
    int pair[2];

    for (int i = 0; i < 4; i++)
        ends->ours[i] = ends->theirs[i] = -1;
    for (int i = 0; i < 3; i++) {
        if (pipe2(pair, O_CLOEXEC) < 0)
            return bx_error_set_errno(err, errno, "a pipe");
        ends->ours[i] = pair[i == 0];
        ends->theirs[i] = pair[i != 0];
        if (fcntl(ends->ours[i], F_SETFL, O_NONBLOCK) < 0)
            return bx_error_set_errno(err, errno, "a pipe");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return bx_error_set_errno(err, errno, "a socket pair");
    ends->ours[3] = pair[0];
    ends->theirs[3] = pair[1];
    return 0;
}

/* In the child, around which there may be many threads: system calls only. */
static _Noreturn void exec_guard(const char *program, char *const *argv,
                                 const int ends[4])
{
    static char *const no_env[] = { NULL };
    int kept[4];

    if (setsid() < 0)
        _exit(1);
    for (int i = 0; i < 4; i++) {
        kept[i] = fcntl(ends[i], F_DUPFD, 10);
        if (kept[i] < 0)
            _exit(1);
    }
    for (int i = 0; i < 4; i++) {
        if (dup2(kept[i], i) < 0)
            _exit(1);
    }
    if (syscall(SYS_close_range, 4, ~0u, 0) < 0)
        _exit(1);
    (void)execve(program, argv, no_env);
    _exit(127);
}

static int start_guard(const bx_native_plan *plan, bx_native *native,
                       bx_error **err)
{
    const char *guard = plan->guard == NULL ? "/proc/self/exe" : plan->guard;
    char *const argv[] = { (char *)"boxagnts", (char *)BX_WORKER_ARGUMENT,
                           (char *)BX_NATIVE_ARGUMENT, NULL };
    bx_ends ends;
    pid_t pid;

    if (open_ends(&ends, err) < 0) {
        close_all(ends.ours);
        close_all(ends.theirs);
        return -1;
    }
    pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &native->pidfd,
                         NULL, NULL);
    if (pid == 0)
        exec_guard(guard, argv, ends.theirs);
    close_all(ends.theirs);
    if (pid < 0) {
        bx_error_set_errno(err, errno, "a process");
        close_all(ends.ours);
        return -1;
    }
    native->pid = pid;
    native->in = ends.ours[0];
    native->out = ends.ours[1];
    native->err = ends.ours[2];
    native->control = ends.ours[3];
    return 0;
}

/* A packet of the guard's; 0 when there is none in time, or no guard. */
static size_t receive(int control, char *data, size_t room, int timeout_ms)
{
    struct pollfd poll_fd = { .fd = control, .events = POLLIN };
    ssize_t bytes;
    int ready;

    do
        ready = poll(&poll_fd, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        return 0;
    bytes = recv(control, data, room, MSG_DONTWAIT);
    return bytes < 0 ? 0 : (size_t)bytes;
}

/* The first packet says that the program runs, or why not. */
static int read_start(bx_native *native, bx_error **err)
{
    char data[BX_NATIVE_REPORT_BYTES];
    size_t bytes = receive(native->control, data, sizeof(data), START_MS);
    bx_wire_in in = bx_wire_in_of(data, bytes);
    bool is_running = bx_wire_get_bool(&in);
    bx_autofree char *why = NULL;
    bx_code code;
    int number;

    if (is_running) {
        for (int i = 0; i < BX_LOCKDOWN_LAYERS; i++)
            native->layers[i] = bx_wire_get_bool(&in);
        if (bx_wire_is_whole(&in))
            return 0;
    }
    code = (bx_code)bx_wire_get_u32(&in);
    number = (int)bx_wire_get_u32(&in);
    why = bx_wire_get_text(&in, sizeof(data));
    if (is_running || !bx_wire_is_whole(&in))
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "its guard did not start; is '%s' boxagnts?",
                            "/proc/self/exe");
    return bx_error_restore(err, code, number, why);
}

int bx_native_start(const bx_native_plan *plan, bx_native *ret_native,
                    bx_error **err)
{
    bx_native native = {
        .pidfd = -1, .control = -1, .in = -1, .out = -1, .err = -1
    };
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (write_plan(plan, &text, err) < 0 || start_guard(plan, &native, err) < 0)
        return -1;
    if (send(native.control, text.data, text.len, MSG_NOSIGNAL) < 0) {
        bx_error_set_errno(err, errno, "its guard");
    } else if (read_start(&native, err) == 0) {
        *ret_native = native;
        return 0;
    }
    bx_native_end(&native);
    return -1;
}

char *bx_native_ending(const bx_native *native, int timeout_ms)
{
    char data[BX_NATIVE_REPORT_BYTES];
    size_t bytes = receive(native->control, data, sizeof(data), timeout_ms);
    bx_wire_in in = bx_wire_in_of(data, bytes);

    return bytes == 0 ? NULL : bx_wire_get_text(&in, sizeof(data));
}

void bx_native_end(bx_native *native)
{
    int fds[4] = { native->in, native->out, native->err, native->control };
    siginfo_t info;

    /* The guard sees the end of its socket and ends them all. It is our own
     * program and waits for nothing but that. */
    close_all(fds);
    if (native->pidfd >= 0) {
        while (waitid((idtype_t)P_PIDFD, (id_t)native->pidfd, &info, WEXITED) <
                   0 &&
               errno == EINTR)
            ;
        close(native->pidfd);
    }
    *native = (bx_native){
        .pidfd = -1, .control = -1, .in = -1, .out = -1, .err = -1
    };
}
