/* What a run is asked: each capability once, the answers kept, within a bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/run.h"

typedef struct asked_count {
    unsigned count;
    char last[64];
    const char *refused; /* a target that is not given */
} asked_count;

static bool on_need(void *context, const bx_need_event *event)
{
    asked_count *asked = context;

    asked->count++;
    snprintf(asked->last, sizeof(asked->last), "%s:%s", event->kind,
             event->target);
    return asked->refused == NULL || strcmp(event->target, asked->refused) != 0;
}

static bool need(bx_run *run, const char *kind, const char *target)
{
    return bx_run_need(run, kind, target, strlen(target));
}

static void asks_each_capability_once(void **state)
{
    asked_count seen = { 0 };
    bx_run run = { .need = on_need, .need_context = &seen };

    (void)state;
    assert_true(need(&run, "fs.read", "/a"));
    assert_string_equal(seen.last, "fs.read:/a");
    assert_true(need(&run, "fs.read", "/a"));
    assert_int_equal(seen.count, 1);
    assert_true(need(&run, "fs.write", "/a")); /* another kind */
    assert_string_equal(seen.last, "fs.write:/a");
    assert_true(need(&run, "fs.read", "/a/b"));
    assert_true(bx_run_need(&run, "fs.read", "/a/b/c", 2)); /* is "/a" */
    assert_int_equal(seen.count, 3);
    assert_true(need(&run, "fs.read", ""));
    assert_string_equal(seen.last, "fs.read:");
    assert_int_equal(seen.count, 4);
    bx_run_forget_needs(&run);
}

static void keeps_a_refusal(void **state)
{
    asked_count seen = { .refused = "/secret" };
    bx_run run = { .need = on_need, .need_context = &seen };

    (void)state;
    assert_false(need(&run, "fs.read", "/secret"));
    seen.refused = NULL; /* a person who changes their mind is not asked */
    assert_false(need(&run, "fs.read", "/secret"));
    assert_int_equal(seen.count, 1);
    bx_run_forget_needs(&run);
    assert_true(need(&run, "fs.read", "/secret"));
    assert_int_equal(seen.count, 2);
    bx_run_forget_needs(&run);
}

static void gives_all_without_a_listener(void **state)
{
    bx_run run = { .need = NULL };

    (void)state;
    assert_true(need(&run, "fs.read", "/a"));
    assert_null(run.needs);
    bx_run_forget_needs(&run);
}

/* Past the bound nothing is kept, and everything is still answered. */
static void bounds_what_it_keeps(void **state)
{
    asked_count seen = { .refused = "/f70000" };
    bx_run run = { .need = on_need, .need_context = &seen };
    char name[32];

    (void)state;
    for (unsigned i = 0; i < 70000; i++) {
        snprintf(name, sizeof(name), "/f%u", i);
        assert_true(need(&run, "fs.read", name));
    }
    assert_int_equal(seen.count, 70000);
    assert_true(need(&run, "fs.read", "/f65535")); /* the last that is kept */
    assert_int_equal(seen.count, 70000);
    assert_true(need(&run, "fs.read", "/f65536"));
    assert_int_equal(seen.count, 70001);
    assert_false(need(&run, "fs.read", "/f70000"));
    assert_false(need(&run, "fs.read", "/f70000"));
    assert_int_equal(seen.count, 70003);
    bx_run_forget_needs(&run);
}

static void bounds_the_bytes_it_keeps(void **state)
{
    enum { BYTES = 1 << 20 };
    asked_count seen = { 0 };
    bx_run run = { .need = on_need, .need_context = &seen };
    char *name = malloc(BYTES);

    (void)state;
    assert_non_null(name);
    memset(name, 'x', BYTES);
    for (int i = 0; i < 9; i++) {
        name[0] = (char)('a' + i);
        assert_true(bx_run_need(&run, "fs.read", name, BYTES));
    }
    name[0] = 'h'; /* the eighth MiB */
    assert_true(bx_run_need(&run, "fs.read", name, BYTES));
    assert_int_equal(seen.count, 9);
    name[0] = 'i';
    assert_true(bx_run_need(&run, "fs.read", name, BYTES));
    assert_int_equal(seen.count, 10);
    bx_run_forget_needs(&run);
    free(name);
}

static void on_deadline(void *context, int64_t deadline_ns)
{
    (void)deadline_ns;
    (*(unsigned *)context)++;
}

/* The time stands still while somebody is asked, and goes on for a note. */
static void stops_the_time_only_to_ask(void **state)
{
    asked_count seen = { 0 };
    unsigned moves = 0;
    bx_run run = { .need = on_need,
                   .need_context = &seen,
                   .deadline_ns = 1,
                   .on_deadline = on_deadline,
                   .on_deadline_context = &moves };

    (void)state;
    assert_true(need(&run, "fs.read", "/a"));
    assert_int_equal(moves, 2);
    run.is_need_noted = true;
    assert_true(need(&run, "fs.read", "/b"));
    assert_int_equal(moves, 2);
    assert_int_equal(seen.count, 2);
    bx_run_forget_needs(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_each_capability_once),
        cmocka_unit_test(keeps_a_refusal),
        cmocka_unit_test(gives_all_without_a_listener),
        cmocka_unit_test(bounds_what_it_keeps),
        cmocka_unit_test(bounds_the_bytes_it_keeps),
        cmocka_unit_test(stops_the_time_only_to_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
