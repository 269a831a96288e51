/* One thread a server moves all bytes, so that a server that does not read, or
 * does not stop to write, holds up nobody but itself. */
#include "mcp/client_stdio.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/json_text.h"
#include "mcp/client_box.h"
#include "mcp/line.h"
#include "mcp/rpc.h"
#include "worker/wait.h"

#define READ_BYTES 65536
#define LOG_LINE_MAX_BYTES 4096
#define LOG_LINES_MAX 2000 /* of one process; what follows is not kept */
#define LAST_WORDS_BYTES 600
#define GRACE_MS 500 /* to end by itself once its stdin is closed */
#define ENDING_MS 200

typedef struct bx_stdio {
    bx_transport transport; /* first */
    const bx_remote_server *server;
    bx_transport_sink sink;
    bx_native native;
    pthread_t thread;
    bool has_thread;
    int wake; /* eventfd: there is something to write, or it is over */
    bx_line_reader lines;
    bx_line_reader log_lines;
    uint64_t junk;
    uint64_t logged;
    char last_words[LAST_WORDS_BYTES]; /* of stderr, for when it ends */
    pthread_mutex_t mutex;             /* over what follows */
    pthread_cond_t changed;
    bx_buf queue; /* to be written */
    size_t written;
    bool is_stopping;
    bool is_lost;
    char *why;
} bx_stdio;

/* ---- what comes ------------------------------------------------------ */

BX_PRINTF(2, 3)
static int lose(bx_stdio *stdio, const char *format, ...)
{
    va_list args;
    char *why = NULL;

    va_start(args, format);
    if (vasprintf(&why, format, args) < 0)
        why = NULL;
    va_end(args);
    pthread_mutex_lock(&stdio->mutex);
    if (stdio->why == NULL)
        stdio->why = why;
    else
        free(why);
    pthread_mutex_unlock(&stdio->mutex);
    return -1;
}

/* Of a stranger: printable, cut, without the keys we gave it. */
static void tell(bx_stdio *stdio, const char *what, const char *line,
                 size_t bytes)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autofree char *copy = strndup(line, bytes);

    if (copy == NULL || stdio->logged > LOG_LINES_MAX)
        return;
    bx_remote_server_mask(stdio->server, copy);
    if (stdio->logged++ == LOG_LINES_MAX) {
        stdio->sink.log(stdio->sink.context,
                        "it prints too much: the rest is not kept");
        return;
    }
    if (bx_buf_puts(&text, what) < 0 ||
        bx_buf_put_escaped(&text, copy, strlen(copy), LOG_LINE_MAX_BYTES) < 0)
        return;
    stdio->sink.log(stdio->sink.context, text.data);
}

static int take_line(bx_stdio *stdio, const char *line, size_t bytes)
{
    json_t *error = NULL;
    json_t *message;

    if (strspn(line, " \t\r") >= bytes)
        return 0;
    message = bx_rpc_parse(line, bytes, &error);
    if (json_is_object(message) || json_is_array(message)) {
        stdio->sink.receive(stdio->sink.context, message);
        return 0;
    }
    json_decref(message);
    json_decref(error);
    /* Many servers greet people on stdout. */
    if (++stdio->junk > BX_STDIO_JUNK_MAX)
        return lose(stdio,
                    "it prints what is no MCP: more than %d lines that are no "
                    "JSON messages",
                    BX_STDIO_JUNK_MAX);
    tell(stdio, "on stdout, no message: ", line,
         bytes < LOG_LINE_MAX_BYTES ? bytes : LOG_LINE_MAX_BYTES);
    return 0;
}

static int take_lines(bx_stdio *stdio)
{
    const char *line;
    size_t bytes;
    bx_line_status status;

    while ((status = bx_line_next(&stdio->lines, &line, &bytes)) !=
           BX_LINE_NONE) {
        if (status == BX_LINE_TOO_LONG)
            return lose(stdio, "it sent a message of more than %u bytes",
                        BX_STDIO_MESSAGE_MAX_BYTES);
        if (take_line(stdio, line, bytes) < 0)
            return -1;
    }
    return 0;
}

static int read_out(bx_stdio *stdio, char *data)
{
    ssize_t bytes = read(stdio->native.out, data, READ_BYTES);

    if (bytes < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : lose(stdio, "reading: %s", strerror(errno));
    if (bytes == 0)
        return lose(stdio, "it closed its stdout");
    if (bx_line_feed(&stdio->lines, data, (size_t)bytes) < 0)
        return lose(stdio, "out of memory");
    return take_lines(stdio);
}

/* It may be what says why a process ended. */
static void keep_last_words(bx_stdio *stdio, const char *line, size_t bytes)
{
    bx_autofree char *copy = strndup(line, bytes);
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (copy == NULL || bytes == 0)
        return;
    bx_remote_server_mask(stdio->server, copy);
    if (bx_buf_put_escaped(&text, copy, strlen(copy), LAST_WORDS_BYTES / 4) < 0)
        return;
    pthread_mutex_lock(&stdio->mutex);
    snprintf(stdio->last_words, sizeof(stdio->last_words), "%s", text.data);
    pthread_mutex_unlock(&stdio->mutex);
}

static bool read_err(bx_stdio *stdio, char *data)
{
    ssize_t bytes = read(stdio->native.err, data, READ_BYTES);
    const char *line;
    size_t line_bytes;
    bx_line_status status;

    if (bytes < 0)
        return errno == EAGAIN || errno == EINTR;
    if (bytes == 0 || bx_line_feed(&stdio->log_lines, data, (size_t)bytes) < 0)
        return false;
    while ((status = bx_line_next(&stdio->log_lines, &line, &line_bytes)) !=
           BX_LINE_NONE) {
        if (status != BX_LINE_READY)
            continue;
        tell(stdio, "", line, line_bytes);
        keep_last_words(stdio, line, line_bytes);
    }
    return true;
}

/* ---- what goes ------------------------------------------------------- */

static int write_some(bx_stdio *stdio)
{
    int result = 0;
    ssize_t bytes = 0;

    pthread_mutex_lock(&stdio->mutex);
    if (stdio->queue.len > stdio->written)
        bytes = write(stdio->native.in, stdio->queue.data + stdio->written,
                      stdio->queue.len - stdio->written);
    if (bytes > 0)
        stdio->written += (size_t)bytes;
    else if (bytes < 0 && errno != EAGAIN && errno != EINTR)
        result = errno;
    if (stdio->written == stdio->queue.len) {
        bx_buf_clear(&stdio->queue);
        stdio->written = 0;
    }
    pthread_cond_broadcast(&stdio->changed);
    pthread_mutex_unlock(&stdio->mutex);
    if (result == EPIPE)
        return lose(stdio, "it closed its stdin");
    return result == 0 ? 0 : lose(stdio, "writing: %s", strerror(result));
}

static int move_bytes(bx_stdio *stdio, char *data)
{
    struct pollfd fds[4] = {
        { .fd = stdio->wake, .events = POLLIN },
        { .fd = stdio->native.out, .events = POLLIN },
        { .fd = stdio->native.err, .events = POLLIN },
        { .fd = stdio->native.in },
    };
    uint64_t count;
    bool is_stopping;

    pthread_mutex_lock(&stdio->mutex);
    if (stdio->queue.len > stdio->written)
        fds[3].events = POLLOUT;
    is_stopping = stdio->is_stopping;
    pthread_mutex_unlock(&stdio->mutex);
    if (is_stopping)
        return -1;
    if (fds[3].events == 0)
        fds[3].fd = -1;
    if (poll(fds, 4, -1) < 0)
        return errno == EINTR ? 0 : lose(stdio, "poll: %s", strerror(errno));
    if (fds[0].revents != 0)
        (void)!read(stdio->wake, &count, sizeof(count));
    if (fds[2].revents != 0 && !read_err(stdio, data)) {
        close(stdio->native.err);
        stdio->native.err = -1;
    }
    if (fds[1].revents != 0 && read_out(stdio, data) < 0)
        return -1;
    return fds[3].revents != 0 ? write_some(stdio) : 0;
}

/* ---- the end --------------------------------------------------------- */

static void describe_end(bx_stdio *stdio, bx_buf *text)
{
    bx_autofree char *ending = bx_native_ending(&stdio->native, ENDING_MS);

    if (ending != NULL)
        (void)bx_buf_printf(text, "it %s", ending);
    else
        (void)bx_buf_puts(text, stdio->why == NULL ? "it is gone" : stdio->why);
    if (stdio->last_words[0] != '\0')
        (void)bx_buf_printf(text, "; its last words: %s", stdio->last_words);
}

static void *run(void *context)
{
    bx_stdio *stdio = context;
    bx_autofree char *data = malloc(READ_BYTES);
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bool is_stopping;

    while (data != NULL && move_bytes(stdio, data) == 0)
        ;
    /* Its last words may be on their way. */
    while (data != NULL && stdio->native.err >= 0) {
        struct pollfd last = { .fd = stdio->native.err, .events = POLLIN };

        if (poll(&last, 1, 0) <= 0 || !read_err(stdio, data))
            break;
    }
    pthread_mutex_lock(&stdio->mutex);
    is_stopping = stdio->is_stopping;
    pthread_mutex_unlock(&stdio->mutex);
    if (!is_stopping)
        describe_end(stdio, &text);
    pthread_mutex_lock(&stdio->mutex);
    stdio->is_lost = true;
    if (text.data != NULL) {
        free(stdio->why);
        stdio->why = strdup(text.data);
    }
    pthread_cond_broadcast(&stdio->changed);
    pthread_mutex_unlock(&stdio->mutex);
    if (!is_stopping)
        stdio->sink.lose(stdio->sink.context,
                         text.data == NULL ? "it is gone" : text.data);
    return NULL;
}

/* ---- the transport --------------------------------------------------- */

static void wake(const bx_stdio *stdio)
{
    const uint64_t one = 1;

    (void)!write(stdio->wake, &one, sizeof(one));
}

static int put(bx_stdio *stdio, const char *text, const bx_wait *wait,
               bx_error **err)
{
    size_t bytes = strlen(text);

    while (!stdio->is_lost && stdio->queue.len - stdio->written + bytes + 1 >
                                  BX_STDIO_QUEUE_MAX_BYTES) {
        if (bx_wait_change(wait, &stdio->changed, &stdio->mutex, err) < 0)
            return bx_error_wrap(err, "the server reads nothing");
    }
    if (stdio->is_lost)
        return bx_error_set(err, BX_ERR_SYSTEM, "the server is gone: %s",
                            stdio->why == NULL ? "" : stdio->why);
    if (stdio->written > READ_BYTES) { /* what it has read makes room */
        memmove(stdio->queue.data, stdio->queue.data + stdio->written,
                stdio->queue.len - stdio->written + 1);
        stdio->queue.len -= stdio->written;
        stdio->written = 0;
    }
    if (bx_buf_reserve(&stdio->queue, bytes + 1, SIZE_MAX) < 0 ||
        bx_buf_append(&stdio->queue, text, bytes, SIZE_MAX) < 0 ||
        bx_buf_append(&stdio->queue, "\n", 1, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int stdio_send(bx_transport *transport, const json_t *message,
                      int64_t deadline_ns, bx_cancel *cancel, bx_error **err)
{
    bx_stdio *stdio = (bx_stdio *)transport;
    bx_autofree char *text = bx_json_text(message, JSON_COMPACT);
    const bx_wait wait = { deadline_ns, cancel };
    int result;

    if (text == NULL)
        return bx_error_set_nomem(err);
    if (strlen(text) >= BX_STDIO_QUEUE_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "a message of more than %u bytes",
                            BX_STDIO_QUEUE_MAX_BYTES);
    pthread_mutex_lock(&stdio->mutex);
    result = put(stdio, text, &wait, err);
    pthread_mutex_unlock(&stdio->mutex);
    if (result == 0)
        wake(stdio);
    return result;
}

static int stdio_set_revision(bx_transport *transport, const char *revision,
                              bx_error **err)
{
    (void)transport;
    (void)revision;
    (void)err;
    return 0;
}

static void stdio_free(bx_transport *transport)
{
    bx_stdio *stdio = (bx_stdio *)transport;
    bool is_lost;

    pthread_mutex_lock(&stdio->mutex);
    is_lost = stdio->is_lost;
    stdio->is_stopping = true;
    pthread_mutex_unlock(&stdio->mutex);
    if (stdio->has_thread) {
        wake(stdio);
        pthread_join(stdio->thread, NULL);
    }
    /* The end of its stdin tells a server to end; it may have something to
     * save. */
    if (stdio->native.in >= 0)
        close(stdio->native.in);
    stdio->native.in = -1;
    if (!is_lost && stdio->native.control >= 0)
        free(bx_native_ending(&stdio->native, GRACE_MS));
    if (stdio->native.pidfd >= 0)
        bx_native_end(&stdio->native);
    if (stdio->wake >= 0)
        close(stdio->wake);
    bx_line_clear(&stdio->lines);
    bx_line_clear(&stdio->log_lines);
    bx_buf_clear(&stdio->queue);
    free(stdio->why);
    pthread_cond_destroy(&stdio->changed);
    pthread_mutex_destroy(&stdio->mutex);
    free(stdio);
}

static const bx_transport_kind kind = { .name = "stdio",
                                        .send = stdio_send,
                                        .set_revision = stdio_set_revision,
                                        .free = stdio_free };

static void init(bx_stdio *stdio, const bx_remote_server *server,
                 const bx_transport_sink *sink)
{
    pthread_condattr_t attributes;

    stdio->transport.kind = &kind;
    stdio->server = server;
    stdio->sink = *sink;
    stdio->wake = -1;
    stdio->native = (bx_native){
        .pidfd = -1, .control = -1, .in = -1, .out = -1, .err = -1
    };
    stdio->lines.max_bytes = BX_STDIO_MESSAGE_MAX_BYTES;
    stdio->log_lines.max_bytes = LOG_LINE_MAX_BYTES;
    pthread_mutex_init(&stdio->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&stdio->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Signals are for the threads of whoever embeds us. */
static int start_thread(bx_stdio *stdio, bx_error **err)
{
    sigset_t all;
    sigset_t before;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&stdio->thread, NULL, run, stdio);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0)
        return bx_error_set_errno(err, number, "a thread");
    stdio->has_thread = true;
    return 0;
}

bx_transport *bx_transport_stdio_new(const bx_remote_server *server,
                                     const char *guard,
                                     const bx_transport_sink *sink,
                                     bx_error **err)
{
    bx_autoserverbox bx_server_box box = { 0 };
    bx_stdio *stdio = calloc(1, sizeof(*stdio));

    if (stdio == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    init(stdio, server, sink);
    stdio->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stdio->wake < 0) {
        bx_error_set_errno(err, errno, "eventfd");
    } else if (bx_server_box_make(server, &box, err) == 0) {
        box.plan.guard = guard;
        if (bx_native_start(&box.plan, &stdio->native, err) == 0 &&
            start_thread(stdio, err) == 0)
            return &stdio->transport;
    }
    stdio_free(&stdio->transport);
    return NULL;
}

void bx_transport_stdio_layers(const bx_transport *transport,
                               bool ret_layers[BX_LOCKDOWN_LAYERS])
{
    const bx_stdio *stdio = (const bx_stdio *)transport;

    memcpy(ret_layers, stdio->native.layers, sizeof(stdio->native.layers));
}
