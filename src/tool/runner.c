#include "tool/runner.h"

#include <stdlib.h>

struct bx_runner_code {
    bx_module *module;        /* one of the two, */
    bx_worker_module *remote; /* NULL the other; so below */
    bx_worker_pool *workers;
};

struct bx_runner_box {
    bx_sandbox *sandbox;
    bx_worker_box *remote;
};

struct bx_runner_session {
    bx_session *session;
    bx_worker_session *remote;
};

bx_runner_code *bx_runner_code_new(const bx_runner *runner, const void *bytes,
                                   size_t count, const char *name,
                                   const bx_policy *policy, bx_wait *wait,
                                   bx_error **err)
{
    bx_runner_code *code = calloc(1, sizeof(*code));

    if (code == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    code->workers = runner->workers;
    if (runner->workers != NULL)
        code->remote = bx_worker_module_new_within(
            runner->workers, bytes, count, name, policy, 0, wait, err);
    else
        code->module =
            bx_module_parse(runner->engine, bytes, count, name, policy, err);
    if (code->remote != NULL || code->module != NULL)
        return code;
    free(code);
    return NULL;
}

void bx_runner_code_free(bx_runner_code *code)
{
    if (code == NULL)
        return;
    bx_module_free(code->module);
    if (code->remote != NULL)
        bx_worker_module_free(code->remote);
    free(code);
}

char *bx_runner_code_inspect(bx_runner_code *code, bx_error **err)
{
    return code->remote != NULL ? bx_worker_module_inspect(code->remote, err)
                                : bx_module_inspect(code->module, err);
}

bx_runner_box *bx_runner_box_new(bx_runner_code *code, const bx_policy *policy,
                                 bx_wait *wait, bx_error **err)
{
    bx_runner_box *box = calloc(1, sizeof(*box));

    if (box == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (code->remote != NULL)
        box->remote = bx_worker_box_new_within(code->workers, code->remote,
                                               policy, wait, err);
    else
        box->sandbox = bx_sandbox_new(code->module, policy, err);
    if (box->remote != NULL || box->sandbox != NULL)
        return box;
    free(box);
    return NULL;
}

void bx_runner_box_free(bx_runner_box *box)
{
    if (box == NULL)
        return;
    bx_sandbox_free(box->sandbox);
    bx_worker_box_free(box->remote);
    free(box);
}

const bx_policy *bx_runner_box_policy(const bx_runner_box *box)
{
    return box->remote != NULL ? bx_worker_box_policy(box->remote)
                               : box->sandbox->policy;
}

int bx_runner_box_run(bx_runner_box *box, size_t argc, const char *const *argv,
                      const bx_run_options *options, const bx_run_extra *extra,
                      bx_result **ret_result, bx_error **err)
{
    if (box->remote != NULL)
        return bx_worker_box_run(box->remote, argc, argv, options, extra,
                                 ret_result, err);
    return bx_sandbox_run_with(box->sandbox, argc, argv, options, extra,
                               ret_result, err);
}

bx_runner_session *bx_runner_session_open(bx_runner_box *box,
                                          const bx_services *services,
                                          bx_wait *wait, bx_error **err)
{
    const bx_run_extra extra = { .services = services };
    bx_runner_session *session = calloc(1, sizeof(*session));

    if (session == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (box->remote != NULL)
        session->remote =
            bx_worker_session_open_within(box->remote, services, wait, err);
    else
        session->session = bx_session_open_with(box->sandbox, &extra, err);
    if (session->remote != NULL || session->session != NULL)
        return session;
    free(session);
    return NULL;
}

int bx_runner_session_invoke(bx_runner_session *session, const char *function,
                             const char *args_json,
                             const bx_run_options *options,
                             bx_result **ret_result, bx_error **err)
{
    if (session->remote != NULL)
        return bx_worker_session_invoke(session->remote, function, args_json,
                                        options, ret_result, err);
    return bx_session_invoke(session->session, function, args_json, options,
                             ret_result, err);
}

bool bx_runner_session_is_alive(const bx_runner_session *session)
{
    return session->remote != NULL ? bx_worker_session_is_alive(session->remote)
                                   : bx_session_is_alive(session->session);
}

void bx_runner_session_close(bx_runner_session *session)
{
    if (session == NULL)
        return;
    if (session->remote != NULL)
        bx_worker_session_close(session->remote);
    bx_session_close(session->session);
    free(session);
}
