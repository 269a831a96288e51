/* The template process. What it reads comes from the host, which it trusts;
 * it never reads what a worker says. */
#include "worker/template.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/code.h"
#include "worker/native.h"
#include "worker/worker.h"

#define CONTROL_FD 3

bx_module *bx_template_find(const bx_template *template_, uint64_t id)
{
    for (bx_loaded *at = template_->loaded; at != NULL; at = at->next) {
        if (at->id == id)
            return at->module;
    }
    return NULL;
}

static bx_module *add_module(bx_template *template_, uint64_t id,
                             const char *name, bool is_component,
                             const uint8_t digest[BX_DIGEST_BYTES],
                             bx_error **err)
{
    bx_loaded *loaded = calloc(1, sizeof(*loaded));

    if (loaded == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    loaded->id = id;
    loaded->module =
        bx_code_module(template_->engine, name, is_component, digest, err);
    if (loaded->module == NULL) {
        free(loaded);
        return NULL;
    }
    loaded->next = template_->loaded;
    template_->loaded = loaded;
    return loaded->module;
}

int bx_template_load(bx_template *template_, bx_frame *frame, bx_error **err)
{
    bx_wire_in in = bx_frame_body(frame);
    bx_autofd int fd = bx_frame_take_fd(frame, 0);
    uint64_t id = bx_wire_get_u64(&in);
    bx_autofree char *name = bx_wire_get_text(&in, BX_FRAME_MAX_BYTES);
    bool is_component = bx_wire_get_bool(&in);
    uint8_t digest[BX_DIGEST_BYTES];
    bx_module *module;
    bx_limits limits;

    bx_wire_get_raw(&in, digest, sizeof(digest));
    bx_frame_get_limits(&in, &limits);
    if (!bx_wire_is_whole(&in) || fd < 0)
        return bx_wire_fail(&in, BX_ERR_INVALID, "a malformed module", err);
    module = bx_template_find(template_, id);
    if (module == NULL)
        module = add_module(template_, id, name, is_component, digest, err);
    return module == NULL ? -1 : bx_code_load(module, &limits, fd, err);
}

void bx_template_unload(bx_template *template_, uint64_t id)
{
    for (bx_loaded **at = &template_->loaded; *at != NULL; at = &(*at)->next) {
        bx_loaded *loaded = *at;

        if (loaded->id != id)
            continue;
        *at = loaded->next;
        bx_module_free(loaded->module);
        free(loaded);
        return;
    }
}

static int tell_variant(const bx_template *template_, bx_wire_in *in,
                        bx_buf *ret, bx_error **err)
{
    bx_wire_out out = bx_wire_out_to(ret, BX_FRAME_MAX_BYTES);
    uint64_t compatibility;
    bx_limits limits;

    bx_frame_get_limits(in, &limits);
    if (!bx_wire_is_whole(in))
        return bx_error_set(err, BX_ERR_INVALID, "malformed limits");
    if (bx_code_compatibility(template_->engine, &limits, &compatibility, err) <
        0)
        return -1;
    bx_wire_put_u64(&out, compatibility);
    return out.is_bad ? bx_error_set_nomem(err) : 0;
}

uint64_t bx_template_data_bytes(void)
{
    bx_autofile FILE *file = fopen("/proc/self/statm", "re");
    char line[256];
    const char *at = line;

    if (file == NULL || fgets(line, sizeof(line), file) == NULL)
        return 0;
    /* proc(5): size resident shared text lib data, in pages */
    for (int i = 0; i < 5 && at != NULL; i++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    return at == NULL
               ? 0
               : strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Whoever is born here dies with this thread. */
static _Noreturn void be_child(bx_template *template_, int control,
                               pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    /* In the place of the template's own: nothing of it is left. */
    if (dup3(control, CONTROL_FD, O_CLOEXEC) < 0)
        _exit(1);
    close(control);
    template_->host.fd = -1; /* it is the child's own now */
    bx_channel_close(&template_->host);
    bx_template_child(template_, CONTROL_FD);
}

static int start_child(bx_template *template_, bx_frame *frame, bx_buf *ret,
                       int *ret_pidfd, bx_error **err)
{
    bx_wire_out out = bx_wire_out_to(ret, BX_FRAME_MAX_BYTES);
    bx_autofd int control = bx_frame_take_fd(frame, 0);
    pid_t self = getpid();
    pid_t pid;

    template_->last_child = 0;
    if (control < 0)
        return bx_error_set(err, BX_ERR_INVALID, "a child without a socket");
    pid = fork();
    if (pid < 0)
        return bx_error_set_errno(err, errno, "a worker's process");
    if (pid == 0)
        be_child(template_, bx_take_fd(&control), self);
    /* Nobody else waits for it: the number is its own until it is reaped. */
    *ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*ret_pidfd < 0) {
        bx_error_set_errno(err, errno, "a worker's process");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return -1;
    }
    bx_wire_put_u32(&out, (uint32_t)pid);
    if (out.is_bad) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return bx_error_set_nomem(err);
    }
    template_->last_child = pid;
    return 0;
}

/* The host asks when the process is over, or about to be. 0: the last one,
 * whose descriptor did not reach the host. */
static int reap(bx_template *template_, bx_wire_in *in, bx_buf *ret,
                bx_error **err)
{
    bx_wire_out out = bx_wire_out_to(ret, BX_FRAME_MAX_BYTES);
    pid_t pid = (pid_t)bx_wire_get_u32(in);
    siginfo_t info = { 0 };
    int failed;

    if (bx_wire_is_whole(in) && pid == 0 && template_->last_child > 1) {
        pid = template_->last_child;
        kill(pid, SIGKILL);
    }
    if (!bx_wire_is_whole(in) || pid <= 1)
        return bx_error_set(err, BX_ERR_INVALID, "a malformed process");
    if (pid == template_->last_child)
        template_->last_child = 0;
    do
        failed = waitid(P_PID, (id_t)pid, &info, WEXITED);
    while (failed < 0 && errno == EINTR);
    if (failed < 0)
        return bx_error_set_errno(err, errno, "process %d", (int)pid);
    bx_wire_put_bool(&out, info.si_code == CLD_EXITED);
    bx_wire_put_u32(&out, (uint32_t)info.si_status);
    return out.is_bad ? bx_error_set_nomem(err) : 0;
}

static void answer(bx_template *template_, bx_frame *frame)
{
    bx_autoerror bx_error *err = NULL;
    bx_autobuf bx_buf ret = BX_BUF_INIT;
    bx_autofd int pidfd = -1;
    bx_wire_in in = bx_frame_body(frame);
    int result = -1;

    switch (frame->type) {
    case BX_FRAME_VARIANT:
        result = tell_variant(template_, &in, &ret, &err);
        break;
    case BX_FRAME_LOAD:
        result = bx_template_load(template_, frame, &err);
        break;
    case BX_FRAME_UNLOAD:
        bx_template_unload(template_, bx_wire_get_u64(&in));
        result = 0;
        break;
    case BX_FRAME_FORK:
        result = start_child(template_, frame, &ret, &pidfd, &err);
        break;
    case BX_FRAME_REAP:
        result = reap(template_, &in, &ret, &err);
        break;
    default:
        bx_error_set(&err, BX_ERR_INVALID, "a frame of type %d",
                     (int)frame->type);
    }
    if (bx_channel_reply(&template_->host, &ret, &pidfd, pidfd >= 0,
                         result < 0 ? err : NULL) < 0)
        _exit(1);
}

/* Over the words that it was started with: they are this process's own, and
 * a fork has a copy. */
void bx_template_name(const bx_template *template_, const char *role)
{
    char name[16]; /* prctl(2): with the NUL */

    snprintf(name, sizeof(name), "bx-%s", role);
    (void)prctl(PR_SET_NAME, name);
    if (template_->title_bytes <= strlen(role))
        return;
    memset(template_->title, '\0', template_->title_bytes);
    memcpy(template_->title, role, strlen(role));
}

static bool is_channel(int fd)
{
    int domain = 0;
    int type = 0;
    socklen_t bytes = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) < 0)
        return false;
    return domain == AF_UNIX && type == SOCK_SEQPACKET;
}

/* A fault that no guest's code made, or one that somebody sent: the process
 * ends by it now. As a default action it would not be enough: the engine's
 * handler puts that back and returns, which a signal that was sent does not
 * survive. */
static void end_by(int number)
{
    signal(number, SIG_DFL);
    raise(number); /* comes when this returns */
}

/* Before there is an engine, whose handlers hand on what is not theirs. */
static void end_by_faults(void)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    const struct sigaction action = { .sa_handler = end_by,
                                      .sa_flags = SA_ONSTACK };

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigaction(faults[i], &action, NULL);
}

/* Signals as a program finds them, whatever whoever started us did; SIGPIPE
 * stays ignored, and past `ulimit -f` a guest gets EFBIG. */
static void reset_signals(void)
{
    sigset_t none;

    end_by_faults();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* Files in memory count for nobody: a worker that fills the machine with them
 * is not the largest process. Without memory the kernel takes this one and its
 * children first, and never the host before them. */
static void go_first(void)
{
    bx_autofd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)!write(fd, "1000", 4);
}

int bx_worker_main(int argc, char **argv)
{
    bx_template template_ = { .host = { .fd = -1 } };
    bx_engine_options options = { .struct_bytes = sizeof(options) };
    bx_frame frame;

    if (argc != 3 || !is_channel(CONTROL_FD))
        return 2;
    if (strcmp(argv[2], BX_NATIVE_ARGUMENT) == 0)
        return bx_native_guard_main(argc, argv);
    options.max_instances = (uint32_t)strtoul(argv[2], NULL, 10);
    template_.title = argv[1];
    template_.title_bytes = strlen(argv[1]);
    memset(argv[2], '\0', strlen(argv[2]));
    reset_signals();
    go_first();
    bx_template_name(&template_, "template");
    if (fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC) < 0 ||
        bx_channel_open(&template_.host, CONTROL_FD, NULL) < 0)
        return 1;
    template_.engine = bx_engine_new(&options, NULL);
    if (template_.engine == NULL)
        return 1;
    while (bx_channel_receive(&template_.host, BX_FRAME_MAX_BYTES, 1, 0, &frame,
                              NULL) == 1) {
        answer(&template_, &frame);
        bx_frame_clear(&frame);
    }
    /* The host is gone, and the workers go with this process. */
    _exit(0);
}
