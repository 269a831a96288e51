#include "cli/markdown_inline.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

void bx_inline_init(bx_inline *state, bx_flow *flow)
{
    *state = (bx_inline){ .flow = flow, .before = ' ' };
}

void bx_inline_clear(bx_inline *state)
{
    bx_buf_clear(&state->held);
}

void bx_inline_begin(bx_inline *state, unsigned base)
{
    state->base = base;
    state->is_bold = false;
    state->is_italic = false;
    state->ticks = 0;
    state->before = ' ';
}

static unsigned look(const bx_inline *state)
{
    return state->base | (state->is_bold ? BX_LOOK_BOLD : 0) |
           (state->is_italic ? BX_LOOK_ITALIC : 0) |
           (state->ticks > 0 ? BX_LOOK_CYAN : 0);
}

static size_t put_one(bx_inline *state, unsigned with, const char *text,
                      size_t bytes)
{
    size_t used;

    if (text[0] == ' ' || text[0] == '\t') {
        bx_flow_space(state->flow);
        used = 1;
    } else {
        used = bx_flow_put(state->flow, with, text, bytes);
    }
    state->before = text[used - 1];
    return used;
}

static void put_all(bx_inline *state, unsigned with, const char *text,
                    size_t bytes)
{
    for (size_t at = 0; at < bytes;)
        at += put_one(state, with, text + at, bytes - at);
}

static size_t run_length(const char *text, size_t bytes)
{
    size_t n = 1;

    while (n < bytes && text[n] == text[0])
        n++;
    return n;
}

/* Each of these returns how many bytes it took, 0: what follows decides. */

static size_t take_code(bx_inline *state, const char *text, size_t bytes,
                        bool is_final)
{
    size_t n = run_length(text, bytes);

    if (n == bytes && !is_final)
        return 0;
    if (state->ticks > 0 && state->ticks != n) {
        put_all(state, look(state), text, n);
        return n;
    }
    state->ticks = state->ticks == 0 ? n : 0;
    /* Where a look does not show what is code, its marks do. */
    if (!state->flow->screen->has_colour)
        put_all(state, state->base, text, n);
    state->before = '`';
    return n;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || ((unsigned char)c & 0x80) != 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether a run opens or closes: CommonMark 6.2, on bytes of ASCII. */
static size_t take_emphasis(bx_inline *state, const char *text, size_t bytes,
                            bool is_final)
{
    size_t n = run_length(text, bytes);
    char after = n < bytes ? text[n] : ' ';
    bool opens =
        !is_blank(after) && (is_word(after) || !is_word(state->before));
    bool closes = !is_blank(state->before) &&
                  (!ispunct((unsigned char)state->before) || !is_word(after));
    bool wants_bold = n >= 2;
    bool wants_italic = n % 2 == 1;

    if (n == bytes && !is_final)
        return 0;
    if (text[0] == '_') {
        opens = opens && !is_word(state->before);
        closes = closes && !is_word(after);
    }
    if (n > 3 || (wants_bold && !(state->is_bold ? closes : opens)) ||
        (wants_italic && !(state->is_italic ? closes : opens))) {
        put_all(state, look(state), text, n);
        return n;
    }
    if (wants_bold)
        state->is_bold = !state->is_bold;
    if (wants_italic)
        state->is_italic = !state->is_italic;
    /* A word goes on through a mark. */
    return n;
}

/* Where the bracket at text[0] closes; 0: not here. */
static size_t find_close(const char *text, size_t bytes, char open, char close)
{
    unsigned depth = 0;

    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == open)
            depth++;
        else if (text[i] == close && --depth == 0)
            return i;
    }
    return 0;
}

/* Text, and where it leads: always shown, as the text may say something else.
 */
static void put_link(bx_inline *state, const char *text, size_t text_bytes,
                     const char *target, size_t target_bytes)
{
    bx_inline inner = *state;

    inner.held = BX_BUF_INIT;
    inner.base = look(state) | BX_LOOK_UNDERLINE;
    inner.is_nested = true;
    bx_inline_put(&inner, text, text_bytes);
    bx_inline_flush(&inner);
    bx_inline_clear(&inner);
    if (target_bytes > 0 &&
        (target_bytes != text_bytes || memcmp(text, target, text_bytes) != 0)) {
        bx_flow_space(state->flow);
        put_all(state, look(state) | BX_LOOK_DIM, "(", 1);
        put_all(state, look(state) | BX_LOOK_DIM, target, target_bytes);
        put_all(state, look(state) | BX_LOOK_DIM, ")", 1);
    }
    state->before = ')';
}

static size_t take_link(bx_inline *state, const char *text, size_t bytes,
                        bool is_final)
{
    bool can_wait = !is_final && bytes < BX_LINK_MAX_BYTES;
    size_t close = find_close(text, bytes, '[', ']');
    size_t end;

    if (close > 0 && close + 1 < bytes && text[close + 1] == '(') {
        end = find_close(text + close + 1, bytes - close - 1, '(', ')');
        if (end > 0) {
            put_link(state, text + 1, close - 1, text + close + 2, end - 1);
            return close + 1 + end + 1;
        }
    } else if (close > 0 && close + 1 < bytes) {
        can_wait = false;
    }
    return can_wait ? 0 : put_one(state, look(state), text, 1);
}

static size_t take(bx_inline *state, const char *text, size_t bytes,
                   bool is_final)
{
    if (text[0] == '`')
        return take_code(state, text, bytes, is_final);
    if (state->ticks > 0)
        return put_one(state, look(state), text, bytes);
    switch (text[0]) {
    case '*':
    case '_':
        return take_emphasis(state, text, bytes, is_final);
    case '\\':
        if (bytes < 2 && !is_final)
            return 0;
        if (bytes > 1 && ispunct((unsigned char)text[1]))
            return 1 + put_one(state, look(state), text + 1, 1);
        return put_one(state, look(state), text, 1);
    case '!':
        if (bytes < 2 && !is_final)
            return 0;
        if (bytes > 1 && text[1] == '[' && !state->is_nested) {
            size_t used = take_link(state, text + 1, bytes - 1, is_final);

            return used == 0 ? 0 : used + 1;
        }
        return put_one(state, look(state), text, 1);
    case '[':
        if (!state->is_nested)
            return take_link(state, text, bytes, is_final);
        return put_one(state, look(state), text, 1);
    default:
        return put_one(state, look(state), text, bytes);
    }
}

/* A character of several bytes that is not all there yet. */
static bool is_partial(const char *text, size_t bytes)
{
    unsigned char lead = (unsigned char)text[0];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;

    return bytes < want && bx_utf8_decode(text, bytes, NULL) == 0;
}

static void drain(bx_inline *state, bool is_final)
{
    size_t at = 0;

    while (at < state->held.len) {
        const char *text = state->held.data + at;
        size_t bytes = state->held.len - at;
        size_t used = !is_final && is_partial(text, bytes)
                          ? 0
                          : take(state, text, bytes, is_final);

        if (used == 0)
            break;
        at += used;
    }
    if (at > 0) {
        memmove(state->held.data, state->held.data + at, state->held.len - at);
        state->held.len -= at;
    }
}

void bx_inline_put(bx_inline *state, const char *text, size_t bytes)
{
    /* In pieces, so that what is held is never longer than a link. */
    while (bytes > 0) {
        size_t part = bytes < 256 ? bytes : 256;

        if (bx_buf_append(&state->held, text, part, SIZE_MAX) < 0)
            return;
        drain(state, false);
        text += part;
        bytes -= part;
    }
}

void bx_inline_flush(bx_inline *state)
{
    drain(state, true);
}
