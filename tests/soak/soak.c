#include "soak/soak.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "soak/callers.h"
#include "soak/census.h"
#include "soak/clock.h"
#include "soak/spells.h"
#include "soak/tally.h"
#include "soak/web.h"

#define DESCRIPTORS 1024       /* of this process and its workers */
#define AUDIT_BYTES (8u << 20) /* so that it rotates */
#define ROUNDS_MAX 1024
#define ROUND_MS 7000 /* of failures, at most; then all is looked at */

soak soak_all;

static soak_census censuses[ROUNDS_MAX];
static unsigned rounds;
static long fds_before;

/* ---- helpers --------------------------------------------------------- */

uint64_t soak_next(soak_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t soak_below(soak_random *random, uint32_t most)
{
    return most == 0 ? 0 : (uint32_t)(soak_next(random) >> 32) % most;
}

void soak_sleep_us(uint64_t us)
{
    struct timespec left = { .tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000 };

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

void soak_fail(const char *format, ...)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    va_list args;

    pthread_mutex_lock(&mutex);
    fprintf(stderr, "soak: FAILED (SOAK_SEED=%llu, round %u, %s): ",
            (unsigned long long)soak_all.seed, rounds,
            soak_spell_name(atomic_load(&soak_all.spell)));
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(stderr);
    atomic_fetch_add(&soak_all.failures, 1);
    pthread_mutex_unlock(&mutex);
}

void soak_die(const char *what, bx_error *err)
{
    fprintf(stderr, "soak: %s: %s\n", what,
            err == NULL ? strerror(errno) : bx_error_message(err));
    exit(2);
}

/* ---- set-up ---------------------------------------------------------- */

static void limit_descriptors(void)
{
    const struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };

    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        soak_die("RLIMIT_NOFILE", NULL);
}

static void make_dirs(void)
{
    bx_error *err = NULL;

    strcpy(soak_all.dir, "/tmp/bx-soak-XXXXXX");
    if (mkdtemp(soak_all.dir) == NULL)
        soak_die("a folder", NULL);
    soak_spells_prepare();
    snprintf(soak_all.workspace, sizeof(soak_all.workspace), "%s/work",
             soak_all.dir);
    snprintf(soak_all.state, sizeof(soak_all.state), "%s/state", soak_all.dir);
    snprintf(soak_all.overlay, sizeof(soak_all.overlay),
             "%s/boxagnts/overlays/soak", soak_all.state);
    snprintf(soak_all.audit_path, sizeof(soak_all.audit_path), "%s/audit.jsonl",
             soak_all.state);
    if (bx_file_make_dirs(soak_all.workspace, 0755, &err) < 0 ||
        bx_file_make_dirs(soak_all.state, 0700, &err) < 0)
        soak_die("folders", err);
}

static void set(bx_policy *policy, const char *control, const char *value)
{
    bx_error *err = NULL;

    if (bx_policy_set(policy, control, value, "soak", &err) < 0)
        soak_die(control, err);
}

static bx_registry *open_registry(unsigned side)
{
    const char *build = getenv("BX_BUILD_DIR");
    bx_error *err = NULL;
    bx_policy *policy = bx_registry_default_policy(soak_all.workspace, &err);
    char tools[512];
    char user[128];
    char host[64];
    bx_registry_config config = { .workers = soak_all.pool,
                                  .workspace = soak_all.workspace,
                                  .policy = policy,
                                  .builtin_dir = tools,
                                  .user_dir = user,
                                  .state_dir = soak_all.state,
                                  .audit = soak_all.audit };
    bx_registry *registry;

    if (policy == NULL)
        soak_die("a policy", err);
    snprintf(tools, sizeof(tools), "%s/share/boxagnts/tools",
             build == NULL ? "build" : build);
    snprintf(user, sizeof(user), "%s/tools", soak_all.dir);
    snprintf(host, sizeof(host), "http://127.0.0.1:*");
    set(policy, "allowed-outbound-host", host);
    if (side == 1 && bx_policy_set_overlay(policy, soak_all.overlay, &err) < 0)
        soak_die("an overlay", err);
    registry = bx_registry_new(&config, &err);
    if (registry == NULL)
        soak_die("a registry", err);
    bx_policy_free(policy);
    return registry;
}

static void open_all(void)
{
    const bx_worker_options options = { .max_instances = 64, .idle_ms = 20000 };
    bx_error *err = NULL;

    soak_all.pool = bx_worker_pool_new(&options, &err);
    if (soak_all.pool == NULL)
        soak_die("workers", err);
    soak_all.audit = bx_audit_log_open(soak_all.audit_path, &err);
    if (soak_all.audit == NULL)
        soak_die("an audit log", err);
    bx_audit_log_configure(soak_all.audit, AUDIT_BYTES, false);
    for (unsigned side = 0; side < 2; side++)
        soak_all.registries[side] = open_registry(side);
}

/* ---- rounds ---------------------------------------------------------- */

static void verify_audit(void)
{
    bx_error *err = NULL;
    bx_audit_problem problem = { 0 };
    uint64_t lines = 0;

    if (bx_audit_log_verify(soak_all.audit_path, &lines, &problem, &err) < 0)
        soak_fail("the audit log, line %llu of '%s': %s (%s)",
                  (unsigned long long)problem.line, problem.file, problem.text,
                  bx_error_message(err));
    bx_error_free(err);
}

static void look(void)
{
    static soak_census first;
    soak_census now;

    soak_callers_probe();
    now = soak_census_take();
    if (rounds == 0)
        first = now;
    soak_census_compare(&first, &now);
    /* Threads that were once together had channels; not more come. */
    if (rounds < ROUNDS_MAX)
        censuses[rounds] = now;
    verify_audit();
}

static unsigned pick_spells(soak_random *random, unsigned turn)
{
    unsigned spells = 1u << turn % (SOAK_SPELLS + 1);

    /* Each in turn, then all together; later any two or three. */
    if (turn % (SOAK_SPELLS + 1) == SOAK_SPELLS)
        spells = soak_all.only;
    else if (turn > SOAK_SPELLS)
        spells |= 1u << soak_below(random, SOAK_SPELLS) |
                  1u << soak_below(random, SOAK_SPELLS);
    return spells & soak_all.only;
}

static bool run_round(unsigned spells, uint64_t seed, uint64_t ms)
{
    int64_t begin_ns = bx_now_ns();
    uint64_t calls = soak_tally_count();

    soak_spells_begin(spells, seed);
    soak_callers_go();
    while (bx_now_ns() - begin_ns < (int64_t)ms * 1000000) {
        soak_sleep_us(50000);
        soak_callers_look();
    }
    soak_spells_end();
    if (!soak_callers_pause())
        return false;
    soak_spells_mend();
    atomic_store(&soak_all.spell, 0);
    rounds++;
    look();
    printf("  %3u  %-18s %6llu calls %8ld KiB %4ld descriptors %3ld workers "
           "(%.1f s)\n",
           rounds, soak_spell_name(spells),
           (unsigned long long)(soak_tally_count() - calls),
           censuses[rounds].rss_kib, censuses[rounds].fds,
           censuses[rounds].workers, (double)(bx_now_ns() - begin_ns) / 1e9);
    fflush(stdout);
    return true;
}

static void run_rounds(void)
{
    soak_random random = { soak_all.seed };
    int64_t end_ns = bx_now_ns() + (int64_t)soak_all.seconds * 1000000000;
    /* Each spell has its turn, and half the time is looked at. */
    uint64_t ms = (uint64_t)soak_all.seconds * 1000 / (SOAK_SPELLS + 1) / 2;

    if (ms > ROUND_MS)
        ms = ROUND_MS;
    for (unsigned turn = 0; turn <= SOAK_SPELLS || bx_now_ns() < end_ns;
         turn++) {
        unsigned spells = pick_spells(&random, turn);

        if (rounds + 1 >= ROUNDS_MAX)
            return;
        if (spells != 0 && !run_round(spells, soak_next(&random), ms))
            _Exit(1); /* what hangs cannot be ended */
    }
}

/* ---- the end --------------------------------------------------------- */

static void check_content(const char *dir, unsigned side, const char *what)
{
    for (unsigned i = 0; i <= SOAK_PROBER; i++) {
        for (unsigned file = 0; file < SOAK_FILES; file++) {
            bx_autofree char *text = NULL;
            char name[64];
            char begin[64];
            char path[256];

            if (!soak_mix_file(soak_callers_get(i), side, file, name,
                               sizeof(name), begin, sizeof(begin)))
                continue;
            snprintf(path, sizeof(path), "%s%s", dir, name);
            if (bx_file_read(path, 1u << 20, &text, NULL, NULL) < 0 ||
                strncmp(text, begin, strlen(begin)) != 0)
                soak_fail("%s: '%s' does not begin with %s", what, path, begin);
        }
    }
}

/* A run that ended left no file on its way. */
static void check_overlay(void)
{
    char path[192];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/tmp", soak_all.overlay);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            soak_fail("'%s/%s' is left over", path, entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
}

/* The command that people use, over what the runs left. */
static bool commit_overlay(void)
{
    const char *build = getenv("BX_BUILD_DIR");
    char program[512];
    int status = -1;
    pid_t pid;

    snprintf(program, sizeof(program), "%s/bin/boxagnts",
             build == NULL ? "build" : build);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        setenv("XDG_STATE_HOME", soak_all.state, 1);
        if (dup2(null, 1) < 0)
            _exit(127);
        execl(program, program, "overlay", "commit", "soak", "--yes", NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        soak_fail("the overlay cannot be committed: status %x", status);
    return status == 0;
}

/* What a tool leaves that was ended between making a file and giving it its
 * name, or a script between making one and removing it: a guest that is no more
 * clears up nothing. No more of those than calls that were ended. */
static unsigned left_by_ended;

static bool is_left_by_ended(const char *name)
{
    size_t length = strlen(name);

    return strncmp(name, "tmp-", 4) == 0 ||
           (strncmp(name, ".boxagnts-", 10) == 0 && length > 14 &&
            strcmp(name + length - 4, ".tmp") == 0);
}

static bool is_known(const char *path, const char *name)
{
    if (strncmp(path, soak_all.workspace, strlen(soak_all.workspace)) == 0)
        return strlen(name) == 6 && name[0] == 'f' &&
               strcmp(name + 2, ".txt") == 0;
    return strncmp(name, "record-", 7) == 0 ||
           strncmp(name, "audit.jsonl", 11) == 0 ||
           strcmp(name, "tools.lock") == 0 ||
           strlen(name) == 64 /* a module, pinned */;
}

static int check_left(const char *path, const struct stat *st, int flag,
                      struct FTW *ftw)
{
    const char *name = path + ftw->base;

    (void)st;
    if (flag == FTW_D)
        return 0;
    if (is_left_by_ended(name))
        left_by_ended++;
    else if (!is_known(path, name))
        soak_fail("'%s' is left over", path);
    return 0;
}

static void check_files(void)
{
    (void)nftw(soak_all.dir, check_left, 16, FTW_PHYS);
    if (left_by_ended > soak_tally_ended())
        soak_fail("%u temporary files, but only %llu calls were ended",
                  left_by_ended, (unsigned long long)soak_tally_ended());
}

static void close_all(void)
{
    for (unsigned side = 0; side < 2; side++)
        bx_registry_free(soak_all.registries[side]);
    bx_worker_pool_free(soak_all.pool);
    bx_audit_log_close(soak_all.audit);
    kill(soak_all.web, SIGKILL);
    while (waitpid(soak_all.web, NULL, 0) < 0 && errno == EINTR)
        ;
    if (soak_census_fds() != fds_before)
        soak_fail("%ld descriptors at the end, %ld at the begin",
                  soak_census_fds(), fds_before);
    if (soak_census_children() != 0)
        soak_fail("%ld processes at the end", soak_census_children());
}

static int remove_entry(const char *path, const struct stat *st, int flag,
                        struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_dirs(void)
{
    if (soak_all.has_disk)
        (void)umount2(soak_all.dir, MNT_DETACH);
    (void)nftw(soak_all.dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void print_row(const char *name, uint64_t value, const char *unit)
{
    printf("  %-28s %10llu%s\n", name, (unsigned long long)value, unit);
}

static void print_figures(const bx_worker_stats *stats)
{
    const soak_census *first = &censuses[0];
    const soak_census *last = &censuses[rounds];

    printf("\n");
    soak_tally_print(stdout);
    print_row("workers started", stats->started, "");
    print_row("workers lost", stats->lost, "");
    print_row("  killed", soak_spelled.workers_killed, "");
    print_row("  crashed", soak_spelled.workers_crashed, "");
    print_row("  stopped", soak_spelled.workers_stopped, "");
    print_row("templates killed", soak_spelled.templates_killed, "");
    print_row("  stopped", soak_spelled.templates_stopped, "");
    print_row("disk full", soak_spelled.disks_full,
              soak_all.has_disk ? " times (tmpfs)" : " times (RLIMIT_FSIZE)");
    print_row("no descriptor left", soak_spelled.fds_exhausted, " times");
    print_row("clock jumps", soak_spelled.clock_jumps, "");
    print_row("signals", soak_spelled.signals, "");
    print_row("server stopped", soak_spelled.servers_stopped, " times");
    print_row("files of ended calls", left_by_ended, "");
    printf("  %-28s %10ld KiB at first, %ld at last\n", "memory of the host",
           first->rss_kib, last->rss_kib);
    printf("  %-28s %10ld KiB at first, %ld at last\n", "  its heap in use",
           first->heap_kib, last->heap_kib);
    printf("  %-28s %10ld KiB at first, %ld at last\n", "  the largest worker",
           first->worker_kib, last->worker_kib);
    printf("  %-28s %10ld at first, %ld at last\n", "descriptors", first->fds,
           last->fds);
    printf("  %-28s %10ld at first, %ld at last\n", "threads", first->threads,
           last->threads);
}

static uint64_t number_of(const char *text, uint64_t otherwise)
{
    return text == NULL || text[0] == '\0' ? otherwise
                                           : strtoull(text, NULL, 0);
}

int main(int argc, char **argv)
{
    bx_worker_stats stats;

    if (argc > 1 && strcmp(argv[1], BX_WORKER_ARGUMENT) == 0) {
        soak_clock_adopt();
        return bx_worker_main(argc, argv);
    }
    soak_all.seconds = (unsigned)number_of(argc > 1 ? argv[1] : NULL, 60);
    soak_all.seed = number_of(getenv("SOAK_SEED"), (uint64_t)time(NULL));
    soak_all.only =
        (unsigned)number_of(getenv("SOAK_SPELL"), (1u << SOAK_SPELLS) - 1);
    printf("soak: %u s, SOAK_SEED=%llu\n", soak_all.seconds,
           (unsigned long long)soak_all.seed);
    limit_descriptors();
    soak_clock_make();
    make_dirs();
    fds_before = soak_census_fds();
    soak_all.web = soak_web_start(&soak_all.port, &soak_all.dead_port);
    open_all();
    soak_callers_start();
    look();
    run_rounds();
    soak_census_grow(censuses + 1, rounds);
    bx_worker_pool_stats(soak_all.pool, &stats);
    soak_callers_end();
    close_all();
    soak_callers_audit();
    verify_audit();
    check_content(soak_all.workspace, 0, "the workspace");
    check_overlay();
    if (commit_overlay()) {
        check_content(soak_all.workspace, 1, "the committed overlay");
        check_files();
    }
    remove_dirs();
    print_figures(&stats);
    if (atomic_load(&soak_all.failures) > 0) {
        printf("soak: %u FAILURES, SOAK_SEED=%llu\n",
               atomic_load(&soak_all.failures),
               (unsigned long long)soak_all.seed);
        return 1;
    }
    printf("soak: passed\n");
    return 0;
}
