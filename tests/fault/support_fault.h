/* One call of a run fails: an allocation or a system call, told by its number.
 * The tests' own calls are wrapped too, so they pause while they look.
 *
 * BX_FAULT_ONLY=CALL:WAY, as a complaint names them: that one alone.
 * BX_FAULT_ALL=1: every call in every way. Else long scenarios take each k-th;
 * which ones BX_FAULT_SEED says, a number, or the day. */
#ifndef TESTS_FAULT_SUPPORT_FAULT_H
#define TESTS_FAULT_SUPPORT_FAULT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

/* What is told in place of an errno: fewer bytes than asked for. */
#define FAULT_SHORT (-1)

/* In a wrapper: is it this call's turn? errnos: the ways it can fail, one for
 * each round. errno is set; *ret_errnum, may be NULL, is the way. */
bool fault_hit(const char *name, const int *errnos, size_t count,
               int *ret_errnum);
/* This is the child of clone(); of fork(), that is known. */
void fault_be_child(void);
/* The run holds one allocation more, or one less. */
void fault_gain(const void *ptr);
void fault_lose(const void *ptr);

/* Nothing of this thread fails and nothing is counted while paused; pauses
 * nest. */
void fault_pause(void);
void fault_resume(void);

/* ---- whose call fails ----------------------------------------------- */

typedef enum fault_place {
    FAULT_HERE,    /* in the thread that runs the scenario */
    FAULT_THREADS, /* in the other threads of its process */
    FAULT_CHILD,   /* in its children, until they run another program */
    FAULT_PROGRAM, /* in that program, which has called fault_attach() */
    FAULT_WORKER   /* in children of that program */
} fault_place;

/* First thing of a program that a scenario's process started: from now on it is
 * FAULT_PROGRAM, and its children FAULT_WORKER. */
void fault_attach(void);

/* Temporary folders in memory, if there is such a place: a run makes and
 * removes dozens of files, and a disk takes its time. */
void fault_use_memory(void);

/* ---- running a scenario -------------------------------------------- */

/* What a run saw and did, in lines; never fails. */
typedef struct fault_log {
    bx_buf text;
    void *context;     /* the scenario's */
    bool is_rehearsal; /* without a fault */
} fault_log;

void fault_note(fault_log *log, const char *format, ...) BX_PRINTF(2, 3);

typedef struct fault_scenario {
    const char *name;
    void *context;
    fault_place place;
    unsigned sampled; /* of so many calls one fails; 0: all of them */
    void (*set_up)(void *context); /* before each run; may be NULL */
    /* 0, or -1 with err. What it notes before it fails must be true. */
    int (*run)(fault_log *log, bx_error **err);
    void (*tear_down)(void *context); /* after each run; may be NULL */
    /* Is a line other than the rehearsal's, or an error, still right? NULL:
     * only errors of the host are. */
    bool (*may_say)(const char *line, const char *expected);
    /* May a run also end with this errno, as refused? NULL: no. */
    bool (*may_refuse)(int errnum);
    /* May it end with this error, whatever its errno? NULL: no. */
    bool (*may_fail)(const bx_error *error);
    /* Make all as it was before the run, without a fault: a process that was
     * lost is replaced. May be NULL. */
    void (*settle)(void *context);
    /* What is wrong with what a failed run left behind, NULL: nothing; owned.
     * May be NULL. */
    char *(*check)(void *context, const fault_log *log);
} fault_scenario;

/* Without a fault; then with the first call failing, the second, and so on to
 * the last, in each of its ways, some of them followed by a run without one.
 * Fails the test at the first that crashes, leaks, loses a descriptor, says
 * what is not so, or blames anything but the host. */
void fault_run(const fault_scenario *scenario);

#endif
