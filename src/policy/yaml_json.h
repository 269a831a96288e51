/* YAML as JSON, for files in which strangers describe things. As strict as
 * policy files are: plain mappings, lists and scalars in one document, and
 * nothing that hides meaning (anchors, aliases, tags, merge keys, directives,
 * a key given twice). JSON is a part of it. */
#ifndef BX_POLICY_YAML_JSON_H
#define BX_POLICY_YAML_JSON_H

#include <jansson.h>

#include "base/error.h"

#define BX_YAML_MAX_DEPTH 64
#define BX_YAML_MAX_NODES 20000

/**
 * Read one document.
 *
 * Plain scalars are what YAML 1.2 calls them: true and false, null and ~,
 * numbers; "yes", "on" and dates are text. Quoted ones are text.
 *
 * text       hostile; any bytes
 * name       what messages call it, "x.tool.yaml"
 * max_bytes  the longest text that is read
 * ret_value  owned by the caller; null for an empty document
 * ret_lines  where each value was written, for bx_yaml_line(); owned
 * errors     BX_ERR_INVALID "NAME: line N: ...", BX_ERR_LIMIT
 */
int bx_yaml_parse(const char *text, size_t text_bytes, const char *name,
                  size_t max_bytes, json_t **ret_value, json_t **ret_lines,
                  bx_error **err);

/* The line of the key or list item at a JSON pointer, "/tool/permissions/0";
 * that of its nearest parent when there is no such value. */
size_t bx_yaml_line(const json_t *lines, const char *pointer);

#endif
