/* Commits: all, some, forced, refused, and against a base that is changed at
 * the worst moment. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/apply.h"
#include "policy/grant.h"
#include "policy/policy.h"

static void expect_commit(const bx_commit_options *options)
{
    if (commit(options) < 0)
        fail_msg("%s", last_message);
}

static void expect_refusal(const bx_commit_options *options, const char *word)
{
    assert_int_equal(commit(options), -1);
    assert_int_equal(last_code, BX_ERR_DENIED);
    if (strstr(last_message, word) == NULL)
        fail_msg("'%s' does not say '%s'", last_message, word);
}

static bool has_overlay(void)
{
    struct stat stat;

    return lstat(overlay_dir, &stat) == 0;
}

static size_t count_left(void)
{
    bx_autooverlay bx_overlay_store *store = open_store(BX_OVERLAY_LOOK);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_deltas_count sum;

    find(store, &deltas);
    sum = bx_deltas_sum(&deltas);
    return sum.added + sum.modified + sum.removed;
}

/* ---- hostile --------------------------------------------------------- */

static void forge(const char *text)
{
    char path[400];
    FILE *log;

    snprintf(path, sizeof(path), "%s/base.log", overlay_dir);
    log = fopen(path, "w");
    assert_non_null(log);
    fputs(text, log);
    assert_int_equal(fclose(log), 0);
}

/* Native code in a run has base.log open: it says what it likes there. That
 * decides what is called a conflict, and neither which paths are written nor
 * what is written there. */
static void a_forged_record_leads_nowhere(void **state)
{
    static const char forged[] =
        "{\"mapping\": 0, \"path\": \"../outside\", \"kind\": \"none\"}\n"
        "{\"mapping\": 0, \"path\": \"/etc/outside\", \"kind\": \"none\"}\n"
        "{\"mapping\": 0, \"path\": \"\", \"kind\": \"none\"}\n"
        "{\"mapping\": 9999999999, \"path\": \"a\", \"kind\": \"file\"}\n"
        "{\"mapping\": 0, \"path_hex\": \"2e2e2f6f757473696465\", "
        "\"kind\": \"none\"}\n"
        "{\"mapping\": 0, \"path\": \"a\", \"kind\": \"file\", "
        "\"size\": -1, \"mtime_ns\": 1e400, \"ino\": -5, \"mode\": \"x\", "
        "\"sha256\": \"../../x\"}\n"
        "{\"mapping\": 0, \"path\": \"b\", \"kind\": \"device\"}\n";
    static const bx_commit_options by_force = { .is_forced = true };
    bx_autofree char *before = NULL;
    bx_autofree char *after = NULL;
    char outside[400];

    (void)state;
    snprintf(outside, sizeof(outside), "%s/outside", test_dir);
    write_text(outside, "outside");
    base_file("a", "1");
    base_file("b", "1");
    base_file("c", "1");
    write_text(in_up("a"), "2");
    write_text(in_up("b"), "2");
    forge(forged);
    before = dump_tree(base_dir);
    expect_refusal(NULL, "2 in conflict");
    after = dump_tree(base_dir);
    assert_string_equal(before, after);
    expect_commit(&by_force);
    assert_base("a", "2");
    assert_base("b", "2");
    assert_base("c", "1");
    free(after);
    after = read_text(outside);
    assert_string_equal(after, "outside");
}

/* Nor does what it writes there fill the memory of who commits: what is longer
 * than a run's lines, though it is whole, is none. */
static void a_line_that_is_too_long_is_none(void **state)
{
    enum { LONG_BYTES = 65 << 10 };
    static const char record[] =
        "{\"mapping\": 0, \"path\": \"a\", \"kind\": \"none\"}";
    bx_autofree char *text = malloc(sizeof(record) + LONG_BYTES + 1);

    (void)state;
    assert_non_null(text);
    base_file("a", "1");
    strcpy(text, record);
    memset(text + strlen(record), ' ', LONG_BYTES);
    strcpy(text + strlen(record) + LONG_BYTES, "\n");
    forge(text);
    up_file("a", "2"); /* its record is the first, then */
    expect_commit(NULL);
    assert_base("a", "2");
}

/* ---- works ----------------------------------------------------------- */

static void commits_all_and_drops(void **state)
{
    struct stat up;
    struct stat base;
    char content[16] = "";

    (void)state;
    base_file("a", "old");
    base_file("d/x", "x");
    base_file("d/deep/y", "y");
    record("d/x", false);
    record("d/deep", false);
    record("d/deep/y", false);
    gone("d");
    up_file("a", "new");
    up_file("n/e/w", "w");
    up_link("link", "/etc/passwd");
    assert_int_equal(chmod(in_up("a"), 0640), 0);
    assert_int_equal(utimensat(AT_FDCWD, in_up("a"),
                               (struct timespec[]){ { 5, 0 }, { 6, 7 } }, 0),
                     0);
    assert_int_equal(stat(in_up("a"), &up), 0);
    expect_commit(NULL);
    assert_base("a", "new");
    assert_base("n/e/w", "w");
    assert_no_base("d");
    assert_int_equal(stat(in_base("a"), &base), 0);
    assert_int_equal(base.st_mode & 07777, 0640);
    assert_int_equal(base.st_mtim.tv_sec, 6);
    assert_int_equal(base.st_mtim.tv_nsec, 7);
    assert_int_equal(readlink(in_base("link"), content, 15), 11);
    assert_string_equal(content, "/etc/passwd");
    assert_false(has_overlay());
}

static void commits_some_and_keeps_the_rest(void **state)
{
    static const char *const some[] = { "n/a" };
    static const bx_commit_options options = { .only = some, .only_count = 1 };

    (void)state;
    base_file("x", "old");
    up_file("x", "new");
    record("n", false);
    up_file("n/a", "a");
    up_file("n/b", "b");
    expect_commit(&options);
    assert_base("n/a", "a");
    assert_no_base("n/b");
    assert_base("x", "old");
    assert_int_equal(count_left(), 2);
    /* What a later run does to a committed file is no conflict. */
    up_file("n/a", "again");
    expect_commit(NULL);
    assert_base("n/a", "again");
    assert_base("n/b", "b");
    assert_base("x", "new");
    assert_false(has_overlay());
}

/* The mark that hides the old folder is still needed, and so is what it would
 * hide. */
static void a_part_of_a_folder_made_anew_stays_seen(void **state)
{
    static const char *const some[] = { "d/2" };
    static const bx_commit_options options = { .only = some, .only_count = 1 };

    (void)state;
    base_file("d/1", "1");
    record("d/1", false);
    up_file("d/2", "2");
    up_file("d/3", "3");
    gone("d");
    expect_commit(&options);
    assert_base("d/2", "2");
    assert_base("d/1", "1");
    assert_int_equal(count_left(), 2);
    expect_commit(NULL);
    assert_base("d/2", "2");
    assert_base("d/3", "3");
    assert_no_base("d/1");
}

static void paths_are_of_the_current_folder_too(void **state)
{
    static const char *const some[] = { "../d/./x" };
    static const bx_commit_options options = { .only = some, .only_count = 1 };
    static const char *const none[] = { "elsewhere" };
    static const bx_commit_options wrong = { .only = none, .only_count = 1 };

    (void)state;
    base_folder("e");
    up_file("d/x", "x");
    up_file("x", "y");
    assert_int_equal(chdir(in_base("e")), 0);
    expect_commit(&options);
    assert_base("d/x", "x");
    assert_no_base("x");
    assert_int_equal(commit(&wrong), -1);
    assert_int_equal(last_code, BX_ERR_NOT_FOUND);
    assert_no_base("x");
}

static void keeps_an_empty_overlay(void **state)
{
    static const bx_commit_options options = { .is_kept = true };

    (void)state;
    base_file("a", "old");
    base_file("d/1", "1");
    record("d/1", false);
    up_file("d/2", "2");
    gone("d");
    up_file("a", "new");
    expect_commit(&options);
    assert_true(has_overlay());
    assert_int_equal(count_left(), 0);
    assert_base("d/2", "2");
    assert_no_base("d/1");
    write_text(in_base("a"), "by hand");
    up_file("a", "newer");
    expect_commit(&options);
    assert_base("a", "newer");
}

static void a_set_user_bit_does_not_come_along(void **state)
{
    struct stat stat_;

    (void)state;
    up_file("a", "x");
    assert_int_equal(chmod(in_up("a"), 06755), 0);
    expect_commit(NULL);
    assert_int_equal(stat(in_base("a"), &stat_), 0);
    assert_int_equal(stat_.st_mode & 07777, 0755);
}

static void an_empty_one_is_dropped(void **state)
{
    (void)state;
    base_file("a", "x");
    expect_commit(NULL);
    assert_false(has_overlay());
    assert_base("a", "x");
}

/* ---- refused --------------------------------------------------------- */

static void a_conflict_refuses_all_of_it(void **state)
{
    static const bx_commit_options forced = { .is_forced = true };
    static const char *const some[] = { "b" };
    static const bx_commit_options only = { .only = some, .only_count = 1 };

    (void)state;
    base_file("a", "1");
    base_file("b", "1");
    base_file("z", "1");
    up_file("a", "2");
    up_file("b", "2");
    up_file("z", "2");
    write_text(in_base("z"), "by hand");
    expect_refusal(NULL, "1 in conflict");
    assert_base("a", "1");
    assert_base("z", "by hand");
    expect_commit(&only);
    assert_base("b", "2");
    assert_base("a", "1");
    expect_commit(&forced);
    assert_base("a", "2");
    assert_base("z", "2");
}

static void what_is_protected_has_to_be_named(void **state)
{
    static const char *const all[] = { "." };
    static const bx_commit_options dot = { .only = all, .only_count = 1 };
    static const char *const some[] = { ".boxagnts/x", "secret.yaml" };
    static const bx_commit_options named = { .only = some, .only_count = 2 };
    bx_autopolicy bx_policy *policy = bx_policy_new();

    (void)state;
    assert_int_equal(bx_policy_protect(policy, in_base("secret.yaml"),
                                       "the policy's own file", NULL),
                     0);
    assert_int_equal(bx_overlay_protect(overlay_dir, policy, NULL), 0);
    assert_int_equal(bx_overlay_protect(overlay_dir, policy, NULL), 0);
    up_file("a", "a");
    up_file(".boxagnts/x", "x");
    up_file(".boxagnts/y", "y");
    up_file("d/.boxagnts", "z");
    up_file("secret.yaml", "z");
    assert_int_equal(chdir(base_dir), 0);
    expect_commit(&dot);
    assert_base("a", "a");
    assert_no_base(".boxagnts");
    assert_no_base("d/.boxagnts");
    assert_no_base("secret.yaml");
    /* The folder is protected as well: it is named with the file in it. */
    expect_commit(&named);
    assert_base(".boxagnts/x", "x");
    assert_no_base(".boxagnts/y");
    assert_base("secret.yaml", "z");
    assert_true(has_overlay());
}

static void the_mapped_folder_may_not_be_a_link_now(void **state)
{
    char path[400];

    (void)state;
    base_file("a", "1");
    up_file("a", "2");
    up_file("b", "2");
    snprintf(path, sizeof(path), "%s/moved", test_dir);
    assert_int_equal(rename(base_dir, path), 0);
    assert_int_equal(symlink(path, base_dir), 0);
    assert_int_equal(commit(&(bx_commit_options){ .is_forced = true }), -1);
    assert_int_equal(last_code, BX_ERR_DENIED);
    assert_non_null(strstr(last_message, "a link"));
    assert_base("a", "1");
    assert_no_base("b");
    assert_int_equal(unlink(base_dir), 0);
    assert_int_equal(rename(path, base_dir), 0);
}

/* ---- the worst moment ------------------------------------------------ */

typedef void disturb_fn(void);

/* Find the changes, disturb the base, commit what was found. */
static void commit_disturbed(disturb_fn *disturb, const char *word)
{
    static const bx_commit_options options = { .is_forced = true };
    bx_autooverlay bx_overlay_store *store = open_store(BX_OVERLAY_ALONE);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_autoplan bx_commit_plan plan = { NULL, 0, 0, 0 };
    bx_commit_result result;
    bx_error *err = NULL;

    find(store, &deltas);
    assert_int_equal(bx_commit_make_plan(&deltas, &options, &plan, NULL), 0);
    disturb();
    assert_int_equal(
        bx_overlay_commit(store, &deltas, &plan, &options, &result, &err), -1);
    keep_error(err);
    assert_int_equal(last_code, BX_ERR_DENIED);
    if (strstr(last_message, word) == NULL)
        fail_msg("'%s' does not say '%s'", last_message, word);
}

static char elsewhere[400];

static void write_by_hand(void)
{
    write_text(in_base("d/a"), "by hand");
}

static void make_by_hand(void)
{
    base_file("d/new", "by hand");
}

static void swap_folder(void)
{
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", test_dir);
    assert_int_equal(rename(in_base("d"), elsewhere), 0);
    base_link("d", elsewhere);
}

static void put_into_removed(void)
{
    base_file("r/late", "by hand");
}

static void fill(void)
{
    base_file("d/a", "old");
    base_file("r/x", "x");
    up_file("d/a", "new");
    up_file("d/new", "new");
    record("r/x", false);
    gone("r");
}

static void a_file_changed_at_the_last_moment_stays(void **state)
{
    (void)state;
    fill();
    commit_disturbed(write_by_hand, "it was changed");
    assert_base("d/a", "by hand");
    assert_no_base("d/new");
    assert_true(has_overlay());
}

static void a_file_made_at_the_last_moment_stays(void **state)
{
    (void)state;
    fill();
    commit_disturbed(make_by_hand, "it was");
    assert_base("d/new", "by hand");
    /* What came before it was committed; that is no news to the next one. */
    assert_base("d/a", "new");
    expect_refusal(NULL, "1 in conflict");
}

static void a_folder_that_became_a_link_leads_nowhere(void **state)
{
    char path[500];

    (void)state;
    fill();
    commit_disturbed(swap_folder, "a folder above it");
    snprintf(path, sizeof(path), "%s/new", elsewhere);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof(path), "%s/a", elsewhere);
    {
        bx_autofree char *text = read_text(path);

        assert_string_equal(text, "old");
    }
}

static void a_folder_that_was_filled_stays(void **state)
{
    (void)state;
    fill();
    commit_disturbed(put_into_removed, "something was put into it");
    assert_base("r/late", "by hand");
}

static void the_same_holds_without_exchange(void **state)
{
    bx_apply_force_plain(true);
    a_file_changed_at_the_last_moment_stays(state);
    assert_int_equal(remove_world(NULL), 0);
    assert_int_equal(make_world(NULL), 0);
    a_file_made_at_the_last_moment_stays(state);
    assert_int_equal(remove_world(NULL), 0);
    assert_int_equal(make_world(NULL), 0);
    commits_all_and_drops(state);
    bx_apply_force_plain(false);
}

/* ---- between the last look and the change of names ------------------- */

static void disturb_made(disturb_fn *disturb, const char *path,
                         const char *word, const char *expected)
{
    static const bx_commit_options options = { .is_forced = true };
    bx_autooverlay bx_overlay_store *store = open_store(BX_OVERLAY_ALONE);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_autoplan bx_commit_plan plan = { NULL, 0, 0, 0 };
    bx_commit_result result;
    bx_error *err = NULL;

    find(store, &deltas);
    assert_int_equal(bx_commit_make_plan(&deltas, &options, &plan, NULL), 0);
    bx_apply_set_hook(disturb);
    assert_int_equal(
        bx_overlay_commit(store, &deltas, &plan, &options, &result, &err), -1);
    bx_apply_set_hook(NULL);
    keep_error(err);
    assert_int_equal(last_code, BX_ERR_DENIED);
    if (strstr(last_message, word) == NULL)
        fail_msg("'%s' does not say '%s'", last_message, word);
    if (expected == NULL)
        assert_no_base(path);
    else
        assert_base(path, expected);
}

static void remove_by_hand(void)
{
    assert_int_equal(unlink(in_base("d/a")), 0);
}

static void fill_by_hand(void)
{
    base_file("to-file/late", "by hand");
}

static void what_is_changed_meanwhile_is_put_back(void **state)
{
    bx_autofree char *tree = NULL;

    (void)state;
    base_file("d/a", "old");
    up_file("d/a", "new");
    disturb_made(write_by_hand, "d/a", "it was changed", "by hand");
    assert_int_equal(commit(&(bx_commit_options){ .is_forced = true }), 0);
    tree = dump_tree(base_dir);
    assert_string_equal(tree, "file 644 d/a: new\nfolder 755 d: \n");
}

static void what_is_removed_meanwhile_is_not_replaced(void **state)
{
    (void)state;
    base_file("d/a", "old");
    up_file("d/a", "new");
    disturb_made(remove_by_hand, "d/a", "it was removed", NULL);
}

static void what_is_made_meanwhile_is_not_replaced(void **state)
{
    (void)state;
    base_folder("d");
    up_file("d/new", "new");
    disturb_made(make_by_hand, "d/new", "it was made", "by hand");
}

static void a_folder_filled_meanwhile_is_put_back(void **state)
{
    (void)state;
    base_folder("to-file");
    up_file("to-file", "now a file");
    disturb_made(fill_by_hand, "to-file/late", "it was changed", "by hand");
}

/* ---- the host fails -------------------------------------------------- */

static void a_full_disk_changes_no_file(void **state)
{
    struct rlimit small = { 10, RLIM_INFINITY };
    struct rlimit former;
    bx_autofree char *before = NULL;
    bx_autofree char *after = NULL;

    (void)state;
    base_file("a", "old");
    up_file("a", "longer than ten bytes");
    before = dump_tree(base_dir);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    small.rlim_max = former.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(commit(NULL), -1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_int_equal(last_code, BX_ERR_SYSTEM);
    assert_non_null(strstr(last_message, "File too large"));
    after = dump_tree(base_dir);
    assert_string_equal(before, after);
    expect_commit(NULL);
    assert_base("a", "longer than ten bytes");
}

/* A file beside the path under the name that commits use, neither old nor new.
 */
static void what_lies_in_the_way_is_not_removed(void **state)
{
    char name[BX_APPLY_NAME_BYTES];
    bx_autooverlay bx_overlay_store *store = NULL;

    (void)state;
    base_file("a", "same");
    up_file("a", "same");
    assert_int_equal(utimensat(AT_FDCWD, in_up("a"), NULL, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, in_base("a"),
                               (struct timespec[]){ { 5, 0 }, { 6, 7 } }, 0),
                     0);
    {
        bx_autofree char *up = strdup(in_up("a"));

        assert_int_equal(utimensat(AT_FDCWD, up,
                                   (struct timespec[]){ { 5, 0 }, { 6, 7 } },
                                   0),
                         0);
    }
    store = open_store(BX_OVERLAY_LOOK);
    bx_apply_name(store, 0, "a", name);
    base_file(name, "someone's");
    expect_refusal(NULL, "move it away");
    assert_base(name, "someone's");
    assert_int_equal(unlink(in_base(name)), 0);
    expect_commit(NULL);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_forged_record_leads_nowhere),
        TEST(a_line_that_is_too_long_is_none),
        TEST(commits_all_and_drops),
        TEST(commits_some_and_keeps_the_rest),
        TEST(a_part_of_a_folder_made_anew_stays_seen),
        TEST(paths_are_of_the_current_folder_too),
        TEST(keeps_an_empty_overlay),
        TEST(a_set_user_bit_does_not_come_along),
        TEST(an_empty_one_is_dropped),
        TEST(a_conflict_refuses_all_of_it),
        TEST(what_is_protected_has_to_be_named),
        TEST(the_mapped_folder_may_not_be_a_link_now),
        TEST(a_file_changed_at_the_last_moment_stays),
        TEST(a_file_made_at_the_last_moment_stays),
        TEST(a_folder_that_became_a_link_leads_nowhere),
        TEST(a_folder_that_was_filled_stays),
        TEST(the_same_holds_without_exchange),
        TEST(what_is_changed_meanwhile_is_put_back),
        TEST(what_is_removed_meanwhile_is_not_replaced),
        TEST(what_is_made_meanwhile_is_not_replaced),
        TEST(a_folder_filled_meanwhile_is_put_back),
        TEST(a_full_disk_changes_no_file),
        TEST(what_lies_in_the_way_is_not_removed),
    };

    /* As the program does: a write past `ulimit -f` is an error. */
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
