/* The process that workers are forks of, and what it has: one engine and the
 * code of modules. It has one thread and runs nothing, so that a fork of it is
 * whole. */
#ifndef BX_WORKER_TEMPLATE_H
#define BX_WORKER_TEMPLATE_H

#include "worker/channel.h"

typedef struct bx_loaded {
    uint64_t id;
    bx_module *module;
    struct bx_loaded *next;
} bx_loaded;

typedef struct bx_template {
    bx_channel host;
    pid_t last_child; /* not waited for yet; 0: none */
    bx_engine *engine;
    bx_loaded *loaded;
    char *title; /* what `ps` shows after the program's name */
    size_t title_bytes;
} bx_template;

/* Say in `ps` and `top` what this process is: "template", "worker". */
void bx_template_name(const bx_template *template_, const char *role);

/* What LOAD says; the code is the frame's descriptor. */
int bx_template_load(bx_template *template_, bx_frame *frame, bx_error **err);
void bx_template_unload(bx_template *template_, uint64_t id);
bx_module *bx_template_find(const bx_template *template_, uint64_t id);

/* Memory that a child was born with as RLIMIT_DATA counts it, bytes: most are
 * the pools' tables, which nobody touches before there are guests. */
uint64_t bx_template_data_bytes(void);

/* A child of the template: do what its control socket says and never return.
 * (serve.c, compile.c) */
_Noreturn void bx_template_child(bx_template *template_, int control);

#endif
