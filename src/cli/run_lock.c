#include "cli/run_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "worker/lockdown_box.h"

int bx_run_lock_check(const bx_run_lock *lock, bx_error **err)
{
    const bx_lockdown_support *support = bx_lockdown_probe();

    if (lock->is_required)
        return bx_lockdown_require(err);
    for (int i = 0; !lock->is_quiet && i < BX_LOCKDOWN_LAYERS; i++) {
        if (i != BX_LOCKDOWN_CGROUP && !support->has[i])
            fprintf(stderr, "boxagnts: lockdown without %s: %s\n",
                    bx_lockdown_layer_name((bx_lockdown_layer)i),
                    support->missing[i]);
    }
    return 0;
}

/* Keys lie in the environment of whoever runs agents. What the policy gives of
 * it was copied. */
static void wipe_environment(void)
{
    for (char **row = environ; row != NULL && *row != NULL; row++) {
        explicit_bzero(*row, strlen(*row));
        *row = NULL;
    }
}

/* Whoever started this may have left files open beside the standard streams.
 * What is ours is closed on exec, and theirs was not. */
static int close_inherited(bx_error **err)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (dir == NULL)
        return bx_error_set_errno(err, errno, "'/proc/self/fd'");
    while ((entry = readdir(dir)) != NULL) {
        /* "." and ".." are 0 */
        int fd = (int)strtol(entry->d_name, NULL, 10);
        int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;

        if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
            close(fd);
    }
    closedir(dir);
    return 0;
}

static bool is_terminal(void)
{
    return isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) ||
           isatty(STDERR_FILENO);
}

int bx_run_lock_apply(const bx_sandbox *sandbox, bool wants_network,
                      const bx_run_options *options,
                      bx_broker_child **ret_network, bx_error **err)
{
    const bx_lockdown lockdown = { .may_make_memory_files = true,
                                   .may_pass_fds = wants_network,
                                   .is_terminal = is_terminal() };
    bool applied[BX_LOCKDOWN_LAYERS];
    bx_broker_child *network = NULL;

    if (close_inherited(err) < 0)
        return -1;
    if (wants_network) {
        network = bx_broker_child_new(sandbox->policy, options->hold,
                                      options->hold_context, err);
        if (network == NULL)
            return -1;
    }
    wipe_environment();
    if (bx_lockdown_apply_box(sandbox->fs, &lockdown, applied, err) < 0) {
        bx_broker_child_free(network);
        return -1;
    }
    *ret_network = network;
    return 0;
}

int bx_run_lock_begin(bx_broker_child *network, const bx_sandbox *sandbox,
                      const bx_run_options *options, bx_error **err)
{
    uint64_t timeout_ms = sandbox->policy->limits.timeout_ms;
    const bx_run run = {
        .deadline_ns = bx_now_ns() + (int64_t)timeout_ms * 1000000,
        .cancel = options->cancel,
        .audit = options->audit,
        .audit_context = options->audit_context,
        .effect = options->effect,
        .effect_context = options->effect_context,
        .need = options->need,
        .need_context = options->need_context,
    };

    return network == NULL ? 0 : bx_broker_child_begin(network, &run, err);
}
