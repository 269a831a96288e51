/* The models there are and who serves them: a table that is part of the program
 * (models.yaml beside this file), and one that the user adds to or overrides it
 * with (~/.config/boxagnts/models.yaml), in the same form:
 *
 *     providers:
 *       ollama: { protocol: openai-chat, base_url: "http://127.0.0.1:11434/v1"
 * } models: claude-sonnet-5-5: provider: anthropic context_tokens: 1000000
 *         price: { input: 2, output: 10, cache_read: 0.1, cache_write: 2.5 }
 *         has: [tools, images, thinking, cache, schema]
 *
 * A key that the user's has replaces the same one of the program's; its models
 * come first. Prices are US dollars for a million tokens. */
#ifndef BX_AGENT_MODELS_MODEL_H
#define BX_AGENT_MODELS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Abilities, "has" */
#define BX_MODEL_TOOLS 1u
#define BX_MODEL_IMAGES 2u
#define BX_MODEL_THINKING 4u
#define BX_MODEL_CACHE 8u   /* what is to be cached must be marked */
#define BX_MODEL_SCHEMA 16u /* structured output */

typedef struct bx_provider {
    const char *name;     /* "anthropic" */
    const char *protocol; /* "anthropic", "openai-responses", "openai-chat",
                           * "gemini", "demo" */
    const char *base_url; /* without a '/' at its end; a protocol adds
                           * "/v1/messages", "/responses",
                           * "/chat/completions" or "/v1beta/models/..." to it;
                           * NULL: of the demo */
    const char *key_env;  /* variable that holds the key; NULL. Without this and
                           * the two below none is sent */
    const char *key_file; /* the key, in a file of mode 0600; NULL */
    const char *const *key_command; /* argv of a program that prints it, ended
                                     * by NULL; NULL */
    const char *const *headers; /* more of "Name: value", ended by NULL; NULL */
} bx_provider;

typedef struct bx_model {
    const char *name; /* as users write it */
    const char *id;   /* as the provider calls it */
    const bx_provider *provider;
    uint64_t context_tokens; /* 0: not known */
    uint64_t output_tokens;  /* most of one reply; 0: not known */
    double price_input;      /* negative: not known */
    double price_output;
    double price_cache_read;
    double price_cache_write;
    uint64_t long_above_tokens; /* more of input, cached or not, and the whole
                                 * turn has the prices below; 0: no such */
    double long_input;
    double long_output;
    double long_cache_read;
    double long_cache_write;
    unsigned abilities;
} bx_model;

/* Immutable; many threads. */
typedef struct bx_models bx_models;

/* path: of the user's table; NULL for the one above, which may be missing.
 * Environment variables are read now.
 * errors: BX_ERR_INVALID names file, line, key and what was expected, or the
 *         variable; BX_ERR_NOT_FOUND: path; BX_ERR_DENIED: others
 *         may write it */
bx_models *bx_models_load(const char *path, bx_error **err);
/* NULL is fine. */
void bx_models_free(bx_models *models);
BX_DEFINE_AUTO(bx_models, bx_models_free)
#define bx_automodels BX_AUTO(bx_models_free)

/* A model by its name, or "PROVIDER/ID" for any that the provider serves: when
 * no model of the table is that, nothing is known of it, but it is taken to
 * have tools. Borrowed. errors: BX_ERR_NOT_FOUND, with a guess; BX_ERR_INVALID:
 * not an id; BX_ERR_LIMIT: 1000 such */
const bx_model *bx_models_get(const bx_models *models, const char *name,
                              bx_error **err);
/* The one to take when nobody named one: the first of the table whose
 * provider's key is there; the demo when there is none. Never NULL. */
const bx_model *bx_models_default(const bx_models *models);

size_t bx_models_count(const bx_models *models);
const bx_model *bx_models_at(const bx_models *models, size_t index);
size_t bx_models_count_providers(const bx_models *models);
const bx_provider *bx_models_provider_at(const bx_models *models, size_t index);
/* Is there a key for it, without reading it? */
bool bx_provider_has_key(const bx_provider *provider);

/* Tokens of one reply, as the provider counted them. */
typedef struct bx_usage {
    uint64_t input_tokens; /* that were not cached */
    uint64_t output_tokens;
    uint64_t cache_read_tokens;
    uint64_t cache_write_tokens;
    uint64_t thinking_tokens; /* part of the output; 0: not told */
} bx_usage;

void bx_usage_add(bx_usage *sum, const bx_usage *usage);
/* Dollars of one reply; negative: a price of what it used is not known. */
double bx_model_cost(const bx_model *model, const bx_usage *usage);

#endif
