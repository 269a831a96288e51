/* Every row of the IANA special-purpose registries: its first and last
 * address and the neighbours just outside, with what is globally routable. */
#ifndef BX_TESTS_POLICY_ADDRESSES_H
#define BX_TESTS_POLICY_ADDRESSES_H

#include <stdbool.h>

static const struct {
    const char *address;
    bool is_global;
} registry_edges[] = {
    /* clang-format off */
    { "0.0.0.0", false }, /* first of 0.0.0.0/8 */
    { "0.255.255.255", false }, /* last of 0.0.0.0/8 */
    { "1.0.0.0", true }, /* after 0.0.0.0/8 */
    { "0.0.0.0", false }, /* first of 0.0.0.0/32 */
    { "0.0.0.0", false }, /* last of 0.0.0.0/32 */
    { "0.0.0.1", false }, /* after 0.0.0.0/32 */
    { "10.0.0.0", false }, /* first of 10.0.0.0/8 */
    { "10.255.255.255", false }, /* last of 10.0.0.0/8 */
    { "9.255.255.255", true }, /* before 10.0.0.0/8 */
    { "11.0.0.0", true }, /* after 10.0.0.0/8 */
    { "100.64.0.0", false }, /* first of 100.64.0.0/10 */
    { "100.127.255.255", false }, /* last of 100.64.0.0/10 */
    { "100.63.255.255", true }, /* before 100.64.0.0/10 */
    { "100.128.0.0", true }, /* after 100.64.0.0/10 */
    { "127.0.0.0", false }, /* first of 127.0.0.0/8 */
    { "127.255.255.255", false }, /* last of 127.0.0.0/8 */
    { "126.255.255.255", true }, /* before 127.0.0.0/8 */
    { "128.0.0.0", true }, /* after 127.0.0.0/8 */
    { "169.254.0.0", false }, /* first of 169.254.0.0/16 */
    { "169.254.255.255", false }, /* last of 169.254.0.0/16 */
    { "169.253.255.255", true }, /* before 169.254.0.0/16 */
    { "169.255.0.0", true }, /* after 169.254.0.0/16 */
    { "172.16.0.0", false }, /* first of 172.16.0.0/12 */
    { "172.31.255.255", false }, /* last of 172.16.0.0/12 */
    { "172.15.255.255", true }, /* before 172.16.0.0/12 */
    { "172.32.0.0", true }, /* after 172.16.0.0/12 */
    { "192.0.0.0", false }, /* first of 192.0.0.0/24 */
    { "192.0.0.255", false }, /* last of 192.0.0.0/24 */
    { "191.255.255.255", true }, /* before 192.0.0.0/24 */
    { "192.0.1.0", true }, /* after 192.0.0.0/24 */
    { "192.0.0.0", false }, /* first of 192.0.0.0/29 */
    { "192.0.0.7", false }, /* last of 192.0.0.0/29 */
    { "191.255.255.255", true }, /* before 192.0.0.0/29 */
    { "192.0.0.8", false }, /* after 192.0.0.0/29 */
    { "192.0.0.8", false }, /* first of 192.0.0.8/32 */
    { "192.0.0.8", false }, /* last of 192.0.0.8/32 */
    { "192.0.0.7", false }, /* before 192.0.0.8/32 */
    { "192.0.0.9", true }, /* after 192.0.0.8/32 */
    { "192.0.0.9", true }, /* first of 192.0.0.9/32 */
    { "192.0.0.9", true }, /* last of 192.0.0.9/32 */
    { "192.0.0.8", false }, /* before 192.0.0.9/32 */
    { "192.0.0.10", true }, /* after 192.0.0.9/32 */
    { "192.0.0.10", true }, /* first of 192.0.0.10/32 */
    { "192.0.0.10", true }, /* last of 192.0.0.10/32 */
    { "192.0.0.9", true }, /* before 192.0.0.10/32 */
    { "192.0.0.11", false }, /* after 192.0.0.10/32 */
    { "192.0.0.170", false }, /* first of 192.0.0.170/32 */
    { "192.0.0.170", false }, /* last of 192.0.0.170/32 */
    { "192.0.0.169", false }, /* before 192.0.0.170/32 */
    { "192.0.0.171", false }, /* after 192.0.0.170/32 */
    { "192.0.0.171", false }, /* first of 192.0.0.171/32 */
    { "192.0.0.171", false }, /* last of 192.0.0.171/32 */
    { "192.0.0.170", false }, /* before 192.0.0.171/32 */
    { "192.0.0.172", false }, /* after 192.0.0.171/32 */
    { "192.0.2.0", false }, /* first of 192.0.2.0/24 */
    { "192.0.2.255", false }, /* last of 192.0.2.0/24 */
    { "192.0.1.255", true }, /* before 192.0.2.0/24 */
    { "192.0.3.0", true }, /* after 192.0.2.0/24 */
    { "192.31.196.0", true }, /* first of 192.31.196.0/24 */
    { "192.31.196.255", true }, /* last of 192.31.196.0/24 */
    { "192.31.195.255", true }, /* before 192.31.196.0/24 */
    { "192.31.197.0", true }, /* after 192.31.196.0/24 */
    { "192.52.193.0", true }, /* first of 192.52.193.0/24 */
    { "192.52.193.255", true }, /* last of 192.52.193.0/24 */
    { "192.52.192.255", true }, /* before 192.52.193.0/24 */
    { "192.52.194.0", true }, /* after 192.52.193.0/24 */
    { "192.88.99.0", false }, /* first of 192.88.99.0/24 */
    { "192.88.99.255", false }, /* last of 192.88.99.0/24 */
    { "192.88.98.255", true }, /* before 192.88.99.0/24 */
    { "192.88.100.0", true }, /* after 192.88.99.0/24 */
    { "192.88.99.2", false }, /* first of 192.88.99.2/32 */
    { "192.88.99.2", false }, /* last of 192.88.99.2/32 */
    { "192.88.99.1", false }, /* before 192.88.99.2/32 */
    { "192.88.99.3", false }, /* after 192.88.99.2/32 */
    { "192.168.0.0", false }, /* first of 192.168.0.0/16 */
    { "192.168.255.255", false }, /* last of 192.168.0.0/16 */
    { "192.167.255.255", true }, /* before 192.168.0.0/16 */
    { "192.169.0.0", true }, /* after 192.168.0.0/16 */
    { "192.175.48.0", true }, /* first of 192.175.48.0/24 */
    { "192.175.48.255", true }, /* last of 192.175.48.0/24 */
    { "192.175.47.255", true }, /* before 192.175.48.0/24 */
    { "192.175.49.0", true }, /* after 192.175.48.0/24 */
    { "198.18.0.0", false }, /* first of 198.18.0.0/15 */
    { "198.19.255.255", false }, /* last of 198.18.0.0/15 */
    { "198.17.255.255", true }, /* before 198.18.0.0/15 */
    { "198.20.0.0", true }, /* after 198.18.0.0/15 */
    { "198.51.100.0", false }, /* first of 198.51.100.0/24 */
    { "198.51.100.255", false }, /* last of 198.51.100.0/24 */
    { "198.51.99.255", true }, /* before 198.51.100.0/24 */
    { "198.51.101.0", true }, /* after 198.51.100.0/24 */
    { "203.0.113.0", false }, /* first of 203.0.113.0/24 */
    { "203.0.113.255", false }, /* last of 203.0.113.0/24 */
    { "203.0.112.255", true }, /* before 203.0.113.0/24 */
    { "203.0.114.0", true }, /* after 203.0.113.0/24 */
    { "224.0.0.0", false }, /* first of 224.0.0.0/4 */
    { "239.255.255.255", false }, /* last of 224.0.0.0/4 */
    { "223.255.255.255", true }, /* before 224.0.0.0/4 */
    { "240.0.0.0", false }, /* after 224.0.0.0/4 */
    { "240.0.0.0", false }, /* first of 240.0.0.0/4 */
    { "255.255.255.255", false }, /* last of 240.0.0.0/4 */
    { "239.255.255.255", false }, /* before 240.0.0.0/4 */
    { "255.255.255.255", false }, /* first of 255.255.255.255/32 */
    { "255.255.255.255", false }, /* last of 255.255.255.255/32 */
    { "255.255.255.254", false }, /* before 255.255.255.255/32 */
    { "::", false }, /* first of ::/128 */
    { "::", false }, /* last of ::/128 */
    { "::1", false }, /* after ::/128 */
    { "::1", false }, /* first of ::1/128 */
    { "::1", false }, /* last of ::1/128 */
    { "::", false }, /* before ::1/128 */
    { "::2", false }, /* after ::1/128 */
    { "::", false }, /* first of ::/3 */
    { "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of ::/3 */
    { "2000::", true }, /* after ::/3 */
    { "4000::", false }, /* first of 4000::/2 */
    { "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 4000::/2 */
    { "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* before 4000::/2 */
    { "8000::", false }, /* after 4000::/2 */
    { "8000::", false }, /* first of 8000::/1 */
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 8000::/1 */
    { "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 8000::/1 */
    { "64:ff9b::", false }, /* first of 64:ff9b::/96 */
    { "64:ff9b::ffff:ffff", false }, /* last of 64:ff9b::/96 */
    { "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 64:ff9b::/96 */
    { "64:ff9b::1:0:0", false }, /* after 64:ff9b::/96 */
    { "64:ff9b:1::", false }, /* first of 64:ff9b:1::/48 */
    { "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false }, /* last of 64:ff9b:1::/48 */
    { "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", false }, /* before 64:ff9b:1::/48 */
    { "64:ff9b:2::", false }, /* after 64:ff9b:1::/48 */
    { "100::", false }, /* first of 100::/64 */
    { "100::ffff:ffff:ffff:ffff", false }, /* last of 100::/64 */
    { "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 100::/64 */
    { "100:0:0:1::", false }, /* after 100::/64 */
    { "100:0:0:1::", false }, /* first of 100:0:0:1::/64 */
    { "100::1:ffff:ffff:ffff:ffff", false }, /* last of 100:0:0:1::/64 */
    { "100::ffff:ffff:ffff:ffff", false }, /* before 100:0:0:1::/64 */
    { "100:0:0:2::", false }, /* after 100:0:0:1::/64 */
    { "2001::", false }, /* first of 2001::/23 */
    { "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 2001::/23 */
    { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* before 2001::/23 */
    { "2001:200::", true }, /* after 2001::/23 */
    { "2001::", false }, /* first of 2001::/32 */
    { "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 2001::/32 */
    { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* before 2001::/32 */
    { "2001:1::", false }, /* after 2001::/32 */
    { "2001:1::1", true }, /* first of 2001:1::1/128 */
    { "2001:1::1", true }, /* last of 2001:1::1/128 */
    { "2001:1::", false }, /* before 2001:1::1/128 */
    { "2001:1::2", true }, /* after 2001:1::1/128 */
    { "2001:1::2", true }, /* first of 2001:1::2/128 */
    { "2001:1::2", true }, /* last of 2001:1::2/128 */
    { "2001:1::1", true }, /* before 2001:1::2/128 */
    { "2001:1::3", true }, /* after 2001:1::2/128 */
    { "2001:1::3", true }, /* first of 2001:1::3/128 */
    { "2001:1::3", true }, /* last of 2001:1::3/128 */
    { "2001:1::2", true }, /* before 2001:1::3/128 */
    { "2001:1::4", false }, /* after 2001:1::3/128 */
    { "2001:2::", false }, /* first of 2001:2::/48 */
    { "2001:2:0:ffff:ffff:ffff:ffff:ffff", false }, /* last of 2001:2::/48 */
    { "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 2001:2::/48 */
    { "2001:2:1::", false }, /* after 2001:2::/48 */
    { "2001:3::", true }, /* first of 2001:3::/32 */
    { "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* last of 2001:3::/32 */
    { "2001:2:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 2001:3::/32 */
    { "2001:4::", false }, /* after 2001:3::/32 */
    { "2001:4:112::", true }, /* first of 2001:4:112::/48 */
    { "2001:4:112:ffff:ffff:ffff:ffff:ffff", true }, /* last of 2001:4:112::/48 */
    { "2001:4:111:ffff:ffff:ffff:ffff:ffff", false }, /* before 2001:4:112::/48 */
    { "2001:4:113::", false }, /* after 2001:4:112::/48 */
    { "2001:10::", false }, /* first of 2001:10::/28 */
    { "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 2001:10::/28 */
    { "2001:f:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 2001:10::/28 */
    { "2001:20::", true }, /* after 2001:10::/28 */
    { "2001:20::", true }, /* first of 2001:20::/28 */
    { "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* last of 2001:20::/28 */
    { "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 2001:20::/28 */
    { "2001:30::", true }, /* after 2001:20::/28 */
    { "2001:30::", true }, /* first of 2001:30::/28 */
    { "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* last of 2001:30::/28 */
    { "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* before 2001:30::/28 */
    { "2001:40::", false }, /* after 2001:30::/28 */
    { "2001:db8::", false }, /* first of 2001:db8::/32 */
    { "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 2001:db8::/32 */
    { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* before 2001:db8::/32 */
    { "2001:db9::", true }, /* after 2001:db8::/32 */
    { "2002::", false }, /* first of 2002::/16 */
    { "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 2002::/16 */
    { "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* before 2002::/16 */
    { "2003::", true }, /* after 2002::/16 */
    { "2620:4f:8000::", true }, /* first of 2620:4f:8000::/48 */
    { "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", true }, /* last of 2620:4f:8000::/48 */
    { "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", true }, /* before 2620:4f:8000::/48 */
    { "2620:4f:8001::", true }, /* after 2620:4f:8000::/48 */
    { "3fff::", false }, /* first of 3fff::/20 */
    { "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 3fff::/20 */
    { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true }, /* before 3fff::/20 */
    { "3fff:1000::", true }, /* after 3fff::/20 */
    { "5f00::", false }, /* first of 5f00::/16 */
    { "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of 5f00::/16 */
    { "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before 5f00::/16 */
    { "5f01::", false }, /* after 5f00::/16 */
    { "fc00::", false }, /* first of fc00::/7 */
    { "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of fc00::/7 */
    { "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before fc00::/7 */
    { "fe00::", false }, /* after fc00::/7 */
    { "fe80::", false }, /* first of fe80::/10 */
    { "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of fe80::/10 */
    { "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before fe80::/10 */
    { "fec0::", false }, /* after fe80::/10 */
    { "fec0::", false }, /* first of fec0::/10 */
    { "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of fec0::/10 */
    { "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before fec0::/10 */
    { "ff00::", false }, /* after fec0::/10 */
    { "ff00::", false }, /* first of ff00::/8 */
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* last of ff00::/8 */
    { "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false }, /* before ff00::/8 */
    /* clang-format on */
};

#endif
