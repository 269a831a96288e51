#include "worker/template_client.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "worker/worker.h"

#define CONTROL_FD 3

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int bx_template_client_init(bx_template_client *client, const char *program,
                            uint32_t max_instances, bx_error **err)
{
    memset(client, 0, sizeof(*client));
    pthread_mutex_init(&client->mutex, NULL);
    pthread_mutex_init(&client->debts, NULL);
    client->channel.fd = -1;
    client->pidfd = -1;
    client->hang_ns = BX_TEMPLATE_HANG_MS * INT64_C(1000000);
    client->max_instances = max_instances;
    if (program != NULL) {
        client->program = strdup(program);
        if (client->program == NULL)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* ---- the process ----------------------------------------------------- */

/* In the child, which shares nothing but may have had many threads around it:
 * system calls only. A session of its own: a terminal's Ctrl-C is not for it,
 * and the terminal is not its. */
static _Noreturn void exec_template(const char *program, char *const *argv,
                                    int socket)
{
    static char *const no_env[] = { NULL };
    int null = open("/dev/null", O_RDWR);
    int kept = fcntl(socket, F_DUPFD, 10);

    if (null < 0 || kept < 0 || setsid() < 0)
        _exit(1);
    for (int fd = 0; fd <= 2; fd++) {
        if (dup2(null, fd) < 0)
            _exit(1);
    }
    if (dup2(kept, CONTROL_FD) < 0 ||
        syscall(SYS_close_range, CONTROL_FD + 1, ~0u, 0) < 0)
        _exit(1);
    (void)execve(program, argv, no_env);
    _exit(127);
}

/* As fork(), but that the number cannot become another's before there is a
 * descriptor for it. The child runs exec_template() and nothing of libc's that
 * would mind. */
static pid_t fork_with_pidfd(int *ret_pidfd)
{
    return (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, ret_pidfd,
                          NULL, NULL);
}

static int start(bx_template_client *client, bx_error **err)
{
    const char *program =
        client->program == NULL ? "/proc/self/exe" : client->program;
    char instances[16];
    char *const argv[] = { (char *)"boxagnts", (char *)BX_WORKER_ARGUMENT,
                           instances, NULL };
    int pair[2];
    int pidfd = -1;
    pid_t pid;

    snprintf(instances, sizeof(instances), "%u", client->max_instances);
    if (bx_channel_pair(pair, err) < 0)
        return -1;
    if (bx_channel_open(&client->channel, pair[0], err) < 0) {
        close(pair[1]);
        return -1;
    }
    pid = fork_with_pidfd(&pidfd);
    if (pid == 0)
        exec_template(program, argv, pair[1]);
    close(pair[1]);
    if (pid < 0) {
        bx_error_set_errno(err, errno, "the workers' template");
        bx_channel_close(&client->channel);
        return -1;
    }
    client->pid = pid;
    client->pidfd = pidfd;
    client->generation++;
    return 0;
}

/* Whoever embeds us may have waited for it already: then it is gone too. */
static void end(bx_template_client *client)
{
    int pidfd = atomic_exchange(&client->pidfd, -1);
    siginfo_t info;

    if (pidfd < 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    bx_channel_close(&client->channel);
    while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 &&
           errno == EINTR)
        ;
    close(pidfd);
    pthread_mutex_lock(&client->debts);
    client->owed_count = 0; /* they are init's now */
    pthread_mutex_unlock(&client->debts);
}

void bx_template_client_clear(bx_template_client *client)
{
    end(client);
    free(client->owed);
    free(client->program);
    pthread_mutex_destroy(&client->debts);
    pthread_mutex_destroy(&client->mutex);
}

int bx_template_client_start(bx_template_client *client, bx_error **err)
{
    int result = 0;

    pthread_mutex_lock(&client->mutex);
    if (client->pidfd < 0)
        result = start(client, err);
    pthread_mutex_unlock(&client->mutex);
    return result;
}

int bx_template_client_pidfd(bx_template_client *client)
{
    return client->pidfd;
}

void bx_template_client_forget(bx_template_client *client)
{
    struct pollfd poller;

    if (pthread_mutex_trylock(&client->mutex) != 0)
        return;
    poller = (struct pollfd){ .fd = client->pidfd, .events = POLLIN };
    if (client->pidfd >= 0 && poll(&poller, 1, 0) > 0)
        end(client);
    pthread_mutex_unlock(&client->mutex);
}

/* ---- questions ------------------------------------------------------- */

static int fail(bx_error *why, bx_error **err)
{
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

/* A child that nobody waits for now. Without memory it stays until the template
 * ends. */
static void owe(bx_template_client *client, pid_t pid)
{
    pthread_mutex_lock(&client->debts);
    if (client->owed_count == client->owed_room) {
        size_t room = client->owed_room * 2 + 16;
        pid_t *owed = realloc(client->owed, room * sizeof(*owed));

        if (owed != NULL) {
            client->owed = owed;
            client->owed_room = room;
        }
    }
    if (client->owed_count < client->owed_room)
        client->owed[client->owed_count++] = pid;
    pthread_mutex_unlock(&client->debts);
}

/* -1: there is none. */
static pid_t take_owed(bx_template_client *client)
{
    pid_t pid = -1;

    pthread_mutex_lock(&client->debts);
    if (client->owed_count > 0)
        pid = client->owed[--client->owed_count];
    pthread_mutex_unlock(&client->debts);
    return pid;
}

/* With the mutex: what came of the last question. One that does not answer, or
 * not in time, is ended. */
static int take_answer(bx_template_client *client, const bx_wait *wait,
                       bx_frame *ret_frame, bx_error **err)
{
    bx_error *why = NULL;

    if (bx_channel_take_answer(&client->channel, wait,
                               client->asked_ns + client->hang_ns, 1, ret_frame,
                               &why) == 0)
        return 0;
    if (!bx_wait_is_over(why) && bx_channel_is_over(&client->channel, why)) {
        end(client);
        bx_error_wrap(&why, "the workers' template ended");
    }
    return fail(why, err);
}

/* With the mutex: throw away the answer that somebody did not wait for. 0: the
 * next question may be asked, perhaps of another template. */
static int catch_up(bx_template_client *client, const bx_wait *wait,
                    bx_error **err)
{
    bx_error *why = NULL;
    bx_frame frame;

    if (client->pidfd < 0 || !client->channel.is_stale)
        return 0;
    if (take_answer(client, wait, &frame, &why) == 0) {
        bx_frame_clear(&frame);
    } else if (client->pidfd >= 0 && client->channel.is_stale) {
        return fail(why, err); /* it may answer yet */
    }
    bx_error_free(why);
    /* Nobody wants the child; its socket is closed already. */
    if (client->pidfd >= 0 && client->asked == BX_FRAME_FORK)
        owe(client, 0);
    return 0;
}

/* With the mutex, and nothing unanswered. */
static int ask_now(bx_template_client *client, bx_frame_type type,
                   const bx_buf *body, const int *fds, size_t fds_count,
                   const bx_wait *wait, bx_frame *ret_frame, bx_error **err)
{
    bx_error *why = NULL;

    client->asked_ns = bx_now_ns();
    client->asked = type;
    if (bx_channel_send(&client->channel, type, body, fds, fds_count, true,
                        &why) < 0) {
        if (bx_channel_is_gone(why)) {
            end(client);
            bx_error_wrap(&why, "the workers' template ended");
        }
        return fail(why, err);
    }
    client->channel.is_stale = true;
    return take_answer(client, wait, ret_frame, err);
}

/* With the mutex. Without memory of its own: a child that is not reaped stays
 * for good. */
static int ask_reap(bx_template_client *client, pid_t pid, const bx_wait *wait,
                    bx_frame *ret_frame, bx_error **err)
{
    unsigned char number[4];
    const bx_buf body = { (char *)number, sizeof(number), sizeof(number) };

    for (unsigned i = 0; i < sizeof(number); i++)
        number[i] = (unsigned char)((uint32_t)pid >> 8 * i);
    return ask_now(client, BX_FRAME_REAP, &body, NULL, 0, wait, ret_frame, err);
}

/* With the mutex: what was left undone. What is asked is done, even when nobody
 * waits for the answer. */
static void pay(bx_template_client *client, const bx_wait *wait)
{
    pid_t pid;

    while (client->pidfd >= 0 && !client->channel.is_stale &&
           (pid = take_owed(client)) >= 0) {
        bx_frame frame;

        if (ask_reap(client, pid, wait, &frame, NULL) == 0)
            bx_frame_clear(&frame);
    }
}

/* With the mutex. */
static int ask(bx_template_client *client, bx_frame_type type,
               const bx_buf *body, const int *fds, size_t fds_count,
               const bx_wait *wait, bx_frame *ret_frame, bx_error **err)
{
    if (catch_up(client, wait, err) < 0)
        return -1;
    pay(client, wait);
    if (catch_up(client, wait, err) < 0 ||
        (client->pidfd < 0 && start(client, err) < 0))
        return -1;
    return ask_now(client, type, body, fds, fds_count, wait, ret_frame, err);
}

/* The same; one that died before is replaced. */
static int ask_again(bx_template_client *client, bx_frame_type type,
                     const bx_buf *body, const int *fds, size_t fds_count,
                     const bx_wait *wait, bx_frame *ret_frame, bx_error **err)
{
    bx_error *why = NULL;

    if (ask(client, type, body, fds, fds_count, wait, ret_frame, &why) == 0)
        return 0;
    if (bx_channel_is_gone(why)) {
        bx_error_free(why);
        return ask(client, type, body, fds, fds_count, wait, ret_frame, err);
    }
    return fail(why, err);
}

int bx_template_client_variant(bx_template_client *client,
                               const bx_limits *limits, const bx_wait *wait,
                               uint64_t *ret_compatibility, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame frame;
    bx_wire_in in;
    int result;

    bx_frame_put_limits(&out, limits);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    if (bx_wait_lock(wait, &client->mutex, err) < 0)
        return -1;
    result =
        ask_again(client, BX_FRAME_VARIANT, &body, NULL, 0, wait, &frame, err);
    if (result == 0) {
        in = bx_frame_body(&frame); /* is the channel's: before the next */
        *ret_compatibility = bx_wire_get_u64(&in);
        bx_frame_clear(&frame);
    }
    pthread_mutex_unlock(&client->mutex);
    return result;
}

void bx_template_put_code(bx_wire_out *out, const bx_template_code *code)
{
    bx_wire_put_u64(out, code->module_id);
    bx_wire_put_text(out, code->name);
    bx_wire_put_bool(out, code->is_component);
    bx_wire_put_raw(out, code->digest, BX_DIGEST_BYTES);
    bx_frame_put_limits(out, code->limits);
}

static bool has_code(const bx_template_client *client, uint64_t generation)
{
    return client->pidfd >= 0 && generation == client->generation;
}

int bx_template_client_load(bx_template_client *client,
                            const bx_template_code *code, const bx_wait *wait,
                            uint64_t *generation, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame frame;
    int result = 0;

    /* Who asks for a worker that is there already waits for nobody here. */
    if (has_code(client, *generation))
        return 0;
    bx_template_put_code(&out, code);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    if (bx_wait_lock(wait, &client->mutex, err) < 0)
        return -1;
    if (!has_code(client, *generation)) {
        result = ask_again(client, BX_FRAME_LOAD, &body, &code->fd, 1, wait,
                           &frame, err);
        if (result == 0) {
            *generation = client->generation;
            bx_frame_clear(&frame);
        }
    }
    pthread_mutex_unlock(&client->mutex);
    return result;
}

int bx_template_client_unload(bx_template_client *client, uint64_t module_id,
                              const bx_wait *wait)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame frame;
    int result = 0;

    bx_wire_put_u64(&out, module_id);
    if (bx_wait_lock(wait, &client->mutex, NULL) < 0)
        return -1;
    if (client->pidfd >= 0 && !out.is_bad) {
        result =
            ask(client, BX_FRAME_UNLOAD, &body, NULL, 0, wait, &frame, NULL);
        if (result == 0)
            bx_frame_clear(&frame);
    }
    pthread_mutex_unlock(&client->mutex);
    return result;
}

static int take_child(bx_frame *frame, pid_t *ret_pid, int *ret_pidfd,
                      bx_error **err)
{
    bx_wire_in in = bx_frame_body(frame);

    *ret_pid = (pid_t)bx_wire_get_u32(&in);
    *ret_pidfd = bx_frame_take_fd(frame, 0);
    bx_frame_clear(frame);
    return *ret_pidfd >= 0
               ? 0
               : bx_error_set(err, BX_ERR_SYSTEM, "a worker without a pidfd");
}

int bx_template_client_fork(bx_template_client *client, int control,
                            const bx_wait *wait, pid_t *ret_pid, int *ret_pidfd,
                            uint64_t *ret_generation, bx_error **err)
{
    bx_error *why = NULL;
    bx_frame frame;
    int result;

    if (bx_wait_lock(wait, &client->mutex, err) < 0)
        return -1;
    result =
        ask_again(client, BX_FRAME_FORK, NULL, &control, 1, wait, &frame, &why);
    if (result == 0)
        result = take_child(&frame, ret_pid, ret_pidfd, &why);
    /* The child was made, but this process had no descriptor free for it. */
    if (bx_error_errno(why) == EMFILE && client->pidfd >= 0) {
        owe(client, 0);
        pay(client, wait);
    }
    *ret_generation = client->generation;
    pthread_mutex_unlock(&client->mutex);
    return result < 0 ? fail(why, err) : 0;
}

int bx_template_client_reap(bx_template_client *client, pid_t pid,
                            uint64_t generation, const bx_wait *wait,
                            bool *ret_exited, int *ret_status, bx_error **err)
{
    bx_error *why = NULL;
    bx_frame frame;
    bx_wire_in in;
    int result = -1;

    if (bx_wait_lock(wait, &client->mutex, &why) < 0) {
        owe(client, pid);
        return fail(why, err);
    }
    if (catch_up(client, wait, &why) < 0)
        owe(client, pid);
    else if (client->pidfd < 0 || client->generation != generation)
        bx_error_set(&why, BX_ERR_SYSTEM, "the workers' template ended");
    else
        result = ask_reap(client, pid, wait, &frame, &why);
    if (result == 0) {
        in = bx_frame_body(&frame);
        *ret_exited = bx_wire_get_bool(&in);
        *ret_status = (int)bx_wire_get_u32(&in);
        bx_frame_clear(&frame);
    }
    pthread_mutex_unlock(&client->mutex);
    return result < 0 ? fail(why, err) : 0;
}
