/* From what servers say to entries of the table. Names are made here: a model's
 * API takes few characters, and no server gets to choose another's name. */
#include "tool/remote.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "tool/manifest_text.h"
#include "tool/remote_entry.h"
#include "tool/schema.h"

#define PREFIX "mcp-"
#define SERVER_BYTES 24 /* of its name in a tool's */
#define HASH_BYTES 8    /* hexadecimal digits behind a name that was changed */
#define TITLE_BYTES 128

/* ---- one tool, before its name is known ------------------------------ */

typedef struct bx_found {
    bx_remote_tool tool; /* what it points to is owned below */
    bx_remote *remote;
    json_t *definition;
    char *identity;
    char name[BX_TOOL_NAME_MAX + 1];
    bool is_changed; /* the name lost something */
} bx_found;

typedef struct bx_found_list {
    bx_found *items;
    size_t count;
    bool lacks_memory;
} bx_found_list;

void bx_remote_free(bx_remote *remote)
{
    if (remote == NULL)
        return;
    free(remote->server);
    free(remote->name);
    free(remote->place);
    free(remote);
}

static void free_list(bx_found_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        bx_remote_free(list->items[i].remote);
        json_decref(list->items[i].definition);
        free(list->items[i].identity);
    }
    free(list->items);
}

static bx_remote *make_remote(const bx_remote_tool *tool)
{
    bx_remote *remote = calloc(1, sizeof(*remote));
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (remote == NULL)
        return NULL;
    remote->is_workspace = tool->is_workspace;
    remote->server = strdup(tool->server);
    remote->name = strdup(tool->name);
    if (remote->server != NULL && remote->name != NULL &&
        bx_buf_printf(&shown, "mcp:%s/", tool->server) == 0 &&
        bx_buf_put_escaped(&shown, tool->name, strlen(tool->name), 256) == 0) {
        remote->place = bx_buf_take(&shown);
        return remote;
    }
    bx_remote_free(remote);
    return NULL;
}

static int take(void *context, const bx_remote_tool *tool)
{
    bx_found_list *list = context;
    bx_found *grown = realloc(list->items, (list->count + 1) * sizeof(*grown));
    bx_found *found;

    if (grown == NULL) {
        list->lacks_memory = true;
        return -1;
    }
    list->items = grown;
    found = &grown[list->count++];
    *found = (bx_found){ .tool = *tool,
                         .remote = make_remote(tool),
                         .definition = json_incref((json_t *)tool->definition),
                         .identity = strdup(tool->identity) };
    found->tool.definition = found->definition;
    found->tool.identity = found->identity;
    list->lacks_memory = found->remote == NULL || found->identity == NULL;
    return list->lacks_memory ? -1 : 0;
}

/* ---- names ----------------------------------------------------------- */

/* text, with '-' for what a name cannot have. */
static bool put_part(char *name, size_t *length, const char *text, size_t most)
{
    bool is_changed = false;
    size_t used = 0;

    for (; *text != '\0' && *length < BX_TOOL_NAME_MAX && used < most;
         text++, used++) {
        bool is_fit =
            isascii((unsigned char)*text) &&
            (isalnum((unsigned char)*text) || *text == '_' || *text == '-');

        name[(*length)++] = is_fit ? *text : '-';
        is_changed |= !is_fit;
    }
    name[*length] = '\0';
    return is_changed || *text != '\0';
}

static void make_name(bx_found *found)
{
    size_t length = strlen(PREFIX);

    memcpy(found->name, PREFIX, sizeof(PREFIX));
    found->is_changed = found->tool.is_ambiguous;
    found->is_changed |=
        put_part(found->name, &length, found->remote->server, SERVER_BYTES);
    (void)put_part(found->name, &length, "-", 1);
    found->is_changed |=
        put_part(found->name, &length, found->remote->name, BX_TOOL_NAME_MAX);
}

/* A digest of both names tells apart what the letters left no longer do. */
static void mark_name(bx_found *found)
{
    bx_sha256_parts parts;
    uint8_t digest[BX_DIGEST_BYTES];
    char text[65];
    size_t length = strlen(found->name);

    bx_sha256_begin(&parts);
    bx_sha256_add(&parts, found->remote->server,
                  strlen(found->remote->server) + 1);
    bx_sha256_add(&parts, found->remote->name, strlen(found->remote->name));
    bx_sha256_end(&parts, digest);
    bx_digest_format(digest, text);
    if (length > BX_TOOL_NAME_MAX - HASH_BYTES - 1)
        length = BX_TOOL_NAME_MAX - HASH_BYTES - 1;
    snprintf(found->name + length, sizeof(found->name) - length, "-%.*s",
             HASH_BYTES, text);
}

static int compare_found(const void *left, const void *right)
{
    const bx_found *a = *(bx_found *const *)left;
    const bx_found *b = *(bx_found *const *)right;

    return bx_table_compare_names(a->name, b->name);
}

/* Whether a name is marked depends on its server alone: on its own name, and on
 * its other tools. */
static int settle_names(bx_found_list *list)
{
    bx_autofree bx_found **sorted = calloc(list->count + 1, sizeof(bx_found *));

    if (sorted == NULL)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        sorted[i] = &list->items[i];
        make_name(sorted[i]);
    }
    if (list->count > 0)
        qsort((void *)sorted, list->count, sizeof(bx_found *), compare_found);
    for (size_t i = 1; i < list->count; i++) {
        if (compare_found(&sorted[i - 1], &sorted[i]) == 0)
            sorted[i - 1]->is_changed = sorted[i]->is_changed = true;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].is_changed)
            mark_name(&list->items[i]);
    }
    return 0;
}

/* ---- manifests ------------------------------------------------------- */

/* What a person approves: all that was said, each thing by itself. */
static json_t *make_source(const bx_found *found)
{
    json_t *source = json_copy(found->definition);

    if (source == NULL)
        return NULL;
    if (json_object_set_new(source, "name", json_string(found->name)) < 0 ||
        json_object_set(source, "own_name",
                        json_object_get(found->definition, "name")) < 0 ||
        json_object_set_new(source, "server",
                            json_loads(found->identity, 0, NULL)) < 0) {
        json_decref(source);
        return NULL;
    }
    return source;
}

static char *clean(const json_t *value, size_t max_bytes, bool is_one_line)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (!json_is_string(value) ||
        bx_manifest_put_clean(&text, json_string_value(value),
                              json_string_length(value), max_bytes,
                              is_one_line) < 0 ||
        text.data == NULL || strspn(text.data, " \t\n") == text.len)
        return NULL;
    return bx_buf_take(&text);
}

/* A schema goes to the model as it is: its texts must show all they say. */
static int check_texts(const json_t *value, bx_error **err)
{
    const char *key;
    json_t *item;
    size_t i;
    const char *text = json_string_value(value);

    if (text != NULL && text[strspn(text, " \t\n")] != '\0')
        return bx_manifest_check_text(text, BX_REMOTE_DEFINITION_MAX_BYTES,
                                      false, err);
    json_object_foreach((json_t *)value, key, item)
    {
        if ((key[0] != '\0' &&
             bx_manifest_check_text(key, BX_REMOTE_DEFINITION_MAX_BYTES, true,
                                    err) < 0) ||
            check_texts(item, err) < 0)
            return -1;
    }
    json_array_foreach(value, i, item)
    {
        if (check_texts(item, err) < 0)
            return -1;
    }
    return 0;
}

static json_t *read_schema(const json_t *definition, const char *key,
                           bx_error **err)
{
    const json_t *schema = json_object_get(definition, key);
    const char *type = json_string_value(json_object_get(schema, "type"));
    json_t *copy;

    if (!json_is_object(schema)) {
        bx_error_set(err, BX_ERR_INVALID, "expected an object");
    } else if (type != NULL && strcmp(type, "object") != 0) {
        bx_error_set(err, BX_ERR_INVALID,
                     "expected \"type\": \"object\" at the top");
    } else if (check_texts(schema, err) == 0 &&
               bx_schema_check(schema, err) == 0) {
        copy = json_deep_copy(schema);
        if (copy != NULL &&
            json_object_set_new(copy, "type", json_string("object")) == 0)
            return copy;
        json_decref(copy);
        bx_error_set_nomem(err);
    }
    bx_error_wrap(err, "\"%s\"", key);
    return NULL;
}

static int read_schemas(const json_t *definition, bx_manifest *manifest,
                        bx_error **err)
{
    const json_t *output = json_object_get(definition, "outputSchema");

    manifest->input_schema = read_schema(definition, "inputSchema", err);
    if (manifest->input_schema == NULL)
        return -1;
    if (output == NULL || json_is_null(output))
        return 0;
    manifest->output_schema = read_schema(definition, "outputSchema", err);
    return manifest->output_schema == NULL ? -1 : 0;
}

static bx_manifest *make_manifest(const bx_found *found, json_t *source,
                                  bx_error **err)
{
    bx_automanifest bx_manifest *manifest = calloc(1, sizeof(*manifest));
    const json_t *definition = found->definition;
    const json_t *title = json_object_get(definition, "title");

    if (manifest == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (title == NULL)
        title = json_object_get(json_object_get(definition, "annotations"),
                                "title");
    manifest->name = strdup(found->name);
    manifest->title = clean(title, TITLE_BYTES, true);
    manifest->description = clean(json_object_get(definition, "description"),
                                  BX_MANIFEST_DESCRIPTION_MAX, false);
    if (manifest->description == NULL)
        manifest->description = strdup("(its server says nothing about it)");
    manifest->level = found->tool.level;
    manifest->grants = bx_grants_new();
    manifest->source = json_incref(source);
    if (manifest->name == NULL || manifest->description == NULL ||
        manifest->grants == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return read_schemas(definition, manifest, err) < 0 ? NULL
                                                       : bx_take(manifest);
}

/* ---- files and entries ----------------------------------------------- */

static bx_file *find_old(const bx_table *old, const bx_file *file,
                         bx_level level)
{
    bx_entry *entry = old == NULL ? NULL : bx_table_find(old, file->stem);

    if (entry == NULL || entry->file->remote == NULL ||
        strcmp(entry->file->digest, file->digest) != 0 ||
        strcmp(entry->file->remote->server, file->remote->server) != 0 ||
        strcmp(entry->file->remote->name, file->remote->name) != 0 ||
        entry->file->remote->is_workspace != file->remote->is_workspace ||
        entry->tool.manifest == NULL || entry->tool.manifest->level != level)
        return NULL;
    return entry->file;
}

static int fill(bx_file *file, const bx_found *found, json_t *source)
{
    bx_autoerror bx_error *why = NULL;
    bx_manifest *manifest = make_manifest(found, source, &why);

    if (manifest == NULL) {
        file->problem = strdup(bx_error_message(why));
        return file->problem == NULL ? -1 : 0;
    }
    file->manifests = calloc(1, sizeof(bx_manifest *));
    if (file->manifests == NULL) {
        bx_manifest_free(manifest);
        return -1;
    }
    file->manifests[file->manifests_count++] = manifest;
    return 0;
}

static int add_entry(bx_table *table, bx_file *file)
{
    bx_entry *entry =
        bx_entry_new(file, file->stem, BX_TOOL_REMOTE,
                     file->manifests_count == 0 ? NULL : file->manifests[0]);
    char *why = NULL;
    int result = entry == NULL ? -1 : 0;

    if (result == 0 && file->problem != NULL) {
        if (asprintf(&why, "its server '%s' describes it badly: %s",
                     file->remote->server, file->problem) < 0)
            result = -1;
        else
            bx_entry_refuse(entry, BX_TOOL_BROKEN, why);
    }
    if (result == 0)
        result = bx_table_add_entry(table, entry);
    bx_entry_unref(entry);
    return result;
}

static int add_found(const bx_table *old, bx_table *table, bx_found *found)
{
    json_t *source = make_source(found);
    bx_autofree char *text =
        bx_json_text(source, JSON_COMPACT | JSON_SORT_KEYS);
    bx_file *file = text == NULL ? NULL : bx_file_new(found->name);
    uint8_t digest[BX_DIGEST_BYTES];
    int result = -1;

    if (file != NULL) {
        bx_file *same;

        bx_sha256(text, strlen(text), digest);
        bx_digest_format(digest, file->digest);
        file->remote = bx_take(found->remote);
        same = find_old(old, file, found->tool.level);
        if (same == NULL && strlen(text) > BX_REMOTE_DEFINITION_MAX_BYTES)
            result = asprintf(&file->problem, "more than %u bytes",
                              BX_REMOTE_DEFINITION_MAX_BYTES) < 0
                         ? -1
                         : 0;
        else if (same == NULL)
            result = fill(file, found, source);
        else
            result = 0;
        if (result == 0)
            result = add_entry(table, same == NULL ? file : same);
    }
    json_decref(source);
    bx_file_unref(file);
    return result;
}

int bx_remote_scan(bx_registry *registry, const bx_table *old, bx_table *table,
                   bx_error **err)
{
    bx_found_list list = { 0 };
    int result = 0;

    pthread_rwlock_rdlock(&registry->remote_lock);
    if (registry->remote.list != NULL)
        result = registry->remote.list(registry->remote.context, take, &list);
    pthread_rwlock_unlock(&registry->remote_lock);
    if (result == 0)
        result = settle_names(&list);
    for (size_t i = 0; result == 0 && i < list.count; i++)
        result = add_found(old, table, &list.items[i]);
    free_list(&list);
    return result < 0 ? bx_error_set_nomem(err) : 0;
}

int bx_registry_set_remote(bx_registry *registry,
                           const bx_remote_source *source, bx_error **err)
{
    pthread_rwlock_wrlock(&registry->remote_lock);
    registry->remote = source == NULL ? (bx_remote_source){ 0 } : *source;
    pthread_rwlock_unlock(&registry->remote_lock);
    return bx_registry_scan(registry, NULL, err);
}

void bx_registry_tell_change(bx_registry *registry)
{
    if (registry->on_change != NULL)
        registry->on_change(registry->change_context);
}

const char *bx_tool_remote_server(const bx_tool *tool)
{
    const bx_remote *remote = ((const bx_entry *)tool)->file->remote;

    return remote == NULL ? NULL : remote->server;
}

const char *bx_tool_remote_name(const bx_tool *tool)
{
    const bx_remote *remote = ((const bx_entry *)tool)->file->remote;

    return remote == NULL ? NULL : remote->name;
}
