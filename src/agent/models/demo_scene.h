/* Where in a conversation a script of the demo stands: the task, how many steps
 * were played for it, what the calls gave; and what a step makes of that. */
#ifndef BX_AGENT_MODELS_DEMO_SCENE_H
#define BX_AGENT_MODELS_DEMO_SCENE_H

#include "agent/models/turn.h"
#include "base/buf.h"

typedef struct bx_demo_scene {
    const bx_turn_request *request; /* borrowed */
    char *task;                     /* owned */
    size_t task_index;              /* of the message that has it */
    size_t done;                    /* messages of the assistant behind it */
    json_t *values; /* name: text, of the step's "take"; owned */
} bx_demo_scene;

/* Find the task, the last message of the user's own words. */
int bx_demo_scene_begin(bx_demo_scene *s, bx_error **err);
void bx_demo_scene_clear(bx_demo_scene *s);

/* The variant of a step that fits, borrowed; NULL with err. The last one always
 * does. */
const json_t *bx_demo_scene_choose(const bx_demo_scene *s, const json_t *step,
                                   bx_error **err);
/* Take the values that a step wants. */
int bx_demo_scene_take(bx_demo_scene *s, const json_t *take, bx_error **err);
/* Append text with each ${name} of a known value replaced; others stay. */
int bx_demo_scene_fill(const bx_demo_scene *s, const char *text, bx_buf *out,
                       bx_error **err);
/* A copy of a value in which the strings are filled; NULL with err. */
json_t *bx_demo_scene_fill_value(const bx_demo_scene *s, const json_t *value,
                                 bx_error **err);

/* A number of a script that was checked. */
size_t bx_demo_count(const json_t *object, const char *key, size_t otherwise);

#endif
