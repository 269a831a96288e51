/* What comes through the socket between a run and the process that reaches the
 * network for it, where the run's side may be an attacker.
 *
 * The first byte picks who receives. Pieces follow, each behind a byte for its
 * length: 128 and more means that a descriptor lies beside it, 192 and more
 * that two do; the six bits below are the length, 63 means that two bytes more
 * have it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/broker.h"
#include "policy/policy.h"
#include "worker/broker_link.h"
#include "worker/broker_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define BODY_MAX_BYTES 4096u
#define ROOM_BYTES (1 << 20) /* of a socket: more than an input has */
#define FDS 64               /* more than this process ever has */

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "fuzz_broker_link: %s\n", what);
        abort();
    }
}

/* The same before and after when none was lost. */
static int count_open(void)
{
    int count = 0;

    for (int fd = 0; fd < FDS; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* ---- saying it ------------------------------------------------------- */

static void send_piece(int socket, const uint8_t *data, size_t bytes, int fds)
{
    const int both[2] = { STDERR_FILENO, STDERR_FILENO };
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(both))];
    } room = { 0 };
    struct iovec part = { (void *)data, bytes };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    if (bytes == 0)
        return;
    if (fds > 0) {
        message.msg_control = &room;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fds);
        room.head.cmsg_level = SOL_SOCKET;
        room.head.cmsg_type = SCM_RIGHTS;
        room.head.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fds);
        memcpy(CMSG_DATA(&room.head), both, sizeof(int) * (size_t)fds);
    }
    (void)sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say(int socket, const uint8_t *at, size_t left)
{
    while (left > 0) {
        size_t bytes = at[0] & 63;
        int fds = at[0] < 128 ? 0 : at[0] < 192 ? 1 : 2;
        size_t head = 1;

        if (bytes == 63 && left > 2) {
            bytes = (size_t)(at[1] | at[2] << 8);
            head = 3;
        }
        if (bytes > left - head)
            bytes = left - head;
        send_piece(socket, at + head, bytes, fds);
        at += head + bytes;
        left -= head + bytes;
    }
}

/* Both ends of a socket, of which the first has said all that it says. */
static void open_ends(int ends[2], const uint8_t *data, size_t bytes)
{
    const int room = ROOM_BYTES;

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
         "no sockets");
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    (void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    say(ends[0], data, bytes);
    (void)shutdown(ends[0], SHUT_WR);
}

/* ---- who hears it ---------------------------------------------------- */

/* What was received is sent again and is the same then. */
static void send_again(bx_link_type type, const bx_buf *body, int fd)
{
    bx_autobuf bx_buf again = BX_BUF_INIT;
    bx_link_type again_type = BX_LINK_NONE;
    int again_fd = -1;
    int ends[2];

    open_ends(ends, NULL, 0);
    must(bx_link_send(ends[1], type, body->data, body->len, fd, NULL) == 0,
         "it cannot be sent");
    must(bx_link_receive(ends[0], BODY_MAX_BYTES, &again_type, &again,
                         &again_fd, NULL) == 1 &&
             again_type == type && again.len == body->len &&
             (body->len == 0 ||
              memcmp(again.data, body->data, body->len) == 0) &&
             (again_fd >= 0) == (fd >= 0),
         "sent again, it differs");
    if (again_fd >= 0)
        close(again_fd);
    close(ends[0]);
    close(ends[1]);
}

static void receive(int socket)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_autoerror bx_error *err = NULL;
    bx_link_type type = BX_LINK_NONE;
    int got;

    for (;;) {
        int fd = -1;

        got = bx_link_receive(socket, BODY_MAX_BYTES, &type, &body, &fd, &err);
        if (got != 1) {
            must(fd == -1, "a descriptor of no message");
            break;
        }
        must(type > BX_LINK_NONE && type < BX_LINK_TYPES, "a type of none");
        must(body.len <= BODY_MAX_BYTES, "more than was accepted");
        must(fd == -1 || fcntl(fd, F_GETFD) == FD_CLOEXEC,
             "a descriptor that is none, or would be inherited");
        send_again(type, &body, fd);
        if (fd >= 0)
            close(fd);
    }
    must((got < 0) == (err != NULL), "a failure without an error");
}

/* It may reach one port of this machine, that nobody listens at. */
static void serve(int socket)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();

    must(policy != NULL && bx_policy_allowed_outbound_host(
                               policy, "http://127.0.0.1:1", NULL) == 0,
         "no policy");
    policy->limits.timeout_ms = 200;
    policy->limits.http_open = 4;
    policy->limits.http_requests = 32;
    policy->limits.http_body_bytes = 65536;
    bx_broker_child_serve(socket, policy, NULL, NULL);
}

/* A thread that looks a name up outlives who asked, also of the input before,
 * and closes what it has. */
static bool comes_back_to(int before)
{
    for (int i = 0; i < 500; i++) {
        if (count_open() <= before)
            return true;
        usleep(10000);
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool is_warm;
    int ends[2];
    int before;

    if (bytes == 0 || bytes > 65536)
        return 0;
    before = count_open();
    open_ends(ends, data + 1, bytes - 1);
    if (data[0] % 2 == 0)
        receive(ends[1]);
    else
        serve(ends[1]);
    close(ends[0]);
    close(ends[1]);
    /* The first request loads a library, which keeps what it likes. */
    must(!is_warm || comes_back_to(before), "descriptors are left over");
    is_warm = true;
    return 0;
}
