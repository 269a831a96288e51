#include "wasi/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>

static void note_denial(void *context, const bx_audit_event *event)
{
    test_box *box = context;

    box->denials++;
    snprintf(box->reason, sizeof(box->reason), "%s", event->reason);
    snprintf(box->target, sizeof(box->target), "%s", event->target);
    snprintf(box->rule, sizeof(box->rule), "%s", event->rule);
}

void box_init(test_box *box)
{
    const char *parent = getenv("TMPDIR");

    *box = (test_box){ .used = BOX_SCRATCH_BYTES };
    if (parent == NULL || strlen(parent) > 16)
        parent = "/tmp";
    snprintf(box->dir, sizeof(box->dir), "%s/bx-wasi-XXXXXX", parent);
    assert_non_null(mkdtemp(box->dir));
    box->policy = bx_policy_new();
    assert_non_null(box->policy);
    box->run.deadline_ns = INT64_MAX;
    box->run.audit = note_denial;
    box->run.audit_context = box;
    box->stdio[0].fd = -1;
    for (int i = 1; i < 3; i++)
        box->stdio[i] = (bx_stream){ .fd = -1,
                                     .capture = &box->captured[i - 1],
                                     .capture_bytes = 1024 };
    box->guest.size = BOX_MEMORY_BYTES;
    box->guest.data = calloc(1, BOX_MEMORY_BYTES);
    assert_non_null(box->guest.data);
}

char *host_path(const test_box *box, const char *path, char buf[512])
{
    snprintf(buf, 512, "%s/%s", box->dir, path);
    return buf;
}

void box_map(test_box *box, const char *host, const char *guest,
             unsigned access)
{
    char buf[512];

    mkdir(host_path(box, host, buf), 0777);
    assert_int_equal(bx_policy_map_dir(box->policy, buf, guest, access, NULL),
                     0);
}

void box_grant(test_box *box, const char *grant)
{
    assert_int_equal(bx_policy_set(box->policy, "grant", grant, grant, NULL),
                     0);
}

void box_start(test_box *box)
{
    static const char *const argv[] = { "prog", "one" };
    bx_wasi_config config = {
        .policy = box->policy,
        .run = &box->run,
        .argc = 2,
        .argv = argv,
        .stdio = { &box->stdio[0], &box->stdio[1], &box->stdio[2] },
    };

    box->fs = bx_fs_new(box->policy, NULL);
    assert_non_null(box->fs);
    config.fs = box->fs;
    box->wasi = bx_wasi_new(&config, NULL);
    assert_non_null(box->wasi);
}

void box_start_work(test_box *box)
{
    box_init(box);
    box_map(box, "work", "/", BOX_RW);
    box_start(box);
}

void box_stop(test_box *box)
{
    bx_wasi_free(box->wasi);
    bx_fs_free(box->fs);
    box->wasi = NULL;
    box->fs = NULL;
}

static int remove_one(const char *path, const struct stat *stat, int kind,
                      struct FTW *ftw)
{
    (void)stat;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void box_free(test_box *box)
{
    box_stop(box);
    bx_policy_free(box->policy);
    bx_buf_clear(&box->captured[0]);
    bx_buf_clear(&box->captured[1]);
    free(box->guest.data);
    nftw(box->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- host ----------------------------------------------------------- */

void host_write(const test_box *box, const char *path, const char *text)
{
    char buf[512];
    FILE *file = fopen(host_path(box, path, buf), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

void host_mkdir(const test_box *box, const char *path)
{
    char buf[512];

    assert_int_equal(mkdir(host_path(box, path, buf), 0777), 0);
}

void host_symlink(const test_box *box, const char *content, const char *path)
{
    char buf[512];

    assert_int_equal(symlink(content, host_path(box, path, buf)), 0);
}

bool host_exists(const test_box *box, const char *path)
{
    char buf[512];
    struct stat stat;

    return lstat(host_path(box, path, buf), &stat) == 0;
}

const char *host_read(const test_box *box, const char *path)
{
    static char text[256];
    char buf[512];
    FILE *file = fopen(host_path(box, path, buf), "r");
    size_t len;

    if (file == NULL)
        return NULL;
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static bx_buf listing;
static size_t listing_skip;

static int list_one(const char *path, const struct stat *stat, int kind,
                    struct FTW *ftw)
{
    (void)kind;
    (void)ftw;
    return bx_buf_printf(&listing, "%o %ld %ld.%09ld %s\n", stat->st_mode,
                         S_ISDIR(stat->st_mode) ? 0L : (long)stat->st_size,
                         (long)stat->st_mtim.tv_sec, stat->st_mtim.tv_nsec,
                         path + listing_skip);
}

char *host_listing_of(const test_box *box, const char *path)
{
    char buf[512];

    listing = BX_BUF_INIT;
    listing_skip = strlen(box->dir);
    assert_int_equal(nftw(host_path(box, path, buf), list_one, 16, FTW_PHYS),
                     0);
    return bx_buf_take(&listing);
}

char *host_listing(const test_box *box)
{
    return host_listing_of(box, ".");
}

/* ---- guest ---------------------------------------------------------- */

uint32_t box_alloc(test_box *box, uint32_t bytes)
{
    uint32_t at = (box->used + 7) & ~7u;

    assert_true(at + bytes <= BOX_MEMORY_BYTES);
    box->used = at + bytes;
    return at;
}

uint32_t box_put(test_box *box, const void *data, uint32_t bytes)
{
    uint32_t at = box_alloc(box, bytes);

    memcpy(box->guest.data + at, data, bytes);
    return at;
}

uint32_t box_puts(test_box *box, const char *text)
{
    return box_put(box, text, (uint32_t)strlen(text));
}

void box_rewind(test_box *box)
{
    box->used = BOX_SCRATCH_BYTES;
}

uint32_t box_iovec(test_box *box, uint32_t ptr, uint32_t len)
{
    uint32_t iovec[2] = { ptr, len };

    return box_put(box, iovec, sizeof(iovec));
}

int32_t box_path_open(test_box *box, const char *path, box_open open,
                      uint32_t *ret_fd)
{
    uint32_t kept = box->used;
    uint32_t ret = box_alloc(box, 4);
    int32_t err = CALL(
        box, bx_wasi_path_open, U32(open.dir == 0 ? BOX_PREOPEN : open.dir),
        U32(open.lookup), PATH(box, path), U32(open.oflags), U64(open.rights),
        U64(open.inheriting), U32(open.fdflags), U32(ret));

    if (err == 0)
        *ret_fd = bx_load32(box->guest.data + ret);
    box->used = kept;
    return err;
}

uint32_t box_opened(test_box *box, const char *path, box_open open)
{
    uint32_t fd = UINT32_MAX;

    assert_int_equal(box_path_open(box, path, open, &fd), 0);
    return fd;
}

int32_t box_write(test_box *box, uint32_t fd, const char *text)
{
    uint32_t kept = box->used;
    uint32_t len = (uint32_t)strlen(text);
    uint32_t ret = box_alloc(box, 4);
    uint32_t iovec = box_iovec(box, box_puts(box, text), len);
    int32_t err =
        CALL(box, bx_wasi_fd_write, U32(fd), U32(iovec), U32(1), U32(ret));

    box->used = kept;
    return err;
}

const char *box_read(test_box *box, uint32_t fd)
{
    static char text[256];
    uint32_t kept = box->used;
    uint32_t ret = box_alloc(box, 4);
    uint32_t at = box_alloc(box, 255);
    uint32_t iovec = box_iovec(box, at, 255);
    uint32_t len;

    box->used = kept;
    if (CALL(box, bx_wasi_fd_read, U32(fd), U32(iovec), U32(1), U32(ret)) != 0)
        return NULL;
    len = bx_load32(box->guest.data + ret);
    memcpy(text, box->guest.data + at, len);
    text[len] = '\0';
    return text;
}

int32_t box_stat(test_box *box, const char *path, uint32_t lookup, uint8_t *ret)
{
    uint32_t kept = box->used;
    uint32_t at = box_alloc(box, BX_FILESTAT_BYTES);
    int32_t err = CALL(box, bx_wasi_path_filestat_get, U32(BOX_PREOPEN),
                       U32(lookup), PATH(box, path), U32(at));

    if (err == 0 && ret != NULL)
        memcpy(ret, box->guest.data + at, BX_FILESTAT_BYTES);
    box->used = kept;
    return err;
}

const char *box_list(test_box *box, uint32_t fd, uint32_t piece)
{
    static char text[32768];
    uint32_t kept = box->used;
    uint32_t buf = box_alloc(box, piece);
    uint32_t ret = box_alloc(box, 4);
    uint64_t cookie = 0;
    size_t len = 0;

    for (;;) {
        const uint8_t *at = box->guest.data + buf;
        uint32_t left;
        uint32_t used;

        if (CALL(box, bx_wasi_fd_readdir, U32(fd), U32(buf), U32(piece),
                 U64(cookie), U32(ret)) != 0)
            return NULL;
        left = used = bx_load32(box->guest.data + ret);
        while (left >= BX_DIRENT_BYTES) {
            uint32_t bytes = bx_load32(at + 16);

            if (left < BX_DIRENT_BYTES + bytes)
                break;
            cookie = bx_load64(at);
            assert_true(len + bytes + 2 < sizeof(text));
            memcpy(text + len, at + BX_DIRENT_BYTES, bytes);
            len += bytes;
            text[len++] = ' ';
            at += BX_DIRENT_BYTES + bytes;
            left -= BX_DIRENT_BYTES + bytes;
        }
        if (used < piece)
            break;
    }
    text[len] = '\0';
    box->used = kept;
    return text;
}
