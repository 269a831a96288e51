/* Modules that bring no manifest: a component's typed exports say enough, a
 * command is asked for `--help`, once, in an empty sandbox. What it printed is
 * kept by the module's digest in the user's state folder. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"
#include "tool/registry_scan.h"

#define HELP_TIMEOUT "2s"
#define HELP_MEMORY "64MiB"
#define HELP_OUTPUT "64KiB"
#define HELP_MAX_BYTES (64u << 10)
#define EXPORTS_MAX_BYTES (1u << 20)

static char *kept_path(const bx_registry *registry, const bx_file *file)
{
    char *path = NULL;

    if (registry->state_dir == NULL ||
        asprintf(&path, "%s/tool-help/%s", registry->state_dir, file->digest) <
            0)
        return NULL;
    return path;
}

static bx_policy *help_policy(const bx_registry *registry, bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    const char *cache_dir = registry->policy->cache_dir;

    if (policy == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_policy_set(policy, "wasm-timeout", HELP_TIMEOUT, "--help", err) <
            0 ||
        bx_policy_set(policy, "wasm-max-memory-size", HELP_MEMORY, "--help",
                      err) < 0 ||
        bx_policy_set(policy, "max-output", HELP_OUTPUT, "--help", err) < 0 ||
        (cache_dir != NULL &&
         bx_policy_wasm_cache_dir(policy, cache_dir, err) < 0))
        return NULL;
    return bx_take(policy);
}

/* What the program prints when it is asked; some use stderr. */
static int ask(bx_registry *registry, bx_file *file, bx_buf *text,
               bx_error **err)
{
    bx_autopolicy bx_policy *policy = help_policy(registry, err);
    const char *const argv[] = { file->stem, "--help" };
    bx_runner_code *code;
    bx_runner_box *box = NULL;
    bx_result *result = NULL;
    const char *words;
    size_t bytes;
    int answer = -1;

    if (policy == NULL ||
        bx_file_get_code(file, &registry->runner, policy, NULL, &code, err) < 0)
        return -1;
    box = bx_runner_box_new(code, policy, NULL, err);
    if (box != NULL &&
        bx_runner_box_run(box, 2, argv, NULL, NULL, &result, err) == 0) {
        words = bx_result_stdout(result, &bytes);
        if (bytes == 0)
            words = bx_result_stderr(result, &bytes);
        answer = bx_buf_append(text, words, bytes, HELP_MAX_BYTES) < 0
                     ? bx_error_set(err, BX_ERR_INVALID,
                                    "its --help is longer than %u bytes",
                                    HELP_MAX_BYTES)
                     : 0;
    }
    bx_result_free(result);
    bx_runner_box_free(box);
    return answer;
}

/* In the user's state folder; what cannot be kept is asked again. */
static void put_file(const char *path, const char *text, size_t bytes)
{
    bx_autofree char *dir = strdup(path);

    if (dir == NULL)
        return;
    *strrchr(dir, '/') = '\0';
    (void)bx_file_make_dirs(dir, 0700, NULL);
    (void)bx_file_replace(path, text, bytes, 0600, NULL);
}

static void keep(const bx_registry *registry, const bx_file *file,
                 const char *text, size_t bytes)
{
    bx_autofree char *path = kept_path(registry, file);

    if (path != NULL)
        put_file(path, text, bytes);
}

/* Kept or asked; what cannot be kept is asked again next time. */
static int get_help(bx_registry *registry, bx_file *file, bx_buf *text,
                    bx_error **err)
{
    bx_autofree char *path = kept_path(registry, file);
    bx_autofree char *kept = NULL;
    size_t bytes;

    if (path != NULL &&
        bx_file_read(path, HELP_MAX_BYTES, &kept, &bytes, NULL) == 0)
        return bx_buf_append(text, kept, bytes, HELP_MAX_BYTES) < 0
                   ? bx_error_set_nomem(err)
                   : 0;
    if (ask(registry, file, text, err) < 0)
        return -1;
    keep(registry, file, text->data == NULL ? "" : text->data, text->len);
    return 0;
}

static int adapt_help(bx_registry *registry, bx_file *file, bx_error **err)
{
    bx_autobuf bx_buf help = BX_BUF_INIT;
    bx_error *problem = NULL;
    bx_manifest *manifest;

    if (get_help(registry, file, &help, err) < 0)
        return bx_error_wrap(err,
                             "it has no manifest (section boxagnts.tool, or "
                             "'%s.tool.yaml') and --help",
                             file->stem);
    manifest = bx_manifest_adapt_help(
        file->stem, help.data == NULL ? "" : help.data, help.len, &problem);
    if (manifest == NULL) {
        if (problem == NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "it has no manifest (section boxagnts.tool, or "
                                "'%s.tool.yaml'), and its --help describes no "
                                "flags",
                                file->stem);
        if (err != NULL)
            *err = problem;
        else
            bx_error_free(problem);
        return -1;
    }
    file->manifests = malloc(sizeof(bx_manifest *));
    if (file->manifests == NULL) {
        bx_manifest_free(manifest);
        return bx_error_set_nomem(err);
    }
    file->manifests[0] = manifest;
    file->manifests_count = 1;
    return 0;
}

/* ---- typed exports ---- */

static char *exports_path(const bx_registry *registry, const bx_file *file)
{
    char *path = NULL;

    if (registry->state_dir == NULL ||
        asprintf(&path, "%s/tool-exports/%s", registry->state_dir,
                 file->digest) < 0)
        return NULL;
    return path;
}

/* Another build of this program may say other things of a component. */
static json_t *program_stamp(void)
{
    bx_file_id id = bx_file_id_get("/proc/self/exe");

    return json_pack("[I, I]", (json_int_t)id.bytes,
                     (json_int_t)id.modified_ns);
}

/* What this program said of the component before; NULL: nothing. */
static json_t *load_inspection(const char *path)
{
    bx_autofree char *text = NULL;
    size_t bytes;
    json_t *kept;
    json_t *stamp;
    json_t *inspection = NULL;

    if (path == NULL ||
        bx_file_read(path, EXPORTS_MAX_BYTES, &text, &bytes, NULL) < 0)
        return NULL;
    kept = json_loadb(text, bytes, 0, NULL);
    stamp = program_stamp();
    if (stamp != NULL && json_equal(json_object_get(kept, "program"), stamp))
        inspection = json_incref(json_object_get(kept, "inspection"));
    json_decref(stamp);
    json_decref(kept);
    return inspection;
}

static void save_inspection(const char *path, json_t *inspection)
{
    json_t *kept = json_pack("{s:o, s:O}", "program", program_stamp(),
                             "inspection", inspection);
    bx_autofree char *text = bx_json_text(kept, JSON_COMPACT);

    if (path != NULL && text != NULL && strlen(text) <= EXPORTS_MAX_BYTES)
        put_file(path, text, strlen(text));
    json_decref(kept);
}

/* Looking takes the component's compiled code: tens of megabytes of some. */
static json_t *inspect(bx_registry *registry, bx_file *file, bx_error **err)
{
    bx_autofree char *path = exports_path(registry, file);
    bx_autofree char *text = NULL;
    json_t *inspection = load_inspection(path);
    bx_runner_code *code;

    if (inspection != NULL)
        return inspection;
    if (bx_file_get_code(file, &registry->runner, registry->policy, NULL, &code,
                         err) < 0)
        return NULL;
    text = bx_runner_code_inspect(code, err);
    if (text == NULL)
        return NULL;
    inspection = json_loads(text, 0, NULL);
    if (inspection == NULL)
        bx_error_set_nomem(err);
    else
        save_inspection(path, inspection);
    return inspection;
}

static int adapt_exports(bx_registry *registry, bx_file *file, bx_error **err)
{
    json_t *inspection = inspect(registry, file, err);
    int result;

    if (inspection == NULL)
        return -1;
    result = bx_manifest_adapt_exports(file->stem, inspection, &file->manifests,
                                       &file->manifests_count, err);
    json_decref(inspection);
    return result < 0 ? -1 : 0;
}

/* That there is a file of its digest says that somebody agreed before. */
static bool is_known(const bx_registry *registry, const bx_file *file)
{
    bx_autofree char *path = kept_path(registry, file);

    return path != NULL && access(path, F_OK) == 0;
}

static int check_asked(const bx_registry *registry, bx_tool_source source,
                       bx_file *file, bx_error **err)
{
    if (source != BX_TOOL_WORKSPACE ||
        strcmp(registry->asked, file->digest) == 0 || is_known(registry, file))
        return 0;
    file->is_unasked = true;
    return bx_error_set(err, BX_ERR_DENIED,
                        "it came with the workspace and brings no manifest, so "
                        "it would have to be run to be known");
}

int bx_scan_adapt(bx_registry *registry, bx_tool_source source, bx_file *file,
                  const void *bytes, size_t count, bx_error **err)
{
    static const uint8_t core[8] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };

    if (check_asked(registry, source, file, err) < 0)
        return -1;

    /* A core module exports nothing typed; text may be either. */
    if (count < sizeof(core) || memcmp(bytes, core, sizeof(core)) != 0) {
        if (adapt_exports(registry, file, err) < 0)
            return -1;
        if (file->manifests_count > 0) {
            keep(registry, file, "", 0);
            return 0;
        }
    }
    return adapt_help(registry, file, err);
}
