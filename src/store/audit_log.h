/* The audit log: one JSON object a line, each with the SHA-256 of the line
 * before. Several threads and processes may append to one file at once. */
#ifndef BX_STORE_AUDIT_LOG_H
#define BX_STORE_AUDIT_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct bx_audit_log bx_audit_log;

#define BX_AUDIT_FILE_BYTES (64u << 20) /* a file is rotated before it */

/* path: NULL for ~/.local/state/boxagnts/audit.jsonl. Made 0600 when missing,
 * with "PATH.head" beside it. The key of the head is in the state folder.
 * errors: BX_ERR_SYSTEM; BX_ERR_DENIED: others may write it, or its folder;
 * BX_ERR_INVALID: not a regular file */
bx_audit_log *bx_audit_log_open(const char *path, bx_error **err);
/* NULL is fine. */
void bx_audit_log_close(bx_audit_log *log);

/* Before the first append. file_bytes: rotate before a file becomes larger; 0:
 * BX_AUDIT_FILE_BYTES. is_synced: each append waits until its line is on the
 * disk; otherwise lines survive the death of every process, but a power cut may
 * take the last seconds' (verify then misses them). */
void bx_audit_log_configure(bx_audit_log *log, uint64_t file_bytes,
                            bool is_synced);

/**
 * Append one line: {"seq", "time", ...event..., "prev", "hash"}.
 *
 * The line is in the file when this returns: it outlives the process, however
 * that ends. Any number of threads; in a child of fork() it works as well.
 *
 * event    an object without those keys and without "audit"; borrowed. Strings
 *          in it may be hostile: they are escaped by JSON and cut at 4 KiB each
 * errors   BX_ERR_SYSTEM: disk full or the like; nothing half-written stays.
 *          BX_ERR_INVALID: event is no object or has one of those keys
 */
int bx_audit_log_append(bx_audit_log *log, const json_t *event, bx_error **err);

/* Where the chain ends; for an anchor kept elsewhere. hash: 65 bytes. */
int bx_audit_log_head(bx_audit_log *log, uint64_t *ret_seq, char *hash,
                      bx_error **err);

typedef struct bx_audit_problem {
    uint64_t line;  /* of the file, from 1; 0: the log as a whole */
    char file[256]; /* its name, without folder; "": the newest */
    char text[256];
} bx_audit_problem;

/* Check the whole chain. ret_lines: how many are good. errors:
 * BX_ERR_INVALID: the first bad line and what is wrong with it (changed,
 * removed, reordered, truncated); ret_lines and ret_problem are set then too.
 * Others: the log cannot be read. */
int bx_audit_log_verify(const char *path, uint64_t *ret_lines,
                        bx_audit_problem *ret_problem, bx_error **err);

typedef struct bx_audit_check {
    const char *expect; /* in: hash of a line the log must hold: an anchor kept
                         * elsewhere. NULL: none */
    bool is_headless;   /* in: a copy without its head file: whether lines
                         * were removed from the end is not told */
    uint64_t lines;     /* out: good ones, from the first on */
    uint64_t files;
    uint64_t seq; /* of the last good line, and its hash */
    char hash[65];
    bx_audit_problem problem;
} bx_audit_check;

/* The same with more to ask and to tell. */
int bx_audit_log_check(const char *path, bx_audit_check *check, bx_error **err);

#endif
