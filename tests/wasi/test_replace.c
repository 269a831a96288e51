/* path_replace: a file's new content in one step, with the grant of that file
 * alone, and nothing left behind when it ends midway. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/grant.h"
#include "wasi/overlay.h"
#include "wasi/replace.h"
#include "wasi/support.h"

static int32_t replace(test_box *box, const char *path, const char *text)
{
    return CALL(box, bx_wasi_path_replace, U32(BOX_PREOPEN), PATH(box, path),
                PATH(box, text));
}

/* "work" at "/", under an overlay or not. */
static void start(test_box *box, bool is_covered)
{
    char buf[512];

    box_init(box);
    box_map(box, "work", "/", BOX_RW);
    host_write(box, "work/old", "what it was");
    host_mkdir(box, "work/dir");
    host_symlink(box, "old", "work/link");
    if (is_covered)
        assert_int_equal(bx_policy_set_overlay(
                             box->policy, host_path(box, "over", buf), NULL),
                         0);
    box_start(box);
}

static const char *guest_read(test_box *box, const char *path)
{
    uint32_t fd = box_opened(
        box, path, (box_open){ .rights = BX_RIGHT_FD_READ, .lookup = 1 });
    const char *text = box_read(box, fd);

    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    return text;
}

/* All three ways: in place, by a name where there is no other way, and in an
 * overlay. */
enum { PLAIN, NAMED, COVERED, WAYS };

static void start_way(test_box *box, int way)
{
    bx_replace_force_named(way == NAMED);
    start(box, way == COVERED);
}

static void stop(test_box *box)
{
    bx_replace_force_named(false);
    box_free(box);
}

static mode_t mode_of(test_box *box, const char *path)
{
    char buf[512];
    struct stat stat_;

    assert_int_equal(stat(host_path(box, path, buf), &stat_), 0);
    return stat_.st_mode & 07777;
}

static void makes_and_replaces_a_file(void **state)
{
    char buf[512];
    char other[512];

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        const char *up = way == COVERED ? "over/up/0" : "work";
        test_box box;
        char path[64];

        start_way(&box, way);
        assert_int_equal(chmod(host_path(&box, "work/old", buf), 0640), 0);
        assert_int_equal(link(host_path(&box, "work/old", buf),
                              host_path(&box, "other-name", other)),
                         0);
        assert_int_equal(replace(&box, "old", "new"), 0);
        assert_string_equal(guest_read(&box, "old"), "new");
        assert_int_equal(replace(&box, "old", ""), 0);
        assert_string_equal(guest_read(&box, "old"), "");
        assert_int_equal(replace(&box, "dir/made", "first"), 0);
        assert_int_equal(replace(&box, "dir/made", "second"), 0);
        assert_string_equal(guest_read(&box, "dir/made"), "second");
        /* Its mode stays, its other names keep what they had. */
        snprintf(path, sizeof(path), "%s/old", up);
        assert_int_equal(mode_of(&box, path), 0640);
        assert_string_equal(host_read(&box, "other-name"), "what it was");
        assert_string_equal(host_read(&box, "work/old"),
                            way == COVERED ? "what it was" : "");
        assert_int_equal(box.run.used.fs_create_entries, 1);
        assert_int_equal(box.run.used.fs_write_bytes, 14);
        stop(&box);
    }
}

static void a_link_is_what_is_replaced(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        test_box box;

        start_way(&box, way);
        assert_int_equal(replace(&box, "link", "x"), 0);
        assert_string_equal(guest_read(&box, "link"), "x");
        assert_string_equal(guest_read(&box, "old"), "what it was");
        stop(&box);
    }
}

static void leaves_no_name_of_its_own(void **state)
{
    static const char *const folders[] = { "work", "work", "over/tmp" };

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        test_box box;
        char *listing;

        start_way(&box, way);
        assert_int_equal(replace(&box, "old", "1"), 0);
        assert_int_equal(replace(&box, "new", "1"), 0);
        listing = host_listing_of(&box, folders[way]);
        assert_null(strstr(listing, ".tmp"));
        assert_null(strstr(listing, "t-"));
        free(listing);
        stop(&box);
    }
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        test_box box;
        char *before;
        char *after;

        start_way(&box, way);
        before = host_listing_of(&box, "work");
        assert_int_equal(replace(&box, "dir", "x"), BX_WASI_EISDIR);
        assert_int_equal(replace(&box, "dir/", "x"), BX_WASI_EISDIR);
        assert_int_equal(replace(&box, "new/", "x"), BX_WASI_EISDIR);
        assert_int_equal(replace(&box, "dir/.", "x"), BX_WASI_EISDIR);
        assert_int_equal(replace(&box, "none/x", "x"), BX_WASI_ENOENT);
        assert_int_equal(replace(&box, "old/x", "x"), BX_WASI_ENOTDIR);
        assert_int_equal(replace(&box, "../x", "x"), BX_WASI_EPERM);
        assert_int_equal(replace(&box, "", "x"), BX_WASI_ENOENT);
        after = host_listing_of(&box, "work");
        assert_string_equal(before, after);
        free(before);
        free(after);
        stop(&box);
    }
}

static void checks_pointers(void **state)
{
    test_box box;
    uint32_t path;

    (void)state;
    start(&box, false);
    path = box_puts(&box, "new");
    assert_int_equal(CALL(&box, bx_wasi_path_replace, U32(BOX_PREOPEN),
                          U32(path), U32(3), U32(BOX_MEMORY_BYTES - 1), U32(2)),
                     BX_WASI_EFAULT);
    assert_int_equal(CALL(&box, bx_wasi_path_replace, U32(BOX_PREOPEN),
                          U32(path), U32(3), U32(UINT32_MAX), U32(UINT32_MAX)),
                     BX_WASI_EFAULT);
    assert_int_equal(CALL(&box, bx_wasi_path_replace, U32(BOX_PREOPEN),
                          U32(UINT32_MAX - 1), U32(3), U32(path), U32(3)),
                     BX_WASI_EFAULT);
    assert_int_equal(CALL(&box, bx_wasi_path_replace, U32(99), U32(path),
                          U32(3), U32(path), U32(3)),
                     BX_WASI_EBADF);
    assert_int_equal(CALL(&box, bx_wasi_path_replace, U32(1), U32(path), U32(3),
                          U32(path), U32(3)),
                     BX_WASI_ENOTDIR);
    assert_false(host_exists(&box, "work/new"));
    stop(&box);
}

static void needs_the_grant_of_that_file_alone(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        char buf[512];
        test_box box;
        bx_grants *grants = bx_grants_new();

        bx_replace_force_named(way == NAMED);
        box_init(&box);
        box_map(&box, "work", "/", BOX_RW);
        host_write(&box, "work/old", "what it was");
        host_mkdir(&box, "work/dir");
        if (way == COVERED)
            assert_int_equal(bx_policy_set_overlay(box.policy,
                                                   host_path(&box, "over", buf),
                                                   NULL),
                             0);
        assert_int_equal(
            bx_grants_add(grants, "fs.write:/dir/made", "one", NULL), 0);
        assert_int_equal(bx_grants_add(grants, "fs.write:/old", "two", NULL),
                         0);
        assert_int_equal(bx_policy_narrow(box.policy, grants, "layer", NULL),
                         0);
        bx_grants_free(grants);
        box_start(&box);
        assert_int_equal(replace(&box, "dir/made", "x"), 0);
        assert_int_equal(replace(&box, "old", "x"), 0);
        assert_int_equal(box.denials, 0);
        assert_int_equal(replace(&box, "dir/another", "x"), BX_WASI_EACCES);
        assert_int_equal(replace(&box, "another", "x"), BX_WASI_EACCES);
        assert_int_equal(box.denials, 2);
        assert_false(host_exists(&box, "work/another"));
        stop(&box);
    }
}

typedef struct asked_needs {
    char told[256];
    bool is_given;
} asked_needs;

static bool on_need(void *context, const bx_need_event *event)
{
    asked_needs *asked = context;
    size_t len = strlen(asked->told);

    snprintf(asked->told + len, sizeof(asked->told) - len, "%s:%s ",
             event->kind, event->target);
    return asked->is_given;
}

static void asks_for_that_file_alone(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        asked_needs asked = { .is_given = true };
        test_box box;

        start_way(&box, way);
        box.run.need = on_need;
        box.run.need_context = &asked;
        assert_int_equal(replace(&box, "dir/made", "x"), 0);
        assert_string_equal(asked.told, "fs.write:/dir/made ");
        asked.is_given = false;
        assert_int_equal(replace(&box, "old", "x"), BX_WASI_EROFS);
        assert_string_equal(host_read(&box, "work/old"), "what it was");
        box.run.need = NULL;
        assert_string_equal(guest_read(&box, "old"), "what it was");
        bx_run_forget_needs(&box.run);
        stop(&box);
    }
}

static void says_read_only(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BX_ACCESS_READ);
    host_write(&box, "work/old", "what it was");
    box_start(&box);
    assert_int_equal(replace(&box, "old", "x"), BX_WASI_EROFS);
    assert_int_equal(replace(&box, "new", "x"), BX_WASI_EROFS);
    assert_string_equal(host_read(&box, "work/old"), "what it was");
    stop(&box);
}

static void ends_at_the_quotas(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        test_box box;

        start_way(&box, way);
        box.policy->limits.fs_write_bytes = 10;
        box.policy->limits.fs_create_entries = 1;
        assert_int_equal(replace(&box, "old", "12345678901"), BX_WASI_EDQUOT);
        assert_string_equal(box.rule, "max-write");
        assert_string_equal(guest_read(&box, "old"), "what it was");
        assert_int_equal(replace(&box, "new", "123456"), 0);
        assert_int_equal(replace(&box, "new", "12345"), BX_WASI_EDQUOT);
        assert_int_equal(replace(&box, "new", "1234"), 0);
        assert_int_equal(replace(&box, "newer", ""), BX_WASI_EDQUOT);
        assert_string_equal(box.rule, "max-create");
        stop(&box);
    }
}

static void remember(void *context, const bx_effect_event *event)
{
    snprintf(context, 64, "%s %s %s", event->call, event->target,
             event->detail);
}

static void tells_the_effect(void **state)
{
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        char told[64] = "";
        test_box box;

        start_way(&box, way);
        box.run.effect = remember;
        box.run.effect_context = told;
        assert_int_not_equal(replace(&box, "dir", "x"), 0);
        assert_string_equal(told, "");
        assert_int_equal(replace(&box, "old", "x"), 0);
        assert_string_equal(told, "path_replace /old replace");
        assert_int_equal(replace(&box, "dir/new", "x"), 0);
        assert_string_equal(told, "path_replace /dir/new create");
        stop(&box);
    }
}

static void does_nothing_when_the_time_is_up(void **state)
{
    static const char *const paths[] = { "old", "dir/new" };

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        test_box box;
        char *before;
        char *after;

        start_way(&box, way);
        before = host_listing_of(&box, "work");
        box.run.deadline_ns = 1;
        for (int i = 0; i < 2; i++)
            assert_int_equal(replace(&box, paths[i], "x"), BX_WASI_ETIMEDOUT);
        after = host_listing_of(&box, "work");
        if (way == NAMED) /* which changed the folders' times */
            assert_null(strstr(after, ".tmp"));
        else
            assert_string_equal(before, after);
        assert_false(host_exists(&box, "work/dir/new"));
        assert_string_equal(host_read(&box, "work/old"), "what it was");
        free(before);
        free(after);
        stop(&box);
    }
}

/* In a child that the kernel kills (SIGXFSZ) in the middle of the content. */
static void be_killed_midway(test_box *box, const char *path)
{
    char *text = malloc(20001);
    pid_t child;
    int status;

    assert_non_null(text);
    memset(text, 'x', 20000);
    text[20000] = '\0';
    child = fork();
    if (child == 0) {
        const struct rlimit limit = { 4096, 4096 };
        const struct rlimit none = { 0, 0 };

        (void)signal(SIGXFSZ, SIG_DFL);
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        (void)replace(box, path, text);
        _exit(0);
    }
    free(text);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXFSZ);
}

static void leaves_nothing_when_killed_midway(void **state)
{
    static const char *const paths[] = { "old", "dir/new" };

    (void)state;
    for (int i = 0; i < 2; i++) {
        test_box box;
        char *before;
        char *after;

        start(&box, false);
        before = host_listing(&box);
        be_killed_midway(&box, paths[i]);
        after = host_listing(&box);
        assert_string_equal(before, after);
        free(before);
        free(after);
        stop(&box);
    }
}

static void an_overlay_has_nothing_of_one_that_was_killed(void **state)
{
    test_box box;
    char *before;
    char *after;

    (void)state;
    start(&box, true);
    assert_int_equal(replace(&box, "old", "kept"), 0);
    before = host_listing_of(&box, "over/up");
    be_killed_midway(&box, "old");
    be_killed_midway(&box, "dir/new");
    after = host_listing_of(&box, "over/up");
    assert_string_equal(before, after);
    free(before);
    free(after);
    assert_string_equal(guest_read(&box, "old"), "kept");
    /* Whoever opens it next clears up. */
    after = host_listing_of(&box, "over/tmp");
    assert_non_null(strstr(after, "t-"));
    free(after);
    box_stop(&box);
    box_start(&box);
    after = host_listing_of(&box, "over/tmp");
    assert_null(strstr(after, "t-"));
    free(after);
    stop(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_and_replaces_a_file),
        cmocka_unit_test(a_link_is_what_is_replaced),
        cmocka_unit_test(leaves_no_name_of_its_own),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(checks_pointers),
        cmocka_unit_test(needs_the_grant_of_that_file_alone),
        cmocka_unit_test(asks_for_that_file_alone),
        cmocka_unit_test(says_read_only),
        cmocka_unit_test(ends_at_the_quotas),
        cmocka_unit_test(tells_the_effect),
        cmocka_unit_test(does_nothing_when_the_time_is_up),
        cmocka_unit_test(leaves_nothing_when_killed_midway),
        cmocka_unit_test(an_overlay_has_nothing_of_one_that_was_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
