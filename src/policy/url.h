/* A URL in canonical form, as src/net makes it and rules are matched to it. */
#ifndef BX_POLICY_URL_H
#define BX_POLICY_URL_H

#include <stdint.h>

typedef struct bx_url {
    char *text;    /* the whole, what is sent and what rules see */
    char *scheme;  /* "http" or "https" */
    char *host;    /* lower case, ASCII (IDN as xn--), no final dot; an IPv6
                    * address without brackets */
    uint16_t port; /* the scheme's own when none was given */
    char *path;    /* begins with '/', dot segments removed, with the query */
} bx_url;

#endif
