/* A registry over a workspace of its own, in process or with workers, and timed
 * calls of its tools. */
#ifndef BX_BENCH_BOX_H
#define BX_BENCH_BOX_H

#include "bench.h"
#include "tool/registry.h"

typedef struct bench_box {
    char workspace[1024];
    char state[1024]; /* lock and audit log */
    bx_engine *engine;
    bx_worker_pool *workers; /* owned; NULL: guests run in this process */
    bx_audit_log *audit;
    bx_registry *registry;
} bench_box;

typedef struct bench_box_kind {
    const char *name; /* of its folder in the scratch one; NULL: "workspace" */
    const char *workspace; /* of another box; NULL: its own, made */
    const char *overlay;   /* a folder; NULL: none */
    bool has_workers;
} bench_box_kind;

/* kind NULL: all defaults. Everything here exits when it fails. */
void bench_box_open(bench_box *box, const bench_paths *paths,
                    const bench_box_kind *kind);
void bench_box_close(bench_box *box);

/* max_instances 0: the default. Its workers stay, and have every layer. */
bx_worker_pool *bench_pool(const bench_paths *paths, uint32_t max_instances);
bx_worker_module *bench_worker_module(bx_worker_pool *pool, const char *folder,
                                      const char *name);

/* One call, which must succeed and say expected (NULL: anything). */
void bench_call(bench_box *box, const char *name, const char *input,
                const char *expected);
/* The same, as request says beside name and input. */
void bench_call_with(bench_box *box, bx_tool_call *request, const char *name,
                     const char *input, const char *expected);
/* In a session that narrows the policy in its own way each time, so that no
 * worker serves it yet; us, from fork to answer. */
double bench_call_new(bench_box *box, const char *name, const char *input,
                      const char *expected);
/* Median of 21 batches, us for each call. */
double bench_time_calls(bench_box *box, const char *name, const char *input,
                        const char *expected, size_t batch);
/* The same call with an engine and a registry made for each, us. */
double bench_time_engine_each(const bench_paths *paths, const bench_box *box,
                              const char *name, const char *input,
                              const char *expected);
/* Median wall time of a program, us; count is at most 101. */
double bench_time_process(const char *const *argv, size_t count);

/* A file of that line, again and again. */
void bench_write_file(const char *path, const char *line, size_t bytes);

#endif
