/* Lines of the audit log for people and for programs. What is in a line may be
 * hostile, and the file may have been changed: nothing is shown that a terminal
 * acts on. */
#ifndef BX_CLI_AUDIT_TABLE_H
#define BX_CLI_AUDIT_TABLE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "store/audit_log_read.h"

/* Which lines; NULL: any. */
typedef struct bx_audit_filter {
    const char *tool;
    const char *decision;
    const char *since; /* UTC, as in the log, to the second */
} bx_audit_filter;

/* text: a line as read. line: the same as JSON, NULL when it is none. */
bool bx_audit_filter_takes(const bx_audit_filter *filter, const json_t *line);

/* The line as JSON; owned, json_decref(). NULL: it is no JSON object. */
json_t *bx_audit_table_parse(const bx_audit_text *text);

/* Append one line of output, with a newline. */
int bx_audit_table_put_json(bx_buf *out, const bx_audit_text *text,
                            const json_t *line);
int bx_audit_table_put_row(bx_buf *out, const bx_audit_text *text,
                           const json_t *line, bool has_colour);

/* The columns' names. */
int bx_audit_table_put_head(bx_buf *out, bool has_colour);

#endif
