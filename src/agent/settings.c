/* Reading the files and keeping in mind who said what. The user writes theirs
 * by hand and with mistakes; the workspace's is a stranger's. Both are checked
 * whole before an agent begins. */
#include "agent/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/settings_key.h"
#include "agent/settings_trust.h"
#include "agent/workspace_file.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/user_dir.h"
#include "policy/text.h"
#include "policy/yaml_json.h"

typedef struct reader {
    const char *name; /* in messages */
    bx_settings_layer layer;
    const bx_models *models;
    json_t *problems; /* borrowed */
    json_t *value;    /* owned, both */
    json_t *lines;
    bx_settings *settings;
    bx_error **err;
} reader;

static void clear_reader(reader *in)
{
    json_decref(in->value);
    json_decref(in->lines);
}
#define autoreader __attribute__((cleanup(clear_reader)))

void bx_settings_clear(bx_settings *settings)
{
    free(settings->model);
    bx_rules_free(settings->rules);
    free(settings->system);
    free(settings->policy);
    json_decref(settings->said);
    *settings = (bx_settings){ 0 };
}

/* ---- who said what --------------------------------------------------- */

/* Rules are all kept, of other keys the last. */
static int remember(bx_settings *settings, const bx_settings_key *key,
                    const char *text, const char *origin, bx_error **err)
{
    json_t *entry = json_pack("{s:s, s:s, s:s}", "key", key->name, "value",
                              text, "from", origin);
    size_t i = json_array_size(settings->said);
    json_t *before;
    int result;

    if (!key->is_list) {
        json_array_foreach(settings->said, i, before)
        {
            if (strcmp(json_string_value(json_object_get(before, "key")),
                       key->name) == 0)
                break;
        }
    }
    result = i < json_array_size(settings->said)
                 ? json_array_set_new(settings->said, i, entry)
                 : json_array_append_new(settings->said, entry);
    return result < 0 ? bx_error_set_nomem(err) : 0;
}

static int put_default(json_t *list, const bx_settings *settings,
                       const bx_settings_key *key)
{
    char text[32] = "";

    return json_array_append_new(
        list, json_pack("{s:s, s:s, s:s}", "key", key->name, "value",
                        bx_settings_key_default(key, settings, text), "from",
                        "default"));
}

json_t *bx_settings_explain(const bx_settings *settings, bx_error **err)
{
    json_t *list = json_array();
    bool is_made = list != NULL;

    for (size_t i = 0; is_made && i < bx_settings_keys_count; i++) {
        const bx_settings_key *key = &bx_settings_keys[i];
        size_t before = json_array_size(list);
        json_t *entry;
        size_t j;

        json_array_foreach(settings->said, j, entry)
        {
            if (is_made &&
                strcmp(json_string_value(json_object_get(entry, "key")),
                       key->name) == 0)
                is_made = json_array_append(list, entry) == 0;
        }
        if (is_made && json_array_size(list) == before && !key->is_list)
            is_made = put_default(list, settings, key) == 0;
    }
    if (is_made)
        return list;
    json_decref(list);
    (void)bx_error_set_nomem(err);
    return NULL;
}

/* ---- values ---------------------------------------------------------- */

/* "FILE: line N: budget/turns: " before the message of an error. */
static int wrap(const reader *in, const char *pointer, bx_error **err)
{
    return bx_error_wrap(err, "%s: line %zu: %s", in->name,
                         bx_yaml_line(in->lines, pointer), pointer + 1);
}

static int refuse(const reader *in, const char *pointer, const char *expected)
{
    return bx_error_set(in->err, BX_ERR_INVALID, "%s: line %zu: %s%s%s",
                        in->name, bx_yaml_line(in->lines, pointer),
                        pointer[0] == '/' ? pointer + 1 : "",
                        pointer[0] == '/' ? ": " : "", expected);
}

static void notice(const reader *in, const char *pointer, const char *reason)
{
    bx_autoerror bx_error *error = NULL;

    (void)bx_error_set(&error, BX_ERR_DENIED, "left out: %s", reason);
    (void)wrap(in, pointer, &error);
    bx_problems_add(in->problems, error);
}

static int take(const reader *in, const bx_settings_key *key,
                const char *pointer, const char *text)
{
    bx_settings_value value = { .text = text };
    bx_autofree char *origin = NULL;
    const char *reason = NULL;
    char room[128];

    if (key->parse(key, in->layer, &value, in->err) < 0)
        return wrap(in, pointer, in->err);
    if (in->layer == BX_SETTINGS_WORKSPACE)
        reason = key->refuse(key, in->settings, in->models, &value, room);
    if (reason != NULL) {
        notice(in, pointer, reason);
        return 0;
    }
    if (asprintf(&origin, "%s:%zu", in->name,
                 bx_yaml_line(in->lines, pointer)) < 0) {
        origin = NULL;
        return bx_error_set_nomem(in->err);
    }
    if (key->store(key, in->settings, &value, in->err) < 0)
        return wrap(in, pointer, in->err);
    return remember(in->settings, key, text, origin, in->err);
}

/* A number may be written as one. */
static int take_scalar(const reader *in, const bx_settings_key *key,
                       const char *pointer, const json_t *value)
{
    bx_autofree char *number = NULL;

    if (json_is_string(value))
        return take(in, key, pointer, json_string_value(value));
    if (!json_is_number(value))
        return refuse(in, pointer, "expected one value, a text or a number");
    number = bx_json_text(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (number == NULL)
        return bx_error_set_nomem(in->err);
    return take(in, key, pointer, number);
}

static int take_list(const reader *in, const bx_settings_key *key,
                     const char *pointer, const json_t *value)
{
    char place[128];
    json_t *item;
    size_t i;

    if (!json_is_array(value) || json_array_size(value) > BX_RULES_MAX)
        return refuse(in, pointer,
                      "expected a list of at most 1000 rules, such as "
                      "[\"bash(git status)\", web-fetch]");
    json_array_foreach(value, i, item)
    {
        (void)snprintf(place, sizeof(place), "%s/%zu", pointer, i);
        if (!json_is_string(item))
            return refuse(in, place, "expected a rule as text");
        if (take_scalar(in, key, place, item) < 0)
            return -1;
    }
    return 0;
}

/* ---- keys ------------------------------------------------------------ */

/* The part of a key's name that stands in the mapping prefix; NULL: elsewhere.
 * bytes: without what is beneath it. */
static const char *part_of(const bx_settings_key *key, const char *prefix,
                           size_t *bytes)
{
    size_t skip = strlen(prefix);

    if (strncmp(key->name, prefix, skip) != 0)
        return NULL;
    *bytes = strcspn(key->name + skip, "/");
    return key->name + skip;
}

/* JSON pointers write '~' and '/' of a name otherwise. */
static int put_pointer(bx_buf *place, const char *prefix, const char *name)
{
    if (bx_buf_printf(place, "/%s", prefix) < 0)
        return -1;
    for (; *name != '\0'; name++) {
        if (*name == '~' || *name == '/') {
            if (bx_buf_puts(place, *name == '~' ? "~0" : "~1") < 0)
                return -1;
        } else if (bx_buf_append(place, name, 1, SIZE_MAX) < 0) {
            return -1;
        }
    }
    return 0;
}

static int refuse_unknown(const reader *in, const char *prefix,
                          const char *name)
{
    bx_autofree char *shown = bx_text_show(name);
    bx_autobuf bx_buf expected = BX_BUF_INIT;
    bx_autobuf bx_buf place = BX_BUF_INIT;
    char nearest[64] = "";
    char last[64] = "";
    unsigned least = 4; /* edits: further off is a guess at random */

    for (size_t i = 0; i < bx_settings_keys_count; i++) {
        size_t bytes = 0;
        const char *part = part_of(&bx_settings_keys[i], prefix, &bytes);
        char word[64];
        unsigned distance;

        if (part == NULL)
            continue;
        (void)snprintf(word, sizeof(word), "%.*s", (int)bytes, part);
        if (strcmp(word, last) == 0)
            continue;
        (void)memcpy(last, word, sizeof(last));
        distance = bx_text_distance(name, word);
        if (distance < least && distance * 2 <= bytes) {
            least = distance;
            (void)memcpy(nearest, word, sizeof(nearest));
        }
        (void)bx_buf_printf(&expected, "%s%s",
                            expected.len == 0 ? "expected " : ", ", word);
    }
    if (put_pointer(&place, prefix, name) < 0)
        return bx_error_set_nomem(in->err);
    if (nearest[0] != '\0')
        return bx_error_set(in->err, BX_ERR_INVALID,
                            "%s: line %zu: unknown key %s; did you mean '%s'?",
                            in->name, bx_yaml_line(in->lines, place.data),
                            BX_SHOWN(shown), nearest);
    return bx_error_set(in->err, BX_ERR_INVALID,
                        "%s: line %zu: unknown key %s; %s", in->name,
                        bx_yaml_line(in->lines, place.data), BX_SHOWN(shown),
                        expected.data == NULL ? "" : expected.data);
}

/* Is there a key beneath prefix of this name, itself or a mapping? */
static bool is_known(const char *prefix, const char *name)
{
    for (size_t i = 0; i < bx_settings_keys_count; i++) {
        size_t bytes = 0;
        const char *part = part_of(&bx_settings_keys[i], prefix, &bytes);

        if (part != NULL && strlen(name) == bytes &&
            memcmp(part, name, bytes) == 0)
            return true;
    }
    return false;
}

static int check_names(const reader *in, const json_t *object,
                       const char *prefix)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)object, name, member)
    {
        if (!is_known(prefix, name))
            return refuse_unknown(in, prefix, name);
    }
    return 0;
}

/* In the table's order, whatever the file's is: rules depend on it. */
static int take_all(const reader *in)
{
    for (size_t i = 0; i < bx_settings_keys_count; i++) {
        const bx_settings_key *key = &bx_settings_keys[i];
        const char *slash = strchr(key->name, '/');
        const json_t *holder = in->value;
        const json_t *value;
        char place[64];
        int result;

        if (slash != NULL)
            holder = json_object_getn(in->value, key->name,
                                      (size_t)(slash - key->name));
        value = json_object_get(holder, slash == NULL ? key->name : slash + 1);
        if (value == NULL)
            continue;
        (void)snprintf(place, sizeof(place), "/%s", key->name);
        result = key->is_list ? take_list(in, key, place, value)
                              : take_scalar(in, key, place, value);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int read_mapping(const reader *in, const char *name, const char *prefix)
{
    const json_t *value = json_object_get(in->value, name);
    char place[16];

    if (value == NULL)
        return 0;
    (void)snprintf(place, sizeof(place), "/%s", name);
    if (!json_is_object(value))
        return refuse(in, place,
                      strcmp(name, "rules") == 0
                          ? "expected a mapping of lists, such as 'refuse: "
                            "[bash]'"
                          : "expected a mapping, such as 'turns: 50'");
    return check_names(in, value, prefix);
}

/* ---- files ----------------------------------------------------------- */

static int read_text(reader *in, const char *text, size_t bytes)
{
    if (bx_yaml_parse(text, bytes, in->name, BX_SETTINGS_MAX_BYTES, &in->value,
                      &in->lines, in->err) < 0)
        return -1;
    if (json_is_null(in->value))
        return 0;
    if (!json_is_object(in->value))
        return refuse(in, "", "expected a mapping, such as 'mode: reads'");
    if (check_names(in, in->value, "") < 0 ||
        read_mapping(in, "budget", "budget/") < 0 ||
        read_mapping(in, "rules", "rules/") < 0)
        return -1;
    return take_all(in);
}

/* What is not there says nothing. As the table of models, it may be a link to
 * where the user keeps such files; what it leads to must be theirs. */
static int read_user(bx_settings *settings, json_t *problems, bx_error **err)
{
    bx_autofree char *path = bx_user_config_path(BX_SETTINGS_FILE);
    autoreader reader in = { .name = path,
                             .layer = BX_SETTINGS_USER,
                             .problems = problems,
                             .settings = settings,
                             .err = err };
    bx_autofree char *text = NULL;
    bx_autofd int folder = -1;
    bx_autofd int fd = -1;
    size_t bytes = 0;

    if (path == NULL)
        return 0; /* no home: nothing is the user's */
    if (bx_workspace_open_user(&folder, err) < 0)
        return -1;
    if (folder < 0)
        return 0;
    fd = openat(folder, BX_SETTINGS_FILE,
                O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (bx_user_check_owner(fd, path, 0022, err) < 0 ||
        bx_file_read_fd(fd, path, BX_SETTINGS_MAX_BYTES, &text, &bytes, err) <
            0)
        return -1;
    return read_text(&in, text, bytes);
}

/* A file of the workspace's folder; *ret_text NULL: it is not there. */
static int find_file(const char *workspace, int fd, const char *path,
                     char **ret_text, size_t *ret_bytes, bx_trust *ret_trust,
                     bx_error **err)
{
    bx_autoerror bx_error *error = NULL;

    *ret_text = NULL;
    *ret_bytes = 0;
    if (bx_workspace_file_read(fd, path, BX_SETTINGS_MAX_BYTES, ret_text,
                               ret_bytes, &error) < 0 &&
        bx_error_code(error) != BX_ERR_NOT_FOUND) {
        if (err != NULL)
            *err = bx_take(error);
        return -1;
    }
    if (bx_trust_find(workspace, strrchr(path, '/') + 1, *ret_text, *ret_bytes,
                      ret_trust, err) < 0)
        return -1;
    if (*ret_trust != BX_TRUST_OTHER)
        return 0;
    return bx_error_set(err, BX_ERR_DENIED,
                        "%s is %s; look at it, then 'boxagnts init --trust' "
                        "approves it as it is, 'boxagnts init --distrust' "
                        "forgets that you did",
                        path,
                        *ret_text == NULL ? "gone, and you approved it"
                                          : "not what you approved");
}

static int read_agent_file(const char *workspace, int fd, reader *in)
{
    bx_autofree char *text = NULL;
    bx_trust trust = BX_TRUST_NONE;
    size_t bytes = 0;

    if (find_file(workspace, fd, in->name, &text, &bytes, &trust, in->err) < 0)
        return -1;
    if (text == NULL)
        return 0;
    if (trust == BX_TRUST_SAME)
        in->layer = BX_SETTINGS_USER;
    return read_text(in, text, bytes);
}

/* The policy itself is read by who opens the agent. */
static int find_policy(const char *workspace, int fd, const reader *in)
{
    static const char path[] = BX_SETTINGS_WORKSPACE_POLICY;
    bx_autoerror bx_error *problem = NULL;
    bx_autofree char *text = NULL;
    bx_autofree char *whole = NULL;
    bx_trust trust = BX_TRUST_NONE;
    bx_settings_value value;
    size_t bytes = 0;

    if (find_file(workspace, fd, path, &text, &bytes, &trust, in->err) < 0)
        return -1;
    if (text == NULL)
        return 0;
    if (trust == BX_TRUST_NONE) {
        (void)bx_error_set(&problem, BX_ERR_DENIED,
                           "%s: left out, since you did not approve it; look "
                           "at it, then 'boxagnts init --trust' does",
                           path);
        bx_problems_add(in->problems, problem);
        return 0;
    }
    if (asprintf(&whole, "%s/%s", workspace, path) < 0) {
        whole = NULL;
        return bx_error_set_nomem(in->err);
    }
    value = (bx_settings_value){ .text = whole };
    if (bx_settings_key_find("policy")->store(
            bx_settings_key_find("policy"), in->settings, &value, in->err) < 0)
        return -1;
    return remember(in->settings, bx_settings_key_find("policy"), whole, path,
                    in->err);
}

static int read_workspace(const char *workspace, const bx_models *models,
                          bx_settings *settings, json_t *problems,
                          bx_error **err)
{
    autoreader reader in = { .name = BX_SETTINGS_WORKSPACE_FILE,
                             .layer = BX_SETTINGS_WORKSPACE,
                             .models = models,
                             .problems = problems,
                             .settings = settings,
                             .err = err };
    bx_autofd int fd = -1;

    if (workspace == NULL)
        return 0;
    fd = bx_workspace_open(workspace, err);
    if (fd < 0)
        return -1;
    if (find_policy(workspace, fd, &in) < 0)
        return -1;
    return read_agent_file(workspace, fd, &in);
}

int bx_settings_load(const char *workspace, const bx_models *models,
                     bx_mode mode, json_t *problems, bx_settings *ret_settings,
                     bx_error **err)
{
    bx_autosettings bx_settings settings = { .mode = mode,
                                             .default_mode = mode,
                                             .rules = bx_rules_new(),
                                             .said = json_array() };

    if (settings.rules == NULL || settings.said == NULL)
        return bx_error_set_nomem(err);
    if (read_user(&settings, problems, err) < 0 ||
        read_workspace(workspace, models, &settings, problems, err) < 0)
        return -1;
    *ret_settings = settings;
    settings = (bx_settings){ 0 };
    return 0;
}

/* ---- flags ----------------------------------------------------------- */

int bx_settings_set(bx_settings *settings, const char *key, const char *value,
                    const char *origin, bx_error **err)
{
    const bx_settings_key *found = bx_settings_key_find(key);
    bx_settings_value parsed = { .text = value };

    if (found == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: '%.40s' is no key of settings", origin, key);
    if (found->parse(found, BX_SETTINGS_FLAG, &parsed, err) < 0 ||
        found->store(found, settings, &parsed, err) < 0)
        return bx_error_wrap(err, "%s", origin);
    return remember(settings, found, value, origin, err);
}
