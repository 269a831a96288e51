/* What host and guard say to each other, one packet each: the plan; that the
 * program runs, or why not; how it ended. */
#ifndef BX_WORKER_NATIVE_PLAN_H
#define BX_WORKER_NATIVE_PLAN_H

#define BX_NATIVE_CONTROL_FD 3
#define BX_NATIVE_REPORT_BYTES 4096

#endif
