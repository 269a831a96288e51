#include "mcp/oauth_discover.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mcp/client_http_web.h"
#include "mcp/revision.h"
#include "mcp/rpc.h"

#define SERVERS_TRIED 3 /* of the authorization servers that are named */

/* ---- the challenge ---------------------------------------------------- */

/* What the server says to who is not signed in. */
static int ask_server(const bx_remote_server *server, const bx_wait *wait,
                      bx_oauth_challenge *challenge, bool *ret_is_challenged,
                      bx_error **err)
{
    json_t *hello = json_pack(
        "{s:s, s:i, s:s, s:{s:s, s:{}, s:{s:s, s:s}}}", "jsonrpc", "2.0", "id",
        1, "method", "initialize", "params", "protocolVersion",
        bx_revision_name(BX_REVISION_LAST_HANDSHAKE), "capabilities",
        "clientInfo", "name", "boxagnts", "version", bx_version());
    const bx_oauth_ask ask = { .url = server->url,
                               .what = "the server",
                               .json = hello };
    bx_autoanswer bx_oauth_answer answer = { 0 };
    int result = hello == NULL
                     ? bx_error_set_nomem(err)
                     : bx_oauth_fetch(server, &ask, wait, &answer, err);

    json_decref(hello);
    if (result < 0)
        return -1;
    *ret_is_challenged = answer.status == 401;
    if (answer.challenge != NULL)
        bx_oauth_challenge_parse(answer.challenge, challenge);
    return 0;
}

/* ---- documents -------------------------------------------------------- */

/* scheme://host:port of a URL, then tail and more. */
static char *join(const bx_url *url, const char *tail, const char *more)
{
    size_t bytes = strlen(url->text) - strlen(url->path);
    char *text;

    if (asprintf(&text, "%.*s%s%s", (int)bytes, url->text, tail, more) < 0)
        return NULL;
    return text;
}

/* Its path without a '/' at the end and without query. Owned. */
static char *path_of(const bx_url *url)
{
    char *path = strndup(url->path, strcspn(url->path, "?"));
    size_t bytes = path == NULL ? 0 : strlen(path);

    while (bytes > 0 && path[bytes - 1] == '/')
        path[--bytes] = '\0';
    return path;
}

/* Takes url, which may be NULL. 1: there is no such document. */
static int get(const bx_remote_server *server, const char *what, char *url,
               const bx_wait *wait, json_t **ret_document, bx_error **err)
{
    bx_autofree char *owned = url;
    const bx_oauth_ask ask = { .url = url, .what = what };
    bx_autoanswer bx_oauth_answer answer = { 0 };

    if (url == NULL)
        return bx_error_set_nomem(err);
    if (bx_oauth_fetch(server, &ask, wait, &answer, err) < 0)
        return -1;
    if (answer.status != 200 || answer.object == NULL)
        return 1;
    *ret_document = bx_take(answer.object);
    return 0;
}

/* ---- of the server (RFC 9728) ----------------------------------------- */

static bool is_beneath(const char *path, const char *of)
{
    size_t bytes = strlen(of);

    return strncmp(path, of, bytes) == 0 &&
           (path[bytes] == '\0' || path[bytes] == '/');
}

/* What tokens are for is this server, or a part of its origin it lies in:
 * otherwise one could be had for another's (RFC 9728 section 3.3). */
static int check_resource(const bx_url *own, const json_t *document,
                          bx_oauth_place *place, bx_error **err)
{
    const char *text = bx_rpc_text(document, "resource");
    bx_autourl bx_url *url =
        text == NULL ? NULL : bx_url_parse(text, strlen(text), NULL, NULL);
    bx_autofree char *path = url == NULL ? NULL : path_of(url);
    bx_autofree char *own_path = path_of(own);

    if (path == NULL || own_path == NULL ||
        !bx_oauth_is_same_origin(own, url) || !is_beneath(own_path, path))
        return bx_error_set(err, BX_ERR_DENIED,
                            "the server's metadata is of another \"resource\" "
                            "than '%.*s'",
                            (int)strcspn(own->text, "?"), own->text);
    place->resource = strdup(text);
    return place->resource == NULL ? bx_error_set_nomem(err) : 0;
}

static int get_resource(const bx_remote_server *server, const bx_url *own,
                        const bx_oauth_challenge *challenge,
                        const bx_wait *wait, json_t **ret_document,
                        bx_error **err)
{
    static const char well_known[] = "/.well-known/oauth-protected-resource";
    const char *what = "the server's metadata";
    bx_autofree char *path = path_of(own);
    int result;

    if (path == NULL)
        return bx_error_set_nomem(err);
    if (challenge->resource_metadata != NULL) {
        bx_autourl bx_url *url = bx_oauth_url(
            server, "resource_metadata", challenge->resource_metadata, err);

        if (url == NULL)
            return -1;
        if (!bx_oauth_is_same_origin(own, url))
            return bx_error_set(err, BX_ERR_DENIED,
                                "the server's \"resource_metadata\" is at "
                                "'%s', which is not the server's own",
                                url->host);
        result = get(server, what, strdup(url->text), wait, ret_document, err);
        if (result != 1)
            return result;
    }
    result =
        get(server, what, join(own, well_known, path), wait, ret_document, err);
    if (result == 1 && path[0] != '\0')
        result = get(server, what, join(own, well_known, ""), wait,
                     ret_document, err);
    return result;
}

/* What the challenge asks for counts, then what the server has. */
static int keep_scope(const bx_oauth_challenge *challenge,
                      const json_t *document, bx_oauth_place *place,
                      bx_error **err)
{
    const json_t *scopes = json_object_get(document, "scopes_supported");
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t i;
    json_t *item;

    if (challenge->scope != NULL && bx_buf_puts(&text, challenge->scope) < 0)
        return bx_error_set_nomem(err);
    if (challenge->scope == NULL)
        json_array_foreach(scopes, i, item)
        {
            const char *name = json_string_value(item);

            if (name != NULL &&
                (bx_buf_puts(&text, text.len > 0 ? " " : "") < 0 ||
                 bx_buf_puts(&text, name) < 0))
                return bx_error_set_nomem(err);
        }
    if (text.len == 0)
        return 0;
    if (!bx_oauth_scope_is_valid(text.data))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the server's scopes are none");
    place->scope = bx_buf_take(&text);
    return 0;
}

/* ---- of the authorization server (RFC 8414) --------------------------- */

static bool is_same_issuer(const char *a, const char *b)
{
    size_t a_bytes = strlen(a);
    size_t b_bytes = strlen(b);

    /* Libraries put a '/' behind an origin. */
    a_bytes -= a_bytes > 0 && a[a_bytes - 1] == '/';
    b_bytes -= b_bytes > 0 && b[b_bytes - 1] == '/';
    return a_bytes == b_bytes && memcmp(a, b, a_bytes) == 0;
}

/* A member that is a URL, checked. 1: it is not there. */
static int take_url(const bx_remote_server *server, const json_t *document,
                    const char *name, char **ret_text, bx_error **err)
{
    const char *text = bx_rpc_text(document, name);
    bx_autourl bx_url *url = NULL;

    if (text == NULL)
        return 1;
    url = bx_oauth_url(server, name, text, err);
    if (url == NULL)
        return -1;
    if (strchr(text, '#') != NULL)
        return bx_error_set(err, BX_ERR_INVALID, "%s has a fragment", name);
    *ret_text = strdup(url->text);
    return *ret_text == NULL ? bx_error_set_nomem(err) : 0;
}

static bool lists(const json_t *document, const char *name, const char *value)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(document, name), i, item)
    {
        const char *text = json_string_value(item);

        if (text != NULL && strcmp(text, value) == 0)
            return true;
    }
    return false;
}

static int read_issuer(const bx_remote_server *server, const json_t *document,
                       const char *issuer, bx_oauth_place *place,
                       bx_error **err)
{
    const char *own = bx_rpc_text(document, "issuer");
    static const char methods[] = "token_endpoint_auth_methods_supported";
    int result;

    if (own == NULL || !is_same_issuer(own, issuer))
        return bx_error_set(err, BX_ERR_DENIED,
                            "the metadata is of another \"issuer\"");
    /* Without it a code that somebody catches is of use to them. */
    if (!lists(document, "code_challenge_methods_supported", "S256"))
        return bx_error_set(err, BX_ERR_INVALID,
                            "it does not offer PKCE with "
                            "S256");
    result = take_url(server, document, "authorization_endpoint",
                      &place->authorization_endpoint, err);
    if (result == 0)
        result = take_url(server, document, "token_endpoint",
                          &place->token_endpoint, err);
    if (result == 1)
        return bx_error_set(err, BX_ERR_INVALID,
                            "its metadata names no \"authorization_endpoint\" "
                            "or \"token_endpoint\"");
    if (result < 0 ||
        take_url(server, document, "registration_endpoint",
                 &place->registration_endpoint, err) < 0 ||
        take_url(server, document, "revocation_endpoint",
                 &place->revocation_endpoint, err) < 0)
        return -1;
    place->says_issuer = json_is_true(json_object_get(
        document, "authorization_response_iss_parameter_supported"));
    /* RFC 8414: what it takes when it does not say. */
    place->takes_basic = json_object_get(document, methods) == NULL ||
                         lists(document, methods, "client_secret_basic");
    place->issuer = strdup(own);
    return place->issuer == NULL ? bx_error_set_nomem(err) : 0;
}

static int get_issuer(const bx_remote_server *server, const bx_url *url,
                      const bx_wait *wait, json_t **ret_document,
                      bx_error **err)
{
    static const char oauth[] = "/.well-known/oauth-authorization-server";
    static const char openid[] = "/.well-known/openid-configuration";
    const char *what = "the authorization server's metadata";
    bx_autofree char *path = path_of(url);
    int result;

    if (path == NULL)
        return bx_error_set_nomem(err);
    result = get(server, what, join(url, oauth, path), wait, ret_document, err);
    if (result == 1)
        result =
            get(server, what, join(url, openid, path), wait, ret_document, err);
    if (result == 1 && path[0] != '\0')
        result =
            get(server, what, join(url, path, openid), wait, ret_document, err);
    if (result == 1)
        result = bx_error_set(err, BX_ERR_NOT_FOUND,
                              "it has no metadata (RFC 8414)");
    return result;
}

static int try_issuer(const bx_remote_server *server, const char *issuer,
                      const bx_wait *wait, bx_oauth_place *place,
                      bx_error **err)
{
    bx_autourl bx_url *url = bx_oauth_url(server, "its address", issuer, err);
    json_t *document = NULL;
    int result = -1;

    if (url != NULL)
        result = get_issuer(server, url, wait, &document, err);
    if (result == 0)
        result = read_issuer(server, document, issuer, place, err);
    json_decref(document);
    if (result < 0)
        bx_error_wrap(err, "the authorization server%s%s",
                      url == NULL ? "" : " ", url == NULL ? "" : url->host);
    return result;
}

/* ---- the whole -------------------------------------------------------- */

void bx_oauth_place_clear(bx_oauth_place *place)
{
    free(place->resource);
    free(place->scope);
    free(place->issuer);
    free(place->authorization_endpoint);
    free(place->token_endpoint);
    free(place->registration_endpoint);
    free(place->revocation_endpoint);
    *place = (bx_oauth_place){ 0 };
}

static void forget_issuer(bx_oauth_place *place)
{
    bx_oauth_place kept = { .resource = bx_take(place->resource),
                            .scope = bx_take(place->scope) };

    bx_oauth_place_clear(place);
    *place = kept;
}

static int try_issuers(const bx_remote_server *server, const json_t *document,
                       const bx_wait *wait, bx_oauth_place *place,
                       bx_error **err)
{
    const json_t *issuers = json_object_get(document, "authorization_servers");
    size_t count = json_array_size(issuers);

    if (count == 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the server's metadata names no "
                            "\"authorization_servers\"");
    if (count > SERVERS_TRIED)
        count = SERVERS_TRIED;
    for (size_t i = 0; i < count; i++) {
        const char *issuer = json_string_value(json_array_get(issuers, i));
        bx_autoerror bx_error *why = NULL;

        if (issuer == NULL)
            issuer = "";
        if (try_issuer(server, issuer, wait, place, &why) == 0)
            return 0;
        forget_issuer(place);
        if (i + 1 == count && err != NULL)
            *err = bx_take(why);
    }
    return -1;
}

/* A server of 2025-03-26 is its own authorization server. */
static int try_own(const bx_remote_server *server, const bx_url *own,
                   const bx_wait *wait, bx_oauth_place *place, bx_error **err)
{
    bx_autofree char *issuer = join(own, "", "");

    place->resource = strdup(own->text);
    if (issuer == NULL || place->resource == NULL)
        return bx_error_set_nomem(err);
    return try_issuer(server, issuer, wait, place, err);
}

static int discover(const bx_remote_server *server, const bx_url *own,
                    const bx_wait *wait, bx_oauth_challenge *challenge,
                    bx_oauth_place *place, bx_error **err)
{
    json_t *document = NULL;
    bool is_challenged = false;
    int result = ask_server(server, wait, challenge, &is_challenged, err);

    if (result == 0)
        result = get_resource(server, own, challenge, wait, &document, err);
    if (result == 1 && !is_challenged)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "the server wants no sign-in");
    if (result == 0)
        result = check_resource(own, document, place, err);
    if (result >= 0 && keep_scope(challenge, document, place, err) < 0)
        result = -1;
    if (result == 0)
        result = try_issuers(server, document, wait, place, err);
    else if (result == 1)
        result = try_own(server, own, wait, place, err);
    json_decref(document);
    return result;
}

int bx_oauth_discover(const bx_remote_server *server, const bx_wait *wait,
                      bx_oauth_place *ret_place, bx_error **err)
{
    bx_autourl bx_url *own =
        bx_url_parse(server->url, strlen(server->url), NULL, err);
    bx_oauth_challenge challenge = { 0 };
    bx_oauth_place place = { 0 };
    int result;

    if (own == NULL)
        return -1;
    result = discover(server, own, wait, &challenge, &place, err);
    bx_oauth_challenge_clear(&challenge);
    if (result < 0)
        bx_oauth_place_clear(&place);
    else
        *ret_place = place;
    return result;
}
