/* The lines of an audit log from the oldest file to the newest. The files may
 * be hostile: nothing is assumed of a line but that it ends. */
#ifndef BX_STORE_AUDIT_LOG_READ_H
#define BX_STORE_AUDIT_LOG_READ_H

#include "base/error.h"
#include "store/audit_log_head.h"

/* The head file of a log, and a file rotated away; owned, NULL without memory.
 */
char *bx_audit_head_path(const char *path);
char *bx_audit_rotated_path(const char *path, uint64_t number);

/* Numbers of the rotated files there are, ascending; owned, free(). A folder
 * that does not exist has none. */
int bx_audit_list_rotated(const char *path, uint64_t **ret_numbers,
                          size_t *ret_count, bx_error **err);

typedef struct bx_audit_reader bx_audit_reader;

/* path: NULL for the user's log. Holds the log's lock only while files are
 * opened, so what is read is what was there then, whole lines.
 * errors: BX_ERR_NOT_FOUND: no such log */
bx_audit_reader *bx_audit_reader_open(const char *path, bx_error **err);
/* The same by who holds the lock already. */
bx_audit_reader *bx_audit_reader_open_locked(const char *path, bx_error **err);
/* NULL is fine. */
void bx_audit_reader_free(bx_audit_reader *reader);
BX_DEFINE_AUTO(bx_audit_reader, bx_audit_reader_free)
#define bx_autoreader BX_AUTO(bx_audit_reader_free)

/* A line, borrowed until the next one is read. */
typedef struct bx_audit_text {
    const char *text; /* without the newline */
    size_t bytes;
    bool is_ended; /* a newline was there */
    bool is_long;  /* longer than any line of a log; only its start is here */
    const char *file; /* its path */
    uint64_t line;    /* of that file, from 1 */
} bx_audit_text;

/* 1 and a line, 0 at the end, -1 with err. */
int bx_audit_reader_next(bx_audit_reader *reader, bx_audit_text *ret_text,
                         bx_error **err);

/* From here on lines that are still being written are waited for; at the end,
 * look for what was appended and for newer files. */
int bx_audit_reader_follow(bx_audit_reader *reader, bx_error **err);

const char *bx_audit_reader_path(const bx_audit_reader *reader);

/* The bytes of the head file when the log was opened; NULL: there was none. */
const char *bx_audit_reader_head(const bx_audit_reader *reader,
                                 size_t *ret_bytes);
/* Bytes of the newest file then. */
uint64_t bx_audit_reader_size(const bx_audit_reader *reader);

#endif
