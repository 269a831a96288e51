/* Each call of WASI, with one allocation or system call failing at a time. A
 * call answers what it would have, or an errno of the host's; what it was to
 * change is as it was before, or changed. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <unistd.h>

#include "fault/support_fault.h"
#include "policy/grant.h"
#include "wasi/support.h"

#define STEPS_MAX 128
#define FOLLOW BX_LOOKUP_SYMLINK_FOLLOW

/* ---- the folder as it is -------------------------------------------- */

static bx_buf tree;
static size_t tree_skip;

static int add_to_tree(const char *path, const struct stat *stat, int kind,
                       struct FTW *ftw)
{
    char text[256] = "";
    ssize_t len = 0;

    (void)ftw;
    if (kind == FTW_F) {
        int fd = open(path, O_RDONLY | O_NONBLOCK);

        len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
        close(fd);
    } else if (kind == FTW_SL) {
        len = readlink(path, text, sizeof(text) - 1);
    }
    text[len < 0 ? 0 : len] = '\0';
    return bx_buf_printf(&tree, "%o %s '%s' %ld\n", stat->st_mode & S_IFMT,
                         path + tree_skip, text,
                         S_ISDIR(stat->st_mode) ? 0L : (long)stat->st_size);
}

/* nftw() lists in the folder's own order, which may change: sorted. */
static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static char *read_tree(const char *dir)
{
    char *lines[256];
    size_t count = 0;
    bx_autobuf bx_buf sorted = BX_BUF_INIT;

    tree = BX_BUF_INIT;
    tree_skip = strlen(dir);
    assert_int_equal(nftw(dir, add_to_tree, 16, FTW_PHYS), 0);
    for (char *line = strtok(tree.data, "\n"); line != NULL && count < 256;
         line = strtok(NULL, "\n"))
        lines[count++] = line;
    qsort(lines, count, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(bx_buf_printf(&sorted, "%s\n", lines[i]), 0);
    bx_buf_clear(&tree);
    return bx_buf_take(&sorted);
}

/* ---- the folder as a guest sees it ---------------------------------- */

static int start(test_box *box, bx_error **err);

static void add_to_view(test_box *box, bx_buf *view, const char *path)
{
    char names[1024] = "";
    char *parts[64];
    size_t count = 0;
    uint32_t fd = 0;
    uint8_t stat[BX_FILESTAT_BYTES];

    assert_int_equal(box_stat(box, path, 0, stat), 0);
    assert_int_equal(bx_buf_printf(view, "%u %s %u\n", stat[16], path,
                                   stat[16] == BX_FILETYPE_DIRECTORY
                                       ? 0
                                       : bx_load32(stat + 32)),
                     0);
    if (stat[16] == BX_FILETYPE_REGULAR_FILE) {
        fd = box_opened(box, path, (box_open){ .rights = BX_RIGHT_FD_READ });
        assert_int_equal(bx_buf_printf(view, "'%s'\n", box_read(box, fd)), 0);
    } else if (stat[16] == BX_FILETYPE_DIRECTORY) {
        fd = box_opened(box, path, (box_open){ .oflags = BX_OFLAG_DIRECTORY });
        snprintf(names, sizeof(names), "%s", box_list(box, fd, 4096));
    }
    if (fd != 0)
        assert_int_equal(CALL(box, bx_wasi_fd_close, U32(fd)), 0);
    for (char *name = strtok(names, " "); name != NULL;
         name = strtok(NULL, " "))
        parts[count++] = name;
    qsort(parts, count, sizeof(*parts), compare_lines);
    for (size_t i = 0; i < count; i++) {
        char below[256];

        if (strcmp(parts[i], ".") == 0 || strcmp(parts[i], "..") == 0)
            continue;
        snprintf(below, sizeof(below), "%s/%s", path, parts[i]);
        add_to_view(box, view, below);
    }
}

/* By another run, as one that comes later would. */
static char *read_view(const test_box *box)
{
    test_box other = *box;
    bx_autobuf bx_buf view = BX_BUF_INIT;
    bx_error *err = NULL;

    other.run = (bx_run){ .deadline_ns = INT64_MAX };
    other.stdio[0] = (bx_stream){ .fd = -1 };
    other.stdio[1] = other.stdio[2] = other.stdio[0];
    if (start(&other, &err) < 0)
        fail_msg("the next run does not begin: %s", bx_error_message(err));
    add_to_view(&other, &view, ".");
    box_stop(&other);
    return bx_buf_take(&view);
}

/* ---- a run of steps ------------------------------------------------- */

typedef struct world {
    test_box box;
    void (*prepare)(test_box *box);
    const char *at;          /* what the steps' paths begin with */
    char *before[STEPS_MAX]; /* the tree before each step, as rehearsed */
    unsigned steps;          /* taken */
    unsigned rehearsed;
    bool is_deterministic;
    bool is_asked; /* for each capability */
    bool has_overlay;
    fault_log *log;
    char *base; /* under an overlay: the folder, which does not change */
} world;

static world the_world;

static char *look(const world *it)
{
    char work[64];
    char *base;

    if (!it->has_overlay)
        return read_tree(it->box.dir);
    snprintf(work, sizeof(work), "%s/work", it->box.dir);
    base = read_tree(work);
    assert_string_equal(base, it->base);
    free(base);
    return read_view(&it->box);
}

static void note_step(fault_log *log, const char *name)
{
    world *it = log->context;

    fault_pause();
    assert_true(it->steps + 1 < STEPS_MAX);
    it->steps++;
    if (log->is_rehearsal) {
        free(it->before[it->steps]);
        it->before[it->steps] = look(it);
        it->rehearsed = it->steps;
    }
    fault_resume();
    fault_note(log, "%s", name);
}

static int fail_step(const char *name, int32_t err, bx_error **ret_err)
{
    static const int errnums[] = { ENOMEM, EIO,    EMFILE, EINTR,      ENOSPC,
                                   EACCES, ENOSYS, EAGAIN, ECONNRESET, EROFS,
                                   EXDEV,  EBUSY,  ENOLCK };

    for (size_t i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++) {
        if (bx_wasi_errno(errnums[i]) == err)
            return bx_error_set_errno(ret_err, errnums[i], "%s", name);
    }
    return bx_error_set(ret_err, BX_ERR_INVALID, "%s: errno %d", name, err);
}

#define TRY(expression)                                                        \
    do {                                                                       \
        int32_t err_ = (expression);                                           \
                                                                               \
        if (err_ != 0)                                                         \
            return fail_step(#expression, err_, err);                          \
        note_step(log, #expression);                                           \
    } while (0)

static char *check_tree(void *context, const fault_log *log)
{
    world *it = context;
    bx_autofree char *now = NULL;
    char *wrong = NULL;

    (void)log;
    if (it->steps == it->rehearsed)
        return NULL;
    now = look(it);
    if (strcmp(now, it->before[it->steps]) == 0 ||
        strcmp(now, it->before[it->steps + 1]) == 0)
        return NULL;
    if (asprintf(&wrong, "after step %u the folder is\n%sexpected\n%sor\n%s",
                 it->steps, now, it->before[it->steps],
                 it->before[it->steps + 1]) < 0)
        abort();
    return wrong;
}

/* ---- the steps ------------------------------------------------------ */

static const char *at(const char *path)
{
    static char texts[4][256];
    static unsigned next;
    char *text = texts[next++ % 4];

    snprintf(text, 256, "%s%s", the_world.at, path);
    return text;
}

#define AT(path) PATH(box, at(path))
#define DIR3 U32(BOX_PREOPEN)

static int32_t open_at(test_box *box, const char *path, uint32_t oflags,
                       uint64_t rights, uint32_t *ret_fd)
{
    return box_path_open(box, at(path),
                         (box_open){ .lookup = FOLLOW,
                                     .oflags = oflags,
                                     .rights = rights,
                                     .inheriting = BX_RIGHTS_ALL },
                         ret_fd);
}

static int32_t read_all(fault_log *log, test_box *box, uint32_t fd,
                        uint32_t pieces)
{
    uint32_t kept = box->used;
    uint32_t ret = box_alloc(box, 4);
    uint32_t to = box_alloc(box, 64);
    uint32_t iovecs = box_iovec(box, to, 4);
    int32_t err;

    (void)box_iovec(box, to + 4, 60);
    memset(box->guest.data + to, 0, 64);
    err =
        CALL(box, bx_wasi_fd_read, U32(fd), U32(iovecs), U32(pieces), U32(ret));
    if (err == 0)
        fault_note(log, "read %u: %.64s", bx_load32(box->guest.data + ret),
                   (const char *)box->guest.data + to);
    box->used = kept;
    return err;
}

static int32_t stat_at(fault_log *log, test_box *box, const char *path,
                       uint32_t lookup)
{
    uint8_t stat[BX_FILESTAT_BYTES];
    int32_t err = box_stat(box, at(path), lookup, stat);

    if (err == 0)
        fault_note(log, "%s: type %u, %u bytes", path, stat[16],
                   stat[16] == BX_FILETYPE_DIRECTORY ? 0
                                                     : bx_load32(stat + 32));
    return err;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Names in order: the kernel gives them in its own. */
static int32_t list(fault_log *log, test_box *box, uint32_t fd, uint32_t piece)
{
    char names[4096] = "";
    char *parts[64];
    size_t count = 0;
    uint32_t kept = box->used;
    uint32_t buf = box_alloc(box, piece);
    uint32_t ret = box_alloc(box, 4);
    uint64_t cookie = 0;

    for (;;) {
        const uint8_t *entry = box->guest.data + buf;
        int32_t err = CALL(box, bx_wasi_fd_readdir, U32(fd), U32(buf),
                           U32(piece), U64(cookie), U32(ret));
        uint32_t left;
        uint32_t used;

        if (err != 0)
            return err;
        left = used = bx_load32(box->guest.data + ret);
        while (left >= BX_DIRENT_BYTES) {
            uint32_t bytes = bx_load32(entry + 16);

            if (left < BX_DIRENT_BYTES + bytes)
                break;
            cookie = bx_load64(entry);
            snprintf(names + strlen(names), sizeof(names) - strlen(names),
                     "%.*s:%u ", (int)bytes, entry + BX_DIRENT_BYTES,
                     entry[20]);
            entry += BX_DIRENT_BYTES + bytes;
            left -= BX_DIRENT_BYTES + bytes;
        }
        if (used < piece)
            break;
    }
    box->used = kept;
    for (char *name = strtok(names, " "); name != NULL && count < 64;
         name = strtok(NULL, " "))
        parts[count++] = name;
    qsort(parts, count, sizeof(*parts), compare_names);
    for (size_t i = 0; i < count; i++)
        fault_note(log, "listed %s", parts[i]);
    return 0;
}

static int32_t link_text(fault_log *log, test_box *box, const char *path)
{
    uint32_t to = box_alloc(box, 64);
    uint32_t ret = box_alloc(box, 4);
    int32_t err = CALL(box, bx_wasi_path_readlink, DIR3, AT(path), U32(to),
                       U32(64), U32(ret));

    if (err == 0)
        fault_note(log, "%s leads to %.*s", path,
                   (int)bx_load32(box->guest.data + ret),
                   (const char *)box->guest.data + to);
    return err;
}

static int32_t seek(fault_log *log, test_box *box, uint32_t fd, int64_t offset,
                    uint32_t whence)
{
    int32_t err =
        CALL(box, bx_wasi_fd_seek, U32(fd), U64(offset), U32(whence), U32(0));

    if (err == 0)
        fault_note(log, "stands at %u", bx_load32(box->guest.data));
    return err;
}

static int32_t write_at(test_box *box, uint32_t fd, const char *text,
                        uint64_t offset)
{
    uint32_t len = (uint32_t)strlen(text);
    uint32_t from = box_puts(box, text);
    uint32_t iovecs = box_iovec(box, from, len - 1);

    (void)box_iovec(box, from + len - 1, 1);
    return CALL(box, bx_wasi_fd_pwrite, U32(fd), U32(iovecs), U32(2),
                U64(offset), U32(0));
}

static int32_t read_at(fault_log *log, test_box *box, uint32_t fd,
                       uint64_t offset)
{
    uint32_t to = box_alloc(box, 16);
    int32_t err =
        CALL(box, bx_wasi_fd_pread, U32(fd), U32(box_iovec(box, to, 16)),
             U32(1), U64(offset), U32(0));

    if (err == 0)
        fault_note(log, "there: %.*s", (int)bx_load32(box->guest.data),
                   (const char *)box->guest.data + to);
    return err;
}

static int use_files(fault_log *log, test_box *box, bx_error **err)
{
    uint32_t fd = 0;
    uint32_t other = 0;

    TRY(open_at(box, "new", BX_OFLAG_CREAT, RIGHTS_RW, &fd));
    TRY(box_write(box, fd, "hello"));
    TRY(seek(log, box, fd, 40, 0));
    TRY(box_write(box, fd, "far"));
    TRY(write_at(box, fd, "J", 0));
    TRY(write_at(box, fd, "there", 60));
    TRY(seek(log, box, fd, 0, 0));
    TRY(read_all(log, box, fd, 1));
    TRY(read_all(log, box, fd, 2));
    TRY(read_at(log, box, fd, 40));
    TRY(CALL(box, bx_wasi_fd_tell, U32(fd), U32(0)));
    TRY(CALL(box, bx_wasi_fd_allocate, U32(fd), U64(0), U64(80)));
    TRY(CALL(box, bx_wasi_fd_filestat_set_size, U32(fd), U64(100)));
    TRY(CALL(box, bx_wasi_fd_filestat_set_size, U32(fd), U64(3)));
    TRY(CALL(box, bx_wasi_fd_filestat_set_times, U32(fd), U64(1), U64(2),
             U32(BX_FSTFLAG_ATIM | BX_FSTFLAG_MTIM)));
    TRY(CALL(box, bx_wasi_fd_filestat_get, U32(fd), U32(0)));
    fault_note(log, "%u bytes", bx_load32(box->guest.data + 32));
    TRY(CALL(box, bx_wasi_fd_fdstat_get, U32(fd), U32(0)));
    TRY(CALL(box, bx_wasi_fd_fdstat_set_flags, U32(fd), U32(BX_FDFLAG_APPEND)));
    TRY(box_write(box, fd, "end"));
    TRY(CALL(box, bx_wasi_fd_advise, U32(fd), U64(0), U64(8), U32(1)));
    TRY(CALL(box, bx_wasi_fd_sync, U32(fd)));
    TRY(CALL(box, bx_wasi_fd_datasync, U32(fd)));
    TRY(CALL(box, bx_wasi_fd_close, U32(fd)));
    TRY(open_at(box, "new", BX_OFLAG_TRUNC, RIGHTS_RW, &fd));
    TRY(open_at(box, "new", 0, BX_RIGHT_FD_READ, &other));
    TRY(CALL(box, bx_wasi_fd_renumber, U32(fd), U32(other)));
    TRY(CALL(box, bx_wasi_fd_close, U32(other)));
    fault_note(log, "%u created, %u bytes charged",
               (unsigned)box->run.used.fs_create_entries,
               (unsigned)box->run.used.fs_write_bytes);
    return 0;
}

static int use_names(fault_log *log, test_box *box, bx_error **err)
{
    uint32_t fd = 0;

    TRY(CALL(box, bx_wasi_path_create_directory, DIR3, AT("d")));
    TRY(CALL(box, bx_wasi_path_create_directory, DIR3, AT("d/e")));
    TRY(CALL(box, bx_wasi_path_symlink, PATH(box, "../old"), DIR3, AT("d/l")));
    TRY(link_text(log, box, "d/l"));
    TRY(stat_at(log, box, "d/l", 0));
    TRY(stat_at(log, box, "d/l", FOLLOW));
    TRY(stat_at(log, box, "old", FOLLOW));
    TRY(stat_at(log, box, "way/../old", FOLLOW));
    TRY(open_at(box, "d/e/../l", 0, BX_RIGHT_FD_READ, &fd));
    TRY(read_all(log, box, fd, 1));
    TRY(CALL(box, bx_wasi_fd_close, U32(fd)));
    TRY(CALL(box, bx_wasi_path_link, DIR3, U32(0), AT("old"), DIR3,
             AT("d/hard")));
    TRY(CALL(box, bx_wasi_path_filestat_set_times, DIR3, U32(FOLLOW), AT("d/l"),
             U64(5), U64(6), U32(BX_FSTFLAG_MTIM)));
    TRY(CALL(box, bx_wasi_path_rename, DIR3, AT("d/hard"), DIR3, AT("other")));
    TRY(CALL(box, bx_wasi_path_rename, DIR3, AT("tool"), DIR3, AT("script")));
    TRY(CALL(box, bx_wasi_path_replace, DIR3, AT("script"), AT("content")));
    TRY(CALL(box, bx_wasi_path_replace, DIR3, AT("fresh"), AT("content")));
    TRY(CALL(box, bx_wasi_path_unlink_file, DIR3, AT("other")));
    TRY(CALL(box, bx_wasi_path_remove_directory, DIR3, AT("d/e")));
    TRY(open_at(box, "", BX_OFLAG_DIRECTORY, 0, &fd));
    TRY(list(log, box, fd, 4096));
    TRY(list(log, box, fd, 96));
    TRY(CALL(box, bx_wasi_fd_filestat_get, U32(fd), U32(0)));
    TRY(CALL(box, bx_wasi_fd_sync, U32(fd)));
    TRY(CALL(box, bx_wasi_fd_filestat_set_times, U32(fd), U64(1), U64(2),
             U32(BX_FSTFLAG_MTIM)));
    TRY(CALL(box, bx_wasi_fd_close, U32(fd)));
    TRY(list(log, box, BOX_PREOPEN, 4096));
    return 0;
}

static int use_rest(fault_log *log, test_box *box, bx_error **err)
{
    uint32_t subscription = box_alloc(box, 3 * BX_SUBSCRIPTION_BYTES);
    uint8_t *sub = box->guest.data + subscription;
    uint32_t events = box_alloc(box, 3 * BX_EVENT_BYTES);

    TRY(CALL(box, bx_wasi_args_sizes_get, U32(0), U32(4)));
    TRY(CALL(box, bx_wasi_args_get, U32(0), U32(64)));
    TRY(CALL(box, bx_wasi_environ_sizes_get, U32(0), U32(4)));
    TRY(CALL(box, bx_wasi_environ_get, U32(0), U32(64)));
    TRY(CALL(box, bx_wasi_clock_res_get, U32(0), U32(0)));
    TRY(CALL(box, bx_wasi_clock_time_get, U32(1), U64(0), U32(0)));
    TRY(CALL(box, bx_wasi_random_get, U32(0), U32(16)));
    TRY(CALL(box, bx_wasi_sched_yield, U32(0)));
    TRY(CALL(box, bx_wasi_fd_prestat_get, DIR3, U32(0)));
    TRY(box_write(box, 1, "out"));
    TRY(read_all(log, box, 0, 2));
    TRY(box_write(box, 2, "err"));
    memset(sub, 0, 3 * BX_SUBSCRIPTION_BYTES);
    sub[8] = BX_EVENT_CLOCK;
    bx_store32(sub + 16, BX_CLOCK_MONOTONIC);
    bx_store64(sub + 24, 1000);
    sub[BX_SUBSCRIPTION_BYTES + 8] = BX_EVENT_FD_WRITE;
    bx_store32(sub + BX_SUBSCRIPTION_BYTES + 16, 2);
    TRY(CALL(box, bx_wasi_poll_oneoff, U32(subscription), U32(events), U32(1),
             U32(0)));
    TRY(CALL(box, bx_wasi_poll_oneoff, U32(subscription), U32(events), U32(2),
             U32(0)));
    return 0;
}

/* ---- scenarios ------------------------------------------------------ */

static int pipes[2] = { -1, -1 };

static void note_effect(void *context, const bx_effect_event *event)
{
    world *it = context;

    fault_note(it->log, "effect %s %s %s", event->call, event->target,
               event->detail);
}

static bool say_yes(void *context, const bx_need_event *event)
{
    (void)context;
    return event->kind != NULL && event->target != NULL;
}

static void set_up(void *context)
{
    world *it = context;
    test_box *box = &it->box;

    box_init(box);
    it->steps = 0;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(write(pipes[1], "word", 4), 4);
    it->prepare(box);
    assert_int_equal(bx_policy_env(box->policy, "A", "1", NULL), 0);
    box->run.effect = note_effect;
    box->run.effect_context = it;
    if (it->is_asked)
        box->run.need = say_yes;
    box->run.is_deterministic = it->is_deterministic;
    box->stdio[0].fd = pipes[0];
    box->stdio[2].fd = pipes[1];
    for (int i = 1; i < 3; i++)
        box->stdio[i].is_cut = false;
    if (it->has_overlay) {
        char path[512];

        assert_int_equal(bx_policy_set_overlay(
                             box->policy, host_path(box, "over", path), NULL),
                         0);
        free(it->base);
        it->base = read_tree(host_path(box, "work", path));
    }
    if (it->before[0] == NULL)
        it->before[0] = look(it);
}

static void tear_down(void *context)
{
    world *it = context;

    box_free(&it->box);
    close(pipes[0]);
    close(pipes[1]);
}

static int start(test_box *box, bx_error **err)
{
    static const char *const argv[] = { "prog", "one" };
    bx_wasi_config config = {
        .policy = box->policy,
        .run = &box->run,
        .argc = 2,
        .argv = argv,
        .stdio = { &box->stdio[0], &box->stdio[1], &box->stdio[2] },
    };

    box->fs = bx_fs_new(box->policy, err);
    if (box->fs == NULL)
        return -1;
    config.fs = box->fs;
    box->wasi = bx_wasi_new(&config, err);
    return box->wasi == NULL ? -1 : 0;
}

/* What was done is told in any case. */
static bool may_say(const char *line, const char *expected)
{
    return strncmp(line, "effect ", 7) == 0 &&
           strncmp(line, expected, 7 + strcspn(line + 7, " ")) == 0 &&
           strstr(line, "(out of memory)") != NULL;
}

/* A file that may be one of /proc is not opened; what cannot be asked for is
 * not given. */
static bool may_refuse(int errnum)
{
    return errnum == EACCES ||
           (the_world.is_asked &&
            (errnum == EROFS || errnum == EXDEV || errnum == EBUSY));
}

static int use_all(fault_log *log, bx_error **err)
{
    world *it = log->context;
    test_box *box = &it->box;
    int status = start(box, err);

    it->log = log;
    if (status == 0)
        status = use_files(log, box, err);
    if (status == 0)
        status = use_names(log, box, err);
    if (status == 0)
        status = use_rest(log, box, err);
    box_stop(box);
    bx_run_forget_needs(&box->run);
    bx_buf_clear(&box->captured[0]);
    bx_buf_clear(&box->captured[1]);
    return status;
}

static void fill_folder(const test_box *box, const char *dir)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/old", dir);
    host_write(box, path, "old text");
    snprintf(path, sizeof(path), "%s/tool", dir);
    host_write(box, path, "new tool");
    snprintf(path, sizeof(path), "%s/script", dir);
    host_write(box, path, "old tool");
    chmod(host_path(box, path, (char[512]){ 0 }), 0755);
    snprintf(path, sizeof(path), "%s/way", dir);
    host_mkdir(box, path);
}

static void prepare_plain(test_box *box)
{
    box_map(box, "work", "/", BOX_RW);
    fill_folder(box, "work");
}

/* Mappings in mappings, grants, layers, protected paths and links on the way
 * to one: nothing is uniform. */
static void prepare_layered(test_box *box)
{
    bx_autogrants bx_grants *layer = bx_grants_new();
    char path[512];

    box_map(box, "work", "/", BOX_RW);
    box_map(box, "ro", "/in/ro", BX_ACCESS_READ);
    box_map(box, "deep", "/a/b/c", BOX_RW);
    host_mkdir(box, "work/sub");
    fill_folder(box, "work/sub");
    host_mkdir(box, "work/.git");
    host_symlink(box, ".git", "work/git");
    host_write(box, "ro/file", "x");
    box_grant(box, "fs.read:/");
    box_grant(box, "fs.write:/sub");
    box_grant(box, "fs.write:/.git");
    assert_int_equal(bx_grants_add(layer, "fs.read:/", NULL, NULL), 0);
    assert_int_equal(bx_grants_add(layer, "fs.write:/", NULL, NULL), 0);
    assert_int_equal(bx_grants_add(layer, "env:*", NULL, NULL), 0);
    assert_int_equal(bx_policy_narrow(box->policy, layer, "session", NULL), 0);
    assert_int_equal(bx_policy_protect(box->policy,
                                       host_path(box, "work/git/hooks", path),
                                       "lock", NULL),
                     0);
}

static void run_world(const char *name, const world *template)
{
    const fault_scenario scenario = { .name = name,
                                      .context = &the_world,
                                      .set_up = set_up,
                                      .run = use_all,
                                      .tear_down = tear_down,
                                      .may_say = may_say,
                                      .may_refuse = may_refuse,
                                      .check = check_tree };

    the_world = *template;
    fault_run(&scenario);
    for (size_t i = 0; i < STEPS_MAX; i++)
        free(the_world.before[i]);
    free(the_world.base);
}

static const world plain = { .prepare = prepare_plain, .at = "./" };
static const world layered = { .prepare = prepare_layered, .at = "sub/" };

static void plain_folder(void **state)
{
    (void)state;
    run_world(__func__, &plain);
}

static void plain_folder_walked(void **state)
{
    (void)state;
    bx_resolve_force_walk(true);
    run_world(__func__, &plain);
    bx_resolve_force_walk(false);
}

static void layers_and_guards(void **state)
{
    (void)state;
    run_world(__func__, &layered);
}

/* Folders are read whole, clocks and numbers come from a seed. */
static void repeatable_run(void **state)
{
    world repeatable = layered;

    (void)state;
    repeatable.is_deterministic = true;
    run_world(__func__, &repeatable);
}

static void asked_for_each_capability(void **state)
{
    world asked = plain;

    (void)state;
    asked.is_asked = true;
    run_world(__func__, &asked);
}

static void under_an_overlay(void **state)
{
    world overlaid = plain;

    (void)state;
    overlaid.has_overlay = true;
    run_world(__func__, &overlaid);
}

/* argv[1]: only tests of that name, which may have a '*'. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_folder),
        cmocka_unit_test(plain_folder_walked),
        cmocka_unit_test(layers_and_guards),
        cmocka_unit_test(repeatable_run),
        cmocka_unit_test(asked_for_each_capability),
        cmocka_unit_test(under_an_overlay),
    };

    fault_use_memory();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
