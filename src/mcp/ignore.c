#include "mcp/ignore.h"

#include <stdlib.h>
#include <string.h>

#define RULE_MAX_BYTES 512 /* longer ones are left out */

typedef struct bx_ignore_rule {
    struct bx_ignore_rule *next; /* towards the first */
    size_t folder_bytes;
    char *folder;
    char *pattern;
    bool is_negated;
    bool is_folder;   /* only folders */
    bool is_anchored; /* the whole path below folder, not a name anywhere */
} bx_ignore_rule;

struct bx_ignore {
    bx_ignore_rule *last;
    size_t count;
};

bx_ignore *bx_ignore_new(void)
{
    return calloc(1, sizeof(bx_ignore));
}

static void free_rule(bx_ignore_rule *rule)
{
    if (rule == NULL)
        return;
    free(rule->folder);
    free(rule->pattern);
    free(rule);
}

void bx_ignore_free(bx_ignore *ignore)
{
    if (ignore == NULL)
        return;
    while (ignore->last != NULL) {
        bx_ignore_rule *rule = ignore->last;

        ignore->last = rule->next;
        free_rule(rule);
    }
    free(ignore);
}

/* One line without its end; gitignore(5). */
static int add_line(bx_ignore *ignore, const char *folder, const char *line,
                    size_t bytes)
{
    bx_ignore_rule *rule;

    while (bytes > 0 && strchr(" \t\r", line[bytes - 1]) != NULL)
        bytes--;
    if (bytes == 0 || line[0] == '#' || bytes > RULE_MAX_BYTES ||
        memchr(line, '\0', bytes) != NULL ||
        ignore->count >= BX_IGNORE_MAX_RULES)
        return 0;
    rule = calloc(1, sizeof(*rule));
    if (rule == NULL)
        return -1;
    if (line[0] == '!') {
        rule->is_negated = true;
        line++;
        bytes--;
    }
    if (bytes > 0 && line[bytes - 1] == '/') {
        rule->is_folder = true;
        bytes--;
    }
    rule->is_anchored = bytes > 0 && memchr(line, '/', bytes) != NULL;
    if (bytes > 0 && line[0] == '/') {
        line++;
        bytes--;
    }
    rule->folder = strdup(folder);
    rule->folder_bytes = strlen(folder);
    rule->pattern = strndup(line, bytes);
    if (rule->folder == NULL || rule->pattern == NULL) {
        free_rule(rule);
        return -1;
    }
    rule->next = ignore->last;
    ignore->last = rule;
    ignore->count++;
    return 0;
}

int bx_ignore_add(bx_ignore *ignore, const char *folder, const char *text,
                  size_t bytes)
{
    while (bytes > 0) {
        const char *end = memchr(text, '\n', bytes);
        size_t length = end == NULL ? bytes : (size_t)(end - text);

        if (add_line(ignore, folder, text, length) < 0)
            return -1;
        text += length;
        bytes -= length;
        if (bytes > 0) {
            text++;
            bytes--;
        }
    }
    return 0;
}

/* "[a-z]", "[!a]": does the set have c? *pattern moves behind it; a set that
 * does not end is a plain '['. */
static bool set_has(const char **pattern, char c)
{
    const char *at = *pattern + 1;
    bool is_negated = *at == '!' || *at == '^';
    bool has = false;

    at += is_negated;
    for (const char *first = at; *at != '\0' && (*at != ']' || at == first);
         at++) {
        if (at[1] == '-' && at[2] != '\0' && at[2] != ']') {
            has = has || (c >= at[0] && c <= at[2]);
            at += 2;
        } else {
            has = has || *at == c;
        }
    }
    if (*at == '\0') {
        (*pattern)++;
        return c == '[';
    }
    *pattern = at + 1;
    return c != '/' && has != is_negated;
}

/* One character of text against one of a pattern that is no star. */
static bool matches_one(const char **pattern, char c)
{
    switch (**pattern) {
    case '\0':
        return false;
    case '?':
        (*pattern)++;
        return c != '/';
    case '[':
        return set_has(pattern, c);
    case '\\':
        if ((*pattern)[1] != '\0')
            (*pattern)++;
        break;
    default:
        break;
    }
    return *(*pattern)++ == c;
}

/* Where to go on when what follows a star does not match. */
typedef struct bx_glob_retry {
    const char *pattern; /* behind the star; NULL: none was met */
    const char *text;
} bx_glob_retry;

/* '*' stays within a name, "**" does not. Each star takes the least it can; a
 * mismatch goes back to the last star alone, and past a '/' to the last "**":
 * no pattern costs more than the square of the text. */
static bool matches_glob(const char *pattern, const char *text)
{
    bx_glob_retry star = { 0 };
    bx_glob_retry stars = { 0 };

    while (*text != '\0' || *pattern == '*') {
        if (*pattern == '*' && pattern[1] == '*') {
            pattern += 2 + (pattern[2] == '/');
            stars = (bx_glob_retry){ pattern, text };
            star.pattern = NULL;
        } else if (*pattern == '*') {
            star = (bx_glob_retry){ ++pattern, text };
        } else if (!matches_one(&pattern, *text)) {
            bx_glob_retry *retry =
                star.pattern != NULL && *star.text != '/' ? &star : &stars;

            if (retry->pattern == NULL || *retry->text == '\0')
                return false;
            if (retry == &stars)
                star.pattern = NULL;
            text = ++retry->text;
            pattern = retry->pattern;
        } else {
            text++;
        }
    }
    return *pattern == '\0';
}

static bool matches(const bx_ignore_rule *rule, const char *path)
{
    return matches_glob(rule->pattern, rule->is_anchored
                                           ? path + rule->folder_bytes + 1
                                           : strrchr(path, '/') + 1);
}

bool bx_ignore_has(const bx_ignore *ignore, const char *path, bool is_folder)
{
    for (const bx_ignore_rule *rule = ignore->last; rule != NULL;
         rule = rule->next) {
        if ((rule->is_folder && !is_folder) ||
            strncmp(path, rule->folder, rule->folder_bytes) != 0 ||
            path[rule->folder_bytes] != '/')
            continue;
        if (matches(rule, path))
            return !rule->is_negated;
    }
    return false;
}
