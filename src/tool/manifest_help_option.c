/* One line of a list of options, in the styles of GNU, argparse, click, clap,
 * cobra, Go's flag, commander, yargs and hand-written getopt programs:
 *
 *     -f, --file-path PATH  text        -n, --lines=[-]NUM
 *     --[no-]color                      -o, --out <FILE>
 *     -count int                        --mode {fast,slow}, -m {fast,slow}
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tool/manifest_help.h"
#include "tool/manifest_text.h"

#define DESCRIPTION_MAX 1000

static bool is_name_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '-' || byte == '_' ||
           byte == '.';
}

bool bx_help_make_property(const char *text,
                           char property[BX_HELP_NAME_MAX + 1])
{
    size_t length = 0;
    bool has_lower = *text == '-'; /* -o is not -O */

    for (const char *at = text; *at != '\0'; at++)
        has_lower = has_lower || islower((unsigned char)*at);
    text += strspn(text, "-<[{(");
    for (; *text != '\0' && length < BX_HELP_NAME_MAX; text++) {
        char byte = *text;

        if (isalnum((unsigned char)byte))
            property[length++] =
                (char)(has_lower ? byte : tolower((unsigned char)byte));
        else if (length > 0 && property[length - 1] != '_')
            property[length++] = '_';
    }
    while (length > 0 && property[length - 1] == '_')
        length--;
    property[length] = '\0';
    return length > 0;
}

/* ---- choices ---- */

static bool put_choice(bx_buf *choices, const char *text, size_t bytes)
{
    while (bytes > 0 && strchr(" \"'`", *text) != NULL) {
        text++;
        bytes--;
    }
    while (bytes > 0 && strchr(" \"'`", text[bytes - 1]) != NULL)
        bytes--;
    if (bytes == 0 || bytes > BX_HELP_NAME_MAX ||
        memchr(text, '<', bytes) != NULL || memchr(text, '[', bytes) != NULL)
        return false;
    return bx_buf_append(choices, text, bytes, SIZE_MAX) == 0 &&
           bx_buf_append(choices, "", 1, SIZE_MAX) == 0;
}

bool bx_help_read_choices(const char *text, size_t bytes, bx_buf *choices)
{
    char separator = memchr(text, '|', bytes) != NULL ? '|' : ',';
    size_t from = 0;

    for (size_t i = 0; i <= bytes; i++) {
        if (i < bytes && text[i] != separator)
            continue;
        if (!put_choice(choices, text + from, i - from)) {
            bx_buf_clear(choices);
            return false;
        }
        from = i + 1;
    }
    return true;
}

/* "[possible values: a, b]", "(choices: "a", "b")", "[one of a|b]" */
static void find_choices(bx_help_argument *option)
{
    static const char *const words[] = { "possible values:", "choices:",
                                         "one of:" };
    const char *text = option->description.data;

    for (size_t i = 0; i < 3 && text != NULL && option->choices.len == 0; i++) {
        const char *at = strstr(text, words[i]);
        const char *end;

        if (at == NULL || at == text || (at[-1] != '[' && at[-1] != '('))
            continue;
        end = strchr(at, at[-1] == '[' ? ']' : ')');
        at += strlen(words[i]);
        if (end != NULL)
            (void)bx_help_read_choices(at, (size_t)(end - at),
                                       &option->choices);
    }
}

/* ---- flags ---- */

/* Copy a flag's own characters; returns what is behind them, NULL: no flag. */
static const char *read_name(const char *text, char *name, size_t max)
{
    size_t dashes = strspn(text, "-");
    size_t length = dashes;

    if (dashes < 1 || dashes > 2 ||
        (!isalnum((unsigned char)text[length]) &&
         !(dashes == 1 && text[length] == '?')))
        return NULL;
    while (is_name_byte(text[length]))
        length++;
    if (length == dashes)
        length++; /* "-?" */
    while (text[length - 1] == '.')
        length--; /* "--verbose..." */
    if (length > max)
        return NULL;
    memcpy(name, text, length);
    name[length] = '\0';
    return text + length;
}

static void put_flag(bx_help_argument *option, const char *name)
{
    if (strncmp(name, "--no-", 5) == 0 && strncmp(option->flag, "--", 2) == 0 &&
        strcmp(option->flag + 2, name + 5) == 0) {
        (void)snprintf(option->negative, sizeof(option->negative), "%s", name);
        return;
    }
    if (strlen(name) == 2) {
        (void)snprintf(option->alias, sizeof(option->alias), "%.2s", name);
        if (option->flag[0] != '\0')
            return;
    } else if (strlen(option->flag) > 2) {
        return; /* the first long name is the one */
    }
    (void)snprintf(option->flag, sizeof(option->flag), "%s", name);
}

/* "--[no-]color" */
static const char *read_negatable(const char *text, bx_help_argument *option)
{
    char name[BX_HELP_NAME_MAX + 3] = "--";
    size_t length;

    if (strncmp(text, "--[no-]", 7) != 0 || strlen(text) > sizeof(name) + 4)
        return NULL;
    (void)snprintf(name + 2, sizeof(name) - 2, "%s", text + 7);
    length = 2;
    while (is_name_byte(name[length]))
        length++;
    name[length] = '\0';
    if (!isalnum((unsigned char)name[2]))
        return NULL;
    put_flag(option, name);
    (void)snprintf(option->negative, sizeof(option->negative), "--no-%.*s",
                   BX_HELP_NAME_MAX, name + 2);
    return text + 7 + length - 2;
}

static size_t value_length(const char *text)
{
    const char *close = NULL;
    size_t length;

    if (*text == '<')
        close = strchr(text, '>');
    else if (*text == '{')
        close = strchr(text, '}');
    else if (*text == '[')
        close = strchr(text, ']');
    if (close != NULL)
        return (size_t)(close - text) + 1;
    length = strcspn(text, " ,\t");
    return length;
}

/* "PATH", "<path>", "{a,b}", "[a|b]", "string" */
static void put_value(bx_help_argument *option, const char *text, size_t length)
{
    option->has_value = true;
    while (length > 3 && strncmp(text + length - 3, "...", 3) == 0) {
        option->is_list = true;
        length -= 3;
    }
    if ((*text == '{' || *text == '[') && length > 2 &&
        (*text == '{' || memchr(text, '|', length) != NULL))
        (void)bx_help_read_choices(text + 1, length - 2, &option->choices);
    if (*text == '<' && length > 2) {
        text++;
        length -= 2;
        if (memchr(text, '|', length) != NULL)
            (void)bx_help_read_choices(text, length, &option->choices);
    }
    (void)snprintf(option->value, sizeof(option->value), "%.*s",
                   length < BX_HELP_NAME_MAX ? (int)length : BX_HELP_NAME_MAX,
                   text);
}

/* Is the word behind a flag its value, rather than the description's first? */
static bool is_value_word(const char *text, const bx_help_argument *option)
{
    size_t length = value_length(text);
    bool has_upper = false;

    if (strchr("<{", *text) != NULL)
        return true;
    if (*text == '[')
        return strncmp(text, "[default", 8) != 0;
    for (size_t i = 0; i < length; i++) {
        if (islower((unsigned char)text[i]) && text[length] != '\0')
            return false; /* a sentence; alone it is cobra's or Go's type */
        has_upper = has_upper || isupper((unsigned char)text[i]);
    }
    return has_upper || (length > 0 && option->flag[0] != '\0' &&
                         isalpha((unsigned char)*text));
}

/* The value behind one flag, if any; returns what is behind it. */
static const char *read_value(const char *text, bx_help_argument *option)
{
    const char *at = text;
    size_t length;

    if (strncmp(at, "[=", 2) == 0) {
        option->is_value_optional = true;
        length = strcspn(at + 2, "] ");
        put_value(option, at + 2, length);
        return at + 2 + length + (at[2 + length] == ']' ? 1 : 0);
    }
    if (strncmp(at, "...", 3) == 0)
        return at + 3; /* clap: may be given several times */
    if (*at == '=') {
        length = value_length(++at);
        if (length < strcspn(at, " ,\t"))
            length = strcspn(at, " ,\t"); /* "[-]NUM" */
    } else if (*at == ' ' && at[1] != '\0' && at[1] != '-' &&
               is_value_word(at + 1, option)) {
        length = value_length(++at);
    } else {
        return at;
    }
    if (length == 0)
        return at;
    put_value(option, at, length);
    at += length;
    if (strncmp(at, "...", 3) == 0 || strncmp(at, " ...", 4) == 0) {
        option->is_list = true;
        at += *at == ' ' ? 4 : 3;
    } else if (*at == ' ' && at[1] == '[' && strstr(at, "...]") != NULL) {
        option->is_list = true; /* argparse: FILE [FILE ...] */
        at = strstr(at, "...]") + 4;
    }
    return at;
}

/* ---- lines ---- */

/* Where the description begins: behind two spaces or a tab. */
static const char *find_gap(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\t' || (*text == ' ' && text[1] == ' '))
            return text;
    }
    return text;
}

static bool ends_with_list_hint(const bx_help_argument *option)
{
    return option->description.data != NULL &&
           strstr(option->description.data, "[array]") != NULL;
}

/* yargs says it all behind the description; clap and click say some. */
static void read_hints(bx_help_argument *option)
{
    static const char *const hints[] = { "[string]", "[number]", "[array]" };
    const char *text = option->description.data;

    for (size_t i = 0; i < 3 && text != NULL && !option->has_value; i++) {
        if (strstr(text, hints[i]) == NULL)
            continue;
        option->has_value = true;
        (void)snprintf(option->value, sizeof(option->value), "%.*s",
                       (int)strlen(hints[i]) - 2, hints[i] + 1);
    }
    if (text != NULL && strstr(text, "[required]") != NULL)
        option->is_required = true;
    if (ends_with_list_hint(option))
        option->is_list = true;
    find_choices(option);
    if (option->choices.len > 0)
        option->has_value = true;
}

int bx_help_read_option(const bx_help_line *line, bx_help_argument *ret_option)
{
    bx_help_argument option = { 0 };
    const char *gap = find_gap(line->text);
    char spec[sizeof(line->text)];
    const char *at = spec;

    (void)snprintf(spec, sizeof(spec), "%.*s", (int)(gap - line->text),
                   line->text);
    for (;;) {
        char name[BX_HELP_NAME_MAX + 3];
        const char *next = read_negatable(at, &option);

        if (next == NULL) {
            next = read_name(at, name, sizeof(name) - 1);
            if (next == NULL)
                break;
            put_flag(&option, name);
        }
        at = read_value(next, &option);
        at += strspn(at, ",|/ ");
    }
    if (option.flag[0] == '\0' ||
        !bx_help_make_property(option.flag, option.property)) {
        bx_help_argument_clear(&option);
        return -1;
    }
    /* With one space only, what is left of the spec is the description. */
    (void)bx_manifest_put_clean(&option.description, at, strlen(at),
                                DESCRIPTION_MAX, true);
    gap += strspn(gap, " \t");
    (void)bx_manifest_put_clean(&option.description, gap, strlen(gap),
                                DESCRIPTION_MAX, true);
    read_hints(&option);
    *ret_option = option;
    return 0;
}

void bx_help_argument_clear(bx_help_argument *argument)
{
    bx_buf_clear(&argument->choices);
    bx_buf_clear(&argument->description);
}
