#include "worker/broker_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"
#include "worker/broker_link.h"
#include "worker/broker_serve.h"
#include "worker/lockdown.h"

#define CANCEL_POLL_MS 50          /* how soon a waiting call sees a cancel */
#define REPLY_MAX_BYTES (4u << 20) /* and of an event: more than both have */

struct bx_broker_child {
    int socket;
    pid_t pid;
    bx_run run; /* who is told and asked */
    bx_broker broker;
    bool is_lost; /* it answered what nobody asked, or was left waiting */
};

/* Text of the other end's, or "". */
static void show(bx_wire_in *in, char **ret_text)
{
    free(*ret_text);
    *ret_text = bx_wire_get_text(in, REPLY_MAX_BYTES);
}

typedef struct event_texts {
    char *text[4];
} event_texts;

static void event_texts_clear(event_texts *texts)
{
    for (size_t i = 0; i < 4; i++)
        free(texts->text[i]);
}

static int answer_need(const bx_broker_child *child, bool is_given,
                       bx_error **err)
{
    char byte = is_given ? 1 : 0;

    return bx_link_send(child->socket, BX_LINK_ANSWER, &byte, 1, -1, err);
}

/* Hand an event on. */
static int take_event(const bx_broker_child *child, bx_link_type type,
                      const bx_buf *body, bx_error **err)
{
    static const size_t counts[BX_LINK_TYPES] = {
        [BX_LINK_AUDIT] = 4, [BX_LINK_EFFECT] = 3, [BX_LINK_NEED] = 2
    };
    __attribute__((cleanup(event_texts_clear))) event_texts texts = { 0 };
    char **text = texts.text;
    bx_wire_in in = bx_wire_in_of(body->data, body->len);
    const bx_run *run = &child->run;

    for (size_t i = 0; i < counts[type]; i++)
        show(&in, &text[i]);
    if (counts[type] == 0 || !bx_wire_is_whole(&in))
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "the network's process sent what is no event");
    if (type == BX_LINK_AUDIT && run->audit != NULL)
        run->audit(run->audit_context,
                   &(bx_audit_event){ text[0], text[1], text[2], text[3] });
    if (type == BX_LINK_EFFECT && run->effect != NULL)
        run->effect(run->effect_context,
                    &(bx_effect_event){ text[0], text[1], text[2] });
    if (type == BX_LINK_NEED)
        return answer_need(child,
                           run->need == NULL ||
                               run->need(run->need_context,
                                         &(bx_need_event){ text[0], text[1] }),
                           err);
    return 0;
}

/* Wait for something from the child, or for one of fds: then 0. */
static int wait_for(const bx_broker_child *child, const struct pollfd *fds,
                    size_t count, bx_error **err)
{
    bx_autofree struct pollfd *all = calloc(count + 1, sizeof(*all));

    if (all == NULL)
        return bx_error_set_nomem(err);
    all[0] = (struct pollfd){ .fd = child->socket, .events = POLLIN };
    if (count > 0)
        memcpy(all + 1, fds, count * sizeof(*fds));
    for (;;) {
        int ready = poll(all, (nfds_t)count + 1, CANCEL_POLL_MS);

        if (ready < 0 && errno != EINTR)
            return bx_error_set_errno(err, errno, "waiting for the network");
        if (ready > 0)
            return all[0].revents != 0;
        if (bx_run_is_cancelled(&child->run))
            return bx_error_set(err, BX_ERR_CANCELLED, "cancelled");
    }
}

/* Events come before their reply. */
static int receive_reply(const bx_broker_child *child, struct pollfd *fds,
                         size_t count, bx_buf *ret_reply, int *ret_fd,
                         bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;

    for (;;) {
        bx_autofd int fd = -1;
        bx_link_type type;
        int got = wait_for(child, fds, count, err);

        if (got == 0) {
            if (bx_link_send(child->socket, BX_LINK_WAKE, NULL, 0, -1, err) < 0)
                return -1;
            count = 0;
            continue;
        }
        if (got > 0)
            got = bx_link_receive(child->socket, REPLY_MAX_BYTES, &type, &body,
                                  &fd, err);
        if (got == 0)
            return bx_error_set(err, BX_ERR_SYSTEM,
                                "the network's process has ended");
        if (got < 0)
            return -1;
        if (type == BX_LINK_REPLY) {
            if (bx_buf_append(ret_reply, body.data, body.len, SIZE_MAX) < 0)
                return bx_error_set_nomem(err);
            if (ret_fd != NULL)
                *ret_fd = bx_take_fd(&fd);
            return 0;
        }
        if (take_event(child, type, &body, err) < 0)
            return -1;
    }
}

static int ask_of(bx_broker_child *child, const void *request, size_t bytes,
                  struct pollfd *fds, size_t count, bx_buf *ret_reply,
                  int *ret_fd, bx_error **err)
{
    if (ret_fd != NULL)
        *ret_fd = -1;
    if (child->is_lost)
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "the network's process is out of reach");
    if (bx_link_send(child->socket, BX_LINK_ASK, request, bytes, -1, err) < 0 ||
        receive_reply(child, fds, count, ret_reply, ret_fd, err) < 0) {
        child->is_lost = true;
        return -1;
    }
    return 0;
}

static int ask(void *context, const void *request, size_t bytes,
               bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    return ask_of(context, request, bytes, NULL, 0, ret_reply, ret_fd, err);
}

static int ask_while(void *context, const void *request, size_t bytes,
                     struct pollfd *fds, size_t count, bx_buf *ret_reply,
                     bx_error **err)
{
    int failed =
        ask_of(context, request, bytes, fds, count, ret_reply, NULL, err);

    (void)poll(fds, (nfds_t)count, 0);
    return failed;
}

/* The child keeps its standard streams only where a person is asked there:
 * whoever reads our output waits for every copy of it to be closed. */
static void settle(bool asks_person)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)prctl(PR_SET_NAME, "bx-broker");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGALRM, SIG_IGN);
    for (int fd = 0; null >= 0 && !asks_person && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
}

/* What names, certificates and libraries are read from. Whatever a server made
 * of a library there, the user's files are none of it. */
static const char *const read_folders[] = { "/etc",
                                            "/usr",
                                            "/lib",
                                            "/lib64",
                                            "/lib32",
                                            "/opt",
                                            "/nix",
                                            "/var/lib/ca-certificates",
                                            "/run/nscd",
                                            "/run/systemd/resolve",
                                            "/run/resolvconf",
                                            "/run/NetworkManager" };
enum { READ_FOLDERS = sizeof(read_folders) / sizeof(read_folders[0]) };

/* Where the list of name servers really is; -1: where it is read anyway. */
static int open_resolver(void)
{
    bx_autofree char *path = realpath("/etc/resolv.conf", NULL);

    return path == NULL ? -1 : open(path, O_PATH | O_CLOEXEC);
}

/* The layers of worker/lockdown.h that a process with sockets can have. */
static int lock_down(bool asks_person)
{
    bx_lockdown_dir dirs[READ_FOLDERS + 2];
    bx_lockdown lockdown = { .dirs = dirs, .is_network = true };
    bool applied[BX_LOCKDOWN_LAYERS];
    size_t count = 0;
    int failed;

    for (size_t i = 0; i < READ_FOLDERS; i++)
        dirs[count++] =
            (bx_lockdown_dir){ open(read_folders[i],
                                    O_PATH | O_DIRECTORY | O_CLOEXEC),
                               BX_ACCESS_READ };
    dirs[count++] = (bx_lockdown_dir){ open_resolver(), BX_ACCESS_READ };
    dirs[count++] =
        (bx_lockdown_dir){ asks_person ? open("/dev/tty", O_PATH | O_CLOEXEC)
                                       : -1,
                           BX_ACCESS_READ | BX_ACCESS_WRITE };
    for (size_t i = 0; i < count; i++) {
        if (dirs[i].fd >= 0)
            dirs[lockdown.dirs_count++] = dirs[i];
    }
    failed = bx_lockdown_apply(&lockdown, applied, NULL);
    for (size_t i = 0; i < lockdown.dirs_count; i++)
        close(dirs[i].fd);
    return failed;
}

_Noreturn static void be_child(int socket, int other_end, pid_t parent,
                               const bx_policy *policy, bx_hold_fn hold,
                               void *hold_context)
{
    settle(hold != NULL);
    /* Mapped folders, the module, the other end: none of them are its. With
     * that one open it would wait for itself. */
    close(other_end);
    if (dup2(socket, STDERR_FILENO + 1) < 0)
        _exit(1);
    socket = STDERR_FILENO + 1;
    (void)fcntl(socket, F_SETFD, FD_CLOEXEC);
    if (close_range((unsigned)socket + 1, ~0u, 0) < 0 && errno != ENOSYS)
        _exit(1);
    if (lock_down(hold != NULL) < 0)
        _exit(1);
    if (getppid() == parent)
        bx_broker_child_serve(socket, policy, hold, hold_context);
    _exit(0);
}

bx_broker_child *bx_broker_child_new(const bx_policy *policy, bx_hold_fn hold,
                                     void *hold_context, bx_error **err)
{
    bx_broker_child *child = calloc(1, sizeof(*child));
    pid_t parent = getpid();
    int ends[2];

    if (child == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        bx_error_set_errno(err, errno, "a socket for the network's process");
        free(child);
        return NULL;
    }
    child->pid = fork();
    if (child->pid == 0)
        be_child(ends[1], ends[0], parent, policy, hold, hold_context);
    close(ends[1]);
    child->socket = ends[0];
    child->broker = (bx_broker){ child, ask, ask_while };
    if (child->pid < 0) {
        bx_error_set_errno(err, errno, "a process for the network");
        bx_broker_child_free(child);
        return NULL;
    }
    return child;
}

void bx_broker_child_free(bx_broker_child *child)
{
    if (child == NULL)
        return;
    close(child->socket);
    /* A locked process may not wait; init does. */
    while (child->pid > 0 && waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(child);
}

int bx_broker_child_begin(bx_broker_child *child, const bx_run *run,
                          bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, SIZE_MAX);

    child->run = *run;
    bx_wire_put_i64(&out, run->deadline_ns);
    bx_wire_put_u32(&out, (run->audit != NULL ? BX_LINK_WANTS_AUDIT : 0) |
                              (run->effect != NULL ? BX_LINK_WANTS_EFFECT : 0) |
                              (run->need != NULL ? BX_LINK_WANTS_NEED : 0));
    if (out.is_bad)
        return bx_error_set_nomem(err);
    return bx_link_send(child->socket, BX_LINK_BEGIN, body.data, body.len, -1,
                        err);
}

const bx_broker *bx_broker_child_broker(const bx_broker_child *child)
{
    return &child->broker;
}
