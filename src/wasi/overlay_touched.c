/* Which paths of an overlay were touched: bits in a file that every process
 * maps. Each path sets two bits, chosen by its hash; a guest that makes paths
 * collide makes only its own looking slower.
 *
 * The bits are set before what they stand for is made, but nothing orders them
 * on disk: after a restart of the machine they are set again from the trees. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "wasi/overlay_state.h"

#define TOUCHED_BITS (1u << 20)
#define WORD_BITS 64u
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_BYTES 36u
#define HIDING_SALT 0x9e3779b97f4a7c15u

struct bx_touched {
    char magic[8];
    char boot_id[BOOT_ID_BYTES];
    uint32_t reserved;
    _Atomic uint64_t changes;
    _Atomic uint64_t words[TOUCHED_BITS / WORD_BITS];
};

static const char magic[8] = { 'b', 'x', 't', 'o', 'u', 'c', 'h', '1' };

/* FNV-1a, mixed at the end since its low bits alone are weak. */
static uint64_t hash_more(uint64_t hash, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_begin(unsigned number)
{
    return (0xcbf29ce484222325u ^ number) * 0x100000001b3u;
}

static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 33);
}

static void set_bit(bx_touched *touched, uint32_t bit)
{
    atomic_fetch_or(&touched->words[bit / WORD_BITS], UINT64_C(1)
                                                          << bit % WORD_BITS);
}

static bool has_bit(bx_touched *touched, uint32_t bit)
{
    uint64_t word = atomic_load_explicit(&touched->words[bit / WORD_BITS],
                                         memory_order_acquire);

    return (word >> bit % WORD_BITS & 1) != 0;
}

static void add(bx_touched *touched, uint64_t hash)
{
    hash = mix(hash);
    set_bit(touched, (uint32_t)hash % TOUCHED_BITS);
    set_bit(touched, (uint32_t)(hash >> 32) % TOUCHED_BITS);
}

static bool has(bx_touched *touched, uint64_t hash)
{
    hash = mix(hash);
    return has_bit(touched, (uint32_t)hash % TOUCHED_BITS) &&
           has_bit(touched, (uint32_t)(hash >> 32) % TOUCHED_BITS);
}

static void touch(bx_touched *touched, unsigned number, const char *path,
                  bool is_hiding)
{
    uint64_t hash = hash_begin(number);

    add(touched, hash);
    while (*path != '\0') {
        size_t bytes = strcspn(path, "/");

        hash = hash_more(hash, path, bytes);
        add(touched, hash);
        path += bytes;
        if (*path == '/') {
            hash = hash_more(hash, "/", 1);
            path++;
        }
    }
    if (is_hiding)
        add(touched, hash ^ HIDING_SALT);
}

void bx_overlay_touch(const bx_layers *layers, const char *path, bool is_hiding)
{
    touch(layers->overlay->touched, layers->number, path, is_hiding);
}

bool bx_overlay_is_touched(const bx_layers *layers, const char *path)
{
    bx_touched *touched = layers->overlay->touched;
    uint64_t hash = hash_begin(layers->number);

    if (!has(touched, hash))
        return false;
    while (*path != '\0') {
        size_t bytes = strcspn(path, "/");

        hash = hash_more(hash, path, bytes);
        if (!has(touched, hash))
            return false;
        if (has(touched, hash ^ HIDING_SALT))
            return true;
        path += bytes;
        if (*path == '/') {
            hash = hash_more(hash, "/", 1);
            path++;
        }
    }
    return true;
}

void bx_overlay_count_change(const bx_overlay *overlay)
{
    atomic_fetch_add(&overlay->touched->changes, 1);
}

uint64_t bx_overlay_changes(const bx_overlay *overlay)
{
    return atomic_load(&overlay->touched->changes);
}

/* ---- the file ------------------------------------------------------- */

/* What one entry of up/ or gone/ stands for: beneath "N/". */
static void add_entry(bx_touched *touched, const char *path, bool is_hiding)
{
    char *end;
    unsigned long number = strtoul(path, &end, 10);

    if (end != path && (*end == '/' || *end == '\0') && number <= UINT32_MAX)
        touch(touched, (unsigned)number, *end == '/' ? end + 1 : end,
              is_hiding);
}

static int add_tree(bx_touched *touched, const char *dir, const char *tree,
                    bx_error **err)
{
    bx_autofree char *root = NULL;
    size_t skip;
    FTSENT *entry;
    FTS *walk;

    if (asprintf(&root, "%s/%s", dir, tree) < 0) {
        root = NULL;
        return bx_error_set_nomem(err);
    }
    skip = strlen(root) + 1;
    walk = fts_open((char *[]){ root, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return bx_error_set_errno(err, errno, "'%s'", root);
    errno = 0;
    while ((entry = fts_read(walk)) != NULL) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
            errno = entry->fts_errno;
            break;
        }
        if (entry->fts_level > 0 && entry->fts_info != FTS_DP)
            add_entry(touched, entry->fts_path + skip,
                      entry->fts_info != FTS_D);
    }
    if (entry != NULL || errno != 0)
        bx_error_set_errno(err, errno, "'%s'", root);
    else
        skip = 0;
    fts_close(walk);
    return skip == 0 ? 0 : -1;
}

/* Bits of before a restart may be missing: add those of what is there. None is
 * ever taken away, so whoever reads them meanwhile is not misled. */
static int renew(bx_touched *touched, const char *dir, const char *boot_id,
                 bx_error **err)
{
    if (add_tree(touched, dir, "up", err) < 0 ||
        add_tree(touched, dir, "gone", err) < 0)
        return -1;
    memcpy(touched->magic, magic, sizeof(magic));
    memcpy(touched->boot_id, boot_id, BOOT_ID_BYTES);
    return 0;
}

static void read_boot_id(char boot_id[BOOT_ID_BYTES])
{
    bx_autofree char *text = NULL;
    size_t bytes;

    memset(boot_id, 0, BOOT_ID_BYTES);
    if (bx_file_read(BOOT_ID, 4096, &text, &bytes, NULL) == 0 &&
        bytes >= BOOT_ID_BYTES)
        memcpy(boot_id, text, BOOT_ID_BYTES);
}

bx_touched *bx_touched_open(const char *dir, int dir_fd, bx_error **err)
{
    char boot_id[BOOT_ID_BYTES];
    bx_touched *touched;
    bx_autofd int fd = openat(dir_fd, "touched",
                              O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int failed;

    if (fd < 0) {
        bx_error_set_errno(err, errno, "'%s/touched'", dir);
        return NULL;
    }
    /* Its room is taken now: a full disk would be met as SIGBUS later. */
    failed = posix_fallocate(fd, 0, sizeof(*touched));
    if (failed != 0) {
        bx_error_set_errno(err, failed, "'%s/touched'", dir);
        return NULL;
    }
    touched =
        mmap(NULL, sizeof(*touched), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (touched == MAP_FAILED) {
        bx_error_set_errno(err, errno, "'%s/touched'", dir);
        return NULL;
    }
    read_boot_id(boot_id);
    if ((memcmp(touched->magic, magic, sizeof(magic)) != 0 ||
         boot_id[0] == '\0' ||
         memcmp(touched->boot_id, boot_id, BOOT_ID_BYTES) != 0) &&
        renew(touched, dir, boot_id, err) < 0) {
        bx_touched_close(touched);
        return NULL;
    }
    return touched;
}

void bx_touched_close(bx_touched *touched)
{
    if (touched != NULL)
        munmap(touched, sizeof(*touched));
}
