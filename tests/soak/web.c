#include "soak/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 256
#define TICK_MS 1000
#define BIG_BYTES 300000

typedef struct client {
    int fd; /* -1: free */
    bool is_slow;
    bool is_asked; /* nothing more is read */
    size_t got;
    char text[2048];
} client;

static client clients[CLIENTS];

static void leave(client *one)
{
    close(one->fd);
    *one = (client){ .fd = -1 };
}

static void reset(client *one)
{
    const struct linger none = { .l_onoff = 1 };

    (void)setsockopt(one->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    leave(one);
}

static void send_all(client *one, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t sent = send(one->fd, data, bytes, MSG_NOSIGNAL);
        struct pollfd poller = { .fd = one->fd, .events = POLLOUT };

        if (sent < 0 && errno == EAGAIN && poll(&poller, 1, 200) == 1)
            continue;
        if (sent <= 0)
            return;
        data += sent;
        bytes -= (size_t)sent;
    }
}

static void reply(client *one, const char *status, const char *field,
                  const char *body, size_t bytes)
{
    char head[512];
    int count = snprintf(head, sizeof(head),
                         "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
                         "Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
                         status, bytes, field);

    send_all(one, head, (size_t)count);
    send_all(one, body, bytes);
    leave(one);
}

static void answer(client *one)
{
    static char big[BIG_BYTES];
    char path[256] = "";
    char text[512];

    one->is_asked = true;
    if (sscanf(one->text, "%*s %255s", path) != 1) {
        leave(one);
    } else if (strncmp(path, "/ok/", 4) == 0) {
        snprintf(text, sizeof(text), "this is page %s\n", path + 4);
        reply(one, "200 OK", "", text, strlen(text));
    } else if (strcmp(path, "/big") == 0) {
        memset(big, 'b', sizeof(big));
        reply(one, "200 OK", "", big, sizeof(big));
    } else if (strcmp(path, "/hop") == 0) {
        reply(one, "302 Found", "Location: /ok/hop\r\n", "", 0);
    } else if (strcmp(path, "/slow") == 0) {
        one->is_slow = true;
        send_all(one, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", 41);
    } else if (strcmp(path, "/reset") == 0) {
        reset(one);
    } else if (strcmp(path, "/stall") != 0) {
        reply(one, "404 Not Found", "", "none\n", 5);
    }
}

static void read_from(client *one)
{
    ssize_t got;

    if (one->is_asked) {
        char rest[512];

        if (recv(one->fd, rest, sizeof(rest), MSG_DONTWAIT) <= 0)
            leave(one);
        return;
    }
    got = recv(one->fd, one->text + one->got, sizeof(one->text) - 1 - one->got,
               MSG_DONTWAIT);
    if (got <= 0) {
        leave(one);
        return;
    }
    one->got += (size_t)got;
    if (strstr(one->text, "\r\n\r\n") != NULL)
        answer(one);
    else if (one->got == sizeof(one->text) - 1)
        leave(one);
}

static void take_client(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (int i = 0; fd >= 0 && i < CLIENTS; i++) {
        if (clients[i].fd < 0) {
            clients[i].fd = fd;
            return;
        }
    }
    if (fd >= 0)
        close(fd);
}

static _Noreturn void serve(int listener)
{
    struct pollfd fds[CLIENTS + 1];
    struct timespec now;
    time_t told_s = 0;

    for (;;) {
        bool is_due;

        fds[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
        for (int i = 0; i < CLIENTS; i++)
            fds[i + 1] =
                (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
        (void)poll(fds, CLIENTS + 1, TICK_MS);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        is_due = now.tv_sec != told_s;
        told_s = now.tv_sec;
        for (int i = 0; i < CLIENTS; i++) {
            if (clients[i].fd >= 0 && fds[i + 1].revents != 0)
                read_from(&clients[i]);
            else if (clients[i].is_slow && is_due)
                (void)send(clients[i].fd, "s", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if ((fds[0].revents & POLLIN) != 0)
            take_client(listener);
    }
}

static int listen_any(int backlog, unsigned *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, bytes) < 0 ||
        listen(fd, backlog) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) < 0) {
        perror("soak: a web server");
        exit(2);
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

pid_t soak_web_start(unsigned *ret_port, unsigned *ret_dead)
{
    int listener = listen_any(128, ret_port);
    int dead = listen_any(1, ret_dead);
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
            _exit(1);
        for (int i = 0; i < CLIENTS; i++)
            clients[i].fd = -1;
        serve(listener);
    }
    close(listener);
    close(dead);
    return pid;
}
