/* One sign-in: who to ask, who we are there, a person's agreement, a code, and
 * tokens for it. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "mcp/oauth.h"
#include "mcp/oauth_listen.h"
#include "mcp/oauth_store.h"
#include "mcp/rpc.h"

#define CLIENT_MAX_BYTES 4096
#define SHOWN_BYTES 300

typedef struct bx_oauth_flow {
    const bx_remote_server *server;
    const bx_oauth_login *login;
    bx_wait wait;
    bx_oauth_place place;
    bx_oauth_listener listener;
    char *scope; /* NULL: none is named */
    char *state;
    char *verifier;
    char *client_id;
    char *client_secret; /* NULL: none */
    const char *method;  /* static */
    bx_oauth_return returned;
} bx_oauth_flow;

static void forget(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void clear(bx_oauth_flow *flow)
{
    bx_oauth_place_clear(&flow->place);
    bx_oauth_listener_close(&flow->listener);
    free(flow->scope);
    free(flow->state);
    forget(flow->verifier);
    free(flow->client_id);
    forget(flow->client_secret);
    bx_oauth_return_clear(&flow->returned);
}

/* ---- what is asked for ------------------------------------------------ */

static bool has_word(const char *words, const char *word, size_t bytes)
{
    while (*words != '\0') {
        size_t length = strcspn(words, " ");

        if (length == bytes && memcmp(words, word, bytes) == 0)
            return true;
        words += length + (words[length] == ' ');
    }
    return false;
}

static int add_words(bx_buf *text, const char *words)
{
    if (words == NULL)
        return 0;
    if (bx_buf_puts(text, "") < 0)
        return -1;
    while (*words != '\0') {
        size_t bytes = strcspn(words, " ");

        if (bytes > 0 && !has_word(text->data, words, bytes) &&
            ((text->len > 0 && bx_buf_puts(text, " ") < 0) ||
             bx_buf_append(text, words, bytes, SIZE_MAX) < 0))
            return -1;
        words += bytes + (words[bytes] == ' ');
    }
    return 0;
}

/* What a person names, with what there was before: who agrees to more does not
 * lose the rest. Otherwise what the server asks for. */
static int choose_scope(bx_oauth_flow *flow, bx_error **err)
{
    const char *configured = bx_oauth_configured(flow->server, "scope");
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *entry = NULL;
    int failed = 0;

    if (flow->login->scope != NULL) {
        entry = bx_oauth_store_find(flow->server->url, NULL);
        failed = add_words(&text, bx_rpc_text(entry, "scope")) +
                 add_words(&text, flow->login->scope);
        json_decref(entry);
    } else {
        failed = add_words(&text,
                           configured != NULL ? configured : flow->place.scope);
    }
    if (failed < 0)
        return bx_error_set_nomem(err);
    if (text.len == 0)
        return 0;
    if (!bx_oauth_scope_is_valid(text.data))
        return bx_error_set(err, BX_ERR_INVALID,
                            "scope: expected words of ASCII without quotes");
    flow->scope = bx_buf_take(&text);
    return 0;
}

/* ---- who we are (RFC 7591) -------------------------------------------- */

static int use_configured(bx_oauth_flow *flow, const char *id, bx_error **err)
{
    const char *secret = bx_oauth_configured(flow->server, "client_secret");

    flow->client_id = strdup(id);
    flow->client_secret = secret == NULL ? NULL : strdup(secret);
    flow->method = secret == NULL            ? "none"
                   : flow->place.takes_basic ? "client_secret_basic"
                                             : "client_secret_post";
    if (flow->client_id == NULL ||
        (secret != NULL && flow->client_secret == NULL))
        return bx_error_set_nomem(err);
    return 0;
}

static const char *known_method(const char *method)
{
    static const char *const known[] = { "none", "client_secret_basic",
                                         "client_secret_post" };

    for (size_t i = 0; method != NULL && i < 3; i++) {
        if (strcmp(known[i], method) == 0)
            return known[i];
    }
    return NULL;
}

static int keep_client(bx_oauth_flow *flow, const json_t *client,
                       bx_error **err)
{
    const char *id = bx_rpc_text(client, "client_id");
    const char *secret = bx_rpc_text(client, "client_secret");
    const char *method = bx_rpc_text(client, "token_endpoint_auth_method");

    if (id == NULL || *id == '\0' || strlen(id) > CLIENT_MAX_BYTES ||
        (secret != NULL && strlen(secret) > CLIENT_MAX_BYTES))
        return bx_error_set(err, BX_ERR_INVALID,
                            "registration_endpoint answers without a usable "
                            "\"client_id\"");
    if (method == NULL) /* RFC 7591 section 2 */
        method = secret == NULL ? "none" : "client_secret_basic";
    flow->method = known_method(method);
    if (flow->method == NULL ||
        (secret == NULL && strcmp(flow->method, "none") != 0))
        return bx_error_set(err, BX_ERR_INVALID,
                            "registration_endpoint answers a "
                            "\"token_endpoint_auth_method\" that is not known "
                            "here");
    if (strcmp(flow->method, "none") == 0)
        secret = NULL;
    flow->client_id = strdup(id);
    flow->client_secret = secret == NULL ? NULL : strdup(secret);
    if (flow->client_id == NULL ||
        (secret != NULL && flow->client_secret == NULL))
        return bx_error_set_nomem(err);
    return 0;
}

static int register_client(bx_oauth_flow *flow, bx_error **err)
{
    json_t *about = json_pack(
        "{s:s, s:[s], s:[s, s], s:[s], s:s}", "client_name", "BoxAgnts",
        "redirect_uris", flow->listener.uri, "grant_types",
        "authorization_code", "refresh_token", "response_types", "code",
        "token_endpoint_auth_method", "none");
    bx_autoanswer bx_oauth_answer answer = { 0 };
    const bx_oauth_ask ask = { .url = flow->place.registration_endpoint,
                               .what = "registration_endpoint",
                               .json = about };
    int result = 0;

    if (about == NULL ||
        (flow->scope != NULL &&
         json_object_set_new(about, "scope", json_string(flow->scope)) < 0))
        result = bx_error_set_nomem(err);
    if (result == 0)
        result = bx_oauth_fetch(flow->server, &ask, &flow->wait, &answer, err);
    json_decref(about);
    if (result < 0)
        return -1;
    if ((answer.status != 201 && answer.status != 200) || answer.object == NULL)
        return bx_oauth_fail(&ask, &answer, err);
    return keep_client(flow, answer.object, err);
}

static int identify(bx_oauth_flow *flow, bx_error **err)
{
    const char *id = bx_oauth_configured(flow->server, "client_id");

    if (id != NULL)
        return use_configured(flow, id, err);
    if (flow->place.registration_endpoint != NULL)
        return register_client(flow, err);
    return bx_error_set(err, BX_ERR_NOT_FOUND,
                        "'%s' registers no programs by itself: register one "
                        "there with the redirect http://127.0.0.1:PORT/callback"
                        ", and put \"oauth\": {\"client_id\": \"...\", "
                        "\"port\": \"PORT\"} into the server's configuration",
                        flow->place.issuer);
}

/* ---- a person's agreement --------------------------------------------- */

static int make_url(const bx_oauth_flow *flow, bx_buf *url)
{
    uint8_t digest[BX_DIGEST_BYTES];
    bx_autofree char *challenge = NULL;

    bx_sha256(flow->verifier, strlen(flow->verifier), digest);
    challenge = bx_oauth_base64url(digest, sizeof(digest));
    if (challenge == NULL ||
        bx_buf_puts(url, flow->place.authorization_endpoint) < 0 ||
        (strchr(url->data, '?') == NULL && bx_buf_puts(url, "?") < 0) ||
        bx_oauth_put_pair(url, "response_type", "code") < 0 ||
        bx_oauth_put_pair(url, "client_id", flow->client_id) < 0 ||
        bx_oauth_put_pair(url, "redirect_uri", flow->listener.uri) < 0 ||
        bx_oauth_put_pair(url, "state", flow->state) < 0 ||
        bx_oauth_put_pair(url, "code_challenge", challenge) < 0 ||
        bx_oauth_put_pair(url, "code_challenge_method", "S256") < 0 ||
        bx_oauth_put_pair(url, "resource", flow->place.resource) < 0 ||
        (flow->scope != NULL &&
         bx_oauth_put_pair(url, "scope", flow->scope) < 0))
        return -1;
    return 0;
}

/* From another authorization server's page a code would be handed to this one
 * (RFC 9207). */
static int check_return(const bx_oauth_flow *flow, bx_error **err)
{
    const bx_oauth_return *returned = &flow->returned;
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (returned->issuer == NULL
            ? flow->place.says_issuer
            : strcmp(returned->issuer, flow->place.issuer) != 0)
        return bx_error_set(err, BX_ERR_DENIED,
                            "the sign-in came back from another issuer than "
                            "'%s'",
                            flow->place.issuer);
    if (returned->error != NULL) {
        if (bx_buf_put_escaped(&shown, returned->error, strlen(returned->error),
                               SHOWN_BYTES) < 0 ||
            (returned->description != NULL &&
             (bx_buf_puts(&shown, ": ") < 0 ||
              bx_buf_put_escaped(&shown, returned->description,
                                 strlen(returned->description),
                                 SHOWN_BYTES) < 0)))
            return bx_error_set_nomem(err);
        return bx_error_set(err, BX_ERR_DENIED, "the sign-in was refused: %s",
                            shown.data);
    }
    if (returned->code == NULL || *returned->code == '\0')
        return bx_error_set(err, BX_ERR_INVALID,
                            "the sign-in came back without a code");
    return 0;
}

static int agree(bx_oauth_flow *flow, bx_error **err)
{
    bx_autobuf bx_buf url = BX_BUF_INIT;
    bx_autourl bx_url *page =
        bx_oauth_url(flow->server, "authorization_endpoint",
                     flow->place.authorization_endpoint, err);

    if (page == NULL)
        return -1;
    flow->state = bx_oauth_random(err);
    flow->verifier = flow->state == NULL ? NULL : bx_oauth_random(err);
    if (flow->verifier == NULL)
        return -1;
    if (make_url(flow, &url) < 0)
        return bx_error_set_nomem(err);
    flow->login->show(flow->login->context, url.data, page->host);
    if (bx_oauth_listener_wait(&flow->listener, flow->state, &flow->wait,
                               &flow->returned, err) < 0)
        return bx_error_wrap(err, "nobody has signed in");
    bx_oauth_listener_close(&flow->listener);
    return check_return(flow, err);
}

/* ---- tokens ----------------------------------------------------------- */

static int get_token(bx_oauth_flow *flow, json_t **ret_token, bx_error **err)
{
    const bx_oauth_client client = { flow->client_id, flow->client_secret,
                                     flow->method };
    const char *const secrets[] = { flow->returned.code, flow->verifier,
                                    flow->client_secret, NULL };
    bx_autobuf bx_buf form = BX_BUF_INIT;

    if (bx_oauth_put_pair(&form, "grant_type", "authorization_code") < 0 ||
        bx_oauth_put_pair(&form, "code", flow->returned.code) < 0 ||
        bx_oauth_put_pair(&form, "redirect_uri", flow->listener.uri) < 0 ||
        bx_oauth_put_pair(&form, "code_verifier", flow->verifier) < 0 ||
        bx_oauth_put_pair(&form, "resource", flow->place.resource) < 0)
        return bx_error_set_nomem(err);
    return bx_oauth_ask_token(flow->server, flow->place.token_endpoint, &client,
                              &form, secrets, &flow->wait, ret_token, err);
}

static int keep(const bx_oauth_flow *flow, const json_t *token, bx_error **err)
{
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*}", "client_id",
                  flow->client_id, "auth_method", flow->method,
                  "token_endpoint", flow->place.token_endpoint, "issuer",
                  flow->place.issuer, "resource", flow->place.resource,
                  "client_secret", flow->client_secret, "revocation_endpoint",
                  flow->place.revocation_endpoint, "scope", flow->scope);
    int lock = -1;
    int result;

    if (entry == NULL || bx_oauth_keep_token(entry, token) < 0)
        result = bx_error_set_nomem(err);
    else
        result = bx_oauth_store_lock(&flow->wait, &lock, err);
    if (result == 0) {
        result = bx_oauth_store_put(flow->server->url, entry, err);
        bx_oauth_store_unlock(lock);
    }
    json_decref(entry);
    return result;
}

static int configured_port(const bx_remote_server *server, unsigned *ret_port,
                           bx_error **err)
{
    const char *text = bx_oauth_configured(server, "port");
    unsigned long port = 0;
    char *end = NULL;

    if (text != NULL) {
        port = strtoul(text, &end, 10);
        if (end == text || *end != '\0' || *text == '-' || port > 65535)
            return bx_error_set(err, BX_ERR_INVALID,
                                "\"oauth\": \"port\": expected a number up to "
                                "65535");
    }
    *ret_port = (unsigned)port;
    return 0;
}

static int log_in(bx_oauth_flow *flow, bx_error **err)
{
    json_t *token = NULL;
    unsigned port = 0;
    int result;

    if (configured_port(flow->server, &port, err) < 0 ||
        bx_oauth_discover(flow->server, &flow->wait, &flow->place, err) < 0 ||
        choose_scope(flow, err) < 0 ||
        bx_oauth_listener_open(port, &flow->listener, err) < 0 ||
        identify(flow, err) < 0 || agree(flow, err) < 0 ||
        get_token(flow, &token, err) < 0)
        return -1;
    result = keep(flow, token, err);
    json_decref(token);
    return result;
}

int bx_oauth_log_in(const bx_remote_server *server, const bx_oauth_login *login,
                    bx_error **err)
{
    bx_oauth_flow flow = { .server = server,
                           .login = login,
                           .wait = bx_wait_for_ms(login->timeout_ms),
                           .listener = { .fd = -1 } };
    int result;

    flow.wait.cancel = login->cancel;
    result = log_in(&flow, err);
    clear(&flow);
    return result;
}
