/* What became of the calls. */
#ifndef BX_TESTS_SOAK_TALLY_H
#define BX_TESTS_SOAK_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

typedef enum soak_outcome {
    SOAK_GOOD,       /* the answer that was to come */
    SOAK_TOOL_ERROR, /* the tool itself says that it failed */
    SOAK_BY_CODE,    /* and the code */
    SOAK_OUTCOMES = SOAK_BY_CODE + BX_ERR_CANCELLED + 1
} soak_outcome;

void soak_tally_add(soak_outcome outcome, int64_t wall_ns, int64_t late_ns);
uint64_t soak_tally_count(void);
/* Calls whose guest did not end by itself. */
uint64_t soak_tally_ended(void);
void soak_tally_print(FILE *out);

#endif
