#include "mcp/revision.h"

#include <string.h>

static const char *const names[BX_REVISIONS] = {
    [BX_REVISION_2024_11_05] = "2024-11-05",
    [BX_REVISION_2025_03_26] = "2025-03-26",
    [BX_REVISION_2025_06_18] = "2025-06-18",
    [BX_REVISION_2025_11_25] = "2025-11-25",
    [BX_REVISION_2026_07_28] = "2026-07-28",
};

const char *bx_revision_name(bx_revision revision)
{
    return names[revision];
}

int bx_revision_find(const char *name, bx_revision *ret_revision)
{
    for (int i = 0; i < BX_REVISIONS; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_revision = (bx_revision)i;
            return 0;
        }
    }
    return -1;
}

json_t *bx_revision_list(void)
{
    json_t *list = json_array();

    for (int i = BX_REVISIONS; i-- > 0;)
        json_array_append_new(list, json_string(names[i]));
    return list;
}
