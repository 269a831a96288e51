#include "agent/models/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/run.h"

extern char **environ;

void bx_credential_free(char *key)
{
    if (key != NULL)
        explicit_bzero(key, strlen(key));
    free(key);
}

/* ---- what is a key -------------------------------------------------- */

static size_t trim(const char *text, size_t bytes)
{
    while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
        bytes--;
    return bytes;
}

/* Copy what fits in a header. source: where it comes from, "file 'x'"; the
 * message has nothing of the text. */
static int take_key(const char *text, size_t bytes, const char *source,
                    char **ret_key, bx_error **err)
{
    const char *fault = NULL;
    char *key;

    bytes = trim(text, bytes);
    if (bytes == 0)
        fault = "holds nothing";
    else if (bytes > BX_CREDENTIAL_MAX_BYTES)
        fault = "holds more than 8192 bytes";
    for (size_t i = 0; i < bytes && fault == NULL; i++) {
        if (text[i] <= 0x20 || text[i] > 0x7e)
            fault = "holds a space, a line break or a byte that is not "
                    "printable ASCII";
    }
    if (fault != NULL)
        return bx_error_set(err, BX_ERR_DENIED,
                            "%s %s; expected the key alone, on one line",
                            source, fault);
    key = malloc(bytes + 1);
    if (key == NULL)
        return bx_error_set_nomem(err);
    memcpy(key, text, bytes);
    key[bytes] = '\0';
    *ret_key = key;
    return 0;
}

/* ---- a file --------------------------------------------------------- */

static bool is_ours(uid_t owner)
{
    return owner == geteuid() || owner == 0;
}

static int check_file(int fd, const char *path, bx_error **err)
{
    struct stat link;
    struct stat st;
    const char *fault = NULL;

    if (lstat(path, &link) < 0 || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "key file '%s'", path);
    if (!S_ISREG(st.st_mode))
        fault = "is not a regular file";
    else if (!is_ours(st.st_uid))
        fault = "belongs to another user";
    else if (S_ISLNK(link.st_mode) && !is_ours(link.st_uid))
        fault = "is a link of another user";
    else if ((st.st_mode & 077) != 0)
        fault = "is open to other users";
    if (fault == NULL)
        return 0;
    return bx_error_set(err, BX_ERR_DENIED,
                        "key file '%s' %s; expected a file of yours with mode "
                        "0600 (chmod 600)",
                        path, fault);
}

static int read_file(const char *path, char **ret_key, bx_error **err)
{
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bx_autofree char *source = NULL;
    char text[BX_CREDENTIAL_MAX_BYTES + 3]; /* "\r\n", and one too many */
    ssize_t bytes;
    int status;

    if (fd < 0)
        return bx_error_set_errno(err, errno, "key file '%s'", path);
    if (check_file(fd, path, err) < 0)
        return -1;
    bytes = bx_file_read_full(fd, text, sizeof(text));
    if (bytes < 0)
        return bx_error_set_errno(err, errno, "key file '%s'", path);
    if (asprintf(&source, "key file '%s'", path) < 0) {
        source = NULL;
        status = bx_error_set_nomem(err);
    } else {
        status = take_key(text, (size_t)bytes, source, ret_key, err);
    }
    explicit_bzero(text, sizeof(text));
    return status;
}

/* ---- a program ------------------------------------------------------ */

/* Without a shell, with nothing open but its own three: nothing to read, what
 * it complains of to nowhere, for it may quote a key. In a group of its own, so
 * that all of it can be ended. */
static int spawn(const char *const *argv, int out, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    int failed = posix_spawn_file_actions_init(&files);

    if (failed != 0)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return failed;
    }
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                                    POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    if ((failed = posix_spawn_file_actions_adddup2(&files, out, 1)) == 0 &&
        (failed = posix_spawn_file_actions_addopen(&files, 0, "/dev/null",
                                                   O_RDONLY, 0)) == 0 &&
        (failed = posix_spawn_file_actions_addopen(&files, 2, "/dev/null",
                                                   O_WRONLY, 0)) == 0 &&
        (failed = posix_spawn_file_actions_addclosefrom_np(&files, 3)) == 0)
        failed = posix_spawnp(ret_pid, argv[0], &files, &attributes,
                              (char *const *)argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return failed;
}

static int fail_over(const bx_run *run, const char *program, bx_error **err)
{
    if (bx_run_is_cancelled(run))
        return bx_error_set(err, BX_ERR_CANCELLED,
                            "cancelled while key command '%s' ran", program);
    return bx_error_set(err, BX_ERR_TIMEOUT,
                        "key command '%s' took longer than %d s; expected one "
                        "that asks nothing and prints the key",
                        program, BX_CREDENTIAL_COMMAND_MS / 1000);
}

/* All that it prints, at most capacity bytes; -1 with err. */
static ssize_t read_output(const bx_run *run, int fd, const char *program,
                           char *data, size_t capacity, bx_error **err)
{
    size_t have = 0;

    for (;;) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        ssize_t got;

        if (bx_run_poll(run, &ready, 1, INT64_MAX) < 0)
            return errno == ETIME
                       ? fail_over(run, program, err)
                       : bx_error_set_errno(err, errno, "key command '%s'",
                                            program);
        got = read(fd, data + have, capacity - have);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return bx_error_set_errno(err, errno, "key command '%s'", program);
        if (got == 0)
            return (ssize_t)have;
        have += got > 0 ? (size_t)got : 0;
        if (have == capacity)
            return bx_error_set(err, BX_ERR_DENIED,
                                "key command '%s' printed more than %d bytes; "
                                "expected the key alone",
                                program, BX_CREDENTIAL_COMMAND_BYTES);
    }
}

/* It has closed its output; -1 with err when it does not end. */
static int wait_end(const bx_run *run, pid_t pid, const char *program,
                    bool *ret_is_ended, int *ret_status, bx_error **err)
{
    for (;;) {
        pid_t ended = waitpid(pid, ret_status, WNOHANG);

        if (ended == pid) {
            *ret_is_ended = true;
            return 0;
        }
        if (ended < 0 && errno != EINTR)
            return bx_error_set_errno(err, errno, "key command '%s'", program);
        if (bx_run_poll(run, NULL, 0, bx_now_ns() + 2000000) < 0)
            return fail_over(run, program, err);
    }
}

static int check_status(int status, const char *program, bx_error **err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return bx_error_set(err, BX_ERR_DENIED,
                        "key command '%s' failed (%s %d); run it by hand to "
                        "see why",
                        program, WIFEXITED(status) ? "status" : "signal",
                        WIFEXITED(status) ? WEXITSTATUS(status)
                                          : WTERMSIG(status));
}

/* Read from a program that runs, and have it ended in any case. */
static int run_program(const bx_run *run, pid_t pid, int fd,
                       const char *program, char *text, char **ret_key,
                       bx_error **err)
{
    bx_autofree char *source = NULL;
    ssize_t bytes = read_output(run, fd, program, text,
                                BX_CREDENTIAL_COMMAND_BYTES + 1, err);
    bool is_ended = false;
    int status = 0;

    if (bytes < 0 || wait_end(run, pid, program, &is_ended, &status, err) < 0) {
        (void)kill(-pid, SIGKILL);
        while (!is_ended && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
        return -1;
    }
    if (check_status(status, program, err) < 0)
        return -1;
    if (asprintf(&source, "what key command '%s' printed", program) < 0) {
        source = NULL;
        return bx_error_set_nomem(err);
    }
    return take_key(text, (size_t)bytes, source, ret_key, err);
}

static int read_command(const char *const *argv, bx_cancel *cancel,
                        char **ret_key, bx_error **err)
{
    bx_run run = { .deadline_ns = bx_now_ns() +
                                  (int64_t)BX_CREDENTIAL_COMMAND_MS * 1000000,
                   .cancel = cancel };
    bx_autofd int in = -1;
    bx_autofree char *text = malloc(BX_CREDENTIAL_COMMAND_BYTES + 1);
    int ends[2];
    int failed;
    int status;
    pid_t pid;

    if (text == NULL)
        return bx_error_set_nomem(err);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return bx_error_set_errno(err, errno, "key command '%s'", argv[0]);
    in = ends[0];
    failed = spawn(argv, ends[1], &pid);
    (void)close(ends[1]);
    if (failed != 0)
        return bx_error_set_errno(err, failed, "key command '%s'", argv[0]);
    status = run_program(&run, pid, in, argv[0], text, ret_key, err);
    explicit_bzero(text, BX_CREDENTIAL_COMMAND_BYTES + 1);
    return status;
}

/* ---- the whole ------------------------------------------------------ */

static int read_environment(const char *variable, const char *value,
                            char **ret_key, bx_error **err)
{
    bx_autofree char *source = NULL;

    if (asprintf(&source, "environment variable %s", variable) < 0) {
        source = NULL;
        return bx_error_set_nomem(err);
    }
    return take_key(value, strlen(value), source, ret_key, err);
}

static int read_first(const bx_provider *provider, bx_cancel *cancel,
                      char **ret_key, bx_error **err)
{
    const char *value =
        provider->key_env == NULL ? NULL : getenv(provider->key_env);

    if (value != NULL && value[0] != '\0')
        return read_environment(provider->key_env, value, ret_key, err);
    if (provider->key_file != NULL && (provider->key_command == NULL ||
                                       access(provider->key_file, F_OK) == 0))
        return read_file(provider->key_file, ret_key, err);
    if (provider->key_command != NULL)
        return read_command(provider->key_command, cancel, ret_key, err);
    if (provider->key_env != NULL)
        return bx_error_set(err, BX_ERR_DENIED,
                            "no key; set the environment variable %s, or name "
                            "a key_file or a key_command in "
                            "~/.config/boxagnts/models.yaml",
                            provider->key_env);
    *ret_key = NULL;
    return 0;
}

int bx_credential_read(const bx_provider *provider, bx_cancel *cancel,
                       char **ret_key, bx_error **err)
{
    if (read_first(provider, cancel, ret_key, err) < 0)
        return bx_error_wrap(err, "provider '%s'", provider->name);
    return 0;
}
