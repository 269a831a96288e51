#include <string.h>

#include "policy/support.h"
#include "policy/unit.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void amounts_parse(void **state)
{
    static const struct {
        const char *text;
        bx_unit_kind kind;
        uint64_t value;
    } rows[] = {
        { "30", BX_UNIT_TIME, 30000 },
        { "30s", BX_UNIT_TIME, 30000 },
        { "500ms", BX_UNIT_TIME, 500 },
        { "2m", BX_UNIT_TIME, 120000 },
        { "1h", BX_UNIT_TIME, 3600000 },
        { "0.5", BX_UNIT_TIME, 500 },
        { "1.5s", BX_UNIT_TIME, 1500 },
        { "0.001s", BX_UNIT_TIME, 1 },
        { "4096", BX_UNIT_BYTES, 4096 },
        { "1B", BX_UNIT_BYTES, 1 },
        { "64KiB", BX_UNIT_BYTES, 65536 },
        { "64K", BX_UNIT_BYTES, 65536 },
        { "64k", BX_UNIT_BYTES, 65536 },
        { "1mib", BX_UNIT_BYTES, 1048576 },
        { "2g", BX_UNIT_BYTES, 2147483648 },
        { "1mb", BX_UNIT_BYTES, 1000000 },
        { "256MiB", BX_UNIT_BYTES, 268435456 },
        { "1GiB", BX_UNIT_BYTES, 1073741824 },
        { "1TiB", BX_UNIT_BYTES, 1099511627776 },
        { "10MB", BX_UNIT_BYTES, 10000000 },
        { "10kB", BX_UNIT_BYTES, 10000 },
        { "1.5GiB", BX_UNIT_BYTES, 1610612736 },
        { "0", BX_UNIT_COUNT, 0 },
        { "007", BX_UNIT_COUNT, 7 },
        { "10M", BX_UNIT_COUNT, 10000000 },
        { "1G", BX_UNIT_COUNT, 1000000000 },
        { "2.5K", BX_UNIT_COUNT, 2500 },
        { "18446744073709551615", BX_UNIT_COUNT, UINT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t value = 99;

        if (bx_unit_parse(rows[i].text, rows[i].kind, 0, UINT64_MAX, &value,
                          NULL) < 0)
            fail_msg("%s refused", rows[i].text);
        assert_int_equal(value, rows[i].value);
    }
}

static void nonsense_is_refused(void **state)
{
    static const struct {
        const char *text;
        bx_unit_kind kind;
        const char *why;
    } rows[] = {
        { "", BX_UNIT_TIME, "does not begin with a number" },
        { "s", BX_UNIT_TIME, "does not begin with a number" },
        { " 1s", BX_UNIT_TIME, "does not begin with a number" },
        { "+1s", BX_UNIT_TIME, "does not begin with a number" },
        { ".5s", BX_UNIT_TIME, "does not begin with a number" },
        { "-1", BX_UNIT_TIME, "is negative" },
        { "-1s", BX_UNIT_TIME, "is negative" },
        { "1.s", BX_UNIT_TIME, "has no digits behind the point" },
        { "1 s", BX_UNIT_TIME, "has an unknown unit" },
        { "1S", BX_UNIT_TIME, "has an unknown unit" },
        { "1d", BX_UNIT_TIME, "has an unknown unit" },
        { "1s1s", BX_UNIT_TIME, "has an unknown unit" },
        { "1e3", BX_UNIT_COUNT, "has an unknown unit" },
        { "0x10", BX_UNIT_COUNT, "has an unknown unit" },
        { "1.5.5", BX_UNIT_COUNT, "has an unknown unit" },
        { "1Ki", BX_UNIT_BYTES, "has an unknown unit" },
        { "1MM", BX_UNIT_BYTES, "has an unknown unit" },
        { "1s", BX_UNIT_BYTES, "has an unknown unit" },
        { "0.0001s", BX_UNIT_TIME, "does not come out whole" },
        { "0.0000000001h", BX_UNIT_TIME, "does not come out whole" },
        { "1.5", BX_UNIT_COUNT, "does not come out whole" },
        { "18446744073709551616", BX_UNIT_COUNT, "is too large" },
        { "99999999999999999999999", BX_UNIT_COUNT, "is too large" },
        { "18446744073709551615K", BX_UNIT_COUNT, "is too large" },
        { "18446744073709551615.5s", BX_UNIT_TIME, "is too large" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_error *err = NULL;
        uint64_t value = 99;

        assert_int_equal(bx_unit_parse(rows[i].text, rows[i].kind, 0,
                                       UINT64_MAX, &value, &err),
                         -1);
        assert_int_equal(value, 99);
        if (strstr(bx_error_message(err), rows[i].why) == NULL)
            fail_msg("%s: %s", rows[i].text, bx_error_message(err));
        bx_error_free(err);
    }
}

static void bounds_hold(void **state)
{
    bx_error *err = NULL;
    uint64_t value;

    (void)state;
    assert_int_equal(
        bx_unit_parse("1s", BX_UNIT_TIME, 1000, 2000, &value, NULL), 0);
    assert_int_equal(
        bx_unit_parse("2s", BX_UNIT_TIME, 1000, 2000, &value, NULL), 0);
    assert_int_equal(
        bx_unit_parse("999ms", BX_UNIT_TIME, 1000, 2000, &value, &err), -1);
    assert_string_equal(bx_error_message(err),
                        "'999ms' is too small; expected a time such as 30s, "
                        "500ms or 2m, from 1s to 2s");
    bx_error_free(err);
    err = NULL;
    assert_int_equal(
        bx_unit_parse("2001ms", BX_UNIT_TIME, 1000, 2000, &value, &err), -1);
    assert_string_equal(bx_error_message(err),
                        "'2001ms' is too large; expected a time such as 30s, "
                        "500ms or 2m, from 1s to 2s");
    bx_error_free(err);
}

static void amounts_format_back(void **state)
{
    static const uint64_t values[] = {
        0,       1,          2,          999,       1000,       1024,
        1025,    60000,      90000,      3600000,   65536,      1048576,
        1500000, 1073741824, 4294967296, INT64_MAX, UINT64_MAX,
    };

    (void)state;
    for (unsigned kind = BX_UNIT_TIME; kind <= BX_UNIT_COUNT; kind++) {
        for (size_t i = 0; i < COUNT(values); i++) {
            uint64_t value = 7;
            char text[32];

            bx_unit_format(values[i], (bx_unit_kind)kind, text);
            assert_int_equal(bx_unit_parse(text, (bx_unit_kind)kind, 0,
                                           UINT64_MAX, &value, NULL),
                             0);
            assert_int_equal(value, values[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_parse),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(amounts_format_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
