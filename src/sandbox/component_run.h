/* A component's instance at work: its command or one of its functions. */
#ifndef BX_SANDBOX_COMPONENT_RUN_H
#define BX_SANDBOX_COMPONENT_RUN_H

#include "sandbox/instance.h"

/* Instantiate if that has not happened and do what the instance is for. Fills
 * result however the guest ended; -1 when it was not started for a reason of
 * the caller's or the host's. */
int bx_component_run(bx_instance *instance, bx_result *result, bx_error **err);

#endif
