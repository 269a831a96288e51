/* The lines of a file that an answer shows, out of its text as it arrives. */
#ifndef BOXAGNTS_PAGE_H
#define BOXAGNTS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_LINE_MAX_CHARS 2000
#define PAGE_MAX_BYTES (256u << 10) /* about 64,000 tokens */

typedef struct page {
    uint64_t first; /* the first line to show, from 1 */
    uint64_t limit; /* most lines to show */

    uint64_t line;         /* the line that comes next or is under way */
    uint64_t shown;        /* lines shown in full or cut */
    uint64_t cut;          /* of those, cut */
    bool is_full;          /* PAGE_MAX_BYTES met before limit */
    bool is_within;        /* some of the line has come */
    bool is_holding_cr;    /* a '\r' that a '\n' may follow */
    uint32_t chars;        /* of the line under way, shown */
    uint64_t hidden_chars; /* of the line under way, not shown */
    uint64_t crlf_lines;   /* of the shown lines */
} page;

/* Text as UTF-8; what is shown goes into the answer. */
void page_feed(page *page, const char *text, size_t len);
/* After the last text. */
void page_end(page *page);
/* Nothing more would be shown; feeding on only counts lines. */
bool page_is_done(const page *page);
/* Lines seen; all of them after page_end(). */
uint64_t page_lines(const page *page);

#endif
