#include "soak/tally.h"

#include <pthread.h>

#define STEPS 400 /* of the histogram: each a twentieth more than the last */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t outcomes[SOAK_OUTCOMES];
static uint64_t walls[STEPS];
static uint64_t count;
static int64_t latest_ns;

static double step_ns(unsigned step)
{
    double ns = 1000;

    while (step-- > 0)
        ns *= 1.05;
    return ns;
}

void soak_tally_add(soak_outcome outcome, int64_t wall_ns, int64_t late_ns)
{
    unsigned step = 0;

    for (double ns = 1000; step < STEPS - 1 && ns < (double)wall_ns; step++)
        ns *= 1.05;
    pthread_mutex_lock(&mutex);
    outcomes[outcome]++;
    if (outcome == SOAK_GOOD)
        walls[step]++;
    count++;
    if (late_ns > latest_ns)
        latest_ns = late_ns;
    pthread_mutex_unlock(&mutex);
}

uint64_t soak_tally_count(void)
{
    uint64_t all;

    pthread_mutex_lock(&mutex);
    all = count;
    pthread_mutex_unlock(&mutex);
    return all;
}

uint64_t soak_tally_ended(void)
{
    return outcomes[SOAK_BY_CODE + BX_ERR_TIMEOUT] +
           outcomes[SOAK_BY_CODE + BX_ERR_CANCELLED] +
           outcomes[SOAK_BY_CODE + BX_ERR_SYSTEM];
}

static double quantile_ms(double part)
{
    uint64_t due = (uint64_t)((double)outcomes[SOAK_GOOD] * part);
    unsigned step = 0;

    for (uint64_t seen = walls[0]; step < STEPS - 1 && seen <= due;)
        seen += walls[++step];
    return step_ns(step) / 1e6;
}

static const char *name_of(soak_outcome outcome)
{
    if (outcome == SOAK_GOOD)
        return "good";
    if (outcome == SOAK_TOOL_ERROR)
        return "error of the tool";
    return bx_code_name((bx_code)(outcome - SOAK_BY_CODE));
}

void soak_tally_print(FILE *out)
{
    fprintf(out, "  %-28s %10llu\n", "calls", (unsigned long long)count);
    for (unsigned i = 0; i < SOAK_OUTCOMES; i++) {
        if (outcomes[i] > 0)
            fprintf(out, "    %-26s %10llu\n", name_of((soak_outcome)i),
                    (unsigned long long)outcomes[i]);
    }
    fprintf(out, "  %-28s %10.1f ms\n", "p50 of the good ones",
            quantile_ms(0.5));
    fprintf(out, "  %-28s %10.1f ms\n", "p99", quantile_ms(0.99));
    fprintf(out, "  %-28s %10.0f ms\n", "latest, after its deadline",
            (double)latest_ns / 1e6);
}
