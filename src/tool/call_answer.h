/* From what a module printed to a result. The output is hostile: it is used as
 * a result only when it is one in every part, and is plain text otherwise. */
#ifndef BX_TOOL_CALL_ANSWER_H
#define BX_TOOL_CALL_ANSWER_H

#include "tool/tool.h"

#define BX_ANSWER_MAX_BLOCKS 1000
#define BX_ANSWER_STDERR_MAX_BYTES 16384 /* its end, as an error's message */

/* What a run left behind. All borrowed. */
typedef struct bx_answer_run {
    const bx_manifest *manifest;
    bx_code code;
    uint32_t exit_code;
    bool is_error;       /* a function returned an error, which is the output */
    const char *message; /* what ended it */
    const char *output[2];
    size_t output_bytes[2];
    bool is_cut;
    const bx_stats *stats;
    json_t *denied; /* array, may be empty */
} bx_answer_run;

bx_tool_result *bx_answer_make(const bx_answer_run *run, bx_error **err);

/* Is value content as a result has it: an array of MCP blocks? Otherwise why
 * says what is wrong with it; static. */
bool bx_answer_check_blocks(const json_t *value, const char **ret_why);

#endif
