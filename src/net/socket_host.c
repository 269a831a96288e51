/* Sockets. Handles, addresses and lengths come from the guest and are hostile;
 * so is everything a peer sends. */
#include "net/socket_host.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/lookup.h"
#include "net/socket_policy.h"
#include "net/socket_remote.h"
#include "net/url_host.h"

#define BUFFER_MAX_BYTES (1u << 20) /* what a guest may ask the kernel for */

typedef struct socket_slot {
    bool is_used;
    bool is_udp;
    bool is_ipv6;
    bool is_connected; /* UDP: to remote */
    int fd;
    bx_endpoint remote;
    bx_endpoint peers[BX_SOCKET_PEERS]; /* UDP: who was sent something */
    size_t peers_count;                 /* in all */
} socket_slot;

struct bx_socket_host {
    bx_socket_remote *remote; /* of a run with a broker, and then all there is
                               * but policy and run */
    const bx_policy *policy;  /* borrowed */
    bx_run *run;              /* borrowed */
    socket_slot *slots[BX_SOCKETS_MAX];
    bx_socket_leads leads;
    unsigned lookups_given_up;
};

bx_socket_host *bx_socket_host_new(const bx_policy *policy, bx_run *run,
                                   bx_error **err)
{
    bx_socket_host *host = calloc(1, sizeof(*host));

    if (host == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    host->policy = policy;
    host->run = run;
    if (run->broker != NULL) {
        host->remote = bx_socket_remote_new(run);
        if (host->remote == NULL) {
            free(host);
            bx_error_set_nomem(err);
            return NULL;
        }
    }
    return host;
}

void bx_socket_host_free(bx_socket_host *host)
{
    if (host == NULL)
        return;
    for (int i = 0; i < BX_SOCKETS_MAX && host->remote == NULL; i++)
        bx_socket_close(host, i);
    bx_socket_remote_free(host->remote);
    bx_socket_leads_clear(&host->leads);
    free(host);
}

/* ---- handles -------------------------------------------------------- */

static socket_slot *find(const bx_socket_host *host, int handle)
{
    return handle < 0 || handle >= BX_SOCKETS_MAX ? NULL : host->slots[handle];
}

int bx_socket_open(bx_socket_host *host, bool is_udp, bool is_ipv6)
{
    int type = is_udp ? SOCK_DGRAM : SOCK_STREAM;
    int one = 1;
    socket_slot *slot;
    int handle = 0;

    if (host->remote != NULL)
        return bx_socket_remote_open(host->remote, is_udp, is_ipv6);
    while (handle < BX_SOCKETS_MAX && host->slots[handle] != NULL)
        handle++;
    if (handle == BX_SOCKETS_MAX) {
        bx_run_deny(host->run, "socket_open", "socket", 6,
                    "64 sockets are open already", "sockets");
        return -EMFILE;
    }
    slot = calloc(1, sizeof(*slot));
    if (slot == NULL)
        return -ENOMEM;
    slot->is_udp = is_udp;
    slot->is_ipv6 = is_ipv6;
    slot->fd = socket(is_ipv6 ? AF_INET6 : AF_INET,
                      type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* An IPv4 address in IPv6 clothes is one, and is judged as one. */
    if (slot->fd < 0 ||
        (is_ipv6 && setsockopt(slot->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
                               sizeof(one)) < 0)) {
        int failed = errno;

        if (slot->fd >= 0)
            close(slot->fd);
        free(slot);
        return -failed;
    }
    host->slots[handle] = slot;
    return handle;
}

void bx_socket_close(bx_socket_host *host, int handle)
{
    socket_slot *slot = find(host, handle);

    if (host->remote != NULL) {
        bx_socket_remote_close(host->remote, handle);
        return;
    }
    if (slot == NULL)
        return;
    close(slot->fd);
    free(slot);
    host->slots[handle] = NULL;
}

int bx_socket_fd(const bx_socket_host *host, int handle)
{
    const socket_slot *slot = find(host, handle);

    if (host->remote != NULL)
        return bx_socket_remote_fd(host->remote, handle);
    return slot == NULL ? -1 : slot->fd;
}

void bx_socket_aim(bx_socket_host *host, struct pollfd *fds, size_t count)
{
    if (host != NULL && host->remote != NULL)
        bx_socket_remote_aim(host->remote, fds, count);
}

/* ---- addresses ------------------------------------------------------ */

typedef union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} socket_address;

static socklen_t store_address(const bx_endpoint *from, socket_address *to)
{
    memset(to, 0, sizeof(*to));
    if (from->is_ipv6) {
        to->v6.sin6_family = AF_INET6;
        to->v6.sin6_port = htons(from->port);
        memcpy(&to->v6.sin6_addr, from->address.bytes, 16);
        return sizeof(to->v6);
    }
    to->v4.sin_family = AF_INET;
    to->v4.sin_port = htons(from->port);
    memcpy(&to->v4.sin_addr, from->address.bytes + 12, 4);
    return sizeof(to->v4);
}

static void load_address(const socket_address *from, bx_endpoint *to)
{
    memset(to, 0, sizeof(*to));
    if (from->any.sa_family == AF_INET6) {
        to->is_ipv6 = true;
        to->port = ntohs(from->v6.sin6_port);
        memcpy(to->address.bytes, &from->v6.sin6_addr, 16);
        return;
    }
    to->port = ntohs(from->v4.sin_port);
    memset(to->address.bytes + 10, 0xff, 2);
    memcpy(to->address.bytes + 12, &from->v4.sin_addr, 4);
}

static bool is_mapped(const bx_address *address)
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

    return memcmp(address->bytes, prefix, sizeof(prefix)) == 0;
}

static bool is_unspecified(const bx_endpoint *endpoint)
{
    static const uint8_t zero[16] = { 0 };

    return endpoint->is_ipv6
               ? memcmp(endpoint->address.bytes, zero, 16) == 0
               : memcmp(endpoint->address.bytes + 12, zero, 4) == 0;
}

static bool is_same(const bx_endpoint *a, const bx_endpoint *b)
{
    return a->port == b->port &&
           memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

static int deny(bx_socket_host *host, const char *call,
                const bx_endpoint *endpoint, const char *reason,
                const char *rule)
{
    char text[56];

    bx_endpoint_format(endpoint, text);
    bx_run_deny(host->run, call, text, strlen(text), reason, rule);
    return -EACCES;
}

static void tell(const bx_socket_host *host, const char *call,
                 const bx_endpoint *endpoint)
{
    char text[56];

    if (host->run->effect == NULL)
        return;
    bx_endpoint_format(endpoint, text);
    bx_run_effect(host->run, call, text, strlen(text), "");
}

/* Nobody knows what will go over a socket: who is asked about requests is asked
 * about it as a whole, before anything is sent. */
static int ask(bx_socket_host *host, bool is_udp, const char *call,
               const bx_endpoint *to)
{
    char need[BX_SOCKET_NEED_BYTES];
    char text[56];
    char url[64];
    const bx_hold_event held = {
        .method = "CONNECT", .url = url, .body = "", .body_bytes = 0
    };

    if (host->run->need != NULL) {
        bx_socket_format_need(host->policy, &host->leads, to, need);
        if (!bx_run_need(host->run, "network", need, strlen(need)))
            return deny(host, call, to, BX_NEED_REASON, BX_NEED_RULE);
    }
    if (host->run->hold == NULL)
        return 0;
    bx_endpoint_format(to, text);
    snprintf(url, sizeof(url), "%s://%s", is_udp ? "udp" : "tcp", text);
    if (!bx_run_hold(host->run, &held))
        return deny(host, call, to, BX_HOLD_REASON, BX_HOLD_RULE);
    return 0;
}

/* Of the right family, allowed, and within max-requests. */
static int check_to(bx_socket_host *host, const socket_slot *slot,
                    const char *call, const bx_endpoint *to)
{
    bx_verdict verdict;

    if (to->is_ipv6 != slot->is_ipv6 || to->port == 0 ||
        (to->is_ipv6 == is_mapped(&to->address)) || is_unspecified(to))
        return -EINVAL;
    verdict = bx_socket_check_endpoint(host->policy, &host->leads, to);
    if (!verdict.is_allowed)
        return deny(host, call, to, verdict.reason, verdict.rule);
    if (BX_RUN_LEFT(host->run, http_requests,
                    host->policy->limits.http_requests) == 0) {
        deny(host, call, to, "max-requests were made in this run",
             "max-requests");
        return -EDQUOT;
    }
    return ask(host, slot->is_udp, call, to);
}

/* ---- connecting ----------------------------------------------------- */

static int connect_udp(bx_socket_host *host, socket_slot *slot,
                       const bx_endpoint *to)
{
    int result;

    if (to->port == 0) {
        slot->is_connected = false;
        return 0;
    }
    result = check_to(host, slot, "udp_stream", to);
    if (result == 0) {
        host->run->used.http_requests++;
        slot->is_connected = true;
        slot->remote = *to;
        tell(host, "udp_stream", to);
    }
    return result;
}

int bx_socket_connect(bx_socket_host *host, int handle, const bx_endpoint *to)
{
    socket_slot *slot = find(host, handle);
    socket_address address;
    socklen_t bytes;
    int result;

    if (host->remote != NULL)
        return bx_socket_remote_connect(host->remote, handle, to);
    if (slot == NULL)
        return -EBADF;
    if (slot->is_udp)
        return connect_udp(host, slot, to);
    result = check_to(host, slot, "tcp_connect", to);
    if (result < 0)
        return result;
    host->run->used.http_requests++;
    tell(host, "tcp_connect", to);
    bytes = store_address(to, &address);
    if (connect(slot->fd, &address.any, bytes) < 0)
        return errno == EINTR ? -EINPROGRESS : -errno;
    return 0;
}

int bx_socket_finish(bx_socket_host *host, int handle)
{
    socket_slot *slot = find(host, handle);
    struct pollfd ready = { .events = POLLOUT };
    int failed = 0;
    socklen_t bytes = sizeof(failed);

    if (host->remote != NULL)
        return bx_socket_remote_finish(host->remote, handle);
    if (slot == NULL)
        return -EBADF;
    ready.fd = slot->fd;
    if (poll(&ready, 1, 0) <= 0)
        return -EINPROGRESS;
    if (getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &failed, &bytes) < 0)
        return -errno;
    return -failed;
}

int bx_socket_bind(bx_socket_host *host, int handle, const bx_endpoint *local)
{
    socket_slot *slot = find(host, handle);
    socket_address address;
    socklen_t bytes;

    if (host->remote != NULL)
        return bx_socket_remote_bind(host->remote, handle, local);
    if (slot == NULL)
        return -EBADF;
    if (local->is_ipv6 != slot->is_ipv6)
        return -EINVAL;
    if (local->port != 0 || !is_unspecified(local))
        return deny(host, "socket_bind", local,
                    "a guest has no address or port of its own",
                    "nothing granted");
    bytes = store_address(local, &address);
    return bind(slot->fd, &address.any, bytes) < 0 ? -errno : 0;
}

int bx_socket_listen(bx_socket_host *host, int handle)
{
    if (host->remote != NULL)
        return bx_socket_remote_listen(host->remote, handle);
    if (find(host, handle) == NULL)
        return -EBADF;
    bx_run_deny(host->run, "tcp_listen", "tcp", 3,
                "a guest does not listen: sockets lead outwards only",
                "nothing granted");
    return -EACCES;
}

/* ---- bytes ---------------------------------------------------------- */

static ssize_t count_in(bx_socket_host *host, ssize_t done)
{
    if (done < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    host->run->read_bytes += (uint64_t)done;
    return done;
}

static ssize_t count_out(bx_socket_host *host, ssize_t done)
{
    if (done < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    host->run->write_bytes += (uint64_t)done;
    return done;
}

ssize_t bx_socket_receive(bx_socket_host *host, int handle, void *buf,
                          size_t bytes)
{
    socket_slot *slot = find(host, handle);

    if (host->remote != NULL)
        return bx_socket_remote_receive(host->remote, handle, buf, bytes);
    if (slot == NULL || slot->is_udp)
        return -EBADF;
    return count_in(host, recv(slot->fd, buf, bytes, MSG_DONTWAIT));
}

ssize_t bx_socket_send(bx_socket_host *host, int handle, const void *data,
                       size_t bytes)
{
    socket_slot *slot = find(host, handle);

    if (host->remote != NULL)
        return bx_socket_remote_send(host->remote, handle, data, bytes);
    if (slot == NULL || slot->is_udp)
        return -EBADF;
    return count_out(host,
                     send(slot->fd, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static bool is_peer(const socket_slot *slot, const bx_endpoint *from)
{
    size_t count = slot->peers_count < BX_SOCKET_PEERS ? slot->peers_count
                                                       : BX_SOCKET_PEERS;

    if (slot->is_connected)
        return is_same(&slot->remote, from);
    for (size_t i = 0; i < count; i++) {
        if (is_same(&slot->peers[i], from))
            return true;
    }
    return false;
}

/* The socket's port is open to anyone: what a stranger sends is dropped. */
ssize_t bx_socket_receive_from(bx_socket_host *host, int handle, void *buf,
                               size_t bytes, bx_endpoint *ret_from)
{
    socket_slot *slot = find(host, handle);

    if (host->remote != NULL)
        return bx_socket_remote_receive_from(host->remote, handle, buf, bytes,
                                             ret_from);
    if (slot == NULL || !slot->is_udp)
        return -EBADF;
    for (;;) {
        socket_address from = { 0 };
        socklen_t from_bytes = sizeof(from);
        ssize_t done = recvfrom(slot->fd, buf, bytes, MSG_DONTWAIT, &from.any,
                                &from_bytes);

        if (done < 0)
            return count_in(host, done);
        load_address(&from, ret_from);
        if (is_peer(slot, ret_from))
            return count_in(host, done);
        if (bx_run_is_over(host->run))
            return -EAGAIN;
    }
}

/* A new peer is checked and counted; one that is known was. */
static int meet(bx_socket_host *host, socket_slot *slot, const bx_endpoint *to)
{
    int result;

    if (is_peer(slot, to))
        return 0;
    if (slot->is_connected)
        return -EISCONN;
    result = check_to(host, slot, "udp_send", to);
    if (result < 0)
        return result;
    host->run->used.http_requests++;
    slot->peers[slot->peers_count % BX_SOCKET_PEERS] = *to;
    slot->peers_count++;
    return 0;
}

ssize_t bx_socket_send_to(bx_socket_host *host, int handle, const void *data,
                          size_t bytes, const bx_endpoint *to)
{
    socket_slot *slot = find(host, handle);
    socket_address address;
    socklen_t address_bytes;
    int result;

    if (host->remote != NULL)
        return bx_socket_remote_send_to(host->remote, handle, data, bytes, to);
    if (slot == NULL || !slot->is_udp)
        return -EBADF;
    if (to->port == 0) {
        if (!slot->is_connected)
            return -EINVAL;
        to = &slot->remote;
    }
    result = meet(host, slot, to);
    if (result < 0)
        return result;
    address_bytes = store_address(to, &address);
    return count_out(host,
                     sendto(slot->fd, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
                            &address.any, address_bytes));
}

int bx_socket_shutdown(bx_socket_host *host, int handle, int how)
{
    socket_slot *slot = find(host, handle);

    if (host->remote != NULL)
        return bx_socket_remote_shutdown(host->remote, handle, how);
    if (slot == NULL)
        return -EBADF;
    return shutdown(slot->fd, how) < 0 ? -errno : 0;
}

int bx_socket_name(bx_socket_host *host, int handle, bool is_remote,
                   bx_endpoint *ret_name)
{
    socket_slot *slot = find(host, handle);
    socket_address address = { 0 };
    socklen_t bytes = sizeof(address);

    if (host->remote != NULL)
        return bx_socket_remote_name(host->remote, handle, is_remote, ret_name);
    if (slot == NULL)
        return -EBADF;
    if (is_remote && slot->is_udp) {
        if (!slot->is_connected)
            return -ENOTCONN;
        *ret_name = slot->remote;
        return 0;
    }
    if ((is_remote ? getpeername : getsockname)(slot->fd, &address.any,
                                                &bytes) < 0)
        return -errno;
    load_address(&address, ret_name);
    return 0;
}

/* ---- options -------------------------------------------------------- */

static const struct {
    int level;
    int name;
    uint64_t max; /* more is cut to it, as kernels do with buffers */
} options[BX_SOCKET_OPTIONS] = {
    [BX_SOCKET_KEEP_ALIVE] = { SOL_SOCKET, SO_KEEPALIVE, 1 },
    [BX_SOCKET_KEEP_ALIVE_IDLE_S] = { IPPROTO_TCP, TCP_KEEPIDLE, 32767 },
    [BX_SOCKET_KEEP_ALIVE_INTERVAL_S] = { IPPROTO_TCP, TCP_KEEPINTVL, 32767 },
    [BX_SOCKET_KEEP_ALIVE_COUNT] = { IPPROTO_TCP, TCP_KEEPCNT, 127 },
    [BX_SOCKET_HOP_LIMIT] = { IPPROTO_IP, IP_TTL, 255 },
    [BX_SOCKET_RECEIVE_BUFFER] = { SOL_SOCKET, SO_RCVBUF, BUFFER_MAX_BYTES },
    [BX_SOCKET_SEND_BUFFER] = { SOL_SOCKET, SO_SNDBUF, BUFFER_MAX_BYTES },
};

static int find_option(const socket_slot *slot, bx_socket_option option,
                       int *ret_level, int *ret_name)
{
    if ((unsigned)option >= BX_SOCKET_OPTIONS ||
        (slot->is_udp && options[option].level == IPPROTO_TCP))
        return -EINVAL;
    *ret_level = options[option].level;
    *ret_name = options[option].name;
    if (option == BX_SOCKET_HOP_LIMIT && slot->is_ipv6) {
        *ret_level = IPPROTO_IPV6;
        *ret_name = IPV6_UNICAST_HOPS;
    }
    return 0;
}

int bx_socket_get(bx_socket_host *host, int handle, bx_socket_option option,
                  uint64_t *ret_value)
{
    socket_slot *slot = find(host, handle);
    int value = 0;
    socklen_t bytes = sizeof(value);
    int level;
    int name;
    int result;

    if (host->remote != NULL)
        return bx_socket_remote_get(host->remote, handle, option, ret_value);
    if (slot == NULL)
        return -EBADF;
    result = find_option(slot, option, &level, &name);
    if (result < 0)
        return result;
    if (getsockopt(slot->fd, level, name, &value, &bytes) < 0)
        return -errno;
    /* The kernel doubles buffers for its own bookkeeping (socket(7)). */
    if (level == SOL_SOCKET && name != SO_KEEPALIVE)
        value /= 2;
    *ret_value = value < 0 ? 0 : (uint64_t)value;
    return 0;
}

int bx_socket_set(bx_socket_host *host, int handle, bx_socket_option option,
                  uint64_t value)
{
    socket_slot *slot = find(host, handle);
    int number;
    int level;
    int name;
    int result;

    if (host->remote != NULL)
        return bx_socket_remote_set(host->remote, handle, option, value);
    if (slot == NULL)
        return -EBADF;
    result = find_option(slot, option, &level, &name);
    if (result < 0)
        return result;
    number = (int)(value < options[option].max ? value : options[option].max);
    return setsockopt(slot->fd, level, name, &number, sizeof(number)) < 0
               ? -errno
               : 0;
}

/* ---- names ---------------------------------------------------------- */

/* A literal address is its own answer. */
static int resolve_literal(const char *name, bx_endpoint *ret_addresses,
                           size_t max)
{
    memset(&ret_addresses[0], 0, sizeof(ret_addresses[0]));
    if (max == 0 || !bx_address_parse(name, &ret_addresses[0].address))
        return 0;
    ret_addresses[0].is_ipv6 = !is_mapped(&ret_addresses[0].address);
    return 1;
}

/* A lookup goes to no port: any rule of the host allows it. */
static bool ask_lookup(bx_socket_host *host, const char *name)
{
    char need[BX_SOCKET_NEED_BYTES];

    snprintf(need, sizeof(need), "*://%s:*", name);
    return bx_run_need(host->run, "network", need, strlen(need));
}

static int resolve_name(bx_socket_host *host, const char *name,
                        bx_endpoint *ret_addresses, size_t max)
{
    bx_verdict verdict = bx_socket_check_name(host->policy, name);
    int count;

    if (!verdict.is_allowed) {
        bx_run_deny(host->run, "resolve_addresses", name, strlen(name),
                    verdict.reason, verdict.rule);
        return -EACCES;
    }
    if (host->run->need != NULL && !ask_lookup(host, name)) {
        bx_run_deny(host->run, "resolve_addresses", name, strlen(name),
                    BX_NEED_REASON, BX_NEED_RULE);
        return -EACCES;
    }
    if (host->lookups_given_up >= BX_SOCKET_LOOKUPS_GIVEN_UP_MAX)
        return -EREMOTEIO;
    count = bx_lookup(host->run, name, ret_addresses, max);
    if (count == -ETIME)
        host->lookups_given_up++;
    for (int i = 0; i < count; i++) {
        if (bx_socket_leads_add(&host->leads, name, &ret_addresses[i].address) <
            0)
            return -ENOMEM;
    }
    return count;
}

int bx_socket_resolve(bx_socket_host *host, const char *name, size_t name_bytes,
                      bx_endpoint *ret_addresses, size_t max)
{
    bx_autofree char *canonical = NULL;
    int count;

    if (host->remote != NULL)
        return bx_socket_remote_resolve(host->remote, name, name_bytes,
                                        ret_addresses, max);
    if (name_bytes == 0 || name_bytes > 253 ||
        memchr(name, '\0', name_bytes) != NULL)
        return -EINVAL;
    canonical = memchr(name, ':', name_bytes) != NULL
                    ? strndup(name, name_bytes)
                    : bx_url_host_parse(name, name_bytes, false, NULL);
    if (canonical == NULL)
        return -EINVAL;
    count = resolve_literal(canonical, ret_addresses, max);
    if (count == 0 && strchr(canonical, ':') != NULL)
        return -EINVAL;
    return count != 0 ? count
                      : resolve_name(host, canonical, ret_addresses, max);
}
