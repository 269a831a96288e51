/* Grows until memory.grow answers -1, then says how much it got; with "touch"
 * every page is written. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PAGE_BYTES 65536u

int main(int argc, char **argv)
{
    int is_touching = argc > 1 && strcmp(argv[1], "touch") == 0;
    uint64_t pages;

    for (;;) {
        size_t old = __builtin_wasm_memory_grow(0, 1);

        if (old == SIZE_MAX)
            break;
        if (is_touching)
            memset((void *)(old * PAGE_BYTES), 0xa5, PAGE_BYTES);
    }
    pages = __builtin_wasm_memory_size(0);
    printf("got %llu bytes\n", (unsigned long long)(pages * PAGE_BYTES));
    return 0;
}
