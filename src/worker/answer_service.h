/* A run's nested calls: what a worker says it may still use is held against
 * what the host counted. */
#ifndef BX_WORKER_ANSWER_SERVICE_H
#define BX_WORKER_ANSWER_SERVICE_H

#include "worker/answer.h"

/* Serve one frame SPAWN, TOOL_CALL or TOOL_LIST. -1: the worker is lost, as of
 * bx_answer_send(). */
int bx_answer_service(bx_answer *answer, const bx_line *line,
                      const bx_frame *frame, bx_error **ret_why);

#endif
