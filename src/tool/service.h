/* What running guests ask for: other programs of their box, and tools. */
#ifndef BX_TOOL_SERVICE_H
#define BX_TOOL_SERVICE_H

#include "tool/call.h"

/* The table with registry as its context; borrowed. */
bx_services bx_service_table(bx_registry *registry);

#endif
