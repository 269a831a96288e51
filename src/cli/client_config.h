/* Settings files of MCP clients: one entry is put in or replaced, and every
 * other byte stays as it was. The files are people's own: with comments, in an
 * order they chose. */
#ifndef BX_CLI_CLIENT_CONFIG_H
#define BX_CLI_CLIENT_CONFIG_H

#include <jansson.h>

#include "base/buf.h"

/* In JSON, with comments and trailing commas or without: text[section][name] =
 * entry. An empty text is {}.
 * errors: BX_ERR_INVALID: not JSON, or the section is no object; the line */
int bx_client_config_put_json(const char *text, size_t bytes,
                              const char *section, const char *name,
                              const json_t *entry, bx_buf *ret_text,
                              bx_error **err);

/* In TOML: the table [section.name] is entry, an object of strings and arrays
 * of strings. errors: BX_ERR_INVALID: a string or array that does not end, or
 * the section written in a way that is not a table of its own; the line */
int bx_client_config_put_toml(const char *text, size_t bytes,
                              const char *section, const char *name,
                              const json_t *entry, bx_buf *ret_text,
                              bx_error **err);

#endif
