/* The layers in their order: each is put on before the next takes away what it
 * needs. */
#include "worker/lockdown.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "worker/landlock.h"
#include "worker/seccomp.h"

const char *bx_lockdown_layer_name(bx_lockdown_layer layer)
{
    static const char *const names[BX_LOCKDOWN_LAYERS] = {
        [BX_LOCKDOWN_NO_NEW_PRIVS] = "no-new-privs",
        [BX_LOCKDOWN_CAPABILITIES] = "capabilities",
        [BX_LOCKDOWN_DUMPABLE] = "not-dumpable",
        [BX_LOCKDOWN_RLIMITS] = "rlimits",
        [BX_LOCKDOWN_LANDLOCK] = "landlock",
        [BX_LOCKDOWN_SECCOMP] = "seccomp",
        [BX_LOCKDOWN_CGROUP] = "cgroup",
    };

    return (unsigned)layer < BX_LOCKDOWN_LAYERS ? names[layer] : "";
}

/* A filter binds the thread that makes it and those made later; one that is
 * there already would stay free. The links of /proc/self/task are the process's
 * threads and two (proc_pid_task(5) counts them as folders). */
static int check_threads(bx_error **err)
{
    struct stat tasks;

    if (stat("/proc/self/task", &tasks) < 0)
        return 0; /* no /proc: the caller's word */
    if (tasks.st_nlink > 3)
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "%lu threads run already; expected one",
                            (unsigned long)tasks.st_nlink - 2);
    return 0;
}

static int put_no_new_privs(const bx_lockdown *lockdown, bx_error **err)
{
    (void)lockdown;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return bx_error_set_errno(err, errno, "no_new_privs");
    return 0;
}

/* Of root as well: uid 0 keeps what its files give, and no more. */
static int drop_capabilities(const bx_lockdown *lockdown, bx_error **err)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

    (void)lockdown;
    /* These two need CAP_SETPCAP. Who has it not has none to bound, and
     * no_new_privs keeps it so. */
    for (unsigned long cap = 0; cap < 64; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            break;
    }
    (void)prctl(PR_SET_SECUREBITS,
                (SECURE_ALL_BITS & ~SECBIT_KEEP_CAPS) | SECURE_ALL_LOCKS, 0, 0,
                0);
    /* EINVAL before Linux 4.3, which had no such set. */
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 &&
        errno != EINVAL)
        return bx_error_set_errno(err, errno, "ambient capabilities");
    if (syscall(SYS_capset, &header, data) < 0)
        return bx_error_set_errno(err, errno, "dropping capabilities");
    return 0;
}

static int put_undumpable(const bx_lockdown *lockdown, bx_error **err)
{
    (void)lockdown;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return bx_error_set_errno(err, errno, "not dumpable");
    return 0;
}

/* Both limits, so that it cannot be raised again; never above what is given. */
static int put_limit(int resource, const char *name, uint64_t value,
                     bx_error **err)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
        return bx_error_set_errno(err, errno, "limit %s", name);
    if (value < limit.rlim_max)
        limit.rlim_max = (rlim_t)value;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
        return bx_error_set_errno(err, errno, "limit %s", name);
    return 0;
}

static int put_limits(const bx_lockdown *lockdown, bx_error **err)
{
    if (put_limit(RLIMIT_CORE, "core", 0, err) < 0 ||
        put_limit(RLIMIT_MEMLOCK, "memlock", 0, err) < 0 ||
        put_limit(RLIMIT_MSGQUEUE, "msgqueue", 0, err) < 0 ||
        put_limit(RLIMIT_RTPRIO, "rtprio", 0, err) < 0 ||
        put_limit(RLIMIT_NICE, "nice", 0, err) < 0)
        return -1;
    if (lockdown->open_files != 0 &&
        put_limit(RLIMIT_NOFILE, "nofile", lockdown->open_files, err) < 0)
        return -1;
    if (lockdown->memory_bytes != 0 &&
        put_limit(RLIMIT_DATA, "data", lockdown->memory_bytes, err) < 0)
        return -1;
    return 0;
}

static int put_landlock(const bx_lockdown *lockdown, bx_error **err)
{
    return bx_landlock_apply(bx_lockdown_probe()->landlock_abi, lockdown->dirs,
                             lockdown->dirs_count, lockdown->is_network, err);
}

static int put_seccomp(const bx_lockdown *lockdown, bx_error **err)
{
    return bx_seccomp_apply(lockdown, err);
}

int bx_lockdown_apply(const bx_lockdown *lockdown,
                      bool ret_applied[BX_LOCKDOWN_LAYERS], bx_error **err)
{
    static int (*const steps[])(const bx_lockdown *, bx_error **) = {
        [BX_LOCKDOWN_NO_NEW_PRIVS] = put_no_new_privs,
        [BX_LOCKDOWN_CAPABILITIES] = drop_capabilities,
        [BX_LOCKDOWN_DUMPABLE] = put_undumpable,
        [BX_LOCKDOWN_RLIMITS] = put_limits,
        [BX_LOCKDOWN_LANDLOCK] = put_landlock,
        [BX_LOCKDOWN_SECCOMP] = put_seccomp,
    };
    const bx_lockdown_support *support = bx_lockdown_probe();
    bool applied[BX_LOCKDOWN_LAYERS] = { false };

    if (check_threads(err) < 0)
        return bx_error_wrap(err, "lockdown");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (!support->has[i])
            continue;
        if (steps[i](lockdown, err) < 0)
            return bx_error_wrap(err, "lockdown");
        applied[i] = true;
    }
    memcpy(ret_applied, applied, sizeof(applied));
    return 0;
}
