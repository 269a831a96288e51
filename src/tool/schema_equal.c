/* When two JSON values are the same, and whether all of a list differ. */
#include <string.h>

#include "tool/schema_run.h"

static bool is_same_list(bx_schema_run *run, const json_t *left,
                         const json_t *right)
{
    json_t *item;
    size_t i;

    if (json_array_size(left) != json_array_size(right))
        return false;
    json_array_foreach(left, i, item)
    {
        if (!bx_schema_is_equal(run, item, json_array_get(right, i)))
            return false;
    }
    return true;
}

static bool is_same_object(bx_schema_run *run, const json_t *left,
                           const json_t *right)
{
    const char *key;
    json_t *item;

    if (json_object_size(left) != json_object_size(right))
        return false;
    json_object_foreach((json_t *)left, key, item)
    {
        const json_t *other = json_object_get(right, key);

        if (other == NULL || !bx_schema_is_equal(run, item, other))
            return false;
    }
    return true;
}

static long double number_of(const json_t *value)
{
    return json_is_integer(value) ? (long double)json_integer_value(value)
                                  : (long double)json_real_value(value);
}

bool bx_schema_is_equal(bx_schema_run *run, const json_t *left,
                        const json_t *right)
{
    if (!bx_schema_spend(run, 1))
        return false;
    if (json_is_number(left) && json_is_number(right))
        return number_of(left) == number_of(right);
    if (json_typeof(left) != json_typeof(right))
        return false;
    if (json_is_string(left))
        return json_string_length(left) == json_string_length(right) &&
               memcmp(json_string_value(left), json_string_value(right),
                      json_string_length(left)) == 0;
    if (json_is_array(left))
        return is_same_list(run, left, right);
    if (json_is_object(left))
        return is_same_object(run, left, right);
    return true;
}

/* ---- unique items ---- */

typedef struct entry {
    uint64_t hash;
    size_t index;
} entry;

static uint64_t mix(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u; /* FNV-1a */
    return hash;
}

/* Equal values have equal hashes. Who makes others collide pays for it in
 * comparisons, which are counted. */
static uint64_t hash_of(bx_schema_run *run, const json_t *value)
{
    uint64_t hash = 0xcbf29ce484222325u;
    double number;
    const char *key;
    json_t *item;
    size_t i;

    if (!bx_schema_spend(run, 1))
        return 0;
    switch (json_typeof(value)) {
    case JSON_INTEGER:
    case JSON_REAL:
        number = json_number_value(value);
        number = number == 0 ? 0 : number; /* -0.0 is 0 */
        return mix(hash ^ 1, &number, sizeof(number));
    case JSON_STRING:
        return mix(hash ^ 2, json_string_value(value),
                   json_string_length(value));
    case JSON_ARRAY:
        hash ^= 3;
        json_array_foreach(value, i, item)
        {
            uint64_t inner = hash_of(run, item);

            hash = mix(hash, &inner, sizeof(inner));
        }
        return hash;
    case JSON_OBJECT:
        hash ^= 4;
        json_object_foreach((json_t *)value, key, item) hash +=
            mix(hash_of(run, item), key, strlen(key)); /* in any order */
        return hash;
    default:
        return hash ^ (5 + (uint64_t)json_typeof(value));
    }
}

static int order_entries(const void *left, const void *right)
{
    const entry *a = left;
    const entry *b = right;

    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

/* The later of two equal items, or 0. */
static size_t find_twin(bx_schema_run *run, const json_t *list,
                        const entry *entries, size_t count, size_t *ret_first)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count && entries[j].hash == entries[i].hash;
             j++) {
            *ret_first = entries[i].index;
            if (bx_schema_is_equal(run, json_array_get(list, *ret_first),
                                   json_array_get(list, entries[j].index)))
                return entries[j].index;
            if (run->is_over)
                return 0;
        }
    }
    return 0;
}

bool bx_schema_assert_unique(bx_schema_run *run, const bx_schema_case *it)
{
    size_t count = json_array_size(it->value);
    bx_autofree entry *entries = NULL;
    size_t first = 0;
    size_t twin;

    if (!json_is_true(it->keyword) || !json_is_array(it->value) || count < 2)
        return true;
    entries = calloc(count, sizeof(*entries));
    if (entries == NULL)
        return bx_schema_end(run, "out of memory");
    for (size_t i = 0; i < count; i++)
        entries[i] = (entry){ hash_of(run, json_array_get(it->value, i)), i };
    if (run->is_over)
        return false;
    qsort(entries, count, sizeof(*entries), order_entries);
    twin = find_twin(run, it->value, entries, count, &first);
    if (run->is_over)
        return false;
    return twin == 0 ||
           bx_schema_refuse(run, it->place,
                            "items %zu and %zu are the same; expected items "
                            "that differ",
                            first, twin);
}
