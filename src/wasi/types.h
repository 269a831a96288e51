/* The numbers and layouts of WASI preview1, in the words of its witx files
 * (WebAssembly/WASI, legacy/preview1). Snapshot 0 shares all but the three
 * layouts named in snapshot0.c. */
#ifndef BX_WASI_TYPES_H
#define BX_WASI_TYPES_H

#include <stdint.h>

enum bx_wasi_errno {
    BX_WASI_SUCCESS = 0,
    BX_WASI_E2BIG = 1,
    BX_WASI_EACCES = 2,
    BX_WASI_EAGAIN = 6,
    BX_WASI_EBADF = 8,
    BX_WASI_EBUSY = 10,
    BX_WASI_EDQUOT = 19,
    BX_WASI_EEXIST = 20,
    BX_WASI_EFAULT = 21,
    BX_WASI_EFBIG = 22,
    BX_WASI_EILSEQ = 25,
    BX_WASI_EINTR = 27,
    BX_WASI_EINVAL = 28,
    BX_WASI_EIO = 29,
    BX_WASI_EISDIR = 31,
    BX_WASI_ELOOP = 32,
    BX_WASI_EMFILE = 33,
    BX_WASI_EMLINK = 34,
    BX_WASI_ENAMETOOLONG = 37,
    BX_WASI_ENFILE = 41,
    BX_WASI_ENOBUFS = 42,
    BX_WASI_ENODEV = 43,
    BX_WASI_ENOENT = 44,
    BX_WASI_ENOLCK = 46,
    BX_WASI_ENOMEM = 48,
    BX_WASI_ENOSPC = 51,
    BX_WASI_ENOSYS = 52,
    BX_WASI_ENOTDIR = 54,
    BX_WASI_ENOTEMPTY = 55,
    BX_WASI_ENOTSOCK = 57,
    BX_WASI_ENOTSUP = 58,
    BX_WASI_ENOTTY = 59,
    BX_WASI_ENXIO = 60,
    BX_WASI_EOVERFLOW = 61,
    BX_WASI_EPERM = 63,
    BX_WASI_EPIPE = 64,
    BX_WASI_ERANGE = 68,
    BX_WASI_EROFS = 69,
    BX_WASI_ESPIPE = 70,
    BX_WASI_ESTALE = 72,
    BX_WASI_ETIMEDOUT = 73,
    BX_WASI_ETXTBSY = 74,
    BX_WASI_EXDEV = 75,
    BX_WASI_ENOTCAPABLE = 76
};

/* rights: bits of a u64 */
#define BX_RIGHT_FD_DATASYNC (1u << 0)
#define BX_RIGHT_FD_READ (1u << 1)
#define BX_RIGHT_FD_SEEK (1u << 2)
#define BX_RIGHT_FD_FDSTAT_SET_FLAGS (1u << 3)
#define BX_RIGHT_FD_SYNC (1u << 4)
#define BX_RIGHT_FD_TELL (1u << 5)
#define BX_RIGHT_FD_WRITE (1u << 6)
#define BX_RIGHT_FD_ADVISE (1u << 7)
#define BX_RIGHT_FD_ALLOCATE (1u << 8)
#define BX_RIGHT_PATH_CREATE_DIRECTORY (1u << 9)
#define BX_RIGHT_PATH_CREATE_FILE (1u << 10)
#define BX_RIGHT_PATH_LINK_SOURCE (1u << 11)
#define BX_RIGHT_PATH_LINK_TARGET (1u << 12)
#define BX_RIGHT_PATH_OPEN (1u << 13)
#define BX_RIGHT_FD_READDIR (1u << 14)
#define BX_RIGHT_PATH_READLINK (1u << 15)
#define BX_RIGHT_PATH_RENAME_SOURCE (1u << 16)
#define BX_RIGHT_PATH_RENAME_TARGET (1u << 17)
#define BX_RIGHT_PATH_FILESTAT_GET (1u << 18)
#define BX_RIGHT_PATH_FILESTAT_SET_SIZE (1u << 19)
#define BX_RIGHT_PATH_FILESTAT_SET_TIMES (1u << 20)
#define BX_RIGHT_FD_FILESTAT_GET (1u << 21)
#define BX_RIGHT_FD_FILESTAT_SET_SIZE (1u << 22)
#define BX_RIGHT_FD_FILESTAT_SET_TIMES (1u << 23)
#define BX_RIGHT_PATH_SYMLINK (1u << 24)
#define BX_RIGHT_PATH_REMOVE_DIRECTORY (1u << 25)
#define BX_RIGHT_PATH_UNLINK_FILE (1u << 26)
#define BX_RIGHT_POLL_FD_READWRITE (1u << 27)

#define BX_RIGHTS_ALL ((1u << 28) - 1) /* but those of sockets */

/* What a file can ever have, and what each open file has: the calls that
 * neither read nor change its bytes. */
#define BX_RIGHTS_FILE_ALWAYS                                                  \
    (BX_RIGHT_FD_SEEK | BX_RIGHT_FD_TELL | BX_RIGHT_FD_FDSTAT_SET_FLAGS |      \
     BX_RIGHT_FD_SYNC | BX_RIGHT_FD_DATASYNC | BX_RIGHT_FD_ADVISE |            \
     BX_RIGHT_FD_FILESTAT_GET | BX_RIGHT_FD_FILESTAT_SET_TIMES |               \
     BX_RIGHT_POLL_FD_READWRITE)
#define BX_RIGHTS_FILE_WRITE                                                   \
    (BX_RIGHT_FD_WRITE | BX_RIGHT_FD_ALLOCATE | BX_RIGHT_FD_FILESTAT_SET_SIZE)
#define BX_RIGHTS_FILE                                                         \
    (BX_RIGHTS_FILE_ALWAYS | BX_RIGHT_FD_READ | BX_RIGHTS_FILE_WRITE)
/* PATH_FILESTAT_SET_SIZE among them: Go opens folders without it and truncates
 * files beneath them (os.Root). */
#define BX_RIGHTS_DIR_ALWAYS                                                   \
    (BX_RIGHT_FD_FDSTAT_SET_FLAGS | BX_RIGHT_FD_SYNC | BX_RIGHT_FD_DATASYNC |  \
     BX_RIGHT_FD_FILESTAT_GET | BX_RIGHT_PATH_FILESTAT_SET_SIZE)
#define BX_RIGHTS_DIR                                                          \
    (BX_RIGHTS_DIR_ALWAYS | BX_RIGHT_PATH_CREATE_DIRECTORY |                   \
     BX_RIGHT_PATH_CREATE_FILE | BX_RIGHT_PATH_LINK_SOURCE |                   \
     BX_RIGHT_PATH_LINK_TARGET | BX_RIGHT_PATH_OPEN | BX_RIGHT_FD_READDIR |    \
     BX_RIGHT_PATH_READLINK | BX_RIGHT_PATH_RENAME_SOURCE |                    \
     BX_RIGHT_PATH_RENAME_TARGET | BX_RIGHT_PATH_FILESTAT_GET |                \
     BX_RIGHT_PATH_FILESTAT_SET_TIMES | BX_RIGHT_FD_FILESTAT_SET_TIMES |       \
     BX_RIGHT_PATH_SYMLINK | BX_RIGHT_PATH_REMOVE_DIRECTORY |                  \
     BX_RIGHT_PATH_UNLINK_FILE)

enum bx_wasi_filetype {
    BX_FILETYPE_UNKNOWN = 0,
    BX_FILETYPE_BLOCK_DEVICE = 1,
    BX_FILETYPE_CHARACTER_DEVICE = 2,
    BX_FILETYPE_DIRECTORY = 3,
    BX_FILETYPE_REGULAR_FILE = 4,
    BX_FILETYPE_SOCKET_STREAM = 6,
    BX_FILETYPE_SYMBOLIC_LINK = 7
};

#define BX_FDFLAG_APPEND 1u
#define BX_FDFLAG_DSYNC 2u
#define BX_FDFLAG_NONBLOCK 4u
#define BX_FDFLAG_RSYNC 8u
#define BX_FDFLAG_SYNC 16u
#define BX_FDFLAGS_ALL 31u
#define BX_FDFLAGS_SYNC (BX_FDFLAG_DSYNC | BX_FDFLAG_RSYNC | BX_FDFLAG_SYNC)

#define BX_OFLAG_CREAT 1u
#define BX_OFLAG_DIRECTORY 2u
#define BX_OFLAG_EXCL 4u
#define BX_OFLAG_TRUNC 8u
#define BX_OFLAGS_ALL 15u

#define BX_LOOKUP_SYMLINK_FOLLOW 1u

#define BX_FSTFLAG_ATIM 1u
#define BX_FSTFLAG_ATIM_NOW 2u
#define BX_FSTFLAG_MTIM 4u
#define BX_FSTFLAG_MTIM_NOW 8u
#define BX_FSTFLAGS_ALL 15u

enum bx_wasi_clockid {
    BX_CLOCK_REALTIME = 0,
    BX_CLOCK_MONOTONIC = 1,
    BX_CLOCK_PROCESS_CPUTIME = 2,
    BX_CLOCK_THREAD_CPUTIME = 3,
    BX_CLOCKS = 4
};

enum bx_wasi_eventtype {
    BX_EVENT_CLOCK = 0,
    BX_EVENT_FD_READ = 1,
    BX_EVENT_FD_WRITE = 2
};
#define BX_EVENT_HANGUP 1u
#define BX_SUBCLOCK_ABSTIME 1u

/* Sizes of structures, bytes. */
#define BX_IOVEC_BYTES 8u
#define BX_PRESTAT_BYTES 8u
#define BX_FDSTAT_BYTES 24u
#define BX_DIRENT_BYTES 24u
#define BX_EVENT_BYTES 32u
#define BX_SUBSCRIPTION_BYTES 48u
#define BX_FILESTAT_BYTES 64u

/* Dynamic limits of one call. */
#define BX_PATH_BYTES 4096u        /* PATH_MAX of Linux, with its NUL */
#define BX_IOVECS_MAX 1024u        /* UIO_MAXIOV of Linux */
#define BX_SUBSCRIPTIONS_MAX 4096u /* of one poll_oneoff */

/* The errno of WASI for one of the host. */
int32_t bx_wasi_errno(int host_errno);

#endif
