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

#define ANSWER_MS 30000
#define CONTROL_FD 3

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int bx_template_client_init(bx_template_client *client, const char *program,
                            uint32_t max_instances, bx_error **err)
{
    memset(client, 0, sizeof(*client));
    pthread_mutex_init(&client->mutex, NULL);
    client->channel.fd = -1;
    client->pidfd = -1;
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
    pid_t pid;

    snprintf(instances, sizeof(instances), "%u", client->max_instances);
    if (bx_channel_pair(pair, err) < 0)
        return -1;
    if (bx_channel_open(&client->channel, pair[0], err) < 0) {
        close(pair[1]);
        return -1;
    }
    pid = fork_with_pidfd(&client->pidfd);
    if (pid == 0)
        exec_template(program, argv, pair[1]);
    close(pair[1]);
    if (pid < 0) {
        bx_error_set_errno(err, errno, "the workers' template");
        bx_channel_close(&client->channel);
        client->pidfd = -1;
        return -1;
    }
    client->pid = pid;
    client->generation++;
    return 0;
}

/* Whoever embeds us may have waited for it already: then it is gone too. */
static void end(bx_template_client *client)
{
    siginfo_t info;

    if (client->pidfd < 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, client->pidfd, SIGKILL, NULL, 0);
    bx_channel_close(&client->channel);
    while (waitid((idtype_t)P_PIDFD, (id_t)client->pidfd, &info, WEXITED) < 0 &&
           errno == EINTR)
        ;
    close(client->pidfd);
    client->pidfd = -1;
}

void bx_template_client_clear(bx_template_client *client)
{
    end(client);
    free(client->program);
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
    int pidfd;

    pthread_mutex_lock(&client->mutex);
    pidfd = client->pidfd;
    pthread_mutex_unlock(&client->mutex);
    return pidfd;
}

void bx_template_client_forget(bx_template_client *client)
{
    struct pollfd poller;

    pthread_mutex_lock(&client->mutex);
    poller = (struct pollfd){ .fd = client->pidfd, .events = POLLIN };
    if (client->pidfd >= 0 && poll(&poller, 1, 0) > 0)
        end(client);
    pthread_mutex_unlock(&client->mutex);
}

/* ---- questions ------------------------------------------------------- */

/* With the mutex. One that does not answer is ended. */
static int ask(bx_template_client *client, bx_frame_type type,
               const bx_buf *body, const int *fds, size_t fds_count,
               bx_frame *ret_frame, bx_error **err)
{
    bx_error *why = NULL;

    if (client->pidfd < 0 && start(client, err) < 0)
        return -1;
    if (bx_channel_ask(&client->channel, type, body, fds, fds_count, ANSWER_MS,
                       1, ret_frame, &why) == 0)
        return 0;
    if (bx_channel_is_over(&client->channel, why)) {
        end(client);
        bx_error_wrap(&why, "the workers' template ended");
    }
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

/* The same; one that died before is replaced. */
static int ask_again(bx_template_client *client, bx_frame_type type,
                     const bx_buf *body, const int *fds, size_t fds_count,
                     bx_frame *ret_frame, bx_error **err)
{
    bx_error *why = NULL;

    if (ask(client, type, body, fds, fds_count, ret_frame, &why) == 0)
        return 0;
    if (bx_channel_is_gone(why)) {
        bx_error_free(why);
        return ask(client, type, body, fds, fds_count, ret_frame, err);
    }
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

int bx_template_client_variant(bx_template_client *client,
                               const bx_limits *limits,
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
    pthread_mutex_lock(&client->mutex);
    result = ask_again(client, BX_FRAME_VARIANT, &body, NULL, 0, &frame, err);
    pthread_mutex_unlock(&client->mutex);
    if (result < 0)
        return -1;
    in = bx_frame_body(&frame);
    *ret_compatibility = bx_wire_get_u64(&in);
    bx_frame_clear(&frame);
    return 0;
}

void bx_template_put_code(bx_wire_out *out, const bx_template_code *code)
{
    bx_wire_put_u64(out, code->module_id);
    bx_wire_put_text(out, code->name);
    bx_wire_put_bool(out, code->is_component);
    bx_wire_put_raw(out, code->digest, BX_DIGEST_BYTES);
    bx_frame_put_limits(out, code->limits);
}

int bx_template_client_load(bx_template_client *client,
                            const bx_template_code *code, uint64_t *generation,
                            bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame frame;
    int result = 0;

    bx_template_put_code(&out, code);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    pthread_mutex_lock(&client->mutex);
    if (client->pidfd < 0 || *generation != client->generation) {
        result =
            ask_again(client, BX_FRAME_LOAD, &body, &code->fd, 1, &frame, err);
        if (result == 0) {
            *generation = client->generation;
            bx_frame_clear(&frame);
        }
    }
    pthread_mutex_unlock(&client->mutex);
    return result;
}

int bx_template_client_unload(bx_template_client *client, uint64_t module_id)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame frame;
    int result = 0;

    bx_wire_put_u64(&out, module_id);
    pthread_mutex_lock(&client->mutex);
    if (client->pidfd >= 0 && !out.is_bad) {
        result = ask(client, BX_FRAME_UNLOAD, &body, NULL, 0, &frame, NULL);
        if (result == 0)
            bx_frame_clear(&frame);
    }
    pthread_mutex_unlock(&client->mutex);
    return result;
}

/* With the mutex. Without memory of its own: a child that is not reaped stays
 * for good. */
static int ask_reap(bx_template_client *client, pid_t pid, bx_frame *ret_frame,
                    bx_error **err)
{
    unsigned char number[4];
    const bx_buf body = { (char *)number, sizeof(number), sizeof(number) };

    for (unsigned i = 0; i < sizeof(number); i++)
        number[i] = (unsigned char)((uint32_t)pid >> 8 * i);
    return ask(client, BX_FRAME_REAP, &body, NULL, 0, ret_frame, err);
}

/* With the mutex: the child was made, but this process had no descriptor free
 * for it. */
static void drop_child(bx_template_client *client)
{
    bx_frame frame;

    if (client->pidfd >= 0 && ask_reap(client, 0, &frame, NULL) == 0)
        bx_frame_clear(&frame);
}

int bx_template_client_fork(bx_template_client *client, int control,
                            pid_t *ret_pid, int *ret_pidfd,
                            uint64_t *ret_generation, bx_error **err)
{
    bx_error *why = NULL;
    bx_frame frame;
    bx_wire_in in;
    int result;

    pthread_mutex_lock(&client->mutex);
    result = ask_again(client, BX_FRAME_FORK, NULL, &control, 1, &frame, &why);
    if (bx_error_errno(why) == EMFILE)
        drop_child(client);
    *ret_generation = client->generation;
    pthread_mutex_unlock(&client->mutex);
    if (result < 0) {
        if (err != NULL)
            *err = why;
        else
            bx_error_free(why);
        return -1;
    }
    in = bx_frame_body(&frame);
    *ret_pid = (pid_t)bx_wire_get_u32(&in);
    *ret_pidfd = bx_frame_take_fd(&frame, 0);
    bx_frame_clear(&frame);
    return *ret_pidfd >= 0
               ? 0
               : bx_error_set(err, BX_ERR_SYSTEM, "a worker without a pidfd");
}

int bx_template_client_reap(bx_template_client *client, pid_t pid,
                            bool *ret_exited, int *ret_status, bx_error **err)
{
    bx_frame frame;
    bx_wire_in in;
    int result = -1;

    pthread_mutex_lock(&client->mutex);
    if (client->pidfd < 0)
        bx_error_set(err, BX_ERR_SYSTEM, "the workers' template ended");
    else
        result = ask_reap(client, pid, &frame, err);
    pthread_mutex_unlock(&client->mutex);
    if (result < 0)
        return -1;
    in = bx_frame_body(&frame);
    *ret_exited = bx_wire_get_bool(&in);
    *ret_status = (int)bx_wire_get_u32(&in);
    bx_frame_clear(&frame);
    return 0;
}
