/* Who has which session open: a lock of the kernel's on a few bytes of a file
 * beside the database, so that it ends with its process however that ends. */
#ifndef BX_STORE_SESSION_LOCK_H
#define BX_STORE_SESSION_LOCK_H

#include <stdint.h>

#include "base/error.h"

/* The file of all the locks, made when it is missing; -1. errors:
 * BX_ERR_DENIED: others may write it */
int bx_session_lock_file(const char *path, bx_error **err);

/* The lock of session number, as a descriptor that holds it until it is closed;
 * -1. It is refused to this process too. errors: BX_ERR_DENIED: the process
 * that has it is named */
int bx_session_lock_take(const char *path, int64_t number, const char *id,
                         bx_error **err);
/* Does a process have it? fd: bx_session_lock_file()'s. ret_pid: which; 0: it
 * has not said yet. */
bool bx_session_lock_is_taken(int fd, int64_t number, long *ret_pid);

#endif
