#include "agent/models/model.h"

#include <assert.h>
#include <string.h>

#include "agent/models/model_check.h"
#include "agent/models/model_table.h"
#include "base/buf.h"
#include "policy/text.h"

void bx_models_free(bx_models *models)
{
    if (models == NULL)
        return;
    while (models->others != NULL) {
        bx_other_model *next = models->others->next;

        free(models->others);
        models->others = next;
    }
    for (size_t i = 0; i < models->providers_count; i++) {
        free((void *)models->providers[i].key_command);
        free((void *)models->providers[i].headers);
    }
    free(models->providers);
    free(models->models);
    json_decref(models->text);
    (void)pthread_mutex_destroy(&models->mutex);
    free(models);
}

size_t bx_models_count_providers(const bx_models *models)
{
    return models->providers_count;
}

const bx_provider *bx_models_provider_at(const bx_models *models, size_t index)
{
    return &models->providers[index];
}

size_t bx_models_count(const bx_models *models)
{
    return models->count;
}

const bx_model *bx_models_at(const bx_models *models, size_t index)
{
    assert(index < models->count);
    return &models->models[index];
}

const bx_provider *bx_models_find_provider(const bx_models *models,
                                           const char *name)
{
    for (size_t i = 0; i < models->providers_count; i++) {
        if (strcmp(models->providers[i].name, name) == 0)
            return &models->providers[i];
    }
    return NULL;
}

static const bx_model *find_model(const bx_models *models, const char *name)
{
    for (size_t i = 0; i < models->count; i++) {
        if (strcmp(models->models[i].name, name) == 0)
            return &models->models[i];
    }
    return NULL;
}

/* ---- PROVIDER/ID ---- */

static const bx_model *find_id(const bx_models *models,
                               const bx_provider *provider, const char *id)
{
    for (size_t i = 0; i < models->count; i++) {
        if (models->models[i].provider == provider &&
            strcmp(models->models[i].id, id) == 0)
            return &models->models[i];
    }
    for (bx_other_model *it = models->others; it != NULL; it = it->next) {
        if (it->model.provider == provider && strcmp(it->model.id, id) == 0)
            return &it->model;
    }
    return NULL;
}

static const bx_model *add_other(bx_models *models, const bx_provider *provider,
                                 const char *id, bx_error **err)
{
    size_t prefix_bytes = strlen(provider->name) + 1;
    size_t bytes = prefix_bytes + strlen(id) + 1;
    bx_other_model *other;

    if (models->others_count == BX_MODELS_MAX_OTHERS) {
        (void)bx_error_set(err, BX_ERR_LIMIT,
                           "%d models were named as PROVIDER/ID; expected no "
                           "more in one process",
                           BX_MODELS_MAX_OTHERS);
        return NULL;
    }
    other = calloc(1, sizeof(*other) + bytes);
    if (other == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    (void)snprintf(other->name, bytes, "%s/%s", provider->name, id);
    other->model = (bx_model){
        .name = other->name,
        .id = other->name + prefix_bytes,
        .provider = provider,
        .price_input = -1,
        .price_output = -1,
        .price_cache_read = -1,
        .price_cache_write = -1,
        .abilities = BX_MODEL_TOOLS,
    };
    other->next = models->others;
    models->others = other;
    models->others_count++;
    return &other->model;
}

static const bx_model *get_other(const bx_models *models,
                                 const bx_provider *provider, const char *id,
                                 bx_error **err)
{
    /* The table itself stays as it is; only who was named is remembered. */
    bx_models *mutable_models = (bx_models *)models;
    const bx_model *model;

    if (!bx_model_id_is_valid(id)) {
        bx_autofree char *shown = bx_text_show(id);

        (void)bx_error_set(err, BX_ERR_INVALID,
                           "%s is no id of a model; expected what provider "
                           "'%s' calls it: letters, digits and ._:@/+~-",
                           BX_SHOWN(shown), provider->name);
        return NULL;
    }
    (void)pthread_mutex_lock(&mutable_models->mutex);
    model = find_id(models, provider, id);
    if (model == NULL)
        model = add_other(mutable_models, provider, id, err);
    (void)pthread_mutex_unlock(&mutable_models->mutex);
    return model;
}

static const bx_model *guess(const bx_models *models, const char *name)
{
    const bx_model *nearest = NULL;
    unsigned least = 6; /* edits: further off is a guess at random */

    for (size_t i = 0; i < models->count; i++) {
        unsigned distance = bx_text_distance(name, models->models[i].name);

        if (distance < least && distance * 2 < strlen(name)) {
            least = distance;
            nearest = &models->models[i];
        }
    }
    return nearest;
}

const bx_model *bx_models_get(const bx_models *models, const char *name,
                              bx_error **err)
{
    const bx_model *model = find_model(models, name);
    const char *slash = strchr(name, '/');
    bx_autofree char *shown = NULL;

    if (model != NULL)
        return model;
    if (slash != NULL) {
        bx_autofree char *prefix = strndup(name, (size_t)(slash - name));
        const bx_provider *provider;

        if (prefix == NULL) {
            (void)bx_error_set_nomem(err);
            return NULL;
        }
        provider = bx_models_find_provider(models, prefix);
        if (provider != NULL)
            return get_other(models, provider, slash + 1, err);
    }
    shown = bx_text_show(name);
    model = guess(models, name);
    (void)bx_error_set(
        err, BX_ERR_NOT_FOUND,
        "no model %s; %s%s%sexpected one of the table or PROVIDER/ID, such as "
        "ollama/qwen3",
        BX_SHOWN(shown), model == NULL ? "" : "did you mean '",
        model == NULL ? "" : model->name, model == NULL ? "" : "'? ");
    return NULL;
}

/* ---- the default ---- */

bool bx_provider_has_key(const bx_provider *provider)
{
    const char *value =
        provider->key_env == NULL ? NULL : getenv(provider->key_env);

    if (value != NULL && value[0] != '\0')
        return true;
    if (provider->key_file != NULL && access(provider->key_file, R_OK) == 0)
        return true;
    /* What a command answers is known when it is run. */
    return provider->key_command != NULL ||
           (provider->key_env == NULL && provider->key_file == NULL);
}

const bx_model *bx_models_default(const bx_models *models)
{
    const bx_model *demo = NULL;

    for (size_t i = 0; i < models->count; i++) {
        const bx_model *model = &models->models[i];

        if (strcmp(model->provider->protocol, "demo") == 0)
            demo = demo == NULL ? model : demo;
        else if (bx_provider_has_key(model->provider))
            return model;
    }
    assert(demo != NULL); /* no table can take it away */
    return demo;
}

/* ---- what it costs ---- */

static uint64_t add_capped(uint64_t left, uint64_t right)
{
    return left > UINT64_MAX - right ? UINT64_MAX : left + right;
}

void bx_usage_add(bx_usage *sum, const bx_usage *usage)
{
    sum->input_tokens = add_capped(sum->input_tokens, usage->input_tokens);
    sum->output_tokens = add_capped(sum->output_tokens, usage->output_tokens);
    sum->cache_read_tokens =
        add_capped(sum->cache_read_tokens, usage->cache_read_tokens);
    sum->cache_write_tokens =
        add_capped(sum->cache_write_tokens, usage->cache_write_tokens);
    sum->thinking_tokens =
        add_capped(sum->thinking_tokens, usage->thinking_tokens);
}

double bx_model_cost(const bx_model *model, const bx_usage *usage)
{
    uint64_t input =
        add_capped(usage->input_tokens, add_capped(usage->cache_read_tokens,
                                                   usage->cache_write_tokens));
    bool is_long =
        model->long_above_tokens > 0 && input > model->long_above_tokens;
    const struct {
        uint64_t tokens;
        double price;
    } parts[] = {
        { usage->input_tokens,
          is_long ? model->long_input : model->price_input },
        { usage->output_tokens,
          is_long ? model->long_output : model->price_output },
        { usage->cache_read_tokens,
          is_long ? model->long_cache_read : model->price_cache_read },
        { usage->cache_write_tokens,
          is_long ? model->long_cache_write : model->price_cache_write },
    };
    double dollars = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].tokens > 0 && parts[i].price < 0)
            return -1;
        if (parts[i].tokens > 0)
            dollars += (double)parts[i].tokens * parts[i].price / 1e6;
    }
    return dollars;
}
