/* A folder being listed. */
#ifndef BX_WASI_DIR_H
#define BX_WASI_DIR_H

#include <stdint.h>

typedef struct bx_dir bx_dir;

/* NULL is fine. */
void bx_dir_free(bx_dir *dir);

#endif
