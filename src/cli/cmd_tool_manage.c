/* boxagnts tool add, remove, approve: what decides which tools run. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "cli/tool_cli.h"

static void print_difference(const char *text)
{
    bool has_colour = bx_cli_has_colour(stdout);

    while (*text != '\0') {
        size_t bytes = strcspn(text, "\n");
        const char *colour = NULL;

        if (has_colour && text[0] == '-')
            colour = "\033[31m";
        else if (has_colour && text[0] == '+')
            colour = "\033[32m";
        else if (has_colour && text[0] == '@')
            colour = "\033[36m";
        printf("%s%.*s%s\n", colour == NULL ? "" : colour, (int)bytes, text,
               colour == NULL ? "" : "\033[0m");
        text += bytes + (text[bytes] == '\n');
    }
}

/* Show, ask, pin. */
static int approve(bx_tool_cli *cli, const char *name)
{
    bx_error *err = NULL;
    bx_autofree char *difference = NULL;

    if (bx_registry_difference(cli->registry, name, &difference, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    print_difference(difference);
    if (difference[0] == '\0') {
        printf("'%s' is as it was approved\n", name);
        return 0;
    }
    fflush(stdout);
    if (!cli->is_agreed && !bx_tool_cli_ask("Approve the tool as it is now?")) {
        fprintf(stderr, "boxagnts: '%s' is not approved%s\n", name,
                isatty(STDIN_FILENO) ? ""
                                     : "; --yes agrees without a terminal");
        return BX_EXIT_FAILED;
    }
    free(difference);
    difference = NULL;
    if (bx_registry_approve(cli->registry, name, &difference, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    printf("approved '%s'\n", name);
    return 0;
}

int bx_tool_approve_run(bx_tool_cli *cli)
{
    bx_error *err = NULL;

    if (cli->options.operands_count != 1)
        return bx_cli_usage(BX_EXIT_USAGE, "tool approve",
                            "which tool? Expected one NAME");
    if (bx_tool_cli_open(cli, 1, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return approve(cli, cli->options.operands[0]);
}

/* ---- add ------------------------------------------------------------- */

/* The files beside one another that make a tool: those of these that exist. */
static const char *const endings[] = { ".wasm", ".wat", ".tool.yaml",
                                       ".js",   ".mjs", ".py" };
#define ENDINGS_COUNT (sizeof(endings) / sizeof(endings[0]))

/* Path without the ending, owned; NULL with err for other files. */
static char *get_stem(const char *path, bx_error **err)
{
    size_t bytes = strlen(path);

    for (size_t i = 0; i < ENDINGS_COUNT; i++) {
        size_t tail = strlen(endings[i]);

        if (bytes > tail && path[bytes - tail - 1] != '/' &&
            strcmp(path + bytes - tail, endings[i]) == 0)
            return strndup(path, bytes - tail);
    }
    bx_error_set(err, BX_ERR_INVALID,
                 "'%s': expected NAME.wasm, NAME.wat or NAME.tool.yaml", path);
    return NULL;
}

static int copy_file(const char *from, const char *to, bx_error **err)
{
    bx_autofree char *bytes = NULL;
    size_t count;

    if (bx_file_read(from, 256u << 20, &bytes, &count, err) < 0)
        return -1;
    return bx_file_replace(to, bytes, count, 0644, err);
}

/* Is the other file part of the tool that path names? */
static bool belongs(const char *path, const char *ending)
{
    bool is_module =
        strcmp(ending, ".wasm") == 0 || strcmp(ending, ".wat") == 0;
    size_t bytes = strlen(path);
    size_t tail = strlen(ending);

    if (bytes > tail && strcmp(path + bytes - tail, ending) == 0)
        return true;
    /* foo.wasm brings foo.tool.yaml; foo.tool.yaml brings foo.js. */
    if (strstr(path, ".tool.yaml") != NULL)
        return !is_module;
    return strcmp(ending, ".tool.yaml") == 0;
}

static int copy_tool(const char *path, const char *dir, bx_error **err)
{
    bx_autofree char *stem = get_stem(path, err);
    const char *name;

    if (stem == NULL)
        return -1;
    name = strrchr(stem, '/') == NULL ? stem : strrchr(stem, '/') + 1;
    if (access(path, R_OK) < 0)
        return bx_error_set_errno(err, errno, "'%s'", path);
    if (bx_file_make_dirs(dir, 0755, err) < 0)
        return -1;
    for (size_t i = 0; i < ENDINGS_COUNT; i++) {
        bx_autofree char *from = NULL;
        bx_autofree char *to = NULL;

        if (asprintf(&from, "%s%s", stem, endings[i]) < 0 ||
            asprintf(&to, "%s/%s%s", dir, name, endings[i]) < 0)
            return bx_error_set_nomem(err);
        if (belongs(path, endings[i]) && access(from, F_OK) == 0 &&
            copy_file(from, to, err) < 0)
            return -1;
    }
    return 0;
}

/* What a file's tools' paths begin with in the folder; NULL without memory. */
static char *begin_of(bx_tool_cli *cli, bx_tool_source source, const char *path)
{
    bx_autofree char *stem = get_stem(path, NULL);
    const char *slash = stem == NULL ? NULL : strrchr(stem, '/');
    char *begin;

    if (stem == NULL ||
        asprintf(&begin, "%s/%s.", bx_registry_folder(cli->registry, source),
                 slash == NULL ? stem : slash + 1) < 0)
        return NULL;
    return begin;
}

static int get_target(const bx_tool_cli *cli, bx_tool_source *ret_source)
{
    if (cli->to == NULL || strcmp(cli->to, "user") == 0)
        *ret_source = BX_TOOL_USER;
    else if (strcmp(cli->to, "workspace") == 0)
        *ret_source = BX_TOOL_WORKSPACE;
    else
        return bx_cli_usage(-1, "tool add",
                            "--to '%s': expected user or workspace", cli->to);
    return 0;
}

static int report_added(bx_tool_cli *cli, const bx_tool *tool)
{
    if (tool->status == BX_TOOL_UNAPPROVED || tool->status == BX_TOOL_CHANGED)
        return approve(cli, tool->name);
    if (tool->status != BX_TOOL_READY) {
        fprintf(stderr, "boxagnts: '%s' is there, but %s: %s\n", tool->name,
                bx_tool_status_name(tool->status), tool->why);
        return BX_EXIT_FAILED;
    }
    printf("added '%s' as '%s'; `boxagnts tool explain %s` shows what it may "
           "do\n",
           tool->name, tool->path, tool->name);
    return 0;
}

/* A component may be several tools. */
static int finish_add(bx_tool_cli *cli, bx_tool_source source, const char *path)
{
    bx_autofree char *begin = begin_of(cli, source, path);
    bx_tool **tools = NULL;
    size_t count = 0;
    size_t added = 0;
    int status = 0;

    if (begin != NULL)
        (void)bx_registry_list(cli->registry, &tools, &count, NULL);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(tools[i]->path, begin, strlen(begin)) != 0)
            continue;
        added++;
        if (report_added(cli, tools[i]) != 0)
            status = BX_EXIT_FAILED;
    }
    bx_registry_list_free(tools, count);
    if (added == 0)
        return bx_cli_usage(BX_EXIT_FAILED, "tool add", "'%s' is no tool",
                            path);
    return status;
}

int bx_tool_add_run(bx_tool_cli *cli)
{
    bx_error *err = NULL;
    bx_tool_source source = BX_TOOL_USER;
    const char *dir;

    if (cli->options.operands_count != 1)
        return bx_cli_usage(BX_EXIT_USAGE, "tool add",
                            "which file? Expected one FILE");
    if (get_target(cli, &source) < 0)
        return BX_EXIT_USAGE;
    if (bx_tool_cli_open(cli, 1, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    dir = bx_registry_folder(cli->registry, source);
    if (dir == NULL)
        return bx_cli_usage(BX_EXIT_FAILED, "tool add",
                            "no home folder; set HOME");
    if (copy_tool(cli->options.operands[0], dir, &err) < 0 ||
        bx_registry_refresh(cli->registry, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return finish_add(cli, source, cli->options.operands[0]);
}

/* ---- remove ---------------------------------------------------------- */

int bx_tool_remove_run(bx_tool_cli *cli)
{
    bx_error *err = NULL;
    bx_autotool bx_tool *tool = NULL;
    bx_autofree char *stem = NULL;

    if (cli->options.operands_count != 1)
        return bx_cli_usage(BX_EXIT_USAGE, "tool remove",
                            "which tool? Expected one NAME");
    if (bx_tool_cli_open(cli, 1, &err) < 0 ||
        (tool = bx_registry_get(cli->registry, cli->options.operands[0],
                                &err)) == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (tool->source == BX_TOOL_BUILTIN)
        return bx_cli_usage(BX_EXIT_FAILED, "tool remove",
                            "'%s' is built in; `tool-level: %s=forbidden` in "
                            "the policy keeps it from running",
                            tool->name, tool->name);
    stem = get_stem(tool->path, &err);
    if (stem == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    for (size_t i = 0; i < ENDINGS_COUNT; i++) {
        bx_autofree char *path = NULL;

        if (asprintf(&path, "%s%s", stem, endings[i]) < 0) {
            path = NULL;
            bx_error_set_nomem(&err);
            return bx_cli_fail(BX_EXIT_FAILED, err);
        }
        if (unlink(path) == 0) {
            printf("removed '%s'\n", path);
        } else if (errno != ENOENT) {
            bx_error_set_errno(&err, errno, "'%s'", path);
            return bx_cli_fail(BX_EXIT_FAILED, err);
        }
    }
    if (bx_registry_forget(cli->registry, tool, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    return 0;
}
