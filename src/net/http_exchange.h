/* Inside of client and exchange, for the http_*.c files. */
#ifndef BX_NET_HTTP_EXCHANGE_H
#define BX_NET_HTTP_EXCHANGE_H

#include "base/buf.h"
#include "net/curl_api.h"
#include "net/http_client.h"
#include "net/url.h"

struct bx_http_client {
    const bx_curl_api *curl; /* static; NULL: the run's broker does the work,
                              * http_remote.c */
    CURLM *multi;
    bx_http_config config;
    bx_http_exchange *current; /* the one libcurl may read for; borrowed */
    uint64_t held_bytes;       /* request bodies and unread response bytes of
                                * all exchanges */
    unsigned lookups_given_up; /* names still being resolved, perhaps */
};

typedef enum bx_http_state {
    BX_HTTP_OPEN,   /* taking its body */
    BX_HTTP_SENT,   /* with libcurl */
    BX_HTTP_DONE,   /* the response is complete */
    BX_HTTP_FAILED, /* failure was handed out */
} bx_http_state;

struct bx_http_exchange {
    bx_http_client *client; /* borrowed */
    bx_http_state state;
    uint32_t remote; /* its number at the broker, and then of the rest only
                      * state, url, status, hops, head and in count; 0: none */

    /* the request, as the next hop sends it */
    char method[BX_HTTP_METHOD_BYTES];
    bx_url *url;
    bx_http_fields fields;
    bx_buf body;
    bx_http_redirect redirect;
    uint64_t timeout_ms;
    int64_t deadline_ns; /* INT64_MAX before it is sent and without one; as
                          * if the run's time had never stood still */
    unsigned hops;
    unsigned status; /* of the response; 0 before the first status line */

    /* with libcurl, one hop */
    CURL *easy;
    struct curl_slist *lines;
    char message[CURL_ERROR_SIZE];
    bool is_resolving;
    bool is_dialled; /* some address was allowed */
    bool is_refused; /* some address was not: */
    bx_address refused_address;
    bx_verdict refused_verdict;

    /* the response */
    bool has_head;
    bool has_failed; /* while nobody waited, and failure says how */
    unsigned folds;  /* lines that went on with the one before, of this hop */
    bx_http_fields head;
    size_t head_bytes; /* of this hop, informational responses included */
    bx_buf in;         /* decoded body; from in_at on it is unread */
    size_t in_at;
    size_t settled;    /* of in, from its start: bytes that are masked; the
                        * others may begin a secret and are not read yet */
    size_t mask_ahead; /* state of bx_mask_stream() */
    bx_url *shown_url; /* masked, once a head was asked for; NULL: url is */
    uint64_t received_bytes;
    bx_error *failure; /* set inside a callback; owned */
};

/* Put "METHOD scheme://host/path: " before an error. Query strings stay out:
 * they may hold keys. */
int bx_http_exchange_wrap(const bx_http_exchange *exchange, bx_error **err);

/* bx_http_exchange_write() when rest bytes more are to come: all of them must
 * fit, or nothing is taken. */
int bx_http_exchange_write_piece(bx_http_exchange *exchange, const void *data,
                                 size_t bytes, uint64_t rest, bx_error **err);

/* When its own time is up, CLOCK_MONOTONIC; INT64_MAX: only with the run's. */
int64_t bx_http_exchange_end_ns(const bx_http_exchange *exchange);
/* The response is complete and all of its body was read. */
bool bx_http_exchange_is_at_end(const bx_http_exchange *exchange);

/* Is the URL allowed? If not: audit, and BX_ERR_DENIED. */
int bx_http_check_url(const bx_http_exchange *exchange, const bx_url *url,
                      const char *call, bx_error **err);

/* Tell that the run is about to use the URL's origin; -1: it is not to. */
int bx_http_ask_need(const bx_http_exchange *exchange, const bx_url *url,
                     const char *call, bx_error **err);
/* Ask whether the current hop is sent, if it would change something; -1: it is
 * not, the audit was told. */
int bx_http_hold(bx_http_exchange *exchange, bx_error **err);

/* Is a secret sent with the current hop? */
bool bx_http_secret_is_due(const bx_http_exchange *exchange);
/* Is this header of the caller's replaced by a secret? */
bool bx_http_secret_replaces(const bx_http_exchange *exchange,
                             const char *name);
/* Hand each secret's line of the current hop to add; -1 when that fails. */
int bx_http_secret_lines(bx_http_exchange *exchange,
                         int (*add)(bx_http_exchange *exchange,
                                    const char *line));
/* Mask what the policy's secrets in use spell. */
void bx_http_mask_text(const bx_http_exchange *exchange, char *text);
void bx_http_mask_bytes(const bx_http_exchange *exchange, char *data,
                        size_t bytes);
void bx_http_mask_head(bx_http_exchange *exchange);
/* Mask the body as far as it is settled; is_end: all of it is. */
void bx_http_mask_body(bx_http_exchange *exchange, bool is_end);
/* The URL as callers may see it; NULL without memory. */
const bx_url *bx_http_mask_url(bx_http_exchange *exchange);

/* Give the easy handle its options and callbacks. */
int bx_http_hop_set(bx_http_exchange *exchange, bx_error **err);

/* Hand the current hop to libcurl. */
int bx_http_transfer_begin(bx_http_exchange *exchange, bx_error **err);
/* Take it back; what is under way ends. */
void bx_http_transfer_end(bx_http_exchange *exchange);
/* Let libcurl work until it has done something for this exchange or cannot
 * before it waited. Sets DONE at the end of the response. */
int bx_http_transfer_step(bx_http_exchange *exchange, bx_error **err);
/* The same without waiting. */
int bx_http_transfer_work(bx_http_exchange *exchange, bx_error **err);
/* Send the request if that has not happened, let libcurl work, follow a
 * redirect that is due; nothing waits. */
int bx_http_exchange_work(bx_http_exchange *exchange, bx_error **err);
/* Forget n bytes of the unread body. */
void bx_http_transfer_consume(bx_http_exchange *exchange, size_t n);

/* True when the head at hand asks to go elsewhere and that is to be done. */
bool bx_http_redirect_is_due(const bx_http_exchange *exchange);
/* Turn the exchange into its next hop; nothing is sent. */
int bx_http_redirect_apply(bx_http_exchange *exchange, bx_error **err);

#endif
