/* One row for each key. A workspace's value is held against what stands when it
 * is read: it never lets more through, lasts longer or costs more. */
#include "agent/settings_key.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "agent/budget.h"
#include "base/utf8.h"
#include "policy/text.h"
#include "policy/unit.h"

#define MAX_COUNT UINT64_C(1000000)
#define MAX_TOKENS UINT64_C(1000000000000)
#define MAX_TIME_MS UINT64_C(2592000000) /* 30 days */
#define MAX_COST 1e6
#define MAX_MODEL_BYTES 256
#define MAX_SYSTEM_BYTES (16u << 10)
#define MAX_PATH_BYTES 4096
#define DEFAULT_PARALLEL 4

/* ---- words ----------------------------------------------------------- */

static const char *const efforts[] = {
    [BX_EFFORT_DEFAULT] = "default", [BX_EFFORT_NONE] = "none",
    [BX_EFFORT_LOW] = "low",         [BX_EFFORT_MEDIUM] = "medium",
    [BX_EFFORT_HIGH] = "high",
};
#define EFFORTS (sizeof(efforts) / sizeof(efforts[0]))

const char *bx_effort_name(bx_effort effort)
{
    return (size_t)effort < EFFORTS ? efforts[effort] : "unknown";
}

bool bx_settings_mode_is_within(bx_mode mode, bx_mode other)
{
    /* Bits of those that a mode is within. */
    static const unsigned within[] = {
        [BX_MODE_ASK] = 1u << BX_MODE_ASK | 1u << BX_MODE_READS |
                        1u << BX_MODE_EDITS | 1u << BX_MODE_AUTO,
        [BX_MODE_READS] =
            1u << BX_MODE_READS | 1u << BX_MODE_EDITS | 1u << BX_MODE_AUTO,
        [BX_MODE_EDITS] = 1u << BX_MODE_EDITS | 1u << BX_MODE_AUTO,
        [BX_MODE_AUTO] = 1u << BX_MODE_AUTO,
        [BX_MODE_PLAN] = 1u << BX_MODE_PLAN | 1u << BX_MODE_READS |
                         1u << BX_MODE_EDITS | 1u << BX_MODE_AUTO,
    };

    return (size_t)mode < sizeof(within) / sizeof(within[0]) &&
           (within[mode] >> (unsigned)other & 1) != 0;
}

static int refuse_text(const char *text, const char *expected, bx_error **err)
{
    bx_autofree char *shown = bx_text_show(text);

    return bx_error_set(err, BX_ERR_INVALID, "%s; expected %s", BX_SHOWN(shown),
                        expected);
}

static int parse_mode(const bx_settings_key *key, bx_settings_layer layer,
                      bx_settings_value *value, bx_error **err)
{
    bx_mode mode;

    (void)key;
    (void)layer;
    if (bx_mode_find(value->text, &mode) < 0)
        return refuse_text(value->text, "ask, reads, edits, auto or plan", err);
    value->number = (uint64_t)mode;
    return 0;
}

static const char *refuse_mode(const bx_settings_key *key,
                               const bx_settings *settings,
                               const bx_models *models,
                               const bx_settings_value *value, char text[128])
{
    int bytes = 0;

    (void)key;
    (void)models;
    if (bx_settings_mode_is_within((bx_mode)value->number, settings->mode))
        return NULL;
    for (int mode = BX_MODE_ASK; mode <= BX_MODE_PLAN; mode++) {
        if (bx_settings_mode_is_within((bx_mode)mode, settings->mode))
            bytes += snprintf(text + bytes, 128 - (size_t)bytes, "%s%s",
                              bytes == 0 ? "expected " : ", ",
                              bx_mode_name((bx_mode)mode));
    }
    (void)snprintf(text + bytes, 128 - (size_t)bytes,
                   ": a workspace lets no more through than '%s'",
                   bx_mode_name(settings->mode));
    return text;
}

static int store_mode(const bx_settings_key *key, bx_settings *settings,
                      const bx_settings_value *value, bx_error **err)
{
    (void)key;
    (void)err;
    settings->mode = (bx_mode)value->number;
    return 0;
}

static int parse_effort(const bx_settings_key *key, bx_settings_layer layer,
                        bx_settings_value *value, bx_error **err)
{
    (void)key;
    (void)layer;
    for (size_t i = 0; i < EFFORTS; i++) {
        if (strcmp(value->text, efforts[i]) == 0) {
            value->number = i;
            return 0;
        }
    }
    return refuse_text(value->text, "none, low, medium, high or default", err);
}

/* Of someone who asked for little, no more. */
static const char *refuse_effort(const bx_settings_key *key,
                                 const bx_settings *settings,
                                 const bx_models *models,
                                 const bx_settings_value *value, char text[128])
{
    (void)key;
    (void)models;
    if (settings->effort == BX_EFFORT_DEFAULT ||
        (value->number != BX_EFFORT_DEFAULT &&
         value->number <= (uint64_t)settings->effort))
        return NULL;
    (void)snprintf(text, 128, "expected no more than '%s', which the user set",
                   bx_effort_name(settings->effort));
    return text;
}

static int store_effort(const bx_settings_key *key, bx_settings *settings,
                        const bx_settings_value *value, bx_error **err)
{
    (void)key;
    (void)err;
    settings->effort = (bx_effort)value->number;
    return 0;
}

/* ---- numbers --------------------------------------------------------- */

static int parse_parallel(const bx_settings_key *key, bx_settings_layer layer,
                          bx_settings_value *value, bx_error **err)
{
    (void)layer;
    return bx_unit_parse(value->text, BX_UNIT_COUNT, 1, key->max,
                         &value->number, err);
}

static const char *refuse_parallel(const bx_settings_key *key,
                                   const bx_settings *settings,
                                   const bx_models *models,
                                   const bx_settings_value *value,
                                   char text[128])
{
    unsigned now =
        settings->parallel == 0 ? DEFAULT_PARALLEL : settings->parallel;

    (void)key;
    (void)models;
    if (value->number <= now)
        return NULL;
    (void)snprintf(text, 128,
                   "expected at most %u: a workspace only "
                   "narrows",
                   now);
    return text;
}

static int store_parallel(const bx_settings_key *key, bx_settings *settings,
                          const bx_settings_value *value, bx_error **err)
{
    (void)key;
    (void)err;
    settings->parallel = (unsigned)value->number;
    return 0;
}

static uint64_t *member_of(bx_agent_budget *budget, const bx_settings_key *key)
{
    return (uint64_t *)(void *)((char *)budget + key->offset);
}

static bool is_time(const bx_settings_key *key)
{
    return key->offset == offsetof(bx_agent_budget, time_ms);
}

static int parse_amount(const bx_settings_key *key, bx_settings_layer layer,
                        bx_settings_value *value, bx_error **err)
{
    (void)layer;
    if (strcmp(value->text, "none") == 0) {
        value->number = UINT64_MAX;
        return 0;
    }
    if (bx_unit_parse(value->text, is_time(key) ? BX_UNIT_TIME : BX_UNIT_COUNT,
                      1, key->max, &value->number, err) == 0)
        return 0;
    return bx_error_wrap(err, "neither none nor an amount");
}

static const char *format_amount(const bx_settings_key *key, uint64_t amount,
                                 char text[32])
{
    if (amount == UINT64_MAX)
        return "none";
    return bx_unit_format(amount, is_time(key) ? BX_UNIT_TIME : BX_UNIT_COUNT,
                          text);
}

static const char *refuse_amount(const bx_settings_key *key,
                                 const bx_settings *settings,
                                 const bx_models *models,
                                 const bx_settings_value *value, char text[128])
{
    bx_spending spending;
    char shown[32];
    uint64_t now;

    (void)models;
    bx_spending_begin(&spending, &settings->budget, 0);
    now = *member_of(&spending.budget, key);
    if (value->number <= now)
        return NULL;
    (void)snprintf(text, 128,
                   "expected at most %s: a workspace only makes budgets "
                   "smaller",
                   format_amount(key, now, shown));
    return text;
}

static int store_amount(const bx_settings_key *key, bx_settings *settings,
                        const bx_settings_value *value, bx_error **err)
{
    (void)err;
    *member_of(&settings->budget, key) = value->number;
    return 0;
}

static int parse_cost(const bx_settings_key *key, bx_settings_layer layer,
                      bx_settings_value *value, bx_error **err)
{
    /* Not strtod(), whose point depends on the locale. */
    json_t *number = json_loads(value->text, JSON_DECODE_ANY, NULL);
    double cost = json_is_number(number) ? json_number_value(number) : -1;

    (void)key;
    (void)layer;
    json_decref(number);
    value->cost = 0;
    if (strcmp(value->text, "none") == 0)
        return 0;
    if (!(cost > 0) || cost > MAX_COST)
        return refuse_text(value->text,
                           "US dollars above 0 and up to 1000000, such as "
                           "2.5, or none",
                           err);
    value->cost = cost;
    return 0;
}

static const char *refuse_cost(const bx_settings_key *key,
                               const bx_settings *settings,
                               const bx_models *models,
                               const bx_settings_value *value, char text[128])
{
    double now = settings->budget.cost;

    (void)key;
    (void)models;
    if (!(now > 0) || (value->cost > 0 && value->cost <= now))
        return NULL;
    (void)snprintf(text, 128,
                   "expected at most %g: a workspace only makes budgets "
                   "smaller",
                   now);
    return text;
}

static int store_cost(const bx_settings_key *key, bx_settings *settings,
                      const bx_settings_value *value, bx_error **err)
{
    (void)key;
    (void)err;
    settings->budget.cost = value->cost;
    return 0;
}

/* ---- texts ----------------------------------------------------------- */

static int store_text(const bx_settings_key *key, bx_settings *settings,
                      const bx_settings_value *value, bx_error **err)
{
    char **member = (char **)(void *)((char *)settings + key->offset);
    char *text = strdup(value->text);

    if (text == NULL)
        return bx_error_set_nomem(err);
    free(*member);
    *member = text;
    return 0;
}

static int parse_model(const bx_settings_key *key, bx_settings_layer layer,
                       bx_settings_value *value, bx_error **err)
{
    (void)layer;
    if (value->text[0] == '\0' || strlen(value->text) > key->max ||
        !bx_utf8_is_valid(value->text, strlen(value->text)) ||
        bx_text_has_control(value->text))
        return refuse_text(value->text,
                           "the name of a model, as 'boxagnts model list' "
                           "shows it",
                           err);
    return 0;
}

/* A workspace names one of the table, whose price and provider the user could
 * look up, and that a key is there for: not any that a provider may serve. */
static const char *refuse_model(const bx_settings_key *key,
                                const bx_settings *settings,
                                const bx_models *models,
                                const bx_settings_value *value, char text[128])
{
    (void)key;
    (void)text;
    if (settings->model != NULL)
        return "expected nothing, since the user names a model; a workspace's "
               "is a suggestion";
    for (size_t i = 0; models != NULL && i < bx_models_count(models); i++) {
        const bx_model *model = bx_models_at(models, i);

        if (strcmp(model->name, value->text) != 0)
            continue;
        return bx_provider_has_key(model->provider)
                   ? NULL
                   : "expected a model whose provider has a key here";
    }
    return "expected a model of the table ('boxagnts model list'), by its name "
           "there";
}

static int parse_system(const bx_settings_key *key, bx_settings_layer layer,
                        bx_settings_value *value, bx_error **err)
{
    size_t bytes = strlen(value->text);

    (void)layer;
    if (bytes == 0 || bytes > key->max || !bx_utf8_is_valid(value->text, bytes))
        return refuse_text(value->text, "text of 1 to 16384 bytes", err);
    return 0;
}

static const char *refuse_system(const bx_settings_key *key,
                                 const bx_settings *settings,
                                 const bx_models *models,
                                 const bx_settings_value *value, char text[128])
{
    (void)key;
    (void)settings;
    (void)models;
    (void)value;
    (void)text;
    return "expected in the user's file only; what a workspace tells a model "
           "is in its AGENTS.md";
}

static int parse_policy(const bx_settings_key *key, bx_settings_layer layer,
                        bx_settings_value *value, bx_error **err)
{
    if (value->text[0] == '\0' || strlen(value->text) > key->max ||
        bx_text_has_control(value->text) ||
        (layer != BX_SETTINGS_FLAG && value->text[0] != '/' &&
         strncmp(value->text, "~/", 2) != 0))
        return refuse_text(value->text, "a path that begins with '/' or '~/'",
                           err);
    return 0;
}

static const char *refuse_policy(const bx_settings_key *key,
                                 const bx_settings *settings,
                                 const bx_models *models,
                                 const bx_settings_value *value, char text[128])
{
    (void)key;
    (void)settings;
    (void)models;
    (void)value;
    (void)text;
    return "expected in the user's file only: a policy grants, and a workspace "
           "only narrows";
}

static int store_policy(const bx_settings_key *key, bx_settings *settings,
                        const bx_settings_value *value, bx_error **err)
{
    const char *home = getenv("HOME");
    bx_autofree char *path = NULL;
    bx_settings_value whole = *value;

    if (strncmp(value->text, "~/", 2) == 0) {
        if (home == NULL || home[0] != '/')
            return bx_error_set(err, BX_ERR_INVALID,
                                "'~' is not known without HOME; expected a "
                                "path that begins with '/'");
        if (asprintf(&path, "%s%s", home, value->text + 1) < 0) {
            path = NULL;
            return bx_error_set_nomem(err);
        }
        whole.text = path;
    }
    return store_text(key, settings, &whole, err);
}

/* ---- rules ----------------------------------------------------------- */

static int parse_rule(const bx_settings_key *key, bx_settings_layer layer,
                      bx_settings_value *value, bx_error **err)
{
    bx_autorules bx_rules *one = bx_rules_new();

    (void)layer;
    if (one == NULL)
        return bx_error_set_nomem(err);
    return bx_rules_add(one, (bx_ruling)key->offset, value->text, err);
}

static const char *refuse_rule(const bx_settings_key *key,
                               const bx_settings *settings,
                               const bx_models *models,
                               const bx_settings_value *value, char text[128])
{
    (void)settings;
    (void)models;
    (void)value;
    (void)text;
    return key->offset == BX_RULING_ALLOW
               ? "expected ask or refuse: a workspace allows nothing"
               : NULL;
}

static int store_rule(const bx_settings_key *key, bx_settings *settings,
                      const bx_settings_value *value, bx_error **err)
{
    return bx_rules_add(settings->rules, (bx_ruling)key->offset, value->text,
                        err);
}

/* ---- the table ------------------------------------------------------- */

#define AMOUNT(name_, member, max_)                                            \
    {                                                                          \
        .name = "budget/" name_, .parse = parse_amount,                        \
        .refuse = refuse_amount, .store = store_amount,                        \
        .offset = offsetof(bx_agent_budget, member), .max = (max_)             \
    }
#define RULE(name_, ruling_)                                                   \
    {                                                                          \
        .name = "rules/" name_, .parse = parse_rule, .refuse = refuse_rule,    \
        .store = store_rule, .offset = (ruling_), .is_list = true              \
    }

/* Rules of one layer stand in this order: the last that fits decides, so one
 * that asks wins over one that allows. */
const bx_settings_key bx_settings_keys[] = {
    { .name = "model",
      .parse = parse_model,
      .refuse = refuse_model,
      .store = store_text,
      .offset = offsetof(bx_settings, model),
      .max = MAX_MODEL_BYTES },
    { .name = "mode",
      .parse = parse_mode,
      .refuse = refuse_mode,
      .store = store_mode },
    { .name = "effort",
      .parse = parse_effort,
      .refuse = refuse_effort,
      .store = store_effort },
    { .name = "parallel",
      .parse = parse_parallel,
      .refuse = refuse_parallel,
      .store = store_parallel,
      .max = BX_SETTINGS_MAX_PARALLEL },
    AMOUNT("turns", turns, MAX_COUNT),
    AMOUNT("calls", calls, MAX_COUNT),
    AMOUNT("input-tokens", input_tokens, MAX_TOKENS),
    AMOUNT("output-tokens", output_tokens, MAX_TOKENS),
    { .name = "budget/cost",
      .parse = parse_cost,
      .refuse = refuse_cost,
      .store = store_cost },
    AMOUNT("time", time_ms, MAX_TIME_MS),
    AMOUNT("failures", failures, MAX_COUNT),
    AMOUNT("repeats", repeats, MAX_COUNT),
    RULE("allow", BX_RULING_ALLOW),
    RULE("ask", BX_RULING_ASK),
    RULE("refuse", BX_RULING_REFUSE),
    { .name = "system",
      .parse = parse_system,
      .refuse = refuse_system,
      .store = store_text,
      .offset = offsetof(bx_settings, system),
      .max = MAX_SYSTEM_BYTES },
    { .name = "policy",
      .parse = parse_policy,
      .refuse = refuse_policy,
      .store = store_policy,
      .offset = offsetof(bx_settings, policy),
      .max = MAX_PATH_BYTES },
};
const size_t bx_settings_keys_count =
    sizeof(bx_settings_keys) / sizeof(bx_settings_keys[0]);

const bx_settings_key *bx_settings_key_find(const char *name)
{
    for (size_t i = 0; i < bx_settings_keys_count; i++) {
        if (strcmp(bx_settings_keys[i].name, name) == 0)
            return &bx_settings_keys[i];
    }
    return NULL;
}

const char *bx_settings_key_default(const bx_settings_key *key,
                                    const bx_settings *settings, char text[32])
{
    static const bx_agent_budget none = { 0 };
    bx_spending spending;

    bx_spending_begin(&spending, &none, 0);
    if (key->store == store_amount)
        return format_amount(key, *member_of(&spending.budget, key), text);
    if (key->store == store_mode)
        return bx_mode_name(settings->default_mode);
    if (key->store == store_effort)
        return bx_effort_name(BX_EFFORT_DEFAULT);
    if (key->store == store_parallel)
        return bx_unit_format(DEFAULT_PARALLEL, BX_UNIT_COUNT, text);
    return key->store == store_cost ? "none" : "";
}
