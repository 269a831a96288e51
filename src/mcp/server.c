/* The reader's thread: lines in, requests sorted to where they are answered,
 * and an orderly end. What comes in is hostile; nothing in it ends the server
 * but the end of the stream. */
#include "mcp/server.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mcp/server_state.h"

#define THREADS 8
#define READ_BYTES 65536
#define LOOK_MS 100 /* how often a reader that waits for room looks around */
/* Once the client has closed its end: how long calls may go on while none of
 * them ends, and how long what is answered may take to be read. */
#define PATIENCE_MS 1000
#define FAREWELL_MS 2000

void bx_mcp_log(bx_mcp_server *server, bx_log_level level, const char *format,
                ...)
{
    char text[1024];
    va_list args;

    if (server->config.log == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    server->config.log(server->config.log_context, level, text);
}

void bx_server_send(bx_mcp_server *server, json_t *message)
{
    bx_outbox_put(server->outbox, message,
                  !pthread_equal(pthread_self(), server->reader));
}

/* ---- notifications --------------------------------------------------- */

static void take_notification(bx_mcp_server *server, const bx_rpc *rpc)
{
    const json_t *id = json_object_get(rpc->params, "requestId");

    if (strcmp(rpc->method, "notifications/cancelled") == 0) {
        if (json_is_integer(id) || json_is_string(id))
            bx_flight_cancel(server, id);
    } else if (strcmp(rpc->method, "notifications/initialized") == 0) {
        if (bx_agreement_confirm(&server->agreement))
            bx_mcp_log(server, BX_LOG_INFO, "client '%s', protocol %s",
                       server->agreement.client,
                       bx_revision_name(server->agreement.revision));
    }
}

/* ---- requests -------------------------------------------------------- */

static void answer_error(bx_mcp_server *server, bx_batch *batch,
                         const json_t *id, json_t *error)
{
    bx_batch_answer(server, batch, bx_rpc_failure(id, error));
}

static void initialize(bx_mcp_server *server, const bx_rpc *rpc,
                       bx_batch *batch)
{
    bx_terms terms;
    json_t *error =
        batch != NULL
            ? bx_rpc_error(BX_RPC_INVALID_REQUEST,
                           "'initialize' cannot be part of a batch")
            : bx_agreement_open(&server->agreement, rpc->params, &terms);

    if (error != NULL) {
        answer_error(server, batch, rpc->id, error);
        return;
    }
    bx_server_send(
        server,
        bx_rpc_result(
            rpc->id, json_pack("{s:s, s:o, s:o, s:s}", "protocolVersion",
                               bx_revision_name(terms.revision), "capabilities",
                               bx_server_capabilities(server, terms.revision),
                               "serverInfo", bx_server_info(), "instructions",
                               bx_server_instructions())));
}

/* A request past this much waits for others to end: the reader does. */
static void wait_for_bytes(bx_mcp_server *server, size_t bytes)
{
    struct pollfd stop = { .fd = server->stop_fd, .events = POLLIN };
    bool is_over = false;

    while (!is_over) {
        pthread_mutex_lock(&server->mutex);
        is_over = server->flights_count == 0 ||
                  server->bytes + bytes <= BX_MCP_QUEUE_MAX_BYTES;
        pthread_mutex_unlock(&server->mutex);
        if (!is_over)
            is_over =
                poll(&stop, 1, LOOK_MS) > 0 || atomic_load(&server->is_gone);
    }
}

static void queue(bx_mcp_server *server, bx_flight *flight)
{
    struct pollfd stop = { .fd = server->stop_fd, .events = POLLIN };

    if (flight->terms.progress_token != NULL)
        bx_ticker_wake(server);
    while (!bx_pool_put(server->pool, flight, LOOK_MS)) {
        if (!atomic_load(&server->is_gone) && poll(&stop, 1, 0) == 0)
            continue;
        bx_flight_end(flight, NULL,
                      bx_rpc_error(BX_RPC_INTERNAL_ERROR, "the server ends"));
        return;
    }
}

/* Takes rpc when it is taken in. */
static void take_request(bx_mcp_server *server, bx_rpc *rpc, bx_batch *batch,
                         size_t bytes)
{
    const bx_method *method = bx_method_find(rpc->method);
    bx_terms terms;
    bx_flight *flight;
    json_t *error;

    if (strcmp(rpc->method, "initialize") == 0 &&
        json_object_get(json_object_get(rpc->params, "_meta"),
                        BX_META_VERSION) == NULL) {
        initialize(server, rpc, batch);
        return;
    }
    error = bx_agreement_admit(&server->agreement, rpc, &terms);
    if (error == NULL && batch != NULL && terms.is_stateless)
        error =
            bx_rpc_error(BX_RPC_INVALID_REQUEST, "protocol %s has no batches",
                         bx_revision_name(terms.revision));
    if (error == NULL && method == NULL)
        error = bx_rpc_error(BX_RPC_NO_METHOD, "no such method");
    if (error != NULL) {
        answer_error(server, batch, rpc->id, error);
        return;
    }
    if (!method->is_quick)
        wait_for_bytes(server, bytes);
    flight = bx_flight_begin(server, rpc, &terms, method, batch, bytes, &error);
    if (flight == NULL)
        answer_error(server, batch, NULL, error);
    else if (method->is_quick)
        bx_flight_run(server, flight);
    else
        queue(server, flight);
}

/* ---- messages -------------------------------------------------------- */

/* Takes value. Each message of a batch answers once, or says that it will
 * not. */
static void take_message(bx_mcp_server *server, json_t *value, bx_batch *batch,
                         size_t bytes)
{
    bx_autorpc bx_rpc rpc;

    bx_rpc_read(value, &rpc);
    switch (rpc.kind) {
    case BX_RPC_REQUEST:
        take_request(server, &rpc, batch, bytes);
        return;
    case BX_RPC_INVALID:
        bx_mcp_log(server, BX_LOG_WARNING, "a message was refused: %s",
                   bx_rpc_text(rpc.error, "message"));
        answer_error(server, batch, rpc.id, json_incref(rpc.error));
        return;
    case BX_RPC_NOTIFICATION:
        take_notification(server, &rpc);
        break;
    case BX_RPC_RESPONSE: /* nothing is asked of the client */
        bx_mcp_log(server, BX_LOG_WARNING,
                   "a response came to a request that was never made");
        break;
    }
    if (batch != NULL)
        bx_batch_answer(server, batch, NULL);
}

static json_t *check_batch(bx_mcp_server *server, const json_t *array)
{
    if (!bx_agreement_has_batches(&server->agreement))
        return bx_rpc_error(BX_RPC_INVALID_REQUEST,
                            "expected one message a line: only protocol "
                            "2025-03-26 and before have batches, once "
                            "initialized");
    if (json_array_size(array) == 0 ||
        json_array_size(array) > BX_RPC_MAX_BATCH)
        return bx_rpc_error(BX_RPC_INVALID_REQUEST,
                            "a batch has 1 to %d messages", BX_RPC_MAX_BATCH);
    return NULL;
}

/* Takes array. */
static void take_batch(bx_mcp_server *server, json_t *array, size_t bytes)
{
    json_t *error = check_batch(server, array);
    size_t count = json_array_size(array);
    bx_batch *batch = error == NULL ? calloc(1, sizeof(*batch)) : NULL;

    if (error == NULL && batch == NULL)
        error = bx_rpc_error(BX_RPC_INTERNAL_ERROR, "out of memory");
    if (batch == NULL) {
        answer_error(server, NULL, NULL, error);
        json_decref(array);
        return;
    }
    batch->missing = count;
    batch->answers = json_array();
    for (size_t i = 0; i < count; i++)
        take_message(server, json_incref(json_array_get(array, i)), batch,
                     bytes / count);
    json_decref(array);
}

static bool is_blank(const char *line, size_t bytes)
{
    return bytes == 0 || strspn(line, " \t\r\n") >= bytes;
}

static void take_line(bx_mcp_server *server, const char *line, size_t bytes)
{
    json_t *error = NULL;
    json_t *value;

    if (is_blank(line, bytes))
        return;
    value = bx_rpc_parse(line, bytes, &error);
    if (value == NULL) {
        bx_mcp_log(server, BX_LOG_WARNING, "a message was refused: %s",
                   bx_rpc_text(error, "message"));
        answer_error(server, NULL, NULL, error);
    } else if (json_is_array(value)) {
        take_batch(server, value, bytes);
    } else {
        take_message(server, value, NULL, bytes);
    }
}

static void refuse_long_line(bx_mcp_server *server)
{
    bx_mcp_log(server, BX_LOG_WARNING, "a message was longer than %u bytes",
               BX_LINE_MAX_BYTES);
    answer_error(server, NULL, NULL,
                 bx_rpc_error(BX_RPC_INVALID_REQUEST,
                              "the message is longer than %u bytes",
                              BX_LINE_MAX_BYTES));
}

/* ---- the stream ------------------------------------------------------ */

/* A client that does not read its answers is not read either. False: the end
 * came meanwhile. */
static bool wait_for_room(bx_mcp_server *server)
{
    struct pollfd stop = { .fd = server->stop_fd, .events = POLLIN };

    while (bx_outbox_is_full(server->outbox)) {
        if (poll(&stop, 1, LOOK_MS) > 0)
            return false;
    }
    return !atomic_load(&server->is_gone);
}

static bool take_lines(bx_mcp_server *server, bx_line_reader *reader)
{
    for (;;) {
        const char *line;
        size_t bytes;

        if (!wait_for_room(server))
            return false;
        switch (bx_line_next(reader, &line, &bytes)) {
        case BX_LINE_READY:
            take_line(server, line, bytes);
            break;
        case BX_LINE_TOO_LONG:
            refuse_long_line(server);
            break;
        case BX_LINE_NONE:
            return true;
        }
    }
}

/* Bytes read, 0 at the end of the stream, or when the server is to stop. */
static ssize_t read_some(bx_mcp_server *server, char *piece)
{
    struct pollfd fds[2] = { { .fd = server->config.in_fd, .events = POLLIN },
                             { .fd = server->stop_fd, .events = POLLIN } };

    for (;;) {
        ssize_t bytes;

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (fds[1].revents != 0)
            return 0;
        if (fds[0].revents == 0)
            continue;
        bytes = read(server->config.in_fd, piece, READ_BYTES);
        if (bytes >= 0 || (errno != EINTR && errno != EAGAIN))
            return bytes;
    }
}

static int read_all(bx_mcp_server *server, bx_error **err)
{
    bx_line_reader reader = { 0 };
    bx_autofree char *piece = malloc(READ_BYTES);
    bool is_open = piece != NULL;
    ssize_t bytes = 0;

    while (is_open && (bytes = read_some(server, piece)) > 0)
        is_open = bx_line_feed(&reader, piece, (size_t)bytes) == 0 &&
                  take_lines(server, &reader);
    /* A last line need not end. */
    if (is_open && bytes == 0 && bx_line_has_rest(&reader) &&
        bx_line_feed(&reader, "\n", 1) == 0)
        take_lines(server, &reader);
    bx_line_clear(&reader);
    if (bytes < 0)
        return bx_error_set_errno(err, errno, "reading messages");
    return 0;
}

/* ---- the end --------------------------------------------------------- */

static void on_gone(void *context)
{
    bx_mcp_server *server = context;

    atomic_store(&server->is_gone, true);
    bx_mcp_server_stop(server);
}

static bool must_stop(const bx_mcp_server *server)
{
    struct pollfd stop = { .fd = server->stop_fd, .events = POLLIN };

    return poll(&stop, 1, 0) != 0;
}

/* The client closed its end: what it asked for is answered, as long as calls
 * still come to an end. */
static void drain(bx_mcp_server *server)
{
    uint64_t landings = UINT64_MAX;
    int64_t patient_until_ns = 0;
    bool is_over = false;

    while (!is_over) {
        pthread_mutex_lock(&server->mutex);
        is_over = server->flights_count == 0;
        if (server->landings != landings) {
            landings = server->landings;
            patient_until_ns = bx_now_ns() + (int64_t)PATIENCE_MS * 1000000;
        }
        pthread_mutex_unlock(&server->mutex);
        if (!is_over)
            is_over = must_stop(server) || bx_now_ns() > patient_until_ns ||
                      poll(NULL, 0, 5) < 0;
    }
}

static void end_ticker(bx_mcp_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->is_ticker_done = true;
    pthread_cond_signal(&server->tick);
    pthread_mutex_unlock(&server->mutex);
}

/* A client that is about to leave may take what it did not wait for amiss: what
 * does not end in time is ended without an answer, and there is no news. */
static void end_calls(bx_mcp_server *server)
{
    size_t ended;

    end_ticker(server);
    drain(server);
    atomic_store(&server->is_ending, true);
    ended = bx_flight_cancel_all(server);
    if (ended > 0)
        bx_mcp_log(server, BX_LOG_WARNING,
                   "the client left: %zu requests were ended, and are not "
                   "answered",
                   ended);
    bx_outbox_stop_waiting(server->outbox);
    bx_pool_free(server->pool);
    server->pool = NULL;
    bx_flight_end_listening(server);
}

/* ---- life ------------------------------------------------------------ */

bx_mcp_server *bx_mcp_server_new(const bx_mcp_config *config, bx_error **err)
{
    bx_mcp_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t attributes;

    if (server == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    server->config = *config;
    bx_agreement_init(&server->agreement);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->tick, &attributes);
    pthread_condattr_destroy(&attributes);
    server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->stop_fd >= 0 &&
        (config->has_no_resources ||
         config->policy->max_level < BX_LEVEL_READ_ONLY ||
         (server->workspace = bx_workspace_new(config->policy, err)) != NULL))
        return server;
    if (server->stop_fd < 0)
        bx_error_set_errno(err, errno, "eventfd");
    bx_mcp_server_free(server);
    return NULL;
}

void bx_mcp_server_free(bx_mcp_server *server)
{
    if (server == NULL)
        return;
    bx_workspace_free(server->workspace);
    bx_watched_clear(server->watched, server->watched_count);
    pthread_cond_destroy(&server->tick);
    pthread_mutex_destroy(&server->mutex);
    bx_agreement_clear(&server->agreement);
    if (server->stop_fd >= 0)
        close(server->stop_fd);
    free(server);
}

void bx_mcp_server_stop(bx_mcp_server *server)
{
    const uint64_t one = 1;
    int saved = errno; /* it may run in a signal's handler */

    if (write(server->stop_fd, &one, sizeof(one)) < 0)
        errno = saved; /* EAGAIN: it is set already */
    errno = saved;
}

void bx_mcp_server_on_change(void *context)
{
    bx_mcp_server *server = context;

    atomic_store(&server->has_tool_change, true);
    bx_ticker_wake(server);
}

static int run(bx_mcp_server *server, bx_error **err)
{
    unsigned threads =
        server->config.threads == 0 ? THREADS : server->config.threads;
    pthread_t ticker;
    int result;
    int failed;

    server->pool =
        bx_pool_new(threads, BX_MCP_QUEUE_MAX, bx_flight_run, server, err);
    if (server->pool == NULL)
        return -1;
    failed = pthread_create(&ticker, NULL, bx_ticker_run, server);
    if (failed != 0)
        return bx_error_set_errno(err, failed, "a thread");
    result = read_all(server, err);
    end_calls(server);
    pthread_join(ticker, NULL);
    return result;
}

int bx_mcp_server_run(bx_mcp_server *server, bx_registry *registry,
                      bx_error **err)
{
    int result;

    server->registry = registry;
    server->reader = pthread_self();
    server->outbox = bx_outbox_new(server->config.out_fd, on_gone, server, err);
    if (server->outbox == NULL)
        return -1;
    result = run(server, err);
    bx_pool_free(server->pool);
    bx_outbox_free(server->outbox, FAREWELL_MS);
    server->outbox = NULL;
    return result;
}
