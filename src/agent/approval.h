/* Who decides whether a call is made: rules first, then the mode, then a
 * person. What decides here only ever narrows: the sandbox's policy holds
 * whatever was approved. */
#ifndef BX_AGENT_APPROVAL_H
#define BX_AGENT_APPROVAL_H

#include <jansson.h>

#include "agent/event.h"
#include "policy/level.h"

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
 * URL: the member of that name). The last that fits decides, refusals before
 * all.
 *
 * '*' is any run of characters, blanks and slashes too; "(*)" is no pattern at
 * all, and has every call. A call is written by a model that may follow what a
 * page told it, so a pattern is read in two ways:
 *
 * Allow fits a call when it covers all that the call says. Anything else is as
 * if the rule were not there.
 *   command  One program with its arguments, whose name the pattern spells out
 *            ("git *", not "* status" and not "git*"). Nothing the shell would
 *            make something of: no ; & | < > ( ) $ ` \ * ? [ ] { } !, no line
 *            breaks or control bytes, no comment, no ~ at the begin of a word,
 *            no NAME=value before the program, and outside of quotes ASCII
 *            alone. '...' and "..." may hold text that needs no expansion. A
 *            program that runs others ("git -c", "find -exec", "env") does so
 *            under its rule: name the subcommand where that matters.
 *   path     Made absolute; one with ".." is not fitted. Where links lead is
 *            the policy's business.
 *   url      Its scheme, host and port, and the rest, each against that part of
 *            the pattern, which names the scheme. In the host '*' is a first
 *            label. Not fitted: user names, encoded bytes, dot segments, hosts
 *            of numbers. Where it redirects is the policy's business.
 *   Beside it the call has only members known to change nothing of that (what
 *   is written, limits): a command with env, stdin or cwd is not fitted.
 *
 * Refuse and ask fit a call when any of its texts but those that are written
 * to files has what is meant, at any word of a command and in any place of it.
 * Where the call does not say what it will do (variables, substitution, file
 * patterns, "..", a folder above, texts over 8 KiB, neither command nor path
 * nor URL), a refusal that may fit makes it a question. What a script or a
 * program does in turn no rule sees: that is the policy's. But tools that a
 * rule refuses or asks for, be it some of their calls, no script can call. */
typedef struct bx_rules bx_rules;

bx_rules *bx_rules_new(void);
void bx_rules_free(bx_rules *rules);
BX_DEFINE_AUTO(bx_rules, bx_rules_free)
#define bx_autorules BX_AUTO(bx_rules_free)
#define BX_RULES_MAX 1000
#define BX_RULE_MAX_BYTES 1024
/* errors: BX_ERR_INVALID: the text, and what was expected; BX_ERR_LIMIT */
int bx_rules_add(bx_rules *rules, bx_ruling ruling, const char *text,
                 bx_error **err);

/* What is asked, for a person to see. All borrowed. */
typedef struct bx_approval_ask {
    const char *id;
    const char *name;
    const json_t *input;
    const char *agent; /* a sub-agent's name; NULL: the first agent asks */
    bx_level level;
    const char *why; /* what wants an answer: "mode ask", "rule bash(rm *)" */
    const char *effect; /* the diff of the call, where it ran over an overlay
                         * already; NULL: it has not run */
} bx_approval_ask;

typedef enum bx_answer {
    BX_ANSWER_NO,
    BX_ANSWER_YES,
    BX_ANSWER_ALWAYS, /* yes, and for this tool in this session; where a rule
                       * asks, for what that rule asks of the tool */
    BX_ANSWER_STOP,   /* no, and the agent stops */
} bx_answer;

/* On the agent's thread; the time of budgets stands still meanwhile.
 * ret_reason: what the person said to the model, owned, free(); may stay
 * NULL. */
typedef bx_answer (*bx_approve_fn)(void *context, const bx_approval_ask *ask,
                                   char **ret_reason);

/* What rules and mode say of a call. No rule widens a mode or level: plan
 * refuses what is more than read_only, forbidden tools are refused, and a
 * dangerous one is asked for each time. ret_why: static, or borrowed until the
 * rules are freed or added to. */
bx_ruling bx_approval_judge(bx_mode mode, const bx_rules *rules,
                            const char *name, bx_level level,
                            const json_t *input, const char **ret_why);

#endif
