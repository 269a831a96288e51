/* Runs while the program is built: makes the filters of every combination of
 * settings by libseccomp and prints them as C. Made at run time they would cost
 * each start and each worker a good half of a millisecond, and the program one
 * more library. */
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/seccomp_calls.h"

static bool is_wanted(unsigned settings, bx_seccomp_when when)
{
    return when == BX_SECCOMP_ALWAYS ||
           (settings & BX_SECCOMP_SETTING(when)) != 0;
}

/* argument NULL: any. A call that libseccomp or this architecture does not
 * know gets the default, which refuses. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *name,
               const struct scmp_arg_cmp *argument)
{
    int number = seccomp_syscall_resolve_name(name);
    int result;

    if (number == __NR_SCMP_ERROR || number < 0)
        return 0;
    result = seccomp_rule_add_array(filter, action, number, argument != NULL,
                                    argument);
    if (result < 0)
        fprintf(stderr, "seccomp: %s: %s\n", name, strerror(-result));
    return result;
}

static int add_argument(scmp_filter_ctx filter,
                        const bx_seccomp_argument *argument)
{
    const struct scmp_arg_cmp compare = {
        .arg = argument->index,
        .op = SCMP_CMP_MASKED_EQ,
        .datum_a = argument->mask,
        .datum_b = argument->value,
    };

    return add(filter, SCMP_ACT_ALLOW, argument->name, &compare);
}

/* What libraries do to reach the network is theirs to choose. No process, no
 * signal to others; clone3() hides what it is asked, and can be done without.
 */
static int fill_network(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_thread = { .arg = 0,
                                            .op = SCMP_CMP_MASKED_EQ,
                                            .datum_a = CLONE_THREAD,
                                            .datum_b = 0 };
    const struct scmp_arg_cmp other = { .arg = 0,
                                        .op = SCMP_CMP_NE,
                                        .datum_a = BX_SECCOMP_OWN_PID };
    static const char *const signals[] = { "kill", "tgkill", "rt_sigqueueinfo",
                                           "rt_tgsigqueueinfo", "tkill" };
    int result = add(filter, SCMP_ACT_ERRNO(EPERM), "clone", &no_thread) < 0 ||
                         add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL) < 0
                     ? -1
                     : 0;

    for (size_t i = 0; result == 0 && i < sizeof(signals) / sizeof(signals[0]);
         i++)
        result = add(filter, SCMP_ACT_ERRNO(EPERM), signals[i], &other);
    return result;
}

/* What a container engine refuses by default, and each way to a process of the
 * same user that is none of its own. */
static bool is_native_allowed(const char *name)
{
    for (const char *const *at = bx_seccomp_native_allowed; *at != NULL; at++) {
        if (strcmp(*at, name) == 0)
            return true;
    }
    return false;
}

static int refuse_if(scmp_filter_ctx filter, const char *name, unsigned index,
                     enum scmp_compare op, scmp_datum_t a, scmp_datum_t b)
{
    const struct scmp_arg_cmp compare = {
        .arg = index, .op = op, .datum_a = a, .datum_b = b
    };

    return add(filter, SCMP_ACT_ERRNO(EACCES), name, &compare);
}

/* A Unix socket by its name is a door to every service of the user (a session
 * bus starts programs), and Landlock does not judge it: pairs alone are left.
 * With the network, addresses of the Internet and what the C library asks the
 * kernel about routes. */
static int fill_native_sockets(scmp_filter_ctx filter, bool is_network)
{
    const struct scmp_arg_cmp other_netlink[] = {
        { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_NETLINK },
        { .arg = 2, .op = SCMP_CMP_NE, .datum_a = 0 }, /* NETLINK_ROUTE */
    };

    if (refuse_if(filter, "socketpair", 0, SCMP_CMP_NE, AF_UNIX, 0) < 0)
        return -1;
    if (!is_network)
        return add(filter, SCMP_ACT_ERRNO(EACCES), "socket", NULL);
    for (scmp_datum_t family = 0; family < AF_MAX; family++) {
        if (family != AF_INET && family != AF_INET6 && family != AF_NETLINK &&
            refuse_if(filter, "socket", 0, SCMP_CMP_EQ, family, 0) < 0)
            return -1;
    }
    if (refuse_if(filter, "socket", 0, SCMP_CMP_GE, AF_MAX, 0) < 0)
        return -1;
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES),
                                  SCMP_SYS(socket), 2, other_netlink);
}

static int fill_native(scmp_filter_ctx filter, bool is_network)
{
    static const scmp_datum_t namespaces[] = { CLONE_NEWNS,   CLONE_NEWCGROUP,
                                               CLONE_NEWUTS,  CLONE_NEWIPC,
                                               CLONE_NEWUSER, CLONE_NEWPID,
                                               CLONE_NEWNET };
    static const scmp_datum_t ioctls[] = { TIOCSTI, TIOCLINUX };

    for (const char *const *name = bx_seccomp_fatal; *name != NULL; name++) {
        /* A library that tries io_uring takes ENOSYS for an old kernel. */
        int errnum = strncmp(*name, "io_uring", 8) == 0 ? ENOSYS : EPERM;

        if (!is_native_allowed(*name) &&
            add(filter, SCMP_ACT_ERRNO((uint32_t)errnum), *name, NULL) < 0)
            return -1;
    }
    for (const char *const *name = bx_seccomp_native_refused; *name != NULL;
         name++) {
        if (add(filter, SCMP_ACT_ERRNO(EPERM), *name, NULL) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
        if (refuse_if(filter, "clone", 0, SCMP_CMP_MASKED_EQ, namespaces[i],
                      namespaces[i]) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++) {
        if (refuse_if(filter, "ioctl", 1, SCMP_CMP_MASKED_EQ, UINT32_MAX,
                      ioctls[i]) < 0)
            return -1;
    }
    /* The limits of another process. */
    if (refuse_if(filter, "prlimit64", 0, SCMP_CMP_NE, 0, 0) < 0 ||
        add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL) < 0)
        return -1;
    return fill_native_sockets(filter, is_network);
}

static int fill_fatal(scmp_filter_ctx filter)
{
    int result = 0;

    for (const char *const *name = bx_seccomp_fatal;
         result == 0 && *name != NULL; name++)
        result = add(filter, SCMP_ACT_KILL_PROCESS, *name, NULL);
    return result;
}

static int fill(scmp_filter_ctx filter, unsigned settings)
{
    int result = 0;

    if (settings >= BX_SECCOMP_NATIVE)
        return fill_native(filter, settings == BX_SECCOMP_NATIVE_NETWORK);
    if (settings == BX_SECCOMP_NETWORK)
        return fill_network(filter) < 0 ? -1 : fill_fatal(filter);
    for (size_t i = 0; result == 0 && i < bx_seccomp_calls_count; i++) {
        if (is_wanted(settings, bx_seccomp_calls[i].when))
            result =
                add(filter, SCMP_ACT_ALLOW, bx_seccomp_calls[i].name, NULL);
    }
    for (size_t i = 0; result == 0 && i < bx_seccomp_arguments_count; i++) {
        if (is_wanted(settings, bx_seccomp_arguments[i].when))
            result = add_argument(filter, &bx_seccomp_arguments[i]);
    }
    return result < 0 ? -1 : fill_fatal(filter);
}

static int print(scmp_filter_ctx filter, unsigned settings)
{
    struct sock_filter step;
    FILE *file = tmpfile();
    unsigned pids = 0;

    if (file == NULL || seccomp_export_bpf(filter, fileno(file)) < 0)
        return -1;
    rewind(file);
    printf("static const struct sock_filter filter_%u[] = {\n", settings);
    while (fread(&step, sizeof(step), 1, file) == 1) {
        printf("{ 0x%x, %u, %u, 0x%x },\n", step.code, step.jt, step.jf,
               step.k);
        pids += step.k == BX_SECCOMP_OWN_PID;
    }
    printf("};\n");
    fclose(file);
    if (pids == 0 && settings < BX_SECCOMP_NATIVE) {
        fprintf(stderr, "seccomp: no place for the process's id\n");
        return -1;
    }
    return 0;
}

/* Another architecture's calls have other numbers: whoever makes one on
 * purpose (int 0x80, x32) means to get past the list. */
static int make(unsigned settings)
{
    scmp_filter_ctx filter =
        seccomp_init(settings >= BX_SECCOMP_NETWORK ? SCMP_ACT_ALLOW
                                                    : SCMP_ACT_ERRNO(ENOSYS));
    int result = -1;

    if (filter == NULL)
        return -1;
    /* The list is searched as a tree. */
    if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                         SCMP_ACT_KILL_PROCESS) == 0 &&
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
        fill(filter, settings) == 0)
        result = print(filter, settings);
    seccomp_release(filter);
    return result;
}

int main(void)
{
    printf("/* Made by seccomp_make.c. */\n");
    for (unsigned settings = 0; settings <= BX_SECCOMP_LAST; settings++) {
        if (make(settings) < 0)
            return 1;
    }
    printf("static const struct sock_fprog filters[] = {\n");
    for (unsigned settings = 0; settings <= BX_SECCOMP_LAST; settings++)
        printf("{ sizeof(filter_%u) / sizeof(filter_%u[0]), "
               "(struct sock_filter *)filter_%u },\n",
               settings, settings, settings);
    printf("};\n");
    return fflush(stdout) == 0 ? 0 : 1;
}
