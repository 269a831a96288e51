#ifndef BX_CLI_LEARN_REPORT_H
#define BX_CLI_LEARN_REPORT_H

#include "cli/learner.h"

/* All borrowed. */
typedef struct bx_learn_report {
    const bx_learner *learner;
    char *const *command; /* as it was run */
    int command_count;
    int exit_status;
    bool is_policy;     /* not a manifest */
    const char *output; /* file; NULL: stderr */
    const char *name;   /* of the tool; NULL: that which was called */
    bool wants_json;
} bx_learn_report;

/* errors: BX_ERR_LIMIT: too much to write down; BX_ERR_INVALID: the name;
 * BX_ERR_SYSTEM: the file */
int bx_learn_report_write(const bx_learn_report *report, bx_error **err);

#endif
