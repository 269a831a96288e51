/* Addresses and blocks of them. */
#ifndef BX_POLICY_NETWORK_H
#define BX_POLICY_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* 16 bytes in network order; IPv4 as ::ffff:a.b.c.d. */
typedef struct bx_address {
    uint8_t bytes[16];
} bx_address;

typedef struct bx_network {
    bool is_private; /* every address that is not globally routable */
    bx_address address;
    uint8_t prefix_bits; /* 0 to 128, of the 16-byte form */
} bx_network;

/* "10.0.0.0/8", "::1", "fd00::/8" or "private". */
int bx_network_parse(const char *text, bx_network *ret_network, bx_error **err);
bool bx_network_has(const bx_network *network, const bx_address *address);
/* The same for a rule that refuses: also true when the address carries, or
 * leads to, one inside (NAT64, 6to4, Teredo; 0.0.0.0 is this host). */
bool bx_network_blocks(const bx_network *network, const bx_address *address);
/* What bx_network_parse() reads back; at most 50 bytes with the NUL. */
void bx_network_format(const bx_network *network, char text[50]);

/* A literal address; false when text is not one. Only canonical dotted
 * decimal for IPv4: octal, hex and short forms are src/net's to normalise. */
bool bx_address_parse(const char *text, bx_address *ret_address);
/* At most 46 bytes with the NUL. */
void bx_address_format(const bx_address *address, char text[46]);

/* Globally routable by the IANA special-purpose registries; an address that
 * carries an IPv4 one (mapped, translated, 6to4, Teredo) is judged by it too.
 */
bool bx_address_is_global(const bx_address *address);
bool bx_address_is_loopback(const bx_address *address);

#endif
