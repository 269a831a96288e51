/* Keywords that apply other schemas, to the same value or to parts of it. */
#include <string.h>

#include "policy/text.h"
#include "tool/schema_run.h"

#define FORMS_TOLD 3
#define FORM_BYTES 240
#define NAMES_TOLD 30

/* ---- the same value ---- */

bool bx_schema_apply_ref(bx_schema_run *run, const bx_schema_case *it)
{
    const json_t *target =
        bx_schema_resolve(run->root, json_string_value(it->keyword));

    if (target == NULL)
        return bx_schema_end(run, "the schema's $ref leads nowhere");
    return bx_schema_eval(run, target, it->value, it->place);
}

bool bx_schema_apply_all(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    json_t *schema;
    size_t i;

    json_array_foreach(it->keyword, i, schema)
    {
        if (!bx_schema_eval(run, schema, it->value, it->place))
            fits = false;
    }
    return fits;
}

/* Does this form fit? If not, and if someone reads it, say why in forms. */
static bool try_form(bx_schema_run *run, const bx_schema_case *it, size_t index,
                     bx_buf *forms)
{
    const json_t *schema = json_array_get(it->keyword, index);
    bx_buf messages = run->messages;
    unsigned count = run->count;
    unsigned max = run->max;
    bool fits;

    if (!bx_schema_wants_messages(run) || index >= FORMS_TOLD)
        return bx_schema_eval_quietly(run, schema, it->value, it->place);
    run->messages = BX_BUF_INIT;
    run->count = 0;
    run->max = 1;
    fits = bx_schema_eval(run, schema, it->value, it->place);
    if (!fits && run->messages.data != NULL) {
        size_t bytes = run->messages.len;

        (void)bx_buf_printf(forms, "%s(%zu) %.*s%s", index > 0 ? " " : "",
                            index + 1, FORM_BYTES, run->messages.data,
                            bytes > FORM_BYTES ? "..." : "");
    }
    bx_buf_clear(&run->messages);
    run->messages = messages;
    run->count = count;
    run->max = max;
    return fits;
}

static bool refuse_forms(bx_schema_run *run, const bx_schema_case *it,
                         const bx_buf *forms)
{
    size_t count = json_array_size(it->keyword);

    return bx_schema_refuse(run, it->place,
                            "fits none of the %zu accepted "
                            "forms: %s%s",
                            count, forms->data != NULL ? forms->data : "",
                            count > FORMS_TOLD ? " ..." : "");
}

bool bx_schema_apply_any(bx_schema_run *run, const bx_schema_case *it)
{
    bx_autobuf bx_buf forms = BX_BUF_INIT;

    for (size_t i = 0; i < json_array_size(it->keyword); i++) {
        if (try_form(run, it, i, &forms))
            return true;
        if (run->is_over)
            return false;
    }
    return refuse_forms(run, it, &forms);
}

bool bx_schema_apply_one(bx_schema_run *run, const bx_schema_case *it)
{
    bx_autobuf bx_buf forms = BX_BUF_INIT;
    size_t first = 0; /* from 1; 0: none yet */

    for (size_t i = 0; i < json_array_size(it->keyword); i++) {
        bool fits = try_form(run, it, i, &forms);

        if (run->is_over)
            return false;
        if (fits && first != 0)
            return bx_schema_refuse(run, it->place,
                                    "fits both form %zu and form %zu; "
                                    "expected exactly one",
                                    first, i + 1);
        if (fits)
            first = i + 1;
    }
    return first != 0 || refuse_forms(run, it, &forms);
}

bool bx_schema_apply_not(bx_schema_run *run, const bx_schema_case *it)
{
    bx_autobuf bx_buf unwanted = BX_BUF_INIT;

    if (!bx_schema_eval_quietly(run, it->keyword, it->value, it->place))
        return !run->is_over;
    bx_schema_put_expected(&unwanted, it->keyword);
    (void)bx_buf_puts(&unwanted, ", got ");
    bx_schema_put_got(&unwanted, it->value);
    return bx_schema_refuse(run, it->place, "expected anything but %s",
                            unwanted.data != NULL ? unwanted.data : "this");
}

bool bx_schema_apply_if(bx_schema_run *run, const bx_schema_case *it)
{
    bool holds = bx_schema_eval_quietly(run, it->keyword, it->value, it->place);
    const json_t *next = json_object_get(it->schema, holds ? "then" : "else");

    if (run->is_over)
        return false;
    return next == NULL || bx_schema_eval(run, next, it->value, it->place);
}

/* dependentSchemas, and draft 7's dependencies, which may be names too. */
bool bx_schema_apply_dependent(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    const char *name;
    json_t *needed;

    if (!json_is_object(it->value))
        return true;
    json_object_foreach((json_t *)it->keyword, name, needed)
    {
        bx_schema_case names = *it;

        if (json_object_get(it->value, name) == NULL)
            continue;
        names.keyword = needed;
        if (json_is_array(needed)
                ? !bx_schema_assert_required(run, &names)
                : !bx_schema_eval(run, needed, it->value, it->place))
            fits = false;
    }
    return fits;
}

/* ---- members of objects ---- */

bool bx_schema_apply_properties(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    const char *name;
    json_t *schema;

    if (!json_is_object(it->value))
        return true;
    json_object_foreach((json_t *)it->keyword, name, schema)
    {
        const json_t *member = json_object_get(it->value, name);
        bx_schema_place place = { it->place, name, 0 };

        if (member != NULL && !bx_schema_eval(run, schema, member, &place))
            fits = false;
    }
    return fits;
}

/* -1 when the run is over. */
static int is_match(bx_schema_run *run, const char *pattern, const char *name)
{
    int found = bx_schema_pattern_match(&run->patterns, pattern, name,
                                        strlen(name), &run->steps);

    if (found < 0)
        (void)bx_schema_end(run, "matching its pattern takes too long");
    return found;
}

bool bx_schema_apply_patterns(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    const char *pattern;
    const char *name;
    json_t *schema;
    json_t *member;

    if (!json_is_object(it->value))
        return true;
    json_object_foreach((json_t *)it->keyword, pattern, schema)
    {
        json_object_foreach((json_t *)it->value, name, member)
        {
            bx_schema_place place = { it->place, name, 0 };

            if (!bx_schema_spend(run, 1))
                return false;
            if (is_match(run, pattern, name) == 1 &&
                !bx_schema_eval(run, schema, member, &place))
                fits = false;
            if (run->is_over)
                return false;
        }
    }
    return fits;
}

/* Do properties or patternProperties speak of it? */
static bool is_described(bx_schema_run *run, const json_t *schema,
                         const char *name)
{
    const json_t *patterns = json_object_get(schema, "patternProperties");
    const char *pattern;
    json_t *unused;

    if (json_object_get(json_object_get(schema, "properties"), name) != NULL)
        return true;
    json_object_foreach((json_t *)patterns, pattern, unused)
    {
        if (is_match(run, pattern, name) != 0)
            return true; /* or the run is over */
    }
    return false;
}

/* "did you mean", and what there is. */
static bool refuse_unknown(bx_schema_run *run, const bx_schema_case *it,
                           const bx_schema_place *place)
{
    const json_t *properties = json_object_get(it->schema, "properties");
    bx_autobuf bx_buf names = BX_BUF_INIT;
    const char *best = NULL;
    unsigned least = 4;
    unsigned count = 0;
    const char *name;
    json_t *unused;

    if (!bx_schema_wants_messages(run))
        return bx_schema_refuse(run, place, "unknown");
    json_object_foreach((json_t *)properties, name, unused)
    {
        unsigned distance = bx_text_distance(name, place->key);

        if (distance < least && distance * 2 < strlen(name)) {
            least = distance;
            best = name;
        }
        if (count < NAMES_TOLD) {
            (void)bx_buf_puts(&names, count > 0 ? ", " : "");
            (void)bx_buf_put_escaped(&names, name, strlen(name), 64);
        }
        count++;
    }
    if (count > NAMES_TOLD)
        (void)bx_buf_puts(&names, ", ...");
    if (best != NULL)
        return bx_schema_refuse(run, place,
                                "unknown property; did you mean '%.64s'? "
                                "expected %s",
                                best, names.data != NULL ? names.data : "");
    return bx_schema_refuse(run, place, "unknown property; expected %s%s",
                            count == 0 ? "none" : "one of ",
                            names.data != NULL ? names.data : "");
}

bool bx_schema_apply_additional(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    const char *name;
    json_t *member;

    if (!json_is_object(it->value) || json_is_true(it->keyword))
        return true;
    json_object_foreach((json_t *)it->value, name, member)
    {
        bx_schema_place place = { it->place, name, 0 };

        if (!bx_schema_spend(run, 1))
            return false;
        if (is_described(run, it->schema, name))
            continue;
        if (json_is_false(it->keyword)
                ? !refuse_unknown(run, it, &place)
                : !bx_schema_eval(run, it->keyword, member, &place))
            fits = false;
        if (run->is_over || (!fits && !bx_schema_wants_messages(run)))
            return false;
    }
    return fits;
}

bool bx_schema_apply_names(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    const char *name;
    json_t *unused;

    if (!json_is_object(it->value))
        return true;
    json_object_foreach((json_t *)it->value, name, unused)
    {
        bx_schema_place place = { it->place, name, 0 };
        json_t *text = json_string(name);

        if (text == NULL)
            return bx_schema_end(run, "out of memory");
        if (!bx_schema_eval(run, it->keyword, text, &place))
            fits = false;
        json_decref(text);
        if (run->is_over || (!fits && !bx_schema_wants_messages(run)))
            return false;
    }
    return fits;
}

/* ---- items of lists ---- */

/* Items from an index on, each against one schema. */
static bool eval_rest(bx_schema_run *run, const bx_schema_case *it, size_t from)
{
    bool fits = true;

    for (size_t i = from; i < json_array_size(it->value); i++) {
        bx_schema_place place = { it->place, NULL, i };

        if (!bx_schema_eval(run, it->keyword, json_array_get(it->value, i),
                            &place))
            fits = false;
        if (run->is_over || (!fits && !bx_schema_wants_messages(run)))
            return false;
    }
    return fits;
}

bool bx_schema_apply_prefix(bx_schema_run *run, const bx_schema_case *it)
{
    bool fits = true;
    json_t *schema;
    size_t i;

    json_array_foreach(it->keyword, i, schema)
    {
        const json_t *item = json_array_get(it->value, i);
        bx_schema_place place = { it->place, NULL, i };

        if (item != NULL && !bx_schema_eval(run, schema, item, &place))
            fits = false;
    }
    return fits;
}

bool bx_schema_apply_items(bx_schema_run *run, const bx_schema_case *it)
{
    const json_t *prefix = json_object_get(it->schema, "prefixItems");

    if (!json_is_array(it->value))
        return true;
    if (json_is_array(it->keyword)) /* draft 7 */
        return bx_schema_apply_prefix(run, it);
    return eval_rest(run, it, json_array_size(prefix));
}

/* Of draft 7: behind a list of items; without one it says nothing. */
bool bx_schema_apply_additional_items(bx_schema_run *run,
                                      const bx_schema_case *it)
{
    const json_t *items = json_object_get(it->schema, "items");

    if (!json_is_array(it->value) || !json_is_array(items))
        return true;
    return eval_rest(run, it, json_array_size(items));
}

static uint64_t bound_of(const json_t *schema, const char *name,
                         uint64_t absent)
{
    const json_t *bound = json_object_get(schema, name);

    return bound == NULL ? absent : (uint64_t)json_number_value(bound);
}

bool bx_schema_apply_contains(bx_schema_run *run, const bx_schema_case *it)
{
    uint64_t least = bound_of(it->schema, "minContains", 1);
    uint64_t most = bound_of(it->schema, "maxContains", UINT64_MAX);
    uint64_t count = 0;
    json_t *item;
    size_t i;

    if (!json_is_array(it->value))
        return true;
    json_array_foreach(it->value, i, item)
    {
        bx_schema_place place = { it->place, NULL, i };

        if (bx_schema_eval_quietly(run, it->keyword, item, &place))
            count++;
        if (run->is_over)
            return false;
    }
    if (count >= least && count <= most)
        return true;
    return bx_schema_refuse(run, it->place,
                            "expected %s %llu items of the kind it must "
                            "contain, got %llu",
                            count < least ? "at least" : "at most",
                            (unsigned long long)(count < least ? least : most),
                            (unsigned long long)count);
}
