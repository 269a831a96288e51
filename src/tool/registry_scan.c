#include "tool/registry_scan.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"

/* The endings a tool's files have. */
typedef enum bx_ending {
    ENDING_NONE,
    ENDING_MODULE, /* .wasm, .wat */
    ENDING_BESIDE, /* .tool.yaml */
    ENDING_SCRIPT, /* .js, .mjs, .py */
} bx_ending;

static bx_ending split_name(const char *name, size_t *ret_stem_bytes)
{
    static const struct {
        const char *text;
        bx_ending ending;
    } endings[] = {
        { ".wasm", ENDING_MODULE },      { ".wat", ENDING_MODULE },
        { ".tool.yaml", ENDING_BESIDE }, { ".js", ENDING_SCRIPT },
        { ".mjs", ENDING_SCRIPT },       { ".py", ENDING_SCRIPT },
    };
    size_t bytes = strlen(name);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t tail = strlen(endings[i].text);

        if (bytes > tail && strcmp(name + bytes - tail, endings[i].text) == 0) {
            *ret_stem_bytes = bytes - tail;
            return endings[i].ending;
        }
    }
    return ENDING_NONE;
}

typedef struct bx_names {
    char **names;
    size_t count;
} bx_names;

static void free_names(bx_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free((void *)names->names);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder that is missing, or is none, has no names. */
static int read_names(const char *dir, bx_names *names, bx_error **err)
{
    DIR *stream = opendir(dir);
    struct dirent *entry;
    size_t stem_bytes;

    *names = (bx_names){ 0 };
    if (stream == NULL && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (stream == NULL)
        return bx_error_set_errno(err, errno, "tools folder '%s'", dir);
    while (names->count < BX_TOOL_MAX_FILES &&
           (entry = readdir(stream)) != NULL) {
        char **grown;

        if (entry->d_name[0] == '.' ||
            split_name(entry->d_name, &stem_bytes) == ENDING_NONE)
            continue;
        grown =
            realloc((void *)names->names, (names->count + 1) * sizeof(*grown));
        if (grown != NULL) {
            names->names = grown;
            grown[names->count] = strdup(entry->d_name);
        }
        if (grown == NULL || grown[names->count++] == NULL) {
            closedir(stream);
            return bx_error_set_nomem(err);
        }
    }
    closedir(stream);
    if (names->count > 0)
        qsort((void *)names->names, names->count, sizeof(names->names[0]),
              compare_names);
    return 0;
}

/* The name with that stem and one of an ending's forms, or NULL. */
static const char *find_sibling(const bx_names *names, const char *stem,
                                size_t stem_bytes, bx_ending ending)
{
    for (size_t i = 0; i < names->count; i++) {
        size_t bytes;

        if (split_name(names->names[i], &bytes) == ending &&
            bytes == stem_bytes && memcmp(names->names[i], stem, bytes) == 0)
            return names->names[i];
    }
    return NULL;
}

static char *join(const char *dir, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static bool is_same_path(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bx_file *find_old(const bx_table *old, const bx_file *file)
{
    for (size_t i = 0; old != NULL && i < old->files_count; i++) {
        bx_file *other = old->files[i];

        if (!atomic_load(&other->is_stale) &&
            is_same_path(other->module, file->module) &&
            is_same_path(other->beside, file->beside) &&
            is_same_path(other->script, file->script) &&
            bx_file_id_equals(&other->ids[0], &file->ids[0]) &&
            bx_file_id_equals(&other->ids[1], &file->ids[1]) &&
            bx_file_id_equals(&other->ids[2], &file->ids[2]))
            return other;
    }
    return NULL;
}

/* What a broken file is called: its stem, made to fit a tool's name. */
static char *broken_name(const char *stem)
{
    char *name = strndup(stem, BX_TOOL_NAME_MAX);

    for (char *at = name; at != NULL && *at != '\0'; at++) {
        bool is_fit = (*at >= 'a' && *at <= 'z') ||
                      (*at >= 'A' && *at <= 'Z') ||
                      (*at >= '0' && *at <= '9') || *at == '-' || *at == '_';

        if (!is_fit)
            *at = '_';
    }
    return name;
}

/* What is wrong with a file, whose entry has that name; owned. */
static char *explain(const bx_file *file, const char *name)
{
    char *why = NULL;

    if (!file->is_unasked)
        return strdup(file->problem);
    return asprintf(&why,
                    "%s; `boxagnts tool approve %s` does that, in an empty "
                    "sandbox, and shows what it is",
                    file->problem, name) < 0
               ? NULL
               : why;
}

static int add_broken(bx_table *table, bx_file *file, bx_tool_source source)
{
    bx_autofree char *name = broken_name(file->stem);
    bx_entry *entry =
        name == NULL ? NULL : bx_entry_new(file, name, source, NULL);
    char *why = name == NULL ? NULL : explain(file, name);
    int result = -1;

    if (entry != NULL && why != NULL) {
        bx_entry_refuse(entry,
                        file->is_unasked ? BX_TOOL_UNAPPROVED : BX_TOOL_BROKEN,
                        bx_take(why));
        result = bx_table_add_entry(table, entry);
    }
    free(why);
    bx_entry_unref(entry);
    return result;
}

static int add_entries(bx_table *table, bx_file *file, bx_tool_source source)
{
    if (bx_table_add_file(table, file) < 0)
        return -1;
    if (file->problem != NULL)
        return add_broken(table, file, source);
    for (size_t i = 0; i < file->manifests_count; i++) {
        const bx_manifest *manifest = file->manifests[i];
        bx_entry *entry = bx_entry_new(file, manifest->name, source, manifest);
        int failed = entry == NULL ? -1 : bx_table_add_entry(table, entry);

        bx_entry_unref(entry);
        if (failed < 0)
            return -1;
    }
    return 0;
}

/* A file whose name is names[at], or NULL when another name stands for it. */
static bx_file *begin_file(const char *dir, const bx_names *names, size_t at,
                           bx_error **err)
{
    const char *name = names->names[at];
    size_t stem_bytes;
    bx_ending ending = split_name(name, &stem_bytes);
    const char *module = find_sibling(names, name, stem_bytes, ENDING_MODULE);
    const char *beside = find_sibling(names, name, stem_bytes, ENDING_BESIDE);
    const char *script = find_sibling(names, name, stem_bytes, ENDING_SCRIPT);
    bx_autofree char *stem = strndup(name, stem_bytes);
    bx_file *file;

    if (ending == ENDING_SCRIPT || (ending == ENDING_BESIDE && module != NULL))
        return NULL;
    file = stem == NULL ? NULL : bx_file_new(stem);
    if (file != NULL) {
        file->module = ending == ENDING_MODULE ? join(dir, name) : NULL;
        file->beside = beside == NULL ? NULL : join(dir, beside);
        file->script =
            module != NULL || script == NULL ? NULL : join(dir, script);
        file->ids[0] = bx_file_id_get(file->module);
        file->ids[1] = bx_file_id_get(file->beside);
        file->ids[2] = bx_file_id_get(file->script);
        if ((ending != ENDING_MODULE || file->module != NULL) &&
            (beside == NULL || file->beside != NULL))
            return file;
    }
    bx_file_unref(file);
    bx_error_set_nomem(err);
    return NULL;
}

/* Is what was wrong with it still wrong, and nothing more? */
static bool is_as_before(const bx_registry *registry, const bx_file *old,
                         const bx_file *now)
{
    if (old->is_over != now->is_over)
        return false;
    return !old->is_unasked || strcmp(registry->asked, old->digest) != 0;
}

static int add_file(bx_registry *registry, bx_tool_source source,
                    const bx_table *old, bx_table *table, bx_file *file,
                    bx_error **err)
{
    bx_file *same = find_old(old, file);

    if (same != NULL && !is_as_before(registry, same, file))
        same = NULL;
    if (same == NULL && file->is_over) {
        if (asprintf(&file->problem,
                     "not read: the modules of the workspace's tools folder "
                     "are larger than %u bytes together",
                     BX_TOOL_WORKSPACE_MAX_BYTES) < 0) {
            file->problem = NULL;
            return bx_error_set_nomem(err);
        }
    } else if (same == NULL && bx_scan_read(registry, source, file, err) < 0) {
        return -1;
    }
    return add_entries(table, same == NULL ? file : same, source) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

int bx_scan_folder(bx_registry *registry, bx_tool_source source,
                   const bx_table *old, bx_table *table, bx_error **err)
{
    const char *dir = registry->dirs[source];
    bx_names names = { 0 };
    int result = dir == NULL ? 0 : read_names(dir, &names, err);
    uint64_t bytes = 0;

    for (size_t i = 0; result == 0 && i < names.count; i++) {
        bx_autoerror bx_error *problem = NULL;
        bx_file *file = begin_file(dir, &names, i, &problem);

        if (file != NULL && source == BX_TOOL_WORKSPACE) {
            file->is_over =
                file->ids[0].bytes > BX_TOOL_WORKSPACE_MAX_BYTES - bytes;
            bytes += file->is_over ? 0 : file->ids[0].bytes;
        }
        if (file != NULL)
            result = add_file(registry, source, old, table, file, err);
        else if (problem != NULL)
            result = bx_error_set_nomem(err);
        bx_file_unref(file);
    }
    free_names(&names);
    return result;
}
