#include "manifest/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tool/cases.h"
#include "tool/template.h"

/* The sources lie as share/boxagnts/sdk does, so that no guest need be built;
 * only the JSON library of C is missing here. */
static const char *sdk_dir(void)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/guests/sdk", getenv("BX_SOURCE_DIR"));
    return path;
}

static int enter_folder(void **state)
{
    char path[] = "/tmp/bx-template-XXXXXX";

    *state = strdup(mkdtemp(path));
    return chdir(*state);
}

static int leave_folder(void **state)
{
    char command[128];
    int status;

    snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
    status = chdir("/") < 0 ? -1 : system(command);
    free(*state);
    return status;
}

/* Its manifest and its cases are ones that we read. */
static void templates_are_sound(void **state)
{
    static const char *const langs[] = { "c", "rust", "js", "python" };

    (void)state;
    for (size_t i = 0; i < COUNT(langs); i++) {
        char path[256];
        char *text;
        size_t bytes;
        bx_error *err = NULL;
        bx_manifest *manifest;
        bx_cases *cases;

        if (bx_template_write(langs[i], "my-tool", langs[i], sdk_dir(), &err) <
            0)
            fail_msg("%s", bx_error_message(err));
        snprintf(path, sizeof(path), "%s/my-tool.tool.yaml", langs[i]);
        assert_int_equal(bx_file_read(path, 65536, &text, &bytes, &err), 0);
        manifest = bx_manifest_parse(text, bytes, path, &err);
        if (manifest == NULL)
            fail_msg("%s", bx_error_message(err));
        assert_string_equal(manifest->name, "my-tool");
        bx_manifest_free(manifest);
        free(text);
        snprintf(path, sizeof(path), "%s/tests.yaml", langs[i]);
        assert_int_equal(bx_file_read(path, 65536, &text, &bytes, &err), 0);
        cases = bx_cases_parse(text, bytes, path, &err);
        if (cases == NULL)
            fail_msg("%s", bx_error_message(err));
        bx_cases_free(cases);
        free(text);
        snprintf(path, sizeof(path), "%s/Makefile", langs[i]);
        assert_int_equal(bx_file_read(path, 65536, &text, &bytes, &err), 0);
        assert_null(strstr(text, "@NAME@"));
        free(text);
    }
}

static void the_c_sdk_goes_along(void **state)
{
    struct stat st;
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_template_write("c", "a", NULL, sdk_dir(), &err), 0);
    assert_int_equal(stat("a/sdk/boxagnts_tool.h", &st), 0);
    assert_int_equal(stat("a/main.c", &st), 0);
}

static void nothing_is_overwritten(void **state)
{
    struct stat st;
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(mkdir("there", 0700), 0);
    assert_int_equal(bx_template_write("js", "there", NULL, sdk_dir(), &err),
                     -1);
    assert_error(err, BX_ERR_INVALID,
                 "'there' is there already; expected a new folder's name");
    assert_int_equal(stat("there/Makefile", &st), -1);
}

static void bad_requests_are_explained(void **state)
{
    struct stat st;
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_template_write("cobol", "a", NULL, "/x", &err), -1);
    assert_error(err, BX_ERR_INVALID,
                 "'cobol' is no language with a template; expected c, rust, js "
                 "or python (any other that compiles to wasm32-wasi works by "
                 "hand, see docs/tools.md)");
    err = NULL;
    assert_int_equal(bx_template_write("c", "../a", NULL, sdk_dir(), &err), -1);
    assert_error(err, BX_ERR_INVALID,
                 "'../a' is no tool's name; expected 1 to 64 letters, digits, "
                 "'-' and '_'");
    err = NULL;
    assert_int_equal(bx_template_write("c", "none", NULL, "/nowhere", &err),
                     -1);
    assert_error(err, BX_ERR_NOT_FOUND,
                 "no template '/nowhere/templates/c'; expected an installed "
                 "share/boxagnts/sdk: No such file or directory");
    assert_int_equal(stat("none", &st), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(templates_are_sound, enter_folder,
                                        leave_folder),
        cmocka_unit_test_setup_teardown(the_c_sdk_goes_along, enter_folder,
                                        leave_folder),
        cmocka_unit_test_setup_teardown(nothing_is_overwritten, enter_folder,
                                        leave_folder),
        cmocka_unit_test_setup_teardown(bad_requests_are_explained,
                                        enter_folder, leave_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
