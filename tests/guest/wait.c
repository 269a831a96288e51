/* Say that it lives, then wait for the end of its input:  wait | wait answer
 * (which does not wait) */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct pollfd fd = { .fd = 0, .events = POLLIN };
    char block[64];

    if (write(1, "+", 1) != 1)
        return 1;
    if (argc > 1 && strcmp(argv[1], "answer") == 0)
        return 0;
    for (;;) {
        ssize_t len;

        if (poll(&fd, 1, -1) < 0) {
            perror("poll");
            return 1;
        }
        len = read(0, block, sizeof(block));
        if (len <= 0)
            return len < 0;
    }
}
