/* A provider on 127.0.0.1 that answers as it is told, and turns that ask it. */
#ifndef TESTS_MODELS_TURN_SERVER_H
#define TESTS_MODELS_TURN_SERVER_H

#include "agent/models/turn.h"
#include "base/buf.h"
#include "base/run.h"
#include "net/support_server.h"

/* What is done when a request has come. */
typedef enum turn_act {
    TURN_ANSWER,    /* status, headers and body, in order */
    TURN_HOLD,      /* the same, and the connection stays open */
    TURN_BREAK,     /* the same, but the body promises one byte more */
    TURN_SILENT,    /* nothing, and the connection stays open */
    TURN_HANG_UP,   /* nothing, and the connection is closed */
    TURN_RESET,     /* nothing, and the connection is reset */
    TURN_ECHO,      /* the request's headers, as an error's message */
    TURN_ECHO_TEXT, /* the same, as what the model says */
    TURN_BYTES,     /* the answer byte by byte */
} turn_act;

typedef struct turn_answer {
    turn_act act;
    unsigned status;     /* 0: 200 */
    const char *headers; /* lines with their ends; NULL: an event stream */
    const char *body;    /* NULL: stream_text */
    size_t bytes;        /* of it; 0: as long as it is */
} turn_answer;

#define TURN_ANSWERS_MAX 8
#define TURN_KEY "sk-secret/0123456789+abcdef"

typedef struct turn_server {
    support_server *server;
    turn_answer answers[TURN_ANSWERS_MAX]; /* the last one stands for more */
    size_t count;
    size_t at;
    void (*on_request)(struct turn_server *server, size_t number);
    char *url;
    char *key_file; /* what on_request may write */

    bx_provider provider;
    bx_model model;
    bx_turn_request request;
    bx_model_client_config config;
    bx_cancel cancel;
    int64_t deadline_ns;
    bool cancels_at_retry;
    bool cancels_at_text;

    /* of the last turn */
    bx_turn_reply reply;
    bx_error *err;
    bx_buf said;       /* "(text)" pieces, and "|" for each retry */
    bx_buf reasons;    /* of retries: "attempt reason;" */
    uint64_t delay_ms; /* the last */
    unsigned retries;
} turn_server;

/* cmocka's set-up and tear-down: *state becomes a server whose provider speaks
 * "anthropic" with TURN_KEY, one attempt a turn unless config says more. */
int turn_open(void **state);
int turn_close(void **state);

/* The same server anew: one takes 256 connections in all. */
void turn_restart(turn_server *server);
/* The next answer; body and headers borrowed. */
void turn_will(turn_server *server, turn_answer answer);
/* Ask once; 0 or -1, with reply or err. */
int turn_ask(turn_server *server);
/* Ask, and expect an error with the text. */
void turn_refused(turn_server *server, bx_code code, const char *text);
/* Ask, and expect the message's text. */
void turn_said(turn_server *server, const char *text);

/* "Hello, world", whole. */
extern const char turn_stream[];

#endif
