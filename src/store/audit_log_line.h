/* One line of the audit log: how an event becomes its bytes, and whether bytes
 * are such a line.
 *
 *     {"seq":7,"time":"2026-01-02T03:04:05.678901Z",EVENT,
 *      "prev":"HASH","hash":"HASH"}        on one line, ended by a newline
 *
 * hash is the SHA-256 of the line without the newline and without
 * ,"hash":"HASH" (the closing brace stays); prev is the hash of the line
 * before, 64 zeros for the first. */
#ifndef BX_STORE_AUDIT_LOG_LINE_H
#define BX_STORE_AUDIT_LOG_LINE_H

#include <jansson.h>

#include "base/buf.h"

#define BX_AUDIT_HASH_BYTES 65 /* hexadecimal, and a NUL */
#define BX_AUDIT_STRING_MAX_BYTES 4096
#define BX_AUDIT_EVENT_MAX_BYTES (256u << 10)
#define BX_AUDIT_EVENT_MAX_DEPTH 16
#define BX_AUDIT_LINE_MAX_BYTES (512u << 10) /* no line is as long */

extern const char bx_audit_first_prev[BX_AUDIT_HASH_BYTES];

/* What the log says of itself, in the member "audit". Events of others may not
 * have it. */
#define BX_AUDIT_NOTE_TORN "torn"           /* a writer died within a line */
#define BX_AUDIT_NOTE_RECOVERED "recovered" /* file and head disagreed */

/* Append the members of an object to buf, without braces. Strings are cut at
 * 4 KiB, what is not UTF-8 becomes U+FFFD, and bytes a terminal acts on are
 * escaped. Past 256 KiB or 16 levels the rest is counted, not written. */
int bx_audit_line_put_members(bx_buf *buf, const json_t *event);

/* The same for one value: JSON that is safe to show. */
int bx_audit_line_put_value(bx_buf *buf, const json_t *value);

/* Append the whole line to buf. hash: in, of the line before; out, of this
 * one. note: NULL for an event. members: as put_members made them. */
int bx_audit_line_seal(bx_buf *buf, uint64_t seq, const char *note,
                       const bx_buf *members, char hash[BX_AUDIT_HASH_BYTES]);

typedef struct bx_audit_line {
    uint64_t seq;
    bool is_recovered; /* the log's own note */
    char prev[BX_AUDIT_HASH_BYTES];
    char hash[BX_AUDIT_HASH_BYTES];
} bx_audit_line;

/* Does text, without its newline, have the form of a line, and its hash? NULL,
 * or what is wrong. */
const char *bx_audit_line_parse(const char *text, size_t bytes,
                                bx_audit_line *ret_line);

/* 64 lower-case hexadecimal digits, and nothing behind. */
bool bx_audit_hash_is_valid(const char *text);

#endif
