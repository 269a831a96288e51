#include "mcp/oauth_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/user_dir.h"
#include "mcp/rpc.h"

#define LOCK_FILE "mcp-tokens.lock"

static char *find_path(const char *name, bx_error **err)
{
    char *path = bx_user_state_path(name);

    if (path == NULL)
        (void)bx_user_fail_home("the tokens of MCP servers", "XDG_STATE_HOME",
                                err);
    return path;
}

/* {"servers": {URL: {...}}}; an empty one when there is no file. */
static json_t *load(bx_error **err)
{
    bx_autofree char *path = find_path(BX_OAUTH_STORE_FILE, err);
    bx_autofree char *text = NULL;
    bx_autofd int fd = -1;
    size_t bytes = 0;
    json_t *error = NULL;
    json_t *root;

    if (path == NULL)
        return NULL;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return json_pack("{s:{}}", "servers");
    if (fd < 0) {
        bx_error_set_errno(err, errno, "'%s'", path);
        return NULL;
    }
    if (bx_user_check_owner(fd, path, S_IRWXG | S_IRWXO, err) < 0 ||
        bx_file_read_fd(fd, path, BX_OAUTH_STORE_MAX_BYTES, &text, &bytes,
                        err) < 0)
        return NULL;
    root = bx_rpc_parse(text, bytes, &error);
    explicit_bzero(text, bytes);
    json_decref(error);
    if (json_is_object(json_object_get(root, "servers")))
        return root;
    json_decref(root);
    bx_error_set(err, BX_ERR_INVALID,
                 "'%s' is no file of tokens; remove it and sign in again",
                 path);
    return NULL;
}

json_t *bx_oauth_store_find(const char *url, bx_error **err)
{
    json_t *root = load(err);
    json_t *entry = json_object_get(json_object_get(root, "servers"), url);

    entry = json_is_object(entry) ? json_incref(entry) : NULL;
    json_decref(root);
    return entry;
}

int bx_oauth_store_lock(const bx_wait *wait, int *ret_lock, bx_error **err)
{
    bx_autofree char *path = find_path(LOCK_FILE, err);
    bx_autofd int fd = -1;

    if (path == NULL || bx_user_check_folder(path, err) < 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return bx_error_set_errno(err, errno, "'%s'", path);
        if (bx_wait_check(wait, NULL) < 0)
            return bx_error_set_errno(
                err, EBUSY, "another program keeps '%s' locked", path);
        (void)usleep(BX_WAIT_TICK_MS * 1000);
    }
    *ret_lock = bx_take_fd(&fd);
    return 0;
}

void bx_oauth_store_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

int bx_oauth_store_put(const char *url, json_t *entry, bx_error **err)
{
    bx_autofree char *path = find_path(BX_OAUTH_STORE_FILE, err);
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autofree char *json = NULL;
    json_t *root = path == NULL ? NULL : load(err);
    json_t *servers = json_object_get(root, "servers");
    int result;

    if (root == NULL)
        return -1;
    if (entry == NULL)
        (void)json_object_del(servers, url);
    if (entry != NULL && json_object_set(servers, url, entry) < 0)
        result = bx_error_set_nomem(err);
    else
        result = 0;
    if (result == 0) {
        json = bx_json_text(root, JSON_INDENT(2) | JSON_SORT_KEYS);
        if (json == NULL || bx_buf_puts(&text, json) < 0 ||
            bx_buf_puts(&text, "\n") < 0)
            result = bx_error_set_nomem(err);
        else
            result = bx_file_replace(path, text.data, text.len, 0600, err);
    }
    if (json != NULL)
        explicit_bzero(json, strlen(json));
    if (text.data != NULL)
        explicit_bzero(text.data, text.len);
    json_decref(root);
    return result;
}
