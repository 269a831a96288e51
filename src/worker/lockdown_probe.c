/* What the kernel has, asked without changing this process. */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "worker/cgroup.h"
#include "worker/landlock.h"
#include "worker/lockdown.h"
#include "worker/seccomp.h"

static bx_lockdown_support found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

BX_PRINTF(2, 3)
static void note(bx_lockdown_layer layer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(found.missing[layer], sizeof(found.missing[layer]), format, args);
    va_end(args);
}

/* A container's own filter answers EPERM, an old kernel ENOSYS or EINVAL. */
static const char *advice(int errnum)
{
    return errnum == EPERM || errnum == EACCES
               ? "the container's seccomp profile forbids it: allow the call "
                 "there"
               : "this kernel lacks it: use a later one";
}

static void probe_one(bx_lockdown_layer layer, bool has)
{
    found.has[layer] = has;
    if (!has)
        note(layer, "%s: %s", strerror(errno), advice(errno));
}

static void probe_landlock(void)
{
    int abi = bx_landlock_abi();

    found.has[BX_LOCKDOWN_LANDLOCK] = abi > 0;
    found.landlock_abi = abi;
    if (abi > 0)
        note(BX_LOCKDOWN_LANDLOCK, "%s", bx_landlock_lacks(abi));
    else if (errno == EOPNOTSUPP)
        note(
            BX_LOCKDOWN_LANDLOCK,
            "built in but not on: add landlock to the kernel's lsm= parameter");
    else if (errno == ENOSYS)
        note(BX_LOCKDOWN_LANDLOCK,
             "this kernel has none: Linux 5.13 or later, built with "
             "CONFIG_SECURITY_LANDLOCK");
    else
        note(BX_LOCKDOWN_LANDLOCK, "%s: %s", strerror(errno), advice(errno));
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    return syscall(SYS_capget, &header, data) == 0;
}

static void probe_cgroup(void)
{
    bx_autoerror bx_error *err = NULL;

    found.has[BX_LOCKDOWN_CGROUP] = bx_cgroup_check("", &err) == 0;
    if (!found.has[BX_LOCKDOWN_CGROUP])
        note(BX_LOCKDOWN_CGROUP, "%s", bx_error_message(err));
}

static void probe_all(void)
{
    struct rlimit limit;

    probe_one(BX_LOCKDOWN_NO_NEW_PRIVS,
              prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0);
    probe_one(BX_LOCKDOWN_CAPABILITIES, has_capabilities());
    probe_one(BX_LOCKDOWN_DUMPABLE, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) >= 0);
    probe_one(BX_LOCKDOWN_RLIMITS, getrlimit(RLIMIT_CORE, &limit) == 0);
    probe_landlock();
    probe_one(BX_LOCKDOWN_SECCOMP, bx_seccomp_check() == 0);
    probe_cgroup();
}

const bx_lockdown_support *bx_lockdown_probe(void)
{
    pthread_once(&once, probe_all);
    return &found;
}

int bx_lockdown_require(bx_error **err)
{
    const bx_lockdown_support *support = bx_lockdown_probe();
    bx_autobuf bx_buf text = BX_BUF_INIT;

    for (int i = 0; i < BX_LOCKDOWN_LAYERS; i++) {
        if (i == BX_LOCKDOWN_CGROUP || support->has[i])
            continue;
        if (bx_buf_printf(&text, "%s%s (%s)", text.len == 0 ? "" : "; ",
                          bx_lockdown_layer_name((bx_lockdown_layer)i),
                          support->missing[i]) < 0)
            return bx_error_set_nomem(err);
    }
    if (text.len != 0)
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "lockdown is required, and this system lacks: %s",
                            text.data);
    return 0;
}
