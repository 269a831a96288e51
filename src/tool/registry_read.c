/* One tool's files: what is in them and, when they are no tool, why. Nothing of
 * a module is run here, but for `--help` of one that says nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "tool/registry_scan.h"
#include "tool/registry_summary.h"

/* Keep an error as what is wrong with the file. Takes error. -1 without
 * memory. */
static int keep_problem(bx_file *file, bx_error *error)
{
    file->problem = strdup(bx_error_message(error));
    bx_error_free(error);
    return file->problem == NULL ? -1 : 0;
}

static int add_manifest(bx_file *file, bx_manifest *manifest)
{
    bx_manifest **grown =
        realloc((void *)file->manifests,
                (file->manifests_count + 1) * sizeof(bx_manifest *));

    if (grown == NULL) {
        bx_manifest_free(manifest);
        return -1;
    }
    file->manifests = grown;
    grown[file->manifests_count++] = manifest;
    return 0;
}

/* Read whole; a pipe or a device in the folder must not hold us up, and a file
 * that someone is writing is none yet. */
static int read_steady(const char *path, const bx_file_id *id, size_t max_bytes,
                       char **ret_bytes, size_t *ret_count, bx_error **err)
{
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bx_autofree char *bytes = NULL;
    size_t count = 0;
    struct stat st;
    bx_file_id now;

    if (fd < 0 || fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return bx_error_set(err, BX_ERR_INVALID, "'%s' is no regular file",
                            path);
    if (bx_file_read_fd(fd, path, max_bytes, &bytes, &count, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    now = bx_file_id_of(&st);
    if (!bx_file_id_equals(&now, id))
        return bx_error_set(err, BX_ERR_INVALID, "'%s' is being written", path);
    *ret_bytes = bx_take(bytes);
    *ret_count = count;
    return 0;
}

static void set_digest(bx_file *file, const void *bytes, size_t count)
{
    uint8_t digest[BX_DIGEST_BYTES];

    bx_sha256(bytes, count, digest);
    bx_digest_format(digest, file->digest);
}

static int read_beside(bx_file *file, bx_error **err)
{
    bx_autofree char *text = NULL;
    size_t bytes = 0;
    bx_manifest *manifest;

    if (read_steady(file->beside, &file->ids[1], BX_MANIFEST_MAX_BYTES, &text,
                    &bytes, err) < 0)
        return -1;
    manifest = bx_manifest_parse(text, bytes, file->beside, err);
    if (manifest == NULL)
        return -1;
    return add_manifest(file, manifest) < 0 ? bx_error_set_nomem(err) : 0;
}

/* A module's digest and bytes; of one that was read before, and did not change
 * since, those bytes that say what tool it is. */
static int read_bytes(bx_registry *registry, bx_file *file, char **ret_bytes,
                      size_t *ret_count, bx_error **err)
{
    bx_summary summary;

    file->summary = bx_summary_path(registry->state_dir, file->module);
    if (bx_summary_load(file->summary, &file->ids[0], &summary)) {
        memcpy(file->digest, summary.digest, sizeof(file->digest));
        *ret_bytes = summary.skeleton;
        *ret_count = summary.bytes;
        return 0;
    }
    if (read_steady(file->module, &file->ids[0], BX_TOOL_MODULE_MAX_BYTES,
                    ret_bytes, ret_count, err) < 0)
        return -1;
    set_digest(file, *ret_bytes, *ret_count);
    bx_summary_save(file->summary, &file->ids[0], file->digest, *ret_bytes,
                    *ret_count);
    return 0;
}

static int read_module(bx_registry *registry, bx_tool_source source,
                       bx_file *file, bx_error **err)
{
    bx_autofree char *bytes = NULL;
    bx_autoerror bx_error *problem = NULL;
    size_t count = 0;
    bx_manifest *manifest = NULL;

    if (read_bytes(registry, file, &bytes, &count, err) < 0)
        return -1;
    if (count >= 4 && memcmp(bytes, "\0asm", 4) == 0) {
        manifest = bx_manifest_extract(bytes, count, file->module, &problem);
        if (problem != NULL) {
            if (err != NULL)
                *err = bx_take(problem);
            return -1;
        }
    }
    if (manifest != NULL)
        return add_manifest(file, manifest) < 0 ? bx_error_set_nomem(err) : 0;
    if (file->beside != NULL)
        return read_beside(file, err);
    if (source == BX_TOOL_BUILTIN) {
        file->is_program = true;
        return 0;
    }
    return bx_scan_adapt(registry, source, file, bytes, count, err);
}

static int read_script(bx_file *file, bx_error **err)
{
    bx_autofree char *text = NULL;
    size_t bytes = 0;

    if (file->script == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' has no module beside it; expected '%s.wasm', "
                            "'%s.js' or '%s.py'",
                            file->beside, file->stem, file->stem, file->stem);
    if (read_steady(file->script, &file->ids[2], BX_MANIFEST_SCRIPT_MAX_BYTES,
                    &text, &bytes, err) < 0)
        return -1;
    set_digest(file, text, bytes);
    if (read_beside(file, err) < 0)
        return -1;
    if (file->manifests[0]->runtime == BX_TOOL_RUNTIME_NONE)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s': a script needs \"runtime: js\" or "
                            "\"runtime: python\"",
                            file->beside);
    return bx_manifest_put_script(file->manifests[0], text, bytes, err);
}

int bx_scan_read(bx_registry *registry, bx_tool_source source, bx_file *file,
                 bx_error **err)
{
    bx_error *problem = NULL;
    int result = file->module != NULL
                     ? read_module(registry, source, file, &problem)
                     : read_script(file, &problem);

    if (result == 0)
        return 0;
    return keep_problem(file, problem) < 0 ? bx_error_set_nomem(err) : 0;
}
