#include "agent/models/openai.h"

#include <string.h>

#include "base/json_text.h"
#include "net/url.h"

#define ID_MAX_BYTES 128
/* Of a schema; the API's most is less. */
#define SCHEMA_DEPTH 32

/* Is host the name, or one below it? */
static bool is_host(const char *host, const char *name)
{
    size_t bytes = strlen(host);
    size_t end = strlen(name);

    if (bytes < end || strcmp(host + bytes - end, name) != 0)
        return false;
    return bytes == end || host[bytes - end - 1] == '.';
}

bx_openai_server bx_openai_server_of(const bx_provider *provider)
{
    static const struct {
        const char *host;
        bx_openai_server server;
    } hosts[] = {
        { "api.openai.com", BX_OPENAI_ITSELF },
        { "openai.azure.com", BX_OPENAI_ITSELF },
        { "api.deepseek.com", BX_OPENAI_DEEPSEEK },
        { "generativelanguage.googleapis.com", BX_OPENAI_GOOGLE },
        { "api.mistral.ai", BX_OPENAI_MISTRAL },
        { "api.moonshot.ai", BX_OPENAI_MOONSHOT },
        { "api.moonshot.cn", BX_OPENAI_MOONSHOT },
        { "openrouter.ai", BX_OPENAI_OPENROUTER },
    };
    const char *base = provider->base_url;
    bx_autourl bx_url *url = bx_url_parse(base, strlen(base), NULL, NULL);

    for (size_t i = 0; url != NULL && i < sizeof(hosts) / sizeof(hosts[0]);
         i++) {
        if (is_host(url->host, hosts[i].host))
            return hosts[i].server;
    }
    return BX_OPENAI_OTHER;
}

static uint64_t count_of(const json_t *object, const char *key, uint64_t known)
{
    const json_t *value = json_object_get(object, key);
    json_int_t count = json_integer_value(value);

    return json_is_integer(value) && count >= 0 ? (uint64_t)count : known;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Each count is the whole so far. The input includes what was cached; DeepSeek
 * and Moonshot tell of the cache in members of their own. */
void bx_openai_read_usage(bx_reply *reply, const json_t *from)
{
    bx_usage *usage = bx_reply_usage(reply);
    const json_t *of_input = json_object_get(from, "input_tokens_details");
    const json_t *of_output = json_object_get(from, "output_tokens_details");
    uint64_t input = count_of(from, "prompt_tokens", 0);
    uint64_t output = count_of(from, "completion_tokens", 0);
    uint64_t cached = count_of(from, "prompt_cache_hit_tokens",
                               count_of(from, "cached_tokens", 0));
    uint64_t total;

    if (!json_is_object(from))
        return;
    if (of_input == NULL)
        of_input = json_object_get(from, "prompt_tokens_details");
    if (of_output == NULL)
        of_output = json_object_get(from, "completion_tokens_details");
    input = count_of(from, "input_tokens", input);
    output = count_of(from, "output_tokens", output);
    /* xAI and Google do not count thinking as completion, but in the total. */
    total = count_of(from, "total_tokens", 0);
    if (total > input && total - input > output)
        output = total - input;
    cached = least(count_of(of_input, "cached_tokens", cached), input);
    usage->cache_read_tokens = cached;
    usage->cache_write_tokens =
        least(count_of(of_input, "cache_write_tokens", 0), input - cached);
    usage->input_tokens = input - cached - usage->cache_write_tokens;
    usage->output_tokens = output;
    usage->thinking_tokens =
        least(count_of(of_output, "reasoning_tokens", 0), output);
}

int bx_openai_read_model(bx_reply *reply, const json_t *from, bx_error **err)
{
    const char *model = bx_block_text(from, "model");
    json_t *memory = bx_reply_memory(reply);

    if (*model == '\0' || json_object_get(memory, "model") != NULL)
        return 0;
    if (json_object_set_new(memory, "model", json_true()) < 0)
        return bx_error_set_nomem(err);
    return bx_reply_set_model(reply, model, err);
}

/* Servers make ids of more than OpenAI's: "functions.read:0". */
int bx_openai_put_id(bx_reply *reply, uint64_t index, const char *id,
                     bx_error **err)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";
    size_t bytes = strlen(id);

    if (bytes == 0 || bytes > ID_MAX_BYTES || strspn(id, set) != bytes)
        return 0;
    return bx_reply_put_carry(reply, index, BX_OPENAI_ID, json_string(id), err);
}

static bool is_strict(const json_t *schema, unsigned depth);

static bool are_strict(const json_t *schemas, unsigned depth)
{
    const char *key;
    json_t *item;
    size_t i;

    json_object_foreach((json_t *)schemas, key, item)
    {
        if (!is_strict(item, depth))
            return false;
    }
    json_array_foreach(schemas, i, item)
    {
        if (!is_strict(item, depth))
            return false;
    }
    return true;
}

static bool is_strict_key(const char *key)
{
    static const char *const known[] = {
        "type",       "description", "title",
        "enum",       "const",       "additionalProperties",
        "properties", "required",    "items",
        "anyOf",      "$defs",       "$ref",
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(key, known[i]) == 0)
            return true;
    }
    return false;
}

static bool is_strict_object(const json_t *schema)
{
    const json_t *required = json_object_get(schema, "required");
    const json_t *properties = json_object_get(schema, "properties");
    const char *key;
    json_t *item;

    if (!json_is_object(properties) ||
        !json_is_false(json_object_get(schema, "additionalProperties")))
        return false;
    json_object_foreach((json_t *)properties, key, item)
    {
        bool is_required = false;
        json_t *name;
        size_t i;

        json_array_foreach(required, i, name)
        {
            if (json_is_string(name) &&
                strcmp(json_string_value(name), key) == 0)
                is_required = true;
        }
        if (!is_required)
            return false;
    }
    return true;
}

/* The API keeps to a schema without fail ("strict") only when it closes every
 * object, requires every member and uses few words; it refuses others then. */
static bool is_strict(const json_t *schema, unsigned depth)
{
    const char *key;
    json_t *item;

    if (!json_is_object(schema) || json_object_size(schema) == 0 || depth == 0)
        return false;
    json_object_foreach((json_t *)schema, key, item)
    {
        if (!is_strict_key(key))
            return false;
    }
    if ((bx_block_is(schema, "object") ||
         json_object_get(schema, "properties") != NULL) &&
        !is_strict_object(schema))
        return false;
    item = json_object_get(schema, "items");
    return (item == NULL || is_strict(item, depth - 1)) &&
           are_strict(json_object_get(schema, "properties"), depth - 1) &&
           are_strict(json_object_get(schema, "anyOf"), depth - 1) &&
           are_strict(json_object_get(schema, "$defs"), depth - 1);
}

json_t *bx_openai_write_schema(const json_t *schema)
{
    bool is_fit = bx_block_is(schema, "object") &&
                  json_object_get(schema, "anyOf") == NULL &&
                  is_strict(schema, SCHEMA_DEPTH);

    return json_pack("{s:s, s:O, s:b}", "name", "reply", "schema", schema,
                     "strict", (int)is_fit);
}

json_t *bx_openai_write_image_url(const json_t *image)
{
    bx_autobuf bx_buf url = BX_BUF_INIT;

    if (bx_buf_printf(&url, "data:%s;base64,",
                      bx_block_text(image, "media_type")) < 0 ||
        bx_buf_puts(&url, bx_block_text(image, "data")) < 0)
        return NULL;
    return json_stringn_nocheck(url.data, url.len);
}

json_t *bx_openai_write_arguments(const json_t *call)
{
    bx_autofree char *text =
        bx_json_text(json_object_get(call, "input"), JSON_COMPACT);

    return text == NULL ? NULL : json_string_nocheck(text);
}

const char *bx_openai_effort(bx_effort effort)
{
    static const char *const efforts[] = { [BX_EFFORT_NONE] = "none",
                                           [BX_EFFORT_LOW] = "low",
                                           [BX_EFFORT_MEDIUM] = "medium",
                                           [BX_EFFORT_HIGH] = "high" };

    return efforts[effort];
}

uint64_t bx_openai_output_tokens(const bx_turn_request *request)
{
    return request->max_output_tokens > 0 ? request->max_output_tokens
                                          : request->model->output_tokens;
}
