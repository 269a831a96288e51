/* Unified diffs of what a guest wrote: exact, and such that they can be
 * applied. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/diff.h"

/* The diff of one path. */
static bx_diff diff_of(const char *path)
{
    bx_autooverlay bx_overlay_store *store = open_store(BX_OVERLAY_LOOK);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    const bx_delta *row;
    bx_error *err = NULL;
    bx_diff diff;

    find(store, &deltas);
    row = row_of(&deltas, path);
    if (row == NULL)
        fail_msg("'%s' is no change", path);
    if (bx_diff_make(&deltas, row, &diff, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    return diff;
}

static void expect(const char *path, const char *text)
{
    bx_autodiff bx_diff diff = diff_of(path);

    assert_string_equal(diff.text.data, text);
}

static void shows_what_changed_with_context(void **state)
{
    (void)state;
    base_file("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n");
    up_file("a", "1\n2\nthree\n4\n5\n6\n7\n8\n9\n10\n11\n13\n14\n");
    expect("a", "diff --git a/a b/a\n"
                "--- a/a\n"
                "+++ b/a\n"
                "@@ -1,6 +1,6 @@\n"
                " 1\n 2\n-3\n+three\n 4\n 5\n 6\n"
                "@@ -9,6 +9,5 @@\n"
                " 9\n 10\n 11\n-12\n 13\n 14\n");
}

static void hunks_whose_context_meets_are_one(void **state)
{
    (void)state;
    base_file("a", "1\n2\n3\n4\n5\n6\n7\n8\n");
    up_file("a", "one\n2\n3\n4\n5\n6\n7\neight\n");
    expect("a", "diff --git a/a b/a\n"
                "--- a/a\n"
                "+++ b/a\n"
                "@@ -1,8 +1,8 @@\n"
                "-1\n+one\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+eight\n");
}

static void tells_of_a_line_without_an_end(void **state)
{
    (void)state;
    base_file("a", "1\n2");
    up_file("a", "1\n2\n");
    expect("a", "diff --git a/a b/a\n"
                "--- a/a\n"
                "+++ b/a\n"
                "@@ -1,2 +1,2 @@\n"
                " 1\n-2\n\\ No newline at end of file\n+2\n");
}

static void shows_files_that_came_and_went(void **state)
{
    (void)state;
    base_file("old", "x\n");
    base_file("empty", "");
    base_file("run", "same\n");
    gone("old");
    gone("empty");
    up_file("new", "y\n");
    up_link("link", "new");
    up_folder("folder");
    up_file("run", "same\n");
    assert_int_equal(chmod(in_up("run"), 0755), 0);
    expect("old", "diff --git a/old b/old\n"
                  "deleted file mode 100644\n"
                  "--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n");
    expect("empty", "diff --git a/empty b/empty\n"
                    "deleted file mode 100644\n");
    expect("new", "diff --git a/new b/new\n"
                  "new file mode 100644\n"
                  "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+y\n");
    expect("link", "diff --git a/link b/link\n"
                   "new file mode 120000\n"
                   "--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+new\n"
                   "\\ No newline at end of file\n");
    expect("folder", "diff --git a/folder b/folder\nnew folder, mode 0755\n");
    expect("run", "diff --git a/run b/run\n"
                  "old mode 100644\nnew mode 100755\n");
}

static void another_kind_is_shown_as_both(void **state)
{
    (void)state;
    base_link("a", "/etc/passwd");
    up_file("a", "text\n");
    expect("a", "diff --git a/a b/a\n"
                "deleted file mode 120000\n"
                "--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-/etc/passwd\n"
                "\\ No newline at end of file\n"
                "diff --git a/a b/a\n"
                "new file mode 100644\n"
                "--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+text\n");
}

static void binary_files_are_summed_up(void **state)
{
    bx_diff diff;

    (void)state;
    base_file("a", "x");
    record("a", false);
    write_text(in_up("a"), "");
    {
        FILE *file = fopen(in_up("a"), "w");

        assert_int_equal(fwrite("\0\1", 1, 2, file), 2);
        assert_int_equal(fclose(file), 0);
    }
    diff = diff_of("a");
    assert_false(diff.is_lines);
    assert_string_equal(
        diff.text.data,
        "diff --git a/a b/a\n"
        "Binary files a/a and b/a differ\n"
        "before: 1 bytes, sha256 "
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"
        "after: 2 bytes, sha256 "
        "b413f47d13ee2fe6c845b2ee141af81de858df4ec549a58b7970bb96645bc8d2\n");
    bx_diff_clear(&diff);
}

/* One byte more than is compared by line. */
static void large_files_are_summed_up(void **state)
{
    bx_autofree char *text = malloc(BX_DIFF_MAX_BYTES + 2);
    bx_diff diff;

    (void)state;
    memset(text, 'a', BX_DIFF_MAX_BYTES);
    text[BX_DIFF_MAX_BYTES] = '\0';
    up_file("fits", text);
    memcpy(text + BX_DIFF_MAX_BYTES, "a", 2);
    up_file("over", text);
    diff = diff_of("fits");
    assert_true(diff.is_lines);
    bx_diff_clear(&diff);
    diff = diff_of("over");
    assert_false(diff.is_lines);
    assert_true(diff.text.len < 400);
    bx_diff_clear(&diff);
}

/* A name cannot pretend to be a line of the diff, or act on a terminal. */
static void names_are_quoted(void **state)
{
    (void)state;
    record("x", false);
    write_text(in_up("a\n+++ b\"\\\x1b[2J\xe2\x80\xae"), "");
    expect("a\n+++ b\"\\\x1b[2J\xe2\x80\xae",
           "diff --git \"a/a\\012+++ b\\042\\134\\033[2J\\342\\200\\256\" "
           "\"b/a\\012+++ b\\042\\134\\033[2J\\342\\200\\256\"\n"
           "new file mode 100644\n");
}

/* ---- applying -------------------------------------------------------- */

static uint64_t random_state = 1;

static unsigned random_below(unsigned count)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % count;
}

static char *random_text(void)
{
    bx_buf text = BX_BUF_INIT;
    unsigned lines = random_below(40);

    for (unsigned i = 0; i < lines; i++)
        assert_int_equal(bx_buf_printf(&text, "%.*s\n", (int)random_below(3),
                                       random_below(2) ? "-+" : "@ "),
                         0);
    if (random_below(3) == 0)
        assert_int_equal(bx_buf_puts(&text, "end"), 0);
    return bx_buf_take(&text);
}

/* A few lines of it changed. */
static char *random_change(const char *text)
{
    bx_buf out = BX_BUF_INIT;

    while (*text != '\0') {
        size_t bytes = strcspn(text, "\n");

        bytes += text[bytes] == '\n' ? 1 : 0;
        if (random_below(8) == 0)
            assert_int_equal(bx_buf_puts(&out, "new\n"), 0);
        if (random_below(8) != 0)
            assert_int_equal(bx_buf_append(&out, text, bytes, SIZE_MAX), 0);
        text += bytes;
    }
    return bx_buf_take(&out);
}

static void patches_apply(void **state)
{
    char command[900];

    (void)state;
    if (system("git --version >/dev/null 2>&1") != 0)
        skip();
    for (int i = 0; i < 60; i++) {
        bx_autofree char *before = random_text();
        bx_autofree char *after = random_change(before);
        bx_autodiff bx_diff diff = { .text = BX_BUF_INIT };
        char patch[400];

        assert_int_equal(remove_world(NULL), 0);
        assert_int_equal(make_world(NULL), 0);
        base_file("f", before);
        up_file("f", after);
        if (strcmp(before, after) == 0)
            continue;
        diff = diff_of("f");
        snprintf(patch, sizeof(patch), "%s/patch", test_dir);
        write_text(patch, diff.text.data);
        snprintf(command, sizeof(command),
                 "cd '%s' && git apply --whitespace=nowarn --unsafe-paths '%s'",
                 base_dir, patch);
        if (system(command) != 0)
            fail_msg("git does not apply:\n%s", diff.text.data);
        assert_base("f", after);
    }
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shows_what_changed_with_context),
        TEST(hunks_whose_context_meets_are_one),
        TEST(tells_of_a_line_without_an_end),
        TEST(shows_files_that_came_and_went),
        TEST(another_kind_is_shown_as_both),
        TEST(binary_files_are_summed_up),
        TEST(large_files_are_summed_up),
        TEST(names_are_quoted),
        TEST(patches_apply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
