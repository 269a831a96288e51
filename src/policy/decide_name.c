/* The answers on programs, tools, variables and levels: what a policy gives by
 * name, and which entry says so. */
#include <string.h>

#include "policy/layer.h"
#include "policy/name_pattern.h"

#define NOTHING_GRANTED "nothing granted"
#define NOT_GRANTED "the tool or session is not granted this "

static bx_verdict allow(const char *reason, const char *rule)
{
    return (bx_verdict){ true, reason, rule };
}

static bx_verdict deny(const char *reason, const char *rule)
{
    return (bx_verdict){ false, reason, rule };
}

/* words: what to say when it is allowed, not by the workspace, not by a layer.
 */
static bx_verdict check_name(const bx_policy *policy, bx_grant_kind kind,
                             const char *name, const char *const words[3])
{
    const bx_grant_rule *rule = NULL;

    if (policy->names != NULL)
        rule = bx_grants_find_name(policy->names, kind, name);
    if (rule == NULL)
        return deny(words[1], NOTHING_GRANTED);
    for (size_t i = 0; i < policy->layers_count; i++) {
        if (bx_grants_find_name(policy->layers[i], kind, name) == NULL)
            return deny(words[2], policy->layers[i]->nothing);
    }
    return allow(words[0], rule->origin);
}

bx_verdict bx_policy_check_exec(const bx_policy *policy, const char *program)
{
    static const char *const words[] = {
        "the program is granted",
        "no grant has this program; grant exec:NAME gives one",
        NOT_GRANTED "program",
    };

    return check_name(policy, BX_GRANT_EXEC, program, words);
}

bx_verdict bx_policy_check_tool(const bx_policy *policy, const char *tool)
{
    static const char *const words[] = {
        "the tool is granted",
        "no grant has this tool; grant tool:NAME gives one",
        NOT_GRANTED "tool",
    };

    return check_name(policy, BX_GRANT_TOOL, tool, words);
}

bx_verdict bx_policy_check_env(const bx_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->env_count; i++) {
        if (strcmp(policy->env[i].name, name) == 0)
            return allow("the variable is given", policy->env[i].origin);
    }
    for (size_t i = 0; i < policy->hidden_env_count; i++) {
        if (strcmp(policy->hidden_env[i].name, name) == 0)
            return deny(NOT_GRANTED "variable", policy->hidden_env[i].origin);
    }
    return deny("no env entry has this name", NOTHING_GRANTED);
}

/* The longest pattern decides, of two the later one. */
static const bx_tool_level *find_tool_level(const bx_policy *policy,
                                            const char *tool)
{
    const bx_tool_level *found = NULL;

    for (size_t i = 0; i < policy->tool_levels_count; i++) {
        const bx_tool_level *row = &policy->tool_levels[i];

        if (bx_name_pattern_matches(row->pattern, tool) &&
            (found == NULL || strlen(row->pattern) >= strlen(found->pattern)))
            found = row;
    }
    return found;
}

bx_level bx_policy_tool_level(const bx_policy *policy, const char *tool,
                              bx_level declared, bx_verdict *ret_verdict)
{
    const bx_tool_level *row = find_tool_level(policy, tool);
    bx_verdict verdict = allow("the level it declares", "default");
    bx_level level = declared;

    if (declared == BX_LEVEL_FORBIDDEN) {
        verdict = deny("it declares itself forbidden", "its manifest");
    } else if (declared > policy->max_level) {
        level = BX_LEVEL_FORBIDDEN;
        verdict = deny("it declares more than permission-level, the most any "
                       "tool may have",
                       policy->max_level_origin);
    } else if (row != NULL && row->level == BX_LEVEL_FORBIDDEN) {
        level = BX_LEVEL_FORBIDDEN;
        verdict = deny("tool-level forbids it", row->origin);
    } else if (row != NULL && declared > row->level) {
        level = BX_LEVEL_FORBIDDEN;
        verdict =
            deny("it declares more than tool-level gives it", row->origin);
    } else if (row != NULL && row->level == BX_LEVEL_DANGEROUS) {
        level = BX_LEVEL_DANGEROUS;
        verdict = allow("tool-level asks a person for each call", row->origin);
    } else if (row != NULL) {
        verdict = allow("within tool-level", row->origin);
    } else if (policy->max_level_origin != NULL) {
        verdict = allow("within permission-level", policy->max_level_origin);
    }
    if (ret_verdict != NULL)
        *ret_verdict = verdict;
    return level;
}
