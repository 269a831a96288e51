#include "agent/skill.h"

#include <string.h>

#include "agent/skill_head.h"
#include "agent/workspace_file.h"
#include "base/buf.h"
#include "policy/text.h"

#define SKILL_FILE "SKILL.md"
/* The longest folder, a name and the file. */
#define PATH_BYTES (64 + BX_SKILL_NAME_MAX)

static const struct {
    const char *folder; /* beneath what is held */
    const char *name;
} places[] = {
    [BX_SKILL_USER] = { "skills", "user" },
    [BX_SKILL_WORKSPACE] = { ".boxagnts/skills", "workspace" },
    [BX_SKILL_CLAUDE] = { ".claude/skills", "workspace, .claude" },
};

struct bx_skills {
    bx_skill items[BX_SKILLS_MAX];
    size_t count;
    int workspace_fd; /* borrowed */
    int user_fd;      /* the same, or -1 */
};

const char *bx_skill_place_name(bx_skill_place place)
{
    return places[place].name;
}

const char *bx_skill_place_folder(bx_skill_place place)
{
    return places[place].folder;
}

void bx_skills_free(bx_skills *skills)
{
    if (skills == NULL)
        return;
    for (size_t i = 0; i < skills->count; i++)
        bx_skill_clear(&skills->items[i]);
    free(skills);
}

size_t bx_skills_count(const bx_skills *skills)
{
    return skills->count;
}

const bx_skill *bx_skills_at(const bx_skills *skills, size_t index)
{
    return &skills->items[index];
}

const bx_skill *bx_skills_by_name(const bx_skills *skills, const char *name)
{
    for (size_t i = 0; i < skills->count; i++) {
        if (strcmp(skills->items[i].name, name) == 0)
            return &skills->items[i];
    }
    return NULL;
}

/* ---- one file -------------------------------------------------------- */

static int root_of(const bx_skills *skills, bx_skill_place place)
{
    return place == BX_SKILL_USER ? skills->user_fd : skills->workspace_fd;
}

/* name: checked. ret_skill, ret_body: NULL when not wanted. */
static int read_skill(const bx_skills *skills, bx_skill_place place,
                      const char *name, bx_skill *ret_skill, char **ret_body,
                      bx_error **err)
{
    bx_autofree char *text = NULL;
    char path[PATH_BYTES];
    const char *body;

    snprintf(path, sizeof(path), "%s/%s/" SKILL_FILE, places[place].folder,
             name);
    if (bx_workspace_file_read(root_of(skills, place), path, BX_SKILL_FILE_MAX,
                               &text, NULL, err) < 0)
        return bx_error_wrap(err, "skill '%s' (%s)", name, places[place].name);
    if (bx_skill_head_parse(text, name, ret_skill, &body, err) < 0)
        return bx_error_wrap(err, "skill '%s' (%s): '%s'", name,
                             places[place].name, path);
    if (ret_skill != NULL)
        ret_skill->place = place;
    if (ret_body != NULL) {
        *ret_body = strdup(body);
        if (*ret_body == NULL)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* ---- finding --------------------------------------------------------- */

/* -1 with err: the skill cannot be used. A folder without a SKILL.md, or a
 * file, is none at all: 0. */
static int add(bx_skills *skills, bx_skill_place place, const char *name,
               bx_error **err)
{
    const bx_skill *other = bx_skills_by_name(skills, name);
    bx_autoerror bx_error *error = NULL;
    bx_autoskill bx_skill skill = { .name = NULL };

    if (bx_skill_check_name(name, err) < 0)
        return bx_error_wrap(err, "'%s'", places[place].folder);
    if (read_skill(skills, place, name, &skill, NULL, &error) < 0) {
        if (bx_error_code(error) == BX_ERR_NOT_FOUND)
            return 0;
        *err = bx_take(error);
        return -1;
    }
    if (other != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "skill '%s' (%s): the one of the %s has the name "
                            "already; rename its folder",
                            name, places[place].name,
                            places[other->place].name);
    if (skills->count == BX_SKILLS_MAX)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "skill '%s' (%s): there are %d already, the most "
                            "used",
                            name, places[place].name, BX_SKILLS_MAX);
    skills->items[skills->count++] = skill;
    skill = (bx_skill){ .name = NULL };
    return 0;
}

static void add_all(bx_skills *skills, bx_skill_place place, json_t *problems)
{
    bx_autoerror bx_error *error = NULL;
    const json_t *item;
    json_t *names;
    size_t i;

    if (root_of(skills, place) < 0)
        return;
    names =
        bx_workspace_file_names(root_of(skills, place), places[place].folder,
                                BX_SKILLS_FOLDER_MAX, &error);
    if (names == NULL) {
        (void)bx_error_wrap(&error, "skills (%s)", places[place].name);
        bx_problems_add(problems, error);
        return;
    }
    json_array_foreach(names, i, item)
    {
        bx_autoerror bx_error *why = NULL;

        if (add(skills, place, json_string_value(item), &why) < 0)
            bx_problems_add(problems, why);
    }
    json_decref(names);
}

bx_skills *bx_skills_find(int workspace_fd, int user_fd, json_t *problems,
                          bx_error **err)
{
    bx_skills *skills = calloc(1, sizeof(*skills));

    if (skills == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    skills->workspace_fd = workspace_fd;
    skills->user_fd = user_fd;
    add_all(skills, BX_SKILL_USER, problems);
    add_all(skills, BX_SKILL_WORKSPACE, problems);
    add_all(skills, BX_SKILL_CLAUDE, problems);
    return skills;
}

/* ---- telling --------------------------------------------------------- */

char *bx_skills_listing(const bx_skills *skills, bx_error **err)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;
    bool is_made = bx_buf_puts(&out, "") == 0;
    char *text = NULL;

    for (size_t i = 0; is_made && i < skills->count; i++) {
        const bx_skill *skill = &skills->items[i];
        const char *place = places[skill->place].name;
        size_t bytes = strlen(skill->name) + strlen(place) +
                       strlen(skill->description) + strlen("-  (): \n");

        if (out.len + bytes > BX_SKILLS_LISTING_MAX) {
            is_made = bx_buf_printf(&out,
                                    "(%zu more skills, which do not fit here)"
                                    "\n",
                                    skills->count - i) == 0;
            break;
        }
        is_made = bx_buf_printf(&out, "- %s (%s): %s\n", skill->name, place,
                                skill->description) == 0;
    }
    if (is_made)
        text = bx_buf_take(&out);
    if (text == NULL)
        (void)bx_error_set_nomem(err);
    return text;
}

int bx_skill_load(const bx_skills *skills, const char *name, char **ret_body,
                  bx_error **err)
{
    const bx_skill *skill = bx_skills_by_name(skills, name);
    bx_autofree char *shown = NULL;

    if (skill == NULL) {
        shown = bx_text_show(name);
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "no skill %s; expected one of those that are "
                            "listed",
                            BX_SHOWN(shown));
    }
    return read_skill(skills, skill->place, skill->name, NULL, ret_body, err);
}
