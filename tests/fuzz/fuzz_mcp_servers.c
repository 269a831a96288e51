/* A workspace's .mcp.json, which comes with it: what is in it, before anybody
 * has approved it. */
#include <stdlib.h>
#include <string.h>

#include "mcp/client_parse.h"
#include "mcp/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const bx_server_origin origin = { "/work", "/state", true };

static void take(const char *name, const json_t *entry)
{
    bx_error *err = NULL;
    bx_remote_server *server =
        bx_remote_server_parse(name, entry, &origin, &err);
    char text[] = "a text that holds sk-0123456789";

    if ((server == NULL) != (err != NULL))
        abort();
    if (server == NULL) {
        bx_error_free(err);
        return;
    }
    if ((server->command == NULL) == (server->url == NULL) ||
        !bx_remote_server_name_is_valid(server->name) ||
        server->identity == NULL)
        abort();
    for (size_t i = 0; i < server->read.count; i++) {
        if (server->read.items[i][0] != '/')
            abort();
    }
    for (size_t i = 0; i < server->write.count; i++) {
        if (server->write.items[i][0] != '/')
            abort();
    }
    (void)bx_remote_server_expand(server, NULL);
    (void)bx_remote_server_level(server, "tool", entry);
    bx_remote_server_mask(server, text);
    if (strlen(text) != sizeof(text) - 1)
        abort();
    bx_remote_server_free(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *error = NULL;
    json_t *root = bx_rpc_parse((const char *)data, size, &error);
    const char *name;
    json_t *entry;

    json_object_foreach(json_object_get(root, "mcpServers"), name, entry)
        take(name, entry);
    json_decref(error);
    json_decref(root);
    return 0;
}
