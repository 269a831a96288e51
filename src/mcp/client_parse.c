#include "mcp/client_parse.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json_text.h"

#define MAX_WORDS 256
#define MAX_WORD_BYTES 16384
#define MAX_TIMEOUT_S 3600
#define MAX_MEMORY_MIB (1 << 24)

typedef struct bx_entry_reader {
    bx_remote_server *server;
    const bx_server_origin *origin;
    const char *key; /* at hand */
    bx_error **err;
} bx_entry_reader;

static int refuse(const bx_entry_reader *in, const char *expected)
{
    return bx_error_set(in->err, BX_ERR_INVALID, "\"%s\": expected %s", in->key,
                        expected);
}

/* ---- values ---------------------------------------------------------- */

static bool is_word(const json_t *value)
{
    return json_is_string(value) &&
           json_string_length(value) <= MAX_WORD_BYTES &&
           strlen(json_string_value(value)) == json_string_length(value);
}

static int take_text(const bx_entry_reader *in, const json_t *value,
                     char **ret_text)
{
    if (!is_word(value) || json_string_length(value) == 0)
        return refuse(in, "text of at most 16384 bytes, without a NUL");
    free(*ret_text);
    *ret_text = strdup(json_string_value(value));
    return *ret_text == NULL ? bx_error_set_nomem(in->err) : 0;
}

static int take_bool(const bx_entry_reader *in, const json_t *value,
                     bool *ret_bool)
{
    if (!json_is_boolean(value))
        return refuse(in, "true or false");
    *ret_bool = json_is_true(value);
    return 0;
}

static int take_words(const bx_entry_reader *in, const json_t *value,
                      bx_server_words *words)
{
    size_t i;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) > MAX_WORDS)
        return refuse(in, "an array of at most 256 texts");
    words->items = calloc(json_array_size(value) + 1, sizeof(char *));
    if (words->items == NULL)
        return bx_error_set_nomem(in->err);
    json_array_foreach(value, i, item)
    {
        if (!is_word(item))
            return refuse(in, "an array of texts of at most 16384 bytes each, "
                              "without a NUL");
        words->items[words->count] = strdup(json_string_value(item));
        if (words->items[words->count] == NULL)
            return bx_error_set_nomem(in->err);
        words->count++;
    }
    return 0;
}

/* What a variable or a header may be called. */
static bool is_pair_name(const char *name, bool is_header)
{
    static const char env[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789_";
    static const char header[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789"
                                 "!#$%&'*+-.^_`|~"; /* RFC 9110 5.6.2 */
    size_t bytes = strlen(name);

    return bytes > 0 && bytes <= 256 &&
           strspn(name, is_header ? header : env) == bytes;
}

static int take_pairs(const bx_entry_reader *in, const json_t *value,
                      bool is_header, bx_server_pairs *pairs)
{
    const char *name;
    json_t *item;

    if (!json_is_object(value) || json_object_size(value) > MAX_WORDS)
        return refuse(in, "an object of at most 256 texts, such as "
                          "{\"NAME\": \"value\", \"KEY\": \"${KEY}\"}");
    pairs->items = calloc(json_object_size(value) + 1, sizeof(*pairs->items));
    if (pairs->items == NULL)
        return bx_error_set_nomem(in->err);
    json_object_foreach((json_t *)value, name, item)
    {
        bx_server_pair *pair = &pairs->items[pairs->count];

        if (!is_pair_name(name, is_header) || !is_word(item) ||
            (is_header && strpbrk(json_string_value(item), "\r\n") != NULL))
            return refuse(in, is_header
                                  ? "names of headers, and texts of one line"
                                  : "names of variables, and texts");
        pairs->count++;
        pair->name = strdup(name);
        pair->value = strdup(json_string_value(item));
        if (pair->name == NULL || pair->value == NULL)
            return bx_error_set_nomem(in->err);
    }
    return 0;
}

/* Absolute, of the home folder, or of the workspace. */
static char *full_path(const bx_entry_reader *in, const char *path)
{
    const char *home = getenv("HOME");
    char *text = NULL;
    int length;

    if (path[0] == '/')
        return strdup(path);
    if (strncmp(path, "~/", 2) == 0 && home != NULL && home[0] == '/')
        length = asprintf(&text, "%s/%s", home, path + 2);
    else if (strcmp(path, ".") == 0)
        return strdup(in->origin->workspace);
    else
        length = asprintf(&text, "%s/%s", in->origin->workspace, path);
    return length < 0 ? NULL : text;
}

static bool is_beneath(const char *path, const char *dir)
{
    size_t bytes = strlen(dir);

    return strncmp(path, dir, bytes) == 0 &&
           (path[bytes] == '/' || path[bytes] == '\0');
}

/* Of an absolute path. */
static bool goes_up(const char *path)
{
    for (const char *at = strstr(path, "/.."); at != NULL;
         at = strstr(at + 1, "/..")) {
        if (at[3] == '/' || at[3] == '\0')
            return true;
    }
    return false;
}

static int take_paths(const bx_entry_reader *in, const json_t *value,
                      bx_server_words *words)
{
    if (take_words(in, value, words) < 0)
        return -1;
    for (size_t i = 0; i < words->count && words->items[i] != NULL; i++) {
        char *full = full_path(in, words->items[i]);

        if (full == NULL)
            return bx_error_set_nomem(in->err);
        free(words->items[i]);
        words->items[i] = full;
        /* Where links lead is looked at when it is started. */
        if (in->origin->is_workspace &&
            (!is_beneath(full, in->origin->workspace) || goes_up(full)))
            return refuse(in, "paths of the workspace, in a file that came "
                              "with it; a server that needs others belongs "
                              "into your own mcp.json");
        if (is_beneath(in->origin->workspace, full))
            in->server->has_workspace = true;
    }
    return 0;
}

/* ---- keys ------------------------------------------------------------ */

static int read_command(bx_entry_reader *in, const json_t *value)
{
    return take_text(in, value, &in->server->command);
}

static int read_args(bx_entry_reader *in, const json_t *value)
{
    return take_words(in, value, &in->server->args);
}

static int read_env(bx_entry_reader *in, const json_t *value)
{
    return take_pairs(in, value, false, &in->server->env);
}

static int read_url(bx_entry_reader *in, const json_t *value)
{
    return take_text(in, value, &in->server->url);
}

static int read_headers(bx_entry_reader *in, const json_t *value)
{
    return take_pairs(in, value, true, &in->server->headers);
}

/* How a person has us known where tokens are made. */
static int read_oauth(bx_entry_reader *in, const json_t *value)
{
    static const char *const names[] = { "client_id", "client_secret", "scope",
                                         "port" };
    const char *name;
    json_t *item;

    json_object_foreach((json_t *)value, name, item)
    {
        size_t i = 0;

        while (i < 4 && strcmp(names[i], name) != 0)
            i++;
        if (i == 4)
            return refuse(in, "client_id, client_secret, scope and port, each "
                              "a text");
    }
    return take_pairs(in, value, false, &in->server->oauth);
}

static int read_network(bx_entry_reader *in, const json_t *value)
{
    return take_bool(in, value, &in->server->is_network);
}

static int read_read(bx_entry_reader *in, const json_t *value)
{
    return take_paths(in, value, &in->server->read);
}

static int read_write(bx_entry_reader *in, const json_t *value)
{
    return take_paths(in, value, &in->server->write);
}

static int read_private(bx_entry_reader *in, const json_t *value)
{
    return take_bool(in, value, &in->server->is_private);
}

static int read_disabled(bx_entry_reader *in, const json_t *value)
{
    return take_bool(in, value, &in->server->is_off);
}

static int read_trust(bx_entry_reader *in, const json_t *value)
{
    return take_bool(in, value, &in->server->trusts_annotations);
}

static int read_timeout(bx_entry_reader *in, const json_t *value)
{
    double seconds = json_number_value(value);

    if (!json_is_number(value) || seconds < 1 || seconds > MAX_TIMEOUT_S)
        return refuse(in, "seconds, 1 to 3600");
    in->server->timeout_ms = (uint64_t)(seconds * 1000);
    return 0;
}

/* An engine that reserves more than it uses wants more, or no limit. */
static int read_memory(bx_entry_reader *in, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > MAX_MEMORY_MIB)
        return refuse(in, "MiB of memory for each process, or 0 for no limit");
    in->server->memory_bytes = (uint64_t)json_integer_value(value) << 20;
    return 0;
}

static int read_level(bx_entry_reader *in, const json_t *value)
{
    if (!is_word(value) ||
        bx_level_parse(json_string_value(value), &in->server->level, NULL) < 0)
        return refuse(in, "none, read_only, write, execute, dangerous or "
                          "forbidden");
    in->server->has_level = true;
    return 0;
}

static int read_levels(bx_entry_reader *in, const json_t *value)
{
    const char *name;
    json_t *item;
    bx_level level;

    if (!json_is_object(value) || json_object_size(value) > MAX_WORDS)
        return refuse(in, "an object such as {\"TOOL\": \"read_only\"}");
    json_object_foreach((json_t *)value, name, item)
    {
        if (!is_word(item) ||
            bx_level_parse(json_string_value(item), &level, NULL) < 0)
            return refuse(in, "for each tool none, read_only, write, execute, "
                              "dangerous or forbidden");
    }
    in->server->levels = json_deep_copy(value);
    return in->server->levels == NULL ? bx_error_set_nomem(in->err) : 0;
}

/* "stdio", "http", "sse", as other clients write it: what it says of itself
 * shows in the other keys. */
static int read_type(bx_entry_reader *in, const json_t *value)
{
    const char *type = is_word(value) ? json_string_value(value) : "";

    if (strcmp(type, "sse") == 0)
        return bx_error_set(in->err, BX_ERR_INVALID,
                            "\"type\": the transport \"sse\" of 2024-11-05 is "
                            "not spoken here; expected \"stdio\" or \"http\"");
    if (strcmp(type, "stdio") == 0 || strcmp(type, "http") == 0 ||
        strcmp(type, "streamable-http") == 0)
        return 0;
    return refuse(in, "\"stdio\" or \"http\"");
}

/* Of other clients, who would have calls approved by it: not here. */
static int skip(bx_entry_reader *in, const json_t *value)
{
    (void)in;
    (void)value;
    return 0;
}

static const struct {
    const char *name;
    int (*read)(bx_entry_reader *in, const json_t *value);
} keys[] = {
    { "command", read_command },
    { "args", read_args },
    { "env", read_env },
    { "url", read_url },
    { "headers", read_headers },
    { "private", read_private },
    { "oauth", read_oauth },
    { "network", read_network },
    { "read", read_read },
    { "write", read_write },
    { "level", read_level },
    { "levels", read_levels },
    { "trust_annotations", read_trust },
    { "timeout", read_timeout },
    { "memory", read_memory },
    { "disabled", read_disabled },
    { "type", read_type },
    { "description", skip },
    { "autoApprove", skip },
    { "alwaysAllow", skip },
};
#define KEYS_COUNT (sizeof(keys) / sizeof(keys[0]))

static int read_keys(bx_entry_reader *in, const json_t *entry)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)entry, name, value)
    {
        size_t i = 0;

        while (i < KEYS_COUNT && strcmp(keys[i].name, name) != 0)
            i++;
        if (i == KEYS_COUNT) {
            bx_autobuf bx_buf shown = BX_BUF_INIT;

            if (bx_buf_put_escaped(&shown, name, strlen(name), 64) < 0)
                return bx_error_set_nomem(in->err);
            return bx_error_set(
                in->err, BX_ERR_INVALID,
                "unknown key \"%s\"; expected command, args, env, network, "
                "read, write, url, headers, private, oauth, level, levels, "
                "trust_annotations, timeout, memory or disabled",
                shown.data);
        }
        in->key = name;
        if (keys[i].read(in, value) < 0)
            return -1;
    }
    return 0;
}

/* ---- the whole ------------------------------------------------------- */

static int check(const bx_entry_reader *in)
{
    const bx_remote_server *server = in->server;

    if ((server->command == NULL) == (server->url == NULL))
        return bx_error_set(in->err, BX_ERR_INVALID,
                            "expected either \"command\" or \"url\"");
    if (server->url != NULL && strncmp(server->url, "https://", 8) != 0 &&
        strncmp(server->url, "http://", 7) != 0)
        return bx_error_set(in->err, BX_ERR_INVALID,
                            "\"url\": expected https:// or http://");
    if (server->url != NULL &&
        (server->args.count > 0 || server->env.count > 0 ||
         server->read.count > 0 || server->write.count > 0))
        return bx_error_set(in->err, BX_ERR_INVALID,
                            "\"args\", \"env\", \"read\" and \"write\" are for "
                            "servers with \"command\"");
    if (server->command != NULL &&
        (server->is_private || server->oauth.count > 0))
        return bx_error_set(in->err, BX_ERR_INVALID,
                            "\"private\" and \"oauth\" are for servers with "
                            "\"url\"");
    if (server->command != NULL && server->headers.count > 0)
        return bx_error_set(in->err, BX_ERR_INVALID,
                            "\"headers\" are for servers with \"url\"");
    return 0;
}

/* What it is that was approved, when its tools are. */
static int set_identity(bx_remote_server *server)
{
    json_t *words = json_array();
    json_t *identity;

    for (size_t i = 0; i < server->args.count; i++)
        json_array_append_new(words, json_string(server->args.items[i]));
    identity = server->url != NULL ? json_pack("{s:s}", "url", server->url)
                                   : json_pack("{s:s, s:O}", "command",
                                               server->command, "args", words);
    server->identity = bx_json_text(identity, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(identity);
    json_decref(words);
    return server->identity == NULL ? -1 : 0;
}

/* A workspace's server has its folder by workspace: names repeat. */
static int set_home(bx_remote_server *server, const bx_server_origin *origin)
{
    uint8_t digest[BX_DIGEST_BYTES];
    char text[65] = "";
    int length;

    if (origin->state_dir == NULL || server->url != NULL)
        return 0;
    bx_sha256(origin->workspace, strlen(origin->workspace), digest);
    bx_digest_format(digest, text);
    length = origin->is_workspace
                 ? asprintf(&server->home, "%s/mcp/%s@%.12s", origin->state_dir,
                            server->name, text)
                 : asprintf(&server->home, "%s/mcp/%s", origin->state_dir,
                            server->name);
    if (length < 0)
        server->home = NULL;
    return length < 0 ? -1 : 0;
}

bool bx_remote_server_name_is_valid(const char *name)
{
    size_t bytes = strlen(name);

    return bytes >= 1 && bytes <= BX_SERVER_NAME_MAX && name[0] != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789_-") == bytes;
}

bx_remote_server *bx_remote_server_parse(const char *name, const json_t *entry,
                                         const bx_server_origin *origin,
                                         bx_error **err)
{
    bx_remote_server *server = calloc(1, sizeof(*server));
    bx_entry_reader in = { server, origin, "", err };
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    int failed = 0;

    if (server == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    server->name = strdup(name);
    if (server->name == NULL ||
        bx_buf_put_escaped(&shown, name, strlen(name), 64) < 0)
        failed = bx_error_set_nomem(err);
    if (failed == 0) {
        server->is_workspace = origin->is_workspace;
        server->timeout_ms = BX_SERVER_TIMEOUT_MS;
        server->memory_bytes = BX_SERVER_MEMORY_BYTES;
        if (!bx_remote_server_name_is_valid(name))
            failed = bx_error_set(err, BX_ERR_INVALID,
                                  "the name: expected 1 to %d letters, digits, "
                                  "'-' and '_'",
                                  BX_SERVER_NAME_MAX);
        else if (!json_is_object(entry))
            failed = bx_error_set(err, BX_ERR_INVALID, "expected an object");
    }
    if (failed == 0 && (read_keys(&in, entry) < 0 || check(&in) < 0))
        failed = -1;
    if (failed == 0 &&
        (set_identity(server) < 0 || set_home(server, origin) < 0 ||
         (server->is_workspace &&
          (server->within = strdup(origin->workspace)) == NULL) ||
         (server->has_workspace &&
          (server->workspace = strdup(origin->workspace)) == NULL)))
        failed = bx_error_set_nomem(err);
    if (failed == 0)
        return server;
    if (shown.data != NULL)
        bx_error_wrap(err, "server '%s'", shown.data);
    bx_remote_server_free(server);
    return NULL;
}
