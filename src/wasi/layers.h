/* One mapping under an overlay: the base's folder, what covers it (up) and what
 * no longer shows of it (gone). See wasi/overlay.h.
 *
 * Paths here are clean: beneath the mapping's folder, without "." and "..", not
 * through a link (one that someone put there since is ELOOP). "" is the folder
 * itself. The base is only ever opened for reading. */
#ifndef BX_WASI_LAYERS_H
#define BX_WASI_LAYERS_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct bx_layers {
    struct bx_overlay *overlay; /* borrowed; NULL: there is no overlay */
    unsigned number;
    int base_fd; /* O_PATH, all three, borrowed */
    int up_fd;
    int gone_fd;
} bx_layers;

/* Where to look. A base folder that is held and the name in it save a way
 * through the base, where nothing changed. */
typedef struct bx_spot {
    const bx_layers *layers;
    const char *path;
    int base_dir_fd; /* -1: none is held */
    const char *base_name;
} bx_spot;

#define BX_SPOT(the_layers, the_path)                                          \
    (&(bx_spot){                                                               \
        .layers = (the_layers), .path = (the_path), .base_dir_fd = -1 })

/* What shows at a path. */
typedef struct bx_sight {
    struct stat stat;
    bool in_up;
    bool in_base; /* nothing of up's covers it; or folders of both, merged */
} bx_sight;

/* Look, not following a link at the end. in_base of a folder in up costs two
 * calls more and is only worked out when it is asked for. Returns -1 with
 * errno. */
int bx_layers_look(const bx_spot *spot, bool is_merge_asked,
                   bx_sight *ret_sight);

/* Open what shows for reading or with O_PATH. Returns -1 with errno. */
int bx_layers_open(const bx_spot *spot, int flags, bool *ret_in_up);

/* Would the base's entry show, were there none in up? The same. */
int bx_layers_is_beneath(const bx_layers *layers, const char *path,
                         struct stat *ret_stat);

/* As readlink(2). */
ssize_t bx_layers_readlink(const bx_layers *layers, const char *path, char *buf,
                           size_t bytes);

/* Is the base's entry removed, or one above it? 1, 0, or -1 with errno. */
int bx_layers_is_gone(const bx_layers *layers, const char *path);

/* Of one tree: base_fd, up_fd or gone_fd. */
int bx_layer_open(int root_fd, const char *path, int flags);
int bx_layer_stat(int root_fd, const char *path, struct stat *ret_stat);

/* Open the folder above a path; *ret_name is the last part of it. */
int bx_layer_open_parent(int root_fd, const char *path, const char **ret_name);

#endif
