/* What a run tells of its use of files, call by call, and what it gets when
 * the answer is no. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "wasi/support.h"

typedef struct asked_needs {
    bx_buf told;         /* "fs.read:/a fs.write:/b " */
    const char *refused; /* "fs.read:/a": this one is not given */
} asked_needs;

static bool on_need(void *context, const bx_need_event *event)
{
    asked_needs *asked = context;
    char text[512];

    snprintf(text, sizeof(text), "%s:%s", event->kind, event->target);
    bx_buf_puts(&asked->told, text);
    bx_buf_puts(&asked->told, " ");
    return asked->refused == NULL || strcmp(text, asked->refused) != 0;
}

/* A box with some files, mapped at "/", and a listener. */
static void start(test_box *box, asked_needs *asked)
{
    box_init(box);
    box_map(box, "work", "/", BOX_RW);
    host_write(box, "work/file", "text");
    host_mkdir(box, "work/dir");
    host_write(box, "work/dir/inner", "inner text");
    host_mkdir(box, "work/dir/sub");
    host_symlink(box, "file", "work/link");
    host_symlink(box, "link", "work/link2");
    host_symlink(box, "dir", "work/linkdir");
    host_symlink(box, "nothing", "work/dangling");
    box->run.need = on_need;
    box->run.need_context = asked;
    box_start(box);
}

static void stop(test_box *box, asked_needs *asked)
{
    bx_run_forget_needs(&box->run);
    bx_buf_clear(&asked->told);
    box_free(box);
}

static const char *told(const asked_needs *asked)
{
    return asked->told.data == NULL ? "" : asked->told.data;
}

typedef int32_t call_fn(test_box *box);

static int32_t open_with(test_box *box, const char *path, box_open open)
{
    uint32_t fd = UINT32_MAX;
    int32_t err = box_path_open(box, path, open, &fd);

    if (err == 0)
        assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    return err;
}

static int32_t open_read(test_box *box, const char *path)
{
    return open_with(box, path,
                     (box_open){ .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                 .rights = BX_RIGHT_FD_READ });
}

static int32_t reads_file(test_box *box)
{
    return open_read(box, "file");
}

static int32_t reads_by_dots(test_box *box)
{
    return open_read(box, "./dir/.//inner");
}

static int32_t reads_by_parent(test_box *box)
{
    return open_read(box, "dir/../file");
}

static int32_t reads_link(test_box *box)
{
    return open_read(box, "link");
}

static int32_t reads_links(test_box *box)
{
    return open_read(box, "link2");
}

static int32_t reads_through_link(test_box *box)
{
    return open_read(box, "linkdir/inner");
}

static int32_t reads_nothing(test_box *box)
{
    return open_read(box, "dir/none/deeper");
}

static int32_t reads_dangling(test_box *box)
{
    return open_read(box, "dangling");
}

static int32_t reads_beneath_file(test_box *box)
{
    return open_read(box, "file/x");
}

static int32_t writes_file(test_box *box)
{
    return open_with(box, "file", (box_open){ .rights = BX_RIGHT_FD_WRITE });
}

static int32_t writes_and_reads_file(test_box *box)
{
    return open_with(box, "file", (box_open){ .rights = RIGHTS_RW });
}

static int32_t writes_through_link(test_box *box)
{
    return open_with(box, "link",
                     (box_open){ .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                 .rights = BX_RIGHT_FD_WRITE });
}

static int32_t creates_file(test_box *box)
{
    return open_with(
        box, "linkdir/new",
        (box_open){ .oflags = BX_OFLAG_CREAT, .rights = BX_RIGHT_FD_WRITE });
}

static int32_t creates_by_dangling(test_box *box)
{
    return open_with(box, "dangling",
                     (box_open){ .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                 .oflags = BX_OFLAG_CREAT,
                                 .rights = BX_RIGHT_FD_WRITE });
}

static int32_t truncates_file(test_box *box)
{
    return open_with(box, "file", (box_open){ .oflags = BX_OFLAG_TRUNC });
}

static int32_t opens_folder(test_box *box)
{
    return open_with(box, "dir", (box_open){ .oflags = BX_OFLAG_DIRECTORY });
}

static int32_t lists_folder(test_box *box)
{
    uint32_t fd = box_opened(box, "linkdir",
                             (box_open){ .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                         .oflags = BX_OFLAG_DIRECTORY,
                                         .rights = BX_RIGHT_FD_READDIR });
    const char *names = box_list(box, fd, 4096);

    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    return names == NULL ? BX_WASI_EACCES : 0;
}

static int32_t lists_root(test_box *box)
{
    return box_list(box, BOX_PREOPEN, 4096) == NULL ? BX_WASI_EACCES : 0;
}

static int32_t reads_by_folder(test_box *box)
{
    uint32_t dir = box_opened(box, "linkdir",
                              (box_open){ .lookup = BX_LOOKUP_SYMLINK_FOLLOW,
                                          .oflags = BX_OFLAG_DIRECTORY,
                                          .inheriting = ALL_RIGHTS });
    int32_t err = open_with(
        box, "inner", (box_open){ .dir = dir, .rights = BX_RIGHT_FD_READ });

    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(dir)), 0);
    return err;
}

static int32_t stats_file(test_box *box)
{
    return box_stat(box, "dir/inner", 0, NULL);
}

static int32_t stats_single(test_box *box)
{
    return box_stat(box, "file", BX_LOOKUP_SYMLINK_FOLLOW, NULL);
}

static int32_t stats_link(test_box *box)
{
    return box_stat(box, "link", 0, NULL);
}

static int32_t stats_deep_link(test_box *box)
{
    return box_stat(box, "dir/../link", 0, NULL);
}

static int32_t stats_by_link(test_box *box)
{
    return box_stat(box, "link", BX_LOOKUP_SYMLINK_FOLLOW, NULL);
}

static int32_t stats_nothing(test_box *box)
{
    return box_stat(box, "none", 0, NULL);
}

static int32_t stats_root(test_box *box)
{
    return box_stat(box, ".", 0, NULL);
}

static int32_t opens_root(test_box *box)
{
    return open_with(box, "./.", (box_open){ .oflags = BX_OFLAG_DIRECTORY });
}

static int32_t reads_link_content(test_box *box)
{
    uint32_t buf = box_alloc(box, 64);
    uint32_t ret = box_alloc(box, 4);

    return CALL(box, bx_wasi_path_readlink, U32(BOX_PREOPEN),
                PATH(box, "linkdir/../link"), U32(buf), U32(64), U32(ret));
}

static int32_t makes_folder(test_box *box)
{
    return CALL(box, bx_wasi_path_create_directory, U32(BOX_PREOPEN),
                PATH(box, "linkdir/made"));
}

static int32_t makes_folder_nowhere(test_box *box)
{
    return CALL(box, bx_wasi_path_create_directory, U32(BOX_PREOPEN),
                PATH(box, "none/made"));
}

static int32_t removes_file(test_box *box)
{
    return CALL(box, bx_wasi_path_unlink_file, U32(BOX_PREOPEN),
                PATH(box, "link"));
}

static int32_t removes_folder(test_box *box)
{
    return CALL(box, bx_wasi_path_remove_directory, U32(BOX_PREOPEN),
                PATH(box, "dir/sub"));
}

static int32_t renames_file(test_box *box)
{
    return CALL(box, bx_wasi_path_rename, U32(BOX_PREOPEN), PATH(box, "file"),
                U32(BOX_PREOPEN), PATH(box, "linkdir/moved"));
}

static int32_t links_file(test_box *box)
{
    return CALL(box, bx_wasi_path_link, U32(BOX_PREOPEN), U32(0),
                PATH(box, "file"), U32(BOX_PREOPEN), PATH(box, "hard"));
}

static int32_t links_symbolically(test_box *box)
{
    return CALL(box, bx_wasi_path_symlink, PATH(box, "file"), U32(BOX_PREOPEN),
                PATH(box, "soft"));
}

static int32_t sets_times(test_box *box)
{
    return CALL(box, bx_wasi_path_filestat_set_times, U32(BOX_PREOPEN),
                U32(BX_LOOKUP_SYMLINK_FOLLOW), PATH(box, "link"), U64(0),
                U64(0), U32(BX_FSTFLAG_MTIM));
}

/* By a descriptor that was opened to read. */
static int32_t sets_times_of_open_file(test_box *box)
{
    uint32_t fd =
        box_opened(box, "dir/inner",
                   (box_open){ .rights = BX_RIGHT_FD_READ |
                                         BX_RIGHT_FD_FILESTAT_SET_TIMES });
    int32_t err = CALL(box, bx_wasi_fd_filestat_set_times, U32(fd), U64(0),
                       U64(0), U32(BX_FSTFLAG_MTIM));

    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    return err;
}

static int32_t escapes(test_box *box)
{
    return box_stat(box, "../other", 0, NULL);
}

static const struct {
    const char *name;
    call_fn *call;
    const char *told;
    int32_t err;         /* when everything is given */
    int32_t refused_err; /* when the last one told is not */
} rows[] = {
    { "read", reads_file, "fs.read:/file ", 0, BX_WASI_EACCES },
    { "read by dots", reads_by_dots, "fs.read:/dir/inner ", 0, BX_WASI_EACCES },
    { "read by parent", reads_by_parent, "fs.stat:/dir fs.read:/file ", 0,
      BX_WASI_EACCES },
    { "read link", reads_link, "fs.stat:/link fs.read:/file ", 0,
      BX_WASI_EACCES },
    { "read links", reads_links, "fs.stat:/link2 fs.stat:/link fs.read:/file ",
      0, BX_WASI_EACCES },
    { "read through link", reads_through_link,
      "fs.stat:/linkdir fs.read:/dir/inner ", 0, BX_WASI_EACCES },
    { "read nothing", reads_nothing, "fs.stat:/dir/none/deeper ",
      BX_WASI_ENOENT, BX_WASI_EACCES },
    { "read dangling", reads_dangling, "fs.stat:/dangling fs.stat:/nothing ",
      BX_WASI_ENOENT, BX_WASI_EACCES },
    { "read beneath file", reads_beneath_file, "fs.stat:/file/x ",
      BX_WASI_ENOTDIR, BX_WASI_EACCES },
    { "write", writes_file, "fs.write:/file ", 0, BX_WASI_EROFS },
    { "write and read", writes_and_reads_file, "fs.read:/file fs.write:/file ",
      0, BX_WASI_EACCES },
    { "write through link", writes_through_link,
      "fs.stat:/link fs.write:/file ", 0, BX_WASI_EROFS },
    { "create", creates_file,
      "fs.stat:/linkdir fs.write:/dir/new fs.stat:/dir/new ", 0,
      BX_WASI_EACCES },
    { "create by dangling", creates_by_dangling,
      "fs.stat:/dangling fs.write:/nothing fs.stat:/nothing ", 0,
      BX_WASI_EACCES },
    { "truncate", truncates_file, "fs.write:/file ", 0, BX_WASI_EROFS },
    { "open folder", opens_folder, "fs.stat:/dir ", 0, BX_WASI_EACCES },
    { "list", lists_folder, "fs.stat:/linkdir fs.stat:/dir fs.list:/dir ", 0,
      BX_WASI_EACCES },
    { "list root", lists_root, "fs.list:/ ", 0, BX_WASI_EACCES },
    { "read by folder", reads_by_folder,
      "fs.stat:/linkdir fs.stat:/dir fs.read:/dir/inner ", 0, BX_WASI_EACCES },
    { "stat", stats_file, "fs.stat:/dir/inner ", 0, BX_WASI_EACCES },
    { "stat single", stats_single, "fs.stat:/file ", 0, BX_WASI_EACCES },
    { "stat link", stats_link, "fs.stat:/link ", 0, BX_WASI_EACCES },
    { "stat deep link", stats_deep_link, "fs.stat:/dir fs.stat:/link ", 0,
      BX_WASI_EACCES },
    { "stat by link", stats_by_link, "fs.stat:/link fs.stat:/file ", 0,
      BX_WASI_EACCES },
    { "stat nothing", stats_nothing, "fs.stat:/none ", BX_WASI_ENOENT,
      BX_WASI_EACCES },
    { "stat root", stats_root, "", 0, 0 },
    { "open root", opens_root, "", 0, 0 },
    { "readlink", reads_link_content,
      "fs.stat:/linkdir fs.stat:/dir fs.read:/link ", 0, BX_WASI_EACCES },
    { "mkdir", makes_folder, "fs.stat:/linkdir fs.write:/dir/made ", 0,
      BX_WASI_EROFS },
    { "mkdir nowhere", makes_folder_nowhere, "fs.stat:/none/made ",
      BX_WASI_ENOENT, BX_WASI_EACCES },
    { "unlink", removes_file, "fs.write:/link ", 0, BX_WASI_EROFS },
    { "rmdir", removes_folder, "fs.write:/dir/sub fs.remove:/dir/sub ", 0,
      BX_WASI_EBUSY },
    { "rename", renames_file,
      "fs.write:/file fs.stat:/linkdir fs.write:/dir/moved "
      "fs.move:/file//dir/moved ",
      0, BX_WASI_EXDEV },
    { "link", links_file, "fs.write:/file fs.write:/hard fs.move:/file//hard ",
      0, BX_WASI_EXDEV },
    { "symlink", links_symbolically, "fs.write:/soft ", 0, BX_WASI_EROFS },
    { "set times", sets_times, "fs.stat:/link fs.write:/file ", 0,
      BX_WASI_EROFS },
    { "set times of open", sets_times_of_open_file,
      "fs.read:/dir/inner fs.write:/dir/inner ", 0, BX_WASI_EROFS },
    { "escape", escapes, "", BX_WASI_EPERM, BX_WASI_EPERM },
};

static void tells_what_each_call_uses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        asked_needs asked = { .told = BX_BUF_INIT };
        test_box box;
        int32_t err;

        start(&box, &asked);
        err = rows[i].call(&box);
        if (err != rows[i].err || strcmp(told(&asked), rows[i].told) != 0)
            fail_msg("%s: errno %d, told '%s'", rows[i].name, err,
                     told(&asked));
        stop(&box, &asked);
    }
}
BOTH(tells_what_each_call_uses)

/* The last of what a call tells, refused: the errno of a policy that does not
 * grant it, the audit is told once, the host is as it was. */
static void refuses_as_the_policy_would(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        asked_needs asked = { .told = BX_BUF_INIT };
        bx_autofree char *refused = strdup(rows[i].told);
        bx_autofree char *before = NULL;
        bx_autofree char *after = NULL;
        test_box box;
        int32_t err;
        size_t len = strlen(refused);

        if (len == 0)
            continue;
        refused[len - 1] = '\0';
        asked.refused =
            strrchr(refused, ' ') == NULL ? refused : strrchr(refused, ' ') + 1;
        /* What is seen when a file is made was there to be written. */
        if (strncmp(rows[i].name, "create", 6) == 0)
            continue;
        start(&box, &asked);
        before = host_listing(&box);
        err = rows[i].call(&box);
        after = host_listing(&box);
        if (err != rows[i].refused_err)
            fail_msg("%s without %s: errno %d", rows[i].name, asked.refused,
                     err);
        assert_string_equal(after, before);
        assert_int_equal(box.denials, 1);
        assert_string_equal(box.reason, BX_NEED_REASON);
        if (rows[i].refused_err != BX_WASI_EXDEV)
            assert_string_equal(box.target, strchr(asked.refused, ':') + 1);
        stop(&box, &asked);
    }
}
BOTH(refuses_as_the_policy_would)

static void asks_before_a_file_is_made(void **state)
{
    asked_needs asked = { .told = BX_BUF_INIT, .refused = "fs.write:/dir/new" };
    test_box box;

    (void)state;
    start(&box, &asked);
    assert_int_equal(creates_file(&box), BX_WASI_EROFS);
    assert_false(host_exists(&box, "work/dir/new"));
    asked.refused = "fs.write:/nothing";
    assert_int_equal(creates_by_dangling(&box), BX_WASI_EROFS);
    assert_false(host_exists(&box, "work/nothing"));
    stop(&box, &asked);
}
BOTH(asks_before_a_file_is_made)

static void asks_for_a_path_once(void **state)
{
    asked_needs asked = { .told = BX_BUF_INIT };
    test_box box;

    (void)state;
    start(&box, &asked);
    assert_int_equal(reads_file(&box), 0);
    assert_int_equal(reads_file(&box), 0);
    assert_int_equal(open_read(&box, "./file"), 0);
    assert_string_equal(told(&asked), "fs.read:/file ");
    stop(&box, &asked);
}

/* What the policy refuses is no capability that could be given. */
static void does_not_tell_what_the_policy_refuses(void **state)
{
    asked_needs asked = { .told = BX_BUF_INIT };
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BX_ACCESS_READ);
    host_write(&box, "work/file", "text");
    host_write(&box, "work/other", "text");
    box_grant(&box, "fs.read:/file");
    box.run.need = on_need;
    box.run.need_context = &asked;
    box_start(&box);
    assert_int_equal(open_read(&box, "other"), BX_WASI_EACCES);
    assert_int_equal(writes_file(&box), BX_WASI_EROFS);
    assert_int_equal(makes_folder(&box), BX_WASI_EACCES);
    assert_string_equal(told(&asked), "");
    assert_int_equal(reads_file(&box), 0);
    assert_string_equal(told(&asked), "fs.read:/file ");
    stop(&box, &asked);
}

/* Names are told as they are, not as they are shown. */
static void tells_exact_names(void **state)
{
    static const char name[] = "a\\b\n\xc3\xa4";
    asked_needs asked = { .told = BX_BUF_INIT };
    test_box box;

    (void)state;
    start(&box, &asked);
    assert_int_equal(box_stat(&box, name, 0, NULL), BX_WASI_ENOENT);
    assert_string_equal(told(&asked), "fs.stat:/a\\b\n\xc3\xa4 ");
    stop(&box, &asked);
}

/* Too long to be known: not given. */
static void refuses_what_has_no_name(void **state)
{
    asked_needs asked = { .told = BX_BUF_INIT };
    char path[4000];
    uint32_t dir = BOX_PREOPEN;
    test_box box;
    int32_t err = 0;

    (void)state;
    start(&box, &asked);
    memset(path, 'x', sizeof(path));
    for (size_t i = 0; i < sizeof(path); i += 200)
        path[i] = '/';
    path[0] = '.';
    path[1] = '/';
    path[sizeof(path) - 1] = '\0';
    for (int depth = 0; depth < 3 && err == 0; depth++) {
        for (size_t i = 3; err == 0 && i < sizeof(path); i++) {
            if (path[i] != '/' && path[i] != '\0')
                continue;
            box_rewind(&box);
            err = CALL(&box, bx_wasi_path_create_directory, U32(dir),
                       U32(box_puts(&box, path)), U32(i));
        }
        if (err == 0)
            err = box_path_open(&box, path,
                                (box_open){ .dir = dir,
                                            .oflags = BX_OFLAG_DIRECTORY,
                                            .inheriting = ALL_RIGHTS },
                                &dir);
    }
    assert_int_equal(err, BX_WASI_ENAMETOOLONG);
    stop(&box, &asked);
}

static uint32_t env_count(test_box *box, uint32_t *ret_bytes)
{
    uint32_t count = box_alloc(box, 4);
    uint32_t bytes = box_alloc(box, 4);

    assert_int_equal(
        CALL(box, bx_wasi_environ_sizes_get, U32(count), U32(bytes)), 0);
    *ret_bytes = bx_load32(box->guest.data + bytes);
    return bx_load32(box->guest.data + count);
}

static void asks_for_variables(void **state)
{
    asked_needs asked = { .told = BX_BUF_INIT, .refused = "env:B" };
    uint32_t bytes;
    uint32_t list;
    uint32_t text;
    test_box box;

    (void)state;
    box_init(&box);
    assert_int_equal(bx_policy_env(box.policy, "A", "1", NULL), 0);
    assert_int_equal(bx_policy_env(box.policy, "B", "two", NULL), 0);
    assert_int_equal(bx_policy_env(box.policy, "C", "3", NULL), 0);
    box.run.need = on_need;
    box.run.need_context = &asked;
    box_start(&box);
    assert_string_equal(told(&asked), "");
    assert_int_equal(env_count(&box, &bytes), 2);
    assert_int_equal(bytes, 8);
    assert_string_equal(told(&asked), "env:A env:B env:C ");
    list = box_alloc(&box, 12);
    text = box_alloc(&box, 16);
    memset(box.guest.data + text, '!', 16);
    assert_int_equal(CALL(&box, bx_wasi_environ_get, U32(list), U32(text)), 0);
    assert_int_equal(bx_load32(box.guest.data + list), text);
    assert_int_equal(bx_load32(box.guest.data + list + 4), text + 4);
    assert_memory_equal(box.guest.data + text, "A=1\0C=3\0!", 9);
    assert_string_equal(told(&asked), "env:A env:B env:C ");
    assert_string_equal(box.reason, BX_NEED_REASON);
    stop(&box, &asked);
}

/* Whoever answers differently each time does not make a guest's buffer
 * overflow: what is counted is what is copied. */
static bool on_need_in_turn(void *context, const bx_need_event *event)
{
    unsigned *count = context;

    (void)event;
    return (*count)++ % 2 == 0;
}

static void copies_what_it_counted(void **state)
{
    unsigned count = 0;
    uint32_t end = BOX_MEMORY_BYTES - 4;
    uint32_t list;
    test_box box;

    (void)state;
    box_init(&box);
    assert_int_equal(bx_policy_env(box.policy, "A", "1", NULL), 0);
    assert_int_equal(bx_policy_env(box.policy, "B", "2", NULL), 0);
    box.run.need = on_need_in_turn;
    box.run.need_context = &count;
    box_start(&box);
    list = box_alloc(&box, 8);
    assert_int_equal(CALL(&box, bx_wasi_environ_get, U32(list), U32(end)), 0);
    assert_memory_equal(box.guest.data + end, "A=1", 4);
    assert_int_equal(CALL(&box, bx_wasi_environ_get, U32(list), U32(end + 1)),
                     BX_WASI_EFAULT);
    bx_run_forget_needs(&box.run);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(tells_what_each_call_uses),
        BOTH_TESTS(refuses_as_the_policy_would),
        BOTH_TESTS(asks_before_a_file_is_made),
        cmocka_unit_test(asks_for_a_path_once),
        cmocka_unit_test(does_not_tell_what_the_policy_refuses),
        cmocka_unit_test(tells_exact_names),
        cmocka_unit_test(refuses_what_has_no_name),
        cmocka_unit_test(asks_for_variables),
        cmocka_unit_test(copies_what_it_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
