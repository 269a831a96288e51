/* What an overlay changes, path by path, against the base as it is now. */
#ifndef BX_OVERLAY_DELTAS_H
#define BX_OVERLAY_DELTAS_H

#include "overlay/store.h"

#define BX_DELTAS_MAX 1000000u

typedef enum bx_entry_kind {
    BX_ENTRY_NONE,
    BX_ENTRY_FILE,
    BX_ENTRY_FOLDER,
    BX_ENTRY_LINK,
    BX_ENTRY_OTHER, /* of the base alone: a device, a socket, a pipe */
} bx_entry_kind;

/* One side of a change. */
typedef struct bx_entry {
    bx_entry_kind kind;
    unsigned mode; /* the permission bits: 0777 */
    uint64_t size;
    int64_t mtime_ns;
    uint64_t dev;
    uint64_t ino;
} bx_entry;

typedef enum bx_delta_what {
    BX_DELTA_NONE, /* the base has it already: of a commit that was ended */
    BX_DELTA_ADDED,
    BX_DELTA_REMOVED,
    BX_DELTA_MODIFIED, /* a file's or a link's content, and mode, and time */
    BX_DELTA_REPLACED, /* another kind of entry */
    BX_DELTA_MODE,     /* and time */
    BX_DELTA_TIME,
} bx_delta_what;

typedef struct bx_delta {
    size_t mapping;
    char *path; /* beneath the mapping's folder */
    bx_delta_what what;
    bx_entry before;           /* the base, now */
    bx_entry after;            /* the overlay */
    const char *conflict;      /* why the base is not as it was; NULL */
    const char *protected_why; /* borrowed of the store; NULL: it is not */
} bx_delta;

typedef struct bx_deltas {
    const bx_overlay_store *store; /* borrowed */
    bx_delta *rows; /* by mapping and path, a folder before what it holds */
    size_t count;
} bx_deltas;

/* errors: BX_ERR_LIMIT: too many; BX_ERR_INVALID: something lies in the overlay
 * that no run puts there; BX_ERR_SYSTEM */
int bx_deltas_find(const bx_overlay_store *store, bx_deltas *ret_changes,
                   bx_error **err);
void bx_deltas_clear(bx_deltas *deltas);
#define bx_autodeltas __attribute__((cleanup(bx_deltas_clear)))

typedef struct bx_deltas_count {
    size_t added;
    size_t removed;
    size_t modified; /* the rest */
    size_t conflicts;
    size_t protecteds;
} bx_deltas_count;

bx_deltas_count bx_deltas_sum(const bx_deltas *deltas);

/* "added", "mode" */
const char *bx_delta_word(bx_delta_what what);
/* "file", "folder" */
const char *bx_entry_word(bx_entry_kind kind);

/* The path on the host; owned, free(). */
char *bx_delta_host_path(const bx_deltas *deltas, const bx_delta *change);

/* Is what a path has the base of base.log? NULL, or why not. now: the entry at
 * name beneath root_fd. Where time or inode differ, content decides when it is
 * known. */
const char *bx_deltas_compare_record(const bx_overlay_store *store,
                                     size_t mapping, const char *path,
                                     int root_fd, const char *name,
                                     const bx_entry *now);

/* What is there now; -1 with errno. */
int bx_entry_read(int root_fd, const char *path, bx_entry *ret_entry);
/* The same entry, unchanged: not only one that looks alike. */
bool bx_entry_is_same(const bx_entry *a, const bx_entry *b);

#endif
