#include "policy/level.h"

#include <string.h>

#include "policy/text.h"

static const char *const names[] = {
    [BX_LEVEL_NONE] = "none",           [BX_LEVEL_READ_ONLY] = "read_only",
    [BX_LEVEL_WRITE] = "write",         [BX_LEVEL_EXECUTE] = "execute",
    [BX_LEVEL_DANGEROUS] = "dangerous", [BX_LEVEL_FORBIDDEN] = "forbidden",
};

static bool is_same(const char *name, const char *text)
{
    for (; *name != '\0' && *text != '\0'; name++, text++) {
        if (*name != (*text == '-' ? '_' : *text))
            return false;
    }
    return *name == *text;
}

int bx_level_parse(const char *text, bx_level *ret_level, bx_error **err)
{
    bx_autofree char *shown = NULL;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_same(names[i], text)) {
            *ret_level = (bx_level)i;
            return 0;
        }
    }
    shown = bx_text_show(text);
    return bx_error_set(err, BX_ERR_INVALID,
                        "%s is no permission level; expected none, read_only, "
                        "write, execute, dangerous or forbidden",
                        BX_SHOWN(shown));
}

const char *bx_level_name(bx_level level)
{
    return names[level];
}
