/* A run's nested calls: what a worker says it may still use is held against
 * what the host counted. */
#ifndef BX_WORKER_ANSWER_SERVICE_H
#define BX_WORKER_ANSWER_SERVICE_H

#include "worker/answer.h"

/* Serve one frame SPAWN, TOOL_CALL or TOOL_LIST. False: it is malformed, or
 * the worker does not take its answer. */
bool bx_answer_service(bx_answer *answer, const bx_line *line,
                       const bx_frame *frame);

#endif
