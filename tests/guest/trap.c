/* Faults:  trap [unreachable|divide|overflow|oob|convert|null_call|abort] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int zero;
static volatile int32_t least = INT32_MIN;
static volatile int32_t minus_one = -1;
static volatile double huge = 1e300;
static volatile int sink;

static void divide(void)
{
    int32_t left = least;
    int32_t right = zero;

    sink = left / right;
}

/* INT32_MIN / -1 has no result. */
static void overflow(void)
{
    int32_t left = least;
    int32_t right = minus_one;

    sink = left / right;
}

static void oob(void)
{
    sink = *(volatile int *)0xfffffff0u;
}

static void convert(void)
{
    int32_t result;

    __asm__ volatile("local.get %1\n"
                     "i32.trunc_f64_s\n"
                     "local.set %0"
                     : "=r"(result)
                     : "r"(huge));
    sink = result;
}

/* Entry 0 of the table is empty. */
static void null_call(void)
{
    void (*volatile call)(void) = NULL;

    call();
}

static void unreachable(void)
{
    __builtin_trap();
}

static const struct {
    const char *name;
    void (*run)(void);
} traps[] = {
    { "unreachable", unreachable },
    { "divide", divide },
    { "overflow", overflow },
    { "oob", oob },
    { "convert", convert },
    { "null_call", null_call },
    { "abort", abort },
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "unreachable";

    printf("before the trap\n");
    fflush(stdout);
    for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
        if (strcmp(traps[i].name, name) == 0)
            traps[i].run();
    }
    fprintf(stderr, "trap: '%s' did not trap\n", name);
    return 2;
}
