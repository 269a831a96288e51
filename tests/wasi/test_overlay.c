/* What a guest sees and changes under an overlay, and what lies on disk
 * afterwards: base the same, the rest in up/ and gone/. */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "policy/grant.h"
#include "wasi/overlay.h"
#include "wasi/support.h"

#define CREATE (BX_OFLAG_CREAT)
#define WRITING                                                                \
    {                                                                          \
        .rights = RIGHTS_RW, .lookup = 1                                       \
    }

/* "work" at "/" with some things in it, and an overlay over it. */
static void start(test_box *box)
{
    char buf[512];

    box_init(box);
    box_map(box, "work", "/", BOX_RW);
    host_write(box, "work/a", "base a");
    host_write(box, "work/b", "base b");
    host_mkdir(box, "work/dir");
    host_write(box, "work/dir/c", "base c");
    host_mkdir(box, "work/dir/sub");
    host_write(box, "work/dir/sub/d", "base d");
    host_symlink(box, "dir/c", "work/to-c");
    assert_int_equal(
        bx_policy_set_overlay(box->policy, host_path(box, "over", buf), NULL),
        0);
    box_start(box);
}

static const char *guest_read(test_box *box, const char *path)
{
    uint32_t fd;
    const char *text;

    if (box_path_open(box, path,
                      (box_open){ .rights = BX_RIGHT_FD_READ, .lookup = 1 },
                      &fd) != 0)
        return NULL;
    text = box_read(box, fd);
    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    return text;
}

static void guest_write(test_box *box, const char *path, uint32_t oflags,
                        const char *text)
{
    uint32_t fd = box_opened(
        box, path,
        (box_open){ .rights = RIGHTS_RW, .lookup = 1, .oflags = oflags });

    assert_int_equal(box_write(box, fd, text), 0);
    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
}

static int32_t guest_unlink(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_unlink_file, U32(BOX_PREOPEN),
                PATH(box, path));
}

static int32_t guest_mkdir(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_create_directory, U32(BOX_PREOPEN),
                PATH(box, path));
}

static int32_t guest_rename(test_box *box, const char *from, const char *to)
{
    return CALL(box, bx_wasi_path_rename, U32(BOX_PREOPEN), PATH(box, from),
                U32(BOX_PREOPEN), PATH(box, to));
}

static const char *guest_list(test_box *box, const char *path)
{
    uint32_t fd =
        box_opened(box, path, (box_open){ .oflags = BX_OFLAG_DIRECTORY });
    const char *list = box_list(box, fd, 4096);

    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    return list;
}

static void reads_through(void **state)
{
    test_box box;

    (void)state;
    start(&box);
    assert_string_equal(guest_read(&box, "a"), "base a");
    assert_string_equal(guest_read(&box, "dir/sub/d"), "base d");
    assert_string_equal(guest_read(&box, "to-c"), "base c");
    assert_string_equal(guest_read(&box, "dir/../dir/./c"), "base c");
    assert_null(guest_read(&box, "none"));
    assert_int_equal(box_stat(&box, "dir/c", 0, NULL), 0);
    assert_int_equal(box_stat(&box, "dir/none", 0, NULL), BX_WASI_ENOENT);
    box_free(&box);
}
BOTH(reads_through)

static void writes_go_up(void **state)
{
    test_box box;

    (void)state;
    start(&box);
    guest_write(&box, "a", 0, "NEW");
    assert_string_equal(guest_read(&box, "a"), "NEWe a");
    assert_string_equal(host_read(&box, "work/a"), "base a");
    assert_string_equal(host_read(&box, "over/up/0/a"), "NEWe a");
    guest_write(&box, "dir/sub/d", BX_OFLAG_TRUNC, "X");
    assert_string_equal(guest_read(&box, "dir/sub/d"), "X");
    assert_string_equal(host_read(&box, "work/dir/sub/d"), "base d");
    guest_write(&box, "dir/new", CREATE, "new");
    assert_string_equal(guest_read(&box, "dir/new"), "new");
    assert_false(host_exists(&box, "work/dir/new"));
    guest_write(&box, "to-c", 0, "through");
    assert_string_equal(guest_read(&box, "dir/c"), "through");
    assert_string_equal(host_read(&box, "work/dir/c"), "base c");
    box_free(&box);
}
BOTH(writes_go_up)

static void unlinked_is_gone(void **state)
{
    test_box box;

    (void)state;
    start(&box);
    assert_int_equal(guest_unlink(&box, "dir/c"), 0);
    assert_null(guest_read(&box, "dir/c"));
    assert_true(host_exists(&box, "work/dir/c"));
    assert_true(host_exists(&box, "over/gone/0/dir/c"));
    guest_write(&box, "dir/c", CREATE | BX_OFLAG_EXCL, "again");
    assert_string_equal(guest_read(&box, "to-c"), "again");
    assert_int_equal(guest_unlink(&box, "dir/c"), 0);
    assert_int_equal(guest_unlink(&box, "dir/c"), BX_WASI_ENOENT);
    assert_int_equal(guest_unlink(&box, "dir"), BX_WASI_EISDIR);
    assert_string_equal(host_read(&box, "work/dir/c"), "base c");
    box_free(&box);
}
BOTH(unlinked_is_gone)

static void renames_folders_whole(void **state)
{
    test_box box;
    bx_autofree char *before = NULL;
    bx_autofree char *after = NULL;

    (void)state;
    start(&box);
    before = host_listing_of(&box, "work");
    assert_int_equal(guest_rename(&box, "dir", "moved"), 0);
    assert_string_equal(guest_read(&box, "moved/sub/d"), "base d");
    assert_null(guest_read(&box, "dir/c"));
    assert_null(guest_read(&box, "to-c"));
    assert_int_equal(guest_mkdir(&box, "dir"), 0);
    assert_string_equal(guest_list(&box, "dir"), ". .. ");
    assert_int_equal(guest_rename(&box, "moved/sub", "dir"), 0);
    assert_string_equal(guest_read(&box, "dir/d"), "base d");
    assert_int_equal(guest_rename(&box, "moved", "dir"), BX_WASI_ENOTEMPTY);
    assert_int_equal(guest_rename(&box, "dir", "dir/x"), BX_WASI_EINVAL);
    after = host_listing_of(&box, "work");
    assert_string_equal(before, after);
    box_free(&box);
}
BOTH(renames_folders_whole)

/* What a rename may bring up is what the run could have written. */
static void does_not_rename_more_than_a_run_may_write(void **state)
{
    test_box box;

    (void)state;
    start(&box);
    box.policy->limits.fs_create_entries = 2; /* dir has four entries */
    assert_int_equal(guest_rename(&box, "dir", "moved"), BX_WASI_EXDEV);
    assert_false(host_exists(&box, "over/up/0/dir"));
    box.policy->limits.fs_create_entries = 3; /* c, sub and sub/d */
    box.policy->limits.fs_write_bytes = 11;   /* of twelve */
    assert_int_equal(guest_rename(&box, "dir", "moved"), BX_WASI_EXDEV);
    assert_false(host_exists(&box, "over/up/0/dir"));
    box.policy->limits.fs_write_bytes = 12;
    assert_int_equal(guest_rename(&box, "dir", "moved"), 0);
    assert_int_equal(box.run.used.fs_write_bytes, 0);
    box_free(&box);
}
BOTH(does_not_rename_more_than_a_run_may_write)

static void counts_quotas_as_ever(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    start(&box);
    box.policy->limits.fs_create_entries = 1;
    box.policy->limits.fs_write_bytes = 4;
    fd = box_opened(&box, "a", (box_open){ .rights = RIGHTS_RW });
    assert_int_equal(box.run.used.fs_create_entries, 0); /* it was there */
    assert_int_equal(box_write(&box, fd, "1234"), 0);
    assert_int_equal(box_write(&box, fd, "5"), BX_WASI_EDQUOT);
    assert_string_equal(box.rule, "max-write");
    assert_int_equal(guest_mkdir(&box, "one"), 0);
    assert_int_equal(guest_mkdir(&box, "two"), BX_WASI_EDQUOT);
    assert_string_equal(box.rule, "max-create");
    assert_false(host_exists(&box, "over/up/0/two"));
    box_free(&box);
}
BOTH(counts_quotas_as_ever)

/* Brought up, a file is what it was. */
static void keeps_modes_and_times(void **state)
{
    const struct timespec old[2] = { { .tv_sec = 5 }, { .tv_sec = 1234567 } };
    test_box box;
    char buf[512];
    struct stat stat_;
    uint8_t seen[BX_FILESTAT_BYTES];

    (void)state;
    start(&box);
    assert_int_equal(chmod(host_path(&box, "work/a", buf), 0755), 0);
    assert_int_equal(utimensat(AT_FDCWD, buf, old, 0), 0);
    assert_int_equal(chmod(host_path(&box, "work/b", buf), 04751), 0);
    assert_int_equal(chmod(host_path(&box, "work/dir/sub", buf), 0711), 0);
    assert_int_equal(utimensat(AT_FDCWD, buf, old, 0), 0);
    /* Opened for writing, nothing written. */
    box_opened(&box, "a", (box_open){ .rights = RIGHTS_RW });
    assert_int_equal(stat(host_path(&box, "over/up/0/a", buf), &stat_), 0);
    assert_int_equal(stat_.st_mode, S_IFREG | 0755);
    assert_int_equal(stat_.st_mtim.tv_sec, 1234567);
    assert_int_equal(box_stat(&box, "a", 0, seen), 0);
    assert_int_equal(bx_load64(seen + 48), UINT64_C(1234567000000000));
    /* A folder to hold a file that is written, whose bits give no rights. */
    guest_write(&box, "dir/sub/d", 0, "x");
    assert_int_equal(stat(host_path(&box, "over/up/0/dir/sub", buf), &stat_),
                     0);
    assert_int_equal(stat_.st_mode, S_IFDIR | 0711);
    assert_int_equal(stat_.st_mtim.tv_sec, 1234567);
    guest_write(&box, "b", BX_OFLAG_TRUNC, "x");
    assert_int_equal(stat(host_path(&box, "over/up/0/b", buf), &stat_), 0);
    assert_int_equal(stat_.st_mode, S_IFREG | 0751);
    box_free(&box);
}
BOTH(keeps_modes_and_times)

static void sets_times_of_what_is_open_for_reading(void **state)
{
    test_box box;
    char buf[512];
    struct stat stat_;
    uint32_t fd;

    (void)state;
    start(&box);
    fd = box_opened(&box, "dir/c", (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_int_equal(CALL(&box, bx_wasi_fd_filestat_set_times, U32(fd), U64(0),
                          U64(7000000000), U32(BX_FSTFLAG_MTIM)),
                     0);
    assert_string_equal(box_read(&box, fd), "base c");
    assert_int_equal(stat(host_path(&box, "over/up/0/dir/c", buf), &stat_), 0);
    assert_int_equal(stat_.st_mtim.tv_sec, 7);
    assert_int_equal(stat(host_path(&box, "work/dir/c", buf), &stat_), 0);
    assert_int_not_equal(stat_.st_mtim.tv_sec, 7);
    /* It is up's file now: what is written there is read. */
    guest_write(&box, "dir/c", BX_OFLAG_TRUNC, "fresh, and longer");
    assert_string_equal(box_read(&box, fd), " and longer");
    box_free(&box);
}
BOTH(sets_times_of_what_is_open_for_reading)

/* As overlayfs: POSIX would show the new content. */
static void open_for_reading_keeps_the_old_content(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    start(&box);
    fd = box_opened(&box, "a", (box_open){ .rights = BX_RIGHT_FD_READ });
    guest_write(&box, "a", BX_OFLAG_TRUNC, "new");
    assert_string_equal(box_read(&box, fd), "base a");
    box_free(&box);
}
BOTH(open_for_reading_keeps_the_old_content)

static void lists_each_name_once(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    start(&box);
    box.run.is_deterministic = true;
    guest_write(&box, "dir/c", 0, "X");
    guest_write(&box, "dir/b", CREATE, "new");
    guest_write(&box, "dir/e", CREATE, "new");
    assert_string_equal(guest_list(&box, "dir"), ". .. b c e sub ");
    assert_int_equal(guest_unlink(&box, "dir/c"), 0);
    assert_string_equal(guest_list(&box, "dir"), ". .. b e sub ");
    fd = box_opened(&box, "dir", (box_open){ .oflags = BX_OFLAG_DIRECTORY });
    assert_string_equal(box_list(&box, fd, 64), ". .. b e sub ");
    guest_write(&box, "dir/c", CREATE, "again");
    assert_string_equal(box_list(&box, fd, 64), ". .. b c e sub ");
    /* The base may gain something too. */
    host_write(&box, "work/dir/d", "host");
    assert_string_equal(box_list(&box, fd, 64), ". .. b c d e sub ");
    assert_int_equal(CALL(&box, bx_wasi_path_remove_directory, U32(BOX_PREOPEN),
                          PATH(&box, "dir")),
                     BX_WASI_ENOTEMPTY);
    box_free(&box);
}
BOTH(lists_each_name_once)

/* A listing that is under way goes on where it was. */
static void cookies_stay_while_entries_come_and_go(void **state)
{
    test_box box;
    uint32_t fd;
    uint32_t buf;
    uint32_t ret;
    uint64_t cookie;
    unsigned seen = 1;

    (void)state;
    start(&box);
    for (char name[] = "dir/0"; name[4] <= '9'; name[4]++)
        guest_write(&box, name, CREATE, "x");
    fd = box_opened(&box, "dir", (box_open){ .oflags = BX_OFLAG_DIRECTORY });
    buf = box_alloc(&box, 30);
    ret = box_alloc(&box, 4);
    cookie = 0;
    for (;; seen++) {
        char name[] = "dir/0";

        assert_int_equal(CALL(&box, bx_wasi_fd_readdir, U32(fd), U32(buf),
                              U32(30), U64(cookie), U32(ret)),
                         0);
        if (bx_load32(box.guest.data + ret) < BX_DIRENT_BYTES)
            break;
        cookie = bx_load64(box.guest.data + buf);
        if (seen > 2 && seen < 13) { /* each is removed while it is listed */
            name[4] = (char)('0' + (seen - 3));
            assert_int_equal(guest_unlink(&box, name), 0);
        }
    }
    assert_int_equal(seen, 15); /* ten, "." and "..", c and sub */
    assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(fd)), 0);
    assert_int_equal(strlen(guest_list(&box, "dir")), strlen(". .. c sub "));
    box_free(&box);
}
BOTH(cookies_stay_while_entries_come_and_go)

static void records_what_the_base_was(void **state)
{
    static const char wanted[][128] = {
        "\"path\": \"a\", \"kind\": \"file\", \"size\": 6",
        "\"path\": \"dir\", \"kind\": \"folder\"",
        "\"path\": \"dir/c\", \"kind\": \"file\"",
        "\"path\": \"say \\\"hi\\\"\", \"kind\": \"none\"}",
        "\"path\": \"to-c\", \"kind\": \"link\"",
        /* printf 'base a' | sha256sum */
        "\"sha256\": "
        "\"4fa16d2848be99953a1dd0573968d674d654a3100d104a4739aa8bf26aa3a1c5\"",
    };
    test_box box;
    bx_autofree char *text = NULL;
    char buf[512];

    (void)state;
    start(&box);
    guest_write(&box, "a", 0, "X");
    assert_int_equal(guest_unlink(&box, "dir/c"), 0);
    guest_write(&box, "say \"hi\"", CREATE, "X");
    assert_int_equal(guest_rename(&box, "to-c", "l"), 0);
    assert_int_equal(bx_file_read(host_path(&box, "over/base.log", buf), 65536,
                                  &text, NULL, NULL),
                     0);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("no '%s' in\n%s", wanted[i], text);
    }
    box_free(&box);
}

/* ---- refused -------------------------------------------------------- */

static void links_lead_nowhere_else(void **state)
{
    static const char *const links[] = {
        "../outside",
        "dir/../../outside",
        "../over/base.log",
        "../over/up/0/a",
        "../../../../../../etc/passwd",
        "..",
    };
    test_box box;

    (void)state;
    start(&box);
    host_write(&box, "outside", "secret");
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        uint32_t fd;

        assert_int_equal(CALL(&box, bx_wasi_path_symlink, PATH(&box, links[i]),
                              U32(BOX_PREOPEN), PATH(&box, "planted")),
                         0);
        assert_null(guest_read(&box, "planted"));
        assert_int_equal(box_path_open(&box, "planted",
                                       (box_open){ .rights = RIGHTS_RW,
                                                   .lookup = 1,
                                                   .oflags = CREATE },
                                       &fd),
                         BX_WASI_EPERM);
        assert_int_equal(box_stat(&box, "planted/x", 1, NULL), BX_WASI_EPERM);
        assert_int_equal(guest_mkdir(&box, "planted/x"), BX_WASI_EPERM);
        assert_int_equal(guest_unlink(&box, "planted"), 0);
    }
    assert_string_equal(host_read(&box, "outside"), "secret");
    box_free(&box);
}
BOTH(links_lead_nowhere_else)

/* Whoever got hold of the overlay's folder plants links where folders were. */
static void links_planted_in_up_are_not_followed(void **state)
{
    test_box box;
    const char *text;
    char buf[512];
    uint32_t fd;

    (void)state;
    start(&box);
    host_mkdir(&box, "victim");
    host_write(&box, "victim/c", "secret");
    guest_write(&box, "dir/sub/new", CREATE, "x");
    assert_int_equal(unlink(host_path(&box, "over/up/0/dir/sub/new", buf)), 0);
    assert_int_equal(rmdir(host_path(&box, "over/up/0/dir/sub", buf)), 0);
    assert_int_equal(rmdir(host_path(&box, "over/up/0/dir", buf)), 0);
    host_symlink(&box, "../../../victim", "over/up/0/dir");
    text = guest_read(&box, "dir/c");
    assert_true(text == NULL || strcmp(text, "base c") == 0);
    assert_int_not_equal(
        box_path_open(&box, "dir/made",
                      (box_open){ .rights = RIGHTS_RW, .oflags = CREATE }, &fd),
        0);
    assert_int_not_equal(guest_unlink(&box, "dir/c"), 0);
    assert_int_not_equal(guest_rename(&box, "a", "dir/a"), 0);
    assert_false(host_exists(&box, "victim/made"));
    assert_false(host_exists(&box, "victim/a"));
    assert_string_equal(host_read(&box, "victim/c"), "secret");
    box_free(&box);
}
BOTH(links_planted_in_up_are_not_followed)

static void read_only_stays_read_only(void **state)
{
    test_box box;
    char buf[512];
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BX_ACCESS_READ);
    host_write(&box, "work/a", "base a");
    assert_int_equal(
        bx_policy_set_overlay(box.policy, host_path(&box, "over", buf), NULL),
        0);
    box_start(&box);
    assert_int_equal(
        box_path_open(&box, "a", (box_open){ .rights = RIGHTS_RW }, &fd),
        BX_WASI_EROFS);
    assert_int_equal(guest_mkdir(&box, "x"), BX_WASI_EROFS);
    assert_int_equal(guest_unlink(&box, "a"), BX_WASI_EROFS);
    assert_int_equal(box.denials, 3);
    assert_false(host_exists(&box, "over/up/0/a"));
    box_free(&box);
}
BOTH(read_only_stays_read_only)

static void protected_paths_are_not_written(void **state)
{
    test_box box;
    char buf[512];
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/.boxagnts");
    host_write(&box, "work/.boxagnts/policy", "base");
    assert_int_equal(bx_policy_protect(box.policy,
                                       host_path(&box, "work/.boxagnts", buf),
                                       "the workspace", NULL),
                     0);
    assert_int_equal(
        bx_policy_set_overlay(box.policy, host_path(&box, "over", buf), NULL),
        0);
    box_start(&box);
    assert_string_equal(guest_read(&box, ".boxagnts/policy"), "base");
    assert_int_equal(box_path_open(&box, ".boxagnts/policy",
                                   (box_open){ .rights = RIGHTS_RW }, &fd),
                     BX_WASI_EROFS);
    assert_int_equal(guest_rename(&box, ".boxagnts", "x"), BX_WASI_EROFS);
    assert_int_equal(guest_unlink(&box, ".boxagnts/policy"), BX_WASI_EROFS);
    box_free(&box);
}
BOTH(protected_paths_are_not_written)

/* The overlay lies in what is mapped. */
static void the_overlay_itself_is_hidden(void **state)
{
    test_box box;
    char buf[512];
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/state");
    assert_int_equal(
        bx_policy_set_overlay(box.policy,
                              host_path(&box, "work/state/over", buf), NULL),
        0);
    box_start(&box);
    guest_write(&box, "a", CREATE, "x");
    assert_true(host_exists(&box, "work/state/over/up/0/a"));
    assert_int_equal(box_stat(&box, "state/over", 0, NULL), BX_WASI_EACCES);
    assert_int_equal(box_path_open(&box, "state/over/base.log",
                                   (box_open){ .rights = BX_RIGHT_FD_READ },
                                   &fd),
                     BX_WASI_EACCES);
    assert_int_equal(box_path_open(&box, "state/over/up/0/a",
                                   (box_open){ .rights = RIGHTS_RW }, &fd),
                     BX_WASI_EACCES);
    assert_string_equal(box.reason, "overlays are not seen from within");
    assert_int_not_equal(guest_rename(&box, "state", "s"), 0);
    box_free(&box);
}
BOTH(the_overlay_itself_is_hidden)

static void pipes_are_not_opened(void **state)
{
    test_box box;
    char buf[512];
    uint32_t fd;

    (void)state;
    start(&box);
    assert_int_equal(mkfifo(host_path(&box, "work/pipe", buf), 0600), 0);
    assert_int_equal(box_path_open(&box, "pipe",
                                   (box_open){ .rights = BX_RIGHT_FD_READ },
                                   &fd),
                     BX_WASI_EACCES);
    assert_int_equal(
        box_path_open(&box, "pipe", (box_open){ .rights = RIGHTS_RW }, &fd),
        BX_WASI_EACCES);
    assert_int_equal(guest_rename(&box, "pipe", "p"), BX_WASI_EXDEV);
    assert_int_equal(guest_unlink(&box, "pipe"), 0);
    assert_true(host_exists(&box, "work/pipe"));
    box_free(&box);
}
BOTH(pipes_are_not_opened)

static void a_file_too_large_is_not_copied(void **state)
{
    test_box box;
    char buf[512];
    uint32_t fd;

    (void)state;
    start(&box);
    assert_int_equal(truncate(host_path(&box, "work/a", buf),
                              (off_t)BX_OVERLAY_COPY_MAX_BYTES + 1),
                     0);
    assert_int_equal(
        box_path_open(&box, "a", (box_open){ .rights = RIGHTS_RW }, &fd),
        BX_WASI_EFBIG);
    assert_string_equal(box.rule, "overlay");
    assert_false(host_exists(&box, "over/up/0/a"));
    guest_write(&box, "a", BX_OFLAG_TRUNC, "nothing is copied");
    assert_string_equal(guest_read(&box, "a"), "nothing is copied");
    box_free(&box);
}

static void copying_ends_with_the_run(void **state)
{
    test_box box;
    char buf[512];
    uint32_t fd;

    (void)state;
    start(&box);
    assert_int_equal(truncate(host_path(&box, "work/a", buf), 64 << 20), 0);
    box.run.deadline_ns = 1;
    assert_int_not_equal(
        box_path_open(&box, "a", (box_open){ .rights = RIGHTS_RW }, &fd), 0);
    assert_false(host_exists(&box, "over/up/0/a"));
    assert_int_equal(rmdir(host_path(&box, "over/tmp", buf)), 0);
    box_free(&box);
}

static void names_too_long_are_told(void **state)
{
    test_box box;
    char name[300];
    char path[4000] = "";
    uint32_t fd;

    (void)state;
    start(&box);
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    assert_int_equal(guest_mkdir(&box, name), BX_WASI_ENAMETOOLONG);
    name[200] = '\0';
    for (int i = 0; i < 19; i++) {
        strcat(path, i == 0 ? "" : "/");
        strcat(path, name);
        box_rewind(&box);
        assert_int_equal(guest_mkdir(&box, path), 0);
    }
    guest_write(&box, strcat(path, "/f"), CREATE, "deep");
    assert_string_equal(guest_read(&box, path), "deep");
    /* Deeper than a path of the kernel's can say, from a held folder. */
    path[strlen(path) - 2] = '\0';
    fd = box_opened(&box, path, (box_open){ .oflags = BX_OFLAG_DIRECTORY });
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(fd), PATH(&box, name)),
        0);
    snprintf(path, sizeof(path), "%s/%s", name, name);
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(fd), PATH(&box, path)),
        BX_WASI_ENAMETOOLONG);
    box_free(&box);
}
BOTH(names_too_long_are_told)

/* ---- the folder ----------------------------------------------------- */

static void a_second_run_goes_on(void **state)
{
    test_box box;
    char buf[512];

    (void)state;
    start(&box);
    guest_write(&box, "dir/c", BX_OFLAG_TRUNC, "new");
    assert_int_equal(guest_unlink(&box, "a"), 0);
    box_stop(&box);
    /* Killed in the middle of something; and the machine was off. */
    host_write(&box, "over/tmp/t-left", "half");
    host_mkdir(&box, "over/tmp/t-folder");
    host_mkdir(&box, "over/tmp/t-folder/in");
    host_write(&box, "over/tmp/t-folder/in/it", "");
    assert_int_equal(unlink(host_path(&box, "over/touched", buf)), 0);
    box_start(&box);
    assert_string_equal(guest_read(&box, "dir/c"), "new");
    assert_null(guest_read(&box, "a"));
    assert_string_equal(guest_read(&box, "b"), "base b");
    assert_int_equal(rmdir(host_path(&box, "over/tmp", buf)), 0);
    box_free(&box);
}
BOTH(a_second_run_goes_on)

static void refuses_what_is_no_overlay(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"version\": 2, \"id\": \"x\", \"mappings\": []}",
        "{\"version\": 1, \"mappings\": []}",
        "{\"version\": 1, \"id\": \"x\", \"mappings\": {}}",
        "{\"version\": 1, \"id\": \"x\", \"mappings\": [7]}",
        "{\"version\": 1, \"id\": \"x\", \"id\": \"y\", \"mappings\": []}",
    };
    test_box box;
    char buf[512];
    char dir[512];

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    assert_int_equal(mkdir(host_path(&box, "over", dir), 0700), 0);
    assert_int_equal(bx_policy_set_overlay(box.policy, dir, NULL), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bx_autoerror bx_error *err = NULL;

        host_write(&box, "over/overlay.json", texts[i]);
        assert_null(bx_fs_new(box.policy, &err));
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        assert_string_equal(host_read(&box, "over/overlay.json"), texts[i]);
    }
    assert_int_equal(unlink(host_path(&box, "over/overlay.json", buf)), 0);
    host_write(&box, "over/letter", "mine");
    assert_null(bx_fs_new(box.policy, NULL));
    assert_int_equal(unlink(host_path(&box, "over/letter", buf)), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_null(bx_fs_new(box.policy, NULL)); /* open to others */
    assert_int_equal(chmod(dir, 0700), 0);
    box_start(&box);
    box_free(&box);
}

static void names_of_overlays(void **state)
{
    static const char *const wrong[] = { "",   ".",   "..",  ".x",
                                         "-x", "a/b", "a b", "\xff" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bx_autoerror bx_error *err = NULL;

        assert_null(bx_overlay_path(wrong[i], &err));
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    }
    {
        bx_autofree char *path = NULL;

        setenv("XDG_STATE_HOME", "/state", 1);
        path = bx_overlay_path("try_1.2-x", NULL);
        assert_string_equal(path, "/state/boxagnts/overlays/try_1.2-x");
    }
}

static void mappings_keep_their_numbers(void **state)
{
    test_box box;
    char buf[512];

    (void)state;
    start(&box);
    guest_write(&box, "a", 0, "X");
    box_stop(&box);
    box_map(&box, "more", "/dir/more", BOX_RW);
    host_write(&box, "more/m", "base m");
    box_start(&box);
    assert_string_equal(guest_read(&box, "a"), "Xase a");
    guest_write(&box, "dir/more/m", 0, "Y");
    assert_string_equal(host_read(&box, "over/up/1/m"), "Yase m");
    assert_string_equal(guest_list(&box, "dir"), ". .. c sub more ");
    assert_string_equal(guest_read(&box, "dir/more/../c"), "base c");
    assert_int_equal(guest_rename(&box, "a", "dir/more/a"), BX_WASI_EXDEV);
    assert_int_equal(guest_rename(&box, "dir", "d"), BX_WASI_EBUSY);
    assert_false(host_exists(&box, "over/up/0/dir/more"));
    assert_null(strstr(host_path(&box, "", buf), "//"));
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(reads_through),
        BOTH_TESTS(writes_go_up),
        BOTH_TESTS(unlinked_is_gone),
        BOTH_TESTS(renames_folders_whole),
        BOTH_TESTS(does_not_rename_more_than_a_run_may_write),
        BOTH_TESTS(counts_quotas_as_ever),
        BOTH_TESTS(keeps_modes_and_times),
        BOTH_TESTS(sets_times_of_what_is_open_for_reading),
        BOTH_TESTS(open_for_reading_keeps_the_old_content),
        BOTH_TESTS(lists_each_name_once),
        BOTH_TESTS(cookies_stay_while_entries_come_and_go),
        cmocka_unit_test(records_what_the_base_was),
        BOTH_TESTS(links_lead_nowhere_else),
        BOTH_TESTS(links_planted_in_up_are_not_followed),
        BOTH_TESTS(read_only_stays_read_only),
        BOTH_TESTS(protected_paths_are_not_written),
        BOTH_TESTS(the_overlay_itself_is_hidden),
        BOTH_TESTS(pipes_are_not_opened),
        cmocka_unit_test(a_file_too_large_is_not_copied),
        cmocka_unit_test(copying_ends_with_the_run),
        BOTH_TESTS(names_too_long_are_told),
        BOTH_TESTS(a_second_run_goes_on),
        cmocka_unit_test(refuses_what_is_no_overlay),
        cmocka_unit_test(names_of_overlays),
        cmocka_unit_test(mappings_keep_their_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
