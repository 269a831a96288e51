/* The guard. It trusts the host that started it, and nothing that the program
 * does: it reads no word of it. It is the reaper of all that the program starts
 * (a daemon's double fork leads here, not to init), and so finds them all. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/run.h"
#include "base/wire.h"
#include "worker/native.h"
#include "worker/native_plan.h"
#include "worker/worker.h"

#define END_NS INT64_C(2000000000) /* of trying to end them */

typedef struct bx_guard {
    char *program;
    char **argv;
    char **env;
    char *folder;
    bx_lockdown_dir *dirs;
    size_t dirs_count;
    bx_lockdown lockdown;
    uint64_t file_bytes;
    pid_t child;
} bx_guard;

/* ---- the plan -------------------------------------------------------- */

/* NULL-terminated; what is lost at a failure goes with the process. */
static char **get_list(bx_wire_in *in)
{
    uint32_t count = bx_wire_get_u32(in);
    char **list =
        count > BX_NATIVE_MAX_ITEMS ? NULL : calloc(count + 1, sizeof(*list));

    for (uint32_t i = 0; list != NULL && i < count; i++)
        list[i] = bx_wire_get_text(in, BX_NATIVE_MAX_BYTES);
    return list;
}

static int open_dir(bx_guard *guard, const char *path, unsigned access,
                    bx_error **err)
{
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0 && (access & BX_NATIVE_OPTIONAL) != 0)
        return 0;
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    guard->dirs[guard->dirs_count++] =
        (bx_lockdown_dir){ fd, access & ~BX_NATIVE_OPTIONAL };
    return 0;
}

static int get_dirs(bx_guard *guard, bx_wire_in *in, bx_error **err)
{
    uint32_t count = bx_wire_get_u32(in);

    guard->dirs = count > BX_NATIVE_MAX_ITEMS
                      ? NULL
                      : calloc(count + 1, sizeof(*guard->dirs));
    if (guard->dirs == NULL)
        return bx_error_set(err, BX_ERR_SYSTEM, "its folders");
    for (uint32_t i = 0; i < count; i++) {
        bx_autofree char *path = bx_wire_get_text(in, BX_NATIVE_MAX_BYTES);
        unsigned access = bx_wire_get_u32(in);

        if (path != NULL && open_dir(guard, path, access, err) < 0)
            return -1;
    }
    return 0;
}

static int read_plan(bx_guard *guard, bx_error **err)
{
    static char data[BX_NATIVE_MAX_BYTES];
    ssize_t bytes = recv(BX_NATIVE_CONTROL_FD, data, sizeof(data), 0);
    bx_wire_in in = bx_wire_in_of(data, bytes < 0 ? 0 : (size_t)bytes);

    guard->program = bx_wire_get_text(&in, BX_NATIVE_MAX_BYTES);
    guard->argv = get_list(&in);
    guard->env = get_list(&in);
    guard->folder = bx_wire_get_text(&in, BX_NATIVE_MAX_BYTES);
    if (get_dirs(guard, &in, err) < 0)
        return -1;
    guard->lockdown = (bx_lockdown){ .dirs = guard->dirs,
                                     .dirs_count = guard->dirs_count,
                                     .is_native = true };
    guard->lockdown.is_network = bx_wire_get_bool(&in);
    guard->lockdown.memory_bytes = bx_wire_get_u64(&in);
    guard->file_bytes = bx_wire_get_u64(&in);
    guard->lockdown.open_files = bx_wire_get_u64(&in);
    if (!bx_wire_is_whole(&in) || guard->argv == NULL || guard->env == NULL)
        return bx_wire_fail(&in, BX_ERR_SYSTEM, "its plan", err);
    return 0;
}

/* ---- the program ----------------------------------------------------- */

static void reset_signals(void)
{
    struct sigaction action = { .sa_handler = SIG_DFL };
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < _NSIG; number++)
        (void)sigaction(number, &action, NULL);
}

static int limit_files(uint64_t bytes, bx_error **err)
{
    const struct rlimit limit = { (rlim_t)bytes, (rlim_t)bytes };

    if (bytes != 0 && setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return bx_error_set_errno(err, errno, "limit fsize");
    return 0;
}

/* Tell the host that the program runs, by err why it does not. */
static void put_report(int fd, const bool layers[BX_LOCKDOWN_LAYERS],
                       const bx_error *err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&text, BX_NATIVE_REPORT_BYTES);
    char why[BX_NATIVE_REPORT_BYTES / 2];

    bx_wire_put_bool(&out, err == NULL);
    for (int i = 0; err == NULL && i < BX_LOCKDOWN_LAYERS; i++)
        bx_wire_put_bool(&out, layers[i]);
    if (err != NULL) {
        snprintf(why, sizeof(why), "%s", bx_error_message(err));
        bx_wire_put_u32(&out, (uint32_t)bx_error_code(err));
        bx_wire_put_u32(&out, (uint32_t)bx_error_errno(err));
        bx_wire_put_text(&out, why);
    }
    if (!out.is_bad)
        (void)send(fd, text.data, text.len, MSG_NOSIGNAL);
}

/* Never returns. report closes when the program is executed; what was said last
 * counts. */
static _Noreturn void be_program(bx_guard *guard, int report, pid_t parent)
{
    bool layers[BX_LOCKDOWN_LAYERS] = { false };
    bx_error *err = NULL;
    int failed = 0;

    umask(077);
    if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
        getppid() != parent)
        failed = bx_error_set_errno(&err, errno, "its process");
    if (failed == 0 && chdir(guard->folder) < 0)
        failed = bx_error_set_errno(&err, errno, "'%s'", guard->folder);
    if (failed == 0)
        failed = limit_files(guard->file_bytes, &err);
    if (failed == 0)
        failed = bx_lockdown_apply(&guard->lockdown, layers, &err);
    layers[BX_LOCKDOWN_DUMPABLE] = false; /* executing makes it so again */
    if (failed == 0) {
        put_report(report, layers, NULL);
        (void)execve(guard->program, guard->argv, guard->env);
        bx_error_set_errno(&err, errno, "'%s'", guard->program);
    }
    put_report(report, layers, err);
    _exit(127);
}

/* Hand the child's last report on. */
static bool pass_report(int report)
{
    char last[BX_NATIVE_REPORT_BYTES];
    char data[BX_NATIVE_REPORT_BYTES];
    ssize_t last_bytes = 0;
    ssize_t bytes;

    while ((bytes = recv(report, data, sizeof(data), 0)) > 0) {
        memcpy(last, data, (size_t)bytes);
        last_bytes = bytes;
    }
    return last_bytes > 0 && send(BX_NATIVE_CONTROL_FD, last,
                                  (size_t)last_bytes, MSG_NOSIGNAL) > 0;
}

static int start(bx_guard *guard, bx_error **err)
{
    pid_t self = getpid();
    int pair[2];
    bool is_told;

    if (read_plan(guard, err) < 0)
        return -1;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return bx_error_set_errno(err, errno, "reaping");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return bx_error_set_errno(err, errno, "a socket pair");
    guard->child = fork();
    if (guard->child == 0)
        be_program(guard, pair[1], self);
    close(pair[1]);
    if (guard->child < 0) {
        bx_error_set_errno(err, errno, "its process");
        close(pair[0]);
        return -1;
    }
    is_told = pass_report(pair[0]);
    close(pair[0]);
    for (size_t i = 0; i < guard->dirs_count; i++)
        close(guard->dirs[i].fd);
    return is_told ? 0 : bx_error_set(err, BX_ERR_SYSTEM, "its process ended");
}

/* ---- the end --------------------------------------------------------- */

/* Those whose parent this process is, by now. */
static void kill_children(void)
{
    char path[64];
    char word[16];
    bx_autofile FILE *file = NULL;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "re");
    while (file != NULL && fscanf(file, "%15s", word) == 1) {
        long pid = strtol(word, NULL, 10);

        if (pid > 1)
            (void)kill((pid_t)pid, SIGKILL);
    }
}

/* Whoever loses its parent becomes ours, and is seen by the next round. */
static void end_all(const bx_guard *guard)
{
    int64_t until_ns = bx_now_ns() + END_NS;

    do {
        (void)kill(-guard->child, SIGKILL);
        kill_children();
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (waitpid(-1, NULL, WNOHANG) < 0)
            return; /* there are none */
        usleep(1000);
    } while (bx_now_ns() < until_ns);
}

static void tell_ending(int status)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&text, BX_NATIVE_REPORT_BYTES);
    char words[128];

    if (WIFSIGNALED(status))
        snprintf(words, sizeof(words), "was ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(words, sizeof(words), "ended with status %d",
                 WEXITSTATUS(status));
    bx_wire_put_text(&out, words);
    (void)send(BX_NATIVE_CONTROL_FD, text.data, text.len, MSG_NOSIGNAL);
}

/* Until the program has ended, or the host lets go. */
static void watch(const bx_guard *guard, int signals)
{
    struct pollfd fds[2] = { { .fd = BX_NATIVE_CONTROL_FD, .events = POLLIN },
                             { .fd = signals, .events = POLLIN } };
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    for (;;) {
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            if (pid == guard->child) {
                tell_ending(status);
                return;
            }
        }
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents != 0)
            return; /* it never says anything: this is its end */
        (void)!read(signals, &info, sizeof(info));
    }
}

/* The program's streams are its own alone: their end is to be seen. */
static int leave_streams(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd <= 2; fd++) {
        if (null < 0 || dup2(null, fd) < 0)
            return -1;
    }
    close(null);
    return 0;
}

static void name(char **argv)
{
    static const char title[] = "guard";

    memset(argv[2], '\0', strlen(argv[2]));
    if (strlen(argv[1]) >= sizeof(title))
        memset(argv[1] + sizeof(title), '\0', strlen(argv[1]) - sizeof(title));
    memcpy(argv[1], title, sizeof(title));
    (void)prctl(PR_SET_NAME, "boxagnts-guard");
}

int bx_native_guard_main(int argc, char **argv)
{
    const bool none[BX_LOCKDOWN_LAYERS] = { false };
    bx_guard guard = { 0 };
    bx_autoerror bx_error *err = NULL;
    sigset_t child;
    int signals;

    (void)argc;
    name(argv);
    reset_signals();
    if (fcntl(BX_NATIVE_CONTROL_FD, F_SETFD, FD_CLOEXEC) < 0)
        return 1;
    if (start(&guard, &err) < 0) {
        put_report(BX_NATIVE_CONTROL_FD, none, err);
        return 1;
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals >= 0 && leave_streams() == 0)
        watch(&guard, signals);
    end_all(&guard);
    return 0;
}
