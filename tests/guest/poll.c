/* Waiting:  poll sleep MILLISECONDS | stdin [MILLISECONDS] */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int sleep_ms(long ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };
    struct timespec begin;
    struct timespec end;
    double slept;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (nanosleep(&left, NULL) < 0) {
        perror("nanosleep");
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    slept = (double)(end.tv_sec - begin.tv_sec) * 1e3 +
            (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
    printf(slept >= (double)ms ? "slept\n" : "woke too early\n");
    return slept < (double)ms;
}

static int wait_stdin(int ms)
{
    struct pollfd fd = { .fd = 0, .events = POLLIN };
    int ready = poll(&fd, 1, ms);
    char block[256];
    ssize_t len;

    if (ready < 0) {
        perror("poll");
        return 1;
    }
    if (ready == 0) {
        printf("nothing came\n");
        return 0;
    }
    len = read(0, block, sizeof(block));
    printf("%zd bytes: %.*s\n", len, (int)(len > 0 ? len : 0), block);
    return len < 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "sleep") == 0)
        return sleep_ms(atol(argv[2]));
    if (argc > 1 && strcmp(argv[1], "stdin") == 0)
        return wait_stdin(argc > 2 ? atoi(argv[2]) : -1);
    fprintf(stderr, "usage: poll sleep MILLISECONDS | stdin [MILLISECONDS]\n");
    return 2;
}
