/* An agent: a model, tools and people in one loop.
 *
 * One turn after another: the conversation goes to the model, its message is
 * stored, its calls are decided, begun, made (several at once where that is
 * safe) and stored, and their results go with the next turn. It ends when the
 * model wants nothing more, a budget is used up, or someone stops it; it can be
 * killed anywhere and goes on from its session. */
#ifndef BX_AGENT_AGENT_H
#define BX_AGENT_AGENT_H

#include "agent/approval.h"
#include "agent/budget.h"
#include "agent/conversation.h"
#include "agent/toolset.h"
#include "store/session_store.h"

/* Borrowed, all that it points to, until the agent is freed. */
typedef struct bx_agent_config {
    bx_registry *registry;
    bx_session_store *store;
    const bx_models *models;
    const bx_model *model;
    const char
        *workspace;      /* host folder; its instructions, skills and memory */
    const char *system;  /* more for the system prompt; NULL */
    const char *role;    /* a sub-agent's name; NULL: the first agent */
    const char *parent;  /* session of the parent; NULL */
    const char *session; /* to resume; NULL: a new one */
    const char *kind;    /* of a new session */
    const bx_grants *grants; /* narrow every call; NULL: the policy alone */
    bx_mode mode;
    const bx_rules *rules; /* NULL: none */
    bx_approve_fn approve; /* NULL: nobody is there; what would be asked is
                            * refused, and the model is told so */
    void *approve_context;
    bool shows_effects; /* run what writes or executes over an overlay of its
                         * own before approve() is asked, so that it can show
                         * the diff; without network, and not when it is
                         * dangerous */
    /* A question of the model; owned answer, NULL: nobody is there. */
    char *(*ask)(void *context, const char *question, const json_t *choices);
    void *ask_context;
    bx_hold_fn hold; /* as of bx_tool_call */
    void *hold_context;
    bx_event_sink events;
    bx_agent_budget budget;
    bx_effort effort;
    unsigned parallel;   /* calls at once; 0: 4 */
    bx_cancel *cancel;   /* ends everything within 100 ms; NULL: none */
    const char *ca_file; /* of providers; NULL */
    unsigned depth;      /* of sub-agents above; 0 */
    bool has_subagents;  /* the model may give tasks to agents of its own */
    const bx_tool_filter *only; /* of the registry's tools; NULL: all */
    const char *overlay; /* name of the one that mode edits writes to; NULL:
                          * one of the session's own */
    struct bx_subagent *self;          /* of a sub-agent; NULL */
    const struct bx_team_config *team; /* it manages; NULL: it works itself */
    bx_turn_fn turn; /* asks the model; NULL: a client of the agent's own */
    void *turn_context;
    bool has_overlay; /* the registry's policy has one: mode edits takes it */
    const char *kept_path; /* what the model calls the workspace's folder, for
                            * results that are kept there; NULL: none are */
} bx_agent_config;

/* One thread. */
typedef struct bx_agent bx_agent;

/* Opens the session; calls that an earlier process began and did not end get
 * the result "interrupted; whether it took effect is not known".
 * errors: as of bx_session_log_open(), BX_ERR_DENIED: the model has no key */
bx_agent *bx_agent_new(const bx_agent_config *config, bx_error **err);
/* NULL is fine. */
void bx_agent_free(bx_agent *agent);
BX_DEFINE_AUTO(bx_agent, bx_agent_free)
#define bx_autoagent BX_AUTO(bx_agent_free)

typedef enum bx_agent_status {
    BX_AGENT_DONE, /* the model has said what it wanted */
    BX_AGENT_CANCELLED,
    BX_AGENT_BUDGET,  /* reason names which */
    BX_AGENT_REFUSED, /* a person stopped it, or the model declined */
    BX_AGENT_FAILED,  /* the provider, the store */
} bx_agent_status;

const char *bx_agent_status_name(bx_agent_status status); /* "done", ... */

typedef struct bx_agent_result {
    bx_agent_status status;
    char *text;   /* the last words; owned, never NULL */
    char *reason; /* of other ends than done; owned, "" */
    bx_usage usage;
    double cost; /* negative: not known */
    uint64_t turns;
    uint64_t calls;
    uint64_t refusals; /* by people, rules, mode, and by the policy */
} bx_agent_result;

void bx_agent_result_clear(bx_agent_result *result);
#define bx_autoagentresult __attribute__((cleanup(bx_agent_result_clear)))

/**
 * Give it a message and let it work until it ends.
 *
 * content     blocks of a user (text, image), borrowed; NULL: go on with what
 *             the session has
 * ret_result  filled also for ends that are not done
 * returns     -1 with err when nothing could be begun or stored
 */
int bx_agent_run(bx_agent *agent, const json_t *content,
                 bx_agent_result *ret_result, bx_error **err);

const char *bx_agent_session(const bx_agent *agent); /* its id */
bx_toolset *bx_agent_toolset(bx_agent *agent);
/* The overlay that mode edits writes to, "agent-SESSION", whether or not
 * something is in it; NULL: the policy has one of its own, or there is no home
 * for it. It stays when the agent is freed, for a person to commit or drop;
 * between runs nobody holds it. */
const char *bx_agent_overlay(const bx_agent *agent);
/* Between runs. Stored as notes. */
int bx_agent_set_model(bx_agent *agent, const bx_model *model, bx_error **err);
int bx_agent_set_mode(bx_agent *agent, bx_mode mode, bx_error **err);
/* Summarise now. */
int bx_agent_compact(bx_agent *agent, bx_error **err);
/* Tokens of the conversation as it would be sent now, an estimate. */
uint64_t bx_agent_context_tokens(bx_agent *agent);

#endif
