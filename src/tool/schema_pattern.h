/* Regular expressions of schemas. pcre2.h is included only in its source.
 * Both the pattern and the text are hostile: a pattern is small, and a match
 * costs at most what it is given. */
#ifndef BX_TOOL_SCHEMA_PATTERN_H
#define BX_TOOL_SCHEMA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BX_SCHEMA_PATTERN_MAX_BYTES 4096
#define BX_SCHEMA_PATTERNS_KEPT 16

typedef struct bx_schema_pattern_cache {
    struct {
        const char *text; /* borrowed from the schema */
        void *code;
    } kept[BX_SCHEMA_PATTERNS_KEPT];
    unsigned count;
} bx_schema_pattern_cache;

void bx_schema_pattern_cache_clear(bx_schema_pattern_cache *cache);

/* Does it compile? BX_ERR_INVALID says what is wrong, and at which byte. */
int bx_schema_pattern_check(const char *pattern, bx_error **err);

/* Is pattern found in text? 1 yes, 0 no, -1 it costs more than *steps (or it
 * does not compile); what it cost is taken from *steps. pattern lives as long
 * as the cache. */
int bx_schema_pattern_match(bx_schema_pattern_cache *cache, const char *pattern,
                            const char *text, size_t bytes, uint64_t *steps);

#endif
