/* Native code inside a worker, as if the engine were broken: each attempt is
 * made twice. Without the lockdown it must get through (so it does try
 * something), with it never. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "worker/support_lockdown.h"

/* ---- what an attacker tries --------------------------------------------- */

static int answer(long result)
{
    return result < 0 ? errno : 0;
}

static int open_path(const char *path, int flags)
{
    int fd = open(path, flags, 0644);

    if (fd < 0)
        return errno;
    if ((flags & O_ACCMODE) == O_RDONLY && (flags & O_DIRECTORY) == 0) {
        char byte;

        if (read(fd, &byte, 1) < 0)
            return errno;
    }
    return 0;
}

static int open_in(const char *dir, const char *name, int flags)
{
    char path[2 * BX_WORLD_PATH];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return open_path(path, flags);
}

static int reads_passwd(bx_world *world)
{
    (void)world;
    return open_path("/etc/passwd", O_RDONLY);
}

static int reads_passwd_from_the_box(bx_world *world)
{
    return answer(openat(world->box_fd, "../../../etc/passwd", O_RDONLY));
}

static int reads_passwd_by_a_link(bx_world *world)
{
    char path[2 * BX_WORLD_PATH];

    snprintf(path, sizeof(path), "%s/link", world->box);
    unlink(path);
    if (symlink("/etc/passwd", path) < 0)
        return errno;
    return open_path(path, O_RDONLY);
}

static int lists_the_root(bx_world *world)
{
    (void)world;
    return open_path("/", O_RDONLY | O_DIRECTORY);
}

static int reads_another_box(bx_world *world)
{
    return open_in(world->other, "file", O_RDONLY);
}

static int writes_another_box(bx_world *world)
{
    return open_in(world->other, "file", O_WRONLY);
}

static int makes_in_another_box(bx_world *world)
{
    return open_in(world->other, "new", O_WRONLY | O_CREAT);
}

static int truncates_another_box(bx_world *world)
{
    char path[2 * BX_WORLD_PATH];

    snprintf(path, sizeof(path), "%s/file", world->other);
    return answer(truncate(path, 0));
}

static int removes_from_another_box(bx_world *world)
{
    char path[2 * BX_WORLD_PATH];

    snprintf(path, sizeof(path), "%s/file", world->other);
    return answer(unlink(path));
}

static int writes_a_read_only_box(bx_world *world)
{
    return answer(openat(world->fixed_fd, "file", O_WRONLY));
}

static int makes_in_a_read_only_box(bx_world *world)
{
    return answer(mkdirat(world->fixed_fd, "new", 0755));
}

static int removes_from_a_read_only_box(bx_world *world)
{
    return answer(unlinkat(world->fixed_fd, "file", 0));
}

static int moves_out_of_the_box(bx_world *world)
{
    char path[2 * BX_WORLD_PATH];

    snprintf(path, sizeof(path), "%s/taken", world->other);
    return answer(renameat(world->box_fd, "file", AT_FDCWD, path));
}

static int moves_into_a_read_only_box(bx_world *world)
{
    return answer(renameat(world->box_fd, "file", world->fixed_fd, "taken"));
}

static int links_out_of_the_box(bx_world *world)
{
    char path[2 * BX_WORLD_PATH];

    snprintf(path, sizeof(path), "%s/linked", world->other);
    return answer(linkat(world->box_fd, "file", AT_FDCWD, path, 0));
}

static int links_a_file_into_the_box(bx_world *world)
{
    char path[2 * BX_WORLD_PATH];

    snprintf(path, sizeof(path), "%s/file", world->other);
    return answer(linkat(AT_FDCWD, path, world->box_fd, "linked", 0));
}

static int links_a_read_only_file_to_write_it(bx_world *world)
{
    return answer(linkat(world->fixed_fd, "file", world->box_fd, "linked", 0));
}

static int makes_a_device(bx_world *world)
{
    return answer(mknodat(world->box_fd, "null", S_IFCHR | 0666, 0x103));
}

static int makes_a_fifo(bx_world *world)
{
    return answer(mknodat(world->box_fd, "fifo", S_IFIFO | 0666, 0));
}

static int changes_a_mode_elsewhere(bx_world *world)
{
    return answer(chmod(world->other, 0777));
}

static int changes_an_owner(bx_world *world)
{
    return answer(fchownat(world->box_fd, "file", getuid(), getgid(), 0));
}

static int sets_an_attribute(bx_world *world)
{
    int failed =
        answer(syscall(SYS_setxattr, world->other, "user.x", "1", 1, 0));

    return failed == EOPNOTSUPP ? 0 : failed;
}

static int opens_a_device(bx_world *world)
{
    (void)world;
    return open_path("/dev/zero", O_RDWR);
}

static int opens_the_terminal_multiplexer(bx_world *world)
{
    (void)world;
    return open_path("/dev/ptmx", O_RDWR | O_NOCTTY);
}

static int watches_another_box(bx_world *world)
{
    int fd = (int)syscall(SYS_inotify_init1, 0);

    (void)world;
    return answer(fd);
}

static int opens_a_handle(bx_world *world)
{
    struct file_handle handle = { .handle_bytes = 0 };
    int mount_id;

    return name_to_handle_at(world->other_fd, "", &handle, &mount_id,
                             AT_EMPTY_PATH) < 0 &&
                   errno == EPERM
               ? EPERM
               : 0;
}

/* The parent's memory. */

static int reads_the_parents_memory(bx_world *world)
{
    char copy[sizeof(world->secret)] = "";
    struct iovec local = { copy, sizeof(copy) };
    struct iovec remote = { (void *)world->where, sizeof(copy) };

    if (process_vm_readv(getppid(), &local, 1, &remote, 1, 0) < 0)
        return errno;
    return strncmp(copy, "correct", 7) == 0 ? 0 : ENODATA;
}

static int writes_the_parents_memory(bx_world *world)
{
    static char byte = 'c';
    struct iovec local = { &byte, 1 };
    struct iovec remote = { (void *)world->where, 1 };

    return answer(process_vm_writev(getppid(), &local, 1, &remote, 1, 0));
}

static int open_of_parent(const char *name, int flags)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)getppid(), name);
    return open_path(path, flags);
}

static int opens_the_parents_mem(bx_world *world)
{
    char path[64];
    int fd;

    (void)world;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)getppid());
    fd = open(path, O_RDWR);
    return answer(fd);
}

static int reads_the_parents_environment(bx_world *world)
{
    (void)world;
    return open_of_parent("environ", O_RDONLY);
}

static int reads_the_parents_maps(bx_world *world)
{
    (void)world;
    return open_of_parent("maps", O_RDONLY);
}

static int lists_the_parents_folder(bx_world *world)
{
    (void)world;
    return open_of_parent("cwd/.", O_RDONLY | O_DIRECTORY);
}

static int writes_the_parents_oom_score(bx_world *world)
{
    (void)world;
    return open_of_parent("oom_score_adj", O_WRONLY);
}

static int traces_the_parent(bx_world *world)
{
    if (ptrace(PTRACE_ATTACH, world->sibling, NULL, NULL) < 0)
        return errno;
    waitpid(world->sibling, NULL, __WALL);
    ptrace(PTRACE_DETACH, world->sibling, NULL, NULL);
    return 0;
}

static int takes_the_parents_descriptor(bx_world *world)
{
    int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);

    (void)world;
    return fd < 0 ? errno : answer(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int asks_to_be_dumpable(bx_world *world)
{
    (void)world;
    return answer(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int asks_to_be_traced(bx_world *world)
{
    (void)world;
    return answer(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

/* Other programs. */

static int execs(bx_world *world)
{
    char name[] = "true";
    char *const argv[] = { name, NULL };

    (void)world;
    execve("/bin/true", argv, NULL);
    return errno;
}

static int execs_from_the_box(bx_world *world)
{
    char name[] = "true";
    char *const argv[] = { name, NULL };
    int from = open("/bin/true", O_RDONLY);
    int to = openat(world->box_fd, "true", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    char buffer[4096];
    ssize_t bytes;

    while (from >= 0 && (bytes = read(from, buffer, sizeof(buffer))) > 0)
        (void)!write(to, buffer, (size_t)bytes);
    close(to);
    syscall(SYS_execveat, world->box_fd, "true", argv, NULL, 0);
    return errno;
}

static int execs_from_memory(bx_world *world)
{
    char name[] = "sh";
    char *const argv[] = { name, NULL };
    int fd = (int)syscall(SYS_memfd_create, "x", 0);

    (void)world;
    if (fd < 0 || write(fd, "#!/bin/true\n", 12) != 12)
        return errno;
    syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
    return errno;
}

static int clones(unsigned long flags)
{
    long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return errno;
    waitpid((pid_t)pid, NULL, __WALL);
    return 0;
}

static int forks(bx_world *world)
{
    (void)world;
    return clones(SIGCHLD);
}

static int forks_in_the_old_way(bx_world *world)
{
#ifdef SYS_fork
    long pid = syscall(SYS_fork);

    if (pid == 0)
        _exit(0);
    (void)world;
    return answer(pid);
#else
    return forks(world);
#endif
}

static int forks_by_clone3(bx_world *world)
{
    uint64_t args[8] = { 0, 0, 0, 0, SIGCHLD, 0, 0, 0 };
    long pid = syscall(SYS_clone3, args, sizeof(args));

    (void)world;
    if (pid == 0)
        _exit(0);
    return answer(pid);
}

/* Of mounts: one of users is refused in a chroot, whoever asks. */
static int makes_a_namespace(bx_world *world)
{
    (void)world;
    return clones(CLONE_NEWNS | SIGCHLD);
}

static int unshares(bx_world *world)
{
    (void)world;
    return answer(unshare(CLONE_NEWNS));
}

/* The network. */

static int make_socket(int domain, int type, int protocol)
{
    return answer(socket(domain, type, protocol));
}

static int makes_a_tcp_socket(bx_world *world)
{
    (void)world;
    return make_socket(AF_INET, SOCK_STREAM, 0);
}

static int makes_a_udp_socket(bx_world *world)
{
    (void)world;
    return make_socket(AF_INET6, SOCK_DGRAM, 0);
}

static int makes_a_unix_socket(bx_world *world)
{
    (void)world;
    return make_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int makes_a_netlink_socket(bx_world *world)
{
    (void)world;
    return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int makes_a_packet_socket(bx_world *world)
{
    (void)world;
    return make_socket(AF_PACKET, SOCK_RAW, 0);
}

static int makes_a_pair(bx_world *world)
{
    int pair[2];

    (void)world;
    return answer(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static struct sockaddr_in server_of(const bx_world *world)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(world->port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int dials_on_an_inherited_socket(bx_world *world)
{
    struct sockaddr_in address = server_of(world);

    return answer(connect(world->unbound_fd, (struct sockaddr *)&address,
                          sizeof(address)));
}

/* TCP fast open: the first packet dials. */
static int dials_by_sending(bx_world *world)
{
    struct sockaddr_in address = server_of(world);

    return answer(sendto(world->unbound_fd, "x", 1, MSG_FASTOPEN,
                         (struct sockaddr *)&address, sizeof(address)));
}

static int listens_on_an_inherited_socket(bx_world *world)
{
    return answer(listen(world->unbound_fd, 1));
}

/* Signals, limits, rights. */

static int signals_its_parent(bx_world *world)
{
    (void)world;
    return answer(kill(getppid(), 0));
}

static int signals_another(bx_world *world)
{
    return answer(kill(world->sibling, 0));
}

static int signals_everyone(bx_world *world)
{
    (void)world;
    return answer(kill(-1, 0));
}

static int signals_its_group(bx_world *world)
{
    (void)world;
    return answer(kill(0, 0));
}

static int signals_a_thread_of_another(bx_world *world)
{
    return answer(
        syscall(SYS_tgkill, world->sibling, world->sibling, SIGWINCH));
}

static int signals_by_tkill(bx_world *world)
{
    return answer(syscall(SYS_tkill, world->sibling, SIGWINCH));
}

static int queues_a_signal(bx_world *world)
{
    siginfo_t info = { .si_signo = SIGWINCH, .si_code = SI_QUEUE };

    return answer(
        syscall(SYS_rt_sigqueueinfo, world->sibling, SIGWINCH, &info));
}

static int has_signals_sent(bx_world *world)
{
    return answer(fcntl(world->channel[0], F_SETOWN, world->sibling));
}

static int lowers_and_raises_a_limit(bx_world *world)
{
    struct rlimit limit;

    (void)world;
    getrlimit(RLIMIT_NOFILE, &limit);
    return answer(setrlimit(RLIMIT_NOFILE, &limit));
}

static int sets_a_limit_of_its_parent(bx_world *world)
{
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

    (void)world;
    if (prlimit(getppid(), RLIMIT_CORE, NULL, &limit) < 0)
        return errno;
    return answer(prlimit(getppid(), RLIMIT_CORE, &limit, NULL));
}

static int sets_its_user(bx_world *world)
{
    (void)world;
    return answer(syscall(SYS_setresuid, getuid(), getuid(), getuid()));
}

static int sets_its_groups(bx_world *world)
{
    gid_t group = getgid();

    (void)world;
    return answer(syscall(SYS_setregid, group, group));
}

static int sets_its_capabilities(bx_world *world)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { 0 };

    (void)world;
    return answer(syscall(SYS_capset, &header, data));
}

static int sets_its_priority(bx_world *world)
{
    (void)world;
    return answer(setpriority(PRIO_PROCESS, (id_t)getppid(), 0));
}

static int chooses_its_processors(bx_world *world)
{
    cpu_set_t set;

    sched_getaffinity(0, sizeof(set), &set);
    return answer(sched_setaffinity(world->sibling, sizeof(set), &set));
}

/* The kernel's wide interfaces. A call that is judged by the kernel's own
 * rules (EPERM without root, EINVAL, EFAULT) counts as let through. */

static int get_through(long result)
{
    return result < 0 && errno == ENOSYS ? ENOSYS : 0;
}

static int mounts(bx_world *world)
{
    return get_through(mount("none", world->box, "nosuchfs", 0, NULL));
}

static int unmounts(bx_world *world)
{
    return get_through(umount2(world->box, MNT_DETACH));
}

static int changes_its_root(bx_world *world)
{
    return get_through(chroot(world->box));
}

static int changes_its_folder(bx_world *world)
{
    return answer(chdir(world->other));
}

static int joins_a_namespace(bx_world *world)
{
    return get_through(setns(world->box_fd, 0));
}

static int opens_perf(bx_world *world)
{
    struct perf_event_attr attr = { .size = sizeof(attr) };

    (void)world;
    return get_through(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int loads_bpf(bx_world *world)
{
    (void)world;
    return get_through(syscall(SYS_bpf, 0, NULL, 0));
}

static int sets_up_io_uring(bx_world *world)
{
    (void)world;
    return get_through(syscall(SYS_io_uring_setup, 0, NULL));
}

static int handles_page_faults(bx_world *world)
{
    (void)world;
    return get_through(syscall(SYS_userfaultfd, 1));
}

static int reads_keys(bx_world *world)
{
    (void)world;
    return get_through(syscall(SYS_keyctl, 0, -3, 0));
}

static int loads_a_module(bx_world *world)
{
    (void)world;
    return get_through(syscall(SYS_finit_module, -1, "", 0));
}

static int loads_a_kernel(bx_world *world)
{
    (void)world;
    return get_through(syscall(SYS_kexec_load, 0, 1000, NULL, 0xff000000));
}

static int adds_a_filter(bx_world *world)
{
    (void)world;
    return get_through(syscall(SYS_seccomp, 1, 0, NULL));
}

static int pushes_terminal_input(bx_world *world)
{
    char byte = '\n';

    (void)world;
    return get_through(ioctl(STDIN_FILENO, TIOCSTI, &byte));
}

static int pushes_terminal_input_by_other_bits(bx_world *world)
{
    char byte = '\n';

    (void)world;
    return get_through(syscall(SYS_ioctl, STDIN_FILENO,
                               UINT64_C(0xffffffff00000000) | TIOCSTI, &byte));
}

static int pastes_into_the_terminal(bx_world *world)
{
    char selection[16] = { 3 };

    (void)world;
    return get_through(ioctl(STDIN_FILENO, TIOCLINUX, selection));
}

#ifdef __x86_64__
/* The 32-bit getpid(): other numbers, other list. */
static int calls_as_32_bit(bx_world *world)
{
    long result;

    (void)world;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return result > 0 ? 0 : ENOSYS;
}

static int calls_as_x32(bx_world *world)
{
    (void)world;
    (void)syscall(0x40000000 + SYS_getpid);
    return 0;
}
#endif

typedef enum expectation {
    REFUSED, /* an errno, and the process goes on */
    KILLED,  /* SIGSYS */
} expectation;

/* Who gets through without the lockdown. */
typedef enum control {
    ANYONE,
    ROOT,   /* others are refused by the kernel's own rules */
    NOBODY, /* not on every kernel */
} control;

typedef struct attempt {
    const char *name;
    bx_attempt_fn fn;
    expectation expected;
    control control;
} attempt;

#define A(fn, expected, control)                                               \
    {                                                                          \
        "refuses_who_" #fn, fn, expected, control                              \
    }

static attempt attempts[] = {
    A(reads_passwd, REFUSED, ANYONE),
    A(reads_passwd_from_the_box, REFUSED, ANYONE),
    A(reads_passwd_by_a_link, REFUSED, ANYONE),
    A(lists_the_root, REFUSED, ANYONE),
    A(reads_another_box, REFUSED, ANYONE),
    A(writes_another_box, REFUSED, ANYONE),
    A(makes_in_another_box, REFUSED, ANYONE),
    A(truncates_another_box, REFUSED, ANYONE),
    A(removes_from_another_box, REFUSED, ANYONE),
    A(writes_a_read_only_box, REFUSED, ANYONE),
    A(makes_in_a_read_only_box, REFUSED, ANYONE),
    A(removes_from_a_read_only_box, REFUSED, ANYONE),
    A(moves_out_of_the_box, REFUSED, ANYONE),
    A(moves_into_a_read_only_box, REFUSED, ANYONE),
    A(links_out_of_the_box, REFUSED, ANYONE),
    A(links_a_file_into_the_box, REFUSED, ANYONE),
    A(links_a_read_only_file_to_write_it, REFUSED, ANYONE),
    A(makes_a_device, REFUSED, ROOT),
    A(makes_a_fifo, REFUSED, ANYONE),
    A(changes_a_mode_elsewhere, REFUSED, ANYONE),
    A(changes_an_owner, REFUSED, ANYONE),
    A(sets_an_attribute, REFUSED, ANYONE),
    A(opens_a_device, REFUSED, ANYONE),
    A(opens_the_terminal_multiplexer, REFUSED, ROOT),
    A(watches_another_box, REFUSED, ANYONE),
    A(opens_a_handle, KILLED, ANYONE),
    A(reads_the_parents_memory, KILLED, ROOT),
    A(writes_the_parents_memory, KILLED, ROOT),
    A(opens_the_parents_mem, REFUSED, ROOT),
    A(reads_the_parents_environment, REFUSED, ROOT),
    A(reads_the_parents_maps, REFUSED, ROOT),
    A(lists_the_parents_folder, REFUSED, ROOT),
    A(writes_the_parents_oom_score, REFUSED, ANYONE),
    A(traces_the_parent, KILLED, ROOT),
    A(takes_the_parents_descriptor, KILLED, ROOT),
    A(asks_to_be_dumpable, REFUSED, ANYONE),
    A(asks_to_be_traced, KILLED, ANYONE),
    A(execs, KILLED, ANYONE),
    A(execs_from_the_box, KILLED, ANYONE),
    A(execs_from_memory, KILLED, ANYONE),
    A(forks, REFUSED, ANYONE),
    A(forks_in_the_old_way, KILLED, ANYONE),
    A(forks_by_clone3, REFUSED, ANYONE),
    A(makes_a_namespace, REFUSED, ROOT),
    A(unshares, KILLED, ROOT),
    A(makes_a_tcp_socket, REFUSED, ANYONE),
    A(makes_a_udp_socket, REFUSED, NOBODY),
    A(makes_a_unix_socket, REFUSED, ANYONE),
    A(makes_a_netlink_socket, REFUSED, ANYONE),
    A(makes_a_packet_socket, REFUSED, ROOT),
    A(makes_a_pair, REFUSED, ANYONE),
    A(dials_on_an_inherited_socket, REFUSED, ANYONE),
    A(dials_by_sending, REFUSED, NOBODY),
    A(listens_on_an_inherited_socket, REFUSED, ANYONE),
    A(signals_its_parent, REFUSED, ANYONE),
    A(signals_another, REFUSED, ANYONE),
    A(signals_everyone, REFUSED, ANYONE),
    A(signals_its_group, REFUSED, ANYONE),
    A(signals_a_thread_of_another, REFUSED, ANYONE),
    A(signals_by_tkill, REFUSED, ANYONE),
    A(queues_a_signal, REFUSED, ANYONE),
    A(has_signals_sent, REFUSED, ANYONE),
    A(lowers_and_raises_a_limit, REFUSED, ANYONE),
    A(sets_a_limit_of_its_parent, REFUSED, ROOT),
    A(sets_its_user, REFUSED, ANYONE),
    A(sets_its_groups, REFUSED, ANYONE),
    A(sets_its_capabilities, REFUSED, ANYONE),
    A(sets_its_priority, REFUSED, ROOT),
    A(chooses_its_processors, REFUSED, ANYONE),
    A(mounts, KILLED, ANYONE),
    A(unmounts, KILLED, ANYONE),
    A(changes_its_root, KILLED, ANYONE),
    A(changes_its_folder, REFUSED, ANYONE),
    A(joins_a_namespace, KILLED, ANYONE),
    A(opens_perf, KILLED, NOBODY),
    A(loads_bpf, KILLED, ROOT),
    A(sets_up_io_uring, KILLED, NOBODY),
    A(handles_page_faults, KILLED, NOBODY),
    A(reads_keys, KILLED, ROOT),
    A(loads_a_module, KILLED, NOBODY),
    A(loads_a_kernel, KILLED, NOBODY),
    A(adds_a_filter, REFUSED, ANYONE),
    A(pushes_terminal_input, REFUSED, ANYONE),
    A(pushes_terminal_input_by_other_bits, REFUSED, ANYONE),
    A(pastes_into_the_terminal, REFUSED, ANYONE),
#ifdef __x86_64__
    A(calls_as_32_bit, KILLED, NOBODY),
    A(calls_as_x32, KILLED, ANYONE),
#endif
};

/* cmocka hands a test the state of its fixture; the attempt goes with it. */
typedef struct trial {
    bx_world *world;
    const attempt *attempt;
} trial;

static int set_up(void **state)
{
    const attempt *of = *state;
    trial *made = malloc(sizeof(*made));

    assert_non_null(made);
    made->attempt = of;
    bx_world_open((void **)&made->world);
    *state = made;
    return 0;
}

static int tear_down(void **state)
{
    trial *made = *state;

    bx_world_close((void **)&made->world);
    free(made);
    return 0;
}

static void is_refused(void **state)
{
    const trial *made = *state;
    const attempt *of = made->attempt;
    int status = bx_world_try(made->world, true, of->fn);

    if (of->expected == KILLED) {
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    } else {
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 0);
        assert_int_not_equal(WEXITSTATUS(status), 255);
    }
    if (of->control == NOBODY || (of->control == ROOT && geteuid() != 0))
        return;
    status = bx_world_try(made->world, false, of->fn);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    enum { COUNT = sizeof(attempts) / sizeof(attempts[0]) };
    static struct CMUnitTest tests[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){ attempts[i].name, is_refused, set_up,
                                        tear_down, &attempts[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
