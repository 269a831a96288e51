#include "policy/support.h"

#include <string.h>

bx_policy *parse_policy(const char *text)
{
    bx_error *err = NULL;
    bx_policy *policy =
        bx_policy_parse(text, strlen(text), "ci.yaml", NULL, &err);

    if (policy == NULL)
        fail_msg("%s", bx_error_message(err));
    return policy;
}

void assert_refused(const char *text, const char *message)
{
    bx_error *err = NULL;
    bx_policy *policy =
        bx_policy_parse(text, strlen(text), "ci.yaml", NULL, &err);

    if (policy != NULL) {
        bx_policy_free(policy);
        fail_msg("accepted: %s", text);
    }
    assert_string_equal(bx_error_message(err), message);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
}

void set_control(bx_policy *policy, const char *control, const char *value)
{
    bx_error *err = NULL;

    if (bx_policy_set(policy, control, value, NULL, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

bx_url make_url(const char *scheme, const char *host, unsigned port,
                const char *path)
{
    return (bx_url){
        .text = NULL,
        .scheme = (char *)scheme,
        .host = (char *)host,
        .port = (uint16_t)port,
        .path = (char *)path,
    };
}

bx_address make_address(const char *text)
{
    bx_address address;

    if (!bx_address_parse(text, &address))
        fail_msg("no address: %s", text);
    return address;
}
