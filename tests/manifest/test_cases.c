#include "manifest/support.h"

#include <string.h>

#include "tool/cases.h"

static bx_cases *parse(const char *yaml)
{
    bx_error *err = NULL;
    bx_cases *cases = bx_cases_parse(yaml, strlen(yaml), "tests.yaml", &err);

    if (cases == NULL)
        fail_msg("%s", bx_error_message(err));
    return cases;
}

static void cases_are_read(void **state)
{
    bx_cases *cases =
        parse("cases:\n"
              "  - name: one\n"
              "    input: {path: a.txt}\n"
              "    files: {a.txt: x, sub/b.txt: ''}\n"
              "    expect: {text: hi, contains: h, matches: '^h',\n"
              "             structured: {n: 1}, metadata: {m: 2},\n"
              "             files: {a.txt: y, b.txt: null}}\n"
              "  - {name: two, tool: other, expect: {is_error: true}}\n");

    (void)state;
    assert_int_equal(cases->count, 2);
    assert_int_equal(cases->items[0].line, 2);
    assert_int_equal(cases->items[0].files_count, 2);
    assert_string_equal(cases->items[0].files[1].path, "sub/b.txt");
    assert_int_equal(cases->items[0].after_count, 2);
    assert_null(cases->items[0].after[1].text);
    assert_true(cases->items[1].is_error);
    assert_string_equal(cases->items[1].tool, "other");
    assert_int_equal(json_object_size(cases->items[1].input), 0);
    bx_cases_free(cases);
}

static void bad_cases_are_explained(void **state)
{
    static const char *const cases[][2] = {
        { "", "line 1: expected one key, 'cases:', with a list of 1 to 1000 "
              "cases" },
        { "cases:\n- {expect: {text: a}}\n",
          "line 2: no name; expected name and expect" },
        { "cases:\n- name: a\n  input: {}\n",
          "line 2: no expect; expected name and expect" },
        { "cases:\n- name: a\n  inptu: {}\n",
          "line 3: 'inptu': expected name, tool, input (a mapping), files or "
          "expect" },
        { "cases:\n- name: a\n  input: [1]\n",
          "line 3: 'input': expected name, tool, input (a mapping), files or "
          "expect" },
        { "cases:\n- name: a\n  files: {../x: a}\n",
          "line 3: files: '../x': expected a relative path without '.' and "
          "'..'" },
        { "cases:\n- name: a\n  files: {/etc/passwd: a}\n",
          "line 3: files: '/etc/passwd': expected a relative path without '.' "
          "and '..'" },
        { "cases:\n- name: a\n  files: {a/../b: a}\n",
          "line 3: files: 'a/../b': expected a relative path without '.' and "
          "'..'" },
        { "cases:\n- name: a\n  files: {x: null}\n",
          "line 3: files: 'x': expected text" },
        { "cases:\n- name: a\n  expect: {matches: '('}\n",
          "line 3: matches: the pattern does not compile at byte 1: missing "
          "closing parenthesis" },
        { "cases:\n- name: a\n  expect: {}\n",
          "line 3: expect: expected a mapping such as {text: \"2 words\"}" },
        { "cases:\n- name: a\n  expect:\n    txt: a\n",
          "line 3: expect: 'txt': expected text, contains, matches, "
          "structured, is_error (true or false), metadata (a mapping) or "
          "files" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *message = NULL;
        bx_error *err = NULL;

        assert_true(asprintf(&message, "tests.yaml: %s", cases[i][1]) > 0);
        if (bx_cases_parse(cases[i][0], strlen(cases[i][0]), "tests.yaml",
                           &err) != NULL)
            fail_msg("read: %s", cases[i][0]);
        assert_error(err, BX_ERR_INVALID, message);
        free(message);
    }
}

static void check(const char *expect, bool is_error, const char *text,
                  const char *structured, const char *why)
{
    char yaml[512];
    json_t *value = parse_json(structured);
    bx_cases *cases;
    char *got;

    snprintf(yaml, sizeof(yaml), "cases: [{name: a, expect: {%s}}]", expect);
    cases = parse(yaml);
    assert_int_equal(
        bx_case_check(cases->items, is_error, text, value, value, &got), 0);
    if (why == NULL && got != NULL)
        fail_msg("%s", got);
    if (why != NULL) {
        assert_non_null(got);
        assert_string_equal(got, why);
    }
    free(got);
    bx_cases_free(cases);
    json_decref(value);
}

static void answers_are_compared(void **state)
{
    (void)state;
    check("text: \"a\\nb\"", false, "a\nb\n", "{}", NULL);
    check("text: a", false, "ab", "{}", "expected the text \"a\", got \"ab\"");
    check("text: ''", false, "a", "{}", "expected the text \"\", got \"a\"");
    check("contains: [a, b]", false, "xaxbx", "{}", NULL);
    check("contains: [a, b]", false, "xax", "{}",
          "expected a text with \"b\", got \"xax\"");
    check("matches: '^\\d+$'", false, "123", "{}", NULL);
    check("matches: '^\\d+$'", false, "x", "{}",
          "expected a text that matches \"^\\x5cd+$\", got \"x\"");
    check("is_error: true", true, "no", "{}", NULL);
    check("is_error: true", false, "yes", "{}",
          "expected an error, got \"yes\"");
    check("text: a", true, "no", "{}",
          "expected success, got the error "
          "\"no\"");
    check("structured: {n: 1}", false, "", "{'n': 1}", NULL);
    check("structured: {n: 1}", false, "", "{'n': 2}",
          "expected the structured output {\"n\": 1}, got {\"n\": 2}");
    check("metadata: {n: 1}", false, "", "{'n': 1, 'm': 2}", NULL);
    check("metadata: {n: 1}", false, "", "{'m': 2}",
          "expected the metadata n 1, got nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_read),
        cmocka_unit_test(bad_cases_are_explained),
        cmocka_unit_test(answers_are_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
