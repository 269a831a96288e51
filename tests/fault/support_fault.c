#include "fault/support_fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 3      /* as many ways as any call has */
#define SHARED_FD 700 /* in the process that runs scenarios */
#define SETTLE_MS 10000
#define HANG_SECONDS 120
#define REPEATS 3   /* a leak is one each time */
#define MISSES 3    /* others' calls are not as many in each run */
#define KEPT_MAX 16 /* made once by other threads, when they come to it */

/* What all processes of a scenario see. */
typedef struct shared_state {
    atomic_bool is_armed;
    atomic_int place; /* a fault_place */
    atomic_uint round;
    atomic_ulong next; /* number of the next call that can fail */
    atomic_ulong at;   /* the one that does; 0: none */
    atomic_bool is_hit;
    atomic_int errnum;
    char name[32];
} shared_state;

static shared_state *fault;
static fault_place place; /* of this process; its threads: FAULT_THREADS */
static _Thread_local bool is_runner;
static _Thread_local unsigned paused;
/* Allocations of the process that runs scenarios, from the first of one to its
 * end: its threads let go of things between two runs as well. */
static atomic_long held;
static atomic_bool is_counting;

static bool is_mine(void)
{
    fault_place mine = place != FAULT_HERE ? place
                       : is_runner         ? FAULT_HERE
                                           : FAULT_THREADS;

    return (int)mine == fault->place;
}

bool fault_hit(const char *name, const int *errnos, size_t count,
               int *ret_errnum)
{
    unsigned round;

    if (fault == NULL || !fault->is_armed || paused > 0 || !is_mine())
        return false;
    round = fault->round;
    if (round >= count || ++fault->next != fault->at)
        return false;
    (void)snprintf(fault->name, sizeof(fault->name), "%s", name);
    fault->errnum = errnos[round];
    fault->is_hit = true;
    if (ret_errnum != NULL)
        *ret_errnum = errnos[round];
    if (errnos[round] != FAULT_SHORT)
        errno = errnos[round];
    return true;
}

static void count_held(const void *ptr, int count)
{
    if (ptr != NULL && is_counting && paused == 0 && place == FAULT_HERE)
        held += count;
}

void fault_gain(const void *ptr)
{
    count_held(ptr, 1);
}

void fault_lose(const void *ptr)
{
    count_held(ptr, -1);
}

void fault_be_child(void)
{
    place = place == FAULT_PROGRAM ? FAULT_WORKER : FAULT_CHILD;
}

/* Before main(): what others do at a fork, as the engine does, is done in the
 * order in which they asked for it. */
__attribute__((constructor)) static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, fault_be_child) != 0)
        abort();
}

void fault_pause(void)
{
    paused++;
}

void fault_resume(void)
{
    paused--;
}

static void share(int fd)
{
    void *page =
        mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED)
        abort();
    fault = page;
}

static void make_shared(void)
{
    int fd = memfd_create("fault", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, sizeof(*fault)) < 0 || dup2(fd, SHARED_FD) < 0)
        abort();
    close(fd);
    share(SHARED_FD);
}

/* It was closed on the way here, but not in the process that started this. */
void fault_attach(void)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getppid(), SHARED_FD);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return; /* not a scenario's */
    share(fd);
    close(fd);
    place = FAULT_PROGRAM;
}

void fault_note(fault_log *log, const char *format, ...)
{
    va_list args;
    char line[8192];
    int saved = errno;

    fault_pause();
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (bx_buf_puts(&log->text, line) < 0 || bx_buf_puts(&log->text, "\n") < 0)
        abort();
    fault_resume();
    errno = saved;
}

void fault_use_memory(void)
{
    if (access("/dev/shm", W_OK | X_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
}

/* ---- looking -------------------------------------------------------- */

static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static unsigned count_children(void)
{
    char text[4096] = "";
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    unsigned count = 0;

    assert_true(bytes >= 0);
    close(fd);
    for (ssize_t i = 0; i < bytes; i++)
        count += text[i] == ' ';
    return count;
}

static unsigned long tried; /* the number of the call that was to fail */

static const char *way(void)
{
    static char text[96];

    snprintf(text, sizeof(text), "%s: %s",
             fault->is_hit ? fault->name : "no call",
             fault->errnum == FAULT_SHORT ? "short" : strerror(fault->errnum));
    return text;
}

/* What is wrong is printed, and fails the test when all was tried: faults
 * often come in company. */
static unsigned complaints;

static void complain(const fault_scenario *scenario, const char *format, ...)
    BX_PRINTF(2, 3);

static void complain(const fault_scenario *scenario, const char *format, ...)
{
    va_list args;
    char text[16384];

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_error("%s: %s (%lu:%u): %s\n", scenario->name, way(), tried,
                (unsigned)fault->round, text);
    if (++complaints >= 20)
        fail_msg("%s: and perhaps more", scenario->name);
}

static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

/* Every line as rehearsed, and all of them unless the run failed. */
static void check_lines(const fault_scenario *scenario, const char *expected,
                        const char *said, bool is_failed)
{
    while (*said != '\0') {
        size_t len = line_length(said);
        size_t expected_len = line_length(expected);
        bx_autofree char *line = strndup(said, len);
        bx_autofree char *other = strndup(expected, expected_len);

        if (strcmp(line, other) != 0 &&
            (scenario->may_say == NULL || !scenario->may_say(line, other))) {
            complain(scenario, "said %s, expected %s", line, other);
            return;
        }
        said += len + 1;
        expected += expected_len + 1;
    }
    if (!is_failed && *expected != '\0')
        complain(scenario, "ended without an error before %.80s", expected);
}

static void check_error(const fault_scenario *scenario, const bx_error *err)
{
    bx_code code = bx_error_code(err);
    int errnum = bx_error_errno(err);

    if (err == NULL) {
        complain(scenario, "failed without an error");
        return;
    }
    if (scenario->may_fail != NULL && scenario->may_fail(err))
        return;
    if (code == BX_ERR_SYSTEM &&
        (errnum == fault->errnum || errnum == ENOMEM || errnum == EIO ||
         (scenario->may_refuse != NULL && scenario->may_refuse(errnum))))
        return;
    complain(scenario, "%s error: %s (%d)", bx_code_name(code),
             bx_error_message(err), errnum);
}

/* ---- running -------------------------------------------------------- */

typedef struct resources {
    long held;
    unsigned descriptors;
    unsigned children;
} resources;

static resources look(void)
{
    resources now;

    fault_pause();
    now = (resources){ held, count_descriptors(), count_children() };
    fault_resume();
    return now;
}

static bool is_same(const resources *a, const resources *b)
{
    return a->held == b->held && a->descriptors == b->descriptors &&
           a->children == b->children;
}

/* Threads and processes may take a moment to let go. Returns how many
 * allocations more there are. */
static long check_resources(const fault_scenario *scenario,
                            const resources *before)
{
    const struct timespec tick = { .tv_nsec = 1000000 };
    resources now = look();

    for (int i = 0;
         i < SETTLE_MS && scenario->settle != NULL && !is_same(&now, before);
         i++) {
        nanosleep(&tick, NULL);
        now = look();
    }
    fault->is_armed = false;
    if (now.descriptors != before->descriptors)
        complain(scenario, "%u descriptors, there were %u", now.descriptors,
                 before->descriptors);
    if (now.children != before->children)
        complain(scenario, "%u children, there were %u", now.children,
                 before->children);
    return now.held - before->held;
}

static const fault_scenario *under_way;

static void tell_hang(int signal)
{
    (void)signal;
    print_error("%s: %s (%lu:%u): hangs\n", under_way->name, way(), tried,
                (unsigned)fault->round);
    _exit(1);
}

static void arm(const fault_scenario *scenario, unsigned long at,
                unsigned round)
{
    fault->place = (int)scenario->place;
    fault->next = 0;
    fault->at = tried = at;
    fault->round = round;
    fault->is_hit = false;
    fault->is_armed = true;
}

/* What the run said and how it ended. */
static void judge(const fault_scenario *scenario, fault_log *log, int status,
                  const bx_error *err, const char *expected)
{
    if (log->text.data == NULL)
        (void)bx_buf_puts(&log->text, "");
    if (status == 0 && err != NULL)
        complain(scenario, "an error, but no failure: %s",
                 bx_error_message(err));
    if (status < 0 && !fault->is_hit)
        fail_msg("%s: failed without a fault: %s", scenario->name,
                 bx_error_message(err));
    if (status < 0)
        check_error(scenario, err);
    if (expected != NULL)
        check_lines(scenario, expected, log->text.data, status < 0);
    if (scenario->check != NULL && status < 0) {
        bx_autofree char *wrong = scenario->check(scenario->context, log);

        if (wrong != NULL)
            complain(scenario, "%s (%s)", wrong, bx_error_message(err));
    }
}

/* Returns whether the fault was met. at 0: none. *ret_left: allocations. */
static bool run_once(const fault_scenario *scenario, unsigned long at,
                     unsigned round, fault_log *log, const char *expected,
                     long *ret_left)
{
    bx_error *err = NULL;
    resources before;
    bool is_hit;
    int status;

    *log = (fault_log){ .text = BX_BUF_INIT,
                        .context = scenario->context,
                        .is_rehearsal = expected == NULL };
    if (scenario->set_up != NULL)
        scenario->set_up(scenario->context);
    under_way = scenario;
    alarm(HANG_SECONDS);
    before = look();
    arm(scenario, at, round);
    status = scenario->run(log, &err);
    fault->at = 0;
    is_hit = fault->is_hit;
    fault_pause();
    judge(scenario, log, status, err, expected);
    fault_resume();
    bx_error_free(err);
    if (scenario->settle != NULL)
        scenario->settle(scenario->context);
    *ret_left = check_resources(scenario, &before);
    alarm(0);
    if (scenario->tear_down != NULL)
        scenario->tear_down(scenario->context);
    return is_hit;
}

static unsigned long kept; /* allocations that were made once */

/* The same. What is left over by a thread that made itself something to keep is
 * not left over again. */
static bool run(const fault_scenario *scenario, unsigned long at,
                unsigned round, const char *expected)
{
    bool is_hit = false;
    long left = 0;
    unsigned runs = 0;

    do {
        fault_log log;
        bool is_hit_now = run_once(scenario, at, round, &log, expected, &left);

        is_hit |= is_hit_now;
        bx_buf_clear(&log.text);
        runs++;
        if (left > 0)
            kept += (unsigned long)left;
    } while (left != 0 && scenario->settle != NULL && runs < REPEATS);
    if (left != 0)
        complain(scenario, "%+ld allocations left, in the last of %u runs",
                 left, runs);
    return is_hit;
}

/* ---- which calls ----------------------------------------------------- */

static unsigned long seed(void)
{
    const char *text = getenv("BX_FAULT_SEED");

    return text == NULL ? (unsigned long)time(NULL) / 86400
                        : strtoul(text, NULL, 10);
}

static bool is_sampled(const fault_scenario *scenario)
{
    return scenario->sampled > 1 && getenv("BX_FAULT_ALL") == NULL;
}

static unsigned long first_of(const fault_scenario *scenario, unsigned round)
{
    return is_sampled(scenario) ? (seed() + round) % scenario->sampled + 1 : 1;
}

static unsigned long step_of(const fault_scenario *scenario)
{
    return is_sampled(scenario) ? scenario->sampled : 1;
}

/* In one of its ways, each call that is there. Returns how many failed. */
static unsigned long run_round(const fault_scenario *scenario, unsigned round,
                               const char *expected)
{
    unsigned allowed = scenario->settle == NULL ? 1 : MISSES;
    unsigned missed = 0;
    unsigned long hits = 0;

    for (unsigned long at = first_of(scenario, round); missed < allowed;
         at += step_of(scenario)) {
        if (!run(scenario, at, round, expected)) {
            missed++;
            continue;
        }
        missed = 0;
        /* What one fault spoils for good the next ones show too. */
        if (++hits % 4 == 0)
            (void)run(scenario, 0, round, expected);
    }
    return hits;
}

static void begin(void)
{
    if (fault == NULL)
        make_shared();
    is_runner = true;
    paused = 0; /* a test before may have failed in the middle */
    fault->is_armed = false;
    complaints = 0;
    kept = 0;
    is_counting = true;
    signal(SIGALRM, tell_hang);
    /* jansson's allocations are ours. */
    json_set_alloc_funcs(malloc, free);
}

static void end(const fault_scenario *scenario)
{
    is_counting = false;
    if (kept > KEPT_MAX)
        fail_msg("%s: %lu allocations left, some in many runs", scenario->name,
                 kept);
    if (complaints > 0)
        fail_msg("%s: %u runs went wrong (BX_FAULT_SEED=%lu)", scenario->name,
                 complaints, seed());
}

void fault_run(const fault_scenario *scenario)
{
    fault_log rehearsal;
    unsigned long hits = 0;
    const char *only = getenv("BX_FAULT_ONLY");
    long ignored;

    begin();
    /* What is made once and kept is made now. */
    (void)run_once(scenario, 0, 0, &rehearsal, NULL, &ignored);
    if (only != NULL) {
        char *rest;
        unsigned long at = strtoul(only, &rest, 10);

        (void)run(scenario, at,
                  *rest == ':' ? (unsigned)strtoul(rest + 1, NULL, 10) : 0,
                  rehearsal.text.data);
        bx_buf_clear(&rehearsal.text);
        end(scenario);
        return;
    }
    for (unsigned round = 0; round < ROUNDS; round++)
        hits += run_round(scenario, round, rehearsal.text.data);
    bx_buf_clear(&rehearsal.text);
    end(scenario);
    print_message("%s: %lu faults\n", scenario->name, hits);
    assert_true(hits > 0);
}
