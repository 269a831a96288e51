#include "tool/registry_table.h"

#include <ctype.h>
#include <string.h>

bx_table *bx_table_new(void)
{
    bx_table *table = calloc(1, sizeof(*table));

    if (table != NULL)
        atomic_init(&table->refs, 1);
    return table;
}

bx_table *bx_table_ref(bx_table *table)
{
    atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

void bx_table_unref(bx_table *table)
{
    if (table == NULL ||
        atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < table->entries_count; i++)
        bx_entry_unref(table->entries[i]);
    for (size_t i = 0; i < table->programs_count; i++) {
        free(table->programs[i].name);
        bx_file_unref(table->programs[i].file);
        bx_entry_unref(table->programs[i].entry);
    }
    for (size_t i = 0; i < table->files_count; i++)
        bx_file_unref(table->files[i]);
    free((void *)table->entries);
    free(table->programs);
    free((void *)table->files);
    free(table);
}

int bx_table_add_entry(bx_table *table, bx_entry *entry)
{
    bx_entry **grown = realloc((void *)table->entries,
                               (table->entries_count + 1) * sizeof(bx_entry *));

    if (grown == NULL)
        return -1;
    table->entries = grown;
    grown[table->entries_count++] = bx_entry_ref(entry);
    return 0;
}

int bx_table_add_file(bx_table *table, bx_file *file)
{
    bx_file **grown = realloc((void *)table->files,
                              (table->files_count + 1) * sizeof(bx_file *));

    if (grown == NULL)
        return -1;
    table->files = grown;
    grown[table->files_count++] = bx_file_ref(file);
    return 0;
}

static int fold(char letter)
{
    return letter == '_' ? '-' : tolower((unsigned char)letter);
}

int bx_table_compare_names(const char *a, const char *b)
{
    while (*a != '\0' && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return fold(*a) - fold(*b);
}

/* By name; of those alike the more trusted folder first. */
static int compare_entries(const void *left, const void *right)
{
    const bx_entry *a = *(bx_entry *const *)left;
    const bx_entry *b = *(bx_entry *const *)right;
    int order = bx_table_compare_names(a->tool.name, b->tool.name);

    if (order != 0)
        return order;
    if (a->tool.source != b->tool.source)
        return a->tool.source < b->tool.source ? -1 : 1;
    return strcmp(a->tool.path, b->tool.path);
}

/* Both of two in one folder: which one was meant nobody knows. */
static int refuse_twins(bx_entry *a, bx_entry *b)
{
    bx_entry *const both[2] = { a, b };

    for (int i = 0; i < 2; i++) {
        char *why;

        if (both[i]->tool.status == BX_TOOL_BROKEN)
            continue; /* what is wrong with the file itself says more */
        if (asprintf(&why,
                     "two tools of one name: '%s' in '%s' and '%s' in '%s'; "
                     "remove or rename one",
                     a->tool.name, a->tool.path, b->tool.name,
                     b->tool.path) < 0)
            return -1;
        bx_entry_refuse(both[i], BX_TOOL_BROKEN, why);
    }
    return 0;
}

static int refuse_shadow(bx_entry *loser, const bx_entry *winner)
{
    char *why;

    if (loser->tool.status == BX_TOOL_BROKEN)
        return 0;
    if (asprintf(&why,
                 "the name is taken by the %s tool '%s' ('%s'), which comes "
                 "first; rename this one",
                 bx_tool_source_name(winner->tool.source), winner->tool.name,
                 winner->tool.path) < 0)
        return -1;
    bx_entry_refuse(loser, BX_TOOL_BROKEN, why);
    return 0;
}

int bx_table_settle_names(bx_table *table)
{
    bx_entry *first = NULL;

    if (table->entries_count > 0)
        qsort((void *)table->entries, table->entries_count, sizeof(bx_entry *),
              compare_entries);
    for (size_t i = 0; i < table->entries_count; i++) {
        bx_entry *entry = table->entries[i];
        int failed;

        if (first == NULL ||
            bx_table_compare_names(first->tool.name, entry->tool.name) != 0) {
            first = entry;
            continue;
        }
        failed = first->tool.source == entry->tool.source
                     ? refuse_twins(first, entry)
                     : refuse_shadow(entry, first);
        if (failed < 0)
            return -1;
    }
    return 0;
}

static int compare_programs(const void *left, const void *right)
{
    const bx_program *a = left;
    const bx_program *b = right;

    return strcmp(a->name, b->name);
}

static int add_program(bx_table *table, const char *name, bx_file *file,
                       bx_entry *entry)
{
    bx_program *grown;

    for (size_t i = 0; i < table->programs_count; i++) {
        if (strcmp(table->programs[i].name, name) == 0)
            return 0;
    }
    grown =
        realloc(table->programs, (table->programs_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -1;
    table->programs = grown;
    grown[table->programs_count] =
        (bx_program){ .name = strdup(name),
                      .file = bx_file_ref(file),
                      .entry = entry == NULL ? NULL : bx_entry_ref(entry) };
    return grown[table->programs_count++].name == NULL ? -1 : 0;
}

static int add_programs_of(bx_table *table, bx_tool_source source)
{
    for (size_t i = 0; i < table->entries_count; i++) {
        bx_entry *entry = table->entries[i];
        const bx_manifest *manifest = entry->tool.manifest;

        if (entry->tool.source != source ||
            entry->tool.status != BX_TOOL_READY || manifest == NULL ||
            entry->file->module == NULL)
            continue;
        for (size_t j = 0; j < manifest->programs_count; j++) {
            if (add_program(table, manifest->programs[j], entry->file, entry) <
                0)
                return -1;
        }
    }
    return 0;
}

/* The more trusted folder's first: who comes later cannot take a name. */
int bx_table_add_programs(bx_table *table)
{
    if (add_programs_of(table, BX_TOOL_BUILTIN) < 0)
        return -1;
    for (size_t i = 0; i < table->files_count; i++) {
        bx_file *file = table->files[i];

        if (file->is_program && add_program(table, file->stem, file, NULL) < 0)
            return -1;
    }
    if (add_programs_of(table, BX_TOOL_USER) < 0 ||
        add_programs_of(table, BX_TOOL_WORKSPACE) < 0)
        return -1;
    if (table->programs_count > 0)
        qsort(table->programs, table->programs_count,
              sizeof(table->programs[0]), compare_programs);
    return 0;
}

bx_entry *bx_table_find(const bx_table *table, const char *name)
{
    size_t low = 0;
    size_t high = table->entries_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (bx_table_compare_names(table->entries[middle]->tool.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == table->entries_count ||
        strcmp(table->entries[low]->tool.name, name) != 0)
        return NULL;
    return table->entries[low];
}

const bx_program *bx_table_find_program(const bx_table *table, const char *name)
{
    const bx_program key = { .name = (char *)name };

    if (table->programs_count == 0)
        return NULL;
    return bsearch(&key, table->programs, table->programs_count,
                   sizeof(table->programs[0]), compare_programs);
}

bx_file *bx_table_find_runtime(const bx_table *table, const char *name)
{
    const bx_program *program = bx_table_find_program(table, name);

    if (program == NULL || (program->entry != NULL &&
                            program->entry->tool.source != BX_TOOL_BUILTIN))
        return NULL;
    return program->file;
}

/* Edit distance of two names, at most BX_TOOL_NAME_MAX letters of each. */
static size_t distance(const char *a, const char *b)
{
    size_t row[BX_TOOL_NAME_MAX + 1];
    size_t columns = strnlen(b, BX_TOOL_NAME_MAX);

    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0' && i < BX_TOOL_NAME_MAX; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < columns; j++) {
            size_t best = diagonal + (fold(a[i]) != fold(b[j]));

            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (diagonal + 1 < best)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[columns];
}

/* "read" for "file-read" is no typing error, but what models write. */
const char *bx_table_guess(const bx_table *table, const char *name)
{
    const bx_tool *best = NULL;
    size_t best_distance = strlen(name) / 3 + 1;

    for (size_t i = 0; i < table->entries_count; i++) {
        const bx_tool *other = &table->entries[i]->tool;
        size_t away = distance(name, other->name);

        if (away <= best_distance && (best == NULL || away < best_distance)) {
            best = other;
            best_distance = away;
        }
    }
    for (size_t i = 0; best == NULL && i < table->entries_count; i++) {
        const bx_tool *other = &table->entries[i]->tool;

        if (strlen(name) >= 3 && (strcasestr(other->name, name) != NULL ||
                                  strcasestr(name, other->name) != NULL))
            best = other;
    }
    return best == NULL ? NULL : best->name;
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool bx_table_equals(const bx_table *a, const bx_table *b)
{
    if (a->entries_count != b->entries_count ||
        a->programs_count != b->programs_count)
        return false;
    for (size_t i = 0; i < a->entries_count; i++) {
        const bx_entry *left = a->entries[i];
        const bx_entry *right = b->entries[i];

        if (left->file != right->file ||
            left->tool.status != right->tool.status ||
            !is_same(left->tool.name, right->tool.name) ||
            !is_same(left->tool.why, right->tool.why))
            return false;
    }
    for (size_t i = 0; i < a->programs_count; i++) {
        if (a->programs[i].file != b->programs[i].file)
            return false;
    }
    return true;
}
