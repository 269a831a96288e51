#include "tool/registry_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/digest.h"
#include "tool/call_box.h"
#include "tool/remote_entry.h"

bx_file_id bx_file_id_of(const struct stat *st)
{
    return (bx_file_id){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .bytes = (uint64_t)st->st_size,
        .modified_ns =
            (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .changed_ns =
            (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
    };
}

bx_file_id bx_file_id_get(const char *path)
{
    struct stat st;

    if (path == NULL || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return (bx_file_id){ 0 };
    return bx_file_id_of(&st);
}

bool bx_file_id_equals(const bx_file_id *a, const bx_file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->bytes == b->bytes &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

bx_file *bx_file_new(const char *stem)
{
    bx_file *file = calloc(1, sizeof(*file));

    if (file == NULL)
        return NULL;
    atomic_init(&file->refs, 1);
    atomic_init(&file->is_stale, false);
    pthread_mutex_init(&file->mutex, NULL);
    file->stem = strdup(stem);
    if (file->stem == NULL) {
        bx_file_unref(file);
        return NULL;
    }
    return file;
}

bx_file *bx_file_ref(bx_file *file)
{
    atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
    return file;
}

void bx_file_unref(bx_file *file)
{
    if (file == NULL ||
        atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) != 1)
        return;
    bx_box_drop_all(file);
    bx_runner_code_free(file->code);
    for (size_t i = 0; i < file->manifests_count; i++)
        bx_manifest_free(file->manifests[i]);
    free((void *)file->manifests);
    pthread_mutex_destroy(&file->mutex);
    bx_remote_free(file->remote);
    free(file->problem);
    free(file->summary);
    free(file->script);
    free(file->beside);
    free(file->module);
    free(file->stem);
    free(file);
}

/* What was a file when it was looked at may be a pipe by now, and nobody writes
 * into it. */
static int read_module(const char *path, char **ret_bytes, size_t *ret_count,
                       bx_error **err)
{
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s' changed after it was read: it is no regular "
                            "file",
                            path);
    return bx_file_read_fd(fd, path, BX_TOOL_MODULE_MAX_BYTES, ret_bytes,
                           ret_count, err);
}

static bx_runner_code *load(bx_file *file, const bx_runner *runner,
                            const bx_policy *policy, bx_wait *wait,
                            bx_error **err)
{
    bx_autofree char *bytes = NULL;
    size_t count = 0;
    uint8_t digest[BX_DIGEST_BYTES];
    char text[65];

    if (read_module(file->module, &bytes, &count, err) < 0)
        return NULL;
    bx_sha256(bytes, count, digest);
    bx_digest_format(digest, text);
    if (strcmp(text, file->digest) != 0) {
        /* The next scan reads it, whatever its identity says. */
        atomic_store(&file->is_stale, true);
        if (file->summary != NULL)
            (void)unlink(file->summary);
        bx_error_set(err, BX_ERR_DENIED,
                     "'%s' changed after it was read; expected SHA-256 %.16s, "
                     "it is %.16s. Call again: the registry reads it anew",
                     file->module, file->digest, text);
        return NULL;
    }
    return bx_runner_code_new(runner, bytes, count, file->module, policy, wait,
                              err);
}

int bx_file_get_code(bx_file *file, const bx_runner *runner,
                     const bx_policy *policy, bx_wait *wait,
                     bx_runner_code **ret_code, bx_error **err)
{
    int result = -1;

    if (bx_wait_lock(wait, &file->mutex, err) < 0)
        return bx_error_wrap(err, "another call makes its module ready");
    if (file->code == NULL)
        file->code = load(file, runner, policy, wait, err);
    if (file->code != NULL) {
        *ret_code = file->code;
        result = 0;
    }
    pthread_mutex_unlock(&file->mutex);
    return result;
}

bx_entry *bx_entry_new(bx_file *file, const char *name, bx_tool_source source,
                       const bx_manifest *manifest)
{
    bx_entry *entry = calloc(1, sizeof(*entry));
    const char *path = file->module != NULL ? file->module : file->script;

    if (entry == NULL)
        return NULL;
    if (file->remote != NULL)
        path = file->remote->place;
    atomic_init(&entry->refs, 1);
    entry->file = bx_file_ref(file);
    entry->tool.name = strdup(name);
    entry->tool.path = strdup(
        path != NULL ? path : (file->beside != NULL ? file->beside : ""));
    entry->tool.source = source;
    entry->tool.status = BX_TOOL_READY;
    entry->tool.manifest = (bx_manifest *)manifest; /* the file owns it */
    memcpy(entry->tool.digest, file->digest, sizeof(file->digest));
    if (entry->tool.name == NULL || entry->tool.path == NULL) {
        bx_entry_unref(entry);
        return NULL;
    }
    return entry;
}

bx_entry *bx_entry_ref(bx_entry *entry)
{
    atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
    return entry;
}

void bx_entry_unref(bx_entry *entry)
{
    if (entry == NULL ||
        atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) != 1)
        return;
    bx_file_unref(entry->file);
    free(entry->tool.name);
    free(entry->tool.why);
    free(entry->tool.path);
    free(entry);
}

void bx_entry_refuse(bx_entry *entry, bx_tool_status status, char *why)
{
    entry->tool.status = status;
    free(entry->tool.why);
    entry->tool.why = why;
}
