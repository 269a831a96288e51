/* What writes in the workspace without a sandbox is held against the policy as
 * a guest would be. */
#include "support_registry.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/grant.h"

static const char note[] = ".boxagnts/memory/a.md";

static bx_policy *policy_of(const char *text)
{
    bx_error *err = NULL;
    bx_policy *policy =
        bx_policy_parse(text, strlen(text), "test.yaml", "/", &err);

    if (policy == NULL)
        fail_msg("%s", bx_error_message(err));
    return policy;
}

/* Open with a policy whose "WS" is the workspace; takes none: the default. */
static bx_registry *open_with(const char *form)
{
    char text[1024];
    bx_policy *policy;
    bx_registry *registry;

    if (form == NULL)
        return open_registry(NULL, NULL, false);
    (void)snprintf(text, sizeof(text), form, test_workspace, test_workspace);
    policy = policy_of(text);
    registry = open_registry(policy, NULL, false);
    bx_policy_free(policy);
    return registry;
}

static void check(const char *form, const char *refusal)
{
    bx_registry *registry = open_with(form);
    bx_error *err = NULL;
    int status = bx_registry_check_write(registry, "memory", NULL, note, &err);

    if (refusal == NULL && status < 0)
        fail_msg("%s: %s", form, bx_error_message(err));
    if (refusal != NULL) {
        assert_int_equal(status, -1);
        assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
        assert_contains(bx_error_message(err), refusal);
        bx_error_free(err);
    }
    bx_registry_free(registry);
}

static void allows_what_the_workspace_gives(void **state)
{
    (void)state;
    check(NULL, NULL);
    check("map-dir: [\"%s::/work\"]\n", NULL);
}

static void refuses_a_workspace_that_is_read_only(void **state)
{
    (void)state;
    check("map-dir: [\"%s::/::ro\"]\n", "read-only");
}

static void refuses_what_is_not_mapped(void **state)
{
    (void)state;
    check("map-dir: [\"%s/.boxagnts/tools::/\"]\n", "not mapped");
    check("permission-level: write\n", "not mapped");
}

static void refuses_what_another_folder_hides(void **state)
{
    (void)state;
    check("map-dir: [\"%s::/\", \"%s/.boxagnts/tools::/.boxagnts\"]\n",
          "not mapped");
}

static void refuses_below_the_level(void **state)
{
    (void)state;
    check("map-dir: [\"%s::/\"]\npermission-level: read_only\n",
          "permission-level");
    check("map-dir: [\"%s::/\"]\ntool-level: [\"memory=read_only\"]\n",
          "tool-level");
}

static void refuses_beside_an_overlay(void **state)
{
    char text[1024];
    bx_policy *policy;
    bx_registry *registry;
    bx_error *err = NULL;

    (void)state;
    (void)snprintf(text, sizeof(text), "map-dir: [\"%s::/\"]\n",
                   test_workspace);
    policy = policy_of(text);
    assert_int_equal(bx_policy_set_overlay(policy, test_home, NULL), 0);
    registry = open_registry(policy, NULL, false);
    bx_policy_free(policy);

    assert_int_equal(
        bx_registry_check_write(registry, "memory", NULL, note, &err), -1);
    assert_contains(bx_error_message(err), "overlay");
    bx_error_free(err);
    bx_registry_free(registry);
}

static void refuses_what_the_session_narrows(void **state)
{
    bx_registry *registry = open_with(NULL);
    bx_grants *grants = bx_grants_new();
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_grants_add(grants, "fs.read:/", "test", NULL), 0);
    assert_int_equal(
        bx_registry_check_write(registry, "memory", grants, note, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
    bx_grants_free(grants);
    bx_registry_free(registry);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)
        CASE(allows_what_the_workspace_gives),
        CASE(refuses_a_workspace_that_is_read_only),
        CASE(refuses_what_is_not_mapped),
        CASE(refuses_what_another_folder_hides),
        CASE(refuses_below_the_level),
        CASE(refuses_beside_an_overlay),
        CASE(refuses_what_the_session_narrows),
#undef CASE
    };

    return cmocka_run_group_tests(tests, make_engine, free_engine);
}
