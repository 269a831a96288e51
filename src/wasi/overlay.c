/* An overlay's folder: made, opened, its mappings numbered. Only the user it
 * belongs to may look into it; what lies in it is checked all the same. */
#include "wasi/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/user_dir.h"
#include "base/utf8.h"
#include "wasi/overlay_edit.h"

#define MAPPINGS_MAX 4096u
#define STATE_BYTES (16u << 20) /* of overlay.json */
#define NAME_MAX_BYTES 64u
#define BUSY_NS INT64_C(10000000000) /* waited for a commit or drop */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- overlay.json --------------------------------------------------- */

static json_t *new_state(void)
{
    uint8_t random[16];
    char id[33];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return NULL;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    return json_pack("{s:i,s:s,s:I,s:[]}", "version", BX_OVERLAY_VERSION, "id",
                     id, "created_s", (json_int_t)time(NULL), "mappings");
}

static json_t *check_state(json_t *state, const char *dir, bx_error **err)
{
    json_t *mappings = json_object_get(state, "mappings");
    json_int_t version = json_integer_value(json_object_get(state, "version"));
    const char *wrong = NULL;

    if (version != BX_OVERLAY_VERSION) {
        bx_error_set(err, BX_ERR_INVALID,
                     "'%s/overlay.json' is of version %lld, expected %d: "
                     "commit or drop it with the program that made it",
                     dir, (long long)version, BX_OVERLAY_VERSION);
        return NULL;
    }
    if (!json_is_string(json_object_get(state, "id")))
        wrong = "\"id\" is not a string";
    else if (!json_is_array(mappings) ||
             json_array_size(mappings) > MAPPINGS_MAX)
        wrong = "\"mappings\" is not an array of at most 4096";
    for (size_t i = 0; wrong == NULL && i < json_array_size(mappings); i++) {
        if (!json_is_string(json_array_get(mappings, i)))
            wrong = "\"mappings\" has something other than strings";
    }
    if (wrong == NULL)
        return state;
    bx_error_set(err, BX_ERR_INVALID, "'%s/overlay.json': %s", dir, wrong);
    return NULL;
}

/* A new reference, or NULL. */
static json_t *load_state(const char *dir, const char *path, bx_error **err)
{
    bx_autofree char *text = NULL;
    bx_autoerror bx_error *why = NULL;
    json_error_t at;
    json_t *state;
    size_t bytes;

    if (bx_file_read(path, STATE_BYTES, &text, &bytes, &why) < 0) {
        if (bx_error_code(why) != BX_ERR_NOT_FOUND) {
            if (err != NULL)
                *err = bx_take(why);
            return NULL;
        }
        state = new_state();
        if (state == NULL)
            bx_error_set_nomem(err);
        return state;
    }
    state = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &at);
    if (state == NULL) {
        bx_error_set(err, BX_ERR_INVALID, "'%s': line %d: %s", path, at.line,
                     at.text);
        return NULL;
    }
    if (check_state(state, dir, err) == NULL) {
        json_decref(state);
        return NULL;
    }
    return state;
}

/* The number of each mapping; new ones are added. -1, or whether some were. */
static int number_mappings(json_t *state, const char *const *mappings,
                           size_t count, unsigned *ret_numbers, bx_error **err)
{
    json_t *list = json_object_get(state, "mappings");
    int added = 0;

    for (size_t i = 0; i < count; i++) {
        size_t number = 0;

        while (number < json_array_size(list) &&
               strcmp(json_string_value(json_array_get(list, number)),
                      mappings[i]) != 0)
            number++;
        ret_numbers[i] = (unsigned)number;
        if (number < json_array_size(list))
            continue;
        if (number == MAPPINGS_MAX)
            return bx_error_set(err, BX_ERR_LIMIT,
                                "more than %u folders in one overlay",
                                MAPPINGS_MAX);
        if (!bx_utf8_is_valid(mappings[i], strlen(mappings[i])))
            return bx_error_set(err, BX_ERR_INVALID,
                                "folder '%s': its name is not UTF-8, which an "
                                "overlay needs",
                                mappings[i]);
        if (json_array_append_new(list, json_string(mappings[i])) < 0)
            return bx_error_set_nomem(err);
        added = 1;
    }
    return added;
}

static int save_state(const json_t *state, const char *path, bx_error **err)
{
    char *text = bx_json_text(state, JSON_INDENT(2));
    int result;

    if (text == NULL)
        return bx_error_set_nomem(err);
    result = bx_file_replace(path, text, strlen(text), 0600, err);
    free(text);
    return result;
}

/* ---- folders -------------------------------------------------------- */

static int make_folder(int dir_fd, const char *name, const char *dir,
                       int *ret_fd, bx_error **err)
{
    if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
        return bx_error_set_errno(err, errno, "'%s': folder '%s'", dir, name);
    *ret_fd =
        openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd < 0)
        return bx_error_set_errno(err, errno, "'%s': folder '%s'", dir, name);
    return 0;
}

/* A mapping's own folder looks like the base's. */
static int copy_looks(int up_fd, const char *mapping, bx_error **err)
{
    struct timespec times[2];
    struct stat stat_;

    if (stat(mapping, &stat_) < 0)
        return bx_error_set_errno(err, errno, "'%s'", mapping);
    times[0] = stat_.st_atim;
    times[1] = stat_.st_mtim;
    if (fchmodat(up_fd, ".", stat_.st_mode & 07777, 0) < 0 ||
        utimensat(up_fd, ".", times, 0) < 0)
        return bx_error_set_errno(err, errno, "the overlay of '%s'", mapping);
    return 0;
}

static int open_trees(bx_overlay *overlay, const char *dir,
                      const char *const *mappings, const unsigned *numbers,
                      size_t count, bx_error **err)
{
    for (size_t i = 0; i < count; i++) {
        bx_overlay_tree *tree = &overlay->trees[numbers[i]];
        char name[16];
        bool is_new;

        if (tree->up_fd >= 0)
            continue;
        snprintf(name, sizeof(name), "%u", numbers[i]);
        is_new = faccessat(overlay->up_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
        if (make_folder(overlay->up_fd, name, dir, &tree->up_fd, err) < 0 ||
            make_folder(overlay->gone_fd, name, dir, &tree->gone_fd, err) < 0 ||
            (is_new && copy_looks(tree->up_fd, mappings[i], err) < 0))
            return -1;
    }
    return 0;
}

static int open_folders(bx_overlay *overlay, const char *dir, bx_error **err)
{
    if (make_folder(overlay->dir_fd, "up", dir, &overlay->up_fd, err) < 0 ||
        make_folder(overlay->dir_fd, "gone", dir, &overlay->gone_fd, err) < 0 ||
        make_folder(overlay->dir_fd, "tmp", dir, &overlay->tmp_fd, err) < 0)
        return -1;
    overlay->log_fd =
        openat(overlay->dir_fd, "base.log",
               O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (overlay->log_fd < 0)
        return bx_error_set_errno(err, errno, "'%s/base.log'", dir);
    return 0;
}

static int set_trees_count(bx_overlay *overlay, size_t count, bx_error **err)
{
    overlay->trees = calloc(count + 1, sizeof(*overlay->trees));
    if (overlay->trees == NULL)
        return bx_error_set_nomem(err);
    overlay->trees_count = count;
    for (size_t i = 0; i < count; i++)
        overlay->trees[i] = (bx_overlay_tree){ -1, -1 };
    return 0;
}

/* Is it an overlay, or nothing yet? */
static int check_folder(int dir_fd, const char *dir, bx_error **err)
{
    bx_autonamelist bx_name_list names = { .count = 0 };

    if (faccessat(dir_fd, "overlay.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (bx_layer_list(dir_fd, "", &names) < 0)
        return bx_error_set_errno(err, errno, "'%s'", dir);
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.list[i];

        if (strncmp(name, "overlay.json.", 13) != 0 &&
            strcmp(name, "in-use") != 0 && strcmp(name, "lock") != 0 &&
            strcmp(name, "protected.log") != 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "'%s' is no overlay: it has '%.80s', but no "
                                "overlay.json",
                                dir, name);
    }
    return 0;
}

/* Under the lock. */
static int open_locked(bx_overlay *overlay, const char *dir,
                       const char *const *mappings, size_t count,
                       unsigned *ret_numbers, bx_error **err)
{
    bx_autofree char *path = NULL;
    json_t *state;
    int result;

    if (asprintf(&path, "%s/overlay.json", dir) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    if (check_folder(overlay->dir_fd, dir, err) < 0)
        return -1;
    state = load_state(dir, path, err);
    if (state == NULL)
        return -1;
    result = number_mappings(state, mappings, count, ret_numbers, err);
    if (result >= 0 &&
        set_trees_count(overlay,
                        json_array_size(json_object_get(state, "mappings")),
                        err) < 0)
        result = -1;
    if (result > 0 || (result == 0 && access(path, F_OK) < 0))
        result = save_state(state, path, err);
    json_decref(state);
    if (result < 0 || open_folders(overlay, dir, err) < 0 ||
        open_trees(overlay, dir, mappings, ret_numbers, count, err) < 0)
        return -1;
    bx_overlay_tmp_clean(overlay);
    overlay->touched = bx_touched_open(dir, overlay->dir_fd, err);
    return overlay->touched == NULL ? -1 : 0;
}

/* Neither committed nor dropped while it is used. 1: it was dropped before it
 * was; 0; -1. */
static int begin_use(bx_overlay *overlay, const char *dir, bx_error **err)
{
    int64_t end_ns = bx_now_ns() + BUSY_NS;
    struct stat stat;

    overlay->use_fd = openat(overlay->dir_fd, "in-use",
                             O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (overlay->use_fd < 0)
        return bx_error_set_errno(err, errno, "'%s/in-use'", dir);
    while (flock(overlay->use_fd, LOCK_SH | LOCK_NB) < 0) {
        if (errno != EINTR && errno != EWOULDBLOCK)
            return bx_error_set_errno(err, errno, "'%s/in-use'", dir);
        if (bx_now_ns() > end_ns)
            return bx_error_set(err, BX_ERR_DENIED,
                                "'%s' is being committed or dropped: try again "
                                "when that has ended",
                                dir);
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    if (fstat(overlay->use_fd, &stat) < 0)
        return bx_error_set_errno(err, errno, "'%s/in-use'", dir);
    return stat.st_nlink == 0 ? 1 : 0;
}

static int open_folder(bx_overlay *overlay, const char *dir, bx_error **err)
{
    int result = 1;

    while (result > 0) {
        close_fd(&overlay->use_fd);
        close_fd(&overlay->dir_fd);
        if (bx_file_make_dirs(dir, 0700, err) < 0)
            return -1;
        overlay->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (overlay->dir_fd < 0)
            return bx_error_set_errno(err, errno, "'%s'", dir);
        if (bx_user_check_owner(overlay->dir_fd, dir, 0077, err) < 0)
            return -1;
        result = begin_use(overlay, dir, err);
    }
    return result;
}

static int open_lock(bx_overlay *overlay, const char *dir, bx_error **err)
{
    if (open_folder(overlay, dir, err) < 0)
        return -1;
    overlay->lock_fd = openat(overlay->dir_fd, "lock",
                              O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (overlay->lock_fd < 0)
        return bx_error_set_errno(err, errno, "'%s/lock'", dir);
    if (bx_overlay_lock(overlay, NULL) == 0)
        return 0;
    if (errno == ETIME)
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' is being changed by another run for more "
                            "than ten seconds: end that run, then try again",
                            dir);
    return bx_error_set_errno(err, errno, "'%s/lock'", dir);
}

bx_overlay *bx_overlay_open(const char *dir, const char *const *mappings,
                            size_t count, unsigned *ret_numbers, bx_error **err)
{
    bx_overlay *overlay = calloc(1, sizeof(*overlay));
    int result;

    if (overlay == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    overlay->dir_fd = overlay->up_fd = overlay->gone_fd = -1;
    overlay->tmp_fd = overlay->log_fd = overlay->lock_fd = -1;
    overlay->use_fd = -1;
    pthread_mutex_init(&overlay->mutex, NULL);
    result = open_lock(overlay, dir, err);
    if (result == 0) {
        result = open_locked(overlay, dir, mappings, count, ret_numbers, err);
        bx_overlay_unlock(overlay);
    }
    if (result == 0)
        return overlay;
    bx_error_wrap(err, "overlay");
    bx_overlay_free(overlay);
    return NULL;
}

void bx_overlay_free(bx_overlay *overlay)
{
    if (overlay == NULL)
        return;
    for (size_t i = 0; i < overlay->trees_count; i++) {
        close_fd(&overlay->trees[i].up_fd);
        close_fd(&overlay->trees[i].gone_fd);
    }
    free(overlay->trees);
    bx_touched_close(overlay->touched);
    close_fd(&overlay->log_fd);
    close_fd(&overlay->tmp_fd);
    close_fd(&overlay->gone_fd);
    close_fd(&overlay->up_fd);
    close_fd(&overlay->lock_fd);
    close_fd(&overlay->use_fd);
    close_fd(&overlay->dir_fd);
    pthread_mutex_destroy(&overlay->mutex);
    free(overlay);
}

bx_layers bx_overlay_layers(bx_overlay *overlay, unsigned number, int base_fd)
{
    return (bx_layers){ .overlay = overlay,
                        .number = number,
                        .base_fd = base_fd,
                        .up_fd = overlay->trees[number].up_fd,
                        .gone_fd = overlay->trees[number].gone_fd };
}

int bx_overlay_dir_fd(const bx_overlay *overlay)
{
    return overlay->dir_fd;
}

/* ---- names ---------------------------------------------------------- */

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return len > 0 && len <= NAME_MAX_BYTES && name[len] == '\0' &&
           name[0] != '.' && name[0] != '-';
}

char *bx_overlay_path(const char *name, bx_error **err)
{
    bx_autofree char *tail = NULL;
    char *path;

    if (!is_name(name)) {
        bx_error_set(err, BX_ERR_INVALID,
                     "'%.80s' cannot be an overlay's name: expected at most %u "
                     "letters, digits, '.', '_' and '-', a letter, digit or "
                     "'_' first",
                     name, NAME_MAX_BYTES);
        return NULL;
    }
    if (asprintf(&tail, "overlays/%s", name) < 0) {
        tail = NULL;
        bx_error_set_nomem(err);
        return NULL;
    }
    errno = 0;
    path = bx_user_state_path(tail);
    if (path == NULL && errno == ENOMEM)
        bx_error_set_nomem(err);
    else if (path == NULL)
        (void)bx_user_fail_home("overlays", "XDG_STATE_HOME", err);
    return path;
}
