/* random_get: the kernel's generator, or a stream that a seed gives. */
#include <errno.h>
#include <sys/random.h>

#include "wasi/calls.h"
#include "wasi/state.h"

#define PIECE_BYTES 262144u /* a deadline is looked at this often */

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, OOPSLA 2014). For repeatable runs, not for secrets. */
static uint64_t split_mix(uint64_t *state)
{
    uint64_t value = *state += 0x9e3779b97f4a7c15u;

    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

static void fill_seeded(bx_wasi *wasi, uint8_t *at, size_t bytes)
{
    while (bytes > 0) {
        uint64_t value = split_mix(&wasi->random_state);
        size_t part = bytes < sizeof(value) ? bytes : sizeof(value);

        memcpy(at, &value, part);
        at += part;
        bytes -= part;
    }
}

static int32_t fill_random(uint8_t *at, size_t bytes)
{
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);

        if (got < 0 && errno != EINTR)
            return bx_wasi_errno(errno);
        if (got > 0) {
            at += got;
            bytes -= (size_t)got;
        }
    }
    return 0;
}

int32_t bx_wasi_random_get(void *host, const bx_guest *guest,
                           const bx_raw *args)
{
    bx_wasi *wasi = host;
    size_t left = args[1].u32;
    uint8_t *at = bx_guest_range(guest, args[0].u32, left);

    if (at == NULL)
        return BX_WASI_EFAULT;
    for (;;) {
        size_t bytes = left < PIECE_BYTES ? left : PIECE_BYTES;
        int32_t err = 0;

        if (wasi->run->is_deterministic)
            fill_seeded(wasi, at, bytes);
        else
            err = fill_random(at, bytes);
        left -= bytes;
        if (err != 0 || left == 0)
            return err;
        at += bytes;
        if (bx_run_is_over(wasi->run))
            return BX_HOST_STOP;
    }
}
