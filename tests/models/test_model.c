/* The table of models: the program's, the user's, and what each refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/models/model.h"
#include "base/file.h"

static char dir[64];
static char path[128];

static const char *const variables[] = {
    "ANTHROPIC_API_KEY", "OPENAI_API_KEY",         "GEMINI_API_KEY",
    "GOOGLE_API_KEY",    "OPENAI_BASE_URL",        "GEMINI_BASE_URL",
    "OLLAMA_BASE_URL",   "GOOGLE_GEMINI_BASE_URL", "ANTHROPIC_BASE_URL",
};

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/bx-test-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/models.yaml", dir);
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        (void)unsetenv(variables[i]);
    return setenv("XDG_CONFIG_HOME", dir, 1);
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

static bx_models *load(const char *text)
{
    bx_autoerror bx_error *err = NULL;
    bx_models *models;

    if (text != NULL)
        assert_int_equal(bx_file_replace(path, text, strlen(text), 0644, NULL),
                         0);
    models = bx_models_load(text == NULL ? NULL : path, &err);
    if (models == NULL)
        print_message("%s\n", bx_error_message(err));
    assert_non_null(models);
    return models;
}

static const bx_model *get(const bx_models *models, const char *name)
{
    bx_autoerror bx_error *err = NULL;
    const bx_model *model = bx_models_get(models, name, &err);

    if (model == NULL)
        print_message("%s\n", bx_error_message(err));
    assert_non_null(model);
    return model;
}

/* Each text is refused with its line and what was expected. */
static void expect_refused(const char *text, const char *words)
{
    bx_autoerror bx_error *err = NULL;

    assert_int_equal(bx_file_replace(path, text, strlen(text), 0600, NULL), 0);
    assert_null(bx_models_load(path, &err));
    if (strstr(bx_error_message(err), words) == NULL)
        print_message("got:      %s\nexpected: %s\n", bx_error_message(err),
                      words);
    assert_non_null(strstr(bx_error_message(err), words));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), path));
}

/* ---- the program's own ---- */

static void knows_the_presets(void **state)
{
    static const struct {
        const char *name;
        const char *protocol;
        const char *base_url;
        const char *key_env;
    } presets[] = {
        { "anthropic", "anthropic", "https://api.anthropic.com",
          "ANTHROPIC_API_KEY" },
        { "openai", "openai-responses", "https://api.openai.com/v1",
          "OPENAI_API_KEY" },
        { "openai-chat", "openai-chat", "https://api.openai.com/v1",
          "OPENAI_API_KEY" },
        { "gemini", "gemini", "https://generativelanguage.googleapis.com",
          "GEMINI_API_KEY" },
        { "ollama", "openai-chat", "http://127.0.0.1:11434/v1", NULL },
        { "vllm", "openai-chat", "http://127.0.0.1:8000/v1", NULL },
        { "lmstudio", "openai-chat", "http://127.0.0.1:1234/v1", NULL },
        { "deepseek", "openai-chat", "https://api.deepseek.com",
          "DEEPSEEK_API_KEY" },
        { "openrouter", "openai-chat", "https://openrouter.ai/api/v1",
          "OPENROUTER_API_KEY" },
        { "groq", "openai-chat", "https://api.groq.com/openai/v1",
          "GROQ_API_KEY" },
        { "mistral", "openai-chat", "https://api.mistral.ai/v1",
          "MISTRAL_API_KEY" },
        { "together", "openai-chat", "https://api.together.xyz/v1",
          "TOGETHER_API_KEY" },
        { "xai", "openai-chat", "https://api.x.ai/v1", "XAI_API_KEY" },
    };
    bx_automodels bx_models *models = load(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        bx_autofree char *name = NULL;
        const bx_provider *provider;

        assert_true(asprintf(&name, "%s/x", presets[i].name) > 0);
        provider = get(models, name)->provider;
        assert_string_equal(provider->name, presets[i].name);
        assert_string_equal(provider->protocol, presets[i].protocol);
        assert_string_equal(provider->base_url, presets[i].base_url);
        if (presets[i].key_env == NULL)
            assert_null(provider->key_env);
        else
            assert_string_equal(provider->key_env, presets[i].key_env);
    }
}

static void knows_models_with_sizes_and_prices(void **state)
{
    bx_automodels bx_models *models = load(NULL);
    const bx_model *model = get(models, "claude-sonnet-5-5");

    (void)state;
    assert_string_equal(model->id, "claude-sonnet-5-5");
    assert_string_equal(model->provider->name, "anthropic");
    assert_int_equal(model->context_tokens, 1000000);
    assert_int_equal(model->output_tokens, 128000);
    assert_true(model->price_input == 2 && model->price_output == 10);
    assert_int_equal(model->abilities, BX_MODEL_TOOLS | BX_MODEL_IMAGES |
                                           BX_MODEL_THINKING | BX_MODEL_CACHE |
                                           BX_MODEL_SCHEMA);
    assert_string_equal(get(models, "demo")->provider->protocol, "demo");
    assert_null(get(models, "demo")->provider->base_url);
    for (size_t i = 0; i < bx_models_count(models); i++) {
        assert_true(bx_models_at(models, i)->context_tokens > 0);
        assert_true(bx_models_at(models, i)->price_input >= 0);
        assert_ptr_equal(get(models, bx_models_at(models, i)->name),
                         bx_models_at(models, i));
    }
}

/* ---- the user's ---- */

static void adds_and_overrides(void **state)
{
    bx_automodels bx_models *models =
        load("providers:\n"
             "  house:\n"
             "    protocol: openai-chat\n"
             "    base_url: https://ai.example.org:8443/v1/\n"
             "    key_command: [pass, show, ai]\n"
             "    headers: { X-Team: tools, X-Env: test }\n"
             "  anthropic: { key_file: /run/keys/anthropic }\n"
             "models:\n"
             "  fast: { provider: house, id: org/small-7b, has: [] }\n"
             "  claude-opus-5-5: { output_tokens: 5, price: { input: 1 } }\n");
    const bx_model *fast = get(models, "fast");
    const bx_model *opus = get(models, "claude-opus-5-5");
    const bx_provider *house = fast->provider;

    (void)state;
    assert_ptr_equal(bx_models_at(models, 0), fast);
    assert_ptr_equal(bx_models_at(models, 1), opus);
    assert_string_equal(fast->id, "org/small-7b");
    assert_int_equal(fast->abilities, 0);
    assert_int_equal(fast->context_tokens, 0);
    assert_true(fast->price_input < 0);
    assert_string_equal(house->base_url, "https://ai.example.org:8443/v1");
    assert_string_equal(house->key_command[2], "ai");
    assert_null(house->key_command[3]);
    assert_string_equal(house->headers[0], "X-Team: tools");
    assert_string_equal(house->headers[1], "X-Env: test");
    assert_null(house->headers[2]);
    /* Key by key; a mapping within is replaced as a whole. */
    assert_int_equal(opus->output_tokens, 5);
    assert_int_equal(opus->context_tokens, 1000000);
    assert_true(opus->price_input == 1 && opus->price_output < 0);
    assert_string_equal(opus->provider->key_file, "/run/keys/anthropic");
    assert_string_equal(opus->provider->key_env, "ANTHROPIC_API_KEY");
}

static void finds_the_table_in_the_users_folder(void **state)
{
    char folder[128];
    char file[160];
    bx_automodels bx_models *models = NULL;
    bx_autoerror bx_error *err = NULL;
    static const char text[] = "models:\n  mine: { provider: ollama }\n";

    (void)state;
    (void)snprintf(folder, sizeof(folder), "%s/boxagnts", dir);
    (void)snprintf(file, sizeof(file), "%s/models.yaml", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(bx_file_replace(file, text, sizeof(text) - 1, 0600, NULL),
                     0);
    models = load(NULL);
    assert_string_equal(bx_models_at(models, 0)->name, "mine");
    /* It names programs that are run: nobody else may write it. */
    assert_int_equal(chmod(file, 0620), 0);
    assert_null(bx_models_load(NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void takes_an_empty_table(void **state)
{
    bx_automodels bx_models *models = load("# nothing yet\n");
    bx_autoerror bx_error *err = NULL;

    (void)state;
    assert_non_null(get(models, "claude-opus-5-5"));
    assert_null(bx_models_load("/nonexistent/models.yaml", &err));
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
}

static void names_the_line_of_unknown_keys(void **state)
{
    (void)state;
    expect_refused("model:\n  x: {}\n",
                   "line 1: unknown key 'model'; did you mean 'models'?");
    expect_refused("models:\n  x:\n    provider: ollama\n"
                   "    contxt_tokens: 5\n",
                   "line 4: models/x: unknown key 'contxt_tokens'; did you "
                   "mean 'context_tokens'?");
    expect_refused("models:\n  x:\n    provider: ollama\n    a/b: 5\n",
                   "line 4: models/x: unknown key 'a/b'; expected provider");
    expect_refused("providers:\n  x:\n    protocol: gemini\n    key: sk-1\n",
                   "line 4: providers/x: unknown key 'key'");
    expect_refused("models:\n  x:\n    provider: ollama\n    price:\n"
                   "      inputs: 2\n",
                   "line 5: models/x/price: unknown key 'inputs'; did you "
                   "mean 'input'?");
    expect_refused("models:\n  a/b: { provider: ollama }\n",
                   "line 2: models: unknown key 'a/b'; expected a name");
}

static void names_the_line_of_wrong_values(void **state)
{
    static const struct {
        const char *line; /* of a model, the third */
        const char *words;
    } models[] = {
        { "context_tokens: 0", "x/context_tokens: expected a number" },
        { "context_tokens: 1.5", "x/context_tokens: expected a number" },
        { "output_tokens: 2000000000", "x/output_tokens: expected a number" },
        { "price: 3", "x/price: expected a mapping" },
        { "price: { input: -1 }", "x/price/input: expected dollars" },
        { "price: { input: cheap }", "x/price/input: expected dollars" },
        { "long_price: { input: 1 }", "x/long_price: expected 'above'" },
        { "has: tools", "x/has: expected a list" },
        { "has: [tools, wings]", "x/has/1: expected tools, images" },
        { "id: ../../etc", "x/id: expected the provider's name" },
        { "id: a?b", "x/id: expected the provider's name" },
        { "id: /v1", "x/id: expected the provider's name" },
        { "provider: nobody", "x/provider: there is no such provider" },
        { "id: y", "models/x: no provider" },
    };
    static const struct {
        const char *line; /* of a provider, the third */
        const char *words;
    } providers[] = {
        { "protocol: soap", "x/protocol: expected anthropic" },
        { "protocol: gemini", "x: no base_url" },
        { "base_url: https://a", "x: no protocol" },
        { "key_env: sk-abc", "x/key_env: expected the name" },
        { "key_env: []", "x/key_env: expected a list" },
        { "key_file: keys/a", "x/key_file: expected a path" },
        { "key_command: pass show", "x/key_command: expected a list" },
        { "key_command: [pass, 5]", "x/key_command/1: expected text" },
        { "plain_http: sure", "x/plain_http: expected true or false" },
        { "headers: { Authorization: Bearer y }",
          "x/headers/Authorization: a key does not belong here" },
        { "headers: { Content-Length: '5' }", "is set by each request" },
        { "headers: { 'a b': c }", "expected the name of a header" },
        { "headers: { a: \"b\\r\\nc\" }", "x/headers/a: expected text" },
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        (void)snprintf(text, sizeof(text), "models:\n  x:\n    %s\n%s",
                       models[i].line,
                       strstr(models[i].words, "rovider") != NULL &&
                               strstr(models[i].words, "provider's") == NULL
                           ? ""
                           : "    provider: ollama\n");
        expect_refused(text, models[i].words);
        if (strstr(models[i].words, "no provider") == NULL)
            expect_refused(text, "line 3: models/x");
    }
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        (void)snprintf(text, sizeof(text), "providers:\n  x:\n    %s\n",
                       providers[i].line);
        expect_refused(text, providers[i].words);
    }
    expect_refused("models: [a]\n", "models: expected a mapping");
    expect_refused("- a\n", "line 1: expected a mapping");
    expect_refused("models:\n  x: &a { provider: ollama }\n", "line 2");
    expect_refused("models:\n  demo: { provider: openai }\n",
                   "the demo stays as it is");
    expect_refused("providers:\n  demo: { key_env: A }\n",
                   "the demo stays as it is");
}

static void sends_nothing_in_the_open(void **state)
{
    static const char *const bad[] = {
        "http://10.0.0.1/v1",
        "http://example.org/v1",
        "http://localhost.example.org/",
        "http://[::2]/",
        "http://127.0.0.1.example.org/",
    };
    static const char *const fine[] = {
        "http://127.0.0.1:1/v1",    "http://127.9.9.9/v1", "http://[::1]:8/v1",
        "http://localhost:8000/v1", "https://10.0.0.1/v1",
    };
    static const char *const no_url[] = {
        "ftp://x/", "https://u:p@x/", "https://x/?key=1", "https://x/#a", "x",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text),
                       "providers:\n  openai:\n    base_url: \"%s\"\n", bad[i]);
        expect_refused(text, "line 3: providers/openai/base_url: http:// "
                             "would send");
        (void)snprintf(text, sizeof(text),
                       "providers:\n  openai:\n    base_url: \"%s\"\n"
                       "    plain_http: true\n",
                       bad[i]);
        bx_models_free(load(text));
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        (void)snprintf(text, sizeof(text),
                       "providers:\n  openai:\n    base_url: \"%s\"\n",
                       fine[i]);
        bx_models_free(load(text));
    }
    for (size_t i = 0; i < sizeof(no_url) / sizeof(no_url[0]); i++) {
        (void)snprintf(text, sizeof(text),
                       "providers:\n  openai:\n    plain_http: true\n"
                       "    base_url: \"%s\"\n",
                       no_url[i]);
        expect_refused(text, "line 4: providers/openai/base_url: ");
    }
}

/* ---- the environment ---- */

static void takes_base_urls_of_the_environment(void **state)
{
    bx_automodels bx_models *models = NULL;
    bx_autoerror bx_error *err = NULL;

    (void)state;
    assert_int_equal(setenv("OPENAI_BASE_URL", "http://127.0.0.1:99/v1/", 1),
                     0);
    assert_int_equal(
        setenv("GOOGLE_GEMINI_BASE_URL", "https://proxy.example.org", 1), 0);
    models = load("");
    assert_string_equal(get(models, "openai/x")->provider->base_url,
                        "http://127.0.0.1:99/v1");
    assert_string_equal(get(models, "openai-chat/x")->provider->base_url,
                        "http://127.0.0.1:99/v1");
    assert_string_equal(get(models, "gemini/x")->provider->base_url,
                        "https://proxy.example.org");
    assert_int_equal(setenv("OPENAI_BASE_URL", "http://10.0.0.1/v1", 1), 0);
    assert_null(bx_models_load(path, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "OPENAI_BASE_URL"));
}

static void has_the_other_variable_too(void **state)
{
    bx_automodels bx_models *models = NULL;

    (void)state;
    assert_int_equal(setenv("GOOGLE_API_KEY", "k", 1), 0);
    models = load("");
    assert_string_equal(get(models, "gemini/x")->provider->key_env,
                        "GOOGLE_API_KEY");
}

static void takes_the_first_with_a_key(void **state)
{
    bx_automodels bx_models *plain = load("");
    bx_automodels bx_models *local = NULL;

    (void)state;
    assert_string_equal(bx_models_default(plain)->name, "demo");
    assert_int_equal(setenv("GEMINI_API_KEY", "", 1), 0);
    assert_string_equal(bx_models_default(plain)->name, "demo");
    assert_int_equal(setenv("GEMINI_API_KEY", "k", 1), 0);
    assert_string_equal(bx_models_default(plain)->name, "gemini-3.8-flash");
    assert_int_equal(setenv("ANTHROPIC_API_KEY", "k", 1), 0);
    assert_string_equal(bx_models_default(plain)->name, "claude-sonnet-5-5");
    assert_true(bx_provider_has_key(get(plain, "ollama/x")->provider));
    assert_false(bx_provider_has_key(get(plain, "groq/x")->provider));
    local = load("models:\n  mine: { provider: ollama, id: qwen3 }\n");
    assert_string_equal(bx_models_default(local)->name, "mine");
}

static void finds_a_key_in_a_file(void **state)
{
    bx_automodels bx_models *models =
        load("providers:\n"
             "  openai: { key_file: /nonexistent/key }\n"
             "  groq: { key_file: /proc/self/status }\n"
             "  xai: { key_file: ~/no/such/key }\n");

    (void)state;
    assert_false(bx_provider_has_key(get(models, "openai/x")->provider));
    assert_true(bx_provider_has_key(get(models, "groq/x")->provider));
    assert_int_equal(get(models, "xai/x")->provider->key_file[0], '/');
}

/* ---- names ---- */

static void takes_any_id_of_a_provider(void **state)
{
    bx_automodels bx_models *models = load("");
    const bx_model *model = get(models, "openrouter/meta-llama/llama-4:free");
    bx_autoerror bx_error *err = NULL;
    bx_autoerror bx_error *bad = NULL;

    (void)state;
    assert_string_equal(model->name, "openrouter/meta-llama/llama-4:free");
    assert_string_equal(model->id, "meta-llama/llama-4:free");
    assert_int_equal(model->context_tokens, 0);
    assert_true(model->price_input < 0);
    assert_int_equal(model->abilities, BX_MODEL_TOOLS);
    assert_ptr_equal(get(models, model->name), model);
    assert_ptr_equal(get(models, "anthropic/claude-opus-5-5"),
                     get(models, "claude-opus-5-5"));
    assert_null(bx_models_get(models, "ollama/../x", &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_null(bx_models_get(models, "ollama/", &bad));
    assert_int_equal(bx_error_code(bad), BX_ERR_INVALID);
}

static void guesses_what_was_meant(void **state)
{
    bx_automodels bx_models *models = load("");
    bx_autoerror bx_error *near = NULL;
    bx_autoerror bx_error *far = NULL;

    (void)state;
    assert_null(bx_models_get(models, "claude-sonet-5-5", &near));
    assert_int_equal(bx_error_code(near), BX_ERR_NOT_FOUND);
    assert_non_null(
        strstr(bx_error_message(near), "did you mean 'claude-sonnet-5-5'?"));
    assert_null(bx_models_get(models, "nobody/x\n", &far));
    assert_int_equal(bx_error_code(far), BX_ERR_NOT_FOUND);
    assert_null(strstr(bx_error_message(far), "did you mean"));
    assert_null(strchr(bx_error_message(far), '\n'));
}

static void remembers_a_thousand_ids(void **state)
{
    bx_automodels bx_models *models = load("");
    bx_autoerror bx_error *err = NULL;
    char name[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "ollama/m%d", i);
        (void)get(models, name);
    }
    assert_null(bx_models_get(models, "ollama/one-more", &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_non_null(get(models, "ollama/m0"));
}

/* ---- costs ---- */

static void assert_dollars(double got, double expected)
{
    if (fabs(got - expected) > 1e-9)
        print_message("%.9f instead of %.9f\n", got, expected);
    assert_true(fabs(got - expected) <= 1e-9);
}

static void works_out_costs(void **state)
{
    bx_automodels bx_models *models = load("");
    const bx_usage usage = { .input_tokens = 1000000,
                             .output_tokens = 200000,
                             .cache_read_tokens = 3000000,
                             .cache_write_tokens = 400000,
                             .thinking_tokens = 100000 };
    const bx_usage most = { .input_tokens = 50000, .cache_read_tokens = 50000 };
    const bx_usage more = { .input_tokens = 50000, .cache_read_tokens = 50001 };
    const bx_usage few = { .output_tokens = 1 };
    const bx_usage none = { 0 };
    const bx_model *haiku = get(models, "claude-haiku-5-5");

    (void)state;
    assert_dollars(bx_model_cost(get(models, "claude-sonnet-5-5"), &usage),
                   2 + 2 + 0.3 + 1);
    assert_dollars(bx_model_cost(get(models, "demo"), &usage), 0);
    assert_dollars(bx_model_cost(haiku, &most), 0.005 + 0.0005);
    assert_dollars(bx_model_cost(haiku, &more), 0.025 + 0.00250005);
    assert_true(bx_model_cost(get(models, "ollama/x"), &few) < 0);
    assert_dollars(bx_model_cost(get(models, "ollama/x"), &none), 0);
    /* Only what is used must have a price. */
    assert_true(bx_model_cost(get(models, "gemini-3.8-flash"), &usage) < 0);
    assert_true(bx_model_cost(get(models, "gemini-3.8-flash"), &few) > 0);
}

static void adds_up_usage(void **state)
{
    bx_usage sum = { .input_tokens = 1, .output_tokens = UINT64_MAX - 1 };
    const bx_usage more = { 2, 3, 4, 5, 6 };

    (void)state;
    bx_usage_add(&sum, &more);
    assert_int_equal(sum.input_tokens, 3);
    assert_true(sum.output_tokens == UINT64_MAX);
    assert_int_equal(sum.cache_read_tokens, 4);
    assert_int_equal(sum.cache_write_tokens, 5);
    assert_int_equal(sum.thinking_tokens, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(knows_the_presets),
        TEST(knows_models_with_sizes_and_prices),
        TEST(adds_and_overrides),
        TEST(finds_the_table_in_the_users_folder),
        TEST(takes_an_empty_table),
        TEST(names_the_line_of_unknown_keys),
        TEST(names_the_line_of_wrong_values),
        TEST(sends_nothing_in_the_open),
        TEST(takes_base_urls_of_the_environment),
        TEST(has_the_other_variable_too),
        TEST(takes_the_first_with_a_key),
        TEST(finds_a_key_in_a_file),
        TEST(takes_any_id_of_a_provider),
        TEST(guesses_what_was_meant),
        TEST(remembers_a_thousand_ids),
        TEST(works_out_costs),
        TEST(adds_up_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
