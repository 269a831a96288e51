/* Loops that end only when the host ends them:  loop [plain|grow|call|read] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long turns;

static void plain(void)
{
    for (;;)
        turns++;
}

/* memory.grow in the loop, also when it answers -1. */
static void grow(void)
{
    for (;;)
        turns += __builtin_wasm_memory_grow(0, 1);
}

/* A host call in each turn. */
static void call(void)
{
    struct timespec now;

    for (;;)
        turns += (unsigned long)clock_gettime(CLOCK_MONOTONIC, &now);
}

/* Output without end. */
static void print(void)
{
    for (;;)
        turns += (unsigned long)write(1, "loop\n", 5);
}

/* Inside one call: a sleep that outlasts any deadline. */
static void sleep_long(void)
{
    for (;;)
        turns += sleep(1000000);
}

/* Inside one call: input that does not come. */
static void read_input(void)
{
    char byte;

    for (;;)
        turns += (unsigned long)read(0, &byte, 1);
}

static const struct {
    const char *name;
    void (*run)(void);
} loops[] = {
    { "plain", plain }, { "grow", grow },        { "call", call },
    { "print", print }, { "sleep", sleep_long }, { "read", read_input },
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "plain";

    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
        if (strcmp(loops[i].name, name) == 0)
            loops[i].run();
    }
    fprintf(stderr, "loop: no loop '%s'\n", name);
    return 2;
}
