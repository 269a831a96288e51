#include "base/user_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define KEY_BYTES BX_DIGEST_BYTES
#define KEY_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

/* "$variable/boxagnts", or "HOME/fallback/boxagnts". A home that does not
 * exist (a service's /nonexistent) is not made. */
static char *user_path(const char *variable, const char *fallback,
                       const char *tail)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    const char *slash = tail == NULL ? "" : "/";
    char *path = NULL;
    int length;

    if (tail == NULL)
        tail = "";
    if (base != NULL && base[0] == '/') {
        length = asprintf(&path, "%s/boxagnts%s%s", base, slash, tail);
    } else {
        if (home == NULL || home[0] != '/') {
            const struct passwd *user = getpwuid(getuid());

            home = user == NULL ? NULL : user->pw_dir;
        }
        if (home == NULL || access(home, F_OK) < 0) {
            errno = ENOENT;
            return NULL;
        }
        length =
            asprintf(&path, "%s/%s/boxagnts%s%s", home, fallback, slash, tail);
    }
    return length < 0 ? NULL : path;
}

char *bx_user_cache_path(const char *tail)
{
    return user_path("XDG_CACHE_HOME", ".cache", tail);
}

char *bx_user_state_path(const char *tail)
{
    return user_path("XDG_STATE_HOME", ".local/state", tail);
}

char *bx_user_data_path(const char *tail)
{
    return user_path("XDG_DATA_HOME", ".local/share", tail);
}

char *bx_user_config_path(const char *tail)
{
    return user_path("XDG_CONFIG_HOME", ".config", tail);
}

int bx_user_fail_home(const char *what, const char *variable, bx_error **err)
{
    const char *home = getenv("HOME");

    if (home != NULL && home[0] == '/' && access(home, F_OK) < 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "no home folder for %s: HOME is '%.200s', which is "
                            "not there; set HOME to a folder of yours, or %s",
                            what, home, variable);
    return bx_error_set(err, BX_ERR_NOT_FOUND,
                        "no home folder for %s; set HOME or %s", what,
                        variable);
}

int bx_user_check_owner(int fd, const char *path, mode_t forbidden,
                        bx_error **err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (st.st_uid != geteuid())
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' belongs to user %u, not to user %u", path,
                            (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & forbidden) != 0)
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' is open to other users (mode %04o); run: "
                            "chmod go-rwx '%s'",
                            path, (unsigned)st.st_mode & 07777u, path);
    return 0;
}

/* Make the key; whoever comes second uses the first one's. */
static int make_key(const char *path, bx_error **err)
{
    uint8_t key[KEY_BYTES];
    bx_autofree char *temporary = NULL;
    bx_autofd int fd = -1;
    int failed = 0;

    if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
        return bx_error_set_errno(err, errno, "random bytes");
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        temporary = NULL;
        return bx_error_set_nomem(err);
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", temporary);
    if (write(fd, key, sizeof(key)) != (ssize_t)sizeof(key) ||
        (link(temporary, path) < 0 && errno != EEXIST))
        failed = errno;
    (void)unlink(temporary);
    return failed == 0 ? 0 : bx_error_set_errno(err, failed, "'%s'", path);
}

int bx_user_key_load(const char *name, uint8_t key[KEY_BYTES], bx_error **err)
{
    bx_autofree char *dir = bx_user_state_path(NULL);
    bx_autofree char *path = NULL;
    bx_autofd int fd = -1;
    struct stat st;

    if (dir == NULL)
        return bx_user_fail_home(name, "XDG_STATE_HOME", err);
    if (asprintf(&path, "%s/%s", dir, name) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    fd = open(path, KEY_FLAGS);
    if (fd < 0 && errno == ENOENT) {
        if (bx_file_make_dirs(dir, 0700, err) < 0 || make_key(path, err) < 0)
            return -1;
        fd = open(path, KEY_FLAGS);
    }
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (bx_user_check_owner(fd, path, 0077, err) < 0)
        return -1;
    /* No other file that happens to be ours and private will do. */
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != KEY_BYTES ||
        read(fd, key, KEY_BYTES) != KEY_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is not %d bytes long; remove it and run "
                            "again",
                            path, KEY_BYTES);
    return 0;
}

int bx_user_check_folder(const char *path, bx_error **err)
{
    const char *slash = strrchr(path, '/');
    bx_autofree char *folder =
        slash == NULL
            ? strdup(".")
            : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    struct stat st;

    if (folder == NULL)
        return bx_error_set_nomem(err);
    if (stat(folder, &st) < 0 && errno == ENOENT &&
        bx_file_make_dirs(folder, 0700, err) < 0)
        return -1;
    if (stat(folder, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", folder);
    if ((st.st_mode & 0022) != 0 && (st.st_mode & S_ISVTX) == 0)
        return bx_error_set(err, BX_ERR_DENIED,
                            "the folder '%s' is open to other users (mode "
                            "%04o); run: chmod go-w '%s'",
                            folder, (unsigned)st.st_mode & 07777u, folder);
    return 0;
}
