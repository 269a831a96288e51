#include "net/curl_api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void loads_once(void **state)
{
    bx_error *err = NULL;
    const bx_curl_api *api = bx_curl_load(&err);

    (void)state;
    assert_non_null(api);
    assert_null(err);
    assert_ptr_equal(api, bx_curl_load(&err));
    assert_string_equal(api->easy_strerror(CURLE_OK), "No error");
}

static void expect_error(const char *soname, unsigned version, const char *say)
{
    bx_curl_api api;
    bx_error *err = NULL;

    assert_int_equal(bx_curl_open(soname, version, &api, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    if (strstr(bx_error_message(err), say) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), say);
    bx_error_free(err);
}

static void names_a_missing_library(void **state)
{
    (void)state;
    expect_error("libbxmissing.so.9", 0, "libbxmissing.so.9");
}

static void refuses_a_library_without_the_functions(void **state)
{
    (void)state;
    expect_error("libc.so.6", 0, "curl_easy_cleanup");
}

static void refuses_an_old_version(void **state)
{
    (void)state;
    expect_error(BX_CURL_SONAME, 0x630102, "99.1.2 or newer is needed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_once),
        cmocka_unit_test(names_a_missing_library),
        cmocka_unit_test(refuses_a_library_without_the_functions),
        cmocka_unit_test(refuses_an_old_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
