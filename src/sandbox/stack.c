#include "sandbox/stack.h"

#include <pthread.h>

/* For host functions beneath the guest: the deepest is a TLS handshake. */
#define HOST_BYTES (512u * 1024)

/* Lowest address of this thread's stack; asked once, since for the first
 * thread of a process it means reading /proc/self/maps. */
static uintptr_t stack_begin(void)
{
    static _Thread_local uintptr_t begin;
    pthread_attr_t attr;
    void *address;
    size_t bytes;

    if (begin != 0 || pthread_getattr_np(pthread_self(), &attr) != 0)
        return begin;
    if (pthread_attr_getstack(&attr, &address, &bytes) == 0)
        begin = (uintptr_t)address;
    pthread_attr_destroy(&attr);
    return begin;
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
    uintptr_t begin = stack_begin();
    bx_stack_task task = { function, argument };
    pthread_attr_t attr;
    pthread_t thread;
    int failed;

    if (begin != 0 && here > begin && here - begin >= need) {
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
