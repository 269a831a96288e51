#include "net/support_broker.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/broker_host.h"

struct support_broker {
    const bx_policy *policy;
    bx_run *run;
    bx_policy *guest_policy;
    bx_run guest_run;
    bx_cancel *guest_cancel;
    bx_broker broker;
    bx_broker_host *host;
    bx_buf answers;
    pthread_t thread;
    int ends[2]; /* [0] asks, [1] serves */
    int wake_fd;
};

support_way support_way_now;

const char *support_way_name(void)
{
    static const char *const names[] = { "in process", "by call", "by socket" };

    return names[support_way_now];
}

/* ---- by call --------------------------------------------------------- */

static int serve(support_broker *b, const void *request, size_t bytes,
                 int wake_fd, bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    int fd = -1;

    if (bx_broker_host_serve(b->host, request, bytes, wake_fd, ret_reply, &fd,
                             err) < 0)
        return -1;
    bx_buf_append(&b->answers, ret_reply->data, ret_reply->len, SIZE_MAX);
    if (ret_fd != NULL)
        *ret_fd = fd < 0 ? -1 : dup(fd);
    return 0;
}

static int ask_by_call(void *context, const void *request, size_t bytes,
                       bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    return serve(context, request, bytes, -1, ret_reply, ret_fd, err);
}

static int ask_by_call_while(void *context, const void *request, size_t bytes,
                             struct pollfd *fds, size_t count,
                             bx_buf *ret_reply, bx_error **err)
{
    bx_autofd int all = epoll_create1(EPOLL_CLOEXEC);
    int result;

    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = { .events = (uint32_t)fds[i].events };

        assert_int_equal(epoll_ctl(all, EPOLL_CTL_ADD, fds[i].fd, &event), 0);
    }
    result = serve(context, request, bytes, all, ret_reply, NULL, err);
    poll(fds, count, 0);
    return result;
}

/* ---- by socket ------------------------------------------------------- */

typedef union fd_room {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
} fd_room;

static bool put_all(int fd, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t done = send(fd, at, bytes, MSG_NOSIGNAL);

        if (done <= 0)
            return false;
        at += done;
        bytes -= (size_t)done;
    }
    return true;
}

/* A length, with a descriptor if there is one, and as many bytes. */
static bool put_message(int fd, const void *data, size_t bytes, int sent_fd)
{
    uint64_t length = bytes;
    struct iovec part = { &length, sizeof(length) };
    fd_room room = { 0 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    if (sent_fd >= 0) {
        message.msg_control = &room;
        message.msg_controllen = sizeof(room);
        room.head.cmsg_level = SOL_SOCKET;
        room.head.cmsg_type = SCM_RIGHTS;
        room.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&room.head), &sent_fd, sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(length) &&
           put_all(fd, data, bytes);
}

static bool get_message(int fd, bx_buf *ret_data, int *ret_fd)
{
    uint64_t length = 0;
    struct iovec part = { &length, sizeof(length) };
    fd_room room = { 0 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = &room,
                              .msg_controllen = sizeof(room) };

    if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL) !=
        (ssize_t)sizeof(length))
        return false;
    *ret_fd = -1;
    if (message.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(&room.head), sizeof(int));
    while (length > 0) {
        char block[65536];
        ssize_t done =
            recv(fd, block, length < sizeof(block) ? length : sizeof(block), 0);

        if (done <= 0)
            return false;
        bx_buf_append(ret_data, block, (size_t)done, SIZE_MAX);
        length -= (uint64_t)done;
    }
    return true;
}

static void *serve_all(void *argument)
{
    support_broker *b = argument;
    bool goes_on = true;

    while (goes_on) {
        bx_autobuf bx_buf request = BX_BUF_INIT;
        bx_autobuf bx_buf reply = BX_BUF_INIT;
        int fd = -1;

        goes_on = get_message(b->ends[1], &request, &fd) &&
                  bx_broker_host_serve(b->host, request.data, request.len,
                                       b->wake_fd, &reply, &fd, NULL) == 0 &&
                  put_message(b->ends[1], reply.data, reply.len, fd);
    }
    shutdown(b->ends[1], SHUT_RDWR);
    return NULL;
}

static int take_answer(support_broker *b, bx_buf *ret_reply, int *ret_fd,
                       bx_error **err)
{
    uint64_t woken;
    int fd;

    if (!get_message(b->ends[0], ret_reply, &fd))
        return bx_error_set(err, BX_ERR_SYSTEM, "the other end is gone");
    (void)!read(b->wake_fd, &woken, sizeof(woken));
    bx_buf_append(&b->answers, ret_reply->data, ret_reply->len, SIZE_MAX);
    if (ret_fd != NULL)
        *ret_fd = fd;
    else
        assert_int_equal(fd, -1);
    return 0;
}

static int ask_by_socket(void *context, const void *request, size_t bytes,
                         bx_buf *ret_reply, int *ret_fd, bx_error **err)
{
    support_broker *b = context;

    put_message(b->ends[0], request, bytes, -1);
    return take_answer(b, ret_reply, ret_fd, err);
}

static int ask_by_socket_while(void *context, const void *request, size_t bytes,
                               struct pollfd *fds, size_t count,
                               bx_buf *ret_reply, bx_error **err)
{
    support_broker *b = context;
    struct pollfd *all = calloc(count + 1, sizeof(*all));
    const uint64_t one = 1;

    put_message(b->ends[0], request, bytes, -1);
    all[0] = (struct pollfd){ .fd = b->ends[0], .events = POLLIN };
    if (count > 0)
        memcpy(all + 1, fds, count * sizeof(*fds));
    poll(all, count + 1, -1);
    if (all[0].revents == 0)
        (void)!write(b->wake_fd, &one, sizeof(one));
    free(all);
    if (take_answer(b, ret_reply, NULL, err) < 0)
        return -1;
    poll(fds, count, 0);
    return 0;
}

/* ---- both ends ------------------------------------------------------- */

static void start_thread(support_broker *b)
{
    b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(b->wake_fd >= 0);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b->ends), 0);
    b->broker.ask = ask_by_socket;
    b->broker.ask_while = ask_by_socket_while;
    assert_int_equal(pthread_create(&b->thread, NULL, serve_all, b), 0);
}

support_broker *support_broker_new(const bx_policy *policy, bx_run *run,
                                   const char *ca_file)
{
    support_broker *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->policy = policy;
    b->run = run;
    if (support_way_now == SUPPORT_IN_PROCESS)
        return b;
    b->guest_policy = bx_policy_new();
    b->guest_run.deadline_ns = bx_now_ns() + 60000000000;
    b->guest_run.broker = &b->broker;
    b->guest_run.cancel = b->guest_cancel = bx_cancel_new();
    b->broker = (bx_broker){ b, ask_by_call, ask_by_call_while };
    b->host = bx_broker_host_new(policy, run, NULL);
    assert_non_null(b->host);
    b->host->ca_file = ca_file;
    if (support_way_now == SUPPORT_BY_SOCKET)
        start_thread(b);
    return b;
}

void support_broker_free(support_broker *b)
{
    if (b == NULL)
        return;
    if (b->broker.ask == ask_by_socket) {
        shutdown(b->ends[0], SHUT_RDWR);
        pthread_join(b->thread, NULL);
        close(b->ends[0]);
        close(b->ends[1]);
        close(b->wake_fd);
    }
    bx_broker_host_free(b->host);
    bx_policy_free(b->guest_policy);
    bx_cancel_free(b->guest_cancel);
    bx_buf_clear(&b->answers);
    free(b);
}

bx_run *support_broker_run(support_broker *b)
{
    return b->host == NULL ? b->run : &b->guest_run;
}

const bx_policy *support_broker_policy(support_broker *b)
{
    return b->host == NULL ? b->policy : b->guest_policy;
}

const bx_buf *support_broker_answers(support_broker *b)
{
    return &b->answers;
}
