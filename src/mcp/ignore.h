/* Rules of .gitignore and .ignore files: which paths a listing leaves out. They
 * come from the workspace and are hostile: bounded, and matched without
 * recursion. It is a courtesy to who reads the list, no protection. */
#ifndef BX_MCP_IGNORE_H
#define BX_MCP_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#define BX_IGNORE_MAX_RULES 2000

typedef struct bx_ignore bx_ignore;

bx_ignore *bx_ignore_new(void);
/* NULL is fine. */
void bx_ignore_free(bx_ignore *ignore);

/* Take in the rules a folder ("" or "/a/b") brings. -1 without memory. Rules
 * past the most are left out. */
int bx_ignore_add(bx_ignore *ignore, const char *folder, const char *text,
                  size_t bytes);

/* Is a canonical path left out? The last rule that has it decides. */
bool bx_ignore_has(const bx_ignore *ignore, const char *path, bool is_folder);

#endif
