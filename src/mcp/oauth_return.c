/* What a browser brings back in the query of a request (RFC 6749 section 4.1.2,
 * RFC 9207). */
#include "mcp/oauth_return.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "base/utf8.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of a query, decoded; NULL: no UTF-8 without NUL. Owned. */
static char *decode(const char *text, size_t bytes)
{
    char *plain = malloc(bytes + 1);
    size_t count = 0;

    if (plain == NULL)
        return NULL;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i] == '+' ? ' ' : text[i];

        if (c == '%') {
            int high = i + 2 < bytes ? hex(text[i + 1]) : -1;
            int low = i + 2 < bytes ? hex(text[i + 2]) : -1;

            if (high < 0 || low < 0) {
                free(plain);
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        plain[count++] = c;
    }
    plain[count] = '\0';
    if (memchr(plain, '\0', count) == NULL && bx_utf8_is_valid(plain, count))
        return plain;
    free(plain);
    return NULL;
}

/* The value of a name that stands there once. */
static char *find(const char *query, const char *name)
{
    char *found = NULL;

    while (*query != '\0') {
        size_t bytes = strcspn(query, "&");
        size_t named = strcspn(query, "&=");

        if (named == strlen(name) && strncmp(query, name, named) == 0 &&
            query[named] == '=') {
            if (found != NULL) { /* two are none */
                free(found);
                return NULL;
            }
            found = decode(query + named + 1, bytes - named - 1);
            if (found == NULL)
                return NULL;
        }
        query += bytes + (query[bytes] == '&');
    }
    return found;
}

/* Of a page that has another's name for this address, it is no answer. */
static bool has_host(const char *head, unsigned port)
{
    char expected[64];
    const char *line = strcasestr(head, "\r\nHost:");

    snprintf(expected, sizeof(expected), "127.0.0.1:%u\r\n", port);
    if (line == NULL)
        return false;
    line += strlen("\r\nHost:");
    line += strspn(line, " \t");
    return strncmp(line, expected, strlen(expected)) == 0;
}

/* The query of a request to the address that was given out. Owned. */
static char *take_query(const char *head, unsigned port)
{
    static const char begin[] = "GET /callback?";
    const char *query = head + sizeof(begin) - 1;

    if (strncmp(head, begin, sizeof(begin) - 1) != 0 || !has_host(head, port))
        return NULL;
    return strndup(query, strcspn(query, " \r\n"));
}

static bool is_equal(const char *a, const char *b)
{
    unsigned char differs = 0;

    if (a == NULL || strlen(a) != strlen(b))
        return false;
    for (; *a != '\0'; a++, b++)
        differs |= (unsigned char)(*a ^ *b);
    return differs == 0;
}

bx_oauth_returned bx_oauth_return_read(const char *head, unsigned port,
                                       const char *state,
                                       bx_oauth_return *ret_return)
{
    bx_autofree char *query = take_query(head, port);
    bx_autofree char *came = query == NULL ? NULL : find(query, "state");

    if (query == NULL)
        return BX_OAUTH_NOT_HERE;
    if (!is_equal(came, state))
        return BX_OAUTH_NOT_ASKED;
    *ret_return = (bx_oauth_return){
        .code = find(query, "code"),
        .issuer = find(query, "iss"),
        .error = find(query, "error"),
        .description = find(query, "error_description"),
    };
    return BX_OAUTH_CAME;
}

void bx_oauth_return_clear(bx_oauth_return *returned)
{
    free(returned->code);
    free(returned->issuer);
    free(returned->error);
    free(returned->description);
    *returned = (bx_oauth_return){ 0 };
}
