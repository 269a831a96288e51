#include "mcp/oauth_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define HEAD_MAX_BYTES 16384
#define ONE_MS 3000 /* for one connection to say what it wants */
#define REQUESTS_MAX 200
#define BACKLOG 8

/* ---- the port --------------------------------------------------------- */

int bx_oauth_listener_open(unsigned port, bx_oauth_listener *ret_listener,
                           bx_error **err)
{
    bx_autofd int fd =
        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in own = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t bytes = sizeof(own);

    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
        listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&own, &bytes) < 0)
        return bx_error_set_errno(err, errno, "port %u of 127.0.0.1", port);
    ret_listener->port = ntohs(own.sin_port);
    snprintf(ret_listener->uri, sizeof(ret_listener->uri),
             "http://127.0.0.1:%u/callback", ret_listener->port);
    ret_listener->fd = bx_take_fd(&fd);
    return 0;
}

void bx_oauth_listener_close(bx_oauth_listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

/* ---- one connection --------------------------------------------------- */

/* Its head, up to the empty line. False: none came in time, or too much. */
static bool read_head(int fd, const bx_wait *wait, bx_buf *head)
{
    char data[4096];

    while (head->len < HEAD_MAX_BYTES) {
        ssize_t bytes;

        if (bx_wait_poll(wait, fd, POLLIN, INT64_MAX, NULL) < 0)
            return false;
        bytes = read(fd, data, sizeof(data));
        if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (bytes <= 0 ||
            bx_buf_append(head, data, (size_t)bytes, HEAD_MAX_BYTES) < 0)
            return false;
        if (strstr(head->data, "\r\n\r\n") != NULL)
            return strlen(head->data) == head->len;
    }
    return false;
}

static void answer(int fd, const bx_wait *wait, const char *status,
                   const char *words)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t written = 0;

    if (bx_buf_printf(&body,
                      "<!doctype html><html lang=\"en\"><meta "
                      "charset=\"utf-8\"><title>BoxAgnts</title><p>%s</p>"
                      "</html>\n",
                      words) < 0 ||
        bx_buf_printf(&text,
                      "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8"
                      "\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                      "Content-Security-Policy: default-src 'none'; "
                      "frame-ancestors 'none'\r\nReferrer-Policy: no-referrer"
                      "\r\nX-Content-Type-Options: nosniff\r\n"
                      "Connection: close\r\n\r\n%s",
                      status, body.len, body.data) < 0)
        return;
    while (written < text.len) {
        ssize_t bytes =
            send(fd, text.data + written, text.len - written, MSG_NOSIGNAL);

        if (bytes > 0)
            written += (size_t)bytes;
        else if ((errno != EAGAIN && errno != EINTR) ||
                 bx_wait_poll(wait, fd, POLLOUT, INT64_MAX, NULL) < 0)
            return;
    }
    /* What is still unread would make the kernel reset the connection before
     * the page was seen. */
    (void)shutdown(fd, SHUT_WR);
}

/* True: it was the one. */
static bool serve(const bx_oauth_listener *listener, int fd, const char *state,
                  const bx_wait *wait, bx_oauth_return *returned)
{
    const bx_wait least = bx_wait_at_most_ms(wait, ONE_MS);
    bx_autobuf bx_buf head = BX_BUF_INIT;

    if (!read_head(fd, &least, &head))
        return false;
    switch (bx_oauth_return_read(head.data, listener->port, state, returned)) {
    case BX_OAUTH_NOT_HERE:
        answer(fd, &least, "404 Not Found", "There is nothing here.");
        return false;
    case BX_OAUTH_NOT_ASKED:
        answer(fd, &least, "400 Bad Request",
               "This is not the sign-in that is waited for. Begin again in "
               "the terminal.");
        return false;
    default:
        break;
    }
    answer(fd, &least, "200 OK",
           returned->code != NULL && returned->error == NULL
               ? "The sign-in is back in the terminal. You can close this page."
               : "The sign-in failed; the terminal says why. You can close "
                 "this page.");
    return true;
}

/* ---- all of them ------------------------------------------------------ */

static int accept_one(const bx_oauth_listener *listener, const bx_wait *wait,
                      int *ret_fd, bx_error **err)
{
    for (;;) {
        if (bx_wait_poll(wait, listener->fd, POLLIN, INT64_MAX, err) < 0)
            return -1;
        *ret_fd =
            accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (*ret_fd >= 0)
            return 0;
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            return bx_error_set_errno(err, errno, "accept");
    }
}

int bx_oauth_listener_wait(const bx_oauth_listener *listener, const char *state,
                           const bx_wait *wait, bx_oauth_return *ret_return,
                           bx_error **err)
{
    for (int i = 0; i < REQUESTS_MAX; i++) {
        bx_autofd int fd = -1;
        bx_oauth_return returned = { 0 };

        if (accept_one(listener, wait, &fd, err) < 0)
            return -1;
        if (serve(listener, fd, state, wait, &returned)) {
            *ret_return = returned;
            return 0;
        }
    }
    return bx_error_set(err, BX_ERR_LIMIT,
                        "%d other requests came to the port of the sign-in",
                        REQUESTS_MAX);
}
