/* Modules: from bytes to compiled code, through the cache. */
#ifndef BX_SANDBOX_MODULE_H
#define BX_SANDBOX_MODULE_H

#include <pthread.h>
#include <stdatomic.h>

#include "sandbox/cache.h"
#include "sandbox/engine.h"
#include "sandbox/prepared.h"

#define BX_MODULE_MAX_BYTES (256u << 20)
/* Each costs the compiler kilobytes, even an empty one of three bytes. LLVM as
 * one module has 133,000. */
#define BX_MODULE_MAX_FUNCTIONS 250000u

/* Compiled for one variant of the engine. */
typedef struct bx_module_code {
    bx_variant *variant;
    bx_code_image image;
    bx_prepared *prepared; /* NULL: not asked for yet */
    struct bx_module_code *next;
} bx_module_code;

struct bx_module {
    bx_engine *engine; /* borrowed */
    char *name;
    uint8_t *bytes; /* binary format; NULL: only its codes are here */
    size_t bytes_len;
    bool is_component;
    uint8_t digest[32]; /* SHA-256 of bytes */
    bx_cache *cache;    /* NULL: none */
    atomic_bool is_cached;
    pthread_mutex_t mutex; /* over codes */
    bx_module_code *codes;
};

/* The code for a variant, compiled or loaded if need be; borrowed, lives as
 * long as the module. */
int bx_module_get_code(bx_module *module, bx_variant *variant,
                       const bx_code_image **ret_image, bx_error **err);

/* The same with its imports resolved, once for each variant. The caller is one
 * more owner. */
int bx_module_get_prepared(bx_module *module, bx_variant *variant,
                           bx_prepared **ret_prepared, bx_error **err);

/* Any code of it: a module that was loaded has one. Borrowed likewise. */
const bx_code_image *bx_module_first_code(const bx_module *module);

/* May it ask for the network? A component always may: its world is wide. */
bool bx_module_wants_network(const bx_module *module);

#endif
