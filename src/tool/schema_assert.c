/* Keywords about a value itself: its type, size and content. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "tool/schema_run.h"

#define BYTES_A_STEP 256

/* ---- type, enum, const ---- */

static bool is_whole(const json_t *value)
{
    return json_is_integer(value) ||
           (json_is_real(value) &&
            floor(json_real_value(value)) == json_real_value(value));
}

bool bx_schema_is_type(const char *type, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case JSON_STRING:
        return strcmp(type, "string") == 0;
    case JSON_INTEGER:
    case JSON_REAL:
        return strcmp(type, "number") == 0 ||
               (strcmp(type, "integer") == 0 && is_whole(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(type, "boolean") == 0;
    default:
        return strcmp(type, "null") == 0;
    }
}

static bool refuse_got(bx_schema_run *run, const bx_schema_case *it,
                       bx_buf *expected)
{
    (void)bx_buf_puts(expected, ", got ");
    bx_schema_put_got(expected, it->value);
    return bx_schema_refuse(run, it->place, "expected %s",
                            expected->data != NULL ? expected->data : "other");
}

bool bx_schema_assert_type(bx_schema_run *run, const bx_schema_case *it)
{
    bx_autobuf bx_buf expected = BX_BUF_INIT;
    json_t *type;
    size_t i;

    if (json_is_string(it->keyword)) {
        if (bx_schema_is_type(json_string_value(it->keyword), it->value))
            return true;
    } else {
        json_array_foreach(it->keyword, i, type)
        {
            const char *name = json_string_value(type);

            if (name != NULL && bx_schema_is_type(name, it->value))
                return true;
        }
    }
    if (!bx_schema_wants_messages(run))
        return bx_schema_refuse(run, it->place, "type");
    bx_schema_put_type(&expected, it->keyword);
    return refuse_got(run, it, &expected);
}

bool bx_schema_assert_enum(bx_schema_run *run, const bx_schema_case *it)
{
    bx_autobuf bx_buf expected = BX_BUF_INIT;
    json_t *choice;
    size_t i;

    json_array_foreach(it->keyword, i, choice)
    {
        if (bx_schema_is_equal(run, choice, it->value))
            return true;
        if (run->is_over)
            return false;
    }
    if (!bx_schema_wants_messages(run))
        return bx_schema_refuse(run, it->place, "enum");
    (void)bx_buf_puts(&expected, "one of ");
    json_array_foreach(it->keyword, i, choice)
    {
        if (i == 20) {
            (void)bx_buf_printf(&expected, " and %zu more",
                                json_array_size(it->keyword) - i);
            break;
        }
        if (i > 0)
            (void)bx_buf_puts(&expected, ", ");
        bx_schema_put_value(&expected, choice);
    }
    return refuse_got(run, it, &expected);
}

bool bx_schema_assert_const(bx_schema_run *run, const bx_schema_case *it)
{
    bx_autobuf bx_buf expected = BX_BUF_INIT;

    if (bx_schema_is_equal(run, it->keyword, it->value))
        return true;
    bx_schema_put_value(&expected, it->keyword);
    return refuse_got(run, it, &expected);
}

/* ---- numbers ---- */

/* A long double holds every 64-bit integer and every double exactly. */
static long double number_of(const json_t *value)
{
    return json_is_integer(value) ? (long double)json_integer_value(value)
                                  : (long double)json_real_value(value);
}

static bool refuse_bound(bx_schema_run *run, const bx_schema_case *it,
                         const char *relation)
{
    bx_autobuf bx_buf expected = BX_BUF_INIT;

    (void)bx_buf_printf(&expected, "a number %s ", relation);
    bx_schema_put_value(&expected, it->keyword);
    return refuse_got(run, it, &expected);
}

bool bx_schema_assert_minimum(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_number(it->value) ||
           number_of(it->value) >= number_of(it->keyword) ||
           refuse_bound(run, it, "of at least");
}

bool bx_schema_assert_maximum(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_number(it->value) ||
           number_of(it->value) <= number_of(it->keyword) ||
           refuse_bound(run, it, "of at most");
}

bool bx_schema_assert_above(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_number(it->value) ||
           number_of(it->value) > number_of(it->keyword) ||
           refuse_bound(run, it, "above");
}

bool bx_schema_assert_below(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_number(it->value) ||
           number_of(it->value) < number_of(it->keyword) ||
           refuse_bound(run, it, "below");
}

/* 0.0075 is a multiple of 0.0001 to people, though not as doubles: what is
 * within a few roundings of a whole quotient counts. */
static bool is_multiple(const json_t *value, const json_t *divisor)
{
    double quotient;

    if (json_is_integer(value) && json_is_integer(divisor))
        return json_integer_value(divisor) != 0 &&
               json_integer_value(value) % json_integer_value(divisor) == 0;
    quotient = (double)(number_of(value) / number_of(divisor));
    if (!isfinite(quotient)) /* too large for one: the exact remainder */
        return fmod((double)number_of(value), (double)number_of(divisor)) == 0;
    return fabs(quotient - nearbyint(quotient)) <=
           4 * DBL_EPSILON * fabs(quotient);
}

bool bx_schema_assert_multiple(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_number(it->value) || is_multiple(it->value, it->keyword) ||
           refuse_bound(run, it, "that is a multiple of");
}

/* ---- sizes ---- */

static uint64_t count_of(const json_t *keyword)
{
    if (json_is_integer(keyword))
        return (uint64_t)json_integer_value(keyword);
    return json_real_value(keyword) < 1e18 ? (uint64_t)json_real_value(keyword)
                                           : UINT64_MAX;
}

static bool refuse_size(bx_schema_run *run, const bx_schema_case *it,
                        const char *relation, const char *unit, uint64_t size)
{
    uint64_t bound = count_of(it->keyword);

    return bx_schema_refuse(run, it->place, "expected %s %llu %s%s, got %llu",
                            relation, (unsigned long long)bound, unit,
                            bound == 1 ? "" : "s", (unsigned long long)size);
}

/* In code points, as the specification has it. */
static bool measure(bx_schema_run *run, const json_t *value,
                    uint64_t *ret_points)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);
    uint64_t points = 0;

    if (!bx_schema_spend(run, bytes / BYTES_A_STEP))
        return false;
    for (size_t i = 0; i < bytes; i++)
        points += ((unsigned char)text[i] & 0xc0) != 0x80 ? 1 : 0;
    *ret_points = points;
    return true;
}

bool bx_schema_assert_min_length(bx_schema_run *run, const bx_schema_case *it)
{
    uint64_t points;

    if (!json_is_string(it->value))
        return true;
    if (!measure(run, it->value, &points))
        return false;
    return points >= count_of(it->keyword) ||
           refuse_size(run, it, "at least", "character", points);
}

bool bx_schema_assert_max_length(bx_schema_run *run, const bx_schema_case *it)
{
    uint64_t points;

    if (!json_is_string(it->value))
        return true;
    if (!measure(run, it->value, &points))
        return false;
    return points <= count_of(it->keyword) ||
           refuse_size(run, it, "at most", "character", points);
}

bool bx_schema_assert_pattern(bx_schema_run *run, const bx_schema_case *it)
{
    bx_autobuf bx_buf expected = BX_BUF_INIT;
    int found;

    if (!json_is_string(it->value))
        return true;
    /* Room for its size, if the value is a large one. */
    if (!bx_schema_spend(run, json_string_length(it->value) / BYTES_A_STEP))
        return false;
    found =
        bx_schema_pattern_match(&run->patterns, json_string_value(it->keyword),
                                json_string_value(it->value),
                                json_string_length(it->value), &run->steps);
    if (found > 0)
        return true;
    if (found < 0)
        return bx_schema_end(run, "matching its pattern takes too long");
    (void)bx_buf_puts(&expected, "text that matches the pattern ");
    bx_schema_put_value(&expected, it->keyword);
    return refuse_got(run, it, &expected);
}

bool bx_schema_assert_min_items(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_array(it->value) ||
           json_array_size(it->value) >= count_of(it->keyword) ||
           refuse_size(run, it, "at least", "item", json_array_size(it->value));
}

bool bx_schema_assert_max_items(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_array(it->value) ||
           json_array_size(it->value) <= count_of(it->keyword) ||
           refuse_size(run, it, "at most", "item", json_array_size(it->value));
}

bool bx_schema_assert_min_properties(bx_schema_run *run,
                                     const bx_schema_case *it)
{
    return !json_is_object(it->value) ||
           json_object_size(it->value) >= count_of(it->keyword) ||
           refuse_size(run, it, "at least", "member",
                       json_object_size(it->value));
}

bool bx_schema_assert_max_properties(bx_schema_run *run,
                                     const bx_schema_case *it)
{
    return !json_is_object(it->value) ||
           json_object_size(it->value) <= count_of(it->keyword) ||
           refuse_size(run, it, "at most", "member",
                       json_object_size(it->value));
}

/* ---- names ---- */

static bool refuse_missing(bx_schema_run *run, const bx_schema_case *it,
                           const char *name)
{
    bx_schema_place place = { it->place, name, 0 };
    const json_t *wanted =
        json_object_get(json_object_get(it->schema, "properties"), name);
    bx_autobuf bx_buf expected = BX_BUF_INIT;

    if (!json_is_object(wanted))
        return bx_schema_refuse(run, &place, "missing");
    bx_schema_put_expected(&expected, wanted);
    return bx_schema_refuse(run, &place, "missing; expected %s",
                            expected.data != NULL ? expected.data : "it");
}

static bool assert_names(bx_schema_run *run, const bx_schema_case *it,
                         const json_t *names)
{
    bool fits = true;
    json_t *item;
    size_t i;

    if (!bx_schema_spend(run, json_array_size(names)))
        return false;
    json_array_foreach(names, i, item)
    {
        const char *name = json_string_value(item);

        if (name != NULL && json_object_get(it->value, name) == NULL)
            fits = refuse_missing(run, it, name);
    }
    return fits;
}

bool bx_schema_assert_required(bx_schema_run *run, const bx_schema_case *it)
{
    return !json_is_object(it->value) || assert_names(run, it, it->keyword);
}

bool bx_schema_assert_dependent(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    const char *name;
    json_t *names;

    if (!json_is_object(it->value))
        return true;
    json_object_foreach((json_t *)it->keyword, name, names)
    {
        if (json_object_get(it->value, name) != NULL &&
            !assert_names(run, it, names))
            fits = false;
    }
    return fits;
}
