/* Requests over HTTP to one origin, from many threads, each within its caller's
 * time. Redirects leave neither the origin nor, for an origin that is public,
 * the public addresses. Everything that is answered is hostile; the secrets
 * that were sent are masked in it. */
#ifndef BX_MCP_CLIENT_HTTP_WEB_H
#define BX_MCP_CLIENT_HTTP_WEB_H

#include "base/buf.h"
#include "net/http_client.h"
#include "policy/mask.h"
#include "worker/wait.h"

#define BX_WEB_BODY_MAX_BYTES (64u << 20) /* of one answer, a stream's too */
#define BX_WEB_IDLE_MAX 4                 /* connections that are kept */

typedef struct bx_web bx_web;
typedef struct bx_web_call bx_web_call;

/**
 * url         https://, or http:// to this machine; with is_private any
 * is_private  the origin is in a network that is trusted: no address is
 *             refused, and no redirect is followed
 * errors      BX_ERR_INVALID: what is wrong with url
 */
bx_web *bx_web_new(const char *url, bool is_private, bx_error **err);
/* No call may be open. NULL is fine. */
void bx_web_free(bx_web *web);

/* Calls under way, and later ones, fail at once; or no longer. */
void bx_web_stop(bx_web *web, bool is_stopped);
bool bx_web_is_stopped(const bx_web *web);
/* Sleep; ends early when it is stopped. */
void bx_web_pause(const bx_web *web, uint64_t ms);

typedef struct bx_web_request {
    const char *method;
    const char *url; /* of the origin; NULL: the one it was made for */
    const bx_http_fields *fields;
    const char *body; /* NULL: none */
    bx_mask *mask;    /* taken; NULL: nothing to mask */
    bool is_followed; /* redirects, within the origin */
} bx_web_request;

/**
 * Ask, and wait for the head of the answer.
 *
 * wait      copied; what it points to outlives the call
 * ret_call  owned by the caller, bx_web_close()
 * ret_head  borrowed from the call
 * errors    BX_ERR_TIMEOUT, BX_ERR_CANCELLED: as bx_wait_is_over() knows them;
 *           BX_ERR_SYSTEM: not reached, with errno; BX_ERR_DENIED: an address
 *           or redirect that is refused; BX_ERR_INVALID, BX_ERR_LIMIT: what
 *           comes is no HTTP, or too much
 */
int bx_web_open(bx_web *web, bx_web_request *request, const bx_wait *wait,
                bx_web_call **ret_call, bx_http_head *ret_head, bx_error **err);
/* Some of the body, masked, valid until the next read: 1; its end: 0. */
int bx_web_read(bx_web_call *call, const char **ret_data, size_t *ret_bytes,
                bx_error **err);
/* All of it, at most so much; ret_text ends in a NUL. */
int bx_web_read_all(bx_web_call *call, size_t max_bytes, bx_buf *ret_text,
                    bx_error **err);
/* Reads from now on wait so long. */
void bx_web_set_wait(bx_web_call *call, const bx_wait *wait);
/* NULL is fine. */
void bx_web_close(bx_web_call *call);

/* A header of the answer, "" when there is none; borrowed from head. */
const char *bx_web_header(const bx_http_head *head, const char *name);
/* Is its content of that type, parameters aside? */
bool bx_web_is_type(const bx_http_head *head, const char *type);
/* The text without secrets, printable, cut. Owned; NULL without memory. */
char *bx_web_show(const bx_web_call *call, const char *text, size_t max_bytes);

/* Append a header; BX_ERR_INVALID when it may not be sent. */
int bx_web_put_field(bx_http_fields *fields, const char *name,
                     const char *value, bx_error **err);

#endif
