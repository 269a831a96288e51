#include "sandbox/call_request.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "policy/policy.h"
#include "sandbox/call_host.h"

static void free_words(const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((char *)words[i]);
    free((void *)words);
}

void bx_call_request_clear(bx_spawn_request *request)
{
    free_words(request->argv, request->argc);
    free_words(request->env, request->env_count);
    memset(request, 0, sizeof(*request));
}

static int copy_words(size_t count, const char *const *words,
                      const char *const **ret_words, size_t *ret_count,
                      const char *what, bx_error **err)
{
    char **copy;

    if (count > BX_CALL_WORDS) {
        bx_error_set(err, BX_ERR_INVALID, "%s: %zu words, at most %d", what,
                     count, BX_CALL_WORDS);
        return -1;
    }
    copy = calloc(count + 2, sizeof(*copy)); /* one more: PWD */
    if (copy == NULL) {
        bx_error_set_nomem(err);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = strdup(words[i]);
        if (copy[i] == NULL) {
            free_words((const char *const *)copy, i);
            bx_error_set_nomem(err);
            return -1;
        }
    }
    *ret_words = (const char *const *)copy;
    *ret_count = count;
    return 0;
}

static int check_env(const bx_spawn_request *request, bx_error **err)
{
    for (size_t i = 0; i < request->env_count; i++) {
        const char *equals = strchr(request->env[i], '=');

        if (equals == NULL || equals == request->env[i])
            return bx_error_set(err, BX_ERR_INVALID,
                                "env: entry %zu has no name", i);
    }
    return 0;
}

/* WASI has no working folder of its own: PWD is where programs look. */
static int put_cwd(bx_spawn_request *request, const char *cwd, bx_error **err)
{
    const char **env = (const char **)request->env;
    bx_autofree char *path = bx_guest_path_parse(cwd, err);
    char *word;
    size_t kept = 0;

    if (path == NULL)
        return bx_error_wrap(err, "cwd");
    if (asprintf(&word, "PWD=%s", path) < 0)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < request->env_count; i++) {
        if (strncmp(env[i], "PWD=", 4) == 0)
            free((char *)env[i]);
        else
            env[kept++] = env[i];
    }
    env[kept++] = word;
    request->env_count = kept;
    return 0;
}

int bx_call_request_make(size_t argc, const char *const *argv, size_t env_count,
                         const char *const *env, const char *cwd,
                         bx_spawn_request *ret_request, bx_error **err)
{
    bx_spawn_request request = { 0 };

    if (argc == 0 || argv[0][0] == '\0')
        return bx_error_set(err, BX_ERR_INVALID,
                            "argv: expected the program's name first");
    if (copy_words(argc, argv, &request.argv, &request.argc, "argv", err) < 0 ||
        copy_words(env_count, env, &request.env, &request.env_count, "env",
                   err) < 0 ||
        check_env(&request, err) < 0 ||
        (cwd != NULL && put_cwd(&request, cwd, err) < 0)) {
        bx_call_request_clear(&request);
        return -1;
    }
    *ret_request = request;
    return 0;
}

/* A string without NUL: jansson refuses \u0000. */
static const char *word_at(const json_t *array, size_t index)
{
    return json_string_value(json_array_get(array, index));
}

static int load_argv(const json_t *array, const char **words, size_t count,
                     bx_error **err)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = word_at(array, i);
        if (words[i] == NULL) {
            bx_error_set(err, BX_ERR_INVALID,
                         "argv: expected strings, entry %zu is none", i);
            return -1;
        }
    }
    return 0;
}

/* [["NAME", "VALUE"], ...] to "NAME=VALUE", which the caller frees. */
static int load_env(const json_t *array, char **words, size_t count,
                    bx_error **err)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(array, i);
        const char *name = word_at(pair, 0);
        const char *value = word_at(pair, 1);

        if (name == NULL || value == NULL || json_array_size(pair) != 2 ||
            strchr(name, '=') != NULL) {
            bx_error_set(err, BX_ERR_INVALID,
                         "env: expected pairs [\"NAME\", \"VALUE\"], entry "
                         "%zu is none",
                         i);
            return -1;
        }
        if (asprintf(&words[i], "%s=%s", name, value) < 0) {
            words[i] = NULL;
            bx_error_set_nomem(err);
            return -1;
        }
    }
    return 0;
}

static int check_keys(const json_t *root, bx_error **err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)root, key, value)
    {
        bool is_list = strcmp(key, "argv") == 0 || strcmp(key, "env") == 0;

        if (strcmp(key, "timeout_ms") == 0) {
            if (json_integer_value(value) < 1)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "timeout_ms: expected a whole number of "
                                    "milliseconds, from 1");
            continue;
        }
        if (!is_list && strcmp(key, "cwd") != 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "unknown key '%.64s'; expected argv, env, cwd, "
                                "timeout_ms",
                                key);
        if (is_list ? !json_is_array(value) : !json_is_string(value))
            return bx_error_set(err, BX_ERR_INVALID, "%s: expected %s", key,
                                is_list ? "an array" : "a string");
        if (is_list && json_array_size(value) > BX_CALL_WORDS)
            return bx_error_set(err, BX_ERR_INVALID,
                                "%s: %zu words, at most %d", key,
                                json_array_size(value), BX_CALL_WORDS);
    }
    return 0;
}

static int make_from(const json_t *root, bx_spawn_request *ret_request,
                     bx_error **err)
{
    const json_t *argv = json_object_get(root, "argv");
    const json_t *env = json_object_get(root, "env");
    size_t argc = json_array_size(argv);
    size_t env_count = json_array_size(env);
    bx_autofree const char **argv_words = calloc(argc + 1, sizeof(char *));
    char **env_words = calloc(env_count + 1, sizeof(char *));
    int result = -1;

    if (argv_words == NULL || env_words == NULL)
        bx_error_set_nomem(err);
    else if (load_argv(argv, argv_words, argc, err) == 0 &&
             load_env(env, env_words, env_count, err) == 0)
        result = bx_call_request_make(
            argc, argv_words, env_count, (const char *const *)env_words,
            json_string_value(json_object_get(root, "cwd")), ret_request, err);
    if (result == 0)
        ret_request->timeout_ms =
            (uint64_t)json_integer_value(json_object_get(root, "timeout_ms"));
    if (env_words != NULL)
        free_words((const char *const *)env_words, env_count);
    return result;
}

int bx_call_request_parse(const char *text, size_t bytes,
                          bx_spawn_request *ret_request, bx_error **err)
{
    json_error_t error;
    json_t *root;
    int result = -1;

    if (bytes > BX_CALL_REQUEST_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the request has %zu bytes, at most %d", bytes,
                            BX_CALL_REQUEST_MAX_BYTES);
    root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root))
        bx_error_set(err, BX_ERR_INVALID,
                     "the request is not a JSON object: %s",
                     root == NULL ? error.text : "it is another value");
    else if (check_keys(root, err) == 0)
        result = make_from(root, ret_request, err);
    json_decref(root);
    return result;
}
