/* A worker: after the fork, and inside its box. It trusts the host; whoever
 * broke out of a guest has nothing but this process. */
#ifndef BX_WORKER_SERVE_H
#define BX_WORKER_SERVE_H

#include <pthread.h>

#include "net/broker.h"
#include "sandbox/sandbox.h"
#include "worker/template.h"

typedef struct bx_served_box {
    uint64_t id; /* of its module */
    bx_sandbox *sandbox;
    struct bx_served_box *next;
} bx_served_box;

typedef struct bx_served_session {
    uint64_t id;
    bx_session *session;
    struct bx_served_call *call; /* under way; services and broker lead to it */
    bx_services services;
    bx_broker broker;
    struct bx_served_session *next;
} bx_served_session;

typedef struct bx_serve {
    bx_template *template_; /* engine and modules */
    bx_policy *policy;
    bx_fs *fs;
    unsigned char *cancels; /* shared with the host: a flag for each channel */
    uint32_t slots;         /* of them */
    pthread_mutex_t mutex;  /* over what follows, and the modules */
    bx_served_box *boxes;
    bx_served_session *sessions;
    uint64_t last_session;
} bx_serve;

/* A flag for each channel, so far apart that no two share a cache line. */
#define BX_SERVE_CANCEL_BYTES 64

/* The child's whole life as a worker, from its SETUP frame on. */
_Noreturn void bx_serve_process(bx_template *template_, bx_channel *control,
                                bx_frame *setup);
/* The same as a compiler: one COMPILE frame. */
_Noreturn void bx_serve_compile(bx_template *template_, bx_channel *control,
                                bx_frame *frame);

/* And as one that looks into a module that the template has. */
_Noreturn void bx_serve_inspect(bx_template *template_, bx_channel *control,
                                bx_frame *frame);

/* One frame CALL: run it and send its result. */
void bx_serve_call(bx_serve *serve, bx_channel *channel, bx_cancel *cancel,
                   bx_frame *frame);

/* Fill in a session's services and broker. */
void bx_serve_session_links(bx_served_session *session);

bx_sandbox *bx_serve_find_box(bx_serve *serve, uint64_t id);
bx_served_session *bx_serve_find_session(bx_serve *serve, uint64_t id);

#endif
