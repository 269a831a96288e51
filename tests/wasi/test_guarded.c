/* Layers and protected paths in what a guest reaches: a path's access goes by
 * its true place, and what is protected on the host stays as it is. */
#include <string.h>

#include "policy/grant.h"
#include "wasi/support.h"

static int32_t make_dir(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_create_directory, U32(3), PATH(box, path));
}

static int32_t remove_dir(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_remove_directory, U32(3), PATH(box, path));
}

static int32_t unlink_file(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_unlink_file, U32(3), PATH(box, path));
}

static int32_t rename_to(test_box *box, const char *from, const char *to)
{
    return CALL(box, bx_wasi_path_rename, U32(3), PATH(box, from), U32(3),
                PATH(box, to));
}

static int32_t link_to(test_box *box, const char *from, const char *to)
{
    return CALL(box, bx_wasi_path_link, U32(3), U32(0), PATH(box, from), U32(3),
                PATH(box, to));
}

static int32_t symlink_at(test_box *box, const char *content, const char *path)
{
    return CALL(box, bx_wasi_path_symlink, PATH(box, content), U32(3),
                PATH(box, path));
}

static int32_t create(test_box *box, const char *path)
{
    uint32_t fd;

    return box_path_open(box, path,
                         (box_open){ .oflags = BX_OFLAG_CREAT,
                                     .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                     .rights = BX_RIGHT_FD_WRITE },
                         &fd);
}

static int32_t open_to_write(test_box *box, const char *path)
{
    uint32_t fd;

    return box_path_open(box, path,
                         (box_open){ .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                     .rights = BX_RIGHT_FD_WRITE },
                         &fd);
}

static const char *read_file(test_box *box, const char *path)
{
    uint32_t fd;

    if (box_path_open(box, path,
                      (box_open){ .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                  .rights = BX_RIGHT_FD_READ },
                      &fd) != 0)
        return NULL;
    return box_read(box, fd);
}

/* host_path counts from the box's own folder. */
static void protect(test_box *box, const char *host)
{
    char buf[512];

    assert_int_equal(bx_policy_protect(box->policy, host_path(box, host, buf),
                                       "state of boxagnts", NULL),
                     0);
}

static void hide(test_box *box, const char *host)
{
    char buf[512];

    assert_int_equal(bx_policy_hide(box->policy, host_path(box, host, buf),
                                    "state of boxagnts", NULL),
                     0);
}

static void narrow(test_box *box, const char *const *texts, const char *layer)
{
    bx_autogrants bx_grants *grants = bx_grants_new();

    for (; *texts != NULL; texts++)
        assert_int_equal(bx_grants_add(grants, *texts, NULL, NULL), 0);
    assert_int_equal(bx_policy_narrow(box->policy, grants, layer, NULL), 0);
}

#define NARROW(box, layer, ...)                                                \
    narrow(box, (const char *const[]){ __VA_ARGS__, NULL }, layer)

/* "work" at "/" with .boxagnts/lock in it, which is protected. */
static void start_with_state(test_box *box)
{
    box_init(box);
    box_map(box, "work", "/", BOX_RW);
    host_mkdir(box, "work/.boxagnts");
    host_write(box, "work/.boxagnts/lock", "lock");
    host_write(box, "work/file", "file");
    protect(box, "work/.boxagnts");
    box_start(box);
}

/* ---- layers --------------------------------------------------------- */

static void gives_what_every_layer_gives(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/in");
    host_mkdir(&box, "work/out");
    host_write(&box, "work/in/a", "in");
    host_write(&box, "work/out/a", "out");
    host_write(&box, "work/other", "other");
    NARROW(&box, "manifest", "fs.read:/", "fs.write:/out");
    NARROW(&box, "session", "fs.read:/in", "fs.read:/out", "fs.write:/");
    box_start(&box);
    assert_string_equal(read_file(&box, "in/a"), "in");
    assert_string_equal(read_file(&box, "out/a"), "out");
    assert_int_equal(create(&box, "out/b"), 0);
    assert_int_equal(open_to_write(&box, "in/a"), BX_WASI_EROFS);
    assert_string_equal(box.rule, "manifest: fs.read:/");
    assert_null(read_file(&box, "other"));
    assert_string_equal(box.rule, "session: fs.write:/");
    assert_string_equal(host_read(&box, "work/in/a"), "in");
    box_free(&box);
}

static void judges_layers_by_the_true_path(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/in");
    host_mkdir(&box, "work/out");
    host_write(&box, "work/in/a", "in");
    host_symlink(&box, "../in/a", "work/out/link");
    NARROW(&box, "manifest", "fs.read:/", "fs.write:/out");
    box_start(&box);
    assert_int_equal(open_to_write(&box, "out/link"), BX_WASI_EROFS);
    assert_int_equal(open_to_write(&box, "out/../in/a"), BX_WASI_EROFS);
    assert_string_equal(read_file(&box, "out/link"), "in");
    /* Neither a hard link nor a rename carries a file to where it would get
     * more, nor a folder that a grant lies in. */
    assert_int_equal(link_to(&box, "in/a", "out/b"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, "in/a", "out/b"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, "out", "in/out"), BX_WASI_EROFS);
    assert_int_equal(unlink_file(&box, "in/a"), BX_WASI_EROFS);
    assert_string_equal(host_read(&box, "work/in/a"), "in");
    box_free(&box);
}

static void keeps_a_folder_that_holds_a_grant(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/a");
    host_mkdir(&box, "work/a/b");
    NARROW(&box, "manifest", "fs.read:/", "fs.write:/");
    NARROW(&box, "session", "fs.read:/", "fs.write:/", "fs.read:/a/b");
    box_start(&box);
    assert_int_equal(rename_to(&box, "a", "c"), BX_WASI_EBUSY);
    assert_true(host_exists(&box, "work/a/b"));
    box_free(&box);
}

static void gives_nothing_to_an_empty_layer(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_write(&box, "work/a", "a");
    narrow(&box, (const char *const[]){ NULL }, "manifest");
    box_start(&box);
    assert_null(read_file(&box, "a"));
    assert_int_equal(create(&box, "b"), BX_WASI_EACCES);
    assert_string_equal(box.rule, "manifest: nothing granted");
    assert_false(host_exists(&box, "work/b"));
    box_free(&box);
}

/* ---- protected paths ------------------------------------------------ */

static void lets_read_and_not_write(void **state)
{
    test_box box;
    char *before;
    char *after;
    uint32_t dir;

    (void)state;
    start_with_state(&box);
    before = host_listing(&box);
    assert_string_equal(read_file(&box, ".boxagnts/lock"), "lock");
    assert_int_equal(open_to_write(&box, ".boxagnts/lock"), BX_WASI_EROFS);
    assert_string_equal(box.reason, "the path is protected");
    assert_string_equal(box.rule, "state of boxagnts");
    assert_string_equal(box.target, "/.boxagnts/lock");
    assert_int_equal(create(&box, ".boxagnts/new"), BX_WASI_EROFS);
    assert_int_equal(make_dir(&box, ".boxagnts/new"), BX_WASI_EROFS);
    assert_int_equal(unlink_file(&box, ".boxagnts/lock"), BX_WASI_EROFS);
    assert_int_equal(remove_dir(&box, ".boxagnts"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, ".boxagnts", "b"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, "file", ".boxagnts/x"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, ".boxagnts/lock", "x"), BX_WASI_EROFS);
    assert_int_equal(symlink_at(&box, "x", ".boxagnts/x"), BX_WASI_EROFS);
    assert_int_equal(CALL(&box, bx_wasi_path_filestat_set_times, U32(3), U32(0),
                          PATH(&box, ".boxagnts/lock"), U64(1), U64(1),
                          U32(BX_FSTFLAG_MTIM)),
                     BX_WASI_EROFS);
    /* By a descriptor of the folder too. */
    dir = box_opened(
        &box, ".boxagnts",
        (box_open){ .oflags = BX_OFLAG_DIRECTORY, .inheriting = ALL_RIGHTS });
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(dir), PATH(&box, "new")),
        BX_WASI_EROFS);
    after = host_listing(&box);
    assert_string_equal(before, after);
    free(before);
    free(after);
    assert_int_equal(create(&box, "beside"), 0);
    assert_int_equal(open_to_write(&box, "file"), 0);
    box_free(&box);
}

static void is_not_linked_out_or_into(void **state)
{
    test_box box;

    (void)state;
    start_with_state(&box);
    assert_int_equal(link_to(&box, ".boxagnts/lock", "out"), BX_WASI_EROFS);
    assert_int_equal(link_to(&box, "file", ".boxagnts/in"), BX_WASI_EROFS);
    assert_int_equal(symlink_at(&box, ".boxagnts/lock", "link"), 0);
    assert_int_equal(symlink_at(&box, ".boxagnts", "dir"), 0);
    assert_int_equal(open_to_write(&box, "link"), BX_WASI_EROFS);
    assert_int_equal(open_to_write(&box, "dir/lock"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "dir/new"), BX_WASI_EROFS);
    assert_string_equal(read_file(&box, "link"), "lock");
    assert_false(host_exists(&box, "work/out"));
    assert_false(host_exists(&box, "work/.boxagnts/in"));
    assert_string_equal(host_read(&box, "work/.boxagnts/lock"), "lock");
    box_free(&box);
}

static void is_not_made_where_it_is_missing(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/evil");
    host_write(&box, "work/evil/lock", "evil");
    protect(&box, "work/.boxagnts");
    box_start(&box);
    assert_int_equal(make_dir(&box, ".boxagnts"), BX_WASI_EROFS);
    assert_int_equal(create(&box, ".boxagnts"), BX_WASI_EROFS);
    assert_int_equal(symlink_at(&box, "evil", ".boxagnts"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, "evil", ".boxagnts"), BX_WASI_EROFS);
    assert_int_equal(link_to(&box, "evil/lock", ".boxagnts"), BX_WASI_EROFS);
    assert_false(host_exists(&box, "work/.boxagnts"));
    /* The host makes it later: the same holds. */
    host_mkdir(&box, "work/.boxagnts");
    assert_int_equal(create(&box, ".boxagnts/tool.wasm"), BX_WASI_EROFS);
    assert_false(host_exists(&box, "work/.boxagnts/tool.wasm"));
    box_free(&box);
}

static void keeps_the_folders_above_in_place(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/a");
    host_mkdir(&box, "work/a/b");
    host_mkdir(&box, "work/evil");
    protect(&box, "work/a/b/state");
    box_start(&box);
    assert_int_equal(rename_to(&box, "a", "x"), BX_WASI_EBUSY);
    assert_int_equal(rename_to(&box, "a/b", "x"), BX_WASI_EBUSY);
    assert_int_equal(remove_dir(&box, "a/b"), BX_WASI_EBUSY);
    assert_int_equal(rename_to(&box, "evil", "a/b"), BX_WASI_EBUSY);
    assert_int_equal(create(&box, "a/b/other"), 0);
    assert_true(host_exists(&box, "work/a/b"));
    box_free(&box);
}

static void takes_no_link_above_a_missing_one(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/evil");
    protect(&box, "work/.config/boxagnts/policy.yaml");
    box_start(&box);
    assert_int_equal(symlink_at(&box, "evil", ".config"), BX_WASI_EACCES);
    assert_string_equal(box.reason, "a protected path lies there");
    assert_int_equal(symlink_at(&box, "evil", "link"), 0);
    assert_int_equal(link_to(&box, "link", ".config"), BX_WASI_EACCES);
    assert_int_equal(rename_to(&box, "link", ".config"), BX_WASI_EBUSY);
    assert_int_equal(rename_to(&box, "evil", ".config"), BX_WASI_EBUSY);
    assert_false(host_exists(&box, "work/.config"));
    /* A real folder does no harm. */
    assert_int_equal(make_dir(&box, ".config"), 0);
    assert_int_equal(make_dir(&box, ".config/boxagnts"), 0);
    assert_int_equal(create(&box, ".config/boxagnts/policy.yaml"),
                     BX_WASI_EROFS);
    assert_int_equal(create(&box, ".config/boxagnts/other"), 0);
    assert_int_equal(rename_to(&box, ".config/boxagnts", "x"), BX_WASI_EBUSY);
    assert_false(host_exists(&box, "work/.config/boxagnts/policy.yaml"));
    box_free(&box);
}

static void guards_links_on_the_way(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/real");
    host_mkdir(&box, "work/real/dir");
    host_mkdir(&box, "work/evil");
    host_symlink(&box, "real", "work/link");
    host_symlink(&box, "dir/../dir", "work/real/state");
    protect(&box, "work/link/state");
    box_start(&box);
    assert_int_equal(unlink_file(&box, "link"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, "link", "x"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, "evil", "link"), BX_WASI_EROFS);
    assert_int_equal(unlink_file(&box, "real/state"), BX_WASI_EROFS);
    assert_int_equal(rename_to(&box, "real", "x"), BX_WASI_EBUSY);
    assert_int_equal(create(&box, "real/dir/a"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "link/state/a"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "link/beside"), 0);
    assert_true(host_exists(&box, "work/link"));
    assert_false(host_exists(&box, "work/real/dir/a"));
    box_free(&box);
}

static void holds_in_every_mapping(void **state)
{
    test_box box;
    char buf[512];

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/state");
    host_mkdir(&box, "work/state/tools");
    host_symlink(&box, "work/state", "shortcut");
    box_map(&box, "work/state", "/same", BOX_RW);
    box_map(&box, "work/state/tools", "/inside", BOX_RW);
    assert_int_equal(bx_policy_map_dir(box.policy,
                                       host_path(&box, "shortcut", buf),
                                       "/linked", BOX_RW, NULL),
                     0);
    assert_int_equal(
        bx_policy_map_dir(box.policy, box.dir, "/above", BOX_RW, NULL), 0);
    /* Another folder where the protected one would be seen hides it. */
    box_map(&box, "other", "/state", BOX_RW);
    protect(&box, "work/state");
    box_start(&box);
    assert_int_equal(create(&box, "same/a"), BX_WASI_EROFS);
    assert_string_equal(box.rule, "state of boxagnts");
    assert_int_equal(create(&box, "inside/a"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "linked/a"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "above/work/state/a"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "above/work/state/tools/a"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "above/work/a"), 0);
    assert_int_equal(create(&box, "state/a"), 0);
    assert_true(host_exists(&box, "other/a"));
    assert_false(host_exists(&box, "work/state/a"));
    box_free(&box);
}

static void outlasts_grants_beneath(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/state");
    protect(&box, "work/state");
    NARROW(&box, "manifest", "fs.read:/", "fs.write:/", "fs.write:/state/x",
           "fs.read:/state");
    box_start(&box);
    assert_int_equal(create(&box, "state/x"), BX_WASI_EROFS);
    assert_int_equal(create(&box, "y"), 0);
    box_free(&box);
}

/* For a tool that only reads, nothing is walked name by name. */
static void costs_nothing_where_nothing_is_written(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/state");
    protect(&box, "work/state");
    NARROW(&box, "manifest", "fs.read:/");
    box_start(&box);
    assert_int_equal(box.fs->points_count, 1);
    assert_int_equal(create(&box, "state/x"), BX_WASI_EROFS);
    box_stop(&box);
    /* Written above it, it is a point, whatever lies between. */
    bx_policy_free(box.policy);
    box.policy = bx_policy_new();
    box_map(&box, "work", "/", BOX_RW);
    protect(&box, "work/a/b/state");
    NARROW(&box, "manifest", "fs.read:/", "fs.write:/a");
    NARROW(&box, "session", "fs.read:/", "fs.write:/a", "fs.read:/a/b");
    box_start(&box);
    assert_int_equal(make_dir(&box, "a"), 0);
    assert_int_equal(make_dir(&box, "a/evil"), 0);
    assert_int_equal(symlink_at(&box, "evil", "a/b"), BX_WASI_EACCES);
    assert_int_equal(make_dir(&box, "a/b"), 0);
    assert_int_equal(make_dir(&box, "a/b/state"), BX_WASI_EROFS);
    box_free(&box);
}

static void refuses_what_leads_in_circles(void **state)
{
    test_box box;
    bx_error *err = NULL;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_symlink(&box, "loop", "work/loop");
    protect(&box, "work/loop/x");
    assert_null(bx_fs_new(box.policy, &err));
    assert_non_null(strstr(bx_error_message(err), "cannot be protected"));
    bx_error_free(err);
    box_free(&box);
}

BOTH(gives_what_every_layer_gives)
BOTH(judges_layers_by_the_true_path)
BOTH(gives_nothing_to_an_empty_layer)
BOTH(lets_read_and_not_write)
BOTH(is_not_linked_out_or_into)
BOTH(is_not_made_where_it_is_missing)
BOTH(keeps_the_folders_above_in_place)
BOTH(takes_no_link_above_a_missing_one)
BOTH(guards_links_on_the_way)
BOTH(holds_in_every_mapping)

/* ---- hidden paths ---------------------------------------------------- */

/* A home at "/" with the program's own files in it. */
static void start_with_home(test_box *box, unsigned access)
{
    box_init(box);
    box_map(box, "work", "/", access);
    host_mkdir(box, "work/.local");
    host_mkdir(box, "work/.local/state");
    host_mkdir(box, "work/.local/state/own");
    host_mkdir(box, "work/.local/state/own/overlays");
    host_write(box, "work/.local/state/own/key", "key");
    host_write(box, "work/.local/state/other", "other");
    host_write(box, "work/file", "file");
    host_symlink(box, ".local/state/own/key", "work/link");
    host_symlink(box, ".local/state/own", "work/linkdir");
    hide(box, "work/.local/state/own");
    box_start(box);
}

static void shows_nothing_of_what_is_hidden(void **state)
{
    static const char *const paths[] = {
        ".local/state/own/key",
        "file/../.local/state/own/key", /* no way either */
        ".local/state/../state/own/key",
        ".local/state/own/../own/key",
        "link",
        "linkdir/key",
        "linkdir/../own/key",
        ".local/state/own/overlays/../key",
    };
    static const unsigned accesses[] = { BOX_RW, BX_ACCESS_READ };

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        test_box box;

        start_with_home(&box, accesses[k]);
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            if (read_file(&box, paths[i]) != NULL)
                fail_msg("'%s' was read", paths[i]);
            assert_int_not_equal(open_to_write(&box, paths[i]), 0);
        }
        box.rule[0] = '\0';
        assert_null(read_file(&box, "linkdir/key"));
        assert_string_equal(box.rule, "state of boxagnts");
        assert_non_null(strstr(box.reason, "which no guest sees"));
        assert_int_not_equal(box_stat(&box, ".local/state/own/key", 0, NULL),
                             0);
        assert_string_equal(read_file(&box, ".local/state/other"), "other");
        box_free(&box);
    }
}

static void takes_nothing_of_what_is_hidden_elsewhere(void **state)
{
    test_box box;
    char *before;
    char *after;

    (void)state;
    start_with_home(&box, BOX_RW);
    before = host_listing(&box);
    assert_int_not_equal(link_to(&box, ".local/state/own/key", "stolen"), 0);
    assert_int_not_equal(link_to(&box, "linkdir/key", "stolen"), 0);
    assert_int_not_equal(rename_to(&box, ".local/state/own/key", "stolen"), 0);
    assert_int_not_equal(rename_to(&box, ".local/state/own", "stolen"), 0);
    assert_int_equal(rename_to(&box, ".local/state", "stolen"), BX_WASI_EBUSY);
    assert_int_equal(rename_to(&box, ".local", "stolen"), BX_WASI_EBUSY);
    assert_int_not_equal(rename_to(&box, "file", ".local/state/own/key"), 0);
    assert_int_not_equal(link_to(&box, "file", ".local/state/own/new"), 0);
    assert_int_not_equal(create(&box, ".local/state/own/new"), 0);
    assert_int_not_equal(make_dir(&box, ".local/state/own/new"), 0);
    assert_int_not_equal(unlink_file(&box, ".local/state/own/key"), 0);
    assert_int_not_equal(remove_dir(&box, ".local/state/own/overlays"), 0);
    after = host_listing(&box);
    assert_string_equal(before, after);
    free(before);
    free(after);
    box_free(&box);
}

/* What is made there later, by the program itself, is hidden too; and no folder
 * or link of the guest's comes to stand for it. */
static void hides_what_is_not_there_yet(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/mine");
    hide(&box, "work/.local/state/own");
    box_start(&box);
    assert_int_equal(make_dir(&box, ".local"), 0);
    assert_int_equal(symlink_at(&box, "../mine", ".local/state"),
                     BX_WASI_EACCES);
    assert_int_equal(make_dir(&box, "other"), 0);
    assert_int_equal(make_dir(&box, "other/own"), 0);
    assert_int_equal(rename_to(&box, "other", ".local/state"), BX_WASI_EBUSY);
    assert_int_equal(make_dir(&box, ".local/state"), 0);
    assert_int_equal(make_dir(&box, ".local/state/own"), BX_WASI_EACCES);
    host_mkdir(&box, "work/.local/state/own");
    host_write(&box, "work/.local/state/own/key", "key");
    assert_null(read_file(&box, ".local/state/own/key"));
    assert_int_equal(rename_to(&box, ".local/state", "x"), BX_WASI_EBUSY);
    box_free(&box);
}

static void hides_a_mapping_that_lies_within(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    host_mkdir(&box, "work");
    host_mkdir(&box, "work/own");
    box_map(&box, "work/own/deep", "/", BOX_RW);
    host_write(&box, "work/own/deep/key", "key");
    hide(&box, "work/own");
    box_start(&box);
    assert_null(read_file(&box, "key"));
    assert_int_equal(create(&box, "new"), BX_WASI_EACCES);
    assert_string_equal(box.rule, "state of boxagnts");
    assert_false(host_exists(&box, "work/own/deep/new"));
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(gives_what_every_layer_gives),
        BOTH_TESTS(judges_layers_by_the_true_path),
        cmocka_unit_test(keeps_a_folder_that_holds_a_grant),
        BOTH_TESTS(gives_nothing_to_an_empty_layer),
        BOTH_TESTS(lets_read_and_not_write),
        BOTH_TESTS(is_not_linked_out_or_into),
        BOTH_TESTS(is_not_made_where_it_is_missing),
        BOTH_TESTS(keeps_the_folders_above_in_place),
        BOTH_TESTS(takes_no_link_above_a_missing_one),
        BOTH_TESTS(guards_links_on_the_way),
        BOTH_TESTS(holds_in_every_mapping),
        cmocka_unit_test(outlasts_grants_beneath),
        cmocka_unit_test(costs_nothing_where_nothing_is_written),
        cmocka_unit_test(refuses_what_leads_in_circles),
        cmocka_unit_test(shows_nothing_of_what_is_hidden),
        cmocka_unit_test(takes_nothing_of_what_is_hidden_elsewhere),
        cmocka_unit_test(hides_what_is_not_there_yet),
        cmocka_unit_test(hides_a_mapping_that_lies_within),
    };

    return cmocka_run_group_tests_name("guarded", tests, NULL, NULL);
}
