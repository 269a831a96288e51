/* Standard input to standard output, byte for byte. */
#include <stdio.h>

int main(void)
{
    static char block[8192];
    size_t len;

    while ((len = fread(block, 1, sizeof(block), stdin)) > 0) {
        if (fwrite(block, 1, len, stdout) != len)
            return 1;
    }
    return ferror(stdin) || fflush(stdout) != 0;
}
