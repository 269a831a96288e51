/* What replacing a file takes, with an overlay or without. */
#ifndef BX_WASI_REPLACE_H
#define BX_WASI_REPLACE_H

#include <sys/stat.h>

#include "base/run.h"

/* Write it all, piece by piece. -1 with errno; ETIME: the run is over. */
int bx_replace_fill(const bx_run *run, int fd, const void *data, size_t bytes);
/* Only a regular file or a link is replaced: -1 with EISDIR or EINVAL. */
int bx_replace_check(const struct stat *old);

/* For tests: as where no file without a name can be made. */
void bx_replace_force_named(bool is_forced);

#endif
