/* A session and its conversation, kept in step as an agent keeps them. */
#ifndef TESTS_AGENT_SUPPORT_TALK_H
#define TESTS_AGENT_SUPPORT_TALK_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/conversation.h"
#include "agent/support_folder.h"
#include "store/session_store.h"

typedef struct talk {
    folder at;
    bx_session_store *store;
    bx_session_log *log;
    bx_conversation *conversation;
} talk;

void talk_begin(talk *it);
void talk_end(talk *it);

/* Takes message. */
void talk_add(talk *it, json_t *message);
void talk_user(talk *it, const char *text);
void talk_assistant(talk *it, const char *text);
/* A message of calls of "read": ids, ended by NULL. */
void talk_calls(talk *it, const char *const *ids);
void talk_call(talk *it, const char *id);
void talk_result(talk *it, const char *id, const char *text);
/* bytes of 'r' */
void talk_long_result(talk *it, const char *id, size_t bytes);
/* A call and its result. */
void talk_work(talk *it, const char *id, size_t bytes);
void talk_note(talk *it, const json_t *note);

/* What is sent, as text; owned. Fails when it is no conversation. */
char *talk_sent(talk *it);
/* The session is read again: the same is sent, byte for byte. */
void talk_check_resumed(talk *it);

/* A tool_result of "read"; the caller's. */
json_t *result_block(const char *id, const char *text);
void check_error(bx_error **err, bx_code code, const char *word);

#endif
