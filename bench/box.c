#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "policy/grant.h"
#include "policy/policy.h"

void bench_write_file(const char *path, const char *line, size_t bytes)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        die(path, NULL);
    for (size_t done = 0; done < bytes; done += strlen(line))
        fputs(line, file);
    if (fclose(file) != 0)
        die(path, NULL);
}

bx_worker_pool *bench_pool(const bench_paths *paths, uint32_t max_instances)
{
    const bx_worker_options options = { .program = paths->program,
                                        .max_instances = max_instances,
                                        .idle_ms = 600000,
                                        .requires_lockdown = true };
    bx_error *err = NULL;
    bx_worker_pool *pool = bx_worker_pool_new(&options, &err);

    if (pool == NULL)
        die("workers", err);
    return pool;
}

bx_worker_module *bench_worker_module(bx_worker_pool *pool, const char *folder,
                                      const char *name)
{
    bx_error *err = NULL;
    bx_worker_module *module;
    char path[1200];
    size_t bytes;
    char *data;

    snprintf(path, sizeof(path), "%s/%s.wasm", folder, name);
    if (bx_file_read(path, 256u << 20, &data, &bytes, &err) < 0)
        die(path, err);
    module = bx_worker_module_new(pool, data, bytes, name, NULL, 0, &err);
    if (module == NULL)
        die(path, err);
    free(data);
    return module;
}

/* ---- a box ---------------------------------------------------------- */

static void make_folders(bench_box *box, const bench_paths *paths,
                         const bench_box_kind *kind)
{
    const char *name = kind->name == NULL ? "workspace" : kind->name;

    snprintf(box->state, sizeof(box->state), "%s/%s.state", paths->scratch,
             name);
    if (kind->workspace != NULL)
        snprintf(box->workspace, sizeof(box->workspace), "%s", kind->workspace);
    else
        snprintf(box->workspace, sizeof(box->workspace), "%s/%s",
                 paths->scratch, name);
    (void)mkdir(box->state, 0700);
    (void)mkdir(box->workspace, 0755);
}

static bx_policy *make_policy(const bench_box *box, const bench_box_kind *kind)
{
    bx_error *err = NULL;
    bx_policy *policy = bx_registry_default_policy(box->workspace, &err);

    if (policy == NULL ||
        (kind->overlay != NULL &&
         bx_policy_set_overlay(policy, kind->overlay, &err) < 0))
        die("policy", err);
    return policy;
}

void bench_box_open(bench_box *box, const bench_paths *paths,
                    const bench_box_kind *kind)
{
    static const bench_box_kind plain = { .name = NULL };
    bx_registry_config config = { .builtin_dir = paths->tools };
    bx_error *err = NULL;
    bx_policy *policy;
    char path[1200];

    kind = kind == NULL ? &plain : kind;
    memset(box, 0, sizeof(*box));
    make_folders(box, paths, kind);
    snprintf(path, sizeof(path), "%s/audit.jsonl", box->state);
    box->audit = bx_audit_log_open(path, &err);
    if (box->audit == NULL)
        die("audit log", err);
    if (kind->has_workers)
        box->workers = bench_pool(paths, 0);
    else
        box->engine = bx_engine_new(NULL, &err);
    if (box->workers == NULL && box->engine == NULL)
        die("engine", err);
    policy = make_policy(box, kind);
    config.engine = box->engine;
    config.workers = box->workers;
    config.workspace = box->workspace;
    config.policy = policy;
    config.user_dir = config.state_dir = box->state;
    config.audit = box->audit;
    box->registry = bx_registry_new(&config, &err);
    if (box->registry == NULL)
        die("registry", err);
    bx_policy_free(policy);
}

void bench_box_close(bench_box *box)
{
    bx_registry_free(box->registry);
    bx_worker_pool_free(box->workers);
    bx_engine_free(box->engine);
    bx_audit_log_close(box->audit);
}

/* ---- calls ---------------------------------------------------------- */

void bench_call_with(bench_box *box, bx_tool_call *request, const char *name,
                     const char *input, const char *expected)
{
    bx_tool_result *result;
    bx_error *err = NULL;
    char *text;

    request->name = name;
    request->input = input;
    request->input_bytes = strlen(input);
    request->caller = "bench";
    if (bx_registry_call(box->registry, request, &result, &err) < 0)
        die(name, err);
    text = bx_tool_result_text(result);
    if (result->is_error ||
        (expected != NULL && strstr(text, expected) == NULL)) {
        fprintf(stderr, "bench: %s answered: %.400s\n", name, text);
        exit(1);
    }
    free(text);
    bx_tool_result_free(result);
}

void bench_call(bench_box *box, const char *name, const char *input,
                const char *expected)
{
    bx_tool_call request = { .name = name };

    bench_call_with(box, &request, name, input, expected);
}

static void add_grants(bx_grants *session, const char *timeout)
{
    static const char *const grants[] = { "fs.read:/", "fs.write:/", "exec:*",
                                          "tool:*" };
    bx_error *err = NULL;

    for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
        if (bx_grants_add(session, grants[i], "bench", &err) < 0)
            die(grants[i], err);
    }
    if (bx_grants_put_limit(session, "wasm-timeout", timeout, "bench", &err) <
        0)
        die(timeout, err);
}

double bench_call_new(bench_box *box, const char *name, const char *input,
                      const char *expected)
{
    static int last = 10000;
    bx_autogrants bx_grants *session = bx_grants_new();
    bx_tool_call request = { .session = session };
    bx_worker_stats before;
    bx_worker_stats after;
    char timeout[32];
    double begin;

    snprintf(timeout, sizeof(timeout), "%dms", ++last);
    add_grants(session, timeout);
    bx_worker_pool_stats(box->workers, &before);
    begin = now_us();
    bench_call_with(box, &request, name, input, expected);
    begin = now_us() - begin;
    bx_worker_pool_stats(box->workers, &after);
    if (after.started != before.started + 1)
        die("a new box was an old one", NULL);
    return begin;
}

double bench_time_calls(bench_box *box, const char *name, const char *input,
                        const char *expected, size_t batch)
{
    double times[21];

    for (size_t i = 0; i < 21; i++) {
        double begin = now_us();

        for (size_t j = 0; j < batch; j++)
            bench_call(box, name, input, expected);
        times[i] = (now_us() - begin) / (double)batch;
    }
    return median(times, 21);
}

double bench_time_engine_each(const bench_paths *paths, const bench_box *box,
                              const char *name, const char *input,
                              const char *expected)
{
    double times[21];

    for (size_t i = 0; i < 21; i++) {
        double begin = now_us();
        bx_registry_config config = { .builtin_dir = paths->tools,
                                      .workspace = box->workspace,
                                      .user_dir = box->state,
                                      .state_dir = box->state,
                                      .only = &name,
                                      .only_count = 1 };
        bench_box each = { .engine = bx_engine_new(NULL, NULL) };

        config.engine = each.engine;
        each.registry = bx_registry_new(&config, NULL);
        bench_call(&each, name, input, expected);
        bx_registry_free(each.registry);
        bx_engine_free(each.engine);
        times[i] = now_us() - begin;
    }
    return median(times, 21);
}

double bench_time_process(const char *const *argv, size_t count)
{
    double times[101];

    for (size_t i = 0; i < count; i++)
        times[i] = time_process(argv);
    return median(times, count);
}
