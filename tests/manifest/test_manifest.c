#include "manifest/support.h"

#include <string.h>

#define WORDS                                                                  \
    "tool:\n"                                                                  \
    "  name: word-count\n"                                                     \
    "  description: Count words.\n"

static void full_manifest_is_read(void **state)
{
    bx_manifest *manifest =
        parse_manifest("# a tool\n"
                       "tool:\n"
                       "  name: word-count\n"
                       "  title: Word count\n"
                       "  version: '1.2'\n"
                       "  description: |\n"
                       "    Count words.\n"
                       "    In a file.\n"
                       "  permission_level: read-only\n"
                       "  permissions:\n"
                       "    - fs.read:/\n"
                       "    - network:https://api.example.com\n"
                       "    - secret:TOKEN@https://api.example.com\n"
                       "  secrets:\n"
                       "    - {name: KEY, host: 'https://b.example', header: "
                       "x-key, format: '{}'}\n"
                       "  input_schema:\n"
                       "    type: object\n"
                       "    required: [path]\n"
                       "    properties: {path: {type: string}}\n"
                       "  output_schema: {type: object}\n"
                       "  limits: {timeout_ms: 5000, memory_bytes: 64MiB}\n"
                       "  programs: [wc, g++]\n");
    bx_error *err = NULL;
    char *grants = bx_grants_format(manifest->grants, &err);

    (void)state;
    assert_string_equal(manifest->name, "word-count");
    assert_string_equal(manifest->title, "Word count");
    assert_string_equal(manifest->version, "1.2");
    assert_string_equal(manifest->description, "Count words.\nIn a file.\n");
    assert_int_equal(manifest->level, BX_LEVEL_READ_ONLY);
    assert_non_null(json_object_get(manifest->input_schema, "properties"));
    assert_non_null(manifest->output_schema);
    assert_int_equal(manifest->programs_count, 2);
    assert_string_equal(manifest->programs[1], "g++");
    assert_int_equal(manifest->input, BX_TOOL_INPUT_STDIN);
    assert_int_equal(manifest->runtime, BX_TOOL_RUNTIME_NONE);
    assert_non_null(json_object_get(manifest->source, "limits"));
    assert_non_null(grants);
    assert_non_null(strstr(grants, "fs.read:/"));
    assert_non_null(strstr(grants, "TOKEN"));
    assert_non_null(strstr(grants, "x-key"));
    assert_non_null(strstr(grants, "wasm-timeout"));
    free(grants);
    bx_manifest_free(manifest);
}

static void least_manifest_has_defaults(void **state)
{
    bx_manifest *manifest =
        parse_manifest("{\"tool\": {\"name\": \"a\", \"description\": \"b\"}}");
    char *schema = json_dumps(manifest->input_schema, JSON_COMPACT);

    (void)state;
    assert_int_equal(manifest->level, BX_LEVEL_NONE);
    assert_string_equal(schema, "{\"type\":\"object\"}");
    assert_null(manifest->output_schema);
    free(schema);
    bx_manifest_free(manifest);
}

static void refuse(const char *yaml, const char *message)
{
    bx_error *err = NULL;

    if (bx_manifest_parse(yaml, strlen(yaml), "x.tool.yaml", &err) != NULL)
        fail_msg("read: %s", yaml);
    assert_error(err, BX_ERR_INVALID, message);
}

/* Each names file, line, key and what was expected. */
static void bad_manifests_are_explained(void **state)
{
    static const char *const cases[][2] = {
        { "", "line 1: expected one key, 'tool:', with name and description "
              "beneath it" },
        { "name: a\ndescription: b\n",
          "line 1: the keys stand alone; expected them beneath 'tool:'" },
        { "tool:\n  name: a\n",
          "line 1: tool: no description; expected name and description" },
        { "tool: [a]\n", "line 1: tool: expected a mapping with name and "
                         "description, got a list" },
        { "tool:\n  description: x\n  name: a b\n",
          "line 3: name: 'a b'; expected 1 to 64 letters, digits, '-' and '_', "
          "such as word-count" },
        { "tool:\n  name: ../a\n",
          "line 2: name: '../a'; expected 1 to 64 letters, digits, '-' and "
          "'_', such as word-count" },
        { "tool:\n  name: 5\n", "line 2: name: expected text, got a number "
                                "(quote it)" },
        { WORDS "  permision_level: none\n",
          "line 4: unknown key 'permision_level'; did you mean "
          "'permission_level'?" },
        { WORDS "  zzz: 1\n",
          "line 4: unknown key 'zzz'; expected name, title, version, "
          "description, permission_level, permissions, secrets, "
          "input_schema, output_schema, limits, programs, runtime, flags or "
          "function" },
        { WORDS "  title: \"a\\nb\"\n",
          "line 4: title: a control character (U+000A) at byte 1; expected one "
          "line of text" },
        { WORDS "  title: \"a\\u202eb\"\n",
          "line 4: title: a character that is not shown (U+202E) at byte 1; "
          "expected text that shows all it says" },
        { "tool:\n  name: a\n  description: \"Hi\\U000E0041\"\n",
          "line 3: description: a character that is not shown (U+E0041) at "
          "byte 2; expected text that shows all it says" },
        { "tool:\n  name: a\n  description: ' '\n",
          "line 3: description: empty; expected text" },
        { WORDS "  input_schema:\n    type: object\n    properties:\n      "
                "path:\n        type: strin\n",
          "line 8: input_schema: /properties/path/type: 'strin' is no type; "
          "expected string, number, integer, boolean, object, array or null" },
        { WORDS "  input_schema: {type: string}\n",
          "line 4: input_schema: expected type: object at the top, as MCP and "
          "the model APIs do" },
        { WORDS "  permissions: fs.read:/\n",
          "line 4: permissions: expected a list of permissions, got text" },
        { WORDS "  permissions:\n  - secret:TOKEN\n",
          "line 5: permissions: secret:TOKEN: expected "
          "secret:NAME@https://HOST" },
        { WORDS "  limits: {timeout: 5}\n",
          "line 4: limits: unknown key 'timeout'; did you mean "
          "'timeout_ms'?" },
        { WORDS "  limits: {timeout_ms: 1.5}\n",
          "line 4: limits: timeout_ms: expected a whole number, or text with a "
          "unit such as 30s or 64MiB" },
        { WORDS "  programs: [a/b]\n",
          "line 4: programs: expected a command's name, such as wc" },
        { WORDS "  runtime: ruby\n",
          "line 4: runtime: expected js or python, or no runtime for a module "
          "that runs itself" },
        { WORDS "  name: again\n",
          "line 4: 'name': given twice; expected each key once" },
        { "tool: &a\n  name: a\n",
          "line 1: an anchor (&name); expected a plain value" },
        { "tool:\n  name: *a\n",
          "line 2: an alias (*name); expected the value itself (quote a text "
          "that begins with '*')" },
        { "tool:\n  name: !!str a\n",
          "line 2: a tag (!name); expected a plain value" },
        { "tool:\n  <<: {name: a}\n",
          "line 2: a merge key (<<); expected each key in full" },
        { "tool: {}\n---\ntool: {}\n",
          "line 2: a second document; expected one" },
        { "tool:\n  name: \"a\\0\"\n",
          "line 2: a NUL byte in a value; expected text" },
        { "tool:\n  name: \xff\n", "line 2: invalid UTF-8; expected text" },
        { WORDS "  limits: {timeout_ms: 99999999999999999999}\n",
          "line 4: '99999999999999999999': expected a number of at most 64 "
          "bits without leading zeros, or text in quotes" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *message = NULL;

        assert_true(asprintf(&message, "x.tool.yaml: %s", cases[i][1]) > 0);
        refuse(cases[i][0], message);
        free(message);
    }
}

/* What grants.c finds is told with the line; its own words are tested there. */
static void bad_grants_name_their_line(void **state)
{
    static const char *const cases[][2] = {
        { WORDS "  permissions:\n  - fs.raed:/\n",
          "x.tool.yaml: line 5: permissions: " },
        { WORDS "  permission_level: always\n",
          "x.tool.yaml: line 4: permission_level: " },
        { WORDS "  limits:\n    memory_bytes: lots\n",
          "x.tool.yaml: line 5: limits: " },
        { WORDS "  permission_level: read_only\n  permissions: [fs.write:/]\n",
          "x.tool.yaml: line 4: permissions: " },
        { WORDS "  permissions: [network:*]\n",
          "x.tool.yaml: line 1: permissions: " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bx_error *err = NULL;

        assert_null(bx_manifest_parse(cases[i][0], strlen(cases[i][0]),
                                      "x.tool.yaml", &err));
        assert_non_null(err);
        if (strncmp(bx_error_message(err), cases[i][1], strlen(cases[i][1])) !=
            0)
            fail_msg("%s; expected %s...", bx_error_message(err), cases[i][1]);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        bx_error_free(err);
    }
}

static void size_and_depth_are_bounded(void **state)
{
    static char text[BX_MANIFEST_MAX_BYTES + 2];
    bx_error *err = NULL;

    (void)state;
    memset(text, '#', sizeof(text) - 1);
    assert_null(bx_manifest_parse(text, strlen(text), "big", &err));
    assert_error(err, BX_ERR_LIMIT,
                 "big: larger than 262144 bytes, the most accepted");
    err = NULL;
    memset(text, '[', 100);
    assert_null(bx_manifest_parse(text, 100, "deep", &err));
    assert_error(err, BX_ERR_INVALID,
                 "deep: line 1: nested deeper than 64 lists and mappings");
    err = NULL;
    text[0] = '[';
    for (size_t i = 1; i < 50001; i += 2)
        memcpy(text + i, "1,", 2);
    text[50001] = ']';
    assert_null(bx_manifest_parse(text, 50002, "many", &err));
    assert_error(err, BX_ERR_INVALID, "many: line 1: more than 20000 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_manifest_is_read),
        cmocka_unit_test(least_manifest_has_defaults),
        cmocka_unit_test(bad_manifests_are_explained),
        cmocka_unit_test(bad_grants_name_their_line),
        cmocka_unit_test(size_and_depth_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
