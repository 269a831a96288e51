/* Scripts of the demo as JSON: read, and checked to the last key, so that who
 * plays them need not look again. */
#ifndef BX_AGENT_MODELS_DEMO_SCRIPT_H
#define BX_AGENT_MODELS_DEMO_SCRIPT_H

#include <jansson.h>

#include "agent/models/reply.h"

#define BX_DEMO_MAX_BYTES (1u << 20) /* of a file */
#define BX_DEMO_SCRIPTS_MAX 100
#define BX_DEMO_STEPS_MAX 1000
#define BX_DEMO_DELAY_MAX_MS 600000

/* An array of scripts: those of the file that BX_DEMO_VARIABLE names, or the
 * program's own. A reference of the caller's.
 * errors: as of bx_demo_play() */
json_t *bx_demo_scripts_load(bx_error **err);
/* The same of a text; name: what messages call it. */
json_t *bx_demo_scripts_parse(const char *text, size_t bytes, const char *name,
                              bx_error **err);

/* The one with most of its words in the task, the first of these; one without
 * words when none has any. NULL: there is none of either; borrowed. */
const json_t *bx_demo_script_choose(const json_t *scripts, const char *task);

/* What "kind" of a failure and "stop" of a step name; -1: neither. */
int bx_demo_failure_find(const char *name, bx_failure_kind *ret_kind);
int bx_demo_stop_find(const char *name, bx_stop *ret_stop);

#endif
