/* What an agent runs with, and who said so: the user's file
 * (~/.config/boxagnts/agent.yaml), the workspace's (.boxagnts/agent.yaml) and
 * flags, each value with its origin.
 *
 *     model: claude-sonnet-5-5
 *     mode: reads                 # ask reads edits auto plan
 *     effort: medium              # none low medium high
 *     parallel: 4
 *     budget: { turns: 50, cost: 2.5, time: 30m }
 *     rules:
 *       allow: ["bash(git status)"]
 *       ask: [web-fetch]
 *       refuse: ["file-write(*.env)"]
 *     system: Answer in British English.
 *     policy: ~/.config/boxagnts/careful.yaml
 *
 * The user's file must be theirs. The workspace's may have come with a
 * stranger's repository, so it only narrows: a mode that lets less through,
 * smaller budgets, rules that ask and refuse; a model or effort is a suggestion
 * for when nobody else named one. What it may not say is left out with a
 * problem that names file, line and key; what is malformed there is an error,
 * because what was meant to narrow must not be lost. Once the user has approved
 * it (settings_trust.h), it is theirs for this workspace and stands over their
 * other one; so does .boxagnts/policy.yaml, which is not read before. */
#ifndef BX_AGENT_SETTINGS_H
#define BX_AGENT_SETTINGS_H

#include "agent/approval.h"
#include "agent/budget.h"
#include "agent/models/turn.h"

#define BX_SETTINGS_FILE "agent.yaml"
#define BX_SETTINGS_POLICY_FILE "policy.yaml"
#define BX_SETTINGS_FOLDER ".boxagnts" /* of a workspace */
#define BX_SETTINGS_WORKSPACE_FILE BX_SETTINGS_FOLDER "/" BX_SETTINGS_FILE
#define BX_SETTINGS_WORKSPACE_POLICY                                           \
    BX_SETTINGS_FOLDER "/" BX_SETTINGS_POLICY_FILE
#define BX_SETTINGS_MAX_BYTES (64u << 10)
#define BX_SETTINGS_MAX_PARALLEL 64

typedef struct bx_settings {
    char *model; /* owned; NULL: bx_models_default() */
    bx_mode mode;
    bx_mode default_mode;
    bx_effort effort;
    unsigned parallel;      /* 0: the agent's default */
    bx_agent_budget budget; /* as of bx_agent_config: 0 is the default */
    bx_rules *rules;        /* owned, never NULL; of all layers, in order */
    char *system;           /* owned; NULL: nothing more */
    char *policy;           /* host path of a policy file; owned, NULL: none */
    json_t *said;           /* of explain; owned */
} bx_settings;

/**
 * Read the user's and the workspace's settings.
 *
 * workspace     host folder; NULL: only the user's
 * models        to look a workspace's suggestion up in; NULL: none is taken
 * mode          where nobody says one: the command's
 * problems      array that gets messages for people; borrowed, NULL: nobody
 *               reads them
 * ret_settings  bx_settings_clear()
 * errors        BX_ERR_INVALID, BX_ERR_LIMIT: file, line, key and what was
 *               expected; BX_ERR_DENIED: others may write the user's file; the
 *               workspace's is a link or no regular file, or no longer what
 *               the user approved
 */
int bx_settings_load(const char *workspace, const bx_models *models,
                     bx_mode mode, json_t *problems, bx_settings *ret_settings,
                     bx_error **err);
/* Of zeros too. */
void bx_settings_clear(bx_settings *settings);
#define bx_autosettings __attribute__((cleanup(bx_settings_clear)))

/**
 * Set one value over all that was read, as a flag does. Rules are added behind
 * the others.
 *
 * key     "model", "mode", "effort", "parallel", "budget/turns" (calls,
 *         input-tokens, output-tokens, cost, time, failures, repeats),
 *         "rules/allow" (ask, refuse), "system", "policy"
 * origin  "--mode", for explain
 * errors  BX_ERR_INVALID: "ORIGIN: expected ..."; BX_ERR_LIMIT
 */
int bx_settings_set(bx_settings *settings, const char *key, const char *value,
                    const char *origin, bx_error **err);

/* Each value and where it comes from: [{"key": "budget/turns", "value": "50",
 * "from": "/home/x/.config/boxagnts/agent.yaml:5" | "default" | "--mode"}]; a
 * reference of the caller's. NULL without memory. */
json_t *bx_settings_explain(const bx_settings *settings, bx_error **err);

/* Does a mode let nothing through, ask for nothing less, that the other does
 * not? plan lets reads pass that ask asks for, so neither is within the
 * other. */
bool bx_settings_mode_is_within(bx_mode mode, bx_mode other);

const char *
bx_effort_name(bx_effort effort); /* "default", "none", "low", ... */

#endif
