#include "net/support_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CONNECTIONS_MAX 256
#define REQUEST_MAX_BYTES (4u << 20)

struct support_conn {
    support_server *server;
    int fd;
    void *stream; /* the layer's; NULL without one */
    pthread_t thread;
};

struct support_server {
    int fd;
    unsigned port;
    support_handler *handler;
    void *context;
    const support_layer *layer;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    bool is_stopping;
    support_conn *conns[CONNECTIONS_MAX];
    unsigned conns_count;
    unsigned requests;
    char *heads;
};

static ssize_t receive(support_conn *conn, void *buf, size_t bytes)
{
    if (conn->stream != NULL)
        return conn->server->layer->read(conn->stream, buf, bytes);
    return recv(conn->fd, buf, bytes, 0);
}

bool support_send(support_conn *conn, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t sent = conn->stream != NULL
                           ? conn->server->layer->write(conn->stream, at, bytes)
                           : send(conn->fd, at, bytes, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        at += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

bool support_sendf(support_conn *conn, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int bytes;
    bool sent;

    va_start(args, format);
    bytes = vasprintf(&text, format, args);
    va_end(args);
    if (bytes < 0)
        return false;
    sent = support_send(conn, text, (size_t)bytes);
    free(text);
    return sent;
}

void support_wait_closed(support_conn *conn)
{
    char scrap[256];

    while (recv(conn->fd, scrap, sizeof(scrap), 0) > 0)
        ;
}

void support_reset(support_conn *conn)
{
    struct linger now = { 1, 0 };

    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void remember(support_server *server, const char *head)
{
    char *joined = NULL;

    pthread_mutex_lock(&server->lock);
    server->requests++;
    if (asprintf(&joined, "%s%s\n", server->heads == NULL ? "" : server->heads,
                 head) >= 0) {
        free(server->heads);
        server->heads = joined;
    }
    pthread_mutex_unlock(&server->lock);
}

/* Read one request into text (NUL-terminated) and describe it. */
static bool read_request(support_conn *conn, char *text,
                         support_request *request)
{
    size_t have = 0;
    size_t need = 0; /* with the body; 0 before the head is complete */

    memset(request, 0, sizeof(*request));
    while (need == 0 || have < need) {
        ssize_t got = receive(conn, text + have, REQUEST_MAX_BYTES - have);
        char *end;
        const char *length;

        if (got <= 0)
            return false;
        have += (size_t)got;
        text[have] = '\0';
        end = need == 0 ? strstr(text, "\r\n\r\n") : NULL;
        if (end == NULL)
            continue;
        end[2] = '\0';
        request->head = text;
        request->body = end + 4;
        length = strcasestr(text, "\ncontent-length:");
        request->body_bytes =
            length == NULL ? 0 : strtoul(length + 16, NULL, 10);
        need = (size_t)(request->body - text) + request->body_bytes;
        if (need > REQUEST_MAX_BYTES)
            return false;
    }
    return sscanf(text, "%15s %511s", request->method, request->target) == 2;
}

static void *serve(void *context)
{
    support_conn *conn = context;
    support_server *server = conn->server;
    char *text = malloc(REQUEST_MAX_BYTES + 1);
    support_request request;
    sigset_t pipe;

    /* For this thread alone: the client under test must do without. */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    if (server->layer != NULL)
        conn->stream = server->layer->open(conn->fd);
    if (server->layer == NULL || conn->stream != NULL) {
        while (read_request(conn, text, &request)) {
            remember(server, request.head);
            if (!server->handler(conn, &request, server->context))
                break;
        }
    }
    if (conn->stream != NULL)
        server->layer->close(conn->stream);
    free(text);
    pthread_mutex_lock(&server->lock);
    close(conn->fd);
    conn->fd = -1;
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void *accept_all(void *context)
{
    support_server *server = context;
    int fd;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        support_conn *conn = calloc(1, sizeof(*conn));

        pthread_mutex_lock(&server->lock);
        if (conn == NULL || server->is_stopping ||
            server->conns_count == CONNECTIONS_MAX) {
            free(conn);
            close(fd);
        } else {
            conn->server = server;
            conn->fd = fd;
            if (pthread_create(&conn->thread, NULL, serve, conn) == 0)
                server->conns[server->conns_count++] = conn;
        }
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

static int listen_local(unsigned *ret_port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

support_server *support_server_start(support_handler *handler, void *context,
                                     const support_layer *layer)
{
    support_server *server = calloc(1, sizeof(*server));

    assert_non_null(server);
    server->handler = handler;
    server->context = context;
    server->layer = layer;
    server->fd = listen_local(&server->port);
    pthread_mutex_init(&server->lock, NULL);
    assert_int_equal(pthread_create(&server->thread, NULL, accept_all, server),
                     0);
    return server;
}

void support_server_stop(support_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    for (unsigned i = 0; i < server->conns_count; i++) {
        if (server->conns[i]->fd >= 0)
            shutdown(server->conns[i]->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    for (unsigned i = 0; i < server->conns_count; i++) {
        pthread_join(server->conns[i]->thread, NULL);
        free(server->conns[i]);
    }
    pthread_mutex_destroy(&server->lock);
    free(server->heads);
    free(server);
}

unsigned support_server_port(const support_server *server)
{
    return server->port;
}

unsigned support_server_connections(support_server *server)
{
    unsigned count;

    pthread_mutex_lock(&server->lock);
    count = server->conns_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

unsigned support_server_requests(support_server *server)
{
    unsigned count;

    pthread_mutex_lock(&server->lock);
    count = server->requests;
    pthread_mutex_unlock(&server->lock);
    return count;
}

char *support_server_heads(support_server *server)
{
    char *copy;

    pthread_mutex_lock(&server->lock);
    copy = strdup(server->heads == NULL ? "" : server->heads);
    pthread_mutex_unlock(&server->lock);
    assert_non_null(copy);
    return copy;
}

unsigned support_closed_port(void)
{
    unsigned port;

    close(listen_local(&port));
    return port;
}
