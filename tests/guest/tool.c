/* A small tool as tools are: some memory, some formatting, one answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct item {
    char name[24];
    int score;
} item;

static int by_score(const void *left, const void *right)
{
    return ((const item *)right)->score - ((const item *)left)->score;
}

int main(int argc, char **argv)
{
    const size_t count = 128;
    item *items = malloc(count * sizeof(*items)); /* 3.5 KiB */
    char *report = malloc(2048);
    size_t len = 0;

    if (items == NULL || report == NULL)
        return 1;
    for (size_t i = 0; i < count; i++) {
        snprintf(items[i].name, sizeof(items[i].name), "item-%03zu", i);
        items[i].score = (int)(i * 2654435761u >> 20 & 1023);
    }
    qsort(items, count, sizeof(*items), by_score);
    for (size_t i = 0; i < 10; i++)
        len += (size_t)snprintf(report + len, 2048 - len, "%-10s %5d\n",
                                items[i].name, items[i].score);
    printf("%s: best of %zu\n%s", argc > 0 ? argv[0] : "tool", count, report);
    free(report);
    free(items);
    return 0;
}
