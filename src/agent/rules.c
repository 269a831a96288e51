#include "agent/rules.h"

#include <string.h>

#include "agent/call_fit.h"
#include "base/utf8.h"
#include "policy/name_pattern.h"
#include "policy/text.h"

typedef struct entry {
    bx_ruling ruling;
    char *tool;
    char *pattern; /* of what the call is about; NULL: any */
    char *why;     /* "rule bash(rm *)" */
    char *why_maybe;
} entry;

struct bx_rules {
    entry *items;
    size_t count;
};

static void clear(entry *rule)
{
    free(rule->tool);
    free(rule->pattern);
    free(rule->why);
    free(rule->why_maybe);
}
#define autorule __attribute__((cleanup(clear)))

bx_rules *bx_rules_new(void)
{
    return calloc(1, sizeof(bx_rules));
}

void bx_rules_free(bx_rules *rules)
{
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->count; i++)
        clear(&rules->items[i]);
    free(rules->items);
    free(rules);
}

static const char *find_fault(const char *text)
{
    size_t len = strlen(text);
    const char *open = strchr(text, '(');

    if (len > BX_RULE_MAX_BYTES)
        return "is longer than 1024 bytes";
    if (!bx_utf8_is_valid(text, len) || bx_text_has_control(text))
        return "has a control byte or is not UTF-8";
    if (open == NULL)
        return strchr(text, ')') != NULL ? "has a ')' without '('" : NULL;
    if (text[len - 1] != ')')
        return "does not end with the ')' of its '('";
    if (open + 2 >= text + len)
        return "has nothing between its parentheses";
    return NULL;
}

static int parse(entry *rule, const char *text, bx_error **err)
{
    const char *open = strchr(text, '(');
    size_t tool_len = open != NULL ? (size_t)(open - text) : strlen(text);

    rule->tool = strndup(text, tool_len);
    if (open != NULL)
        rule->pattern = strndup(open + 1, strlen(open + 1) - 1);
    if (rule->tool == NULL || (open != NULL && rule->pattern == NULL))
        return bx_error_set_nomem(err);
    if (asprintf(&rule->why, "rule %s", text) < 0) {
        rule->why = NULL;
        return bx_error_set_nomem(err);
    }
    if (asprintf(&rule->why_maybe, "rule %s, which may be meant", text) < 0) {
        rule->why_maybe = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_name_pattern_check(rule->tool, "tool", err);
}

/* It would never fit, which nobody who wrote it expects. */
static int check_allowed_command(const entry *rule, bx_error **err)
{
    size_t program;

    if (rule->ruling != BX_RULING_ALLOW || rule->pattern == NULL ||
        strcmp(rule->tool, "bash") != 0 || strcmp(rule->pattern, "*") == 0)
        return 0;
    program = strcspn(rule->pattern, " ");
    if (program > 0 && memchr(rule->pattern, '*', program) == NULL)
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "to allow commands, expected a program's whole name "
                        "in front, such as bash(git *), or bash for all");
}

int bx_rules_add(bx_rules *rules, bx_ruling ruling, const char *text,
                 bx_error **err)
{
    bx_autofree char *shown = bx_text_show(text);
    const char *fault = find_fault(text);
    autorule entry rule = { .ruling = ruling };
    entry *items;

    if (fault != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "rule %s %s; expected a tool's name or pattern, "
                            "such as file-*, or one with a pattern of what the "
                            "call is about, such as bash(git *)",
                            BX_SHOWN(shown), fault);
    if (rules->count >= BX_RULES_MAX)
        return bx_error_set(err, BX_ERR_LIMIT, "rule %s: there are %d already",
                            BX_SHOWN(shown), BX_RULES_MAX);
    if (parse(&rule, text, err) < 0 || check_allowed_command(&rule, err) < 0)
        return bx_error_wrap(err, "rule %s", BX_SHOWN(shown));
    items = realloc(rules->items, (rules->count + 1) * sizeof(*items));
    if (items == NULL)
        return bx_error_set_nomem(err);
    rules->items = items;
    items[rules->count++] = rule;
    rule = (entry){ 0 };
    return 0;
}

static bx_fit fit_of(const entry *rule, const char *name, bx_level level,
                     const json_t *input)
{
    if (!bx_name_pattern_matches(rule->tool, name))
        return BX_FIT_NO;
    if (rule->pattern == NULL)
        return BX_FIT_YES;
    if (rule->ruling == BX_RULING_ALLOW)
        return bx_call_fits_whole(rule->pattern, input) ? BX_FIT_YES
                                                        : BX_FIT_NO;
    return bx_call_fits_part(rule->pattern, level, input);
}

bool bx_rules_restrict(const bx_rules *rules, const char *name)
{
    for (size_t i = 0; rules != NULL && i < rules->count; i++)
        if (rules->items[i].ruling != BX_RULING_ALLOW &&
            (name == NULL ||
             bx_name_pattern_matches(rules->items[i].tool, name)))
            return true;
    return false;
}

bool bx_rules_judge(const bx_rules *rules, const char *name, bx_level level,
                    const json_t *input, bx_ruling *ret_ruling,
                    const char **ret_why)
{
    const entry *decides = NULL;
    const entry *doubt = NULL; /* a refusal that may be meant */

    for (size_t i = 0; rules != NULL && i < rules->count; i++) {
        const entry *rule = &rules->items[i];
        bx_fit fit = fit_of(rule, name, level, input);

        if (fit == BX_FIT_NO)
            continue;
        if (rule->ruling != BX_RULING_REFUSE) {
            decides = rule;
            continue;
        }
        if (fit == BX_FIT_MAYBE) {
            doubt = rule;
            continue;
        }
        *ret_ruling = BX_RULING_REFUSE;
        *ret_why = rule->why;
        return true;
    }
    if (doubt != NULL) {
        *ret_ruling = BX_RULING_ASK;
        *ret_why = doubt->why_maybe;
        return true;
    }
    if (decides == NULL)
        return false;
    *ret_ruling = decides->ruling;
    *ret_why = decides->why;
    return true;
}
