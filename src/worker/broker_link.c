#include "worker/broker_link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES 65536

typedef struct link_head {
    uint32_t type;
    uint32_t bytes;
} link_head;

typedef union fd_room {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
} fd_room;

/* Send the rest of what sendmsg() may have begun. */
static int send_all(int socket, const char *at, size_t bytes, bx_error **err)
{
    while (bytes > 0) {
        ssize_t sent = send(socket, at, bytes, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return bx_error_set_errno(err, errno, "a message");
        at += sent;
        bytes -= (size_t)sent;
    }
    return 0;
}

int bx_link_send(int socket, bx_link_type type, const void *body, size_t bytes,
                 int fd, bx_error **err)
{
    link_head head = { (uint32_t)type, (uint32_t)bytes };
    struct iovec parts[] = { { &head, sizeof(head) }, { (void *)body, bytes } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    fd_room room = { 0 };
    size_t done;
    ssize_t sent;

    if (bytes > UINT32_MAX)
        return bx_error_set(err, BX_ERR_LIMIT, "a message of %zu bytes", bytes);
    if (fd >= 0) {
        message.msg_control = &room;
        message.msg_controllen = sizeof(room);
        room.head.cmsg_level = SOL_SOCKET;
        room.head.cmsg_type = SCM_RIGHTS;
        room.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&room.head), &fd, sizeof(int));
    }
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return bx_error_set_errno(err, errno, "a message");
    done = (size_t)sent;
    if (done < sizeof(head) && send_all(socket, (const char *)&head + done,
                                        sizeof(head) - done, err) < 0)
        return -1;
    done = done < sizeof(head) ? 0 : done - sizeof(head);
    return send_all(socket, (const char *)body + done, bytes - done, err);
}

/* The descriptor beside a message. There is room for two where one is aligned:
 * whoever sends more than one fills nothing here. */
static void take_fd(struct msghdr *message, int *ret_fd)
{
    const struct cmsghdr *beside = CMSG_FIRSTHDR(message);
    size_t count;

    if (beside == NULL || beside->cmsg_level != SOL_SOCKET ||
        beside->cmsg_type != SCM_RIGHTS)
        return;
    count = (beside->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(beside) + i * sizeof(int), sizeof(int));
        if (i == 0)
            *ret_fd = fd;
        else
            close(fd);
    }
}

/* The first bytes of a head, and the descriptor beside them. */
static ssize_t receive_first(int socket, link_head *head, int *ret_fd)
{
    struct iovec part = { head, sizeof(*head) };
    fd_room room = { 0 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = &room,
                              .msg_controllen = sizeof(room) };
    ssize_t got;

    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        take_fd(&message, ret_fd);
    return got;
}

static int receive_all(int socket, char *at, size_t bytes, bx_error **err)
{
    while (bytes > 0) {
        ssize_t got = recv(socket, at, bytes, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bx_error_set_errno(err, errno, "a message");
        if (got == 0)
            return bx_error_set(err, BX_ERR_INVALID, "a message that is cut");
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

/* Memory grows with what came, not with what was announced. */
static int receive_body(int socket, size_t bytes, bx_buf *ret_body,
                        bx_error **err)
{
    char block[BLOCK_BYTES];

    while (bytes > 0) {
        size_t part = bytes < sizeof(block) ? bytes : sizeof(block);

        if (receive_all(socket, block, part, err) < 0)
            return -1;
        if (bx_buf_append(ret_body, block, part, SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
        bytes -= part;
    }
    return 0;
}

int bx_link_receive(int socket, size_t max_bytes, bx_link_type *ret_type,
                    bx_buf *ret_body, int *ret_fd, bx_error **err)
{
    link_head head;
    bx_autofd int fd = -1;
    ssize_t got = receive_first(socket, &head, &fd);

    ret_body->len = 0;
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return 0;
    if (got < 0)
        return bx_error_set_errno(err, errno, "a message");
    if (receive_all(socket, (char *)&head + got, sizeof(head) - (size_t)got,
                    err) < 0)
        return -1;
    if (head.type == BX_LINK_NONE || head.type >= BX_LINK_TYPES ||
        head.bytes > max_bytes)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a message of kind %u and %u bytes; expected at "
                            "most %zu",
                            head.type, head.bytes, max_bytes);
    if (receive_body(socket, head.bytes, ret_body, err) < 0)
        return -1;
    *ret_type = (bx_link_type)head.type;
    *ret_fd = bx_take_fd(&fd);
    return 1;
}
