/* What the system prompt and the own tools are made from. */
#ifndef BX_AGENT_CONTEXT_PARTS_H
#define BX_AGENT_CONTEXT_PARTS_H

#include <pthread.h>

#include "agent/context.h"
#include "agent/instructions.h"
#include "agent/skill.h"

struct bx_context {
    bx_context_config config; /* its texts are owned */
    int workspace_fd;
    int user_fd; /* -1: the user has no folder */
    bx_instructions instructions;
    bx_skills *skills;
    json_t *notes;        /* those that were there at the begin */
    bx_toolset *toolset;  /* borrowed; NULL: there are no tools yet */
    pthread_mutex_t lock; /* of the plan */
    json_t *plan;         /* NULL: none */
};

#endif
