/* What goes wrong. */
#ifndef BX_TESTS_SOAK_SPELLS_H
#define BX_TESTS_SOAK_SPELLS_H

#include "soak/soak.h"

typedef struct soak_spell_counts {
    atomic_uint workers_killed;
    atomic_uint workers_crashed;
    atomic_uint workers_stopped;
    atomic_uint templates_killed;
    atomic_uint templates_stopped;
    atomic_uint disks_full;
    atomic_uint fds_exhausted;
    atomic_uint clock_jumps;
    atomic_uint signals;
    atomic_uint servers_stopped;
} soak_spell_counts;
extern soak_spell_counts soak_spelled;

const char *soak_spell_name(unsigned spell);
/* Before the first thread. */
void soak_spells_prepare(void);
/* Let these of soak_all.spell rage until soak_spells_end(). */
void soak_spells_begin(unsigned spells, uint64_t seed);
void soak_spells_end(void);
/* Once each call has its answer: workers that were stopped for good go on. */
void soak_spells_mend(void);

#endif
