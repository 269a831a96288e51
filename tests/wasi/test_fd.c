/* Open files and descriptors as such. */
#include <string.h>

#include "wasi/support.h"

static uint64_t seek_to(test_box *box, uint32_t fd, int64_t offset,
                        uint32_t whence)
{
    uint32_t ret = box_alloc(box, 8);

    if (CALL(box, bx_wasi_fd_seek, U32(fd), U64(offset), U32(whence),
             U32(ret)) != 0)
        return UINT64_MAX;
    return bx_load64(box->guest.data + ret);
}

static uint64_t rights_of(test_box *box, uint32_t fd)
{
    uint32_t at = box_alloc(box, BX_FDSTAT_BYTES);

    assert_int_equal(CALL(box, bx_wasi_fd_fdstat_get, U32(fd), U32(at)), 0);
    return bx_load64(box->guest.data + at + 8);
}

static void seeks_and_tells(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    fd =
        box_opened(&box, "file",
                   (box_open){ .oflags = BX_OFLAG_CREAT, .rights = RIGHTS_RW });
    assert_int_equal(box_write(&box, fd, "0123456789"), 0);
    assert_int_equal(seek_to(&box, fd, -5, 1), 5);
    assert_int_equal(seek_to(&box, fd, 1000, 1), 1005);
    assert_int_equal(seek_to(&box, fd, -2000, 1), UINT64_MAX);
    assert_int_equal(seek_to(&box, fd, -3, 2), 7);
    assert_string_equal(box_read(&box, fd), "789");
    assert_int_equal(seek_to(&box, fd, 2, 0), 2);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_seek, U32(fd), U64(0), U32(3), U32(8)),
        BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_fd_tell, U32(fd), U32(8)), 0);
    assert_int_equal(bx_load64(box.guest.data + 8), 2);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_seek, U32(3), U64(0), U32(1), U32(8)),
        BX_WASI_EBADF);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_seek, U32(1), U64(0), U32(1), U32(8)),
        BX_WASI_ESPIPE);
    box_free(&box);
}

static void reads_and_writes_at_offsets(void **state)
{
    test_box box;
    uint32_t iovec;
    uint32_t text;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    fd =
        box_opened(&box, "file",
                   (box_open){ .oflags = BX_OFLAG_CREAT, .rights = RIGHTS_RW });
    text = box_puts(&box, "abcd");
    iovec = box_iovec(&box, text, 2);
    box_iovec(&box, text + 2, 2);
    assert_int_equal(CALL(&box, bx_wasi_fd_pwrite, U32(fd), U32(iovec), U32(2),
                          U64(1), U32(8)),
                     0);
    assert_int_equal(bx_load32(box.guest.data + 8), 4);
    assert_int_equal(CALL(&box, bx_wasi_fd_pwrite, U32(fd), U32(iovec), U32(2),
                          U64(UINT64_MAX), U32(8)),
                     BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_fd_pread, U32(fd), U32(iovec), U32(1),
                          U64(3), U32(8)),
                     0);
    assert_memory_equal(box.guest.data + text, "cdcd", 4);
    assert_int_equal(seek_to(&box, fd, 0, 1), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_pread, U32(0), U32(iovec), U32(1),
                          U64(0), U32(8)),
                     BX_WASI_ESPIPE);
    assert_int_equal(CALL(&box, bx_wasi_fd_pread, U32(3), U32(iovec), U32(1),
                          U64(0), U32(8)),
                     BX_WASI_EISDIR);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_write, U32(3), U32(iovec), U32(1), U32(8)),
        BX_WASI_EBADF);
    box_free(&box);
}

static void appends_until_told_otherwise(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    fd = box_opened(&box, "file",
                    (box_open){ .oflags = BX_OFLAG_CREAT,
                                .rights = RIGHTS_RW,
                                .fdflags = BX_FDFLAG_APPEND });
    assert_int_equal(box_write(&box, fd, "one"), 0);
    assert_int_equal(seek_to(&box, fd, 0, 0), 0);
    assert_int_equal(box_write(&box, fd, "two"), 0);
    assert_string_equal(host_read(&box, "work/file"), "onetwo");
    assert_int_equal(
        CALL(&box, bx_wasi_fd_fdstat_set_flags, U32(fd), U32(BX_FDFLAG_SYNC)),
        BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_fd_fdstat_set_flags, U32(fd), U32(0)),
                     0);
    assert_int_equal(seek_to(&box, fd, 0, 0), 0);
    assert_int_equal(box_write(&box, fd, "ONE"), 0);
    assert_string_equal(host_read(&box, "work/file"), "ONEtwo");
    box_free(&box);
}

static void changes_size_and_allocates(void **state)
{
    test_box box;
    uint32_t fd;
    uint32_t reader;

    (void)state;
    box_start_work(&box);
    fd =
        box_opened(&box, "file",
                   (box_open){ .oflags = BX_OFLAG_CREAT, .rights = RIGHTS_RW });
    assert_int_equal(
        CALL(&box, bx_wasi_fd_filestat_set_size, U32(fd), U64(100)), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_filestat_get, U32(fd), U32(8)), 0);
    assert_int_equal(bx_load64(box.guest.data + 8 + 32), 100);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_advise, U32(fd), U64(10), U64(50), U32(0)), 0);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_advise, U32(fd), U64(10), U64(50), U32(6)),
        BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_fd_allocate, U32(fd), U64(90), U64(20)),
                     0);
    assert_int_equal(CALL(&box, bx_wasi_fd_filestat_get, U32(fd), U32(8)), 0);
    assert_int_equal(bx_load64(box.guest.data + 8 + 32), 110);
    assert_int_equal(CALL(&box, bx_wasi_fd_allocate, U32(fd), U64(0), U64(0)),
                     BX_WASI_EINVAL);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_filestat_set_size, U32(fd), U64(UINT64_MAX)),
        BX_WASI_EFBIG);
    assert_int_equal(CALL(&box, bx_wasi_fd_sync, U32(fd)), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_datasync, U32(fd)), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_sync, U32(3)), 0);
    reader = box_opened(&box, "file", (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_int_equal(
        CALL(&box, bx_wasi_fd_filestat_set_size, U32(reader), U64(0)),
        BX_WASI_EINVAL);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_allocate, U32(reader), U64(0), U64(1)),
        BX_WASI_EBADF);
    assert_int_equal(CALL(&box, bx_wasi_fd_filestat_set_size, U32(3), U64(0)),
                     BX_WASI_EBADF);
    box_free(&box);
}

static void ends_at_max_write(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    box.policy->limits.fs_write_bytes = 10;
    fd =
        box_opened(&box, "file",
                   (box_open){ .oflags = BX_OFLAG_CREAT, .rights = RIGHTS_RW });
    assert_int_equal(box_write(&box, fd, "1234567"), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_filestat_set_size, U32(fd), U64(11)),
                     BX_WASI_EDQUOT);
    assert_int_equal(CALL(&box, bx_wasi_fd_allocate, U32(fd), U64(0), U64(4)),
                     BX_WASI_EDQUOT);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_allocate, U32(fd), U64(0), U64(INT64_MAX)),
        BX_WASI_EDQUOT);
    assert_int_equal(box_write(&box, fd, "890abc"), 0); /* cut to three */
    assert_string_equal(host_read(&box, "work/file"), "1234567890");
    assert_int_equal(box_write(&box, fd, "x"), BX_WASI_EDQUOT);
    assert_int_equal(box_write(&box, fd, ""), 0);
    assert_string_equal(box.rule, "max-write");
    assert_int_equal(CALL(&box, bx_wasi_fd_filestat_set_size, U32(fd), U64(1)),
                     0);
    assert_int_equal(box_write(&box, 1, "streams are not charged"), 0);
    assert_string_equal(host_read(&box, "work/file"), "1");
    box_free(&box);
}

/* Else a byte in each block of it takes the disk without end. */
static void charges_holes_to_max_write(void **state)
{
    test_box box;
    uint32_t iovec;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    box.policy->limits.fs_write_bytes = 10;
    fd =
        box_opened(&box, "file",
                   (box_open){ .oflags = BX_OFLAG_CREAT, .rights = RIGHTS_RW });
    assert_int_equal(seek_to(&box, fd, INT64_C(1) << 40, 0), INT64_C(1) << 40);
    assert_int_equal(box_write(&box, fd, "x"), BX_WASI_EDQUOT);
    assert_int_equal(box_write(&box, fd, "x"), BX_WASI_EDQUOT);
    assert_string_equal(host_read(&box, "work/file"), "");
    assert_int_equal(seek_to(&box, fd, 4, 0), 4);
    assert_int_equal(box_write(&box, fd, "56"), 0); /* charged six of ten */
    iovec = box_iovec(&box, box_puts(&box, "1234"), 4);
    assert_int_equal(CALL(&box, bx_wasi_fd_pwrite, U32(fd), U32(iovec), U32(1),
                          U64(10), U32(8)),
                     BX_WASI_EDQUOT);
    assert_int_equal(CALL(&box, bx_wasi_fd_pwrite, U32(fd), U32(iovec), U32(1),
                          U64(0), U32(8)),
                     0);
    assert_string_equal(host_read(&box, "work/file"), "123456");
    box_free(&box);
}

static void rights_only_drop(void **state)
{
    test_box box;
    uint64_t rights;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    fd =
        box_opened(&box, "file",
                   (box_open){ .oflags = BX_OFLAG_CREAT, .rights = RIGHTS_RW });
    rights = rights_of(&box, fd);
    assert_int_equal(rights & RIGHTS_RW, RIGHTS_RW);
    assert_int_equal(rights & BX_RIGHT_PATH_OPEN, 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_fdstat_set_rights, U32(fd),
                          U64(rights & ~RIGHTS_RW), U64(0)),
                     0);
    assert_int_equal(box_write(&box, fd, "x"), BX_WASI_EBADF);
    assert_null(box_read(&box, fd));
    assert_int_equal(
        CALL(&box, bx_wasi_fd_fdstat_set_rights, U32(fd), U64(rights), U64(0)),
        BX_WASI_ENOTCAPABLE);
    rights = rights_of(&box, 3);
    assert_int_equal(rights & BX_RIGHTS_DIR, BX_RIGHTS_DIR);
    assert_int_equal(rights & (BX_RIGHT_FD_SEEK | BX_RIGHT_FD_WRITE |
                               BX_RIGHT_FD_FILESTAT_SET_SIZE),
                     0);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_fdstat_set_rights, U32(3),
             U64(rights & ~(BX_RIGHT_PATH_UNLINK_FILE |
                            BX_RIGHT_PATH_FILESTAT_SET_SIZE)),
             U64((BX_RIGHTS_DIR | BX_RIGHTS_FILE) & ~BX_RIGHT_FD_READ)),
        0);
    assert_int_equal(
        CALL(&box, bx_wasi_path_unlink_file, U32(3), PATH(&box, "file")),
        BX_WASI_ENOTCAPABLE);
    assert_int_equal(box_path_open(&box, "file",
                                   (box_open){ .oflags = BX_OFLAG_TRUNC }, &fd),
                     BX_WASI_EPERM);
    /* a folder opened from it, and a file, have no more */
    fd = box_opened(&box, ".", (box_open){ .oflags = BX_OFLAG_DIRECTORY });
    assert_int_equal(rights_of(&box, fd) & BX_RIGHT_PATH_UNLINK_FILE, 0);
    fd =
        box_opened(&box, "file", (box_open){ .dir = fd, .rights = ALL_RIGHTS });
    assert_int_equal(rights_of(&box, fd) & RIGHTS_RW, BX_RIGHT_FD_WRITE);
    assert_null(box_read(&box, fd));
    box_free(&box);
}

static void a_folder_opened_with_no_rights_works(void **state)
{
    test_box box;
    uint32_t dir;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "work/dir");
    for (int i = 0; i < 2; i++) {
        dir = box_opened(&box, "dir",
                         (box_open){ .oflags = BX_OFLAG_DIRECTORY,
                                     .rights = i == 0 ? 0 : BX_RIGHT_FD_READ });
        fd = box_opened(&box, "file",
                        (box_open){ .dir = dir,
                                    .oflags = BX_OFLAG_CREAT,
                                    .rights = RIGHTS_RW });
        assert_int_equal(box_write(&box, fd, "x"), 0);
        assert_non_null(box_list(&box, dir, 1024));
    }
    assert_string_equal(host_read(&box, "work/dir/file"), "x");
    box_free(&box);
}

static void closes_and_renumbers(void **state)
{
    test_box box;
    int host_fd;
    int host_after;
    uint32_t one;
    uint32_t two;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/one", "one");
    host_write(&box, "work/two", "two");
    one = box_opened(&box, "one", (box_open){ .rights = BX_RIGHT_FD_READ });
    two = box_opened(&box, "two", (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(one), U32(two)), 0);
    assert_string_equal(box_read(&box, two), "one");
    assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(one)), BX_WASI_EBADF);
    assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(two), U32(two)), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(two), U32(127)),
                     BX_WASI_EBADF);
    assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(two), U32(1u << 31)),
                     BX_WASI_EBADF);
    assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(two), U32(UINT32_MAX)),
                     BX_WASI_EBADF);
    assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(99), U32(two)),
                     BX_WASI_EBADF);
    /* over and over: nothing is left open behind, here or in the host */
    host_fd = dup(0);
    close(host_fd);
    for (int i = 0; i < 600; i++) {
        one = box_opened(&box, "two", (box_open){ .rights = BX_RIGHT_FD_READ });
        assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(one), U32(two)),
                         0);
    }
    assert_int_equal(box.wasi->table.opened, 1);
    host_after = dup(0);
    close(host_after);
    assert_int_equal(host_after, host_fd);
    /* preopens are like others */
    assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(3), U32(two)), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_prestat_get, U32(3), U32(8)),
                     BX_WASI_EBADF);
    assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(two)), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_fdstat_get, U32(two), U32(8)),
                     BX_WASI_EBADF);
    box_free(&box);
}

static void tells_the_names_of_preopens(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box_map(&box, "data", "/data", BX_ACCESS_READ);
    box_start(&box);
    assert_int_equal(CALL(&box, bx_wasi_fd_prestat_get, U32(4), U32(8)), 0);
    assert_int_equal(box.guest.data[8], 0);
    assert_int_equal(bx_load32(box.guest.data + 12), 5);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_prestat_dir_name, U32(4), U32(16), U32(4)),
        BX_WASI_ENAMETOOLONG);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_prestat_dir_name, U32(4), U32(16), U32(6)), 0);
    assert_memory_equal(box.guest.data + 16, "/data\0", 6);
    assert_int_equal(CALL(&box, bx_wasi_fd_prestat_get, U32(5), U32(8)),
                     BX_WASI_EBADF);
    assert_int_equal(
        CALL(&box, bx_wasi_fd_prestat_dir_name, U32(1), U32(16), U32(6)),
        BX_WASI_ENOTDIR);
    assert_int_equal(CALL(&box, bx_wasi_sock_shutdown, U32(1), U32(0)),
                     BX_WASI_ENOTSOCK);
    assert_int_equal(CALL(&box, bx_wasi_sock_shutdown, U32(99), U32(0)),
                     BX_WASI_EBADF);
    box_free(&box);
}

static void sets_times_of_files_and_folders(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/file", "x");
    fd = box_opened(&box, "file", (box_open){ .rights = BX_RIGHT_FD_READ });
    for (int i = 0; i < 2; i++) {
        uint32_t which = i == 0 ? fd : 3;

        assert_int_equal(CALL(&box, bx_wasi_fd_filestat_set_times, U32(which),
                              U64(5), U64(777), U32(BX_FSTFLAG_MTIM)),
                         0);
        assert_int_equal(
            CALL(&box, bx_wasi_fd_filestat_get, U32(which), U32(8)), 0);
        assert_int_equal(bx_load64(box.guest.data + 8 + 48), 777);
        assert_int_not_equal(bx_load64(box.guest.data + 8 + 40), 5);
        assert_int_equal(CALL(&box, bx_wasi_fd_filestat_set_times, U32(which),
                              U64(5), U64(777),
                              U32(BX_FSTFLAG_MTIM | BX_FSTFLAG_MTIM_NOW)),
                         BX_WASI_EINVAL);
    }
    box_free(&box);
}

/* They name the same bytes again and again: gigabytes in one call. */
static void cuts_iovecs_to_what_memory_holds(void **state)
{
    enum { IOVECS = 8 };
    uint8_t list[IOVECS * BX_IOVEC_BYTES];
    test_box box;
    uint32_t iovecs;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    for (uint32_t i = 0; i < IOVECS; i++) {
        bx_store32(list + i * BX_IOVEC_BYTES, 32768);
        bx_store32(list + i * BX_IOVEC_BYTES + 4, 20000);
    }
    fd =
        box_opened(&box, "out",
                   (box_open){ .oflags = BX_OFLAG_CREAT, .rights = RIGHTS_RW });
    iovecs = box_put(&box, list, sizeof(list));
    assert_int_equal(
        CALL(&box, bx_wasi_fd_write, U32(fd), U32(iovecs), U32(IOVECS), U32(8)),
        0);
    assert_int_equal(bx_load32(box.guest.data + 8), BOX_MEMORY_BYTES);
    assert_int_equal(CALL(&box, bx_wasi_fd_pread, U32(fd), U32(iovecs),
                          U32(IOVECS), U64(0), U32(8)),
                     0);
    assert_int_equal(bx_load32(box.guest.data + 8), BOX_MEMORY_BYTES);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeks_and_tells),
        cmocka_unit_test(reads_and_writes_at_offsets),
        cmocka_unit_test(appends_until_told_otherwise),
        cmocka_unit_test(changes_size_and_allocates),
        cmocka_unit_test(ends_at_max_write),
        cmocka_unit_test(charges_holes_to_max_write),
        cmocka_unit_test(rights_only_drop),
        cmocka_unit_test(a_folder_opened_with_no_rights_works),
        cmocka_unit_test(closes_and_renumbers),
        cmocka_unit_test(tells_the_names_of_preopens),
        cmocka_unit_test(sets_times_of_files_and_folders),
        cmocka_unit_test(cuts_iovecs_to_what_memory_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
