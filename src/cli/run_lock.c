#include "cli/run_lock.h"

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

static bool is_terminal(void)
{
    return isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) ||
           isatty(STDERR_FILENO);
}

int bx_run_lock_apply(const bx_run_lock *lock, const bx_sandbox *sandbox,
                      bx_error **err)
{
    const bx_lockdown lockdown = { .may_make_memory_files = true,
                                   .is_terminal = is_terminal() };
    bool applied[BX_LOCKDOWN_LAYERS];

    (void)lock;
    wipe_environment();
    return bx_lockdown_apply_box(sandbox->fs, &lockdown, applied, err);
}
