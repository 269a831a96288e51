/* The filter: what is not on the list is not there. Its steps were made when
 * the program was built (seccomp_make.c). */
#include "worker/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/seccomp_calls.h"

#include "worker/seccomp_filters.inc"

#define MAX_STEPS 1024

int bx_seccomp_check(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;

    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

static unsigned settings_of(const bx_lockdown *lockdown)
{
    unsigned settings = 0;

    if (lockdown->may_make_memory_files)
        settings |= BX_SECCOMP_SETTING(BX_SECCOMP_MEMORY_FILES);
    if (lockdown->may_pass_fds)
        settings |= BX_SECCOMP_SETTING(BX_SECCOMP_PASS_FDS);
    if (lockdown->is_terminal)
        settings |= BX_SECCOMP_SETTING(BX_SECCOMP_TERMINAL);
    for (size_t i = 0; i < lockdown->dirs_count; i++) {
        if ((lockdown->dirs[i].access & BX_ACCESS_WRITE) != 0)
            settings |= BX_SECCOMP_SETTING(BX_SECCOMP_WRITES);
    }
    return settings;
}

static unsigned filter_of(const bx_lockdown *lockdown)
{
    if (lockdown->is_native)
        return lockdown->is_network ? BX_SECCOMP_NATIVE_NETWORK
                                    : BX_SECCOMP_NATIVE;
    return lockdown->is_network ? BX_SECCOMP_NETWORK : settings_of(lockdown);
}

int bx_seccomp_apply(const bx_lockdown *lockdown, bx_error **err)
{
    const struct sock_fprog *made = &filters[filter_of(lockdown)];
    struct sock_filter steps[MAX_STEPS];
    struct sock_fprog filter = { made->len, steps };

    _Static_assert(sizeof(filters) / sizeof(filters[0]) == BX_SECCOMP_LAST + 1,
                   "a filter for each combination of settings");
    if (made->len > MAX_STEPS)
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "seccomp: %u steps are too "
                            "many",
                            made->len);
    memcpy(steps, made->filter, made->len * sizeof(steps[0]));
    for (unsigned i = 0; i < made->len; i++) {
        if (steps[i].k == BX_SECCOMP_OWN_PID)
            steps[i].k = (uint32_t)getpid();
    }
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
        return bx_error_set_errno(err, errno, "seccomp: the filter");
    return 0;
}
