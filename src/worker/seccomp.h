/* The system calls a locked process may make. */
#ifndef BX_WORKER_SECCOMP_H
#define BX_WORKER_SECCOMP_H

#include "worker/lockdown.h"

/* The kernel has filters, and ends a whole process for one call. -1 with errno
 * set: it has not. */
int bx_seccomp_check(void);

/* Bind this thread, and those it starts, to the list, for good. Needs
 * no_new_privs. */
int bx_seccomp_apply(const bx_lockdown *lockdown, bx_error **err);

#endif
