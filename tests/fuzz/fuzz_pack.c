/* Any bytes as a packed policy: refused, or a policy that is packed to the same
 * bytes and answers. */
#include <stdint.h>
#include <string.h>

#include "policy/grant.h"
#include "policy/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

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
    if (verdict.rule == NULL || verdict.reason == NULL ||
        bx_policy_check_exec(policy, "python3").rule == NULL ||
        bx_policy_check_tool(policy, "file-read").rule == NULL ||
        bx_policy_check_env(policy, "A").rule == NULL ||
        bx_policy_check_secret(policy, "TOKEN").rule == NULL)
        abort();
    (void)bx_policy_tool_level(policy, "bash", BX_LEVEL_WRITE, &verdict);
    if (verdict.rule == NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_autopolicy bx_policy *policy = NULL;
    bx_autopolicy bx_policy *copy = NULL;
    bx_autobuf bx_buf again = BX_BUF_INIT;
    bx_autoerror bx_error *err = NULL;
    bx_autofree char *text = NULL;

    if (bx_policy_unpack(data, bytes, &policy, &err) < 0) {
        if (policy != NULL || bx_error_code(err) != BX_ERR_INVALID)
            abort();
        return 0;
    }
    copy = bx_policy_clone(policy);
    if (copy == NULL || bx_policy_pack(copy, &again, NULL) < 0 ||
        again.len != bytes || memcmp(again.data, data, bytes) != 0)
        abort();
    ask(policy);
    text = bx_policy_format(policy, true, NULL); /* NULL: a path is no UTF-8 */
    return 0;
}
