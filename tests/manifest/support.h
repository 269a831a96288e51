/* What the manifest tests share. */
#ifndef BX_TESTS_MANIFEST_SUPPORT_H
#define BX_TESTS_MANIFEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "tool/manifest.h"
#include "tool/schema.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* JSON with ' for ", or the test fails. */
json_t *parse_json(const char *text);

/* The error's message, which is freed with the test's last word on it: the
 * test fails when it is not this one, or not of that code. */
void assert_error(bx_error *err, bx_code code, const char *message);

/* A manifest of that YAML, "x.tool.yaml"; the test fails with its message. */
bx_manifest *parse_manifest(const char *yaml);

#endif
