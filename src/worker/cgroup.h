/* Control groups, version 2: limits that hold for a whole process, whatever it
 * does. Only where this user was given a group to divide. */
#ifndef BX_WORKER_CGROUP_H
#define BX_WORKER_CGROUP_H

#include <sys/types.h>

#include "base/error.h"

typedef struct bx_cgroup bx_cgroup;

/* Is there such a group? Changes nothing. root: "" or a folder that has proc
 * and sys beneath it.
 * errors: BX_ERR_NOT_FOUND: none, why, and how to get one */
int bx_cgroup_check(const char *root, bx_error **err);

/* Make this process's group ready to be divided; the process itself moves into
 * a part of it when that is needed. errors: the same, and BX_ERR_SYSTEM: others
 * share the group */
bx_cgroup *bx_cgroup_open(const char *root, bx_error **err);
/* The parts are left as they are. NULL is fine. */
void bx_cgroup_free(bx_cgroup *cgroup);

/* Put a process into a part of its own. Past memory_bytes the kernel ends it.
 */
int bx_cgroup_add(const bx_cgroup *cgroup, pid_t pid, uint64_t memory_bytes,
                  uint64_t tasks, bx_error **err);
/* Remove the part of a process that has ended. */
int bx_cgroup_remove(const bx_cgroup *cgroup, pid_t pid, bx_error **err);

#endif
