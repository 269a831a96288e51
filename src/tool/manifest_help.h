/* What a command-line program's --help says of its arguments. The text is a
 * guest's and hostile; what is made of it is a proposal that the schema check
 * and bx_manifest_flags() hold to. */
#ifndef BX_TOOL_MANIFEST_HELP_H
#define BX_TOOL_MANIFEST_HELP_H

#include <jansson.h>

#include "base/buf.h"

#define BX_HELP_MAX_BYTES (64u << 10)
#define BX_HELP_MAX_OPTIONS 256
#define BX_HELP_MAX_ARGUMENTS (BX_HELP_MAX_OPTIONS + 16)
#define BX_HELP_NAME_MAX 64

typedef struct bx_help_argument {
    char property[BX_HELP_NAME_MAX + 1]; /* "file_path" */
    char flag[BX_HELP_NAME_MAX + 3];     /* "--file-path"; "": positional */
    char negative[BX_HELP_NAME_MAX + 6]; /* "--no-color", or "" */
    char alias[3];                       /* "-f", or "" */
    char value[BX_HELP_NAME_MAX + 1];    /* "PATH" as written, or "" */
    bx_buf choices;                      /* "fast\0slow\0"; empty: anything */
    bx_buf description;
    bool has_value;
    bool is_value_optional;
    bool is_list;
    bool is_required;
} bx_help_argument;

typedef struct bx_help {
    bx_help_argument arguments[BX_HELP_MAX_ARGUMENTS];
    size_t count;
    bx_buf description; /* of the program */
} bx_help;

/* A line without its end, NUL-terminated; false at the end of text. */
typedef struct bx_help_line {
    char text[1024]; /* longer ones are cut */
    size_t indent;   /* spaces; a tab counts as eight columns */
} bx_help_line;

/* "  -f, --file PATH  what it is", or -1: no such line. */
int bx_help_read_option(const bx_help_line *line, bx_help_argument *ret_option);

/* Add what a usage line has; the program's name is not in it any more. */
int bx_help_read_usage(bx_help *help, const char *usage);

/* The argument of that property, flag or alias, or NULL. */
bx_help_argument *bx_help_find(bx_help *help, const char *property);
bx_help_argument *bx_help_find_flag(bx_help *help, const char *flag);
/* One more, all empty; NULL when there are too many. */
bx_help_argument *bx_help_add(bx_help *help);
void bx_help_argument_clear(bx_help_argument *argument);

/* "--file-path" to "file_path", "FILE" to "file"; false: nothing is left. */
bool bx_help_make_property(const char *text,
                           char property[BX_HELP_NAME_MAX + 1]);

/* "a,b", "a|b" or "\"a\", \"b\"" as choices; false when it is no such list. */
bool bx_help_read_choices(const char *text, size_t bytes, bx_buf *choices);

#endif
