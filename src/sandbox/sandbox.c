#include "sandbox/sandbox.h"

#include <limits.h>
#include <string.h>

#include "sandbox/guard.h"
#include "sandbox/instance.h"
#include "sandbox/module.h"
#include "sandbox/result.h"
#include "sandbox/stack.h"

/* Everything but policy and folders. */
static int make(bx_sandbox *sandbox, bx_module *module, bx_error **err)
{
    sandbox->engine = module->engine;
    sandbox->name = strdup(module->name);
    memcpy(sandbox->digest, module->digest, sizeof(sandbox->digest));
    if (sandbox->policy == NULL || sandbox->name == NULL)
        return bx_error_set_nomem(err);
    if ((!sandbox->is_shared &&
         bx_guard_apply(sandbox->policy, module->cache, err) < 0) ||
        bx_engine_get_variant(module->engine, &sandbox->policy->limits,
                              &sandbox->variant, err) < 0 ||
        bx_module_get_prepared(module, sandbox->variant, &sandbox->prepared,
                               err) < 0)
        return -1;
    return 0;
}

bx_sandbox *bx_sandbox_new(bx_module *module, const bx_policy *policy,
                           bx_error **err)
{
    bx_sandbox *sandbox = calloc(1, sizeof(*sandbox));

    if (sandbox == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    sandbox->policy =
        policy == NULL ? bx_policy_new() : bx_policy_clone(policy);
    if (make(sandbox, module, err) == 0) {
        sandbox->fs = bx_fs_new(sandbox->policy, err);
        if (sandbox->fs != NULL)
            return sandbox;
    }
    bx_error_wrap(err, "'%s'", module->name);
    bx_sandbox_free(sandbox);
    return NULL;
}

bx_sandbox *bx_sandbox_new_shared(bx_module *module, bx_policy *policy,
                                  bx_fs *fs, bx_error **err)
{
    bx_sandbox *sandbox = calloc(1, sizeof(*sandbox));

    if (sandbox == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    sandbox->is_shared = true;
    sandbox->policy = policy;
    sandbox->fs = fs;
    if (make(sandbox, module, err) == 0)
        return sandbox;
    bx_error_wrap(err, "'%s'", module->name);
    bx_sandbox_free(sandbox);
    return NULL;
}

void bx_sandbox_free(bx_sandbox *sandbox)
{
    if (sandbox == NULL)
        return;
    bx_prepared_unref(sandbox->prepared);
    if (!sandbox->is_shared) {
        bx_fs_free(sandbox->fs);
        bx_policy_free(sandbox->policy);
    }
    free(sandbox->name);
    free(sandbox);
}

typedef struct bx_call {
    const bx_sandbox *sandbox;
    size_t argc;
    const char *const *argv;
    const bx_run_options *options;
    const bx_run_extra *extra;
    bx_result *result;
    bx_error **err;
    int returned;
} bx_call;

static void run(void *argument)
{
    bx_call *call = argument;
    int64_t begin_ns = bx_now_ns();
    bx_instance instance;

    call->returned =
        bx_instance_open(&instance, call->sandbox, call->argc, call->argv,
                         call->options, call->extra, call->err);
    if (call->returned == 0)
        call->returned = bx_instance_run(&instance, call->extra->budget,
                                         call->result, call->err);
    bx_instance_end(&instance);
    if (call->returned == 0 && call->extra->ended != NULL)
        call->extra->ended(call->extra->ended_context, call->result);
    bx_instance_drop(&instance);
    call->result->stats.wall_ns = (uint64_t)(bx_now_ns() - begin_ns);
}

int bx_run_options_check(const bx_run_options *options, bx_run_options *copy,
                         bx_error **err)
{
    *copy = (bx_run_options)BX_RUN_OPTIONS_INIT;
    if (options == NULL)
        return 0;
    if (options->struct_bytes != sizeof(*options))
        return bx_error_set(err, BX_ERR_INVALID,
                            "run options: struct_bytes is %zu, expected %zu",
                            options->struct_bytes, sizeof(*options));
    *copy = *options;
    return 0;
}

void bx_run_options_give(const bx_run_options *options, bx_run *run)
{
    run->cancel = options->cancel;
    run->audit = options->audit;
    run->audit_context = options->audit_context;
    run->effect = options->effect;
    run->effect_context = options->effect_context;
    run->need = options->need;
    run->need_context = options->need_context;
    run->hold = options->hold;
    run->hold_context = options->hold_context;
}

int bx_sandbox_run(const bx_sandbox *sandbox, size_t argc,
                   const char *const *argv, const bx_run_options *options,
                   bx_result **ret_result, bx_error **err)
{
    return bx_sandbox_run_with(sandbox, argc, argv, options, NULL, ret_result,
                               err);
}

int bx_sandbox_invoke(const bx_sandbox *sandbox, const char *function,
                      const char *args_json, const bx_run_options *options,
                      bx_result **ret_result, bx_error **err)
{
    const char *args = args_json == NULL ? "{}" : args_json;
    const bx_invocation invocation = { function, args, strlen(args) };
    const bx_run_extra extra = { .invocation = &invocation };
    const char *argv[] = { sandbox->name };

    return bx_sandbox_run_with(sandbox, 1, argv, options, &extra, ret_result,
                               err);
}

int bx_sandbox_run_with(const bx_sandbox *sandbox, size_t argc,
                        const char *const *argv, const bx_run_options *options,
                        const bx_run_extra *extra, bx_result **ret_result,
                        bx_error **err)
{
    static const bx_run_extra none = { 0 };
    bx_run_options complete;
    bx_call call = { .sandbox = sandbox,
                     .argc = argc,
                     .argv = argv,
                     .options = &complete,
                     .extra = extra == NULL ? &none : extra,
                     .err = err };

    if (bx_run_options_check(options, &complete, err) < 0)
        return -1;
    call.result = calloc(1, sizeof(*call.result));
    if (call.result == NULL)
        return bx_error_set_nomem(err);
    if (bx_stack_call(sandbox->policy->limits.stack_bytes, run, &call, err) <
            0 ||
        call.returned < 0) {
        bx_error_wrap(err, "run '%s'", sandbox->name);
        bx_result_free(call.result);
        return -1;
    }
    *ret_result = call.result;
    return 0;
}
