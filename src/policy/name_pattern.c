#include "policy/name_pattern.h"

#include <string.h>

#include "base/utf8.h"
#include "policy/text.h"

static const char *find_fault(const char *text)
{
    size_t len = strlen(text);
    const char *star = strchr(text, '*');

    if (len == 0)
        return "is empty";
    if (len > BX_NAME_PATTERN_MAX)
        return "is longer than 255 bytes";
    if (bx_text_has_control(text))
        return "has a control byte";
    if (!bx_utf8_is_valid(text, len))
        return "is not UTF-8";
    if (strpbrk(text, "= /\\") != NULL)
        return "has a '=', a space or a slash";
    if (star != NULL && star[1] != '\0')
        return "has a '*' that is not its end";
    return NULL;
}

int bx_name_pattern_check(const char *text, const char *what, bx_error **err)
{
    const char *fault = find_fault(text);
    bx_autofree char *shown = NULL;

    if (fault == NULL)
        return 0;
    shown = bx_text_show(text);
    return bx_error_set(err, BX_ERR_INVALID,
                        "%s %s %s; expected a name, one that ends in '*', or "
                        "'*' for all",
                        what, BX_SHOWN(shown), fault);
}

/* Bytes in front of the '*'; SIZE_MAX without one. */
static size_t prefix_length(const char *pattern)
{
    size_t len = strlen(pattern);

    return len > 0 && pattern[len - 1] == '*' ? len - 1 : SIZE_MAX;
}

bool bx_name_pattern_matches(const char *pattern, const char *name)
{
    size_t len = prefix_length(pattern);

    return len == SIZE_MAX ? strcmp(pattern, name) == 0
                           : strncmp(pattern, name, len) == 0;
}

bool bx_name_pattern_covers(const char *outer, const char *inner)
{
    size_t outer_len = prefix_length(outer);
    size_t inner_len = prefix_length(inner);

    if (inner_len == SIZE_MAX)
        return bx_name_pattern_matches(outer, inner);
    return outer_len != SIZE_MAX && outer_len <= inner_len &&
           strncmp(outer, inner, outer_len) == 0;
}
