#include "net/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256u * 1024)

/* Belongs to the thread and to who waits; the last one frees it. */
typedef struct lookup {
    atomic_int holders;
    int ready_fd; /* eventfd, readable once there is an answer */
    int status;   /* of getaddrinfo() */
    struct addrinfo *found;
    char name[256];
} lookup;

static void release(lookup *l)
{
    if (atomic_fetch_sub(&l->holders, 1) > 1)
        return;
    if (l->found != NULL)
        freeaddrinfo(l->found);
    close(l->ready_fd);
    free(l);
}

static void *resolve(void *argument)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const uint64_t one = 1;
    lookup *l = argument;

    l->status = getaddrinfo(l->name, NULL, &hints, &l->found);
    (void)!write(l->ready_fd, &one, sizeof(one));
    release(l);
    return NULL;
}

/* Signals are the program's: none is delivered to this thread. */
static int start(lookup *l)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all;
    sigset_t old;
    int failed;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&thread, &attr, resolve, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return failed;
}

static int errno_of(int status)
{
    switch (status) {
    case EAI_AGAIN:
        return EREMOTEIO;
    case EAI_MEMORY:
        return ENOMEM;
    default:
        return ENOENT;
    }
}

static bool to_endpoint(const struct sockaddr *from, bx_endpoint *to)
{
    memset(to, 0, sizeof(*to));
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

        memset(to->address.bytes + 10, 0xff, 2);
        memcpy(to->address.bytes + 12, &v4->sin_addr, 4);
        return true;
    }
    if (from->sa_family != AF_INET6)
        return false;
    to->is_ipv6 = true;
    memcpy(to->address.bytes, &((const struct sockaddr_in6 *)from)->sin6_addr,
           16);
    return true;
}

static int take(const lookup *l, bx_endpoint *ret_addresses, size_t max)
{
    size_t count = 0;

    if (l->status != 0)
        return -errno_of(l->status);
    for (const struct addrinfo *a = l->found; a != NULL && count < max;
         a = a->ai_next) {
        if (to_endpoint(a->ai_addr, &ret_addresses[count]))
            count++;
    }
    return count == 0 ? -ENOENT : (int)count;
}

int bx_lookup(const bx_run *run, const char *name, bx_endpoint *ret_addresses,
              size_t max)
{
    lookup *l = calloc(1, sizeof(*l));
    struct pollfd ready = { .events = POLLIN };
    int result;

    if (l == NULL)
        return -ENOMEM;
    l->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&l->holders, 2);
    if (l->ready_fd < 0 || strlen(name) >= sizeof(l->name)) {
        result = l->ready_fd < 0 ? -errno : -EINVAL;
        if (l->ready_fd >= 0)
            close(l->ready_fd);
        free(l);
        return result;
    }
    memcpy(l->name, name, strlen(name) + 1);
    result = -start(l);
    if (result < 0) {
        atomic_store(&l->holders, 1);
    } else {
        ready.fd = l->ready_fd;
        result = bx_run_poll(run, &ready, 1, INT64_MAX) > 0
                     ? take(l, ret_addresses, max)
                     : -errno;
    }
    release(l);
    return result;
}
