/* A guest's sockets without a guest: handles, addresses, who may be reached. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/socket_host.h"
#include "net/support_broker.h"
#include "net/support_names.h"
#include "policy/grant.h"

typedef struct fixture {
    bx_policy *policy;
    bx_run run;
    support_broker *broker;
    bx_socket_host *host;
    char call[64];
    char rule[256];
    char asked[128]; /* what the last question was */
    bool approves;
} fixture;

static void on_audit(void *context, const bx_audit_event *event)
{
    fixture *f = context;

    snprintf(f->call, sizeof(f->call), "%s", event->call);
    snprintf(f->rule, sizeof(f->rule), "%s", event->rule);
}

static int open_fixture(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    support_names_reset();
    f->policy = bx_policy_new();
    f->run = (bx_run){ .deadline_ns = bx_now_ns() + 60000000000,
                       .audit = on_audit,
                       .audit_context = f };
    f->broker = support_broker_new(f->policy, &f->run, NULL);
    f->host = bx_socket_host_new(support_broker_policy(f->broker),
                                 support_broker_run(f->broker), NULL);
    assert_non_null(f->host);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *f = *state;
    const bx_run *guest = support_broker_run(f->broker);

    /* What nested runs are charged, and the statistics, are at this end. */
    assert_int_equal(guest->used.http_requests, f->run.used.http_requests);
    assert_int_equal(guest->calls_denied, f->run.calls_denied);
    bx_socket_host_free(f->host);
    support_broker_free(f->broker);
    bx_run_forget_needs(&f->run);
    bx_policy_free(f->policy);
    free(f);
    return 0;
}

static void allow(fixture *f, const char *pattern)
{
    assert_int_equal(bx_policy_allowed_outbound_host(f->policy, pattern, NULL),
                     0);
}

static bx_endpoint to(const char *address, uint16_t port)
{
    bx_endpoint endpoint = { .port = port,
                             .is_ipv6 = strchr(address, ':') != NULL };

    assert_true(bx_address_parse(address, &endpoint.address));
    return endpoint;
}

/* A UDP socket of the test's own on 127.0.0.1. */
static int make_peer(uint16_t *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void allow_port(fixture *f, uint16_t port)
{
    char pattern[64];

    snprintf(pattern, sizeof(pattern), "http://127.0.0.1:%u", port);
    allow(f, pattern);
}

static void rejects_handles_that_are_none(void **state)
{
    static const int handles[] = { -1, 0, 63, 64, 1 << 30, INT32_MIN };
    fixture *f = *state;
    bx_endpoint end = to("127.0.0.1", 1);
    uint64_t value;
    char byte;

    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        int handle = handles[i];

        assert_int_equal(bx_socket_fd(f->host, handle), -1);
        assert_int_equal(bx_socket_connect(f->host, handle, &end), -EBADF);
        assert_int_equal(bx_socket_finish(f->host, handle), -EBADF);
        assert_int_equal(bx_socket_bind(f->host, handle, &end), -EBADF);
        assert_int_equal(bx_socket_listen(f->host, handle), -EBADF);
        assert_int_equal(bx_socket_receive(f->host, handle, &byte, 1), -EBADF);
        assert_int_equal(bx_socket_send(f->host, handle, &byte, 1), -EBADF);
        assert_int_equal(
            bx_socket_receive_from(f->host, handle, &byte, 1, &end), -EBADF);
        assert_int_equal(bx_socket_send_to(f->host, handle, &byte, 1, &end),
                         -EBADF);
        assert_int_equal(bx_socket_shutdown(f->host, handle, 2), -EBADF);
        assert_int_equal(bx_socket_name(f->host, handle, false, &end), -EBADF);
        assert_int_equal(bx_socket_get(f->host, handle, 0, &value), -EBADF);
        assert_int_equal(bx_socket_set(f->host, handle, 0, 1), -EBADF);
        bx_socket_close(f->host, handle);
    }
}

static void opens_so_many_and_no_more(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < BX_SOCKETS_MAX; i++)
        assert_int_equal(bx_socket_open(f->host, i % 2 == 0, false), i);
    assert_int_equal(bx_socket_open(f->host, true, false), -EMFILE);
    assert_int_equal(f->run.calls_denied, 1);
    bx_socket_close(f->host, 7);
    assert_int_equal(bx_socket_open(f->host, true, false), 7);
}

static void refuses_malformed_addresses(void **state)
{
    fixture *f = *state;
    int v4 = bx_socket_open(f->host, false, false);
    int v6 = bx_socket_open(f->host, false, true);
    bx_endpoint mapped = to("127.0.0.1", 80);
    bx_endpoint end;

    allow(f, "*");
    mapped.is_ipv6 = true; /* IPv4 in IPv6 clothes */
    assert_int_equal(bx_socket_connect(f->host, v6, &mapped), -EINVAL);
    end = to("127.0.0.1", 0);
    assert_int_equal(bx_socket_connect(f->host, v4, &end), -EINVAL);
    end = to("0.0.0.0", 80);
    assert_int_equal(bx_socket_connect(f->host, v4, &end), -EINVAL);
    end = to("::1", 80);
    assert_int_equal(bx_socket_connect(f->host, v4, &end), -EINVAL);
    end = to("::", 80);
    assert_int_equal(bx_socket_connect(f->host, v6, &end), -EINVAL);
    assert_int_equal(f->run.calls_denied, 0);
}

static void connects_with_any_scheme_of_a_rule(void **state)
{
    fixture *f = *state;
    bx_endpoint end = to("10.1.2.3", 443);
    int tcp = bx_socket_open(f->host, false, false);

    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    assert_string_equal(f->call, "tcp_connect");
    assert_string_equal(f->rule, "nothing granted");
    allow(f, "https://10.1.2.3");
    /* Unreachable: the test's own connect() says so. */
    assert_int_not_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    end.port = 80;
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    allow(f, "http://10.0.0.0/8");
    assert_int_not_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    assert_int_equal(bx_policy_block_network(f->policy, "10.1.0.0/16", NULL),
                     0);
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    assert_non_null(strstr(f->rule, "10.1.0.0/16"));
}

static void charges_connections_as_requests(void **state)
{
    fixture *f = *state;
    bx_endpoint end = to("10.1.2.3", 80);
    int tcp = bx_socket_open(f->host, false, false);

    allow(f, "http://10.1.2.3");
    f->policy->limits.http_requests = 2;
    assert_int_not_equal(bx_socket_connect(f->host, tcp, &end), -EDQUOT);
    assert_int_not_equal(bx_socket_connect(f->host, tcp, &end), -EDQUOT);
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EDQUOT);
    assert_string_equal(f->rule, "max-requests");
    assert_int_equal(f->run.used.http_requests, 2);
}

static void binds_to_nothing_in_particular(void **state)
{
    fixture *f = *state;
    int udp = bx_socket_open(f->host, true, false);
    bx_endpoint end = to("0.0.0.0", 53);

    assert_int_equal(bx_socket_bind(f->host, udp, &end), -EACCES);
    assert_string_equal(f->call, "socket_bind");
    end = to("127.0.0.1", 0);
    assert_int_equal(bx_socket_bind(f->host, udp, &end), -EACCES);
    end = to("::", 0);
    assert_int_equal(bx_socket_bind(f->host, udp, &end), -EINVAL);
    end = to("0.0.0.0", 0);
    assert_int_equal(bx_socket_bind(f->host, udp, &end), 0);
    assert_int_equal(bx_socket_name(f->host, udp, false, &end), 0);
    assert_true(end.port != 0);
    assert_int_equal(bx_socket_listen(f->host, udp), -EACCES);
    assert_string_equal(f->call, "tcp_listen");
}

/* Wait for a datagram to have come in, or for none to come. */
static ssize_t hear(fixture *f, int udp, char *text, bx_endpoint *from)
{
    struct pollfd ready = { .fd = bx_socket_fd(f->host, udp),
                            .events = POLLIN };

    poll(&ready, 1, 2000);
    return bx_socket_receive_from(f->host, udp, text, 16, from);
}

static void hears_only_whom_it_sent_to(void **state)
{
    fixture *f = *state;
    int udp = bx_socket_open(f->host, true, false);
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t bytes = sizeof(address);
    char text[16] = "";
    uint16_t port;
    uint16_t other_port;
    int peer = make_peer(&port);
    int stranger = make_peer(&other_port);
    bx_endpoint end = to("127.0.0.1", port);
    bx_endpoint other = to("127.0.0.1", other_port);

    allow_port(f, port);
    assert_int_equal(bx_socket_send_to(f->host, udp, "no", 2, &other), -EACCES);
    assert_string_equal(f->call, "udp_send");
    assert_int_equal(bx_socket_send_to(f->host, udp, "ask", 3, &end), 3);
    assert_int_equal(recvfrom(peer, text, sizeof(text), 0,
                              (struct sockaddr *)&address, &bytes),
                     3);
    assert_int_equal(
        sendto(stranger, "lie", 3, 0, (struct sockaddr *)&address, bytes), 3);
    assert_int_equal(
        sendto(peer, "truth", 5, 0, (struct sockaddr *)&address, bytes), 5);
    assert_int_equal(hear(f, udp, text, &end), 5);
    assert_memory_equal(text, "truth", 5);
    assert_int_equal(end.port, port);
    assert_int_equal(bx_socket_receive_from(f->host, udp, text, 16, &end),
                     -EAGAIN);
    /* Many datagrams to one peer are one connection. */
    assert_int_equal(f->run.used.http_requests, 1);
    close(peer);
    close(stranger);
}

static void leads_a_connected_datagram_socket_to_one(void **state)
{
    fixture *f = *state;
    int udp = bx_socket_open(f->host, true, false);
    uint16_t port;
    uint16_t other_port;
    int peer = make_peer(&port);
    int stranger = make_peer(&other_port);
    bx_endpoint nowhere = { .port = 0 };
    bx_endpoint end = to("127.0.0.1", port);
    bx_endpoint other = to("127.0.0.1", other_port);

    allow_port(f, port);
    allow_port(f, other_port);
    assert_int_equal(bx_socket_send_to(f->host, udp, "x", 1, &nowhere),
                     -EINVAL);
    assert_int_equal(bx_socket_connect(f->host, udp, &end), 0);
    assert_int_equal(bx_socket_send_to(f->host, udp, "x", 1, &nowhere), 1);
    assert_int_equal(bx_socket_send_to(f->host, udp, "x", 1, &other), -EISCONN);
    assert_int_equal(bx_socket_connect(f->host, udp, &nowhere), 0);
    assert_int_equal(bx_socket_send_to(f->host, udp, "x", 1, &nowhere),
                     -EINVAL);
    close(peer);
    close(stranger);
}

static void resolves_allowed_names(void **state)
{
    fixture *f = *state;
    bx_endpoint found[4];

    allow(f, "http://*.test:8080");
    support_names_set("a.test", "93.184.216.34,2606:2800::1");
    assert_int_equal(bx_socket_resolve(f->host, "A.Test.", 7, found, 4), 2);
    assert_false(found[0].is_ipv6);
    assert_true(found[1].is_ipv6);
    assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1), 1);
    assert_int_equal(bx_socket_resolve(f->host, "none.test", 9, found, 4),
                     -ENOENT);
    assert_int_equal(bx_socket_resolve(f->host, "b.example", 9, found, 4),
                     -EACCES);
    assert_string_equal(f->call, "resolve_addresses");
    assert_int_equal(support_names_lookups("b.example"), 0);
    /* Literals leave nothing. */
    assert_int_equal(bx_socket_resolve(f->host, "10.0.0.1", 8, found, 4), 1);
    assert_int_equal(bx_socket_resolve(f->host, "::1", 3, found, 4), 1);
    assert_true(found[0].is_ipv6);
}

/* The question alone would tell a name server what the guest knows. */
static void resolves_what_every_layer_grants(void **state)
{
    fixture *f = *state;
    bx_autogrants bx_grants *none = bx_grants_new();
    bx_autogrants bx_grants *one = bx_grants_new();
    bx_endpoint found[1];

    allow(f, "*");
    support_names_set("a.test", "93.184.216.34");
    support_names_set("b.test", "93.184.216.35");
    assert_int_equal(bx_grants_add(one, "network:https://a.test", "t", NULL),
                     0);
    assert_int_equal(bx_policy_narrow(f->policy, one, "manifest", NULL), 0);
    assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1), 1);
    assert_int_equal(bx_socket_resolve(f->host, "b.test", 6, found, 1),
                     -EACCES);
    assert_string_equal(f->rule, "manifest: nothing granted");
    assert_int_equal(support_names_lookups("b.test"), 0);
    assert_int_equal(bx_policy_narrow(f->policy, none, "session", NULL), 0);
    assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1),
                     -EACCES);
    assert_int_equal(support_names_lookups("a.test"), 1);
}

static void rejects_what_is_no_name(void **state)
{
    static const char *const names[] = { "",        "a b.test", "a.test/x",
                                         "a..test", "::zz",     "a@b.test" };
    fixture *f = *state;
    bx_endpoint found[1];
    char longest[300];

    allow(f, "*");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(
            bx_socket_resolve(f->host, names[i], strlen(names[i]), found, 1),
            -EINVAL);
    assert_int_equal(bx_socket_resolve(f->host, "a\0b.test", 8, found, 1),
                     -EINVAL);
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(
        bx_socket_resolve(f->host, longest, sizeof(longest), found, 1),
        -EINVAL);
    assert_int_equal(support_names_lookups(""), 0);
}

static void gives_up_lookups_in_time(void **state)
{
    fixture *f = *state;
    bx_endpoint found[1];

    allow(f, "*");
    support_names_set("a.test", "93.184.216.34");
    support_names_hold(true);
    f->run.deadline_ns = 0;
    for (int i = 0; i < BX_SOCKET_LOOKUPS_GIVEN_UP_MAX; i++)
        assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1),
                         -ETIME);
    f->run.deadline_ns = bx_now_ns() + 60000000000;
    assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1),
                     -EREMOTEIO);
    support_names_hold(false);
}

/* A name that led somewhere once opens that address for its own ports only. */
static void follows_the_lead_of_a_name(void **state)
{
    fixture *f = *state;
    bx_endpoint end = to("93.184.216.34", 8080);
    bx_endpoint found[1];
    int tcp = bx_socket_open(f->host, false, false);

    allow(f, "http://a.test:8080");
    support_names_set("a.test", "93.184.216.34");
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1), 1);
    assert_int_not_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    end.port = 8081;
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    end = to("93.184.216.35", 8080); /* its neighbour */
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    support_names_set("a.test", "10.0.0.1");
    assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1), 1);
    end = to("10.0.0.1", 8080);
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
}

static void keeps_options_in_bounds(void **state)
{
    fixture *f = *state;
    int tcp = bx_socket_open(f->host, false, false);
    int udp = bx_socket_open(f->host, true, true);
    uint64_t value = 0;

    assert_int_equal(
        bx_socket_set(f->host, tcp, BX_SOCKET_RECEIVE_BUFFER, UINT64_MAX), 0);
    assert_int_equal(
        bx_socket_get(f->host, tcp, BX_SOCKET_RECEIVE_BUFFER, &value), 0);
    assert_true(value > 0 && value <= 1 << 20);
    assert_int_equal(bx_socket_set(f->host, udp, BX_SOCKET_HOP_LIMIT, 7), 0);
    assert_int_equal(bx_socket_get(f->host, udp, BX_SOCKET_HOP_LIMIT, &value),
                     0);
    assert_int_equal(value, 7);
    assert_int_equal(bx_socket_set(f->host, udp, BX_SOCKET_KEEP_ALIVE_COUNT, 1),
                     -EINVAL);
    assert_int_equal(bx_socket_set(f->host, tcp, 99, 1), -EINVAL);
    assert_int_equal(bx_socket_get(f->host, tcp, -1, &value), -EINVAL);
}

static bool on_need(void *context, const bx_need_event *event)
{
    fixture *f = context;

    snprintf(f->asked, sizeof(f->asked), "%s %s", event->kind, event->target);
    return f->approves;
}

static bool on_hold(void *context, const bx_hold_event *event)
{
    fixture *f = context;

    assert_int_equal(event->body_bytes, 0);
    snprintf(f->asked, sizeof(f->asked), "%s %s", event->method, event->url);
    return f->approves;
}

/* The same name decides that the policy goes by. */
static void tells_where_a_socket_leads(void **state)
{
    fixture *f = *state;
    int tcp = bx_socket_open(f->host, false, false);
    bx_endpoint end = to("93.184.216.34", 8080);
    bx_endpoint found[1];
    uint16_t port;
    int peer = make_peer(&port);
    char expected[64];

    f->run.need = on_need;
    f->run.need_context = f;
    f->approves = true;
    allow(f, "http://*.test:8080");
    allow_port(f, port);
    support_names_set("a.test", "93.184.216.34");
    assert_int_equal(bx_socket_resolve(f->host, "a.test", 6, found, 1), 1);
    assert_string_equal(f->asked, "network *://a.test:*");
    bx_socket_connect(f->host, tcp, &end);
    assert_string_equal(f->asked, "network *://a.test:8080");
    f->approves = false;
    assert_int_equal(bx_socket_resolve(f->host, "b.test", 6, found, 1),
                     -EACCES);
    assert_string_equal(f->rule, BX_NEED_RULE);
    assert_int_equal(support_names_lookups("b.test"), 0);
    end = to("127.0.0.1", port);
    assert_int_equal(bx_socket_send_to(f->host,
                                       bx_socket_open(f->host, true, false),
                                       "x", 1, &end),
                     -EACCES);
    snprintf(expected, sizeof(expected), "network *://127.0.0.1:%u", port);
    assert_string_equal(f->asked, expected);
    close(peer);
}

/* Nobody sees what goes over it, so it is held as a whole. */
static void holds_a_socket_as_a_whole(void **state)
{
    fixture *f = *state;
    int tcp = bx_socket_open(f->host, false, false);
    int udp = bx_socket_open(f->host, true, false);
    uint16_t port;
    int peer = make_peer(&port);
    bx_endpoint end = to("127.0.0.1", port);
    char expected[64];

    f->run.hold = on_hold;
    f->run.hold_context = f;
    allow_port(f, port);
    assert_int_equal(bx_socket_connect(f->host, tcp, &end), -EACCES);
    snprintf(expected, sizeof(expected), "CONNECT tcp://127.0.0.1:%u", port);
    assert_string_equal(f->asked, expected);
    assert_string_equal(f->rule, BX_HOLD_RULE);
    assert_int_equal(bx_socket_send_to(f->host, udp, "x", 1, &end), -EACCES);
    snprintf(expected, sizeof(expected), "CONNECT udp://127.0.0.1:%u", port);
    assert_string_equal(f->asked, expected);
    assert_int_equal(f->run.used.http_requests, 0);
    f->approves = true;
    assert_int_equal(bx_socket_send_to(f->host, udp, "x", 1, &end), 1);
    f->asked[0] = '\0';
    assert_int_equal(bx_socket_send_to(f->host, udp, "x", 1, &end), 1);
    assert_string_equal(f->asked, "");
    close(peer);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rejects_handles_that_are_none),
        TEST(opens_so_many_and_no_more),
        TEST(refuses_malformed_addresses),
        TEST(connects_with_any_scheme_of_a_rule),
        TEST(charges_connections_as_requests),
        TEST(binds_to_nothing_in_particular),
        TEST(hears_only_whom_it_sent_to),
        TEST(leads_a_connected_datagram_socket_to_one),
        TEST(resolves_allowed_names),
        TEST(resolves_what_every_layer_grants),
        TEST(rejects_what_is_no_name),
        TEST(gives_up_lookups_in_time),
        TEST(follows_the_lead_of_a_name),
        TEST(keeps_options_in_bounds),
        TEST(tells_where_a_socket_leads),
        TEST(holds_a_socket_as_a_whole),
    };

    return support_run_every_way(tests, NULL, NULL);
}
