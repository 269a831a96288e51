#include "worker/compile_bound.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

int bx_compile_bound_cpu(bx_error **err)
{
    /* At the hard limit it is SIGKILL at once, which says less. */
    const struct rlimit cpu = { BX_COMPILE_CPU_S, BX_COMPILE_CPU_S + 5 };

    return setrlimit(RLIMIT_CPU, &cpu) < 0
               ? bx_error_set_errno(err, errno, "processor time")
               : 0;
}

/* Without memory the engine aborts, or the kernel picks a process to kill. */
bool bx_compile_explain_signal(int number, bx_error **err)
{
    if (number == SIGXCPU)
        bx_error_set(err, BX_ERR_TIMEOUT,
                     "it takes more than %d s of processor time to compile",
                     BX_COMPILE_CPU_S);
    else if (number == SIGABRT || number == SIGKILL)
        bx_error_set(err, BX_ERR_MEMORY,
                     "it needs more than %llu bytes to be compiled, or the "
                     "compiler failed",
                     BX_COMPILE_MEMORY_BYTES);
    else
        return false;
    return true;
}
