/* The tables of the sessions, and how older ones become them. */
#ifndef BX_STORE_SESSION_SCHEMA_H
#define BX_STORE_SESSION_SCHEMA_H

#include "store/session_db.h"

/* Check whose database it is, before anything is changed in it; then make or
 * bring up the tables. errors: BX_ERR_INVALID: another program's, a newer
 * version's, or damaged */
int bx_session_schema_ensure(bx_session_store *store, bx_error **err);

#endif
