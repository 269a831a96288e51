/* What an agent tells, as it is shown: its words as Markdown, its calls with
 * what came of them, what was refused, the plan, the cost. On a terminal the
 * last line says what is going on. The words go to stdout; where that is a
 * pipe, all the rest goes to stderr. */
#ifndef BX_CLI_CHAT_VIEW_H
#define BX_CLI_CHAT_VIEW_H

#include "agent/event.h"
#include "cli/chat_screen.h"

typedef struct bx_chat_view bx_chat_view;

bx_chat_view *bx_chat_view_new(bx_error **err);
/* NULL is fine. */
void bx_chat_view_free(bx_chat_view *view);
BX_DEFINE_AUTO(bx_chat_view, bx_chat_view_free)
#define bx_autochatview BX_AUTO(bx_chat_view_free)

/* A bx_event_fn; context: the view. Any thread. */
void bx_chat_view_tell(void *context, const json_t *event);

/* An agent begins to work, and has ended. Between them the last line of a
 * terminal is the view's, and what is typed is not echoed. */
void bx_chat_view_begin(bx_chat_view *view);
void bx_chat_view_end(bx_chat_view *view);

/* Have the screen for oneself, to ask somebody: the last line is cleared, other
 * threads that tell something wait. */
bx_screen *bx_chat_view_hold(bx_chat_view *view);
void bx_chat_view_release(bx_chat_view *view);

/* Where what is no answer goes. Between runs. */
bx_screen *bx_chat_view_notes(bx_chat_view *view);
bx_screen *bx_chat_view_text(bx_chat_view *view);

/* The plan as it was told last; borrowed, NULL: none. */
const json_t *bx_chat_view_plan(const bx_chat_view *view);
void bx_chat_put_plan(bx_screen *screen, unsigned indent, const json_t *items);

#endif
