/* What the table of tools holds: a file as it was read, and the tools in it
 * with what the folders, the lock and the policy say of each. Both are counted
 * and, but for what is compiled lazily, immutable. */
#ifndef BX_TOOL_REGISTRY_ENTRY_H
#define BX_TOOL_REGISTRY_ENTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "tool/runner.h"
#include "tool/tool.h"

/* A file's identity without reading it; all zero: there is none. */
#define BX_TOOL_MODULE_MAX_BYTES (256u << 20) /* as the engine takes */

typedef struct bx_file_id {
    uint64_t dev;
    uint64_t ino;
    uint64_t bytes;
    int64_t modified_ns;
    int64_t changed_ns;
} bx_file_id;

bx_file_id bx_file_id_of(const struct stat *st);
/* All zero when path is no regular file. */
bx_file_id bx_file_id_get(const char *path);
bool bx_file_id_equals(const bx_file_id *a, const bx_file_id *b);

/* The files that make a tool: a module with or without a manifest beside it, or
 * a manifest with a script. */
typedef struct bx_file {
    atomic_uint refs;
    char *stem;   /* of the file's name: "grep" of "grep.wasm" */
    char *module; /* path; NULL: a script, run by a runtime */
    char *beside; /* path of NAME.tool.yaml; may not exist; NULL: none */
    char *script; /* path beside NAME.tool.yaml; NULL: none */
    bx_file_id ids[3];
    char *summary; /* path of what is kept of the module; NULL: nothing */
    atomic_bool is_stale; /* its bytes are no longer those of its digest */
    char digest[65];      /* of the module, or of the script */
    bool is_program;      /* a built-in that is no tool, but can be spawned */
    char *problem;        /* what is wrong with it; NULL: nothing */
    bool is_unasked;      /* the problem: nobody agreed to look into it */
    bool is_over;         /* the problem: its folder holds too much already */
    bx_manifest **manifests;
    size_t manifests_count;   /* 0: a plain program, or broken */
    pthread_mutex_t mutex;    /* over what follows */
    bx_runner_code *code;     /* NULL until the first call */
    struct bx_box *boxes;     /* see call_box.h */
    struct bx_remote *remote; /* see remote_entry.h; NULL: it is a module */
} bx_file;

bx_file *bx_file_new(const char *stem);
bx_file *bx_file_ref(bx_file *file);
void bx_file_unref(bx_file *file);

/* The module, compiled when this is the first call of it; wait: the caller's
 * own, NULL: none; borrowed, lives as
 * long as the file. errors: BX_ERR_INVALID: not a module; BX_ERR_DENIED: the
 * bytes are no longer those that were read */
int bx_file_get_code(bx_file *file, const bx_runner *runner,
                     const bx_policy *policy, bx_wait *wait,
                     bx_runner_code **ret_code, bx_error **err);

typedef struct bx_entry {
    bx_tool tool; /* first: a bx_tool is one of these */
    atomic_uint refs;
    bx_file *file;
    bx_level level; /* in this workspace */
} bx_entry;

/* A tool of file; name is copied. */
bx_entry *bx_entry_new(bx_file *file, const char *name, bx_tool_source source,
                       const bx_manifest *manifest);
bx_entry *bx_entry_ref(bx_entry *entry);
void bx_entry_unref(bx_entry *entry);
/* Set a status that is not ready and why; only while it is being made. Takes
 * why. */
void bx_entry_refuse(bx_entry *entry, bx_tool_status status, char *why);

#endif
