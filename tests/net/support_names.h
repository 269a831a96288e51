/* Name lookups and dials of the test's own process: getaddrinfo() and
 * connect() are defined here, in front of libc's, so that the client under
 * test runs unchanged while tests say what a name resolves to and where a
 * public address leads. */
#ifndef BX_TESTS_NET_SUPPORT_NAMES_H
#define BX_TESTS_NET_SUPPORT_NAMES_H

#include <stdbool.h>

/* Forget all names, dials and counts. */
void support_names_reset(void);
/* The addresses of a name, with commas between; may be set again. Names that
 * were not set do not exist. */
void support_names_set(const char *name, const char *addresses);
/* Lookups wait while this is true; false lets them go on. */
void support_names_hold(bool hold);
/* How often was the name looked up; "" counts all names. */
unsigned support_names_lookups(const char *name);
/* Dials of this address, at any port, go to a port of 127.0.0.1. Loopback
 * addresses are dialled as they are; all others are unreachable. */
void support_names_route(const char *address, unsigned port);
/* How often was the address dialled; "" counts all addresses. */
unsigned support_names_dials(const char *address);

#endif
