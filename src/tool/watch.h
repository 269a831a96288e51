/* Keeps a registry in step with its folders and its lock file, on a thread of
 * its own: by inotify, or by looking twice a second where that fails. */
#ifndef BX_TOOL_WATCH_H
#define BX_TOOL_WATCH_H

#include "tool/registry_state.h"

/* registry: borrowed, its folders are known. */
bx_watch_folders *bx_watch_start(bx_registry *registry, bx_error **err);
/* Waits for a scan under way. NULL is fine. */
void bx_watch_stop(bx_watch_folders *watch);

/* For tests: what starts from now on finds no inotify. */
void bx_watch_refuse_inotify(bool is_refused);

#endif
