/* Budgets: each is reached once, and says which it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/budget.h"

#define MS INT64_C(1000000)

static bx_spending begin(bx_agent_budget budget)
{
    bx_spending spending;

    bx_spending_begin(&spending, &budget, 1000 * MS);
    return spending;
}

static const char *turn(bx_spending *spending)
{
    return bx_spending_refuse_turn(spending, 0, 0, 1000 * MS);
}

static void add_call(bx_spending *spending, const char *name, const char *given,
                     bool is_error, const char *got)
{
    json_t *input = json_pack("{s:s}", "command", given);
    json_t *content = json_pack("[{s:s}]", "text", got);

    assert_int_equal(
        bx_spending_add_call(spending, name, input, is_error, content, NULL),
        0);
    json_decref(input);
    json_decref(content);
}

static void says(const char *why, const char *part)
{
    if (why == NULL || strstr(why, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, why != NULL ? why : "(none)");
}

static void defaults_hold(void **state)
{
    bx_spending spending = begin((bx_agent_budget){ 0 });
    const bx_usage usage = { .input_tokens = UINT64_MAX,
                             .output_tokens = UINT64_MAX };

    (void)state;
    assert_int_equal(bx_spending_output_left(&spending), UINT64_MAX);
    for (int i = 0; i < 100; i++) {
        assert_null(turn(&spending));
        bx_spending_add_turn(&spending, &usage, -1);
    }
    says(turn(&spending), "100 turns");
    assert_null(bx_spending_refuse_call(&spending, 3600999 * MS));
    says(bx_spending_refuse_call(&spending, 3601000 * MS), "3600000 ms");
    for (int i = 0; i < 500; i++) {
        assert_null(bx_spending_refuse_call(&spending, 0));
        add_call(&spending, "bash", i % 2 == 0 ? "a" : "b", false, "x");
    }
    says(bx_spending_refuse_call(&spending, 0), "500 calls");
}

static void none_is_none(void **state)
{
    bx_spending spending =
        begin((bx_agent_budget){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                 0, UINT64_MAX, UINT64_MAX, UINT64_MAX });

    (void)state;
    spending.turns = spending.calls = spending.failures = spending.repeats =
        spending.input_tokens = spending.output_tokens = UINT64_MAX;
    assert_null(
        bx_spending_refuse_turn(&spending, UINT64_MAX, -1, INT64_MAX - 1));
    assert_null(bx_spending_refuse_call(&spending, INT64_MAX - 1));
    assert_int_equal(bx_spending_deadline_ns(&spending), INT64_MAX);
}

static void tokens_are_counted(void **state)
{
    bx_spending spending =
        begin((bx_agent_budget){ .input_tokens = 100, .output_tokens = 10 });
    const bx_usage usage = { .input_tokens = 20,
                             .output_tokens = 4,
                             .cache_read_tokens = 30,
                             .cache_write_tokens = 10 };

    (void)state;
    assert_null(bx_spending_refuse_turn(&spending, 100, 0, 0));
    says(bx_spending_refuse_turn(&spending, 101, 0, 0), "100 input tokens");
    bx_spending_add_turn(&spending, &usage, 0);
    assert_int_equal(spending.input_tokens, 60);
    assert_int_equal(bx_spending_output_left(&spending), 6);
    assert_null(bx_spending_refuse_turn(&spending, 40, 0, 0));
    says(bx_spending_refuse_turn(&spending, 41, 0, 0), "about 41");
    says(bx_spending_refuse_turn(&spending, UINT64_MAX, 0, 0), "input tokens");
    bx_spending_add_turn(&spending, &usage, 0);
    says(turn(&spending), "100 input tokens");
    bx_spending_add_turn(&spending, &usage, 0);
    says(turn(&spending), "10 output tokens");
    assert_int_equal(bx_spending_output_left(&spending), 0);
}

static void money_is_counted(void **state)
{
    bx_spending spending = begin((bx_agent_budget){ .cost = 1.0 });
    const bx_usage usage = { 0 };

    (void)state;
    assert_null(bx_spending_refuse_turn(&spending, 0, 1.0, 0));
    says(bx_spending_refuse_turn(&spending, 0, 1.01, 0), "$1.0000");
    says(bx_spending_refuse_turn(&spending, 0, -1, 0), "no prices");
    says(bx_spending_refuse_turn(&spending, 0, 0.0 / 0.0, 0), "no prices");
    bx_spending_add_turn(&spending, &usage, 0.75);
    assert_null(bx_spending_refuse_turn(&spending, 0, 0.25, 0));
    says(bx_spending_refuse_turn(&spending, 0, 0.26, 0), "cost budget");
    bx_spending_add_turn(&spending, &usage, 0.25);
    says(turn(&spending), "cost budget");
    spending = begin((bx_agent_budget){ .cost = 1.0 });
    bx_spending_add_turn(&spending, &usage, -1);
    says(turn(&spending), "no prices");
    spending = begin((bx_agent_budget){ .cost = -5 });
    says(turn(&spending), "cost budget");
}

static void time_stands_still_while_people_are_asked(void **state)
{
    bx_spending spending = begin((bx_agent_budget){ .time_ms = 500 });

    (void)state;
    assert_int_equal(bx_spending_deadline_ns(&spending), 1500 * MS);
    assert_null(bx_spending_refuse_turn(&spending, 0, 0, 1499 * MS));
    says(bx_spending_refuse_turn(&spending, 0, 0, 1500 * MS), "500 ms");
    bx_spending_pause(&spending, 1400 * MS);
    bx_spending_pause(&spending, 1450 * MS);
    assert_int_equal(bx_spending_deadline_ns(&spending), INT64_MAX);
    bx_spending_resume(&spending, 9400 * MS);
    bx_spending_resume(&spending, 9999 * MS);
    assert_null(bx_spending_refuse_call(&spending, 9499 * MS));
    says(bx_spending_refuse_call(&spending, 9500 * MS), "time");
}

static void failures_in_a_row_end_it(void **state)
{
    bx_spending spending = begin((bx_agent_budget){ .failures = 2 });

    (void)state;
    add_call(&spending, "bash", "a", true, "x");
    add_call(&spending, "bash", "b", false, "x");
    add_call(&spending, "bash", "c", true, "x");
    assert_null(turn(&spending));
    add_call(&spending, "bash", "d", true, "x");
    says(turn(&spending), "2 calls in a row failed");
    says(bx_spending_refuse_call(&spending, 0), "failures");
}

static void the_same_again_ends_it(void **state)
{
    bx_spending spending = begin((bx_agent_budget){ 0 });

    (void)state;
    add_call(&spending, "bash", "a", false, "x");
    add_call(&spending, "bash", "a", false, "x");
    assert_null(turn(&spending));
    add_call(&spending, "bash", "a", false, "y"); /* another result */
    add_call(&spending, "bash", "b", false, "y"); /* another input */
    add_call(&spending, "sh", "b", false, "y");   /* another tool */
    add_call(&spending, "sh", "b", true, "y");    /* another end */
    assert_int_equal(spending.repeats, 1);
    add_call(&spending, "sh", "b", true, "y");
    assert_null(turn(&spending));
    add_call(&spending, "sh", "b", true, "y");
    says(turn(&spending), "3 times");
    says(bx_spending_refuse_call(&spending, 0), "repeats");
}

static void the_order_of_members_is_no_difference(void **state)
{
    bx_spending spending = begin((bx_agent_budget){ 0 });
    json_t *one = json_pack("{s:i,s:i}", "a", 1, "b", 2);
    json_t *two = json_pack("{s:i,s:i}", "b", 2, "a", 1);
    json_t *content = json_array();
    bx_autoerror bx_error *err = NULL;

    (void)state;
    assert_int_equal(
        bx_spending_add_call(&spending, "x", one, false, content, NULL), 0);
    assert_int_equal(
        bx_spending_add_call(&spending, "x", two, false, content, NULL), 0);
    assert_int_equal(spending.repeats, 2);
    assert_int_equal(
        bx_spending_add_call(&spending, "x", two, false, NULL, &err), -1);
    assert_int_equal(spending.repeats, 3);
    json_decref(one);
    json_decref(two);
    json_decref(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(none_is_none),
        cmocka_unit_test(tokens_are_counted),
        cmocka_unit_test(money_is_counted),
        cmocka_unit_test(time_stands_still_while_people_are_asked),
        cmocka_unit_test(failures_in_a_row_end_it),
        cmocka_unit_test(the_same_again_ends_it),
        cmocka_unit_test(the_order_of_members_is_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
