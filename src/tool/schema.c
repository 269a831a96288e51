#include "tool/schema.h"

#include <stdarg.h>
#include <string.h>

#include "tool/schema_run.h"

/* ---- what it costs ---- */

/* Values in value, at most max of them counted. jansson nests no deeper than
 * 2048 what it reads. */
static uint64_t count_values(const json_t *value, uint64_t max)
{
    uint64_t count = 1;
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            if (count >= max)
                break;
            count += count_values(item, max - count);
        }
    } else if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, item)
        {
            if (count >= max)
                break;
            count += count_values(item, max - count);
        }
    }
    return count;
}

/* A large value may take long for its size alone; most never come here. */
static void extend(bx_schema_run *run)
{
    uint64_t max =
        (BX_SCHEMA_MAX_STEPS - BX_SCHEMA_BASE_STEPS) / BX_SCHEMA_NODE_STEPS;

    if (run->has_extended)
        return;
    run->has_extended = true;
    run->steps += count_values(run->value, max) * BX_SCHEMA_NODE_STEPS;
}

bool bx_schema_end(bx_schema_run *run, const char *why)
{
    if (!run->is_over)
        run->why = why;
    run->is_over = true;
    return false;
}

bool bx_schema_spend(bx_schema_run *run, uint64_t steps)
{
    if (run->steps < steps)
        extend(run);
    if (run->steps < steps)
        return bx_schema_end(run, "checking it against the schema takes too "
                                  "long; expected less nesting of "
                                  "alternatives, or a smaller value");
    run->steps -= steps;
    return true;
}

/* ---- messages ---- */

bool bx_schema_wants_messages(const bx_schema_run *run)
{
    return run->max > 0 && run->count <= run->max;
}

bool bx_schema_refuse(bx_schema_run *run, const bx_schema_place *place,
                      const char *format, ...)
{
    bx_autofree char *message = NULL;
    va_list args;

    if (run->count++ >= run->max)
        return false;
    va_start(args, format);
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    va_end(args);
    if (run->count > 1)
        (void)bx_buf_puts(&run->messages, "; ");
    bx_schema_put_place(&run->messages, place);
    (void)bx_buf_puts(&run->messages, ": ");
    (void)bx_buf_puts(&run->messages,
                      message != NULL ? message : "does not fit");
    return false;
}

/* ---- evaluation ---- */

static bool eval_keywords(bx_schema_run *run, const json_t *schema,
                          const json_t *value, const bx_schema_place *place)
{
    bool fits = true;
    const char *name;
    json_t *keyword;

    json_object_foreach((json_t *)schema, name, keyword)
    {
        const bx_schema_keyword *known = bx_schema_keyword_find(name);
        bx_schema_case it = { schema, keyword, value, place };

        if (known == NULL || known->apply == NULL)
            continue;
        if (!known->apply(run, &it))
            fits = false;
        /* One violation is enough where nobody reads more of them. */
        if (run->is_over || (!fits && !bx_schema_wants_messages(run)))
            return false;
    }
    return fits;
}

bool bx_schema_eval(bx_schema_run *run, const json_t *schema,
                    const json_t *value, const bx_schema_place *place)
{
    bool fits;

    if (run->is_over || !bx_schema_spend(run, 1))
        return false;
    if (json_is_true(schema))
        return true;
    if (!json_is_object(schema))
        return bx_schema_refuse(run, place, "no value is accepted here");
    if (run->evals == BX_SCHEMA_MAX_EVALS)
        return bx_schema_end(run, "it is nested too deep for its schema");
    run->evals++;
    fits = eval_keywords(run, schema, value, place);
    run->evals--;
    return fits;
}

bool bx_schema_eval_quietly(bx_schema_run *run, const json_t *schema,
                            const json_t *value, const bx_schema_place *place)
{
    unsigned max = run->max;
    unsigned count = run->count;
    bool fits;

    run->max = 0;
    fits = bx_schema_eval(run, schema, value, place);
    run->max = max;
    run->count = count;
    return fits;
}

static int refuse(bx_schema_run *run, bx_error **err)
{
    if (run->is_over)
        return bx_error_set(err, BX_ERR_INVALID, "the value: %s", run->why);
    if (run->messages.data == NULL)
        return bx_error_set_nomem(err);
    return bx_error_set(err, BX_ERR_INVALID, "%s%s", run->messages.data,
                        run->count > run->max ? "; and more" : "");
}

int bx_schema_validate(const json_t *schema, const json_t *value,
                       bx_error **err)
{
    bx_schema_run run = {
        .root = schema,
        .value = value,
        .steps = BX_SCHEMA_BASE_STEPS,
        .max = BX_SCHEMA_MAX_MESSAGES,
    };
    bool fits = bx_schema_eval(&run, schema, value, NULL) && !run.is_over;
    int status = fits ? 0 : refuse(&run, err);

    bx_buf_clear(&run.messages);
    bx_schema_pattern_cache_clear(&run.patterns);
    return status;
}
