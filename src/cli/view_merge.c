#include "cli/view_merge.h"

#include <string.h>

#include "agent/models/message.h"
#include "base/buf.h"
#include "cli/view_call.h"

#define DIFF_LINES 40u

static void put_version(bx_screen *screen, unsigned indent, const json_t *one)
{
    const char *name = bx_block_text(one, "name");

    bx_screen_print(screen, 0, "%*sversion of %s, ", (int)indent + 2, "",
                    bx_block_text(one, "id"));
    bx_screen_put_line(screen, BX_LOOK_BOLD, name, strlen(name), 60);
    bx_screen_print(screen, 0, ":\n");
    bx_view_put_diff(screen, bx_block_text(one, "diff"), DIFF_LINES);
}

void bx_view_put_conflict(bx_screen *screen, unsigned indent,
                          const json_t *event)
{
    const char *taken = bx_block_text(event, "taken");
    size_t i;
    const json_t *one;

    bx_view_put_wrapped(screen, indent, BX_LOOK_YELLOW,
                        "conflict: ", bx_block_text(event, "path"));
    bx_screen_print(screen, 0, "%*s%s; ", (int)indent + 2, "",
                    bx_block_text(event, "why"));
    if (taken[0] == '\0')
        bx_screen_print(screen, 0, "nothing of it is written\n");
    else
        bx_screen_print(screen, 0, "the version of %s is taken\n", taken);
    json_array_foreach(json_object_get(event, "agents"), i, one)
        put_version(screen, indent, one);
}

static long long number_of(const json_t *event, const char *key)
{
    return json_integer_value(json_object_get(event, key));
}

void bx_view_put_merge(bx_screen *screen, unsigned indent, const json_t *event)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (json_is_true(json_object_get(event, "is_refused"))) {
        bx_view_put_wrapped(screen, indent, BX_LOOK_YELLOW,
                            "merge: ", "not approved, nothing was written");
        return;
    }
    if (bx_buf_printf(&text, "%lld changes written, %lld not",
                      number_of(event, "written"),
                      number_of(event, "left")) == 0)
        bx_view_put_wrapped(screen, indent, 0, "merge: ", text.data);
}
