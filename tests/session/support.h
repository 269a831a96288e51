/* A database of sessions in a folder of its own, and conversations for it. */
#ifndef BX_TESTS_SESSION_SUPPORT_H
#define BX_TESTS_SESSION_SUPPORT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/session_store.h"

extern char db_path[128];

int make_folder(void **state); /* for each test; also XDG_STATE_HOME */
int remove_folder(void **state);

bx_session_store *open_store(void);
bx_session_log *create(bx_session_store *store, const char *title);

/* A user's text; an assistant's with count calls named PREFIX0, PREFIX1... */
void add_text(bx_session_log *log, const char *text);
void add_calls(bx_session_log *log, const char *prefix, int count);
/* 0 or -1, as the store says. */
int end_call(bx_session_log *log, const char *id, const char *text,
             bx_error **err);

/* Through the sqlite3 library, behind the store's back. */
void run_sql(const char *sql);
int64_t get_number(const char *sql);

/* err has the code and the word, and is freed. */
void assert_error(bx_error **err, bx_code code, const char *word);
/* What open_calls() says of one call; "" when it is not open. */
const char *open_state(bx_session_log *log, const char *id);

#endif
