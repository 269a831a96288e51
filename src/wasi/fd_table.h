/* The guest's descriptors: numbers to streams, folders and files. */
#ifndef BX_WASI_FD_TABLE_H
#define BX_WASI_FD_TABLE_H

#include "wasi/dir.h"
#include "wasi/wasi.h"

typedef enum bx_fd_kind {
    BX_FD_FREE = 0,
    BX_FD_STREAM,
    BX_FD_DIR,
    BX_FD_FILE
} bx_fd_kind;

typedef struct bx_fd {
    uint8_t kind;
    uint8_t filetype;
    uint16_t flags;  /* fdflags the guest sees */
    bool is_owned;   /* host_fd is closed with the descriptor */
    bool is_path;    /* host_fd is O_PATH: good to resolve from, no more */
    bool is_pipe;    /* reads and writes may wait: poll first */
    bool is_socket;  /* a stream on a socket */
    bool is_base;    /* of the base beneath an overlay; its guest_path is set */
    bool is_uniform; /* a folder beneath which access never changes */
    bool is_sought;  /* a file's place was set since the last write */
    uint8_t access;  /* BX_ACCESS_... of a file or folder */
    int16_t mount;   /* of a file or folder */
    int16_t preopen; /* index of the mapping this is the preopen of, or -1 */
    int host_fd;     /* -1: a buffer, or a folder of the policy only */
    uint64_t known_bytes; /* a file had as many when it was last looked at */
    uint64_t base;        /* rights */
    uint64_t inheriting;
    bx_stream *stream;
    size_t offset;    /* how much of a stream's data was read, bytes */
    char *guest_path; /* a folder's, canonical, "" is the root */
    size_t guest_len;
    bx_dir *dir; /* a folder being listed */
} bx_fd;

typedef struct bx_fd_table {
    bx_fd *fds;
    uint32_t count;  /* entries there are, free ones included */
    uint32_t lowest; /* no free entry lies before this one */
    uint64_t opened; /* by the guest, now */
} bx_fd_table;

/* The open descriptor of a number, or NULL. */
static inline bx_fd *bx_fd_find(const bx_fd_table *table, uint32_t number)
{
    if (number >= table->count || table->fds[number].kind == BX_FD_FREE)
        return NULL;
    return &table->fds[number];
}

/* Put fd at the lowest free number; the table owns what it holds. Returns the
 * number, or -1 without memory. */
int bx_fd_add(bx_fd_table *table, const bx_fd *fd);
/* Close what fd holds and free its number. */
void bx_fd_remove(bx_fd_table *table, bx_fd *fd);
/* Close to, then move from there. Both are open. */
void bx_fd_move(bx_fd_table *table, bx_fd *from, bx_fd *to);
void bx_fd_table_clear(bx_fd_table *table);

/* Free what a descriptor that never reached the table holds. */
void bx_fd_release(bx_fd *fd);

#endif
