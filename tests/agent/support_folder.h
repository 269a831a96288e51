/* A fresh folder to hold, with files in it. */
#ifndef TESTS_AGENT_SUPPORT_FOLDER_H
#define TESTS_AGENT_SUPPORT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct folder {
    char path[64];
    int fd;
} folder;

void folder_make(folder *it);
void folder_remove(folder *it); /* with all that is in it */

/* Make a file beneath it, and the folders on the way. */
void folder_put(const folder *it, const char *path, const char *text);
void folder_put_bytes(const folder *it, const char *path, const void *data,
                      size_t bytes);
void folder_put_fill(const folder *it, const char *path, size_t bytes);
void folder_make_dirs(const folder *it, const char *path);
void folder_link(const folder *it, const char *path, const char *target);
void folder_fifo(const folder *it, const char *path);
void folder_socket(const folder *it, const char *path);
/* Owned. NULL: it is not there. */
char *folder_get(const folder *it, const char *path);
bool folder_has(const folder *it, const char *path);
/* Names in a folder of it, those that begin with '.' too. */
size_t folder_count(const folder *it, const char *path);

#endif
