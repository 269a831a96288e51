/* Which session a person means, and what its row says. */
#ifndef BX_STORE_SESSION_FIND_H
#define BX_STORE_SESSION_FIND_H

#include "store/session_db.h"

#define BX_SESSION_MAX_TITLE_BYTES 1000

#define BX_SESSION_COLUMNS                                                     \
    "n, id, parent, parent_entry, title, workspace, model, kind, status, "     \
    "created_ms, updated_ms, entries, input_tokens, output_tokens, cost"

/* Within a transaction. ret_id may be NULL. errors: as bx_session_log_open() */
int bx_session_find(bx_session_store *store, const char *name,
                    int64_t *ret_number, char ret_id[BX_SESSION_ID_BYTES],
                    bx_error **err);
/* A row of BX_SESSION_COLUMNS. */
int bx_session_info_read(bx_session_store *store, sqlite3_stmt *statement,
                         bx_session_info *ret_info, bx_error **err);
/* errors: BX_ERR_INVALID: not UTF-8; BX_ERR_LIMIT */
int bx_session_check_text(const char *what, const char *text, size_t max_bytes,
                          bx_error **err);

#endif
