#include "cli/markdown_flow.h"

#include <string.h>

#include "cli/cli.h"

#define WORD_MAX_BYTES 4096 /* marks that take no cell have no other end */

void bx_flow_init(bx_flow *flow, bx_screen *screen)
{
    *flow = (bx_flow){ .screen = screen };
}

void bx_flow_clear(bx_flow *flow)
{
    bx_buf_clear(&flow->word);
}

void bx_flow_set_prefix(bx_flow *flow, const char *first, const char *prefix,
                        unsigned cells)
{
    (void)snprintf(flow->prefix, sizeof(flow->prefix), "%s", prefix);
    flow->has_first = first != NULL;
    if (first != NULL)
        (void)snprintf(flow->first, sizeof(flow->first), "%s", first);
    flow->prefix_cells = cells;
}

static void begin_line(bx_flow *flow)
{
    if (flow->column > 0)
        return;
    if (flow->prefix_cells > 0)
        bx_screen_print(flow->screen, BX_LOOK_DIM, "%s",
                        flow->has_first ? flow->first : flow->prefix);
    flow->has_first = false;
    flow->column = flow->prefix_cells;
    flow->has_space = false;
}

static void end_line(bx_flow *flow)
{
    bx_screen_look(flow->screen, 0);
    putc('\n', flow->screen->out);
    flow->column = 0;
    flow->has_space = false;
}

/* Cells for words on a line; the last column stays free, where terminals differ
 * in what they do. */
static unsigned width(const bx_flow *flow)
{
    unsigned all = flow->screen->columns - 1;

    return all > flow->prefix_cells + 10 ? all : flow->prefix_cells + 10;
}

static void write_word(bx_flow *flow)
{
    for (unsigned i = 0; i < flow->runs_count; i++) {
        size_t from = flow->runs[i].at;
        size_t to =
            i + 1 < flow->runs_count ? flow->runs[i + 1].at : flow->word.len;

        bx_screen_look(flow->screen, flow->runs[i].look);
        fwrite(flow->word.data + from, 1, to - from, flow->screen->out);
    }
    flow->column += flow->word_cells;
    flow->word.len = 0;
    flow->word_cells = 0;
    flow->runs_count = 0;
}

void bx_flow_word(bx_flow *flow)
{
    bool has_space;

    if (flow->word.len == 0)
        return;
    begin_line(flow);
    has_space = flow->has_space && flow->column > flow->prefix_cells;
    if (flow->column > flow->prefix_cells &&
        flow->column + has_space + flow->word_cells > width(flow)) {
        end_line(flow);
        begin_line(flow);
        has_space = false;
    }
    if (has_space) {
        /* Between two words of a look it belongs to them: a link's line runs
         * through. */
        if (flow->screen->look != flow->runs[0].look)
            bx_screen_look(flow->screen, 0);
        putc(' ', flow->screen->out);
        flow->column++;
    }
    flow->has_space = false;
    write_word(flow);
}

void bx_flow_space(bx_flow *flow)
{
    bx_flow_word(flow);
    flow->has_space = true;
}

void bx_flow_break(bx_flow *flow)
{
    bx_flow_word(flow);
    if (flow->column > 0 || flow->has_first) {
        begin_line(flow);
        end_line(flow);
    }
}

static void note_look(bx_flow *flow, unsigned look)
{
    if (flow->runs_count > 0 && flow->runs[flow->runs_count - 1].look == look)
        return;
    if (flow->runs_count == BX_FLOW_RUNS)
        bx_flow_word(flow);
    flow->runs[flow->runs_count].at = flow->word.len;
    flow->runs[flow->runs_count++].look = look;
}

size_t bx_flow_put(bx_flow *flow, unsigned look, const char *text, size_t bytes)
{
    bx_autobuf bx_buf cell = BX_BUF_INIT;
    unsigned cells = 0;
    int used = bx_screen_cell(text, bytes, &cell, &cells);

    if (used < 0)
        return 1;
    /* A word that no line holds goes on where it is cut. */
    if (flow->word_cells + cells > width(flow) - flow->prefix_cells ||
        flow->word.len + cell.len > WORD_MAX_BYTES)
        bx_flow_word(flow);
    /* Scripts without spaces may be cut before any of their characters. */
    if (cells == 2)
        bx_flow_word(flow);
    note_look(flow, look);
    if (bx_buf_append(&flow->word, cell.data, cell.len, SIZE_MAX) == 0)
        flow->word_cells += cells;
    return (size_t)used;
}

void bx_flow_verbatim(bx_flow *flow, unsigned look, const char *text,
                      size_t bytes)
{
    bx_flow_word(flow);
    begin_line(flow);
    while (bytes > 0) {
        const char *tab = memchr(text, '\t', bytes);
        size_t part = tab == NULL ? bytes : (size_t)(tab - text);

        bx_screen_look(flow->screen, look); /* until the line ends */
        bx_cli_print_safe(flow->screen->out, text, part);
        if (tab != NULL) {
            fputs("    ", flow->screen->out);
            part++;
        }
        text += part;
        bytes -= part;
    }
    if (flow->column == 0)
        flow->column = 1; /* there is something to end */
}
