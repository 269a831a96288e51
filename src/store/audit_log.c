/* Appending. The lock is the head file's: it stays while logs rotate. What is
 * found on the disk is believed only as far as the head says so; anything else
 * is left as it is, noted in the log, and the chain goes on from the head. */
#include "store/audit_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/user_dir.h"
#include "store/audit_log_head.h"
#include "store/audit_log_line.h"
#include "store/audit_log_read.h"

#define LOG_FLAGS                                                              \
    (O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW |         \
     O_NONBLOCK)
#define HEAD_FLAGS                                                             \
    (O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK)
#define LOCK_TRIES 100
#define ROTATED_MAX UINT64_C(999999999999999999)

/* A file and which one it was when it was opened. */
typedef struct held_file {
    int fd; /* -1: not open */
    dev_t device;
    ino_t inode;
} held_file;

struct bx_audit_log {
    pthread_mutex_t mutex;
    char *path;
    char *head_path;
    uint8_t key[BX_DIGEST_BYTES];
    uint64_t file_bytes;
    bool is_synced;
    pid_t pid; /* a lock taken before fork() would be shared */
    held_file log;
    held_file head_file;
    bx_audit_head head;
    char head_text[BX_AUDIT_HEAD_BYTES + 1]; /* last seen; "": none */
    bx_buf line;
};

static const char *const reserved[] = { "seq", "time", "audit", "prev",
                                        "hash" };
#define RESERVED_COUNT (sizeof(reserved) / sizeof(reserved[0]))

/* ---- files ---- */

static void drop(held_file *file)
{
    bx_closep(&file->fd);
    file->fd = -1;
}

static int hold(held_file *file, const char *path, int flags, bx_error **err)
{
    bx_autofd int fd = open(path, flags, 0600);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is not a regular file; name another", path);
    if (bx_user_check_owner(fd, path, 0022, err) < 0)
        return -1;
    drop(file);
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->fd = bx_take_fd(&fd);
    return 0;
}

static bool is_held(const held_file *file, const struct stat *st)
{
    return file->fd >= 0 && file->device == st->st_dev &&
           file->inode == st->st_ino;
}

/* ---- the lock ---- */

static void unlock(bx_audit_log *log)
{
    (void)flock(log->head_file.fd, LOCK_UN);
}

/* The file that is locked must be the one the name leads to, also when someone
 * moved it away meanwhile. */
static int lock(bx_audit_log *log, bx_error **err)
{
    struct stat st;

    if (log->pid != getpid()) {
        drop(&log->head_file);
        drop(&log->log);
        log->pid = getpid();
    }
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (log->head_file.fd < 0 &&
            hold(&log->head_file, log->head_path, HEAD_FLAGS, err) < 0)
            return -1;
        while (flock(log->head_file.fd, LOCK_EX) < 0) {
            if (errno != EINTR)
                return bx_error_set_errno(err, errno, "lock of '%s'",
                                          log->head_path);
        }
        if (stat(log->head_path, &st) == 0 && is_held(&log->head_file, &st))
            return 0;
        drop(&log->head_file);
    }
    return bx_error_set(err, BX_ERR_SYSTEM,
                        "'%s' is replaced all the time; nothing but boxagnts "
                        "should write it",
                        log->head_path);
}

/* ---- the head ---- */

static int write_head(bx_audit_log *log, bx_error **err)
{
    char text[BX_AUDIT_HEAD_BYTES + 1];
    ssize_t put;

    bx_audit_head_format(&log->head, log->key, text);
    do
        put = pwrite(log->head_file.fd, text, BX_AUDIT_HEAD_BYTES, 0);
    while (put < 0 && errno == EINTR);
    if (put != BX_AUDIT_HEAD_BYTES) {
        log->head_text[0] = '\0';
        return bx_error_set_errno(err, put < 0 ? errno : ENOSPC, "'%s'",
                                  log->head_path);
    }
    memcpy(log->head_text, text, sizeof(text));
    return 0;
}

/* The chain's end from the lines alone, where no head tells it. */
static int scan_end(bx_audit_log *log, bool *ret_is_empty, bx_error **err)
{
    bx_autoreader bx_audit_reader *reader = NULL;
    bx_autofree uint64_t *numbers = NULL;
    bx_audit_text text;
    bx_audit_line line;
    size_t count;
    int found;

    bx_audit_head_init(&log->head);
    *ret_is_empty = true;
    if (bx_audit_list_rotated(log->path, &numbers, &count, err) < 0)
        return -1;
    log->head.file = count == 0 ? 0 : numbers[count - 1];
    /* The reader wants the lock as well, which is held. */
    reader = bx_audit_reader_open_locked(log->path, err);
    if (reader == NULL)
        return -1;
    while ((found = bx_audit_reader_next(reader, &text, err)) > 0) {
        *ret_is_empty = false;
        if (text.is_ended && !text.is_long &&
            bx_audit_line_parse(text.text, text.bytes, &line) == NULL) {
            log->head.seq = line.seq;
            memcpy(log->head.hash, line.hash, sizeof(line.hash));
        }
    }
    log->head.size = bx_audit_reader_size(reader);
    return found;
}

/* What the head file says, read again only when another process wrote it.
 * ret_why: why it could not be believed, or NULL. */
static int load_head(bx_audit_log *log, const char **ret_why, bx_error **err)
{
    char text[BX_AUDIT_HEAD_BYTES + 2] = "";
    ssize_t got = pread(log->head_file.fd, text, BX_AUDIT_HEAD_BYTES + 1, 0);
    bool is_empty;

    *ret_why = NULL;
    if (got < 0)
        return bx_error_set_errno(err, errno, "'%s'", log->head_path);
    if (got == BX_AUDIT_HEAD_BYTES && log->head_text[0] != '\0' &&
        memcmp(text, log->head_text, BX_AUDIT_HEAD_BYTES) == 0)
        return 0;
    if (bx_audit_head_parse(text, (size_t)got, log->key, &log->head)) {
        memcpy(log->head_text, text, BX_AUDIT_HEAD_BYTES);
        return 0;
    }
    log->head_text[0] = '\0';
    if (scan_end(log, &is_empty, err) < 0)
        return -1;
    if (got > 0)
        *ret_why = "the head file was not written with this user's key";
    else if (!is_empty)
        *ret_why = "the head file was missing";
    return 0;
}

/* ---- writing ---- */

/* A file that is full gets a number; the next one begins. */
static int rotate(bx_audit_log *log, bx_error **err)
{
    bx_autofree char *rotated = NULL;
    struct stat st;

    do {
        if (log->head.file >= ROTATED_MAX)
            return bx_error_set(err, BX_ERR_LIMIT, "too many rotated files");
        log->head.file++;
        free(rotated);
        rotated = bx_audit_rotated_path(log->path, log->head.file);
        if (rotated == NULL)
            return bx_error_set_nomem(err);
    } while (lstat(rotated, &st) == 0); /* not ours: it is left alone */
    if (rename(log->path, rotated) < 0)
        return bx_error_set_errno(err, errno, "'%s' to '%s'", log->path,
                                  rotated);
    log->head.size = 0;
    if (hold(&log->log, log->path, LOG_FLAGS, err) < 0)
        return -1;
    return write_head(log, err);
}

/* One write; a part of a line is taken back. */
static int write_line(bx_audit_log *log, bx_error **err)
{
    ssize_t put;

    do
        put = write(log->log.fd, log->line.data, log->line.len);
    while (put < 0 && errno == EINTR);
    if (put == (ssize_t)log->line.len)
        return 0;
    bx_error_set_errno(err, put < 0 ? errno : ENOSPC, "'%s'", log->path);
    /* Where even this fails, the next append finds a torn line. */
    if (ftruncate(log->log.fd, (off_t)log->head.size) == 0) {
        log->head.next_bytes = 0;
        (void)write_head(log, NULL);
    }
    log->head_text[0] = '\0';
    return -1;
}

/* is_split: the file does not end with a newline. */
static int put_line(bx_audit_log *log, const char *note, const bx_buf *members,
                    bool is_split, bx_error **err)
{
    char hash[BX_AUDIT_HASH_BYTES];

    memcpy(hash, log->head.hash, sizeof(hash));
    log->line.len = 0;
    if ((is_split && bx_buf_puts(&log->line, "\n") < 0) ||
        bx_audit_line_seal(&log->line, log->head.seq + 1, note, members, hash) <
            0)
        return bx_error_set_nomem(err);
    assert(log->line.len < BX_AUDIT_LINE_MAX_BYTES);
    if (log->head.size > 0 && !is_split &&
        log->head.size + log->line.len > log->file_bytes &&
        rotate(log, err) < 0)
        return -1;
    log->head.next_bytes = log->line.len;
    memcpy(log->head.next_hash, hash, sizeof(hash));
    if (write_head(log, err) < 0 || write_line(log, err) < 0)
        return -1;
    log->head.seq++;
    log->head.size += log->line.len;
    log->head.next_bytes = 0;
    memcpy(log->head.hash, hash, sizeof(hash));
    /* Failing here loses nothing: the head knows the line as the next one. */
    (void)write_head(log, NULL);
    if (log->is_synced &&
        (fdatasync(log->log.fd) < 0 || fdatasync(log->head_file.fd) < 0))
        return bx_error_set_errno(err, errno, "'%s' to the disk", log->path);
    return 0;
}

/* ---- what earlier writers left ---- */

static int put_recovered(bx_audit_log *log, const char *why, bx_error **err)
{
    bx_autobuf bx_buf members = BX_BUF_INIT;
    char last = '\n';

    if (log->head.size > 0 &&
        pread(log->log.fd, &last, 1, (off_t)log->head.size - 1) != 1)
        return bx_error_set_errno(err, errno, "'%s'", log->path);
    if (bx_buf_printf(&members, "\"reason\":\"%s\"", why) < 0)
        return bx_error_set_nomem(err);
    return put_line(log, BX_AUDIT_NOTE_RECOVERED, &members, last != '\n', err);
}

/* A writer died within a line: its part goes into a line of its own. */
static int put_torn(bx_audit_log *log, uint64_t size, bx_error **err)
{
    bx_autobuf bx_buf members = BX_BUF_INIT;
    size_t bytes = (size_t)(size - log->head.size);
    bx_autofree char *torn = malloc(bytes);
    json_t *event;
    uint8_t digest[BX_DIGEST_BYTES];
    char hash[65];
    int failed;

    if (torn == NULL)
        return bx_error_set_nomem(err);
    if (pread(log->log.fd, torn, bytes, (off_t)log->head.size) !=
        (ssize_t)bytes)
        return bx_error_set_errno(err, errno, "'%s'", log->path);
    bx_sha256(torn, bytes, digest);
    bx_digest_format(digest, hash);
    event = json_pack("{s:I, s:s, s:o}", "bytes", (json_int_t)bytes, "sha256",
                      hash, "text", json_stringn_nocheck(torn, bytes));
    failed = event == NULL ? -1 : bx_audit_line_put_members(&members, event);
    json_decref(event);
    if (failed < 0)
        return bx_error_set_nomem(err);
    if (ftruncate(log->log.fd, (off_t)log->head.size) < 0)
        return bx_error_set_errno(err, errno, "'%s'", log->path);
    return put_line(log, BX_AUDIT_NOTE_TORN, &members, false, err);
}

/* A writer died between renaming a full file and saying so. */
static bool was_rotating(const bx_audit_log *log, uint64_t size)
{
    bx_autofree char *rotated = NULL;
    struct stat st;

    if (size != 0 || log->head.size == 0 || log->head.next_bytes != 0 ||
        log->head.file >= ROTATED_MAX)
        return false;
    for (uint64_t i = log->head.file + 1; i <= ROTATED_MAX; i++) {
        free(rotated);
        rotated = bx_audit_rotated_path(log->path, i);
        if (rotated == NULL || lstat(rotated, &st) < 0)
            return false;
        if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == log->head.size)
            return true;
    }
    return false;
}

/* Bring the head and the file together. */
static int settle(bx_audit_log *log, uint64_t size, bx_error **err)
{
    bx_audit_head *head = &log->head;
    uint64_t next_end = head->size + head->next_bytes;

    if (head->next_bytes > 0 && size == next_end) {
        head->seq++;
        memcpy(head->hash, head->next_hash, sizeof(head->hash));
        head->size = size;
    } else if (head->next_bytes > 0 && size > head->size && size < next_end &&
               head->next_bytes < BX_AUDIT_LINE_MAX_BYTES) {
        return put_torn(log, size, err);
    } else if (was_rotating(log, size)) {
        head->size = 0;
        head->file++; /* rotate() skips what is there */
    } else if (size != head->size) {
        head->size = size;
        head->next_bytes = 0;
        return put_recovered(
            log, "the file's size was not what the head file says", err);
    }
    head->next_bytes = 0;
    return 0;
}

/* With the lock held: log and head are open and agree. */
static int prepare(bx_audit_log *log, bx_error **err)
{
    const char *why;
    struct stat st;

    if (stat(log->path, &st) < 0 || !is_held(&log->log, &st)) {
        if (hold(&log->log, log->path, LOG_FLAGS, err) < 0)
            return -1;
        if (fstat(log->log.fd, &st) < 0)
            return bx_error_set_errno(err, errno, "'%s'", log->path);
    }
    if (load_head(log, &why, err) < 0)
        return -1;
    if (why != NULL) {
        log->head.size = (uint64_t)st.st_size;
        return put_recovered(log, why, err);
    }
    if (log->head.next_bytes == 0 && log->head.size == (uint64_t)st.st_size)
        return 0;
    log->head_text[0] = '\0'; /* the head may not be what it says any more */
    return settle(log, (uint64_t)st.st_size, err);
}

/* ---- the interface ---- */

bx_audit_log *bx_audit_log_open(const char *path, bx_error **err)
{
    bx_audit_log *log = calloc(1, sizeof(*log));
    int failed = -1;

    if (log == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&log->mutex, NULL);
    log->log.fd = -1;
    log->head_file.fd = -1;
    log->file_bytes = BX_AUDIT_FILE_BYTES;
    log->path = path == NULL ? bx_user_state_path("audit.jsonl") : strdup(path);
    if (log->path != NULL)
        log->head_path = bx_audit_head_path(log->path);
    if (log->path == NULL || log->head_path == NULL) {
        (void)bx_user_fail_home("the audit log", "XDG_STATE_HOME", err);
    } else if (bx_user_check_folder(log->path, err) == 0 &&
               bx_user_key_load("audit.key", log->key, err) == 0 &&
               lock(log, err) == 0) {
        failed = prepare(log, err);
        unlock(log);
    }
    if (failed == 0)
        return log;
    bx_error_wrap(err, "audit log");
    bx_audit_log_close(log);
    return NULL;
}

void bx_audit_log_close(bx_audit_log *log)
{
    if (log == NULL)
        return;
    drop(&log->log);
    drop(&log->head_file);
    explicit_bzero(log->key, sizeof(log->key));
    bx_buf_clear(&log->line);
    pthread_mutex_destroy(&log->mutex);
    free(log->path);
    free(log->head_path);
    free(log);
}

void bx_audit_log_configure(bx_audit_log *log, uint64_t file_bytes,
                            bool is_synced)
{
    log->file_bytes = file_bytes == 0 ? BX_AUDIT_FILE_BYTES : file_bytes;
    log->is_synced = is_synced;
}

static int check_event(const json_t *event, bx_error **err)
{
    if (!json_is_object(event))
        return bx_error_set(err, BX_ERR_INVALID,
                            "audit log: expected an object as the event");
    for (size_t i = 0; i < RESERVED_COUNT; i++) {
        if (json_object_get(event, reserved[i]) != NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "audit log: the member '%s' is the log's own; "
                                "name the event's otherwise",
                                reserved[i]);
    }
    return 0;
}

int bx_audit_log_append(bx_audit_log *log, const json_t *event, bx_error **err)
{
    bx_autobuf bx_buf members = BX_BUF_INIT;
    int failed = -1;

    if (check_event(event, err) < 0)
        return -1;
    if (bx_audit_line_put_members(&members, event) < 0)
        return bx_error_set_nomem(err);
    pthread_mutex_lock(&log->mutex);
    if (lock(log, err) == 0) {
        failed = prepare(log, err) < 0 ||
                         put_line(log, NULL, &members, false, err) < 0
                     ? -1
                     : 0;
        if (failed < 0)
            log->head_text[0] = '\0'; /* what is on the disk counts */
        unlock(log);
    }
    pthread_mutex_unlock(&log->mutex);
    return failed < 0 ? bx_error_wrap(err, "audit log") : 0;
}

int bx_audit_log_head(bx_audit_log *log, uint64_t *ret_seq, char *hash,
                      bx_error **err)
{
    int failed = -1;

    pthread_mutex_lock(&log->mutex);
    if (lock(log, err) == 0) {
        failed = prepare(log, err);
        if (failed == 0) {
            *ret_seq = log->head.seq;
            memcpy(hash, log->head.hash, BX_AUDIT_HASH_BYTES);
        } else {
            log->head_text[0] = '\0';
        }
        unlock(log);
    }
    pthread_mutex_unlock(&log->mutex);
    return failed < 0 ? bx_error_wrap(err, "audit log") : 0;
}
