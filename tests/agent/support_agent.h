/* An agent whose model is a list of replies and whose tools are the test's. */
#ifndef TESTS_AGENT_SUPPORT_AGENT_H
#define TESTS_AGENT_SUPPORT_AGENT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/support_folder.h"

#define REPLIES_MAX 16

/* What the model says in one turn. */
typedef struct reply_plan {
    const char *text;  /* NULL: none */
    const char *calls; /* JSON: [["NAME", {INPUT}], ...]; NULL: none */
    bx_stop stop;      /* BX_STOP_CALLS goes without saying */
    bx_code fails;     /* with this error instead */
    bool cancels;      /* the person cancels during the turn */
    bx_usage usage;
} reply_plan;

typedef struct stage {
    folder at;
    bx_registry *registry;
    bx_session_store *store;
    bx_models *models;
    bx_model model;
    bx_cancel *cancel;
    bx_agent_config config;
    bx_agent *agent;
    const reply_plan *replies;
    size_t count; /* of turns that were made */
    json_t *sent; /* what each was asked with: {"messages", "choice",
                   * "most", "system"} */
    json_t *events;
} stage;

void stage_begin(stage *it);
/* The same in a home that is there, and stays the caller's: nothing is removed.
 */
void stage_begin_at(stage *it, const char *home);
void stage_end(stage *it);
/* Open the agent; tools: those of the test, ended by one without a name. */
void stage_open(stage *it, const bx_own_tool *tools, void *context);
/* Close it and open it again on its session. */
void stage_reopen(stage *it, const bx_own_tool *tools, void *context);

/* What config.turn is: the next reply. */
int stage_turn(void *context, const bx_turn_request *request,
               bx_turn_reply *ret_reply, bx_error **err);
/* Run it; replies must be as many as turns are made, the last one ends it. */
void stage_run(stage *it, const reply_plan *replies, const char *text,
               bx_agent_result *ret_result);

/* Of turn i (from 0): the result of call n of the message before; borrowed. */
const json_t *stage_result(const stage *it, size_t turn, size_t n);
/* Its text; borrowed. */
const char *stage_result_text(const stage *it, size_t turn, size_t n);
bool stage_result_is_error(const stage *it, size_t turn, size_t n);
/* The last text of the user that turn i was asked with; borrowed. */
const char *stage_user_text(const stage *it, size_t turn);

size_t stage_events(const stage *it, const char *type);
const json_t *stage_event(const stage *it, const char *type, size_t n);

#define assert_has(text, part)                                                 \
    do {                                                                       \
        if (strstr((text), (part)) == NULL)                                    \
            fail_msg("'%s' is not in '%s'", (part), (text));                   \
    } while (0)

#endif
