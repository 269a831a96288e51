#include "mcp/client_servers.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/user_dir.h"
#include "mcp/client_parse.h"
#include "mcp/rpc.h"
#include "tool/lock.h"

/* ---- files ----------------------------------------------------------- */

/* A file's text; 1: there is none. is_own: nobody else may write it. */
static int read_file(const char *path, bool is_own, char **ret_text,
                     size_t *ret_bytes, bx_error **err)
{
    /* A link in a workspace may lead anywhere, a pipe would hold us up. */
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                                      (is_own ? 0 : O_NOFOLLOW));
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd < 0 || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return bx_error_set(err, BX_ERR_INVALID, "'%s' is no regular file",
                            path);
    if (is_own && bx_user_check_owner(fd, path, S_IWGRP | S_IWOTH, err) < 0)
        return -1;
    return bx_file_read_fd(fd, path, BX_SERVERS_FILE_MAX_BYTES, ret_text,
                           ret_bytes, err);
}

/* {"mcpServers": {...}}; other keys are other clients'. */
static json_t *parse(const char *path, const char *text, size_t bytes,
                     bx_error **err)
{
    json_t *error = NULL;
    json_t *root = bx_rpc_parse(text, bytes, &error);
    const char *why = bx_rpc_text(error, "message");

    if (root == NULL)
        bx_error_set(err, BX_ERR_INVALID, "'%s': %s", path,
                     why == NULL ? "no JSON" : why);
    else if (!json_is_object(json_object_get(root, "mcpServers")))
        bx_error_set(err, BX_ERR_INVALID,
                     "'%s': expected {\"mcpServers\": {\"NAME\": "
                     "{\"command\": ...}}}",
                     path);
    else if (json_object_size(json_object_get(root, "mcpServers")) >
             BX_SERVERS_MAX)
        bx_error_set(err, BX_ERR_LIMIT, "'%s': more than %d servers", path,
                     BX_SERVERS_MAX);
    else {
        json_decref(error);
        return root;
    }
    json_decref(error);
    json_decref(root);
    return NULL;
}

static int find_paths(const bx_servers_place *place, bx_remote_servers *servers,
                      char **ret_state, bx_error **err)
{
    const char *workspace = place->workspace == NULL ? "." : place->workspace;

    servers->workspace = realpath(workspace, NULL);
    if (servers->workspace == NULL)
        return bx_error_set_errno(err, errno, "workspace '%s'", workspace);
    servers->user_file = place->user_file != NULL
                             ? strdup(place->user_file)
                             : bx_user_config_path("mcp.json");
    *ret_state = place->state_dir != NULL ? strdup(place->state_dir)
                                          : bx_user_state_path(NULL);
    if (asprintf(&servers->workspace_file, "%s/%s", servers->workspace,
                 BX_SERVERS_WORKSPACE_FILE) < 0) {
        servers->workspace_file = NULL;
        return bx_error_set_nomem(err);
    }
    return 0;
}

/* ---- servers --------------------------------------------------------- */

/* Takes server, which may be NULL. */
static int add(bx_remote_servers *servers, bx_remote_server *server)
{
    bx_remote_server **grown =
        server == NULL
            ? NULL
            : realloc((void *)servers->items,
                      (servers->count + 1) * sizeof(bx_remote_server *));

    if (grown == NULL) {
        bx_remote_server_free(server);
        return -1;
    }
    servers->items = grown;
    grown[servers->count++] = server;
    return 0;
}

static bool is_same_name(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        int left = *a == '_' ? '-' : tolower((unsigned char)*a);
        int right = *b == '_' ? '-' : tolower((unsigned char)*b);

        if (left != right)
            return false;
    }
    return *a == *b;
}

static bool has_name(const bx_remote_servers *servers, const char *name)
{
    for (size_t i = 0; i < servers->count; i++) {
        if (is_same_name(servers->items[i]->name, name))
            return true;
    }
    return false;
}

static int add_all(bx_remote_servers *servers, const json_t *root,
                   const bx_server_origin *origin, bx_error **err)
{
    json_t *entries = json_object_get(root, "mcpServers");
    const char *name;
    json_t *entry;

    json_object_foreach(entries, name, entry)
    {
        bx_remote_server *server =
            bx_remote_server_parse(name, entry, origin, err);
        bool is_taken;

        if (server == NULL)
            return -1;
        is_taken = has_name(servers, name);
        if (is_taken && !origin->is_workspace) {
            bx_remote_server_free(server);
            return bx_error_set(err, BX_ERR_INVALID,
                                "server '%s': the name is another's before it; "
                                "case, '-' and '_' make no difference",
                                name);
        }
        if (is_taken)
            server->problem = strdup("the name is taken by another server, "
                                     "which comes first; rename this one");
        if (add(servers, server) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

static int load_user(bx_remote_servers *servers, const char *state_dir,
                     bx_error **err)
{
    const bx_server_origin origin = { servers->workspace, state_dir, false };
    bx_autofree char *text = NULL;
    size_t bytes = 0;
    json_t *root;
    int result;

    if (servers->user_file == NULL)
        return 0; /* no home */
    result = read_file(servers->user_file, true, &text, &bytes, err);
    if (result != 0)
        return result < 0 ? -1 : 0;
    root = parse(servers->user_file, text, bytes, err);
    if (root == NULL)
        return -1;
    result = add_all(servers, root, &origin, err);
    json_decref(root);
    return result < 0 ? bx_error_wrap(err, "'%s'", servers->user_file) : 0;
}

/* ---- the workspace's file -------------------------------------------- */

/* What approving it pins. */
static json_t *make_pin(const char *text, size_t bytes, const json_t *root)
{
    uint8_t digest[BX_DIGEST_BYTES];
    char shown[65];

    bx_sha256(text, bytes, digest);
    bx_digest_format(digest, shown);
    return json_pack("{s:s, s:O}", "digest", shown, "manifest", root);
}

typedef struct bx_workspace_file {
    json_t *root;
    json_t *pin;
    bx_lock *lock;
    const json_t *approved; /* borrowed from lock; NULL: never */
} bx_workspace_file;

static void clear_file(bx_workspace_file *file)
{
    json_decref(file->root);
    json_decref(file->pin);
    bx_lock_free(file->lock);
}

/* 1: there is none. */
static int open_file(const bx_remote_servers *servers, const char *state_dir,
                     bx_workspace_file *file, bx_error **err)
{
    bx_autofree char *text = NULL;
    size_t bytes = 0;
    int result = read_file(servers->workspace_file, false, &text, &bytes, err);

    if (result != 0)
        return result;
    file->root = parse(servers->workspace_file, text, bytes, err);
    if (file->root == NULL)
        return -1;
    file->pin = make_pin(text, bytes, file->root);
    if (file->pin == NULL)
        return bx_error_set_nomem(err);
    if (state_dir == NULL)
        return bx_user_fail_home("the lock file", "XDG_STATE_HOME", err);
    file->lock = bx_lock_load(state_dir, err);
    if (file->lock == NULL)
        return -1;
    file->approved =
        bx_lock_find(file->lock, servers->workspace, BX_SERVERS_WORKSPACE_FILE);
    return 0;
}

/* What is wrong with it keeps its own servers, and no others. */
static int load_workspace(bx_remote_servers *servers, const char *state_dir,
                          bx_error **err)
{
    const bx_server_origin origin = { servers->workspace, state_dir, true };
    bx_autoerror bx_error *why = NULL;
    bx_workspace_file file = { 0 };
    size_t first = servers->count;
    int result = open_file(servers, state_dir, &file, &why);

    servers->has_workspace_file = result != 1;
    if (result == 0) {
        servers->is_approved = file.approved != NULL &&
                               bx_lock_pin_equals(file.approved, file.pin);
        servers->is_changed = file.approved != NULL && !servers->is_approved;
        result = add_all(servers, file.root, &origin, &why);
    }
    clear_file(&file);
    if (result < 0) {
        while (servers->count > first)
            bx_remote_server_free(servers->items[--servers->count]);
        servers->is_approved = false;
        servers->problem = strdup(bx_error_message(why));
    } else if (servers->has_workspace_file && !servers->is_approved) {
        servers->problem =
            strdup(servers->is_changed
                       ? "it is not what was approved; `boxagnts mcp approve` "
                         "shows the difference"
                       : "it came with the workspace and nobody approved it; "
                         "see `boxagnts mcp approve`");
    }
    for (size_t i = first; i < servers->count; i++) {
        if (!servers->is_approved && servers->items[i]->problem == NULL)
            servers->items[i]->problem =
                strdup(servers->problem == NULL ? "" : servers->problem);
    }
    if (!servers->is_approved && servers->has_workspace_file &&
        servers->problem == NULL)
        return bx_error_set_nomem(err);
    return 0;
}

/* ---- all of them ----------------------------------------------------- */

int bx_remote_servers_load(const bx_servers_place *place,
                           bx_remote_servers *ret_servers, bx_error **err)
{
    bx_autoservers bx_remote_servers servers = { 0 };
    bx_autofree char *state_dir = NULL;

    if (find_paths(place, &servers, &state_dir, err) < 0 ||
        load_user(&servers, state_dir, err) < 0 ||
        load_workspace(&servers, state_dir, err) < 0)
        return -1;
    for (size_t i = 0; i < servers.count; i++) {
        bx_remote_server *server = servers.items[i];
        bx_autoerror bx_error *why = NULL;

        /* Only of those that will be started: an unapproved file asks no
         * variable. */
        if (server->problem == NULL && !server->is_off &&
            bx_remote_server_expand(server, &why) < 0)
            server->problem = strdup(bx_error_message(why));
    }
    *ret_servers = servers;
    servers = (bx_remote_servers){ 0 };
    return 0;
}

void bx_remote_servers_clear(bx_remote_servers *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        bx_remote_server_free(servers->items[i]);
    free((void *)servers->items);
    free(servers->workspace);
    free(servers->user_file);
    free(servers->workspace_file);
    free(servers->problem);
    *servers = (bx_remote_servers){ 0 };
}

bx_remote_server *bx_remote_servers_get(const bx_remote_servers *servers,
                                        const char *name, bx_error **err)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    for (size_t i = 0; i < servers->count; i++) {
        if (strcmp(servers->items[i]->name, name) == 0)
            return servers->items[i];
    }
    if (bx_buf_put_escaped(&shown, name, strlen(name), 64) < 0)
        bx_error_set_nomem(err);
    else if (servers->count == 0)
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "no MCP server '%s', nor any other; `boxagnts mcp add` "
                     "adds one",
                     shown.data);
    else
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "no MCP server '%s'; `boxagnts mcp list` shows the %zu "
                     "there are",
                     shown.data, servers->count);
    return NULL;
}

bool bx_remote_servers_is_ambiguous(const bx_remote_servers *servers,
                                    const bx_remote_server *server)
{
    size_t bytes = strlen(server->name);

    for (size_t i = 0; i < servers->count; i++) {
        const bx_remote_server *other = servers->items[i];
        size_t other_bytes = strlen(other->name);
        size_t least = bytes < other_bytes ? bytes : other_bytes;
        const char *longer = bytes < other_bytes ? other->name : server->name;
        char head[BX_SERVER_NAME_MAX + 1];

        /* No workspace changes what a user's tools are called. */
        if (other == server || (other->is_workspace && !server->is_workspace))
            continue;
        snprintf(head, sizeof(head), "%.*s", (int)least, longer);
        if ((longer[least] == '-' || longer[least] == '_' ||
             longer[least] == '\0') &&
            is_same_name(head,
                         bytes < other_bytes ? server->name : other->name))
            return true;
    }
    return false;
}

/* ---- approval -------------------------------------------------------- */

/* shown: what a person agreed to; NULL: nobody is asked yet. */
static int judge(const bx_servers_place *place, const char *shown,
                 char **ret_difference, bx_error **err)
{
    bx_autoservers bx_remote_servers servers = { 0 };
    bx_autofree char *state_dir = NULL;
    bx_workspace_file file = { 0 };
    bx_autofree char *difference = NULL;
    json_t *pins = NULL;
    int result;

    if (find_paths(place, &servers, &state_dir, err) < 0)
        return -1;
    result = open_file(&servers, state_dir, &file, err);
    if (result == 1)
        result = bx_error_set(err, BX_ERR_NOT_FOUND,
                              "'%s' does not exist: there is nothing to "
                              "approve",
                              servers.workspace_file);
    if (result == 0) {
        difference = bx_lock_difference(file.approved, file.pin, err);
        result = difference == NULL ? -1 : 0;
    }
    if (result == 0 && shown == NULL) {
        if (ret_difference != NULL)
            *ret_difference = bx_take(difference);
    } else if (result == 0 && strcmp(shown, difference) != 0) {
        result = bx_error_set(err, BX_ERR_DENIED,
                              "'%s' changed while it was looked at; look again",
                              servers.workspace_file);
    } else if (result == 0) {
        const bx_server_origin origin = { servers.workspace, state_dir, true };

        pins = json_pack("{s:O}", BX_SERVERS_WORKSPACE_FILE, file.pin);
        result = add_all(&servers, file.root, &origin, err);
        if (result == 0)
            result = bx_lock_record(state_dir, servers.workspace, pins, err);
    }
    json_decref(pins);
    clear_file(&file);
    return result;
}

int bx_remote_servers_difference(const bx_servers_place *place,
                                 char **ret_difference, bx_error **err)
{
    return judge(place, NULL, ret_difference, err);
}

int bx_remote_servers_approve(const bx_servers_place *place, const char *shown,
                              bx_error **err)
{
    return judge(place, shown, NULL, err);
}

/* ---- the user's file ------------------------------------------------- */

static int write_root(const char *path, const json_t *root, bx_error **err)
{
    bx_autofree char *text = bx_json_text(root, JSON_INDENT(2));
    bx_autobuf bx_buf whole = BX_BUF_INIT;

    if (text == NULL || bx_buf_puts(&whole, text) < 0 ||
        bx_buf_puts(&whole, "\n") < 0)
        return bx_error_set_nomem(err);
    if (bx_user_check_folder(path, err) < 0)
        return -1;
    /* It may hold keys. */
    return bx_file_replace(path, whole.data, whole.len, 0600, err);
}

static int change(const bx_servers_place *place, const char *name,
                  const json_t *entry, bx_error **err)
{
    bx_autoservers bx_remote_servers servers = { 0 };
    bx_autofree char *state_dir = NULL;
    bx_autofree char *text = NULL;
    size_t bytes = 0;
    json_t *root;
    int result;

    if (find_paths(place, &servers, &state_dir, err) < 0)
        return -1;
    if (servers.user_file == NULL)
        return bx_user_fail_home("mcp.json", "XDG_CONFIG_HOME", err);
    result = read_file(servers.user_file, true, &text, &bytes, err);
    if (result < 0)
        return -1;
    root = result == 1 ? json_pack("{s:{}}", "mcpServers")
                       : parse(servers.user_file, text, bytes, err);
    if (root == NULL)
        return -1;
    if (entry != NULL)
        result = json_object_set(json_object_get(root, "mcpServers"), name,
                                 (json_t *)entry) < 0
                     ? bx_error_set_nomem(err)
                     : 0;
    else
        result =
            json_object_del(json_object_get(root, "mcpServers"), name) < 0
                ? bx_error_set(err, BX_ERR_NOT_FOUND, "no server '%s' in '%s'",
                               name, servers.user_file)
                : 0;
    if (result == 0)
        result = write_root(servers.user_file, root, err);
    json_decref(root);
    return result;
}

int bx_remote_servers_add(const bx_servers_place *place, const char *name,
                          const json_t *entry, bx_error **err)
{
    bx_autoservers bx_remote_servers servers = { 0 };
    bx_remote_server *server;
    bx_server_origin origin = { 0 };

    if (bx_remote_servers_load(place, &servers, err) < 0)
        return -1;
    for (size_t i = 0; i < servers.count; i++) {
        if (!servers.items[i]->is_workspace &&
            is_same_name(servers.items[i]->name, name))
            return bx_error_set(err, BX_ERR_INVALID,
                                "there is a server '%s' already; `boxagnts mcp "
                                "remove %s` takes it out",
                                servers.items[i]->name, servers.items[i]->name);
    }
    origin.workspace = servers.workspace;
    server = bx_remote_server_parse(name, entry, &origin, err);
    if (server == NULL)
        return -1;
    bx_remote_server_free(server);
    return change(place, name, entry, err);
}

int bx_remote_servers_remove(const bx_servers_place *place, const char *name,
                             bx_error **err)
{
    return change(place, name, NULL, err);
}
