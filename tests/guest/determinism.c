/* Everything that differs from run to run: clocks, random, environment. Two
 * deterministic runs print the same. */
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void print_clock(const char *name, clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    printf("%s %lld.%09ld\n", name, (long long)now.tv_sec, now.tv_nsec);
}

int main(void)
{
    uint8_t bytes[32];

    for (int i = 0; i < 3; i++) {
        print_clock("realtime", CLOCK_REALTIME);
        print_clock("monotonic", CLOCK_MONOTONIC);
        if (getentropy(bytes, sizeof(bytes)) < 0)
            return 1;
        printf("random ");
        for (size_t j = 0; j < sizeof(bytes); j++)
            printf("%02x", bytes[j]);
        printf("\n");
        usleep(1000);
    }
    for (char **at = environ; at != NULL && *at != NULL; at++)
        printf("env %s\n", *at);
    return 0;
}
