/* What differs between providers: how a request is written and how a stream of
 * events becomes a message. One file for each protocol, without network and
 * without state of its own; what they read is a stranger's. */
#ifndef BX_AGENT_MODELS_PROTOCOL_H
#define BX_AGENT_MODELS_PROTOCOL_H

#include "agent/models/reply.h"
#include "agent/models/turn.h"
#include "base/buf.h"
#include "net/http_field.h"

/* What is sent. */
typedef struct bx_protocol_request {
    bx_buf url;
    bx_http_fields fields; /* the client adds key, content-type and the
                            * provider's own headers */
    json_t *body;          /* owned */
    char *text;            /* it, as it is sent: the client's; owned, NULL */
} bx_protocol_request;

typedef struct bx_protocol {
    const char *name; /* "anthropic" */
    /* Header that carries the key, and what stands before it: "x-api-key", "";
     * "authorization", "Bearer ". */
    const char *key_header;
    const char *key_prefix;

    int (*write)(const bx_turn_request *request, bx_protocol_request *ret,
                 bx_error **err);
    /* The request that counts tokens; NULL: there is none. */
    int (*write_count)(const bx_turn_request *request, bx_protocol_request *ret,
                       bx_error **err);
    int (*read_count)(const json_t *body, uint64_t *ret_tokens, bx_error **err);

    /* One event of the stream. event: its name, "" for none; data: its text.
     * Unknown events are passed over. bx_reply_end() says that it was the last.
     * errors: BX_ERR_INVALID: it breaks the protocol; what the provider says of
     * an error of its own goes to bx_reply_fail() */
    int (*read_event)(bx_reply *reply, const char *event, const char *data,
                      size_t bytes, bx_error **err);
    /* The stream closed in order. -1: the reply is not whole. */
    int (*read_end)(bx_reply *reply, bx_error **err);

    /* An answer that is no stream: an error object. */
    void (*read_failure)(unsigned status, const json_t *body,
                         bx_reply_failure *ret_failure);
} bx_protocol;

extern const bx_protocol bx_protocol_anthropic;
extern const bx_protocol bx_protocol_openai_chat;
extern const bx_protocol bx_protocol_openai_responses;
extern const bx_protocol bx_protocol_gemini;

/* NULL: there is none of that name. */
const bx_protocol *bx_protocol_find(const char *name);

void bx_protocol_request_clear(bx_protocol_request *request);
#define bx_autoprotocolrequest                                                 \
    __attribute__((cleanup(bx_protocol_request_clear)))

#endif
