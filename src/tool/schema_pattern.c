#include "tool/schema_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

/* Backtracking that is taken to be a pattern's normal work; past it a match is
 * tried once more with all that is left, and pays for that. */
#define QUICK_MATCH 5000u
#define LONGEST_MATCH 5000000u
#define HEAP_KIB 16384u
#define TEXT_BYTES_A_STEP 64

/* What ECMA 262 has and PCRE does not have by itself. \C would split UTF-8. */
#define OPTIONS                                                                \
    (PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF |                  \
     PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C)

static pcre2_compile_context *make_context(void)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);

    if (context == NULL)
        return NULL;
    pcre2_set_max_pattern_length(context, BX_SCHEMA_PATTERN_MAX_BYTES);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_parens_nest_limit(context, 100);
    return context;
}

/* "(*UTF)" and the like in front set options of the library; no regular
 * expression of JavaScript begins so. */
static bool has_verb(const char *pattern)
{
    return strncmp(pattern, "(*", 2) == 0;
}

static pcre2_code *compile(const char *pattern, int *ret_error,
                           PCRE2_SIZE *ret_offset)
{
    pcre2_compile_context *context = make_context();
    pcre2_code *code;

    *ret_offset = 0;
    *ret_error = PCRE2_ERROR_NOMEMORY;
    if (context == NULL)
        return NULL;
    code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, OPTIONS,
                         ret_error, ret_offset, context);
    pcre2_compile_context_free(context);
    return code;
}

int bx_schema_pattern_check(const char *pattern, bx_error **err)
{
    PCRE2_UCHAR words[128];
    PCRE2_SIZE offset;
    pcre2_code *code;
    int error;

    if (has_verb(pattern))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the pattern begins with (*; expected a regular "
                            "expression as JavaScript has it");
    code = compile(pattern, &error, &offset);
    if (code != NULL) {
        pcre2_code_free(code);
        return 0;
    }
    if (error == PCRE2_ERROR_NOMEMORY)
        return bx_error_set_nomem(err);
    if (pcre2_get_error_message(error, words, sizeof(words)) < 0)
        words[0] = '\0';
    return bx_error_set(err, BX_ERR_INVALID,
                        "the pattern does not compile at byte %zu: %s", offset,
                        (const char *)words);
}

void bx_schema_pattern_cache_clear(bx_schema_pattern_cache *cache)
{
    for (unsigned i = 0; i < cache->count; i++)
        pcre2_code_free(cache->kept[i].code);
    cache->count = 0;
}

/* The compiled pattern; *ret_is_kept: the cache frees it. */
static pcre2_code *get_code(bx_schema_pattern_cache *cache, const char *pattern,
                            bool *ret_is_kept)
{
    pcre2_code *code;
    PCRE2_SIZE offset;
    int error;

    *ret_is_kept = true;
    for (unsigned i = 0; i < cache->count; i++) {
        if (cache->kept[i].text == pattern)
            return cache->kept[i].code;
    }
    code = has_verb(pattern) ? NULL : compile(pattern, &error, &offset);
    if (code == NULL || cache->count == BX_SCHEMA_PATTERNS_KEPT) {
        *ret_is_kept = false;
        return code;
    }
    cache->kept[cache->count].text = pattern;
    cache->kept[cache->count++].code = code;
    return code;
}

static int match_within(const pcre2_code *code, const char *text, size_t bytes,
                        uint32_t limit)
{
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int status = PCRE2_ERROR_NOMEMORY;

    if (context != NULL && data != NULL) {
        pcre2_set_match_limit(context, limit);
        pcre2_set_depth_limit(context, limit);
        pcre2_set_heap_limit(context, HEAP_KIB);
        status = pcre2_match(code, (PCRE2_SPTR)text, bytes, 0,
                             PCRE2_NO_UTF_CHECK, data, context);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return status;
}

/* What a match may cost is known only by its limit, so it pays for that: a
 * little at first, and all of the second try. */
static int match_and_pay(const pcre2_code *code, const char *text, size_t bytes,
                         uint64_t *steps)
{
    uint64_t price = 1 + bytes / TEXT_BYTES_A_STEP;
    uint32_t limit;
    int status;

    if (*steps < price)
        return PCRE2_ERROR_MATCHLIMIT;
    *steps -= price;
    status = match_within(code, text, bytes, QUICK_MATCH);
    if (status != PCRE2_ERROR_MATCHLIMIT)
        return status;
    limit = *steps < LONGEST_MATCH ? (uint32_t)*steps : LONGEST_MATCH;
    *steps -= limit;
    return match_within(code, text, bytes, limit);
}

int bx_schema_pattern_match(bx_schema_pattern_cache *cache, const char *pattern,
                            const char *text, size_t bytes, uint64_t *steps)
{
    bool is_kept;
    pcre2_code *code = get_code(cache, pattern, &is_kept);
    int status;

    if (code == NULL)
        return -1;
    status = match_and_pay(code, text, bytes, steps);
    if (!is_kept)
        pcre2_code_free(code);
    if (status >= 0)
        return 1;
    return status == PCRE2_ERROR_NOMATCH ? 0 : -1;
}
