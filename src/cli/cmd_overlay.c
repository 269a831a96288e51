/* boxagnts overlay: what runs under --overlay changed, before it counts. */
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/overlay_cli.h"
#include "cli/tool_cli.h"
#include "overlay/commit.h"
#include "overlay/select.h"

typedef struct overlay_options {
    const char *name;
    const char *const *paths; /* operands, or those of --only */
    size_t paths_count;
    const char **only; /* owned */
    size_t only_count;
    bool is_stat;
    bool is_json;
    bool is_forced;
    bool is_kept;
    bool is_agreed;
} overlay_options;

static void print_help(void)
{
    puts("Look at what runs under --overlay changed, then make it count or "
         "drop it. Under\nan overlay the files of mapped folders are read as "
         "ever; whatever is written,\nremoved or renamed goes to the overlay, "
         "and the folders stay as they are.\n\n"
         "Usage: boxagnts overlay list [--json]\n"
         "       boxagnts overlay diff NAME [PATH...] [--stat | --json]\n"
         "       boxagnts overlay commit NAME [--only PATH]... [--force] "
         "[--keep] [--yes]\n"
         "       boxagnts overlay drop NAME [--yes]\n\n"
         "diff prints a unified diff that git and patch can apply; --stat one "
         "line for\neach path. commit writes the changes to the folders, each "
         "file in one step, then\ndrops the overlay; ended half-way, the same "
         "command finishes it. Where a folder\nis no longer as the run saw "
         "it, that is a conflict, and nothing is committed.\n\n"
         "  --only PATH   commit what is at or beneath it; the rest stays "
         "(also: whatever\n                a policy protects, which only its "
         "own path commits)\n"
         "  --force       conflicts too: the overlay's side wins\n"
         "  --keep        keep the overlay, empty, for more runs\n"
         "  --yes         do not ask\n"
         "  --stat        paths and counts of lines\n"
         "  --json        for programs\n\n"
         "Examples:\n"
         "  boxagnts bash --overlay=tidy -c 'rm -r old; sed -i s/a/b/ x.txt'\n"
         "  boxagnts overlay diff tidy\n"
         "  boxagnts overlay commit tidy --only x.txt\n"
         "  boxagnts overlay drop tidy\n\n"
         "Exit status: 0 done; 1 conflicts, in use, or not agreed; 2 usage.");
}

/* ---- list ------------------------------------------------------------ */

static json_t *mappings_json(const bx_overlay_store *store)
{
    json_t *list = json_array();

    for (size_t i = 0; i < store->mappings_count; i++)
        json_array_append_new(list, json_string(store->mappings[i].path));
    return list;
}

static json_t *summary_json(const bx_overlay_store *store,
                            const bx_deltas_count *count)
{
    return json_pack(
        "{s:s, s:s, s:I, s:o, s:I, s:I, s:I, s:I}", "name", store->name, "path",
        store->dir, "created_s", (json_int_t)store->created_s, "folders",
        mappings_json(store), "added", (json_int_t)count->added, "modified",
        (json_int_t)count->modified, "removed", (json_int_t)count->removed,
        "conflicts", (json_int_t)count->conflicts);
}

static void print_summary(const bx_overlay_store *store,
                          const bx_deltas_count *count)
{
    time_t created = (time_t)store->created_s;
    struct tm local;
    char text[32] = "?";

    if (localtime_r(&created, &local) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local);
    printf("%-24s  %s  ", store->name, text);
    bx_overlay_cli_print_count(count, stdout);
    for (size_t i = 0; i < store->mappings_count; i++) {
        fputs(i == 0 ? "  " : ", ", stdout);
        bx_cli_print_safe(stdout, store->mappings[i].path,
                          strlen(store->mappings[i].path));
    }
    putchar('\n');
}

/* One that is broken is said and does not hide the others. */
static int list_one(const char *name, json_t *list)
{
    bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(name, BX_OVERLAY_LOOK, &err);
    bx_autodeltas bx_deltas changes = { NULL, NULL, 0 };
    bx_deltas_count count;

    if (store == NULL || bx_deltas_find(store, &changes, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    count = bx_deltas_sum(&changes);
    if (list == NULL)
        print_summary(store, &count);
    else
        json_array_append_new(list, summary_json(store, &count));
    return 0;
}

static int list(const overlay_options *options)
{
    bx_error *err = NULL;
    bx_autonames bx_names names = { NULL, 0 };
    json_t *rows = options->is_json ? json_array() : NULL;
    int status = 0;

    if (options->name != NULL)
        return bx_cli_usage(BX_EXIT_USAGE, "overlay", "list takes no name");
    if (bx_overlays_list(&names, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    for (size_t i = 0; i < names.count; i++) {
        int failed = list_one(names.names[i], rows);

        if (failed != 0)
            status = failed;
    }
    if (rows != NULL) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(rows);
    } else if (names.count == 0) {
        fputs("no overlays; `boxagnts bash --overlay -c COMMAND` makes one\n",
              stderr);
    }
    return status;
}

/* ---- diff ------------------------------------------------------------ */

static int diff(const overlay_options *options)
{
    bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(options->name, BX_OVERLAY_LOOK, &err);
    bx_autodeltas bx_deltas changes = { NULL, NULL, 0 };
    bx_autofree bool *selected = NULL;
    int failed;

    if (store == NULL || bx_deltas_find(store, &changes, &err) < 0 ||
        bx_deltas_select(&changes, options->paths, options->paths_count,
                         &selected, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    failed =
        options->is_json
            ? bx_overlay_cli_diff_json(&changes, selected, &err)
            : bx_overlay_cli_diff(&changes, selected, options->is_stat, &err);
    return failed < 0 ? bx_cli_fail(BX_EXIT_FAILED, err) : 0;
}

/* ---- commit ---------------------------------------------------------- */

static int commit(const overlay_options *options)
{
    const bx_commit_options how = { .only = options->only,
                                    .only_count = options->only_count,
                                    .is_forced = options->is_forced,
                                    .is_kept = options->is_kept };
    bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(options->name, BX_OVERLAY_ALONE, &err);
    bx_autodeltas bx_deltas changes = { NULL, NULL, 0 };
    bx_autoplan bx_commit_plan plan = { NULL };
    bx_commit_result result;

    if (options->paths_count > 0)
        return bx_cli_usage(BX_EXIT_USAGE, "overlay",
                            "commit takes one name; --only PATH commits some");
    if (store == NULL || bx_deltas_find(store, &changes, &err) < 0 ||
        bx_commit_make_plan(&changes, &how, &plan, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (plan.count > 0)
        bx_overlay_cli_print_rows(&changes, plan.selected, stderr);
    if (plan.conflicts > 0 && !options->is_forced) {
        fprintf(stderr,
                "boxagnts: %zu in conflict with what was changed in the folder "
                "meanwhile: nothing is\ncommitted. --only PATH commits others, "
                "--force lets the overlay's side win.\n",
                plan.conflicts);
        return BX_EXIT_FAILED;
    }
    if (plan.count > 0 && !options->is_agreed) {
        if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
            return bx_cli_usage(BX_EXIT_USAGE, "overlay",
                                "no terminal to ask on; --yes agrees");
        if (!bx_tool_cli_ask("Commit this?"))
            return BX_EXIT_FAILED;
    }
    if (bx_overlay_commit(store, &changes, &plan, &how, &result, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    fprintf(stderr, "boxagnts: committed %zu", result.committed);
    if (result.left > 0)
        fprintf(stderr, ", %zu left in overlay '%s'", result.left,
                options->name);
    else
        fputs(options->is_kept ? "; the overlay is kept, empty"
                               : "; the overlay is gone",
              stderr);
    fputs("\n", stderr);
    return 0;
}

/* ---- drop ------------------------------------------------------------ */

/* What would be lost; of one that is broken, nothing can be said. */
static void print_held(const char *name)
{
    bx_autoerror bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(name, BX_OVERLAY_LOOK, &err);
    bx_autodeltas bx_deltas changes = { NULL, NULL, 0 };
    bx_deltas_count count;

    if (store == NULL || bx_deltas_find(store, &changes, &err) < 0)
        return;
    count = bx_deltas_sum(&changes);
    fprintf(stderr, "boxagnts: overlay '%s': ", name);
    bx_overlay_cli_print_count(&count, stderr);
    fputc('\n', stderr);
}

static int drop(const overlay_options *options)
{
    bx_error *err = NULL;
    bx_autooverlay bx_overlay_store *store =
        bx_overlay_store_open(options->name, BX_OVERLAY_END, &err);

    if (options->paths_count > 0)
        return bx_cli_usage(BX_EXIT_USAGE, "overlay", "drop takes one name");
    if (store == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    print_held(options->name);
    if (!options->is_agreed && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
        !bx_tool_cli_ask("Drop it, with all that it holds?"))
        return BX_EXIT_FAILED;
    if (bx_overlay_store_drop(store, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    fputs("boxagnts: dropped; the folders are as they were\n", stderr);
    return 0;
}

/* ---- the command ----------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(const overlay_options *options);
    bool has_name;
    const char *flags; /* the letters of those it has */
} verbs[] = {
    { "list", list, false, "j" },
    { "diff", diff, true, "sj" },
    { "commit", commit, true, "ofky" },
    { "drop", drop, true, "y" },
};
#define VERBS_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct option flags[] = {
    { "only", required_argument, NULL, 'o' },
    { "force", no_argument, NULL, 'f' },
    { "keep", no_argument, NULL, 'k' },
    { "yes", no_argument, NULL, 'y' },
    { "stat", no_argument, NULL, 's' },
    { "json", no_argument, NULL, 'j' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static void take_flag(overlay_options *options, int flag)
{
    switch (flag) {
    case 'o':
        options->only[options->only_count++] = optarg;
        break;
    case 'f':
        options->is_forced = true;
        break;
    case 'k':
        options->is_kept = true;
        break;
    case 'y':
        options->is_agreed = true;
        break;
    case 's':
        options->is_stat = true;
        break;
    default:
        options->is_json = true;
    }
}

static int run_verb(overlay_options *options, int argc, char **argv)
{
    char given[16] = "";
    size_t given_count = 0;
    int flag;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", flags, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "overlay",
                                "'%s' is not an option, or needs a value",
                                argv[optind - 1]);
        if (strchr(given, flag) == NULL)
            given[given_count++] = (char)flag;
        take_flag(options, flag);
    }
    for (size_t i = 0; optind < argc && i < VERBS_COUNT; i++) {
        if (strcmp(argv[optind], verbs[i].name) != 0)
            continue;
        if (strspn(given, verbs[i].flags) != given_count)
            return bx_cli_usage(BX_EXIT_USAGE, "overlay",
                                "%s does not take one of these options",
                                verbs[i].name);
        if (verbs[i].has_name && optind + 1 >= argc)
            return bx_cli_usage(BX_EXIT_USAGE, "overlay",
                                "%s: which overlay? `boxagnts overlay list` "
                                "shows them",
                                verbs[i].name);
        options->name = optind + 1 < argc ? argv[optind + 1] : NULL;
        options->paths = (const char *const *)argv + optind + 2;
        options->paths_count =
            argc > optind + 2 ? (size_t)(argc - optind - 2) : 0;
        return verbs[i].run(options);
    }
    if (optind < argc)
        return bx_cli_usage(BX_EXIT_USAGE, "overlay",
                            "'%s'? expected list, diff, commit or drop",
                            argv[optind]);
    return bx_cli_usage(BX_EXIT_USAGE, "overlay",
                        "expected list, diff, commit or drop");
}

int bx_cmd_overlay(int argc, char **argv)
{
    overlay_options options = { 0 };
    int status;

    options.only = calloc((size_t)argc, sizeof(*options.only));
    if (options.only == NULL)
        return BX_EXIT_FAILED;
    status = run_verb(&options, argc, argv);
    free((void *)options.only);
    return status;
}
