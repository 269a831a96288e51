/* The lock file:
 *
 *     {"version": 1, "scopes": {"user": {"grep": {"digest": "...",
 *      "manifest": {...}, "approved": "2026-11-21T12:00:00Z"}},
 *      "/home/ann/project": {...}}}
 */
#include "tool/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/user_dir.h"

#define VERSION 1

struct bx_lock {
    json_t *root;
};

static char *lock_path(const char *state_dir)
{
    char *path;

    return asprintf(&path, "%s/tools.lock", state_dir) < 0 ? NULL : path;
}

/* Every scope an object of objects: what is read later needs no more checks. */
static int check(const json_t *root, bx_error **err)
{
    const json_t *scopes = json_object_get(root, "scopes");
    const char *scope;
    const char *name;
    json_t *pins;
    json_t *pin;

    if (json_integer_value(json_object_get(root, "version")) != VERSION)
        return bx_error_set(err, BX_ERR_INVALID, "expected \"version\": %d",
                            VERSION);
    if (!json_is_object(scopes))
        return bx_error_set(err, BX_ERR_INVALID,
                            "\"scopes\": expected an object");
    json_object_foreach((json_t *)scopes, scope, pins)
    {
        if (!json_is_object(pins))
            return bx_error_set(err, BX_ERR_INVALID,
                                "scope '%s': expected an object", scope);
        json_object_foreach(pins, name, pin)
        {
            if (json_string_length(json_object_get(pin, "digest")) != 64 ||
                !json_is_object(json_object_get(pin, "manifest")))
                return bx_error_set(err, BX_ERR_INVALID,
                                    "'%s': expected \"digest\" and "
                                    "\"manifest\"",
                                    name);
        }
    }
    return 0;
}

static json_t *read_root(const char *path, bx_error **err)
{
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bx_autofree char *text = NULL;
    size_t bytes;
    json_error_t problem;
    json_t *root;

    if (fd < 0 && errno == ENOENT)
        return json_pack("{s:i, s:{}}", "version", VERSION, "scopes");
    if (fd < 0) {
        bx_error_set_errno(err, errno, "'%s'", path);
        return NULL;
    }
    /* Who can write it approves tools in our name. */
    if (bx_user_check_owner(fd, path, S_IWGRP | S_IWOTH, err) < 0) {
        bx_error_wrap(err, "lock file");
        return NULL;
    }
    if (bx_file_read_fd(fd, path, BX_LOCK_MAX_BYTES, &text, &bytes, err) < 0)
        return NULL;
    root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &problem);
    if (root == NULL)
        bx_error_set(err, BX_ERR_INVALID, "lock file '%s': line %d: %s", path,
                     problem.line, problem.text);
    else if (check(root, err) < 0)
        bx_error_wrap(err, "lock file '%s'", path);
    else
        return root;
    json_decref(root);
    return NULL;
}

bx_lock *bx_lock_load(const char *state_dir, bx_error **err)
{
    bx_autofree char *path = lock_path(state_dir);
    bx_lock *lock = calloc(1, sizeof(*lock));

    if (lock == NULL || path == NULL) {
        free(lock);
        bx_error_set_nomem(err);
        return NULL;
    }
    lock->root = read_root(path, err);
    if (lock->root == NULL) {
        free(lock);
        return NULL;
    }
    return lock;
}

void bx_lock_free(bx_lock *lock)
{
    if (lock == NULL)
        return;
    json_decref(lock->root);
    free(lock);
}

const json_t *bx_lock_find(const bx_lock *lock, const char *scope,
                           const char *name)
{
    return json_object_get(
        json_object_get(json_object_get(lock->root, "scopes"), scope), name);
}

/* What the host made of --help text or exports. */
static json_t *describe(const bx_manifest *manifest)
{
    bx_autofree char *grants = bx_grants_format(manifest->grants, NULL);

    if (grants == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:o, s:O, s:O*, s:O*, s:s*}", "name",
                     manifest->name, "description", manifest->description,
                     "permission_level", bx_level_name(manifest->level),
                     "grants", json_loads(grants, 0, NULL), "input_schema",
                     manifest->input_schema, "output_schema",
                     manifest->output_schema, "flags", manifest->flags,
                     "function", manifest->function);
}

json_t *bx_lock_pin(const bx_tool *tool)
{
    json_t *source = tool->manifest->source;

    return json_pack("{s:s, s:o}", "digest", tool->digest, "manifest",
                     source == NULL ? describe(tool->manifest)
                                    : json_incref(source));
}

bool bx_lock_pin_equals(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "digest"),
                      json_object_get(b, "digest")) &&
           json_equal(json_object_get(a, "manifest"),
                      json_object_get(b, "manifest"));
}

static json_t *now_json(void)
{
    char text[32];
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

static int save(const char *path, const json_t *root, bx_error **err)
{
    bx_autofree char *text =
        bx_json_text(root, JSON_INDENT(2) | JSON_SORT_KEYS);

    if (text == NULL)
        return bx_error_set_nomem(err);
    return bx_file_replace(path, text, strlen(text), 0600, err);
}

/* The folder's own lock: the file itself is replaced. */
static int lock_folder(const char *state_dir, int *ret_fd, bx_error **err)
{
    if (bx_file_make_dirs(state_dir, 0700, err) < 0)
        return -1;
    *ret_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", state_dir);
    while (flock(*ret_fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return bx_error_set_errno(err, errno, "lock '%s'", state_dir);
    }
    return 0;
}

typedef int (*bx_lock_edit)(json_t *root, const char *scope, void *context,
                            bx_error **err);

static int edit(const char *state_dir, const char *scope, bx_lock_edit change,
                void *context, bx_error **err)
{
    bx_autofree char *path = lock_path(state_dir);
    bx_autofd int fd = -1;
    json_t *root;
    int result = -1;

    if (path == NULL)
        return bx_error_set_nomem(err);
    if (lock_folder(state_dir, &fd, err) < 0)
        return -1;
    root = read_root(path, err);
    if (root != NULL && change(root, scope, context, err) == 0)
        result = save(path, root, err);
    json_decref(root);
    return result;
}

static int put_pins(json_t *root, const char *scope, void *context,
                    bx_error **err)
{
    json_t *scopes = json_object_get(root, "scopes");
    json_t *pins = json_object_get(scopes, scope);
    const char *name;
    json_t *pin;

    if (pins == NULL) {
        pins = json_object();
        if (json_object_set_new(scopes, scope, pins) < 0)
            return bx_error_set_nomem(err);
    }
    json_object_foreach((json_t *)context, name, pin)
    {
        if (json_object_set_new(pin, "approved", now_json()) < 0 ||
            json_object_set(pins, name, pin) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

int bx_lock_record(const char *state_dir, const char *scope, json_t *pins,
                   bx_error **err)
{
    return edit(state_dir, scope, put_pins, pins, err);
}

static int drop_pin(json_t *root, const char *scope, void *context,
                    bx_error **err)
{
    json_t *pins = json_object_get(json_object_get(root, "scopes"), scope);

    if (json_object_del(pins, context) < 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND, "'%s' was not approved",
                            (const char *)context);
    return 0;
}

int bx_lock_forget(const char *state_dir, const char *scope, const char *name,
                   bx_error **err)
{
    return edit(state_dir, scope, drop_pin, (void *)name, err);
}
