/* Usage lines: which arguments stand without a flag, and which must be given.
 *
 *     prog [-h] [--count N] --out OUT path [paths ...]
 *     prog [OPTIONS] <FILE> [OTHER]...
 */
#include <string.h>
#include <strings.h>

#include "tool/manifest_help.h"

typedef struct element {
    char text[BX_HELP_NAME_MAX + 1]; /* without the outer brackets */
    bool is_optional;
    bool is_list;
    bool is_choice; /* {a,b} */
} element;

/* Length of the bracketed text at text, brackets included. */
static size_t group_length(const char *text)
{
    int depth = 0;
    size_t i = 0;

    for (; text[i] != '\0'; i++) {
        if (strchr("[({<", text[i]) != NULL)
            depth++;
        if (strchr("])}>", text[i]) != NULL && --depth == 0)
            return i + 1;
    }
    return i;
}

/* The next element; NULL at the end. */
static const char *next_element(const char *text, element *ret_element)
{
    element it = { .text = "" };
    size_t length;
    const char *inner = text;
    size_t inner_length;

    text += strspn(text, " ");
    if (*text == '\0')
        return NULL;
    inner = text;
    if (strchr("[({<", *text) != NULL) {
        length = group_length(text);
        it.is_optional = *text == '[';
        it.is_choice = *text == '{';
        inner++;
        inner_length = length >= 2 ? length - 2 : 0;
    } else {
        length = strcspn(text, " ");
        inner_length = length;
        while (inner_length > 3 &&
               strncmp(inner + inner_length - 3, "...", 3) == 0) {
            it.is_list = true;
            inner_length -= 3;
        }
    }
    (void)snprintf(it.text, sizeof(it.text), "%.*s",
                   inner_length < BX_HELP_NAME_MAX ? (int)inner_length
                                                   : BX_HELP_NAME_MAX,
                   inner);
    text += length;
    if (strncmp(text, "...", 3) == 0 || strncmp(text, " ...", 4) == 0) {
        it.is_list = true;
        text += *text == ' ' ? 4 : 3;
    }
    *ret_element = it;
    return text;
}

/* Words that stand for all options. */
static bool is_placeholder(const char *text)
{
    static const char *const words[] = { "option", "options", "flag", "flags",
                                         "opts",   "args...", "--" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

static void add_positional(bx_help *help, const element *it)
{
    bx_help_argument *argument;
    char property[BX_HELP_NAME_MAX + 1];
    char name[BX_HELP_NAME_MAX + 1];
    bool is_list = it->is_list;

    (void)snprintf(name, sizeof(name), "%s", it->text);
    if (strstr(name, "...") != NULL) { /* "[paths ...]", "[FILE...]" */
        *strstr(name, "...") = '\0';
        is_list = true;
    }
    if (it->is_choice)
        (void)snprintf(name, sizeof(name), "command");
    if (!bx_help_make_property(name, property))
        return;
    argument = bx_help_find(help, property);
    if (argument != NULL) {
        /* argparse: "path [path ...]" is one list, with at least one. */
        if (argument->flag[0] == '\0')
            argument->is_list = argument->is_list || is_list;
        return;
    }
    argument = bx_help_add(help);
    if (argument == NULL)
        return;
    memcpy(argument->property, property, sizeof(property));
    name[strcspn(name, " ")] = '\0';
    memcpy(argument->value, name, sizeof(name));
    argument->has_value = true;
    argument->is_list = is_list;
    argument->is_required = !it->is_optional;
    if (it->is_choice)
        (void)bx_help_read_choices(it->text, strlen(it->text),
                                   &argument->choices);
}

/* A flag outside brackets must be given. Returns what is behind its value. */
static const char *require_flag(bx_help *help, const element *it,
                                const char *rest)
{
    char name[BX_HELP_NAME_MAX + 1];
    bx_help_argument *option;
    element value;

    memcpy(name, it->text, sizeof(name));
    name[strcspn(name, "=")] = '\0';
    option = bx_help_find_flag(help, name);
    if (option == NULL)
        return rest;
    option->is_required = option->is_required || option->has_value;
    if (option->has_value && strchr(it->text, '=') == NULL &&
        next_element(rest, &value) != NULL)
        return next_element(rest, &value);
    return rest;
}

int bx_help_read_usage(bx_help *help, const char *usage)
{
    element it;
    const char *rest;

    while ((rest = next_element(usage, &it)) != NULL) {
        usage = rest;
        if (it.text[0] == '-') {
            if (!it.is_optional)
                usage = require_flag(help, &it, rest);
        } else if (!is_placeholder(it.text)) {
            add_positional(help, &it);
        }
    }
    return 0;
}
