/* Notes that an agent leaves in a workspace for the next one: Markdown files in
 * .boxagnts/memory, which people read and edit too. Whoever wrote one, it is
 * data for the model and nothing more. */
#ifndef BX_AGENT_MEMORY_H
#define BX_AGENT_MEMORY_H

#include <jansson.h>

#include "base/error.h"

#define BX_MEMORY_FOLDER ".boxagnts/memory"
#define BX_MEMORY_NAME_MAX 64          /* bytes, without ".md" */
#define BX_MEMORY_NOTE_MAX (16 * 1024) /* bytes */
#define BX_MEMORY_COUNT_MAX 64         /* notes */
#define BX_MEMORY_TITLE_MAX 120        /* bytes of a listing */

/* "build-steps": a-z, 0-9, '-' and '_', first a letter or digit.
 * errors: BX_ERR_INVALID */
int bx_memory_check_name(const char *name, bx_error **err);

/* What there is, in the order of names: [{"name", "title"}]. title: the first
 * line of it, fit to be shown. Notes that cannot be read are left out and told
 * in problems, an array. NULL with err: the folder cannot be listed. */
json_t *bx_memory_list(int workspace_fd, json_t *problems, bx_error **err);

/* ret_text: owned.
 * errors: BX_ERR_INVALID, BX_ERR_NOT_FOUND, BX_ERR_LIMIT, BX_ERR_DENIED */
int bx_memory_read(int workspace_fd, const char *name, char **ret_text,
                   bx_error **err);

/* Make or replace a note in one step: a reader, or a kill, sees the old one or
 * the new one. The folder is made when it is missing.
 * errors: BX_ERR_INVALID: name, or text that is not UTF-8 or has a NUL;
 * BX_ERR_LIMIT: too long, or too many notes (two processes at once may make one
 * more); BX_ERR_DENIED: a link in the place of a folder */
int bx_memory_write(int workspace_fd, const char *name, const char *text,
                    size_t bytes, bx_error **err);

/* errors: BX_ERR_INVALID, BX_ERR_NOT_FOUND, BX_ERR_DENIED */
int bx_memory_remove(int workspace_fd, const char *name, bx_error **err);

#endif
