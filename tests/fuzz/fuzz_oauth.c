/* What strangers say in a sign-in: a header of a server, and a request to the
 * port that waits for a browser. Any bytes are read within bounds; what is
 * taken is text. A zero byte ends it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "mcp/oauth_discover.h"
#include "mcp/oauth_return.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_part(const char *whole, const char *part)
{
    if (part != NULL)
        assert(strlen(part) <= strlen(whole));
}

static void check_text(const char *part)
{
    if (part != NULL)
        assert(bx_utf8_is_valid(part, strlen(part)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = strndup((const char *)data, bytes);
    bx_oauth_challenge challenge;
    bx_oauth_return returned = { 0 };

    assert(text != NULL);
    bx_oauth_challenge_parse(text, &challenge);
    check_part(text, challenge.resource_metadata);
    check_part(text, challenge.scope);
    check_part(text, challenge.error);
    if (challenge.scope != NULL && bx_oauth_scope_is_valid(challenge.scope))
        assert(strpbrk(challenge.scope, "\r\n\"\\") == NULL);
    bx_oauth_challenge_clear(&challenge);
    if (bx_oauth_return_read(text, 80, "s", &returned) == BX_OAUTH_CAME) {
        check_text(returned.code);
        check_text(returned.issuer);
        check_text(returned.error);
        check_text(returned.description);
        check_part(text, returned.code);
        bx_oauth_return_clear(&returned);
    }
    free(text);
    return 0;
}
