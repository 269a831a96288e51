#include "manifest/support.h"

#include <string.h>

/* The schema's properties without descriptions, and the flags, as JSON. */
static void expect(const char *help, const char *schema, const char *flags)
{
    bx_error *err = NULL;
    bx_manifest *manifest =
        bx_manifest_adapt_help("prog", help, strlen(help), &err);
    json_t *wanted_schema = parse_json(schema);
    json_t *wanted_flags = parse_json(flags);
    json_t *properties;
    const char *name;
    json_t *property;
    char *got;

    if (manifest == NULL)
        fail_msg("no manifest: %s", bx_error_message(err));
    assert_int_equal(manifest->input, BX_TOOL_INPUT_FLAGS);
    properties = json_object_get(manifest->input_schema, "properties");
    json_object_foreach(properties, name, property)
        json_object_del(property, "description");
    json_object_del(manifest->input_schema, "type");
    json_object_del(manifest->input_schema, "additionalProperties");
    if (!json_equal(manifest->input_schema, wanted_schema)) {
        got = json_dumps(manifest->input_schema, 0);
        fail_msg("schema %s of\n%s", got, help);
    }
    if (!json_equal(manifest->flags, wanted_flags)) {
        got = json_dumps(manifest->flags, 0);
        fail_msg("flags %s of\n%s", got, help);
    }
    json_decref(wanted_schema);
    json_decref(wanted_flags);
    bx_manifest_free(manifest);
}

static void argparse_is_understood(void **state)
{
    (void)state;
    expect(
        "usage: python -m tool [-h] [-n COUNT] [--mode {fast,slow}] --out OUT "
        "[-v]\n"
        "               [--color | --no-color] [--tag TAG [TAG ...]]\n"
        "               path [more ...]\n"
        "\n"
        "Count things.\n"
        "\n"
        "positional arguments:\n"
        "  path                  where\n"
        "  more\n"
        "\n"
        "options:\n"
        "  -h, --help            show this help message and exit\n"
        "  -n COUNT, --count COUNT\n"
        "                        how many (default: 3)\n"
        "  --mode {fast,slow}    how\n"
        "  --out OUT\n"
        "  --color, --no-color   colours\n"
        "  --tag TAG [TAG ...]\n"
        "  -v, --verbose\n",
        "{'required': ['out', 'path'], 'properties': {"
        "'count': {'type': 'integer'}, "
        "'mode': {'type': 'string', 'enum': ['fast', 'slow']}, "
        "'out': {'type': 'string'}, 'color': {'type': 'boolean'}, "
        "'tag': {'type': 'array', 'items': {'type': 'string'}}, "
        "'verbose': {'type': 'boolean'}, 'path': {'type': 'string'}, "
        "'more': {'type': 'array', 'items': {'type': 'string'}}}}",
        "{'count': {'flag': '--count'}, 'mode': {'flag': '--mode'}, 'out': "
        "{'flag': '--out'}, 'color': {'flag': '--color', 'negative': "
        "'--no-color'}, 'tag': {'flag': '--tag'}, 'verbose': {'flag': "
        "'--verbose'}, 'path': {'index': 0}, 'more': {'index': 1}}");
}

static void gnu_is_understood(void **state)
{
    (void)state;
    expect("Usage: head [OPTION]... [FILE]...\n"
           "  or:  head --other OTHER\n"
           "Print the first 10 lines of each FILE to standard output.\n"
           "With no FILE, or when FILE is -, read standard input.\n"
           "\n"
           "Mandatory arguments to long options are mandatory for short "
           "options too.\n"
           "  -c, --bytes=[-]NUM       print the first NUM bytes of each "
           "file;\n"
           "                             with the leading '-', print all but\n"
           "  -n, --lines=NUM          print the first NUM lines\n"
           "  -q, --quiet, --silent    never print headers\n"
           "      --color[=WHEN]       colorize\n"
           "      --[no-]pager         page\n"
           "  -z                       line delimiter is NUL, not newline\n"
           "      --help        display this help and exit\n"
           "      --version     output version information and exit\n",
           "{'properties': {'bytes': {'type': 'string'}, "
           "'lines': {'type': 'integer'}, 'quiet': {'type': 'boolean'}, "
           "'color': {'type': ['boolean', 'string']}, "
           "'pager': {'type': 'boolean'}, 'z': {'type': 'boolean'}, "
           "'file': {'type': 'array', 'items': {'type': 'string'}}}}",
           "{'bytes': {'flag': '--bytes'}, 'lines': {'flag': '--lines'}, "
           "'quiet': {'flag': '--quiet'}, 'color': {'flag': '--color'}, "
           "'pager': {'flag': '--pager', 'negative': '--no-pager'}, 'z': "
           "{'flag': '-z'}, 'file': {'index': 0}}");
}

static void clap_is_understood(void **state)
{
    (void)state;
    expect("A program that greets\n"
           "\n"
           "Usage: greet [OPTIONS] --name <NAME> <FILE> [OTHER]...\n"
           "\n"
           "Arguments:\n"
           "  <FILE>      The file\n"
           "  [OTHER]...  More files\n"
           "\n"
           "Options:\n"
           "  -n, --name <NAME>    Name of the person\n"
           "  -c, --count <COUNT>  Times [default: 1]\n"
           "      --level <LEVEL>  How loud [possible values: low, high]\n"
           "  -v, --verbose...     More output\n"
           "  -h, --help           Print help\n"
           "  -V, --version        Print version\n",
           "{'required': ['name', 'file'], 'properties': {"
           "'name': {'type': 'string'}, 'count': {'type': 'integer'}, "
           "'level': {'type': 'string', 'enum': ['low', 'high']}, "
           "'verbose': {'type': 'boolean'}, 'file': {'type': 'string'}, "
           "'other': {'type': 'array', 'items': {'type': 'string'}}}}",
           "{'name': {'flag': '--name'}, 'count': {'flag': '--count'}, "
           "'level': {'flag': '--level'}, 'verbose': {'flag': '--verbose'}, "
           "'file': {'index': 0}, 'other': {'index': 1}}");
}

static void go_and_cobra_are_understood(void **state)
{
    (void)state;
    expect("Usage of prog:\n"
           "  -count int\n"
           "    \thow many (default 5)\n"
           "  -name string\n"
           "    \ta name\n"
           "  -rate float\n"
           "    \trate\n"
           "  -v\tverbose\n",
           "{'properties': {'count': {'type': 'integer'}, 'name': {'type': "
           "'string'}, 'rate': {'type': 'number'}, 'v': {'type': "
           "'boolean'}, 'args': {'type': 'array', 'items': {'type': "
           "'string'}}}}",
           "{'count': {'flag': '-count'}, 'name': {'flag': '-name'}, 'rate': "
           "{'flag': '-rate'}, 'v': {'flag': '-v'}, 'args': {'index': 0}}");
    expect("Does a thing.\n"
           "\n"
           "Usage:\n"
           "  prog [flags] SRC\n"
           "\n"
           "Flags:\n"
           "  -f, --file string     file to read (default \"a\")\n"
           "  -h, --help            help for prog\n"
           "      --retries int     how often\n"
           "      --dry-run         do nothing\n",
           "{'required': ['src'], 'properties': {'file': {'type': 'string'}, "
           "'retries': {'type': 'integer'}, 'dry_run': {'type': 'boolean'}, "
           "'src': {'type': 'string'}}}",
           "{'file': {'flag': '--file'}, 'retries': {'flag': '--retries'}, "
           "'dry_run': {'flag': '--dry-run'}, 'src': {'index': 0}}");
}

static void others_are_understood(void **state)
{
    (void)state;
    /* commander */
    expect("Usage: cli [options] <source>\n"
           "\n"
           "Options:\n"
           "  -p, --port <number>  port (default: 3000)\n"
           "  --level <name>       which (choices: \"a\", \"b\")\n"
           "  --no-cache           skip the cache\n",
           "{'required': ['source'], 'properties': {'port': {'type': "
           "'number'}, 'level': {'type': 'string', 'enum': ['a', 'b']}, "
           "'no_cache': {'type': 'boolean'}, 'source': {'type': 'string'}}}",
           "{'port': {'flag': '--port'}, 'level': {'flag': '--level'}, "
           "'no_cache': {'flag': '--no-cache'}, 'source': {'index': 0}}");
    /* yargs */
    expect("Options:\n"
           "      --help     Show help                            [boolean]\n"
           "  -s, --size     how large               [number] [required]\n"
           "      --all      every one                  [boolean]\n",
           "{'required': ['size'], 'properties': {'size': {'type': 'number'}, "
           "'all': {'type': 'boolean'}}}",
           "{'size': {'flag': '--size'}, 'all': {'flag': '--all'}}");
    /* pip: several forms of a call */
    expect("\nUsage:   \n  pip get [options] <name> ...\n  pip get [options] "
           "<archive url/path> ...\n\nDescription:\n  Gets.\n\n"
           "Options:\n  -d, --dest <dir>  Where.\n",
           "{'required': ['get', 'name'], 'properties': {'dest': {'type': "
           "'string'}, 'get': {'type': 'string'}, 'name': {'type': 'array', "
           "'items': {'type': 'string'}, 'minItems': 1}}}",
           "{'dest': {'flag': '--dest'}, 'get': {'index': 0}, 'name': "
           "{'index': 1}}");
    /* getopt, by hand */
    expect("usage: cut -f LIST [-d CHAR] [-s] FILE\n"
           "\t-f LIST\tfields\n"
           "\t-d CHAR\tdelimiter\n"
           "\t-s\tonly delimited\n"
           "\t-S\tsilent\n",
           "{'required': ['f', 'file'], 'properties': {'f': {'type': "
           "'string'}, 'd': {'type': 'string'}, 's': {'type': 'boolean'}, "
           "'S': {'type': 'boolean'}, "
           "'file': {'type': 'string'}}}",
           "{'f': {'flag': '-f'}, 'd': {'flag': '-d'}, 's': {'flag': '-s'}, "
           "'S': {'flag': '-S'}, "
           "'file': {'index': 0}}");
}

static void words_are_kept(void **state)
{
    const char *help = "usage: p [--all] path\n\nDoes a \x1b[1mthing\x1b[0m.\n"
                       "Twice.\n\nMore.\n\narguments:\n  path  where it is\n"
                       "\noptions:\n  --all  every\n         one\n";
    bx_error *err = NULL;
    bx_manifest *manifest =
        bx_manifest_adapt_help("p", help, strlen(help), &err);
    json_t *properties;

    (void)state;
    assert_non_null(manifest);
    properties = json_object_get(manifest->input_schema, "properties");
    assert_string_equal(manifest->description, "Does a thing. Twice.");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(properties, "path"),
                                          "description")),
        "where it is");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(properties, "all"), "description")),
                        "every one");
    assert_int_equal(manifest->level, BX_LEVEL_READ_ONLY);
    bx_manifest_free(manifest);
}

static void other_text_is_no_manifest(void **state)
{
    static const char *const texts[] = {
        "",
        "hello world\n",
        "usage: prog\n",
        "error: unknown flag --help\n",
        "Usage: prog [OPTIONS]\n\n  -h, --help  this\n",
    };
    bx_error *err = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (bx_manifest_adapt_help("p", texts[i], strlen(texts[i]), &err) !=
            NULL)
            fail_msg("a manifest of '%s'", texts[i]);
        assert_null(err);
    }
    assert_null(bx_manifest_adapt_help("a b", "-x  y\n", 6, &err));
    assert_error(err, BX_ERR_INVALID,
                 "'a b' is no tool's name; expected 1 to 64 letters, digits, "
                 "'-' and '_'");
}

/* More flags than are taken, and lines without end. */
static void size_is_bounded(void **state)
{
    static char help[200000];
    size_t length = 0;
    bx_error *err = NULL;
    bx_manifest *manifest;

    (void)state;
    length = (size_t)snprintf(help, sizeof(help), "usage: p FILE\n\n");
    for (int i = 0; i < 1000; i++)
        length += (size_t)snprintf(help + length, sizeof(help) - length,
                                   "  --flag%d X  words\n", i);
    manifest = bx_manifest_adapt_help("p", help, length, &err);
    assert_non_null(manifest);
    assert_int_equal(json_object_size(manifest->flags), 257);
    bx_manifest_free(manifest);
    memset(help, 'a', sizeof(help));
    memcpy(help, "  --x=", 6);
    manifest = bx_manifest_adapt_help("p", help, sizeof(help), &err);
    assert_non_null(manifest);
    bx_manifest_free(manifest);
}

/* ---- command lines ---- */

static const char help[] = "usage: p [--n N] [-s TEXT] [--[no-]color] [--tag "
                           "TAG]... file [more ...]\n"
                           "  --n N\n  -s TEXT  t\n  --[no-]color\n"
                           "  --when[=WHEN]\n  --tag <TAG>...\n  -v\n";

static void check_argv(const char *input_text, const char *expected)
{
    bx_error *err = NULL;
    bx_manifest *manifest =
        bx_manifest_adapt_help("p", help, strlen(help), &err);
    json_t *input = parse_json(input_text);
    char **argv;
    size_t argc;
    char line[512] = "";

    assert_non_null(manifest);
    if (bx_schema_validate(manifest->input_schema, input, &err) < 0 ||
        bx_manifest_flags(manifest, input, &argv, &argc, &err) < 0) {
        assert_error(err, BX_ERR_INVALID, expected);
    } else {
        for (size_t i = 0; i < argc; i++)
            snprintf(line + strlen(line), sizeof(line) - strlen(line), "[%s]",
                     argv[i]);
        assert_string_equal(line, expected);
        bx_argv_free(argv, argc);
    }
    json_decref(input);
    bx_manifest_free(manifest);
}

static void values_cannot_become_flags(void **state)
{
    (void)state;
    check_argv("{'file': 'a'}", "[p][a]");
    check_argv("{'file': 'a', 'n': -3, 's': 'x y', 'color': true, 'v': false}",
               "[p][--n=-3][-s][x y][--color][a]");
    check_argv("{'file': 'a', 'color': false, 'v': true}",
               "[p][--no-color][-v][a]");
    check_argv("{'file': 'a', 'when': true}", "[p][--when][a]");
    check_argv("{'file': 'a', 'when': '--x'}", "[p][--when=--x][a]");
    check_argv("{'file': 'a', 'tag': ['b', '--c']}",
               "[p][--tag=b][--tag=--c][a]");
    check_argv("{'file': '--all', 'more': ['-x', '-']}",
               "[p][--][--all][-x][-]");
    check_argv("{'file': '-'}", "[p][-]");
    check_argv("{'file': 'a', 's': '-x'}",
               "/s: begins with '-', which -s would take for a flag; expected "
               "another value");
    check_argv("{'more': ['a']}", "/file: missing; expected a string");
    check_argv("{'file': 'a', 'other': 1}",
               "/other: unknown property; expected one of n, s, color, when, "
               "tag, v, file, more");
}

static void manifests_can_name_flags(void **state)
{
    bx_manifest *manifest = parse_manifest(
        "tool:\n  name: head\n  description: First lines.\n"
        "  input_schema: {type: object, properties: {n: {type: integer}, a: "
        "{type: string}, b: {type: string}}}\n"
        "  flags: {n: -n, a: 0, b: 1}\n");
    json_t *input = parse_json("{'n': 4, 'a': 'x', 'b': 'y'}");
    bx_error *err = NULL;
    char **argv;
    size_t argc;

    (void)state;
    assert_int_equal(bx_manifest_flags(manifest, input, &argv, &argc, &err), 0);
    assert_int_equal(argc, 5);
    assert_string_equal(argv[1], "-n");
    assert_string_equal(argv[2], "4");
    assert_string_equal(argv[4], "y");
    bx_argv_free(argv, argc);
    json_object_del(input, "a");
    assert_int_equal(bx_manifest_flags(manifest, input, &argv, &argc, &err),
                     -1);
    assert_error(err, BX_ERR_INVALID,
                 "/a: missing; expected it, since 'b' comes behind it on the "
                 "command line");
    json_decref(input);
    bx_manifest_free(manifest);
}

/* ---- typed exports ---- */

static void exports_become_tools(void **state)
{
    json_t *inspection = parse_json(
        "{'functions': [{'name': 'add', 'schema': {'type': 'object'}}, "
        "{'name': 'sub-all', 'instance': 'ns:pkg/math@1.0.0', 'schema': "
        "{'type': 'object', 'required': ['a']}}, {'name': 'of-resource', "
        "'path': 'of-resource', 'schema': null}, {'name': 'init', 'instance': "
        "'exports', 'path': 'exports#init', 'schema': {'type': 'object'}}]}");
    bx_error *err = NULL;
    bx_manifest **manifests;
    size_t count;

    (void)state;
    assert_int_equal(
        bx_manifest_adapt_exports("calc", inspection, &manifests, &count, &err),
        2);
    assert_string_equal(manifests[0]->name, "calc_add");
    assert_string_equal(manifests[0]->function, "add");
    assert_string_equal(manifests[1]->name, "calc_sub-all");
    assert_string_equal(manifests[1]->function, "ns:pkg/math@1.0.0#sub-all");
    assert_int_equal(manifests[1]->input, BX_TOOL_INPUT_INVOKE);
    assert_int_equal(manifests[1]->level, BX_LEVEL_NONE);
    for (size_t i = 0; i < count; i++)
        bx_manifest_free(manifests[i]);
    free(manifests);
    json_array_remove(json_object_get(inspection, "functions"), 1);
    assert_int_equal(
        bx_manifest_adapt_exports("calc", inspection, &manifests, &count, &err),
        1);
    assert_string_equal(manifests[0]->name, "calc");
    bx_manifest_free(manifests[0]);
    free(manifests);
    json_decref(inspection);
}

static void hostile_exports_are_refused(void **state)
{
    static const char *const cases[][2] = {
        { "{'functions': [{'name': 'a'}]}",
          "'c': the exported function 'a' cannot be a tool; expected a name of "
          "at most 64 letters, digits, '-' and '_' in all, and a schema of its "
          "parameters" },
        { "{'functions': [{'name': 'a', 'schema': {'type': 'x'}}]}",
          "'c': function 'c': /type: 'x' is no type; expected string, number, "
          "integer, boolean, object, array or null" },
        { "{'functions': [{'name': 'a', 'schema': {}}, {'name': 'a', "
          "'instance': 'i', 'schema': {}}]}",
          "the functions 'a' and 'i#a' would both be the tool 'c_a'; expected "
          "a manifest that names one (function: NAME)" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *inspection = parse_json(cases[i][0]);
        bx_error *err = NULL;
        bx_manifest **manifests;
        size_t count;

        assert_int_equal(bx_manifest_adapt_exports("c", inspection, &manifests,
                                                   &count, &err),
                         -1);
        assert_error(err, BX_ERR_INVALID, cases[i][1]);
        json_decref(inspection);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argparse_is_understood),
        cmocka_unit_test(gnu_is_understood),
        cmocka_unit_test(clap_is_understood),
        cmocka_unit_test(go_and_cobra_are_understood),
        cmocka_unit_test(others_are_understood),
        cmocka_unit_test(words_are_kept),
        cmocka_unit_test(other_text_is_no_manifest),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(values_cannot_become_flags),
        cmocka_unit_test(manifests_can_name_flags),
        cmocka_unit_test(exports_become_tools),
        cmocka_unit_test(hostile_exports_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
