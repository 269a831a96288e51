/* What an agent tells, as it is shown: its words as Markdown, its calls with
 * what came of them, what was refused, the plan, the cost. On a terminal the
 * last line says what is going on. `chat` and `agent run` have it in common. */
#ifndef BX_CLI_AGENT_VIEW_H
#define BX_CLI_AGENT_VIEW_H

#include "agent/event.h"
#include "cli/screen.h"

typedef struct bx_agent_view bx_agent_view;

typedef enum bx_view_kind {
    /* Words go to stdout as they come; all the rest to stderr, but on a
     * terminal to where the words are. */
    BX_VIEW_CHAT,
    /* A task: its last words go to stdout, all the rest to stderr. The same to
     * somebody who sees both on a terminal, who then sees words as they come.
     */
    BX_VIEW_RUN,
} bx_view_kind;

bx_agent_view *bx_agent_view_new(bx_view_kind kind, bx_error **err);
/* NULL is fine. */
void bx_agent_view_free(bx_agent_view *view);
BX_DEFINE_AUTO(bx_agent_view, bx_agent_view_free)
#define bx_autoagentview BX_AUTO(bx_agent_view_free)

/* A bx_event_fn; context: the view. Any thread. */
void bx_agent_view_tell(void *context, const json_t *event);

/* An agent begins to work, and has ended. Between them the last line of a
 * terminal is the view's, and what is typed is not echoed. */
void bx_agent_view_begin(bx_agent_view *view);
void bx_agent_view_end(bx_agent_view *view);

/* Have the screen for oneself, to ask somebody: the last line is cleared, other
 * threads that tell something wait. */
bx_screen *bx_agent_view_hold(bx_agent_view *view);
void bx_agent_view_release(bx_agent_view *view);

/* What opening had to say: an array of texts. Between runs. */
void bx_agent_view_problems(bx_agent_view *view, const json_t *problems);

/* Where what is no answer goes. Between runs. */
bx_screen *bx_agent_view_notes(bx_agent_view *view);
bx_screen *bx_agent_view_text(bx_agent_view *view);

/* The plan as it was told last; borrowed, NULL: none. */
const json_t *bx_agent_view_plan(const bx_agent_view *view);

#endif
