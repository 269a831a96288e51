/* boxagnts inspect: what a module is and will ask for. */
#include <getopt.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"

#define SHOWN_BYTES 256       /* of a name */
#define SHOWN_LONG_BYTES 4096 /* of a signature */

static void print_help(void)
{
    puts("Show a module's kind, size, memory, imports and exports, and which "
         "capabilities\nit will ask for; of a component its world. Nothing of "
         "it is run.\n\n"
         "Usage: boxagnts inspect [--json] FILE.wasm");
}

static const char *get(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

/* A name is the module's: nothing of it may act on the terminal or pass for a
 * line of ours. */
static void print_name(const json_t *object, const char *key)
{
    const json_t *name = json_object_get(object, key);
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, json_string_value(name),
                           json_string_length(name), SHOWN_BYTES) == 0)
        fputs(shown.data, stdout);
}

static void print_long(const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, json_string_value(text),
                           json_string_length(text), SHOWN_LONG_BYTES) == 0)
        fputs(shown.data, stdout);
}

/* "(i32, i32) -> i32" */
static void print_signature(const json_t *item)
{
    static const char *const keys[] = { "params", "results" };

    for (int i = 0; i < 2; i++) {
        const json_t *types = json_object_get(item, keys[i]);
        size_t index;
        const json_t *type;

        fputs(i == 0 ? "(" : " -> ", stdout);
        if (i == 1 && json_array_size(types) == 0)
            fputs("()", stdout);
        json_array_foreach(types, index, type)
            printf("%s%s", index == 0 ? "" : ", ", json_string_value(type));
        fputs(i == 0 ? ")" : "", stdout);
    }
}

/* WIT text of the component's own names: nothing of it may act on the
 * terminal. */
static void print_wit(const json_t *item)
{
    /* What the sandbox has is known; its signatures are pages. */
    const json_t *functions = json_is_true(json_object_get(item, "is_known"))
                                  ? NULL
                                  : json_object_get(item, "functions");
    size_t index;
    const json_t *function;

    if (json_object_get(item, "signature") != NULL) {
        fputs(": ", stdout);
        print_long(item, "signature");
    }
    json_array_foreach(functions, index, function)
    {
        fputs("\n    ", stdout);
        print_name(function, "name");
        fputs(": ", stdout);
        print_long(function, "signature");
    }
}

static bool is_component(const json_t *root)
{
    return strcmp(get(root, "kind"), "component") == 0;
}

static void print_world_item(const json_t *item, bool is_import)
{
    printf("  %s ", get(item, "kind"));
    print_name(item, "name");
    print_wit(item);
    if (is_import && json_is_false(json_object_get(item, "is_known")))
        fputs("  NOT AVAILABLE in the sandbox", stdout);
    putchar('\n');
}

static void print_item(const json_t *item, bool is_import)
{
    const json_t *min = json_object_get(item, "min_pages");
    const json_t *max = json_object_get(item, "max_pages");
    char text[32];

    fputs("  ", stdout);
    if (is_import) {
        print_name(item, "module");
        putchar('.');
    }
    print_name(item, "name");
    fputs("  ", stdout);
    if (strcmp(get(item, "kind"), "function") == 0)
        print_signature(item);
    else
        fputs(get(item, "kind"), stdout);
    if (min != NULL) {
        printf(", %s",
               bx_cli_bytes((uint64_t)json_integer_value(min) << 16, text));
        if (max != NULL)
            printf(" to %s",
                   bx_cli_bytes((uint64_t)json_integer_value(max) << 16, text));
        else
            fputs(", may grow", stdout);
    }
    if (is_import && json_is_false(json_object_get(item, "is_known")))
        fputs("  NOT AVAILABLE in the sandbox", stdout);
    putchar('\n');
}

static void print_items(const json_t *root, const char *key, bool is_import)
{
    const json_t *items = json_object_get(root, key);
    size_t index;
    const json_t *item;

    printf("%s (%zu)\n", key, json_array_size(items));
    json_array_foreach(items, index, item)
    {
        if (is_component(root))
            print_world_item(item, is_import);
        else
            print_item(item, is_import);
    }
}

static void print_text(const json_t *root)
{
    const json_t *asks = json_object_get(root, "capabilities");
    char text[32];
    size_t index;
    const json_t *ask;

    fputs("module   ", stdout);
    print_name(root, "module");
    printf(
        "\nsha256   %s\nsize     %s\nkind     %s\nasks for ",
        get(root, "sha256"),
        bx_cli_bytes(
            (uint64_t)json_integer_value(json_object_get(root, "bytes")), text),
        get(root, "kind"));
    if (json_array_size(asks) == 0)
        fputs("nothing", stdout);
    json_array_foreach(asks, index, ask)
        printf("%s%s", index == 0 ? "" : ", ", json_string_value(ask));
    putchar('\n');
    print_items(root, "imports", true);
    print_items(root, "exports", false);
}

int bx_cmd_inspect(int argc, char **argv)
{
    static const struct option table[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const bx_engine_options one = { sizeof(one), 1 };
    bx_error *err = NULL;
    bx_engine *engine;
    bx_module *module = NULL;
    bx_autofree char *text = NULL;
    bool wants_json = false;
    json_t *root;
    int flag;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (flag == 'h') {
            print_help();
            return 0;
        }
        if (flag != 'j')
            return bx_cli_usage(BX_EXIT_USAGE, "inspect",
                                "'%s' is not an option", argv[optind - 1]);
        wants_json = true;
    }
    if (optind + 1 != argc)
        return bx_cli_usage(BX_EXIT_USAGE, "inspect", "expected one FILE.wasm");
    engine = bx_engine_new(&one, &err);
    if (engine != NULL)
        module = bx_module_load(engine, argv[optind], NULL, &err);
    if (module != NULL)
        text = bx_module_inspect(module, &err);
    bx_module_free(module);
    bx_engine_free(engine);
    if (text == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (wants_json) {
        puts(text);
        return 0;
    }
    root = json_loads(text, JSON_ALLOW_NUL, NULL);
    if (root == NULL) {
        bx_error_set_nomem(&err);
        return bx_cli_fail(BX_EXIT_FAILED, err);
    }
    print_text(root);
    json_decref(root);
    return 0;
}
