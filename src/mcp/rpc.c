#include "mcp/rpc.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

json_t *bx_rpc_error(int code, const char *format, ...)
{
    va_list args;
    json_t *message;

    va_start(args, format);
    message = json_vsprintf(format, args);
    va_end(args);
    return json_pack("{s:i, s:o}", "code", code, "message",
                     message == NULL ? json_string("error") : message);
}

void bx_rpc_error_put_data(json_t *error, json_t *data)
{
    json_object_set_new(error, "data", data);
}

const char *bx_rpc_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);

    return text != NULL && strlen(text) == json_string_length(value) ? text
                                                                     : NULL;
}

/* ---- text to JSON ---------------------------------------------------- */

/* The parser recurses, and each value costs far more memory than its text: both
 * are counted before it starts. What is in strings does not count. */
static const char *find_excess(const char *text, size_t bytes)
{
    size_t depth = 0;
    size_t values = 1;
    bool is_string = false;

    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];

        if (is_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                is_string = false;
        } else if (c == '"') {
            is_string = true;
        } else if (c == '{' || c == '[') {
            values++;
            if (++depth > BX_RPC_MAX_DEPTH)
                return "nests too deeply";
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        } else if (c == ',' && ++values > BX_RPC_MAX_VALUES) {
            return "has too many values";
        }
    }
    return values > BX_RPC_MAX_VALUES ? "has too many values" : NULL;
}

static json_t *fail(json_t **ret_error, json_t *error)
{
    *ret_error = error;
    return NULL;
}

json_t *bx_rpc_parse(const char *text, size_t bytes, json_t **ret_error)
{
    const char *excess = find_excess(text, bytes);
    json_error_t problem;
    json_t *value;

    if (!bx_utf8_is_valid(text, bytes))
        return fail(ret_error, bx_rpc_error(BX_RPC_PARSE_ERROR,
                                            "the message is not valid UTF-8"));
    if (excess != NULL)
        return fail(ret_error,
                    bx_rpc_error(BX_RPC_PARSE_ERROR,
                                 "the message %s: at most %d levels and %d "
                                 "values",
                                 excess, BX_RPC_MAX_DEPTH, BX_RPC_MAX_VALUES));
    value = json_loadb(
        text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
        &problem);
    if (value != NULL)
        return value;
    return fail(ret_error, bx_rpc_error(BX_RPC_PARSE_ERROR,
                                        "the message is not valid JSON: %s "
                                        "(byte %d)",
                                        problem.text, problem.position));
}

/* ---- JSON to a message ----------------------------------------------- */

static bool is_id(const json_t *id)
{
    return json_is_integer(id) ||
           (json_is_string(id) &&
            json_string_length(id) <= BX_RPC_MAX_ID_BYTES);
}

static void reject(bx_rpc *rpc, json_t *error)
{
    rpc->kind = BX_RPC_INVALID;
    rpc->error = error;
}

static bool has_version(const json_t *message)
{
    const char *version = bx_rpc_text(message, "jsonrpc");

    return version != NULL && strcmp(version, "2.0") == 0;
}

static void read_call(bx_rpc *rpc, const json_t *id)
{
    const json_t *params = json_object_get(rpc->message, "params");

    rpc->method = bx_rpc_text(rpc->message, "method");
    rpc->kind = id == NULL ? BX_RPC_NOTIFICATION : BX_RPC_REQUEST;
    rpc->params = json_is_object(params) ? (json_t *)params : NULL;
    if (rpc->method == NULL)
        reject(rpc, bx_rpc_error(BX_RPC_INVALID_REQUEST,
                                 "'method': expected a string"));
    else if (params != NULL && !json_is_object(params))
        reject(rpc, bx_rpc_error(BX_RPC_INVALID_PARAMS,
                                 "'params': expected an object"));
}

static void read_response(bx_rpc *rpc)
{
    const json_t *result = json_object_get(rpc->message, "result");
    const json_t *error = json_object_get(rpc->message, "error");

    rpc->kind = BX_RPC_RESPONSE;
    if ((result == NULL) == (error == NULL) ||
        (result != NULL && !json_is_object(result)) ||
        (error != NULL && !json_is_object(error)))
        reject(rpc, bx_rpc_error(BX_RPC_INVALID_REQUEST,
                                 "expected 'method', or one of 'result' and "
                                 "'error' as an object"));
}

void bx_rpc_read(json_t *value, bx_rpc *ret_rpc)
{
    const json_t *id;

    *ret_rpc = (bx_rpc){ .kind = BX_RPC_INVALID };
    if (!json_is_object(value)) {
        json_decref(value);
        reject(ret_rpc, bx_rpc_error(BX_RPC_INVALID_REQUEST,
                                     "expected a JSON-RPC message, an object"));
        return;
    }
    ret_rpc->message = value;
    id = json_object_get(value, "id");
    if (is_id(id))
        ret_rpc->id = json_incref((json_t *)id);
    if (!has_version(value))
        reject(ret_rpc, bx_rpc_error(BX_RPC_INVALID_REQUEST,
                                     "'jsonrpc': expected \"2.0\""));
    else if (id != NULL && ret_rpc->id == NULL &&
             (!json_is_null(id) || json_object_get(value, "method") != NULL))
        reject(ret_rpc,
               bx_rpc_error(BX_RPC_INVALID_REQUEST,
                            "'id': expected an integer or a string of at most "
                            "%d bytes",
                            BX_RPC_MAX_ID_BYTES));
    else if (json_object_get(value, "method") != NULL)
        read_call(ret_rpc, id);
    else
        read_response(ret_rpc);
}

void bx_rpc_clear(bx_rpc *rpc)
{
    json_decref(rpc->id);
    json_decref(rpc->message);
    json_decref(rpc->error);
    *rpc = (bx_rpc){ .kind = BX_RPC_INVALID };
}

/* ---- messages of ours ------------------------------------------------ */

static json_t *id_or_null(const json_t *id)
{
    return id == NULL ? json_null() : json_incref((json_t *)id);
}

json_t *bx_rpc_result(const json_t *id, json_t *result)
{
    return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_or_null(id),
                     "result", result);
}

json_t *bx_rpc_failure(const json_t *id, json_t *error)
{
    return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_or_null(id),
                     "error", error);
}

json_t *bx_rpc_notification(const char *method, json_t *params)
{
    return params == NULL
               ? json_pack("{s:s, s:s}", "jsonrpc", "2.0", "method", method)
               : json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method",
                           method, "params", params);
}
