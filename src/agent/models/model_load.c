/* The program's table and the user's, merged into one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/models/model_check.h"
#include "agent/models/model_table.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/user_dir.h"
#include "net/url.h"
#include "policy/network.h"

static const unsigned char builtin[] = {
#include "models_table.inc"
};

typedef struct loader {
    bx_models_text builtin;
    bx_models_text user; /* value NULL: there is none */
    bx_models *models;
    bx_error **err;
} loader;

static void clear_loader(loader *in)
{
    bx_models_text_clear(&in->builtin);
    bx_models_text_clear(&in->user);
    bx_models_free(in->models);
}

#define autoloader __attribute__((cleanup(clear_loader)))

/* ---- merging ---- */

/* The user's entries first, in their order; a key that is not there comes from
 * the program's entry of that name. */
static int merge_section(json_t *all, const char *section, const json_t *user,
                         const json_t *program)
{
    json_t *merged = json_object();
    const char *name;
    json_t *entry;

    if (json_object_set_new(all, section, merged) < 0)
        return -1;
    user = json_object_get(user, section);
    program = json_object_get(program, section);
    json_object_foreach((json_t *)user, name, entry)
    {
        json_t *copy = json_deep_copy(entry);

        if (json_object_set_new(merged, name, copy) < 0)
            return -1;
    }
    json_object_foreach((json_t *)program, name, entry)
    {
        json_t *given = json_object_get(merged, name);
        json_t *copy = json_deep_copy(entry);
        int status;

        if (copy == NULL)
            return -1;
        if (given == NULL)
            status = json_object_set(merged, name, copy);
        else
            status = json_object_update_missing(given, copy);
        json_decref(copy);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* The file that an entry was written in, for messages: the user's own, when it
 * has a part in it. */
static const bx_models_text *source_of(const loader *in, const char *section,
                                       const char *name)
{
    return json_object_get(json_object_get(in->user.value, section), name) !=
                   NULL
               ? &in->user
               : &in->builtin;
}

static int refuse_entry(const loader *in, const char *section, const char *name,
                        const char *key, const char *message)
{
    char place[256];

    (void)snprintf(place, sizeof(place), "/%s/%s%s%s", section, name,
                   key[0] == '\0' ? "" : "/", key);
    return bx_models_refuse(source_of(in, section, name), place, in->err, "%s",
                            message);
}

/* ---- providers ---- */

static bool is_loopback(const char *host)
{
    bx_address address;

    return strcmp(host, "localhost") == 0 ||
           (bx_address_parse(host, &address) &&
            bx_address_is_loopback(&address));
}

/* The URL without '/' at its end; NULL with err set, without its place. */
static char *read_url(const char *text, bool is_plain, bx_error **err)
{
    bx_autourl bx_url *url = NULL;
    char *base;
    size_t bytes;

    if (strpbrk(text, "?#") != NULL) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "has a '?' or '#'; expected a URL such as "
                           "https://host/v1");
        return NULL;
    }
    url = bx_url_parse(text, strlen(text), NULL, err);
    if (url == NULL)
        return NULL;
    if (strcmp(url->scheme, "https") != 0 && !is_plain &&
        !is_loopback(url->host)) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "http:// would send the key and all that is said "
                           "in the open; expected https://, a loopback "
                           "address, or plain_http: true of the provider");
        return NULL;
    }
    base = strdup(url->text);
    if (base == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    for (bytes = strlen(base); bytes > 0 && base[bytes - 1] == '/'; bytes--)
        base[bytes - 1] = '\0';
    return base;
}

/* A variable of a text or a list of such: the first that is set to something,
 * or the first. NULL: there is no list. */
static const char *pick_variable(const json_t *names)
{
    size_t count = json_is_array(names) ? json_array_size(names) : 0;

    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *value = getenv(name);

        if (value != NULL && value[0] != '\0')
            return name;
    }
    return json_string_value(count > 0 ? json_array_get(names, 0) : names);
}

/* Put the text that counts into the entry, which owns it from then on. */
static const char *keep(json_t *entry, const char *key, const char *text,
                        bx_error **err)
{
    if (json_object_set_new(entry, key, json_string(text)) < 0) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return json_string_value(json_object_get(entry, key));
}

static int read_base_url(loader *in, const char *name, json_t *entry,
                         bx_provider *provider)
{
    const char *variable =
        pick_variable(json_object_get(entry, "base_url_env"));
    const char *given = variable == NULL ? NULL : getenv(variable);
    const char *text = json_string_value(json_object_get(entry, "base_url"));
    bool is_plain = json_is_true(json_object_get(entry, "plain_http"));
    bx_autofree char *base = NULL;
    bx_autoerror bx_error *why = NULL;

    if (given != NULL && given[0] != '\0') {
        base = read_url(given, is_plain, in->err);
        if (base == NULL)
            return bx_error_wrap(in->err,
                                 "environment variable %s (provider "
                                 "'%s')",
                                 variable, name);
    } else if (text != NULL) {
        base = read_url(text, is_plain, &why);
        if (base == NULL)
            return refuse_entry(in, "providers", name, "base_url",
                                bx_error_message(why));
    } else if (strcmp(provider->protocol, "demo") == 0) {
        return 0;
    } else {
        return refuse_entry(in, "providers", name, "",
                            "no base_url; expected one, such as "
                            "https://host/v1");
    }
    provider->base_url = keep(entry, "base_url", base, in->err);
    return provider->base_url == NULL ? -1 : 0;
}

static int read_key_file(loader *in, json_t *entry, bx_provider *provider)
{
    const char *text = json_string_value(json_object_get(entry, "key_file"));
    const char *home = getenv("HOME");
    bx_autofree char *path = NULL;

    if (text == NULL)
        return 0;
    if (text[0] == '/') {
        provider->key_file = text;
        return 0;
    }
    if (home == NULL || home[0] != '/')
        return refuse_entry(in, "providers", provider->name, "key_file",
                            "'~' is not known without HOME; expected a path "
                            "that begins with '/'");
    if (asprintf(&path, "%s%s", home, text + 1) < 0) {
        path = NULL;
        return bx_error_set_nomem(in->err);
    }
    provider->key_file = keep(entry, "key_file", path, in->err);
    return provider->key_file == NULL ? -1 : 0;
}

/* The texts of a list, ended by NULL; NULL without memory. */
static const char **list_texts(const json_t *list)
{
    size_t count = json_array_size(list);
    const char **texts = calloc(count + 1, sizeof(*texts));

    for (size_t i = 0; texts != NULL && i < count; i++)
        texts[i] = json_string_value(json_array_get(list, i));
    return texts;
}

static int read_headers(json_t *entry, bx_provider *provider, bx_error **err)
{
    json_t *headers = json_object_get(entry, "headers");
    json_t *lines;
    const char *name;
    json_t *value;

    if (json_object_size(headers) == 0)
        return 0;
    lines = json_array();
    json_object_foreach(headers, name, value)
    {
        if (json_array_append_new(
                lines, json_sprintf("%s: %s", name, json_string_value(value))) <
            0) {
            json_decref(lines);
            return bx_error_set_nomem(err);
        }
    }
    /* In its place, so that the texts live as long as the entry. */
    if (json_object_set_new(entry, "headers", lines) < 0 ||
        (provider->headers = list_texts(lines)) == NULL)
        return bx_error_set_nomem(err);
    return 0;
}

static int read_provider(loader *in, const char *name, json_t *entry,
                         bx_provider *provider)
{
    const json_t *command = json_object_get(entry, "key_command");

    provider->name = name;
    provider->protocol = json_string_value(json_object_get(entry, "protocol"));
    provider->key_env = pick_variable(json_object_get(entry, "key_env"));
    if (provider->protocol == NULL)
        return refuse_entry(in, "providers", name, "",
                            "no protocol; expected anthropic, "
                            "openai-responses, openai-chat or gemini");
    if (command != NULL) {
        provider->key_command = list_texts(command);
        if (provider->key_command == NULL)
            return bx_error_set_nomem(in->err);
    }
    if (read_base_url(in, name, entry, provider) < 0 ||
        read_key_file(in, entry, provider) < 0)
        return -1;
    return read_headers(entry, provider, in->err);
}

/* ---- models ---- */

static uint64_t read_tokens(const json_t *entry, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(entry, key));
}

static double read_price(const json_t *prices, const char *key)
{
    const json_t *price = json_object_get(prices, key);

    return price == NULL ? -1 : json_number_value(price);
}

static unsigned read_abilities(const json_t *list)
{
    static const struct {
        const char *name;
        unsigned bit;
    } abilities[] = {
        { "tools", BX_MODEL_TOOLS },       { "images", BX_MODEL_IMAGES },
        { "thinking", BX_MODEL_THINKING }, { "cache", BX_MODEL_CACHE },
        { "schema", BX_MODEL_SCHEMA },
    };
    unsigned bits = 0;
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        for (size_t k = 0; k < sizeof(abilities) / sizeof(abilities[0]); k++) {
            if (strcmp(json_string_value(item), abilities[k].name) == 0)
                bits |= abilities[k].bit;
        }
    }
    return bits;
}

static int read_model(const loader *in, const char *name, const json_t *entry,
                      bx_model *model)
{
    const char *provider =
        json_string_value(json_object_get(entry, "provider"));
    const char *id = json_string_value(json_object_get(entry, "id"));
    const json_t *price = json_object_get(entry, "price");
    const json_t *long_price = json_object_get(entry, "long_price");
    const json_t *has = json_object_get(entry, "has");

    if (provider == NULL)
        return refuse_entry(in, "models", name, "",
                            "no provider; expected one of 'providers', such "
                            "as anthropic or ollama");
    *model = (bx_model){
        .name = name,
        .id = id == NULL ? name : id,
        .provider = bx_models_find_provider(in->models, provider),
        .context_tokens = read_tokens(entry, "context_tokens"),
        .output_tokens = read_tokens(entry, "output_tokens"),
        .price_input = read_price(price, "input"),
        .price_output = read_price(price, "output"),
        .price_cache_read = read_price(price, "cache_read"),
        .price_cache_write = read_price(price, "cache_write"),
        .long_above_tokens = read_tokens(long_price, "above"),
        .long_input = read_price(long_price, "input"),
        .long_output = read_price(long_price, "output"),
        .long_cache_read = read_price(long_price, "cache_read"),
        .long_cache_write = read_price(long_price, "cache_write"),
        /* As for those named PROVIDER/ID. */
        .abilities = has == NULL ? BX_MODEL_TOOLS : read_abilities(has),
    };
    if (model->provider == NULL)
        return refuse_entry(in, "models", name, "provider",
                            "there is no such provider; expected one of "
                            "'providers', such as anthropic or ollama");
    return 0;
}

/* ---- the whole ---- */

static int read_all(loader *in)
{
    bx_models *models = in->models;
    json_t *providers = json_object_get(models->text, "providers");
    json_t *entries = json_object_get(models->text, "models");
    const char *name;
    json_t *entry;

    models->providers =
        calloc(json_object_size(providers), sizeof(*models->providers));
    models->models = calloc(json_object_size(entries), sizeof(*models->models));
    if (models->providers == NULL || models->models == NULL)
        return bx_error_set_nomem(in->err);
    json_object_foreach(providers, name, entry)
    {
        /* Counted first, so that what it has so far is freed. */
        bx_provider *provider = &models->providers[models->providers_count++];

        if (read_provider(in, name, entry, provider) < 0)
            return -1;
    }
    json_object_foreach(entries, name, entry)
    {
        if (read_model(in, name, entry, &models->models[models->count]) < 0)
            return -1;
        models->count++;
    }
    return 0;
}

/* Nothing of the demo can be overridden: it is what is left when all else is
 * not there, and must never cost or send anything. */
static int check_demo(const loader *in)
{
    static const char *const sections[] = { "providers", "models" };

    for (size_t i = 0; i < 2; i++) {
        if (source_of(in, sections[i], "demo") == &in->user)
            return refuse_entry(in, sections[i], "demo", "",
                                "the demo stays as it is; expected another "
                                "name");
    }
    return 0;
}

/* It says where keys are sent and what program prints them: nobody else may
 * write it. */
static int read_user(loader *in, const char *path)
{
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bx_autofree char *text = NULL;
    size_t bytes;

    if (fd < 0)
        return bx_error_set_errno(in->err, errno, "'%s'", path);
    if (bx_user_check_owner(fd, path, 0022, in->err) < 0 ||
        bx_file_read_fd(fd, path, BX_MODELS_MAX_BYTES, &text, &bytes, in->err) <
            0)
        return -1;
    return bx_models_text_read(text, bytes, path, &in->user, in->err);
}

static int load(loader *in, const char *path)
{
    bx_models *models = in->models;

    if (bx_models_text_read((const char *)builtin, sizeof(builtin),
                            "built-in models", &in->builtin, in->err) < 0 ||
        (path != NULL && read_user(in, path) < 0))
        return -1;
    models->text = json_object();
    if (merge_section(models->text, "providers", in->user.value,
                      in->builtin.value) < 0 ||
        merge_section(models->text, "models", in->user.value,
                      in->builtin.value) < 0)
        return bx_error_set_nomem(in->err);
    if (check_demo(in) < 0)
        return -1;
    return read_all(in);
}

bx_models *bx_models_load(const char *path, bx_error **err)
{
    autoloader loader in = { .err = err };
    bx_autofree char *own = NULL;

    in.models = calloc(1, sizeof(*in.models));
    if (in.models == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    (void)pthread_mutex_init(&in.models->mutex, NULL);
    if (path == NULL) {
        own = bx_user_config_path("models.yaml");
        if (own != NULL &&
            (access(own, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)))
            path = own;
    }
    if (load(&in, path) < 0)
        return NULL;
    return bx_take(in.models);
}
