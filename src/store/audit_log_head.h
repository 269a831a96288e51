/* Where the chain ends, in a file beside the log ("audit.jsonl.head"), so that
 * lines taken off the end are missed. It is written in place under the log's
 * lock: before a line, with what comes next, and after it. A writer that dies
 * between leaves a log that ends before the next line, behind it or within it,
 * and nothing else. */
#ifndef BX_STORE_AUDIT_LOG_HEAD_H
#define BX_STORE_AUDIT_LOG_HEAD_H

#include "base/digest.h"
#include "store/audit_log_line.h"

typedef struct bx_audit_head {
    uint64_t seq;        /* of the last line; 0: none yet */
    uint64_t size;       /* of the newest file, bytes */
    uint64_t file;       /* files rotated away: the last one's number */
    uint64_t next_bytes; /* of the line being written; 0: none */
    char hash[BX_AUDIT_HASH_BYTES];
    char next_hash[BX_AUDIT_HASH_BYTES];
} bx_audit_head;

#define BX_AUDIT_HEAD_BYTES 345 /* always; and no NUL */

void bx_audit_head_init(bx_audit_head *head);

/* The text, with its HMAC under key. */
void bx_audit_head_format(const bx_audit_head *head,
                          const uint8_t key[BX_DIGEST_BYTES],
                          char text[BX_AUDIT_HEAD_BYTES + 1]);

/* False: it is not what format() writes under that key. */
bool bx_audit_head_parse(const char *text, size_t bytes,
                         const uint8_t key[BX_DIGEST_BYTES],
                         bx_audit_head *ret_head);

#endif
