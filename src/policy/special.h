/* The IANA special-purpose address registries as a table. */
#ifndef BX_POLICY_SPECIAL_H
#define BX_POLICY_SPECIAL_H

#include <stddef.h>

#include "policy/network.h"

typedef struct bx_special {
    const char *cidr;
    bool is_global; /* "Globally Reachable" of the registry */
    const char *name;
} bx_special;

/* Every row, the longest prefix decides. */
extern const bx_special bx_specials[];
extern const size_t bx_specials_count;

/* The row that decides about an address; NULL when none has it. The carried
 * IPv4 address is not looked at. */
const bx_special *bx_special_find(const bx_address *address);

#endif
