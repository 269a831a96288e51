/* The key that a client holds, and what of a provider's answers would tell of
 * it. It is read once, since a program that prints it takes its time. */
#include <string.h>
#include <strings.h>

#include "agent/models/client.h"
#include "agent/models/credentials.h"

#define SECRET_MIN_BYTES 8 /* shorter ones would mask innocent text */

void bx_client_drop_key(bx_model_client *client)
{
    bx_credential_free(bx_take(client->key));
    bx_mask_free(bx_take(client->mask));
    free(bx_take(client->owner));
    client->provider = NULL;
}

/* Is the header one whose value nobody is to see? */
static bool is_secret(const char *header)
{
    static const char *const words[] = { "auth",   "key",    "token",
                                         "secret", "cookie", "password" };
    size_t bytes = strcspn(header, ":");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *at = strcasestr(header, words[i]);

        if (at != NULL && (size_t)(at - header) < bytes)
            return true;
    }
    return false;
}

static int add_secret(bx_mask *mask, const char *value, bx_error **err)
{
    if (strlen(value) >= SECRET_MIN_BYTES && bx_mask_add(mask, value) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* A header's value, and what stands behind a scheme ("Bearer ..."). */
static int add_header(bx_mask *mask, const char *header, bx_error **err)
{
    const char *value = header + strcspn(header, ":");
    const char *last;

    value += *value == ':';
    value += strspn(value, " \t");
    last = strrchr(value, ' ');
    if (add_secret(mask, value, err) < 0)
        return -1;
    return last == NULL ? 0 : add_secret(mask, last + 1, err);
}

static bx_mask *make_mask(const bx_provider *provider, const char *key,
                          bx_error **err)
{
    bx_mask *mask = bx_mask_new();

    if (mask == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (key != NULL && add_secret(mask, key, err) < 0)
        goto failed;
    for (size_t i = 0;
         provider->headers != NULL && provider->headers[i] != NULL; i++) {
        if (is_secret(provider->headers[i]) &&
            add_header(mask, provider->headers[i], err) < 0)
            goto failed;
    }
    return mask;

failed:
    bx_mask_free(mask);
    return NULL;
}

/* A key never goes to somebody else. */
static char *name_owner(const bx_provider *provider)
{
    char *owner;

    return asprintf(&owner, "%s\n%s", provider->name, provider->base_url) < 0
               ? NULL
               : owner;
}

int bx_client_hold_key(bx_model_client *client, const bx_provider *provider,
                       bx_error **err)
{
    bx_autofree char *owner = name_owner(provider);
    char *key = NULL;
    bx_mask *mask;

    if (owner == NULL)
        return bx_error_set_nomem(err);
    if (client->provider == provider && strcmp(client->owner, owner) == 0)
        return 0;
    if (bx_credential_read(provider, client->config.cancel, &key, err) < 0)
        return -1;
    mask = make_mask(provider, key, err);
    if (mask == NULL) {
        bx_credential_free(key);
        return -1;
    }
    bx_client_drop_key(client);
    client->provider = provider;
    client->owner = bx_take(owner);
    client->key = key;
    client->mask = mask;
    return 0;
}

int bx_client_renew_key(bx_model_client *client, bx_error **err)
{
    const bx_provider *provider = client->provider;
    char *old = bx_take(client->key);
    int result = -1;

    bx_client_drop_key(client);
    if (bx_client_hold_key(client, provider, err) == 0)
        result = old == NULL || client->key == NULL
                     ? old != client->key
                     : strcmp(old, client->key) != 0;
    bx_credential_free(old);
    return result;
}
