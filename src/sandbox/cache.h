/* Compiled modules on disk.
 *
 * Compiled code runs with the process's own rights, so an entry is trusted
 * only when its HMAC verifies under a key that is kept elsewhere (in the
 * user's state folder): a guest that could write into the cache could not
 * forge an entry. Entries are read whole before they are verified and are
 * mapped from that copy, never from the file, which may change meanwhile.
 * Anything that does not verify is rebuilt. */
#ifndef BX_SANDBOX_CACHE_H
#define BX_SANDBOX_CACHE_H

#include "sandbox/engine.h"

typedef struct bx_cache bx_cache;

/* dir: NULL for the user's default. Makes the folder (0700) and the key when
 * they are missing.
 * errors: BX_ERR_SYSTEM; BX_ERR_DENIED: the folder or key is open to others */
bx_cache *bx_cache_open(const char *dir, bx_error **err);
void bx_cache_free(bx_cache *cache);
const char *bx_cache_dir(const bx_cache *cache);

/* Compiled code: of a core module or of a component. */
typedef struct bx_code_image {
    wasmtime_module_t *module;       /* one of the two, */
    wasmtime_component_t *component; /* NULL the other */
} bx_code_image;

/* Frees what it holds. */
void bx_code_image_clear(bx_code_image *image);

/* The code of this digest for this variant; false when there is no good entry.
 */
bool bx_cache_find(const bx_cache *cache, const bx_variant *variant,
                   const uint8_t digest[32], bool is_component,
                   bx_code_image *ret_image);

/* Is there an entry of that name? Whether it is good is not looked at. */
bool bx_cache_has(const bx_cache *cache, const bx_variant *variant,
                  const uint8_t digest[32]);

/* Keep compiled code. */
int bx_cache_save(const bx_cache *cache, const bx_variant *variant,
                  const uint8_t digest[32], const bx_code_image *image,
                  bx_error **err);

/* The same without an engine: what bx_engine_compatibility() says of it, and
 * the code as bytes, owned by the caller, free(). ret_data: begins with
 * *ret_skip bytes that are not the code's. */
bool bx_cache_read(const bx_cache *cache, uint64_t compatibility,
                   const uint8_t digest[32], char **ret_data, size_t *ret_bytes,
                   size_t *ret_skip);
int bx_cache_write(const bx_cache *cache, uint64_t compatibility,
                   const uint8_t digest[32], const void *code, size_t bytes,
                   bx_error **err);

/* One entry, for the list. */
typedef struct bx_cache_entry {
    char *name; /* of the file: 64 hexadecimal digits and ".bxc" */
    uint64_t bytes;
    int64_t modified_s; /* since 1970 */
} bx_cache_entry;

/* ret_entries: owned by the caller, bx_cache_entries_free(). */
int bx_cache_list(const bx_cache *cache, bx_cache_entry **ret_entries,
                  size_t *ret_count, bx_error **err);
void bx_cache_entries_free(bx_cache_entry *entries, size_t count);

/* Remove every entry; other files in the folder stay. */
int bx_cache_clear(const bx_cache *cache, size_t *ret_count, bx_error **err);

/* "$XDG_CACHE_HOME/boxagnts/modules" or the home folder's; owned, NULL when
 * no home is known. */
char *bx_cache_default_dir(void);

#endif
