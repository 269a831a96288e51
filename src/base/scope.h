/* Scope-bound cleanup, so that early returns stay safe. */
#ifndef BX_BASE_SCOPE_H
#define BX_BASE_SCOPE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void bx_freep(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

static inline void bx_closep(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void bx_fclosep(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

#define bx_autofree __attribute__((cleanup(bx_freep)))
#define bx_autofd __attribute__((cleanup(bx_closep))) /* -1 is empty */
#define bx_autofile __attribute__((cleanup(bx_fclosep)))

/* Hand the pointer on; the scope no longer frees it. */
#define bx_take(p)                                                             \
    (__extension__({                                                           \
        __typeof__(p) taken_ = (p);                                            \
        (p) = NULL;                                                            \
        taken_;                                                                \
    }))

/* The same for a file descriptor. */
static inline int bx_take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

/* Make the bx_auto twin of a type's free function. */
#define BX_DEFINE_AUTO(type, free_fn)                                          \
    static inline void free_fn##p(type **pointer)                              \
    {                                                                          \
        if (*pointer != NULL)                                                  \
            free_fn(*pointer);                                                 \
    }
#define BX_AUTO(free_fn) __attribute__((cleanup(free_fn##p)))

#endif
