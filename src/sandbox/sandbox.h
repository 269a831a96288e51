/* A module and a policy, made ready: folders open, imports resolved. */
#ifndef BX_SANDBOX_SANDBOX_H
#define BX_SANDBOX_SANDBOX_H

#include "policy/policy.h"
#include "sandbox/engine.h"
#include "wasi/wasi.h"

struct bx_sandbox {
    bx_engine *engine;   /* borrowed */
    bx_variant *variant; /* borrowed */
    bx_policy *policy;
    bx_fs *fs;
    wasmtime_instance_pre_t *pre; /* keeps the compiled module */
    char *name;                   /* the module's, for messages */
};

#endif
