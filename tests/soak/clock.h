/* The machine's time of day as this program and its workers see it: the real
 * one and an offset. The monotonic clock is the real one's. */
#ifndef BX_TESTS_SOAK_CLOCK_H
#define BX_TESTS_SOAK_CLOCK_H

#include <stdint.h>

#define SOAK_CLOCK_FD 100 /* where a template finds it in its parent */

/* In the program, before it starts others. */
void soak_clock_make(void);
/* In a template, which workers are forked from. */
void soak_clock_adopt(void);
void soak_clock_jump(int64_t seconds);

#endif
