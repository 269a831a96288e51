#include "fault/support_fault.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 3 /* as many ways as any call has */

static struct {
    bool is_armed;
    unsigned paused;
    unsigned round;
    unsigned long next; /* number of the next call that can fail */
    unsigned long at;   /* the one that does; 0: none */
    bool is_hit;
    const char *name;
    int errnum;
    long held; /* allocations */
} fault;

bool fault_hit(const char *name, const int *errnos, size_t count,
               int *ret_errnum)
{
    if (!fault.is_armed || fault.paused > 0 || fault.round >= count)
        return false;
    if (++fault.next != fault.at)
        return false;
    fault.is_hit = true;
    fault.name = name;
    fault.errnum = errnos[fault.round];
    if (ret_errnum != NULL)
        *ret_errnum = fault.errnum;
    if (fault.errnum != FAULT_SHORT)
        errno = fault.errnum;
    return true;
}

void fault_gain(const void *ptr)
{
    if (ptr != NULL && fault.is_armed && fault.paused == 0)
        fault.held++;
}

void fault_lose(const void *ptr)
{
    if (ptr != NULL && fault.is_armed && fault.paused == 0)
        fault.held--;
}

void fault_pause(void)
{
    fault.paused++;
}

void fault_resume(void)
{
    fault.paused--;
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

static const char *way(void)
{
    static char text[96];

    snprintf(text, sizeof(text), "%s, call %lu: %s",
             fault.name == NULL ? "no call" : fault.name, fault.at,
             fault.errnum == FAULT_SHORT ? "short" : strerror(fault.errnum));
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
    print_error("%s: %s: %s\n", scenario->name, way(), text);
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
    if (code == BX_ERR_SYSTEM &&
        (errnum == fault.errnum || errnum == ENOMEM || errnum == EIO ||
         (scenario->may_refuse != NULL && scenario->may_refuse(errnum))))
        return;
    complain(scenario, "%s error: %s (%d)", bx_code_name(code),
             bx_error_message(err), errnum);
}

/* ---- running -------------------------------------------------------- */

/* Returns whether the fault was met. at 0: none. */
static bool run_once(const fault_scenario *scenario, unsigned long at,
                     unsigned round, fault_log *log, const char *expected)
{
    bx_error *err = NULL;
    unsigned descriptors;
    int status;

    *log = (fault_log){ .text = BX_BUF_INIT,
                        .context = scenario->context,
                        .is_rehearsal = expected == NULL };
    if (scenario->set_up != NULL)
        scenario->set_up(scenario->context);
    descriptors = count_descriptors();
    fault.held = 0;
    fault.next = 0;
    fault.at = at;
    fault.round = round;
    fault.is_hit = false;
    fault.name = NULL;
    fault.is_armed = true;
    status = scenario->run(log, &err);
    fault_pause();
    if (log->text.data == NULL)
        (void)bx_buf_puts(&log->text, "");
    if (status == 0 && err != NULL)
        complain(scenario, "an error, but no failure: %s",
                 bx_error_message(err));
    if (status < 0 && !fault.is_hit)
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
    fault_resume();
    bx_error_free(err);
    fault.is_armed = false;
    if (fault.held != 0)
        complain(scenario, "%ld allocations left", fault.held);
    if (count_descriptors() != descriptors)
        complain(scenario, "a descriptor is left, or one too many closed");
    if (scenario->tear_down != NULL)
        scenario->tear_down(scenario->context);
    return fault.is_hit;
}

void fault_run(const fault_scenario *scenario)
{
    fault_log rehearsal;
    fault_log log;
    unsigned long runs = 0;

    fault.paused = 0; /* a test before may have failed in the middle */
    fault.is_armed = false;
    complaints = 0;
    /* jansson's allocations are ours. */
    json_set_alloc_funcs(malloc, free);
    /* What is made once and kept is made now. */
    run_once(scenario, 0, 0, &rehearsal, NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned long at = 1;; at++) {
            bool is_hit =
                run_once(scenario, at, round, &log, rehearsal.text.data);

            bx_buf_clear(&log.text);
            if (!is_hit)
                break;
            /* What one fault spoils for good the next ones show too. */
            if (++runs % 4 != 0)
                continue;
            run_once(scenario, 0, round, &log, rehearsal.text.data);
            bx_buf_clear(&log.text);
        }
    }
    bx_buf_clear(&rehearsal.text);
    if (complaints > 0)
        fail_msg("%s: %u runs went wrong", scenario->name, complaints);
    print_message("%s: %lu faults\n", scenario->name, runs);
    assert_true(runs > 0);
}
