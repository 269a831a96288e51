/* How a run ended. */
#ifndef BX_SANDBOX_RESULT_H
#define BX_SANDBOX_RESULT_H

#include "base/buf.h"

struct bx_result {
    bx_code code;
    uint32_t exit_code;
    char *message;      /* NULL: "" */
    char *value;        /* of an invocation, JSON; NULL: none */
    bx_buf captured[2]; /* stdout, stderr */
    bool is_cut;
    bx_stats stats;
};

/* Set how it ended; takes message, which may be NULL. */
void bx_result_end(bx_result *result, bx_code code, char *message);

#endif
