/* What the agent itself reads of a folder: instructions, skills, notes. The
 * folder is held; everything beneath it may be written by guests and strangers
 * at any moment, so no link is followed, nothing is found outside, nothing but
 * regular files is read, and nothing waits for another process. */
#ifndef BX_AGENT_WORKSPACE_FILE_H
#define BX_AGENT_WORKSPACE_FILE_H

#include <jansson.h>

#include "base/error.h"

/* Hold a workspace; -1 with err. Close it with close(). */
int bx_workspace_open(const char *path, bx_error **err);

/* Hold the user's own folder, ~/.config/boxagnts. What is in there counts as
 * theirs, so it must belong to them and be writable by nobody else.
 *
 * ret_fd   -1 when there is no such folder
 * errors   BX_ERR_DENIED, BX_ERR_SYSTEM */
int bx_workspace_open_user(int *ret_fd, bx_error **err);

/**
 * Read a text file beneath the folder.
 *
 * path       relative, without "." and ".."; shown in errors
 * max_bytes  the largest file that is read
 * ret_text   UTF-8 without NUL bytes and without a byte order mark; owned
 * errors     BX_ERR_NOT_FOUND: not there, nor a folder on the way
 *            BX_ERR_DENIED: a link on the way, or no regular file
 *            BX_ERR_LIMIT, BX_ERR_INVALID: too large, not such a text
 */
int bx_workspace_file_read(int root_fd, const char *path, size_t max_bytes,
                           char **ret_text, size_t *ret_bytes, bx_error **err);

/* Names of a folder beneath it as an array of strings, sorted by their bytes:
 * those that are UTF-8 and do not begin with '.'. None when there is no such
 * folder.
 * errors: BX_ERR_LIMIT: more than max names of any kind; which of them come
 * first is chance, so none is taken. BX_ERR_DENIED: a link on the way */
json_t *bx_workspace_file_names(int root_fd, const char *path, size_t max,
                                bx_error **err);

/* Is it a relative path of plain names? */
bool bx_workspace_path_is_plain(const char *path);

/* Most that is kept of what was wrong with files; then one line more. */
#define BX_PROBLEMS_MAX 20

/* Keep a message for people among the problems, an array of strings. Without
 * memory it is lost. */
void bx_problems_add(json_t *problems, const bx_error *error);

#endif
