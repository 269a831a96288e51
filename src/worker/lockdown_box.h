/* What a box needs when it is locked down: its folders. */
#ifndef BX_WORKER_LOCKDOWN_BOX_H
#define BX_WORKER_LOCKDOWN_BOX_H

#include "wasi/fs.h"
#include "worker/lockdown.h"

/* Lock this process down to the folders of fs, open already, with the access
 * that mappings and grants together give somewhere in them; under an overlay
 * they are only read, and its folder is written. lockdown: the rest of what is
 * asked for; its dirs are not looked at. */
int bx_lockdown_apply_box(const bx_fs *fs, const bx_lockdown *lockdown,
                          bool ret_applied[BX_LOCKDOWN_LAYERS], bx_error **err);

#endif
