/* Whole files of the host: read with a cap, replaced in one step. */
#ifndef BX_BASE_FILE_H
#define BX_BASE_FILE_H

#include <sys/types.h>

#include "base/error.h"

/* Read a regular file (or a pipe) whole; "-" is not special. ret_data gets a
 * NUL behind the last byte and is owned by the caller, free(). ret_bytes may
 * be NULL. BX_ERR_LIMIT past max_bytes. */
int bx_file_read(const char *path, size_t max_bytes, char **ret_data,
                 size_t *ret_bytes, bx_error **err);

/* Read an open descriptor from where it stands; what is its name in errors. */
int bx_file_read_fd(int fd, const char *what, size_t max_bytes, char **ret_data,
                    size_t *ret_bytes, bx_error **err);

/* Write data to path through a temporary file beside it and rename(), so that
 * readers see the old bytes or the new ones. mode as for open(). */
int bx_file_replace(const char *path, const void *data, size_t bytes,
                    unsigned mode, bx_error **err);

/* As a shell's '>' does for a name that a person gave, with their umask: a
 * device, a pipe or what a link names is written to; a file is replaced as
 * above. */
int bx_file_write(const char *path, const void *data, size_t bytes,
                  bx_error **err);

/* All of it, to and from an open descriptor; -1 with errno. Reading ends early
 * at the end of the file: how much came is the answer. */
int bx_file_write_all(int fd, const void *data, size_t bytes);
ssize_t bx_file_read_full(int fd, void *data, size_t bytes);

/* Make a folder and its missing parents, each with mode. */
int bx_file_make_dirs(const char *path, unsigned mode, bx_error **err);

#endif
