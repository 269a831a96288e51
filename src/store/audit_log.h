/* The audit log: one JSON object a line, each with the SHA-256 of the line
 * before. Several threads and processes may append to one file at once. */
#ifndef BX_STORE_AUDIT_LOG_H
#define BX_STORE_AUDIT_LOG_H

#include <jansson.h>

#include "base/error.h"

typedef struct bx_audit_log bx_audit_log;

/* path: NULL for ~/.local/state/boxagnts/audit.jsonl. Made 0600 when missing.
 * errors: BX_ERR_SYSTEM; BX_ERR_DENIED: others may write it */
bx_audit_log *bx_audit_log_open(const char *path, bx_error **err);
/* NULL is fine. */
void bx_audit_log_close(bx_audit_log *log);

/**
 * Append one line: {"seq", "time", ...event..., "prev", "hash"}.
 *
 * event    an object without those keys; borrowed. Strings in it may be
 *          hostile: they are escaped by JSON and cut at 4 KiB each
 * errors   BX_ERR_SYSTEM: disk full or the like; nothing half-written stays
 */
int bx_audit_log_append(bx_audit_log *log, const json_t *event, bx_error **err);

/* Where the chain ends; for an anchor kept elsewhere. hash: 65 bytes. */
int bx_audit_log_head(bx_audit_log *log, uint64_t *ret_seq, char *hash,
                      bx_error **err);

typedef struct bx_audit_problem {
    uint64_t line; /* of the file, from 1; 0: the file as a whole */
    char text[256];
} bx_audit_problem;

/* Check the whole chain. ret_lines: how many are good. errors:
 * BX_ERR_INVALID: the first bad line and what is wrong with it (changed,
 * removed, reordered, truncated). */
int bx_audit_log_verify(const char *path, uint64_t *ret_lines,
                        bx_audit_problem *ret_problem, bx_error **err);

#endif
