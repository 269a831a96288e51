/* malloc() with the size in front of each block. QuickJS-ng adds up usable
 * sizes and aborts when a block gives back more than it took; libc's allocator
 * may let a block grow into a gap beside it, so its answer changes. */
#include "heap.h"

#include <stdint.h>
#include <stdlib.h>

typedef struct header {
    uint64_t bytes; /* of the block behind; 8 bytes keep it aligned */
} header;

static void *heap_malloc(void *opaque, size_t bytes)
{
    header *at;

    (void)opaque;
    if (bytes > SIZE_MAX - sizeof(*at))
        return NULL;
    at = malloc(sizeof(*at) + bytes);
    if (at == NULL)
        return NULL;
    at->bytes = bytes;
    return at + 1;
}

static void *heap_calloc(void *opaque, size_t count, size_t bytes)
{
    header *at;
    size_t total;

    (void)opaque;
    if (__builtin_mul_overflow(count, bytes, &total) ||
        total > SIZE_MAX - sizeof(*at))
        return NULL;
    at = calloc(1, sizeof(*at) + total);
    if (at == NULL)
        return NULL;
    at->bytes = total;
    return at + 1;
}

static void heap_free(void *opaque, void *block)
{
    (void)opaque;
    if (block != NULL)
        free((header *)block - 1);
}

static void *heap_realloc(void *opaque, void *block, size_t bytes)
{
    header *at;

    if (block == NULL)
        return heap_malloc(opaque, bytes);
    if (bytes > SIZE_MAX - sizeof(*at))
        return NULL;
    at = realloc((header *)block - 1, sizeof(*at) + bytes);
    if (at == NULL)
        return NULL;
    at->bytes = bytes;
    return at + 1;
}

static size_t heap_usable_size(const void *block)
{
    return block == NULL ? 0 : (size_t)((const header *)block - 1)->bytes;
}

const JSMallocFunctions js_heap = {
    heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable_size,
};
