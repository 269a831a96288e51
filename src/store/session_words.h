/* What a search finds an entry by, and what a person asks for. */
#ifndef BX_STORE_SESSION_WORDS_H
#define BX_STORE_SESSION_WORDS_H

#include <jansson.h>

#include "base/buf.h"

/* The first of an entry's text; more is stored and not found. */
#define BX_SESSION_MAX_WORDS_BYTES (256u << 10)

/* The texts of a message's or a result's blocks, joined. */
int bx_session_words_put(bx_buf *words, const json_t *value, bx_error **err);
/* A person's words as an expression of FTS5 in which nothing is an operator:
 * each must be there, the last may go on. "" : nothing to look for. */
int bx_session_words_query(bx_buf *query, const char *text, bx_error **err);

#endif
