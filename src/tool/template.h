/* A new tool: a folder that builds, with a test that passes. The templates are
 * files of ours, installed beside the program; the name is a user's. */
#ifndef BX_TOOL_TEMPLATE_H
#define BX_TOOL_TEMPLATE_H

#include "base/error.h"

/**
 * Write a new folder with a tool in it.
 *
 * lang       "c", "rust", "js" or "python"
 * name       of the tool
 * dir        the folder, which must not exist; NULL: name, in the current one
 * sdk_dir    what is installed as share/boxagnts/sdk: templates/ and c/
 * errors     BX_ERR_INVALID lang, name, or the folder is there already;
 *            BX_ERR_NOT_FOUND no templates in sdk_dir. A folder that was
 *            begun stays as far as it got
 */
int bx_template_write(const char *lang, const char *name, const char *dir,
                      const char *sdk_dir, bx_error **err);

#endif
