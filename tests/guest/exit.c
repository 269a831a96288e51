/* exit CODE: through exit(), or _Exit with a second argument. */
#include <stdlib.h>

int main(int argc, char **argv)
{
    int code = argc > 1 ? atoi(argv[1]) : 0;

    if (argc > 2)
        _Exit(code);
    return code;
}
