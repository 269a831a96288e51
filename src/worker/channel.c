#include "worker/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/file.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define MESSAGE_BYTES (sizeof(bx_frame_head) + BX_FRAME_INLINE_BYTES)

int bx_channel_fail(int number, const char *what, bx_error **err)
{
    struct rlimit limit = { 0 };

    bx_error_set_errno(err, number, "%s", what);
    if (number == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        bx_error_wrap(err,
                      "this process has as many descriptors open as it may "
                      "(%llu; raise it by `ulimit -n`)",
                      (unsigned long long)limit.rlim_cur);
    return -1;
}

int bx_channel_open(bx_channel *channel, int fd, bx_error **err)
{
    *channel = (bx_channel){ .fd = fd, .room = malloc(MESSAGE_BYTES) };
    if (channel->room != NULL)
        return 0;
    bx_channel_close(channel);
    return bx_error_set_nomem(err);
}

void bx_channel_close(bx_channel *channel)
{
    if (channel->fd >= 0)
        close(channel->fd);
    free(channel->room);
    free(channel->spare);
    *channel = (bx_channel){ .fd = -1 };
}

int bx_channel_keep(bx_channel *channel, bx_error **err)
{
    char *kept = channel->room;

    if (channel->spare == NULL)
        channel->spare = malloc(MESSAGE_BYTES);
    if (channel->spare == NULL)
        return bx_error_set_nomem(err);
    channel->room = channel->spare;
    channel->spare = kept;
    return 0;
}

int bx_channel_pair(int ret_fds[2], bx_error **err)
{
    const struct timeval most = { .tv_sec = BX_CHANNEL_SEND_MS / 1000 };

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
        return bx_channel_fail(errno, "a pair of sockets", err);
    if (setsockopt(ret_fds[0], SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) ==
        0)
        return 0;
    bx_error_set_errno(err, errno, "a pair of sockets");
    close(ret_fds[0]);
    close(ret_fds[1]);
    return -1;
}

/* ---- memory files ---------------------------------------------------- */

int bx_channel_memory(const void *data, size_t bytes, bx_error **err)
{
    bx_autofd int fd =
        memfd_create("boxagnts", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || bx_file_write_all(fd, data, bytes) < 0 ||
        fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
        return bx_channel_fail(errno, "a memory file for a long message", err);
    return bx_take_fd(&fd);
}

int bx_channel_memory_check(int fd, size_t max_bytes, size_t *ret_bytes,
                            bx_error **err)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    /* EINVAL: no memory file at all */
    if ((seals < 0 && errno != EINVAL) || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "a memory file");
    if (seals < 0 || (seals & SEALS) != SEALS)
        return bx_error_set(err, BX_ERR_INVALID, "not a sealed memory file");
    if (st.st_size < 0 || (uint64_t)st.st_size > max_bytes)
        return bx_error_set(
            err, BX_ERR_INVALID,
            "a memory file of %lld bytes; at most %zu are accepted",
            (long long)st.st_size, max_bytes);
    *ret_bytes = (size_t)st.st_size;
    return 0;
}

char *bx_channel_memory_read(int fd, size_t max_bytes, size_t *ret_bytes,
                             bx_error **err)
{
    bx_autofree char *data = NULL;
    size_t bytes = 0;
    size_t done = 0;

    if (bx_channel_memory_check(fd, max_bytes, &bytes, err) < 0)
        return NULL;
    data = malloc(bytes + 1);
    if (data == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    while (done < bytes) {
        ssize_t got = pread(fd, data + done, bytes - done, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            bx_error_set_errno(err, got < 0 ? errno : EIO, "a memory file");
            return NULL;
        }
        done += (size_t)got;
    }
    data[done] = '\0';
    *ret_bytes = done;
    return bx_take(data);
}

/* ---- sending --------------------------------------------------------- */

static void put_fds(struct msghdr *message, char *control, const int *fds,
                    size_t count)
{
    struct cmsghdr *part;

    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(sizeof(int) * count);
    part = CMSG_FIRSTHDR(message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(part), fds, sizeof(int) * count);
}

static int send_message(int socket, const bx_frame_head *head, const void *body,
                        size_t body_bytes, const int *fds, size_t fds_count,
                        bool may_wait)
{
    _Alignas(struct cmsghdr) char
        control[CMSG_SPACE(sizeof(int) * (BX_CHANNEL_FDS + 1))] = { 0 };
    struct iovec parts[2] = { { (void *)head, sizeof(*head) },
                              { (void *)body, body_bytes } };
    struct msghdr message = { .msg_iov = parts,
                              .msg_iovlen = body_bytes > 0 ? 2 : 1 };
    ssize_t sent;

    if (fds_count > 0)
        put_fds(&message, control, fds, fds_count);
    do
        sent = sendmsg(socket, &message,
                       MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

int bx_channel_send(const bx_channel *channel, bx_frame_type type,
                    const bx_buf *body, const int *fds, size_t fds_count,
                    bool may_wait, bx_error **err)
{
    bx_frame_head head = { .magic = BX_FRAME_MAGIC, .type = (uint16_t)type };
    int all[BX_CHANNEL_FDS + 1];
    bx_autofd int spilled = -1;
    size_t bytes = body == NULL ? 0 : body->len;
    const char *data = body == NULL ? NULL : body->data;

    head.body_bytes = bytes;
    if (fds_count > 0)
        memcpy(all, fds, sizeof(int) * fds_count);
    if (bytes > BX_FRAME_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%zu bytes for another process; at most %u are "
                            "sent",
                            bytes, BX_FRAME_MAX_BYTES);
    if (bytes > BX_FRAME_INLINE_BYTES) {
        spilled = bx_channel_memory(data, bytes, err);
        if (spilled < 0)
            return -1;
        head.flags = BX_FRAME_SPILLED;
        all[fds_count++] = spilled;
        bytes = 0;
    }
    if (send_message(channel->fd, &head, data, bytes, all, fds_count,
                     may_wait) < 0)
        return bx_error_set_errno(err, errno, "a message to another process");
    return 0;
}

/* ---- receiving ------------------------------------------------------- */

/* Returns how many came, those included for which there is no place. */
static size_t take_fds(struct msghdr *message, bx_frame *frame)
{
    size_t came = 0;

    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        int fd;

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
            came++;
            if (frame->fds_count < BX_CHANNEL_FDS)
                frame->fds[frame->fds_count++] = fd;
            else
                close(fd);
        }
    }
    return came;
}

void bx_frame_clear(bx_frame *frame)
{
    for (size_t i = 0; i < frame->fds_count; i++) {
        if (frame->fds[i] >= 0)
            close(frame->fds[i]);
    }
    free(frame->spilled);
    memset(frame, 0, sizeof(*frame));
}

int bx_frame_own(bx_frame *frame, bx_error **err)
{
    if (frame->spilled != NULL)
        return 0;
    frame->spilled = malloc(frame->bytes + 1);
    if (frame->spilled == NULL)
        return bx_error_set_nomem(err);
    if (frame->bytes > 0)
        memcpy(frame->spilled, frame->data, frame->bytes);
    frame->data = frame->spilled;
    return 0;
}

int bx_frame_take_fd(bx_frame *frame, size_t index)
{
    return index < frame->fds_count ? bx_take_fd(&frame->fds[index]) : -1;
}

static int read_spilled(bx_frame *frame, const bx_frame_head *head,
                        size_t max_bytes, bx_error **err)
{
    bx_autofd int fd = -1;

    if (frame->fds_count == 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a frame whose body is missing");
    fd = frame->fds[--frame->fds_count];
    frame->spilled = bx_channel_memory_read(fd, max_bytes, &frame->bytes, err);
    if (frame->spilled == NULL)
        return -1;
    if (frame->bytes != head->body_bytes)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a frame whose body has another length");
    frame->data = frame->spilled;
    return 0;
}

static int sort_out(const bx_channel *channel, const struct msghdr *message,
                    size_t bytes, size_t max_bytes, size_t max_fds,
                    bx_frame *frame, bx_error **err)
{
    bx_frame_head head;

    if ((message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
        !bx_frame_check(channel->room, bytes, &head))
        return bx_error_set(err, BX_ERR_INVALID, "%zu bytes that are no frame",
                            bytes);
    frame->type = (bx_frame_type)head.type;
    frame->data = channel->room + sizeof(head);
    frame->bytes = head.body_bytes;
    if (head.body_bytes > max_bytes)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a frame of %llu bytes; at most %zu are accepted",
                            (unsigned long long)head.body_bytes, max_bytes);
    if ((head.flags & BX_FRAME_SPILLED) != 0 &&
        read_spilled(frame, &head, max_bytes, err) < 0)
        return -1;
    if (frame->fds_count > max_fds)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a frame with %zu descriptors; at most %zu are "
                            "accepted",
                            frame->fds_count, max_fds);
    return 0;
}

/* The type of a frame whose body is in a descriptor; else none. */
static bx_frame_type long_type(const bx_channel *channel, size_t bytes)
{
    bx_frame_head head;

    return bx_frame_check(channel->room, bytes, &head) &&
                   (head.flags & BX_FRAME_SPILLED) != 0
               ? (bx_frame_type)head.type
               : BX_FRAME_NONE;
}

int bx_channel_receive(bx_channel *channel, size_t max_bytes, size_t max_fds,
                       int flags, bx_frame *ret_frame, bx_error **err)
{
    _Alignas(struct cmsghdr) char
        control[CMSG_SPACE(sizeof(int) * (BX_CHANNEL_FDS + 1))];
    struct iovec part = { channel->room, MESSAGE_BYTES };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };
    bx_frame frame = { .fds_count = 0 };
    size_t came;
    ssize_t got;

    do
        got = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC | flags);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        if (got == 0)
            errno = EPIPE;
        if (errno == EAGAIN || errno == EPIPE || errno == ECONNRESET)
            return 0;
        return bx_error_set_errno(err, errno, "a message of another process");
    }
    came = take_fds(&message, &frame);
    /* Cut, though there was place for more: this process had none left. */
    if ((message.msg_flags & MSG_CTRUNC) != 0 && came <= BX_CHANNEL_FDS) {
        bx_frame_clear(&frame);
        *ret_frame = frame;
        ret_frame->type = long_type(channel, (size_t)got);
        return bx_channel_fail(EMFILE, "a message of another process", err);
    }
    if (sort_out(channel, &message, (size_t)got, max_bytes, max_fds, &frame,
                 err) < 0) {
        bx_frame_clear(&frame);
        return -1;
    }
    *ret_frame = frame;
    return 1;
}

/* ---- question and answer --------------------------------------------- */

static int fail(bx_error *why, bx_error **err)
{
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

int bx_channel_ask(bx_channel *channel, bx_frame_type type, const bx_buf *body,
                   const int *fds, size_t fds_count, const bx_wait *wait,
                   int64_t limit_ns, size_t max_fds, bx_frame *ret_frame,
                   bx_error **err)
{
    if (channel->is_stale)
        return bx_error_set_errno(err, EPIPE, "another process");
    if (bx_channel_send(channel, type, body, fds, fds_count, true, err) < 0)
        return -1;
    channel->is_stale = true;
    return bx_channel_take_answer(channel, wait, limit_ns, max_fds, ret_frame,
                                  err);
}

int bx_channel_take_answer(bx_channel *channel, const bx_wait *wait,
                           int64_t limit_ns, size_t max_fds,
                           bx_frame *ret_frame, bx_error **err)
{
    bx_error *why = NULL;
    bx_frame frame = { .type = BX_FRAME_NONE };
    int got;

    if (bx_wait_poll(wait, channel->fd, POLLIN, limit_ns, err) < 0)
        return -1;
    got = bx_channel_receive(channel, BX_FRAME_MAX_BYTES, max_fds, 0, &frame,
                             &why);
    if (got == 0)
        return bx_error_set_errno(err, EPIPE, "an answer of another process");
    if (got < 0) {
        /* It came, but for what went with it. */
        channel->is_stale = bx_error_errno(why) != EMFILE;
        return fail(why, err);
    }
    channel->is_stale = false;
    if (frame.type == BX_FRAME_OK) {
        *ret_frame = frame;
        return 0;
    }
    if (frame.type == BX_FRAME_ERROR) {
        bx_wire_in in = bx_frame_body(&frame);

        if (!bx_frame_get_error(&in, err))
            (void)bx_wire_fail(&in, BX_ERR_SYSTEM, "a malformed error", err);
    } else {
        bx_error_set(err, BX_ERR_INVALID, "an answer that is none (%d)",
                     (int)frame.type);
    }
    bx_frame_clear(&frame);
    return -1;
}

bool bx_channel_is_gone(const bx_error *error)
{
    int number = bx_error_errno(error);

    return number == EPIPE || number == ECONNRESET || number == ETIME ||
           number == EAGAIN;
}

bool bx_channel_is_over(const bx_channel *channel, const bx_error *error)
{
    return channel->is_stale || bx_channel_is_gone(error);
}

int bx_channel_reply(const bx_channel *channel, const bx_buf *body,
                     const int *fds, size_t fds_count, const bx_error *error)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&text, BX_FRAME_MAX_BYTES);

    if (error == NULL)
        return bx_channel_send(channel, BX_FRAME_OK, body, fds, fds_count, true,
                               NULL);
    bx_frame_put_error(&out, error);
    return bx_channel_send(channel, BX_FRAME_ERROR, &text, NULL, 0, true, NULL);
}
