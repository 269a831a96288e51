#include "soak/census.h"

#include <dirent.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/pool.h"

#define SETTLE_MS 5000

/* How far memory may wander: arenas of many threads, and tables that grow with
 * the largest call. */
#define HEAP_KIB 4096
#define RSS_KIB (48 * 1024)
#define WORKER_KIB (128 * 1024) /* of one: its boxes, and three sessions */

static long count_entries(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    long count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    if (dir != NULL)
        closedir(dir);
    return count;
}

long soak_census_fds(void)
{
    return count_entries("/proc/self/fd") - 1; /* the one that looks */
}

/* A line of /proc/PID/status, in KiB or a number; -1: none. */
static long status_of(const char *pid, const char *key, char *ret_state)
{
    char path[300];
    char line[256];
    long value = -1;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (ret_state != NULL && strncmp(line, "State:", 6) == 0)
            *ret_state = line[7];
        if (strncmp(line, key, strlen(key)) == 0)
            value = atol(line + strlen(key));
    }
    if (file != NULL)
        fclose(file);
    return value;
}

/* Children of parent; those that ended and were not waited for. */
static long count_children(pid_t parent, long *ret_zombies, long *ret_most_kib)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    long count = 0;

    *ret_zombies = 0;
    *ret_most_kib = 0;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char state = '?';
        long kib;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
            status_of(entry->d_name, "PPid:", &state) != parent)
            continue;
        if (state == 'Z') {
            ++*ret_zombies;
            continue;
        }
        count++;
        kib = status_of(entry->d_name, "RssAnon:", NULL);
        if (kib > *ret_most_kib)
            *ret_most_kib = kib;
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

long soak_census_children(void)
{
    long zombies;
    long kib;
    long count = count_children(getpid(), &zombies, &kib);

    return count + zombies;
}

/* What the pool holds for its workers: each a pidfd, a control channel and the
 * idle channels of its calls. */
static long pool_fds(long *ret_workers)
{
    bx_worker_pool *pool = soak_all.pool;
    long count = 0;

    *ret_workers = 0;
    pthread_mutex_lock(&pool->mutex);
    for (const bx_process *one = pool->processes; one != NULL;
         one = one->next) {
        ++*ret_workers;
        count += 2;
        for (const bx_line *line = one->idle; line != NULL; line = line->next)
            count++;
    }
    pthread_mutex_unlock(&pool->mutex);
    return count;
}

/* Boxes hold on to workers that are no more until their next call. */
static long count_here(long *ret_known)
{
    return soak_census_fds() - pool_fds(ret_known);
}

soak_census soak_census_take(void)
{
    soak_census now = { 0 };
    long known = 0;

    for (int i = 0; i < SETTLE_MS / 20; i++) {
        now.workers = count_children(soak_all.pool->template_.pid, &now.zombies,
                                     &now.worker_kib);
        now.fds = count_here(&known);
        if (now.workers == known && now.zombies == 0)
            break;
        soak_sleep_us(20000);
    }
    if (now.workers != known)
        soak_fail("%ld workers are there, of which the pool knows %ld",
                  now.workers, known);
    (void)malloc_trim(0);
    now.threads = count_entries("/proc/self/task");
    now.rss_kib = status_of("self", "VmRSS:", NULL);
    now.heap_kib = (long)(mallinfo2().uordblks / 1024);
    return now;
}

static void show_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    char path[300];
    char target[256];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        ssize_t bytes;

        snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
        bytes = readlink(path, target, sizeof(target) - 1);
        if (bytes > 0)
            fprintf(stderr, "    %s -> %.*s\n", entry->d_name, (int)bytes,
                    target);
    }
    if (dir != NULL)
        closedir(dir);
}

void soak_census_compare(const soak_census *first, const soak_census *now)
{
    if (now->fds > first->fds) {
        soak_fail("%ld descriptors, %ld before", now->fds, first->fds);
        if (getenv("SOAK_SHOW") != NULL)
            show_fds();
    }
    if (now->threads > first->threads)
        soak_fail("%ld threads, %ld before", now->threads, first->threads);
    if (now->worker_kib > WORKER_KIB)
        soak_fail("a worker has %ld KiB of its own", now->worker_kib);
    if (now->zombies > 0)
        soak_fail("%ld processes ended and were not waited for", now->zombies);
}

/* The least of some rounds: what stays, not what comes and goes. */
static soak_census least(const soak_census *all, unsigned count)
{
    soak_census low = all[0];

    for (unsigned i = 1; i < count; i++) {
        if (all[i].rss_kib < low.rss_kib)
            low.rss_kib = all[i].rss_kib;
        if (all[i].heap_kib < low.heap_kib)
            low.heap_kib = all[i].heap_kib;
    }
    return low;
}

void soak_census_grow(const soak_census *all, unsigned count)
{
    unsigned part = count / 3;
    soak_census early;
    soak_census late;

    if (part == 0)
        return;
    early = least(all + part, part);
    late = least(all + count - part, part);
    if (late.heap_kib - early.heap_kib > HEAP_KIB)
        soak_fail("the heap grew from %ld to %ld KiB", early.heap_kib,
                  late.heap_kib);
    if (late.rss_kib - early.rss_kib > RSS_KIB)
        soak_fail("memory grew from %ld to %ld KiB", early.rss_kib,
                  late.rss_kib);
}
