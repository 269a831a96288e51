#include "store/audit_log_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/user_dir.h"

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define CHUNK_BYTES (256u << 10)

struct bx_audit_reader {
    char *path;
    uint64_t *numbers; /* rotated files still to be read, then the newest */
    size_t numbers_count;
    size_t numbers_next;
    int newest_fd;        /* -1: taken, or there is none */
    uint64_t newest_size; /* when it was opened */
    char head[BX_AUDIT_HEAD_BYTES + 1];
    size_t head_bytes;
    bool has_head;
    bool is_following;

    int fd; /* the file being read; -1: none */
    char *file;
    uint64_t line;
    uint64_t left; /* of it, bytes not yet in the buffer */
    char *buffer;
    size_t start; /* of what is not yet handed out */
    size_t end;
};

/* ---- names ---- */

char *bx_audit_head_path(const char *path)
{
    char *text;

    return asprintf(&text, "%s.head", path) < 0 ? NULL : text;
}

char *bx_audit_rotated_path(const char *path, uint64_t number)
{
    char *text;

    return asprintf(&text, "%s.%" PRIu64, path, number) < 0 ? NULL : text;
}

/* The number behind "NAME.", 0 when it is no rotated file of that log. */
static uint64_t rotated_number(const char *entry, const char *name)
{
    size_t length = strlen(name);
    const char *digits = entry + length + 1;
    uint64_t number = 0;

    if (strncmp(entry, name, length) != 0 || entry[length] != '.' ||
        digits[0] < '1' || digits[0] > '9' || strlen(digits) > 18)
        return 0;
    for (; *digits != '\0'; digits++) {
        if (*digits < '0' || *digits > '9')
            return 0;
        number = number * 10 + (uint64_t)(*digits - '0');
    }
    return number;
}

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

static int add_number(uint64_t **numbers, size_t *count, uint64_t number)
{
    uint64_t *grown = realloc(*numbers, (*count + 1) * sizeof(*grown));

    if (grown == NULL)
        return -1;
    *numbers = grown;
    grown[(*count)++] = number;
    return 0;
}

int bx_audit_list_rotated(const char *path, uint64_t **ret_numbers,
                          size_t *ret_count, bx_error **err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    bx_autofree char *folder =
        slash == NULL ? strdup(".") : strndup(path, (size_t)(name - path));
    bx_autofree uint64_t *numbers = NULL;
    size_t count = 0;
    const struct dirent *entry;
    DIR *dir;
    int failed = 0;

    if (folder == NULL)
        return bx_error_set_nomem(err);
    dir = opendir(folder);
    if (dir == NULL && errno != ENOENT)
        return bx_error_set_errno(err, errno, "'%s'", folder);
    while (dir != NULL && failed == 0 && (entry = readdir(dir)) != NULL) {
        uint64_t number = rotated_number(entry->d_name, name);

        if (number > 0)
            failed = add_number(&numbers, &count, number);
    }
    if (dir != NULL)
        closedir(dir);
    if (failed < 0)
        return bx_error_set_nomem(err);
    if (count > 0)
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
    *ret_numbers = bx_take(numbers);
    *ret_count = count;
    return 0;
}

/* ---- opening ---- */

static int open_file(const char *path, int *ret_fd, uint64_t *ret_size,
                     bx_error **err)
{
    bx_autofd int fd = open(path, OPEN_FLAGS);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is not a file; expected an audit log", path);
    *ret_size = (uint64_t)st.st_size;
    *ret_fd = bx_take_fd(&fd);
    return 0;
}

/* The head file is the lock. ret_fd: -1 when there is none. */
static int lock_head(bx_audit_reader *reader, int *ret_fd, bx_error **err)
{
    bx_autofree char *path = bx_audit_head_path(reader->path);
    bx_autofd int fd = -1;
    ssize_t got;

    if (path == NULL)
        return bx_error_set_nomem(err);
    fd = open(path, OPEN_FLAGS);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    while (flock(fd, LOCK_SH) < 0) {
        if (errno != EINTR)
            return bx_error_set_errno(err, errno, "lock of '%s'", path);
    }
    got = pread(fd, reader->head, sizeof(reader->head), 0);
    if (got < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    reader->head_bytes = (size_t)got;
    reader->has_head = true;
    *ret_fd = bx_take_fd(&fd);
    return 0;
}

static int open_newest(bx_audit_reader *reader, bx_error **err)
{
    if (access(reader->path, F_OK) < 0 && errno == ENOENT) {
        if (reader->numbers_count > 0 || reader->has_head)
            return 0; /* rotated and nothing written since, or removed */
        return bx_error_set_errno(err, ENOENT, "audit log '%s'", reader->path);
    }
    return open_file(reader->path, &reader->newest_fd, &reader->newest_size,
                     err);
}

static int open_all(bx_audit_reader *reader, bool is_locked, bx_error **err)
{
    bx_autofd int lock = -1;

    if (!is_locked && lock_head(reader, &lock, err) < 0)
        return -1;
    if (bx_audit_list_rotated(reader->path, &reader->numbers,
                              &reader->numbers_count, err) < 0)
        return -1;
    return open_newest(reader, err);
}

static bx_audit_reader *open_reader(const char *path, bool is_locked,
                                    bx_error **err)
{
    bx_audit_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    reader->fd = -1;
    reader->newest_fd = -1;
    reader->path =
        path == NULL ? bx_user_state_path("audit.jsonl") : strdup(path);
    reader->buffer = malloc(BX_AUDIT_LINE_MAX_BYTES + CHUNK_BYTES);
    if (reader->buffer == NULL)
        bx_error_set_nomem(err);
    else if (reader->path == NULL)
        (void)bx_user_fail_home("the audit log", "XDG_STATE_HOME", err);
    else if (open_all(reader, is_locked, err) == 0)
        return reader;
    bx_audit_reader_free(reader);
    return NULL;
}

bx_audit_reader *bx_audit_reader_open(const char *path, bx_error **err)
{
    return open_reader(path, false, err);
}

bx_audit_reader *bx_audit_reader_open_locked(const char *path, bx_error **err)
{
    return open_reader(path, true, err);
}

static void close_file(bx_audit_reader *reader)
{
    bx_closep(&reader->fd);
    reader->fd = -1;
    free(reader->file);
    reader->file = NULL;
}

void bx_audit_reader_free(bx_audit_reader *reader)
{
    if (reader == NULL)
        return;
    close_file(reader);
    bx_closep(&reader->newest_fd);
    free(reader->numbers);
    free(reader->buffer);
    free(reader->path);
    free(reader);
}

const char *bx_audit_reader_path(const bx_audit_reader *reader)
{
    return reader->path;
}

const char *bx_audit_reader_head(const bx_audit_reader *reader,
                                 size_t *ret_bytes)
{
    *ret_bytes = reader->head_bytes;
    return reader->has_head ? reader->head : NULL;
}

uint64_t bx_audit_reader_size(const bx_audit_reader *reader)
{
    return reader->newest_size;
}

/* ---- reading ---- */

/* 1 with a file open, 0 when none is left. */
static int open_next(bx_audit_reader *reader, bx_error **err)
{
    close_file(reader);
    reader->line = 0;
    if (reader->numbers_next < reader->numbers_count) {
        reader->file = bx_audit_rotated_path(
            reader->path, reader->numbers[reader->numbers_next]);
        if (reader->file == NULL)
            return bx_error_set_nomem(err);
        if (open_file(reader->file, &reader->fd, &reader->left, err) < 0)
            return -1;
        reader->numbers_next++;
        return 1;
    }
    if (reader->newest_fd < 0)
        return 0;
    reader->file = strdup(reader->path);
    if (reader->file == NULL)
        return bx_error_set_nomem(err);
    reader->fd = bx_take_fd(&reader->newest_fd);
    reader->left = reader->newest_size;
    return 1;
}

/* Bytes added to the buffer, 0 at the end of the file. */
static ssize_t fill(bx_audit_reader *reader, bx_error **err)
{
    size_t wanted = reader->left < CHUNK_BYTES ? reader->left : CHUNK_BYTES;
    ssize_t got;

    if (reader->start > 0) {
        memmove(reader->buffer, reader->buffer + reader->start,
                reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    do
        got = read(reader->fd, reader->buffer + reader->end, wanted);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return bx_error_set_errno(err, errno, "'%s'", reader->file);
    reader->left = got == 0 ? 0 : reader->left - (uint64_t)got;
    reader->end += (size_t)got;
    return got;
}

static int hand_out(bx_audit_reader *reader, size_t bytes, bool is_ended,
                    bool is_long, bx_audit_text *ret_text)
{
    *ret_text = (bx_audit_text){
        .text = reader->buffer + reader->start,
        .bytes = bytes,
        .is_ended = is_ended,
        .is_long = is_long,
        .file = reader->file,
        .line = ++reader->line,
    };
    reader->start += bytes + (is_ended ? 1 : 0);
    return 1;
}

/* Drop the rest of a line that is too long; what was kept of it stays at the
 * front of the buffer, behind the cursor. */
static int skip_long(bx_audit_reader *reader, bx_audit_text *ret_text,
                     bx_error **err)
{
    const size_t kept = 4096;
    bool is_ended = false;

    reader->end = kept;
    while (!is_ended) {
        const char *newline;
        ssize_t got = fill(reader, err);

        if (got < 0)
            return -1;
        if (got == 0)
            break;
        newline = memchr(reader->buffer + kept, '\n', (size_t)got);
        if (newline == NULL) {
            reader->end = kept;
            continue;
        }
        is_ended = true;
        memmove(reader->buffer + kept, newline,
                (size_t)(reader->buffer + reader->end - newline));
        reader->end -= (size_t)(newline - (reader->buffer + kept));
    }
    return hand_out(reader, kept, is_ended, true, ret_text);
}

/* 1 and a line, 0 at the end of the file. */
static int next_in_file(bx_audit_reader *reader, bx_audit_text *ret_text,
                        bx_error **err)
{
    size_t searched = 0;

    for (;;) {
        const char *from = reader->buffer + reader->start;
        size_t bytes = reader->end - reader->start;
        const char *newline =
            bytes > searched ? memchr(from + searched, '\n', bytes - searched)
                             : NULL;
        ssize_t got;

        if (newline != NULL)
            return hand_out(reader, (size_t)(newline - from), true, false,
                            ret_text);
        searched = bytes;
        if (bytes >= BX_AUDIT_LINE_MAX_BYTES) {
            memmove(reader->buffer, from, bytes);
            reader->start = 0;
            return skip_long(reader, ret_text, err);
        }
        got = reader->left > 0 ? fill(reader, err) : 0;
        if (got < 0)
            return -1;
        if (got > 0)
            continue;
        if (bytes == 0 || (reader->is_following &&
                           reader->numbers_next == reader->numbers_count &&
                           reader->newest_fd < 0))
            return 0;
        return hand_out(reader, bytes, false, false, ret_text);
    }
}

int bx_audit_reader_next(bx_audit_reader *reader, bx_audit_text *ret_text,
                         bx_error **err)
{
    for (;;) {
        int found = reader->fd < 0 ? 0 : next_in_file(reader, ret_text, err);
        bool is_last = reader->fd >= 0 && reader->newest_fd < 0 &&
                       reader->numbers_next == reader->numbers_count;

        if (found != 0)
            return found;
        if (is_last)
            return 0; /* kept open: it may be followed */
        found = open_next(reader, err);
        if (found <= 0)
            return found;
    }
}

/* ---- following ---- */

/* Is the file being read one of those rotated away? Then those behind it come
 * next. */
static int find_successors(bx_audit_reader *reader, const struct stat *current,
                           bx_error **err)
{
    size_t next = 0;

    free(reader->numbers);
    reader->numbers = NULL;
    reader->numbers_count = 0;
    if (bx_audit_list_rotated(reader->path, &reader->numbers,
                              &reader->numbers_count, err) < 0)
        return -1;
    for (size_t i = 0; i < reader->numbers_count; i++) {
        bx_autofree char *path =
            bx_audit_rotated_path(reader->path, reader->numbers[i]);
        struct stat st;

        if (path == NULL)
            return bx_error_set_nomem(err);
        if (stat(path, &st) == 0 && st.st_ino == current->st_ino &&
            st.st_dev == current->st_dev)
            next = i + 1;
    }
    /* Its name is gone: only the newest is surely behind it. */
    reader->numbers_next = next == 0 ? reader->numbers_count : next;
    return 0;
}

/* Bytes of the file being read that were appended meanwhile. */
static int see_growth(bx_audit_reader *reader, struct stat *ret_stat,
                      bx_error **err)
{
    off_t at = lseek(reader->fd, 0, SEEK_CUR);

    if (at < 0 || fstat(reader->fd, ret_stat) < 0)
        return bx_error_set_errno(err, errno, "'%s'", reader->file);
    reader->left =
        ret_stat->st_size > at ? (uint64_t)(ret_stat->st_size - at) : 0;
    return 0;
}

int bx_audit_reader_follow(bx_audit_reader *reader, bx_error **err)
{
    struct stat current = { 0 };
    struct stat newest;

    reader->is_following = true;
    if (reader->fd >= 0) {
        if (see_growth(reader, &current, err) < 0)
            return -1;
        if (reader->left > 0 || stat(reader->path, &newest) < 0 ||
            (newest.st_ino == current.st_ino &&
             newest.st_dev == current.st_dev))
            return 0;
        /* Rotated. What was written between the two looks comes first. */
        if (see_growth(reader, &current, err) < 0)
            return -1;
        if (reader->left > 0)
            return 0;
        if (find_successors(reader, &current, err) < 0)
            return -1;
    }
    bx_closep(&reader->newest_fd);
    reader->newest_fd = -1;
    return open_newest(reader, err);
}
