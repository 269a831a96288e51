/* What grants ask for and a policy does not give. */
#include <string.h>

#include "base/buf.h"
#include "policy/layer.h"
#include "policy/name_pattern.h"
#include "policy/secret.h"

#define NOTHING_GRANTED "nothing granted"

static bx_verdict give(void)
{
    return (bx_verdict){ true, "", "" };
}

static bx_verdict lack(const char *reason, const char *rule)
{
    return (bx_verdict){ false, reason, rule };
}

/* ---- hosts: patterns held against patterns ---- */

typedef struct host_search {
    const bx_host_pattern *asked;
    bool is_found;
    const char *part; /* the origin of what gives some of it */
} host_search;

static void look_at(host_search *search, const bx_host_pattern *pattern,
                    const char *origin)
{
    if (bx_host_pattern_covers(pattern, search->asked))
        search->is_found = true;
    else if (search->part == NULL &&
             bx_host_pattern_covers(search->asked, pattern))
        search->part = origin;
}

static bx_verdict found(const host_search *search, const char *nothing)
{
    if (search->is_found)
        return give();
    return search->part != NULL ? lack("given in part only", search->part)
                                : lack(NULL, nothing);
}

static bx_verdict check_host_layer(const bx_grants *layer,
                                   const bx_host_pattern *asked)
{
    host_search search = { .asked = asked };

    for (size_t i = 0; i < layer->rules_count; i++) {
        if (layer->rules[i].kind == BX_GRANT_HOST)
            look_at(&search, layer->rules[i].pattern, layer->rules[i].origin);
    }
    return found(&search, layer->nothing);
}

static bx_verdict check_host(const bx_policy *policy,
                             const bx_host_pattern *asked)
{
    host_search search = { .asked = asked };
    bx_verdict verdict;

    for (size_t i = 0; i < policy->allowed_hosts_count; i++)
        look_at(&search, policy->allowed_hosts[i].pattern,
                policy->allowed_hosts[i].origin);
    verdict = found(&search, NOTHING_GRANTED);
    for (size_t i = 0; i < policy->layers_count && verdict.is_allowed; i++)
        verdict = check_host_layer(policy->layers[i], asked);
    return verdict;
}

/* ---- names ---- */

static bx_verdict check_name_list(const bx_grants *grants, bx_grant_kind kind,
                                  const char *asked, const char *nothing)
{
    const bx_grant_rule *part = NULL;

    for (size_t i = 0; grants != NULL && i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];

        if (rule->kind != kind)
            continue;
        if (bx_name_pattern_covers(rule->text, asked))
            return give();
        if (part == NULL && bx_name_pattern_covers(asked, rule->text))
            part = rule;
    }
    return part != NULL ? lack("given in part only", part->origin)
                        : lack(NULL, nothing);
}

static bx_verdict check_names(const bx_policy *policy, bx_grant_kind kind,
                              const char *asked)
{
    bx_verdict verdict =
        check_name_list(policy->names, kind, asked, NOTHING_GRANTED);

    for (size_t i = 0; i < policy->layers_count && verdict.is_allowed; i++)
        verdict = check_name_list(policy->layers[i], kind, asked,
                                  policy->layers[i]->nothing);
    return verdict;
}

/* A pattern asks for whichever of them there are: one is enough. */
static bx_verdict check_env(const bx_policy *policy, const char *asked)
{
    for (size_t i = 0; i < policy->env_count; i++) {
        if (bx_name_pattern_matches(asked, policy->env[i].name))
            return give();
    }
    for (size_t i = 0; i < policy->hidden_env_count; i++) {
        if (bx_name_pattern_matches(asked, policy->hidden_env[i].name))
            return lack(NULL, policy->hidden_env[i].origin);
    }
    return lack(NULL, NOTHING_GRANTED);
}

static bx_verdict check_rule(const bx_policy *policy, const bx_grant_rule *rule)
{
    switch (rule->kind) {
    case BX_GRANT_FS:
        return bx_policy_check_fs(policy, rule->text, rule->access);
    case BX_GRANT_HOST:
        return check_host(policy, rule->pattern);
    case BX_GRANT_ENV:
        return check_env(policy, rule->text);
    default:
        return check_names(policy, rule->kind, rule->text);
    }
}

static int put_missing(bx_buf *out, const char *prefix, const char *subject,
                       bx_verdict verdict)
{
    if (bx_buf_puts(out, prefix) < 0 || bx_buf_puts(out, ":") < 0 ||
        bx_buf_put_escaped(out, subject, strlen(subject), SIZE_MAX) < 0)
        return -1;
    if (verdict.reason == NULL || strcmp(verdict.rule, NOTHING_GRANTED) == 0)
        return bx_buf_printf(out, ": %s\n", verdict.rule);
    return bx_buf_printf(out, ": %s (%s)\n", verdict.reason, verdict.rule);
}

char *bx_policy_missing(const bx_policy *policy, const bx_grants *grants,
                        bx_error **err)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;
    char *text;

    for (size_t i = 0; i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];
        bx_verdict verdict = check_rule(policy, rule);

        if (!verdict.is_allowed &&
            put_missing(&out, bx_grant_prefix(rule->kind, rule->access),
                        rule->text, verdict) < 0) {
            (void)bx_error_set_nomem(err);
            return NULL;
        }
    }
    for (size_t i = 0; i < grants->secrets_count; i++) {
        const bx_secret_ask *ask = &grants->secrets[i];
        bx_verdict verdict = bx_policy_check_ask(policy, ask);

        if (!verdict.is_allowed &&
            put_missing(&out, "secret", ask->name, verdict) < 0) {
            (void)bx_error_set_nomem(err);
            return NULL;
        }
    }
    if (out.len > 0)
        out.data[--out.len] = '\0'; /* the last line's end */
    text = bx_buf_take(&out);
    if (text == NULL)
        (void)bx_error_set_nomem(err);
    return text;
}
