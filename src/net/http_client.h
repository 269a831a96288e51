/* The one HTTP client for everything that leaves this machine. HTTP/1.1 over
 * libcurl, blocking style on the calling thread: a call returns when there is
 * something to return, the request's time is up or the run is over.
 *
 * Each URL is parsed once and checked against the policy before its name is
 * resolved; each address is checked as it is dialled; each redirect is a new
 * request. docs/network.md tells the whole way of one. */
#ifndef BX_NET_HTTP_CLIENT_H
#define BX_NET_HTTP_CLIENT_H

#include <sys/types.h>

#include "base/run.h"
#include "net/http_field.h"
#include "policy/policy.h"

#define BX_HTTP_REDIRECTS_MAX 20
#define BX_HTTP_HEAD_MAX_BYTES (256u << 10) /* of a response, all lines */
#define BX_HTTP_HEAD_MAX_FIELDS 500
#define BX_HTTP_CONNECT_TIMEOUT_MS 15000

/* One thread. Keeps connections for reuse: one client for each policy and run,
 * never shared between two. */
typedef struct bx_http_client bx_http_client;

/* One request and its response, redirects included. */
typedef struct bx_http_exchange bx_http_exchange;

typedef struct bx_http_config {
    bx_run *run;             /* borrowed: deadline, cancel, audit, counters */
    const bx_policy *policy; /* borrowed; NULL only with is_trusted */
    bool is_trusted;         /* a caller of the host itself, such as a model
                              * provider: no URL or address is refused */
    const char *ca_file;     /* borrowed; PEM to trust instead of the system's
                              * certificates, NULL for those. The environment
                              * has no say. */
    uint64_t body_bytes;     /* the most of a request body, of a decoded
                              * response body, and of what all exchanges of
                              * the client hold at once */
    uint32_t connect_timeout_ms; /* names included; 0 takes the default */
} bx_http_config;

/* config is copied; what it points to outlives the client.
 * errors: BX_ERR_NOT_FOUND: no libcurl */
bx_http_client *bx_http_client_new(const bx_http_config *config,
                                   bx_error **err);
/* Every exchange must have been freed. NULL is fine. */
void bx_http_client_free(bx_http_client *client);

typedef enum bx_http_redirect {
    BX_HTTP_REDIRECT_FOLLOW,
    BX_HTTP_REDIRECT_MANUAL, /* the redirect is the response */
    BX_HTTP_REDIRECT_ERROR,
} bx_http_redirect;

typedef struct bx_http_request {
    const char *method; /* NULL: GET */
    const char *url;
    const bx_http_fields *fields; /* NULL: none. Authorization, Cookie and
                                   * Proxy-Authorization are dropped when a
                                   * redirect changes the origin; a caller
                                   * with other secrets must not follow */
    bx_http_redirect redirect;
    uint64_t timeout_ms; /* from the first byte sent; 0: the run's own */
} bx_http_request;

typedef struct bx_http_head {
    unsigned status;
    const bx_url *url;            /* of the last hop */
    bool is_redirected;           /* it is not the first one */
    const bx_http_fields *fields; /* names in lower case */
} bx_http_head;

/* May a run of this policy open one more request, with so many open already?
 * errors: BX_ERR_LIMIT: max-open-requests, max-requests */
int bx_http_check_limits(const bx_run *run, const bx_limits *limits,
                         uint64_t open_count, bx_error **err);

/* Check a request and make an exchange of it; nothing is sent. The request is
 * copied. Errors as below. */
bx_http_exchange *bx_http_client_open(bx_http_client *client,
                                      const bx_http_request *request,
                                      bx_error **err);
/* Ends what is under way. NULL is fine. */
void bx_http_exchange_free(bx_http_exchange *exchange);

/* Append to the request body. Only before the first head or read. */
int bx_http_exchange_write(bx_http_exchange *exchange, const void *data,
                           size_t bytes, bx_error **err);

/**
 * Send the request if that has not happened and wait for the response's head.
 *
 * ret_head  borrowed from the exchange, valid until it is freed
 * returns   0, or -1 with err set; then the exchange is of no more use
 * errors    BX_ERR_DENIED    the policy refuses URL, address or redirect; the
 *                            audit was told
 *           BX_ERR_INVALID   URL, method or header are malformed
 *           BX_ERR_LIMIT     a body or the head is past its limit
 *           BX_ERR_TIMEOUT   the request's time or the run's is up
 *           BX_ERR_CANCELLED the run was cancelled
 *           BX_ERR_SYSTEM    errno ECONNREFUSED, EHOSTUNREACH (no such name or
 *                            no route), ECONNRESET, EPROTO (HTTP or TLS is
 *                            broken), EIO
 */
int bx_http_exchange_head(bx_http_exchange *exchange, bx_http_head *ret_head,
                          bx_error **err);

/* Read some of the decoded body: at least one byte, 0 at its end. bytes is not
 * 0. Errors as above. */
ssize_t bx_http_exchange_read(bx_http_exchange *exchange, void *buf,
                              size_t bytes, bx_error **err);

#endif
