/* One change, made in the base. The base is anyone's: folders on the way may
 * have become links, files may be changed by others at any moment. */
#ifndef BX_OVERLAY_APPLY_H
#define BX_OVERLAY_APPLY_H

#include "overlay/deltas.h"

/* errors: BX_ERR_DENIED: the base is not as the change has it, and stays so */
int bx_apply_change(const bx_overlay_store *store, const bx_delta *change,
                    bx_error **err);

/* Clear away what a killed commit left beside a path. */
int bx_apply_clear(const bx_overlay_store *store, const bx_delta *change,
                   bx_error **err);

/* The name of a file on its way to the path, in the same folder. */
#define BX_APPLY_NAME_BYTES 32
void bx_apply_name(const bx_overlay_store *store, size_t mapping,
                   const char *path, char name[BX_APPLY_NAME_BYTES]);

/* For tests: called when a new entry lies beside the old, before they change
 * names. */
void bx_apply_set_hook(void (*hook)(void));
/* For tests: as on a file system without RENAME_EXCHANGE. */
void bx_apply_force_plain(bool is_forced);

#endif
