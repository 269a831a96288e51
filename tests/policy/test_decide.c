#include <string.h>

#include "policy/support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define RO BX_ACCESS_READ
#define WO BX_ACCESS_WRITE
#define RW (BX_ACCESS_READ | BX_ACCESS_WRITE)

static void deepest_mapping_decides(void **state)
{
    static const struct {
        const char *path;
        unsigned access;
        const char *rule;
    } rows[] = {
        { "/", RW, "ci.yaml:1: work-dir w" },
        { "/x", RW, "ci.yaml:1: work-dir w" },
        { "/data", RO, "ci.yaml:3: map-dir d::/data::ro" },
        { "/data/x", RO, "ci.yaml:3: map-dir d::/data::ro" },
        { "/database", RW, "ci.yaml:1: work-dir w" },
        { "/data/out", RW, "ci.yaml:4: map-dir o::/data/out" },
        { "/data/out/x", RW, "ci.yaml:4: map-dir o::/data/out" },
        { "/data/outer", RO, "ci.yaml:3: map-dir d::/data::ro" },
    };
    bx_policy *policy = parse_policy("work-dir: w\n"
                                     "map-dir:\n"
                                     "  - d::/data::ro\n"
                                     "  - o::/data/out\n");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_verdict verdict;

        assert_int_equal(bx_policy_fs_access(policy, rows[i].path, &verdict),
                         rows[i].access);
        assert_string_equal(verdict.rule, rows[i].rule);
        assert_true(verdict.is_allowed);
        assert_string_equal(verdict.reason,
                            rows[i].access == RO
                                ? "the mapping is read-only"
                                : "the folder is mapped read-write");
    }
    bx_policy_free(policy);
}

static void nothing_given_is_nothing_granted(void **state)
{
    bx_policy *policy = bx_policy_new();
    bx_url url = make_url("https", "example.com", 443, "/");
    bx_address address = make_address("93.184.216.34");
    bx_verdict verdict;

    (void)state;
    assert_int_equal(bx_policy_fs_access(policy, "/", &verdict), 0);
    assert_false(verdict.is_allowed);
    assert_string_equal(verdict.rule, "nothing granted");
    assert_string_equal(verdict.reason, "no mapped folder has this path");
    assert_int_equal(bx_policy_fs_access(policy, "/", NULL), 0);
    verdict = bx_policy_check_url(policy, &url);
    assert_false(verdict.is_allowed);
    assert_string_equal(verdict.rule, "nothing granted");
    verdict = bx_policy_check_address(policy, &url, &address);
    assert_false(verdict.is_allowed);
    bx_policy_free(policy);
}

static void grants_narrow_mappings(void **state)
{
    static const struct {
        const char *path;
        unsigned access;
        const char *reason;
        const char *rule;
    } rows[] = {
        { "/other", 0, "the folder is mapped, but no grant has this path",
          "nothing granted" },
        { "/", 0, "the folder is mapped, but no grant has this path",
          "nothing granted" },
        { "/data", RO, "the path is granted for reading only",
          "ci.yaml:5: grant fs.read:/data" },
        { "/data/x", RO, "the path is granted for reading only",
          "ci.yaml:5: grant fs.read:/data" },
        { "/data/out", RW, "the folder is mapped and the path is granted",
          "ci.yaml:5: grant fs.read:/data" },
        { "/drop/x", WO, "the path is granted for writing only",
          "ci.yaml:7: grant write:/drop" },
        { "/ro/x", 0, "the path is granted for writing only",
          "ci.yaml:8: grant fs.write:/ro" },
    };
    bx_policy *policy = parse_policy("map-dir:\n"
                                     "  - w::/other\n"
                                     "  - {host: r, guest: /ro, mode: ro}\n"
                                     "grant:\n"
                                     "  - fs.read:/data\n"
                                     "  - fs.write:/data/out\n"
                                     "  - write:/drop\n"
                                     "  - fs.write:/ro\n"
                                     "  - read:/none\n"
                                     "work-dir: w\n");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_verdict verdict;

        assert_int_equal(bx_policy_fs_access(policy, rows[i].path, &verdict),
                         rows[i].access);
        assert_string_equal(verdict.reason, rows[i].reason);
        assert_string_equal(verdict.rule, rows[i].rule);
    }
    bx_policy_free(policy);
}

static void questions_ask_for_one_access(void **state)
{
    static const struct {
        const char *path;
        unsigned wanted;
        bool is_allowed;
        const char *reason;
    } rows[] = {
        { "/ro/x", RO, true, "the folder is mapped read-only" },
        { "/ro/x", WO, false, "the mapping is read-only" },
        { "/ro/x", RW, false, "the mapping is read-only" },
        { "/rw/x", RW, true, "the folder is mapped read-write" },
        { "/x", RO, false, "no mapped folder has this path" },
    };
    bx_policy *policy = parse_policy("map-dir: ['a::/ro::ro', 'b::/rw::rw']");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_verdict verdict =
            bx_policy_check_fs(policy, rows[i].path, rows[i].wanted);

        assert_int_equal(verdict.is_allowed, rows[i].is_allowed);
        assert_string_equal(verdict.reason, rows[i].reason);
    }
    bx_policy_free(policy);
}

typedef struct url_row {
    const char *scheme;
    const char *host;
    unsigned long port;
    const char *path;
    bool is_allowed;
    const char *rule;
} url_row;

static void check_urls(const bx_policy *policy, const url_row *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bx_url url = make_url(rows[i].scheme, rows[i].host,
                              (unsigned)rows[i].port, rows[i].path);
        bx_verdict verdict = bx_policy_check_url(policy, &url);

        if (verdict.is_allowed != rows[i].is_allowed)
            fail_msg("%s://%s:%lu%s: %s (%s)", rows[i].scheme, rows[i].host,
                     rows[i].port, rows[i].path, verdict.reason, verdict.rule);
        assert_string_equal(verdict.rule, rows[i].rule);
    }
}

static void urls_are_judged(void **state)
{
    static const url_row rows[] = {
        { "https", "api.example.com", 443, "/v1", true,
          "ci.yaml:2: allowed-outbound-host https://*.example.com" },
        { "https", "api.example.com", 443, "/admin", false,
          "ci.yaml:5: block-url *.example.com/admin" },
        { "https", "api.example.com", 443, "/%61dmin/x?y", false,
          "ci.yaml:5: block-url *.example.com/admin" },
        { "https", "api.example.com", 443, "/%252525252561dmin", false,
          "ci.yaml:5: block-url *.example.com/admin" },
        { "http", "api.example.com", 80, "/v1", false,
          "ci.yaml:2: allowed-outbound-host https://*.example.com" },
        { "https", "example.net", 443, "/", false, "nothing granted" },
        { "http", "10.1.2.3", 80, "/", true,
          "ci.yaml:3: allowed-outbound-host http://10.0.0.0/8:80" },
        { "http", "10.9.0.1", 80, "/", false,
          "ci.yaml:6: block-network 10.9.0.0/16" },
        { "http", "::ffff:10.9.0.1", 80, "/", false,
          "ci.yaml:6: block-network 10.9.0.0/16" },
    };
    bx_policy *policy = parse_policy("allowed-outbound-host:\n"
                                     "  - https://*.example.com\n"
                                     "  - http://10.0.0.0/8:80\n"
                                     "block-url:\n"
                                     "  - '*.example.com/admin'\n"
                                     "block-network: 10.9.0.0/16\n");

    (void)state;
    check_urls(policy, rows, COUNT(rows));
    bx_policy_free(policy);
}

static void private_literals_need_a_name(void **state)
{
    static const url_row rows[] = {
        { "http", "93.184.216.34", 80, "/", true,
          "ci.yaml:2: allowed-outbound-host *" },
        { "http", "127.0.0.1", 80, "/", false,
          "ci.yaml:2: allowed-outbound-host *" },
        { "http", "localhost", 80, "/", false,
          "ci.yaml:2: allowed-outbound-host *" },
        { "http", "x.localhost", 80, "/", false,
          "ci.yaml:2: allowed-outbound-host *" },
        { "http", "169.254.169.254", 80, "/", false,
          "ci.yaml:2: allowed-outbound-host *" },
        { "http", "64:ff9b::a9fe:a9fe", 80, "/", false,
          "ci.yaml:2: allowed-outbound-host *" },
        { "http", "0.0.0.0", 80, "/", false,
          "ci.yaml:2: allowed-outbound-host *" },
        { "http", "localhost", 8080, "/", true,
          "ci.yaml:3: allowed-outbound-host http://localhost:8080" },
        { "http", "127.0.0.1", 8080, "/", true,
          "ci.yaml:3: allowed-outbound-host http://localhost:8080" },
        { "http", "notlocalhost", 80, "/", true,
          "ci.yaml:2: allowed-outbound-host *" },
    };
    bx_policy *policy = parse_policy("allowed-outbound-host:\n"
                                     "  - '*'\n"
                                     "  - http://localhost:8080\n");

    (void)state;
    check_urls(policy, rows, COUNT(rows));
    bx_policy_free(policy);
}

static void localhost_may_be_ipv6_only(void **state)
{
    static const url_row rows[] = {
        { "http", "localhost", 80, "/", true,
          "ci.yaml:1: allowed-outbound-host http://localhost" },
    };
    bx_policy *policy = parse_policy("allowed-outbound-host: http://localhost\n"
                                     "block-network: 127.0.0.0/8\n");

    (void)state;
    check_urls(policy, rows, COUNT(rows));
    set_control(policy, "block-network", "private");
    {
        static const url_row blocked[] = {
            { "http", "localhost", 80, "/", false,
              "ci.yaml:2: block-network 127.0.0.0/8" },
        };

        check_urls(policy, blocked, COUNT(blocked));
    }
    bx_policy_free(policy);
}

static void addresses_are_judged_when_dialled(void **state)
{
    static const struct {
        const char *host;
        const char *address;
        bool is_allowed;
        const char *rule;
    } rows[] = {
        { "a.example.com", "93.184.216.34", true,
          "ci.yaml:2: allowed-outbound-host http://*.example.com" },
        { "a.example.com", "10.1.2.3", true,
          "ci.yaml:3: allowed-outbound-host http://10.0.0.0/8" },
        { "a.example.com", "::ffff:10.1.2.3", true,
          "ci.yaml:3: allowed-outbound-host http://10.0.0.0/8" },
        { "a.example.com", "127.0.0.1", false,
          "ci.yaml:2: allowed-outbound-host http://*.example.com" },
        { "a.example.com", "192.168.0.1", false,
          "ci.yaml:2: allowed-outbound-host http://*.example.com" },
        { "a.example.com", "2002:c0a8:1::1", false,
          "ci.yaml:2: allowed-outbound-host http://*.example.com" },
        { "a.example.com", "203.0.114.5", false,
          "ci.yaml:5: block-network 203.0.114.0/24" },
        { "a.example.com", "64:ff9b::203.0.114.5", false,
          "ci.yaml:5: block-network 203.0.114.0/24" },
        { "blocked.example.com", "93.184.216.34", false,
          "ci.yaml:4: block-url blocked.example.com" },
        { "other.example.net", "10.1.2.3", false, "nothing granted" },
    };
    bx_policy *policy = parse_policy("allowed-outbound-host:\n"
                                     "  - http://*.example.com\n"
                                     "  - http://10.0.0.0/8\n"
                                     "block-url: blocked.example.com\n"
                                     "block-network: 203.0.114.0/24\n");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_url url = make_url("http", rows[i].host, 80, "/");
        bx_address address = make_address(rows[i].address);
        bx_verdict verdict = bx_policy_check_address(policy, &url, &address);

        if (verdict.is_allowed != rows[i].is_allowed)
            fail_msg("%s at %s: %s", rows[i].host, rows[i].address,
                     verdict.reason);
        assert_string_equal(verdict.rule, rows[i].rule);
    }
    bx_policy_free(policy);
}

static void private_block_wins(void **state)
{
    static const char *const addresses[] = {
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:1:1::",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "::",
        "::1",
        "::127.0.0.1",
        "2001:db8::1",
    };
    bx_policy *policy = parse_policy("allowed-outbound-host:\n"
                                     "  - http://localhost\n"
                                     "  - http://0.0.0.0/0\n"
                                     "  - http://[::/0]\n"
                                     "block-network: private\n");
    bx_url url = make_url("http", "localhost", 80, "/");

    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        bx_address address = make_address(addresses[i]);
        bx_verdict verdict = bx_policy_check_address(policy, &url, &address);

        if (verdict.is_allowed)
            fail_msg("%s", addresses[i]);
        assert_string_equal(verdict.rule, "ci.yaml:5: block-network private");
    }
    bx_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deepest_mapping_decides),
        cmocka_unit_test(nothing_given_is_nothing_granted),
        cmocka_unit_test(grants_narrow_mappings),
        cmocka_unit_test(questions_ask_for_one_access),
        cmocka_unit_test(urls_are_judged),
        cmocka_unit_test(private_literals_need_a_name),
        cmocka_unit_test(localhost_may_be_ipv6_only),
        cmocka_unit_test(addresses_are_judged_when_dialled),
        cmocka_unit_test(private_block_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
