/* What the user and the workspace want an agent to know: AGENTS.md of
 * ~/.config/boxagnts, then of the workspace. The user's are the user's words.
 * The workspace's are a stranger's: guidance below whatever the user says, and
 * neither of them widens what the policy lets through. */
#ifndef BX_AGENT_INSTRUCTIONS_H
#define BX_AGENT_INSTRUCTIONS_H

#include <jansson.h>

#include "base/error.h"

#define BX_INSTRUCTIONS_FILE "AGENTS.md"
/* Bytes of a file that is read at all, and those a model is shown of it. */
#define BX_INSTRUCTIONS_FILE_MAX (1024 * 1024)
#define BX_INSTRUCTIONS_SHOWN_MAX (32 * 1024)

typedef struct bx_instructions {
    char *user;      /* owned; NULL: there are none */
    char *workspace; /* the same */
} bx_instructions;

/**
 * Read both. What cannot be used is left out and told in problems: a workspace
 * does not keep an agent from starting.
 *
 * workspace_fd, user_fd  held folders (agent/workspace_file.h); user_fd may be
 *                        -1
 * problems  an array that gets messages for people
 * returns   -1: no memory
 */
int bx_instructions_load(int workspace_fd, int user_fd, json_t *problems,
                         bx_instructions *ret_instructions, bx_error **err);
void bx_instructions_clear(bx_instructions *instructions);
#define bx_autoinstructions __attribute__((cleanup(bx_instructions_clear)))

/* The part of a system prompt that has them: "" without any. Each stands
 * between two lines with its origin and a number that its own text cannot
 * contain; one that is too long ends at a line's end, and says so. The same
 * files make the same text, so that caches hold. Owned; NULL with err. */
char *bx_instructions_format(const bx_instructions *instructions,
                             bx_error **err);

#endif
