/* Clocks. The guest's monotonic time begins with its run, so it does not tell
 * how long the host is up, and its processor time is the run's own thread. In
 * a deterministic run time is virtual: it begins at an instant that the seed
 * gives and moves by a step at each reading and by what is slept. */
#include <time.h>

#include "wasi/calls.h"
#include "wasi/state.h"

#define VIRTUAL_STEP_NS 1000u
#define VIRTUAL_START_S 1577836800u /* 2020-01-01T00:00:00Z */
#define VIRTUAL_SPAN_S 31536000u    /* the seed picks a second of one year */
#define NS_PER_S 1000000000u

static const clockid_t host_clocks[BX_CLOCKS] = {
    [BX_CLOCK_REALTIME] = CLOCK_REALTIME,
    [BX_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
    /* A run is one thread of a process that is not the guest's. */
    [BX_CLOCK_PROCESS_CPUTIME] = CLOCK_THREAD_CPUTIME_ID,
    [BX_CLOCK_THREAD_CPUTIME] = CLOCK_THREAD_CPUTIME_ID,
};

static uint64_t virtual_ns(bx_wasi *wasi, uint32_t clock)
{
    uint64_t start_s = VIRTUAL_START_S + wasi->run->seed % VIRTUAL_SPAN_S;

    wasi->virtual_ns += VIRTUAL_STEP_NS;
    return (clock == BX_CLOCK_REALTIME ? start_s * NS_PER_S : 0) +
           wasi->virtual_ns;
}

uint64_t bx_wasi_clock_ns(bx_wasi *wasi, uint32_t clock)
{
    struct timespec now = { 0, 0 };
    uint64_t ns;

    if (wasi->run->is_deterministic)
        return virtual_ns(wasi, clock);
    clock_gettime(host_clocks[clock], &now);
    ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    /* Not 0: some programs take that for "no clock". */
    return clock == BX_CLOCK_MONOTONIC ? ns - (uint64_t)wasi->start_ns + 1 : ns;
}

int32_t bx_wasi_clock_res_get(void *host, const bx_guest *guest,
                              const bx_raw *args)
{
    bx_wasi *wasi = host;
    uint8_t *ret_ns = bx_guest_range(guest, args[1].u32, 8);
    struct timespec res = { 0, VIRTUAL_STEP_NS };

    if (ret_ns == NULL)
        return BX_WASI_EFAULT;
    if (args[0].u32 >= BX_CLOCKS)
        return BX_WASI_EINVAL;
    if (!wasi->run->is_deterministic)
        clock_getres(host_clocks[args[0].u32], &res);
    bx_store64(ret_ns, (uint64_t)res.tv_sec * NS_PER_S + (uint64_t)res.tv_nsec);
    return 0;
}

int32_t bx_wasi_clock_time_get(void *host, const bx_guest *guest,
                               const bx_raw *args)
{
    uint8_t *ret_ns = bx_guest_range(guest, args[2].u32, 8);

    if (ret_ns == NULL)
        return BX_WASI_EFAULT;
    if (args[0].u32 >= BX_CLOCKS)
        return BX_WASI_EINVAL;
    bx_store64(ret_ns, bx_wasi_clock_ns(host, args[0].u32));
    return 0;
}
