/* Files that name servers: what is wrong with them, and whose they are. */
#include "support_hub.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mcp/client_servers.h"

static void names_what_is_wrong_with_a_file(void **state)
{
    static const char *const files[][2] = {
        { "{", "not valid JSON" },
        { "{}", "expected {\"mcpServers\"" },
        { "{\"mcpServers\": {\"a\": {}}}", "either \"command\" or \"url\"" },
        { "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"url\": \"y\"}}}",
          "either" },
        { "{\"mcpServers\": {\"a b\": {\"command\": \"x\"}}}", "the name" },
        { "{\"mcpServers\": {\"a\": {\"command\": 5}}}", "\"command\"" },
        { "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"netwrok\": true}}}",
          "unknown key \"netwrok\"" },
        { "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"args\": [1]}}}",
          "\"args\"" },
        { "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"env\": "
          "{\"A=B\": \"c\"}}}}",
          "\"env\"" },
        { "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"level\": "
          "\"all\"}}}",
          "\"level\"" },
        { "{\"mcpServers\": {\"a\": {\"command\": \"x\"}, \"A\": {\"command\": "
          "\"x\"}}}",
          "another's before it" },
        { "{\"mcpServers\": {\"a\": {\"url\": \"ftp://x\"}}}", "https://" },
        { "{\"mcpServers\": {\"a\": {\"type\": \"sse\", \"url\": "
          "\"https://x\"}}}",
          "\"sse\"" },
    };
    const bx_servers_place place = { .workspace = work };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        bx_remote_servers servers;
        bx_error *err = NULL;

        write_at(USER_FILE, files[i][0]);
        assert_int_equal(bx_remote_servers_load(&place, &servers, &err), -1);
        if (strstr(bx_error_message(err), files[i][1]) == NULL ||
            strstr(bx_error_message(err), "mcp.json") == NULL)
            fail_msg("%s: %s", files[i][0], bx_error_message(err));
        bx_error_free(err);
    }
}

static void refuses_a_file_that_others_write(void **state)
{
    const bx_servers_place place = { .workspace = work };
    bx_autofree char *path = at_home(USER_FILE);
    bx_remote_servers servers;
    bx_error *err = NULL;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    chmod(path, 0666);
    assert_int_equal(bx_remote_servers_load(&place, &servers, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
}

static void follows_no_link_out_of_a_workspace(void **state)
{
    const bx_servers_place place = { .workspace = work };
    bx_autofree char *link = at_home(WORK_FILE);
    bx_autoservers bx_remote_servers servers = { 0 };

    (void)state;
    configure("elsewhere.json", "one", "fine", "");
    assert_int_equal(symlink("../elsewhere.json", link), 0);
    assert_int_equal(bx_remote_servers_load(&place, &servers, NULL), 0);
    assert_int_equal(servers.count, 0);
    assert_non_null(servers.problem);
}

static void does_without_a_variable_that_is_not_set(void **state)
{
    const bx_servers_place place = { .workspace = work };
    bx_autoservers bx_remote_servers servers = { 0 };

    (void)state;
    unsetenv("TEST_NONE");
    configure(USER_FILE, "one", "fine", ", \"env\": {\"A\": \"${TEST_NONE}\"}");
    assert_int_equal(bx_remote_servers_load(&place, &servers, NULL), 0);
    assert_non_null(strstr(servers.items[0]->problem, "TEST_NONE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_what_is_wrong_with_a_file,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(refuses_a_file_that_others_write,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(follows_no_link_out_of_a_workspace,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(does_without_a_variable_that_is_not_set,
                                        make_home, remove_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
