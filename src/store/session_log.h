/* Appending, for what is more than one call of the interface's. Within a
 * transaction that writes. */
#ifndef BX_STORE_SESSION_LOG_H
#define BX_STORE_SESSION_LOG_H

#include "store/session_db.h"

typedef struct bx_session_entry {
    const char *kind;    /* "message", "note", "call" */
    const char *call_id; /* of a call */
    const char *state;
    const json_t *body; /* NULL: none */
    const json_t *meta;
} bx_session_entry;

int bx_session_append(bx_session_log *log, const bx_session_entry *entry,
                      uint64_t *ret_entry, bx_error **err);
/* What the functions of the same names do in a transaction of their own, with
 * all that they check. */
int bx_session_put_message(bx_session_log *log, const json_t *message,
                           const json_t *meta, uint64_t *ret_entry,
                           bx_error **err);
int bx_session_put_begin(bx_session_log *log, const char *call_id,
                         bx_error **err);
int bx_session_put_end(bx_session_log *log, const char *call_id,
                       const json_t *block, const json_t *meta, bx_error **err);
int bx_session_put_note(bx_session_log *log, const json_t *note,
                        uint64_t *ret_entry, bx_error **err);
/* A log for a row that is not there yet, with its lock; NULL. */
bx_session_log *bx_session_log_insert(bx_session_store *store,
                                      const bx_session_new *params,
                                      uint64_t parent_entry, bx_error **err);
int bx_session_set_title(bx_session_store *store, int64_t number,
                         const char *title, bx_error **err);
int64_t bx_session_now_ms(void);

#endif
