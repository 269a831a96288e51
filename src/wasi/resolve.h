/* From a path the guest names to an entry in a held folder.
 *
 * Two resolvers give the same answers. Below a folder where access never
 * changes, openat2(RESOLVE_BENEATH) does it in the kernel. Everywhere else, and
 * where the kernel or a seccomp filter has no openat2, a walk component by
 * component does it, which knows the true guest path at each step: access is
 * judged by that path, never by the one that was written. */
#ifndef BX_WASI_RESOLVE_H
#define BX_WASI_RESOLVE_H

#include "wasi/state.h"

#define BX_GUEST_PATH_BYTES 8192u /* canonical guest path, with its NUL */
#define BX_NAME_BYTES 258u        /* NAME_MAX, a '/' and a NUL */

/* A path as the guest gave it, checked and copied. */
typedef struct bx_path {
    bx_wasi *wasi;
    const char *call; /* for the audit: "path_open" */
    const bx_fd *dir;
    size_t len;
    char text[BX_PATH_BYTES];
} bx_path;

typedef enum bx_final {
    BX_FINAL_NOFOLLOW, /* a symbolic link at the end is what is meant */
    BX_FINAL_FOLLOW,
    BX_FINAL_ENTRY /* to make, remove or rename: never followed */
} bx_final;

/* Room for what a walk finds; large, so it is not cleared. */
typedef struct bx_place_text {
    char name[BX_NAME_BYTES];
    char guest[BX_GUEST_PATH_BYTES]; /* canonical */
} bx_place_text;

/* Where a path leads. */
typedef struct bx_place {
    int dir_fd;     /* -1: a folder that exists only in the policy */
    bool is_owned;  /* dir_fd is closed with the place */
    bool is_whole;  /* name is a path that openat2() is to resolve */
    bool is_follow; /* of a whole path's end */
    bool is_guess;  /* guest is a whole path's if it meets no link: it is
                     * opened such that one is an error, and then walked */
    bool is_dir;    /* '/', "." or ".." at the end: only a folder will do */
    bool is_virtual;
    bool is_base;            /* what was opened is the base's */
    const bx_layers *layers; /* of the mapping it lies in; NULL: no overlay.
                              * Then guest says where, and dir_fd only whether
                              * it lies in a mapping at all */
    bx_region region; /* of the entry; of the whole folder when uniform */
    const char *name; /* an entry's keeps its final '/', as mkdir() and the
                       * like never follow it; a walked lookup's does not */
    size_t guest_len; /* of guest; SIZE_MAX when the path was not walked */
    bx_place_text *text;
} bx_place;

/* A place is always made empty: its scope's end closes what it owns. */
#define BX_PLACE_INIT(room) ((bx_place){ .dir_fd = -1, .text = (room) })

#define bx_autoplace __attribute__((cleanup(bx_place_close)))
void bx_place_close(bx_place *place);

/* Look up a folder descriptor with rights and copy the path. Returns a WASI
 * errno. */
int32_t bx_path_load(bx_path *path, bx_wasi *wasi, const bx_guest *guest,
                     const char *call, uint32_t dir, uint64_t rights,
                     uint32_t ptr, uint32_t len);

/* Copy text of a path or a link's content out of the guest: range, length,
 * UTF-8, no NUL, not empty. buf holds BX_PATH_BYTES. */
int32_t bx_path_copy(const bx_guest *guest, uint32_t ptr, uint32_t len,
                     char *buf);

/* Resolve. A refusal has been told to the audit. */
int32_t bx_path_find(bx_path *path, bx_final final, bx_place *ret_place);

/* Open what a place names (never for BX_FINAL_ENTRY). Returns a descriptor, or
 * -1 with *ret_errno set to WASI's. */
int bx_place_open(bx_path *path, bx_place *place, int flags, mode_t mode,
                  int32_t *ret_errno);

/* 0 when the place has the access, otherwise EROFS or EACCES and told. */
int32_t bx_place_need(const bx_path *path, const bx_place *place,
                      unsigned access);
/* The same for an open descriptor. */
int32_t bx_fd_need(bx_wasi *wasi, const char *call, const bx_fd *fd,
                   unsigned access);

/* Find an entry that is to be removed, renamed or replaced, and may be. */
int32_t bx_path_find_old(bx_path *path, bx_place *place);

/* Tell the audit; place may be NULL when the path was not resolved. */
void bx_path_deny(const bx_path *path, const bx_place *place,
                  const char *reason, const char *rule);
/* Tell of a change to the host that was made. */
void bx_path_did(const bx_path *path, const bx_place *place,
                 const char *detail);
/* The same of one that has two ends; the detail is the new path. */
void bx_path_did_move(const bx_path *from, const bx_place *from_place,
                      const bx_path *to, const bx_place *to_place);
/* The place is the mapping's own folder, which the guest holds anyway: that it
 * is there needs no grant. */
bool bx_path_is_preopen(const bx_path *path, const bx_place *place);
/* The path leaves its mapping: tells the audit, returns EPERM. */
int32_t bx_path_deny_escape(const bx_path *path);

/* Where a place lies beneath its mapping's folder, under an overlay. Borrowed
 * from the place. */
const char *bx_place_beneath(const bx_path *path, const bx_place *place);
bx_spot bx_place_spot(const bx_path *path, const bx_place *place);
/* WASI's number of what a change under an overlay failed with; tells the audit
 * when it was the overlay that refused. */
int32_t bx_overlay_errno(const bx_path *path, const bx_place *place,
                         int errnum);

/* The walk; used by bx_path_find(). ret_place must be initialised: what it owns
 * is closed. */
int32_t bx_walk(bx_path *path, bx_final final, bx_place *ret_place);

/* openat2() is there (probed once). */
bool bx_resolve_has_openat2(void);
/* For tests: answer as a kernel without openat2() would. */
void bx_resolve_force_walk(bool is_forced);

/* True for "." and "..", with or without a '/' behind. */
bool bx_name_is_dots(const char *name);

#endif
