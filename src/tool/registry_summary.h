/* What is known of a module that was read before: its digest and the sections
 * of it that make it a tool, kept in the user's state folder under the file's
 * identity. It spares reading tens of megabytes at each start; it approves
 * nothing, and before a module is compiled its bytes are hashed anew. */
#ifndef BX_TOOL_REGISTRY_SUMMARY_H
#define BX_TOOL_REGISTRY_SUMMARY_H

#include "tool/registry_entry.h"

typedef struct bx_summary {
    char digest[65];
    char *skeleton; /* the module's preamble, and its manifest and script */
    size_t bytes;
} bx_summary;

/* Where a module's summary is kept; NULL: nowhere. Owned by the caller. */
char *bx_summary_path(const char *state_dir, const char *module);

/* The summary at path, when it is of the file that id names; false when there
 * is none. */
bool bx_summary_load(const char *path, const bx_file_id *id,
                     bx_summary *ret_summary);

/* Keep one of a module's bytes. Those that gain nothing by it, and files that
 * were written a moment ago, are left out; so is what cannot be written. */
void bx_summary_save(const char *path, const bx_file_id *id, const char *digest,
                     const void *module, size_t bytes);

#endif
