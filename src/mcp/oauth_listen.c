#include "mcp/oauth_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

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

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of a query, decoded; NULL: no UTF-8 without NUL. Owned. */
static char *decode(const char *text, size_t bytes)
{
    char *plain = malloc(bytes + 1);
    size_t count = 0;

    if (plain == NULL)
        return NULL;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i] == '+' ? ' ' : text[i];

        if (c == '%') {
            int high = i + 2 < bytes ? hex(text[i + 1]) : -1;
            int low = i + 2 < bytes ? hex(text[i + 2]) : -1;

            if (high < 0 || low < 0) {
                free(plain);
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        plain[count++] = c;
    }
    plain[count] = '\0';
    if (memchr(plain, '\0', count) == NULL && bx_utf8_is_valid(plain, count))
        return plain;
    free(plain);
    return NULL;
}

/* The value of a name that stands there once. */
static char *find(const char *query, const char *name)
{
    char *found = NULL;

    while (*query != '\0') {
        size_t bytes = strcspn(query, "&");
        size_t named = strcspn(query, "&=");

        if (named == strlen(name) && strncmp(query, name, named) == 0 &&
            query[named] == '=') {
            if (found != NULL) { /* two are none */
                free(found);
                return NULL;
            }
            found = decode(query + named + 1, bytes - named - 1);
            if (found == NULL)
                return NULL;
        }
        query += bytes + (query[bytes] == '&');
    }
    return found;
}

/* Of a page that has another's name for this address, it is no answer. */
static bool has_host(const char *head, unsigned port)
{
    char expected[64];
    const char *line = strcasestr(head, "\r\nHost:");

    snprintf(expected, sizeof(expected), "127.0.0.1:%u\r\n", port);
    if (line == NULL)
        return false;
    line += strlen("\r\nHost:");
    line += strspn(line, " \t");
    return strncmp(line, expected, strlen(expected)) == 0;
}

/* The query of a request to the address that was given out. Owned. */
static char *take_query(const bx_oauth_listener *listener, const char *head)
{
    static const char begin[] = "GET /callback?";
    const char *query = head + sizeof(begin) - 1;

    if (strncmp(head, begin, sizeof(begin) - 1) != 0 ||
        !has_host(head, listener->port))
        return NULL;
    return strndup(query, strcspn(query, " \r\n"));
}

static bool is_equal(const char *a, const char *b)
{
    size_t bytes = strlen(b);
    unsigned char differs = 0;

    if (a == NULL || strlen(a) != bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        differs |= (unsigned char)(a[i] ^ b[i]);
    return differs == 0;
}

/* True: it was the one. */
static bool serve(const bx_oauth_listener *listener, int fd, const char *state,
                  const bx_wait *wait, bx_oauth_return *returned)
{
    const bx_wait least = bx_wait_at_most_ms(wait, ONE_MS);
    bx_autobuf bx_buf head = BX_BUF_INIT;
    bx_autofree char *query = NULL;
    bx_autofree char *came = NULL;

    if (!read_head(fd, &least, &head))
        return false;
    query = take_query(listener, head.data);
    if (query == NULL) {
        answer(fd, &least, "404 Not Found", "There is nothing here.");
        return false;
    }
    came = find(query, "state");
    if (!is_equal(came, state)) {
        answer(fd, &least, "400 Bad Request",
               "This is not the sign-in that is waited for. Begin again in "
               "the terminal.");
        return false;
    }
    returned->code = find(query, "code");
    returned->issuer = find(query, "iss");
    returned->error = find(query, "error");
    returned->description = find(query, "error_description");
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

void bx_oauth_return_clear(bx_oauth_return *returned)
{
    free(returned->code);
    free(returned->issuer);
    free(returned->error);
    free(returned->description);
    *returned = (bx_oauth_return){ 0 };
}
