/* What a guest sees and changes under an overlay, and what lies on disk
 * afterwards: base the same, the rest in up/ and gone/. */
#include <fcntl.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(reads_through),
        BOTH_TESTS(writes_go_up),
        BOTH_TESTS(unlinked_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
