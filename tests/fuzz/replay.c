/* A fuzz harness without the fuzzer: each file of the folders named is given to
 * it once. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int replay(const char *folder)
{
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    if (listing == NULL)
        return 0; /* not every harness has both */
    while ((entry = readdir(listing)) != NULL) {
        char path[4096];
        bx_autofree char *data = NULL;
        size_t bytes;

        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_type != DT_REG ||
            bx_file_read(path, 16u << 20, &data, &bytes, NULL) < 0)
            continue;
        (void)LLVMFuzzerTestOneInput((const uint8_t *)data, bytes);
        count++;
    }
    closedir(listing);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
