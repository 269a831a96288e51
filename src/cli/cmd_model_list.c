/* boxagnts model list, show. Of keys only the places are told: a program that
 * prints one may have it among its arguments, so they are left out too. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/model_cli.h"

static const struct ability {
    unsigned bit;
    const char *word;  /* as the table has it */
    const char *brief; /* as a narrow column has it */
} abilities[] = {
    { BX_MODEL_TOOLS, "tools", "tool" },
    { BX_MODEL_IMAGES, "images", "img" },
    { BX_MODEL_THINKING, "thinking", "think" },
    { BX_MODEL_CACHE, "cache", "cache" },
    { BX_MODEL_SCHEMA, "schema", "json" },
};
#define ABILITIES_COUNT (sizeof(abilities) / sizeof(abilities[0]))

/* Room for the longest of each. */
typedef char brief_text[64];

/* "1.05M", "200k" */
static const char *show_tokens(uint64_t tokens, brief_text text)
{
    if (tokens == 0)
        snprintf(text, sizeof(brief_text), "?");
    else if (tokens >= 1000000)
        snprintf(text, sizeof(brief_text), "%.3gM", (double)tokens / 1e6);
    else if (tokens >= 1000)
        snprintf(text, sizeof(brief_text), "%.3gk", (double)tokens / 1e3);
    else
        snprintf(text, sizeof(brief_text), "%" PRIu64, tokens);
    return text;
}

static const char *show_price(double price, brief_text text)
{
    if (price < 0)
        snprintf(text, sizeof(brief_text), "?");
    else
        snprintf(text, sizeof(brief_text), "%g", price);
    return text;
}

static const char *show_key(const bx_provider *provider)
{
    if (bx_provider_is_open(provider))
        return "-";
    return bx_provider_has_key(provider) ? "yes" : "no";
}

/* ---- JSON ------------------------------------------------------------- */

static int set_price(json_t *prices, const char *name, double price)
{
    return price < 0 ? 0 : json_object_set_new(prices, name, json_real(price));
}

static json_t *prices_json(double input, double output, double cache_read,
                           double cache_write)
{
    json_t *prices = json_object();

    set_price(prices, "input", input);
    set_price(prices, "output", output);
    set_price(prices, "cache_read", cache_read);
    set_price(prices, "cache_write", cache_write);
    return prices;
}

static json_t *key_json(const bx_provider *provider)
{
    return json_pack("{s:s*, s:s*, s:s*}", "variable", provider->key_env,
                     "file", provider->key_file, "program",
                     provider->key_command == NULL ? NULL
                                                   : provider->key_command[0]);
}

static void set_tokens(json_t *object, const char *name, uint64_t tokens)
{
    if (tokens > 0)
        json_object_set_new(object, name, json_integer((json_int_t)tokens));
}

static void set_provider(json_t *object, const bx_provider *provider)
{
    json_object_set_new(object, "provider", json_string(provider->name));
    json_object_set_new(object, "protocol", json_string(provider->protocol));
    if (provider->base_url != NULL)
        json_object_set_new(object, "base_url",
                            json_string(provider->base_url));
    json_object_set_new(object, "needs_key",
                        json_boolean(!bx_provider_is_open(provider)));
    json_object_set_new(object, "has_key",
                        json_boolean(!bx_provider_is_open(provider) &&
                                     bx_provider_has_key(provider)));
    json_object_set_new(object, "key", key_json(provider));
}

static json_t *model_json(const bx_model_cli *cli, const bx_model *model)
{
    json_t *object =
        json_pack("{s:s, s:s, s:b}", "name", model->name, "id", model->id,
                  "is_default", model == bx_models_default(cli->models));
    json_t *has = json_array();

    set_provider(object, model->provider);
    set_tokens(object, "context_tokens", model->context_tokens);
    set_tokens(object, "output_tokens", model->output_tokens);
    json_object_set_new(object, "price",
                        prices_json(model->price_input, model->price_output,
                                    model->price_cache_read,
                                    model->price_cache_write));
    if (model->long_above_tokens > 0) {
        json_t *prices =
            prices_json(model->long_input, model->long_output,
                        model->long_cache_read, model->long_cache_write);

        set_tokens(prices, "above", model->long_above_tokens);
        json_object_set_new(object, "long_price", prices);
    }
    for (size_t i = 0; i < ABILITIES_COUNT; i++) {
        if ((model->abilities & abilities[i].bit) != 0)
            json_array_append_new(has, json_string(abilities[i].word));
    }
    json_object_set_new(object, "has", has);
    return object;
}

/* ---- the list --------------------------------------------------------- */

static bool has_model(const bx_models *models, const bx_provider *provider)
{
    for (size_t i = 0; i < bx_models_count(models); i++) {
        if (bx_models_at(models, i)->provider == provider)
            return true;
    }
    return false;
}

typedef struct columns {
    int name;
    int provider;
} columns;

static int larger(int width, const char *text, size_t more)
{
    size_t bytes = strlen(text) + more;

    return bytes > (size_t)width ? (int)bytes : width;
}

static columns measure(const bx_model_cli *cli)
{
    columns to = { sizeof("NAME") - 1, sizeof("PROVIDER") - 1 };

    for (size_t i = 0; i < bx_models_count(cli->models); i++) {
        const bx_model *model = bx_models_at(cli->models, i);

        to.name = larger(to.name, model->name, 0);
        to.provider = larger(to.provider, model->provider->name, 0);
    }
    for (size_t i = 0;
         cli->wants_all && i < bx_models_count_providers(cli->models); i++) {
        const char *name = bx_models_provider_at(cli->models, i)->name;

        to.name = larger(to.name, name, sizeof("/ID") - 1);
        to.provider = larger(to.provider, name, 0);
    }
    return to;
}

static void put_padded(const char *text, int width)
{
    int left = width - (int)strlen(text);

    bx_cli_print_safe(stdout, text, strlen(text));
    printf("%*s", left > 0 ? left + 1 : 1, "");
}

/* What cannot be taken for want of a key is dim, what is taken when nobody
 * names one is bold. */
static const char *style_of(const bx_model_cli *cli, const bx_model *model)
{
    if (!bx_cli_has_colour(stdout))
        return "";
    if (model == bx_models_default(cli->models))
        return "\033[1m";
    return bx_provider_has_key(model->provider) ? "" : "\033[2m";
}

static void print_row(const bx_model_cli *cli, const bx_model *model,
                      const columns *widths)
{
    const char *style = style_of(cli, model);
    brief_text tokens;
    brief_text input;
    brief_text output;
    brief_text prices;

    fputs(style, stdout);
    put_padded(model->name, widths->name);
    put_padded(model->provider->name, widths->provider);
    snprintf(prices, sizeof(prices), "%.20s/%.20s",
             show_price(model->price_input, input),
             show_price(model->price_output, output));
    printf("%-3s %-5s %-9s", show_key(model->provider),
           show_tokens(model->context_tokens, tokens), prices);
    for (size_t i = 0; i < ABILITIES_COUNT; i++) {
        if ((model->abilities & abilities[i].bit) != 0)
            printf(" %s", abilities[i].brief);
    }
    fputs(style[0] != '\0' ? "\033[0m\n" : "\n", stdout);
}

/* A provider alone, as what is known of a model of its. */
static void print_provider(const bx_model_cli *cli, const bx_provider *provider,
                           const columns *widths)
{
    bx_autobuf bx_buf name = BX_BUF_INIT;
    bx_model model = { .id = "ID",
                       .provider = provider,
                       .price_input = -1,
                       .price_output = -1,
                       .abilities = BX_MODEL_TOOLS };

    if (bx_buf_printf(&name, "%s/ID", provider->name) < 0)
        return;
    model.name = name.data;
    print_row(cli, &model, widths);
}

static int list_json(const bx_model_cli *cli)
{
    json_t *models = json_array();
    json_t *root = json_pack("{s:o}", "models", models);

    for (size_t i = 0; i < bx_models_count(cli->models); i++)
        json_array_append_new(models,
                              model_json(cli, bx_models_at(cli->models, i)));
    if (cli->wants_all) {
        json_t *providers = json_array();

        for (size_t i = 0; i < bx_models_count_providers(cli->models); i++) {
            json_t *object = json_object();

            set_provider(object, bx_models_provider_at(cli->models, i));
            json_array_append_new(providers, object);
        }
        json_object_set_new(root, "providers", providers);
    }
    return bx_model_print_json(root);
}

int bx_model_list_run(const bx_model_cli *cli)
{
    columns widths = measure(cli);

    if (cli->wants_json)
        return list_json(cli);
    printf("%-*s %-*s KEY SIZE  $ IN/OUT  CAN\n", widths.name, "NAME",
           widths.provider, "PROVIDER");
    for (size_t i = 0; i < bx_models_count(cli->models); i++)
        print_row(cli, bx_models_at(cli->models, i), &widths);
    for (size_t i = 0;
         cli->wants_all && i < bx_models_count_providers(cli->models); i++) {
        const bx_provider *provider = bx_models_provider_at(cli->models, i);

        if (!has_model(cli->models, provider))
            print_provider(cli, provider, &widths);
    }
    return 0;
}

/* ---- one -------------------------------------------------------------- */

static void print_keys(const bx_provider *provider)
{
    const char *value =
        provider->key_env == NULL ? NULL : getenv(provider->key_env);
    bx_autobuf bx_buf line = BX_BUF_INIT;

    if (bx_provider_is_open(provider))
        bx_model_print_field("key", "none is sent");
    if (provider->key_env != NULL &&
        bx_buf_printf(&line, "variable %s, which is %s", provider->key_env,
                      value != NULL && value[0] != '\0' ? "set" : "not set") ==
            0)
        bx_model_print_field("key", line.data);
    bx_buf_clear(&line);
    if (provider->key_file != NULL &&
        bx_buf_printf(&line, "file %s, which %s", provider->key_file,
                      access(provider->key_file, R_OK) == 0
                          ? "is there"
                          : "is not there, or not yours to read") == 0)
        bx_model_print_field("key", line.data);
    bx_buf_clear(&line);
    if (provider->key_command != NULL &&
        bx_buf_printf(&line, "what the program %s prints",
                      provider->key_command[0]) == 0)
        bx_model_print_field("key", line.data);
}

static void print_headers(const bx_provider *provider)
{
    for (size_t i = 0;
         provider->headers != NULL && provider->headers[i] != NULL; i++) {
        bx_autofree char *name =
            strndup(provider->headers[i], strcspn(provider->headers[i], ":"));

        if (name != NULL)
            bx_model_print_field("header", name);
    }
}

static void print_prices(const char *name, double input, double output,
                         double cache_read, double cache_write)
{
    brief_text texts[4];
    bx_autobuf bx_buf line = BX_BUF_INIT;

    if (bx_buf_printf(&line,
                      "input %s, output %s, read from cache %s, written to it "
                      "%s",
                      show_price(input, texts[0]), show_price(output, texts[1]),
                      show_price(cache_read, texts[2]),
                      show_price(cache_write, texts[3])) == 0)
        bx_model_print_field(name, line.data);
}

static void print_tokens(const char *name, uint64_t tokens)
{
    brief_text text = "not known";

    if (tokens > 0)
        snprintf(text, sizeof(text), "%" PRIu64 " tokens", tokens);
    bx_model_print_field(name, text);
}

static void print_model(const bx_model_cli *cli, const bx_model *model)
{
    bx_autobuf bx_buf can = BX_BUF_INIT;

    bx_model_print_field("name", model->name);
    bx_model_print_field("id", model->id);
    bx_model_print_field("default", model == bx_models_default(cli->models)
                                        ? "yes, when nobody names a model"
                                        : "no");
    bx_model_print_field("provider", model->provider->name);
    bx_model_print_field("protocol", model->provider->protocol);
    bx_model_print_field("address", model->provider->base_url != NULL
                                        ? model->provider->base_url
                                        : "none: a script that is played");
    print_keys(model->provider);
    print_headers(model->provider);
    print_tokens("context", model->context_tokens);
    print_tokens("reply", model->output_tokens);
    print_prices("$/M tokens", model->price_input, model->price_output,
                 model->price_cache_read, model->price_cache_write);
    if (model->long_above_tokens > 0) {
        print_tokens("above", model->long_above_tokens);
        print_prices("$/M tokens", model->long_input, model->long_output,
                     model->long_cache_read, model->long_cache_write);
    }
    for (size_t i = 0; i < ABILITIES_COUNT; i++) {
        if ((model->abilities & abilities[i].bit) != 0)
            (void)bx_buf_printf(&can, "%s%s", can.len > 0 ? ", " : "",
                                abilities[i].word);
    }
    bx_model_print_field("can", can.data != NULL ? can.data : "nothing known");
}

int bx_model_show_run(const bx_model_cli *cli)
{
    bx_error *err = NULL;
    const bx_model *model = bx_model_cli_get(cli, &err);

    if (model == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (cli->wants_json)
        return bx_model_print_json(model_json(cli, model));
    print_model(cli, model);
    return 0;
}
