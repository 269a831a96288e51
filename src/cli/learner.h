/* What `boxagnts learn` puts around the command that it runs: a policy as wide
 * as the person offers, an overlay, and an answer to each capability the
 * command is about to use. Other commands call the functions below at their
 * places; without a learner they do nothing. */
#ifndef BX_CLI_LEARNER_H
#define BX_CLI_LEARNER_H

#include <jansson.h>

#include "cli/options.h"
#include "policy/grant.h"
#include "policy/learned.h"
#include "tool/registry.h"

/* ---- for the commands ----------------------------------------------- */

bool bx_learner_is_on(void);
/* Once the policy is complete and before anything is opened by it. */
int bx_learner_prepare(bx_options *options, const char *workspace,
                       bx_error **err);
/* The listener of the run to be, NULL for none. cancel: ends it. */
bx_need_fn bx_learner_need(bx_cancel *cancel, void **ret_context);
/* A refusal that is the learner's own, and told at the end. */
bool bx_learner_hides(const bx_audit_event *event);
/* The tool that is called: its manifest is what is learned anew. */
void bx_learner_note_tool(bx_registry *registry, const char *name);
void bx_learner_note_end(const bx_stats *stats);
void bx_learner_note_result(const bx_result *result);

/* ---- for `learn` ---------------------------------------------------- */

typedef enum bx_learn_default {
    BX_LEARN_DENY,
    BX_LEARN_ALLOW,
    BX_LEARN_ASK,
} bx_learn_default;

typedef struct bx_refused_need {
    char *kind;
    char *target;
    char *why; /* NULL: somebody said no */
} bx_refused_need;

typedef struct bx_learner {
    bx_learn_default without_rule;
    bx_grants *allow; /* rules; deny goes first */
    bx_grants *deny;
    char **unlisted; /* folders whose lists are denied, and not what is beneath
                      * them: no grant says that */
    size_t unlisted_count;
    char **looked_at; /* paths a person let it look at: reading them is the same
                       * grant, and not asked again */
    size_t looked_at_count;
    bool denies_all[8];  /* of a kind, in the order of bx_learn_kinds */
    const char *overlay; /* host folder; borrowed */
    bx_grants *check;    /* not learning: the grants there are. Or NULL */
    FILE *terminal;      /* to ask on; NULL: there is none */
    bx_learned *learned; /* what was given */
    bx_refused_need *refused;
    size_t refused_count;
    size_t refused_more; /* that are not kept */
    bx_cancel *cancel;   /* borrowed */
    bool is_stopped;     /* by a person */
    bool has_run;
    bx_policy *offered;    /* a copy of the widest policy */
    bx_manifest *manifest; /* a copy of the called tool's; NULL: none */
    bx_stats stats;
} bx_learner;

/* Begin; from now on commands find it. allow and deny are made. */
int bx_learner_open(bx_learner *learner, bx_error **err);
void bx_learner_close(bx_learner *learner);

/* "list:/path", which only denies. errors: BX_ERR_INVALID */
int bx_learner_deny_list(bx_learner *learner, const char *path, bx_error **err);

/* Answer for one need; the bx_need_fn, whose context is the learner. */
bool bx_learner_decide(void *context, const bx_need_event *need);

/* Do rules cover a need? For a rule that denies, seeing counts as reading. */
bool bx_learner_covers(const bx_grants *rules, const bx_need_event *need,
                       bool is_denying);

/* Ask the person at the terminal. Adds to the rules what they say of more than
 * this one. */
bool bx_learner_ask(bx_learner *learner, const bx_need_event *need);

#endif
