/* Tables of models, checked key by key. The user writes them, by hand and with
 * mistakes: each is named with its line. */
#include "agent/models/model_check.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "policy/text.h"
#include "policy/yaml_json.h"

#define MAX_NAME 64
#define MAX_ID 200
#define MAX_TEXT 4096
#define MAX_ITEMS 32
#define MAX_TOKENS 1000000000
#define MAX_PRICE 1e6

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

typedef struct reader {
    const bx_models_text *text;
    bx_error **err;
} reader;

/* A value and its place. */
typedef int (*check_fn)(const reader *in, const json_t *value,
                        const char *pointer);

typedef struct key {
    const char *name;
    check_fn check;
} key;

/* ---- messages ---- */

int bx_models_refuse(const bx_models_text *text, const char *pointer,
                     bx_error **err, const char *format, ...)
{
    bx_autofree char *message = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&message, format, args);
    va_end(args);
    if (bytes < 0) {
        message = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_error_set(err, BX_ERR_INVALID, "%s: line %zu: %s%s%s", text->name,
                        bx_yaml_line(text->lines, pointer),
                        pointer[0] == '/' ? pointer + 1 : "",
                        pointer[0] == '/' ? ": " : "", message);
}

#define refuse(in, pointer, ...)                                               \
    bx_models_refuse((in)->text, (pointer), (in)->err, __VA_ARGS__)

/* ---- scalars ---- */

/* At least one byte, at most max_bytes, all of allowed. */
static bool is_word(const char *text, const char *allowed, size_t max_bytes)
{
    size_t bytes = strlen(text);

    return bytes > 0 && bytes <= max_bytes && strspn(text, allowed) == bytes;
}

bool bx_model_id_is_valid(const char *id)
{
    return is_word(id, LETTERS DIGITS "._:@/+~-", MAX_ID) && id[0] != '/' &&
           strstr(id, "..") == NULL && strstr(id, "//") == NULL;
}

static int check_text(const reader *in, const json_t *value,
                      const char *pointer)
{
    const char *text = json_string_value(value);

    if (text == NULL || text[0] == '\0' || strlen(text) > MAX_TEXT ||
        bx_text_has_control(text))
        return refuse(in, pointer,
                      "expected text of 1 to %d bytes, on one line", MAX_TEXT);
    return 0;
}

static int check_bool(const reader *in, const json_t *value,
                      const char *pointer)
{
    return json_is_boolean(value)
               ? 0
               : refuse(in, pointer, "expected true or false");
}

static int check_tokens(const reader *in, const json_t *value,
                        const char *pointer)
{
    json_int_t tokens = json_integer_value(value);

    if (!json_is_integer(value) || tokens < 1 || tokens > MAX_TOKENS)
        return refuse(in, pointer, "expected a number of tokens, 1 to %d",
                      MAX_TOKENS);
    return 0;
}

static int check_price(const reader *in, const json_t *value,
                       const char *pointer)
{
    double price = json_number_value(value);

    if (!json_is_number(value) || !(price >= 0) || price > MAX_PRICE)
        return refuse(in, pointer,
                      "expected dollars for a million tokens, such as 2.5");
    return 0;
}

static int check_id(const reader *in, const json_t *value, const char *pointer)
{
    if (!json_is_string(value) ||
        !bx_model_id_is_valid(json_string_value(value)))
        return refuse(in, pointer,
                      "expected the provider's name of the model, such as "
                      "meta-llama/Llama-3.3-70B");
    return 0;
}

static int check_one_of(const reader *in, const json_t *value,
                        const char *pointer, const char *const *words,
                        const char *expected)
{
    for (size_t i = 0; json_is_string(value) && words[i] != NULL; i++) {
        if (strcmp(json_string_value(value), words[i]) == 0)
            return 0;
    }
    return refuse(in, pointer, "expected %s", expected);
}

static int check_protocol(const reader *in, const json_t *value,
                          const char *pointer)
{
    static const char *const words[] = { "anthropic",   "openai-responses",
                                         "openai-chat", "gemini",
                                         "demo",        NULL };

    return check_one_of(in, value, pointer, words,
                        "anthropic, openai-responses, openai-chat, gemini or "
                        "demo");
}

static int check_ability(const reader *in, const json_t *value,
                         const char *pointer)
{
    static const char *const words[] = { "tools", "images", "thinking",
                                         "cache", "schema", NULL };

    return check_one_of(in, value, pointer, words,
                        "tools, images, thinking, cache or schema");
}

static int check_variable(const reader *in, const json_t *value,
                          const char *pointer)
{
    const char *name = json_string_value(value);

    if (name == NULL || !is_word(name, LETTERS DIGITS "_", MAX_NAME) ||
        strchr(DIGITS, name[0]) != NULL)
        return refuse(in, pointer,
                      "expected the name of an environment variable, never a "
                      "key itself");
    return 0;
}

static int check_file(const reader *in, const json_t *value,
                      const char *pointer)
{
    const char *path = json_string_value(value);

    if (check_text(in, value, pointer) < 0)
        return -1;
    if (path[0] != '/' && strncmp(path, "~/", 2) != 0)
        return refuse(in, pointer,
                      "expected a path that begins with '/' or '~/'");
    return 0;
}

/* ---- lists and mappings ---- */

static int check_list(const reader *in, const json_t *value,
                      const char *pointer, check_fn check)
{
    json_t *item;
    size_t i;

    if (!json_is_array(value) || json_array_size(value) == 0 ||
        json_array_size(value) > MAX_ITEMS)
        return refuse(in, pointer, "expected a list of 1 to %d items",
                      MAX_ITEMS);
    json_array_foreach(value, i, item)
    {
        char place[512];

        (void)snprintf(place, sizeof(place), "%s/%zu", pointer, i);
        if (check(in, item, place) < 0)
            return -1;
    }
    return 0;
}

static int check_variables(const reader *in, const json_t *value,
                           const char *pointer)
{
    return json_is_array(value) ? check_list(in, value, pointer, check_variable)
                                : check_variable(in, value, pointer);
}

static int check_abilities(const reader *in, const json_t *value,
                           const char *pointer)
{
    if (json_is_array(value) && json_array_size(value) == 0)
        return 0;
    return check_list(in, value, pointer, check_ability);
}

static int check_command(const reader *in, const json_t *value,
                         const char *pointer)
{
    return check_list(in, value, pointer, check_text);
}

/* The line of a key whose name may be anything. */
static int refuse_key(const reader *in, const char *pointer, const char *name,
                      const char *expected)
{
    bx_autofree char *shown = bx_text_show(name);
    bx_autobuf bx_buf place = BX_BUF_INIT;

    if (bx_buf_printf(&place, "%s/", pointer) < 0)
        return bx_error_set_nomem(in->err);
    for (const char *at = name; *at != '\0'; at++) {
        char plain[2] = { *at, '\0' };

        if (bx_buf_puts(&place, *at == '~'   ? "~0"
                                : *at == '/' ? "~1"
                                             : plain) < 0)
            return bx_error_set_nomem(in->err);
    }
    return bx_error_set(in->err, BX_ERR_INVALID, "%s: line %zu: %s%s%s; %s",
                        in->text->name,
                        bx_yaml_line(in->text->lines, place.data),
                        pointer[0] == '/' ? pointer + 1 : "",
                        pointer[0] == '/' ? ": unknown key " : "unknown key ",
                        BX_SHOWN(shown), expected);
}

static const key *find_key(const key *keys, const char *name)
{
    for (; keys->name != NULL; keys++) {
        if (strcmp(keys->name, name) == 0)
            return keys;
    }
    return NULL;
}

static int refuse_unknown(const reader *in, const char *pointer,
                          const char *name, const key *keys)
{
    bx_autobuf bx_buf expected = BX_BUF_INIT;
    const key *nearest = NULL;
    unsigned least = 4; /* edits: further off is a guess at random */

    for (const key *it = keys; it->name != NULL; it++) {
        unsigned distance = bx_text_distance(name, it->name);

        if (distance < least && distance * 2 <= strlen(it->name)) {
            least = distance;
            nearest = it;
        }
    }
    if (nearest != NULL)
        (void)bx_buf_printf(&expected, "did you mean '%s'?", nearest->name);
    for (const key *it = keys; nearest == NULL && it->name != NULL; it++)
        (void)bx_buf_printf(&expected, "%s%s", it == keys ? "expected " : ", ",
                            it->name);
    return refuse_key(in, pointer, name,
                      expected.data == NULL ? "" : expected.data);
}

static int check_keys(const reader *in, const json_t *value,
                      const char *pointer, const key *keys)
{
    const char *name;
    json_t *member;

    if (!json_is_object(value))
        return refuse(in, pointer, "expected a mapping, such as '%s: ...'",
                      keys[0].name);
    json_object_foreach((json_t *)value, name, member)
    {
        const key *it = find_key(keys, name);
        char place[512];

        if (it == NULL)
            return refuse_unknown(in, pointer, name, keys);
        (void)snprintf(place, sizeof(place), "%s/%s", pointer, name);
        if (it->check(in, member, place) < 0)
            return -1;
    }
    return 0;
}

/* Members of any name of the right form, each checked. */
static int check_named(const reader *in, const json_t *value,
                       const char *pointer, size_t max, const char *allowed,
                       const char *expected, check_fn check)
{
    const char *name;
    json_t *member;

    if (json_is_null(value))
        return 0;
    if (!json_is_object(value) || json_object_size(value) > max)
        return refuse(in, pointer, "expected a mapping of at most %zu names",
                      max);
    json_object_foreach((json_t *)value, name, member)
    {
        char place[512];

        if (!is_word(name, allowed, MAX_NAME) || name[0] == '.')
            return refuse_key(in, pointer, name, expected);
        (void)snprintf(place, sizeof(place), "%s/%s", pointer, name);
        if (check(in, member, place) < 0)
            return -1;
    }
    return 0;
}

/* Those are the client's; a key in this file would be one in the open. */
static int check_header(const reader *in, const json_t *value,
                        const char *pointer)
{
    static const char *const keys[] = { "authorization",  "proxy-authorization",
                                        "x-api-key",      "api-key",
                                        "x-goog-api-key", "cookie" };
    static const char *const own[] = { "host",         "content-length",
                                       "content-type", "transfer-encoding",
                                       "connection",   "accept-encoding" };
    const char *name = strrchr(pointer, '/') + 1;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcasecmp(name, keys[i]) == 0)
            return refuse(in, pointer,
                          "a key does not belong here; expected key_env, "
                          "key_file or key_command");
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcasecmp(name, own[i]) == 0)
            return refuse(in, pointer,
                          "is set by each request itself; leave "
                          "it out");
    }
    return check_text(in, value, pointer);
}

static int check_headers(const reader *in, const json_t *value,
                         const char *pointer)
{
    return check_named(in, value, pointer, MAX_ITEMS, LETTERS DIGITS "_-",
                       "expected the name of a header", check_header);
}

/* ---- the whole ---- */

#define PRICES                                                                 \
    { "input", check_price }, { "output", check_price },                       \
        { "cache_read", check_price },                                         \
    {                                                                          \
        "cache_write", check_price                                             \
    }

static int check_prices(const reader *in, const json_t *value,
                        const char *pointer)
{
    static const key keys[] = { PRICES, { NULL, NULL } };

    return check_keys(in, value, pointer, keys);
}

static int check_long_prices(const reader *in, const json_t *value,
                             const char *pointer)
{
    static const key keys[] = { { "above", check_tokens },
                                PRICES,
                                { NULL, NULL } };

    if (check_keys(in, value, pointer, keys) < 0)
        return -1;
    if (json_object_get(value, "above") == NULL)
        return refuse(in, pointer,
                      "expected 'above', the tokens of input up to "
                      "which 'price' counts");
    return 0;
}

static int check_model(const reader *in, const json_t *value,
                       const char *pointer)
{
    static const key keys[] = {
        { "provider", check_text },         { "id", check_id },
        { "context_tokens", check_tokens }, { "output_tokens", check_tokens },
        { "price", check_prices },          { "long_price", check_long_prices },
        { "has", check_abilities },         { NULL, NULL },
    };

    return check_keys(in, value, pointer, keys);
}

static int check_provider(const reader *in, const json_t *value,
                          const char *pointer)
{
    static const key keys[] = {
        { "protocol", check_protocol },
        { "base_url", check_text },
        { "base_url_env", check_variables },
        { "plain_http", check_bool },
        { "key_env", check_variables },
        { "key_file", check_file },
        { "key_command", check_command },
        { "headers", check_headers },
        { NULL, NULL },
    };

    return check_keys(in, value, pointer, keys);
}

static int check_models(const reader *in, const json_t *value,
                        const char *pointer)
{
    return check_named(in, value, pointer, BX_MODELS_MAX_ENTRIES,
                       LETTERS DIGITS "._:@-",
                       "expected a name of 1 to 64 letters, digits and ._:@- "
                       "(what the provider calls it goes into 'id')",
                       check_model);
}

static int check_providers(const reader *in, const json_t *value,
                           const char *pointer)
{
    return check_named(
        in, value, pointer, BX_MODELS_MAX_ENTRIES, LETTERS DIGITS "._-",
        "expected a name of 1 to 64 letters, digits and ._-", check_provider);
}

void bx_models_text_clear(bx_models_text *text)
{
    json_decref(text->value);
    json_decref(text->lines);
    *text = (bx_models_text){ 0 };
}

int bx_models_text_read(const char *text, size_t bytes, const char *name,
                        bx_models_text *ret_text, bx_error **err)
{
    static const key keys[] = { { "providers", check_providers },
                                { "models", check_models },
                                { NULL, NULL } };
    bx_automodelstext bx_models_text read = { .name = name };
    reader in = { &read, err };

    if (bx_yaml_parse(text, bytes, name, BX_MODELS_MAX_BYTES, &read.value,
                      &read.lines, err) < 0)
        return -1;
    if (json_is_null(read.value)) {
        json_decref(read.value);
        read.value = json_object();
        if (read.value == NULL)
            return bx_error_set_nomem(err);
    }
    if (check_keys(&in, read.value, "", keys) < 0)
        return -1;
    *ret_text = read;
    read = (bx_models_text){ 0 };
    return 0;
}
