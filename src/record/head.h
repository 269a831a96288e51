/* What a recording says of its run: before the first call, and at the end. */
#ifndef BX_RECORD_HEAD_H
#define BX_RECORD_HEAD_H

#include "base/digest.h"
#include "policy/limits.h"
#include "record/bytes.h"
#include "record/format.h"

/* Words, each with its NUL, one behind the other. */
typedef struct bx_record_words {
    bx_buf bytes;
    size_t count;
} bx_record_words;

typedef struct bx_record_head {
    char *program;     /* and versions, as of whoever recorded it */
    char *module_name; /* what messages call it */
    char *module_path; /* absolute; NULL: it has none */
    char *function;    /* of an invocation; NULL: the command was run */
    char *args;        /* its arguments, JSON */
    bx_record_words argv;
    bx_record_words env;                    /* "NAME=VALUE" */
    uint8_t module_digest[BX_DIGEST_BYTES]; /* SHA-256 of its bytes */
    uint8_t policy_digest[BX_DIGEST_BYTES]; /* of policy */
    bx_buf policy;    /* packed, without secrets; empty: none was kept */
    bx_limits limits; /* as they were in effect */
    uint64_t created_s;
    uint64_t seed;
    bool is_deterministic;
    bool has_fuel;
    bool is_component;
} bx_record_head;

typedef enum bx_record_tag {
    BX_TAG_PROGRAM = 1,
    BX_TAG_MODULE_NAME,
    BX_TAG_MODULE_PATH,
    BX_TAG_FUNCTION,
    BX_TAG_ARGS,
    BX_TAG_ARGV,
    BX_TAG_ENV,
    BX_TAG_MODULE_DIGEST,
    BX_TAG_POLICY_DIGEST,
    BX_TAG_POLICY,
    BX_TAG_FACTS, /* u64 each: created_s, seed, flags, limits */
    BX_TAGS
} bx_record_tag;

void bx_record_head_clear(bx_record_head *head);
/* Append a word. */
int bx_record_words_add(bx_record_words *words, const char *word);
/* The words as a list that ends in NULL, borrowed from words; the list is the
 * caller's, free(). */
const char **bx_record_words_list(const bx_record_words *words);

/* The bytes of one field; empty: it is left out. facts is where
 * BX_TAG_FACTS is put. */
#define BX_RECORD_FACTS_BYTES (8 * (3 + BX_LIMITS_COUNT))
void bx_record_head_field(const bx_record_head *head, bx_record_tag tag,
                          uint8_t facts[BX_RECORD_FACTS_BYTES],
                          const void **ret_data, size_t *ret_bytes);
/* Take a field in. errors: BX_ERR_INVALID */
int bx_record_head_set(bx_record_head *head, unsigned tag, const void *data,
                       size_t bytes, bx_error **err);

/* A stream or value in numbers. */
typedef struct bx_record_sum {
    uint64_t bytes;
    uint8_t digest[BX_DIGEST_BYTES];
} bx_record_sum;

typedef struct bx_record_end {
    bool is_failed; /* the host could not run it; code says why */
    bx_code code;
    uint32_t exit_code;
    uint64_t calls;
    bx_record_sum output[2]; /* what was written to stdout and stderr */
    bx_record_sum value;     /* of an invocation; of no bytes: none */
    char *message;           /* NULL: "" */
} bx_record_end;

void bx_record_end_clear(bx_record_end *end);
int bx_record_end_put(const bx_record_end *end, bx_buf *ret_bytes);
int bx_record_end_parse(const void *data, size_t bytes, bx_record_end *ret_end,
                        bx_error **err);

#endif
