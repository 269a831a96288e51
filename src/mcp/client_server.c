#include "mcp/client_server.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define MASKED_BYTES 6 /* shorter values are words, not keys */

bx_level bx_remote_server_level(const bx_remote_server *server,
                                const char *tool, const json_t *annotations)
{
    const char *own = json_string_value(json_object_get(server->levels, tool));
    bx_level level;

    if (own != NULL && bx_level_parse(own, &level, NULL) == 0)
        return level;
    if (server->has_level)
        return server->level;
    if (server->trusts_annotations &&
        json_is_true(json_object_get(annotations, "readOnlyHint")))
        return BX_LEVEL_READ_ONLY;
    return BX_LEVEL_EXECUTE;
}

/* ---- variables of ours ----------------------------------------------- */

static int expand(bx_server_pair *pair, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const char *at = pair->value;
    bool has_variable = false;

    for (;;) {
        const char *begin = strstr(at, "${");
        const char *end = begin == NULL ? NULL : strchr(begin, '}');
        bx_autofree char *name = NULL;
        const char *value;

        if (end == NULL)
            break;
        name = strndup(begin + 2, (size_t)(end - begin - 2));
        if (name == NULL ||
            bx_buf_append(&text, at, (size_t)(begin - at), SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
        value = getenv(name);
        if (value == NULL)
            return bx_error_set(err, BX_ERR_NOT_FOUND,
                                "%s: the variable %s is not set here; set it, "
                                "or write the value into the file",
                                pair->name, name);
        if (bx_buf_puts(&text, value) < 0)
            return bx_error_set_nomem(err);
        has_variable = true;
        at = end + 1;
    }
    if (!has_variable)
        return 0;
    if (bx_buf_puts(&text, at) < 0)
        return bx_error_set_nomem(err);
    free(pair->expanded);
    pair->expanded = bx_buf_take(&text);
    return 0;
}

int bx_remote_server_expand(bx_remote_server *server, bx_error **err)
{
    static const char *const names[] = { "env", "headers", "oauth" };
    bx_server_pairs *const all[] = { &server->env, &server->headers,
                                     &server->oauth };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (size_t j = 0; j < all[i]->count; j++) {
            if (expand(&all[i]->items[j], err) < 0)
                return bx_error_wrap(err, "%s", names[i]);
        }
    }
    return 0;
}

static void mask_value(const char *value, char *text)
{
    size_t bytes = strlen(value);

    if (bytes < MASKED_BYTES)
        return;
    while ((text = strstr(text, value)) != NULL) {
        memset(text, '*', bytes);
        text += bytes;
    }
}

/* "production" in NODE_ENV is none, and would be missing from every text. */
static bool is_secret(const char *name)
{
    static const char *const words[] = { "key",    "token", "secret",
                                         "passw",  "auth",  "credential",
                                         "cookie", "dsn" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasestr(name, words[i]) != NULL)
            return true;
    }
    return false;
}

/* The variables in it; of one without any, all of it, and what follows a scheme
 * such as "Bearer". text NULL: is there any? */
static bool mask_pair(const bx_server_pair *pair, char *text)
{
    const char *at = pair->value;
    bool is_own = is_secret(pair->name);
    bool has_variable = false;
    bool has_secret = false;

    while ((at = strstr(at, "${")) != NULL && strchr(at, '}') != NULL) {
        bx_autofree char *name =
            strndup(at + 2, (size_t)(strchr(at, '}') - at - 2));
        const char *value = name == NULL ? NULL : getenv(name);

        has_variable = true;
        at += 2;
        if (value == NULL || (!is_own && !is_secret(name)))
            continue;
        has_secret = true;
        if (text != NULL)
            mask_value(value, text);
    }
    if (has_variable || !is_own)
        return has_secret;
    at = strrchr(pair->value, ' ');
    if (text != NULL)
        mask_value(pair->value, text);
    if (text != NULL && at != NULL)
        mask_value(at + 1, text);
    return true;
}

void bx_remote_server_mask(const bx_remote_server *server, char *text)
{
    for (size_t i = 0; i < server->env.count; i++)
        (void)mask_pair(&server->env.items[i], text);
    for (size_t i = 0; i < server->headers.count; i++)
        (void)mask_pair(&server->headers.items[i], text);
    for (size_t i = 0; i < server->oauth.count; i++)
        (void)mask_pair(&server->oauth.items[i], text);
}

bool bx_remote_server_has_secrets(const bx_remote_server *server)
{
    for (size_t i = 0; i < server->env.count; i++) {
        if (mask_pair(&server->env.items[i], NULL))
            return true;
    }
    for (size_t i = 0; i < server->headers.count; i++) {
        if (mask_pair(&server->headers.items[i], NULL))
            return true;
    }
    return false;
}

/* With what follows a scheme such as "Bearer" for itself. */
int bx_remote_server_add_secrets(const bx_remote_server *server, bx_mask *mask)
{
    for (size_t i = 0; i < server->headers.count; i++) {
        const bx_server_pair *pair = &server->headers.items[i];
        const char *value =
            pair->expanded != NULL ? pair->expanded : pair->value;
        const char *space = strrchr(value, ' ');

        if (!mask_pair(pair, NULL) || strlen(value) < MASKED_BYTES)
            continue;
        if (bx_mask_add(mask, value) < 0 ||
            (space != NULL && strlen(space + 1) >= MASKED_BYTES &&
             bx_mask_add(mask, space + 1) < 0))
            return -1;
    }
    return 0;
}

/* ---- memory ---------------------------------------------------------- */

static void free_words(bx_server_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free((void *)words->items);
}

static void free_pairs(bx_server_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].name);
        free(pairs->items[i].value);
        free(pairs->items[i].expanded);
    }
    free(pairs->items);
}

void bx_remote_server_free(bx_remote_server *server)
{
    if (server == NULL)
        return;
    free_words(&server->args);
    free_words(&server->read);
    free_words(&server->write);
    free_pairs(&server->env);
    free_pairs(&server->headers);
    free_pairs(&server->oauth);
    json_decref(server->levels);
    free(server->name);
    free(server->problem);
    free(server->command);
    free(server->url);
    free(server->identity);
    free(server->home);
    free(server->within);
    free(server->workspace);
    free(server);
}
