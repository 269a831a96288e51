#include "cli/view_sums.h"

#include <string.h>

#include "base/buf.h"
#include "cli/view_call.h"

static long long number_of(const json_t *event, const char *key)
{
    return (long long)json_integer_value(json_object_get(event, key));
}

static const char *text_of(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));

    return text == NULL ? "" : text;
}

void bx_view_put_plan(bx_screen *screen, unsigned indent, const json_t *items)
{
    size_t i;
    json_t *item;

    json_array_foreach(items, i, item)
    {
        const char *status = text_of(item, "status");
        const char *text = text_of(item, "text");
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

static int put_count(bx_buf *text, long long count, const char *unit)
{
    if (count >= 100000)
        return bx_buf_printf(text, "%lldk %s", count / 1000, unit);
    if (count >= 1000)
        return bx_buf_printf(text, "%.1fk %s", (double)count / 1000, unit);
    return bx_buf_printf(text, "%lld %s", count, unit);
}

static int put_usage(const json_t *event, int64_t took_ns, bx_buf *text)
{
    const json_t *usage = json_object_get(event, "usage");
    double cost = json_number_value(json_object_get(event, "cost"));
    long long input = number_of(usage, "input_tokens") +
                      number_of(usage, "cache_read_tokens") +
                      number_of(usage, "cache_write_tokens");

    if (put_count(text, input, "tokens in, ") < 0 ||
        put_count(text, number_of(usage, "output_tokens"), "out") < 0 ||
        (cost > 0 && bx_buf_printf(text, ", $%.4f", cost) < 0))
        return -1;
    return bx_buf_printf(text, ", %.1f s", (double)took_ns / 1e9);
}

static const char *plural(long long count)
{
    return count == 1 ? "" : "s";
}

void bx_view_put_sums(bx_screen *screen, const json_t *event, int64_t took_ns)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    long long turns = number_of(event, "turns");
    long long calls = number_of(event, "calls");
    long long refusals = number_of(event, "refusals");

    if (bx_buf_printf(&text, "%lld turn%s, %lld call%s, ", turns, plural(turns),
                      calls, plural(calls)) < 0 ||
        (refusals > 0 &&
         bx_buf_printf(&text, "%lld refused, ", refusals) < 0) ||
        put_usage(event, took_ns, &text) < 0)
        return;
    bx_view_put_wrapped(screen, 0, BX_LOOK_DIM, text.data, "");
}
