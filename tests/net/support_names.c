#include "net/support_names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES_MAX 32
#define CALLS_MAX 1024
#define EXPORT __attribute__((visibility("default")))

typedef struct name_entry {
    char key[64];
    char addresses[256];
    unsigned port;
} name_entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool is_held;
static name_entry names[ENTRIES_MAX];
static name_entry routes[ENTRIES_MAX];
static char lookups[CALLS_MAX][64];
static unsigned lookups_count;
static char dials[CALLS_MAX][64];
static unsigned dials_count;

static name_entry *find(name_entry *entries, const char *key)
{
    for (int i = 0; i < ENTRIES_MAX; i++) {
        if (strcmp(entries[i].key, key) == 0)
            return &entries[i];
    }
    return NULL;
}

static name_entry *find_or_add(name_entry *entries, const char *key)
{
    name_entry *found = find(entries, key);

    if (found == NULL)
        found = find(entries, "");
    if (found == NULL)
        abort();
    snprintf(found->key, sizeof(found->key), "%s", key);
    return found;
}

static unsigned count(char calls[][64], unsigned calls_count, const char *key)
{
    unsigned found = 0;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < calls_count && i < CALLS_MAX; i++)
        found += *key == '\0' || strcmp(calls[i], key) == 0;
    pthread_mutex_unlock(&lock);
    return found;
}

void support_names_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(names, 0, sizeof(names));
    memset(routes, 0, sizeof(routes));
    lookups_count = 0;
    dials_count = 0;
    is_held = false;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

void support_names_set(const char *name, const char *addresses)
{
    name_entry *found;

    pthread_mutex_lock(&lock);
    found = find_or_add(names, name);
    snprintf(found->addresses, sizeof(found->addresses), "%s", addresses);
    pthread_mutex_unlock(&lock);
}

void support_names_hold(bool hold)
{
    pthread_mutex_lock(&lock);
    is_held = hold;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

unsigned support_names_lookups(const char *name)
{
    return count(lookups, lookups_count, name);
}

void support_names_route(const char *address, unsigned port)
{
    pthread_mutex_lock(&lock);
    find_or_add(routes, address)->port = port;
    pthread_mutex_unlock(&lock);
}

unsigned support_names_dials(const char *address)
{
    return count(dials, dials_count, address);
}

/* One result, its address in the same block. */
static struct addrinfo *make(const char *text, int socktype,
                             unsigned short port)
{
    struct {
        struct addrinfo info;
        struct sockaddr_storage address;
    } *made = calloc(1, sizeof(*made));
    struct sockaddr_in *in;
    struct sockaddr_in6 *in6;

    if (made == NULL)
        abort();
    in = (struct sockaddr_in *)&made->address;
    in6 = (struct sockaddr_in6 *)&made->address;
    made->info.ai_addr = (struct sockaddr *)&made->address;
    made->info.ai_socktype = socktype;
    made->info.ai_protocol = IPPROTO_TCP;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        made->info.ai_family = in->sin_family = AF_INET;
        made->info.ai_addrlen = sizeof(*in);
        in->sin_port = port;
    } else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        made->info.ai_family = in6->sin6_family = AF_INET6;
        made->info.ai_addrlen = sizeof(*in6);
        in6->sin6_port = port;
    } else {
        abort();
    }
    return &made->info;
}

EXPORT int getaddrinfo(const char *name, const char *service,
                       const struct addrinfo *hints, struct addrinfo **result)
{
    char addresses[256] = "";
    struct addrinfo **next = result;
    unsigned short port =
        htons((unsigned short)(service == NULL ? 0 : atoi(service)));
    const name_entry *found;
    char *rest = addresses;
    char *one;

    pthread_mutex_lock(&lock);
    if (lookups_count < CALLS_MAX)
        snprintf(lookups[lookups_count++], sizeof(lookups[0]), "%s", name);
    while (is_held)
        pthread_cond_wait(&released, &lock);
    found = find(names, name);
    if (found != NULL)
        memcpy(addresses, found->addresses, sizeof(addresses));
    pthread_mutex_unlock(&lock);
    *result = NULL;
    while ((one = strsep(&rest, ",")) != NULL) {
        if (*one == '\0')
            continue;
        *next =
            make(one, hints == NULL ? SOCK_STREAM : hints->ai_socktype, port);
        next = &(*next)->ai_next;
    }
    return *result == NULL ? EAI_NONAME : 0;
}

EXPORT void freeaddrinfo(struct addrinfo *info)
{
    while (info != NULL) {
        struct addrinfo *next = info->ai_next;

        free(info);
        info = next;
    }
}

static int dial(int fd, const struct sockaddr *to, socklen_t bytes)
{
    return (int)syscall(SYS_connect, fd, to, bytes);
}

EXPORT int connect(int fd, const struct sockaddr *to, socklen_t bytes)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)to;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)to;
    struct sockaddr_in local = { .sin_family = AF_INET };
    char text[64] = "";
    unsigned port = 0;

    if (to->sa_family != AF_INET && to->sa_family != AF_INET6)
        return dial(fd, to, bytes);
    if (to->sa_family == AF_INET)
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
    else
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
    pthread_mutex_lock(&lock);
    if (dials_count < CALLS_MAX)
        snprintf(dials[dials_count++], sizeof(dials[0]), "%s", text);
    if (find(routes, text) != NULL)
        port = find(routes, text)->port;
    pthread_mutex_unlock(&lock);
    if (port == 0 && (strncmp(text, "127.", 4) == 0 || !strcmp(text, "::1")))
        return dial(fd, to, bytes);
    if (port == 0 || to->sa_family != AF_INET) {
        errno = ENETUNREACH;
        return -1;
    }
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    local.sin_port = htons((unsigned short)port);
    return dial(fd, (struct sockaddr *)&local, sizeof(local));
}
