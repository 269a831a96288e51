/* Takes from this process, for good, what its box does not need. Layer upon
 * layer: whoever gets past WebAssembly meets the kernel. */
#ifndef BX_WORKER_LOCKDOWN_H
#define BX_WORKER_LOCKDOWN_H

#include "base/error.h"
#include "policy/policy.h"

typedef enum bx_lockdown_layer {
    BX_LOCKDOWN_NO_NEW_PRIVS,
    BX_LOCKDOWN_CAPABILITIES, /* none, of any set */
    BX_LOCKDOWN_DUMPABLE,     /* not: no core, no ptrace, /proc/PID is root's */
    BX_LOCKDOWN_RLIMITS,
    BX_LOCKDOWN_LANDLOCK,
    BX_LOCKDOWN_SECCOMP,
    BX_LOCKDOWN_CGROUP,
    BX_LOCKDOWN_LAYERS
} bx_lockdown_layer;

#define BX_LOCKDOWN_NOTE_BYTES 160

/* What the kernel has of each. */
typedef struct bx_lockdown_support {
    bool has[BX_LOCKDOWN_LAYERS];
    int landlock_abi; /* 0: none */
    /* Why it is not there, or what of it an old kernel lacks, and how to mend
     * that; "" */
    char missing[BX_LOCKDOWN_LAYERS][BX_LOCKDOWN_NOTE_BYTES];
} bx_lockdown_support;

/* Looked up once; static. */
const bx_lockdown_support *bx_lockdown_probe(void);
/* "landlock", "seccomp", ...; static. */
const char *bx_lockdown_layer_name(bx_lockdown_layer layer);

/* A folder, or a file, the process may still reach by name. */
typedef struct bx_lockdown_dir {
    int fd;          /* O_PATH */
    unsigned access; /* BX_ACCESS_... */
} bx_lockdown_dir;

typedef struct bx_lockdown {
    const bx_lockdown_dir *dirs;
    size_t dirs_count;
    uint64_t memory_bytes;      /* RLIMIT_DATA; 0: as it is */
    uint64_t open_files;        /* RLIMIT_NOFILE; 0: as it is */
    bool may_make_memory_files; /* memfd_create() */
    bool may_pass_fds;          /* sendmsg() and recvmsg(), for a channel */
    bool is_terminal;           /* the guest's standard streams may be a
                                 * terminal: the ioctls that ask about one */
    bool is_network; /* it reaches the network for others, by libraries that
                      * make what calls they need: sockets, connections; the
                      * calls that only an attacker makes end it as well */
    bool is_native;  /* a program that is not ours takes this process's place
                      * next, native.h: it makes what calls it likes, of its own
                      * files and processes, and is refused others' */
} bx_lockdown;

/**
 * Lock this process down. Called while it has one thread: those it starts
 * later are bound too. No sockets, no exec, no signals to others, no ptrace,
 * no mount, no new limits; files only beneath dirs. What is open stays open.
 *
 * A call that only an attacker makes (exec, ptrace, mount, ...) ends the
 * process by SIGSYS; any other that is not on the list answers ENOSYS.
 *
 * ret_applied  which layers hold now; a cgroup is its parent's to give,
 *              worker/cgroup.h
 * errors       BX_ERR_SYSTEM: a layer the kernel has could not be applied, or
 *              there is more than one thread; then this process is in
 *              between, and to end
 */
int bx_lockdown_apply(const bx_lockdown *lockdown,
                      bool ret_applied[BX_LOCKDOWN_LAYERS], bx_error **err);

/* Every layer but cgroup is there: what --require-lockdown asks.
 * errors: BX_ERR_SYSTEM, names what is missing and how to mend it */
int bx_lockdown_require(bx_error **err);

#endif
