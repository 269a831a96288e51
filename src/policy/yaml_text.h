#ifndef BX_POLICY_YAML_TEXT_H
#define BX_POLICY_YAML_TEXT_H

#include "base/buf.h"

/* Append text in quotes, on one line. -1: no memory, or not UTF-8. */
int bx_yaml_put_quoted(bx_buf *out, const char *text);

#endif
