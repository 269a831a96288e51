/* Special-purpose addresses, from the registries
 * https://www.iana.org/assignments/iana-ipv4-special-registry and
 * https://www.iana.org/assignments/iana-ipv6-special-registry, with what lies
 * outside them and is no unicast destination either (multicast, deprecated
 * and unassigned space). "N/A" in the registry counts as not global. */
#include "policy/special.h"

#include <pthread.h>
#include <string.h>

const bx_special bx_specials[] = {
    /* IPv4 */
    { "0.0.0.0/8", false, "this network" },                 /* RFC 791 */
    { "0.0.0.0/32", false, "this host" },                   /* RFC 1122 */
    { "10.0.0.0/8", false, "private use" },                 /* RFC 1918 */
    { "100.64.0.0/10", false, "shared address space" },     /* RFC 6598 */
    { "127.0.0.0/8", false, "loopback" },                   /* RFC 1122 */
    { "169.254.0.0/16", false, "link-local" },              /* RFC 3927 */
    { "172.16.0.0/12", false, "private use" },              /* RFC 1918 */
    { "192.0.0.0/24", false, "IETF protocol assignments" }, /* RFC 6890 */
    { "192.0.0.0/29", false, "IPv4 service continuity" },   /* RFC 7335 */
    { "192.0.0.8/32", false, "IPv4 dummy address" },        /* RFC 7600 */
    { "192.0.0.9/32", true, "port control anycast" },       /* RFC 7723 */
    { "192.0.0.10/32", true, "TURN anycast" },              /* RFC 8155 */
    { "192.0.0.170/32", false, "NAT64 discovery" },         /* RFC 8880 */
    { "192.0.0.171/32", false, "NAT64 discovery" },         /* RFC 8880 */
    { "192.0.2.0/24", false, "documentation" },             /* RFC 5737 */
    { "192.31.196.0/24", true, "AS112-v4" },                /* RFC 7535 */
    { "192.52.193.0/24", true, "AMT" },                     /* RFC 7450 */
    { "192.88.99.0/24", false, "deprecated 6to4 relay" },   /* RFC 7526 */
    { "192.88.99.2/32", false, "6a44 relay" },              /* RFC 6751 */
    { "192.168.0.0/16", false, "private use" },             /* RFC 1918 */
    { "192.175.48.0/24", true, "AS112 direct delegation" }, /* RFC 7534 */
    { "198.18.0.0/15", false, "benchmarking" },             /* RFC 2544 */
    { "198.51.100.0/24", false, "documentation" },          /* RFC 5737 */
    { "203.0.113.0/24", false, "documentation" },           /* RFC 5737 */
    { "224.0.0.0/4", false, "multicast" },                  /* RFC 5771 */
    { "240.0.0.0/4", false, "reserved" },                   /* RFC 1112 */
    { "255.255.255.255/32", false, "limited broadcast" },   /* RFC 8190 */
    /* IPv6: what is not global unicast (2000::/3, RFC 4291 section 2.4) */
    { "::/3", false, "reserved" },                            /* RFC 4291 */
    { "4000::/2", false, "reserved" },                        /* RFC 4291 */
    { "8000::/1", false, "reserved" },                        /* RFC 4291 */
    { "::/128", false, "unspecified" },                       /* RFC 4291 */
    { "::1/128", false, "loopback" },                         /* RFC 4291 */
    { "64:ff9b::/96", true, "IPv4/IPv6 translation" },        /* RFC 6052 */
    { "64:ff9b:1::/48", false, "local-use translation" },     /* RFC 8215 */
    { "100::/64", false, "discard-only" },                    /* RFC 6666 */
    { "100:0:0:1::/64", false, "dummy prefix" },              /* RFC 9780 */
    { "2001::/23", false, "IETF protocol assignments" },      /* RFC 2928 */
    { "2001::/32", false, "Teredo" },                         /* RFC 4380 */
    { "2001:1::1/128", true, "port control anycast" },        /* RFC 7723 */
    { "2001:1::2/128", true, "TURN anycast" },                /* RFC 8155 */
    { "2001:1::3/128", true, "DNS-SD registration anycast" }, /* RFC 9665 */
    { "2001:2::/48", false, "benchmarking" },                 /* RFC 5180 */
    { "2001:3::/32", true, "AMT" },                           /* RFC 7450 */
    { "2001:4:112::/48", true, "AS112-v6" },                  /* RFC 7535 */
    { "2001:10::/28", false, "deprecated ORCHID" },           /* RFC 4843 */
    { "2001:20::/28", true, "ORCHIDv2" },                     /* RFC 7343 */
    { "2001:30::/28", true, "drone remote identification" },  /* RFC 9374 */
    { "2001:db8::/32", false, "documentation" },              /* RFC 3849 */
    { "2002::/16", false, "6to4" },                           /* RFC 3056 */
    { "2620:4f:8000::/48", true, "AS112 direct delegation" }, /* RFC 7534 */
    { "3fff::/20", false, "documentation" },                  /* RFC 9637 */
    { "5f00::/16", false, "segment routing" },                /* RFC 9602 */
    { "fc00::/7", false, "unique local" },                    /* RFC 4193 */
    { "fe80::/10", false, "link-local" },                     /* RFC 4291 */
    { "fec0::/10", false, "deprecated site-local" },          /* RFC 3879 */
    { "ff00::/8", false, "multicast" },                       /* RFC 4291 */
};

#define COUNT (sizeof(bx_specials) / sizeof(bx_specials[0]))

const size_t bx_specials_count = COUNT;

/* The table's first column, parsed once. */
static bx_network networks[COUNT];

static void parse_networks(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (bx_network_parse(bx_specials[i].cidr, &networks[i], NULL) < 0)
            abort(); /* the table is ours; a test reads every row */
    }
}

const bx_special *bx_special_find(const bx_address *address)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    bool is_ipv4 = memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
    const bx_special *found = NULL;
    unsigned longest = 0;

    (void)pthread_once(&once, parse_networks);
    for (size_t i = 0; i < COUNT; i++) {
        /* An IPv4 address is not in ::/3, which has its 16-byte form. */
        if (is_ipv4 && networks[i].prefix_bits < 96)
            continue;
        if (networks[i].prefix_bits >= longest &&
            bx_network_has(&networks[i], address)) {
            longest = networks[i].prefix_bits;
            found = &bx_specials[i];
        }
    }
    return found;
}
