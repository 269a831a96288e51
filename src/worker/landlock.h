/* Landlock: what a process may still reach by name, judged by the kernel at
 * each open. */
#ifndef BX_WORKER_LANDLOCK_H
#define BX_WORKER_LANDLOCK_H

#include "worker/lockdown.h"

/* The newest ABI whose every right is refused here; later ones add rights
 * that this program does not know. */
#define BX_LANDLOCK_ABI 7

/* Beside BX_ACCESS_...: what lies there may be executed. Only for programs that
 * are not ours. */
#define BX_LANDLOCK_EXECUTE 0x100u

/* The kernel's ABI, 1 or more; 0 with errno set: it has none. */
int bx_landlock_abi(void);
/* What an ABI leaves open that a later one closes; static, "" for nothing. */
const char *bx_landlock_lacks(int abi);

/* Confine this thread, and those it starts, to dirs: to read them, or to read
 * and write them. Nothing else is executed, no device or socket made, no port
 * of TCP bound or dialled, no signal or abstract socket of others reached.
 * Needs no_new_privs. */
int bx_landlock_apply(int abi, const bx_lockdown_dir *dirs, size_t count,
                      bool is_network, bx_error **err);

#endif
