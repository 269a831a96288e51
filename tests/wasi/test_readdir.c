/* fd_readdir: names, cookies, cut entries, and folders that change. */
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "wasi/support.h"

static uint32_t read_dir(test_box *box, uint32_t fd, uint32_t at, uint32_t len,
                         uint64_t cookie)
{
    assert_int_equal(CALL(box, bx_wasi_fd_readdir, U32(fd), U32(at), U32(len),
                          U64(cookie), U32(8)),
                     0);
    return bx_load32(box->guest.data + 8);
}

static size_t count_words(const char *text)
{
    size_t words = 0;

    for (; *text != '\0'; text++)
        words += *text == ' ';
    return words;
}

static void lists_an_empty_folder(void **state)
{
    uint8_t stat[BX_FILESTAT_BYTES];
    test_box box;
    uint8_t *at;

    (void)state;
    box_start_work(&box);
    at = box.guest.data + 1024;
    assert_int_equal(read_dir(&box, 3, 1024, 256, 0), 24 + 1 + 24 + 2);
    assert_int_equal(box_stat(&box, ".", 0, stat), 0);
    assert_int_equal(bx_load64(at + 8), bx_load64(stat + 8));
    assert_int_equal(bx_load32(at + 16), 1);
    assert_int_equal(at[20], BX_FILETYPE_DIRECTORY);
    assert_memory_equal(at + 24, ".", 1);
    assert_memory_equal(at + 25 + 24, "..", 2);
    assert_int_equal(read_dir(&box, 3, 1024, 256, bx_load64(at + 25)), 0);
    assert_int_equal(read_dir(&box, 3, 1024, 256, bx_load64(at + 25) + 1), 0);
    assert_int_equal(read_dir(&box, 3, 1024, 256, UINT64_MAX), 0);
    assert_int_equal(read_dir(&box, 3, 1024, 256, bx_load64(at)), 26);
    box_free(&box);
}

static void lists_many_in_pieces_of_any_size(void **state)
{
    static const uint32_t pieces[] = { 64, 128, 200, 256, 1000, 20000 };
    test_box box;

    (void)state;
    box_start_work(&box);
    for (int i = 0; i < 700; i++) {
        char name[32];

        snprintf(name, sizeof(name), "work/file.%d", i);
        host_write(&box, name, "");
    }
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        uint32_t fd = box_opened(&box, ".", (box_open){ 0 });

        assert_int_equal(count_words(box_list(&box, fd, pieces[i])), 702);
        assert_int_equal(count_words(box_list(&box, fd, pieces[i])), 702);
    }
    box_free(&box);
}

static void cuts_the_last_entry_to_fill_the_buffer(void **state)
{
    test_box box;
    uint64_t next;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/a-file-with-a-long-name", "x");
    for (uint32_t len = 0; len < 24 + 1 + 24 + 2 + 24 + 23; len++) {
        memset(box.guest.data + 1024, 0xaa, 256);
        assert_int_equal(read_dir(&box, 3, 1024, len, 0), len);
        assert_int_equal(box.guest.data[1024 + len], 0xaa);
    }
    /* and it comes whole from the cookie before it */
    next = bx_load64(box.guest.data + 1024 + 25);
    assert_int_equal(read_dir(&box, 3, 1024, 256, next), 24 + 23);
    assert_memory_equal(box.guest.data + 1024 + 24, "a-file-with-a-long-name",
                        23);
    box_free(&box);
}

static void cookies_stay_good_while_entries_go(void **state)
{
    test_box box;
    uint64_t cookie = 0;
    size_t removed = 0;

    (void)state;
    box_start_work(&box);
    for (int i = 0; i < 100; i++) {
        char name[32];

        snprintf(name, sizeof(name), "work/%d", i);
        host_write(&box, name, "");
    }
    /* as "rm -r" does: list some, remove them, go on from the cookie */
    for (;;) {
        uint32_t used = read_dir(&box, 3, 1024, 100, cookie);
        uint8_t *at = box.guest.data + 1024;
        uint32_t left = used;

        while (left >= 24 && left >= 24 + bx_load32(at + 16)) {
            uint32_t bytes = bx_load32(at + 16);

            cookie = bx_load64(at);
            if (at[24] != '.') {
                assert_int_equal(CALL(&box, bx_wasi_path_unlink_file, U32(3),
                                      U32((uint32_t)(at - box.guest.data) + 24),
                                      U32(bytes)),
                                 0);
                removed++;
            }
            at += 24 + bytes;
            left -= 24 + bytes;
        }
        if (used < 100)
            break;
    }
    assert_int_equal(removed, 100);
    assert_string_equal(box_list(&box, 3, 256), ". .. ");
    box_free(&box);
}

/* wasi-libc's telldir() keeps 32 bits of a cookie. Past `small` of them a
 * folder gives cookies of 64 bits, which readdir() keeps whole. */
static void check_cookies(int files, size_t small)
{
    static uint64_t cookies[6000];
    static char names[6000][16];
    test_box box;
    size_t count = 0;
    uint64_t cookie = 0;
    uint32_t used;

    box_start_work(&box);
    for (int i = 0; i < files; i++) {
        char name[32];

        snprintf(name, sizeof(name), "work/%d", i);
        host_write(&box, name, "");
    }
    do {
        const uint8_t *at = box.guest.data + 1024;
        uint32_t left = used = read_dir(&box, 3, 1024, 900, cookie);

        while (left >= 24 && left >= 24 + bx_load32(at + 16)) {
            uint32_t bytes = bx_load32(at + 16);

            cookie = cookies[count] = bx_load64(at);
            if (count < small)
                assert_true(cookie <= INT32_MAX);
            snprintf(names[count++], 16, "%.*s", (int)bytes, at + 24);
            at += 24 + bytes;
            left -= 24 + bytes;
        }
    } while (used == 900);
    assert_int_equal(count, files + 2);
    for (size_t i = 0; i + 1 < count; i += 97) {
        const uint8_t *at = box.guest.data + 1024;

        assert_true(read_dir(&box, 3, 1024, 100, cookies[i]) > 24);
        assert_int_equal(bx_load32(at + 16), strlen(names[i + 1]));
        assert_memory_equal(at + 24, names[i + 1], strlen(names[i + 1]));
        assert_int_equal(bx_load64(at), cookies[i + 1]);
    }
    assert_int_equal(read_dir(&box, 3, 1024, 100, cookies[count - 1]), 0);
    assert_int_equal(read_dir(&box, 3, 1024, 100, INT32_MAX), 0);
    box_free(&box);
}

static void cookies_fit_telldir(void **state)
{
    (void)state;
    check_cookies(500, SIZE_MAX);
}

static void cookies_of_a_huge_folder_work(void **state)
{
    (void)state;
    check_cookies(5000, 4096);
}

static void skips_names_no_guest_can_say(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/bad\xff", "x");
    host_write(&box, "work/good", "x");
    host_write(&box, "work/\xd0\x94", "x");
    assert_null(strstr(box_list(&box, 3, 256), "bad"));
    assert_non_null(strstr(box_list(&box, 3, 256), " good "));
    assert_non_null(strstr(box_list(&box, 3, 256), " \xd0\x94 "));
    box_free(&box);
}

static void refuses_what_is_no_folder(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    fd = box_opened(&box, "file", (box_open){ .oflags = BX_OFLAG_CREAT });
    assert_int_equal(CALL(&box, bx_wasi_fd_readdir, U32(fd), U32(1024), U32(64),
                          U64(0), U32(8)),
                     BX_WASI_ENOTDIR);
    assert_int_equal(CALL(&box, bx_wasi_fd_readdir, U32(99), U32(1024), U32(64),
                          U64(0), U32(8)),
                     BX_WASI_EBADF);
    box_free(&box);
}

static void a_removed_folder_is_empty(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "work/dir");
    fd = box_opened(&box, "dir", (box_open){ 0 });
    assert_int_equal(
        CALL(&box, bx_wasi_path_remove_directory, U32(3), PATH(&box, "dir")),
        0);
    assert_string_equal(box_list(&box, fd, 256), ". .. ");
    box_free(&box);
}

static void a_deterministic_run_sorts(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box.run.is_deterministic = true;
    host_write(&box, "work/c", "");
    host_write(&box, "work/a", "");
    host_mkdir(&box, "work/b");
    host_write(&box, "work/aa", "");
    box_start(&box);
    assert_string_equal(box_list(&box, 3, 64), ". .. a aa b c ");
    box_free(&box);
}

/* From malloc; 0 under a sanitizer. */
static size_t held_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* A folder read whole costs the host memory, and a guest may read it by each
 * of its descriptors. */
static void holds_few_listings_at_once(void **state)
{
    enum { FILES = 3000, LISTINGS = 40 };
    test_box box;
    char name[256];
    uint32_t first;
    uint64_t cookie;
    size_t before;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box.run.is_deterministic = true;
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "work/%0200d", i);
        host_write(&box, name, "");
    }
    box_start(&box);
    first = box_opened(&box, ".", (box_open){ 0 });
    /* ".", ".." and the first two files. */
    assert_int_equal(read_dir(&box, first, 1024, 499, 0), 499);
    cookie = bx_load64(box.guest.data + 1024 + 24 + 1 + 24 + 2 + 224);
    before = held_bytes();
    for (int i = 0; i < LISTINGS; i++)
        read_dir(&box, box_opened(&box, ".", (box_open){ 0 }), 1024, 499, 0);
    assert_true(held_bytes() < before + (20u << 20));
    assert_int_equal(read_dir(&box, first, 1024, 224, cookie), 224);
    snprintf(name, sizeof(name), "%0200d", 2);
    assert_memory_equal(box.guest.data + 1024 + BX_DIRENT_BYTES, name, 200);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_an_empty_folder),
        cmocka_unit_test(lists_many_in_pieces_of_any_size),
        cmocka_unit_test(cuts_the_last_entry_to_fill_the_buffer),
        cmocka_unit_test(cookies_stay_good_while_entries_go),
        cmocka_unit_test(cookies_fit_telldir),
        cmocka_unit_test(cookies_of_a_huge_folder_work),
        cmocka_unit_test(skips_names_no_guest_can_say),
        cmocka_unit_test(refuses_what_is_no_folder),
        cmocka_unit_test(a_removed_folder_is_empty),
        cmocka_unit_test(a_deterministic_run_sorts),
        cmocka_unit_test(holds_few_listings_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
