/* boxagnts cache: what is compiled, and away with it. */
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "sandbox/cache.h"

static void print_help(void)
{
    puts("List the compiled modules, or remove them all. They are made again "
         "when needed.\n\n"
         "Usage: boxagnts cache list [--wasm-cache-dir DIR] [--json]\n"
         "       boxagnts cache clear [--wasm-cache-dir DIR]");
}

static int list_json(const bx_cache *cache, const bx_cache_entry *entries,
                     size_t count)
{
    json_t *list = json_array();
    json_t *root;

    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I}", "name", entries[i].name, "bytes",
                            (json_int_t)entries[i].bytes, "modified",
                            (json_int_t)entries[i].modified_s));
    root = json_pack("{s:s, s:o}", "dir", bx_cache_dir(cache), "entries", list);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
    return 0;
}

static int list_text(const bx_cache *cache, const bx_cache_entry *entries,
                     size_t count)
{
    uint64_t total = 0;
    char text[32];

    for (size_t i = 0; i < count; i++) {
        time_t modified = (time_t)entries[i].modified_s;
        char when[32] = "";
        struct tm local;

        if (localtime_r(&modified, &local) != NULL)
            strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &local);
        printf("%.16s...  %10s  %s\n", entries[i].name,
               bx_cli_bytes(entries[i].bytes, text), when);
        total += entries[i].bytes;
    }
    printf("%zu compiled modules, %s, in %s\n", count,
           bx_cli_bytes(total, text), bx_cache_dir(cache));
    return 0;
}

static int list(const bx_cache *cache, bool wants_json)
{
    bx_error *err = NULL;
    bx_cache_entry *entries;
    size_t count;
    int status;

    if (bx_cache_list(cache, &entries, &count, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    status = wants_json ? list_json(cache, entries, count)
                        : list_text(cache, entries, count);
    bx_cache_entries_free(entries, count);
    return status;
}

static int clear(const bx_cache *cache)
{
    bx_error *err = NULL;
    size_t count;

    if (bx_cache_clear(cache, &count, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    printf("removed %zu compiled modules from %s\n", count,
           bx_cache_dir(cache));
    return 0;
}

int bx_cmd_cache(int argc, char **argv)
{
    static const struct option table[] = {
        { "wasm-cache-dir", required_argument, NULL, 'd' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *dir = NULL;
    const char *verb;
    bx_error *err = NULL;
    bx_cache *cache;
    bool wants_json = false;
    int flag;
    int status;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag == '?')
            return bx_cli_usage(BX_EXIT_USAGE, "cache",
                                "'%s' is not an option, or needs a value",
                                argv[optind - 1]);
        if (flag == 'd')
            dir = optarg;
        else
            wants_json = true;
    }
    verb = optind + 1 == argc ? argv[optind] : "";
    if (strcmp(verb, "list") != 0 && strcmp(verb, "clear") != 0)
        return bx_cli_usage(BX_EXIT_USAGE, "cache", "expected list or clear");
    cache = bx_cache_open(dir, &err);
    if (cache == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    status = strcmp(verb, "list") == 0 ? list(cache, wants_json) : clear(cache);
    bx_cache_free(cache);
    return status;
}
