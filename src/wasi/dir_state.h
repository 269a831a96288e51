/* A folder being listed, from within. */
#ifndef BX_WASI_DIR_STATE_H
#define BX_WASI_DIR_STATE_H

#include <dirent.h>

#include "wasi/dir.h"
#include "wasi/state.h"

typedef struct bx_entry {
    uint64_t ino;
    uint32_t name; /* where in names */
    uint16_t bytes;
    uint8_t filetype;
} bx_entry;

struct bx_dir {
    int fd; /* where pieces come from; -1: nowhere */
    bool is_owned;
    bool is_whole;
    bool is_merged;             /* under an overlay: the base's folder is fd */
    int up_fd;                  /* and this one is up's, or -1; owned */
    uint64_t changes;           /* to the overlay, when they were opened */
    struct timespec base_ctime; /* the base's, when it was read whole */
    bool is_settled; /* and then it was old enough to tell the next one */
    uint64_t ino;
    uint64_t at; /* place of what comes next */
    size_t len;  /* of piece */
    size_t pos;
    char *piece;
    uint64_t *kept; /* places too big for a cookie */
    uint32_t kept_count;
    uint32_t kept_cap;
    uint32_t kept_next; /* where the next of them was put, if it was */
    bx_entry *entries;  /* of a folder read whole */
    size_t entries_count;
    size_t entries_cap;
    bx_buf names;
};

/* The guest's buffer. */
typedef struct bx_out {
    uint8_t *at;
    size_t left;
} bx_out;

/* Append one dirent; false when it was cut, which also fills the buffer. */
bool bx_dir_put(bx_out *out, uint64_t next, uint64_t ino, uint8_t filetype,
                const char *name, size_t bytes);

/* Stand at the beginning of dir->fd. */
int32_t bx_dir_rewind(bx_dir *dir);
/* The next entry a guest could name: not the folder itself or its parent, and
 * UTF-8. NULL at the end, or with *ret_errno. bx_dir_pass() goes on. */
const struct dirent64 *bx_dir_next(bx_dir *dir, int32_t *ret_errno);
void bx_dir_pass(bx_dir *dir, const struct dirent64 *entry);
uint8_t bx_dir_filetype(int dir_fd, const struct dirent64 *entry);

/* List a folder that is read whole, from an entry on. */
int32_t bx_dir_list_whole(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd,
                          uint64_t cookie, bx_out *out);

int32_t bx_dir_add(bx_dir *dir, const struct dirent64 *entry);
/* By name, from an entry on. */
void bx_dir_sort(bx_dir *dir, size_t first);

/* Add what up has and what shows of the base. */
int32_t bx_dir_add_merged(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd);

/* Under an overlay: open the folder as it is now, unless it still is. -1 with
 * errno. */
int bx_dir_open_covered(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd);

#endif
