/* boxagnts tool test: each case in a workspace of its own, made for it and
 * removed afterwards. */
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "cli/tool_cli.h"
#include "policy/policy.h"
#include "tool/cases.h"

#define FILE_MAX_BYTES (64u << 20) /* of one that a case looks at */

typedef struct bx_test_run {
    bx_tool_cli *cli;
    const char *folder; /* of the tool under test; NULL: one by name */
    char *name;         /* the tool's, NULL: each case says; owned */
    char *home;         /* temporary: the workspaces are in it; owned */
    char *state_dir;    /* in it, for the lock; owned */
    size_t failed;
    json_t *report; /* with --json */
} bx_test_run;

static int remove_entry(const char *path, const struct stat *st, int flag,
                        struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- one case -------------------------------------------------------- */

static int put_files(const char *workspace, const bx_case *it, bx_error **err)
{
    for (size_t i = 0; i < it->files_count; i++) {
        const bx_case_file *file = &it->files[i];
        bx_autofree char *path = NULL;
        char *slash;

        if (asprintf(&path, "%s/%s", workspace, file->path) < 0) {
            path = NULL;
            return bx_error_set_nomem(err);
        }
        slash = strrchr(path, '/');
        *slash = '\0';
        if (bx_file_make_dirs(path, 0755, err) < 0)
            return -1;
        *slash = '/';
        if (bx_file_replace(path, file->text, strlen(file->text), 0644, err) <
            0)
            return -1;
    }
    return 0;
}

/* Files as they must be afterwards; ret_why, owned, when one is not. */
static int check_files(const char *workspace, const bx_case *it, char **ret_why)
{
    for (size_t i = 0; i < it->after_count; i++) {
        const bx_case_file *file = &it->after[i];
        bx_autofree char *path = NULL;
        bx_autofree char *text = NULL;
        const char *wrong = NULL;

        if (asprintf(&path, "%s/%s", workspace, file->path) < 0) {
            path = NULL;
            return -1;
        }
        (void)bx_file_read(path, FILE_MAX_BYTES, &text, NULL, NULL);
        if (file->text == NULL && access(path, F_OK) == 0)
            wrong = "is there, and must not be";
        else if (file->text != NULL && text == NULL)
            wrong = "is not there";
        else if (file->text != NULL && strcmp(text, file->text) != 0)
            wrong = "has other content";
        if (wrong != NULL)
            return asprintf(ret_why, "file '%s' %s", file->path, wrong) < 0 ? -1
                                                                            : 0;
    }
    return 0;
}

static bx_registry *open_tools(const bx_test_run *run, const char *workspace,
                               bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_policy_clone(run->cli->options.policy);
    bx_registry_config config = { .workers = run->cli->workers,
                                  .workspace = workspace,
                                  .user_dir = run->folder };

    if (policy == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_tool_cli_complete_policy(policy, workspace, err) < 0)
        return NULL;
    config.policy = policy;
    /* The person runs it to see what it does; nothing is approved by that. */
    if (run->folder != NULL)
        config.state_dir = run->state_dir;
    return bx_registry_new(&config, err);
}

/* Call and judge; why, owned, when it is not as expected. */
static int judge(const bx_test_run *run, bx_registry *registry,
                 const char *workspace, const bx_case *it, char **ret_why,
                 bx_error **err)
{
    bx_autofree char *input = bx_json_text(it->input, JSON_COMPACT);
    bx_autofree char *text = NULL;
    bx_autoerror bx_error *refusal = NULL;
    bx_tool_call call = { .name = it->tool == NULL ? run->name : it->tool,
                          .input = input,
                          .caller = "cli",
                          .is_approved = run->cli->is_agreed,
                          .timeout_ms = run->cli->timeout_ms };
    bx_tool_result *result = NULL;
    int failed;

    if (call.name == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "which tool? Expected \"tool\" in the case, since "
                            "the folder has not just one");
    call.input_bytes = input == NULL ? 0 : strlen(input);
    if (bx_registry_call(registry, &call, &result, &refusal) == 0)
        text = bx_tool_result_text(result);
    else
        text = strdup(bx_error_message(refusal));
    if (input == NULL || text == NULL) {
        bx_tool_result_free(result);
        return bx_error_set_nomem(err);
    }
    failed = bx_case_check(it, result == NULL || result->is_error, text,
                           result == NULL ? NULL : result->structured,
                           result == NULL ? NULL : result->metadata, ret_why);
    if (failed == 0 && *ret_why == NULL)
        failed = check_files(workspace, it, ret_why);
    bx_tool_result_free(result);
    return failed < 0 ? bx_error_set_nomem(err) : 0;
}

static int run_case(const bx_test_run *run, const bx_case *it, char **ret_why,
                    bx_error **err)
{
    bx_autofree char *workspace = NULL;
    bx_registry *registry = NULL;
    int failed = -1;

    if (asprintf(&workspace, "%s/work", run->home) < 0) {
        workspace = NULL;
        return bx_error_set_nomem(err);
    }
    if (mkdir(workspace, 0755) < 0)
        return bx_error_set_errno(err, errno, "'%s'", workspace);
    if (put_files(workspace, it, err) == 0)
        registry = open_tools(run, workspace, err);
    if (registry != NULL)
        failed = judge(run, registry, workspace, it, ret_why, err);
    bx_registry_free(registry);
    remove_tree(workspace);
    return failed;
}

/* ---- all of them ----------------------------------------------------- */

static void report(bx_test_run *run, const char *file, const bx_case *it,
                   const char *why)
{
    if (why != NULL)
        run->failed++;
    if (run->report != NULL)
        json_array_append_new(run->report,
                              json_pack("{s:s, s:i, s:b, s:s*}", "name",
                                        it->name, "line", (int)it->line,
                                        "is_good", why == NULL, "why", why));
    else if (why == NULL)
        printf("ok    %s\n", it->name);
    else
        printf("FAIL  %s (%s:%zu): %s\n", it->name, file, it->line, why);
}

static int run_cases(bx_test_run *run, const char *file, bx_error **err)
{
    bx_autofree char *text = NULL;
    bx_autocases bx_cases *cases = NULL;
    size_t bytes;

    if (bx_file_read(file, BX_CASES_MAX_BYTES, &text, &bytes, err) < 0)
        return bx_error_wrap(err, "test cases");
    cases = bx_cases_parse(text, bytes, file, err);
    if (cases == NULL)
        return -1;
    for (size_t i = 0; i < cases->count; i++) {
        bx_autofree char *why = NULL;

        if (run_case(run, &cases->items[i], &why, err) < 0)
            return bx_error_wrap(err, "%s:%zu", file, cases->items[i].line);
        report(run, file, &cases->items[i], why);
    }
    if (run->report == NULL)
        printf("%zu cases, %zu failed\n", cases->count, run->failed);
    return 0;
}

/* The only tool of the folder under test. */
static int find_name(bx_test_run *run, bx_error **err)
{
    bx_registry *registry = open_tools(run, run->home, err);
    bx_tool **tools = NULL;
    size_t count = 0;
    size_t found = 0;
    int result = -1;

    if (registry == NULL)
        return -1;
    if (bx_registry_list(registry, &tools, &count, err) == 0)
        result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        if (tools[i]->source != BX_TOOL_USER)
            continue;
        if (tools[i]->status == BX_TOOL_BROKEN)
            result = bx_error_set(err, BX_ERR_INVALID, "'%s': %s",
                                  tools[i]->path, tools[i]->why);
        free(run->name);
        run->name = found++ == 0 ? strdup(tools[i]->name) : NULL;
    }
    if (result == 0 && found == 0)
        result = bx_error_set(err, BX_ERR_NOT_FOUND,
                              "no tool in '%s'; is it built?", run->folder);
    bx_registry_list_free(tools, count);
    bx_registry_free(registry);
    return result;
}

static int start(bx_test_run *run, const char **ret_file, char **ret_made,
                 bx_error **err)
{
    const bx_options *options = &run->cli->options;
    const char *operand = options->operands[0];
    const char *base = getenv("TMPDIR");
    struct stat st;

    if (asprintf(&run->home, "%s/boxagnts-test-XXXXXX",
                 base == NULL || base[0] != '/' ? "/tmp" : base) < 0) {
        run->home = NULL;
        return bx_error_set_nomem(err);
    }
    if (mkdtemp(run->home) == NULL)
        return bx_error_set_errno(err, errno, "'%s'", run->home);
    if (asprintf(&run->state_dir, "%s/state", run->home) < 0) {
        run->state_dir = NULL;
        return bx_error_set_nomem(err);
    }
    if (bx_tool_cli_open_workers(run->cli, 4, err) < 0)
        return -1;
    if (options->operands_count == 2)
        *ret_file = options->operands[1];
    if (stat(operand, &st) == 0 && S_ISDIR(st.st_mode)) {
        run->folder = operand;
        if (*ret_file == NULL) {
            if (asprintf(ret_made, "%s/tests.yaml", operand) < 0)
                return bx_error_set_nomem(err);
            *ret_file = *ret_made;
        }
        return find_name(run, err);
    }
    run->name = strdup(operand);
    if (*ret_file == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is no folder; expected the cases of tool "
                            "'%s' as a second operand, CASES.yaml",
                            operand, operand);
    return run->name == NULL ? bx_error_set_nomem(err) : 0;
}

int bx_tool_test_run(bx_tool_cli *cli)
{
    bx_test_run run = { .cli = cli };
    bx_error *err = NULL;
    bx_autofree char *made = NULL;
    const char *file = NULL;
    int result;

    if (cli->options.operands_count < 1 || cli->options.operands_count > 2)
        return bx_cli_usage(BX_EXIT_USAGE, "tool test",
                            "expected NAME CASES.yaml, or the tool's FOLDER");
    if (cli->wants_json)
        run.report = json_array();
    result = start(&run, &file, &made, &err);
    if (result == 0)
        result = run_cases(&run, file, &err);
    if (run.home != NULL)
        remove_tree(run.home);
    if (result == 0 && run.report != NULL) {
        json_dumpf(run.report, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(run.report);
    free(run.state_dir);
    free(run.home);
    free(run.name);
    if (result < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return run.failed > 0 ? BX_EXIT_FAILED : 0;
}
