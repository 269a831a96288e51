/* From folders to a table. Everything in a folder is hostile, the names
 * included. */
#ifndef BX_TOOL_REGISTRY_SCAN_H
#define BX_TOOL_REGISTRY_SCAN_H

#include "tool/registry_state.h"

#define BX_TOOL_MAX_FILES 4096 /* of a folder that are looked at */
/* Bytes of modules that a workspace may make us read, which is at every start
 */
#define BX_TOOL_WORKSPACE_MAX_BYTES (512u << 20)

/* Add the files of one folder and what they hold. Files that old has and that
 * did not change are taken from there. A folder that is missing is empty. */
int bx_scan_folder(bx_registry *registry, bx_tool_source source,
                   const bx_table *old, bx_table *table, bx_error **err);

/* Read a file's bytes: digest, manifests, or what is wrong (problem). -1: the
 * host failed. */
int bx_scan_read(bx_registry *registry, bx_tool_source source, bx_file *file,
                 bx_error **err);

/* Manifests of a module that has none, from what it prints or exports. For that
 * it is compiled and may be run, which a module that came with the workspace is
 * not before somebody approves it: is_unasked. */
int bx_scan_adapt(bx_registry *registry, bx_tool_source source, bx_file *file,
                  const void *bytes, size_t count, bx_error **err);

#endif
