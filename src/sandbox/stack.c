#include "sandbox/stack.h"

#include <pthread.h>

/* For host functions beneath the guest: the deepest is a TLS handshake. */
#define HOST_BYTES (512u * 1024)

typedef struct stack_range {
    uintptr_t begin; /* lowest address; 0: not known */
    uintptr_t end;
} stack_range;

/* This thread's stack; asked once, since for the first thread of a process it
 * means reading /proc/self/maps. */
static stack_range find_stack(void)
{
    static _Thread_local stack_range range;
    pthread_attr_t attr;
    void *address;
    size_t bytes;

    if (range.begin != 0 || pthread_getattr_np(pthread_self(), &attr) != 0)
        return range;
    if (pthread_attr_getstack(&attr, &address, &bytes) == 0) {
        range.begin = (uintptr_t)address;
        range.end = range.begin + bytes;
    }
    pthread_attr_destroy(&attr);
    return range;
}

typedef struct bx_stack_task {
    void (*function)(void *);
    void *argument;
} bx_stack_task;

static void *run_task(void *argument)
{
    const bx_stack_task *task = argument;

    task->function(task->argument);
    return NULL;
}

int bx_stack_call(uint64_t stack_bytes, void (*function)(void *),
                  void *argument, bx_error **err)
{
    uint64_t need = stack_bytes + HOST_BYTES;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    stack_range range = find_stack();
    bx_stack_task task = { function, argument };
    pthread_attr_t attr;
    pthread_t thread;
    int failed;

    /* Outside of it a coroutine runs, on a stack nobody knows the size of. */
    if (range.begin != 0 && here < range.end && here > range.begin &&
        here - range.begin >= need) {
        function(argument);
        return 0;
    }
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, need);
    failed = pthread_create(&thread, &attr, run_task, &task);
    pthread_attr_destroy(&attr);
    if (failed != 0)
        return bx_error_set_errno(err, failed,
                                  "a thread with a stack of %llu bytes",
                                  (unsigned long long)need);
    pthread_join(thread, NULL);
    return 0;
}
