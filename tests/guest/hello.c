/* Shows what a guest was given: arguments, environment, standard input. */
#include <stdio.h>

extern char **environ;

int main(int argc, char **argv)
{
    char line[4096];

    printf("hello from the sandbox\n");
    for (int i = 0; i < argc; i++)
        printf("argv[%d]: %s\n", i, argv[i]);
    for (char **at = environ; at != NULL && *at != NULL; at++)
        printf("env: %s\n", *at);
    while (fgets(line, sizeof(line), stdin) != NULL)
        printf("stdin: %s", line);
    return 0;
}
