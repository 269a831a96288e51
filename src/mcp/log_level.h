/* Severities of log messages, those of RFC 5424 as MCP names them. */
#ifndef BX_MCP_LOG_LEVEL_H
#define BX_MCP_LOG_LEVEL_H

/* From least to most severe. */
typedef enum bx_log_level {
    BX_LOG_DEBUG,
    BX_LOG_INFO,
    BX_LOG_NOTICE,
    BX_LOG_WARNING,
    BX_LOG_ERROR,
    BX_LOG_CRITICAL,
    BX_LOG_ALERT,
    BX_LOG_EMERGENCY,
    BX_LOG_OFF, /* nothing is sent; not a level of the protocol */
} bx_log_level;

const char *bx_log_level_name(bx_log_level level);
/* -1: no such level. */
int bx_log_level_find(const char *name, bx_log_level *ret_level);

#endif
