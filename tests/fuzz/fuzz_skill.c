/* Any bytes as a SKILL.md of the folder "fuzz", and as a line to be shown:
 * refused with a reason, or read into what keeps its promises. */
#include <stdint.h>
#include <string.h>

#include "agent/one_line.h"
#include "agent/skill_head.h"
#include "base/utf8.h"

#define LINE_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void show_line(const char *data, size_t bytes)
{
    bx_autofree char *line = bx_one_line(data, bytes, LINE_MAX, NULL);
    bx_autofree char *again = NULL;
    bool is_plain = false;

    expect(line != NULL && strlen(line) <= LINE_MAX);
    expect(bx_utf8_is_valid(line, strlen(line)));
    expect(strpbrk(line, "\r\n\t\033") == NULL);
    again = bx_one_line(line, strlen(line), LINE_MAX + 3, &is_plain);
    expect(again != NULL && is_plain && strcmp(again, line) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bx_autoerror bx_error *error = NULL;
    bx_autoskill bx_skill skill = { .name = NULL };
    bx_autofree char *text = malloc(bytes + 1);
    const char *body = NULL;

    expect(text != NULL);
    memcpy(text, data, bytes);
    text[bytes] = '\0';
    show_line(text, bytes);
    /* What reads files lets nothing else through. */
    if (strlen(text) != bytes || !bx_utf8_is_valid(text, bytes))
        return 0;
    if (bx_skill_head_parse(text, "fuzz", &skill, &body, &error) < 0) {
        expect(error != NULL && skill.name == NULL && body == NULL);
        return 0;
    }
    expect(error == NULL && strcmp(skill.name, "fuzz") == 0);
    expect(body > text && body <= text + bytes);
    expect(skill.description[0] != '\0' &&
           strlen(skill.description) <= BX_SKILL_DESCRIPTION_MAX &&
           strchr(skill.description, '\n') == NULL);
    expect(json_array_size(skill.tools) <= BX_SKILL_TOOLS_MAX);
    return 0;
}
