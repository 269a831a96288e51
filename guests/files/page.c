/* The lines of a file that an answer shows. Text arrives in parts that may
 * split a line, a "\r\n" and a character's bytes. */
#include "page.h"

#include <string.h>

#include "boxagnts_tool.h"

/* The compiler makes vectors of this. */
static size_t count_newlines(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    return count;
}

static size_t count_chars(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += ((uint8_t)text[i] & 0xc0) != 0x80;
    return count;
}

static void print_number(uint64_t number)
{
    char digits[24];
    char *at = digits + sizeof(digits);

    *--at = '\t';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (at > digits + sizeof(digits) - 7)
        *--at = ' ';
    boxagnts_write(at, (size_t)(digits + sizeof(digits) - at));
}

bool page_is_done(const page *page)
{
    return page->is_full || page->line >= page->first + page->limit;
}

uint64_t page_lines(const page *page)
{
    return page->line - 1 + page->is_within;
}

/* Some of the line under way, without its end. */
static void show(page *page, const char *text, size_t len)
{
    size_t room = PAGE_LINE_MAX_CHARS - page->chars;
    size_t chars = count_chars(text, len);
    size_t bytes = 0;

    if (!page->is_within)
        print_number(page->line);
    page->is_within = true;
    if (chars <= room && page->hidden_chars == 0) {
        page->chars += (uint32_t)chars;
        boxagnts_write(text, len);
        return;
    }
    /* The bytes that continue the last shown character belong to it. */
    for (size_t seen = 0; bytes < len; bytes++) {
        bool starts = ((uint8_t)text[bytes] & 0xc0) != 0x80;

        if (starts && seen == room)
            break;
        seen += starts;
    }
    if (page->hidden_chars > 0)
        bytes = 0;
    boxagnts_write(text, bytes);
    page->chars = PAGE_LINE_MAX_CHARS;
    page->hidden_chars += count_chars(text + bytes, len - bytes);
}

static void end_line(page *page)
{
    if (page->hidden_chars > 0) {
        boxagnts_print("... [line cut: %llu more characters]",
                       (unsigned long long)page->hidden_chars);
        page->cut++;
    }
    boxagnts_write("\n", 1);
    page->shown++;
    page->chars = 0;
    page->hidden_chars = 0;
    if (boxagnts_written() >= PAGE_MAX_BYTES)
        page->is_full = true;
}

/* Feed on lines that are not shown; returns how many bytes of text that was. */
static size_t skip(page *page, const char *text, size_t len)
{
    const size_t step = 4096;
    const char *end = text + len;
    const char *at = text;

    while (at < end && (page_is_done(page) || page->line < page->first)) {
        size_t bytes = (size_t)(end - at) < step ? (size_t)(end - at) : step;
        size_t lines = count_newlines(at, bytes);

        if (!page_is_done(page) && page->line + lines >= page->first) {
            at = (const char *)memchr(at, '\n', bytes) + 1;
            page->line++;
            page->is_within = false;
            continue;
        }
        at += bytes;
        page->line += lines;
        page->is_within = at[-1] != '\n';
    }
    return (size_t)(at - text);
}

void page_feed(page *page, const char *text, size_t len)
{
    const char *end = text + len;

    while (text < end) {
        const char *newline;
        size_t bytes;

        if (page_is_done(page) || page->line < page->first) {
            text += skip(page, text, (size_t)(end - text));
            continue;
        }
        newline = memchr(text, '\n', (size_t)(end - text));
        bytes = (size_t)((newline != NULL ? newline : end) - text);
        if (page->is_holding_cr) {
            page->is_holding_cr = false;
            if (bytes > 0)
                show(page, "\r", 1);
            else
                page->crlf_lines++;
        }
        if (bytes > 0 && text[bytes - 1] == '\r') {
            bytes--;
            page->is_holding_cr = newline == NULL;
            page->crlf_lines += newline != NULL;
        }
        show(page, text, bytes);
        if (newline == NULL)
            return;
        end_line(page);
        page->line++;
        page->is_within = false;
        text = newline + 1;
    }
}

void page_end(page *page)
{
    if (page_is_done(page) || page->line < page->first)
        return;
    if (page->is_holding_cr)
        show(page, "\r", 1);
    if (page->is_within)
        end_line(page);
}
