#include "soak/spells.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "soak/clock.h"
#include "worker/pool.h"

#define DISK_OPTIONS "size=1g,nr_inodes=100k,mode=700"
#define HOGGED_MAX 4096
#define STOPPED_MAX 256

soak_spell_counts soak_spelled;

typedef struct spell_thread {
    pthread_t thread;
    unsigned spell;
    soak_random random;
} spell_thread;

static spell_thread threads[SOAK_SPELLS];
static unsigned running;

static const char *const names[SOAK_SPELLS] = {
    "kill",
    "crash",
    "stop",
    "template killed",
    "template stopped",
    "disk full",
    "no descriptors",
    "clock",
    "signals",
    "network",
};

const char *soak_spell_name(unsigned spell)
{
    if ((spell & (spell - 1)) != 0)
        return "all together";
    for (unsigned i = 0; i < SOAK_SPELLS; i++) {
        if (spell == 1u << i)
            return names[i];
    }
    return "none";
}

static bool rages(void)
{
    return atomic_load(&soak_all.is_raging);
}

/* In parts, so that its end comes soon. */
static void nap_ms(unsigned ms)
{
    for (; rages() && ms > 0; ms -= ms < 20 ? ms : 20)
        soak_sleep_us((ms < 20 ? ms : 20) * UINT64_C(1000));
}

/* ---- processes ------------------------------------------------------- */

static int stopped[STOPPED_MAX]; /* pidfds of workers that do not go on */
static unsigned stopped_count;
static pthread_mutex_t stopped_mutex = PTHREAD_MUTEX_INITIALIZER;

static void send_signal(int pidfd, int number)
{
    (void)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* A pidfd of any worker; -1: there is none, or no descriptor. */
static int pick_worker(soak_random *random)
{
    bx_worker_pool *pool = soak_all.pool;
    unsigned count = 0;
    unsigned at;
    int fd = -1;

    pthread_mutex_lock(&pool->mutex);
    for (bx_process *one = pool->processes; one != NULL; one = one->next)
        count += one->state == BX_PROCESS_READY;
    at = count == 0 ? 0 : soak_below(random, count);
    for (bx_process *one = pool->processes; one != NULL; one = one->next) {
        if (one->state == BX_PROCESS_READY && at-- == 0)
            fd = fcntl(one->pidfd, F_DUPFD_CLOEXEC, 0);
    }
    pthread_mutex_unlock(&pool->mutex);
    return fd;
}

/* The template's number may be another's by now: only a child of ours counts.
 */
static int pick_template(void)
{
    int pid = soak_all.pool->template_.pid;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    char path[64];
    char text[512] = "";
    int parent = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(text, sizeof(text), file) != NULL &&
            strrchr(text, ')') != NULL)
            (void)sscanf(strrchr(text, ')') + 1, " %*c %d", &parent);
        fclose(file);
    }
    if (fd >= 0 && parent != getpid()) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void rage_workers(spell_thread *self, bool is_kill, atomic_uint *count)
{
    static const int crashes[] = { SIGSEGV, SIGABRT, SIGBUS };

    while (rages()) {
        int fd = pick_worker(&self->random);
        int number = crashes[soak_below(&self->random, 3)];

        if (fd >= 0) {
            send_signal(fd, is_kill ? SIGKILL : number);
            close(fd);
            atomic_fetch_add(count, 1);
        }
        nap_ms(20 + soak_below(&self->random, 300));
    }
}

/* Half go on after a while, the others never: calls in them hang. */
static void rage_stop(spell_thread *self)
{
    while (rages()) {
        int fd = pick_worker(&self->random);

        if (fd >= 0) {
            send_signal(fd, SIGSTOP);
            atomic_fetch_add(&soak_spelled.workers_stopped, 1);
            nap_ms(soak_below(&self->random, 200));
            pthread_mutex_lock(&stopped_mutex);
            if (soak_below(&self->random, 2) == 0 &&
                stopped_count < STOPPED_MAX) {
                stopped[stopped_count++] = fd;
            } else {
                send_signal(fd, SIGCONT);
                close(fd);
            }
            pthread_mutex_unlock(&stopped_mutex);
        }
        nap_ms(50 + soak_below(&self->random, 400));
    }
}

void soak_spells_mend(void)
{
    while (stopped_count > 0) {
        send_signal(stopped[--stopped_count], SIGCONT);
        close(stopped[stopped_count]);
    }
}

static void rage_template(spell_thread *self, bool is_kill)
{
    while (rages()) {
        int fd = pick_template();

        if (fd >= 0 && is_kill) {
            send_signal(fd, SIGKILL);
            atomic_fetch_add(&soak_spelled.templates_killed, 1);
        } else if (fd >= 0) {
            send_signal(fd, SIGSTOP);
            atomic_fetch_add(&soak_spelled.templates_stopped, 1);
            nap_ms(100 + soak_below(&self->random, 3000));
            send_signal(fd, SIGCONT);
        }
        if (fd >= 0)
            close(fd);
        nap_ms(300 + soak_below(&self->random, 1500));
    }
}

/* ---- the disk -------------------------------------------------------- */

static void limit_file(int pid, rlim_t bytes)
{
    struct rlimit limit;

    if (pid <= 0 || prlimit(pid, RLIMIT_FSIZE, NULL, &limit) < 0)
        return;
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    (void)prlimit(pid, RLIMIT_FSIZE, &limit, NULL);
}

/* A template that began meanwhile has the limit of its host, and its workers
 * have it from there. */
static void limit_files(rlim_t bytes)
{
    int pids[64];
    size_t count;

    limit_file(getpid(), bytes);
    limit_file(soak_all.pool->template_.pid, bytes);
    count = bx_worker_pool_pids(soak_all.pool, pids, 64);
    for (size_t i = 0; i < count; i++)
        limit_file(pids[i], bytes);
}

/* No room for one more byte, or for one more file. */
static void fill_disk(soak_random *random)
{
    char options[128];
    struct statvfs now;

    atomic_fetch_add(&soak_spelled.disks_full, 1);
    if (!soak_all.has_disk) {
        limit_files(soak_below(random, 2) * 4096);
        return;
    }
    if (statvfs(soak_all.dir, &now) < 0)
        return;
    if (soak_below(random, 3) == 0)
        snprintf(options, sizeof(options), "nr_inodes=%lu",
                 (unsigned long)(now.f_files - now.f_ffree));
    else
        snprintf(options, sizeof(options), "size=%lu",
                 (unsigned long)((now.f_blocks - now.f_bfree +
                                  soak_below(random, 3)) *
                                 now.f_frsize));
    (void)mount("soak", soak_all.dir, NULL, MS_REMOUNT, options);
}

static void empty_disk(void)
{
    if (!soak_all.has_disk)
        limit_files(RLIM_INFINITY);
    else if (mount("soak", soak_all.dir, NULL, MS_REMOUNT, DISK_OPTIONS) < 0)
        soak_fail("the disk keeps its size");
}

static void rage_disk(spell_thread *self)
{
    while (rages()) {
        fill_disk(&self->random);
        nap_ms(50 + soak_below(&self->random, 500));
        empty_disk();
        nap_ms(soak_below(&self->random, 300));
    }
    empty_disk();
}

/* ---- descriptors ----------------------------------------------------- */

static void rage_fds(spell_thread *self)
{
    static int hogged[HOGGED_MAX];

    while (rages()) {
        unsigned count = 0;
        unsigned spared = soak_below(&self->random, 6);
        int64_t rounds = 1 + soak_below(&self->random, 40);

        /* Others close some meanwhile: take those too. */
        for (; rages() && rounds > 0; rounds--) {
            int fd;

            while (count < HOGGED_MAX &&
                   (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
                hogged[count++] = fd;
            for (unsigned i = 0; i < spared && count > 0; i++)
                close(hogged[--count]);
            soak_sleep_us(5000);
        }
        atomic_fetch_add(&soak_spelled.fds_exhausted, 1);
        while (count > 0)
            close(hogged[--count]);
        nap_ms(soak_below(&self->random, 200));
    }
}

/* ---- the clock, signals, the network --------------------------------- */

static void rage_clock(spell_thread *self)
{
    while (rages()) {
        static const int64_t spans[] = { 2, 3600, 86400, 400 * 86400 };
        int64_t span = spans[soak_below(&self->random, 4)];

        soak_clock_jump(
            (int64_t)soak_below(&self->random, (uint32_t)(2 * span)) - span);
        atomic_fetch_add(&soak_spelled.clock_jumps, 1);
        nap_ms(10 + soak_below(&self->random, 200));
    }
    soak_clock_jump(0);
}

static void on_signal(int number)
{
    (void)number;
}

/* Each thread of this process, again and again; there is no SA_RESTART. */
static void rage_signals(spell_thread *self)
{
    pid_t mine = (pid_t)syscall(SYS_gettid);

    while (rages()) {
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;

        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            int tid = atoi(entry->d_name);

            if (tid <= 0 || tid == mine)
                continue;
            if (syscall(SYS_tgkill, getpid(), tid, SIGUSR1) == 0)
                atomic_fetch_add(&soak_spelled.signals, 1);
        }
        if (dir != NULL)
            closedir(dir);
        soak_sleep_us(500 + soak_below(&self->random, 3000));
    }
}

static void rage_network(spell_thread *self)
{
    while (rages()) {
        nap_ms(300 + soak_below(&self->random, 1000));
        kill(soak_all.web, SIGSTOP);
        atomic_fetch_add(&soak_spelled.servers_stopped, 1);
        nap_ms(soak_below(&self->random, 1500));
        kill(soak_all.web, SIGCONT);
    }
}

/* ---- beginning and end ----------------------------------------------- */

void soak_spells_prepare(void)
{
    const struct sigaction action = { .sa_handler = on_signal };

    (void)sigaction(SIGUSR1, &action, NULL);
    (void)signal(SIGXFSZ, SIG_IGN);
    soak_all.has_disk =
        unshare(CLONE_NEWNS) == 0 &&
        mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("soak", soak_all.dir, "tmpfs", 0, DISK_OPTIONS) == 0;
}

static void *rage(void *argument)
{
    spell_thread *self = argument;

    switch (self->spell) {
    case SOAK_KILL:
        rage_workers(self, true, &soak_spelled.workers_killed);
        break;
    case SOAK_CRASH:
        rage_workers(self, false, &soak_spelled.workers_crashed);
        break;
    case SOAK_STOP:
        rage_stop(self);
        break;
    case SOAK_TEMPLATE:
    case SOAK_HANG:
        rage_template(self, self->spell == SOAK_TEMPLATE);
        break;
    case SOAK_DISK:
        rage_disk(self);
        break;
    case SOAK_FDS:
        rage_fds(self);
        break;
    case SOAK_CLOCK:
        rage_clock(self);
        break;
    case SOAK_SIGNALS:
        rage_signals(self);
        break;
    case SOAK_NETWORK:
        rage_network(self);
        break;
    default:
        break;
    }
    return NULL;
}

void soak_spells_begin(unsigned spells, uint64_t seed)
{
    atomic_store(&soak_all.is_raging, true);
    atomic_store(&soak_all.spell, spells);
    for (unsigned i = 0; i < SOAK_SPELLS; i++) {
        spell_thread *one = &threads[running];

        if ((spells & 1u << i) == 0)
            continue;
        one->spell = 1u << i;
        one->random.state = seed * 31 + i;
        if (pthread_create(&one->thread, NULL, rage, one) != 0)
            soak_die("a spell's thread", NULL);
        running++;
    }
}

void soak_spells_end(void)
{
    atomic_store(&soak_all.is_raging, false);
    while (running > 0)
        pthread_join(threads[--running].thread, NULL);
}
