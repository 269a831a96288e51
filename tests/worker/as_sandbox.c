#include "worker/as_sandbox.h"

/* Of this process, for what no worker is asked. */
#undef bx_engine_new
#undef bx_engine_free
#undef bx_module_parse
#undef bx_module_free
#undef bx_module_inspect

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "worker/box.h"

static bx_worker_module *kept[4096];
static size_t kept_count;

/* Before main(), which is a test's: glibc hands the arguments to these too. */
__attribute__((constructor)) static void be_worker(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], BX_WORKER_ARGUMENT) == 0)
        _exit(bx_worker_main(argc, argv));
}

bx_engine *as_engine_new(const bx_engine_options *options, bx_error **err)
{
    const bx_worker_options ours = {
        .max_instances = options == NULL ? 0 : options->max_instances
    };

    return (bx_engine *)bx_worker_pool_new(&ours, err);
}

void as_engine_free(bx_engine *engine)
{
    while (kept_count > 0)
        bx_worker_module_free(kept[--kept_count]);
    bx_worker_pool_free((bx_worker_pool *)engine);
}

bx_module *as_module_parse(bx_engine *engine, const void *bytes, size_t count,
                           const char *name, const bx_policy *policy,
                           bx_error **err)
{
    return (bx_module *)bx_worker_module_new((bx_worker_pool *)engine, bytes,
                                             count, name, policy, 0, err);
}

bx_module *as_module_load(bx_engine *engine, const char *path,
                          const bx_policy *policy, bx_error **err)
{
    bx_autofree char *bytes = NULL;
    size_t count;

    if (bx_file_read(path, 256u << 20, &bytes, &count, err) < 0)
        return NULL;
    return as_module_parse(engine, bytes, count, path, policy, err);
}

/* A box borrows its module, where a sandbox keeps what it needs of it. */
void as_module_free(bx_module *module)
{
    assert(kept_count < sizeof(kept) / sizeof(kept[0]));
    if (module != NULL)
        kept[kept_count++] = (bx_worker_module *)module;
}

/* No worker's business: an engine of this process looks at its bytes. */
char *as_module_inspect(const bx_module *module, bx_error **err)
{
    const bx_worker_module *ours = (const bx_worker_module *)module;
    size_t count = 0;
    bx_autofree char *bytes =
        bx_channel_memory_read(ours->binary, SIZE_MAX, &count, err);
    bx_engine *engine = bx_engine_new(NULL, err);
    bx_module *parsed =
        bx_module_parse(engine, bytes, count, ours->name, NULL, err);
    char *text = bx_module_inspect(parsed, err);

    bx_module_free(parsed);
    bx_engine_free(engine);
    return text;
}

bx_sandbox *as_sandbox_new(bx_module *module, const bx_policy *policy,
                           bx_error **err)
{
    bx_worker_module *ours = (bx_worker_module *)module;

    return (bx_sandbox *)bx_worker_box_new(ours->pool, ours, policy, err);
}

void as_sandbox_free(bx_sandbox *sandbox)
{
    bx_worker_box_free((bx_worker_box *)sandbox);
}

int as_sandbox_run(const bx_sandbox *sandbox, size_t argc,
                   const char *const *argv, const bx_run_options *options,
                   bx_result **ret_result, bx_error **err)
{
    return as_sandbox_run_with(sandbox, argc, argv, options, NULL, ret_result,
                               err);
}

int as_sandbox_run_with(const bx_sandbox *sandbox, size_t argc,
                        const char *const *argv, const bx_run_options *options,
                        const bx_run_extra *extra, bx_result **ret_result,
                        bx_error **err)
{
    return bx_worker_box_run((bx_worker_box *)sandbox, argc, argv, options,
                             extra, ret_result, err);
}

int as_sandbox_invoke(const bx_sandbox *sandbox, const char *function,
                      const char *args_json, const bx_run_options *options,
                      bx_result **ret_result, bx_error **err)
{
    const char *args = args_json == NULL ? "{}" : args_json;
    const bx_invocation invocation = { function, args, strlen(args) };
    const bx_run_extra extra = { .invocation = &invocation };
    const char *argv[] = { "guest" };

    return as_sandbox_run_with(sandbox, 1, argv, options, &extra, ret_result,
                               err);
}

bx_session *as_session_open(const bx_sandbox *sandbox, bx_error **err)
{
    return as_session_open_with(sandbox, NULL, err);
}

bx_session *as_session_open_with(const bx_sandbox *sandbox,
                                 const bx_run_extra *extra, bx_error **err)
{
    return (bx_session *)bx_worker_session_open(
        (bx_worker_box *)sandbox, extra == NULL ? NULL : extra->services, err);
}

int as_session_invoke(bx_session *session, const char *function,
                      const char *args_json, const bx_run_options *options,
                      bx_result **ret_result, bx_error **err)
{
    return bx_worker_session_invoke((bx_worker_session *)session, function,
                                    args_json, options, ret_result, err);
}

bool as_session_is_alive(const bx_session *session)
{
    return bx_worker_session_is_alive((const bx_worker_session *)session);
}

void as_session_close(bx_session *session)
{
    bx_worker_session_close((bx_worker_session *)session);
}
