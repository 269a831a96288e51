/* A small HTTP server on 127.0.0.1 that can misbehave: a handler writes the
 * response's bytes itself. One thread for each connection. */
#ifndef BX_TESTS_NET_SUPPORT_SERVER_H
#define BX_TESTS_NET_SUPPORT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct support_server support_server;
typedef struct support_conn support_conn;

typedef struct support_request {
    char method[16];
    char target[512];
    const char *head; /* as received, up to the empty line */
    const char *body;
    size_t body_bytes;
} support_request;

/* Answer; true to read another request from the connection. */
typedef bool support_handler(support_conn *conn, const support_request *request,
                             void *context);

/* What lies between socket and handler, such as TLS. */
typedef struct support_layer {
    void *(*open)(int fd); /* NULL: the connection is dropped */
    ssize_t (*read)(void *stream, void *buf, size_t bytes);
    ssize_t (*write)(void *stream, const void *buf, size_t bytes);
    void (*close)(void *stream);
} support_layer;

/* layer: NULL for plain bytes. Aborts the test when it cannot start. */
support_server *support_server_start(support_handler *handler, void *context,
                                     const support_layer *layer);
void support_server_stop(support_server *server);
unsigned support_server_port(const support_server *server);
unsigned support_server_connections(support_server *server);
unsigned support_server_requests(support_server *server);
/* Heads of all requests so far, joined; owned by the caller. */
char *support_server_heads(support_server *server);

bool support_send(support_conn *conn, const void *data, size_t bytes);
bool support_sendf(support_conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Wait until the client hangs up (or the server is stopped). */
void support_wait_closed(support_conn *conn);
/* Make the close of this connection a reset. */
void support_reset(support_conn *conn);

/* A port of 127.0.0.1 where nobody listens. */
unsigned support_closed_port(void);

#endif
