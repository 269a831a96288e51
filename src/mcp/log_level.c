#include "mcp/log_level.h"

#include <string.h>

static const char *const names[BX_LOG_OFF] = {
    [BX_LOG_DEBUG] = "debug",   [BX_LOG_INFO] = "info",
    [BX_LOG_NOTICE] = "notice", [BX_LOG_WARNING] = "warning",
    [BX_LOG_ERROR] = "error",   [BX_LOG_CRITICAL] = "critical",
    [BX_LOG_ALERT] = "alert",   [BX_LOG_EMERGENCY] = "emergency",
};

const char *bx_log_level_name(bx_log_level level)
{
    return level < BX_LOG_OFF ? names[level] : "off";
}

int bx_log_level_find(const char *name, bx_log_level *ret_level)
{
    for (int i = 0; i < BX_LOG_OFF; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_level = (bx_log_level)i;
            return 0;
        }
    }
    return -1;
}
