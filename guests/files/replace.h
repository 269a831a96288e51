/* Put new content in a file's place in one step. */
#ifndef BOXAGNTS_REPLACE_H
#define BOXAGNTS_REPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct replaced {
    char *path;       /* where it was written: links are followed */
    bool was_created; /* there was no file */
    uint64_t old_bytes;
} replaced;

/* Whatever ends the program midway, the file is as it was or as it shall be:
 * the content is written to a file of its own in the same folder, which is then
 * renamed. Makes missing folders. What is refused ends the call. */
replaced replace_file(const char *path, const void *data, size_t len);

#endif
