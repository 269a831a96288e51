/* Wrappers of the calls about processes, threads, sockets and limits. What
 * waits for a process fails only as it can: interrupted. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault/support_wrap.h"

int __real_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                 unsigned long d);
int __wrap_prctl(int option, ...);
int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr,
                          void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr,
                          void *(*run)(void *), void *context);

FAULT_VARIADIC int __wrap_prctl(int option, ...)
{
    unsigned long values[4];
    va_list args;

    va_start(args, option);
    for (int i = 0; i < 4; i++)
        values[i] = va_arg(args, unsigned long);
    va_end(args);
    return FAULT("prctl", EPERM) ? -1
                                 : __real_prctl(option, values[0], values[1],
                                                values[2], values[3]);
}

/* It answers with the errno. */
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr,
                          void *(*run)(void *), void *context)
{
    return FAULT("pthread_create", EAGAIN)
               ? EAGAIN
               : __real_pthread_create(ret, attr, run, context);
}

WRAP(pid_t, fork, (void), (), -1, EAGAIN, ENOMEM)
WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), -1, EMFILE, ENFILE)
WRAP(int, socketpair, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds), -1, EMFILE, ENOMEM)
WRAP(int, setsockopt,
     (int fd, int level, int name, const void *value, socklen_t bytes),
     (fd, level, name, value, bytes), -1, ENOMEM)
WRAP(int, getsockopt,
     (int fd, int level, int name, void *value, socklen_t *bytes),
     (fd, level, name, value, bytes), -1, ENOMEM)
WRAP(ssize_t, send, (int fd, const void *data, size_t bytes, int flags),
     (fd, data, bytes, flags), -1, ENOMEM, EINTR, ECONNRESET)
WRAP(ssize_t, recv, (int fd, void *data, size_t bytes, int flags),
     (fd, data, bytes, flags), -1, ENOMEM, EINTR, ECONNRESET)
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1,
     EMFILE, ENOMEM)
WRAP(int, mprotect, (void *at, size_t bytes, int access), (at, bytes, access),
     -1, ENOMEM)
WRAP(int, eventfd, (unsigned count, int flags), (count, flags), -1, EMFILE)
WRAP(int, dup2, (int from, int to), (from, to), -1, EMFILE, EINTR)
WRAP(int, dup3, (int from, int to, int flags), (from, to, flags), -1, EMFILE,
     EINTR)
WRAP(pid_t, setsid, (void), (), -1, EPERM)
WRAP(int, execve, (const char *path, char *const *argv, char *const *env),
     (path, argv, env), -1, ENOMEM, EMFILE)
WRAP(int, close_range, (unsigned first, unsigned last, int flags),
     (first, last, flags), -1, ENOMEM)
WRAP(int, getrlimit, (__rlimit_resource_t resource, struct rlimit *limit),
     (resource, limit), -1, EPERM)
WRAP(int, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit),
     (resource, limit), -1, EPERM)
WRAP(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options),
     (type, id, info, options), -1, EINTR)
WRAP(pid_t, waitpid, (pid_t pid, int *status, int options),
     (pid, status, options), -1, EINTR)
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL,
     EMFILE, ENOMEM)
