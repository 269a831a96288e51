#include "mcp/watched.h"

#include <string.h>

void bx_watched_clear(bx_watched *watched, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(watched[i].uri);
        free(watched[i].path);
    }
    free(watched);
}

int bx_watched_begin(const bx_mcp_server *server, const char *uri,
                     const char *path, bx_watched *ret_watched)
{
    *ret_watched = (bx_watched){ .uri = strdup(uri), .path = strdup(path) };
    if (ret_watched->uri == NULL || ret_watched->path == NULL) {
        free(ret_watched->uri);
        free(ret_watched->path);
        return -1;
    }
    (void)bx_watched_look(server, ret_watched);
    return 0;
}

bool bx_watched_look(const bx_mcp_server *server, bx_watched *watched)
{
    const bx_workspace_ask ask = { 0 };
    bx_workspace_stat stat = { 0 };
    bool exists = bx_workspace_look(server->workspace, watched->path, &ask,
                                    &stat, NULL) == 0;
    bool is_same = exists == watched->exists &&
                   stat.bytes == watched->stat.bytes &&
                   stat.modified_ns == watched->stat.modified_ns &&
                   stat.identity == watched->stat.identity;

    watched->exists = exists;
    watched->stat = stat;
    return !is_same;
}

/* Under the mutex. */
static size_t index_of(const bx_mcp_server *server, const char *uri)
{
    size_t i = 0;

    while (i < server->watched_count &&
           strcmp(server->watched[i].uri, uri) != 0)
        i++;
    return i;
}

int bx_watched_add(bx_mcp_server *server, const char *uri, const char *path)
{
    bx_watched watched;
    bx_watched *grown;
    int result = -1;

    if (bx_watched_begin(server, uri, path, &watched) < 0)
        return -1;
    pthread_mutex_lock(&server->mutex);
    if (index_of(server, uri) < server->watched_count) {
        result = 0;
    } else if (server->watched_count < BX_MCP_WATCHED_MAX &&
               (grown = realloc(server->watched, (server->watched_count + 1) *
                                                     sizeof(*grown))) != NULL) {
        server->watched = grown;
        grown[server->watched_count++] = watched;
        watched = (bx_watched){ 0 };
        pthread_cond_signal(&server->tick);
        result = 0;
    }
    pthread_mutex_unlock(&server->mutex);
    free(watched.uri);
    free(watched.path);
    return result;
}

void bx_watched_remove(bx_mcp_server *server, const char *uri)
{
    size_t i;

    pthread_mutex_lock(&server->mutex);
    i = index_of(server, uri);
    if (i < server->watched_count) {
        free(server->watched[i].uri);
        free(server->watched[i].path);
        server->watched[i] = server->watched[--server->watched_count];
    }
    pthread_mutex_unlock(&server->mutex);
}
