#include "worker/landlock.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The kernel's own numbers and layouts (linux/landlock.h), given here since
 * the headers of a build may be older than the kernel it runs on. */
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_CHAR (UINT64_C(1) << 6)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_MAKE_SOCK (UINT64_C(1) << 9)
#define FS_MAKE_FIFO (UINT64_C(1) << 10)
#define FS_MAKE_BLOCK (UINT64_C(1) << 11)
#define FS_MAKE_SYM (UINT64_C(1) << 12)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */

#define NET_BIND_TCP (UINT64_C(1) << 0) /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

typedef struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
} ruleset_attr;

typedef struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed)) path_beneath_attr;

int bx_landlock_abi(void)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

    return abi < 0 ? 0 : (int)abi;
}

const char *bx_landlock_lacks(int abi)
{
    /* By the first ABI that has it, from the most to the least. */
    if (abi < 2)
        return "files cannot move between folders; Linux 5.19 lets them";
    if (abi < 3)
        return "truncating is not judged; Linux 6.2 does";
    if (abi < 4)
        return "ports of TCP are not judged; Linux 6.7 does";
    if (abi < 5)
        return "device ioctls are not judged; Linux 6.10 does";
    if (abi < 6)
        return "signals and abstract sockets are not judged; Linux 6.12 does";
    return "";
}

/* Everything an ABI can refuse: what no rule gives is refused. */
static ruleset_attr everything(int abi, bool is_network)
{
    ruleset_attr attr = { .handled_access_fs = FS_REFER - 1 };

    if (abi >= 2)
        attr.handled_access_fs |= FS_REFER;
    if (abi >= 3)
        attr.handled_access_fs |= FS_TRUNCATE;
    if (abi >= 4)
        attr.handled_access_net =
            is_network ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
    if (abi >= 5)
        attr.handled_access_fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return attr;
}

/* Never to make what is a way to a driver or a process. */
static uint64_t rights_of(unsigned access)
{
    uint64_t rights = 0;

    if ((access & BX_ACCESS_READ) != 0)
        rights |= FS_READ_FILE | FS_READ_DIR;
    if ((access & BX_ACCESS_WRITE) != 0)
        rights |= FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |
                  FS_MAKE_REG | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE;
    if ((access & BX_LANDLOCK_EXECUTE) != 0)
        rights |= FS_EXECUTE;
    return rights;
}

/* Of a file that is no folder; the terminal is asked about its keys. */
static uint64_t rights_at(const bx_lockdown_dir *dir)
{
    uint64_t rights = rights_of(dir->access);
    struct stat st;

    if (fstat(dir->fd, &st) < 0 || S_ISDIR(st.st_mode))
        return rights;
    rights &= FS_EXECUTE | FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
    return S_ISCHR(st.st_mode) ? rights | FS_IOCTL_DEV : rights;
}

int bx_landlock_apply(int abi, const bx_lockdown_dir *dirs, size_t count,
                      bool is_network, bx_error **err)
{
    ruleset_attr attr = everything(abi, is_network);
    bx_autofd int ruleset = -1;

    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (ruleset < 0)
        return bx_error_set_errno(err, errno, "landlock: a set of rules");
    for (size_t i = 0; i < count; i++) {
        path_beneath_attr rule = {
            .allowed_access = rights_at(&dirs[i]) & attr.handled_access_fs,
            .parent_fd = dirs[i].fd,
        };

        /* A rule that gives nothing is malformed to the kernel. */
        if (rule.allowed_access != 0 &&
            syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule,
                    0) < 0)
            return bx_error_set_errno(err, errno,
                                      "landlock: a rule for folder %zu", i);
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return bx_error_set_errno(err, errno, "landlock: restricting");
    return 0;
}
