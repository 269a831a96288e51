/* What the parts of the validator share. */
#ifndef BX_TOOL_SCHEMA_RUN_H
#define BX_TOOL_SCHEMA_RUN_H

#include "base/buf.h"
#include "tool/schema.h"
#include "tool/schema_pattern.h"

/* Bounds of what a schema may be and of what a validation may cost. */
#define BX_SCHEMA_MAX_DEPTH 64    /* of a schema's own nesting */
#define BX_SCHEMA_MAX_NODES 20000 /* schemas within a schema */
#define BX_SCHEMA_MAX_EVALS 600   /* schemas within one another, at work */
#define BX_SCHEMA_MAX_CHAIN 64    /* $ref and allOf on one value */
#define BX_SCHEMA_BASE_STEPS 1000000u
#define BX_SCHEMA_NODE_STEPS 32u /* more for each value of the input */
#define BX_SCHEMA_MAX_STEPS 100000000u
#define BX_SCHEMA_MAX_MESSAGES 5

/* Where in the value: a chain on the C stack. key NULL: an index. */
typedef struct bx_schema_place {
    const struct bx_schema_place *up;
    const char *key;
    size_t index;
} bx_schema_place;

typedef struct bx_schema_run {
    const json_t *root;  /* of the schema, for $ref */
    const json_t *value; /* the whole one */
    uint64_t steps;      /* left */
    bool has_extended;   /* steps for the value's size were added */
    unsigned evals;      /* under way */
    bool is_over;        /* a bound was met: neither valid nor invalid */
    const char *why;     /* of is_over */
    bx_buf messages;
    unsigned count; /* of messages, those left out too */
    unsigned max;   /* to keep; 0: only yes or no is asked for */
    bx_schema_pattern_cache patterns;
} bx_schema_run;

/* What one keyword of a schema says about one value. */
typedef struct bx_schema_case {
    const json_t *schema;  /* the object the keyword is in */
    const json_t *keyword; /* its value */
    const json_t *value;
    const bx_schema_place *place;
} bx_schema_case;

/* What a keyword's value must look like. */
typedef enum bx_schema_kind {
    BX_SCHEMA_ANY,
    BX_SCHEMA_SCHEMA,
    BX_SCHEMA_SCHEMAS,  /* a list of them, not empty */
    BX_SCHEMA_MAP,      /* schemas by name */
    BX_SCHEMA_PATTERNS, /* schemas by pattern */
    BX_SCHEMA_ITEMS,    /* a schema, or a list as in draft 7 */
    BX_SCHEMA_COUNT,
    BX_SCHEMA_NUMBER,
    BX_SCHEMA_POSITIVE,
    BX_SCHEMA_BOOLEAN,
    BX_SCHEMA_STRING,
    BX_SCHEMA_STRINGS,
    BX_SCHEMA_STRINGS_MAP,
    BX_SCHEMA_DEPENDENCIES, /* schemas or lists of names, by name */
    BX_SCHEMA_TYPE,
    BX_SCHEMA_LIST,
    BX_SCHEMA_PATTERN,
    BX_SCHEMA_REF,
    BX_SCHEMA_ID,
    BX_SCHEMA_REFUSED, /* it asserts something this validator cannot check */
} bx_schema_kind;

typedef struct bx_schema_keyword {
    const char *name;
    bx_schema_kind kind;
    bool is_in_place; /* its schemas apply to the same value */
    bool (*apply)(bx_schema_run *run, const bx_schema_case *it);
} bx_schema_keyword;

/* NULL: an annotation. */
const bx_schema_keyword *bx_schema_keyword_find(const char *name);

/* Does value fit? False when the run is over, too. */
bool bx_schema_eval(bx_schema_run *run, const json_t *schema,
                    const json_t *value, const bx_schema_place *place);
/* The same, without messages. */
bool bx_schema_eval_quietly(bx_schema_run *run, const json_t *schema,
                            const json_t *value, const bx_schema_place *place);

/* Count what is done; false when it is too much, and the run is over. */
bool bx_schema_spend(bx_schema_run *run, uint64_t steps);
bool bx_schema_end(bx_schema_run *run, const char *why);

/* Record a violation at place; returns false. */
bool bx_schema_refuse(bx_schema_run *run, const bx_schema_place *place,
                      const char *format, ...) BX_PRINTF(3, 4);
bool bx_schema_wants_messages(const bx_schema_run *run);

/* The schema that "#/..." names, or NULL. */
const json_t *bx_schema_resolve(const json_t *root, const char *ref);

/* The keywords about a value itself: schema_assert.c. */
bool bx_schema_is_type(const char *type, const json_t *value);
bool bx_schema_assert_type(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_enum(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_const(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_minimum(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_maximum(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_above(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_below(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_multiple(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_min_length(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_max_length(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_pattern(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_min_items(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_max_items(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_unique(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_min_properties(bx_schema_run *run,
                                     const bx_schema_case *it);
bool bx_schema_assert_max_properties(bx_schema_run *run,
                                     const bx_schema_case *it);
bool bx_schema_assert_required(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_assert_dependent(bx_schema_run *run, const bx_schema_case *it);

/* Those that apply other schemas: schema_apply.c. */
bool bx_schema_apply_ref(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_all(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_any(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_one(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_not(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_if(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_properties(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_patterns(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_additional(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_names(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_dependent(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_items(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_prefix(bx_schema_run *run, const bx_schema_case *it);
bool bx_schema_apply_additional_items(bx_schema_run *run,
                                      const bx_schema_case *it);
bool bx_schema_apply_contains(bx_schema_run *run, const bx_schema_case *it);

/* Equality as JSON Schema has it: 1 is 1.0, members in any order. */
bool bx_schema_is_equal(bx_schema_run *run, const json_t *left,
                        const json_t *right);

/* Words for messages; appended to buf, which may lose some without memory. */
void bx_schema_put_place(bx_buf *buf, const bx_schema_place *place);
void bx_schema_put_value(bx_buf *buf, const json_t *value); /* JSON, cut */
void bx_schema_put_got(bx_buf *buf, const json_t *value); /* "the string .." */
void bx_schema_put_expected(bx_buf *buf, const json_t *schema); /* "a string" */
void bx_schema_put_type(bx_buf *buf, const json_t *type);

#endif
