/* Addresses and blocks of them. Texts come from policy files and URLs; both
 * IPv4 and IPv6 are held in 16 bytes, so that one comparison serves and a
 * mapped address (::ffff:10.0.0.1) cannot slip past a rule for 10.0.0.0/8. */
#include "policy/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "policy/special.h"
#include "policy/text.h"

#define MAPPED_BITS 96

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool is_mapped(const bx_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static void set_ipv4(bx_address *address, const uint8_t bytes[4])
{
    memcpy(address->bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(address->bytes + 12, bytes, 4);
}

bool bx_address_parse(const char *text, bx_address *ret_address)
{
    uint8_t ipv4[4];
    bx_address ipv6;

    /* glibc's inet_pton takes dotted decimal with leading zeros refused, and
     * no zone identifiers. */
    if (inet_pton(AF_INET, text, ipv4) == 1) {
        set_ipv4(ret_address, ipv4);
        return true;
    }
    if (inet_pton(AF_INET6, text, ipv6.bytes) == 1) {
        *ret_address = ipv6;
        return true;
    }
    return false;
}

void bx_address_format(const bx_address *address, char text[46])
{
    const char *done;

    if (is_mapped(address))
        done = inet_ntop(AF_INET, address->bytes + 12, text, 46);
    else
        done = inet_ntop(AF_INET6, address->bytes, text, 46);
    if (done == NULL)
        text[0] = '\0';
}

static bool bits_match(const bx_address *left, const bx_address *right,
                       unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    if (memcmp(left->bytes, right->bytes, whole) != 0)
        return false;
    return rest == 0 ||
           ((left->bytes[whole] ^ right->bytes[whole]) & mask) == 0;
}

static void clear_host_bits(bx_address *address, unsigned bits)
{
    for (unsigned bit = bits; bit < 128; bit++)
        address->bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

static int refuse(bx_error **err, const char *text, const char *why)
{
    bx_autofree char *shown = bx_text_show(text);

    return bx_error_set(err, BX_ERR_INVALID,
                        "%s %s; expected a network such as 10.0.0.0/8, "
                        "fd00::/8, a single address, or private",
                        BX_SHOWN(shown), why);
}

/* "24" of "10.0.0.0/24": no sign, no leading zero, at most max. */
static bool parse_prefix(const char *text, unsigned max, unsigned *ret_bits)
{
    unsigned bits = 0;
    size_t len = strlen(text);

    if (len == 0 || len > 3 || (text[0] == '0' && len > 1))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        bits = bits * 10 + (unsigned)(*text - '0');
    }
    *ret_bits = bits;
    return bits <= max;
}

int bx_network_parse(const char *text, bx_network *ret_network, bx_error **err)
{
    bx_network network = { .is_private = false };
    bx_address base;
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char address[64];
    char canonical[46];
    unsigned first = 0; /* where the prefix counts from */
    unsigned bits;

    if (strcmp(text, "private") == 0) {
        ret_network->is_private = true;
        ret_network->prefix_bits = 0;
        memset(&ret_network->address, 0, sizeof(ret_network->address));
        return 0;
    }
    if (len >= sizeof(address))
        return refuse(err, text, "is not an address");
    memcpy(address, text, len);
    address[len] = '\0';
    if (!bx_address_parse(address, &network.address))
        return refuse(err, text,
                      "is not an address in its usual form (decimal, four "
                      "parts, no leading zeros; or IPv6 without brackets)");
    if (strchr(address, ':') == NULL)
        first = MAPPED_BITS;
    bits = 128 - first;
    if (slash != NULL && !parse_prefix(slash + 1, 128 - first, &bits))
        return refuse(err, text,
                      first > 0 ? "has a prefix length that is not 0 to 32"
                                : "has a prefix length that is not 0 to 128");
    network.prefix_bits = (uint8_t)(first + bits);

    base = network.address;
    clear_host_bits(&base, network.prefix_bits);
    if (memcmp(&base, &network.address, sizeof(base)) != 0) {
        bx_autofree char *shown = bx_text_show(text);

        bx_address_format(&base, canonical);
        return bx_error_set(
            err, BX_ERR_INVALID,
            "%s has bits set behind its prefix; expected %s/%u, or the "
            "address alone",
            BX_SHOWN(shown), canonical, bits);
    }
    *ret_network = network;
    return 0;
}

void bx_network_format(const bx_network *network, char text[50])
{
    size_t len;
    unsigned bits = network->prefix_bits;

    if (network->is_private) {
        memcpy(text, "private", sizeof("private"));
        return;
    }
    bx_address_format(&network->address, text);
    if (is_mapped(&network->address) && bits >= MAPPED_BITS)
        bits -= MAPPED_BITS;
    len = strlen(text);
    if (network->prefix_bits < 128)
        (void)snprintf(text + len, 50 - len, "/%u", bits);
}

bool bx_network_has(const bx_network *network, const bx_address *address)
{
    if (network->is_private)
        return !bx_address_is_global(address);
    return bits_match(&network->address, address, network->prefix_bits);
}

/* Where IPv6 prefixes carry an IPv4 address. */
typedef struct carrier {
    uint8_t prefix[12];
    uint8_t prefix_bits;
    uint8_t at[4]; /* byte positions of the IPv4 address */
    uint8_t invert;
} carrier;

static const carrier carriers[] = {
    /* ::a.b.c.d, deprecated (RFC 4291 section 2.5.5.1) */
    { { 0 }, 96, { 12, 13, 14, 15 }, 0 },
    /* ::ffff:0:a.b.c.d (RFC 2765 section 2.1) */
    { { [8] = 0xff, [9] = 0xff }, 96, { 12, 13, 14, 15 }, 0 },
    /* 64:ff9b::/96 (RFC 6052 section 2.1) */
    { { 0, 0x64, 0xff, 0x9b }, 96, { 12, 13, 14, 15 }, 0 },
    /* 64:ff9b:1::/48 (RFC 8215), the operator chooses where in it: the end,
     * or around the reserved byte 8 (RFC 6052 section 2.2) */
    { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, { 12, 13, 14, 15 }, 0 },
    { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, { 6, 7, 9, 10 }, 0 },
    { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, { 7, 9, 10, 11 }, 0 },
    { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, { 9, 10, 11, 12 }, 0 },
    /* 6to4, 2002:a.b:c.d::/48 (RFC 3056 section 2) */
    { { 0x20, 0x02 }, 16, { 2, 3, 4, 5 }, 0 },
    /* Teredo: the server, and the client inverted (RFC 4380 section 4) */
    { { 0x20, 0x01 }, 32, { 4, 5, 6, 7 }, 0 },
    { { 0x20, 0x01 }, 32, { 12, 13, 14, 15 }, 0xff },
};

#define CARRIERS (sizeof(carriers) / sizeof(carriers[0]))

/* IPv4 address that carriers[index] finds in address. */
static bool find_carried(const bx_address *address, size_t index,
                         bx_address *ret_carried)
{
    const carrier *row = &carriers[index];
    bx_address prefix = { { 0 } };
    uint8_t ipv4[4];

    memcpy(prefix.bytes, row->prefix, sizeof(row->prefix));
    if (!bits_match(&prefix, address, row->prefix_bits))
        return false;
    for (size_t i = 0; i < 4; i++)
        ipv4[i] = address->bytes[row->at[i]] ^ row->invert;
    set_ipv4(ret_carried, ipv4);
    return true;
}

static bool is_unspecified(const bx_address *address)
{
    static const bx_address ipv6_any;
    static const bx_address ipv4_any = { { [10] = 0xff, [11] = 0xff } };

    return memcmp(address, &ipv6_any, sizeof(*address)) == 0 ||
           memcmp(address, &ipv4_any, sizeof(*address)) == 0;
}

bool bx_network_blocks(const bx_network *network, const bx_address *address)
{
    bx_address other;

    if (bx_network_has(network, address))
        return true;
    for (size_t i = 0; i < CARRIERS; i++) {
        if (find_carried(address, i, &other) && bx_network_has(network, &other))
            return true;
    }
    /* Linux connects 0.0.0.0 and :: to the host itself. */
    if (is_unspecified(address))
        return (bx_address_parse("127.0.0.1", &other) &&
                bx_network_has(network, &other)) ||
               (bx_address_parse("::1", &other) &&
                bx_network_has(network, &other));
    return false;
}

bool bx_address_is_global(const bx_address *address)
{
    const bx_special *special = bx_special_find(address);
    bx_address carried;

    if (special != NULL && !special->is_global)
        return false;
    for (size_t i = 0; i < CARRIERS; i++) {
        if (find_carried(address, i, &carried) &&
            !bx_address_is_global(&carried))
            return false;
    }
    return true;
}

bool bx_address_is_loopback(const bx_address *address)
{
    static const bx_address ipv6_loopback = { { [15] = 1 } };

    return (is_mapped(address) && address->bytes[12] == 127) ||
           memcmp(address, &ipv6_loopback, sizeof(*address)) == 0;
}
