/* Any bytes as a policy file: refused, or formatted to a text that parses to
 * the same policy; each line as a grant of a layer, which never widens. */
#include <stdint.h>
#include <string.h>

#include "policy/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bx_policy *parse(const char *text, size_t bytes)
{
    bx_error *err = NULL;
    bx_policy *policy = bx_policy_parse(text, bytes, "fuzz", NULL, &err);

    if ((policy == NULL) != (err != NULL))
        abort();
    bx_error_free(err);
    return policy;
}

static void ask(const bx_policy *policy)
{
    bx_url url = { (char *)"http://127.0.0.1:8080/a/%2561?b", (char *)"http",
                   (char *)"127.0.0.1", 8080, (char *)"/a/%2561?b" };
    bx_verdict verdict = bx_policy_check_url(policy, &url);
    bx_address address = { { [10] = 0xff, 0xff, 127, 0, 0, 1 } };

    if (bx_policy_check_address(policy, &url, &address).is_allowed !=
        verdict.is_allowed)
        abort(); /* the address is in the URL: both must agree */
    (void)bx_policy_fs_access(policy, "/a/b", &verdict);
    (void)bx_policy_check_exec(policy, "python3");
    (void)bx_policy_check_tool(policy, "file-read");
    (void)bx_policy_tool_level(policy, "bash", BX_LEVEL_WRITE, &verdict);
}

static bx_grants *make_grants(const char *data, size_t bytes)
{
    bx_grants *grants = bx_grants_new();

    while (bytes > 0 && grants != NULL) {
        const char *end = memchr(data, '\n', bytes);
        size_t len = end == NULL ? bytes : (size_t)(end - data);
        bx_autofree char *line = strndup(data, len);

        (void)bx_grants_add(grants, line, NULL, NULL);
        (void)bx_grants_add_secret(grants, "TOKEN", line, NULL, NULL, NULL,
                                   NULL);
        len += end == NULL ? 0 : 1;
        data += len;
        bytes -= len;
    }
    return grants;
}

/* Whatever a layer asks for, there is never more than before. */
static void narrow(const bx_policy *policy, const char *data, size_t bytes)
{
    bx_autopolicy bx_policy *less = bx_policy_clone(policy);
    bx_autogrants bx_grants *grants = make_grants(data, bytes);
    bx_autofree char *missing = NULL;
    bx_autofree char *text = NULL;
    bx_autofree char *json = NULL;
    bx_url url = { (char *)"https://a.example/", (char *)"https",
                   (char *)"a.example", 443, (char *)"/" };
    bx_autopolicy bx_policy *again = NULL;

    if (less == NULL || grants == NULL ||
        bx_policy_narrow(less, grants, "fuzz", NULL) < 0)
        abort();
    if ((bx_policy_fs_access(less, "/a/b", NULL) &
         ~bx_policy_fs_access(policy, "/a/b", NULL)) != 0 ||
        (bx_policy_check_url(less, &url).is_allowed &&
         !bx_policy_check_url(policy, &url).is_allowed) ||
        (bx_policy_check_exec(less, "a").is_allowed &&
         !bx_policy_check_exec(policy, "a").is_allowed) ||
        less->env_count > policy->env_count)
        abort();
    missing = bx_policy_missing(policy, grants, NULL);
    json = bx_grants_format(grants, NULL);
    text = bx_policy_format(less, false, NULL);
    if (missing == NULL || json == NULL || text == NULL)
        abort();
    again = parse(text, strlen(text)); /* comments hold no control */
    if (again == NULL || again->layers_count != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_autopolicy bx_policy *policy = parse((const char *)data, bytes);
    bx_autopolicy bx_policy *again = NULL;
    bx_autopolicy bx_policy *copy = NULL;
    bx_autofree char *first = NULL;
    bx_autofree char *second = NULL;
    bx_autofree char *third = NULL;
    bx_autofree char *json = NULL;

    if (policy == NULL)
        return 0;
    ask(policy);
    narrow(policy, (const char *)data, bytes);
    copy = bx_policy_clone(policy);
    first = bx_policy_format(policy, false, NULL);
    json = bx_policy_format(policy, true, NULL);
    if (copy == NULL || first == NULL || json == NULL)
        abort();
    again = parse(first, strlen(first));
    if (again == NULL)
        abort();
    second = bx_policy_format(again, false, NULL);
    third = bx_policy_format(copy, false, NULL);
    if (second == NULL || third == NULL || strcmp(first, second) != 0 ||
        strcmp(first, third) != 0)
        abort();
    return 0;
}
