/* Calls in workers end as they do in this process. */
#include <string.h>

#include "worker/support_pool.h"

static void runs_and_exits(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box =
        make_box(pool, PLAIN(IMPORT_EXIT, "(call $exit (i32.const 7))"), NULL);

    (void)state;
    for (int i = 0; i < 3; i++) {
        bx_result *result = run_box(&box, NULL, NULL);

        assert_string_equal(bx_result_message(result), "");
        assert_int_equal(bx_result_code(result), BX_OK);
        assert_int_equal(bx_result_exit_code(result), 7);
        bx_result_free(result);
    }
    free_box(&box);
    bx_worker_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_exits),
    };

    POOL_MAIN(argc, argv);
    return cmocka_run_group_tests(tests, make_pool_home, remove_pool_home);
}
