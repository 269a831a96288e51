/* What a file is, from how it begins. */
#ifndef BOXAGNTS_KIND_H
#define BOXAGNTS_KIND_H

#include <stddef.h>
#include <stdint.h>

typedef struct kind {
    const char *name;      /* "PNG image"; NULL: none that is known */
    const char *mime_type; /* of what is answered as a block; NULL: text or
                            * binary */
} kind;

kind kind_find(const uint8_t *data, size_t len);

#endif
