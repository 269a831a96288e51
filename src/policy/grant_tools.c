/* Grants that give fewer tools and are otherwise as they were. */
#include <string.h>

#include "policy/grant.h"
#include "policy/layer.h"

static void drop_tools(bx_grants *grants)
{
    size_t kept = 0;

    for (size_t i = 0; i < grants->rules_count; i++) {
        bx_grant_rule *rule = &grants->rules[i];

        if (rule->kind != BX_GRANT_TOOL) {
            grants->rules[kept++] = *rule;
            continue;
        }
        free(rule->text);
        bx_host_pattern_free(rule->pattern);
        free(rule->origin);
    }
    grants->rules_count = kept;
}

/* What a layer says that takes nothing away. */
static bx_grants *all_but_tools(const char *origin, bx_error **err)
{
    static const char *const all[] = { "read:/", "write:/", "network:*",
                                       "env:*", "exec:*" };
    bx_autogrants bx_grants *grants = bx_grants_new();

    if (grants == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (bx_grants_add(grants, all[i], origin, err) < 0)
            return NULL;
    return bx_take(grants);
}

static bx_grants *copy_but_tools(const bx_grants *from, bx_error **err)
{
    bx_grants *grants = bx_grants_clone(from, NULL);

    if (grants == NULL)
        (void)bx_error_set_nomem(err);
    else
        drop_tools(grants);
    return grants;
}

bx_grants *bx_grants_with_tools(const bx_grants *from, const char *const *names,
                                size_t count, const char *origin,
                                bx_error **err)
{
    bx_autogrants bx_grants *grants =
        from == NULL ? all_but_tools(origin, err) : copy_but_tools(from, err);

    for (size_t i = 0; grants != NULL && i < count; i++) {
        if (from != NULL &&
            bx_grants_find_name(from, BX_GRANT_TOOL, names[i]) == NULL)
            continue;
        if (bx_grants_add_rule(grants, BX_GRANT_TOOL, 0, names[i], origin,
                               err) < 0)
            return NULL;
    }
    return bx_take(grants);
}
