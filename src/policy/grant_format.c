/* Grants as JSON, for the lock file and for people. */
#include <jansson.h>
#include <string.h>

#include "base/json_text.h"
#include "policy/control.h"
#include "policy/layer.h"

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts != NULL && i < count; i++)
        free(texts[i]);
    free(texts);
}

/* Sorted, each once. */
static json_t *to_array(char **texts, size_t count)
{
    json_t *array = json_array();

    qsort(texts, count, sizeof(*texts), compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(texts[i], texts[i - 1]) == 0)
            continue;
        if (json_array_append_new(array, json_string(texts[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *rules_json(const bx_grants *grants)
{
    char **texts = calloc(grants->rules_count + 1, sizeof(*texts));
    size_t count = 0;
    json_t *array = NULL;

    if (texts == NULL)
        return NULL;
    for (; count < grants->rules_count; count++) {
        const bx_grant_rule *rule = &grants->rules[count];

        if (asprintf(&texts[count], "%s:%s",
                     bx_grant_prefix(rule->kind, rule->access), rule->text) < 0)
            break;
    }
    if (count == grants->rules_count)
        array = to_array(texts, count);
    free_texts(texts, count);
    return array;
}

static int compare_secrets(const void *left, const void *right)
{
    const bx_secret_ask *a = *(const bx_secret_ask *const *)left;
    const bx_secret_ask *b = *(const bx_secret_ask *const *)right;
    int order = strcmp(a->name, b->name);

    if (order == 0)
        order = strcmp(a->host, b->host);
    return order != 0 ? order : strcasecmp(a->header, b->header);
}

static json_t *secrets_json(const bx_grants *grants)
{
    bx_autofree const bx_secret_ask **sorted =
        calloc(grants->secrets_count + 1, sizeof(bx_secret_ask *));
    json_t *array = json_array();

    if (sorted == NULL) {
        json_decref(array);
        return NULL;
    }
    for (size_t i = 0; i < grants->secrets_count; i++)
        sorted[i] = &grants->secrets[i];
    qsort(sorted, grants->secrets_count, sizeof(bx_secret_ask *),
          compare_secrets);
    for (size_t i = 0; i < grants->secrets_count; i++) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "name", sorted[i]->name,
                                "host", sorted[i]->host, "header",
                                sorted[i]->header, "format", sorted[i]->format);

        if (json_array_append_new(array, row) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *limits_json(const bx_grants *grants)
{
    json_t *object = json_object();
    char text[32];

    for (size_t i = 0; i < bx_controls_count; i++) {
        const bx_control *control = &bx_controls[i];
        const bx_limit_ask *ask;

        if (!bx_control_is_limit(control))
            continue;
        ask = &grants->limits[control->index];
        if (ask->origin != NULL &&
            json_object_set_new(object, control->name,
                                json_string(bx_unit_format(
                                    ask->value, control->unit, text))) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

char *bx_grants_format(const bx_grants *grants, bx_error **err)
{
    json_t *root = json_pack(
        "{s:o, s:o, s:o}", "permissions", rules_json(grants), "secrets",
        secrets_json(grants), "limits", limits_json(grants));
    char *text = NULL;

    if (root != NULL)
        text = bx_json_text(root, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(root);
    if (text == NULL)
        (void)bx_error_set_nomem(err);
    return text;
}
