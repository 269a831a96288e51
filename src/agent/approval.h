/* Who decides whether a call is made: rules first, then the mode, then a
 * person. What decides here only ever narrows: the sandbox's policy holds
 * whatever was approved. */
#ifndef BX_AGENT_APPROVAL_H
#define BX_AGENT_APPROVAL_H

#include <jansson.h>

#include "agent/event.h"
#include "tool/registry.h"

typedef enum bx_mode {
    BX_MODE_ASK,   /* a person is asked for each call that is not none */
    BX_MODE_READS, /* levels none and read_only go; the rest is asked for */
    BX_MODE_EDITS, /* the same, and write and execute over an overlay: effects
                    * are approved when they are committed */
    BX_MODE_AUTO,  /* all that the policy lets through, but dangerous */
    BX_MODE_PLAN,  /* none and read_only; the rest is refused, with the advice
                    * to write a plan */
} bx_mode;

const char *bx_mode_name(bx_mode mode); /* "ask", "reads", "edits", ... */
int bx_mode_find(const char *name, bx_mode *ret_mode);

typedef enum bx_ruling {
    BX_RULING_ALLOW,
    BX_RULING_ASK,
    BX_RULING_REFUSE,
} bx_ruling;

/* "bash", "bash(git *)", "file-*", "mcp-github-*": a tool's name or pattern,
 * and in parentheses a pattern of what the call is about (its command, path, or
 * URL). The last that fits decides, refusals before all. */
typedef struct bx_rules bx_rules;

bx_rules *bx_rules_new(void);
void bx_rules_free(bx_rules *rules);
BX_DEFINE_AUTO(bx_rules, bx_rules_free)
/* errors: BX_ERR_INVALID: the text, and what was expected */
int bx_rules_add(bx_rules *rules, bx_ruling verdict, const char *text,
                 bx_error **err);

/* What is asked, for a person to see. All borrowed. */
typedef struct bx_approval_ask {
    const char *id;
    const char *name;
    const json_t *input;
    bx_level level;
    const char *why; /* what wants an answer: "mode ask", "rule bash(rm *)" */
    const char *effect; /* the diff of the call, where it ran over an overlay
                         * already; NULL: it has not run */
} bx_approval_ask;

typedef enum bx_answer {
    BX_ANSWER_NO,
    BX_ANSWER_YES,
    BX_ANSWER_ALWAYS, /* yes, and for this tool in this session */
    BX_ANSWER_STOP,   /* no, and the agent stops */
} bx_answer;

/* On the agent's thread; the time of budgets stands still meanwhile.
 * ret_reason: what the person said to the model, owned, free(); may stay
 * NULL. */
typedef bx_answer (*bx_approve_fn)(void *context, const bx_approval_ask *ask,
                                   char **ret_reason);

/* What rules and mode say of a call. ret_why: borrowed or static. */
bx_ruling bx_approval_judge(bx_mode mode, const bx_rules *rules,
                             const char *name, bx_level level,
                             const json_t *input, const char **ret_why);

#endif
