/* A manifest as `learn` writes it: YAML that bx_manifest_parse() reads. */
#ifndef BX_TOOL_LEARNED_MANIFEST_H
#define BX_TOOL_LEARNED_MANIFEST_H

#include "tool/manifest.h"

typedef struct bx_learned_manifest {
    const char *name;
    const char *description;
    const bx_manifest *base; /* whose permissions and level are replaced; NULL:
                              * there is none, name and description count */
    const char *const *grants;
    size_t grants_count;
    const char *const *notes; /* lines of comment, hostile */
    size_t notes_count;
} bx_learned_manifest;

/* Owned by the caller, free(). */
char *bx_learned_manifest_format(const bx_learned_manifest *manifest,
                                 bx_error **err);

/* The lowest level that has all of these; a tool that is dangerous stays it. */
int bx_learned_level(const char *const *grants, size_t count,
                     const bx_manifest *base, bx_level *ret_level,
                     bx_error **err);

#endif
