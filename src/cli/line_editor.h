/* What a person types. On a terminal: libedit, with history, completion,
 * several lines (a backslash at the end of a line, Alt-Enter, pastes).
 * Elsewhere: plain lines, joined where one ends in a backslash. */
#ifndef BX_CLI_LINE_EDITOR_H
#define BX_CLI_LINE_EDITOR_H

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"

#define BX_LINE_MAX_BYTES (1u << 20)

typedef struct bx_line_editor bx_line_editor;

typedef struct bx_line_editor_config {
    FILE *in; /* both borrowed */
    FILE *out;
    const char *history_path; /* copied; NULL: none is kept */
    /* Words that may stand at the cursor, the end of line: an array of texts in
     * place of what begins at *ret_from; a reference of the editor's. NULL:
     * none */
    json_t *(*complete)(void *context, const char *line, size_t bytes,
                        size_t *ret_from);
    void *context;
} bx_line_editor_config;

bx_line_editor *bx_line_editor_new(const bx_line_editor_config *config,
                                   bx_error **err);
/* NULL is fine. */
void bx_line_editor_free(bx_line_editor *editor);
BX_DEFINE_AUTO(bx_line_editor, bx_line_editor_free)
#define bx_autolineeditor BX_AUTO(bx_line_editor_free)

/* Is there a person who edits, or do lines come from a pipe? */
bool bx_line_editor_is_terminal(const bx_line_editor *editor);

typedef enum bx_line_status {
    BX_LINE_TEXT,
    BX_LINE_INTERRUPTED, /* Ctrl-C; what was typed is gone */
    BX_LINE_END,         /* Ctrl-D on an empty line, or the end of the pipe */
} bx_line_status;

/* A line, without its line break. prompt: text of ours that ends in a space,
 * shown bold on a terminal with colours and not at all in a pipe. ret_line:
 * owned, free(); only of BX_LINE_TEXT. is_input: with history and completion;
 * otherwise the answer to a question, which is not remembered. Longer lines
 * than BX_LINE_MAX_BYTES are cut there. */
bx_line_status bx_line_editor_read(bx_line_editor *editor, const char *prompt,
                                   bool is_input, char **ret_line);

/* ---- line_history.c: the file ---- */

#define BX_HISTORY_ENTRIES 1000u
#define BX_HISTORY_ENTRY_BYTES 4096u /* longer ones are not kept */

/* The entries of the file, oldest first; empty when there is none or it is not
 * the user's alone. A reference of the caller's; NULL without memory. */
json_t *bx_line_history_load(const char *path);
/* Append one; mode 0600. A file that has grown keeps the newest. Nothing is
 * said of what fails: a chat goes on without its history. */
void bx_line_history_add(const char *path, const char *line);

#endif
