/* Skills: folders with a SKILL.md, whose front matter says what they are for
 * and whose text a model reads when it needs it. Found, in this order, in
 *
 *     ~/.config/boxagnts/skills/NAME/     the user's
 *     WORKSPACE/.boxagnts/skills/NAME/
 *     WORKSPACE/.claude/skills/NAME/
 *
 * The first of a name is it, so that a workspace takes no skill of the user's
 * place. A skill is text: it runs nothing and permits nothing, and the tools it
 * names are decided on like any others. docs/skills.md */
#ifndef BX_AGENT_SKILL_H
#define BX_AGENT_SKILL_H

#include <jansson.h>

#include "base/error.h"

#define BX_SKILL_FILE_MAX (64 * 1024)     /* bytes of a SKILL.md */
#define BX_SKILL_HEAD_MAX (8 * 1024)      /* bytes of its front matter */
#define BX_SKILL_NAME_MAX 64              /* bytes */
#define BX_SKILL_DESCRIPTION_MAX 1024     /* bytes, on one line */
#define BX_SKILL_TOOLS_MAX 64             /* names in allowed-tools */
#define BX_SKILL_TOOL_MAX 128             /* bytes of one */
#define BX_SKILLS_MAX 128                 /* of all places together */
#define BX_SKILLS_FOLDER_MAX 256          /* names in one place */
#define BX_SKILLS_LISTING_MAX (16 * 1024) /* bytes of the listing */

typedef enum bx_skill_place {
    BX_SKILL_USER,
    BX_SKILL_WORKSPACE,
    BX_SKILL_CLAUDE,
} bx_skill_place;

typedef struct bx_skill {
    char *name;        /* a-z, 0-9 and '-', as its folder is called */
    char *description; /* one line */
    json_t *tools;     /* allowed-tools, names and patterns as they were
                        * written; NULL: it says nothing of them */
    bx_skill_place place;
} bx_skill;

typedef struct bx_skills bx_skills;

/**
 * Find all there are. One that is malformed, or whose name is taken, is left
 * out and told in problems, an array that gets messages for people.
 *
 * workspace_fd, user_fd  held folders (agent/workspace_file.h); user_fd may be
 *                        -1. Borrowed while the skills are in use
 * returns  NULL without memory
 */
bx_skills *bx_skills_find(int workspace_fd, int user_fd, json_t *problems,
                          bx_error **err);
/* NULL is fine. */
void bx_skills_free(bx_skills *skills);
BX_DEFINE_AUTO(bx_skills, bx_skills_free)
#define bx_autoskills BX_AUTO(bx_skills_free)

size_t bx_skills_count(const bx_skills *skills);
/* Borrowed; index is less than the count. By place, then by name. */
const bx_skill *bx_skills_at(const bx_skills *skills, size_t index);
/* Borrowed; NULL: there is none. */
const bx_skill *bx_skills_by_name(const bx_skills *skills, const char *name);

/* What a system prompt has of them: a line for each, with name, place and
 * description; "" without any. Those that do not fit are counted in a last
 * line. Owned; NULL with err. */
char *bx_skills_listing(const bx_skills *skills, bx_error **err);

/* The text behind the front matter, as the file is now: it is read again, and
 * checked again. Owned.
 * errors: BX_ERR_NOT_FOUND: no such skill, or its file is gone; else as its
 * file is wrong now */
int bx_skill_load(const bx_skills *skills, const char *name, char **ret_body,
                  bx_error **err);

/* "user", "workspace", "workspace, .claude" */
const char *bx_skill_place_name(bx_skill_place place);
/* Where its skills' folders lie, beneath what is held: ".boxagnts/skills" */
const char *bx_skill_place_folder(bx_skill_place place);

#endif
