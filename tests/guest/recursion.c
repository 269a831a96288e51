/* Recursion:  recursion [DEPTH], without end when there is no DEPTH. */
#include <stdio.h>
#include <stdlib.h>

/* Through a volatile pointer, or the compiler makes a loop of it. */
static unsigned long dive(unsigned long left);
static unsigned long (*volatile again)(unsigned long left) = dive;

static unsigned long dive(unsigned long left)
{
    if (left == 0)
        return 0;
    return again(left - 1) + (left | 1);
}

int main(int argc, char **argv)
{
    unsigned long depth = argc > 1 ? strtoul(argv[1], NULL, 10) : -1ul;

    printf("sum %lu\n", dive(depth));
    return 0;
}
