/* Guest paths where protected paths of the host show through a mapping. */
#ifndef BX_WASI_GUARDED_H
#define BX_WASI_GUARDED_H

#include "wasi/fs.h"

/* Fill fs->guarded from the policy's protected paths; mounts are open. */
int bx_guarded_find(bx_fs *fs, bx_error **err);
void bx_guarded_clear(bx_fs *fs);

/* The entry that has the path of that mapping, at or above it, or NULL. */
const bx_fs_guarded *bx_guarded_at(const bx_fs *fs, int mount, const char *path,
                                   size_t len);

#endif
