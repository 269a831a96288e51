/* WWW-Authenticate (RFC 9110 section 11.6.1): challenges, each a scheme and
 * parameters, with commas between both. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "mcp/oauth_discover.h"

#define VALUE_MAX_BYTES 4096
#define SCOPE_MAX_BYTES 2048

static const char *skip(const char *at)
{
    return at + strspn(at, " \t,");
}

static size_t token_bytes(const char *at)
{
    return strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                      "0123456789!#$%&'*+-.^_`|~");
}

/* A token or a quoted text behind '='. NULL: neither, or no memory. */
static const char *take_value(const char *at, char **ret_value)
{
    bx_autobuf bx_buf value = BX_BUF_INIT;

    at += strspn(at, " \t");
    if (*at != '"') {
        size_t bytes = strcspn(at, " \t,");

        *ret_value = strndup(at, bytes);
        return *ret_value == NULL ? NULL : at + bytes;
    }
    if (bx_buf_puts(&value, "") < 0)
        return NULL;
    for (at++; *at != '\0' && *at != '"'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        if (bx_buf_append(&value, at, 1, VALUE_MAX_BYTES) < 0)
            return NULL;
    }
    if (*at != '"')
        return NULL;
    *ret_value = bx_buf_take(&value);
    return at + 1;
}

static void keep(bx_oauth_challenge *challenge, const char *name, size_t bytes,
                 char *value)
{
    const struct {
        const char *name;
        char **to;
    } known[] = {
        { "resource_metadata", &challenge->resource_metadata },
        { "scope", &challenge->scope },
        { "error", &challenge->error },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i].name) == bytes && *known[i].to == NULL &&
            strncasecmp(known[i].name, name, bytes) == 0) {
            *known[i].to = value;
            return;
        }
    }
    free(value);
}

void bx_oauth_challenge_parse(const char *header,
                              bx_oauth_challenge *ret_challenge)
{
    bx_oauth_challenge challenge = { 0 };
    const char *at = skip(header);
    bool is_bearer = false;
    bool was_bearer = false;

    while (at != NULL && *at != '\0') {
        size_t bytes = token_bytes(at);
        const char *behind = at + bytes + strspn(at + bytes, " \t");
        char *value = NULL;

        if (bytes == 0)
            break;
        if (*behind != '=') { /* a scheme; the first of ours counts */
            is_bearer =
                !was_bearer && bytes == 6 && strncasecmp(at, "Bearer", 6) == 0;
            was_bearer |= is_bearer;
            at = skip(at + bytes);
            continue;
        }
        behind = take_value(behind + 1, &value);
        if (behind == NULL)
            break;
        if (is_bearer)
            keep(&challenge, at, bytes, value);
        else
            free(value);
        at = skip(behind);
    }
    *ret_challenge = challenge;
}

void bx_oauth_challenge_clear(bx_oauth_challenge *challenge)
{
    free(challenge->resource_metadata);
    free(challenge->scope);
    free(challenge->error);
    *challenge = (bx_oauth_challenge){ 0 };
}

bool bx_oauth_scope_is_valid(const char *scope)
{
    if (*scope == '\0' || strlen(scope) > SCOPE_MAX_BYTES)
        return false;
    for (; *scope != '\0'; scope++) {
        if (*scope < 0x20 || *scope > 0x7e || *scope == '"' || *scope == '\\')
            return false;
    }
    return true;
}
