/* The mapped folders of a policy, held open, and what the policy gives at each
 * guest path.
 *
 * Guest paths here are canonical and have no final '/': the root is "". Access
 * changes only at points: the folders of mappings, the paths of grants of every
 * layer, and protected paths. A path has the access of the deepest point at or
 * above it. */
#ifndef BX_WASI_FS_H
#define BX_WASI_FS_H

#include "wasi/layers.h"
#include "wasi/wasi.h"

typedef struct bx_fs_mount {
    const bx_mount *rule; /* borrowed from the policy */
    int fd;               /* O_PATH */
    bx_layers layers;     /* when there is an overlay */
} bx_fs_mount;

typedef struct bx_fs_point {
    const char *path; /* borrowed; "" is the root */
    size_t len;
    int mount; /* the deepest mapping that has it */
    unsigned access;
    bool is_mount;
    bool is_guarded;
} bx_fs_point;

/* Where a protected path of the host shows, or a link on the way to one. */
typedef struct bx_fs_guarded {
    char *path; /* "" is the root */
    size_t len;
    int mount;
    bool is_hidden;     /* not read either: a secret's own file, overlays */
    const char *reason; /* of a hidden one */
    const char *origin; /* borrowed */
} bx_fs_guarded;

struct bx_fs {
    const bx_policy *policy;
    bx_fs_mount *mounts; /* in the policy's order, as the guest's preopens */
    size_t mounts_count;
    bx_fs_point *points;
    size_t points_count;
    bx_fs_guarded *guarded;
    size_t guarded_count;
    struct bx_overlay *overlay; /* NULL: the mapped folders themselves */
};

/* What the policy says about one guest path. */
typedef struct bx_region {
    int mount; /* index, -1: no mapping has the path */
    unsigned access;
    bool is_mount;      /* the path is a mapping's own folder */
    bool is_grant;      /* a grant names exactly this path */
    bool holds_mount;   /* a mapping lies strictly beneath */
    bool holds_point;   /* a mapping or a grant lies strictly beneath */
    bool holds_guarded; /* a protected path lies strictly beneath */
    bool holds_access;  /* something strictly beneath is granted */
} bx_region;

void bx_fs_find(const bx_fs *fs, const char *path, size_t len,
                bx_region *ret_region);

/* The layers of a mapping; NULL without an overlay. */
static inline const bx_layers *bx_fs_layers(const bx_fs *fs, int mount)
{
    return fs->overlay == NULL || mount < 0 ? NULL : &fs->mounts[mount].layers;
}

/* A guest path in that mapping, beneath its folder; borrowed from path, which
 * has a NUL at its end. */
const char *bx_fs_beneath(const bx_fs *fs, int mount, const char *path);

/* Why access is not given at a path and what decided; path as above. */
bx_verdict bx_fs_explain(const bx_fs *fs, const char *path, size_t len,
                         unsigned wanted);

/* True when path lies strictly beneath dir. */
bool bx_fs_is_beneath(const char *path, size_t path_len, const char *dir,
                      size_t dir_len);

#endif
