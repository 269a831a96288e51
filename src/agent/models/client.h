/* Inside of the model client, for the client*.c files: one attempt over HTTP,
 * and when the next one may be made. */
#ifndef BX_AGENT_MODELS_CLIENT_H
#define BX_AGENT_MODELS_CLIENT_H

#include "agent/models/protocol.h"
#include "base/run.h"
#include "net/http_client.h"
#include "policy/mask.h"

/* Connections that could not be made are not worth every attempt. */
#define BX_CLIENT_CONNECT_ATTEMPTS 3

struct bx_model_client {
    bx_model_client_config config; /* with defaults in place of zeros */
    bx_run run;                    /* its deadline is that of the next wait */
    int64_t deadline_ns;           /* of the turn */
    bx_http_client *http;          /* NULL: made with the next request */
    bool is_http_broken;           /* then it is made anew */

    const bx_provider *provider; /* whose key this is; NULL: none yet */
    char *owner;                 /* its name and address: another provider may
                                  * come to lie in the same place */
    char *key;                   /* NULL: it wants none */
    bx_mask *mask;               /* of the key and of secret headers */
};

/* How an attempt ended that gave no reply. */
typedef struct bx_client_fault {
    bool is_passing;    /* it may be made again */
    bool is_key;        /* the key was refused: another may do */
    bool is_context;    /* the conversation is too long */
    bool is_connecting; /* nobody was reached */
    bool has_hint;      /* the server says when */
    uint64_t hint_ms;
    char reason[160]; /* for people: "overloaded" */
} bx_client_fault;

/* ---- client_key.c --------------------------------------------------- */

/* Hold the provider's key, reading it unless it is held already. */
int bx_client_hold_key(bx_model_client *client, const bx_provider *provider,
                       bx_error **err);
/* Read the key anew: 1 when it is another one, 0 when it is the same. */
int bx_client_renew_key(bx_model_client *client, bx_error **err);
void bx_client_drop_key(bx_model_client *client);

/* ---- client_body.c -------------------------------------------------- */

/* The turn's time. errors: BX_ERR_TIMEOUT, BX_ERR_CANCELLED */
int bx_client_check_time(const bx_model_client *client, bx_error **err);
/* The next wait may last so long, but never longer than the turn. */
void bx_client_allow_ms(bx_model_client *client, uint64_t ms);

/* What is read of a body, with the key masked. */
typedef struct bx_client_body {
    bx_model_client *client;
    bx_http_exchange *exchange; /* owned */
    bx_buf held;                /* bytes that may begin the key */
    size_t ahead;               /* of bx_mask_stream() */
} bx_client_body;

void bx_client_body_clear(bx_client_body *b);
/* Read some more; what is settled stands at the begin of held, and the caller
 * takes it from there. Returns 1, or 0 at the end, where all is settled. */
int bx_client_body_read(bx_client_body *b, size_t *ret_settled, bx_error **err);
void bx_client_body_take(bx_client_body *b, size_t bytes);
/* All of a body that is no stream, cut at most bytes; *ret_is_whole: it was
 * not. -1: the network. */
int bx_client_body_read_all(bx_client_body *b, size_t most, bx_buf *out,
                            bool *ret_is_whole, bx_error **err);

/* "" when there is none. */
const char *bx_client_header(const bx_http_head *head, const char *name);
/* A header's value for people: printable, short, without the key; owned. */
char *bx_client_show_header(const bx_model_client *client, const char *value);
/* What the provider calls the request; owned, NULL: nothing. */
char *bx_client_request_id(const bx_model_client *client,
                           const bx_http_head *head);

/* ---- client_http.c -------------------------------------------------- */

/* Send a request, and read the answer's stream into the reply. Its body is left
 * as text. ret_request_id:
 * owned, may stay NULL. -1: err, and *ret_fault says what may be done about it.
 */
int bx_client_stream(bx_model_client *client, const bx_protocol *protocol,
                     bx_protocol_request *request, bx_reply *reply,
                     char **ret_request_id, bx_client_fault *ret_fault,
                     bx_error **err);
/* Send a request, and read the answer as one JSON value. */
int bx_client_fetch(bx_model_client *client, const bx_protocol *protocol,
                    bx_protocol_request *request, json_t **ret_body,
                    bx_client_fault *ret_fault, bx_error **err);
/* What a provider tells of a failure, as an error and a fault. */
int bx_client_fail(const bx_reply_failure *failure, const char *where,
                   bx_client_fault *ret_fault, bx_error **err);

/* ---- client_retry.c ------------------------------------------------- */

/* May a request that was answered so be made again, and when? Fills is_passing,
 * has_hint and hint_ms. */
void bx_client_judge(unsigned status, const bx_http_fields *fields,
                     const bx_reply_failure *failure, int64_t now_s,
                     bx_client_fault *fault);
/* How long to wait before the attempt behind this one (from 1). noise: any. */
uint64_t bx_client_delay_ms(const bx_client_fault *fault, unsigned attempt,
                            uint64_t max_delay_ms, uint32_t noise);

#endif
