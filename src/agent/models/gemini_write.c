#include <string.h>

#include "agent/models/gemini.h"

#define BUDGET_MIN 512 /* the least of all models that take one */
#define BUDGET_MIN_PRO 128
#define MAX_NAME_BYTES 64

static bool has(const bx_turn_request *request, unsigned ability)
{
    return (request->model->abilities & ability) != 0;
}

/* Is the reply's form to be had by a tool that must be called? */
static bool has_reply_tool(const bx_turn_request *request)
{
    return request->output_schema != NULL &&
           (!has(request, BX_MODEL_SCHEMA) ||
            (bx_gemini_is_older(request) &&
             json_array_size(request->tools) > 0));
}

static int write_system(const bx_turn_request *request, json_t *body)
{
    if (request->system == NULL || bx_text_is_blank(request->system))
        return 0;
    return json_object_set_new(
        body, "systemInstruction",
        json_pack("{s:[{s:s}]}", "parts", "text", request->system));
}

/* An object without properties is refused, and says no more than nothing. */
static json_t *write_tool(const json_t *name, const json_t *description,
                          const json_t *schema)
{
    json_t *written = bx_gemini_schema(schema);
    json_t *tool =
        json_pack("{s:O, s:O*}", "name", name, "description", description);

    if (written == NULL || tool == NULL ||
        ((json_object_size(json_object_get(written, "properties")) > 0 ||
          json_object_get(written, "$ref") != NULL ||
          json_object_get(written, "anyOf") != NULL) &&
         json_object_set(tool, "parametersJsonSchema", written) < 0)) {
        json_decref(tool);
        tool = NULL;
    }
    json_decref(written);
    return tool;
}

static int write_tools(const bx_turn_request *request, json_t *body)
{
    json_t *tools =
        bx_request_write_tools(request, has_reply_tool(request), write_tool);
    int status = tools == NULL ? -1 : 0;

    if (status == 0 && json_array_size(tools) > 0)
        status = json_object_set_new(
            body, "tools", json_pack("[{s:O}]", "functionDeclarations", tools));
    json_decref(tools);
    return status;
}

static int write_choice(const bx_turn_request *request, json_t *body)
{
    bool has_tools = json_array_size(request->tools) > 0;
    const char *choice =
        request->tool_choice != NULL ? request->tool_choice : "auto";
    const char *mode = "ANY";
    json_t *config;

    if (has_reply_tool(request)) {
        if (!has_tools || strcmp(choice, "none") == 0)
            choice = BX_REPLY_TOOL;
        else if (strcmp(choice, "auto") == 0)
            choice = "any";
    } else if (!has_tools || request->tool_choice == NULL) {
        return 0;
    }
    if (strcmp(choice, "auto") == 0)
        mode = "AUTO";
    else if (strcmp(choice, "none") == 0)
        mode = "NONE";
    config = json_pack("{s:s}", "mode", mode);
    if (strcmp(mode, "ANY") == 0 && strcmp(choice, "any") != 0 &&
        json_object_set_new(config, "allowedFunctionNames",
                            json_pack("[s]", choice)) < 0) {
        json_decref(config);
        return -1;
    }
    return json_object_set_new(
        body, "toolConfig",
        json_pack("{s:o}", "functionCallingConfig", config));
}

static uint64_t output_tokens(const bx_turn_request *request)
{
    return request->max_output_tokens > 0 ? request->max_output_tokens
                                          : request->model->output_tokens;
}

/* What is thought counts as output: half of it is for the reply. */
static json_t *write_budget(const bx_turn_request *request)
{
    static const uint64_t budgets[] = { [BX_EFFORT_NONE] = 0,
                                        [BX_EFFORT_LOW] = 2048,
                                        [BX_EFFORT_MEDIUM] = 8192,
                                        [BX_EFFORT_HIGH] = 24576 };
    bool is_pro = strstr(request->model->id, "-pro") != NULL;
    uint64_t budget = budgets[request->effort];
    uint64_t most = output_tokens(request) / 2;

    if (most > 0 && budget > most)
        budget = most;
    if (budget < BUDGET_MIN) /* the large one cannot do without */
        budget = is_pro ? BUDGET_MIN_PRO : 0;
    return json_pack("{s:I, s:b}", "thinkingBudget", (json_int_t)budget,
                     "includeThoughts", (int)(budget >= BUDGET_MIN));
}

/* None of the newer ones is always without: the least that each knows. */
static json_t *write_level(const bx_turn_request *request)
{
    static const char *const levels[] = { [BX_EFFORT_NONE] = "low",
                                          [BX_EFFORT_LOW] = "low",
                                          [BX_EFFORT_MEDIUM] = "medium",
                                          [BX_EFFORT_HIGH] = "high" };

    return json_pack("{s:s, s:b}", "thinkingLevel", levels[request->effort],
                     "includeThoughts",
                     (int)(request->effort != BX_EFFORT_NONE));
}

static int write_config(const bx_turn_request *request, json_t *body)
{
    json_t *config = json_object();
    bool has_form = request->output_schema != NULL && !has_reply_tool(request);
    int status = config == NULL ? -1 : 0;

    if (status == 0 && output_tokens(request) > 0)
        status = json_object_set_new(
            config, "maxOutputTokens",
            json_integer((json_int_t)output_tokens(request)));
    if (status == 0 && request->temperature >= 0)
        status = json_object_set_new(config, "temperature",
                                     json_real(request->temperature));
    if (status == 0 && has(request, BX_MODEL_THINKING) &&
        request->effort != BX_EFFORT_DEFAULT)
        status = json_object_set_new(config, "thinkingConfig",
                                     bx_gemini_is_older(request)
                                         ? write_budget(request)
                                         : write_level(request));
    if (status == 0 && has_form)
        status = json_object_set_new(config, "responseMimeType",
                                     json_string("application/json"));
    if (status == 0 && has_form)
        status = json_object_set_new(config, "responseJsonSchema",
                                     bx_gemini_schema(request->output_schema));
    if (status == 0 && json_object_size(config) > 0)
        status = json_object_set(body, "generationConfig", config);
    json_decref(config);
    return status;
}

/* Narrower than what tools may be named elsewhere. */
static bool is_name(const char *name)
{
    size_t bytes = strlen(name);

    return bytes > 0 && bytes <= MAX_NAME_BYTES &&
           strchr("0123456789-", name[0]) == NULL;
}

static int check(const bx_turn_request *request, bx_error **err)
{
    json_t *tool;
    size_t i;

    if (bx_request_check(request, has_reply_tool(request), err) < 0)
        return -1;
    json_array_foreach(request->tools, i, tool)
    {
        const char *name = bx_block_text(tool, "name");

        if (!is_name(name))
            return bx_error_set(err, BX_ERR_INVALID,
                                "tool '%s': gemini expects a name that begins "
                                "with a letter or '_', of at most %d bytes; "
                                "name it otherwise",
                                name, MAX_NAME_BYTES);
    }
    return 0;
}

/* People write a base with the version and without, and an id with its
 * collection and without. */
static int write_url(const bx_turn_request *request, const char *method,
                     bx_buf *url)
{
    const char *base = request->model->provider->base_url;
    const char *id = request->model->id;
    const char *last = strrchr(base, '/');
    bool has_version = last != NULL && strncmp(last, "/v1", 3) == 0;

    return bx_buf_printf(url, "%s%s/%s%s:%s", base,
                         has_version ? "" : "/v1beta",
                         strchr(id, '/') != NULL ? "" : "models/", id, method);
}

static int write_common(const bx_turn_request *request, const char *method,
                        bx_protocol_request *ret, bx_error **err)
{
    if (check(request, err) < 0)
        return -1;
    ret->body = json_object();
    if (ret->body == NULL || write_url(request, method, &ret->url) < 0 ||
        write_system(request, ret->body) < 0 ||
        write_tools(request, ret->body) < 0 ||
        write_choice(request, ret->body) < 0 ||
        bx_gemini_write_contents(request, ret->body) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

int bx_gemini_write(const bx_turn_request *request, bx_protocol_request *ret,
                    bx_error **err)
{
    if (write_common(request, "streamGenerateContent?alt=sse", ret, err) < 0)
        return -1;
    if (write_config(request, ret->body) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* Counted with what it says besides the conversation. */
int bx_gemini_write_count(const bx_turn_request *request,
                          bx_protocol_request *ret, bx_error **err)
{
    const char *id = request->model->id;
    json_t *inner;

    if (write_common(request, "countTokens", ret, err) < 0)
        return -1;
    inner = bx_take(ret->body);
    if (json_object_set_new(
            inner, "model",
            json_sprintf("%s%s", strchr(id, '/') != NULL ? "" : "models/",
                         id)) < 0) {
        json_decref(inner);
        return bx_error_set_nomem(err);
    }
    ret->body = json_pack("{s:o}", "generateContentRequest", inner);
    return ret->body == NULL ? bx_error_set_nomem(err) : 0;
}
