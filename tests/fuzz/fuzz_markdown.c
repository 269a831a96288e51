/* Any bytes as what a model streams to a terminal: the same whole and in
 * pieces, nothing in it that a terminal acts on but our own looks, the cursor
 * at the begin of a line when it is over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/markdown.h"

#define TEXT_MAX 20000 /* more is only slower */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

/* Pieces of about so many bytes; characters stay whole, as in JSON. Owned. */
static char *render(const char *text, size_t bytes, size_t piece,
                    unsigned columns, bool has_colour)
{
    char *shown = NULL;
    size_t shown_bytes = 0;
    FILE *out = open_memstream(&shown, &shown_bytes);
    bx_screen screen;
    bx_markdown *markdown;

    expect(out != NULL);
    bx_screen_init(&screen, out);
    screen.is_terminal = true;
    screen.has_colour = has_colour;
    screen.columns = columns;
    markdown = bx_markdown_new(&screen);
    expect(markdown != NULL);
    for (size_t at = 0; at < bytes;) {
        size_t part = bytes - at < piece ? bytes - at : piece;

        while (at + part < bytes &&
               ((unsigned char)text[at + part] & 0xc0) == 0x80)
            part++;
        bx_markdown_put(markdown, text + at, part);
        at += part;
    }
    bx_markdown_end(markdown);
    bx_markdown_free(markdown);
    expect(screen.look == 0);
    fclose(out);
    expect(shown_bytes == 0 || shown[shown_bytes - 1] == '\n');
    return shown;
}

/* Controls are line breaks and ESC [ 0 ; ... m. */
static void check_plain(const char *shown, bool has_colour)
{
    for (; *shown != '\0'; shown++) {
        if (*shown == '\033') {
            size_t look = 2 + strspn(shown + 2, "0123456789;");

            expect(has_colour && shown[1] == '[' && shown[look] == 'm');
            shown += look;
        } else {
            expect((unsigned char)*shown >= 0x20 || *shown == '\n');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *text = (const char *)data + 1;
    unsigned columns;
    bool has_colour;
    char *whole;
    char *pieces;

    if (bytes < 2)
        return 0;
    columns = BX_SCREEN_MIN_COLUMNS + (data[0] >> 2);
    has_colour = (data[0] & 1) != 0;
    bytes = bytes - 1 < TEXT_MAX ? bytes - 1 : TEXT_MAX;
    whole = render(text, bytes, bytes, columns, has_colour);
    pieces =
        render(text, bytes, (data[0] & 2) != 0 ? 1 : 7, columns, has_colour);
    expect(strcmp(whole, pieces) == 0);
    check_plain(whole, has_colour);
    free(whole);
    free(pieces);
    return 0;
}
