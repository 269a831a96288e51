/* A session as one JSON value, for files, and back again.
 *
 *     {"format": "boxagnts-session", "version": 1,
 *      "session": {"id", "parent", "parent_entry", "title", "workspace",
 *                  "model", "kind", "status", "created_ms", "updated_ms",
 *                  "input_tokens", "output_tokens", "cost"},
 *      "entries": as bx_session_store_read() has them}
 *
 * Such a file may come from anybody. What it says was said and done is taken as
 * that; nothing in it acts here: it gets an id of its own, the workspace it is
 * imported into, and has spent nothing. A call that it says was begun stays so;
 * one that was only planned is ended as not made, or the next one to go on with
 * the session would make it. Notes that change how a session goes on (its mode,
 * its model, whatever is not in the list of session_import.c) are kept as
 * {"type": "imported", "note": ...}. */
#ifndef BX_STORE_SESSION_IMPORT_H
#define BX_STORE_SESSION_IMPORT_H

#include "store/session_store.h"

#define BX_SESSION_FORMAT "boxagnts-session"
#define BX_SESSION_FORMAT_VERSION 1
#define BX_SESSION_IMPORT_MAX_ENTRIES 1000000

/* A reference of the caller's. id: as of bx_session_log_open(). */
json_t *bx_session_store_export(bx_session_store *store, const char *id,
                                bx_error **err);

/**
 * Make a session of what was exported, all of it or nothing.
 *
 * value      hostile
 * workspace  host folder that it belongs to from now on; NULL: none
 * returns    the session, open; NULL
 * errors     BX_ERR_INVALID: no export, a newer version's, or the entry that
 *            does not fit and why; BX_ERR_LIMIT
 */
bx_session_log *bx_session_log_import(bx_session_store *store,
                                      const json_t *value,
                                      const char *workspace, bx_error **err);

#endif
