#include "mcp/outbox.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/json_text.h"
#include "base/run.h"

typedef struct bx_out_line {
    struct bx_out_line *next;
    char *text; /* with its "\n" */
    size_t bytes;
} bx_out_line;

struct bx_outbox {
    int fd; /* borrowed */
    int wake_fd;
    void (*on_gone)(void *context);
    void *context;
    pthread_t thread;
    atomic_bool is_gone;
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t has_room;
    bx_out_line *first;
    bx_out_line *last;
    size_t bytes;
    bool is_unbounded;
    bool is_closing;
    int64_t close_by_ns; /* CLOCK_MONOTONIC */
};

static void wake(const bx_outbox *outbox)
{
    const uint64_t one = 1;
    ssize_t written;

    do {
        written = write(outbox->wake_fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
}

/* ---- the thread ------------------------------------------------------ */

static void free_line(bx_out_line *line)
{
    if (line != NULL)
        free(line->text);
    free(line);
}

static bx_out_line *take_line(bx_outbox *outbox, bool *ret_is_done)
{
    bx_out_line *line;

    pthread_mutex_lock(&outbox->mutex);
    line = outbox->first;
    *ret_is_done = outbox->is_closing && line == NULL;
    if (line != NULL) {
        outbox->first = line->next;
        if (outbox->first == NULL)
            outbox->last = NULL;
    }
    pthread_mutex_unlock(&outbox->mutex);
    return line;
}

/* -1 to wait for ever, 0 when closing and the time is up. */
static int time_left_ms(bx_outbox *outbox)
{
    int64_t left_ns;
    bool is_closing;

    pthread_mutex_lock(&outbox->mutex);
    is_closing = outbox->is_closing;
    left_ns = outbox->close_by_ns - bx_now_ns();
    pthread_mutex_unlock(&outbox->mutex);
    if (!is_closing)
        return -1;
    return left_ns <= 0 ? 0 : (int)(left_ns / 1000000) + 1;
}

static void drain_wake(const bx_outbox *outbox)
{
    uint64_t count;

    if (read(outbox->wake_fd, &count, sizeof(count)) < 0)
        return; /* EAGAIN: somebody else's turn */
}

/* Wait until the client takes bytes (wants_write) or there is news. Returns
 * what poll() says of the client, 0 for news, -1 when the time is up. */
static int wait_for(bx_outbox *outbox, bool wants_write)
{
    struct pollfd fds[2] = {
        { .fd = outbox->fd, .events = wants_write ? POLLOUT : 0 },
        { .fd = outbox->wake_fd, .events = POLLIN },
    };
    int left_ms = time_left_ms(outbox);

    if (left_ms == 0 || (poll(fds, 2, left_ms) < 0 && errno != EINTR))
        return -1;
    if ((fds[1].revents & POLLIN) != 0)
        drain_wake(outbox);
    return fds[0].revents;
}

/* A pipe that is writable takes PIPE_BUF bytes without waiting (POSIX, write);
 * the descriptor may be shared, so it is not made non-blocking. */
static ssize_t write_some(int fd, const char *text, size_t bytes)
{
    ssize_t sent = send(fd, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent >= 0 || errno != ENOTSOCK)
        return sent;
    return write(fd, text, bytes < PIPE_BUF ? bytes : PIPE_BUF);
}

/* -1: nobody reads, or the time is up. */
static int write_line(bx_outbox *outbox, const bx_out_line *line)
{
    size_t done = 0;

    while (done < line->bytes) {
        int ready = wait_for(outbox, true);
        ssize_t some;

        if (ready < 0)
            return -1;
        if ((ready & (POLLERR | POLLNVAL)) != 0)
            return -1;
        if ((ready & (POLLOUT | POLLHUP)) == 0)
            continue;
        some = write_some(outbox->fd, line->text + done, line->bytes - done);
        if (some < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        if (some > 0)
            done += (size_t)some;
    }
    return 0;
}

static void make_room(bx_outbox *outbox, size_t bytes)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->bytes -= bytes;
    pthread_cond_broadcast(&outbox->has_room);
    pthread_mutex_unlock(&outbox->mutex);
}

static void give_up(bx_outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    atomic_store(&outbox->is_gone, true);
    pthread_cond_broadcast(&outbox->has_room);
    pthread_mutex_unlock(&outbox->mutex);
    outbox->on_gone(outbox->context);
}

static void *write_all(void *context)
{
    bx_outbox *outbox = context;

    for (;;) {
        bool is_done;
        bx_out_line *line = take_line(outbox, &is_done);
        int ready = 0;

        if (is_done)
            return NULL;
        if (line == NULL)
            ready = wait_for(outbox, false);
        if ((line != NULL && write_line(outbox, line) < 0) || ready < 0 ||
            (ready & (POLLERR | POLLNVAL)) != 0) {
            free_line(line);
            give_up(outbox);
            return NULL;
        }
        if (line != NULL)
            make_room(outbox, line->bytes);
        free_line(line);
    }
}

/* ---- those who send -------------------------------------------------- */

static bx_out_line *make_line(json_t *message)
{
    bx_out_line *line = calloc(1, sizeof(*line));
    char *text = message == NULL || line == NULL
                     ? NULL
                     : bx_json_text(message, JSON_COMPACT);

    json_decref(message);
    if (text == NULL) {
        free(line);
        return NULL;
    }
    line->text = text;
    line->bytes = strlen(text) + 1;
    text[line->bytes - 1] = '\n'; /* where the NUL was: bytes says how long */
    return line;
}

/* Under the mutex. */
static void append(bx_outbox *outbox, bx_out_line *line)
{
    if (outbox->last == NULL)
        outbox->first = line;
    else
        outbox->last->next = line;
    outbox->last = line;
    outbox->bytes += line->bytes;
}

/* Under the mutex. */
static bool is_full(const bx_outbox *outbox)
{
    return outbox->bytes >= BX_OUTBOX_MAX_BYTES && !outbox->is_unbounded &&
           !atomic_load(&outbox->is_gone);
}

void bx_outbox_put(bx_outbox *outbox, json_t *message, bool may_wait)
{
    bx_out_line *line = make_line(message);

    if (line == NULL)
        return;
    pthread_mutex_lock(&outbox->mutex);
    while (may_wait && is_full(outbox))
        pthread_cond_wait(&outbox->has_room, &outbox->mutex);
    if (atomic_load(&outbox->is_gone))
        free_line(line);
    else
        append(outbox, line);
    pthread_mutex_unlock(&outbox->mutex);
    wake(outbox);
}

bool bx_outbox_offer(bx_outbox *outbox, json_t *message)
{
    bx_out_line *line = make_line(message);
    bool is_taken;

    if (line == NULL)
        return false;
    pthread_mutex_lock(&outbox->mutex);
    is_taken = outbox->bytes + line->bytes <= BX_OUTBOX_SPARE_BYTES &&
               !atomic_load(&outbox->is_gone);
    if (is_taken)
        append(outbox, line);
    else
        free_line(line);
    pthread_mutex_unlock(&outbox->mutex);
    if (is_taken)
        wake(outbox);
    return is_taken;
}

bool bx_outbox_has_room(bx_outbox *outbox)
{
    bool has_room;

    pthread_mutex_lock(&outbox->mutex);
    has_room = outbox->bytes < BX_OUTBOX_SPARE_BYTES / 2;
    pthread_mutex_unlock(&outbox->mutex);
    return has_room;
}

bool bx_outbox_is_full(bx_outbox *outbox)
{
    bool answer;

    pthread_mutex_lock(&outbox->mutex);
    answer = is_full(outbox);
    pthread_mutex_unlock(&outbox->mutex);
    return answer;
}

void bx_outbox_stop_waiting(bx_outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->is_unbounded = true;
    pthread_cond_broadcast(&outbox->has_room);
    pthread_mutex_unlock(&outbox->mutex);
}

bool bx_outbox_is_gone(bx_outbox *outbox)
{
    return atomic_load(&outbox->is_gone);
}

/* ---- life ------------------------------------------------------------ */

bx_outbox *bx_outbox_new(int fd, void (*on_gone)(void *context), void *context,
                         bx_error **err)
{
    bx_outbox *outbox = calloc(1, sizeof(*outbox));
    int failed;

    if (outbox == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    outbox->fd = fd;
    outbox->on_gone = on_gone;
    outbox->context = context;
    outbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (outbox->wake_fd < 0) {
        bx_error_set_errno(err, errno, "eventfd");
        free(outbox);
        return NULL;
    }
    pthread_mutex_init(&outbox->mutex, NULL);
    pthread_cond_init(&outbox->has_room, NULL);
    failed = pthread_create(&outbox->thread, NULL, write_all, outbox);
    if (failed == 0)
        return outbox;
    bx_error_set_errno(err, failed, "a thread");
    close(outbox->wake_fd);
    free(outbox);
    return NULL;
}

void bx_outbox_free(bx_outbox *outbox, uint32_t grace_ms)
{
    if (outbox == NULL)
        return;
    pthread_mutex_lock(&outbox->mutex);
    outbox->is_closing = true;
    outbox->close_by_ns = bx_now_ns() + (int64_t)grace_ms * 1000000;
    pthread_mutex_unlock(&outbox->mutex);
    wake(outbox);
    pthread_join(outbox->thread, NULL);
    while (outbox->first != NULL) {
        bx_out_line *line = outbox->first;

        outbox->first = line->next;
        free_line(line);
    }
    pthread_cond_destroy(&outbox->has_room);
    pthread_mutex_destroy(&outbox->mutex);
    close(outbox->wake_fd);
    free(outbox);
}
