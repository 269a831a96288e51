/* One state of the folders: tools by name, and programs by the names under
 * which spawn finds them. Immutable once made; a call keeps the table it began
 * with. */
#ifndef BX_TOOL_REGISTRY_TABLE_H
#define BX_TOOL_REGISTRY_TABLE_H

#include "tool/registry_entry.h"

typedef struct bx_program {
    char *name;
    bx_file *file;
    bx_entry *entry; /* the tool it belongs to; NULL: a plain program */
} bx_program;

typedef struct bx_table {
    atomic_uint refs;
    bx_entry **entries; /* by name; of one name the one that counts first */
    size_t entries_count;
    bx_program *programs; /* by name, one each */
    size_t programs_count;
    bx_file **files; /* all that were read, by path */
    size_t files_count;
} bx_table;

bx_table *bx_table_new(void);
bx_table *bx_table_ref(bx_table *table);
void bx_table_unref(bx_table *table);
BX_DEFINE_AUTO(bx_table, bx_table_unref)
#define bx_autotable BX_AUTO(bx_table_unref)

/* Each takes a reference of its own. */
int bx_table_add_entry(bx_table *table, bx_entry *entry);
int bx_table_add_file(bx_table *table, bx_file *file);

/* Sort, settle names that occur twice, and find the programs. Once, before
 * anyone reads it; lock and policy have spoken. */
int bx_table_settle_names(bx_table *table);
int bx_table_add_programs(bx_table *table);

/* NULL when there is none; borrowed. */
bx_entry *bx_table_find(const bx_table *table, const char *name);
const bx_program *bx_table_find_program(const bx_table *table,
                                        const char *name);

/* The built-in program that runs scripts; borrowed, NULL: there is none. */
bx_file *bx_table_find_runtime(const bx_table *table, const char *name);

/* The name most like it, or NULL; borrowed. */
const char *bx_table_guess(const bx_table *table, const char *name);

/* Would a person or a model take one for the other? Case and '-' or '_' make
 * no difference. */
int bx_table_compare_names(const char *a, const char *b);

/* Do both have the same tools in the same state? */
bool bx_table_equals(const bx_table *a, const bx_table *b);

#endif
