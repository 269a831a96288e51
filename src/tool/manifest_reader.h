/* What the parts that read a manifest share. */
#ifndef BX_TOOL_MANIFEST_READER_H
#define BX_TOOL_MANIFEST_READER_H

#include "tool/manifest.h"

typedef struct bx_manifest_reader {
    bx_manifest *manifest;
    const char *name;    /* of the text */
    const json_t *lines; /* where what was written */
    bx_error **err;
} bx_manifest_reader;

/* "NAME: line N: ..." for the value at a JSON pointer, "/tool/limits". */
int bx_manifest_refuse(const bx_manifest_reader *in, const char *pointer,
                       const char *format, ...) BX_PRINTF(3, 4);
/* Put the same and key in front of what another part found. */
int bx_manifest_wrap(const bx_manifest_reader *in, const char *pointer,
                     const char *key);
/* "a list" */
const char *bx_manifest_kind(const json_t *value);

/* Each item of the list at pointer, of at most max. */
int bx_manifest_read_each(bx_manifest_reader *in, const json_t *value,
                          const char *pointer, size_t max, const char *expected,
                          int (*read)(bx_manifest_reader *, const json_t *,
                                      const char *));

/* What a tool asks for: manifest_asks.c. */
int bx_manifest_read_permissions(bx_manifest_reader *in, const json_t *value);
int bx_manifest_read_secrets(bx_manifest_reader *in, const json_t *value);
int bx_manifest_read_limits(bx_manifest_reader *in, const json_t *value);

#endif
