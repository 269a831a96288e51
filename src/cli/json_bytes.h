/* Bytes of a guest in JSON. */
#ifndef BX_CLI_JSON_BYTES_H
#define BX_CLI_JSON_BYTES_H

#include <jansson.h>
#include <stddef.h>

/* Text when it is UTF-8, otherwise {"base16": ...}: nothing is lost. */
json_t *bx_cli_json_bytes(const char *data, size_t bytes);

#endif
