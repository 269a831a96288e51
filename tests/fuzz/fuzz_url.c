/* Any bytes are refused or have one canonical text, which parses to itself and
 * holds nothing that a second parser could read another way. A zero byte cuts
 * the input into a base and a redirect to it. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(const bx_url *url)
{
    bx_error *err = NULL;
    bx_url *again = bx_url_parse(url->text, strlen(url->text), NULL, &err);

    assert(again != NULL);
    assert(strcmp(again->text, url->text) == 0);
    assert(strcmp(again->scheme, url->scheme) == 0);
    assert(strcmp(again->host, url->host) == 0);
    assert(strcmp(again->path, url->path) == 0);
    assert(again->port == url->port && url->port != 0);
    assert(url->path[0] == '/');
    for (const char *at = url->text; *at != '\0'; at++)
        assert(*at > 0x20 && *at < 0x7f && *at != '\\' && *at != '#');
    for (const char *at = url->host; *at != '\0'; at++)
        assert(strchr("@/?%[] ", *at) == NULL);
    assert(strstr(url->path, "/../") == NULL ||
           strstr(url->path, "/../") > url->path + strcspn(url->path, "?"));
    bx_url_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *text = (const char *)data;
    const char *cut = bytes > 0 ? memchr(text, '\0', bytes) : NULL;
    bx_url *url = bx_url_parse(text, bytes, NULL, NULL);

    if (url != NULL)
        check(url);
    bx_url_free(url);
    if (cut != NULL) {
        bx_url *base = bx_url_parse(text, (size_t)(cut - text), NULL, NULL);

        url = base == NULL
                  ? NULL
                  : bx_url_parse(cut + 1, bytes - (size_t)(cut - text) - 1,
                                 base, NULL);
        if (url != NULL)
            check(url);
        bx_url_free(url);
        bx_url_free(base);
    }
    return 0;
}
