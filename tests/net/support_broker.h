/* The same tests in process and through a broker: by a call of the other end's
 * function, and by a socket to a thread that serves. */
#ifndef BX_TESTS_NET_SUPPORT_BROKER_H
#define BX_TESTS_NET_SUPPORT_BROKER_H

#include "net/broker.h"

typedef enum support_way {
    SUPPORT_IN_PROCESS,
    SUPPORT_BY_CALL,
    SUPPORT_BY_SOCKET,
    SUPPORT_WAYS
} support_way;

/* How the test at hand reaches the network. */
extern support_way support_way_now;
const char *support_way_name(void);

/* Fewer where the test is about another way still. */
#ifndef SUPPORT_WAYS_TRIED
#define SUPPORT_WAYS_TRIED SUPPORT_WAYS
#endif

/* Every test of a group in every way; an int for main() to return. */
#define support_run_every_way(tests, up, down)                                 \
    (__extension__({                                                           \
        int failed_ = 0;                                                       \
                                                                               \
        for (int way_ = 0; way_ < SUPPORT_WAYS_TRIED; way_++) {                \
            support_way_now = (support_way)way_;                               \
            failed_ += cmocka_run_group_tests_name(support_way_name(), tests,  \
                                                   up, down);                  \
        }                                                                      \
        failed_;                                                               \
    }))

typedef struct support_broker support_broker;

/* Two ends, or with SUPPORT_IN_PROCESS none: then the run is its own. policy
 * and run are the end's that dials; ca_file of its clients, NULL: none. */
support_broker *support_broker_new(const bx_policy *policy, bx_run *run,
                                   const char *ca_file);
void support_broker_free(support_broker *broker); /* NULL is fine */

/* The run as a guest's side has it, and a policy that grants nothing; the ones
 * given without a second end. */
bx_run *support_broker_run(support_broker *broker);
const bx_policy *support_broker_policy(support_broker *broker);

/* All that the guest's side was ever answered. */
const bx_buf *support_broker_answers(support_broker *broker);

#endif
