/* The filter: what is not on the list is not there. */
#include "worker/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/seccomp_calls.h"

int bx_seccomp_check(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;

    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

static bool is_wanted(const bx_lockdown *lockdown, bx_seccomp_when when)
{
    switch (when) {
    case BX_SECCOMP_MEMORY_FILES:
        return lockdown->may_make_memory_files;
    case BX_SECCOMP_PASS_FDS:
        return lockdown->may_pass_fds;
    case BX_SECCOMP_TERMINAL:
        return lockdown->is_terminal;
    default:
        return true;
    }
}

/* argument NULL: any. Returns 0 or a negative errno; a call that libseccomp or
 * this architecture does not know gets the default, which refuses. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *name,
               const struct scmp_arg_cmp *argument)
{
    int number = seccomp_syscall_resolve_name(name);

    if (number == __NR_SCMP_ERROR || number < 0)
        return 0;
    return seccomp_rule_add_array(filter, action, number, argument != NULL,
                                  argument);
}

static int add_argument(scmp_filter_ctx filter,
                        const bx_seccomp_argument *argument)
{
    const struct scmp_arg_cmp compare = {
        .arg = argument->index,
        .op = SCMP_CMP_MASKED_EQ,
        .datum_a = argument->mask,
        .datum_b = argument->value,
    };

    return add(filter, SCMP_ACT_ALLOW, argument->name, &compare);
}

/* abort() and cancelling a thread signal this process; no other. */
static int add_own_signals(scmp_filter_ctx filter)
{
    const bx_seccomp_argument kill_own = { "kill", 0, UINT64_MAX,
                                           (uint64_t)getpid(), 0 };
    const bx_seccomp_argument tgkill_own = { "tgkill", 0, UINT64_MAX,
                                             (uint64_t)getpid(), 0 };
    int result = add_argument(filter, &kill_own);

    return result < 0 ? result : add_argument(filter, &tgkill_own);
}

static int fill(scmp_filter_ctx filter, const bx_lockdown *lockdown)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < bx_seccomp_calls_count; i++) {
        if (is_wanted(lockdown, bx_seccomp_calls[i].when))
            result =
                add(filter, SCMP_ACT_ALLOW, bx_seccomp_calls[i].name, NULL);
    }
    for (size_t i = 0; result == 0 && i < bx_seccomp_arguments_count; i++) {
        if (is_wanted(lockdown, bx_seccomp_arguments[i].when))
            result = add_argument(filter, &bx_seccomp_arguments[i]);
    }
    for (const char *const *name = bx_seccomp_fatal;
         result == 0 && *name != NULL; name++)
        result = add(filter, SCMP_ACT_KILL_PROCESS, *name, NULL);
    return result < 0 ? result : add_own_signals(filter);
}

/* Another architecture's calls have other numbers: whoever makes one on
 * purpose (int 0x80, x32) means to get past the list. */
static int set_up(scmp_filter_ctx filter)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                                  SCMP_ACT_KILL_PROCESS);

    /* The list is searched as a tree; -EOPNOTSUPP before libseccomp 2.5. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return result;
}

int bx_seccomp_apply(const bx_lockdown *lockdown, bx_error **err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int result;

    if (filter == NULL)
        return bx_error_set_nomem(err);
    result = set_up(filter);
    if (result == 0)
        result = fill(filter, lockdown);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    if (result < 0)
        return bx_error_set_errno(err, -result, "seccomp: the filter");
    return 0;
}
