/* Blocks (CommonMark 0.31, chapters 4 and 5), a line at a time: its first
 * characters are held until they say what it is. Deliberately less than
 * CommonMark where that needs text that has not come: no setext headings, no
 * reference links, and tables stay as they were written. */
#include "cli/markdown.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/markdown_inline.h"

#define MAX_INDENT 24u
#define MAX_QUOTES 4u
#define HEAD_MAX_BYTES 4096u /* a line that is still held then is text */

typedef enum line_kind {
    LINE_UNKNOWN, /* more of it is needed */
    LINE_BLANK,
    LINE_TEXT,
    LINE_HEADING,
    LINE_ITEM,
    LINE_RULE,
    LINE_FENCE,
    LINE_TABLE,
    LINE_CODE,
} line_kind;

/* What the begin of a line says. */
typedef struct line_head {
    line_kind kind;
    unsigned quotes;
    unsigned indent;
    unsigned level;      /* of a heading */
    size_t fence;        /* characters of it */
    char mark;           /* of an item or a fence */
    const char *marker;  /* of an item */
    size_t marker_bytes; /* "-", "12." */
    size_t used;         /* bytes before the text */
} line_head;

struct bx_markdown {
    bx_screen *screen;
    bx_flow flow;
    bx_inline text;
    bx_buf head;    /* of the line, while it is not clear */
    line_kind line; /* that is being written; LINE_UNKNOWN: at its begin */
    unsigned code_look;
    bool is_block; /* a paragraph or item is open */
    bool has_gap;  /* a blank line came */
    bool is_begun; /* something was written */
    bool has_break;
    bool has_return; /* a '\r' came last, and waits */
    size_t spaces;   /* at the end of the line */
    unsigned quotes;
    unsigned hang; /* of the item that is open; 0: none */
    size_t fence;  /* code is open, and closed by so many; 0: none */
    char fence_mark;
    unsigned fence_indent;
    bool is_diff;
    char last; /* byte, in a pipe */
    char outer[32];
    unsigned outer_cells;
};

bx_markdown *bx_markdown_new(bx_screen *screen)
{
    bx_markdown *markdown = calloc(1, sizeof(*markdown));

    if (markdown == NULL)
        return NULL;
    markdown->screen = screen;
    bx_flow_init(&markdown->flow, screen);
    bx_inline_init(&markdown->text, &markdown->flow);
    return markdown;
}

void bx_markdown_free(bx_markdown *markdown)
{
    if (markdown == NULL)
        return;
    bx_flow_clear(&markdown->flow);
    bx_inline_clear(&markdown->text);
    bx_buf_clear(&markdown->head);
    free(markdown);
}

void bx_markdown_indent(bx_markdown *markdown, const char *prefix,
                        unsigned cells)
{
    (void)snprintf(markdown->outer, sizeof(markdown->outer), "%s", prefix);
    markdown->outer_cells = cells;
}

/* ---- what a line is ---- */

static bool is_only(const char *text, size_t bytes, char c, size_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == c)
            (*ret_count)++;
        else if (text[i] != ' ' && text[i] != '\t')
            return false;
    }
    return true;
}

static void set_item(line_head *head, const char *text, size_t marker,
                     size_t used)
{
    head->kind = LINE_ITEM;
    head->mark = text[0];
    head->marker = text;
    head->marker_bytes = marker;
    head->used += used;
}

static void judge_bullet(const char *text, size_t bytes, bool is_whole,
                         line_head *head)
{
    size_t count;

    if (is_only(text, bytes, text[0], &count)) {
        if (!is_whole)
            return; /* "- - -" is a rule, "- a" is an item */
        if (count >= 3 && text[0] != '+')
            head->kind = LINE_RULE;
        else if (count == 1 && text[0] != '_')
            set_item(head, text, 1, bytes);
        else
            head->kind = LINE_TEXT;
        return;
    }
    if (text[0] != '_' && bytes > 1 && (text[1] == ' ' || text[1] == '\t'))
        set_item(head, text, 1, 1 + strspn(text + 1, " \t"));
    else
        head->kind = LINE_TEXT;
}

static void judge_number(const char *text, size_t bytes, bool is_whole,
                         line_head *head)
{
    size_t digits = 0;

    while (digits < bytes && isdigit((unsigned char)text[digits]))
        digits++;
    if (digits <= 9 && digits + 1 < bytes &&
        strchr(".)", text[digits]) != NULL && text[digits + 1] == ' ') {
        set_item(head, text, digits + 1,
                 digits + 1 + strspn(text + digits + 1, " "));
        return;
    }
    /* More of it may come. */
    if (is_whole || digits > 9 || digits + 1 < bytes ||
        (digits < bytes && strchr(".)", text[digits]) == NULL))
        head->kind = LINE_TEXT;
}

static void judge_heading(const char *text, size_t bytes, bool is_whole,
                          line_head *head)
{
    size_t level = strspn(text, "#");

    if (level <= 6 && level < bytes && text[level] == ' ') {
        head->kind = LINE_HEADING;
        head->level = (unsigned)level;
        head->used += level + strspn(text + level, " ");
        return;
    }
    /* More of it may come. */
    if (is_whole || level > 6 || level < bytes)
        head->kind = LINE_TEXT;
}

static void judge_fence(const char *text, size_t bytes, bool is_whole,
                        line_head *head)
{
    size_t n = 0;

    while (n < bytes && text[n] == text[0])
        n++;
    if (n < 3) {
        if (n < bytes || is_whole)
            head->kind = LINE_TEXT;
    } else if (text[0] == '`' && memchr(text + n, '`', bytes - n) != NULL) {
        head->kind = LINE_TEXT; /* code inside of a line */
    } else if (is_whole) {
        head->kind = LINE_FENCE;
        head->fence = n;
        head->mark = text[0];
        head->used += n;
    }
}

/* Blanks and marks of quotes before what a line is. */
static size_t skip_outer(const char *text, size_t bytes, line_head *head)
{
    size_t at = 0;

    head->quotes = 0;
    head->indent = 0;
    while (at < bytes) {
        if (text[at] == ' ') {
            head->indent++;
        } else if (text[at] == '\t') {
            head->indent += 4 - head->indent % 4;
        } else if (text[at] == '>' && head->quotes < MAX_QUOTES) {
            head->quotes++;
            head->indent = 0;
            if (at + 1 < bytes && text[at + 1] == ' ')
                at++;
        } else {
            break;
        }
        at++;
    }
    return at;
}

/* text: NUL-terminated, without its line break. */
static line_head judge(const char *text, size_t bytes, bool is_whole)
{
    line_head head = { .kind = LINE_UNKNOWN };
    size_t at = skip_outer(text, bytes, &head);

    head.used = at;
    text += at;
    bytes -= at;
    if (bytes == 0) {
        if (is_whole)
            head.kind = LINE_BLANK;
        return head;
    }
    switch (text[0]) {
    case '#':
        judge_heading(text, bytes, is_whole, &head);
        break;
    case '-':
    case '*':
    case '+':
    case '_':
        judge_bullet(text, bytes, is_whole, &head);
        break;
    case '`':
    case '~':
        judge_fence(text, bytes, is_whole, &head);
        break;
    case '|':
        head.kind = LINE_TABLE;
        break;
    default:
        if (isdigit((unsigned char)text[0]))
            judge_number(text, bytes, is_whole, &head);
        else
            head.kind = LINE_TEXT;
    }
    return head;
}

/* ---- writing blocks ---- */

static void end_block(bx_markdown *md)
{
    bx_inline_flush(&md->text);
    bx_flow_break(&md->flow);
    bx_inline_begin(&md->text, 0);
    md->is_block = false;
    md->has_break = false;
}

static void put_gap(bx_markdown *md)
{
    if (md->is_begun && md->has_gap) {
        if (md->outer_cells > 0)
            bx_screen_print(md->screen, BX_LOOK_DIM, "%s", md->outer);
        putc('\n', md->screen->out);
    }
    md->has_gap = false;
    md->is_begun = true;
}

/* Prefix of lines: what is outside, quotes, blanks, and on the first of them
 * the marker. */
static void set_prefix(bx_markdown *md, unsigned quotes, unsigned blanks,
                       const char *marker, unsigned marker_cells)
{
    char rest[BX_FLOW_PREFIX_BYTES];
    char first[BX_FLOW_PREFIX_BYTES];
    char bars[MAX_QUOTES * 4 + 1] = "";

    for (unsigned i = 0; i < quotes; i++)
        memcpy(bars + (size_t)i * 4, "\xe2\x94\x82 ", 5);
    (void)snprintf(rest, sizeof(rest), "%s%s%*s", md->outer, bars,
                   (int)(blanks + marker_cells), "");
    (void)snprintf(first, sizeof(first), "%s%s%*s%s", md->outer, bars,
                   (int)blanks, "", marker == NULL ? "" : marker);
    bx_flow_set_prefix(&md->flow, marker == NULL ? NULL : first, rest,
                       md->outer_cells + quotes * 2 + blanks + marker_cells);
}

static unsigned capped(unsigned indent)
{
    return indent < MAX_INDENT ? indent : MAX_INDENT;
}

static void begin_item(bx_markdown *md, const line_head *head)
{
    char marker[24];
    unsigned cells;

    if (isdigit((unsigned char)head->mark)) {
        (void)snprintf(marker, sizeof(marker), "%.*s ", (int)head->marker_bytes,
                       head->marker);
        cells = (unsigned)head->marker_bytes + 1;
    } else {
        (void)snprintf(marker, sizeof(marker), "\xe2\x80\xa2 ");
        cells = 2;
    }
    end_block(md);
    put_gap(md);
    set_prefix(md, head->quotes, capped(head->indent), marker, cells);
    md->hang = head->indent + cells;
    md->quotes = head->quotes;
    md->is_block = true;
}

static void begin_text(bx_markdown *md, const line_head *head)
{
    /* A line goes on with the paragraph before it, be it less indented. */
    if (md->is_block && !md->has_gap && head->quotes == md->quotes) {
        bx_inline_flush(&md->text);
        if (md->has_break)
            bx_flow_break(&md->flow);
        else
            bx_flow_space(&md->flow);
        md->has_break = false;
        md->text.before = ' ';
        return;
    }
    end_block(md);
    put_gap(md);
    if (head->indent < 2)
        md->hang = 0;
    md->quotes = head->quotes;
    set_prefix(md, head->quotes,
               head->indent < md->hang ? capped(head->indent)
                                       : capped(md->hang),
               NULL, 0);
    md->is_block = true;
}

static void begin_heading(bx_markdown *md, const line_head *head)
{
    static const char marks[] = "######";

    end_block(md);
    md->has_gap = true;
    put_gap(md);
    md->hang = 0;
    md->quotes = head->quotes;
    set_prefix(md, head->quotes, 0, NULL, 0);
    bx_inline_begin(&md->text, head->level == 1
                                   ? BX_LOOK_BOLD | BX_LOOK_UNDERLINE
                                   : BX_LOOK_BOLD);
    if (!md->screen->has_colour) {
        for (unsigned i = 0; i < head->level; i++)
            bx_flow_put(&md->flow, 0, marks + i, 1);
        bx_flow_space(&md->flow);
    }
}

static void put_rule(bx_markdown *md, const line_head *head)
{
    unsigned cells;

    end_block(md);
    put_gap(md);
    md->hang = 0;
    set_prefix(md, head->quotes, 0, NULL, 0);
    cells = md->screen->columns - 1 - md->flow.prefix_cells;
    for (unsigned i = 0; i < cells && i < 40; i++)
        bx_flow_put(&md->flow, BX_LOOK_DIM, "\xe2\x94\x80", 3);
    bx_flow_break(&md->flow);
}

static void set_code_prefix(bx_markdown *md, unsigned quotes)
{
    set_prefix(md, quotes, capped(md->hang) + 4, NULL, 0);
}

static void begin_fence(bx_markdown *md, const line_head *head,
                        const char *info)
{
    info += strspn(info, " \t");
    end_block(md);
    put_gap(md);
    if (head->indent < 2)
        md->hang = 0;
    md->quotes = head->quotes;
    md->fence = head->fence;
    md->fence_mark = head->mark;
    md->fence_indent = head->indent;
    md->is_diff =
        strncmp(info, "diff", 4) == 0 || strncmp(info, "patch", 5) == 0;
    set_code_prefix(md, head->quotes);
}

/* ---- lines ---- */

static unsigned diff_look(char first)
{
    switch (first) {
    case '+':
        return BX_LOOK_GREEN;
    case '-':
        return BX_LOOK_RED;
    case '@':
        return BX_LOOK_CYAN;
    default:
        return 0;
    }
}

/* In code only its end is looked for. Quotes' marks go, and as much of the
 * indentation as the fence had. */
static bool judge_code(bx_markdown *md, bool is_whole)
{
    const char *text = md->head.data;
    size_t bytes = md->head.len;
    size_t at = 0;
    size_t marks;

    for (unsigned i = 0; i < md->quotes && at < bytes; i++) {
        at += strspn(text + at, " ");
        if (text[at] == '>')
            at += text[at + 1] == ' ' ? 2 : 1;
    }
    for (unsigned i = 0; i < md->fence_indent && text[at] == ' '; i++)
        at++;
    if (is_only(text + at, bytes - at, md->fence_mark, &marks)) {
        if (!is_whole && bytes < HEAD_MAX_BYTES)
            return false;
        if (marks >= md->fence) {
            md->fence = 0;
            md->line = LINE_FENCE;
            set_prefix(md, md->quotes, capped(md->hang), NULL, 0);
            return true;
        }
    }
    md->line = LINE_CODE;
    md->code_look = md->is_diff ? diff_look(text[at]) : BX_LOOK_CYAN;
    bx_flow_verbatim(&md->flow, md->code_look, text + at, bytes - at);
    return true;
}

static void begin_line(bx_markdown *md, const line_head *head)
{
    const char *rest = md->head.data + head->used;
    size_t bytes = md->head.len - head->used;

    md->line = head->kind;
    switch (head->kind) {
    case LINE_BLANK:
        end_block(md);
        md->has_gap = true;
        return;
    case LINE_RULE:
        put_rule(md, head);
        return;
    case LINE_FENCE:
        begin_fence(md, head, rest);
        return;
    case LINE_TABLE:
        end_block(md);
        put_gap(md);
        md->quotes = head->quotes;
        set_prefix(md, head->quotes, capped(head->indent), NULL, 0);
        bx_flow_verbatim(&md->flow, 0, rest, bytes);
        return;
    case LINE_HEADING:
        begin_heading(md, head);
        break;
    case LINE_ITEM:
        begin_item(md, head);
        break;
    default:
        begin_text(md, head);
    }
    bx_inline_put(&md->text, rest, bytes);
}

/* The line goes on. */
static void continue_line(bx_markdown *md, const char *text, size_t bytes)
{
    switch (md->line) {
    case LINE_TABLE:
        bx_flow_verbatim(&md->flow, 0, text, bytes);
        return;
    case LINE_CODE:
        bx_flow_verbatim(&md->flow, md->code_look, text, bytes);
        return;
    case LINE_TEXT:
    case LINE_ITEM:
    case LINE_HEADING:
        bx_inline_put(&md->text, text, bytes);
        return;
    default:
        return; /* said already what they are */
    }
}

static void end_line(bx_markdown *md)
{
    const bx_buf *held = &md->text.held;

    switch (md->line) {
    case LINE_TABLE:
    case LINE_CODE:
        bx_flow_break(&md->flow);
        break;
    case LINE_HEADING:
        end_block(md);
        md->has_gap = true;
        break;
    case LINE_TEXT:
    case LINE_ITEM:
        /* A backslash at the end is a break, as two spaces are. */
        if (held->len > 0 && held->data[held->len - 1] == '\\') {
            md->text.held.len--;
            md->has_break = true;
        }
        break;
    default:
        break;
    }
    md->line = LINE_UNKNOWN;
    md->head.len = 0;
}

/* Is it clear now what the line is? Then it was begun. */
static void try_begin(bx_markdown *md, bool is_whole)
{
    line_head head;

    if (md->head.data == NULL && bx_buf_puts(&md->head, "") < 0)
        return;
    md->head.data[md->head.len] = '\0';
    if (md->fence > 0) {
        (void)judge_code(md, is_whole);
        return;
    }
    head = judge(md->head.data, md->head.len, is_whole);
    if (head.kind == LINE_UNKNOWN && md->head.len >= HEAD_MAX_BYTES)
        head.kind = LINE_TEXT;
    if (head.kind == LINE_UNKNOWN)
        return;
    begin_line(md, &head);
}

/* Spaces at the end of the line so far. */
static void count_spaces(bx_markdown *md, const char *text, size_t bytes)
{
    size_t spaces = 0;

    while (spaces < bytes && text[bytes - 1 - spaces] == ' ')
        spaces++;
    md->spaces = spaces == bytes ? md->spaces + spaces : spaces;
}

static void put_line(bx_markdown *md, const char *text, size_t bytes,
                     bool is_whole)
{
    count_spaces(md, text, bytes);
    if (md->line != LINE_UNKNOWN) {
        continue_line(md, text, bytes);
    } else {
        if (bx_buf_append(&md->head, text, bytes, SIZE_MAX) < 0)
            return;
        try_begin(md, is_whole);
    }
    if (is_whole) {
        if (md->spaces >= 2)
            md->has_break = true;
        md->spaces = 0;
        end_line(md);
    }
}

void bx_markdown_put(bx_markdown *md, const char *text, size_t bytes)
{
    if (!md->screen->is_terminal) {
        bx_screen_put(md->screen, 0, text, bytes);
        if (bytes > 0)
            md->last = text[bytes - 1];
        return;
    }
    /* A line break of two bytes may come in two pieces. */
    if (md->has_return && bytes > 0 && text[0] != '\n')
        put_line(md, "\r", 1, false);
    if (bytes > 0)
        md->has_return = text[bytes - 1] == '\r';
    if (md->has_return)
        bytes--;
    while (bytes > 0) {
        const char *newline = memchr(text, '\n', bytes);
        size_t line = newline == NULL ? bytes : (size_t)(newline - text);
        size_t shown = line;

        if (newline != NULL && shown > 0 && text[shown - 1] == '\r')
            shown--;
        put_line(md, text, shown, newline != NULL);
        line += newline != NULL;
        text += line;
        bytes -= line;
    }
}

void bx_markdown_end(bx_markdown *md)
{
    if (!md->screen->is_terminal) {
        if (md->last != '\0' && md->last != '\n')
            putc('\n', md->screen->out);
        md->last = '\0';
        return;
    }
    if (md->line != LINE_UNKNOWN || md->head.len > 0)
        put_line(md, "", 0, true);
    end_block(md);
    md->fence = 0;
    md->hang = 0;
    md->quotes = 0;
    md->has_gap = false;
    md->is_begun = false;
    md->has_return = false;
    bx_flow_set_prefix(&md->flow, NULL, md->outer, md->outer_cells);
}
