/* boxagnts mcp add: a server into the user's mcp.json. */
#include <string.h>

#include "base/error.h"
#include "cli/mcp_cli.h"
#include "cli/options.h"
#include "mcp/client_servers.h"

static const bx_flag flags[] = {
    { "url", "URL", "A server over HTTP, instead of a command" },
    { "header", "NAME=VALUE", "A header of each request; ${VAR} is expanded" },
    { "private", NULL,
      "The URL is in a network you trust: private addresses, http://" },
    { "env", "NAME=VALUE",
      "A variable of the server; ${VAR} is expanded when it starts" },
    { "network", NULL, "Let the server reach the network" },
    { "read", "PATH", "Let it read a folder or file; '.' is the workspace" },
    { "write", "PATH", "Let it read and write one" },
    { "level", "LEVEL",
      "What all its tools are: none, read_only, write, execute, dangerous" },
    { "trust-annotations", NULL, "Believe a tool that calls itself read-only" },
    { "timeout", "SECONDS", "The longest that one call takes; 60" },
    { "memory", "MIB",
      "What each of its processes may have; 4096, and 0 for no limit" },
};
static const size_t flags_count = sizeof(flags) / sizeof(flags[0]);

static void print_help(void)
{
    fputs("Add a server of tools to ~/.config/boxagnts/mcp.json. It runs with "
          "a folder of\nits own, the variables given here, and nothing else "
          "of yours; `boxagnts mcp\nlist` shows what holds it.\n\n"
          "Usage: boxagnts mcp add NAME [options] -- COMMAND [ARGUMENT ...]\n"
          "       boxagnts mcp add NAME --url URL [options]\n\nOptions:\n",
          stdout);
    bx_options_print_flags(stdout, flags, flags_count);
    fputs("\n  boxagnts mcp add files --read . -- \\\n"
          "      npx -y @modelcontextprotocol/server-filesystem .\n"
          "  boxagnts mcp add search --network --env 'API_KEY=${SEARCH_KEY}' "
          "-- search-mcp\n\n"
          "Then `boxagnts mcp approve NAME` shows what it says of its tools.\n",
          stdout);
}

static const bx_flag *find_flag(const char *name, size_t bytes)
{
    for (size_t i = 0; i < flags_count; i++) {
        if (strlen(flags[i].name) == bytes &&
            memcmp(flags[i].name, name, bytes) == 0)
            return &flags[i];
    }
    return NULL;
}

static int put_pair(json_t *entry, const char *key, const char *flag,
                    const char *value, bx_error **err)
{
    const char *equals = strchr(value, '=');
    json_t *pairs = json_object_get(entry, key);
    bx_autofree char *name =
        equals == NULL ? NULL : strndup(value, (size_t)(equals - value));

    if (equals == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "--%s '%s': expected NAME=VALUE", flag, value);
    if (pairs == NULL) {
        pairs = json_object();
        json_object_set_new(entry, key, pairs);
    }
    if (name == NULL ||
        json_object_set_new(pairs, name, json_string(equals + 1)) < 0)
        return bx_error_set(err, BX_ERR_INVALID, "--%s: no UTF-8", flag);
    return 0;
}

static int put_word(json_t *entry, const char *key, const char *value,
                    bx_error **err)
{
    json_t *words = json_object_get(entry, key);

    if (words == NULL) {
        words = json_array();
        json_object_set_new(entry, key, words);
    }
    return json_array_append_new(words, json_string(value)) < 0
               ? bx_error_set(err, BX_ERR_INVALID, "'%s' is no UTF-8", value)
               : 0;
}

/* A path is the one that the person means here and now. */
static int put_path(json_t *entry, const char *key, const char *value,
                    bx_error **err)
{
    bx_autofree char *real = NULL;

    if (strcmp(value, ".") == 0)
        return put_word(entry, key, value, err);
    real = realpath(value, NULL);
    if (real == NULL)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "--%s '%s': there is no such file or folder", key,
                            value);
    return put_word(entry, key, real, err);
}

static int put_number(json_t *entry, const char *key, const char *value,
                      bx_error **err)
{
    char *end;
    long number = strtol(value, &end, 10);

    if (end == value || *end != '\0')
        return bx_error_set(err, BX_ERR_INVALID, "--%s '%s': expected a number",
                            key, value);
    return json_object_set_new(entry, key, json_integer(number));
}

static int take_flag(json_t *entry, const bx_flag *flag, const char *value,
                     bx_error **err)
{
    if (strcmp(flag->name, "network") == 0)
        return json_object_set_new(entry, "network", json_true());
    if (strcmp(flag->name, "private") == 0)
        return json_object_set_new(entry, "private", json_true());
    if (strcmp(flag->name, "trust-annotations") == 0)
        return json_object_set_new(entry, "trust_annotations", json_true());
    if (strcmp(flag->name, "env") == 0)
        return put_pair(entry, "env", "env", value, err);
    if (strcmp(flag->name, "header") == 0)
        return put_pair(entry, "headers", "header", value, err);
    if (strcmp(flag->name, "read") == 0 || strcmp(flag->name, "write") == 0)
        return put_path(entry, flag->name, value, err);
    if (strcmp(flag->name, "timeout") == 0 || strcmp(flag->name, "memory") == 0)
        return put_number(entry, flag->name, value, err);
    return json_object_set_new(entry, flag->name, json_string(value)) < 0
               ? bx_error_set(err, BX_ERR_INVALID, "--%s: no UTF-8", flag->name)
               : 0;
}

/* Up to "--"; the index of what follows, or argc. -1 with err. */
static int take_flags(json_t *entry, int argc, char **argv,
                      const char **ret_name, bool *ret_wants_help,
                      bx_error **err)
{
    int i = 1;

    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *word = argv[i];
        const bx_flag *flag;
        const char *value = NULL;
        size_t bytes;

        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            *ret_wants_help = true;
            return argc;
        }
        if (word[0] != '-') {
            if (*ret_name != NULL)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "'%s': one name is expected, and the "
                                    "command behind --",
                                    word);
            *ret_name = word;
            continue;
        }
        bytes = strcspn(word, "=");
        flag =
            strncmp(word, "--", 2) == 0 ? find_flag(word + 2, bytes - 2) : NULL;
        if (flag == NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "no option '%s'; a command's own come behind "
                                "--",
                                word);
        if (flag->placeholder != NULL && word[bytes] == '=')
            value = word + bytes + 1;
        else if (flag->placeholder != NULL && ++i < argc)
            value = argv[i];
        else if (flag->placeholder != NULL)
            return bx_error_set(err, BX_ERR_INVALID, "--%s takes a value: %s",
                                flag->name, flag->placeholder);
        if (take_flag(entry, flag, value == NULL ? "" : value, err) < 0)
            return -1;
    }
    return i < argc ? i + 1 : argc;
}

static int put_command(json_t *entry, int count, char **words, bx_error **err)
{
    if (count == 0)
        return 0;
    if (json_object_set_new(entry, "command", json_string(words[0])) < 0)
        return bx_error_set(err, BX_ERR_INVALID, "the command is no UTF-8");
    for (int i = 1; i < count; i++) {
        if (put_word(entry, "args", words[i], err) < 0)
            return -1;
    }
    return 0;
}

static int add(json_t *entry, int argc, char **argv, bx_error **err)
{
    const bx_servers_place place = { 0 };
    const char *name = NULL;
    bool wants_help = false;
    int rest = take_flags(entry, argc, argv, &name, &wants_help, err);

    if (rest < 0)
        return -1;
    if (wants_help) {
        print_help();
        return 0;
    }
    if (name == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "expected a name for the server, such as: boxagnts "
                            "mcp add search -- search-mcp");
    if (put_command(entry, argc - rest, argv + rest, err) < 0 ||
        bx_remote_servers_add(&place, name, entry, err) < 0)
        return -1;
    printf("added '%s'; `boxagnts mcp approve %s` starts it and shows its "
           "tools\n",
           name, name);
    return 0;
}

int bx_mcp_add_run(int argc, char **argv)
{
    json_t *entry = json_object();
    bx_error *err = NULL;
    int result =
        entry == NULL ? bx_error_set_nomem(&err) : add(entry, argc, argv, &err);

    json_decref(entry);
    return result < 0 ? bx_cli_fail(bx_error_code(err) == BX_ERR_INVALID
                                        ? BX_EXIT_USAGE
                                        : BX_EXIT_FAILED,
                                    err)
                      : 0;
}
