#include "manifest/support.h"

#include <string.h>

static void expect(const char *schema_text, const char *value_text,
                   const char *message)
{
    json_t *schema = parse_json(schema_text);
    json_t *value = parse_json(value_text);
    bx_error *err = NULL;
    int status;

    assert_int_equal(bx_schema_check(schema, &err), 0);
    status = bx_schema_validate(schema, value, &err);
    if (message == NULL) {
        if (status < 0)
            fail_msg("%s against %s: %s", value_text, schema_text,
                     bx_error_message(err));
    } else {
        assert_int_equal(status, -1);
        assert_error(err, BX_ERR_INVALID, message);
    }
    json_decref(schema);
    json_decref(value);
}

#define FILE_READ                                                              \
    "{'type': 'object', 'required': ['path'], 'additionalProperties': false, " \
    "'properties': {'path': {'type': 'string', 'minLength': 1}, "              \
    "'offset': {'type': 'integer', 'minimum': 0}, "                            \
    "'mode': {'enum': ['text', 'binary']}, "                                   \
    "'ranges': {'type': 'array', 'items': {'type': 'integer'}}}}"

static void fitting_values_pass(void **state)
{
    (void)state;
    expect(FILE_READ, "{'path': 'a'}", NULL);
    expect(FILE_READ, "{'path': 'a', 'offset': 3.0, 'mode': 'text'}", NULL);
    expect("true", "[1]", NULL);
    expect("{}", "null", NULL);
    expect("{'$ref': '#/$defs/tree', '$defs': {'tree': {'type': 'object', "
           "'additionalProperties': {'$ref': '#/$defs/tree'}}}}",
           "{'a': {'b': {}}}", NULL);
    expect("{'anyOf': [{'type': 'string'}, {'type': 'null'}]}", "null", NULL);
    expect("{'pattern': '^\\\\w+\\\\.c$'}", "'main.c'", NULL);
    expect("{'maxLength': 2}", "'\\u00e4\\ud83d\\ude00'", NULL);
    expect("{'description': 'x', 'x-other': [1]}", "1", NULL);
}

/* A model reads these and does better. */
static void violations_say_where_and_what(void **state)
{
    (void)state;
    expect(FILE_READ, "{}", "/path: missing; expected a string");
    expect(FILE_READ, "{'path': 7, 'offset': 'two'}",
           "/path: expected a string, got the number 7; /offset: expected an "
           "integer, got the string \"two\"");
    expect(FILE_READ, "{'path': 'a', 'ofset': 1}",
           "/ofset: unknown property; did you mean 'offset'? expected path, "
           "offset, mode, ranges");
    expect(FILE_READ, "{'path': 'a', 'zzz': 1}",
           "/zzz: unknown property; expected one of path, offset, mode, "
           "ranges");
    expect(FILE_READ, "{'path': 'a', 'mode': 'raw'}",
           "/mode: expected one of \"text\", \"binary\", got the string "
           "\"raw\"");
    expect(FILE_READ, "{'path': '', 'offset': -1}",
           "/path: expected at least 1 character, got 0; /offset: expected a "
           "number of at least 0, got the number -1");
    expect(FILE_READ, "{'path': 'a', 'ranges': [1, 'b', 2.5]}",
           "/ranges/1: expected an integer, got the string \"b\"; /ranges/2: "
           "expected an integer, got the number 2.5");
    expect(FILE_READ, "[]", "the value: expected an object, got an array");
    expect("{'type': ['string', 'integer', 'null']}", "true",
           "the value: expected a string, an integer or null, got true");
    expect("{'anyOf': [{'type': 'string'}, {'properties': {'a': {'const': "
           "1}}}]}",
           "{'a': 2}",
           "the value: fits none of the 2 accepted forms: (1) the value: "
           "expected a string, got an object (2) /a: expected 1, got the "
           "number 2");
    expect("{'oneOf': [{'type': 'integer'}, {'minimum': 2}]}", "3",
           "the value: fits both form 1 and form 2; expected exactly one");
    expect("{'not': {'type': 'string'}}", "'a'",
           "the value: expected anything but a string, got the string \"a\"");
    expect("{'pattern': '^[a-z]+$'}", "'A1'",
           "the value: expected text that matches the pattern \"^[a-z]+$\", "
           "got the string \"A1\"");
    expect("{'uniqueItems': true}", "[1, {'a': [2]}, 3, {'a': [2.0]}]",
           "the value: items 1 and 3 are the same; expected items that "
           "differ");
    expect("{'items': false}", "[1]", "/0: no value is accepted here");
}

static void messages_are_bounded_and_printable(void **state)
{
    (void)state;
    expect("{'items': {'type': 'string'}}", "[1, 2, 3, 4, 5, 6, 7]",
           "/0: expected a string, got the number 1; /1: expected a string, "
           "got the number 2; /2: expected a string, got the number 3; /3: "
           "expected a string, got the number 4; /4: expected a string, got "
           "the number 5; and more");
    expect("{'type': 'integer'}", "'a\\u001b[31m\\n\\\\'",
           "the value: expected an integer, got the string "
           "\"a\\x1b[31m\\x0a\\\\\"");
    expect("{'additionalProperties': false}", "{'\\u001b': 1}",
           "/\\x1b: unknown property; expected none");
}

static void refuse_schema(const char *text, const char *message)
{
    json_t *schema = parse_json(text);
    bx_error *err = NULL;

    if (bx_schema_check(schema, &err) == 0)
        fail_msg("%s passed", text);
    assert_error(err, BX_ERR_INVALID, message);
    json_decref(schema);
}

static void bad_schemas_are_refused(void **state)
{
    (void)state;
    refuse_schema("7", "the schema: expected a schema (an object, true or "
                       "false), got a number");
    refuse_schema("{'properties': {'path': {'type': 'strin'}}}",
                  "/properties/path/type: 'strin' is no type; expected string, "
                  "number, integer, boolean, object, array or null");
    refuse_schema("{'required': 'path'}",
                  "/required: expected a list of names, got a string");
    refuse_schema("{'items': {'minLength': -1}}",
                  "/items/minLength: expected a whole number of at least 0");
    refuse_schema("{'pattern': '(a'}",
                  "/pattern: the pattern does not compile at byte 2: missing "
                  "closing parenthesis");
    refuse_schema("{'pattern': '(*UTF)a'}",
                  "/pattern: the pattern begins with (*; expected a regular "
                  "expression as JavaScript has it");
    refuse_schema("{'exclusiveMinimum': true}",
                  "/exclusiveMinimum: expected a number (true and false are of "
                  "draft 4; write the bound itself)");
    refuse_schema("{'$ref': '#/$defs/none'}",
                  "/$ref: '#/$defs/none' leads nowhere; expected a place in "
                  "this schema, such as '#/$defs/NAME'");
    refuse_schema("{'$ref': 'https://x.example/schema'}",
                  "/$ref: 'https://x.example/schema' leads nowhere; expected a "
                  "place in this schema, such as '#/$defs/NAME'");
    refuse_schema("{'unevaluatedProperties': false}",
                  "/unevaluatedProperties: this validator cannot check it; "
                  "expected additionalProperties, items or $ref instead");
    refuse_schema("{'multipleOf': 0}",
                  "/multipleOf: expected a number above 0");
}

static void circles_are_refused(void **state)
{
    (void)state;
    refuse_schema("{'$ref': '#'}",
                  "the schema: a $ref leads in a circle, without a property or "
                  "item in between");
    refuse_schema("{'$defs': {'a': {'anyOf': [{'$ref': '#/$defs/b'}]}, "
                  "'b': {'not': {'$ref': '#/$defs/a'}}}}",
                  "the schema: a $ref leads in a circle, without a property or "
                  "item in between");
    expect("{'items': {'$ref': '#'}}", "[[[]]]", NULL);
}

/* Nested in nothing but brackets: deeper than a schema may be. */
static json_t *nest(const char *name, unsigned depth)
{
    json_t *value = json_object();

    while (depth-- > 0)
        value = json_pack("{so}", name, value);
    return value;
}

static void nesting_of_schemas_is_bounded(void **state)
{
    json_t *schema = nest("items", 63);
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_schema_check(schema, &err), 0);
    json_decref(schema);
    schema = nest("items", 64);
    assert_int_equal(bx_schema_check(schema, &err), -1);
    assert_non_null(strstr(bx_error_message(err), "nested deeper than 64"));
    bx_error_free(err);
    json_decref(schema);
}

static void nesting_of_values_is_bounded(void **state)
{
    json_t *schema = parse_json("{'additionalProperties': {'$ref': '#'}}");
    json_t *value = nest("a", 200);
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_schema_validate(schema, value, &err), 0);
    json_decref(value);
    value = nest("a", 2000);
    assert_int_equal(bx_schema_validate(schema, value, &err), -1);
    assert_error(err, BX_ERR_INVALID,
                 "the value: it is nested too deep for its schema");
    json_decref(value);
    json_decref(schema);
}

/* Two alternatives a level double the work: 2^60 without a bound. */
static void alternatives_are_bounded(void **state)
{
    json_t *schema = parse_json(
        "{'anyOf': [{'additionalProperties': {'$ref': '#'}, 'required': "
        "['z']}, {'additionalProperties': {'$ref': '#'}, 'required': "
        "['z']}]}");
    json_t *value = nest("a", 60);
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_schema_check(schema, &err), 0);
    assert_int_equal(bx_schema_validate(schema, value, &err), -1);
    assert_error(err, BX_ERR_INVALID,
                 "the value: checking it against the schema takes too long; "
                 "expected less nesting of alternatives, or a smaller value");
    json_decref(value);
    json_decref(schema);
}

/* Neither is a pattern that cannot be decided taken for a mismatch, which a
 * `not` would turn into a fit. */
static void catastrophic_patterns_are_bounded(void **state)
{
    const char *text =
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'";

    (void)state;
    expect("{'pattern': '^(a+)+$'}", text,
           "the value: matching its pattern takes too long");
    expect("{'not': {'pattern': '^(a+)+$'}}", text,
           "the value: matching its pattern takes too long");
    expect("{'patternProperties': {'^(a+)+$': true}}",
           "{'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!': 1}",
           "the value: matching its pattern takes too long");
}

static void large_values_are_not_refused_for_their_size(void **state)
{
    json_t *schema = parse_json("{'uniqueItems': true, 'items': {'type': "
                                "'integer', 'minimum': 0}}");
    json_t *value = json_array();
    bx_error *err = NULL;

    (void)state;
    for (int i = 0; i < 1000000; i++)
        json_array_append_new(value, json_integer(i));
    if (bx_schema_validate(schema, value, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    json_decref(value);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fitting_values_pass),
        cmocka_unit_test(violations_say_where_and_what),
        cmocka_unit_test(messages_are_bounded_and_printable),
        cmocka_unit_test(bad_schemas_are_refused),
        cmocka_unit_test(circles_are_refused),
        cmocka_unit_test(nesting_of_schemas_is_bounded),
        cmocka_unit_test(nesting_of_values_is_bounded),
        cmocka_unit_test(alternatives_are_bounded),
        cmocka_unit_test(catastrophic_patterns_are_bounded),
        cmocka_unit_test(large_values_are_not_refused_for_their_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
