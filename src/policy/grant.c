/* What a layer asks for or gives. Its texts come from manifests and sessions:
 * each is parsed and bounded before it is kept. */
#include "policy/grant.h"

#include <string.h>

#include "policy/control.h"
#include "policy/layer.h"
#include "policy/name_pattern.h"
#include "policy/text.h"

#define HEADER_MAX 64
#define FORMAT_MAX 256

bx_grants *bx_grants_new(void)
{
    return calloc(1, sizeof(bx_grants));
}

void bx_grants_free(bx_grants *grants)
{
    if (grants == NULL)
        return;
    for (size_t i = 0; i < grants->rules_count; i++) {
        free(grants->rules[i].text);
        bx_host_pattern_free(grants->rules[i].pattern);
        free(grants->rules[i].origin);
    }
    for (size_t i = 0; i < grants->secrets_count; i++) {
        free(grants->secrets[i].name);
        free(grants->secrets[i].host);
        bx_host_pattern_free(grants->secrets[i].pattern);
        free(grants->secrets[i].header);
        free(grants->secrets[i].format);
        free(grants->secrets[i].origin);
    }
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++)
        free(grants->limits[i].origin);
    free(grants->rules);
    free(grants->secrets);
    free(grants->name);
    free(grants->nothing);
    free(grants);
}

/* ---- rules ---- */

static const struct {
    const char *prefix;
    bx_grant_kind kind;
    unsigned access;
} prefixes[] = {
    { "fs.read", BX_GRANT_FS, BX_ACCESS_READ },
    { "read", BX_GRANT_FS, BX_ACCESS_READ },
    { "fs.write", BX_GRANT_FS, BX_ACCESS_WRITE },
    { "write", BX_GRANT_FS, BX_ACCESS_WRITE },
    { "network", BX_GRANT_HOST, 0 },
    { "fetch", BX_GRANT_HOST, 0 },
    { "env", BX_GRANT_ENV, 0 },
    { "exec", BX_GRANT_EXEC, 0 },
    { "tool", BX_GRANT_TOOL, 0 },
};
#define PREFIXES_COUNT (sizeof(prefixes) / sizeof(prefixes[0]))

bool bx_grant_split(const char *text, bx_grant_kind *ret_kind,
                    unsigned *ret_access, const char **ret_subject)
{
    size_t len = strcspn(text, ":");

    for (size_t i = 0; i < PREFIXES_COUNT; i++) {
        if (text[len] == ':' && strlen(prefixes[i].prefix) == len &&
            memcmp(text, prefixes[i].prefix, len) == 0) {
            *ret_kind = prefixes[i].kind;
            *ret_access = prefixes[i].access;
            *ret_subject = text + len + 1;
            return true;
        }
    }
    return false;
}

const char *bx_grant_prefix(bx_grant_kind kind, unsigned access)
{
    for (size_t i = 0; i < PREFIXES_COUNT; i++) {
        if (prefixes[i].kind == kind && prefixes[i].access == access)
            return prefixes[i].prefix;
    }
    return "";
}

static const char *name_noun(bx_grant_kind kind)
{
    return kind == BX_GRANT_ENV    ? "variable"
           : kind == BX_GRANT_EXEC ? "program"
                                   : "tool";
}

static int fill_rule(bx_grant_rule *rule, const char *subject, bx_error **err)
{
    switch (rule->kind) {
    case BX_GRANT_FS:
        rule->text = bx_guest_path_parse(subject, err);
        return rule->text == NULL ? -1 : 0;
    case BX_GRANT_HOST:
        rule->pattern = bx_host_pattern_parse(subject, err);
        if (rule->pattern == NULL)
            return -1;
        subject = bx_host_pattern_text(rule->pattern);
        break;
    default:
        if (bx_name_pattern_check(subject, name_noun(rule->kind), err) < 0)
            return -1;
        break;
    }
    rule->text = strdup(subject);
    return rule->text == NULL ? bx_error_set_nomem(err) : 0;
}

int bx_grants_add_rule(bx_grants *grants, bx_grant_kind kind, unsigned access,
                       const char *subject, const char *origin, bx_error **err)
{
    bx_grant_rule rule = { .kind = kind, .access = access };
    bx_source source = { .origin = origin };

    if (fill_rule(&rule, subject, err) == 0)
        rule.origin = bx_origin_copy(&source, err);
    if (rule.origin == NULL ||
        bx_policy_grow(&grants->rules, grants->rules_count, sizeof(rule), err) <
            0) {
        free(rule.text);
        bx_host_pattern_free(rule.pattern);
        free(rule.origin);
        return -1;
    }
    grants->rules[grants->rules_count++] = rule;
    return 0;
}

int bx_grants_add(bx_grants *grants, const char *grant, const char *origin,
                  bx_error **err)
{
    bx_autofree char *shown = NULL;
    bx_grant_kind kind;
    unsigned access;
    const char *subject;

    if (bx_grant_split(grant, &kind, &access, &subject)) {
        if (bx_grants_add_rule(grants, kind, access, subject,
                               origin != NULL ? origin : grant, err) == 0)
            return 0;
        return bx_error_wrap(err, "%.*s", (int)(subject - grant - 1), grant);
    }
    shown = bx_text_show(grant);
    return bx_error_set(err, BX_ERR_INVALID,
                        "%s is no grant; expected fs.read:/path, "
                        "fs.write:/path, network:https://host, env:NAME, "
                        "exec:PROGRAM or tool:NAME",
                        BX_SHOWN(shown));
}

/* ---- limits ---- */

int bx_grants_put_limit(bx_grants *grants, const char *control,
                        const char *value, const char *origin, bx_error **err)
{
    const bx_control *found = bx_control_find(control);
    bx_autofree char *made = NULL;
    bx_source source = { .origin = origin };
    bx_limit_ask *slot;
    uint64_t amount;
    char *copy;

    if (found == NULL || !bx_control_is_limit(found)) {
        bx_autofree char *shown = bx_text_show(control);

        return bx_error_set(err, BX_ERR_INVALID,
                            "%s is no limit; expected one such as "
                            "wasm-timeout or wasm-max-memory-size",
                            BX_SHOWN(shown));
    }
    if (bx_unit_parse(value, found->unit, found->min, found->max, &amount,
                      err) < 0)
        return bx_error_wrap(err, "%s", found->name);
    if (origin == NULL) {
        made = bx_control_show(found, value);
        if (made == NULL)
            return bx_error_set_nomem(err);
        source.origin = made;
    }
    copy = bx_origin_copy(&source, err);
    if (copy == NULL)
        return -1;
    slot = &grants->limits[found->index];
    free(slot->origin);
    *slot = (bx_limit_ask){ amount, copy };
    return 0;
}

/* ---- secrets ---- */

/* RFC 9110 section 5.6.2. What frames a message or names its host is the host's
 * own; src/net refuses those again. */
static int check_header(const char *header, bx_error **err)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789!#$%&'*+-.^_`|~";
    static const char *const own[] = {
        "Host",       "Content-Length", "Transfer-Encoding",
        "Connection", "Keep-Alive",     "Proxy-Connection",
        "TE",         "Trailer",        "Upgrade",
        "Expect",     "HTTP2-Settings", "Accept-Encoding",
    };
    size_t len = strlen(header);
    const char *fault = NULL;
    bx_autofree char *shown = NULL;

    if (len == 0 || len > HEADER_MAX || strspn(header, token) != len)
        fault = "is no header's name";
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcasecmp(header, own[i]) == 0)
            fault = "is the host's own header";
    }
    if (fault == NULL)
        return 0;
    shown = bx_text_show(header);
    return bx_error_set(err, BX_ERR_INVALID,
                        "header %s %s; expected one such as Authorization or "
                        "X-Api-Key, at most %d bytes",
                        BX_SHOWN(shown), fault, HEADER_MAX);
}

static int check_format(const char *format, bx_error **err)
{
    const char *hole = strstr(format, "{}");
    bx_autofree char *shown = NULL;

    if (hole != NULL && strstr(hole + 2, "{}") == NULL &&
        strlen(format) <= FORMAT_MAX && !bx_text_has_control(format))
        return 0;
    shown = bx_text_show(format);
    return bx_error_set(err, BX_ERR_INVALID,
                        "format %s: expected text with one '{}' for the "
                        "value, such as 'Bearer {}', at most %d bytes",
                        BX_SHOWN(shown), FORMAT_MAX);
}

static int fill_secret(bx_secret_ask *ask, const char *name, const char *host,
                       const char *header, const char *format,
                       const char *origin, bx_error **err)
{
    bx_source source = { .origin = origin };

    if (bx_name_pattern_check(name, "secret", err) < 0 ||
        check_header(header, err) < 0 || check_format(format, err) < 0)
        return -1;
    if (strpbrk(name, "*@") != NULL) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "the name has '*' or '@'; expected one secret");
        return -1;
    }
    ask->pattern = bx_host_pattern_parse(host, err);
    if (ask->pattern == NULL)
        return -1;
    ask->host = strdup(bx_host_pattern_text(ask->pattern));
    ask->name = strdup(name);
    ask->header = strdup(header);
    ask->format = strdup(format);
    if (ask->host == NULL || ask->name == NULL || ask->header == NULL ||
        ask->format == NULL) {
        (void)bx_error_set_nomem(err);
        return -1;
    }
    if (!bx_host_pattern_is_origin(ask->pattern))
        return bx_error_set(err, BX_ERR_INVALID,
                            "host '%s' is not one origin; expected one scheme, "
                            "host and port, such as https://api.example.com",
                            ask->host);
    if (!bx_host_pattern_is_safe(ask->pattern))
        return bx_error_set(err, BX_ERR_INVALID,
                            "host '%s' would get it in the clear; expected "
                            "https, or http to a loopback address",
                            ask->host);
    ask->origin = bx_origin_copy(&source, err);
    return ask->origin == NULL ? -1 : 0;
}

/* Two secrets for one header of one origin: which one would be sent? */
static int check_unique(const bx_grants *grants, const bx_secret_ask *ask,
                        bx_error **err)
{
    for (size_t i = 0; i < grants->secrets_count; i++) {
        const bx_secret_ask *old = &grants->secrets[i];

        if (strcasecmp(old->header, ask->header) == 0 &&
            strcmp(old->host, ask->host) == 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "the header %s to %s is asked for twice, for "
                                "'%s' already; expected one secret in it",
                                ask->header, ask->host, old->name);
    }
    return 0;
}

static void clear_secret(bx_secret_ask *ask)
{
    free(ask->name);
    free(ask->host);
    bx_host_pattern_free(ask->pattern);
    free(ask->header);
    free(ask->format);
    free(ask->origin);
}

int bx_grants_add_secret(bx_grants *grants, const char *name, const char *host,
                         const char *header, const char *format,
                         const char *origin, bx_error **err)
{
    bx_secret_ask ask = { 0 };
    bx_autofree char *made = NULL;

    if (asprintf(&made, "secret:%s@%s", name, host) < 0) {
        made = NULL;
        return bx_error_set_nomem(err);
    }
    if (fill_secret(&ask, name, host, header != NULL ? header : "Authorization",
                    format != NULL ? format : "Bearer {}",
                    origin != NULL ? origin : made, err) < 0 ||
        check_unique(grants, &ask, err) < 0 ||
        bx_policy_grow(&grants->secrets, grants->secrets_count, sizeof(ask),
                       err) < 0) {
        bx_autofree char *shown = bx_text_show(name);

        clear_secret(&ask);
        return bx_error_wrap(err, "secret %s", BX_SHOWN(shown));
    }
    grants->secrets[grants->secrets_count++] = ask;
    return 0;
}

/* ---- levels ---- */

static bx_level needed_level(const bx_grant_rule *rule)
{
    switch (rule->kind) {
    case BX_GRANT_FS:
        return rule->access == BX_ACCESS_READ ? BX_LEVEL_READ_ONLY
                                              : BX_LEVEL_WRITE;
    case BX_GRANT_EXEC:
    case BX_GRANT_TOOL:
        return BX_LEVEL_EXECUTE;
    default:
        return BX_LEVEL_READ_ONLY;
    }
}

int bx_grants_check_level(const bx_grants *grants, bx_level level,
                          bx_error **err)
{
    for (size_t i = 0; i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];
        bx_autofree char *shown = NULL;

        if (needed_level(rule) <= level)
            continue;
        shown = bx_text_show(rule->text);
        return bx_error_set(
            err, BX_ERR_INVALID,
            "%s:%s is more than permission level %s has; expected level %s or "
            "no such permission",
            bx_grant_prefix(rule->kind, rule->access), BX_SHOWN(shown),
            bx_level_name(level), bx_level_name(needed_level(rule)));
    }
    if (grants->secrets_count > 0 && level < BX_LEVEL_READ_ONLY)
        return bx_error_set(err, BX_ERR_INVALID,
                            "secret '%s' is more than permission level %s has; "
                            "expected level read_only or no secret",
                            grants->secrets[0].name, bx_level_name(level));
    return 0;
}
