#include "overlay/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/user_dir.h"
#include "policy/policy.h"
#include "wasi/overlay.h"

#define NAME_MAX_BYTES 64
#define HEAD_MAX_BYTES (4u << 20)  /* overlay.json */
#define LINE_MAX_BYTES (64u << 10) /* of base.log: a path and a few numbers */
#define LOG_MAX_BYTES (1ull << 30) /* of base.log */
#define RECORDS_MAX 1000000u       /* as many paths as an overlay changes */
#define MAPPINGS_MAX 4096
#define PROTECTED_MAX_BYTES (4u << 20)

/* ---- names ----------------------------------------------------------- */

int bx_overlay_check_name(const char *name, bx_error **err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    size_t bytes = strlen(name);

    if (bytes > 0 && bytes <= NAME_MAX_BYTES && name[0] != '.' &&
        name[0] != '-' && strspn(name, allowed) == bytes)
        return 0;
    if (bx_buf_put_escaped(&shown, name, bytes, NAME_MAX_BYTES) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, BX_ERR_INVALID,
                        "'%s' cannot name an overlay; expected letters, "
                        "digits, '-', '_' and '.', %d at most, and a "
                        "letter, digit or '_' first",
                        shown.data, NAME_MAX_BYTES);
}

char *bx_overlays_path(bx_error **err)
{
    char *path = bx_user_state_path("overlays");

    if (path == NULL && errno == ENOMEM)
        (void)bx_error_set_nomem(err);
    else if (path == NULL)
        (void)bx_user_fail_home("overlays", "XDG_STATE_HOME", err);
    return path;
}

/* ---- overlay.json ---------------------------------------------------- */

static int refuse_head(const bx_overlay_store *store, const char *why,
                       bx_error **err)
{
    return bx_error_set(err, BX_ERR_INVALID,
                        "'%s/overlay.json': %s; it is not an overlay of this "
                        "version",
                        store->dir, why);
}

/* A folder, or -1 for one that is not there. What cannot be told is neither: a
 * tree taken for empty would be committed as if it were. */
static int open_tree(int root_fd, const char *path, int *ret_fd, bx_error **err)
{
    *ret_fd = bx_beneath_open(root_fd, path, O_PATH | O_DIRECTORY);
    if (*ret_fd >= 0 || errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
        errno == EXDEV || errno == EACCES || errno == ENAMETOOLONG)
        return 0;
    return bx_error_set_errno(err, errno, "'%s'", path);
}

static int open_mapping(bx_overlay_store *store, const json_t *path,
                        bx_error **err)
{
    size_t number = store->mappings_count;
    bx_overlay_mapping *mapping = &store->mappings[number];
    const char *text = json_string_value(path);
    bx_autofd int root_fd = -1;
    char up[32];
    char gone[32];

    if (text == NULL || text[0] != '/')
        return refuse_head(store, "a mapping is no absolute path", err);
    *mapping = (bx_overlay_mapping){ strdup(text), -1, -1, -1 };
    store->mappings_count++;
    if (mapping->path == NULL)
        return bx_error_set_nomem(err);
    root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return bx_error_set_errno(err, errno, "'/'");
    snprintf(up, sizeof(up), "up/%zu", number);
    snprintf(gone, sizeof(gone), "gone/%zu", number);
    return open_tree(root_fd, text + 1, &mapping->base_fd, err) < 0 ||
                   open_tree(store->fd, up, &mapping->up_fd, err) < 0 ||
                   open_tree(store->fd, gone, &mapping->gone_fd, err) < 0
               ? -1
               : 0;
}

static int read_head(bx_overlay_store *store, json_t *head, bx_error **err)
{
    json_t *mappings = json_object_get(head, "mappings");
    const char *id = json_string_value(json_object_get(head, "id"));
    size_t count = json_array_size(mappings);

    if (json_integer_value(json_object_get(head, "version")) !=
        BX_OVERLAY_VERSION)
        return refuse_head(store, "expected \"version\": 1", err);
    if (id == NULL || id[0] == '\0' || strlen(id) > NAME_MAX_BYTES ||
        strchr(id, '/') != NULL)
        return refuse_head(store, "expected \"id\", a short text", err);
    if (!json_is_array(mappings) || count > MAPPINGS_MAX)
        return refuse_head(store, "expected \"mappings\", a list", err);
    store->created_s = json_integer_value(json_object_get(head, "created_s"));
    store->id = strdup(id);
    store->mappings = calloc(count + 1, sizeof(*store->mappings));
    if (store->id == NULL || store->mappings == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < count; i++) {
        if (open_mapping(store, json_array_get(mappings, i), err) < 0)
            return -1;
    }
    return 0;
}

/* ---- files of lines -------------------------------------------------- */

/* -1: no memory. */
typedef int line_fn(bx_overlay_store *store, json_t *line);

/* The next line without its end, of those that have one and are no longer than
 * any that a run writes; 1, 0 at the end of the file, -1 with errno. A run that
 * was taken over writes what it likes: no more of it is in memory at once. */
static int next_line(FILE *file, char *text, size_t *ret_bytes,
                     uint64_t *read_bytes)
{
    size_t bytes = 0;
    int byte;

    while ((byte = getc_unlocked(file)) != EOF) {
        if (++*read_bytes > LOG_MAX_BYTES) {
            errno = EFBIG;
            return -1;
        }
        if (byte != '\n') {
            if (bytes < LINE_MAX_BYTES)
                text[bytes] = (char)byte;
            bytes++;
        } else if (bytes <= LINE_MAX_BYTES) {
            *ret_bytes = bytes;
            return 1;
        } else {
            bytes = 0;
        }
    }
    return ferror(file) == 0 ? 0 : -1;
}

/* Each whole line, an object, to the function. What has no end yet is being
 * written, and a full disk may have cut one short: neither says anything. What
 * a path's record is missing for, it is in conflict. */
static int read_lines(bx_overlay_store *store, const char *name,
                      line_fn *on_line, bx_error **err)
{
    int fd = bx_beneath_open(store->fd, name, O_RDONLY | O_NONBLOCK);
    bx_autofile FILE *file = NULL;
    bx_autofree char *text = NULL;
    uint64_t total = 0;
    size_t bytes = 0;
    int got;

    if (fd < 0)
        return errno == ENOENT ? 0
                               : bx_error_set_errno(err, errno, "'%s/%s'",
                                                    store->dir, name);
    file = fdopen(fd, "r");
    if (file == NULL) {
        close(fd);
        return bx_error_set_nomem(err);
    }
    text = malloc(LINE_MAX_BYTES);
    if (text == NULL)
        return bx_error_set_nomem(err);
    while ((got = next_line(file, text, &bytes, &total)) > 0) {
        json_t *line;
        int failed = 0;

        errno = 0;
        line = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
        if (errno == ENOMEM) /* jansson says so by nothing else */
            failed = -1;
        else if (json_is_object(line))
            failed = on_line(store, line);
        json_decref(line);
        if (failed < 0)
            return bx_error_set_nomem(err);
        if (json_object_size(store->records) > RECORDS_MAX)
            return bx_error_set(err, BX_ERR_LIMIT,
                                "'%s/%s' has records of more than %u paths",
                                store->dir, name, RECORDS_MAX);
    }
    return got == 0
               ? 0
               : bx_error_set_errno(err, errno, "'%s/%s'", store->dir, name);
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* "path_hex"; NULL: it is none. */
static char *decode_hex(const char *hex, char *raw)
{
    size_t bytes = strlen(hex) / 2;

    for (size_t i = 0; i < bytes; i++) {
        int high = hex_value(hex[2 * i]);
        int low = hex_value(hex[2 * i + 1]);

        if (high < 0 || low < 0 || high + low == 0)
            return NULL;
        raw[i] = (char)(high << 4 | low);
    }
    raw[bytes] = '\0';
    return raw;
}

static int on_record(bx_overlay_store *store, json_t *line)
{
    const json_t *mapping = json_object_get(line, "mapping");
    const char *path = json_string_value(json_object_get(line, "path"));
    const char *hex = json_string_value(json_object_get(line, "path_hex"));
    bx_autofree char *raw = NULL;
    bx_autofree char *key = NULL;

    if (!json_is_integer(mapping) || json_integer_value(mapping) < 0 ||
        !json_is_string(json_object_get(line, "kind")))
        return 0;
    if (path == NULL && hex != NULL) {
        raw = malloc(strlen(hex) / 2 + 1);
        if (raw == NULL)
            return -1;
        path = decode_hex(hex, raw);
    }
    if (path == NULL)
        return 0;
    if (asprintf(&key, "%zu/%s", (size_t)json_integer_value(mapping), path) <
        0) {
        key = NULL;
        return -1;
    }
    if (json_object_get(store->records, key) != NULL)
        return 0; /* the first counts */
    return json_object_set_nocheck(store->records, key, line);
}

const json_t *bx_overlay_store_record(const bx_overlay_store *store,
                                      size_t mapping, const char *path)
{
    char key[BX_BENEATH_PATH_MAX + 24];
    int bytes = snprintf(key, sizeof(key), "%zu/%s", mapping, path);

    return bytes < 0 || (size_t)bytes >= sizeof(key)
               ? NULL
               : json_object_get(store->records, key);
}

/* ---- what is protected ----------------------------------------------- */

static int protect(bx_overlay_store *store, const char *path, const char *why)
{
    if (path == NULL || json_object_get(store->protected, path) != NULL)
        return 0;
    return json_object_set_new_nocheck(store->protected, path,
                                       json_string_nocheck(why));
}

/* The path as it is written and as it is reached. */
static int protect_both(bx_overlay_store *store, const char *path,
                        const char *why)
{
    bx_autofree char *real = realpath(path, NULL);

    /* What is not there, or out of reach, has the one name. */
    if (real == NULL && errno != ENOENT && errno != ENOTDIR && errno != ELOOP &&
        errno != EACCES && errno != ENAMETOOLONG)
        return -1;
    return protect(store, path, why) < 0 || protect(store, real, why) < 0 ? -1
                                                                          : 0;
}

/* A folder of the user's; takes path, NULL where none is known. */
static int protect_own(bx_overlay_store *store, char *path, const char *why)
{
    bx_autofree char *owned = path;

    if (owned == NULL)
        return errno == ENOMEM ? -1 : 0;
    return protect_both(store, owned, why);
}

static int on_protected(bx_overlay_store *store, json_t *line)
{
    const char *path = json_string_value(json_object_get(line, "path"));
    const char *why = json_string_value(json_object_get(line, "why"));

    return path == NULL || why == NULL ? 0 : protect_both(store, path, why);
}

static int read_protected(bx_overlay_store *store, bx_error **err)
{
    if (protect_own(store, bx_user_config_path(NULL),
                    "the user's configuration") < 0 ||
        protect_own(store, bx_user_data_path(NULL), "the user's tools") < 0 ||
        protect_own(store, bx_user_state_path(NULL), "the user's state") < 0 ||
        protect_own(store, bx_user_cache_path(NULL), "the module cache") < 0)
        return bx_error_set_nomem(err);
    return read_lines(store, "protected.log", on_protected, err);
}

const char *bx_overlay_store_protects(const bx_overlay_store *store,
                                      const char *host_path)
{
    static const char own[] = "/.boxagnts";
    const char *path;
    json_t *why;

    for (const char *at = host_path; (at = strstr(at, own)) != NULL;
         at += sizeof(own) - 1) {
        if (at[sizeof(own) - 1] == '\0' || at[sizeof(own) - 1] == '/')
            return "the workspace's own folder";
    }
    json_object_foreach(store->protected, path, why)
    {
        size_t bytes = strlen(path);

        if (strncmp(host_path, path, bytes) == 0 &&
            (host_path[bytes] == '\0' || host_path[bytes] == '/'))
            return json_string_value(why);
    }
    return NULL;
}

static int append_protected(bx_buf *lines, const bx_protected *row)
{
    json_t *line =
        json_pack("{s:s, s:s}", "path", row->host_path, "why", row->origin);
    bx_autofree char *text =
        line == NULL ? NULL : bx_json_text(line, JSON_COMPACT);
    int failed = text == NULL || bx_buf_puts(lines, text) < 0 ||
                         bx_buf_append(lines, "\n", 1, PROTECTED_MAX_BYTES) < 0
                     ? -1
                     : 0;

    json_decref(line);
    return failed;
}

/* A line more for each run is no harm, but a server's overlay may see many:
 * the same lines are written once. */
int bx_overlay_protect(const char *dir, const bx_policy *policy, bx_error **err)
{
    bx_autobuf bx_buf lines = BX_BUF_INIT;
    bx_autofree char *path = NULL;
    bx_autofree char *known = NULL;
    bx_autofd int fd = -1;
    ssize_t put;

    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        if (append_protected(&lines, &policy->protected_paths[i]) < 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "'%s' cannot be kept as a protected path",
                                policy->protected_paths[i].host_path);
    }
    if (lines.len == 0)
        return 0;
    if (asprintf(&path, "%s/protected.log", dir) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (bx_file_read_fd(fd, path, PROTECTED_MAX_BYTES, &known, NULL, err) < 0)
        return -1;
    if (strstr(known, lines.data) != NULL)
        return 0;
    do
        put = write(fd, lines.data, lines.len);
    while (put < 0 && errno == EINTR);
    return put == (ssize_t)lines.len
               ? 0
               : bx_error_set_errno(err, put < 0 ? errno : ENOSPC, "'%s'",
                                    path);
}

/* ---- open and free --------------------------------------------------- */

int bx_overlay_hold(const char *dir, bx_error **err)
{
    bx_autofree char *path = NULL;
    bx_autofd int fd = -1;
    struct stat stat;
    int failed;

    if (asprintf(&path, "%s/" BX_OVERLAY_USE_NAME, dir) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
              0600);
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    do
        failed = flock(fd, LOCK_SH | LOCK_NB);
    while (failed < 0 && errno == EINTR);
    if ((failed < 0 && errno != EWOULDBLOCK) || fstat(fd, &stat) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (failed < 0 || stat.st_nlink == 0)
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' is being committed or dropped: try again "
                            "when that has ended",
                            dir);
    return bx_take_fd(&fd);
}

/* Runs hold it shared for as long as they use the overlay. It goes with the
 * file: one that was dropped meanwhile has no name. */
static int lock(bx_overlay_store *store, bx_error **err)
{
    struct stat stat;
    int failed;

    store->lock_fd =
        openat(store->fd, BX_OVERLAY_USE_NAME,
               O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", store->dir);
    do
        failed = flock(store->lock_fd, LOCK_EX | LOCK_NB);
    while (failed < 0 && errno == EINTR);
    if (failed < 0 && errno == EWOULDBLOCK)
        return bx_error_set(err, BX_ERR_DENIED,
                            "overlay '%s' is in use; end the runs that write "
                            "to it, then try again",
                            store->name);
    if (failed < 0 || fstat(store->lock_fd, &stat) < 0)
        return bx_error_set_errno(err, errno, "'%s'", store->dir);
    if (stat.st_nlink == 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "overlay '%s' was dropped just now", store->name);
    return 0;
}

static int read_store(bx_overlay_store *store, bx_error **err)
{
    bx_autofd int fd =
        bx_beneath_open(store->fd, "overlay.json", O_RDONLY | O_NONBLOCK);
    bx_autofree char *text = NULL;
    size_t bytes;
    json_t *head;
    int failed;

    if (fd < 0)
        return errno == ENOENT
                   ? refuse_head(store, "there is none", err)
                   : bx_error_set_errno(err, errno, "'%s/overlay.json'",
                                        store->dir);
    if (bx_file_read_fd(fd, "overlay.json", HEAD_MAX_BYTES, &text, &bytes,
                        err) < 0)
        return -1;
    errno = 0;
    head = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    if (errno == ENOMEM) /* then jansson 2.14 may lose bytes of a text */
        failed = bx_error_set_nomem(err);
    else if (json_is_object(head))
        failed = read_head(store, head, err);
    else
        failed = refuse_head(store, "no JSON object", err);
    json_decref(head);
    if (failed < 0)
        return -1;
    store->records = json_object();
    store->protected = json_object();
    if (store->records == NULL || store->protected == NULL)
        return bx_error_set_nomem(err);
    if (read_lines(store, "base.log", on_record, err) < 0)
        return -1;
    return read_protected(store, err);
}

static bx_overlay_store *make_store(const char *name, bx_error **err)
{
    bx_autofree char *folder = bx_overlays_path(err);
    bx_autooverlay bx_overlay_store *store = NULL;

    if (folder == NULL)
        return NULL;
    store = calloc(1, sizeof(*store));
    if (store != NULL) {
        store->fd = store->lock_fd = -1;
        store->name = strdup(name);
        if (asprintf(&store->dir, "%s/%s", folder, name) < 0)
            store->dir = NULL;
    }
    if (store == NULL || store->name == NULL || store->dir == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return bx_take(store);
}

bx_overlay_store *bx_overlay_store_open(const char *name, bx_overlay_use use,
                                        bx_error **err)
{
    bx_autooverlay bx_overlay_store *store = NULL;

    if (bx_overlay_check_name(name, err) < 0)
        return NULL;
    store = make_store(name, err);
    if (store == NULL)
        return NULL;
    store->fd = open(store->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (store->fd < 0) {
        if (errno == ENOENT)
            (void)bx_error_set(err, BX_ERR_NOT_FOUND,
                               "no overlay '%s'; `boxagnts overlay list` "
                               "shows what there is",
                               name);
        else
            (void)bx_error_set_errno(err, errno, "'%s'", store->dir);
        return NULL;
    }
    if ((use != BX_OVERLAY_LOOK && lock(store, err) < 0) ||
        (use != BX_OVERLAY_END && read_store(store, err) < 0))
        return NULL;
    return bx_take(store);
}

void bx_overlay_store_free(bx_overlay_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->mappings_count; i++) {
        bx_overlay_mapping *mapping = &store->mappings[i];

        free(mapping->path);
        bx_closep(&mapping->base_fd);
        bx_closep(&mapping->up_fd);
        bx_closep(&mapping->gone_fd);
    }
    free(store->mappings);
    json_decref(store->records);
    json_decref(store->protected);
    bx_closep(&store->lock_fd);
    bx_closep(&store->fd);
    free(store->id);
    free(store->name);
    free(store->dir);
    free(store);
}
