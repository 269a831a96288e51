/* A model that is none: a script, written beforehand, that is played over the
 * same loop, tools and files as a real one; docs/demo.md has the form of
 * scripts. What it says is labelled as scripted.
 *
 * Which step comes next is read from the conversation alone, so a session that
 * is resumed goes on where it was. */
#ifndef BX_AGENT_MODELS_DEMO_H
#define BX_AGENT_MODELS_DEMO_H

#include "agent/models/reply.h"
#include "base/run.h"

#define BX_DEMO_PROTOCOL "demo"
#define BX_DEMO_MODEL "demo (scripted)"
/* A file with other scripts than the program's. */
#define BX_DEMO_VARIABLE "BOXAGNTS_DEMO_SCRIPT"

/**
 * Play the step that the conversation has come to, into a reply that was begun.
 *
 * run      its deadline and cancel end a step's delays; borrowed
 * attempt  of this turn, from 1: a step may fail the first times
 * errors   BX_ERR_INVALID    the scripts: file, step, key and what was
 * expected; or what a script cannot do (structured output) BX_ERR_NOT_FOUND the
 * file that the variable names BX_ERR_TIMEOUT, BX_ERR_CANCELLED A failure that
 * the script has goes to bx_reply_fail().
 */
int bx_demo_play(const bx_turn_request *request, const bx_run *run,
                 unsigned attempt, bx_reply *reply, bx_error **err);

#endif
