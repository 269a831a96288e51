/* What this program and its workers hold, while no call is under way. */
#ifndef BX_TESTS_SOAK_CENSUS_H
#define BX_TESTS_SOAK_CENSUS_H

#include "soak/soak.h"

typedef struct soak_census {
    long fds;     /* of this process, without those of workers' channels */
    long threads; /* of this process */
    long workers; /* children of the template, as the system has them */
    long zombies;
    long rss_kib;    /* of this process */
    long heap_kib;   /* in use in it */
    long worker_kib; /* the largest worker: what is its own */
} soak_census;

soak_census soak_census_take(void);
/* Against the first: tells what is left over. */
void soak_census_compare(const soak_census *first, const soak_census *now);
/* Memory of every round, once the last third of the rounds can be held against
 * those before. */
void soak_census_grow(const soak_census *all, unsigned count);

/* With no pool any more. */
long soak_census_fds(void);
long soak_census_children(void);

#endif
