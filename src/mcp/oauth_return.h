/* A request to the port of a sign-in. It may come from any program or page on
 * this machine. */
#ifndef BX_MCP_OAUTH_RETURN_H
#define BX_MCP_OAUTH_RETURN_H

/* What came back; texts owned, decoded, UTF-8. NULL: not said, or twice. */
typedef struct bx_oauth_return {
    char *code;
    char *issuer;
    char *error;
    char *description;
} bx_oauth_return;

typedef enum bx_oauth_returned {
    BX_OAUTH_NOT_HERE,  /* for another place */
    BX_OAUTH_NOT_ASKED, /* with another state */
    BX_OAUTH_CAME,
} bx_oauth_returned;

/* head: of HTTP, up to the empty line at least; port: of 127.0.0.1, ours;
 * ret_return is written when it came. */
bx_oauth_returned bx_oauth_return_read(const char *head, unsigned port,
                                       const char *state,
                                       bx_oauth_return *ret_return);
void bx_oauth_return_clear(bx_oauth_return *returned);

#endif
