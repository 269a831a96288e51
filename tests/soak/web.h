/* A web server in a process of its own, that answers well or badly by path:
 * /ok/N, /big, /slow (a byte a second), /stall, /reset, /hop (to /ok). */
#ifndef BX_TESTS_SOAK_WEB_H
#define BX_TESTS_SOAK_WEB_H

#include <sys/types.h>

/* Before the first thread. ret_dead: a port whose connections nobody takes. */
pid_t soak_web_start(unsigned *ret_port, unsigned *ret_dead);

#endif
