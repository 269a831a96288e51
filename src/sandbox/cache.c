#include "sandbox/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/user_dir.h"

#define ENTRY_SUFFIX ".bxc"
#define ENTRY_MAX_BYTES (1u << 30)

/* An entry: this head, then Wasmtime's serialized module. All little-endian,
 * and under the HMAC but for the HMAC itself. */
typedef struct entry_head {
    char magic[8];
    uint64_t compatibility; /* bx_engine_compatibility */
    uint64_t body_bytes;
    uint8_t digest[BX_DIGEST_BYTES]; /* of the .wasm */
    uint8_t mac[BX_DIGEST_BYTES];
} entry_head;

static const char entry_magic[8] = { 'B', 'X', 'C', 'A', 'C', 'H', 'E', '1' };

struct bx_cache {
    char *dir;
    uint8_t key[BX_DIGEST_BYTES];
};

char *bx_cache_default_dir(void)
{
    return bx_user_cache_path("modules");
}

static int open_dir(const char *dir, bx_error **err)
{
    bx_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        if (bx_file_make_dirs(dir, 0700, err) < 0)
            return -1;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", dir);
    return bx_user_check_owner(fd, dir, 0022, err);
}

bx_cache *bx_cache_open(const char *dir, bx_error **err)
{
    bx_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    cache->dir = dir == NULL ? bx_cache_default_dir() : strdup(dir);
    if (cache->dir == NULL) {
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "no home folder for the module cache; set HOME or "
                     "wasm-cache-dir");
    } else if (open_dir(cache->dir, err) == 0 &&
               bx_user_key_load("cache.key", cache->key, err) == 0) {
        return cache;
    }
    bx_error_wrap(err, "module cache");
    bx_cache_free(cache);
    return NULL;
}

void bx_cache_free(bx_cache *cache)
{
    if (cache == NULL)
        return;
    explicit_bzero(cache->key, sizeof(cache->key));
    free(cache->dir);
    free(cache);
}

const char *bx_cache_dir(const bx_cache *cache)
{
    return cache->dir;
}

/* One file for each module and each kind of engine that compiles it. */
static char *entry_path(const bx_cache *cache, uint64_t compatibility,
                        const uint8_t digest[BX_DIGEST_BYTES])
{
    uint8_t key[BX_DIGEST_BYTES + 8];
    uint8_t name[BX_DIGEST_BYTES];
    char text[65];
    char *path = NULL;

    memcpy(key, digest, BX_DIGEST_BYTES);
    memcpy(key + BX_DIGEST_BYTES, &compatibility, sizeof(compatibility));
    bx_sha256(key, sizeof(key), name);
    bx_digest_format(name, text);
    if (asprintf(&path, "%s/%s" ENTRY_SUFFIX, cache->dir, text) < 0)
        return NULL;
    return path;
}

bool bx_cache_has(const bx_cache *cache, const bx_variant *variant,
                  const uint8_t digest[BX_DIGEST_BYTES])
{
    bx_autofree char *path =
        entry_path(cache, bx_engine_compatibility(variant->engine), digest);

    return path != NULL && access(path, R_OK) == 0;
}

static void sign(const bx_cache *cache, const entry_head *head,
                 const uint8_t *body, uint8_t mac[BX_DIGEST_BYTES])
{
    bx_hmac_sha256(cache->key, head, offsetof(entry_head, mac), body,
                   head->body_bytes, mac);
}

static bool verify(const bx_cache *cache, uint64_t compatibility,
                   const uint8_t digest[BX_DIGEST_BYTES], const char *data,
                   size_t bytes)
{
    entry_head head;
    uint8_t mac[BX_DIGEST_BYTES];

    if (bytes < sizeof(head))
        return false;
    memcpy(&head, data, sizeof(head));
    if (memcmp(head.magic, entry_magic, sizeof(entry_magic)) != 0 ||
        head.body_bytes != bytes - sizeof(head) ||
        head.compatibility != compatibility ||
        memcmp(head.digest, digest, BX_DIGEST_BYTES) != 0)
        return false;
    sign(cache, &head, (const uint8_t *)data + sizeof(head), mac);
    return bx_digest_equals(mac, head.mac);
}

void bx_code_image_clear(bx_code_image *image)
{
    if (image->module != NULL)
        wasmtime_module_delete(image->module);
    if (image->component != NULL)
        wasmtime_component_delete(image->component);
    *image = (bx_code_image){ NULL, NULL };
}

bool bx_cache_read(const bx_cache *cache, uint64_t compatibility,
                   const uint8_t digest[BX_DIGEST_BYTES], char **ret_data,
                   size_t *ret_bytes, size_t *ret_skip)
{
    bx_autofree char *path = entry_path(cache, compatibility, digest);
    bx_autofree char *data = NULL;
    size_t bytes;

    if (path == NULL ||
        bx_file_read(path, ENTRY_MAX_BYTES, &data, &bytes, NULL) < 0 ||
        !verify(cache, compatibility, digest, data, bytes))
        return false;
    *ret_data = bx_take(data);
    *ret_bytes = bytes;
    *ret_skip = sizeof(entry_head);
    return true;
}

bool bx_cache_find(const bx_cache *cache, const bx_variant *variant,
                   const uint8_t digest[BX_DIGEST_BYTES], bool is_component,
                   bx_code_image *ret_image)
{
    bx_autofree char *data = NULL;
    bx_code_image image = { NULL, NULL };
    wasmtime_error_t *error;
    const uint8_t *code;
    size_t bytes;
    size_t skip;

    if (!bx_cache_read(cache, bx_engine_compatibility(variant->engine), digest,
                       &data, &bytes, &skip))
        return false;
    code = (const uint8_t *)data + skip;
    bytes -= skip;
    error = is_component ? wasmtime_component_deserialize(
                               variant->engine, code, bytes, &image.component)
                         : wasmtime_module_deserialize(variant->engine, code,
                                                       bytes, &image.module);
    if (error != NULL) {
        wasmtime_error_delete(error); /* another version's: rebuild */
        return false;
    }
    *ret_image = image;
    return true;
}

int bx_cache_write(const bx_cache *cache, uint64_t compatibility,
                   const uint8_t digest[BX_DIGEST_BYTES], const void *code,
                   size_t bytes, bx_error **err)
{
    bx_autofree char *path = entry_path(cache, compatibility, digest);
    bx_autofree uint8_t *file = malloc(sizeof(entry_head) + bytes);
    entry_head head = { .compatibility = compatibility, .body_bytes = bytes };

    if (file == NULL || path == NULL)
        return bx_error_set_nomem(err);
    memcpy(head.magic, entry_magic, sizeof(head.magic));
    memcpy(head.digest, digest, BX_DIGEST_BYTES);
    sign(cache, &head, code, head.mac);
    memcpy(file, &head, sizeof(head));
    memcpy(file + sizeof(head), code, bytes);
    return bx_file_replace(path, file, sizeof(head) + bytes, 0600, err);
}

int bx_cache_save(const bx_cache *cache, const bx_variant *variant,
                  const uint8_t digest[BX_DIGEST_BYTES],
                  const bx_code_image *image, bx_error **err)
{
    wasm_byte_vec_t body;
    wasmtime_error_t *error =
        image->component != NULL
            ? wasmtime_component_serialize(image->component, &body)
            : wasmtime_module_serialize(image->module, &body);
    int result;

    if (error != NULL)
        return bx_engine_fail(err, BX_ERR_SYSTEM, error, "serialize");
    result = bx_cache_write(cache, bx_engine_compatibility(variant->engine),
                            digest, body.data, body.size, err);
    wasm_byte_vec_delete(&body);
    return result;
}

/* 64 hexadecimal digits and the suffix: nothing else in the folder is ours. */
static bool is_entry(const char *name)
{
    return strspn(name, "0123456789abcdef") == 64 &&
           strcmp(name + 64, ENTRY_SUFFIX) == 0;
}

static int append_entry(bx_cache_entry **entries, size_t *count, int dir_fd,
                        const char *name, bx_error **err)
{
    struct stat st;
    bx_cache_entry *grown;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* another process removed it */
    grown = realloc(*entries, (*count + 1) * sizeof(*grown));
    if (grown == NULL)
        return bx_error_set_nomem(err);
    *entries = grown;
    grown[*count].name = strdup(name);
    if (grown[*count].name == NULL)
        return bx_error_set_nomem(err);
    grown[*count].bytes = (uint64_t)st.st_size;
    grown[*count].modified_s = st.st_mtime;
    ++*count;
    return 0;
}

int bx_cache_list(const bx_cache *cache, bx_cache_entry **ret_entries,
                  size_t *ret_count, bx_error **err)
{
    DIR *dir = opendir(cache->dir);
    bx_cache_entry *entries = NULL;
    size_t count = 0;
    const struct dirent *entry;

    if (dir == NULL)
        return bx_error_set_errno(err, errno, "'%s'", cache->dir);
    while ((entry = readdir(dir)) != NULL) {
        if (is_entry(entry->d_name) &&
            append_entry(&entries, &count, dirfd(dir), entry->d_name, err) <
                0) {
            closedir(dir);
            bx_cache_entries_free(entries, count);
            return -1;
        }
    }
    closedir(dir);
    *ret_entries = entries;
    *ret_count = count;
    return 0;
}

void bx_cache_entries_free(bx_cache_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i].name);
    free(entries);
}

int bx_cache_clear(const bx_cache *cache, size_t *ret_count, bx_error **err)
{
    bx_autofd int dir = open(cache->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bx_cache_entry *entries = NULL;
    size_t count = 0;
    int failed = 0;

    if (dir < 0)
        return bx_error_set_errno(err, errno, "'%s'", cache->dir);
    if (bx_cache_list(cache, &entries, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (unlinkat(dir, entries[i].name, 0) < 0 && errno != ENOENT)
            failed = errno;
    }
    bx_cache_entries_free(entries, count);
    if (failed != 0)
        return bx_error_set_errno(err, failed, "'%s'", cache->dir);
    *ret_count = count;
    return 0;
}
