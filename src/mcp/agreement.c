#include "mcp/agreement.h"

#include <string.h>

#include "base/buf.h"

#define SHOWN_BYTES 48 /* of what a client calls itself */

typedef struct method_span {
    const char *name;
    bx_revision first;
    bx_revision last;
} method_span;

/* Methods that not every revision has. */
static const method_span spans[] = {
    { "server/discover", BX_REVISION_2026_07_28, BX_REVISION_2026_07_28 },
    { "subscriptions/listen", BX_REVISION_2026_07_28, BX_REVISION_2026_07_28 },
    { "initialize", BX_REVISION_2024_11_05, BX_REVISION_LAST_HANDSHAKE },
    { "ping", BX_REVISION_2024_11_05, BX_REVISION_LAST_HANDSHAKE },
    { "logging/setLevel", BX_REVISION_2024_11_05, BX_REVISION_LAST_HANDSHAKE },
    { "resources/subscribe", BX_REVISION_2024_11_05,
      BX_REVISION_LAST_HANDSHAKE },
    { "resources/unsubscribe", BX_REVISION_2024_11_05,
      BX_REVISION_LAST_HANDSHAKE },
};

void bx_agreement_init(bx_agreement *agreement)
{
    *agreement = (bx_agreement){ .revision = BX_REVISION_LAST_HANDSHAKE,
                                 .log_level = BX_LOG_WARNING };
    pthread_mutex_init(&agreement->mutex, NULL);
}

void bx_agreement_clear(bx_agreement *agreement)
{
    pthread_mutex_destroy(&agreement->mutex);
}

static bool has_method(bx_revision revision, const char *method)
{
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        if (strcmp(spans[i].name, method) == 0)
            return revision >= spans[i].first && revision <= spans[i].last;
    }
    return true; /* or none has it: the table of methods decides */
}

static json_t *check_method(const bx_terms *terms, const char *method)
{
    if (has_method(terms->revision, method))
        return NULL;
    return bx_rpc_error(BX_RPC_NO_METHOD, "'%s' is not part of protocol %s",
                        method, bx_revision_name(terms->revision));
}

/* ---- a request that says it of itself ------------------------------- */

static json_t *refuse_version(const json_t *version)
{
    json_t *error = bx_rpc_error(BX_RPC_UNSUPPORTED_VERSION,
                                 "the protocol version is not supported here");

    bx_rpc_error_put_data(error,
                          json_pack("{s:o, s:O}", "supported",
                                    bx_revision_list(), "requested", version));
    return error;
}

static json_t *admit_stateless(const json_t *meta, const json_t *version,
                               bx_terms *terms)
{
    const char *name = json_string_value(version);
    const json_t *level = json_object_get(meta, BX_META_LOG_LEVEL);
    const char *level_name = bx_rpc_text(meta, BX_META_LOG_LEVEL);

    if (name == NULL)
        return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                            "_meta '%s': expected a string", BX_META_VERSION);
    if (bx_revision_find(name, &terms->revision) < 0 ||
        terms->revision <= BX_REVISION_LAST_HANDSHAKE)
        return refuse_version(version);
    if (!json_is_object(json_object_get(meta, BX_META_CAPABILITIES)))
        return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                            "_meta '%s': expected an object",
                            BX_META_CAPABILITIES);
    terms->is_stateless = true;
    terms->log_level = BX_LOG_OFF;
    if (level != NULL && (level_name == NULL ||
                          bx_log_level_find(level_name, &terms->log_level) < 0))
        return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                            "_meta '%s': expected debug, info, notice, "
                            "warning, error, critical, alert or emergency",
                            BX_META_LOG_LEVEL);
    return NULL;
}

/* ---- a request under the handshake ----------------------------------- */

static json_t *admit_by_handshake(bx_agreement *agreement, const char *method,
                                  bx_terms *terms)
{
    bool is_open;

    pthread_mutex_lock(&agreement->mutex);
    is_open = agreement->is_open;
    terms->revision = agreement->revision;
    terms->log_level = agreement->log_level;
    pthread_mutex_unlock(&agreement->mutex);
    if (is_open || strcmp(method, "ping") == 0)
        return NULL;
    return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                        "'%s' came before 'initialize', and without _meta '%s' "
                        "and '%s': send either first",
                        method, BX_META_VERSION, BX_META_CAPABILITIES);
}

json_t *bx_agreement_admit(bx_agreement *agreement, const bx_rpc *request,
                           bx_terms *ret_terms)
{
    const json_t *meta = json_object_get(request->params, "_meta");
    const json_t *version = json_object_get(meta, BX_META_VERSION);
    json_t *token = json_object_get(meta, "progressToken");
    json_t *error;

    *ret_terms = (bx_terms){ 0 };
    if (meta != NULL && !json_is_object(meta))
        return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                            "'_meta': expected an object");
    error = version != NULL
                ? admit_stateless(meta, version, ret_terms)
                : admit_by_handshake(agreement, request->method, ret_terms);
    if (error != NULL)
        return error;
    if (token != NULL && !(json_is_integer(token) ||
                           (json_is_string(token) &&
                            json_string_length(token) <= BX_RPC_MAX_ID_BYTES)))
        return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                            "_meta 'progressToken': expected an integer or a "
                            "string of at most %d bytes",
                            BX_RPC_MAX_ID_BYTES);
    ret_terms->progress_token = token;
    return check_method(ret_terms, request->method);
}

/* ---- the handshake --------------------------------------------------- */

static void describe_client(bx_agreement *agreement, const json_t *info)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    const char *name = bx_rpc_text(info, "name");
    const char *version = bx_rpc_text(info, "version");

    if (name == NULL)
        return;
    if (bx_buf_put_escaped(&shown, name, strlen(name), SHOWN_BYTES) == 0 &&
        bx_buf_puts(&shown, " ") == 0 && version != NULL)
        bx_buf_put_escaped(&shown, version, strlen(version), SHOWN_BYTES);
    snprintf(agreement->client, sizeof(agreement->client), "%s",
             shown.data == NULL ? "" : shown.data);
}

json_t *bx_agreement_open(bx_agreement *agreement, const json_t *params,
                          bx_terms *ret_terms)
{
    const char *version = bx_rpc_text(params, "protocolVersion");
    const json_t *capabilities = json_object_get(params, "capabilities");
    bx_revision revision;
    json_t *error = NULL;

    *ret_terms = (bx_terms){ 0 };
    if (version == NULL)
        return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                            "'protocolVersion': expected a string such as "
                            "\"%s\"",
                            bx_revision_name(BX_REVISION_LAST_HANDSHAKE));
    if (capabilities != NULL && !json_is_object(capabilities))
        return bx_rpc_error(BX_RPC_INVALID_PARAMS,
                            "'capabilities': expected an object");
    /* A version that is not spoken here, or that has no handshake, is answered
     * with the newest that has one; the client decides whether to go on. */
    if (bx_revision_find(version, &revision) < 0 ||
        revision > BX_REVISION_LAST_HANDSHAKE)
        revision = BX_REVISION_LAST_HANDSHAKE;
    pthread_mutex_lock(&agreement->mutex);
    if (agreement->is_open) {
        error = bx_rpc_error(BX_RPC_INVALID_REQUEST,
                             "'initialize' came a second time: this connection "
                             "speaks %s since the first",
                             bx_revision_name(agreement->revision));
    } else {
        agreement->is_open = true;
        agreement->revision = revision;
        describe_client(agreement, json_object_get(params, "clientInfo"));
        ret_terms->revision = revision;
        ret_terms->log_level = agreement->log_level;
    }
    pthread_mutex_unlock(&agreement->mutex);
    return error;
}

bool bx_agreement_confirm(bx_agreement *agreement)
{
    bool is_due;

    pthread_mutex_lock(&agreement->mutex);
    is_due = agreement->is_open && !agreement->is_ready;
    agreement->is_ready = agreement->is_open;
    pthread_mutex_unlock(&agreement->mutex);
    return is_due;
}

void bx_agreement_set_log_level(bx_agreement *agreement, bx_log_level level)
{
    pthread_mutex_lock(&agreement->mutex);
    agreement->log_level = level;
    pthread_mutex_unlock(&agreement->mutex);
}

bx_log_level bx_agreement_log_level(bx_agreement *agreement)
{
    bx_log_level level;

    pthread_mutex_lock(&agreement->mutex);
    level = agreement->log_level;
    pthread_mutex_unlock(&agreement->mutex);
    return level;
}

bool bx_agreement_is_ready(bx_agreement *agreement)
{
    bool is_ready;

    pthread_mutex_lock(&agreement->mutex);
    is_ready = agreement->is_ready;
    pthread_mutex_unlock(&agreement->mutex);
    return is_ready;
}

bool bx_agreement_has_batches(bx_agreement *agreement)
{
    bool has_batches;

    pthread_mutex_lock(&agreement->mutex);
    has_batches =
        agreement->is_open && agreement->revision <= BX_REVISION_2025_03_26;
    pthread_mutex_unlock(&agreement->mutex);
    return has_batches;
}
