/* libedit, loaded when somebody types: nothing else pays for it. The only
 * header that includes histedit.h, and only for its types. */
#ifndef BX_CLI_LINE_EDITOR_API_H
#define BX_CLI_LINE_EDITOR_API_H

#include <histedit.h>

#include "base/error.h"

#define BX_EDIT_FUNCTIONS(X)                                                   \
    X(el_init_fd)                                                              \
    X(el_set)                                                                  \
    X(el_gets)                                                                 \
    X(el_line)                                                                 \
    X(el_push)                                                                 \
    X(el_wgetc)                                                                \
    X(el_insertstr)                                                            \
    X(el_deletestr)                                                            \
    X(history_init)                                                            \
    X(history_end)                                                             \
    X(history)

typedef struct bx_edit_api {
#define BX_EDIT_MEMBER(name) __typeof__(name) *name;
    BX_EDIT_FUNCTIONS(BX_EDIT_MEMBER)
#undef BX_EDIT_MEMBER
} bx_edit_api;

/* Loaded once and never unloaded; one thread. NULL: there is none here. */
const bx_edit_api *bx_edit_load(void);

#endif
