/* A plan as people read it. */
#include <string.h>

#include "agent/models/message.h"
#include "cli/agent_view.h"

void bx_view_put_plan(bx_screen *screen, unsigned indent, const json_t *items)
{
    size_t i;
    json_t *item;

    json_array_foreach(items, i, item)
    {
        const char *status = bx_block_text(item, "status");
        const char *text = bx_block_text(item, "text");
        bool is_done = strcmp(status, "done") == 0;
        bool is_now = strcmp(status, "in_progress") == 0;

        fprintf(screen->out, "%*s", (int)indent, "");
        bx_screen_print(screen, is_done ? BX_LOOK_GREEN : 0, "[%c] ",
                        is_done  ? 'x'
                        : is_now ? '>'
                                 : ' ');
        bx_screen_put_line(screen,
                           is_done  ? BX_LOOK_DIM
                           : is_now ? BX_LOOK_BOLD
                                    : 0,
                           text, strlen(text),
                           screen->columns * 2 - indent - 4);
        putc('\n', screen->out);
    }
}
