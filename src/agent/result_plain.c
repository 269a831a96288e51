/* Results as people read them. They may come from a session that somebody else
 * made: what is taken out is at most two lines that look like an envelope's. */
#include <string.h>

#include "agent/result.h"

#define BEGIN "<data from=\""
#define BOUNDARY "\" boundary=\""

/* The line of the text that begins so; NULL: none does. */
static const char *find_line(const char *text, const char *begin)
{
    while (text != NULL && strncmp(text, begin, strlen(begin)) != 0) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    return text;
}

/* The line that ends what begin begins; NULL: none does. data: behind begin. */
static const char *find_end(const char *begin, const char *data)
{
    const char *boundary = strstr(begin, BOUNDARY);
    char tag[sizeof("</data" BOUNDARY) + BX_ENVELOPE_HEX];

    if (boundary == NULL || boundary >= data)
        return NULL;
    boundary += strlen(BOUNDARY);
    if (strspn(boundary, "0123456789abcdef") != BX_ENVELOPE_HEX)
        return NULL;
    (void)snprintf(tag, sizeof(tag), "</data boundary=\"%.*s", BX_ENVELOPE_HEX,
                   boundary);
    return find_line(data, tag);
}

int bx_envelope_strip(const char *text, bx_buf *out)
{
    const char *begin;

    while ((begin = find_line(text, BEGIN)) != NULL) {
        const char *data = strchr(begin, '\n');
        const char *end = data == NULL ? NULL : find_end(begin, ++data);
        const char *rest = end == NULL ? NULL : strchr(end, '\n');

        if (end == NULL)
            break;
        if (bx_buf_append(out, text, (size_t)(begin - text), SIZE_MAX) < 0 ||
            bx_buf_append(out, data, (size_t)(end - data), SIZE_MAX) < 0)
            return -1;
        text = rest == NULL ? "" : rest + 1;
    }
    return bx_buf_puts(out, text);
}
