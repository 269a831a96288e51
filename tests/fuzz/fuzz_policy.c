/* Any bytes as a policy file: refused, or formatted to a text that parses to
 * the same policy. */
#include <stdint.h>
#include <string.h>

#include "policy/policy.h"

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
