/* Paths beneath a held folder, in trees that others write: an overlay's, made
 * by guests, and the base, where anyone may have planted a link meanwhile. No
 * link is ever followed and nothing is found outside of the folder.
 *
 * A path has no '/' at its ends; "" is the folder itself. What a path cannot
 * name because something on the way is missing or no folder does not exist. */
#ifndef BX_OVERLAY_BENEATH_H
#define BX_OVERLAY_BENEATH_H

#include <sys/stat.h>

#include "base/error.h"

/* open(); -1 with errno, ELOOP for a link on the way. */
int bx_beneath_open(int root_fd, const char *path, int flags);
/* The folder that holds the path's last name (O_PATH); path is not "". */
int bx_beneath_open_parent(int root_fd, const char *path,
                           const char **ret_name);

/* lstat(); a path that does not exist has st_mode 0. */
int bx_beneath_stat(int root_fd, const char *path, struct stat *ret_stat);

/* A link's content, owned, free(). NULL with errno. */
char *bx_beneath_read_link(int root_fd, const char *path);

/* Names of a folder, sorted by their bytes; none of one that does not exist.
 * Made by bx_beneath_list() alone. */
typedef struct bx_names {
    char **names;
    size_t count;
} bx_names;

int bx_beneath_list(int root_fd, const char *path, bx_names *ret_names);
/* Add those that are not there yet; both stay sorted. */
int bx_names_merge(bx_names *names, bx_names *more);
void bx_names_clear(bx_names *names);
#define bx_autonames __attribute__((cleanup(bx_names_clear)))

/* Remove all that is in a folder, however deep. A kill leaves it less full. */
int bx_beneath_empty(int dir_fd);

/* For tests: as where openat2() is missing. */
void bx_beneath_force_walk(bool is_forced);

/* For errors: the kernel's word. */
#define BX_BENEATH_PATH_MAX 4096 /* PATH_MAX: with its NUL */

#endif
