/* Opening the database. What lies there is believed as far as only this user
 * could have written it, and even then it is nothing but data: no triggers, no
 * views, no functions of the schema's. */
#include "store/session_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/user_dir.h"
#include "store/session_db.h"
#include "store/session_lock.h"
#include "store/session_schema.h"

#define BUSY_MS 5000

/* Closing a descriptor of a database ends the locks that other connections of
 * the process have on it (POSIX fcntl), so a new file is made by one thread
 * before any other can have it open. */
static pthread_mutex_t open_mutex = PTHREAD_MUTEX_INITIALIZER;

/* One of the database's files; a missing one is fine. */
static int check_file(const char *path, const char *suffix, bx_error **err)
{
    bx_autofree char *name = NULL;
    struct stat st;

    if (asprintf(&name, "%s%s", path, suffix) < 0) {
        name = NULL;
        return bx_error_set_nomem(err);
    }
    if (lstat(name, &st) < 0) {
        if (errno == ENOENT)
            return 0;
        return bx_error_set_errno(err, errno, "'%s'", name);
    }
    if (!S_ISREG(st.st_mode))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is not a regular file; name another", name);
    if (st.st_uid != geteuid() || (st.st_mode & 0022) != 0)
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' may be written by other users (owner %ld, "
                            "mode %04o); see what is in it, then run: chmod "
                            "600 '%s'",
                            name, (long)st.st_uid,
                            (unsigned)st.st_mode & 07777u, name);
    if ((st.st_mode & 0077) != 0 && chmod(name, 0600) < 0)
        return bx_error_set_errno(err, errno, "'%s': mode", name);
    return 0;
}

static int make_file(const char *path, bx_error **err)
{
    bx_autofd int fd =
        open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno != EEXIST)
        return bx_error_set_errno(err, errno, "'%s'", path);
    return 0;
}

static int make_paths(bx_session_store *store, const char *path, bx_error **err)
{
    bx_autofree char *own = NULL;

    if (path == NULL) {
        own = bx_user_state_path("sessions.db");
        if (own == NULL)
            return errno == ENOMEM
                       ? bx_error_set_nomem(err)
                       : bx_user_fail_home("sessions", "XDG_STATE_HOME", err);
        path = own;
    }
    if (path[0] == '\0')
        return bx_error_set(err, BX_ERR_INVALID,
                            "the sessions' database has an empty name");
    /* "file:..." and ":memory:" are names of files too. */
    if (asprintf(&store->path, "%s%s", path[0] == '/' ? "" : "./", path) < 0) {
        store->path = NULL;
        return bx_error_set_nomem(err);
    }
    if (asprintf(&store->lock_path, "%s-lock", store->path) < 0) {
        store->lock_path = NULL;
        return bx_error_set_nomem(err);
    }
    return 0;
}

/* Against a schema and pages that someone made by hand. */
static int harden(bx_session_store *store, bx_error **err)
{
    static const struct {
        int option;
        int value;
    } options[] = {
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
        { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
        { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
        { SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
    };
    int result = sqlite3_busy_timeout(store->db, BUSY_MS);

    for (size_t i = 0;
         result == SQLITE_OK && i < sizeof(options) / sizeof(options[0]); i++)
        result = sqlite3_db_config(store->db, options[i].option,
                                   options[i].value, NULL);
    if (result != SQLITE_OK)
        return bx_session_db_fail(store, result, err);
    (void)sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH,
                        2 * BX_SESSION_MAX_ENTRY_BYTES);
    (void)sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_extended_result_codes(store->db, 1);
    if (bx_session_db_run(store, err, "PRAGMA cell_size_check = ON", "") < 0 ||
        bx_session_db_run(store, err, "PRAGMA mmap_size = 0", "") < 0 ||
        bx_session_db_run(store, err, "PRAGMA synchronous = NORMAL", "") < 0)
        return -1;
    return 0;
}

static int open_database(bx_session_store *store, bx_error **err)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    int result;

    if (bx_user_check_folder(store->path, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (check_file(store->path, suffixes[i], err) < 0)
            return -1;
    }
    if (make_file(store->path, err) < 0)
        return -1;
    result =
        sqlite3_open_v2(store->path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (store->db == NULL)
        return bx_error_set_nomem(err);
    if (result != SQLITE_OK)
        return bx_session_db_fail(store, result, err);
    if (harden(store, err) < 0 || bx_session_schema_ensure(store, err) < 0)
        return -1;
    store->lock_fd = bx_session_lock_file(store->lock_path, err);
    return store->lock_fd < 0 ? -1 : 0;
}

bx_session_store *bx_session_store_open(const char *path, bx_error **err)
{
    bx_autosessionstore bx_session_store *store = calloc(1, sizeof(*store));
    int result;

    if (store == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    store->lock_fd = -1;
    (void)pthread_mutex_init(&store->mutex, NULL);
    if (make_paths(store, path, err) < 0 || store->path == NULL)
        return NULL;
    (void)pthread_mutex_lock(&open_mutex);
    result = open_database(store, err);
    (void)pthread_mutex_unlock(&open_mutex);
    if (result < 0) {
        (void)bx_error_wrap(err, "sessions");
        return NULL;
    }
    return bx_take(store);
}

void bx_session_store_close(bx_session_store *store)
{
    if (store == NULL)
        return;
    bx_session_db_drop_kept(store);
    (void)sqlite3_close(store->db);
    bx_closep(&store->lock_fd);
    (void)pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store->lock_path);
    free(store);
}
