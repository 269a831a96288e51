/* One turn of a model: a conversation goes there, one message of the assistant
 * comes back, streamed on the way. The same for every provider.
 *
 * Requests go through the one HTTP client. What fails in passing (overload,
 * rate limit, time-out, a stream that broke) is tried again, after what the
 * server says or longer each time; a reply that did not arrive whole is no
 * reply, so half a tool call is never seen. */
#ifndef BX_AGENT_MODELS_TURN_H
#define BX_AGENT_MODELS_TURN_H

#include "agent/models/message.h"
#include "agent/models/model.h"

typedef enum bx_effort {
    BX_EFFORT_DEFAULT, /* nothing is said of thinking */
    BX_EFFORT_NONE,
    BX_EFFORT_LOW,
    BX_EFFORT_MEDIUM,
    BX_EFFORT_HIGH,
} bx_effort;

typedef struct bx_turn_request {
    const bx_model *model;
    const char *system;      /* NULL: none */
    const json_t *messages;  /* as bx_messages_check() wants them */
    bool are_checked;        /* who keeps them has made sure of that, each time
                              * one was added: a long conversation is not
                              * looked through again with each turn */
    const json_t *tools;     /* [{"name", "description", "input_schema"}], or
                              * NULL. Names: 1 to 64 of [a-zA-Z0-9_-] */
    const char *tool_choice; /* "auto", "none", "any", or a tool's name; NULL:
                              * "auto" */
    const json_t
        *output_schema; /* the reply's text is JSON that fits it; NULL */
    uint64_t max_output_tokens; /* 0: the model's */
    bx_effort effort;
    double temperature;    /* negative: the provider's own */
    const char *cache_key; /* the session's name, where a provider wants one to
                            * find its cache; NULL */
} bx_turn_request;

/* On the thread that called; each may be NULL. */
typedef struct bx_turn_events {
    void (*text)(void *context, const char *text, size_t bytes);
    void (*thinking)(void *context, const char *text, size_t bytes);
    /* A call is being written; what is there of its input so far is bytes
     * long. */
    void (*call)(void *context, const char *name, size_t bytes);
    /* All that was streamed of this turn is void; it begins again in delay_ms.
     * attempt: the one that begins then, 2 the first time. reason:
     * "overloaded", for people. */
    void (*retry)(void *context, unsigned attempt, uint64_t delay_ms,
                  const char *reason);
    void *context;
} bx_turn_events;

typedef enum bx_stop {
    BX_STOP_END,     /* it has said what it wanted */
    BX_STOP_CALLS,   /* it wants tools */
    BX_STOP_LENGTH,  /* the most output tokens were reached; calls that are not
                      * whole were left out */
    BX_STOP_CONTEXT, /* the conversation is larger than the model's context: the
                      * message is what was said until then, or without blocks
                      * when the request was refused for it */
    BX_STOP_REFUSAL, /* the provider or the model declines */
} bx_stop;

typedef struct bx_turn_reply {
    json_t *message; /* owned; the assistant's */
    bx_stop stop;
    bx_usage usage;
    char *model;      /* as the provider named it; owned */
    char *request_id; /* of the provider, for its support; owned, may be NULL */
    unsigned attempts;
} bx_turn_reply;

void bx_turn_reply_clear(bx_turn_reply *reply);
#define bx_autoreply __attribute__((cleanup(bx_turn_reply_clear)))

/* Keeps connections. One thread. */
typedef struct bx_model_client bx_model_client;

typedef struct bx_model_client_config {
    bx_cancel *cancel;     /* borrowed; NULL: none */
    const char *ca_file;   /* as of bx_http_config */
    unsigned attempts;     /* of one turn at most; 0: 6 */
    uint64_t idle_ms;      /* a stream that says nothing for so long is broken;
                            * 0: 120000 */
    uint64_t max_delay_ms; /* between attempts; what a server wants beyond it is
                            * an error that says so; 0: 60000 */
} bx_model_client_config;

bx_model_client *bx_model_client_new(const bx_model_client_config *config,
                                     bx_error **err);
/* NULL is fine. */
void bx_model_client_free(bx_model_client *client);

/**
 * Ask a model and wait for the whole reply.
 *
 * deadline_ns  CLOCK_MONOTONIC; INT64_MAX: none
 * ret_reply    cleared by the caller, bx_turn_reply_clear()
 * errors       BX_ERR_INVALID    the request, or what came back: both name what
 *                                was expected
 *              BX_ERR_DENIED     the key: missing, refused, without credit
 *              BX_ERR_NOT_FOUND  no such model there
 *              BX_ERR_LIMIT      attempts used up: overloaded, rate limited
 *              BX_ERR_TIMEOUT, BX_ERR_CANCELLED, BX_ERR_SYSTEM (network)
 *              No message holds a key or a body that might hold one.
 */
int bx_model_client_turn(bx_model_client *client,
                         const bx_turn_request *request,
                         const bx_turn_events *events, int64_t deadline_ns,
                         bx_turn_reply *ret_reply, bx_error **err);

/* How many tokens the request has: counted by the provider where it offers
 * that, otherwise an estimate, *ret_is_estimate. */
int bx_model_client_count(bx_model_client *client,
                          const bx_turn_request *request, int64_t deadline_ns,
                          uint64_t *ret_tokens, bool *ret_is_estimate,
                          bx_error **err);

#endif
