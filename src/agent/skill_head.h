/* A SKILL.md taken apart: front matter between two lines "---", then the text.
 * Both are a stranger's. */
#ifndef BX_AGENT_SKILL_HEAD_H
#define BX_AGENT_SKILL_HEAD_H

#include "agent/skill.h"

/* errors: BX_ERR_INVALID: not 1 to BX_SKILL_NAME_MAX of a-z, 0-9 and single
 * '-' between them */
int bx_skill_check_name(const char *name, bx_error **err);

/**
 * Read name, description and allowed-tools; other keys are other programs'.
 *
 * text         UTF-8 without NUL
 * folder       the name of its folder, which its own must be
 * ret_skill    name, description and tools, for bx_skill_clear(); NULL: not
 *              wanted
 * ret_body     where the text behind the front matter begins, in text
 * errors       BX_ERR_INVALID with the line, BX_ERR_LIMIT
 */
int bx_skill_head_parse(const char *text, const char *folder,
                        bx_skill *ret_skill, const char **ret_body,
                        bx_error **err);

void bx_skill_clear(bx_skill *skill);
#define bx_autoskill __attribute__((cleanup(bx_skill_clear)))

#endif
