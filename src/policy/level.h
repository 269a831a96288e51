/* What a tool may do at most. */
#ifndef BX_POLICY_LEVEL_H
#define BX_POLICY_LEVEL_H

#include "base/error.h"

/* From least to most. */
typedef enum bx_level {
    BX_LEVEL_NONE,      /* compute only */
    BX_LEVEL_READ_ONLY, /* fs.read, network, env, secrets */
    BX_LEVEL_WRITE,     /* and fs.write */
    BX_LEVEL_EXECUTE,   /* and exec, tool */
    BX_LEVEL_DANGEROUS, /* the same; a person approves each call */
    BX_LEVEL_FORBIDDEN, /* never runs */
} bx_level;

/* "read_only"; '-' counts as '_'. -1 with err for other words. */
int bx_level_parse(const char *text, bx_level *ret_level, bx_error **err);
const char *bx_level_name(bx_level level);

#endif
