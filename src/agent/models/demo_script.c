/* Where the demo's scripts come from, and which one is played. */
#include "agent/models/demo_script.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/models/demo.h"
#include "agent/models/demo_form.h"
#include "base/buf.h"
#include "base/file.h"

typedef struct embedded {
    const char *name;
    const unsigned char *text;
    size_t bytes;
} embedded;

static const embedded program_scripts[] = {
#include "demo_scripts.inc"
};

/* ---- names ---------------------------------------------------------- */

static const char *const failure_names[] = {
    [BX_FAILURE_REQUEST] = "request",   [BX_FAILURE_KEY] = "key",
    [BX_FAILURE_NO_MODEL] = "no_model", [BX_FAILURE_CONTEXT] = "context",
    [BX_FAILURE_RATE] = "rate",         [BX_FAILURE_OVERLOAD] = "overload",
    [BX_FAILURE_SERVER] = "server",
};

static const char *const stop_names[] = {
    [BX_STOP_END] = "end",         [BX_STOP_CALLS] = "calls",
    [BX_STOP_LENGTH] = "length",   [BX_STOP_CONTEXT] = "context",
    [BX_STOP_REFUSAL] = "refusal",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int find_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

int bx_demo_failure_find(const char *name, bx_failure_kind *ret_kind)
{
    int found = find_name(failure_names, COUNT(failure_names), name);

    if (found >= 0)
        *ret_kind = (bx_failure_kind)found;
    return found >= 0 ? 0 : -1;
}

int bx_demo_stop_find(const char *name, bx_stop *ret_stop)
{
    int found = find_name(stop_names, COUNT(stop_names), name);

    if (found >= 0)
        *ret_stop = (bx_stop)found;
    return found >= 0 ? 0 : -1;
}

/* ---- files ---------------------------------------------------------- */

json_t *bx_demo_scripts_parse(const char *text, size_t bytes, const char *name,
                              bx_error **err)
{
    json_error_t error;
    json_t *value = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    json_t *list;
    size_t i;
    json_t *script;

    if (value == NULL) {
        bx_error_set(err, BX_ERR_INVALID,
                     "demo script '%s': line %d: no JSON: %s", name, error.line,
                     error.text);
        return NULL;
    }
    list = value;
    if (json_is_object(value)) {
        list = json_array();
        if (list == NULL)
            json_decref(value);
        if (list == NULL || json_array_append_new(list, value) < 0) {
            json_decref(list);
            bx_error_set_nomem(err);
            return NULL;
        }
    }
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > BX_DEMO_SCRIPTS_MAX) {
        bx_error_set(err, BX_ERR_INVALID,
                     "demo script '%s': scripts: expected an object, or an "
                     "array of 1 to %d",
                     name, BX_DEMO_SCRIPTS_MAX);
        json_decref(list);
        return NULL;
    }
    json_array_foreach(list, i, script)
    {
        if (bx_demo_form_check(name, script, err) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *load_program(bx_error **err)
{
    json_t *all = json_array();

    for (size_t i = 0; i < COUNT(program_scripts) && all != NULL; i++) {
        const embedded *from = &program_scripts[i];
        json_t *list = bx_demo_scripts_parse((const char *)from->text,
                                             from->bytes, from->name, err);

        if (list == NULL || json_array_extend(all, list) < 0) {
            json_decref(list);
            json_decref(all);
            return NULL;
        }
        json_decref(list);
    }
    if (all == NULL)
        bx_error_set_nomem(err);
    return all;
}

json_t *bx_demo_scripts_load(bx_error **err)
{
    const char *path = getenv(BX_DEMO_VARIABLE);
    bx_autofree char *text = NULL;
    size_t bytes;

    if (path == NULL || *path == '\0')
        return load_program(err);
    if (bx_file_read(path, BX_DEMO_MAX_BYTES, &text, &bytes, err) < 0) {
        bx_error_wrap(err, BX_DEMO_VARIABLE);
        return NULL;
    }
    return bx_demo_scripts_parse(text, bytes, path, err);
}

/* ---- choosing ------------------------------------------------------- */

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || (c & 0x80) != 0;
}

static bool has_word(const char *task, const char *word)
{
    size_t bytes = strlen(word);

    for (const char *at = task; bytes > 0; at++) {
        at = strcasestr(at, word);
        if (at == NULL)
            return false;
        if ((at == task || !is_word_byte(at[-1])) && !is_word_byte(at[bytes]))
            return true;
    }
    return false;
}

const json_t *bx_demo_script_choose(const json_t *scripts, const char *task)
{
    const json_t *best = NULL;
    size_t most = 0;
    size_t i;
    json_t *script;

    json_array_foreach(scripts, i, script)
    {
        const json_t *words = json_object_get(script, "words");
        size_t hits = 0;

        for (size_t j = 0; j < json_array_size(words); j++)
            hits += has_word(task, json_string_value(json_array_get(words, j)));
        if (hits > most || (best == NULL && json_array_size(words) == 0)) {
            best = script;
            most = hits;
        }
    }
    return best;
}
