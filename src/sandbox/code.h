/* Compiled code as bytes: compiled in one process, run in others. It runs with
 * the rights of a process, so whoever hands it on vouches for it. */
#ifndef BX_SANDBOX_CODE_H
#define BX_SANDBOX_CODE_H

#include "base/digest.h"
#include "policy/policy.h"

/* Of which compiled code it is: of limits, those that shape code count. */
int bx_code_compatibility(bx_engine *engine, const bx_limits *limits,
                          uint64_t *ret_compatibility, bx_error **err);

typedef struct bx_code_bytes {
    bool is_component;
    uint8_t digest[BX_DIGEST_BYTES]; /* of the module in binary format */
    char *binary;                    /* the module, where the bytes were text;
                                      * otherwise NULL */
    size_t binary_bytes;
    char *bytes; /* the code */
    size_t bytes_count;
} bx_code_bytes;

void bx_code_bytes_clear(bx_code_bytes *code);

/* Compile a module, binary or text, without any cache. */
int bx_code_compile(bx_engine *engine, const bx_limits *limits,
                    const void *bytes, size_t count, const char *name,
                    bx_code_bytes *ret_code, bx_error **err);

/* A module whose code comes from elsewhere, none yet. */
bx_module *bx_code_module(bx_engine *engine, const char *name,
                          bool is_component,
                          const uint8_t digest[BX_DIGEST_BYTES],
                          bx_error **err);
/* Give it the code for these limits, mapped from a sealed memory file: what is
 * already there stays. */
int bx_code_load(bx_module *module, const bx_limits *limits, int fd,
                 bx_error **err);

/* What a module's first bytes say; false: it is text or none. */
bool bx_code_is_binary(const void *bytes, size_t count, bool *ret_is_component);

#endif
