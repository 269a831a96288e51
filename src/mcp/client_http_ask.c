/* What each request to a server has: its headers, who we are; and what a
 * refusal says. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mcp/client_http_state.h"
#include "mcp/content_type.h"
#include "mcp/oauth.h"
#include "mcp/rpc.h"

#define SHOWN_BYTES 300 /* of what a failure says */

/* ---- headers ---------------------------------------------------------- */

/* A name that cannot stand in a header is coded, as 2026-07-28 has it. */
static int put_name(const char *name, bx_http_fields *fields, bx_error **err)
{
    size_t bytes = strlen(name);
    bx_autofree char *coded = NULL;
    bx_autofree char *text = NULL;
    bool is_plain = name[0] != ' ' && (bytes == 0 || name[bytes - 1] != ' ') &&
                    strncmp(name, "=?base64?", 9) != 0;

    for (size_t i = 0; i < bytes; i++)
        is_plain = is_plain && name[i] >= 0x20 && name[i] <= 0x7e;
    if (is_plain)
        return bx_web_put_field(fields, "Mcp-Name", name, err);
    coded = bx_content_base64(name, bytes);
    if (coded == NULL || asprintf(&text, "=?base64?%s?=", coded) < 0) {
        text = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_web_put_field(fields, "Mcp-Name", text, err);
}

/* Since 2026-07-28 headers say what the body asks for. */
static int put_routing(const json_t *message, bx_http_fields *fields,
                       bx_error **err)
{
    const char *method = bx_rpc_text(message, "method");
    const char *name = bx_rpc_text(json_object_get(message, "params"), "name");

    if (method != NULL &&
        bx_web_put_field(fields, "Mcp-Method", method, err) < 0)
        return -1;
    if (method == NULL || name == NULL || strcmp(method, "tools/call") != 0)
        return 0;
    return put_name(name, fields, err);
}

int bx_http_put_own(const bx_remote_server *server, bx_http_fields *fields,
                    bx_error **err)
{
    for (size_t i = 0; i < server->headers.count; i++) {
        const bx_server_pair *pair = &server->headers.items[i];

        if (bx_web_put_field(
                fields, pair->name,
                pair->expanded != NULL ? pair->expanded : pair->value, err) < 0)
            return bx_error_wrap(err, "\"headers\"");
    }
    return 0;
}

static int put_fields(bx_http_transport *http, const bx_http_ask *ask,
                      bx_http_fields *fields, bx_error **err)
{
    char session[sizeof(http->session)];
    char revision[sizeof(http->revision)];

    pthread_mutex_lock(&http->mutex);
    memcpy(session, http->session, sizeof(session));
    memcpy(revision, http->revision, sizeof(revision));
    pthread_mutex_unlock(&http->mutex);
    if (bx_http_put_own(http->server, fields, err) < 0 ||
        (ask->body != NULL && bx_web_put_field(fields, "Content-Type",
                                               "application/json", err) < 0) ||
        (ask->accept != NULL &&
         bx_web_put_field(fields, "Accept", ask->accept, err) < 0) ||
        (ask->last_event_id != NULL && ask->last_event_id[0] != '\0' &&
         bx_web_put_field(fields, "Last-Event-ID", ask->last_event_id, err) <
             0) ||
        (session[0] != '\0' &&
         bx_web_put_field(fields, "Mcp-Session-Id", session, err) < 0) ||
        (revision[0] != '\0' &&
         bx_web_put_field(fields, "MCP-Protocol-Version", revision, err) < 0))
        return -1;
    return bx_http_is_stateless(revision)
               ? put_routing(ask->message, fields, err)
               : 0;
}

/* ---- refusals --------------------------------------------------------- */

/* With the words of an error of JSON-RPC, or the text itself. */
int bx_http_fail_words(bx_web_call *call, const bx_http_head *head,
                       const json_t *message, const char *text, bx_error **err)
{
    const char *words =
        bx_rpc_text(json_object_get(message, "error"), "message");
    bx_autofree char *shown =
        bx_web_show(call, words != NULL ? words : text, SHOWN_BYTES);
    const char *colon = shown == NULL || shown[0] == '\0' ? "" : ": ";

    if (shown == NULL)
        return bx_error_set_nomem(err);
    /* What may pass is no fault of the request. */
    if (head->status >= 500 || head->status == 429)
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "the server fails (HTTP %u)%s%s", head->status,
                            colon, shown);
    return bx_error_set(err, BX_ERR_INVALID, "the server refuses (HTTP %u)%s%s",
                        head->status, colon, shown);
}

static int fail_redirect(bx_web_call *call, const bx_http_head *head,
                         bx_error **err)
{
    bx_autofree char *to =
        bx_web_show(call, bx_web_header(head, "location"), SHOWN_BYTES);

    if (to == NULL)
        return bx_error_set_nomem(err);
    to[strcspn(to, "?#")] = '\0';
    return bx_error_set(err, BX_ERR_INVALID,
                        "the server leads on to '%s' (HTTP %u), which is not "
                        "followed; if it is the server's place, give it as "
                        "\"url\"",
                        to, head->status);
}

int bx_http_fail_status(bx_web_call *call, const bx_http_head *head,
                        bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *error = NULL;
    json_t *message = NULL;

    if (head->status >= 300 && head->status < 400)
        return fail_redirect(call, head, err);
    /* The status alone says enough. */
    if (bx_web_read_all(call, BX_HTTP_FAILURE_MAX_BYTES, &text, NULL) < 0)
        text.len = 0;
    else if (bx_web_is_type(head, "application/json"))
        message = bx_rpc_parse(text.data, text.len, &error);
    (void)bx_http_fail_words(call, head, message,
                             text.len == 0 ? "" : text.data, err);
    json_decref(message);
    json_decref(error);
    return -1;
}

/* ---- who we are ------------------------------------------------------- */

static bool has_own_authorization(const bx_remote_server *server)
{
    for (size_t i = 0; i < server->headers.count; i++) {
        if (strcasecmp(server->headers.items[i].name, "Authorization") == 0)
            return true;
    }
    return false;
}

static int fail_sign_in(const bx_http_transport *http, bx_error **err)
{
    if (has_own_authorization(http->server))
        return bx_error_set(err, BX_ERR_DENIED,
                            "the server refuses the Authorization in "
                            "\"headers\" (HTTP 401)");
    return bx_error_set(err, BX_ERR_DENIED,
                        "the server wants a sign-in (HTTP 401): `boxagnts mcp "
                        "login %s` signs in; or put its key into \"headers\"",
                        http->server->name);
}

/* Signed in, but for less: a person has to agree to more. */
static int fail_scope(const bx_http_transport *http, bx_web_call *call,
                      const bx_http_head *head, bx_error **err)
{
    bx_oauth_challenge challenge;
    int result;

    bx_oauth_challenge_parse(bx_web_header(head, "www-authenticate"),
                             &challenge);
    if (challenge.error == NULL ||
        strcmp(challenge.error, "insufficient_scope") != 0)
        result = bx_http_fail_status(call, head, err);
    else if (challenge.scope == NULL ||
             !bx_oauth_scope_is_valid(challenge.scope) ||
             strchr(challenge.scope, '\'') != NULL)
        result = bx_error_set(err, BX_ERR_DENIED,
                              "the server wants a sign-in for more than this "
                              "one gives (HTTP 403); it does not say for what");
    else
        result = bx_error_set(err, BX_ERR_DENIED,
                              "the server wants a sign-in for more (HTTP 403): "
                              "`boxagnts mcp login %s --scope '%s'`",
                              http->server->name, challenge.scope);
    bx_oauth_challenge_clear(&challenge);
    return result;
}

/* ---- a request -------------------------------------------------------- */

static bx_mask *make_mask(const bx_http_transport *http,
                          const char *authorization)
{
    bx_mask *mask = bx_mask_new();

    if (mask != NULL && bx_remote_server_add_secrets(http->server, mask) == 0 &&
        (authorization == NULL ||
         bx_mask_add(mask, strchr(authorization, ' ') + 1) == 0))
        return mask;
    bx_mask_free(mask);
    return NULL;
}

static int ask_once(bx_http_transport *http, const bx_http_ask *ask,
                    const char *authorization, const bx_wait *wait,
                    bx_web_call **ret_call, bx_http_head *ret_head,
                    bx_error **err)
{
    bx_autofields bx_http_fields fields = BX_HTTP_FIELDS_INIT;
    bx_web_request request = { .method = ask->method,
                               .fields = &fields,
                               .body = ask->body,
                               .is_followed = true };

    if (put_fields(http, ask, &fields, err) < 0 ||
        (authorization != NULL &&
         bx_web_put_field(&fields, "Authorization", authorization, err) < 0))
        return -1;
    request.mask = make_mask(http, authorization);
    if (request.mask == NULL)
        return bx_error_set_nomem(err);
    return bx_web_open(http->web, &request, wait, ret_call, ret_head, err);
}

int bx_http_ask_server(bx_http_transport *http, const bx_http_ask *ask,
                       const bx_wait *wait, bx_web_call **ret_call,
                       bx_http_head *ret_head, bx_error **err)
{
    bool is_own = has_own_authorization(http->server);
    bx_autofree char *authorization = NULL;
    bx_autofree char *next = NULL;

    if (!is_own &&
        bx_oauth_authorization(http->server, wait, &authorization, err) < 0)
        return -1;
    if (ask_once(http, ask, authorization, wait, ret_call, ret_head, err) < 0)
        return -1;
    /* A request that was refused had no effect: it goes once more. */
    if (ret_head->status == 401 && authorization != NULL) {
        bx_web_close(bx_take(*ret_call));
        if (bx_oauth_renew(http->server, authorization, wait, &next, err) < 0 ||
            ask_once(http, ask, next, wait, ret_call, ret_head, err) < 0)
            return -1;
    }
    if (ret_head->status != 401 && ret_head->status != 403)
        return 0;
    if (ret_head->status == 401)
        fail_sign_in(http, err);
    else
        fail_scope(http, *ret_call, ret_head, err);
    bx_web_close(bx_take(*ret_call));
    return -1;
}
