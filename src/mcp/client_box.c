#include "mcp/client_box.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/user_dir.h"
#include "policy/policy.h"
#include "policy/text.h"

#define READ BX_ACCESS_READ
#define WRITE (BX_ACCESS_READ | BX_ACCESS_WRITE)
#define EXECUTE (BX_ACCESS_READ | BX_NATIVE_EXECUTE)
#define FILE_BYTES (1ull << 30)
#define OPEN_FILES 1024
#define MAX_DIRS 256
#define PACKAGE_LEVELS 6 /* folders above a script that are looked at */

/* Programs and libraries, and of /etc what the C library, TLS and interpreters
 * read: not all, since root reads every key there. */
static const bx_native_dir system_dirs[] = {
    { "/usr", EXECUTE },
    { "/bin", EXECUTE },
    { "/sbin", EXECUTE },
    { "/lib", EXECUTE },
    { "/lib64", EXECUTE },
    { "/lib32", EXECUTE },
    { "/nix/store", EXECUTE },
    { "/etc/alternatives", READ },
    { "/etc/ca-certificates", READ },
    { "/etc/ca-certificates.conf", READ },
    { "/etc/fonts", READ },
    { "/etc/gai.conf", READ },
    { "/etc/group", READ },
    { "/etc/host.conf", READ },
    { "/etc/hosts", READ },
    { "/etc/ld.so.cache", READ },
    { "/etc/ld.so.conf", READ },
    { "/etc/ld.so.conf.d", READ },
    { "/etc/localtime", READ },
    { "/etc/mime.types", READ },
    { "/etc/nsswitch.conf", READ },
    { "/etc/os-release", READ },
    { "/etc/passwd", READ },
    { "/etc/pki/tls", READ },
    { "/etc/protocols", READ },
    { "/etc/resolv.conf", READ },
    { "/etc/services", READ },
    { "/etc/ssl/certs", READ },
    { "/etc/ssl/openssl.cnf", READ },
    { "/etc/timezone", READ },
    { "/proc/cpuinfo", READ },
    { "/proc/meminfo", READ },
    { "/proc/stat", READ },
    { "/proc/version", READ },
    { "/sys/devices/system/cpu", READ },
    { "/dev/full", WRITE },
    { "/dev/null", WRITE },
    { "/dev/random", READ },
    { "/dev/urandom", READ },
    { "/dev/zero", WRITE },
};
#define SYSTEM_DIRS (sizeof(system_dirs) / sizeof(system_dirs[0]))

/* ---- texts and folders ----------------------------------------------- */

/* Takes text, which may be NULL: no memory. Borrowed until the box is cleared.
 */
static const char *keep(bx_server_box *box, char *text)
{
    char **grown;

    if (text == NULL)
        return NULL;
    grown = realloc((void *)box->texts.items,
                    (box->texts.count + 1) * sizeof(char *));
    if (grown == NULL) {
        free(text);
        return NULL;
    }
    box->texts.items = grown;
    grown[box->texts.count++] = text;
    return text;
}

static int add_dir(bx_server_box *box, const char *path, unsigned access,
                   bx_error **err)
{
    const char *kept;

    for (size_t i = 0; i < box->plan.dirs_count; i++) {
        if (strcmp(box->dirs[i].path, path) == 0) {
            box->dirs[i].access |= access & ~BX_NATIVE_OPTIONAL;
            return 0;
        }
    }
    if (box->plan.dirs_count == MAX_DIRS)
        return bx_error_set(err, BX_ERR_LIMIT, "more than %d folders",
                            MAX_DIRS);
    kept = keep(box, strdup(path));
    if (kept == NULL)
        return bx_error_set_nomem(err);
    box->dirs[box->plan.dirs_count++] = (bx_native_dir){ kept, access };
    return 0;
}

static bool is_beneath(const char *path, const char *dir)
{
    size_t bytes = strlen(dir);

    if (strcmp(dir, "/") == 0)
        return true;
    return strncmp(path, dir, bytes) == 0 &&
           (path[bytes] == '/' || path[bytes] == '\0');
}

static bool is_system(const char *path)
{
    for (size_t i = 0; i < SYSTEM_DIRS; i++) {
        if (system_dirs[i].access == EXECUTE &&
            is_beneath(path, system_dirs[i].path))
            return true;
    }
    return false;
}

static char *real_or_copy(const char *path)
{
    char *real = realpath(path, NULL);

    return real == NULL ? strdup(path) : real;
}

int bx_server_box_check_path(const char *path, bx_error **err)
{
    char *const own[] = { bx_user_config_path(NULL), bx_user_state_path(NULL),
                          bx_user_data_path(NULL), bx_user_cache_path(NULL) };
    const char *home = getenv("HOME");
    bool is_refused = home != NULL && home[0] == '/' && is_beneath(home, path);

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        bx_autofree char *real = own[i] == NULL ? NULL : real_or_copy(own[i]);

        if (real != NULL && (is_beneath(real, path) || is_beneath(path, real)))
            is_refused = true;
        free(own[i]);
    }
    if (!is_refused)
        return 0;
    return bx_error_set(err, BX_ERR_DENIED,
                        "'%s' is, or holds, the home folder or what boxagnts "
                        "keeps of its own: name the folders beneath it that "
                        "the server needs",
                        path);
}

/* ---- the program ----------------------------------------------------- */

static bool is_executable(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           access(path, X_OK) == 0;
}

/* As a shell finds it, but for folders that are named relative to here. */
static char *search_path(const char *command)
{
    const char *path = getenv("PATH");
    bx_autofree char *copy =
        strdup(path == NULL ? "/usr/local/bin:/usr/bin:/bin" : path);
    char *rest = copy;
    char *dir;

    while (rest != NULL && (dir = strsep(&rest, ":")) != NULL) {
        char *found;

        if (dir[0] != '/')
            continue;
        if (asprintf(&found, "%s/%s", dir, command) < 0)
            return NULL;
        if (is_executable(found))
            return found;
        free(found);
    }
    return NULL;
}

static char *from_home(const char *path)
{
    const char *home = getenv("HOME");
    char *text = NULL;

    if (strncmp(path, "~/", 2) != 0 || home == NULL)
        return strdup(path);
    return asprintf(&text, "%s/%s", home, path + 2) < 0 ? NULL : text;
}

static int find_program(bx_server_box *box, const char *command, bx_error **err)
{
    char *found = strchr(command, '/') == NULL ? search_path(command)
                                               : from_home(command);
    bx_autofree char *shown = bx_text_show(command);

    if (found == NULL)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "no program %s in PATH; install it, or give its "
                            "absolute path as \"command\"",
                            BX_SHOWN(shown));
    box->plan.program = keep(box, found);
    if (box->plan.program == NULL)
        return bx_error_set_nomem(err);
    if (box->plan.program[0] != '/')
        return bx_error_set(err, BX_ERR_INVALID,
                            "command %s: expected a name, or an absolute "
                            "path",
                            BX_SHOWN(shown));
    if (!is_executable(box->plan.program))
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "command %s is no file that can be executed",
                            BX_SHOWN(shown));
    return 0;
}

/* ---- where it comes from --------------------------------------------- */

/* A folder that came of looking where a program lies, not of a person's words:
 * unless it is too wide. */
static int add_package(bx_server_box *box, const char *dir, const char *tail,
                       const char *file, bx_error **err)
{
    bx_autoerror bx_error *too_wide = NULL;
    bx_autofree char *path = NULL;

    if (asprintf(&path, "%s%s", dir, tail) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    if (bx_server_box_check_path(path, &too_wide) == 0)
        return add_dir(box, path, EXECUTE | BX_NATIVE_OPTIONAL, err);
    return file == NULL ? 0
                        : add_dir(box, file, EXECUTE | BX_NATIVE_OPTIONAL, err);
}

/* PREFIX/bin/NAME has its libraries in PREFIX/lib: interpreters, virtual
 * environments. */
static int add_prefix(bx_server_box *box, const char *program, bx_error **err)
{
    static const char *const parts[] = { "/lib", "/lib64", "/libexec", "/share",
                                         "/pyvenv.cfg" };
    bx_autofree char *dir = strdup(program);
    char *slash = dir == NULL ? NULL : strrchr(dir, '/');

    if (slash == NULL)
        return bx_error_set_nomem(err);
    if (is_system(program))
        return 0;
    *slash = '\0';
    if (add_package(box, dir, "", program, err) < 0)
        return -1;
    slash = strrchr(dir, '/');
    if (slash == NULL || strcmp(slash, "/bin") != 0)
        return 0;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (add_package(box, dir, parts[i], NULL, err) < 0)
            return -1;
    }
    return 0;
}

static bool has_file(const char *dir, const char *name)
{
    bx_autofree char *path = NULL;

    if (asprintf(&path, "%s/%s", dir, name) < 0) {
        path = NULL;
        return false;
    }
    return access(path, F_OK) == 0;
}

/* The folder of the package that a script belongs to, in place. */
static void cut_to_package(char *path)
{
    char *modules = strstr(path, "/node_modules/");
    bx_autofree char *dir = strdup(path);
    char *slash;

    if (modules != NULL) { /* what it requires lies beside it */
        modules[strlen("/node_modules")] = '\0';
        return;
    }
    *strrchr(path, '/') = '\0';
    for (int i = 0; dir != NULL && i < PACKAGE_LEVELS; i++) {
        slash = strrchr(dir, '/');
        if (slash == NULL || slash == dir)
            return;
        *slash = '\0';
        if (has_file(dir, "package.json") || has_file(dir, "pyproject.toml")) {
            memcpy(path, dir, strlen(dir) + 1);
            return;
        }
    }
}

/* An interpreter's script: the first argument that names a file. */
static int add_script(bx_server_box *box, const bx_remote_server *server,
                      bx_error **err)
{
    for (size_t i = 0; i < server->args.count; i++) {
        const char *word = server->args.items[i];
        bx_autofree char *path = NULL;
        bx_autofree char *dir = NULL;
        struct stat st;

        if (word[0] != '/' || stat(word, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        path = real_or_copy(word);
        dir = path == NULL ? NULL : strdup(path);
        if (dir == NULL)
            return bx_error_set_nomem(err);
        if (is_system(path))
            return 0;
        cut_to_package(dir);
        return add_package(box, dir, "", path, err);
    }
    return 0;
}

/* ---- all of it ------------------------------------------------------- */

static int add_configured(bx_server_box *box, const bx_remote_server *server,
                          const bx_server_words *paths, unsigned access,
                          const char *key, bx_error **err)
{
    for (size_t i = 0; i < paths->count; i++) {
        bx_autofree char *real = realpath(paths->items[i], NULL);

        if (real == NULL)
            return bx_error_set_errno(err, errno, "%s '%s'", key,
                                      paths->items[i]);
        if (bx_server_box_check_path(real, err) < 0)
            return bx_error_wrap(err, "%s", key);
        if (server->within != NULL && !is_beneath(real, server->within))
            return bx_error_set(err, BX_ERR_DENIED,
                                "%s '%s' leads out of the workspace", key,
                                paths->items[i]);
        if (add_dir(box, real, access, err) < 0)
            return -1;
    }
    return 0;
}

static int make_own(bx_server_box *box, const bx_remote_server *server,
                    const char *name, bx_error **err)
{
    char *path = NULL;
    const char *kept;

    if (asprintf(&path, "%s/%s", server->home, name) < 0)
        path = NULL;
    kept = keep(box, path);
    if (kept == NULL)
        return bx_error_set_nomem(err);
    if (bx_file_make_dirs(kept, 0700, err) < 0)
        return -1;
    return add_dir(box, kept, WRITE | BX_NATIVE_EXECUTE, err);
}

static int add_folders(bx_server_box *box, const bx_remote_server *server,
                       bx_error **err)
{
    bx_autofree char *real = realpath(box->plan.program, NULL);

    for (size_t i = 0; i < SYSTEM_DIRS; i++) {
        if (add_dir(box, system_dirs[i].path,
                    system_dirs[i].access | BX_NATIVE_OPTIONAL, err) < 0)
            return -1;
    }
    box->own_dirs = box->plan.dirs_count;
    if (make_own(box, server, "home", err) < 0 ||
        make_own(box, server, "tmp", err) < 0)
        return -1;
    if (add_prefix(box, box->plan.program, err) < 0 ||
        (real != NULL && add_prefix(box, real, err) < 0) ||
        add_script(box, server, err) < 0)
        return -1;
    if (add_configured(box, server, &server->read, READ, "read", err) < 0)
        return -1;
    return add_configured(box, server, &server->write, WRITE, "write", err);
}

static int add_env(bx_server_box *box, size_t *count, const char *name,
                   const char *value, bx_error **err)
{
    char *text = NULL;

    for (size_t i = 0; i < *count; i++) {
        size_t bytes = strlen(name);

        /* What a person wrote replaces ours. */
        if (strncmp(box->env[i], name, bytes) == 0 &&
            box->env[i][bytes] == '=') {
            if (asprintf(&text, "%s=%s", name, value) < 0)
                text = NULL;
            box->env[i] = keep(box, text);
            return box->env[i] == NULL ? bx_error_set_nomem(err) : 0;
        }
    }
    if (asprintf(&text, "%s=%s", name, value) < 0)
        text = NULL;
    box->env[*count] = keep(box, text);
    if (box->env[*count] == NULL)
        return bx_error_set_nomem(err);
    (*count)++;
    return 0;
}

static int set_env(bx_server_box *box, const bx_remote_server *server,
                   bx_error **err)
{
    const char *home = box->dirs[box->own_dirs].path;
    const char *tmp = box->dirs[box->own_dirs + 1].path;
    bx_autofree char *path = NULL;
    const char *slash = strrchr(box->plan.program, '/');
    size_t count = 0;

    box->env = calloc(server->env.count + 8, sizeof(char *));
    if (box->env == NULL ||
        asprintf(&path, "%.*s:/usr/local/bin:/usr/bin:/bin",
                 (int)(slash - box->plan.program), box->plan.program) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    if (add_env(box, &count, "PATH", path, err) < 0 ||
        add_env(box, &count, "HOME", home, err) < 0 ||
        add_env(box, &count, "TMPDIR", tmp, err) < 0 ||
        add_env(box, &count, "LANG", "C.UTF-8", err) < 0)
        return -1;
    for (size_t i = 0; i < server->env.count; i++) {
        const bx_server_pair *pair = &server->env.items[i];

        if (add_env(box, &count, pair->name,
                    pair->expanded == NULL ? pair->value : pair->expanded,
                    err) < 0)
            return -1;
    }
    box->plan.env = box->env;
    box->plan.env_count = count;
    box->plan.folder = server->workspace != NULL ? server->workspace : home;
    return 0;
}

static int set_argv(bx_server_box *box, const bx_remote_server *server,
                    bx_error **err)
{
    box->argv = calloc(server->args.count + 1, sizeof(char *));
    if (box->argv == NULL)
        return bx_error_set_nomem(err);
    box->argv[0] = box->plan.program;
    for (size_t i = 0; i < server->args.count; i++)
        box->argv[i + 1] = server->args.items[i];
    box->plan.argv = box->argv;
    box->plan.argc = server->args.count + 1;
    return 0;
}

int bx_server_box_make(const bx_remote_server *server, bx_server_box *ret_box,
                       bx_error **err)
{
    bx_autoserverbox bx_server_box box = {
        .plan = { .is_network = server->is_network,
                  .memory_bytes = server->memory_bytes,
                  .file_bytes = FILE_BYTES,
                  .open_files = OPEN_FILES },
        .dirs = calloc(MAX_DIRS, sizeof(bx_native_dir)),
    };

    if (box.dirs == NULL)
        return bx_error_set_nomem(err);
    if (server->home == NULL)
        return bx_user_fail_home("the servers' folders", "XDG_STATE_HOME", err);
    if (find_program(&box, server->command, err) < 0 ||
        add_folders(&box, server, err) < 0 || set_env(&box, server, err) < 0 ||
        set_argv(&box, server, err) < 0)
        return -1;
    box.plan.dirs = box.dirs;
    *ret_box = box;
    box = (bx_server_box){ 0 };
    return 0;
}

void bx_server_box_clear(bx_server_box *box)
{
    for (size_t i = 0; i < box->texts.count; i++)
        free(box->texts.items[i]);
    free((void *)box->texts.items);
    free(box->dirs);
    free((void *)box->argv);
    free((void *)box->env);
    *box = (bx_server_box){ 0 };
}

/* ---- words for people ------------------------------------------------ */

static int put_dirs(const bx_server_box *box, bool is_write, bx_buf *text)
{
    bool is_first = true;

    for (size_t i = box->own_dirs; i < box->plan.dirs_count; i++) {
        const bx_native_dir *dir = &box->dirs[i];

        if (((dir->access & BX_ACCESS_WRITE) != 0) != is_write ||
            access(dir->path, F_OK) < 0)
            continue;
        if (bx_buf_puts(text, is_first ? "" : ", ") < 0 ||
            bx_buf_put_escaped(text, dir->path, strlen(dir->path), PATH_MAX) <
                0)
            return -1;
        is_first = false;
    }
    return is_first ? bx_buf_puts(text, "nothing else") : 0;
}

static int put_environment(const bx_server_box *box, bx_buf *text)
{
    for (size_t i = 0; i < box->plan.env_count; i++) {
        const char *item = box->plan.env[i];

        if (bx_buf_puts(text, i == 0 ? "" : ", ") < 0 ||
            bx_buf_put_escaped(text, item, strcspn(item, "="), 256) < 0)
            return -1;
    }
    return 0;
}

static int put_layers(const bool *layers, bx_buf *text)
{
    const bx_lockdown_support *support = bx_lockdown_probe();
    static const bx_lockdown_layer shown[] = {
        BX_LOCKDOWN_NO_NEW_PRIVS, BX_LOCKDOWN_CAPABILITIES, BX_LOCKDOWN_RLIMITS,
        BX_LOCKDOWN_LANDLOCK,     BX_LOCKDOWN_SECCOMP,
    };

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        bool has = layers == NULL ? support->has[shown[i]] : layers[shown[i]];

        if (!has && bx_buf_printf(text, "not held   %s: %s\n",
                                  bx_lockdown_layer_name(shown[i]),
                                  support->missing[shown[i]]) < 0)
            return -1;
    }
    if (support->landlock_abi > 0 &&
        support->missing[BX_LOCKDOWN_LANDLOCK][0] != '\0')
        return bx_buf_printf(text, "not held   %s\n",
                             support->missing[BX_LOCKDOWN_LANDLOCK]);
    return 0;
}

static int put_limits(const bx_server_box *box, bx_buf *text)
{
    const unsigned long long memory = box->plan.memory_bytes >> 20;

    if (bx_buf_puts(text, "limits     ") < 0 ||
        (memory != 0 &&
         bx_buf_printf(text, "%llu MiB of memory a process, ", memory) < 0))
        return -1;
    return bx_buf_printf(text,
                         "%llu MiB a file, %llu open files\n"
                         "refused    tracing, mounts, namespaces, keyrings, "
                         "BPF, Unix sockets by name\n"
                         "not held   the number of its processes, the "
                         "processor's time%s\n",
                         (unsigned long long)(box->plan.file_bytes >> 20),
                         (unsigned long long)box->plan.open_files,
                         memory == 0 ? ", memory" : "");
}

int bx_server_box_describe(const bx_server_box *box,
                           const bool layers[BX_LOCKDOWN_LAYERS], bx_buf *text)
{
    if (bx_buf_puts(text, "writes     ") < 0 || put_dirs(box, true, text) < 0 ||
        bx_buf_puts(text, "\nreads      the system's programs, libraries and "
                          "certificates, ") < 0 ||
        put_dirs(box, false, text) < 0 ||
        bx_buf_printf(text, "\nnetwork    %s\n",
                      box->plan.is_network
                          ? "any address, this machine's and the local "
                            "network's too; it cannot listen for TCP"
                          : "none") < 0 ||
        bx_buf_puts(text, "variables  ") < 0 ||
        put_environment(box, text) < 0 || bx_buf_puts(text, "\n") < 0)
        return -1;
    return put_limits(box, text) < 0 ? -1 : put_layers(layers, text);
}
