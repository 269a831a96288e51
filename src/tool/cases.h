/* A tool's test cases, for `boxagnts tool test`: calls and what each must
 * answer. The file lies beside the tool, tests.yaml:
 *
 *     cases:
 *       - name: counts words
 *         input: {path: notes.txt}
 *         files: {notes.txt: "one two\n"}
 *         expect: {text: "2 words"}
 *
 * Each case runs in an empty workspace with these files. */
#ifndef BX_TOOL_CASES_H
#define BX_TOOL_CASES_H

#include <jansson.h>

#include "base/error.h"

#define BX_CASES_MAX_BYTES (1u << 20)
#define BX_CASES_MAX 1000

typedef struct bx_case_file {
    char *path; /* relative, beneath the workspace */
    char *text; /* NULL of expected files: it must not be there */
} bx_case_file;

/* What is NULL or empty is not looked at. */
typedef struct bx_case {
    char *name;
    size_t line;   /* in the file, for messages */
    char *tool;    /* NULL: the tool under test, when it is only one */
    json_t *input; /* an object */
    bx_case_file *files;
    size_t files_count;
    bool is_error;    /* the call must fail, or be refused; else it must not */
    char *text;       /* the whole of the text; trailing newlines of either
                       * side do not count */
    json_t *contains; /* array of strings the text must have; NULL: none */
    char *matches;    /* pattern the text must match */
    json_t *structured;  /* equal to the structured output */
    json_t *metadata;    /* members the metadata must have, each equal */
    bx_case_file *after; /* files as they must be afterwards */
    size_t after_count;
} bx_case;

typedef struct bx_cases {
    bx_case *items;
    size_t count;
} bx_cases;

/* name: what messages call it, "word-count/tests.yaml". errors:
 * BX_ERR_INVALID with file, line and key; BX_ERR_LIMIT. */
bx_cases *bx_cases_parse(const char *text, size_t text_bytes, const char *name,
                         bx_error **err);
/* NULL is fine. */
void bx_cases_free(bx_cases *cases);
BX_DEFINE_AUTO(bx_cases, bx_cases_free)
#define bx_autocases BX_AUTO(bx_cases_free)

/* Is this answer the one expected? Files are the caller's to look at. text is
 * the result's; structured and metadata may be NULL. ret_why, when it is not:
 * what was expected and what came, owned by the caller. -1 without memory. */
int bx_case_check(const bx_case *it, bool is_error, const char *text,
                  const json_t *structured, const json_t *metadata,
                  char **ret_why);

#endif
