/* Secrets of the policy: into the headers of requests to their one origin, and
 * out of whatever comes back. All of it happens beneath what callers see. The
 * server has the value by right, and is hostile: it may send it back in any
 * spelling, in pieces, or in a redirect to somewhere else. */
#include <string.h>

#include "net/http_exchange.h"
#include "policy/secret.h"

static const bx_policy *secrets_of(const bx_http_exchange *exchange)
{
    const bx_http_config *config = &exchange->client->config;

    return config->is_trusted || config->policy == NULL ||
                   config->policy->mask == NULL
               ? NULL
               : config->policy;
}

/* ---- sent ----------------------------------------------------------- */

/* The first from i on that goes to the current hop's origin, or NULL. */
static const bx_injection *find(const bx_http_exchange *exchange, size_t *i)
{
    const bx_policy *policy = secrets_of(exchange);

    for (; policy != NULL && *i < policy->injections_count; (*i)++) {
        if (bx_host_pattern_matches(policy->injections[*i].host, exchange->url))
            return &policy->injections[*i];
    }
    return NULL;
}

bool bx_http_secret_is_due(const bx_http_exchange *exchange)
{
    size_t i = 0;

    return find(exchange, &i) != NULL;
}

bool bx_http_secret_replaces(const bx_http_exchange *exchange, const char *name)
{
    const bx_injection *injection;

    for (size_t i = 0; (injection = find(exchange, &i)) != NULL; i++) {
        if (strcasecmp(injection->header, name) == 0)
            return true;
    }
    return false;
}

int bx_http_secret_lines(bx_http_exchange *exchange,
                         int (*add)(bx_http_exchange *exchange,
                                    const char *line))
{
    const bx_injection *injection;

    for (size_t i = 0; (injection = find(exchange, &i)) != NULL; i++) {
        char *line = NULL;
        int bytes;
        int status;

        /* What the host sets itself, a secret does not set either. */
        if (bx_http_field_check(injection->header, injection->value, NULL) < 0)
            return -1;
        bytes = asprintf(&line, "%s: %s", injection->header, injection->value);
        if (bytes < 0)
            return -1;
        status = add(exchange, line);
        explicit_bzero(line, (size_t)bytes);
        free(line);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* ---- coming back ---------------------------------------------------- */

void bx_http_mask_bytes(const bx_http_exchange *exchange, char *data,
                        size_t bytes)
{
    const bx_policy *policy = secrets_of(exchange);

    if (policy != NULL && bytes > 0)
        bx_policy_mask(policy, data, bytes);
}

void bx_http_mask_text(const bx_http_exchange *exchange, char *text)
{
    if (text != NULL)
        bx_http_mask_bytes(exchange, text, strlen(text));
}

void bx_http_mask_head(bx_http_exchange *exchange)
{
    for (size_t i = 0; i < exchange->head.count; i++) {
        bx_http_mask_text(exchange, exchange->head.items[i].name);
        bx_http_mask_text(exchange, exchange->head.items[i].value);
    }
}

void bx_http_mask_body(bx_http_exchange *exchange, bool is_end)
{
    const bx_policy *policy = secrets_of(exchange);
    bx_buf *in = &exchange->in;

    if (policy == NULL)
        exchange->settled = in->len;
    else if (exchange->settled < in->len)
        exchange->settled += bx_mask_stream(
            policy->mask, &exchange->mask_ahead, in->data + exchange->settled,
            in->len - exchange->settled, is_end);
}

const bx_url *bx_http_mask_url(bx_http_exchange *exchange)
{
    bx_url *shown;

    if (secrets_of(exchange) == NULL)
        return exchange->url;
    if (exchange->shown_url != NULL)
        return exchange->shown_url;
    shown = bx_url_parse(exchange->url->text, strlen(exchange->url->text), NULL,
                         NULL);
    if (shown == NULL)
        return NULL;
    bx_http_mask_text(exchange, shown->text);
    bx_http_mask_text(exchange, shown->host);
    bx_http_mask_text(exchange, shown->path);
    exchange->shown_url = shown;
    return shown;
}
