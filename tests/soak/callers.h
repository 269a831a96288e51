/* The threads that call, and what each answer is held against. */
#ifndef BX_TESTS_SOAK_CALLERS_H
#define BX_TESTS_SOAK_CALLERS_H

#include "soak/mix.h"

void soak_callers_start(void);
/* Until each has had its answer: false, and a failure, when one has none in
 * time. */
bool soak_callers_pause(void);
void soak_callers_go(void);
/* No call before this one may be lost: tells those that are. */
void soak_callers_look(void);
/* For good. */
void soak_callers_end(void);
const soak_caller *soak_callers_get(unsigned number);

/* Try each tool in both registries: each must do its work. */
void soak_callers_probe(void);

/* How often each call may stand in the audit log, against how often it does. */
void soak_callers_audit(void);

#endif
