#include "agent/skill_head.h"

#include <string.h>

#include "agent/one_line.h"
#include "policy/text.h"
#include "policy/yaml_json.h"

#define FENCE "---"

void bx_skill_clear(bx_skill *skill)
{
    free(skill->name);
    free(skill->description);
    json_decref(skill->tools);
    *skill = (bx_skill){ .name = NULL };
}

int bx_skill_check_name(const char *name, bx_error **err)
{
    bx_autofree char *shown = NULL;
    size_t bytes = strlen(name);

    if (bytes > 0 && bytes <= BX_SKILL_NAME_MAX && name[0] != '-' &&
        name[bytes - 1] != '-' && strstr(name, "--") == NULL &&
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == bytes)
        return 0;
    shown = bx_text_show(name);
    return bx_error_set(err, BX_ERR_INVALID,
                        "skill %s: expected a name of 1 to %d lower-case "
                        "letters, digits and single '-' between them, such as "
                        "'release-notes'",
                        BX_SHOWN(shown), BX_SKILL_NAME_MAX);
}

/* ---- front matter ---------------------------------------------------- */

/* Is the line that begins here a fence? ret_next: behind its end. */
static bool is_fence(const char *line, const char **ret_next)
{
    size_t bytes = strcspn(line, "\n");

    *ret_next = line + bytes + (line[bytes] == '\n' ? 1 : 0);
    while (bytes > 0 && strchr(" \t\r", line[bytes - 1]) != NULL)
        bytes--;
    return bytes == strlen(FENCE) && memcmp(line, FENCE, bytes) == 0;
}

/* Between the fences. The first line stays, as a comment would, so that lines
 * of messages are those of the file. */
static int find_head(const char *text, const char **ret_end,
                     const char **ret_body, bx_error **err)
{
    const char *line;
    const char *next;

    if (!is_fence(text, &line))
        return bx_error_set(err, BX_ERR_INVALID,
                            "line 1: expected '" FENCE "' and front matter "
                            "with name and description");
    for (; *line != '\0'; line = next) {
        if (is_fence(line, &next)) {
            *ret_end = line;
            *ret_body = next;
            return 0;
        }
    }
    return bx_error_set(err, BX_ERR_INVALID,
                        "front matter without an end; expected a second line "
                        "'" FENCE "'");
}

/* A key of the front matter and where it stands. */
typedef struct head {
    json_t *value;
    json_t *lines;
} head;

static void clear_head(head *it)
{
    json_decref(it->value);
    json_decref(it->lines);
}

static int refuse(const head *it, const char *pointer, const char *expected,
                  bx_error **err)
{
    return bx_error_set(err, BX_ERR_INVALID, "line %zu: %s: expected %s",
                        bx_yaml_line(it->lines, pointer), pointer + 1,
                        expected);
}

/* ---- keys ------------------------------------------------------------ */

static int read_name(const head *it, const char *folder, bx_skill *skill,
                     bx_error **err)
{
    const char *name = json_string_value(json_object_get(it->value, "name"));
    bx_autofree char *expected = NULL;

    if (name == NULL || strcmp(name, folder) != 0) {
        if (asprintf(&expected, "'%s', as its folder is called", folder) < 0) {
            expected = NULL;
            return bx_error_set_nomem(err);
        }
        return refuse(it, "/name", expected, err);
    }
    skill->name = strdup(name);
    return skill->name != NULL ? 0 : bx_error_set_nomem(err);
}

static int read_description(const head *it, bx_skill *skill, bx_error **err)
{
    const char *text =
        json_string_value(json_object_get(it->value, "description"));
    bool is_plain = false;

    if (text == NULL)
        return refuse(it, "/description", "text that says when to use it", err);
    if (strlen(text) > BX_SKILL_DESCRIPTION_MAX)
        return refuse(it, "/description", "at most 1024 bytes", err);
    /* Three bytes more: nothing is cut. */
    skill->description = bx_one_line(text, strlen(text),
                                     BX_SKILL_DESCRIPTION_MAX + 3, &is_plain);
    if (skill->description == NULL)
        return bx_error_set_nomem(err);
    if (!is_plain)
        return refuse(it, "/description",
                      "text without control characters and without "
                      "characters that are not seen",
                      err);
    if (skill->description[0] == '\0')
        return refuse(it, "/description", "text that says when to use it", err);
    return 0;
}

static int add_tool(const head *it, bx_skill *skill, const char *text,
                    size_t bytes, bx_error **err)
{
    if (json_array_size(skill->tools) == BX_SKILL_TOOLS_MAX)
        return refuse(it, "/allowed-tools", "at most 64 tools", err);
    if (bytes == 0 || bytes > BX_SKILL_TOOL_MAX)
        return refuse(it, "/allowed-tools", "names of 1 to 128 bytes", err);
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < ' ' || text[i] > '~') /* bytes of UTF-8 too */
            return refuse(it, "/allowed-tools", "names in ASCII", err);
    }
    return json_array_append_new(skill->tools, json_stringn(text, bytes)) == 0
               ? 0
               : bx_error_set_nomem(err);
}

/* "read, bash(git *)": commas and spaces divide, but for those in
 * parentheses. */
static int split_tools(const head *it, bx_skill *skill, const char *text,
                       bx_error **err)
{
    size_t depth = 0;

    for (;;) {
        size_t bytes = 0;

        text += strspn(text, ", \t\n");
        if (*text == '\0')
            return 0;
        for (; text[bytes] != '\0'; bytes++) {
            if (depth == 0 && strchr(", \t\n", text[bytes]) != NULL)
                break;
            if (text[bytes] == '(')
                depth++;
            else if (text[bytes] == ')' && depth-- == 0)
                break;
        }
        if (depth != 0 || text[bytes] == ')')
            return refuse(it, "/allowed-tools",
                          "parentheses that are opened and closed", err);
        if (add_tool(it, skill, text, bytes, err) < 0)
            return -1;
        text += bytes;
    }
}

static int read_tools(const head *it, bx_skill *skill, bx_error **err)
{
    const json_t *value = json_object_get(it->value, "allowed-tools");
    const json_t *item;
    size_t i;

    if (value == NULL)
        return 0;
    skill->tools = json_array();
    if (skill->tools == NULL)
        return bx_error_set_nomem(err);
    if (json_is_null(value))
        return 0;
    if (json_is_string(value))
        return split_tools(it, skill, json_string_value(value), err);
    if (!json_is_array(value))
        return refuse(it, "/allowed-tools", "names of tools", err);
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item))
            return refuse(it, "/allowed-tools", "names of tools", err);
        if (add_tool(it, skill, json_string_value(item),
                     json_string_length(item), err) < 0)
            return -1;
    }
    return 0;
}

int bx_skill_head_parse(const char *text, const char *folder,
                        bx_skill *ret_skill, const char **ret_body,
                        bx_error **err)
{
    __attribute__((cleanup(clear_head))) head it = { NULL, NULL };
    bx_autoskill bx_skill skill = { .name = NULL };
    bx_autofree char *yaml = NULL;
    const char *end = NULL;
    const char *body = NULL;

    if (find_head(text, &end, &body, err) < 0)
        return -1;
    yaml = strndup(text, (size_t)(end - text));
    if (yaml == NULL)
        return bx_error_set_nomem(err);
    yaml[0] = '#'; /* the fence; it would begin a document */
    if (bx_yaml_parse(yaml, strlen(yaml), "front matter", BX_SKILL_HEAD_MAX,
                      &it.value, &it.lines, err) < 0)
        return -1;
    if (!json_is_object(it.value))
        return bx_error_set(err, BX_ERR_INVALID,
                            "front matter: expected name and description");
    if (read_name(&it, folder, &skill, err) < 0 ||
        read_description(&it, &skill, err) < 0 ||
        read_tools(&it, &skill, err) < 0)
        return -1;
    if (ret_skill != NULL) {
        *ret_skill = skill;
        skill = (bx_skill){ .name = NULL };
    }
    *ret_body = body;
    return 0;
}
