#include <string.h>

#include "policy/addresses.h"
#include "policy/special.h"
#include "policy/support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void registry_rows_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < bx_specials_count; i++) {
        bx_network network;

        assert_int_equal(bx_network_parse(bx_specials[i].cidr, &network, NULL),
                         0);
    }
}

static void registry_edges_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(registry_edges); i++) {
        bx_address address = make_address(registry_edges[i].address);

        if (bx_address_is_global(&address) != registry_edges[i].is_global)
            fail_msg("%s: expected %s", registry_edges[i].address,
                     registry_edges[i].is_global ? "global" : "not global");
    }
}

static void carried_ipv4_is_judged(void **state)
{
    static const struct {
        const char *address;
        bool is_global;
    } rows[] = {
        { "93.184.216.34", true },
        { "2606:2800:220:1::1", true },
        { "::ffff:93.184.216.34", true },
        { "::ffff:10.0.0.1", false },
        { "::ffff:127.0.0.1", false },
        { "::ffff:169.254.169.254", false },
        { "64:ff9b::93.184.216.34", true },
        { "64:ff9b::10.0.0.1", false },
        { "64:ff9b::169.254.169.254", false },
        { "64:ff9b:1::93.184.216.34", false }, /* local use, whatever it has */
        { "2002:5db8:d822::1", false },        /* 6to4 is deprecated */
        { "2001:0:5db8:d822::1", false },      /* Teredo */
        { "::93.184.216.34", false },          /* IPv4-compatible */
        { "::ffff:0:93.184.216.34", false },   /* SIIT */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_address address = make_address(rows[i].address);

        if (bx_address_is_global(&address) != rows[i].is_global)
            fail_msg("%s", rows[i].address);
    }
}

static void loopback_is_known(void **state)
{
    static const char *const yes[] = { "127.0.0.1", "127.255.255.255", "::1",
                                       "::ffff:127.0.0.1" };
    static const char *const no[] = {
        "126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2",
        "64:ff9b::7f00:1", "10.0.0.1"
    };

    (void)state;
    for (size_t i = 0; i < COUNT(yes); i++) {
        bx_address address = make_address(yes[i]);

        assert_true(bx_address_is_loopback(&address));
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        bx_address address = make_address(no[i]);

        assert_false(bx_address_is_loopback(&address));
    }
}

static void literals_are_canonical_only(void **state)
{
    static const char *const bad[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.256",
        "0x7f.0.0.1",
        "2130706433",
        "127.1",
        " 1.2.3.4",
        "1.2.3.4 ",
        "[::1]",
        "fe80::1%eth0",
        "::1::",
        ":::",
        "12345::",
        "::ffff:010.0.0.1",
        "example.com",
        "1.2.3.-4",
        "1.2.3.4/32",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        bx_address address;

        if (bx_address_parse(bad[i], &address))
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void addresses_format_back(void **state)
{
    static const char *const rows[][2] = {
        { "10.0.0.1", "10.0.0.1" },
        { "::ffff:10.0.0.1", "10.0.0.1" },
        { "0:0:0:0:0:0:0:1", "::1" },
        { "FE80::A", "fe80::a" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_address address = make_address(rows[i][0]);
        char text[46];

        bx_address_format(&address, text);
        assert_string_equal(text, rows[i][1]);
    }
}

static void networks_have_their_addresses(void **state)
{
    static const struct {
        const char *network;
        const char *address;
        bool has;
    } rows[] = {
        { "10.0.0.0/8", "10.255.255.255", true },
        { "10.0.0.0/8", "11.0.0.0", false },
        { "10.0.0.0/8", "::ffff:10.1.1.1", true },
        { "10.0.0.0/7", "11.0.0.0", true },
        { "10.0.0.1", "10.0.0.1", true },
        { "10.0.0.1", "10.0.0.2", false },
        { "10.0.0.0/31", "10.0.0.1", true },
        { "10.0.0.0/31", "10.0.0.2", false },
        { "0.0.0.0/0", "203.0.113.9", true },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "::/0", "2001:db8::1", true },
        { "::/0", "10.0.0.1", true },
        { "::ffff:0:0/96", "10.0.0.1", true },
        { "fd00::/8", "fdff::1", true },
        { "fd00::/8", "fe00::1", false },
        { "::1", "::1", true },
        { "::1", "::2", false },
        { "private", "192.168.1.1", true },
        { "private", "8.8.8.8", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_address address = make_address(rows[i].address);
        bx_network network;

        assert_int_equal(bx_network_parse(rows[i].network, &network, NULL), 0);
        if (bx_network_has(&network, &address) != rows[i].has)
            fail_msg("%s in %s", rows[i].address, rows[i].network);
    }
}

static void blocks_reach_through_carriers(void **state)
{
    static const struct {
        const char *network;
        const char *address;
        bool blocks;
    } rows[] = {
        { "169.254.0.0/16", "169.254.169.254", true },
        { "169.254.0.0/16", "::ffff:169.254.169.254", true },
        { "169.254.0.0/16", "::169.254.169.254", true },
        { "169.254.0.0/16", "::ffff:0:169.254.169.254", true },
        { "169.254.0.0/16", "64:ff9b::169.254.169.254", true },
        { "169.254.0.0/16", "64:ff9b:1::169.254.169.254", true },
        { "169.254.0.0/16", "64:ff9b:1:a9fe:a9:fe00::", true },   /* /48 */
        { "169.254.0.0/16", "64:ff9b:1:a9:fe:a9fe::", true },     /* /56 */
        { "169.254.0.0/16", "64:ff9b:1:1:a9:fea9:fe00:0", true }, /* /64 */
        { "169.254.0.0/16", "2002:a9fe:a9fe::1", true },
        { "169.254.0.0/16", "2001:0:a9fe:a9fe::1", true },
        { "169.254.0.0/16", "2001::5601:5601", true }, /* inverted */
        { "169.254.0.0/16", "2606:4700::a9fe:a9fe", false },
        { "8.8.8.0/24", "64:ff9b::8.8.8.8", true },
        { "8.8.8.0/24", "64:ff9b::8.8.9.8", false },
        { "127.0.0.0/8", "0.0.0.0", true },
        { "127.0.0.0/8", "::", true },
        { "::1", "::", true },
        { "10.0.0.0/8", "0.0.0.0", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_address address = make_address(rows[i].address);
        bx_network network;

        assert_int_equal(bx_network_parse(rows[i].network, &network, NULL), 0);
        if (bx_network_blocks(&network, &address) != rows[i].blocks)
            fail_msg("%s blocks %s", rows[i].network, rows[i].address);
    }
}

static void malformed_networks_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/",
        "10.0.0.0/8x",
        "10.0.0.0/08",
        "10.0.0.0/8/8",
        "::/129",
        "10.0.0.1/8",
        "fd00::1/8",
        "10/8",
        "PRIVATE",
        "private/8",
        "[::1]",
        "example.com",
        "010.0.0.0/8",
        "10.0.0.0/0008",
        "10.0.0.0/999999999999",
        "11111111111111111111111111111111111111111111111111111111111111111111",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        bx_error *err = NULL;
        bx_network network;

        if (bx_network_parse(bad[i], &network, &err) == 0)
            fail_msg("'%s' was taken", bad[i]);
        assert_non_null(strstr(bx_error_message(err), "expected"));
        bx_error_free(err);
    }
}

static void messages_help(void **state)
{
    bx_error *err = NULL;
    bx_network network;

    (void)state;
    assert_int_equal(bx_network_parse("10.0.0.1/8", &network, &err), -1);
    assert_string_equal(bx_error_message(err),
                        "'10.0.0.1/8' has bits set behind its prefix; "
                        "expected 10.0.0.0/8, or the address alone");
    bx_error_free(err);
}

static void networks_format_back(void **state)
{
    static const char *const rows[][2] = {
        { "10.0.0.0/8", "10.0.0.0/8" },
        { "10.0.0.1/32", "10.0.0.1" },
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "::/0", "::/0" },
        { "::1", "::1" },
        { "fd00::/8", "fd00::/8" },
        { "private", "private" },
        { "::ffff:0:0/96", "0.0.0.0/0" },
        { "::ffff:0:0:0/80", "::ffff:0:0:0/80" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_network network;
        char text[50];

        assert_int_equal(bx_network_parse(rows[i][0], &network, NULL), 0);
        bx_network_format(&network, text);
        assert_string_equal(text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_rows_parse),
        cmocka_unit_test(registry_edges_are_judged),
        cmocka_unit_test(carried_ipv4_is_judged),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(literals_are_canonical_only),
        cmocka_unit_test(addresses_format_back),
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(blocks_reach_through_carriers),
        cmocka_unit_test(malformed_networks_are_refused),
        cmocka_unit_test(messages_help),
        cmocka_unit_test(networks_format_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
