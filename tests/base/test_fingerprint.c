/* Equal bytes have equal fingerprints, others have others, of every length; and
 * no two keys are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fingerprint.h"

#define BYTES 300

static bx_fingerprint *make(void)
{
    bx_error *err = NULL;
    bx_fingerprint *fingerprint = bx_fingerprint_new(&err);

    if (fingerprint == NULL)
        fail_msg("%s", bx_error_message(err));
    return fingerprint;
}

static bool is_same(bx_fingerprint *fingerprint, const void *a, size_t a_bytes,
                    const void *b, size_t b_bytes)
{
    uint8_t of_a[BX_FINGERPRINT_BYTES];
    uint8_t of_b[BX_FINGERPRINT_BYTES];

    bx_fingerprint_of(fingerprint, a, a_bytes, of_a);
    bx_fingerprint_of(fingerprint, b, b_bytes, of_b);
    return memcmp(of_a, of_b, sizeof(of_a)) == 0;
}

static void knows_equal_bytes_again(void **state)
{
    bx_fingerprint *fingerprint = make();
    char a[BYTES];
    char b[BYTES + 1];

    (void)state;
    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    for (size_t bytes = 1; bytes <= BYTES; bytes++)
        assert_true(is_same(fingerprint, a, bytes, b + 1, bytes));
    bx_fingerprint_free(fingerprint);
}

/* One bit, anywhere; and one zero more, which a plain polynomial would not see.
 */
static void tells_others_apart(void **state)
{
    bx_fingerprint *fingerprint = make();
    char a[BYTES] = { 0 };
    char b[BYTES] = { 0 };

    (void)state;
    for (size_t bytes = 1; bytes < BYTES; bytes++) {
        assert_false(is_same(fingerprint, a, bytes, b, bytes + 1));
        b[bytes - 1] ^= 1;
        assert_false(is_same(fingerprint, a, bytes, b, bytes));
        b[bytes - 1] ^= 1;
    }
    bx_fingerprint_free(fingerprint);
}

static void has_a_key_of_its_own(void **state)
{
    bx_fingerprint *first = make();
    bx_fingerprint *second = make();
    uint8_t of_first[BX_FINGERPRINT_BYTES];
    uint8_t of_second[BX_FINGERPRINT_BYTES];

    (void)state;
    bx_fingerprint_of(first, "bytes", 5, of_first);
    bx_fingerprint_of(second, "bytes", 5, of_second);
    assert_memory_not_equal(of_first, of_second, sizeof(of_first));
    bx_fingerprint_free(first);
    bx_fingerprint_free(second);
    bx_fingerprint_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_equal_bytes_again),
        cmocka_unit_test(tells_others_apart),
        cmocka_unit_test(has_a_key_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
