/* boxagnts settings: what an agent would run with here, and who said so. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "agent/one_line.h"
#include "agent/settings.h"
#include "cli/cli.h"

#define VALUE_BYTES 200

static void print_help(void)
{
    puts("Show what an agent would run with in this folder, and who said so: "
         "your\n~/.config/boxagnts/agent.yaml, the workspace's "
         ".boxagnts/agent.yaml, or nobody.\n\n"
         "Usage: boxagnts settings [DIR] [--json]\n\n"
         "Exit status: 0 fine; 1 a file is wrong, and named; 2 usage.");
}

static const char *member(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));

    return text == NULL ? "" : text;
}

/* model: of sessions that begin where nobody names one. */
static void print_rows(const json_t *rows, const char *model)
{
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const bool is_model = strcmp(member(row, "key"), "model") == 0;
        const char *said = member(row, "value");
        const char *value = is_model && said[0] == '\0' ? model : said;
        const char *from = member(row, "from");
        bx_autofree char *line =
            bx_one_line(value, strlen(value), VALUE_BYTES, NULL);
        bx_autofree char *origin =
            bx_one_line(from, strlen(from), VALUE_BYTES, NULL);

        printf("%-20s %-20s %s\n", member(row, "key"),
               line == NULL      ? ""
               : line[0] == '\0' ? "-"
                                 : line,
               origin == NULL ? "" : origin);
    }
}

static int print_json(json_t *rows, json_t *problems)
{
    json_t *value =
        json_pack("{s:O, s:O}", "settings", rows, "problems", problems);
    int result = value == NULL ? -1 : json_dumpf(value, stdout, JSON_INDENT(2));

    putchar('\n');
    json_decref(value);
    return result < 0 ? BX_EXIT_FAILED : 0;
}

static int show(const char *workspace, bool is_json, json_t *problems)
{
    bx_automodels bx_models *models = NULL;
    bx_autosettings bx_settings settings = { 0 };
    bx_error *err = NULL;
    const json_t *problem;
    json_t *rows = NULL;
    int status = 0;
    size_t i;

    models = bx_models_load(NULL, &err);
    if (models != NULL && bx_settings_load(workspace, models, BX_MODE_READS,
                                           problems, &settings, &err) == 0)
        rows = bx_settings_explain(&settings, &err);
    if (rows == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (is_json) {
        status = print_json(rows, problems);
    } else {
        print_rows(rows, bx_models_default(models)->name);
        fflush(stdout);
        json_array_foreach(problems, i, problem)
        {
            const char *text = json_string_value(problem);

            fputs("boxagnts: ", stderr);
            bx_cli_print_safe(stderr, text, strlen(text));
            putc('\n', stderr);
        }
    }
    json_decref(rows);
    return status;
}

int bx_cmd_settings(int argc, char **argv)
{
    static const struct option flags[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bx_autofree char *workspace = NULL;
    json_t *problems = NULL;
    bool is_json = false;
    bx_error *err = NULL;
    int status;
    int flag;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", flags, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "settings",
                                "'%s' is not an option", argv[optind - 1]);
        is_json = true;
    }
    if (argc - optind > 1)
        return bx_cli_usage(BX_EXIT_USAGE, "settings",
                            "'%s'? expected one folder", argv[optind + 1]);
    workspace = realpath(optind < argc ? argv[optind] : ".", NULL);
    if (workspace == NULL) {
        (void)bx_error_set_errno(&err, errno, "workspace '%.300s'",
                                 optind < argc ? argv[optind] : ".");
        return bx_cli_fail(BX_EXIT_FAILED, err);
    }
    problems = json_array();
    status = show(workspace, is_json, problems);
    json_decref(problems);
    return status;
}
