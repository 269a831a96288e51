/* Tokens: asked for, kept, renewed, taken back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "mcp/content_type.h"
#include "mcp/oauth.h"
#include "mcp/oauth_store.h"
#include "mcp/rpc.h"

#define EARLY_S 30                  /* before it expires, it is renewed */
#define LASTS_MAX_S (366LL * 86400) /* of what a server says */

const char *bx_oauth_configured(const bx_remote_server *server,
                                const char *name)
{
    for (size_t i = 0; i < server->oauth.count; i++) {
        const bx_server_pair *pair = &server->oauth.items[i];

        if (strcmp(pair->name, name) == 0)
            return pair->expanded != NULL ? pair->expanded : pair->value;
    }
    return NULL;
}

/* ---- asked for -------------------------------------------------------- */

/* RFC 6749 section 2.3.1: both parts are encoded before they are joined. */
static int make_basic(const bx_oauth_client *client, char **ret_text)
{
    bx_autobuf bx_buf id = BX_BUF_INIT;
    bx_autobuf bx_buf secret = BX_BUF_INIT;
    bx_autobuf bx_buf both = BX_BUF_INIT;
    bx_autofree char *coded = NULL;

    if (bx_oauth_put_pair(&id, "", client->id) < 0 ||
        bx_oauth_put_pair(&secret, "", client->secret) < 0)
        return -1;
    /* Of a pair without name, what stands behind the '='. */
    if (bx_buf_printf(&both, "%s:%s", strchr(id.data, '=') + 1,
                      strchr(secret.data, '=') + 1) < 0)
        return -1;
    coded = bx_content_base64(both.data, both.len);
    return coded == NULL || asprintf(ret_text, "Basic %s", coded) < 0 ? -1 : 0;
}

int bx_oauth_put_client(const bx_oauth_client *client, bx_buf *form,
                        char **ret_authorization, bx_error **err)
{
    bool is_basic = client->secret != NULL &&
                    strcmp(client->method, "client_secret_basic") == 0;

    *ret_authorization = NULL;
    if (is_basic ? make_basic(client, ret_authorization) < 0
                 : bx_oauth_put_pair(form, "client_id", client->id) < 0)
        return bx_error_set_nomem(err);
    if (!is_basic && client->secret != NULL &&
        bx_oauth_put_pair(form, "client_secret", client->secret) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* What can stand in a header (RFC 6750 section 2.1, and what servers make). */
static bool is_token(const char *text)
{
    if (text == NULL || *text == '\0' ||
        strlen(text) > BX_OAUTH_TOKEN_MAX_BYTES)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < 0x21 || *text > 0x7e)
            return false;
    }
    return true;
}

static int check_token(const json_t *token, bx_error **err)
{
    const char *type = bx_rpc_text(token, "token_type");
    const json_t *renewal = json_object_get(token, "refresh_token");

    if (!is_token(bx_rpc_text(token, "access_token")) ||
        (json_is_string(renewal) &&
         !is_token(bx_rpc_text(token, "refresh_token"))))
        return bx_error_set(err, BX_ERR_INVALID,
                            "token_endpoint answers without a usable "
                            "\"access_token\"");
    if (type == NULL || strcasecmp(type, "Bearer") != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "token_endpoint answers a token that is not of "
                            "type Bearer");
    return 0;
}

int bx_oauth_ask_token(const bx_remote_server *server, const char *endpoint,
                       const bx_oauth_client *client, const bx_buf *form,
                       const char *const *secrets, const bx_wait *wait,
                       json_t **ret_token, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_autofree char *authorization = NULL;
    bx_autoanswer bx_oauth_answer answer = { 0 };
    bx_oauth_ask ask = { .url = endpoint,
                         .what = "token_endpoint",
                         .secrets = secrets };

    if (bx_buf_puts(&body, form->data) < 0)
        return bx_error_set_nomem(err);
    if (bx_oauth_put_client(client, &body, &authorization, err) < 0)
        return -1;
    ask.form = body.data;
    ask.authorization = authorization;
    if (bx_oauth_fetch(server, &ask, wait, &answer, err) < 0)
        return -1;
    if (answer.status != 200 || answer.object == NULL)
        return bx_oauth_fail(&ask, &answer, err);
    if (check_token(answer.object, err) < 0)
        return -1;
    *ret_token = bx_take(answer.object);
    return 0;
}

int bx_oauth_keep_token(json_t *entry, const json_t *token)
{
    const char *renewal = bx_rpc_text(token, "refresh_token");
    const char *scope = bx_rpc_text(token, "scope");
    const json_t *lasts = json_object_get(token, "expires_in");
    json_int_t seconds = json_is_integer(lasts) ? json_integer_value(lasts) : 0;
    int failed;

    if (seconds > LASTS_MAX_S)
        seconds = LASTS_MAX_S;
    failed = json_object_set(entry, "access_token",
                             json_object_get(token, "access_token"));
    /* The old one goes on when none comes (RFC 6749 section 6). */
    if (renewal != NULL)
        failed |=
            json_object_set_new(entry, "refresh_token", json_string(renewal));
    if (scope != NULL && bx_oauth_scope_is_valid(scope))
        failed |= json_object_set_new(entry, "scope", json_string(scope));
    (void)json_object_del(entry, "expires_at");
    if (seconds > 0)
        failed |=
            json_object_set_new(entry, "expires_at",
                                json_integer((json_int_t)time(NULL) + seconds));
    return failed == 0 ? 0 : -1;
}

/* ---- renewed ---------------------------------------------------------- */

static int fail_signed_out(const bx_remote_server *server, bx_error **err)
{
    return bx_error_set(err, BX_ERR_DENIED,
                        "the server wants a sign-in: `boxagnts mcp login %s` "
                        "signs in",
                        server->name);
}

static int renew_entry(const bx_remote_server *server, json_t *entry,
                       const bx_wait *wait, bx_error **err)
{
    const char *renewal = bx_rpc_text(entry, "refresh_token");
    const char *endpoint = bx_rpc_text(entry, "token_endpoint");
    const char *resource = bx_rpc_text(entry, "resource");
    const char *method = bx_rpc_text(entry, "auth_method");
    const bx_oauth_client client = { bx_rpc_text(entry, "client_id"),
                                     bx_rpc_text(entry, "client_secret"),
                                     method == NULL ? "none" : method };
    const char *const secrets[] = { renewal, client.secret, NULL };
    bx_autobuf bx_buf form = BX_BUF_INIT;
    json_t *token = NULL;
    int result;

    if (renewal == NULL || endpoint == NULL || client.id == NULL)
        return fail_signed_out(server, err);
    if (bx_oauth_put_pair(&form, "grant_type", "refresh_token") < 0 ||
        bx_oauth_put_pair(&form, "refresh_token", renewal) < 0 ||
        (resource != NULL &&
         bx_oauth_put_pair(&form, "resource", resource) < 0))
        return bx_error_set_nomem(err);
    result = bx_oauth_ask_token(server, endpoint, &client, &form, secrets, wait,
                                &token, err);
    if (result == 0 && bx_oauth_keep_token(entry, token) < 0)
        result = bx_error_set_nomem(err);
    json_decref(token);
    return result;
}

/* With the lock: what is kept may be newer than what was used. */
static int renew(const bx_remote_server *server, const char *used,
                 const bx_wait *wait, json_t **ret_entry, bx_error **err)
{
    bx_error *why = NULL;
    json_t *entry = bx_oauth_store_find(server->url, &why);
    const char *token = bx_rpc_text(entry, "access_token");
    int result = 0;

    if (entry == NULL && why == NULL)
        return fail_signed_out(server, err);
    if (token != NULL && strcmp(token, used) == 0) {
        result = renew_entry(server, entry, wait, &why);
        if (result == 0)
            result = bx_oauth_store_put(server->url, entry, &why);
        else if (bx_error_code(why) == BX_ERR_DENIED) {
            /* It is of no more use, and neither is what it came with. */
            (void)bx_oauth_store_put(server->url, NULL, NULL);
            bx_error_free(bx_take(why));
            fail_signed_out(server, &why);
        }
    }
    if (result == 0 && entry != NULL) {
        *ret_entry = entry;
        return 0;
    }
    json_decref(entry);
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

/* What stands in a header. */
static int take_authorization(const json_t *entry, char **ret_text,
                              bx_error **err)
{
    const char *token = bx_rpc_text(entry, "access_token");

    if (!is_token(token))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the token that is kept is none; sign in again");
    if (asprintf(ret_text, "Bearer %s", token) < 0) {
        *ret_text = NULL;
        return bx_error_set_nomem(err);
    }
    return 0;
}

int bx_oauth_renew(const bx_remote_server *server, const char *used,
                   const bx_wait *wait, char **ret_authorization,
                   bx_error **err)
{
    const char *token = used == NULL ? NULL : strchr(used, ' ');
    json_t *entry = NULL;
    int lock;
    int result;

    if (bx_oauth_store_lock(wait, &lock, err) < 0)
        return -1;
    result = renew(server, token == NULL ? "" : token + 1, wait, &entry, err);
    bx_oauth_store_unlock(lock);
    if (result == 0)
        result = take_authorization(entry, ret_authorization, err);
    json_decref(entry);
    return result;
}

static bool is_expiring(const json_t *entry)
{
    const json_t *at = json_object_get(entry, "expires_at");

    return json_is_integer(at) &&
           json_integer_value(at) < (json_int_t)time(NULL) + EARLY_S &&
           bx_rpc_text(entry, "refresh_token") != NULL;
}

int bx_oauth_authorization(const bx_remote_server *server, const bx_wait *wait,
                           char **ret_authorization, bx_error **err)
{
    bx_error *why = NULL;
    json_t *entry = bx_oauth_store_find(server->url, &why);
    bx_autofree char *text = NULL;
    int result = 0;

    *ret_authorization = NULL;
    if (why != NULL) {
        /* Without a home nobody can have signed in. */
        bool has_none = bx_error_code(why) == BX_ERR_NOT_FOUND;

        if (has_none || err == NULL)
            bx_error_free(why);
        else
            *err = why;
        return has_none ? 0 : -1;
    }
    if (entry == NULL)
        return 0;
    result = take_authorization(entry, &text, err);
    if (result == 0 && is_expiring(entry))
        result = bx_oauth_renew(server, text, wait, ret_authorization, err);
    else if (result == 0)
        *ret_authorization = bx_take(text);
    json_decref(entry);
    return result;
}

/* ---- taken back ------------------------------------------------------- */

/* RFC 7009: 200 also for one that it does not know. */
static bool take_back(const bx_remote_server *server, const json_t *entry,
                      const char *name, const bx_wait *wait)
{
    const char *token = bx_rpc_text(entry, name);
    const char *method = bx_rpc_text(entry, "auth_method");
    const bx_oauth_client client = { bx_rpc_text(entry, "client_id"),
                                     bx_rpc_text(entry, "client_secret"),
                                     method == NULL ? "none" : method };
    bx_autobuf bx_buf form = BX_BUF_INIT;
    bx_autofree char *authorization = NULL;
    bx_autoanswer bx_oauth_answer answer = { 0 };
    bx_oauth_ask ask = { .url = bx_rpc_text(entry, "revocation_endpoint"),
                         .what = "revocation_endpoint" };

    if (token == NULL)
        return true;
    if (ask.url == NULL || client.id == NULL ||
        bx_oauth_put_pair(&form, "token", token) < 0 ||
        bx_oauth_put_pair(&form, "token_type_hint", name) < 0 ||
        bx_oauth_put_client(&client, &form, &authorization, NULL) < 0)
        return false;
    ask.form = form.data;
    ask.authorization = authorization;
    return bx_oauth_fetch(server, &ask, wait, &answer, NULL) == 0 &&
           answer.status == 200;
}

int bx_oauth_log_out(const bx_remote_server *server, const bx_wait *wait,
                     bx_oauth_left *ret_left, bx_error **err)
{
    bx_error *why = NULL;
    json_t *entry;
    bx_oauth_left left = BX_OAUTH_WAS_OUT;
    int lock;
    int result = 0;

    if (bx_oauth_store_lock(wait, &lock, err) < 0)
        return -1;
    entry = bx_oauth_store_find(server->url, &why);
    if (why != NULL) {
        result = -1;
        if (err != NULL)
            *err = why;
        else
            bx_error_free(why);
    } else if (entry != NULL) {
        bool is_revoked = take_back(server, entry, "refresh_token", wait);

        is_revoked &= take_back(server, entry, "access_token", wait);
        left = is_revoked ? BX_OAUTH_REVOKED : BX_OAUTH_FORGOTTEN;
        result = bx_oauth_store_put(server->url, NULL, err);
    }
    json_decref(entry);
    bx_oauth_store_unlock(lock);
    if (result == 0)
        *ret_left = left;
    return result;
}
