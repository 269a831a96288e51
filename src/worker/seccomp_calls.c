/* Names and not numbers: libseccomp knows each architecture's, and leaves out
 * what one does not have. */
#include "worker/seccomp_calls.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* linux/fs.h of Linux 6.7: how the engine's pool finds the pages of a finished
 * instance. _IOWR('f', 16, struct pm_scan_arg), of twelve 64-bit numbers. */
#ifndef PAGEMAP_SCAN
#define PAGEMAP_SCAN _IOWR('f', 16, uint64_t[12])
#endif

#define ALL UINT64_MAX

/* Files: Landlock judges the names, an open descriptor has its own rights.
 * What Landlock does not judge is left out where the program can do without:
 * chmod and chown by name, extended attributes, inotify, handles; times and
 * modes of files where none of the box's folders is written to. */
const bx_seccomp_call bx_seccomp_calls[] = {
    { "read", 0 },
    { "write", 0 },
    { "futex", 0 },
    { "openat2", 0 },
    { "openat", 0 },
    { "close", 0 },
    { "fstat", 0 },
    { "newfstatat", 0 },
    { "fstatat64", 0 },
    { "statx", 0 },
    { "stat", 0 },
    { "lstat", 0 },
    { "open", 0 },
    { "readv", 0 },
    { "writev", 0 },
    { "pread64", 0 },
    { "pwrite64", 0 },
    { "preadv", 0 },
    { "pwritev", 0 },
    { "preadv2", 0 },
    { "pwritev2", 0 },
    { "lseek", 0 },
    { "getdents64", 0 },
    { "readlink", 0 },
    { "readlinkat", 0 },
    { "access", 0 },
    { "faccessat", 0 },
    { "faccessat2", 0 },
    { "mkdir", 0 },
    { "mkdirat", 0 },
    { "rmdir", 0 },
    { "unlink", 0 },
    { "unlinkat", 0 },
    { "rename", 0 },
    { "renameat", 0 },
    { "renameat2", 0 },
    { "link", 0 },
    { "linkat", 0 },
    { "symlink", 0 },
    { "symlinkat", 0 },
    { "ftruncate", 0 },
    { "fallocate", 0 },
    { "fadvise64", 0 },
    { "copy_file_range", 0 },
    { "fsync", 0 },
    { "fdatasync", 0 },
    { "utimensat", BX_SECCOMP_WRITES },
    { "fchmod", BX_SECCOMP_WRITES },
    { "flock", 0 },
    { "fstatfs", 0 },
    { "getcwd", 0 },
    { "umask", 0 },
    { "dup", 0 },
    { "dup2", 0 },
    { "dup3", 0 },
    { "close_range", 0 },
    { "memfd_create", BX_SECCOMP_MEMORY_FILES },
    /* Waiting. */
    { "pipe", 0 },
    { "pipe2", 0 },
    { "poll", 0 },
    { "ppoll", 0 },
    { "select", 0 },
    { "pselect6", 0 },
    { "eventfd2", 0 },
    { "epoll_create1", 0 },
    { "epoll_ctl", 0 },
    { "epoll_wait", 0 },
    { "epoll_pwait", 0 },
    { "timerfd_create", 0 },
    { "timerfd_settime", 0 },
    { "timerfd_gettime", 0 },
    { "nanosleep", 0 },
    { "clock_nanosleep", 0 },
    { "clock_gettime", 0 },
    { "clock_getres", 0 },
    { "gettimeofday", 0 },
    { "time", 0 },
    { "alarm", 0 },
    { "setitimer", 0 },
    { "getitimer", 0 },
    { "restart_syscall", 0 },
    /* Memory. Compiled code is mapped later too: PROT_EXEC stays. */
    { "mmap", 0 },
    { "munmap", 0 },
    { "mprotect", 0 },
    { "mremap", 0 },
    { "madvise", 0 },
    { "mincore", 0 },
    { "msync", 0 },
    { "brk", 0 },
    { "membarrier", 0 },
    /* Threads, and what a process may know of itself. */
    { "set_robust_list", 0 },
    { "set_tid_address", 0 },
    { "rseq", 0 },
    { "futex_waitv", 0 },
    { "sched_yield", 0 },
    { "sched_getaffinity", 0 },
    { "getcpu", 0 },
    { "gettid", 0 },
    { "getpid", 0 },
    { "getppid", 0 },
    { "getuid", 0 },
    { "geteuid", 0 },
    { "getgid", 0 },
    { "getegid", 0 },
    { "getrusage", 0 },
    { "getrlimit", 0 },
    { "sysinfo", 0 },
    { "uname", 0 },
    { "times", 0 },
    { "getrandom", 0 },
    { "rt_sigaction", 0 },
    { "rt_sigprocmask", 0 },
    { "rt_sigreturn", 0 },
    { "rt_sigpending", 0 },
    { "rt_sigsuspend", 0 },
    { "rt_sigtimedwait", 0 },
    { "sigaltstack", 0 },
    { "exit", 0 },
    { "exit_group", 0 },
    /* A channel that is open already. */
    { "shutdown", 0 },
    { "sendmsg", BX_SECCOMP_PASS_FDS },
    { "recvmsg", BX_SECCOMP_PASS_FDS },
};
const size_t bx_seccomp_calls_count =
    sizeof(bx_seccomp_calls) / sizeof(bx_seccomp_calls[0]);

/* A thread, and neither a process nor a namespace. */
#define THREAD                                                                 \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define NAMESPACES                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |             \
     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE |              \
     CLONE_VFORK | CLONE_PARENT)

const bx_seccomp_argument bx_seccomp_arguments[] = {
    { "clone", 0, THREAD | NAMESPACES, THREAD, 0 },
    /* Limits are read; the third argument would set them. */
    { "prlimit64", 2, ALL, 0, 0 },
    { "prctl", 0, ALL, PR_SET_NAME, 0 },
    { "prctl", 0, ALL, PR_GET_NAME, 0 },
    { "prctl", 0, ALL, PR_SET_VMA, 0 },
    /* abort() and cancelling a thread signal this process; no other. */
    { "kill", 0, ALL, BX_SECCOMP_OWN_PID, 0 },
    { "tgkill", 0, ALL, BX_SECCOMP_OWN_PID, 0 },
    /* No address: to the other end of a channel. */
    { "sendto", 4, ALL, 0, 0 },
    { "recvfrom", 4, ALL, 0, 0 },
    { "fcntl", 1, ALL, F_DUPFD, 0 },
    { "fcntl", 1, ALL, F_DUPFD_CLOEXEC, 0 },
    { "fcntl", 1, ALL, F_GETFD, 0 },
    { "fcntl", 1, ALL, F_SETFD, 0 },
    { "fcntl", 1, ALL, F_GETFL, 0 },
    { "fcntl", 1, ALL, F_SETFL, 0 },
    { "fcntl", 1, ALL, F_ADD_SEALS, 0 },
    { "fcntl", 1, ALL, F_GET_SEALS, 0 },
    { "ioctl", 1, ALL, FIONREAD, 0 },
    { "ioctl", 1, ALL, FIONBIO, 0 },
    { "ioctl", 1, ALL, FIOCLEX, 0 },
    { "ioctl", 1, ALL, FICLONE, 0 },
    { "ioctl", 1, ALL, PAGEMAP_SCAN, 0 },
    { "ioctl", 1, ALL, TCGETS, BX_SECCOMP_TERMINAL },
    { "ioctl", 1, ALL, TIOCGWINSZ, BX_SECCOMP_TERMINAL },
};
const size_t bx_seccomp_arguments_count =
    sizeof(bx_seccomp_arguments) / sizeof(bx_seccomp_arguments[0]);

/* Nothing in this program or its libraries makes these, so the first one is
 * proof that someone else runs: the process ends, and its parent sees SIGSYS.
 * What a library may try and do without (sockets, other limits, other users)
 * is not here: it answers ENOSYS. */
const char *const bx_seccomp_fatal[] = {
    /* another program */
    "execve", "execveat", "fork", "vfork",
    /* another process */
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise",
    "process_mrelease", "kcmp", "pidfd_open", "pidfd_getfd",
    "pidfd_send_signal",
    /* another view of the machine */
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount",
    "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
    "setns", "unshare", "open_by_handle_at", "name_to_handle_at",
    "fanotify_init",
    /* the kernel itself, by its usual ways in */
    "kexec_load", "kexec_file_load", "init_module", "finit_module",
    "delete_module", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "add_key", "request_key", "keyctl",
    "modify_ldt", "iopl", "ioperm", "lookup_dcookie",
    /* the machine */
    "reboot", "swapon", "swapoff", "sethostname", "setdomainname", "acct",
    "quotactl", "quotactl_fd", "syslog", "settimeofday", "clock_settime",
    "adjtimex", "clock_adjtime", "vhangup", NULL
};

/* A program that is not ours may be several, and look after its own. */
const char *const bx_seccomp_native_allowed[] = {
    "execve",     "execveat",          "fork", "vfork",
    "pidfd_open", "pidfd_send_signal", NULL
};

/* Memory, queues and locks that all programs of a user share by number or name,
 * which Landlock does not judge; files by handle or device; keys in memory that
 * no file names. */
const char *const bx_seccomp_native_refused[] = {
    "shmget",        "shmat",      "shmctl",        "semget",
    "semop",         "semtimedop", "semctl",        "msgget",
    "msgsnd",        "msgrcv",     "msgctl",        "mq_open",
    "mq_unlink",     "mknod",      "mknodat",       "mbind",
    "migrate_pages", "move_pages", "setpriority",   "ioprio_set",
    "listmount",     "statmount",  "fanotify_mark", "remap_file_pages",
    "uselib",        "nfsservctl", "personality",   NULL
};
