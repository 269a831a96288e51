#include "mcp/client_hello.h"

#include <string.h>

#include "base/buf.h"
#include "mcp/agreement.h"
#include "mcp/client.h"

#define CURSOR_MAX_BYTES 4096
#define LEFT_OUT_TOLD 5 /* tools of a wrong shape that are told of */

/* ---- the handshake --------------------------------------------------- */

static void keep_title(const json_t *info, bx_hello *hello)
{
    const char *name = bx_rpc_text(info, "name");
    const char *version = bx_rpc_text(info, "version");
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (name == NULL)
        return;
    if (bx_buf_put_escaped(&shown, name, strlen(name), 64) == 0 &&
        version != NULL && bx_buf_puts(&shown, " ") == 0)
        (void)bx_buf_put_escaped(&shown, version, strlen(version), 32);
    snprintf(hello->title, sizeof(hello->title), "%s",
             shown.data == NULL ? "" : shown.data);
}

static bool has_tools(const json_t *result)
{
    return json_is_object(
        json_object_get(json_object_get(result, "capabilities"), "tools"));
}

static json_t *own_info(void)
{
    return json_pack("{s:s, s:s, s:s}", "name", "boxagnts", "title", "BoxAgnts",
                     "version", bx_version());
}

/* Sampling and elicitation are not offered: a server does not get to spend a
 * model's tokens, nor to ask a person in our name. */
static int initialize(bx_link *link, bool has_root, const bx_wait *wait,
                      json_t **ret_result, int *ret_code, bx_error **err)
{
    json_t *capabilities = json_object();
    bx_link_request request = { .method = "initialize", .wait = wait };
    int result;

    if (has_root)
        json_object_set_new(capabilities, "roots", json_object());
    request.params =
        json_pack("{s:s, s:o, s:o}", "protocolVersion",
                  bx_revision_name(BX_REVISION_LAST_HANDSHAKE), "capabilities",
                  capabilities, "clientInfo", own_info());
    result = bx_link_ask(link, &request, ret_result, err);
    *ret_code = request.error_code;
    json_decref(request.error_data);
    return result;
}

static int take_version(bx_link *link, const json_t *result, bx_hello *hello,
                        bx_error **err)
{
    const char *version = bx_rpc_text(result, "protocolVersion");
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    bx_revision revision;

    if (version == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "its answer to \"initialize\" has no "
                            "\"protocolVersion\"");
    if (bx_revision_find(version, &revision) < 0 ||
        revision > BX_REVISION_LAST_HANDSHAKE) {
        if (bx_buf_put_escaped(&shown, version, strlen(version), 32) < 0)
            return bx_error_set_nomem(err);
        return bx_error_set(err, BX_ERR_INVALID,
                            "it speaks protocol '%s'; known here are %s to %s",
                            shown.data,
                            bx_revision_name(BX_REVISION_2024_11_05),
                            bx_revision_name(BX_REVISION_LAST_HANDSHAKE));
    }
    snprintf(hello->revision, sizeof(hello->revision), "%s",
             bx_revision_name(revision));
    return bx_link_set_revision(link, hello->revision, err);
}

/* A server of 2026-07-28 alone. */
static int discover(bx_link *link, const bx_wait *wait, bx_hello *hello,
                    bx_error **err)
{
    static const bx_revision revision = BX_REVISION_2026_07_28;
    bx_link_request request = { .method = "server/discover", .wait = wait };
    json_t *result = NULL;
    const json_t *versions;
    bool is_known = false;
    size_t i;
    json_t *item;

    if (bx_link_set_revision(link, bx_revision_name(revision), err) < 0)
        return -1;
    bx_link_set_stateless(link, true);
    if (bx_link_ask(link, &request, &result, err) < 0) {
        json_decref(request.error_data);
        return bx_error_wrap(err, "it has no handshake");
    }
    versions = json_object_get(result, "supportedVersions");
    json_array_foreach(versions, i, item)
    {
        const char *name = json_string_value(item);

        is_known |=
            name != NULL && strcmp(name, bx_revision_name(revision)) == 0;
    }
    hello->has_tools = has_tools(result);
    keep_title(
        json_object_get(json_object_get(result, "_meta"), BX_META_SERVER),
        hello);
    json_decref(result);
    if (!is_known)
        return bx_error_set(err, BX_ERR_INVALID,
                            "it speaks no protocol that is known here");
    snprintf(hello->revision, sizeof(hello->revision), "%s",
             bx_revision_name(revision));
    return 0;
}

int bx_hello_open(bx_link *link, bool has_root, const bx_wait *wait,
                  bx_hello *ret_hello, bx_error **err)
{
    bx_hello hello = { 0 };
    bx_error *why = NULL;
    json_t *result = NULL;
    int code;
    int failed;

    if (initialize(link, has_root, wait, &result, &code, &why) < 0) {
        if (code == BX_RPC_NO_METHOD || code == BX_RPC_UNSUPPORTED_VERSION) {
            bx_error_free(why);
            failed = discover(link, wait, &hello, err);
        } else {
            failed = -1;
            if (err != NULL)
                *err = why;
            else
                bx_error_free(why);
        }
        if (failed == 0)
            *ret_hello = hello;
        return failed;
    }
    hello.has_tools = has_tools(result);
    keep_title(json_object_get(result, "serverInfo"), &hello);
    failed = take_version(link, result, &hello, err);
    json_decref(result);
    if (failed < 0 ||
        bx_link_tell(link, "notifications/initialized", NULL, wait, err) < 0)
        return -1;
    *ret_hello = hello;
    return 0;
}

/* ---- its tools ------------------------------------------------------- */

typedef struct bx_listing {
    json_t *tools;
    json_t *names;   /* object: those there are */
    json_t *cursors; /* object: those that were used */
    size_t bytes;
    size_t left_out;
    const bx_link_listener *listener;
} bx_listing;

/* A name that can be sent back, and a schema to hold arguments against. */
static const char *check_tool(const bx_listing *listing, const json_t *tool)
{
    const char *name = bx_rpc_text(tool, "name");

    if (name == NULL || name[0] == '\0' || strlen(name) > BX_CLIENT_NAME_MAX)
        return "its \"name\" is no text of 1 to 256 bytes";
    if (json_object_get(listing->names, name) != NULL)
        return "there is another of the same name before it";
    if (!json_is_object(json_object_get(tool, "inputSchema")))
        return "its \"inputSchema\" is no object";
    return NULL;
}

static void leave_out(bx_listing *listing, const json_t *tool, const char *why)
{
    const char *name = bx_rpc_text(tool, "name");
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (listing->left_out++ >= LEFT_OUT_TOLD)
        return;
    if (name == NULL)
        name = "?";
    if (bx_buf_puts(&text, "tool '") == 0 &&
        bx_buf_put_escaped(&text, name, strlen(name), 64) == 0 &&
        bx_buf_printf(&text, "' is left out: %s", why) == 0)
        listing->listener->log(listing->listener->context, text.data);
}

static int take_page(bx_listing *listing, const json_t *page, bx_error **err)
{
    const json_t *tools = json_object_get(page, "tools");
    size_t i;
    json_t *tool;

    if (!json_is_array(tools))
        return bx_error_set(err, BX_ERR_INVALID,
                            "its list of tools has no array \"tools\"");
    json_array_foreach(tools, i, tool)
    {
        const char *why = check_tool(listing, tool);

        listing->bytes += json_dumpb(tool, NULL, 0, JSON_COMPACT) + 16;
        if (listing->bytes > BX_CLIENT_LIST_MAX_BYTES ||
            json_array_size(listing->tools) == BX_CLIENT_MAX_TOOLS)
            return bx_error_set(err, BX_ERR_LIMIT,
                                "it lists more than %d tools or %u bytes of "
                                "them",
                                BX_CLIENT_MAX_TOOLS, BX_CLIENT_LIST_MAX_BYTES);
        if (why != NULL)
            leave_out(listing, tool, why);
        else if (json_object_set_new(listing->names, bx_rpc_text(tool, "name"),
                                     json_true()) < 0 ||
                 json_array_append(listing->tools, tool) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* 1: there is another page, whose cursor is in ret_cursor; 0: that was all. */
static int next_page(bx_listing *listing, const json_t *page,
                     json_t **ret_cursor, bx_error **err)
{
    json_t *cursor = json_object_get(page, "nextCursor");
    const char *text = bx_rpc_text(page, "nextCursor");

    if (cursor == NULL || json_is_null(cursor))
        return 0;
    if (text == NULL || strlen(text) > CURSOR_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "its \"nextCursor\" is no text of at most %d bytes",
                            CURSOR_MAX_BYTES);
    if (json_object_get(listing->cursors, text) != NULL ||
        json_object_size(listing->cursors) == BX_CLIENT_MAX_PAGES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "its list of tools has no end: a page again, or "
                            "more than %d",
                            BX_CLIENT_MAX_PAGES);
    if (json_object_set_new(listing->cursors, text, json_true()) < 0)
        return bx_error_set_nomem(err);
    json_decref(*ret_cursor);
    *ret_cursor = json_incref(cursor);
    return 1;
}

static int list(bx_link *link, const bx_wait *wait, bx_listing *listing,
                bx_error **err)
{
    json_t *cursor = NULL;
    int more = 1;

    while (more == 1) {
        bx_link_request request = { .method = "tools/list", .wait = wait };
        json_t *page = NULL;

        if (cursor != NULL)
            request.params = json_pack("{s:O}", "cursor", cursor);
        more = bx_link_ask(link, &request, &page, err);
        json_decref(request.error_data);
        if (more == 0)
            more = take_page(listing, page, err);
        if (more == 0)
            more = next_page(listing, page, &cursor, err);
        json_decref(page);
    }
    json_decref(cursor);
    return more;
}

json_t *bx_hello_list_tools(bx_link *link, const bx_wait *wait,
                            const bx_link_listener *listener, bx_error **err)
{
    bx_listing listing = { .tools = json_array(),
                           .names = json_object(),
                           .cursors = json_object(),
                           .listener = listener };
    int result = list(link, wait, &listing, err);

    json_decref(listing.names);
    json_decref(listing.cursors);
    if (result == 0)
        return listing.tools;
    json_decref(listing.tools);
    return NULL;
}
