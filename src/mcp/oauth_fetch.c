#include "mcp/oauth_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "mcp/client_http_web.h"
#include "mcp/content_type.h"
#include "mcp/rpc.h"
#include "policy/network.h"

#define SHOWN_BYTES 300
#define RANDOM_BYTES 32

/* ---- where it may go -------------------------------------------------- */

/* Not public, by what is written. A name is judged by the addresses it has,
 * when it is dialled. */
static bool is_written_private(const bx_url *url)
{
    size_t bytes = strlen(url->host);
    bx_address address;

    if (strcmp(url->host, "localhost") == 0 ||
        (bytes > 10 && strcmp(url->host + bytes - 10, ".localhost") == 0))
        return true;
    return bx_address_parse(url->host, &address) &&
           !bx_address_is_global(&address);
}

static bool is_own_machine(const bx_url *url)
{
    bx_address address;

    return strcmp(url->host, "localhost") == 0 ||
           (bx_address_parse(url->host, &address) &&
            bx_address_is_loopback(&address));
}

static int judge(const bx_remote_server *server, const bx_url *url,
                 bx_error **err)
{
    bx_autourl bx_url *own = NULL;

    if (server->is_private)
        return 0;
    own = bx_url_parse(server->url, strlen(server->url), NULL, err);
    if (own == NULL)
        return -1;
    if (is_own_machine(url) && is_own_machine(own))
        return 0;
    if (strcmp(url->scheme, "https") != 0)
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s://%s' is not https://, and not on the same "
                            "machine as the server",
                            url->scheme, url->host);
    if (is_written_private(url))
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' is a private address, where a server at a "
                            "public one may not lead",
                            url->host);
    return 0;
}

bx_url *bx_oauth_url(const bx_remote_server *server, const char *what,
                     const char *text, bx_error **err)
{
    bx_autourl bx_url *url = bx_url_parse(text, strlen(text), NULL, err);

    if (url != NULL && judge(server, url, err) == 0)
        return bx_take(url);
    bx_error_wrap(err, "%s", what);
    return NULL;
}

bool bx_oauth_is_same_origin(const bx_url *a, const bx_url *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 &&
           a->port == b->port;
}

/* ---- a request -------------------------------------------------------- */

static bx_mask *make_mask(const bx_oauth_ask *ask)
{
    bx_mask *mask = bx_mask_new();
    bool is_made = mask != NULL;

    for (size_t i = 0;
         is_made && ask->secrets != NULL && ask->secrets[i] != NULL; i++) {
        if (strlen(ask->secrets[i]) >= 6)
            is_made = bx_mask_add(mask, ask->secrets[i]) == 0;
    }
    if (is_made)
        return mask;
    bx_mask_free(mask);
    return NULL;
}

static int put_fields(const bx_oauth_ask *ask, bx_http_fields *fields,
                      bx_error **err)
{
    if (bx_web_put_field(fields, "Accept", "application/json", err) < 0 ||
        (ask->form != NULL &&
         bx_web_put_field(fields, "Content-Type",
                          "application/x-www-form-urlencoded", err) < 0) ||
        (ask->json != NULL && bx_web_put_field(fields, "Content-Type",
                                               "application/json", err) < 0) ||
        (ask->authorization != NULL &&
         bx_web_put_field(fields, "Authorization", ask->authorization, err) <
             0))
        return -1;
    return 0;
}

static int read_answer(bx_web_call *call, const bx_http_head *head,
                       bx_oauth_answer *answer, bx_error **err)
{
    const char *challenge = bx_web_header(head, "www-authenticate");
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *error = NULL;

    answer->status = head->status;
    if (*challenge != '\0') {
        answer->challenge = strdup(challenge);
        if (answer->challenge == NULL)
            return bx_error_set_nomem(err);
    }
    /* A stream may have no end; nothing of it is wanted. */
    if (bx_web_is_type(head, "text/event-stream"))
        return 0;
    if (bx_web_read_all(call, BX_OAUTH_ANSWER_MAX_BYTES, &text, err) < 0)
        return -1;
    answer->object = bx_rpc_parse(text.data, text.len, &error);
    json_decref(error);
    if (!json_is_object(answer->object)) {
        json_decref(answer->object);
        answer->object = NULL;
    }
    return 0;
}

static int fetch(const bx_remote_server *server, const bx_oauth_ask *ask,
                 const char *body, const bx_wait *wait, bx_oauth_answer *answer,
                 bx_error **err)
{
    bx_autofields bx_http_fields fields = BX_HTTP_FIELDS_INIT;
    bx_autourl bx_url *url = bx_oauth_url(server, ask->what, ask->url, err);
    bx_web_request request = { .method = body != NULL ? "POST" : "GET",
                               .fields = &fields,
                               .body = body };
    const bx_wait least = bx_wait_at_most_ms(wait, BX_OAUTH_FETCH_MS);
    bx_web *web;
    bx_web_call *call = NULL;
    bx_http_head head;
    int result = -1;

    if (url == NULL || put_fields(ask, &fields, err) < 0)
        return -1;
    web = bx_web_new(url->text, server->is_private, err);
    if (web == NULL)
        return -1;
    request.mask = make_mask(ask);
    if (request.mask == NULL)
        bx_error_set_nomem(err);
    else if (bx_web_open(web, &request, &least, &call, &head, err) == 0)
        result = read_answer(call, &head, answer, err);
    bx_web_close(call);
    bx_web_free(web);
    return result;
}

int bx_oauth_fetch(const bx_remote_server *server, const bx_oauth_ask *ask,
                   const bx_wait *wait, bx_oauth_answer *ret_answer,
                   bx_error **err)
{
    bx_autofree char *text =
        ask->json != NULL ? bx_json_text(ask->json, JSON_COMPACT) : NULL;
    bx_oauth_answer answer = { 0 };

    if (ask->json != NULL && text == NULL)
        return bx_error_set_nomem(err);
    if (fetch(server, ask, text != NULL ? text : ask->form, wait, &answer,
              err) < 0) {
        bx_oauth_answer_clear(&answer);
        return bx_error_wrap(err, "sign-in");
    }
    *ret_answer = answer;
    return 0;
}

void bx_oauth_answer_clear(bx_oauth_answer *answer)
{
    json_decref(answer->object);
    free(answer->challenge);
    *answer = (bx_oauth_answer){ 0 };
}

static int put_shown(bx_buf *text, const char *before, const char *words)
{
    if (words == NULL)
        return 0;
    return bx_buf_puts(text, before) < 0 ||
                   bx_buf_put_escaped(text, words, strlen(words), SHOWN_BYTES) <
                       0
               ? -1
               : 0;
}

int bx_oauth_fail(const bx_oauth_ask *ask, const bx_oauth_answer *answer,
                  bx_error **err)
{
    const char *error = bx_rpc_text(answer->object, "error");
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bool is_denied = error != NULL && (strcmp(error, "invalid_grant") == 0 ||
                                       strcmp(error, "access_denied") == 0);

    if (bx_buf_printf(&text, "%s answers HTTP %u", ask->what, answer->status) <
            0 ||
        put_shown(&text, ": ", error) < 0 ||
        put_shown(&text, ": ",
                  bx_rpc_text(answer->object, "error_description")) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, is_denied ? BX_ERR_DENIED : BX_ERR_SYSTEM, "%s",
                        text.data);
}

/* ---- texts ------------------------------------------------------------ */

static int put_encoded(bx_buf *text, const char *value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *value != '\0'; value++) {
        if (strchr(plain, *value) != NULL
                ? bx_buf_append(text, value, 1, SIZE_MAX) < 0
                : bx_buf_printf(text, "%%%02X", (unsigned char)*value) < 0)
            return -1;
    }
    return 0;
}

int bx_oauth_put_pair(bx_buf *text, const char *name, const char *value)
{
    char last = text->len == 0 ? '?' : text->data[text->len - 1];

    if (last != '?' && last != '&' && bx_buf_puts(text, "&") < 0)
        return -1;
    return bx_buf_puts(text, name) < 0 || bx_buf_puts(text, "=") < 0
               ? -1
               : put_encoded(text, value);
}

char *bx_oauth_base64url(const void *data, size_t bytes)
{
    char *text = bx_content_base64(data, bytes);

    if (text == NULL)
        return NULL;
    text[strcspn(text, "=")] = '\0';
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '+')
            *at = '-';
        else if (*at == '/')
            *at = '_';
    }
    return text;
}

char *bx_oauth_random(bx_error **err)
{
    uint8_t bytes[RANDOM_BYTES];
    char *text;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        bx_error_set_errno(err, errno, "getrandom");
        return NULL;
    }
    text = bx_oauth_base64url(bytes, sizeof(bytes));
    explicit_bzero(bytes, sizeof(bytes));
    if (text == NULL)
        bx_error_set_nomem(err);
    return text;
}
