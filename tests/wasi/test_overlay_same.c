/* The same calls, at random, under an overlay and on a plain copy of its base:
 * a guest must not be able to tell which it has, and the base stays as it was.
 *
 * Two boxes take each step together; what they answer, and then all that each
 * can see, is compared. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "wasi/support.h"

#define SEEDS 16
#define STEPS 220
#define HELD 3
#define OLD_S 1000000000 /* all that is there in the beginning */

typedef struct pair {
    test_box over;
    test_box plain;
    uint64_t random;
    bool is_walked;
    uint32_t held[HELD]; /* the same numbers in both; 0: none */
    char what[384];      /* the step, for the message */
} pair;

static uint32_t pick(pair *it, uint32_t below)
{
    it->random = it->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(it->random >> 33) % below;
}

/* ---- trees ---------------------------------------------------------- */

static void fill(const test_box *box)
{
    static const char *const folders[] = {
        "a", "a/b", "a/b/c", "d", "d/b", "e"
    };
    static const char *const files[] = { "f",       "a/f", "a/b/f",
                                         "a/b/c/f", "d/f", "d/a",
                                         "d/b/f",   "a/c", "a/b/c/a" };
    static const char *const links[][2] = {
        { "a/f", "l" },         { "../f", "a/l" },       { "a/b", "b" },
        { "../../d", "a/b/l" }, { "none", "d/l" },       { "../..", "d/b/l" },
        { "l", "m" },           { "../../../f", "d/m" },
    };
    const struct timespec old[2] = { { .tv_sec = OLD_S }, { .tv_sec = OLD_S } };
    char buf[512];
    char path[128];

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "work/%s", folders[i]);
        host_mkdir(box, path);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "work/%s", files[i]);
        host_write(box, path, files[i]);
        assert_int_equal(chmod(host_path(box, path, buf), i % 3 == 0   ? 0755
                                                          : i % 3 == 1 ? 0600
                                                                       : 0644),
                         0);
        assert_int_equal(utimensat(AT_FDCWD, buf, old, 0), 0);
    }
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        snprintf(path, sizeof(path), "work/%s", links[i][1]);
        host_symlink(box, links[i][0], path);
        assert_int_equal(utimensat(AT_FDCWD, host_path(box, path, buf), old,
                                   AT_SYMLINK_NOFOLLOW),
                         0);
    }
    for (size_t i = sizeof(folders) / sizeof(folders[0]); i-- > 0;) {
        snprintf(path, sizeof(path), "work/%s", folders[i]);
        assert_int_equal(chmod(host_path(box, path, buf), 0750), 0);
        assert_int_equal(utimensat(AT_FDCWD, buf, old, 0), 0);
    }
    assert_int_equal(utimensat(AT_FDCWD, host_path(box, "work", buf), old, 0),
                     0);
}

static void begin(pair *it, uint64_t seed, bool is_deterministic)
{
    char buf[512];

    memset(it, 0, sizeof(*it));
    it->random = seed;
    it->is_walked = !bx_resolve_has_openat2();
    box_init(&it->over);
    box_map(&it->over, "work", "/", BOX_RW);
    fill(&it->over);
    assert_int_equal(bx_policy_set_overlay(it->over.policy,
                                           host_path(&it->over, "over", buf),
                                           NULL),
                     0);
    box_init(&it->plain);
    box_map(&it->plain, "work", "/", BOX_RW);
    fill(&it->plain);
    it->over.run.is_deterministic = is_deterministic;
    it->plain.run.is_deterministic = is_deterministic;
    box_start(&it->over);
    box_start(&it->plain);
}

/* ---- all that a guest can see --------------------------------------- */

/* Where a path of the guest's lies on the host. */
static void host_place(const test_box *box, const char *path, char buf[512])
{
    struct stat stat;
    char up[300];

    snprintf(up, sizeof(up), "over/up/0/%s", path);
    if (box->policy->overlay_dir != NULL &&
        lstat(host_path(box, up, buf), &stat) == 0)
        return;
    snprintf(up, sizeof(up), "work/%s", path);
    host_path(box, up, buf);
}

static void see(test_box *box, const char *path, bx_buf *out, int depth);

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void see_folder(test_box *box, const char *path, bx_buf *out, int depth)
{
    uint32_t fd = box_opened(box, path[0] == '\0' ? "." : path,
                             (box_open){ .oflags = BX_OFLAG_DIRECTORY });
    bx_autofree char *list = strdup(box_list(box, fd, 4096));
    char *names[256];
    size_t count = 0;

    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    for (char *name = strtok(list, " "); name != NULL; name = strtok(NULL, " "))
        names[count++] = name;
    if (!box->run.is_deterministic)
        qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++) {
        char child[256];

        bx_buf_printf(out, "%s ", names[i]);
        if (strcmp(names[i], ".") == 0 || strcmp(names[i], "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s%s%s", path,
                 path[0] == '\0' ? "" : "/", names[i]);
        see(box, child, out, depth + 1);
    }
}

static void see(test_box *box, const char *path, bx_buf *out, int depth)
{
    uint8_t stat[BX_FILESTAT_BYTES];
    char buf[512];
    struct stat host;
    uint32_t kept = box->used;

    assert_true(depth < 12);
    assert_int_equal(box_stat(box, path[0] == '\0' ? "." : path, 0, stat), 0);
    host_place(box, path, buf);
    assert_int_equal(lstat(buf, &host), 0);
    bx_buf_printf(out, "\n%s type %d mode %o %s", path, stat[16], host.st_mode,
                  bx_load64(stat + 48) == OLD_S * UINT64_C(1000000000) ? "old"
                                                                       : "new");
    if (stat[16] == BX_FILETYPE_DIRECTORY) {
        see_folder(box, path, out, depth);
    } else if (stat[16] == BX_FILETYPE_SYMBOLIC_LINK) {
        uint32_t at = box_alloc(box, 256);
        uint32_t ret = box_alloc(box, 4);

        assert_int_equal(CALL(box, bx_wasi_path_readlink, U32(BOX_PREOPEN),
                              PATH(box, path), U32(at), U32(256), U32(ret)),
                         0);
        bx_buf_printf(out, " -> %.*s", (int)bx_load32(box->guest.data + ret),
                      box->guest.data + at);
    } else {
        uint32_t fd =
            box_opened(box, path, (box_open){ .rights = BX_RIGHT_FD_READ });

        bx_buf_printf(out, " links %" PRIu64 " size %" PRIu64 " '%s'",
                      bx_load64(stat + 24), bx_load64(stat + 32),
                      box_read(box, fd));
        assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    }
    box->used = kept;
}

/* The first lines that differ. */
static void print_difference(const pair *it, const char *over,
                             const char *plain)
{
    size_t same = 0;

    while (over[same] == plain[same])
        same++;
    while (same > 0 && over[same - 1] != '\n')
        same--;
    print_message("after %s\noverlay: %.*s\nplain:   %.*s\n", it->what,
                  (int)strcspn(over + same, "\n"), over + same,
                  (int)strcspn(plain + same, "\n"), plain + same);
}

static void compare_views(pair *it)
{
    bx_autobuf bx_buf over = BX_BUF_INIT;
    bx_autobuf bx_buf plain = BX_BUF_INIT;

    see(&it->over, "", &over, 0);
    see(&it->plain, "", &plain, 0);
    if (strcmp(over.data, plain.data) == 0)
        return;
    print_difference(it, over.data, plain.data);
    fail();
}

/* ---- steps ---------------------------------------------------------- */

static void pick_path(pair *it, char path[128])
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "a",
                                         "b", "f", "l", "m", "g", ".", ".." };
    uint32_t depth = 1 + pick(it, 4);

    path[0] = '\0';
    for (uint32_t i = 0; i < depth; i++) {
        strcat(path, names[pick(it, sizeof(names) / sizeof(names[0]))]);
        if (i + 1 < depth)
            strcat(path, "/");
        else if (pick(it, 12) == 0)
            strcat(path, "/");
    }
}

typedef int32_t step_fn(pair *it, test_box *box, uint32_t choice,
                        const char *one, const char *other);

static int32_t do_open(pair *it, test_box *box, uint32_t choice,
                       const char *one, const char *other)
{
    static const uint32_t oflags[] = { 0,
                                       0,
                                       BX_OFLAG_CREAT,
                                       BX_OFLAG_CREAT | BX_OFLAG_EXCL,
                                       BX_OFLAG_TRUNC,
                                       BX_OFLAG_CREAT | BX_OFLAG_TRUNC,
                                       BX_OFLAG_DIRECTORY,
                                       0 };
    bool is_write = (choice & 8) != 0;
    box_open open = { .oflags = oflags[choice & 7],
                      .rights = is_write ? RIGHTS_RW : BX_RIGHT_FD_READ,
                      .lookup = choice >> 4 & 1,
                      .fdflags = (choice & 32) != 0 ? BX_FDFLAG_APPEND : 0 };
    uint32_t fd = 0;
    int32_t err = box_path_open(box, one, open, &fd);

    (void)it;
    if (err != 0)
        return err;
    if (is_write)
        err = box_write(box, fd, other);
    if (err == 0 && is_write && (choice & 64) != 0)
        err = CALL(box, bx_wasi_fd_filestat_set_size, U32(fd),
                   U64(choice >> 8 & 15));
    if (err == 0 && (choice & 128) != 0)
        err = CALL(box, bx_wasi_fd_filestat_set_times, U32(fd), U64(0),
                   U64(OLD_S * UINT64_C(1000000000)), U32(BX_FSTFLAG_MTIM));
    assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    return err;
}

/* Descriptors for writing stay, whatever becomes of the name. */
static int32_t do_hold(pair *it, test_box *box, uint32_t choice,
                       const char *one, const char *other)
{
    uint32_t slot = choice % HELD;
    int32_t err = 0;

    (void)other;
    if (it->held[slot] == 0) {
        uint32_t fd = 0;

        err = box_path_open(
            box, one, (box_open){ .rights = RIGHTS_RW, .lookup = 1 }, &fd);
        if (err == 0 && box == &it->plain)
            it->held[slot] = fd;
        return err;
    }
    if ((choice & 16) == 0) {
        char text[8] = { (char)('A' + choice % 26), '\0' };

        return box_write(box, it->held[slot], text);
    }
    err = CALL(box, bx_wasi_fd_close, U32(it->held[slot]));
    if (box == &it->plain)
        it->held[slot] = 0;
    return err;
}

static int32_t do_make(pair *it, test_box *box, uint32_t choice,
                       const char *one, const char *other)
{
    (void)it;
    if (choice % 3 == 0)
        return CALL(box, bx_wasi_path_symlink, PATH(box, other),
                    U32(BOX_PREOPEN), PATH(box, one));
    if (choice % 3 == 1)
        return CALL(box, bx_wasi_path_link, U32(BOX_PREOPEN), U32(0),
                    PATH(box, one), U32(BOX_PREOPEN), PATH(box, other));
    return CALL(box, bx_wasi_path_create_directory, U32(BOX_PREOPEN),
                PATH(box, one));
}

static int32_t do_remove(pair *it, test_box *box, uint32_t choice,
                         const char *one, const char *other)
{
    (void)it;
    (void)other;
    if (choice % 2 == 0)
        return CALL(box, bx_wasi_path_unlink_file, U32(BOX_PREOPEN),
                    PATH(box, one));
    return CALL(box, bx_wasi_path_remove_directory, U32(BOX_PREOPEN),
                PATH(box, one));
}

static int32_t do_rename(pair *it, test_box *box, uint32_t choice,
                         const char *one, const char *other)
{
    (void)it;
    (void)choice;
    return CALL(box, bx_wasi_path_rename, U32(BOX_PREOPEN), PATH(box, one),
                U32(BOX_PREOPEN), PATH(box, other));
}

static int32_t do_look(pair *it, test_box *box, uint32_t choice,
                       const char *one, const char *other)
{
    uint8_t stat[BX_FILESTAT_BYTES] = { 0 };
    int32_t err;

    (void)it;
    (void)other;
    if (choice % 3 == 0)
        return CALL(box, bx_wasi_path_filestat_set_times, U32(BOX_PREOPEN),
                    U32(choice >> 4 & 1), PATH(box, one), U64(0),
                    U64(OLD_S * UINT64_C(1000000000)), U32(BX_FSTFLAG_MTIM));
    if (choice % 3 == 1) {
        uint32_t at = box_alloc(box, 64);
        uint32_t ret = box_alloc(box, 4);

        err = CALL(box, bx_wasi_path_readlink, U32(BOX_PREOPEN), PATH(box, one),
                   U32(at), U32(64), U32(ret));
        return err != 0 ? err : 1000 + (int32_t)box->guest.data[at];
    }
    err = box_stat(box, one, choice >> 4 & 1, stat);
    return err != 0 ? err : 1000 + stat[16];
}

static void take_step(pair *it)
{
    static const struct {
        const char *name;
        step_fn *run;
    } steps[] = { { "open", do_open },     { "open", do_open },
                  { "open", do_open },     { "hold", do_hold },
                  { "make", do_make },     { "make", do_make },
                  { "remove", do_remove }, { "remove", do_remove },
                  { "rename", do_rename }, { "rename", do_rename },
                  { "look", do_look },     { "look", do_look } };
    uint32_t which = pick(it, sizeof(steps) / sizeof(steps[0]));
    uint32_t choice = pick(it, 1u << 16);
    char one[128];
    char other[128];
    int32_t over;
    int32_t plain;

    pick_path(it, one);
    pick_path(it, other);
    snprintf(it->what, sizeof(it->what), "%s %x '%s' '%s'", steps[which].name,
             choice, one, other);
    box_rewind(&it->over);
    box_rewind(&it->plain);
    over = steps[which].run(it, &it->over, choice, one, other);
    /* What changes something is always walked under an overlay. How a walk
     * answers in corners ("./", a mapping's own folder) is not in question. */
    bx_resolve_force_walk(true);
    plain = steps[which].run(it, &it->plain, choice, one, other);
    bx_resolve_force_walk(it->is_walked);
    if (over != plain) {
        print_message("%s: overlay %d, plain %d\n", it->what, over, plain);
        fail();
    }
}

static void take_steps(bool is_deterministic)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        pair it;
        bx_autofree char *before = NULL;
        bx_autofree char *after = NULL;
        char buf[512];

        begin(&it, seed * 7919, is_deterministic);
        before = host_listing_of(&it.over, "work");
        for (int i = 0; i < STEPS; i++) {
            take_step(&it);
            if (i % 4 == 3)
                compare_views(&it);
        }
        after = host_listing_of(&it.over, "work");
        assert_string_equal(before, after);
        assert_int_equal(it.over.run.used.fs_create_entries,
                         it.plain.run.used.fs_create_entries);
        assert_int_equal(it.over.run.used.fs_write_bytes,
                         it.plain.run.used.fs_write_bytes);
        assert_int_equal(it.over.denials, it.plain.denials);
        host_path(&it.over, "over/tmp", buf);
        assert_int_equal(rmdir(buf), 0); /* nothing is left there */
        box_free(&it.over);
        box_free(&it.plain);
    }
}

static void answers_like_a_plain_folder(void **state)
{
    (void)state;
    take_steps(false);
}
BOTH(answers_like_a_plain_folder)

static void lists_like_a_plain_folder_when_deterministic(void **state)
{
    (void)state;
    take_steps(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(answers_like_a_plain_folder),
        cmocka_unit_test(lists_like_a_plain_folder_when_deterministic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
